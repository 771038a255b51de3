"""Figures of screens: responses, predictions, effects, dose-response curves."""

from genolab.drugs.plot.dose_response import dose_response
from genolab.drugs.plot.effects import effects
from genolab.drugs.plot.responses import predicted, responses

__all__ = ["dose_response", "effects", "predicted", "responses"]

"""Plotly figures: data in, Figure out; the title says the finding.

Every function returns a figure and never shows it. All share one look: large type, colours that colour-blind readers
can tell apart, and no button that uploads data. Text from the data is shown as it is written, never as HTML.

>>> figure = history(run)
>>> figure.write_html("history.html", include_plotlyjs=True)
"""

from genolab.plot.cells import latent, quality
from genolab.plot.classify import confusion, precision_recall, roc
from genolab.plot.dose import dose_response
from genolab.plot.dotplot import dotplot
from genolab.plot.effects import effects
from genolab.plot.function import depth, enrichment
from genolab.plot.logo import filters, logo, mutation_map
from genolab.plot.response import predicted, responses
from genolab.plot.synteny import synteny
from genolab.plot.tables import comparison, history
from genolab.plot.time_courses import forecast, phase_wheel, profiles
from genolab.plot.tracks import tracks
from genolab.plot.values import genes, reconstruction
from genolab.plot.variants import variants

__all__ = [
    "comparison",
    "confusion",
    "depth",
    "dose_response",
    "dotplot",
    "effects",
    "enrichment",
    "filters",
    "forecast",
    "genes",
    "history",
    "latent",
    "logo",
    "mutation_map",
    "phase_wheel",
    "precision_recall",
    "predicted",
    "profiles",
    "quality",
    "reconstruction",
    "responses",
    "roc",
    "synteny",
    "tracks",
    "variants",
]

"""Screens: plates and their controls, dose-response curves, and libraries ranked by a model.

>>> plate = gl.screen.normalise(gl.screen.read_plate("plate.csv", negative="DMSO", positive="staurosporine"))
>>> gl.screen.z_prime(plate)
>>> curves = gl.screen.dose_response(plate)
>>> gl.screen.rank(model, library, "EGFR", train=kinases)
"""

from genolab.screen.dose import curve, dose_response
from genolab.screen.plates import normalise, plate, read_plate, z_prime
from genolab.screen.ranking import rank, to_sdf

__all__ = ["curve", "dose_response", "normalise", "plate", "rank", "read_plate", "to_sdf", "z_prime"]

"""The letters of logos as outlines, for the figures and for the widgets, without a drawing library.

Each outline fills the unit square, so that a letter's height is exactly its value.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

BASES: Final = "ACGT"
_ARC: Final = 36  # points of a bow: its corners can't be seen at the height of a page


def _bow(radius_x: float, radius_y: float, first: float, last: float) -> Points:
    """Return points of an ellipse about the middle of the unit square, from one angle to another, in degrees."""
    angle = np.radians(np.linspace(first, last, _ARC))
    return np.stack([0.5 + radius_x * np.cos(angle), 0.5 + radius_y * np.sin(angle)], axis=1)


def _filling(points: Points) -> Points:
    """Stretch an outline to the unit square."""
    low, high = points.min(axis=0), points.max(axis=0)
    filling: Points = (points - low) / (high - low)
    return filling


# The hole of the A is reached by a cut of no width, from the top.
_A: Final = [
    *[(0.0, 0.0), (0.39, 1.0), (0.5, 1.0), (0.5, 0.83), (0.345, 0.4), (0.655, 0.4), (0.5, 0.83), (0.5, 1.0)],
    *[(0.61, 1.0), (1.0, 0.0), (0.8, 0.0), (0.71, 0.25), (0.29, 0.25), (0.2, 0.0)],
]
_T: Final = [(0, 1), (1, 1), (1, 0.84), (0.595, 0.84), (0.595, 0), (0.405, 0), (0.405, 0.84), (0, 0.84)]
_G_BAR: Final = [(0.95, 0.13), (0.95, 0.53), (0.53, 0.53), (0.53, 0.39), (0.775, 0.39), (0.775, 0.24)]

OUTLINES: Final[dict[str, Points]] = {
    "A": np.array(_A, dtype=np.float64),
    "C": _filling(np.concatenate([_bow(0.5, 0.5, 44, 316), _bow(0.3, 0.34, 316, 44)])),
    "G": _filling(np.concatenate([_bow(0.5, 0.5, 44, 312), _G_BAR, _bow(0.3, 0.34, 310, 44)])),
    "T": np.array(_T, dtype=np.float64),
}
"""Base to ``(m, 2)`` points of one closed line in the unit square."""

"""The letters of logos: they stay sharp at any size, and a thousand of them are four shapes to draw."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from genolab.glyphs import BASES, OUTLINES
from genolab.palette import LETTERS

Points = NDArray[np.float64]

__all__ = ["BASES", "OUTLINES", "boxed", "stack", "traces"]


def stack(heights: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stack the letters of each position: those above zero upwards, those below downwards, the largest outermost.

    Parameters
    ----------
    heights
        ``(4, length)``, in the order A C G T.

    Returns
    -------
    feet, tops
        ``(4, length)`` each: a letter goes from its foot, the end nearer to zero, to its top.
    """
    values = np.nan_to_num(np.asarray(heights, dtype=np.float64))
    feet = np.zeros_like(values)
    for side in (np.where(values > 0, values, 0), np.where(values < 0, values, 0)):
        order = np.argsort(np.abs(side), axis=0, kind="stable")
        sorted_ = np.take_along_axis(side, order, axis=0)
        np.put_along_axis(side, order, np.cumsum(sorted_, axis=0) - sorted_, axis=0)
        feet += side
    feet = np.where(values == 0, 0, feet)
    return feet, feet + values


def traces(heights: ArrayLike, *, first: float = 0, width: float = 0.94, colour: str | None = None) -> list[go.Scatter]:
    """Draw stacked letters, ``(4, length)`` heights, as one filled shape a base.

    Parameters
    ----------
    heights
        As `stack` takes them.
    first
        Place of the first position's middle on the axis.
    width
        Width of a letter, where positions are 1 apart.
    colour
        One for all; ``None``: each base its own.
    """
    values = np.nan_to_num(np.asarray(heights, dtype=np.float64))
    feet, tops = stack(values)
    return boxed(feet, tops, first=first, width=width, colour=colour)


def boxed(
    feet: NDArray[np.float64],
    tops: NDArray[np.float64],
    *,
    first: float = 0,
    width: float = 0.94,
    colour: str | None = None,
) -> list[go.Scatter]:
    """Draw each letter from its foot to its top, both ``(4, length)``; those of no height to speak of are left out."""
    least = 1e-3 * float(np.abs(tops).max(initial=0))
    made = []
    for base, foot, top in zip(BASES, feet, tops, strict=True):
        at = np.flatnonzero(np.abs(top - foot) > least)
        outline = OUTLINES[base]
        across = first + at[:, None] + width * (outline[:, 0] - 0.5)  # (n, m)
        up = foot[at, None] + (top - foot)[at, None] * outline[:, 1]
        made.append(_shape(base, across, up, colour or LETTERS[base]))
    return made


def _shape(base: str, across: Points, up: Points, colour: str) -> go.Scatter:
    gap = np.full((len(across), 1), np.nan)
    return go.Scatter(
        x=np.hstack([across, gap]).ravel(),
        y=np.hstack([up, gap]).ravel(),
        mode="lines",
        line={"width": 0, "simplify": False},
        fill="toself",
        fillcolor=colour,
        hoverinfo="skip",
        name=base,
        showlegend=False,
    )

"""The letters of logos as filled outlines: sharp at any size, and only four shapes to draw."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from genolab.glyphs import BASES, OUTLINES
from genolab.palette import BASE_COLOURS

Array = NDArray[np.float64]


def stack(heights: ArrayLike) -> tuple[Array, Array]:
    """Stack the letters of each position: positive ones upwards, negative ones downwards, the largest outermost.

    From heights ``(4, length)`` to feet and tops, ``(4, length)`` each: the foot is the end nearer to zero.
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
    """Draw stacked letters of heights ``(4, length)``, as one filled shape a base.

    `first` is the coordinate of the first position's middle, `width` a letter's width where positions are 1 apart, and
    `colour` one for all; ``None``: each base its own.
    """
    return boxed(*stack(heights), first=first, width=width, colour=colour)


def boxed(
    feet: Array, tops: Array, *, first: float = 0, width: float = 0.94, colour: str | None = None
) -> list[go.Scatter]:
    """Draw each letter from its foot to its top, both ``(4, length)``; those of next to no height are left out."""
    least = 1e-3 * float(np.abs(tops).max(initial=0))
    made = []
    for base, foot, top in zip(BASES, feet, tops, strict=True):
        at = np.flatnonzero(np.abs(top - foot) > least)
        outline = OUTLINES[base]
        across = first + at[:, None] + width * (outline[:, 0] - 0.5)  # (n, m)
        up = foot[at, None] + (top - foot)[at, None] * outline[:, 1]
        made.append(_shape(base, across, up, colour or BASE_COLOURS[base]))
    return made


def _shape(base: str, across: Array, up: Array, colour: str) -> go.Scatter:
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

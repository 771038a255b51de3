"""How well two labellings of the same cells agree, and how sure that is.

All figures are made from the table that counts cells by true class and by the other label. To draw the cells anew is to
draw that table anew from a multinomial distribution, so a thousand resamplings cost next to nothing.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Figure = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From tables ``(..., classes, labels)`` to figures ``(...)``."""

SHARE: Final = (2.5, 97.5)
"""Percentiles between which 95 % lie."""


class Interval(NamedTuple):
    """A figure and the bounds of its 95 % interval; the bounds are NaN where it wasn't asked for."""

    value: float
    low: float
    high: float


def cross_table(one: NDArray[np.int64], other: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Count cells by both of their labels."""
    return np.bincount(one * shape[1] + other, minlength=shape[0] * shape[1]).reshape(shape)


def interval(table: NDArray[np.int64], figure: Figure, *, n_boot: int, seed: int) -> Interval:
    """Return a figure of a table with the interval that resampling its cells gives."""
    n_cells = int(table.sum())
    drawn = np.random.default_rng(seed).multinomial(n_cells, table.ravel() / n_cells, size=n_boot)
    return bounds(float(figure(table)), figure(drawn.reshape(n_boot, *table.shape)))


def bounds(value: float, resampled: NDArray[np.float64]) -> Interval:
    """Return a figure between the percentiles of its resamplings, less their bias.

    Cells drawn twice agree with themselves, which lifts an adjusted Rand index near 0 above the figure itself.
    """
    if len(resampled) == 0 or np.isnan(resampled).all():
        return Interval(value, np.nan, np.nan)
    low, high = np.nanpercentile(resampled, SHARE) - (np.nanmean(resampled) - value)
    return Interval(value, float(low), float(high))


def accuracy(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of cells on the diagonal."""
    right: NDArray[np.float64] = np.trace(table, axis1=-2, axis2=-1) / table.sum(axis=(-2, -1))
    return right


def macro_f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each class, averaged over the classes that are there, truly or predicted."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    both = table.sum(axis=-1) + table.sum(axis=-2)
    f1 = np.divide(2 * right, both, out=np.zeros(both.shape), where=both > 0)
    mean: NDArray[np.float64] = f1.sum(axis=-1) / (both > 0).sum(axis=-1)
    return mean


def adjusted_rand(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Agreement of two partitions beyond chance (Hubert and Arabie 1985); 1 where both are trivial and equal."""
    together = _pairs(table).sum(axis=(-2, -1))
    rows, columns = _pairs(table.sum(axis=-1)).sum(axis=-1), _pairs(table.sum(axis=-2)).sum(axis=-1)
    expected = rows * columns / np.maximum(_pairs(table.sum(axis=(-2, -1))), 1)
    above, most = together - expected, (rows + columns) / 2 - expected
    index: NDArray[np.float64] = np.divide(above, most, out=np.ones_like(most), where=most > 0)
    return index


def _pairs(count: NDArray[np.int64]) -> NDArray[np.float64]:
    return count * (count - 1) / 2

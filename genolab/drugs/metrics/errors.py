"""How far predictions lie from measured values, and whether their uncertainty is calibrated.

Of a value known in part, below or above a bound, only a prediction on the bound's other side is wrong.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm

from genolab.evaluate.ranking import Array, Figure, nanmean, rank_correlation
from genolab.evaluate.values import pearson, variance

LEVELS: Final = np.linspace(0.05, 0.95, 19)
"""Nominal coverages of the intervals at which calibration is measured."""

_MIN_STD: Final = 1e-6  # a standard deviation of 0 would make every error infinitely unlikely


class Truth(NamedTuple):
    """What was measured of each row: values ``(n,)`` as written, and bounds, both the value where it is exact."""

    value: Array
    low: Array
    high: Array

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Which rows were measured, ``(n,)``."""
        same: NDArray[np.bool_] = self.low == self.high
        return same

    def error(self, predicted: Array) -> Array:
        """Return how far predictions lie off, ``(n,)``, and 0 on the right side of a bound."""
        return np.maximum(np.maximum(self.low - predicted, predicted - self.high), 0)


def squared_error(
    error: Array,
    *,
    among: NDArray[np.bool_] | None = None,
    context: NDArray[np.int64] | None = None,
    root: bool = False,
) -> Figure:
    """Measure the mean square of errors ``(n,)`` of the rows `among`, or its root; its mean over contexts if given."""
    groups = np.zeros(len(error), dtype=np.int64) if context is None else context
    rows = np.arange(len(error)) if among is None else np.flatnonzero(among)
    shape = (len(error), groups.max() + 1)
    counts = sparse.csr_array((np.ones(len(rows)), (rows, groups[rows])), shape=shape)
    squares = sparse.csr_array((error[rows] ** 2, (rows, groups[rows])), shape=shape)

    def figure(weights: Array) -> Array:
        count, square = weights @ counts, weights @ squares
        mean = np.divide(square, count, out=np.full(count.shape, np.nan), where=count > 0)
        return nanmean(np.sqrt(mean) if root else mean)

    return figure


def correlation(truth: Truth, predicted: Array) -> Figure:
    """Measure Pearson's correlation of measured and predicted values; NaN where one of them is constant."""
    exact = truth.exact
    r = pearson(truth.value[exact], predicted[exact])
    return lambda weights: r(weights[:, exact])


def r2m(truth: Truth, predicted: Array) -> Figure:
    """Measure r2m, ``r² (1 - sqrt(|r² - r0²|))``, with r0² of the best line through the origin (Roy and Roy 2008).

    DeepDTA's script, and those copied from it, square r² and r0² once more under the root: other figures.
    """
    exact, r = truth.exact, correlation(truth, predicted)
    x, y = truth.value[exact], predicted[exact]

    def figure(weights: Array) -> Array:
        squared = r(weights) ** 2
        weights = weights[:, exact]
        products, squares = weights @ (x * y), weights @ y**2
        slope = np.divide(products, squares, out=np.zeros(len(squares)), where=squares > 0)
        residual = weights @ x**2 - slope * products  # squared distance from the best line through the origin
        around = variance(x, weights)
        through = 1 - np.divide(residual, around, out=np.full(len(around), np.nan), where=around > 0)
        modified: Array = squared * (1 - np.sqrt(np.abs(squared - through)))
        return modified

    return figure


def coverage(truth: Truth, predicted: Array, spread: Array, level: float) -> Figure:
    """Measure the share of values in the central interval of a normal distribution that is to hold `level`."""
    exact, inside = truth.exact, _inside(truth, predicted, spread, np.array([level]))[0]
    return lambda weights: _mean(weights[:, exact], inside)


def miscalibration(truth: Truth, predicted: Array, spread: Array) -> Figure:
    """Measure the mean distance of the coverage from the nominal one, over `LEVELS` (Kuleshov et al. 2018)."""
    exact, inside = truth.exact, _inside(truth, predicted, spread, LEVELS)

    def figure(weights: Array) -> Array:
        weights = weights[:, exact]
        off = [np.abs(_mean(weights, at_level) - level) for at_level, level in zip(inside, LEVELS, strict=True)]
        return np.asarray(np.mean(off, axis=0))

    return figure


def negative_log_likelihood(truth: Truth, predicted: Array, spread: Array) -> Figure:
    """Measure the mean negative log-likelihood under a normal distribution; of a bound, that of all beyond it."""
    std = np.maximum(spread, _MIN_STD)
    beyond = [norm.logcdf((truth.high - predicted) / std), norm.logsf((truth.low - predicted) / std)]
    # Of a bound that isn't there the logarithm is that of 1.
    loss = -np.where(truth.exact, norm.logpdf(truth.value, predicted, std), np.minimum(*beyond))
    return lambda weights: _mean(weights, loss)


def uncertainty_correlation(truth: Truth, predicted: Array, spread: Array) -> Figure:
    """Measure Spearman's correlation of the stated uncertainty and the error."""
    return rank_correlation(truth.error(predicted), spread, np.zeros(len(spread), dtype=np.int64))


def _inside(truth: Truth, predicted: Array, spread: Array, levels: Array) -> NDArray[np.bool_]:
    """Return which measured values lie within each level's interval, ``(levels, measured)``."""
    exact = truth.exact
    z = np.abs(truth.value - predicted)[exact] / np.maximum(spread[exact], _MIN_STD)
    inside: NDArray[np.bool_] = z <= norm.ppf((1 + levels) / 2)[:, None]
    return inside


def _mean(weights: Array, values: NDArray[np.bool_] | Array) -> Array:
    total = weights.sum(axis=1)
    mean: Array = np.divide(weights @ values, total, out=np.full(len(total), np.nan), where=total > 0)
    return mean

"""How far predicted values lie from measured ones, and whether a model knows it: over weighted rows.

Every class is made of one model's predictions and called with weights ``(b, n)``, one line a resampling; weights of one
everywhere give the figure itself. What is known in part, below or above a bound, is wrong only where it is predicted on
the bound's other side.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm

from genolab.drugs.metrics.ranking import RankCorrelation, mean_of_known

Array = NDArray[np.float64]

LEVELS: Final = np.linspace(0.05, 0.95, 19)
"""Shares of rows that intervals promise to hold, at which calibration is measured."""

_LEAST_SPREAD: Final = 1e-6  # a spread of 0 would make every miss infinitely unlikely


class Truth(NamedTuple):
    """What was measured of each row.

    Attributes
    ----------
    value
        ``(n,)`` as written; of a row known in part, its bound.
    low, high
        ``(n,)`` between which the value lies: both the value, where it was measured.
    """

    value: Array
    low: Array
    high: Array

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Which rows were measured, ``(n,)``."""
        same: NDArray[np.bool_] = self.low == self.high
        return same

    def miss(self, predicted: Array) -> Array:
        """Return how far predictions lie off, ``(n,)``, and 0 on the right side of a bound."""
        return np.maximum(np.maximum(self.low - predicted, predicted - self.high), 0)


class SquaredError:
    """The mean squared error, of all rows or of each context's; its root where asked for.

    Parameters
    ----------
    miss
        ``(n,)`` how far off each row is.
    among
        ``(n,)`` which rows count; ``None``: all.
    context
        ``(n,)`` codes, for the mean over contexts; ``None``: all rows as one.
    root
        Whether to take the root, before the mean over contexts.
    """

    def __init__(
        self,
        miss: Array,
        *,
        among: NDArray[np.bool_] | None = None,
        context: NDArray[np.int64] | None = None,
        root: bool = False,
    ) -> None:
        groups = np.zeros(len(miss), dtype=np.int64) if context is None else context
        rows = np.arange(len(miss)) if among is None else np.flatnonzero(among)
        shape = (len(miss), groups.max() + 1)
        self.count = sparse.csr_array((np.ones(len(rows)), (rows, groups[rows])), shape=shape)
        self.square = sparse.csr_array((miss[rows] ** 2, (rows, groups[rows])), shape=shape)
        self.root = root

    def __call__(self, weights: Array) -> Array:
        """Return the figure ``(b,)`` of rows weighed by ``(b, n)``; contexts without a row don't count."""
        count, square = weights @ self.count, weights @ self.square
        mean = np.divide(square, count, out=np.full(count.shape, np.nan), where=count > 0)
        return mean_of_known(np.sqrt(mean) if self.root else mean)


class Correlation:
    """Pearson's correlation of measured and predicted values; rows known in part are left out."""

    def __init__(self, truth: Truth, predicted: Array) -> None:
        self.exact = truth.exact
        self.true, self.predicted = truth.value[self.exact], predicted[self.exact]

    def __call__(self, weights: Array) -> Array:
        """Return the correlation ``(b,)``; NaN where a side is constant."""
        weights = weights[:, self.exact]
        true, predicted = _spread(self.true, weights), _spread(self.predicted, weights)
        size = np.sqrt(true * predicted)
        both = _covariance(self.true, self.predicted, weights)
        found: Array = np.divide(both, size, out=np.full(len(size), np.nan), where=size > 1e-12)
        return found


class R2m:
    """The modified squared correlation r2m (Roy and Roy 2008): r² less what a line through the origin explains worse.

    ``r² (1 - sqrt(|r² - r0²|))``, with r0² of the best line through the origin. DeepDTA's script, and those copied from
    it, square r² and r0² once more under the root, and so give other figures.
    """

    def __init__(self, truth: Truth, predicted: Array) -> None:
        self.correlation = Correlation(truth, predicted)

    def __call__(self, weights: Array) -> Array:
        """Return r2m ``(b,)``; NaN where a side is constant."""
        squared = self.correlation(weights) ** 2
        true, predicted = self.correlation.true, self.correlation.predicted
        weights = weights[:, self.correlation.exact]
        products, squares = weights @ (true * predicted), weights @ predicted**2
        slope = np.divide(products, squares, out=np.zeros(len(squares)), where=squares > 0)
        left = weights @ true**2 - slope * products  # squared distance from the best line through the origin
        spread = _spread(true, weights)
        through = 1 - np.divide(left, spread, out=np.full(len(spread), np.nan), where=spread > 0)
        found: Array = squared * (1 - np.sqrt(np.abs(squared - through)))
        return found


class Coverage:
    """Share of the measured values in the central interval that a normal distribution promises for `level`."""

    def __init__(self, truth: Truth, predicted: Array, spread: Array, level: float) -> None:
        self.exact = truth.exact
        self.inside = _inside(truth, predicted, spread, np.array([level]))[0]

    def __call__(self, weights: Array) -> Array:
        """Return the share ``(b,)``; NaN where nothing was measured."""
        return _share(weights[:, self.exact], self.inside)


class Miscalibration:
    """The mean distance of the coverage from what was promised, over `LEVELS` (Kuleshov et al. 2018); 0 is honest."""

    def __init__(self, truth: Truth, predicted: Array, spread: Array) -> None:
        self.exact = truth.exact
        self.inside = _inside(truth, predicted, spread, LEVELS)  # (levels, n)

    def __call__(self, weights: Array) -> Array:
        """Return the mean distance ``(b,)``."""
        weights = weights[:, self.exact]
        off = [np.abs(_share(weights, inside) - level) for inside, level in zip(self.inside, LEVELS, strict=True)]
        found: Array = np.mean(off, axis=0)
        return found


class Likelihood:
    """Mean negative log-likelihood of what was measured, under a normal distribution; of a bound, of all beyond it."""

    def __init__(self, truth: Truth, predicted: Array, spread: Array) -> None:
        scale = np.maximum(spread, _LEAST_SPREAD)
        beyond = [norm.logcdf((truth.high - predicted) / scale), norm.logsf((truth.low - predicted) / scale)]
        measured = norm.logpdf(truth.value, predicted, scale)
        self.loss = -np.where(truth.exact, measured, np.minimum(*beyond))  # the bound that isn't there has log 1

    def __call__(self, weights: Array) -> Array:
        """Return the mean ``(b,)``."""
        return _share(weights, self.loss)


class Doubt:
    """Spearman's correlation of the spread with how far off predictions are: whether a model knows what it doesn't."""

    def __init__(self, truth: Truth, predicted: Array, spread: Array) -> None:
        self.correlation = RankCorrelation(truth.miss(predicted), spread, np.zeros(len(spread), dtype=np.int64))

    def __call__(self, weights: Array) -> Array:
        """Return the correlation ``(b,)``; NaN where a side is constant."""
        return self.correlation(weights)


def _inside(truth: Truth, predicted: Array, spread: Array, levels: Array) -> NDArray[np.bool_]:
    """Return which measured values lie within each level's interval, ``(levels, measured)``."""
    exact = truth.exact
    off = np.abs(truth.value - predicted)[exact] / np.maximum(spread[exact], _LEAST_SPREAD)
    inside: NDArray[np.bool_] = off <= norm.ppf((1 + levels) / 2)[:, None]
    return inside


def _share(weights: Array, of: NDArray[np.bool_] | Array) -> Array:
    total = weights.sum(axis=1)
    share: Array = np.divide(weights @ of, total, out=np.full(len(total), np.nan), where=total > 0)
    return share


def _covariance(one: Array, other: Array, weights: Array) -> Array:
    """Return the weighted sum of products around the means, ``(b,)``."""
    total = np.maximum(weights.sum(axis=1), 1e-300)
    # Around the middle of the rows, so that no digits are lost where a mean is large for its spread.
    one, other = one - one.mean() if len(one) else one, other - other.mean() if len(other) else other
    found: Array = weights @ (one * other) - (weights @ one) * (weights @ other) / total
    return found


def _spread(values: Array, weights: Array) -> Array:
    return np.maximum(_covariance(values, values, weights), 0)

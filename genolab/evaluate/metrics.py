"""Metrics of weighted rows, for `genolab.evaluate.bootstrap`: weights of one everywhere give scikit-learn's values.

All functions take or are made from weights ``(b, n)``, one line a resampling, and give ``(b,)`` or ``(b, k)``.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]


class Counts(NamedTuple):
    """What decisions came to: sums of weights by class ``(b, k)``, but for ``rows`` and ``correct``, ``(b,)``.

    A row is correct where all of its classes were decided right.
    """

    true_positive: Array
    predicted: Array
    actual: Array
    rows: Array
    correct: Array

    @classmethod
    def of(cls, truth: NDArray[np.bool_], predicted: NDArray[np.bool_], weights: Array) -> Self:
        """Count decisions against the truth, both ``(n, k)``."""
        return cls(
            weights @ (truth & predicted),
            weights @ predicted,
            weights @ truth,
            weights.sum(axis=1),
            weights @ (truth == predicted).all(axis=1),
        )

    def micro(self) -> Self:
        """Pool the decisions on all classes, as if there were one class."""
        pooled = [part.sum(axis=1, keepdims=True) for part in self[:3]]
        return self._replace(
            true_positive=pooled[0], predicted=pooled[1], actual=pooled[2], rows=self.rows * self.actual.shape[1]
        )


def precision(counts: Counts) -> Array:
    """Share of the predicted that are so, ``(b, k)``; 0 where none was predicted, NaN where there is none either."""
    return _share(counts, counts.true_positive, counts.predicted)


def recall(counts: Counts) -> Array:
    """Share of the actual ones that were predicted, ``(b, k)``; 0 and NaN as in `precision`."""
    return _share(counts, counts.true_positive, counts.actual)


def f1(counts: Counts) -> Array:
    """Harmonic mean of precision and recall, ``(b, k)``; NaN for a class that neither is there nor was predicted."""
    return _share(counts, 2 * counts.true_positive, counts.predicted + counts.actual)


def accuracy(counts: Counts) -> Array:
    """Share of the rows that are correct, ``(b,)``."""
    share: Array = counts.correct / counts.rows
    return share


def multiclass_mcc(counts: Counts) -> Array:
    """Matthews correlation over all classes, ``(b,)`` (Gorodkin 2004); 0 where a side is constant."""
    rows, predicted, actual = counts.rows, counts.predicted, counts.actual
    covariance = counts.true_positive.sum(axis=1) * rows - (predicted * actual).sum(axis=1)
    return _correlation(covariance, rows**2 - (predicted**2).sum(axis=1), rows**2 - (actual**2).sum(axis=1))


def multilabel_mcc(counts: Counts) -> Array:
    """Matthews correlation of each label, ``(b, k)``; 0 where a side is constant."""
    rows, predicted, actual = counts.rows[:, None], counts.predicted, counts.actual
    covariance = counts.true_positive * rows - predicted * actual
    return _correlation(covariance, predicted * (rows - predicted), actual * (rows - actual))


def macro(by_class: Array) -> Array:
    """Mean over the classes where a metric is defined, ``(b, k)`` to ``(b,)``."""
    defined = ~np.isnan(by_class)
    return _divide(np.where(defined, by_class, 0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


class RankedScores:
    """Rows ``(n,)`` in the order of a score, the highest first: areas under curves are then running sums."""

    def __init__(self, truth: NDArray[np.bool_], score: Array) -> None:
        self.order = np.argsort(-score, kind="stable")
        ranked = score[self.order]
        self.last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each run of equal scores: one step
        self.truth = truth[self.order]

    def counts(self, weights: Array) -> tuple[Array, Array]:
        """Return the true and the false positives down to each different score, ``(b, thresholds)``."""
        ranked = weights[:, self.order]
        above = ranked.cumsum(axis=1)[:, self.last]
        true = (ranked * self.truth).cumsum(axis=1)[:, self.last]
        return true, above - true

    def areas(self, weights: Array) -> tuple[Array, Array]:
        """Return the area under the ROC curve and the average precision, ``(b,)`` each; NaN with one kind of rows."""
        true, false = self.counts(weights)
        above, new_true, new_false = true + false, np.diff(true, prepend=0), np.diff(false, prepend=0)
        wins = (new_false * (true - new_true / 2)).sum(axis=1)
        share = np.divide(true, above, out=np.zeros_like(true), where=above > 0)
        return _divide(wins, true[:, -1] * false[:, -1]), _divide((new_true * share).sum(axis=1), true[:, -1])


class CalibrationBins:
    """Rows ``(n,)`` in bins of equal width by the probability that they are given."""

    def __init__(self, truth: NDArray[np.bool_], probability: Array, n_bins: int = 10) -> None:
        edges = np.linspace(0, 1, n_bins + 1)
        bins = np.searchsorted(edges[1:-1], probability)  # a probability of 0.1 belongs to 0 to 0.1
        row = np.arange(len(bins))
        self.rows, self.predicted, self.observed = (
            sparse.csr_array((each, (row, bins)), shape=(len(row), n_bins))
            for each in (np.ones(len(row)), probability, truth.astype(np.float64))
        )

    def error(self, weights: Array) -> Array:
        """Return the expected calibration error ``(b,)``: how far probabilities lie from shares, over the rows."""
        off = np.abs(weights @ self.observed - weights @ self.predicted).sum(axis=1)
        error: Array = off / weights.sum(axis=1)
        return error

    def curve(self, weights: Array) -> tuple[Array, Array]:
        """Return each bin's mean probability and its share of those that are so, ``(b, bins)``; NaN without rows."""
        rows = weights @ self.rows
        return _divide(weights @ self.predicted, rows), _divide(weights @ self.observed, rows)


def adjusted_rand(tables: Array) -> Array:
    """Agreement of two partitions beyond chance (Hubert and Arabie 1985), of tables ``(b, classes, clusters)``.

    1 where both partitions are trivial and equal.
    """
    together = _pairs(tables).sum(axis=(-2, -1))
    rows, columns = _pairs(tables.sum(axis=-1)).sum(axis=-1), _pairs(tables.sum(axis=-2)).sum(axis=-1)
    expected = rows * columns / np.maximum(_pairs(tables.sum(axis=(-2, -1))), 1)
    above, most = together - expected, (rows + columns) / 2 - expected
    index: Array = np.divide(above, most, out=np.ones_like(most), where=most > 0)
    return index


def normalized_mutual_information(tables: Array) -> Array:
    """Information that two partitions share, over the mean of their entropies, of tables ``(b, classes, clusters)``."""
    share = tables / tables.sum(axis=(-2, -1), keepdims=True)
    rows, columns = share.sum(axis=-1), share.sum(axis=-2)
    one, other = _entropy(rows), _entropy(columns)
    shared = one + other - _entropy(share.reshape(len(share), -1))
    index: Array = np.divide(2 * shared, one + other, out=np.ones_like(shared), where=one + other > 0)
    return np.maximum(index, 0)


def _entropy(share: Array) -> Array:
    entropy: Array = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=-1)
    return entropy


def weighted_median(values: Array) -> Callable[[Array], Array]:
    """Return a figure: the median of values ``(n,)`` that aren't NaN, by how often each was drawn."""
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    ranked = values[order]
    if len(order) == 0:
        return lambda weights: np.full(len(weights), np.nan)

    def figure(weights: Array) -> Array:
        below = weights[:, order].cumsum(axis=1)
        half = below[:, -1:] / 2
        ends = [(below >= half).argmax(axis=1), (below > half).argmax(axis=1)]
        return np.where(half[:, 0] > 0, ranked[ends].mean(axis=0), np.nan)

    return figure


def _pairs(count: Array) -> Array:
    return count * (count - 1) / 2


def _share(counts: Counts, part: Array, whole: Array) -> Array:
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.where(counts.predicted + counts.actual > 0, share, np.nan)


def _correlation(covariance: Array, one: Array, other: Array) -> Array:
    size = np.sqrt(np.maximum(one * other, 0))
    return np.divide(covariance, size, out=np.zeros_like(covariance), where=size > 0)


def _divide(part: Array, whole: Array) -> Array:
    share: Array = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share

"""Metrics of weighted rows, for `genolab.evaluate.bootstrap`: weights of one everywhere give scikit-learn's values.

All functions take or are made from weights ``(b, n)``, one line a resampling, and give ``(b,)`` or ``(b, k)``.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

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

    def areas(self, weights: Array) -> tuple[Array, Array]:
        """Return the area under the ROC curve and the average precision, ``(b,)`` each; NaN with one kind of rows."""
        ranked = weights[:, self.order]
        above = ranked.cumsum(axis=1)[:, self.last]  # (b, thresholds)
        true = (ranked * self.truth).cumsum(axis=1)[:, self.last]
        false = above - true
        new_true, new_false = np.diff(true, prepend=0), np.diff(false, prepend=0)
        wins = (new_false * (true - new_true / 2)).sum(axis=1)
        share = np.divide(true, above, out=np.zeros_like(true), where=above > 0)
        return _divide(wins, true[:, -1] * false[:, -1]), _divide((new_true * share).sum(axis=1), true[:, -1])


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

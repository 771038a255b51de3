"""Metrics of classification over weighted rows, so that to draw the rows anew is to weigh them anew.

A resampling is how often each row came up. All functions take weights ``(b, n)``, one line a resampling, and give
``(b,)`` or ``(b, k)`` figures; weights of one everywhere give scikit-learn's values.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Decided(NamedTuple):
    """What decisions came to: sums of weights, ``(b, k)``, but for ``rows`` and ``right``, ``(b,)``.

    Attributes
    ----------
    hit
        Rows of a class that were called so.
    said
        Rows that were called so.
    true
        Rows of the class.
    rows
        All rows.
    right
        Rows of which everything was called right.
    """

    hit: Array
    said: Array
    true: Array
    rows: Array
    right: Array

    @classmethod
    def of(cls, truth: NDArray[np.bool_], called: NDArray[np.bool_], weights: Array) -> Self:
        """Count decisions ``(n, k)`` against the truth ``(n, k)``."""
        return cls(
            weights @ (truth & called),
            weights @ called,
            weights @ truth,
            weights.sum(axis=1),
            weights @ (truth == called).all(axis=1),
        )

    def piled(self) -> Self:
        """Take all classes' decisions as those of one class."""
        whole = [part.sum(axis=1, keepdims=True) for part in (self.hit, self.said, self.true)]
        return self._replace(hit=whole[0], said=whole[1], true=whole[2], rows=self.rows * self.hit.shape[1])


def precision(found: Decided) -> Array:
    """Return the share of those called so that are so, ``(b, k)``; 0 where none was, NaN where none is either."""
    return _share(found, found.hit, found.said)


def recall(found: Decided) -> Array:
    """Return the share of those that are so which were called so, ``(b, k)``; 0 and NaN as in `precision`."""
    return _share(found, found.hit, found.true)


def f1(found: Decided) -> Array:
    """Return the harmonic mean of precision and recall, ``(b, k)``; NaN where a class neither is nor was called."""
    return _share(found, 2 * found.hit, found.said + found.true)


def accuracy(found: Decided) -> Array:
    """Return the share of the rows of which everything was called right, ``(b,)``."""
    right: Array = found.right / found.rows
    return right


def mcc_of_classes(found: Decided) -> Array:
    """Return the Matthews correlation of several classes, ``(b,)`` (Gorodkin 2004); 0 where a side is constant."""
    rows = found.rows
    both = found.hit.sum(axis=1) * rows - (found.said * found.true).sum(axis=1)
    return _correlation(both, rows**2 - (found.said**2).sum(axis=1), rows**2 - (found.true**2).sum(axis=1))


def mcc_of_labels(found: Decided) -> Array:
    """Return the Matthews correlation of each label, ``(b, k)``; 0 where a side is constant."""
    rows = found.rows[:, None]
    both = found.hit * rows - found.said * found.true
    return _correlation(both, found.said * (rows - found.said), found.true * (rows - found.true))


class Ranked:
    """Rows in the order of a score, the highest first, so that both areas come from running sums.

    Parameters
    ----------
    truth
        ``(n,)`` bool.
    score
        ``(n,)``; equal scores are one step, as they can't be told apart.
    """

    def __init__(self, truth: NDArray[np.bool_], score: Array) -> None:
        self.order = np.argsort(-score, kind="stable")
        ranked = score[self.order]
        self.last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each run of equal scores
        self.thresholds = ranked[self.last]
        self.truth = truth[self.order]

    def steps(self, weights: Array) -> tuple[Array, Array]:
        """Return how many true and false ones lie at or above each threshold, both ``(b, thresholds)``."""
        ranked = weights[:, self.order]
        above = ranked.cumsum(axis=1)[:, self.last]
        true = (ranked * self.truth).cumsum(axis=1)[:, self.last]
        return true, above - true

    def areas(self, weights: Array) -> tuple[Array, Array]:
        """Return the area under the ROC curve and the average precision, ``(b,)`` each; NaN with one kind of rows."""
        true, false = self.steps(weights)
        gained, lost = np.diff(true, prepend=0), np.diff(false, prepend=0)
        wins = (lost * (true - gained / 2)).sum(axis=1)
        share = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
        return _divided(wins, true[:, -1] * false[:, -1]), _divided((gained * share).sum(axis=1), true[:, -1])


def macro(by_class: Array) -> Array:
    """Return the mean over the classes where it is defined, ``(b, k)`` to ``(b,)``."""
    known = ~np.isnan(by_class)
    return _divided(np.where(known, by_class, 0).sum(axis=1), known.sum(axis=1).astype(np.float64))


def _share(found: Decided, part: Array, whole: Array) -> Array:
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.where(found.said + found.true > 0, share, np.nan)


def _correlation(both: Array, one: Array, other: Array) -> Array:
    size = np.sqrt(np.maximum(one * other, 0))
    return np.divide(both, size, out=np.zeros_like(both), where=size > 0)


def _divided(part: Array, whole: Array) -> Array:
    found: Array = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found

"""The concordance index: how often a model puts two rows into the order that measurement gave them.

All pairs are counted, but none is looked at: rows are entered one by one, in the order of what was measured, into a
tree of running sums over what was predicted (Fenwick 1994), which takes n log n steps. numba compiles it at its first
use and keeps it on disk.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Concordance:
    """Pairs of rows of which one is known to lie below the other, ready to be weighed.

    Parameters
    ----------
    low, high
        ``(n,)`` bounds of each row's true value; both are the value itself where it was measured. A pair counts where
        one row's upper bound lies below the other's lower one (Harrell et al. 1982, for values known in part).
    predicted
        ``(n,)``; two equal ones count as half in order.
    """

    def __init__(self, low: Array, high: Array, predicted: Array) -> None:
        self.entering, self.asking = np.argsort(high, kind="stable"), np.argsort(low, kind="stable")
        self.entered = np.searchsorted(high[self.entering], low[self.asking], side="left")
        self.rank = np.unique(predicted, return_inverse=True)[1] + 1  # a Fenwick tree counts from one

    def __call__(self, weights: Array) -> Array:
        """Return the index ``(b,)`` of rows weighed by ``(b, n)``; NaN where no pair counts."""
        steps = (self.entering, self.asking, self.entered, self.rank)
        right, pairs = _counted(*steps, np.ascontiguousarray(weights, dtype=np.float64))
        found: Array = np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
        return found


@numba.njit(cache=True)
def _counted(entering, asking, entered, rank, weights):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Return the weight of the pairs in order, ties by half, and of all pairs, both ``(b,)``."""
    draws, n = weights.shape
    right, pairs = np.zeros(draws), np.zeros(draws)
    for draw in range(draws):
        tree, here, total, at = np.zeros(n + 1), weights[draw], 0.0, 0
        for place in range(n):
            while at < entered[place]:
                row = entering[at]
                at += 1
                total += here[row]
                _enter(tree, rank[row], here[row])
            asked = asking[place]
            if here[asked] == 0:
                continue
            below, up_to = _up_to(tree, rank[asked] - 1), _up_to(tree, rank[asked])
            right[draw] += here[asked] * (below + up_to) / 2
            pairs[draw] += here[asked] * total
    return right, pairs


@numba.njit(cache=True)
def _enter(tree, rank, weight):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    while rank < len(tree):
        tree[rank] += weight
        rank += rank & -rank


@numba.njit(cache=True)
def _up_to(tree, rank):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Return the weight of all that was entered at a rank up to this one."""
    total = 0.0
    while rank > 0:
        total += tree[rank]
        rank -= rank & -rank
    return total

"""How well rows are ranked: concordance, and within each context rank correlation, enrichment, BEDROC and NDCG.

A context is a list of its own, such as a target that compounds are ranked for: a model that merely knows which targets
bind everything would look good in one list of all rows, so figures are means over contexts. Equal predictions have no
order: figures are the means over all orders that they could have.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.compiled import compiled

Array = NDArray[np.float64]
Figure = Callable[[Array], Array]
"""From weights of the rows ``(b, n)`` to figures ``(b,)``."""

MIN_ROWS: Final = 5
"""Rows that a context must have for its rank correlation to count: of fewer, chance decides."""

ALPHA: Final = 20.0
"""How steeply BEDROC falls: 80 % of it comes from the first 8 % of the list, as Truchon and Bayly advise."""


class Lists:
    """Rows sorted into lists by ``context`` codes, the highest ``score`` first; equal scores of a list are one step."""

    def __init__(self, score: Array, context: NDArray[np.int64]) -> None:
        self.order = np.lexsort((-score, context))
        where, ranked = context[self.order], score[self.order]
        new_list = np.append(True, where[1:] != where[:-1])
        new_step = new_list | np.append(True, ranked[1:] != ranked[:-1])
        self.steps = np.flatnonzero(new_step)
        self.step_of_row = np.empty(len(score), dtype=np.int64)
        self.step_of_row[self.order] = new_step.cumsum() - 1
        self.lists = np.flatnonzero(new_list[self.steps])  # the first step of each list
        self.list_of_step = where[self.steps]

    def by_step(self, weights: Array) -> Array:
        """Add up rows ``(b, n)`` to steps ``(b, steps)``."""
        return np.add.reduceat(weights[:, self.order], self.steps, axis=1)

    def by_list(self, steps: Array) -> Array:
        """Add up steps ``(b, steps)`` to lists ``(b, k)``."""
        return np.add.reduceat(steps, self.lists, axis=1)

    def before(self, steps: Array) -> Array:
        """Return how much of its list lies before each step, ``(b, steps)``."""
        running = steps.cumsum(axis=1) - steps
        return running - running[:, self.lists][:, self.list_of_step]

    def ranks(self, weights: Array) -> Array:
        """Return each row's rank in its list, counted from one, equal scores sharing theirs: ``(b, n)``."""
        steps = self.by_step(weights)
        return (self.before(steps) + (steps + 1) / 2)[:, self.step_of_row]


class _Actives:
    """Weights of rows and actives, by step ``(b, steps)`` and by list ``(b, k)``."""

    def __init__(self, lists: Lists, weights: Array, active: Array) -> None:
        weights = weights * np.isfinite(active)
        self.steps, active_steps = lists.by_step(weights), lists.by_step(weights * np.nan_to_num(active))
        self.before = lists.before(self.steps)
        self.density = np.divide(active_steps, self.steps, out=np.zeros(self.steps.shape), where=self.steps > 0)
        self.rows, self.actives = lists.by_list(self.steps), lists.by_list(active_steps)
        self.mixed = (self.actives > 0) & (self.actives < self.rows)


def rank_correlation(one: Array, other: Array, context: NDArray[np.int64], *, min_rows: int = MIN_ROWS) -> Figure:
    """Measure Spearman's correlation of two scores: the mean over contexts of `min_rows` rows or more, not constant."""
    first, second = Lists(one, context), Lists(other, context)
    large = np.bincount(context) >= min_rows

    def total(rows: Array) -> Array:
        return first.by_list(first.by_step(rows))

    def figure(weights: Array) -> Array:
        middle = (total(weights) + 1)[:, context] / 2
        a, b = first.ranks(weights) - middle, second.ranks(weights) - middle
        both, size = total(weights * a * b), np.sqrt(total(weights * a**2) * total(weights * b**2))
        return nanmean(np.divide(both, size, out=np.full(size.shape, np.nan), where=(size > 1e-9) & large))

    return figure


def enrichment(score: Array, active: Array, context: NDArray[np.int64], share: float) -> Figure:
    """Measure how many times as many actives the top `share` of a list has as the whole, where it has both kinds.

    `active` is 1, 0, or NaN where it isn't known: such rows are left out. The top is rounded up to whole rows, as in
    RDKit.
    """
    lists = Lists(score, context)

    def figure(weights: Array) -> Array:
        part = _Actives(lists, weights, active)
        top = np.ceil(share * part.rows - 1e-9)  # 0.01 x 700 is a little over 7
        taken = np.clip(top[:, lists.list_of_step] - part.before, 0, part.steps)
        hits = lists.by_list(taken * part.density)
        expected = top * part.actives / np.maximum(part.rows, 1)
        return nanmean(np.divide(hits, expected, out=np.full(hits.shape, np.nan), where=part.mixed))

    return figure


def bedroc(score: Array, active: Array, context: NDArray[np.int64], alpha: float = ALPHA) -> Figure:
    """Measure BEDROC (Truchon and Bayly 2007): how early actives come, weighted exponentially; 1: all come first."""
    lists = Lists(score, context)

    def figure(weights: Array) -> Array:
        part = _Actives(lists, weights, active)
        decay = alpha / np.maximum(part.rows, 1)  # from one rank to the next, in the exponent
        slope = decay[:, lists.list_of_step]
        # A step's ranks r + 1 ... r + s have the weights exp(-slope r) + ...: a geometric series.
        series = np.exp(-slope * part.before) * np.expm1(-slope * part.steps) / -np.expm1(slope)
        early = lists.by_list(part.density * series)
        share = np.where(part.mixed, part.actives / np.maximum(part.rows, 1), 0.5)
        chance = -np.expm1(-alpha) / np.expm1(decay)  # the same sum over all rows of a list
        enriched = early / np.maximum(share * chance, 1e-300)
        best = np.expm1(-alpha * share) / (share * np.expm1(-alpha))
        worst = np.expm1(alpha * share) / (share * np.expm1(alpha))
        return nanmean(np.where(part.mixed, (enriched - worst) / (best - worst), np.nan))

    return figure


def ndcg(score: Array, relevance: Array, context: NDArray[np.int64]) -> Figure:
    """Measure the normalised discounted cumulative gain (Jarvelin and Kekalainen 2002), as scikit-learn does.

    `relevance` is 0 or more: the gain of a row, which counts the less the later it comes, by the logarithm of its rank.
    """
    if (relevance < 0).any():
        raise ValueError(f"NDCG is of gains, 0 or more, and the least is {relevance.min():g}: shift or clip them")
    lists, ideal = Lists(score, context), Lists(relevance, context)

    def figure(weights: Array) -> Array:
        discounts = np.append(0, np.cumsum(1 / np.log2(np.arange(2, weights.sum(axis=1).max() + 2.5))))
        gain, best = (_discounted(each, relevance, weights, discounts) for each in (lists, ideal))
        return nanmean(np.divide(gain, best, out=np.full(gain.shape, np.nan), where=best > 0))

    return figure


def _discounted(lists: Lists, relevance: Array, weights: Array, discounts: Array) -> Array:
    """Add up relevances times the discounts of their ranks, ``(b, lists)``; the rows of a step share theirs."""
    rows = lists.by_step(weights)
    before = lists.before(rows)
    discount = np.interp(before + rows, np.arange(len(discounts)), discounts)
    discount -= np.interp(before, np.arange(len(discounts)), discounts)
    mean = np.divide(lists.by_step(weights * relevance), rows, out=np.zeros(rows.shape), where=rows > 0)
    return lists.by_list(mean * discount)


def concordance(low: Array, high: Array, predicted: Array) -> Figure:
    """Measure the concordance index: the share of pairs of rows that are predicted in their true order.

    `low` and `high` are bounds of the true values, both the value itself where it was measured: a pair counts where one
    row's upper bound lies below the other's lower one (Harrell et al. 1982). Equal predictions count as half. Rows are
    entered, in the order of their true values, into a tree of running sums (Fenwick 1994): n log n steps.
    """
    entering, ranking = np.argsort(high, kind="stable"), np.argsort(low, kind="stable")
    n_entered = np.searchsorted(high[entering], low[ranking], side="left")
    rank = np.unique(predicted, return_inverse=True)[1] + 1  # a Fenwick tree counts from one

    def figure(weights: Array) -> Array:
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        ordered, pairs = _count_pairs(entering, ranking, n_entered, rank, weights)
        index: Array = np.divide(ordered, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
        return index

    return figure


@compiled
def _count_pairs(entering, ranking, n_entered, rank, weights):
    """Return the weight of the pairs in order, ties by half, and of all pairs, both ``(b,)``."""
    samples, n = weights.shape
    ordered, pairs = np.zeros(samples), np.zeros(samples)
    for sample in range(samples):
        tree, weight, total, at = np.zeros(n + 1), weights[sample], 0.0, 0
        for place in range(n):
            while at < n_entered[place]:
                row, at = entering[at], at + 1
                total += weight[row]
                node = rank[row]
                while node <= n:
                    tree[node] += weight[row]
                    node += node & -node
            row = ranking[place]
            if weight[row] == 0:
                continue
            below, up_to = _sum_to(tree, rank[row] - 1), _sum_to(tree, rank[row])
            ordered[sample] += weight[row] * (below + up_to) / 2
            pairs[sample] += weight[row] * total
    return ordered, pairs


@compiled
def _sum_to(tree, node):
    total = 0.0
    while node > 0:
        total += tree[node]
        node -= node & -node
    return total


def nanmean(values: Array) -> Array:
    """Return the mean over the last axis of what isn't NaN; NaN, without a warning, where all is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    mean: Array = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean

"""How well each context's compounds are ranked: rank correlation, enrichment and BEDROC, over weighted rows.

Each list is one context's: a screen asks which compounds act on its target, and a model that merely knows which targets
bind everything would shine in one list of all rows. A figure is the mean over the lists that can be judged. Equal
predictions have no order, and so every figure is the mean over all orders that they could stand in.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_ROWS: Final = 5
"""Rows that a list must have for its rank correlation to count: of fewer, chance decides."""

ALPHA: Final = 20.0
"""How steeply BEDROC falls: 80 % of it comes from the first 8 % of the list, as Truchon and Bayly advise."""


class Lists:
    """Rows sorted into lists, each with the highest score first; equal scores of a list are one step.

    Parameters
    ----------
    score
        ``(n,)``, the highest first.
    context
        ``(n,)`` codes of the lists, 0 to k - 1, each with at least one row.
    """

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


class RankCorrelation:
    """Spearman's correlation of two scores in each list; the mean over lists of at least `LEAST_ROWS` rows.

    Parameters
    ----------
    one, other
        ``(n,)`` scores.
    context
        ``(n,)`` codes of the lists.
    """

    def __init__(self, one: Array, other: Array, context: NDArray[np.int64]) -> None:
        self.one, self.other, self.context = Lists(one, context), Lists(other, context), context
        self.large = np.bincount(context) >= LEAST_ROWS

    def __call__(self, weights: Array) -> Array:
        """Return the mean ``(b,)`` of rows weighed by ``(b, n)``; lists with a constant side don't count."""
        middle = (self._by_list(weights) + 1)[:, self.context] / 2
        one, other = self.one.ranks(weights) - middle, self.other.ranks(weights) - middle
        both, first, second = (self._by_list(weights * part) for part in (one * other, one**2, other**2))
        size = np.sqrt(first * second)
        found = np.divide(both, size, out=np.full(size.shape, np.nan), where=(size > 1e-9) & self.large)
        return mean_of_known(found)

    def _by_list(self, rows: Array) -> Array:
        return self.one.by_list(self.one.by_step(rows))


class Enrichment:
    """How many times as many actives the top of a list has as the whole list; lists without both kinds don't count.

    Parameters
    ----------
    score
        ``(n,)``, the highest first.
    active
        ``(n,)`` 1 and 0, or NaN where it isn't known: such rows are left out.
    context
        ``(n,)`` codes of the lists.
    share
        How much of the list is its top, such as 0.01; rounded up to whole rows, as RDKit does.
    """

    def __init__(self, score: Array, active: Array, context: NDArray[np.int64], share: float) -> None:
        self.lists, self.share = Lists(score, context), share
        self.known, self.active = np.isfinite(active), np.nan_to_num(active)

    def __call__(self, weights: Array) -> Array:
        """Return the mean factor ``(b,)`` of rows weighed by ``(b, n)``."""
        found = _Actives(self.lists, weights * self.known, self.active)
        top = np.ceil(self.share * found.rows - 1e-9)  # 0.01 x 700 is a little over 7
        taken = np.clip(top[:, self.lists.list_of_step] - found.before, 0, found.steps)
        hits = self.lists.by_list(taken * found.density)
        expected = top * found.actives / np.maximum(found.rows, 1)
        return mean_of_known(np.divide(hits, expected, out=np.full(hits.shape, np.nan), where=found.mixed))


class Bedroc:
    """BEDROC: how early the actives come, weighed exponentially (Truchon and Bayly 2007); 1 is all of them first.

    Parameters
    ----------
    score, active, context
        As in `Enrichment`.
    alpha
        Steepness.
    """

    def __init__(self, score: Array, active: Array, context: NDArray[np.int64], alpha: float = ALPHA) -> None:
        self.lists, self.alpha = Lists(score, context), alpha
        self.known, self.active = np.isfinite(active), np.nan_to_num(active)

    def __call__(self, weights: Array) -> Array:
        """Return the mean ``(b,)`` of rows weighed by ``(b, n)``; lists without both kinds don't count."""
        found = _Actives(self.lists, weights * self.known, self.active)
        fall = self.alpha / np.maximum(found.rows, 1)  # from one rank to the next, in the exponent
        slope = fall[:, self.lists.list_of_step]
        # A step's ranks r + 1 ... r + s weigh exp(-slope r) + ...: a geometric series.
        series = np.exp(-slope * found.before) * np.expm1(-slope * found.steps) / -np.expm1(slope)
        early = self.lists.by_list(found.density * series)
        share = np.where(found.mixed, found.actives / np.maximum(found.rows, 1), 0.5)
        chance = -np.expm1(-self.alpha) / np.expm1(fall)  # the same sum over all rows of a list
        enriched = early / np.maximum(share * chance, 1e-300)
        best = np.expm1(-self.alpha * share) / (share * np.expm1(-self.alpha))
        worst = np.expm1(self.alpha * share) / (share * np.expm1(self.alpha))
        return mean_of_known(np.where(found.mixed, (enriched - worst) / (best - worst), np.nan))


class _Actives:
    """Weights of rows and actives, by step ``(b, steps)`` and by list ``(b, k)``."""

    def __init__(self, lists: Lists, weights: Array, active: Array) -> None:
        self.steps, active_steps = lists.by_step(weights), lists.by_step(weights * active)
        self.before = lists.before(self.steps)
        self.density = np.divide(active_steps, self.steps, out=np.zeros(self.steps.shape), where=self.steps > 0)
        self.rows, self.actives = lists.by_list(self.steps), lists.by_list(active_steps)
        self.mixed = (self.actives > 0) & (self.actives < self.rows)


def mean_of_known(values: Array) -> Array:
    """Return the mean over the last axis of what isn't NaN; NaN where nothing is known."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    mean: Array = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean

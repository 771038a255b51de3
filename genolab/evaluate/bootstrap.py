"""Bootstrap intervals: how far a figure would move with other rows (cells, sequences) from the same source.

A resampling is how often each row was drawn. A figure is a function from weights ``(b, n)``, one line a resampling, to
``(b,)``, so that a thousand resamplings are a few matrix products. Rows that are not independent, such as the cells of
one donor, are drawn together, by group.

Intervals are BCa (Efron 1987, doi:10.1080/01621459.1987.10478410): corrected for skewness, with the acceleration from
a jackknife, and with Student's t in place of the normal distribution, as for few rows they'd be too narrow (Hesterberg
2015, doi:10.1080/00031305.2015.1089789). The bias of the resamplings is taken off first: rows drawn twice agree with
themselves, which lifts an adjusted Rand index near 0 above the figure itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, skew, t

from genolab.checks import check_known
from genolab.waiting import bar

Array = NDArray[np.float64]
Groups = NDArray[np.int64]
Name = TypeVar("Name")
Figures = Callable[[Array], Mapping[Name, Array]]
"""From weights ``(b, n)`` to named figures, ``(b,)`` each."""

_OUTSIDE: Final = 0.025  # on either side of a 95 % interval
_BLOCKS: Final = 100  # units are left out of the jackknife by so many blocks: more don't make it better
_VALUES_AT_ONCE: Final = 4_000_000  # weights and what is made of them: 32 MB


class Interval(NamedTuple):
    """A figure and the bounds of its 95 % interval; the bounds are NaN where it wasn't asked for."""

    value: float
    low: float
    high: float


class Sample(NamedTuple):
    """A figure, what it came to in resamplings ``(n_boot,)``, and without each block of units ``(blocks,)``."""

    value: float
    resampled: Array
    left_out: Array
    n_units: int

    def minus(self, other: "Sample") -> "Sample":
        """Return the difference of two figures over the same resamplings."""
        value, resampled = self.value - other.value, self.resampled - other.resampled
        return Sample(value, resampled, self.left_out - other.left_out, self.n_units)

    def interval(self) -> Interval:
        """Return the figure between the bounds of its 95 % interval."""
        drawn = self._drawn()
        if len(drawn) == 0:
            return Interval(self.value, np.nan, np.nan)
        middle, acceleration = self._skewness(drawn)
        reach = self._scale() * t.ppf(1 - _OUTSIDE, self.n_units - 1)
        sides = middle + np.array([-reach, reach])
        stretched = np.where(acceleration * sides < 1, sides / np.maximum(1 - acceleration * sides, 1e-9), np.inf)
        low, high = np.quantile(drawn, norm.cdf(middle + stretched)) - (drawn.mean() - self.value)
        return Interval(self.value, float(low), float(high))

    def p_value(self) -> float:
        """Return the two-sided p-value of a figure of 0: below .05 where the interval doesn't hold 0."""
        drawn = self._drawn()
        if len(drawn) == 0:
            return np.nan
        middle, acceleration = self._skewness(drawn)
        stretched = _normal_score(drawn - (drawn.mean() - self.value), 0.0) - middle
        side = stretched / max(1 + acceleration * stretched, 1e-9)
        return float(2 * t.sf(abs(side - middle) / self._scale(), self.n_units - 1))

    def _drawn(self) -> Array:
        return self.resampled[np.isfinite(self.resampled)] if self.n_units > 1 else np.empty(0)

    def _scale(self) -> float:
        return float(np.sqrt(self.n_units / (self.n_units - 1)))

    def _skewness(self, drawn: Array) -> tuple[float, float]:
        """Return how far the mean lies from the median, as a normal score, and the acceleration.

        The first is a sixth of the skewness (Edgeworth): counting fails where many resamplings give the same figure.
        """
        off = np.nanmean(self.left_out) - self.left_out[np.isfinite(self.left_out)]
        spread = (off**2).sum() ** 1.5
        middle = 0.0 if np.allclose(drawn, drawn[0], rtol=1e-9, atol=0) else float(skew(drawn)) / 6
        return middle, float((off**3).sum() / (6 * spread)) if spread > 0 else 0.0


def _normal_score(drawn: Array, at: float) -> float:
    """Return which quantile of the drawn a value is, as a normal score; values equal to it count by half."""
    share = ((drawn < at).sum() + (drawn == at).sum() / 2) / len(drawn)
    return float(norm.ppf(np.clip(share, 1 / (len(drawn) + 1), 1 - 1 / (len(drawn) + 1))))


def intervals(
    figures: Figures[Name], n: int, *, n_boot: int, seed: int, width: int = 1, groups: Groups | None = None
) -> dict[Name, Interval]:
    """Return figures of `n` rows with their 95 % intervals.

    Parameters
    ----------
    n_boot
        Resamplings; 0: no intervals.
    seed
        The same seed draws the same rows, so that figures of two models can be compared.
    width
        Numbers that `figures` holds for each row and resampling: the more, the fewer resamplings at once.
    groups
        Number of each row's group ``(n,)``, see `group_numbers`; ``None``: rows are drawn one by one.
    """
    samples = draw(figures, n, n_boot=n_boot, seed=seed, width=width, groups=groups)
    return {name: sample.interval() for name, sample in samples.items()}


def table(
    models: Mapping[str, Callable[[Array], Mapping[Any, Array]]],
    n: int,
    columns: Sequence[str],
    *,
    baseline: str | None = None,
    n_boot: int,
    seed: int,
    width: int = 1,
    groups: Groups | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Return a tidy table of models' figures, with intervals, and with their differences from a baseline's.

    Parameters
    ----------
    models
        Name to figures, named by what stands in `columns` of the table, the metric first.
    baseline
        One of the models: each other's ``difference`` from it, with ``difference_low``, ``difference_high`` and ``p``,
        comes from the same resamplings of the rows (a paired bootstrap).
    limits
        Metric to the least and greatest value that it can have; others are not limited.
    """
    if baseline is not None:
        check_known("models", [baseline], models)
    options: dict[str, Any] = {"n_boot": n_boot, "seed": seed, "width": width, "groups": groups}
    against: dict[Any, Sample] = {} if baseline is None else draw(models[baseline], n, **options)
    rows: list[tuple[Any, ...]] = []
    for model, figures in models.items():
        for name, sample in (against if model == baseline else draw(figures, n, **options)).items():
            value, low, high = sample.interval()
            least, most = (limits or {}).get(name[0], (-np.inf, np.inf))
            row = (model, *name, value, max(low, least), min(high, most))
            rows.append(row if baseline is None else (*row, *_difference(sample, against.get(name), model == baseline)))
    compared = () if baseline is None else ("difference", "difference_low", "difference_high", "p")
    return pd.DataFrame(rows, columns=["model", *columns, "value", "low", "high", *compared])


def _difference(sample: Sample, baseline: Sample | None, is_baseline: bool) -> tuple[float, float, float, float]:
    if is_baseline or baseline is None:
        return (np.nan,) * 4
    difference = sample.minus(baseline)
    return (*difference.interval(), difference.p_value())


def draw(
    figures: Figures[Name], n: int, *, n_boot: int, seed: int, width: int = 1, groups: Groups | None = None
) -> dict[Name, Sample]:
    """Compute figures of `n` rows, and what they come to in resamplings; arguments are those of `intervals`."""
    if n == 0:
        raise ValueError("there are no rows to evaluate")
    n_units = n if groups is None else int(groups.max()) + 1
    if n_boot and n_units == 1 < n:
        raise ValueError(f"all {n:,} rows are of one group, and one group says nothing of others: pass n_boot=0")
    unit = np.arange(n) if groups is None else groups
    value = figures(np.ones((1, n)))
    drawn = []
    with bar("Resampling", n_boot) as shown:
        for weights in resample(n_units, n_boot, seed=seed, width=width * n / n_units):
            drawn.append(figures(weights[:, unit]))
            shown.update(len(weights))
    left_out = [figures(weights) for weights in _leave_out(unit, n_units, width)] if n_boot and n_units > 1 else []
    return {
        name: Sample(float(one[0]), _joined(drawn, name), _joined(left_out, name), n_units)
        for name, one in value.items()
    }


def _joined(parts: Sequence[Mapping[Name, Array]], name: Name) -> Array:
    return np.concatenate([np.empty(0), *(part[name] for part in parts)])


def resample(n: int, n_boot: int, *, seed: int, width: float = 1) -> Iterator[Array]:
    """Yield how often each of `n` units is drawn, ``(some, n)``, until there are `n_boot` resamplings."""
    random = np.random.default_rng(seed)
    at_once = max(1, int(_VALUES_AT_ONCE / (n * width)))
    for first in range(0, n_boot, at_once):
        count = min(at_once, n_boot - first)
        drawn = random.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


def _leave_out(unit: Groups, n_units: int, width: float) -> Iterator[Array]:
    """Yield weights of the rows, ``(some, n)``, without one block of the units each."""
    blocks = np.arange(min(n_units, _BLOCKS))
    at_once = max(1, int(_VALUES_AT_ONCE / (len(unit) * width)))
    for first in range(0, len(blocks), at_once):
        yield (blocks[first : first + at_once, None] != unit % len(blocks)).astype(np.float64)


def group_numbers(by: ArrayLike | None, n: int) -> Groups | None:
    """Return the number of each row's group, ``(n,)``, from anything that names a group for each of `n` rows."""
    if by is None:
        return None
    groups = pd.Series(by).reset_index(drop=True)
    if len(groups) != n or groups.isna().any():
        known = f"{groups.notna().sum():,} groups for {n:,} rows"
        raise ValueError(f"by= names the group of every row, got {known}: leave the rows without one out")
    numbers: Groups = pd.factorize(groups)[0].astype(np.int64)
    return numbers

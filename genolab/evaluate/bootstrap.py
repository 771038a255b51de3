"""Bootstrap intervals: how far a figure would move with other rows (cells, sequences) from the same source.

A resampling is how often each row was drawn. A figure is a function from weights ``(b, n)``, one line a resampling, to
``(b,)``, so that a thousand resamplings are a few matrix products.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from genolab.waiting import bar

Array = NDArray[np.float64]
Name = TypeVar("Name")

_PERCENTILES: Final = (2.5, 97.5)
_VALUES_AT_ONCE: Final = 4_000_000  # weights and what is made of them: 32 MB


class Interval(NamedTuple):
    """A figure and the bounds of its 95 % interval; the bounds are NaN where it wasn't asked for."""

    value: float
    low: float
    high: float


def intervals(
    figures: Callable[[Array], Mapping[Name, Array]], n: int, *, n_boot: int, seed: int, width: int = 1
) -> dict[Name, Interval]:
    """Return figures of `n` rows with their 95 % intervals.

    Parameters
    ----------
    figures
        From weights ``(b, n)`` to named figures, ``(b,)`` each.
    n_boot
        Resamplings; 0: no intervals.
    seed
        The same seed draws the same rows, so that figures of two models can be compared.
    width
        Numbers that `figures` holds for each row and resampling: the more, the fewer resamplings at once.
    """
    value = figures(np.ones((1, n)))
    parts = []
    with bar("Resampling", n_boot) as shown:
        for weights in resample(n, n_boot, seed=seed, width=width):
            parts.append(figures(weights))
            shown.update(len(weights))
    return {
        name: percentile_interval(float(one[0]), np.concatenate([part[name] for part in parts] or [np.empty(0)]))
        for name, one in value.items()
    }


def resample(n: int, n_boot: int, *, seed: int, width: int = 1) -> Iterator[Array]:
    """Yield how often each of `n` rows is drawn, ``(some, n)``, until there are `n_boot` resamplings."""
    random = np.random.default_rng(seed)
    at_once = max(1, _VALUES_AT_ONCE // (n * width))
    for first in range(0, n_boot, at_once):
        count = min(at_once, n_boot - first)
        drawn = random.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


def percentile_interval(value: float, resampled: Array) -> Interval:
    """Return a figure between the percentiles of its resamplings, less their bias.

    Rows drawn twice agree with themselves, which lifts an adjusted Rand index near 0 above the figure itself.
    """
    if len(resampled) == 0 or np.isnan(resampled).all():
        return Interval(value, np.nan, np.nan)
    low, high = np.nanpercentile(resampled, _PERCENTILES) - (np.nanmean(resampled) - value)
    return Interval(value, float(low), float(high))

"""Where in the cycle a sample was taken: periods and starts of courses, estimated without any label.

So time can be counted in cycles, and a moment means the same in all courses.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_known
from genolab.waiting import progress

if TYPE_CHECKING:
    from anndata import AnnData

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

_MOST_CYCLES: Final = 5  # a course spans one to five periods
_N_PERIODS: Final = 200  # tried, evenly spaced on a logarithmic scale: steps of 0.8 %


@dataclass(frozen=True)
class Cycles:
    """Periods of courses, in the unit of their time, and where in the cycle time 0 is, 0 to 1.

    The `start` is 0 in the first course, by which the others are counted.
    """

    period: dict[str, float]
    start: dict[str, float]

    def times(self, profiles: "AnnData") -> NDArray[np.float32]:
        """Return the times of `profiles` in cycles, ``(n, length)`` float32, NaN as they are."""
        names = profiles.obs["course"].astype(str)
        check_known("courses with known cycles", names.unique(), self.period)
        period, start = names.map(self.period).to_numpy(float), names.map(self.start).to_numpy(float)
        times: NDArray[np.float32] = (profiles.obsm["time"] / period[:, None] + start[:, None]).astype(np.float32)
        return times


class Cosinor(NamedTuple):
    """Profiles as waves of one period, ``(n,)`` each.

    They go up and down about `level`. The absolute value of the complex `wave` is the amplitude, its angle by 2 pi
    where in the cycle the peak is. `explained` is the share of the variance that the wave explains, 0 to 1.
    """

    level: Floats
    wave: Complex
    explained: Floats

    @property
    def peak(self) -> Floats:
        """Where in the cycle each profile is highest, 0 to 1."""
        peak: Floats = np.angle(self.wave) / (2 * np.pi) % 1
        return peak


def estimate_cycles(profiles: "AnnData", *, periods: dict[str, float] | None = None) -> Cycles:
    """Estimate the period of each course, and where in the cycle it starts, without any label.

    The period is the one whose wave explains most of the genes' variance, from the length of the course down to a fifth
    of it; `periods` has those that are known, as a course not much longer than one cycle says little of its period. The
    start is the one with which the genes that a course shares with the earlier ones peak where they do there: the angle
    of the sum of their waves, multiplied.

    Examples
    --------
    >>> cycles = estimate_cycles(profiles)
    >>> profiles.obsm["cycles"] = cycles.times(profiles)
    """
    period: dict[str, float] = {}
    start: dict[str, float] = {}
    waves: dict[str, complex] = {}  # gene to the sum of its waves in the courses so far, on the common cycle
    for name in profiles.obs["course"].astype(str).unique():
        rows = profiles[(profiles.obs["course"] == name).to_numpy()]
        values, times = rows.obsm["values"], rows.obsm["time"]
        period[name] = (periods or {}).get(name) or _best_period(values, times)
        wave = fit_cosinor(values, times / period[name]).wave
        size = np.abs(wave)
        wave = np.divide(wave, size, out=np.zeros_like(wave), where=size > 0)
        own = dict(zip(rows.obs["gene"].astype(str), wave.tolist(), strict=True))
        start[name] = _start(own, waves, name)
        turn = np.exp(2j * np.pi * start[name])
        waves |= {gene: waves.get(gene, 0) + one * turn for gene, one in own.items()}
    return Cycles(period, start)


def _best_period(values: ArrayLike, times: ArrayLike) -> float:
    """Return the period whose wave explains most of the variance of one course's profiles, each weighted alike."""
    at = np.asarray(times, dtype=np.float64)
    span = float(np.nanmax(at) - np.nanmin(at))
    tried = np.geomspace(span / _MOST_CYCLES, span, _N_PERIODS)
    explained = [float(np.mean(fit_cosinor(values, at / period).explained)) for period in progress(tried, "Periods")]
    return float(tried[int(np.argmax(explained))])


def fit_cosinor(values: ArrayLike, cycles: ArrayLike) -> Cosinor:
    """Fit ``level + amplitude * cos(2 pi (time - peak))`` to each profile by least squares (Halberg et al. 1967).

    `values` and `cycles`, the times in cycles, are ``(n, length)``, NaN where missing. A profile of fewer than three
    values is shrunk to a flat one.
    """
    x, turn = np.asarray(values, dtype=np.float64), 2 * np.pi * np.asarray(cycles, dtype=np.float64)
    measured = np.isfinite(x) & np.isfinite(turn)
    x, turn = np.where(measured, x, 0), np.where(measured, turn, 0)
    basis = np.stack([np.ones_like(turn), np.cos(turn), np.sin(turn)], axis=2) * measured[:, :, None]  # (n, length, 3)
    products = np.einsum("nli,nlj->nij", basis, basis) + 1e-6 * np.eye(3)
    fit = np.linalg.solve(products, np.einsum("nli,nl->ni", basis, x)[:, :, None])[:, :, 0]  # (n, 3)
    residual = ((x - np.einsum("nli,ni->nl", basis, fit)) ** 2 * measured).sum(axis=1)
    mean = x.sum(axis=1) / np.maximum(measured.sum(axis=1), 1)
    total = ((x - mean[:, None]) ** 2 * measured).sum(axis=1)
    explained = 1 - np.divide(residual, total, out=np.ones_like(residual), where=total > 0)
    return Cosinor(fit[:, 0], fit[:, 1] + 1j * fit[:, 2], np.clip(explained, 0, 1))


def _start(own: dict[str, complex], others: dict[str, complex], name: str) -> float:
    """Return by how much a course's cycle is behind the others', 0 to 1."""
    if not others:
        return 0.0
    shared = own.keys() & others.keys()
    if not shared:
        raise ValueError(
            f"a course is set beside the others by the genes that it shares with them; {name!r} shares none: give it "
            "the genes' common names"
        )
    # Sorted, as a set has no order and sums of floats do
    turned = sum(others[gene] * np.conj(own[gene]) for gene in sorted(shared))
    return float(np.angle(turned) / (2 * np.pi) % 1)

"""Expression over time whose truth is known: periods, phases and noise."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genolab.checks import check_share

if TYPE_CHECKING:
    from anndata import AnnData

Floats = NDArray[np.float64]


def simulate_time_course(
    n_genes: int = 400,
    n_times: int | Sequence[int] = 20,
    *,
    periods: Sequence[float] = (60.0,),
    cycles: float = 2.0,
    n_phases: int = 4,
    cycling: float = 1.0,
    noise: float = 0.3,
    missing: float = 0.05,
    irregular: float = 0.0,
    seed: int = 0,
) -> "AnnData":
    r"""Draw genes that rise and fall with a cycle, followed through one or more courses.

    The model, for gene g at time t of course c::

        value[g, t] = level[g] + amplitude[g] * cos(2 pi * (t / period[c] + start[c] - peak[g])) + noise * normal

    - ``peak``: where in the cycle the gene is highest, 0 to 1, all equally likely; its class is the part of the cycle
      that this falls into: of `n_phases` of equal length, ``phase_1``, ``phase_2`` ...
    - ``amplitude``: log-normal about 1 (sigma 0.3); 0 for genes that don't follow the cycle. ``level``: normal, sigma
      0.3.
    - ``start``: where in the cycle a course begins; 0 for the first, drawn for the others.

    Parameters
    ----------
    n_times
        Samples a course: one number for all, or one each.
    periods, cycles
        Period of each course, in minutes, and how many periods each spans.
    cycling
        Share of the genes that follow the cycle; the others are flat, of the class ``none``.
    noise, missing
        Standard deviation of the measurement, and the share of the values that are NaN.
    irregular
        How far samples are from even spacing, as a share of half that spacing, 0 to less than 1.

    Returns
    -------
    AnnData
        As ``fetch("yeast_cell_cycle")``: ``X`` ``(n_genes, samples)`` float32, ``var["course"]``, ``var["time"]``
        (minutes); the truth in ``obs["phase"]``, ``obs["peak"]`` (NaN for flat genes), ``obs["amplitude"]`` and
        ``layers["truth"]`` (values without noise); and ``uns["simulation"]`` with the arguments and ``starts``.

    Examples
    --------
    >>> genes = simulate_time_course(200, (18, 24), periods=(60.0, 110.0), noise=0.5, seed=1)
    """
    import pandas as pd
    from anndata import AnnData

    lengths = [n_times] * len(periods) if isinstance(n_times, int) else list(n_times)
    _check(n_genes, lengths, periods, cycles, n_phases=n_phases, noise=noise)
    check_share("cycling", cycling)
    check_share("missing", missing, one=False)
    check_share("irregular", irregular, one=False)
    rng = np.random.default_rng(seed)
    peak, level = rng.random(n_genes), rng.normal(0, 0.3, n_genes)
    follows = np.arange(n_genes) < round(cycling * n_genes)
    amplitude = np.exp(rng.normal(0, 0.3, n_genes)) * follows
    starts = np.concatenate([[0.0], rng.random(len(periods) - 1)])
    times = [_times(length, period * cycles, irregular, rng) for length, period in zip(lengths, periods, strict=True)]
    turn = np.concatenate([at / period + start for at, period, start in zip(times, periods, starts, strict=True)])
    truth = level[:, None] + amplitude[:, None] * np.cos(2 * np.pi * (turn - peak[:, None]))
    values = truth + noise * rng.normal(size=truth.shape)
    values[rng.random(truth.shape) < missing] = np.nan
    width = len(str(len(periods)))
    course = np.repeat([f"course_{number:0{width}d}" for number in range(1, len(periods) + 1)], lengths)
    var = pd.DataFrame({"course": pd.Categorical(course), "time": np.concatenate(times)})
    var.index = pd.Index([f"{name} {at:g}" for name, at in zip(course, var["time"], strict=True)])
    phases = [f"phase_{number}" for number in range(1, n_phases + 1)]
    named = np.where(follows, np.array(phases)[(peak * n_phases).astype(np.int64)], "none")
    kinds = phases if follows.all() else [*phases, "none"]
    obs = pd.DataFrame(
        {"phase": pd.Categorical(named, categories=kinds), "peak": np.where(follows, peak, np.nan)},
        index=[f"gene_{number:0{len(str(n_genes))}d}" for number in range(1, n_genes + 1)],
    )
    obs["amplitude"] = amplitude
    adata = AnnData(values.astype(np.float32), obs=obs, var=var, layers={"truth": truth.astype(np.float32)})
    adata.uns["time_unit"] = "minutes"
    adata.uns["simulation"] = {
        "periods": list(map(float, periods)),
        "starts": starts.tolist(),
        "cycles": cycles,
        "noise": noise,
        "missing": missing,
        "seed": seed,
    }
    return adata


def _times(length: int, span: float, irregular: float, rng: np.random.Generator) -> Floats:
    """Return times from 0 on, each moved by less than half the spacing, so that their order stays."""
    spacing = span / (length - 1)
    moved = np.arange(length) * spacing + spacing / 2 * irregular * rng.uniform(-1, 1, length)
    times: Floats = np.round(moved - moved[0], 3)
    return times


def _check(
    n_genes: int, lengths: Sequence[int], periods: Sequence[float], cycles: float, *, n_phases: int, noise: float
) -> None:
    if not periods or len(lengths) != len(periods):
        raise ValueError(
            f"every course has a period and a number of samples, got {len(lengths)} numbers for {len(periods)} periods"
        )
    if n_genes < 1 or min(lengths) < 2 or n_phases < 2:
        raise ValueError(
            f"there must be at least 1 gene, 2 samples a course and 2 phases, got n_genes={n_genes}, "
            f"n_times={list(lengths)}, n_phases={n_phases}"
        )
    if min(periods) <= 0 or cycles <= 0 or noise < 0:
        raise ValueError(
            f"periods and cycles are above 0 and noise at least 0, got {list(periods)}, {cycles} and {noise}"
        )

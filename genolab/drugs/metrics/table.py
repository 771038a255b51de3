"""How well models predict what compounds do: one tidy table, with intervals, beside the baselines.

Errors and order over all rows, rank and enrichment within each context, cliffs apart, and whether the stated
uncertainty is true. Every figure is made from weighted rows, so that a thousand resamplings, the same for all models,
are a few passes over the data.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.data.dataset import AnnDataset
from genolab.drugs.metrics.concordance import Concordance
from genolab.drugs.metrics.errors import (
    LEVELS,
    Correlation,
    Coverage,
    Doubt,
    Likelihood,
    Miscalibration,
    R2m,
    SquaredError,
)
from genolab.drugs.metrics.predictions import Rows, beside, column
from genolab.drugs.metrics.ranking import Bedroc, Enrichment, RankCorrelation
from genolab.evaluate.bootstrap import percentile_interval

Array = NDArray[np.float64]
Figure = Callable[[Array], Array]
"""From weights of the rows ``(b, n)`` to figures ``(b,)``."""

COVERED: Final = 0.9
"""The share of rows that the intervals behind ``"coverage"`` promise to hold."""

_CELLS_AT_ONCE: Final = 200_000  # rows x resamplings at a time: 1.6 MB stay in the processor

_FIGURES: Final[dict[str, Callable[[Rows], Figure]]] = {
    "mse": lambda rows: SquaredError(rows.truth.miss(rows.mean)),
    "rmse": lambda rows: SquaredError(rows.truth.miss(rows.mean), root=True),
    "rmse_within": lambda rows: SquaredError(rows.truth.miss(rows.mean), context=rows.context, root=True),
    "cliff_rmse": lambda rows: SquaredError(
        rows.truth.miss(rows.mean), among=rows.cliff, context=rows.context, root=True
    ),
    "ci": lambda rows: Concordance(rows.truth.low, rows.truth.high, rows.mean),
    "r2m": lambda rows: R2m(rows.truth, rows.mean),
    "pearson": lambda rows: Correlation(rows.truth, rows.mean),
    "spearman": lambda rows: RankCorrelation(rows.true_strength, rows.strength, rows.context),
    "ef1": lambda rows: Enrichment(rows.strength, rows.active, rows.context, 0.01),
    "ef5": lambda rows: Enrichment(rows.strength, rows.active, rows.context, 0.05),
    "bedroc": lambda rows: Bedroc(rows.strength, rows.active, rows.context),
    "coverage": lambda rows: Coverage(*rows.stated, COVERED),
    "miscalibration": lambda rows: Miscalibration(*rows.stated),
    "nll": lambda rows: Likelihood(*rows.stated),
    "doubt": lambda rows: Doubt(*rows.stated),
}
METRICS: Final = tuple(_FIGURES)
"""What `responses` can measure."""

_OF_SPREAD: Final = ("coverage", "miscalibration", "nll", "doubt")
_LIMITS: Final = {
    "mse": (0, np.inf),
    "rmse": (0, np.inf),
    "rmse_within": (0, np.inf),
    "cliff_rmse": (0, np.inf),
    "ef1": (0, np.inf),
    "ef5": (0, np.inf),
    "nll": (-np.inf, np.inf),
    "pearson": (-1, 1),
    "spearman": (-1, 1),
    "doubt": (-1, 1),
}  # all others lie between 0 and 1


def evaluate(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    metrics: Sequence[str] | None = None,
    by: Literal["compound", "context"] | None = None,
    active: float | None = None,
    censored: bool = False,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold models of compounds' responses against what was measured.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, and ``spread(batch)`` where it knows how sure it is; or to predictions
        ``(n,)``; or to an `Estimate`. Put the baselines among them.
    test
        Rows that no model has learned from, with the response as target; ``obs`` names each row's ``compound`` and
        ``context``. A column ``cliff`` marks rows at activity cliffs.
    metrics
        Out of `METRICS`; ``None``: all that data and model allow.

        - ``"mse"``, ``"rmse"``: of all rows; ``"rmse_within"``, ``"cliff_rmse"``: mean over contexts of their rows'
          RMSE, and of that of the rows at cliffs (van Tilborg et al. 2022).
        - ``"ci"``: concordance index, the share of pairs in the right order; ``"r2m"`` (Roy and Roy 2008);
          ``"pearson"``.
        - ``"spearman"``: within a context of at least 5 rows, mean over contexts.
        - ``"ef1"``, ``"ef5"``: how many times as many actives as by chance a context's top 1 and 5 % hold;
          ``"bedroc"`` (alpha 20): how early they come; means over contexts with actives and others.
        - ``"coverage"``: share of rows in their 90 % intervals; ``"miscalibration"``: mean distance from what intervals
          promise; ``"nll"``: negative log-likelihood; ``"doubt"``: Spearman's correlation of spread and error.
    by
        What is drawn anew for the intervals: rows, or all rows of a compound or a context at once. ``"compound"`` is
        honest for compounds never seen: rows of one compound are wrong together.
    active
        Response from which on a compound counts as active. ``None``: 7 for pKd and pIC50 (100 nM), else that of the
        strongest tenth of the rows.
    censored
        What ``"<"`` and ``">"`` in ``obs["censored"]`` mean. True: only a bound is known, so a prediction is wrong on
        its other side alone, pairs of rows count where their order is known, and correlations and coverage leave such
        rows out. False: the bound is taken for the value, as in all published figures of davis, where 10 micromolar
        stands for everything weaker.
    n_boot
        Resamplings behind the intervals; 0: no intervals.
    seed
        Of the resamplings.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``value``, ``low``, ``high`` (95 % interval). What isn't defined, such as an
        enrichment without any active, is NaN.

    Raises
    ------
    KeyError
        A metric or column is unknown.
    ValueError
        There is no target, or predictions have another shape or aren't finite.

    Examples
    --------
    >>> found = gl.drugs.evaluate({"network": model, "means": means}, test, by="compound")
    >>> gl.plot.comparison(found, baseline="means")
    """
    unknown = [metric for metric in metrics or () if metric not in _FIGURES]
    if unknown:
        raise KeyError(f"metrics are {', '.join(METRICS)}; got {unknown}")
    unit = _units(test, by)
    table: list[tuple[Any, ...]] = []
    for name, rows in beside(models, test, active=active, censored=censored).items():
        figures = {metric: _FIGURES[metric](rows) for metric in _possible(name, rows, metrics)}
        values = {metric: figure(np.ones((1, len(unit)))) for metric, figure in figures.items()}
        again = [{metric: figure(drawn) for metric, figure in figures.items()} for drawn in _draws(unit, n_boot, seed)]
        for metric, value in values.items():
            spread = np.concatenate([part[metric] for part in again]) if again else np.empty(0)
            found, (least, most) = percentile_interval(float(value[0]), spread), _LIMITS.get(metric, (0, 1))
            table.append((name, metric, found.value, np.maximum(found.low, least), np.minimum(found.high, most)))
    return pd.DataFrame(table, columns=["model", "metric", "value", "low", "high"])


def calibration(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    levels: Sequence[float] = tuple(LEVELS),
    censored: bool = False,
) -> pd.DataFrame:
    """Return which share of the measured values lies in intervals that promise to hold `levels` of them.

    Parameters
    ----------
    models, test, censored
        As in `responses`; models that state no uncertainty are left out.
    levels
        Shares promised, 0 to 1.

    Returns
    -------
    DataFrame
        ``model``, ``level``, ``coverage``. Below the level, a model is too sure of itself.

    Raises
    ------
    ValueError
        No model states its uncertainty, a level isn't in 0 to 1, or as in `responses`.
    """
    wrong = [level for level in levels if not 0 < level < 1]
    if wrong:
        raise ValueError(f"levels are shares above 0 and below 1, got {wrong}")
    told = {name: rows for name, rows in beside(models, test, censored=censored).items() if rows.spread is not None}
    if not told:
        raise ValueError(
            "calibration needs a model that says how sure it is: one with spread(batch), or Estimate(mean, spread)"
        )
    whole = np.ones((1, len(test)))
    found = [(name, level, Coverage(*rows.stated, level)(whole)[0]) for name, rows in told.items() for level in levels]
    return pd.DataFrame(found, columns=["model", "level", "coverage"])


def _possible(name: str, rows: Rows, metrics: Sequence[str] | None) -> list[str]:
    """Return the metrics that are asked for, or all that these rows allow."""
    lacking = {metric: "a model that says how sure it is" for metric in _OF_SPREAD if rows.spread is None}
    if rows.cliff is None:
        lacking["cliff_rmse"] = "a column 'cliff' in obs"
    if metrics is None:
        return [metric for metric in METRICS if metric not in lacking]
    if "cliff_rmse" in metrics and rows.cliff is None:
        raise KeyError(
            f"'cliff_rmse' needs a column 'cliff' of obs, true for rows at activity cliffs; judging {name!r}"
        )
    return [metric for metric in metrics if metric not in lacking]


def _units(test: AnnDataset, by: str | None) -> NDArray[np.int64]:
    """Return the number of what each row is drawn with: itself, its compound or its context."""
    if by is None:
        return np.arange(len(test))
    if by not in {"compound", "context"}:
        raise ValueError(f"what is drawn anew is 'compound', 'context' or None (rows), got {by!r}")
    codes: NDArray[np.int64] = pd.factorize(column(test, by))[0].astype(np.int64)
    return codes


def _draws(unit: NDArray[np.int64], n_boot: int, seed: int) -> Iterator[Array]:
    """Yield how often each row comes up, ``(some, n)``, until there are `n_boot` resamplings of the units."""
    random = np.random.default_rng(seed)
    n = int(unit.max()) + 1
    most = max(1, _CELLS_AT_ONCE // len(unit))
    for first in range(0, n_boot, most):
        count = min(most, n_boot - first)
        drawn = random.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)[:, unit].astype(np.float64)

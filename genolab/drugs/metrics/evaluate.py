"""How well models predict what compounds do: one tidy table, with intervals, beside the baselines."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.checks import check_columns, check_known
from genolab.data.dataset import AnnDataset, aligned
from genolab.drugs.metrics import errors
from genolab.drugs.metrics.errors import LEVELS, Truth
from genolab.drugs.pairs import high_is_potent, response_name
from genolab.evaluate import bootstrap, ranking
from genolab.evaluate.ranking import Array, Figure
from genolab.infer.lend import borrowed, to_numpy

COVERAGE_LEVEL: Final = 0.9
"""The nominal coverage of the intervals of ``"coverage"``."""

_ACTIVE: Final = 7.0  # pKd or pIC50: 100 nM, from which on a compound is commonly called a hit
_ACTIVE_SHARE: Final = 0.1  # of another response, the most potent tenth are the actives
_WIDTH: Final = 20  # numbers a row and bootstrap sample; few samples at once stay in the processor's cache


class Estimate(NamedTuple):
    """Predictions ``(n,)``, and their standard deviations ``(n,)`` or ``None``: what a model of your own predicts."""

    mean: ArrayLike
    spread: ArrayLike | None = None


class Predictions(NamedTuple):
    """One model's predictions and what was measured, row by row."""

    truth: Truth
    mean: Array
    spread: Array | None
    sign: float
    context: NDArray[np.int64]
    active: Array
    cliff: NDArray[np.bool_] | None

    @property
    def error(self) -> Array:
        """How far predictions lie off, ``(n,)``."""
        return self.truth.error(self.mean)

    @property
    def ranked(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """What rankings are made from: predicted potency, actives, contexts."""
        return self.sign * self.mean, self.active, self.context

    @property
    def uncertain(self) -> tuple[Truth, Array, Array]:
        """What figures of uncertainty are made from."""
        assert self.spread is not None  # they are asked of models with a spread alone
        return self.truth, self.mean, self.spread


_FIGURES: Final[dict[str, Callable[[Predictions], Figure]]] = {
    "mse": lambda p: errors.squared_error(p.error),
    "rmse": lambda p: errors.squared_error(p.error, root=True),
    "rmse_within": lambda p: errors.squared_error(p.error, context=p.context, root=True),
    "cliff_rmse": lambda p: errors.squared_error(p.error, among=p.cliff, context=p.context, root=True),
    "ci": lambda p: ranking.concordance(p.truth.low, p.truth.high, p.mean),
    "r2m": lambda p: errors.r2m(p.truth, p.mean),
    "pearson": lambda p: errors.correlation(p.truth, p.mean),
    "spearman": lambda p: ranking.rank_correlation(p.truth.value, p.mean, p.context),
    "ef1": lambda p: ranking.enrichment(*p.ranked, 0.01),
    "ef5": lambda p: ranking.enrichment(*p.ranked, 0.05),
    "bedroc": lambda p: ranking.bedroc(*p.ranked),
    "coverage": lambda p: errors.coverage(*p.uncertain, COVERAGE_LEVEL),
    "miscalibration": lambda p: errors.miscalibration(*p.uncertain),
    "nll": lambda p: errors.negative_log_likelihood(*p.uncertain),
    "uncertainty_correlation": lambda p: errors.uncertainty_correlation(*p.uncertain),
}
METRICS: Final = tuple(_FIGURES)
"""The metrics of `evaluate`."""

_OF_SPREAD: Final = ("coverage", "miscalibration", "nll", "uncertainty_correlation")
_LIMITS: Final = (
    dict.fromkeys(("mse", "rmse", "rmse_within", "cliff_rmse", "ef1", "ef5"), (0, np.inf))
    | dict.fromkeys(("pearson", "spearman", "uncertainty_correlation"), (-1, 1))
    | {"nll": (-np.inf, np.inf)}
)  # all others lie between 0 and 1


def evaluate(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    metrics: Sequence[str] | None = None,
    by: Literal["compound", "context"] | None = None,
    baseline: str | None = None,
    active: float | None = None,
    censored: bool = False,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare models' predictions with the measured responses.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, and ``spread(batch)`` where it has one; or to predictions ``(n,)``; or
        to an `Estimate`. Put the baselines among them.
    test
        Rows that no model has learned from, with the response as target; ``obs`` names each row's ``compound`` and
        ``context``. A column ``cliff`` marks rows at activity cliffs.
    metrics
        Out of `METRICS`; ``None``: all that data and model allow.

        - ``"mse"``, ``"rmse"``: of all rows; ``"rmse_within"``, ``"cliff_rmse"``: mean over contexts of their rows'
          RMSE, and of that of the rows at cliffs (van Tilborg et al. 2022).
        - ``"ci"``: concordance index, the share of pairs in the right order; ``"r2m"`` (Roy and Roy 2008);
          ``"pearson"``; ``"spearman"``: within a context of at least 5 rows, mean over contexts.
        - ``"ef1"``, ``"ef5"``: how many times as many actives as by chance a context's top 1 and 5 % hold;
          ``"bedroc"`` (alpha 20): how early they come; means over contexts with actives and others.
        - ``"coverage"``: share of rows in their 90 % intervals; ``"miscalibration"``: mean distance from nominal
          coverages; ``"nll"``: negative log-likelihood; ``"uncertainty_correlation"``: Spearman's, of spread and error.
    by
        What is resampled for the intervals: rows, or all rows of a compound or a context at once. Take ``"compound"``
        for compounds never seen: the errors of one compound's rows go together.
    baseline
        One of the models: adds every other's difference from it, as in `genolab.evaluate.table`.
    active
        Response from which on a compound is active. ``None``: 7 for pKd and pIC50 (100 nM), else the top tenth's.
    censored
        Whether ``"<"`` and ``">"`` in ``obs["censored"]`` make the response a bound, wrong on its other side alone;
        correlations and coverage leave such rows out. False: the bound is taken for the value, as in all published
        figures of davis, where 10 micromolar stands for everything weaker.
    n_boot
        Bootstrap samples behind the intervals, the same for all models; 0: no intervals.

    Returns
    -------
    DataFrame
        ``model``, ``metric``, ``value``, ``low``, ``high`` (95 % interval); NaN where a metric isn't defined.

    Examples
    --------
    >>> table = gl.drugs.evaluate({"network": model, "means": means}, test, by="compound")
    >>> gl.plot.comparison(table, baseline="means")
    """
    check_known("metrics", metrics or (), _FIGURES)
    models_figures = {
        name: _figures({metric: _FIGURES[metric](each) for metric in _possible(name, each, metrics)})
        for name, each in predictions_of(models, test, active=active, censored=censored).items()
    }
    return bootstrap.table(
        models_figures,
        len(test),
        ["metric"],
        baseline=baseline,
        groups=_units(test, by),
        n_boot=n_boot,
        seed=seed,
        width=_WIDTH,
        limits=dict.fromkeys(METRICS, (0, 1)) | _LIMITS,
    )


def _figures(figures: dict[str, Figure]) -> bootstrap.Figures[tuple[str, ...]]:
    return lambda weights: {(metric,): figure(weights) for metric, figure in figures.items()}


def calibration(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    levels: Sequence[float] = tuple(LEVELS),
    censored: bool = False,
) -> pd.DataFrame:
    """Return the share of measured values in intervals that are to hold `levels` of them, above 0 and below 1.

    Other arguments are those of `evaluate`; models without a spread are left out. The table has ``model``, ``level``
    and ``coverage``: below the level, a model is overconfident.
    """
    if wrong := [level for level in levels if not 0 < level < 1]:
        raise ValueError(f"levels are shares above 0 and below 1, got {wrong}")
    every = predictions_of(models, test, censored=censored)
    uncertain = {name: predictions for name, predictions in every.items() if predictions.spread is not None}
    if not uncertain:
        raise ValueError(
            "calibration needs a model with an uncertainty: one with spread(batch), or Estimate(mean, spread)"
        )
    whole = np.ones((1, len(test)))
    rows = [
        (name, level, errors.coverage(*predictions.uncertain, level)(whole)[0])
        for name, predictions in uncertain.items()
        for level in levels
    ]
    return pd.DataFrame(rows, columns=["model", "level", "coverage"])


def predictions_of(
    models: Mapping[str, Any], test: AnnDataset, *, active: float | None = None, censored: bool = False
) -> dict[str, Predictions]:
    """Predict the test set with every model; arguments as in `evaluate`."""
    if not models:
        raise ValueError("there are no models to compare: pass a dictionary of names and models")
    truth, sign = measured(test, censored=censored), 1.0 if high_is_potent(test.adata) else -1.0
    context = pd.factorize(column(test, "context"))[0].astype(np.int64)
    actives = _actives(truth, test.adata, active)
    cliff = column(test, "cliff").to_numpy(dtype=bool) if "cliff" in test.adata.obs else None
    return {
        str(name): Predictions(truth, *estimate(str(name), model, test), sign, context, actives, cliff)
        for name, model in models.items()
    }


def measured(test: AnnDataset, *, censored: bool = False) -> Truth:
    """Return what was measured of the rows: values, and the bounds of ``obs["censored"]`` where `censored` is set."""
    parts = [batch.target for batch in test.batches(8192)]
    if parts[0] is None or not parts[0].is_floating_point():
        raise ValueError("to evaluate models the response is needed: pass target='obs/response' to AnnDataset")
    value = np.concatenate([part.cpu().numpy() for part in parts if part is not None]).astype(np.float64)
    value = value.reshape(len(test), -1)
    if value.shape[1] != 1:
        raise ValueError(f"a response is one number a row, got {value.shape[1]}: choose a column, as in 'obs/response'")
    value = value[:, 0]
    if not censored or "censored" not in test.adata.obs:
        return Truth(value, value, value)
    marks = column(test, "censored").astype(object).fillna("").astype(str).to_numpy()
    if unknown := sorted(set(marks) - {"<", ">", "=", ""}):
        raise ValueError(f"obs['censored'] holds '<', '>' or nothing, got {unknown[:5]}")
    # Open bounds: what is below 5 lies below a row measured at 5.
    low = np.where(marks == "<", -np.inf, np.where(marks == ">", np.nextafter(value, np.inf), value))
    high = np.where(marks == ">", np.inf, np.where(marks == "<", np.nextafter(value, -np.inf), value))
    return Truth(value, low, high)


def column(test: AnnDataset, name: str) -> pd.Series:
    """Return a column of ``obs`` for the rows of a dataset."""
    check_columns(test.adata.obs, name, what="obs")
    values: pd.Series = test.adata.obs[name].iloc[test.rows]
    return values


def estimate(name: str, model: Any, test: AnnDataset) -> tuple[Array, Array | None]:
    """Return a model's predictions for the rows, ``(n,)``, and its spread ``(n,)`` where it has one."""
    if isinstance(model, nn.Module):
        has_spread = callable(getattr(model, "spread", None))
        model = Estimate(_output(model, "predict", test), _output(model, "spread", test) if has_spread else None)
    mean, spread = model if isinstance(model, Estimate) else Estimate(model)
    if spread is None:
        return _numbers(name, mean, len(test)), None
    spread = _numbers(name, spread, len(test))
    if (spread < 0).any():
        raise ValueError(f"a spread is at least 0; {name!r} gives {spread.min():g}")
    return _numbers(name, mean, len(test)), spread


def _output(model: nn.Module, verb: str, test: AnnDataset) -> Array:
    test = aligned(model, test)
    with borrowed(model, verb) as (method, device):
        return np.concatenate([to_numpy(method(batch.to(device)), np.float64) for batch in test.batches(1024)])


def _numbers(name: str, given: Any, n: int) -> Array:
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.size != n or numbers.shape[:1] != (n,):
        raise ValueError(f"{name!r} must give one number for each of {n:,} rows, got the shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name!r} gives NaN or infinity for {(~np.isfinite(numbers)).sum():,} rows")
    return numbers.reshape(n)


def _actives(truth: Truth, adata: AnnData, threshold: float | None) -> Array:
    high = high_is_potent(adata)
    if threshold is None:
        logarithmic = re.match("p[A-Z]", response_name(adata)) is not None  # pKd, pIC50; not "percent effect"
        share = 1 - _ACTIVE_SHARE if high else _ACTIVE_SHARE
        threshold = _ACTIVE if logarithmic else float(np.quantile(truth.value, share))
    surely = truth.low >= threshold if high else truth.high <= threshold
    possibly = truth.high >= threshold if high else truth.low <= threshold
    return np.where(surely, 1.0, np.where(possibly, np.nan, 0.0))


def _possible(name: str, predictions: Predictions, metrics: Sequence[str] | None) -> list[str]:
    """Return the metrics that are asked for, or all that these predictions allow."""
    lacking = set(_OF_SPREAD if predictions.spread is None else ())
    if predictions.cliff is None:
        if "cliff_rmse" in (metrics or ()):
            raise KeyError(
                f"'cliff_rmse' needs a column 'cliff' of obs, true for rows at activity cliffs; evaluating {name!r}"
            )
        lacking.add("cliff_rmse")
    return [metric for metric in (METRICS if metrics is None else metrics) if metric not in lacking]


def _units(test: AnnDataset, by: str | None) -> NDArray[np.int64] | None:
    """Return the number of what each row is resampled with, its compound or its context; ``None``: itself."""
    if by not in {"compound", "context", None}:
        raise ValueError(f"what is resampled is 'compound', 'context' or None (rows), got {by!r}")
    return None if by is None else bootstrap.group_numbers(column(test, by), len(test))

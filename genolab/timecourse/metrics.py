"""How well classes are predicted on courses that were held out, and how well profiles are forecast.

Intervals come from resampling the genes, with all their courses and all their times: what a gene does in one course and
in another, or at one time and the next, is no separate piece of evidence.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from torch import nn

from genolab.checks import check_one_of, check_share
from genolab.evaluate.bootstrap import intervals
from genolab.evaluate.metrics import Counts, f1, macro
from genolab.timecourse.predict import forecast

Array = NDArray[np.float64]
Forecaster = Callable[[Any, Any, Any], Any]
Key = tuple[str, str, str]  # model, metric, course

ALL: Final = "all"
"""What stands for all courses together, in a column ``course``."""


def evaluate(
    probabilities: Mapping[str, Any],
    profiles: AnnData,
    target: str,
    *,
    baseline: str | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare models' predictions with the classes of profiles, course by course.

    Parameters
    ----------
    probabilities
        Model to ``(n, n_classes)``, of models that have seen neither the row's gene nor its course, such as from
        `course_folds`; or to several of these, ``(seeds, n, n_classes)``, whose figures are averaged.
    target
        Column of ``obs`` with the classes.
    baseline
        Model over which the others' gain is given.

    Returns
    -------
    DataFrame
        As `genolab.evaluate.table`, with the metrics ``"f1"`` (macro average) and ``"f1_gain"`` (over the baseline),
        and ``course`` (or ``"all"``: the mean over the courses) in place of the class.
    """
    if baseline is not None:
        check_one_of("baseline", baseline, probabilities)
    classes = profiles.obs[target].cat
    truth = classes.codes.to_numpy()[:, None] == np.arange(len(classes.categories))
    predicted = {name: _predicted(name, given, truth.shape) for name, given in probabilities.items()}
    genes, names = pd.factorize(profiles.obs["gene"])
    rows = _rows_by_course(profiles)

    def figures(weights: Array) -> dict[Key, Array]:
        scores = {name: _f1(truth, each, weights[:, genes], rows) for name, each in predicted.items()}
        values: dict[Key, Array] = {}
        for name, by_course in scores.items():
            for course, score in by_course.items():
                values[name, "f1", course] = score
                if baseline is not None and name != baseline:
                    values[name, "f1_gain", course] = score - scores[baseline][course]
        return values

    return _tidy(figures, len(names), n_boot, seed, width=-(-len(genes) // len(names)))


def evaluate_forecasts(
    models: Mapping[str, nn.Module | Forecaster],
    profiles: AnnData,
    *,
    times: str = "time",
    observed: float = 0.6,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Give models the first part of profiles, and compare their forecasts of the rest with what was measured.

    Parameters
    ----------
    models
        Name to a model with ``forecast``, or to a function of values and times ``(n, length)`` and the times asked for
        ``(n, k)`` that gives values ``(n, k)``, such as `genolab.timecourse.last_value`.
    profiles
        Of genes that no model was trained on, as from `genolab.timecourse.courses`.
    times
        Key of ``obsm`` with the times that the models read.
    observed
        Share of each course's samples that models see.

    Returns
    -------
    DataFrame
        As `evaluate`, where ``"all"`` is over all values. Metrics are ``"error"`` (root mean squared error) and, for
        models that give a band, ``"coverage"`` (share of the values within it) and ``"width"`` (mean from low to high).
    """
    check_share("observed", observed, zero=False, one=False)
    genes, names = pd.factorize(profiles.obs["gene"])
    sums = {name: _sums(model, profiles, times, observed, genes) for name, model in models.items()}

    def figures(weights: Array) -> dict[Key, Array]:
        values: dict[Key, Array] = {}
        for name, by_course in sums.items():
            for course, parts in by_course.items():
                count = weights @ parts["count"]
                for metric in ("error", "coverage", "width")[: len(parts) - 1]:
                    mean = np.divide(weights @ parts[metric], count, out=np.full(len(count), np.nan), where=count > 0)
                    values[name, metric, course] = np.sqrt(mean) if metric == "error" else mean
        return values

    return _tidy(figures, len(names), n_boot, seed)


def split_observed(values: Array, times: Array, observed: float) -> tuple[Array, Array, Array, Array]:
    """Split the profiles of one course: values and times seen, ``(n, seen)``, and those to forecast, ``(n, rest)``."""
    length = int(np.isfinite(times[0]).sum())
    seen = round(observed * length)
    if not 0 < seen < length:
        raise ValueError(f"of {length} samples, observed={observed} leaves {seen} to see: both sides need some")
    return values[:, :seen], times[:, :seen], values[:, seen:length], times[:, seen:length]


def forecast_with(
    model: nn.Module | Forecaster, values: Array, times: Array, at: Array
) -> tuple[Array, Array | None, Array | None]:
    """Return a model's forecast, its mean, low and high; of a function the values alone."""
    if not isinstance(model, nn.Module):
        return np.asarray(model(values, times, at), dtype=np.float64), None, None
    mean, low, high = (part.astype(np.float64) for part in forecast(model, values, times, at))
    return mean, low, high


def _tidy(
    figures: Callable[[Array], Mapping[Key, Array]], n_genes: int, n_boot: int, seed: int, *, width: int = 1
) -> pd.DataFrame:
    rows = intervals(figures, n_genes, n_boot=n_boot, seed=seed, width=width)
    columns = ["model", "metric", "course", "value", "low", "high"]
    return pd.DataFrame([(*key, *interval) for key, interval in rows.items()], columns=columns)


def _predicted(name: str, given: Any, shape: tuple[int, int]) -> list[NDArray[np.bool_]]:
    """Return the classes with the highest probability, ``(n, n_classes)`` bool, of each seed."""
    probabilities = np.asarray(given, dtype=np.float64)
    probabilities = probabilities[None] if probabilities.ndim == 2 else probabilities
    if probabilities.ndim != 3 or probabilities.shape[1:] != shape or not np.isfinite(probabilities).all():
        raise ValueError(
            f"{name!r} must give a finite probability for each of {shape[0]:,} rows and {shape[1]} classes, got the "
            f"shape {np.shape(given)}"
        )
    return [np.arange(shape[1]) == each.argmax(axis=1)[:, None] for each in probabilities]


def _rows_by_course(profiles: AnnData) -> dict[str, NDArray[np.int64]]:
    course = profiles.obs["course"].astype(str).to_numpy()
    return {name: np.flatnonzero(course == name) for name in dict.fromkeys(course.tolist())}


def _f1(
    truth: NDArray[np.bool_],
    predicted: Sequence[NDArray[np.bool_]],
    weights: Array,
    rows: Mapping[str, NDArray[np.int64]],
) -> dict[str, Array]:
    """Return macro-F1 a course, and the mean over the courses, for weights ``(b, n)``: ``(b,)`` each."""
    scores = {
        course: np.mean([macro(f1(Counts.of(truth[at], each[at], weights[:, at]))) for each in predicted], axis=0)
        for course, at in rows.items()
    }
    return scores | {ALL: np.mean(list(scores.values()), axis=0)}


def _sums(
    model: nn.Module | Forecaster, profiles: AnnData, times: str, observed: float, genes: NDArray[np.int64]
) -> dict[str, dict[str, Array]]:
    """Return for each course, and for all, each gene's number of values and its sums of errors, hits and widths."""
    sums: dict[str, dict[str, Array]] = {}
    for course, at in _rows_by_course(profiles).items():
        past, then, future, asked = split_observed(profiles.obsm["values"][at], profiles.obsm[times][at], observed)
        mean, low, high = forecast_with(model, past, then, asked)
        measured = np.isfinite(future)
        parts = {"count": measured.astype(float), "error": np.where(measured, future - mean, 0) ** 2}
        if low is not None and high is not None:
            parts["coverage"] = (measured & (low <= future) & (future <= high)).astype(float)
            parts["width"] = np.where(measured, high - low, 0)
        sums[course] = {
            key: np.bincount(genes[at], part.sum(axis=1), genes.max() + 1).astype(np.float64)
            for key, part in parts.items()
        }
    if len(sums) > 1:
        sums[ALL] = {key: np.sum([parts[key] for parts in sums.values()], axis=0) for key in next(iter(sums.values()))}
    return sums

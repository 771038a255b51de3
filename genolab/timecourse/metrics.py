"""How well classes are told from courses that were held out, and how well profiles are forecast.

Intervals come from drawing the genes anew, with all their courses and all their times: what a gene does in one course
and in another, or at one time and the next, is no separate piece of evidence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray
from torch import nn

from genolab.evaluate.bootstrap import percentile_interval
from genolab.evaluate.metrics import Counts, f1, macro

Array = NDArray[np.float64]
Forecaster = Callable[[Any, Any, Any], Any]

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
    """Hold models against the classes of profiles, course by course.

    Parameters
    ----------
    probabilities
        Model to ``(n, n_classes)``, of models that have seen neither the row's gene nor its course, such as from
        `genolab.timecourse.course_folds`; or to several of these, ``(seeds, n, n_classes)``, whose figures are
        averaged.
    profiles
        The rows, as from `genolab.timecourse.courses`.
    target
        Column of ``obs`` with the classes.
    baseline
        Model to which the others' gain is given.
    n_boot
        Resamplings of the genes behind the intervals; 0: none.
    seed
        Of the resamplings.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric`` (``"f1"``, the macro average; ``"f1_gain"`` over the baseline), ``course`` (or
        ``"all"``: the mean over the courses), ``value``, ``low``, ``high`` (95 % interval).

    Raises
    ------
    ValueError
        A model's probabilities have another shape, or the baseline isn't among the models.
    """
    if baseline is not None and baseline not in probabilities:
        raise ValueError(f"the baseline is one of the models, {list(probabilities)}; got {baseline!r}")
    classes = profiles.obs[target].cat
    truth = classes.codes.to_numpy()[:, None] == np.arange(len(classes.categories))
    called = {name: _called(name, given, truth.shape) for name, given in probabilities.items()}
    genes = pd.factorize(profiles.obs["gene"])[0]
    places = _places(profiles)
    drawn = np.concatenate([np.ones((1, genes.max() + 1)), *_draws(genes.max() + 1, n_boot, seed)])
    found = {name: _f1(truth, each, drawn[:, genes], places) for name, each in called.items()}
    rows = []
    for name, figures in found.items():
        for course, values in figures.items():
            rows.append((name, "f1", course, *_interval(values)))
            if baseline not in (None, name):
                rows.append((name, "f1_gain", course, *_interval(values - found[str(baseline)][course])))
    return pd.DataFrame(rows, columns=["model", "metric", "course", "value", "low", "high"])


def evaluate_forecasts(
    models: Mapping[str, nn.Module | Forecaster],
    profiles: AnnData,
    *,
    times: str = "time",
    observed: float = 0.6,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Show models the first part of profiles, and hold what they expect of the rest against what was measured.

    Parameters
    ----------
    models
        Name to a model with ``forecast``, or to a function of values and times ``(n, length)`` and the times asked for
        ``(n, k)`` that gives values ``(n, k)``, such as those of `genolab.timecourse.baselines`.
    profiles
        Of genes that no model has learned from, as from `genolab.timecourse.courses`.
    times
        Key of ``obsm`` with the times that the models read.
    observed
        Share of each course's samples that models see.
    n_boot, seed
        As in `by_course`.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``course`` (or ``"all"``: all values), ``value``, ``low``, ``high``. Metrics are
        ``"error"`` (root of the mean squared error) and, for models that give a band, ``"coverage"`` (share of the
        values within it) and ``"width"`` (mean from low to high).

    Raises
    ------
    ValueError
        `observed` leaves nothing to see, or nothing to forecast.
    """
    if not 0 < observed < 1:
        raise ValueError(f"observed is a share of the samples above 0 and below 1, got {observed}")
    genes, names = pd.factorize(profiles.obs["gene"])
    drawn = np.concatenate([np.ones((1, len(names))), *_draws(len(names), n_boot, seed)])
    rows = []
    for name, model in models.items():
        sums = _sums(model, profiles, times, observed, genes)
        for course, parts in ({**sums, ALL: _total(sums.values())} if len(sums) > 1 else sums).items():
            count = drawn @ parts["count"]
            for metric in ("error", "coverage", "width"):
                if metric in parts:
                    values = _divided(drawn @ parts[metric], count)
                    rows.append((name, metric, course, *_interval(np.sqrt(values) if metric == "error" else values)))
    return pd.DataFrame(rows, columns=["model", "metric", "course", "value", "low", "high"])


def cut(values: Array, times: Array, observed: float) -> tuple[Array, Array, Array, Array]:
    """Cut the profiles of one course: values and times seen, ``(n, seen)``, and those to be forecast, ``(n, rest)``.

    Raises
    ------
    ValueError
        Nothing is left on one of the sides.
    """
    length = int(np.isfinite(times[0]).sum())
    seen = round(observed * length)
    if not 0 < seen < length:
        raise ValueError(f"of {length} samples, observed={observed} leaves {seen} to see: both sides need some")
    return values[:, :seen], times[:, :seen], values[:, seen:length], times[:, seen:length]


def _called(name: str, given: Any, shape: tuple[int, int]) -> list[NDArray[np.bool_]]:
    found = np.asarray(given, dtype=np.float64)
    found = found[None] if found.ndim == 2 else found
    if found.ndim != 3 or found.shape[1:] != shape or not np.isfinite(found).all():
        raise ValueError(
            f"{name!r} must give a finite probability for each of {shape[0]:,} rows and {shape[1]} classes, got the "
            f"shape {np.shape(given)}"
        )
    return [np.arange(shape[1]) == each.argmax(axis=1)[:, None] for each in found]


def _places(profiles: AnnData) -> dict[str, NDArray[np.int64]]:
    course = profiles.obs["course"].astype(str).to_numpy()
    return {name: np.flatnonzero(course == name) for name in dict.fromkeys(course.tolist())}


def _f1(
    truth: NDArray[np.bool_],
    called: Sequence[NDArray[np.bool_]],
    weights: Array,
    places: Mapping[str, NDArray[np.int64]],
) -> dict[str, Array]:
    """Return macro-F1 a course, and the mean over the courses, for weights ``(b, n)``: ``(b,)`` each."""
    found = {
        course: np.mean(
            [macro(f1(Counts.of(truth[at], each[at], weights[:, at]))) for each in called],
            axis=0,
        )
        for course, at in places.items()
    }
    return found | {ALL: np.mean(list(found.values()), axis=0)}


def _sums(
    model: nn.Module | Forecaster, profiles: AnnData, times: str, observed: float, genes: NDArray[np.int64]
) -> dict[str, dict[str, Array]]:
    """Return, for each course, each gene's number of values forecast and its sums of errors, hits and widths."""
    found = {}
    for course, at in _places(profiles).items():
        values, when = profiles.obsm["values"][at], profiles.obsm[times][at]
        past, then, future, asked = cut(values, when, observed)
        mean, low, high = _ask(model, past, then, asked)
        there = np.isfinite(future)
        parts = {"count": there.astype(float), "error": np.where(there, future - mean, 0) ** 2}
        if low is not None and high is not None:
            parts["coverage"] = (there & (low <= future) & (future <= high)).astype(float)
            parts["width"] = np.where(there, high - low, 0)
        n_genes = genes.max() + 1
        found[course] = {
            key: np.bincount(genes[at], part.sum(axis=1), n_genes).astype(np.float64) for key, part in parts.items()
        }
    return found


def _ask(
    model: nn.Module | Forecaster, values: Array, times: Array, at: Array
) -> tuple[Array, Array | None, Array | None]:
    if not isinstance(model, nn.Module):
        return np.asarray(model(values, times, at), dtype=np.float64), None, None
    was = model.training
    model.eval()
    where = next(model.parameters()).device
    given = [torch.as_tensor(np.asarray(part), dtype=torch.float32, device=where) for part in (values, times, at)]
    try:
        with torch.no_grad():
            told = cast("Any", model).forecast(*given)
    finally:
        model.train(was)
    mean, low, high = (part.double().cpu().numpy() for part in (told.mean, told.low, told.high))
    return mean, low, high


def _total(parts: Any) -> dict[str, Array]:
    parts = list(parts)
    return {key: np.sum([part[key] for part in parts], axis=0) for key in parts[0]}


def _draws(n: int, n_boot: int, seed: int) -> Iterator[Array]:
    random = np.random.default_rng(seed)
    for _ in range(n_boot):
        yield np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)[None]


def _divided(part: Array, whole: Array) -> Array:
    found: Array = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found


def _interval(values: Array) -> tuple[float, float, float]:
    found = percentile_interval(float(values[0]), values[1:])
    return found.value, found.low, found.high

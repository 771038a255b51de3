"""Curves over all thresholds, with bands: ROC, precision over recall, and calibration."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_one_of
from genolab.data.dataset import AnnDataset
from genolab.evaluate.bootstrap import Groups, intervals, resample
from genolab.evaluate.metrics import CalibrationBins, RankedScores
from genolab.evaluate.predictions import Predictions, collect_predictions, groups_of

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]

_GRID: Final = np.linspace(0, 1, 101)
"""Where across a curve its band is computed."""


def roc(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    label: str | None = None,
    by: str | ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute each model's ROC curve: false positive rate and true positive rate as the threshold falls.

    Parameters
    ----------
    models, test, by, n_boot, seed
        As in `genolab.evaluate.table`.
    label
        The positive class or label. ``None``: of two classes the second; of more, the decisions on all, pooled.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``threshold``, ``false_positive_rate``, ``true_positive_rate``; every threshold at which
        something changes, as `sklearn.metrics.roc_curve` gives them with ``drop_intermediate=False``. ``low`` and
        ``high``: 95 % of the curves of resampled rows pass between them at this false positive rate.
    """
    from sklearn.metrics import roc_curve

    def points(truth: Truth, scores: Array) -> dict[str, Array]:
        false, true, thresholds = roc_curve(truth, scores, drop_intermediate=False)
        return {"threshold": thresholds, "false_positive_rate": false, "true_positive_rate": true}

    return _curves(models, test, label, points, by=by, n_boot=n_boot, seed=seed)


def precision_recall(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    label: str | None = None,
    by: str | ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute each model's precision-recall curve as the threshold falls; arguments are those of `roc`.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``threshold``, ``recall``, ``precision``, from nothing predicted (precision 1 by
        convention) to everything: `sklearn.metrics.precision_recall_curve`, from its end. ``low`` and ``high``: 95 % of
        the curves of resampled rows pass between them at this recall.
    """
    from sklearn.metrics import precision_recall_curve

    def points(truth: Truth, scores: Array) -> dict[str, Array]:
        precisions, recalls, thresholds = precision_recall_curve(truth, scores)
        falling = np.append(np.inf, thresholds[::-1])
        return {"threshold": falling, "recall": recalls[::-1], "precision": precisions[::-1]}

    return _curves(models, test, label, points, by=by, n_boot=n_boot, seed=seed)


def calibration(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    label: str | None = None,
    n_bins: int = 10,
    by: str | ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the probabilities that models give with how often they are right.

    Parameters
    ----------
    models, test, by, n_boot, seed
        As in `genolab.evaluate.table`.
    label
        The class or label whose probability is looked at. ``None``: of two classes the second; of more, the one that is
        predicted for each row (as ``"ece"`` does); of labels, all, pooled.
    n_bins
        Bins of equal width between 0 and 1.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``rows`` (of the bin), ``predicted`` (their mean probability), ``observed`` (the share
        that is so), ``low``, ``high`` (its 95 % interval); bins without rows are left out.
    """
    predictions = collect_predictions(models, test)
    label = _label(predictions, label, of_all="predicted" if predictions.exclusive else "micro")
    groups, parts = groups_of(test, by), []
    for model, scores in predictions.probabilities.items():
        if scores.min() < 0 or scores.max() > 1:
            raise ValueError(f"calibration is of probabilities, between 0 and 1, and {model!r} gives others")
        truth, chosen, unit = _column(predictions, scores, label, groups)
        bins = CalibrationBins(truth, chosen, n_bins)
        parts.append(_bins(bins, len(truth), unit, n_boot, seed).assign(model=model, label=label))
    columns = ["model", "label", "rows", "predicted", "observed", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def _bins(bins: CalibrationBins, n: int, unit: Groups, n_boot: int, seed: int) -> pd.DataFrame:
    once = np.ones((1, n))
    predicted, observed = (part[0] for part in bins.curve(once))
    filled = np.flatnonzero(np.isfinite(observed))

    def shares(weights: Array) -> dict[int, Array]:
        share = bins.curve(weights)[1]
        return {int(at): share[:, at] for at in filled}

    of_bins = intervals(shares, n, n_boot=n_boot, seed=seed, groups=unit)
    rows = (once @ bins.rows)[0, filled].astype(int)
    table = pd.DataFrame({"rows": rows, "predicted": predicted[filled], "observed": observed[filled]})
    return table.assign(
        low=[max(interval.low, 0.0) for interval in of_bins.values()],
        high=[min(interval.high, 1.0) for interval in of_bins.values()],
    )


def _curves(
    models: Mapping[str, Any],
    test: AnnDataset,
    label: str | None,
    points: Callable[[Truth, Array], dict[str, Array]],
    *,
    by: str | ArrayLike | None,
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    predictions = collect_predictions(models, test)
    label = _label(predictions, label, of_all="micro")
    groups, parts = groups_of(test, by), []
    for model, scores in predictions.probabilities.items():
        truth, chosen, unit = _column(predictions, scores, label, groups)
        if truth.all() or not truth.any():
            raise ValueError(
                f"a curve needs rows that are {label!r} and rows that aren't; all {len(truth):,} are of one kind"
            )
        curve = pd.DataFrame({"model": model, "label": label} | points(truth, chosen))
        across = "recall" if "recall" in curve else "false_positive_rate"
        low, high = _band(RankedScores(truth, chosen), unit, across, n_boot, seed)
        at = curve[across].to_numpy()
        parts.append(curve.assign(low=np.interp(at, _GRID, low), high=np.interp(at, _GRID, high)))
    return pd.concat(parts, ignore_index=True)


def _band(ranked: RankedScores, unit: Groups, across: str, n_boot: int, seed: int) -> tuple[Array, Array]:
    """Return where 95 % of the curves of resampled rows pass, over `_GRID`; NaN without resamplings."""
    n_units, curves = int(unit.max()) + 1, []
    for weights in resample(n_units, n_boot, seed=seed, width=3 * len(unit) / n_units):
        true, false = ranked.counts(weights[:, unit])
        mixed = (true[:, -1] > 0) & (false[:, -1] > 0)
        for found, lost in zip(true[mixed], false[mixed], strict=True):
            recall = found / found[-1]
            if across == "recall":
                precision = found / np.maximum(found + lost, 1e-300)
                curves.append(precision[np.searchsorted(recall, _GRID - 1e-12).clip(max=len(recall) - 1)])
            else:
                curves.append(np.interp(_GRID, np.append(0, lost / lost[-1]), np.append(0, recall)))
    if not curves:
        return np.full(len(_GRID), np.nan), np.full(len(_GRID), np.nan)
    low, high = np.percentile(curves, (2.5, 97.5), axis=0)
    return low, high


def _label(predictions: Predictions, label: str | None, *, of_all: str) -> str:
    """Return the label that is asked for; by default the second of two classes, or what stands for all."""
    if label is not None:
        check_one_of("label", label, predictions.names)
        return label
    return predictions.names[1] if predictions.exclusive and len(predictions.names) == 2 else of_all


def _column(predictions: Predictions, scores: Array, label: str, groups: Groups | None) -> tuple[Truth, Array, Groups]:
    """Return the truth and the scores of one label, or of all, pooled, and which unit each decision is drawn with."""
    unit = np.arange(len(scores)) if groups is None else groups
    if label == "predicted":
        chosen = np.arange(len(scores)), scores.argmax(axis=1)
        return predictions.truth[chosen], scores[chosen], unit
    columns = list(range(len(predictions.names))) if label == "micro" else [predictions.names.index(label)]
    return predictions.truth[:, columns].ravel(), scores[:, columns].ravel(), np.repeat(unit, len(columns))

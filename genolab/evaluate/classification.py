"""How well models predict classes, labels or numbers: one tidy table, with intervals, beside the baselines.

Every value is scikit-learn's. The intervals of all models in a table come from the same resamplings of the rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genolab.checks import check_known
from genolab.data.dataset import AnnDataset
from genolab.evaluate import bootstrap, ranking, values
from genolab.evaluate.metrics import (
    CalibrationBins,
    Counts,
    RankedScores,
    accuracy,
    f1,
    macro,
    multiclass_mcc,
    multilabel_mcc,
    precision,
    recall,
)
from genolab.evaluate.predictions import (
    Numbers,
    Predictions,
    collect_numbers,
    collect_predictions,
    groups_of,
    holds_numbers,
)

Array = NDArray[np.float64]
Figures = dict[tuple[str, str], Array]

CLASSIFICATION_METRICS: Final = (
    *("accuracy", "precision", "recall", "f1", "auroc", "auprc", "mcc"),
    *("ece", "brier"),
)
"""What `table` measures of classes and labels."""

RANKING_METRICS: Final = ("ndcg", "ef1", "ef5")
"""What `table` measures besides, where it is asked for: whether those of a class come first."""

REGRESSION_METRICS: Final = ("r", "rho", "rmse", "mae", "r2")
"""What `table` measures of numbers."""

_CALIBRATION: Final = ("ece", "brier")
_LIMITS: Final = dict.fromkeys(("accuracy", "precision", "recall", "f1", "auroc", "auprc", "ece", "ndcg"), (0.0, 1.0))
_LIMITS.update(dict.fromkeys(("mcc", "r", "rho"), (-1.0, 1.0)))
_LIMITS.update(dict.fromkeys(("brier", "ef1", "ef5", "rmse", "mae"), (0.0, np.inf)))
_LIMITS["r2"] = (-np.inf, 1.0)


def table(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    metrics: Sequence[str] | None = None,
    by: str | ArrayLike | None = None,
    baseline: str | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare models with what is true of the rows of a test set.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, or to its probabilities ``(n, k)``; of two classes, also those
        of the second, ``(n,)``; or to numbers, ``(n,)`` or ``(n, k)``. Put a baseline among them.
    test
        Rows that no model was trained on, with a target: a column of categories (one class a row), a slot of
        zeros and ones (any number of labels a row), or numbers.
    metrics
        Of classes and labels (`CLASSIFICATION_METRICS`):

        - ``"accuracy"`` (for labels: all of a row's right), ``"precision"``, ``"recall"``, ``"f1"``; ``"auroc"`` (area
          under the ROC curve, one class against the rest), ``"auprc"`` (average precision); ``"mcc"`` (Matthews
          correlation, for two classes the CC of promoter papers);
        - ``"ece"``, the expected calibration error in 10 bins: how far the probability of what is predicted lies from
          the share that is right (Guo et al. 2017); ``"brier"``, the mean squared error of the probabilities;
        - only if asked for (`RANKING_METRICS`): ``"ndcg"``, and ``"ef1"`` and ``"ef5"``, how many times as many of a
          class as by chance the 1 and 5 % of the rows with its highest probabilities hold.

        Of numbers (`REGRESSION_METRICS`): ``"r"`` (Pearson), ``"rho"`` (Spearman), ``"rmse"``, ``"mae"``, ``"r2"``; if
        asked for, ``"ndcg"``. ``None``: all but those that must be asked for.
    by
        Column of ``obs``, or names ``(n,)``, of groups whose rows are not independent, such as donors: the intervals
        then come from drawing whole groups.
    baseline
        One of the models. Adds each other's ``difference`` from it, with an interval (``difference_low``,
        ``difference_high``) and ``p`` of no difference, by a bootstrap of pairs: both models on the same rows.
    n_boot
        Resamplings of the rows behind the intervals; 0: no intervals.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``class``, ``value``, ``low``, ``high`` (95 % interval). ``class`` is ``"macro"``
        (mean over classes or outputs), ``"micro"`` (all decisions pooled), a class's name, or ``""`` for what has none.
        A value that isn't defined, such as the AUROC of a class without rows, is NaN and left out of the macro mean.

    Notes
    -----
    Of a model that makes no mistake every resampling makes none, so its interval has no width. With no mistake in n
    rows, up to 3 / n are still likely.

    Examples
    --------
    >>> scores = table({"cnn": model, "k-mers": baseline}, test, baseline="k-mers")
    >>> gl.plot.comparison(scores, baseline="k-mers")
    """
    if holds_numbers(test):
        chosen = REGRESSION_METRICS if metrics is None else metrics
        check_known("metrics of numbers", chosen, (*REGRESSION_METRICS, "ndcg"))
        numbers = collect_numbers(models, test)
        figures: dict[str, Any] = {m: _number_figures(numbers, each, chosen) for m, each in numbers.predicted.items()}
        width = len(numbers.names)
    else:
        check_known("metrics", metrics or (), (*CLASSIFICATION_METRICS, *RANKING_METRICS))
        predictions = collect_predictions(models, test)
        figures, width = _of_classes(predictions, metrics), len(predictions.names)
    return bootstrap.table(
        figures,
        len(test),
        ["metric", "class"],
        baseline=baseline,
        groups=groups_of(test, by),
        n_boot=n_boot,
        seed=seed,
        width=width,
        limits=_LIMITS,
    )


def confusion(model: Any, test: AnnDataset) -> pd.DataFrame:
    """Count rows by true class (index) and predicted class (columns).

    `model` and `test` are as in `table`, with a column of categories as target.
    """
    predictions = collect_predictions({"model": model}, test)
    if not predictions.exclusive:
        raise ValueError(
            "a confusion matrix needs one class a row, and the target holds labels: look at the labels one by one in "
            "gl.evaluate.table"
        )
    counts = predictions.truth.astype(np.int64).T @ predictions.decisions("model")
    names = list(predictions.names)
    return pd.DataFrame(counts, pd.Index(names, name="true"), pd.Index(names, name="predicted"))


def _of_classes(predictions: Predictions, metrics: Sequence[str] | None) -> dict[str, "_Figures"]:
    """Return the figures of each model; calibration only if asked for where scores are no probabilities."""
    wrong = [name for name, each in predictions.probabilities.items() if each.min() < 0 or each.max() > 1]
    if metrics is None:
        metrics = [each for each in CLASSIFICATION_METRICS if not wrong or each not in _CALIBRATION]
    if wrong and set(_CALIBRATION) & set(metrics):
        raise ValueError(f"calibration is of probabilities, between 0 and 1, and {wrong[0]!r} gives others")
    return {model: _Figures(predictions, model, metrics) for model in predictions.probabilities}


class _Figures:
    """All figures of one model, from weights of the rows."""

    def __init__(self, predictions: Predictions, model: str, metrics: Sequence[str]) -> None:
        self.metrics, self.names, self.exclusive = metrics, predictions.names, predictions.exclusive
        self.truth, self.decisions = predictions.truth, predictions.decisions(model)
        scores = predictions.probabilities[model]
        columns = list(zip(self.truth.T, scores.T, strict=True))
        self.ranked = [RankedScores(*each) for each in columns]
        self.pooled = RankedScores(self.truth.ravel(), scores.ravel())
        self.lists = {metric: [_ranking(metric, *each) for each in columns] for metric in RANKING_METRICS}
        self.bins = [CalibrationBins(*each) for each in columns]
        self.squares = (scores - self.truth) ** 2
        if self.exclusive:
            row, best = np.arange(len(scores)), scores.argmax(axis=1)
            self.overall = CalibrationBins(self.truth[row, best], scores[row, best])
        else:
            self.overall = CalibrationBins(self.truth.ravel(), scores.ravel())

    def __call__(self, weights: Array) -> Figures:
        """Return (metric, class) to figures ``(b,)``, for weights ``(b, n)``."""
        counts = Counts.of(self.truth, self.decisions, weights)
        areas = self._areas(weights) if {"auroc", "auprc"} & set(self.metrics) else {}
        figures: Figures = {}
        for metric in self.metrics:
            if metric in _CALIBRATION:
                figures |= self._calibration(metric, weights)
            elif metric in RANKING_METRICS:
                figures |= self._by_class(metric, np.stack([each(weights) for each in self.lists[metric]], axis=1))
            else:
                figures |= areas.get(metric) or self._of_counts(metric, counts)
        return figures

    def _of_counts(self, metric: str, counts: Counts) -> Figures:
        if metric == "accuracy":
            return {(metric, ""): accuracy(counts)}
        if metric == "mcc" and self.exclusive:
            return {(metric, ""): multiclass_mcc(counts)}
        figure = {"precision": precision, "recall": recall, "f1": f1, "mcc": multilabel_mcc}[metric]
        return self._by_class(metric, figure(counts), figure(counts.micro()))

    def _areas(self, weights: Array) -> dict[str, Figures]:
        each = [ranked.areas(weights) for ranked in self.ranked]
        pooled = self.pooled.areas(np.repeat(weights, len(self.names), axis=1))
        return {
            metric: self._by_class(metric, np.stack([area[i] for area in each], axis=1), pooled[i][:, None])
            for i, metric in enumerate(("auroc", "auprc"))
        }

    def _calibration(self, metric: str, weights: Array) -> Figures:
        """Of classes, one figure of the whole and one for each; of labels, those of `_by_class`."""
        if metric == "brier":
            each = weights @ self.squares / weights.sum(axis=1, keepdims=True)
            whole = each.sum(axis=1) / (2 if len(self.names) == 2 else 1)  # as scikit-learn scales it
            pooled = None
        else:
            each = np.stack([bins.error(weights) for bins in self.bins], axis=1)
            repeated = weights if self.exclusive else np.repeat(weights, len(self.names), axis=1)
            whole = self.overall.error(repeated)
            pooled = whole[:, None]
        if not self.exclusive:
            return self._by_class(metric, each, pooled)
        return {(metric, ""): whole} | {(metric, name): each[:, k] for k, name in enumerate(self.names)}

    def _by_class(self, metric: str, each: Array, pooled: Array | None = None) -> Figures:
        averages = {(metric, "macro"): macro(each)} | ({} if pooled is None else {(metric, "micro"): pooled[:, 0]})
        return averages | {(metric, name): each[:, k] for k, name in enumerate(self.names)}


def _ranking(metric: str, truth: NDArray[np.bool_], score: Array) -> ranking.Figure:
    one_list, relevant = np.zeros(len(score), dtype=np.int64), truth.astype(np.float64)
    if metric == "ndcg":
        return ranking.ndcg(score, relevant, one_list)
    return ranking.enrichment(score, relevant, one_list, {"ef1": 0.01, "ef5": 0.05}[metric])


def _number_figures(numbers: Numbers, predicted: Array, metrics: Sequence[str]) -> bootstrap.Figures[tuple[str, str]]:
    """Return the figures of one model: of each output, and their mean where there are several."""
    columns = list(zip(numbers.truth.T, predicted.T, strict=True))
    made = {metric: [_number_figure(metric, *each) for each in columns] for metric in metrics}

    def figures(weights: Array) -> Figures:
        result: Figures = {}
        for metric, of_columns in made.items():
            each = np.stack([figure(weights) for figure in of_columns], axis=1)
            if len(columns) > 1:
                result[metric, "macro"] = macro(each)
            result |= {(metric, name): each[:, k] for k, name in enumerate(numbers.names)}
        return result

    return figures


def _number_figure(metric: str, truth: Array, predicted: Array) -> ranking.Figure:
    one_list = np.zeros(len(truth), dtype=np.int64)
    if metric == "rho":
        return ranking.rank_correlation(truth, predicted, one_list, min_rows=2)
    if metric == "ndcg":
        return ranking.ndcg(predicted, truth, one_list)
    return {"r": values.pearson, "rmse": values.rmse, "mae": values.mae, "r2": values.r2}[metric](truth, predicted)

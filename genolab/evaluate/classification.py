"""How well models classify: metrics with intervals in one tidy table, beside the baselines; confusion and curves.

Every value is scikit-learn's. The intervals of all models in a table come from the same resamplings of the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from genolab.checks import check_known, check_one_of, listing
from genolab.data.dataset import AnnDataset, trained_classes
from genolab.evaluate import bootstrap
from genolab.evaluate.metrics import (
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
from genolab.infer import predict

Array = NDArray[np.float64]
Figures = dict[tuple[str, str], Array]

CLASSIFICATION_METRICS: Final = ("accuracy", "precision", "recall", "f1", "auroc", "auprc", "mcc")
"""What `table` can measure."""

_THRESHOLD: Final = 0.5  # a label is predicted from this probability on


class Predictions(NamedTuple):
    """What is true of rows, and what models predict for them."""

    truth: NDArray[np.bool_]  # (n, k): which classes or labels each row has
    probabilities: dict[str, Array]  # model to (n, k)
    names: tuple[str, ...]  # of the classes or labels
    exclusive: bool  # a row has exactly one of them (classes), or any number (labels)

    def decisions(self, model: str) -> NDArray[np.bool_]:
        """Return the most probable class of each row, or every label of at least one half, as ``(n, k)``."""
        scores = self.probabilities[model]
        if not self.exclusive:
            return scores >= _THRESHOLD
        best: NDArray[np.bool_] = np.arange(len(self.names)) == scores.argmax(axis=1)[:, None]
        return best


def table(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    metrics: Sequence[str] = CLASSIFICATION_METRICS,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare models with what is true of the rows of a test set.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, or to its probabilities ``(n, k)``; of two classes, also those
        of the second, ``(n,)``. Put a baseline among them.
    test
        Rows that no model was trained on, with a target: a column of categories (one class a row), or a slot of
        zeros and ones (any number of labels a row).
    metrics
        Out of ``"accuracy"`` (for labels: all of a row's right), ``"precision"``, ``"recall"``, ``"f1"``, ``"auroc"``
        (area under the ROC curve, one class against the rest), ``"auprc"`` (average precision) and ``"mcc"`` (Matthews
        correlation, for two classes the CC of promoter papers).
    n_boot
        Resamplings of the rows behind the intervals; 0: no intervals.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``class``, ``value``, ``low``, ``high`` (95 % interval). ``class`` is ``"macro"``
        (mean over classes), ``"micro"`` (all decisions pooled), a class's name, or ``""`` for what has no classes.
        A value that isn't defined, such as the AUROC of a class without rows, is NaN and left out of the macro mean.

    Examples
    --------
    >>> scores = table({"cnn": model, "k-mers": baseline}, test)
    >>> gl.plot.comparison(scores, baseline="k-mers")
    """
    check_known("metrics", metrics, CLASSIFICATION_METRICS)
    predictions = collect_predictions(models, test)
    rows: list[tuple[Any, ...]] = []
    for model in predictions.probabilities:
        figures = bootstrap.intervals(
            _Figures(predictions, model, metrics),
            len(predictions.truth),
            n_boot=n_boot,
            seed=seed,
            width=len(predictions.names),
        )
        rows += [(model, *key, value, max(low, -1.0), min(high, 1.0)) for key, (value, low, high) in figures.items()]
    return pd.DataFrame(rows, columns=["model", "metric", "class", "value", "low", "high"])


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


def roc(models: Mapping[str, Any], test: AnnDataset, *, label: str | None = None) -> pd.DataFrame:
    """Compute each model's ROC curve: false positive rate and true positive rate as the threshold falls.

    Parameters
    ----------
    models, test
        As in `genolab.evaluate.table`.
    label
        The positive class or label. ``None``: of two classes the second; of more, the decisions on all, pooled.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``threshold``, ``false_positive_rate``, ``true_positive_rate``; every threshold at which
        something changes, as `sklearn.metrics.roc_curve` gives them with ``drop_intermediate=False``.
    """
    from sklearn.metrics import roc_curve

    def points(truth: NDArray[np.bool_], scores: Array) -> dict[str, Array]:
        false, true, thresholds = roc_curve(truth, scores, drop_intermediate=False)
        return {"threshold": thresholds, "false_positive_rate": false, "true_positive_rate": true}

    return _curves(models, test, label, points)


def precision_recall(models: Mapping[str, Any], test: AnnDataset, *, label: str | None = None) -> pd.DataFrame:
    """Compute each model's precision-recall curve as the threshold falls; arguments are those of `roc`.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``threshold``, ``recall``, ``precision``, from nothing predicted (precision 1 by
        convention) to everything: `sklearn.metrics.precision_recall_curve`, from its end.
    """
    from sklearn.metrics import precision_recall_curve

    def points(truth: NDArray[np.bool_], scores: Array) -> dict[str, Array]:
        precisions, recalls, thresholds = precision_recall_curve(truth, scores)
        falling = np.append(np.inf, thresholds[::-1])
        return {"threshold": falling, "recall": recalls[::-1], "precision": precisions[::-1]}

    return _curves(models, test, label, points)


def _curves(
    models: Mapping[str, Any],
    test: AnnDataset,
    label: str | None,
    points: Callable[[NDArray[np.bool_], Array], dict[str, Array]],
) -> pd.DataFrame:
    predictions = collect_predictions(models, test)
    if label is None:
        label = predictions.names[1] if predictions.exclusive and len(predictions.names) == 2 else "micro"
    else:
        check_one_of("label", label, predictions.names)
    columns = slice(None) if label == "micro" else [predictions.names.index(label)]
    truth = predictions.truth[:, columns].ravel()
    if truth.all() or not truth.any():
        raise ValueError(
            f"a curve needs rows that are {label!r} and rows that aren't; all {len(truth):,} are of one kind"
        )
    scores = {model: each[:, columns].ravel() for model, each in predictions.probabilities.items()}
    parts = [pd.DataFrame({"model": model, "label": label} | points(truth, each)) for model, each in scores.items()]
    return pd.concat(parts, ignore_index=True)


def collect_predictions(models: Mapping[str, Any], test: AnnDataset) -> Predictions:
    """Predict a test set by every model (see `table`), and set the predictions beside the truth."""
    if not models:
        raise ValueError("there are no models to compare: pass a dictionary of names and models")
    truth, names, exclusive = _truth(test)
    own = names if exclusive else test.signature.outputs
    if exclusive:
        truth, names = _with_classes_of(models, truth, names)
    probabilities = {}
    for name, model in models.items():
        output = predict(model, test) if isinstance(model, nn.Module) else model
        known = trained_classes(model) if isinstance(model, nn.Module) else own
        output = _in_order(str(name), output, known or own, names if exclusive else own, truth)
        probabilities[str(name)] = _probabilities(str(name), output, truth.shape, exclusive=exclusive)
    return Predictions(truth, probabilities, names, exclusive)


def _with_classes_of(
    models: Mapping[str, Any], truth: NDArray[np.bool_], names: tuple[str, ...]
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Add the classes that models know and no row has: they may be predicted."""
    known = (trained_classes(model) for model in models.values() if isinstance(model, nn.Module))
    more = [name for name in dict.fromkeys(name for each in known for name in each) if name not in names]
    return np.pad(truth, ((0, 0), (0, len(more)))), (*names, *more)


def _in_order(name: str, output: Any, known: Sequence[str], names: Sequence[str], truth: NDArray[np.bool_]) -> Any:
    """Return a model's outputs in the order of the test set's classes or terms; 0 for classes that it doesn't know."""
    if not names or tuple(known) == tuple(names):
        return output
    scores = np.asarray(output, dtype=np.float64)
    if scores.shape == (len(truth),) and len(known) == 2:  # of the second class
        scores = np.stack([1 - scores, scores], axis=1)
    if scores.shape != (len(truth), len(known)):
        return output  # and it will be refused
    place = {each: at for at, each in enumerate(known)}
    present = set(np.flatnonzero(truth.any(axis=0)).tolist())
    if unknown := [each for at, each in enumerate(names) if at in present and each not in place]:
        raise ValueError(
            f"{name!r} was not trained on what is true of some rows of the test set: {listing(unknown)}; it knows "
            f"{listing(known)}. Leave these rows out, or train a model on theirs"
        )
    ordered = np.zeros((len(scores), len(names)))
    for at, each in enumerate(names):
        if each in place:
            ordered[:, at] = scores[:, place[each]]
    return ordered


def _truth(test: AnnDataset) -> tuple[NDArray[np.bool_], tuple[str, ...], bool]:
    parts = [batch.target for batch in test.batches(8192)]
    if parts[0] is None:
        raise ValueError("to evaluate models the truth is needed: pass target='obs/...' to AnnDataset")
    target = np.concatenate([part.cpu().numpy() for part in parts if part is not None])
    if target.dtype == np.int64:
        return np.arange(len(test.target_names)) == target[:, None], test.target_names, True
    target = target.reshape(len(target), -1)
    if not np.isin(target, (0, 1)).all():
        raise ValueError(
            "this table is about classes or labels, and the target holds other numbers than 0 and 1: make a column of "
            "categories the target, as in adata.obs[column].astype('category')"
        )
    names = test.target_names or tuple(map(str, range(target.shape[1])))
    return target.astype(bool), names, False


def _probabilities(name: str, output: Any, shape: tuple[int, ...], *, exclusive: bool) -> Array:
    scores = np.asarray(output, dtype=np.float64)
    if exclusive and shape[1] == 2 and scores.shape == shape[:1]:  # of the second class, as of a baseline for numbers
        scores = np.stack([1 - scores, scores], axis=1)
    if scores.shape != shape:
        raise ValueError(
            f"{name!r} must give a probability for each of {shape[0]:,} rows and {shape[1]} classes, got the shape "
            f"{scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"{name!r} gives NaN or infinity for {(~np.isfinite(scores)).any(axis=1).sum():,} rows")
    return scores


class _Figures:
    """All figures of one model, from weights of the rows."""

    def __init__(self, predictions: Predictions, model: str, metrics: Sequence[str]) -> None:
        self.metrics, self.names, self.exclusive = metrics, predictions.names, predictions.exclusive
        self.truth, self.decisions = predictions.truth, predictions.decisions(model)
        scores = predictions.probabilities[model]
        self.by_class = [RankedScores(self.truth[:, k], scores[:, k]) for k in range(len(self.names))]
        self.pooled = RankedScores(self.truth.ravel(), scores.ravel())

    def __call__(self, weights: Array) -> Figures:
        """Return (metric, class) to figures ``(b,)``, for weights ``(b, n)``."""
        counts = Counts.of(self.truth, self.decisions, weights)
        areas = self._areas(weights) if {"auroc", "auprc"} & set(self.metrics) else {}
        figures: Figures = {}
        for metric in self.metrics:
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
        each = [ranked.areas(weights) for ranked in self.by_class]
        pooled = self.pooled.areas(np.repeat(weights, len(self.names), axis=1))
        return {
            metric: self._by_class(metric, np.stack([area[i] for area in each], axis=1), pooled[i][:, None])
            for i, metric in enumerate(("auroc", "auprc"))
        }

    def _by_class(self, metric: str, each: Array, micro: Array) -> Figures:
        averages = {(metric, "macro"): macro(each), (metric, "micro"): micro[:, 0]}
        return averages | {(metric, name): each[:, k] for k, name in enumerate(self.names)}

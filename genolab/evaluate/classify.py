"""How well models classify: metrics with intervals in one tidy table, beside the baselines.

Every value is scikit-learn's. Intervals come from drawing the rows anew: the same draws for every model, so that two
models' figures in one table can be compared. A draw is how often each row came up, and so every metric is made from
weighted rows; a thousand resamplings are then a few matrix products.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from genolab.data.dataset import AnnDataset
from genolab.evaluate import bootstrap
from genolab.evaluate.agreement import bounds
from genolab.infer import predict

Array = NDArray[np.float64]
Figures = dict[tuple[str, str], Array]

METRICS_OF_CLASSES: Final = ("accuracy", "precision", "recall", "f1", "auroc", "auprc", "mcc")
"""What `table` can measure."""

_CELLS_AT_ONCE: Final = 4_000_000  # rows x classes x resamplings held at a time: 32 MB
_THRESHOLD: Final = 0.5  # a label is said to be there from this probability on


class Judged(NamedTuple):
    """What is true and what models say, for the same rows.

    Attributes
    ----------
    truth
        ``(n, k)`` bool: which classes or labels each row has.
    probabilities
        Model to ``(n, k)``.
    names
        Of the classes or labels.
    exclusive
        Whether a row has exactly one of them (classes), or any number (labels).
    """

    truth: NDArray[np.bool_]
    probabilities: dict[str, Array]
    names: tuple[str, ...]
    exclusive: bool

    def called(self, model: str) -> NDArray[np.bool_]:
        """Return what a model decides on, ``(n, k)``: its most probable class, or every label from one half on."""
        found = self.probabilities[model]
        if not self.exclusive:
            return found >= _THRESHOLD
        at: NDArray[np.bool_] = np.arange(len(self.names)) == found.argmax(axis=1)[:, None]
        return at


def table(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    metrics: Sequence[str] = METRICS_OF_CLASSES,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold models against what is true of the rows of a test set.

    Parameters
    ----------
    models
        Name to a model with ``predict(batch)``, or to its probabilities ``(n, k)``; of two classes, also those
        of the second, ``(n,)``. Put a baseline among them.
    test
        Rows that no model has learned from, with a target: a column of categories (one class a row), or a slot of
        zeros and ones (any number of labels a row).
    metrics
        Out of ``"accuracy"`` (for labels: all of a row's right), ``"precision"``, ``"recall"``, ``"f1"``, ``"auroc"``
        (area under the ROC curve, one class against the rest), ``"auprc"`` (average precision) and ``"mcc"`` (Matthews
        correlation, for two classes the CC of promoter papers).
    n_boot
        Resamplings of the rows behind the intervals; 0: no intervals.
    seed
        Of the resamplings.

    Returns
    -------
    DataFrame
        Tidy: ``model``, ``metric``, ``class``, ``value``, ``low``, ``high`` (95 % interval). ``class`` is ``"macro"``
        (mean over classes), ``"micro"`` (all decisions as one pile), a class's name, or ``""`` for what has no classes.
        A value that isn't defined, such as the AUROC of a class without rows, is NaN and left out of the macro mean.

    Raises
    ------
    KeyError
        A metric is unknown.
    ValueError
        There is no target, or probabilities have another shape or aren't finite.

    Examples
    --------
    >>> found = table({"cnn": model, "k-mers": baseline}, test)
    >>> gl.plot.comparison(found, baseline="k-mers")
    """
    unknown = [metric for metric in metrics if metric not in METRICS_OF_CLASSES]
    if unknown:
        raise KeyError(f"metrics are {', '.join(METRICS_OF_CLASSES)}; got {unknown}")
    judged = judge(models, test)
    rows: list[tuple[Any, ...]] = []
    for name in judged.probabilities:
        figures = _Figures(judged, name, metrics)
        values = figures.of(np.ones((1, len(judged.truth))))
        again = [figures.of(drawn) for drawn in _draws(judged.truth.shape, n_boot, seed)]
        for key, value in values.items():
            spread = np.concatenate([part[key] for part in again]) if again else np.empty(0)
            found = bounds(float(value[0]), spread)
            rows.append((name, *key, found.value, max(found.low, -1.0), min(found.high, 1.0)))
    return pd.DataFrame(rows, columns=["model", "metric", "class", "value", "low", "high"])


def judge(models: Mapping[str, Any], test: AnnDataset) -> Judged:
    """Ask every model about the test set, and set its answers beside the truth.

    Raises
    ------
    ValueError
        As in `table`.
    """
    if not models:
        raise ValueError("there are no models to compare: pass a dictionary of names and models")
    truth, names, exclusive = _truth(test)
    answers = {}
    for name, model in models.items():
        said = predict(model, test) if isinstance(model, nn.Module) else model
        answers[str(name)] = _probabilities(str(name), said, truth.shape, exclusive=exclusive)
    return Judged(truth, answers, names, exclusive)


def _truth(test: AnnDataset) -> tuple[NDArray[np.bool_], tuple[str, ...], bool]:
    parts = [batch.target for batch in test.batches(8192)]
    if parts[0] is None:
        raise ValueError("to judge models the truth is needed: pass target='obs/...' to AnnDataset")
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


def _probabilities(name: str, given: Any, shape: tuple[int, ...], *, exclusive: bool) -> NDArray[np.float64]:
    found = np.asarray(given, dtype=np.float64)
    two = exclusive and shape[1] == 2
    if two and found.shape == shape[:1]:  # of the second class, as of a baseline for numbers
        found = np.stack([1 - found, found], axis=1)
    if found.shape != shape:
        raise ValueError(
            f"{name!r} must give a probability for each of {shape[0]:,} rows and {shape[1]} classes, got the shape "
            f"{found.shape}"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{name!r} gives NaN or infinity for {(~np.isfinite(found)).any(axis=1).sum():,} rows")
    return found


def _draws(shape: tuple[int, ...], n_boot: int, seed: int) -> Iterator[Array]:
    """Yield how often each row comes up, ``(some, n)``, until there are `n_boot` resamplings."""
    random = np.random.default_rng(seed)
    n = shape[0]
    most = max(1, _CELLS_AT_ONCE // (n * shape[1]))
    for first in range(0, n_boot, most):
        count = min(most, n_boot - first)
        drawn = random.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


class _Figures:
    """All figures of one model, from weights of the rows."""

    def __init__(self, judged: Judged, model: str, metrics: Sequence[str]) -> None:
        self.judged, self.metrics = judged, metrics
        self.called, scores = judged.called(model), judged.probabilities[model]
        self.ranks = [bootstrap.Ranked(judged.truth[:, k], scores[:, k]) for k in range(len(judged.names))]
        self.pile = bootstrap.Ranked(judged.truth.ravel(), scores.ravel())

    def of(self, weights: Array) -> Figures:
        """Return metric and class to figures ``(b,)``, for weights ``(b, n)``."""
        decided = bootstrap.Decided.of(self.judged.truth, self.called, weights)
        areas = self._areas(weights) if {"auroc", "auprc"} & set(self.metrics) else {}
        found: Figures = {}
        for metric in self.metrics:
            found |= areas.get(metric) or self._of_decisions(metric, decided)
        return found

    def _of_decisions(self, metric: str, decided: bootstrap.Decided) -> Figures:
        if metric == "accuracy":
            return {(metric, ""): bootstrap.accuracy(decided)}
        if metric == "mcc" and self.judged.exclusive:
            return {(metric, ""): bootstrap.mcc_of_classes(decided)}
        if metric == "mcc":
            return self._by_class(metric, bootstrap.mcc_of_labels(decided), bootstrap.mcc_of_labels(decided.piled()))
        figure = {"precision": bootstrap.precision, "recall": bootstrap.recall, "f1": bootstrap.f1}[metric]
        return self._by_class(metric, figure(decided), figure(decided.piled()))

    def _areas(self, weights: Array) -> dict[str, Figures]:
        each = [rank.areas(weights) for rank in self.ranks]
        whole = self.pile.areas(np.repeat(weights, len(self.judged.names), axis=1))
        return {
            metric: self._by_class(metric, np.stack([area[place] for area in each], axis=1), whole[place][:, None])
            for place, metric in enumerate(("auroc", "auprc"))
        }

    def _by_class(self, metric: str, each: Array, piled: Array) -> Figures:
        averages = {(metric, "macro"): bootstrap.macro(each), (metric, "micro"): piled[:, 0]}
        return averages | {(metric, name): each[:, k] for k, name in enumerate(self.judged.names)}

"""Confusion matrix and curves: what `genolab.plot` draws, as tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.data.dataset import AnnDataset
from genolab.evaluate.bootstrap import Ranked
from genolab.evaluate.classify import Judged, judge


def confusion(model: Any, test: AnnDataset) -> pd.DataFrame:
    """Count rows by their true class (index) and the class that a model says (columns).

    Parameters
    ----------
    model
        With ``predict(batch)``, or its probabilities ``(n, k)``.
    test
        Rows with a column of categories as target.

    Raises
    ------
    ValueError
        The target holds labels, of which a row can have several; else as in `genolab.evaluate.table`.
    """
    judged = judge({"model": model}, test)
    if not judged.exclusive:
        raise ValueError(
            "a confusion matrix needs one class a row, and the target holds labels: look at the labels one by one in "
            "gl.evaluate.table"
        )
    counts = judged.truth.astype(np.int64).T @ judged.called("model")
    names = list(judged.names)
    return pd.DataFrame(counts, pd.Index(names, name="true"), pd.Index(names, name="predicted"))


def roc(models: Mapping[str, Any], test: AnnDataset, *, label: str | None = None) -> pd.DataFrame:
    """Follow each model's threshold from strict to lax: false alarms against finds.

    Parameters
    ----------
    models, test
        As in `genolab.evaluate.table`.
    label
        Class or label to be found. ``None``: of two classes the second; of more, the decisions on all in one pile.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``threshold``, ``false_positive_rate``, ``true_positive_rate``; every threshold at which
        something changes, as `sklearn.metrics.roc_curve` gives them with ``drop_intermediate=False``.

    Raises
    ------
    ValueError
        There is no such label, or all rows are of one kind; else as in `genolab.evaluate.table`.
    """
    parts = []
    for name, where, ranked, true, false in _steps(models, test, label):
        frame = pd.DataFrame({"model": name, "label": where, "threshold": np.append(np.inf, ranked.thresholds)})
        frame["false_positive_rate"] = np.append(0, false / false[-1])
        frame["true_positive_rate"] = np.append(0, true / true[-1])
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def precision_recall(models: Mapping[str, Any], test: AnnDataset, *, label: str | None = None) -> pd.DataFrame:
    """Follow each model's threshold from strict to lax: how much it finds, and how much of that is right.

    Arguments and errors are those of `roc`.

    Returns
    -------
    DataFrame
        ``model``, ``label``, ``threshold``, ``recall``, ``precision``, from nothing found (precision 1 by convention)
        to everything, as `sklearn.metrics.precision_recall_curve` gives them from its end.
    """
    parts = []
    for name, where, ranked, true, false in _steps(models, test, label):
        frame = pd.DataFrame({"model": name, "label": where, "threshold": np.append(np.inf, ranked.thresholds)})
        frame["recall"] = np.append(0, true / true[-1])
        frame["precision"] = np.append(1, true / (true + false))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def _steps(
    models: Mapping[str, Any], test: AnnDataset, label: str | None
) -> list[tuple[str, str, Ranked, NDArray[np.float64], NDArray[np.float64]]]:
    judged = judge(models, test)
    where = _wanted(judged, label)
    columns = slice(None) if where == "micro" else [judged.names.index(where)]
    truth = judged.truth[:, columns].ravel()
    if truth.all() or not truth.any():
        raise ValueError(
            f"a curve needs rows that are {where!r} and rows that aren't; all {len(truth):,} are of one kind"
        )
    found = []
    for name, scores in judged.probabilities.items():
        ranked = Ranked(truth, scores[:, columns].ravel())
        true, false = ranked.steps(np.ones((1, len(truth))))
        found.append((name, where, ranked, true[0], false[0]))
    return found


def _wanted(judged: Judged, label: str | None) -> str:
    if label is None:
        return judged.names[1] if judged.exclusive and len(judged.names) == 2 else "micro"
    if label not in judged.names:
        raise ValueError(f"label must be one of {', '.join(judged.names)}, got {label!r}")
    return label

"""Figures of classification: the confusion matrix, ROC and precision-recall curves."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from genolab import evaluate
from genolab.checks import listing
from genolab.data.dataset import AnnDataset
from genolab.plot.style import (
    VIRIDIS,
    Figure,
    add_band,
    add_reference,
    colour_bar,
    curve_line,
    dress,
    legend_below,
    percent,
    plain,
    plain_all,
)

_LIGHT_FROM: Final = 0.43  # of viridis, where black and white can be read equally well
_CHANCE: Final = 0.05  # a difference with a p-value from this on may be chance
_WRITTEN: Final = 16  # classes up to which every cell of the matrix has its number written in it


def confusion(model: Any, test: AnnDataset) -> Figure:
    """Draw which classes a model takes for which: a row a true class, by the share of it predicted as each class.

    The model has ``predict(batch)``, or is its probabilities ``(n, k)``; `test` has a column of categories as target.
    """
    table = evaluate.confusion(model, test)
    counts = table.to_numpy()
    rows = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    names = plain_all(list(table.index))
    figure = Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=share,
            zmin=0,
            zmax=1,
            colorscale=VIRIDIS,
            colorbar=colour_bar("Share") | {"tickformat": ".0%"},
            text=[[f"{count:,}" for count in row] for row in counts],
            hovertemplate="%{y} predicted as %{x}: %{text} (%{z:.1%} of %{y})<extra></extra>",
        )
    )
    if len(names) <= _WRITTEN:
        _write_counts(figure, names, counts, share)
    figure.update_xaxes(title_text="Predicted class", type="category", showgrid=False, constrain="domain")
    figure.update_yaxes(title_text="True class", type="category", autorange="reversed", showgrid=False, scaleanchor="x")
    title = f"{percent(np.trace(counts) / counts.sum())} of {counts.sum():,} are predicted right"
    return dress(figure, title, subtitle=_commonest_mistake(table), height=max(460, 200 + 60 * min(len(names), 12)))


def _write_counts(figure: Figure, names: list[str], counts: NDArray[np.int64], share: NDArray[np.float64]) -> None:
    """Write each count into its cell: white on the darker half of viridis, black on the lighter one."""
    figure.add_scatter(
        x=names * len(names),
        y=np.repeat(names, len(names)),
        mode="text",
        text=[f"{count:,}" for count in counts.ravel()],
        textfont={"size": 17, "color": ["white" if each < _LIGHT_FROM else "black" for each in share.ravel()]},
        hoverinfo="skip",
        showlegend=False,
    )


def _commonest_mistake(table: pd.DataFrame) -> str:
    wrong = table.to_numpy().copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "There is no mistake."
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    names, count = plain_all(list(table.index)), f"{wrong[true, predicted]:,} of {wrong.sum():,} mistakes"
    return f"The commonest mistake: {names[true]} predicted as {names[predicted]}, {count}"


def roc(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    label: str | None = None,
    by: str | ArrayLike | None = None,
    n_boot: int = 500,
) -> Figure:
    """Draw a class's true over its false positive rate as the threshold goes down; the diagonal is guessing.

    One curve a model, with its area (1 is perfect), in the band in which 95 % of the curves of `n_boot` resamplings
    pass. Arguments are as in `genolab.evaluate.roc`.
    """
    curves = evaluate.roc(models, test, label=label, by=by, n_boot=n_boot)
    areas = _areas(models, test, "auroc", str(curves["label"].iloc[0]), by=by, n_boot=n_boot)
    figure = _curves(curves, "false_positive_rate", "true_positive_rate", areas["value"])
    add_reference(figure, "guessing", 0, 1)
    figure.update_xaxes(title_text="False positive rate", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title_text="True positive rate", range=[-0.01, 1.01], scaleanchor="x")
    return _finished(figure, areas, "AUROC", str(curves["label"].iloc[0]))


def precision_recall(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    label: str | None = None,
    by: str | ArrayLike | None = None,
    n_boot: int = 500,
) -> Figure:
    """Draw precision over recall as the threshold goes down; the line is what guessing gives.

    One curve a model, with its average precision (1 is perfect). Where a class is rare this shows more than `roc`:
    among many others, few false positives in a hundred are many. Arguments are as in `genolab.evaluate.roc`.
    """
    curves = evaluate.precision_recall(models, test, label=label, by=by, n_boot=n_boot)
    areas = _areas(models, test, "auprc", str(curves["label"].iloc[0]), by=by, n_boot=n_boot)
    figure = _curves(curves, "recall", "precision", areas["value"])
    guessed = float(curves["precision"].iloc[-1])  # at the lowest threshold everything is predicted to be it
    add_reference(figure, "guessing", guessed, guessed)
    figure.update_xaxes(title_text="Recall: share of the class that is found", range=[-0.01, 1.01])
    figure.update_yaxes(title_text="Precision: share of predictions that are right", range=[-0.01, 1.01])
    return _finished(figure, areas, "Average precision", str(curves["label"].iloc[0]))


def _areas(models: Mapping[str, Any], test: AnnDataset, metric: str, label: str, **options: Any) -> pd.DataFrame:
    """Return the areas, the largest first, each with its difference from the largest."""
    areas = _table_of(models, test, metric, label, n_boot=0)
    best = str(areas["value"].idxmax()) if len(areas) > 1 else None
    areas = _table_of(models, test, metric, label, baseline=best, **options)
    return areas.sort_values("value", ascending=False, kind="stable")


def _table_of(models: Mapping[str, Any], test: AnnDataset, metric: str, label: str, **options: Any) -> pd.DataFrame:
    table = evaluate.table(models, test, metrics=[metric], **options)
    return table[table["class"] == label].set_index("model")


def _curves(curves: pd.DataFrame, across: str, up: str, areas: pd.Series) -> Figure:
    figure = Figure()
    for place, (name, part) in enumerate(curves.groupby("model", sort=False)):
        line = curve_line(place)
        add_band(figure, part[across], part["low"], part["high"], line["color"])
        figure.add_scatter(
            x=part[across],
            y=part[up],
            mode="lines",
            name=f"{plain(name)}, {areas[str(name)]:.3f}",
            line=line,
            customdata=part["threshold"],
            hovertemplate="threshold %{customdata:.3g}: %{x:.3f}, %{y:.3f}<extra>%{fullData.name}</extra>",
        )
    return figure


def _finished(figure: Figure, areas: pd.DataFrame, what: str, label: str) -> Figure:
    of = "the decisions on all classes together (micro)" if label == "micro" else f"the class {plain(label)}"
    band = "; bands: 95 % of the curves of resampled rows" if areas["low"].notna().any() else ""
    legend_below(dress(figure, _largest(areas, what), subtitle=f"{what}, for {of}{band}", height=600))
    return figure


def _largest(areas: pd.DataFrame, what: str) -> str:
    """Return which area is the largest, and whether the next one's difference is more than chance."""
    largest = areas["value"].iloc[0]
    if len(areas) == 1:
        return f"{what} {largest:.3f}"
    first = f"{plain(areas.index[0])} has the largest area: {largest:.3f}"
    alike = [plain(name) for name, p in areas["p"].iloc[1:].items() if p >= _CHANCE]
    return f"{first}; with other rows {listing(alike)} might" if alike else first

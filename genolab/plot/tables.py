"""Figures of tables: how a run went, and how models compare."""

from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genolab import registry
from genolab.checks import meant
from genolab.plot.style import (
    FIRST,
    MUTED,
    REFERENCE_LINE,
    SECOND,
    Figure,
    check_table,
    dot_rows,
    dress,
    intervals,
    legend_below,
    number,
    percent,
    plain,
    plain_all,
)

_METRICS: Final = {
    "knn_accuracy": "Neighbours: accuracy",
    "knn_macro_f1": "Neighbours: macro-F1",
    "leiden_ari": "Leiden: adjusted Rand",
    "silhouette": "Silhouette",
    "mse": "Mean squared error",
    "r2": "Variance explained",
    "pearson": "Correlation per cell",
    "accuracy": "Accuracy",
    "precision": "Precision, macro",
    "recall": "Recall, macro",
    "f1": "F1, macro",
    "auroc": "AUROC, macro",
    "auprc": "AUPRC, macro",
    "mcc": "Matthews correlation",
}
_PARTS: Final = {"kl": "KL divergence", "reconstruction": "reconstruction loss"}
_LOWER_IS_BETTER: Final = ("mse",)


class HasHistory(Protocol):
    """What `history` needs of a run."""

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch."""


def history(run: HasHistory | pd.DataFrame, *, part: str = "loss") -> Figure:
    """Draw the training and validation loss over epochs, with the best epoch and every change of a control marked.

    `run` is a `genolab.Run`, or its ``history``; `part` is ``"loss"`` or a part of it, such as ``"kl"``: one of the
    history's ``train_...`` columns.
    """
    table = run if isinstance(run, pd.DataFrame) else run.history
    if len(table) == 0:
        raise ValueError("there is no completed epoch to draw: train first, as in run.fit()")
    parts = [str(name).removeprefix("train_") for name in table.columns if str(name).startswith("train_")]
    if part not in parts or "epoch" not in table:
        raise KeyError(f"the history has no part {part!r}; it has {parts}{meant(part, parts)}")
    figure = Figure()
    mode = "lines+markers" if len(table) <= 30 else "lines"
    for name, side, colour in (("training", "train", FIRST), ("validation", "valid", SECOND)):
        if f"{side}_{part}" in table:
            values = table[f"{side}_{part}"]
            figure.add_scatter(x=table["epoch"], y=values, name=name, mode=mode, line={"color": colour, "width": 3})
    word = _PARTS.get(part, plain(part.replace("_", " ")))
    title, subtitle = _course(table, part, word)
    if part == "loss":
        _mark_best(figure, table)
    _mark_changes(figure, getattr(run, "changes", ()))
    figure.update_layout(
        hovermode="x unified",
        xaxis={
            "title": {"text": "Epoch"},
            "rangemode": "tozero",
            "tickformat": ",d",
            "dtick": 1 if len(table) <= 12 else None,
        },
        yaxis={"title": {"text": f"{word[0].upper()}{word[1:]}, mean over rows"}, "tickformat": "~g"},
    )
    legend_below(dress(figure, title, subtitle=subtitle, height=540))
    return figure


def _course(table: pd.DataFrame, part: str, word: str) -> tuple[str, str]:
    """Return title and subtitle: how the curve went."""
    epochs, train = table["epoch"].to_numpy(dtype=int), table[f"train_{part}"].to_numpy(dtype=float)
    fell = f"Training {word} went from {number(train[0])} to {number(train[-1])} in {epochs[-1]:,} epochs"
    if part != "loss":  # a part may rise while another falls more: only the whole has a best
        return fell, ""
    at, valid = _best(table)
    if at is None:
        return fell, "Without validation data, nothing shows how it does on rows that it hasn't seen."
    if at == len(epochs) - 1:
        return f"Validation loss was still falling at epoch {epochs[at]:,}", f"It came to {number(valid[at])}. {fell}."
    rise = (valid[-1] - valid[at]) / abs(valid[at]) if valid[at] else np.inf
    then = f"then rose by {percent(rise)}" if rise >= 0.01 else "then stayed level"
    best = f"Validation loss was best at epoch {epochs[at]:,} of {epochs[-1]:,}"
    return best, f"It was {number(valid[at])} there, {then}. {fell}."


def _best(table: pd.DataFrame) -> tuple[int | None, NDArray[np.float64]]:
    """Return the row of the lowest validation loss, ``None`` without one, and the losses."""
    valid = table["valid_loss"].to_numpy(dtype=float) if "valid_loss" in table else np.array([])
    return (int(np.nanargmin(valid)) if np.isfinite(valid).any() else None), valid


def _mark_best(figure: Figure, table: pd.DataFrame) -> None:
    at, valid = _best(table)
    if at is None:
        return
    figure.add_scatter(
        x=[table["epoch"].iloc[at]],
        y=[valid[at]],
        name="best epoch",
        mode="markers",
        marker={"size": 14, "symbol": "circle-open", "color": SECOND, "line": {"width": 3}},
        hoverinfo="skip",
    )


def _mark_changes(figure: Figure, changes: Any) -> None:
    for place, change in enumerate(changes):
        words = plain(f"{change.name.replace('_', ' ').replace('kl ', 'KL ')} {change.before:.3g} → {change.after:.3g}")
        figure.add_vline(
            x=change.epoch,
            line={"color": MUTED, "width": 1.5, "dash": "dot"},
            annotation={
                "text": words,
                "font": {"size": 14, "color": MUTED},
                "yref": "paper",
                "y": 0.99 - 0.07 * (place % 4),  # neighbours stand on different lines
                "yanchor": "top",
                "xanchor": "left",
                "bgcolor": "rgba(255,255,255,0.8)",
            },
        )


def comparison(table: pd.DataFrame, *, baseline: str | None = None) -> Figure:
    """Draw what `genolab.evaluate` measured: one panel a metric, one row a model, with 95 % intervals.

    Parameters
    ----------
    table
        ``model``, ``metric``, ``value``, ``low``, ``high``, one row for each model and metric. Of a table that has a
        ``class`` too, the overall and macro figures are drawn: select the rows of one class to draw those.
    baseline
        Model that the others must beat: drawn in grey, with a line through its value.
    """
    check_table(table, "model", "metric", "value", "low", "high", source="genolab.evaluate.table")
    table = _overall(table)
    models, metrics = list(table["model"].unique()), list(table["metric"].unique())
    if baseline is not None and baseline not in models:
        raise KeyError(f"baseline {baseline!r} is not in the table; its models are {models}{meant(baseline, models)}")
    titles = [_title(str(metric)) for metric in metrics]
    figure = make_subplots(
        cols=len(metrics), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=titles, figure=Figure()
    )
    dot_rows(figure, models)
    for column, metric in enumerate(metrics, start=1):
        rows = table[table["metric"] == metric].set_index("model")
        place = {"row": 1, "col": column}
        for chosen, colour in ((rows.index != baseline, FIRST), (rows.index == baseline, MUTED)):
            if chosen.any():
                figure.add_trace(_dots(rows[chosen], models, colour), **place)
        if baseline in rows.index:
            figure.add_vline(x=rows.loc[baseline, "value"], line=REFERENCE_LINE, **place)
    figure.update_xaxes(tickformat="~g", nticks=5)
    figure.update_annotations(font={"size": 16}, yshift=6)
    figure.update_layout(showlegend=False)
    subtitle = "Points with 95 % intervals" + (
        f"; the dashed line is the baseline, {plain(baseline)}" if baseline else ""
    )
    title = _winner(table, metrics)
    return dress(figure, title, subtitle=subtitle, height=230 + 55 * len(models), panels=True)


def _dots(rows: pd.DataFrame, models: list[str], colour: str) -> go.Scatter:
    """Return one metric's dots, each in its model's row."""
    return go.Scatter(
        x=rows["value"],
        y=[models.index(model) for model in rows.index],
        error_x=intervals(rows["value"], rows["low"], rows["high"]),
        mode="markers",
        marker={"size": 13, "color": colour},
        text=plain_all(list(rows.index)),
        customdata=[f"{low:.4g} to {high:.4g}" for low, high in zip(rows["low"], rows["high"], strict=True)],
        hovertemplate="%{x:.4g} (%{customdata})<extra>%{text}</extra>",
    )


def _overall(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each model and metric, where a table has rows for classes too."""
    if "class" not in table or not table.duplicated(["model", "metric"]).any():
        return table
    return table[table["class"].isin(["", "macro"])]


def _title(metric: str) -> str:
    """Return a metric's title: the core's, a chapter's, or its name."""
    return _METRICS.get(metric) or registry.table("metrics").get(metric, {}).get("title") or plain(metric)


def _winner(table: pd.DataFrame, metrics: list[str]) -> str:
    """Return which model is best, and only where no other's interval reaches its own."""
    if len(table["model"].unique()) == 1:
        return f"{plain(table['model'].iloc[0])}, by {len(metrics)} measure{'s' * (len(metrics) > 1)}"
    clear = [model for model in (_clearly_best(table[table["metric"] == m], m) for m in metrics) if model is not None]
    if not clear:
        return "No model is clearly best: the intervals overlap"
    best = max(dict.fromkeys(clear), key=clear.count)
    wins = clear.count(best)
    share = f"all {wins} measures" if wins == len(metrics) else f"{wins} of {len(metrics)} measures"
    return f"{plain(best)} is clearly best in {'the one measure' if len(metrics) == 1 else share}"


def _clearly_best(rows: pd.DataFrame, metric: str) -> str | None:
    """Return the model whose interval lies beyond all others'; a missing interval is the value."""
    rows = rows[np.isfinite(rows["value"])].reset_index(drop=True)
    if len(rows) < 2:
        return None
    sign = -1 if metric in _LOWER_IS_BETTER or registry.table("metrics").get(metric, {}).get("lower_is_better") else 1
    ends = np.sort(sign * np.stack([rows[end].fillna(rows["value"]) for end in ("low", "high")], axis=1), axis=1)
    best = int(np.argmax(sign * rows["value"]))
    others = np.delete(ends[:, 1], best)
    return str(rows["model"].iloc[best]) if ends[best, 0] > others.max() else None

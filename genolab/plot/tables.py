"""Figures of tables: how a run went, and how models compare."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

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
    wrapped,
)

_METRICS: Final = {
    "knn_accuracy": "Neighbour accuracy",
    "knn_macro_f1": "Neighbour macro-F1",
    "leiden_ari": "Leiden adjusted Rand",
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
    "ece": "Calibration error",
    "brier": "Brier score",
    "ndcg": "NDCG",
    "ef1": "Enrichment, top 1 %",
    "ef5": "Enrichment, top 5 %",
    "r": "Pearson correlation",
    "rho": "Spearman correlation",
    "rmse": "Root mean squared error",
    "mae": "Mean absolute error",
    "leiden_nmi": "Leiden mutual information",
    "clisi": "cLISI, types apart",
    "graph_connectivity": "Types connected",
    "ilisi": "iLISI, batches mixed",
    "kbet": "kBET, batches mixed",
    "bras": "BRAS, batches mixed",
}
_PARTS: Final = {"kl": "KL divergence", "reconstruction": "reconstruction loss"}
_PROPER: Final = ("Leiden", "Matthews", "Pearson", "Spearman")  # stay capital within a sentence
_LOWER_IS_BETTER: Final = ("mse", "rmse", "mae", "ece", "brier")


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
    titles = [wrapped(metric_title(str(metric)), 56 // len(metrics)) for metric in metrics]
    figure = make_subplots(
        cols=len(metrics),
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=list(map("<br>".join, titles)),
        figure=Figure(),
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
    figure.update_xaxes(tickformat="~g", nticks=5 if len(metrics) < 3 else 3, tickangle=0)
    figure.update_annotations(font={"size": 16}, yshift=6)
    figure.update_layout(showlegend=False)
    subtitle = "Points with 95 % intervals" + (
        f"; the dashed line is the baseline, {plain(baseline)}" if baseline else ""
    )
    title = _finding(table, models, metrics, baseline)
    return dress(figure, title, subtitle=subtitle, height=230 + 55 * len(models), panels=max(map(len, titles)))


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


def lower_is_better(metric: str) -> bool:
    """Return whether less of a metric is better: an error."""
    return metric in _LOWER_IS_BETTER or bool(registry.table("metrics").get(metric, {}).get("lower_is_better"))


def metric_title(metric: str) -> str:
    """Return a metric's title: the core's, a chapter's, or its name."""
    return _METRICS.get(metric) or registry.table("metrics").get(metric, {}).get("title") or plain(metric)


class _Verdict(NamedTuple):
    """The metrics on which a model lies clearly above a reference, and clearly below it."""

    better: list[str]
    worse: list[str]


def _finding(table: pd.DataFrame, models: list[str], metrics: list[str], baseline: str | None) -> str:
    """Return what is clear, that is where two intervals don't overlap: who is better than the baseline, and on what.

    Without a baseline the model that most others are clearly better than takes its place.
    """
    if len(models) == 1:
        return f"{plain(models[0])}, by {len(metrics)} measure{'s' * (len(metrics) > 1)}"
    ends = {metric: _ends(table[table["metric"] == metric], metric) for metric in metrics}
    by_reference = {one: {model: _verdict(ends, model, one) for model in models if model != one} for one in models}
    beaten = {one: sum(len(verdict.better) for verdict in verdicts.values()) for one, verdicts in by_reference.items()}
    reference = max(models[::-1], key=beaten.__getitem__) if baseline is None else baseline
    verdicts = by_reference[reference]
    first = {model: _is_best(ends, model, verdict.better) for model, verdict in verdicts.items()}
    best = max(verdicts, key=lambda one: (len(verdicts[one].better) - len(verdicts[one].worse), first[one]))
    better, worse = verdicts[best]
    if not better and (len(verdicts) > 1 or not worse):
        return _no_winner(verdicts, reference, metrics, alone=baseline is None)
    alike = [best] if first[best] else [model for model in verdicts if verdicts[model] == verdicts[best]]
    than = plain(reference) + " and all others" * (len(models) > 2 and first[best])
    parts = [f"better than {than} on {_measures(better, metrics)}"] * bool(better)
    parts += [f"worse{'' if better else f' than {than}'} on {_measures(worse, metrics)}"] * bool(worse)
    title = f"{_are(alike)} {', '.join(parts)}"
    unclear = [metric for metric in metrics if metric not in [*better, *worse]]
    return title + (f"; on {_measures(unclear, metrics)} they overlap" if unclear else "")


def _no_winner(verdicts: dict[str, _Verdict], reference: str, metrics: list[str], *, alone: bool) -> str:
    worse = [model for model in verdicts if verdicts[model].worse]
    if worse:
        on = _measures([metric for metric in metrics if any(metric in verdicts[one].worse for one in worse)], metrics)
        return f"No model is clearly better than {plain(reference)}; {_are(worse)} worse on {on}"
    if alone:
        return f"No two models differ clearly on {_measures(metrics, metrics)}: the intervals overlap"
    who = "No model differs" if len(verdicts) > 1 else f"{plain(next(iter(verdicts)))} doesn't differ"
    return f"{who} clearly from {plain(reference)} on {_measures(metrics, metrics)}: the intervals overlap"


def _ends(rows: pd.DataFrame, metric: str) -> dict[str, tuple[float, float]]:
    """Return each model's interval, higher being better; a missing interval is the value."""
    rows = rows[np.isfinite(rows["value"])]
    low, high = (rows[end].fillna(rows["value"]) for end in ("low", "high"))
    low, high = (-high, -low) if lower_is_better(metric) else (low, high)
    return dict(zip(rows["model"], zip(low, high, strict=True), strict=True))


def _verdict(ends: Mapping[str, dict[str, tuple[float, float]]], model: str, reference: str) -> _Verdict:
    known = [metric for metric, each in ends.items() if model in each and reference in each]
    better = [metric for metric in known if ends[metric][model][0] > ends[metric][reference][1]]
    return _Verdict(better, [metric for metric in known if ends[metric][model][1] < ends[metric][reference][0]])


def _is_best(ends: Mapping[str, dict[str, tuple[float, float]]], model: str, metrics: list[str]) -> bool:
    return bool(metrics) and all(
        ends[metric][model][0] > max(high for name, (_, high) in ends[metric].items() if name != model)
        for metric in metrics
    )


def _are(models: Sequence[str]) -> str:
    """Name one or two models, or the first two of more, with the verb."""
    if len(models) > 2:
        return f"{plain(models[0])}, {plain(models[1])} and {len(models) - 2} more are"
    return f"{' and '.join(plain_all(models))} {'is' if len(models) == 1 else 'are'}"


def _measures(some: list[str], metrics: list[str]) -> str:
    """Name one or two measures, or count more."""
    if len(some) > 2:
        return f"all {len(some)} measures" if len(some) == len(metrics) else f"{len(some)} of {len(metrics)} measures"
    return " and ".join(_within_a_sentence(metric_title(metric)) for metric in some)


def _within_a_sentence(title: str) -> str:
    is_plain = title[1:2].islower() and not title.startswith(_PROPER)
    return title[0].lower() + title[1:] if is_plain else title

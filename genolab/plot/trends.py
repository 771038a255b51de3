"""Figures of scores over something that grows: the probability that a model gives, and the training data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from genolab import evaluate
from genolab.data.dataset import AnnDataset
from genolab.plot.style import (
    Figure,
    add_band,
    add_reference,
    check_table,
    curve_line,
    dress,
    intervals,
    legend_below,
    number,
    percent,
    plain,
)
from genolab.plot.tables import lower_is_better, metric_title


def calibration(
    models: Mapping[str, Any],
    test: AnnDataset,
    *,
    label: str | None = None,
    n_bins: int = 10,
    by: str | ArrayLike | None = None,
    n_boot: int = 1000,
) -> Figure:
    """Draw how often models are right over the probability that they give; on the diagonal they are calibrated.

    Arguments are as in `genolab.evaluate.calibration`.
    """
    table = evaluate.calibration(models, test, label=label, n_bins=n_bins, by=by, n_boot=n_boot)
    figure = Figure()
    add_reference(figure, "calibrated", 0, 1)
    for place, (name, bins) in enumerate(table.groupby("model", sort=False)):
        line = curve_line(place)
        figure.add_scatter(
            x=bins["predicted"],
            y=bins["observed"],
            error_y=intervals(bins["observed"], bins["low"], bins["high"]) | {"thickness": 1.5, "width": 4},
            mode="lines+markers",
            name=plain(name),
            line=line,
            marker={"size": 9},
            customdata=bins["rows"],
            hovertemplate="given %{x:.2f}, true %{y:.2f} of %{customdata:,} rows<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title_text="Probability that the model gives", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title_text="Share that is so", range=[-0.01, 1.01], scaleanchor="x")
    of = {"predicted": "what is predicted", "micro": "all labels"}.get(table["label"].iloc[0])
    subtitle = f"Means of bins with 95 % intervals, for {of or plain(table['label'].iloc[0])}"
    legend_below(dress(figure, _confidence(table), subtitle=subtitle, height=600))
    return figure


def _confidence(table: pd.DataFrame) -> str:
    """Return which model is calibrated worst, and to which side: probabilities too high, too low, or too extreme."""
    off = table["predicted"] - table["observed"]
    share = table["rows"] / table.groupby("model", sort=False)["rows"].transform("sum")
    error = (share * off.abs()).groupby(table["model"], sort=False).sum()
    worst = error.idxmax()
    rows = table["model"] == worst
    mean = (share * off)[rows].sum()
    outwards = (share * off * np.sign(table["predicted"] - 0.5))[rows].sum()
    way, by = max(
        (("high", mean), ("low", -mean), ("extreme", outwards), ("timid", -outwards)), key=lambda each: each[1]
    )
    outside = rows & ~table["predicted"].between(table["low"], table["high"])
    which = (
        f"{plain(worst)}'s probabilities"
        if len(error) == 1
        else f"Of {len(error)} models {plain(worst)} is off most: its probabilities"
    )
    if not outside.any() and table["low"].notna().any():
        return f"{which} are as often right as they say, within chance"
    return f"{which} are too {way}, by {percent(by)} in the mean"


def learning_curve(table: pd.DataFrame) -> Figure:
    """Draw scores over the number of training rows, as `genolab.evaluate.learning_curve` returns them."""
    check_table(table, "model", "metric", "rows", "value", "low", "high", source="genolab.evaluate.learning_curve")
    metric = str(table["metric"].iloc[0])
    figure = Figure()
    for place, (name, part) in enumerate(table.groupby("model", sort=False)):
        line = curve_line(place)
        add_band(figure, part["rows"], part["low"], part["high"], line["color"])
        figure.add_scatter(
            x=part["rows"],
            y=part["value"],
            mode="lines+markers",
            name=plain(name),
            line=line,
            marker={"size": 9},
            customdata=part[["low", "high"]],
            hovertemplate="%{x:,} rows: %{y:.3g} (%{customdata[0]:.3g} to %{customdata[1]:.3g})"
            "<extra>%{fullData.name}</extra>",
        )
    sizes = sorted(table["rows"].unique())
    figure.update_xaxes(
        title_text="Training rows", type="log", tickvals=sizes, ticktext=[f"{size:,}" for size in sizes]
    )
    figure.update_yaxes(title_text=metric_title(metric), tickformat="~g")
    subtitle = "Means of several trainings, with bands of 95 %"
    legend_below(dress(figure, _course(table, metric), subtitle=subtitle, height=540))
    return figure


def _course(table: pd.DataFrame, metric: str) -> str:
    """Return which model is best with all rows, and whether it was still getting better."""
    sign = -1 if lower_is_better(metric) else 1
    sizes = sorted(table["rows"].unique())
    last = table[table["rows"] == sizes[-1]].set_index("model")
    best = (sign * last["value"]).idxmax()
    value = f"{plain(best)} is best with {sizes[-1]:,} rows ({number(last.loc[best, 'value'])})"
    if len(last) == 1:
        value = f"{plain(best)} reaches {number(last.loc[best, 'value'])} with {sizes[-1]:,} rows"
    if len(sizes) == 1:
        return value
    before = table[(table["rows"] == sizes[-2]) & (table["model"] == best)].iloc[0]
    end = last.loc[best]
    gained = end["low"] > before["value"] if sign > 0 else end["high"] < before["value"]
    return f"{value}, and was still getting better" if gained else f"{value}, and no longer gets clearly better"

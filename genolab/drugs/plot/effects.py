"""What drives the response to a compound: a model's word for features of the contexts, beside what was measured."""

from typing import Final

import numpy as np
import pandas as pd

from genolab.plot.style import FIRST, MUTED, SECOND, Figure, dress, legend_below, number, plain, plain_all

_COLUMNS: Final = ("feature", "effect", "measured", "low", "high", "q", "n")


def effects(table: pd.DataFrame, *, n: int = 12, response: str = "response", level: float = 0.05) -> Figure:
    """Draw by how much features, such as mutated genes, move a response: foretold by a model, and measured.

    Parameters
    ----------
    table
        Of `genolab.drugs.feature_scores`.
    n
        How many features, those first in the table.
    response
        What it is and its unit, for the axis, such as ``"ln IC50"``.
    level
        Adjusted p up to which a measured difference counts as found.

    Returns
    -------
    plotly.graph_objects.Figure
        A row a feature, the first on top: what the model says, and the measured difference of means with its 95 %
        interval, open where it is not below `level`.

    Raises
    ------
    KeyError
        A column is missing.
    ValueError
        The table has no rows, or `n` is below 1.

    Examples
    --------
    >>> found = gl.drugs.feature_scores(model, lines, "Drug_1047", features, names)
    >>> gl.drugs.plot.effects(found, response="ln IC50")
    """
    if lacking := [name for name in _COLUMNS if name not in table]:
        raise KeyError(f"{lacking} are missing: pass what genolab.drugs.feature_scores returns")
    if len(table) == 0 or n < 1:
        raise ValueError(f"there is nothing to draw: {len(table):,} features, of which {n} are wanted")
    top = table.head(n)
    at = np.arange(len(top))
    sure = (top["q"] <= level).to_numpy()
    figure = Figure()
    figure.add_scatter(
        x=top["measured"],
        y=at,
        name="measured, 95 % interval",
        mode="markers",
        marker={"size": 11, "color": SECOND, "symbol": np.where(sure, "circle", "circle-open"), "line": {"width": 2}},
        error_x={
            "array": top["high"] - top["measured"],
            "arrayminus": top["measured"] - top["low"],
            "color": SECOND,
            "thickness": 2,
            "width": 0,
        },
        customdata=np.stack([top["n"], [number(q) for q in top["q"]]], axis=1),
        hovertemplate="measured %{x:.2f}, adjusted p %{customdata[1]}<br>%{customdata[0]} have it<extra></extra>",
    )
    figure.add_scatter(
        x=top["effect"],
        y=at,
        name="foretold by the model",
        mode="markers",
        marker={"size": 13, "color": FIRST, "symbol": "diamond"},
        hovertemplate="foretold %{x:.2f}<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": MUTED, "width": 1.5})
    figure.update_xaxes(title_text=f"Change of {plain(response)} with the feature")
    figure.update_yaxes(tickvals=at, ticktext=plain_all(list(top["feature"])), range=[len(top) - 0.4, -0.6])
    figure.update_yaxes(showgrid=False, ticks="")
    subtitle = f"The strongest of {len(table):,} by the model; open circles: adjusted p above {level:g}"
    legend_below(dress(figure, _finding(top), subtitle=subtitle, height=230 + 34 * max(len(top), 4)))
    return figure


def _finding(top: pd.DataFrame) -> str:
    """Say what the model says of the first feature, and whether the measurements bear it out."""
    first = top.iloc[0]
    way = "raises" if first["effect"] > 0 else "lowers"
    if first["low"] <= 0 <= first["high"]:
        verdict = "what was measured leaves that open"
    else:
        verdict = (
            "as measured" if (first["effect"] > 0) == (first["measured"] > 0) else "what was measured is the reverse"
        )
    return f"{plain(first['feature'])} {way} the response most, {verdict}"

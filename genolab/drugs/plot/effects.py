"""Which features of the contexts drive the response to a compound: predicted effects beside measured ones."""

import numpy as np
import pandas as pd

from genolab.checks import check_at_least
from genolab.plot.style import (
    FIRST,
    SECOND,
    Figure,
    check_table,
    dot_rows,
    dress,
    filled_or_open,
    intervals,
    legend_below,
    number,
    plain,
)


def effects(table: pd.DataFrame, *, n: int = 12, response: str = "response", level: float = 0.05) -> Figure:
    """Draw by how much features, such as mutated genes, change a response: predicted by a model, and measured.

    `table` is of `genolab.drugs.feature_scores`, whose first `n` are drawn; `response` is the axis's title, such as
    ``"ln IC50"``. Measured differences whose adjusted p is above `level` are drawn open.

    Examples
    --------
    >>> table = gl.drugs.feature_scores(model, lines, "Drug_1047", features, names)
    >>> gl.drugs.plot.effects(table, response="ln IC50")
    """
    columns = ("feature", "effect", "measured", "low", "high", "q", "n")
    check_table(table, *columns, source="genolab.drugs.feature_scores")
    check_at_least("n", n)
    top = table.head(n)
    at = np.arange(len(top))
    figure = Figure()
    figure.add_scatter(
        x=top["measured"],
        y=at,
        name="measured, 95 % interval",
        mode="markers",
        marker={"size": 11, "color": SECOND, "symbol": filled_or_open(top["q"] <= level), "line": {"width": 2}},
        error_x=intervals(top["measured"], top["low"], top["high"]) | {"color": SECOND},
        customdata=np.stack([top["n"], [number(q) for q in top["q"]]], axis=1),
        hovertemplate="measured %{x:.2f}, adjusted p %{customdata[1]}<br>%{customdata[0]} have it<extra></extra>",
    )
    figure.add_scatter(
        x=top["effect"],
        y=at,
        name="predicted",
        mode="markers",
        marker={"size": 13, "color": FIRST, "symbol": "diamond"},
        hovertemplate="predicted %{x:.2f}<extra></extra>",
    )
    figure.update_xaxes(title_text=f"Change of {plain(response)} with the feature")
    dot_rows(figure, list(top["feature"]), reference=0)
    subtitle = f"The largest predicted effects of {len(table):,}; open circles: adjusted p above {level:g}"
    legend_below(dress(figure, _title(top), subtitle=subtitle, height=230 + 34 * max(len(top), 4)))
    return figure


def _title(top: pd.DataFrame) -> str:
    first = top.iloc[0]
    verb = "raises" if first["effect"] > 0 else "lowers"
    if first["low"] <= 0 <= first["high"]:
        measured = "what was measured leaves that open"
    else:
        same = (first["effect"] > 0) == (first["measured"] > 0)
        measured = "as measured" if same else "what was measured is the reverse"
    return f"{plain(first['feature'])} {verb} the response most, {measured}"

"""Figures of gene functions: enriched gene sets, and how well terms are predicted by their depth."""

from typing import Any, Final

import numpy as np
import pandas as pd

from genolab import palette
from genolab.plot.style import (
    MUTED,
    Figure,
    check_table,
    colour_bar,
    dot_rows,
    dress,
    filled_or_open,
    legend_below,
    number,
    plain,
)

_ENRICHED: Final = ("is enriched", "are enriched")
_RANKED: Final = ("ranks higher or lower than by chance", "rank higher or lower than by chance")
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "x")


def enrichment(table: pd.DataFrame, *, n: int = 15, level: float = 0.05) -> Figure:
    """Draw the most enriched gene sets, a dot each, the lowest p on top.

    `table` is of `genolab.function.enrich` or `genolab.function.enrich_ranked`, whose first `n` sets are drawn. The x
    axis is the fold enrichment, or of a ranking how often a gene of the set ranks above another; the size is the number
    of genes in the overlap or leading edge, the colour the adjusted p. Sets whose adjusted p is above `level` are open.
    """
    ranked = "auc" in table
    own = ["auc"] if ranked else ["overlap", "expected"]
    check_table(table, "name", "size", "p", "q", "genes", *own, source="genolab.function.enrich or enrich_ranked")
    top = table.sort_values("p", kind="stable").head(n)
    figure = Figure()
    figure.add_scatter(**_sets(top, ranked=ranked, level=level))
    dot_rows(figure, list(top["name"]), reference=0.5 if ranked else 1)
    if ranked:
        figure.update_xaxes(title_text="How often a gene of the set ranks above another", range=[-0.03, 1.03])
    else:
        figure.update_xaxes(title_text="Times as many genes as expected", rangemode="tozero")
    subtitle = f"Dots grow with the number of {'leading ' * ranked}genes; open where adjusted p is above {level:g}"
    title = _finding(table, _RANKED if ranked else _ENRICHED, level)
    return dress(figure, title, subtitle=subtitle, height=190 + 34 * max(len(top), 4))


def _sets(top: pd.DataFrame, *, ranked: bool, level: float) -> dict[str, Any]:
    significant = (top["q"] <= level).to_numpy()
    count = top["genes"].str.len()
    effect = top["auc"] if ranked else top["overlap"] / top["expected"]
    zeros = -np.log10(np.maximum(top["q"].to_numpy(), 1e-300))
    ticks = np.linspace(0, max(zeros.max(), 1), 3)
    effect_text = "lead; above another gene in %{x:.0%}" if ranked else "%{x:.1f} times as expected"
    return {
        "x": effect.to_numpy(),
        "y": np.arange(len(top)),
        "mode": "markers",
        "marker": {
            "size": 9 + 24 * np.sqrt(count / count.max()),
            "color": zeros,
            "colorscale": "Viridis",
            "reversescale": True,
            "cmin": 0,
            "cmax": ticks[-1],
            "symbol": filled_or_open(significant),
            "line": {"width": [1 if each else 2.5 for each in significant], "color": "rgba(31,31,32,0.45)"},
            "colorbar": colour_bar("Adjusted p") | {"tickvals": ticks, "ticktext": [f"{10**-at:.1g}" for at in ticks]},
        },
        "customdata": np.stack([count, top["size"], [number(q) for q in top["q"]]], axis=1),
        "hovertemplate": f"%{{customdata[0]}} of its %{{customdata[1]}} genes{' ' if ranked else ', '}{effect_text}<br>"
        "adjusted p %{customdata[2]}<extra></extra>",
    }


def _finding(table: pd.DataFrame, what: tuple[str, str], level: float) -> str:
    """Return how many sets are enriched, or rank high or low, and which most clearly."""
    n_found, tested = int((table["q"] <= level).sum()), table.attrs.get("n_tested", len(table))
    if not n_found:
        return f"None of {tested:,} sets {what[0]}"
    best = plain(table.sort_values("p", kind="stable")["name"].iloc[0])
    return f"{n_found:,} of {tested:,} sets {what[n_found > 1]}, most clearly {best}"


def depth(table: pd.DataFrame) -> Figure:
    """Draw the mean area under the precision-recall curve by the depth of terms, a line a model.

    `table` is from `genolab.function.by_term`; the dotted line is a random ranking, ticks show the number of terms.
    """
    check_table(table, "model", "depth", "auprc", "chance", source="genolab.function.by_term")
    known = table[table["auprc"].notna()]
    if len(known) == 0:
        raise ValueError("there is no area to draw: each term needs genes with and genes without it")
    means = known.groupby(["model", "depth"], sort=False)["auprc"].mean()
    figure = Figure()
    for place, model in enumerate(known["model"].unique()):
        line = means[model].sort_index()
        style = {"color": palette.OKABE_ITO[place % len(palette.OKABE_ITO)], "width": 3}
        marker = {"size": 10, "symbol": _SYMBOLS[place % len(_SYMBOLS)]}
        figure.add_scatter(
            x=line.index, y=line, mode="lines+markers", name=plain(model), line=style, marker=marker,
            hovertemplate="depth %{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    first = known[known["model"] == known["model"].iloc[0]].groupby("depth")
    chance, counts = first["chance"].mean(), first.size()
    figure.add_scatter(
        x=chance.index, y=chance, mode="lines", name="random", line={"color": MUTED, "width": 2, "dash": "dot"}
    )
    figure.update_xaxes(
        title_text="Depth of the term (number of terms)",
        tickvals=list(counts.index),
        ticktext=[f"{at}<br>({count:,})" for at, count in counts.items()],
    )
    figure.update_yaxes(title_text="Area under precision-recall, mean", rangemode="tozero")
    overall = known.groupby("model", sort=False)["auprc"].mean()
    best = str(overall.idxmax())
    title = f"{plain(best)}: {overall[best]:.2f} in the mean over terms, random {known['chance'].mean():.2f}"
    legend_below(dress(figure, title, subtitle="Narrow terms have few genes to learn from", height=560))
    return figure

"""Figures of values: which genes vary, and how well values are reconstructed."""

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from anndata import AnnData
from numpy.typing import NDArray

from genolab import evaluate, preprocess
from genolab.evaluate.reconstruction import row_blocks
from genolab.palette import NONE
from genolab.plot.style import (
    FIRST,
    SECOND,
    VIRIDIS,
    Figure,
    colour_bar,
    dress,
    legend_below,
    percent,
    plain,
    plain_all,
    point_size,
    points,
)

_LABELLED: Final = 8  # genes whose names stand in the figure; all others show theirs under the pointer


def genes(adata: AnnData) -> Figure:
    """Draw each gene's variance over its mean, with the highly variable genes marked and the first eight named.

    Of what `genolab.preprocess.apply` returned with ``n_top_genes``, the genes that it dropped are drawn as well; or of
    any AnnData with the columns that `scanpy.pp.highly_variable_genes` writes to ``var``.
    """
    table = _gene_table(adata)
    by = "variances_norm" if "variances_norm" in table else "dispersions_norm"
    kept = table["kept"].to_numpy(dtype=bool)
    figure = Figure()
    for rows, name, colour in ((~kept, "dropped", NONE), (kept, "variable, kept", FIRST)):
        some = table[rows]
        figure.add_trace(
            points(len(table))(
                x=some["means"],
                y=some[by],
                mode="markers",
                marker={"color": colour, "size": max(4, point_size(len(table)))},
                name=f"{name} ({len(some):,})",
                text=plain_all(list(some.index)),
                hovertemplate="%{text}<br>mean %{x:.3g}, varies %{y:.3g}<extra></extra>",
            )
        )
    _name_the_highest(figure, table[kept].nlargest(_LABELLED, by), by)
    counts = by == "variances_norm"
    figure.update_xaxes(title_text="Mean counts per cell", type="log", dtick=1)
    if not counts:
        figure.update_xaxes(title_text="Mean expression, log", type="linear", dtick=None)
    figure.update_yaxes(
        title_text="Variance, relative to genes of the same mean" if counts else "Normalised dispersion"
    )
    best = plain(table[kept][by].idxmax())
    title = f"{kept.sum():,} of {len(table):,} genes are kept; {best} varies most for its mean"
    legend_below(dress(figure, title, height=560))
    return figure


def _gene_table(adata: AnnData) -> pd.DataFrame:
    """Return the figures of all genes that were ranked: from the recipe, or else from var."""
    recorded = adata.uns.get("recipe")
    table: pd.DataFrame = adata.var.rename(columns={"highly_variable": "kept"})
    if isinstance(recorded, dict) and "genes" in recorded:
        table = preprocess.fitted(adata).genes
    measured = {"variances_norm", "dispersions_norm"} & set(table.columns)
    if not measured or not {"means", "kept"} <= set(table.columns) or not table["kept"].any():
        raise ValueError(
            "variable genes were not chosen in this AnnData: apply a Recipe with n_top_genes, or call "
            f"scanpy.pp.highly_variable_genes; var has {list(adata.var.columns)}"
        )
    return table


def _name_the_highest(figure: Figure, top: pd.DataFrame, by: str) -> None:
    log = by == "variances_norm"
    for place, (name, row) in enumerate(top.sort_values("means").iterrows()):
        figure.add_annotation(
            x=np.log10(row["means"]) if log else row["means"],
            y=row[by],
            text=plain(name),
            font={"size": 14},
            showarrow=True,
            arrowwidth=1,
            arrowcolor=NONE,
            arrowhead=0,
            ax=0,
            ay=-18 - 17 * (place % 3),
        )


def reconstruction(truth: Any, reconstructed: Any, *, unit: str = "log expression", n_bins: int = 80) -> Figure:
    """Draw reconstructed over true values, ``(n, genes)`` dense or sparse, as a density of `n_bins` by `n_bins`.

    The colours are logarithmic; the line is a perfect reconstruction. `unit` says what the values are, for the axes.
    """
    table = evaluate.reconstruction(truth, {"reconstructed": reconstructed}, n_boot=0).set_index("metric")["value"]
    count, across, up = _density(truth, reconstructed, n_bins)
    shown = np.log10(np.where(count > 0, count, np.nan))
    top = int(np.ceil(np.nanmax(shown)))
    figure = Figure(
        go.Heatmap(
            x=(across[1:] + across[:-1]) / 2,
            y=(up[1:] + up[:-1]) / 2,
            z=shown.T,
            customdata=count.T,
            colorscale=VIRIDIS,
            colorbar=colour_bar("Values")
            | {"tickvals": list(range(top + 1)), "ticktext": [f"{10**power:,}" for power in range(top + 1)]},
            hovertemplate="true %{x:.3g}, reconstructed %{y:.3g}: %{customdata:,} values<extra></extra>",
        )
    )
    ends = [max(across[0], up[0]), min(across[-1], up[-1])]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": SECOND, "width": 3, "dash": "dash"}, hoverinfo="skip"
    )
    figure.add_annotation(
        x=ends[1],
        y=ends[1],
        text="perfect",
        font={"size": 15},
        showarrow=False,
        xanchor="right",
        yanchor="bottom",
    )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text=f"True value, {plain(unit)}")
    figure.update_yaxes(title_text=f"Reconstructed value, {plain(unit)}")
    n_cells, n_genes = np.shape(truth)
    subtitle = f"Mean squared error {table['mse']:.3g} over {n_cells:,} cells x {n_genes:,} genes"
    title = f"The reconstruction explains {percent(table['r2'])} of the variance"
    if np.isnan(table["r2"]):
        title = "The true values don't vary, so there is no variance to explain"
    return dress(figure, title, subtitle=subtitle, height=600)


def _density(
    truth: Any, reconstructed: Any, n_bins: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Count values by bins of both, block by block."""
    across, up = (np.linspace(*_ends(values), n_bins + 1) for values in (truth, reconstructed))
    count = np.zeros((n_bins, n_bins), dtype=np.int64)
    for true, rebuilt in row_blocks(truth, reconstructed):
        count += np.histogram2d(true.ravel(), rebuilt.ravel(), bins=(across, up))[0].astype(np.int64)
    return count, across, up


def _ends(values: Any) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)

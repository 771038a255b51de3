"""Figures of cells: where they lie in a latent space, and how good they are."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from scipy import sparse

from genolab import palette, preprocess
from genolab.checks import check_key
from genolab.data.gene_names import find_gene, gene_values
from genolab.plot.style import (
    FIRST,
    SECOND,
    VIRIDIS,
    Figure,
    colour_bar,
    dress,
    number,
    percent,
    plain,
    plain_all,
    point_size,
    points,
    rim,
)

Pair = tuple[int, int]
Place = NDArray[np.float64]


def latent(
    adata: AnnData, basis: str, *, color: str | None = None, dims: Pair = (0, 1), layer: str | None = None
) -> Figure:
    """Draw cells in two dimensions of a latent space, coloured by a column of obs or a gene.

    Parameters
    ----------
    basis
        Key of ``obsm``, such as ``"X_vae"``.
    color
        Column of ``obs``, or a gene by its id or symbol; where both have the name, the column. Cells without a value
        are grey.
    dims
        The two dimensions, from 0.
    layer
        Layer that a gene's values come from; ``None``: ``X``, or ``.raw`` for genes that only that has.
    """
    place = _coordinates(adata, basis, dims)
    figure = Figure()
    if color is None:
        figure.add_trace(_cloud(place, adata.obs_names, FIRST, "cells"))
        figure.update_layout(showlegend=False)
        title = f"{adata.n_obs:,} cells in {plain(basis)}"
    else:
        values = _values(adata, color, layer)
        color = str(values.name)
        if _is_number(values):
            title = _add_numbers(figure, place, adata.obs_names, values, color)
        else:
            title = _add_categories(figure, place, adata.obs_names, values, color)
    figure.update_xaxes(title_text=f"{plain(basis)}, dimension {dims[0] + 1}")
    figure.update_yaxes(title_text=f"{plain(basis)}, dimension {dims[1] + 1}")
    return dress(figure, title, height=620)


def _coordinates(adata: AnnData, basis: str, dims: Pair) -> NDArray[np.float64]:
    check_key(adata, "obsm", basis)
    if adata.n_obs == 0:
        raise ValueError("there are no cells to draw")
    held = adata.obsm[basis]
    place = np.asarray(held.toarray() if sparse.issparse(held) else held, dtype=np.float64)
    width = place.shape[1] if place.ndim == 2 else 1
    if place.ndim != 2 or len(dims) != 2 or not all(0 <= d < width for d in dims):
        raise ValueError(f"dims must be two of the {width} dimensions of {basis!r}, counted from 0; got {dims}")
    return place[:, list(dims)]


def _values(adata: AnnData, color: str, layer: str | None) -> pd.Series:
    if color in adata.obs:
        return pd.Series(adata.obs[color]).infer_objects().reset_index(drop=True)
    gene = find_gene(adata, color, layer=layer)
    return pd.Series(gene_values(adata, gene), name=gene.label)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _cloud(place: Place, names: pd.Index, colour: Any, name: str, *, total: int | None = None) -> Any:
    n = total or len(place)
    return points(n)(
        x=place[:, 0],
        y=place[:, 1],
        mode="markers",
        marker={"color": colour, "size": point_size(n), "opacity": 0.85, "line": rim(n)},
        name=name,
        text=plain_all(list(names)),
        hovertemplate="%{text}<extra>%{fullData.name}</extra>",
    )


def _add_categories(figure: Figure, place: Place, names: pd.Index, values: pd.Series, color: str) -> str:
    column = values.astype("category").cat
    sizes = values.value_counts()
    for code, (name, colour) in enumerate(zip(column.categories, palette.colours(len(column.categories)), strict=True)):
        rows = (column.codes == code).to_numpy()
        if rows.any():
            words = f"{plain(name)} ({rows.sum():,})"
            figure.add_trace(_cloud(place[rows], names[rows], colour, words, total=len(place)))
    lost = values.isna().to_numpy()
    if lost.any():
        figure.add_trace(_cloud(place[lost], names[lost], palette.NONE, f"none ({lost.sum():,})", total=len(place)))
    figure.update_layout(showlegend=True, legend={"title": {"text": plain(color)}})
    if lost.all():
        return f"{plain(color)} has no value in any of {len(place):,} cells"
    kinds = f"of {(sizes > 0).sum():,} kinds; the largest is" if (sizes > 0).sum() > 1 else "of one kind,"
    return f"{len(place):,} cells {kinds} {plain(sizes.index[0])} ({sizes.iloc[0]:,})"


def _add_numbers(figure: Figure, place: Place, names: pd.Index, values: pd.Series, color: str) -> str:
    shown = values.to_numpy(dtype=np.float64, na_value=np.nan)
    lost = ~np.isfinite(shown)
    if lost.any():
        figure.add_trace(_cloud(place[lost], names[lost], palette.NONE, "no value", total=len(place)))
    order = np.flatnonzero(~lost)[np.argsort(shown[~lost], kind="stable")]  # the highest are drawn last, on top
    cloud = _cloud(place[order], names[order], shown[order], plain(color), total=len(place))
    cloud.marker.update(colorscale=VIRIDIS, showscale=True, colorbar=colour_bar(plain(color)))
    cloud.hovertemplate = "%{text}<br>%{marker.color:.4g}<extra>%{fullData.name}</extra>"
    figure.add_trace(cloud)
    figure.update_layout(showlegend=False)
    if lost.all():
        return f"{plain(color)} has no value in any of {len(place):,} cells"
    low, high, share = shown[~lost].min(), shown[~lost].max(), float((shown > 0).mean())
    if low < 0 or share == 1:
        return f"{plain(color)} lies between {number(low)} and {number(high)}"
    return f"{plain(color)} is above 0 in {percent(share)} of {len(place):,} cells"


class _Panel(NamedTuple):
    title: str
    column: str
    unit: str
    ticks: str
    low: float | None
    high: float | None


def quality(adata: AnnData, *, recipe: preprocess.Recipe | None = None) -> Figure:
    """Draw the cells' quality, with the limits of a recipe and how many cells they remove.

    Histograms of counts per cell, genes per cell and, where known, the percentage of mitochondrial counts: from counts,
    or from the columns of `genolab.preprocess.quality` in ``obs``. Of the `recipe`, ``min_genes``, ``max_counts`` and
    ``max_mito`` are drawn.
    """
    known = {"total_counts", "n_genes_by_counts"} <= set(adata.obs.columns)
    metrics = adata.obs if known and adata.n_obs else preprocess.quality(adata)
    panels = list(_panels(metrics, recipe))
    figure = make_subplots(
        cols=len(panels), horizontal_spacing=0.07, subplot_titles=[panel.title for panel in panels], figure=Figure()
    )
    outside = np.zeros(len(metrics), dtype=bool)
    for column, panel in enumerate(panels, start=1):
        values = metrics[panel.column].to_numpy(dtype=np.float64)
        log = _add_histogram(figure, values, panel, column)
        outside |= _add_limits(figure, values, panel, column, log=log)
    figure.update_yaxes(title_text="Cells", col=1)
    figure.update_layout(showlegend=False)
    figure.update_annotations(selector={"yref": "paper"}, font={"size": 17}, yshift=6)
    typical = f"{metrics['total_counts'].median():,.0f} counts in {metrics['n_genes_by_counts'].median():,.0f} genes"
    if recipe is None:
        return dress(figure, f"The median cell of {len(metrics):,} has {typical}", height=460, panels=True)
    title = f"The limits remove {outside.sum():,} of {len(metrics):,} cells ({percent(outside.mean())})"
    title = title if outside.any() else f"The limits remove none of {len(metrics):,} cells"
    return dress(figure, title, subtitle=f"The median cell has {typical}", height=490, panels=True)


def _panels(metrics: pd.DataFrame, recipe: preprocess.Recipe | None) -> Iterator[_Panel]:
    high = None if recipe is None else recipe.max_counts
    yield _Panel("Counts per cell", "total_counts", "Counts", "~s", None, high)
    low = None if recipe is None else recipe.min_genes
    yield _Panel("Genes per cell", "n_genes_by_counts", "Detected genes", "~s", low, None)
    if "pct_counts_mt" in metrics:
        most = None if recipe is None else recipe.max_mito
        yield _Panel("Mitochondrial share", "pct_counts_mt", "% of a cell's counts", "~g", None, most)


def _add_histogram(figure: Figure, values: NDArray[np.float64], panel: _Panel, column: int) -> bool:
    """Draw a filled outline, which, unlike bars, also stands on a logarithmic axis; return whether it is one."""
    values = values[np.isfinite(values)]
    log = panel.column == "total_counts" and values.min() > 0 and values.max() / values.min() > 20
    edges = np.geomspace(values.min(), values.max(), 51) if log else np.histogram_bin_edges(values, bins=50)
    if panel.ticks == "~s" and np.ptp(values) < 50:  # few different numbers of things: a bin each
        edges = np.arange(values.min() - 0.5, values.max() + 1)
    count, _ = np.histogram(values, bins=edges)
    spans = [f"{number(low)} to {number(high)}" for low, high in pairwise(edges)]
    figure.add_scatter(
        x=np.r_[edges[0], edges, edges[-1]],
        y=np.r_[0, count, count[-1], 0],
        customdata=[spans[0], *spans, spans[-1], spans[-1]],
        line={"color": FIRST, "shape": "hv", "width": 1.5},
        fill="tozeroy",
        fillcolor="rgba(0,114,178,0.35)",
        mode="lines",
        hovertemplate="%{customdata}: %{y:,} cells<extra></extra>",
        row=1,
        col=column,
    )
    ticks = {"type": "log", "dtick": 1 if edges[-1] / edges[0] > 100 else "D2"} if log else {"nticks": 5}
    figure.update_xaxes(title_text=panel.unit, tickformat=panel.ticks, row=1, col=column, **ticks)
    figure.update_yaxes(range=[0, 1.2 * count.max()], row=1, col=column)  # room for the limit's label
    return log


def _add_limits(
    figure: Figure, values: NDArray[np.float64], panel: _Panel, column: int, *, log: bool
) -> NDArray[np.bool_]:
    """Draw a panel's limits and return which cells are beyond them."""
    below = values < panel.low if panel.low is not None else np.zeros(len(values), dtype=bool)
    above = values > panel.high if panel.high is not None else np.zeros(len(values), dtype=bool)
    for limit, beyond, word in ((panel.low, below, "below"), (panel.high, above, "above")):
        if limit is None:
            continue
        middle = (np.nanmin(values) + np.nanmax(values)) / 2 if not log else np.sqrt(values.min() * values.max())
        figure.add_vline(x=limit, line={"color": SECOND, "width": 2.5, "dash": "dash"}, row=1, col=column)
        figure.add_annotation(
            x=np.log10(limit) if log else limit,
            y=1,
            yref="y domain",
            text=f"{beyond.sum():,} {word} {limit:,g}",
            font={"size": 15},
            bgcolor="rgba(255,255,255,0.85)",
            showarrow=False,
            xanchor="left" if limit < middle else "right",
            yanchor="top",
            xshift=4 if limit < middle else -4,
            row=1,
            col=column,
        )
    return below | above

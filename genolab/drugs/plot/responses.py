"""Figures of compounds' responses: which compound acts on what, and how well that was predicted."""

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from genolab.checks import check_at_least, check_key
from genolab.data.dataset import AnnDataset
from genolab.drugs.metrics.evaluate import calibration, column, estimate, evaluate, measured
from genolab.drugs.pairs import high_is_potent, response_name
from genolab.plot.style import (
    FIRST,
    MUTED,
    SECOND,
    VIRIDIS,
    Figure,
    colour_bar,
    dress,
    legend_below,
    number,
    percent,
    plain,
    plain_all,
    point_size,
    points,
)

Array = NDArray[np.float64]

_MAX_NAMED: Final = 60  # rows or columns up to which each has its name written beside it
_CELL: Final = 18  # pixels of a row whose name is written


def responses(adata: AnnData, values: str | ArrayLike = "response", *, most: int = 500) -> Figure:
    """Draw a heat map of the responses of compounds in contexts, the most potent brightest, what wasn't measured grey.

    Rows and columns are clustered (average linkage of Euclidean distances, missing values filled by the means of their
    row and column). `values` is a column of ``obs``, or ``(n,)`` values such as predictions; of a pair measured more
    than once the mean is drawn. Of more than `most`, the compounds and contexts measured most often that vary most are
    drawn.
    """
    check_at_least("most", most)
    whole = _grid(adata, _values(adata, values))
    drawn = whole.iloc[_most_variable(whole, most), _most_variable(whole.T, most)]
    filled = _filled(drawn)
    drawn = drawn.iloc[_clustered(filled), _clustered(filled.T)]
    name = plain(response_name(adata) or (values if isinstance(values, str) else "response"))
    high = high_is_potent(adata)
    figure = Figure(
        go.Heatmap(
            x=plain_all(list(drawn.columns)),
            y=plain_all(list(drawn.index)),
            z=drawn.to_numpy(),
            colorscale=VIRIDIS,
            reversescale=not high,
            colorbar=colour_bar(name),
            hovertemplate="%{y} on %{x}: " + name + " %{z:.3g}<extra></extra>",
            hoverongaps=False,
        )
    )
    n_compounds, n_contexts = drawn.shape
    figure.update_xaxes(title_text="Context", type="category", showgrid=False)
    figure.update_yaxes(title_text="Compound", type="category", showgrid=False)
    figure.update_xaxes(showticklabels=n_contexts <= _MAX_NAMED, ticks="", tickangle=-90)
    figure.update_yaxes(showticklabels=n_compounds <= _MAX_NAMED, ticks="")
    room = _CELL * n_compounds if n_compounds <= _MAX_NAMED else 460
    dress(figure, _most_potent(whole, name, high), subtitle=_extent(whole, drawn), height=max(460, 260 + room))
    figure.update_layout(plot_bgcolor="#d9d9d9")
    return figure


def predicted(model: Any, test: AnnDataset, *, censored: bool = False) -> Figure:
    """Draw predicted over measured responses; and, of a model with an uncertainty, the calibration of its intervals.

    `model` and `censored` are as in `genolab.drugs.evaluate`; rows known only by a bound are drawn as triangles that
    point beyond it.
    """
    models = {"model": model}
    figures = evaluate(models, test, censored=censored, n_boot=0).set_index("metric")["value"]
    mean, spread = estimate("model", model, test)
    has_spread = spread is not None
    figure: Figure = make_subplots(
        cols=1 + has_spread,
        column_widths=[0.58, 0.42] if has_spread else None,
        horizontal_spacing=0.17,
        subplot_titles=["Each row", "Are its intervals calibrated?"] if has_spread else None,
        figure=Figure(),
    )
    _add_rows(figure, test, mean, spread, censored=censored)
    if has_spread:
        _add_calibration(figure, calibration(models, test, censored=censored))
    name = plain(response_name(test.adata) or "response")
    figure.update_xaxes(title_text=f"Measured {name}", col=1)
    figure.update_yaxes(title_text=f"Predicted {name}", col=1)
    figure.update_annotations(font={"size": 16}, yshift=6)
    title = f"Predictions are {number(figures['rmse'])} off, and put {percent(figures['ci'])} of the pairs in order"
    subtitle = f"Root mean squared error and concordance index over {len(test):,} rows"
    if has_spread:
        subtitle += f"; the 90 % intervals hold {percent(figures['coverage'])} of the rows"
    legend_below(dress(figure, title, subtitle=subtitle, height=600, panels=has_spread))
    return figure


def _values(adata: AnnData, values: str | ArrayLike) -> Array:
    if isinstance(values, str):
        check_key(adata, "obs", values)
        values = adata.obs[values].to_numpy()
    array = np.asarray(values, dtype=np.float64)
    if array.size != adata.n_obs:
        raise ValueError(f"a heat map needs one value for each of {adata.n_obs:,} rows, got the shape {array.shape}")
    return array.reshape(-1)


def _grid(adata: AnnData, values: Array) -> pd.DataFrame:
    """Return the mean value of each pair, ``(compounds, contexts)``, of those that were measured at all."""
    check_key(adata, "obsm", "pair", fix="fetch or read responses of compounds")
    known = np.isfinite(values)
    if not known.any():
        raise ValueError("there is nothing to draw: no response is a finite number")
    compound, context = np.asarray(adata.obsm["pair"])[known].T
    pairs = pd.DataFrame({"compound": compound, "context": context, "value": values[known]})
    grid = pairs.pivot_table("value", "compound", "context")
    return grid.set_axis(adata.uns["compounds"].index[grid.index].astype(str)).set_axis(
        adata.uns["contexts"].index[grid.columns].astype(str), axis=1
    )


def _most_variable(grid: pd.DataFrame, most: int) -> NDArray[np.int64]:
    """Return the rows measured most often, and among those the ones that vary most, at most so many."""
    variance = grid.var(axis=1, ddof=0)
    return np.sort(np.lexsort((-variance, -grid.count(axis=1)))[:most])


def _filled(grid: pd.DataFrame) -> Array:
    """Fill what wasn't measured with the overall mean and the effects of its row and column."""
    values = grid.to_numpy()
    known = np.isfinite(values)
    mean = values[known].mean()
    off = np.where(known, values - mean, 0)
    row, column = (off.sum(axis=axis) / np.maximum(known.sum(axis=axis), 1) for axis in (1, 0))
    return np.where(known, values, mean + row[:, None] + column)


def _clustered(values: Array) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(values) < 3:
        return np.arange(len(values))
    order: NDArray[np.int64] = leaves_list(linkage(values, "average", optimal_ordering=True)).astype(np.int64)
    return order


def _most_potent(grid: pd.DataFrame, name: str, high: bool) -> str:
    filled = _filled(grid)
    potency = filled if high else -filled
    compound, context = potency.mean(axis=1).argmax(), potency.mean(axis=0).argmax()
    most = f"{plain(grid.index[compound])} is the most potent, {name} {filled[compound].mean():.3g} in the mean"
    return f"{most}; {plain(grid.columns[context])} responds most"


def _extent(whole: pd.DataFrame, drawn: pd.DataFrame) -> str:
    size = f"{drawn.shape[0]:,} compounds by {drawn.shape[1]:,} contexts"
    total = f" of {whole.shape[0]:,} by {whole.shape[1]:,}" if drawn.shape != whole.shape else ""
    known = float(drawn.notna().to_numpy().mean())
    gaps = f", {percent(known)} of them measured (grey: not)" if known < 1 else ""
    return f"{size}{total}{gaps}, ordered by cluster"


def _add_rows(figure: Figure, test: AnnDataset, mean: Array, spread: Array | None, *, censored: bool) -> None:
    truth = measured(test, censored=censored)
    names = [f"{c} on {t}" for c, t in zip(column(test, "compound"), column(test, "context"), strict=True)]
    hover = "measured %{x:.3g}, predicted %{y:.3g}" + ("" if spread is None else " ± %{customdata:.2g}")
    kinds = (
        ("measured", truth.exact, "circle"),
        ("at most", np.isneginf(truth.low), "triangle-left"),
        ("at least", np.isposinf(truth.high), "triangle-right"),
    )
    for kind, rows, symbol in kinds:
        at = np.flatnonzero(rows)
        if len(at) == 0:
            continue
        marker = {"size": point_size(len(mean)), "symbol": symbol, "opacity": 0.6}
        trace = points(len(mean))(
            x=truth.value[at],
            y=mean[at],
            customdata=None if spread is None else spread[at],
            text=plain_all([names[i] for i in at]),
            mode="markers",
            marker=marker | {"color": FIRST if kind == "measured" else MUTED},
            name=f"{kind} ({len(at):,})",
            hovertemplate="%{text}<br>" + hover + "<extra></extra>",
        )
        figure.add_trace(trace, row=1, col=1)
    ends = [min(truth.value.min(), mean.min()), max(truth.value.max(), mean.max())]
    figure.add_trace(_diagonal(ends, "perfect"), row=1, col=1)


def _add_calibration(figure: Figure, curve: pd.DataFrame) -> None:
    trace = go.Scatter(
        x=curve["level"],
        y=curve["coverage"],
        mode="lines+markers",
        name="intervals",
        line={"color": FIRST, "width": 3},
        hovertemplate="intervals for %{x:.0%} hold %{y:.1%}<extra></extra>",
    )
    figure.add_trace(trace, row=1, col=2)
    figure.add_trace(_diagonal([0, 1], "calibrated").update(showlegend=False), row=1, col=2)
    for text, x, y in (("overconfident", 0.72, 0.2), ("underconfident", 0.28, 0.85)):
        font = {"color": MUTED, "size": 15}
        figure.add_annotation(x=x, y=y, text=text, font=font, showarrow=False, row=1, col=2)
    figure.update_xaxes(title_text="Nominal coverage", tickformat=".0%", range=[0, 1], col=2)
    figure.update_yaxes(title_text="Measured coverage", tickformat=".0%", range=[0, 1], col=2)


def _diagonal(ends: list[float], name: str) -> go.Scatter:
    return go.Scatter(
        x=ends, y=ends, mode="lines", name=name, line={"color": SECOND, "width": 3, "dash": "dash"}, hoverinfo="skip"
    )

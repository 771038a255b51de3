"""Figures of compounds' responses: which compound acts on what, and how well that was predicted."""

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

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

_NAMED: Final = 60  # names up to which each row or column has its own written beside it
_CELL: Final = 18  # pixels of a row whose name is written


class _Grid(NamedTuple):
    """Responses ``(compounds, contexts)``, NaN where not measured, and the names of both."""

    response: Array
    compounds: list[str]
    contexts: list[str]

    def of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> "_Grid":
        compounds, contexts = ([names[i] for i in at] for names, at in zip(self[1:], (rows, columns), strict=True))
        return _Grid(self.response[np.ix_(rows, columns)], compounds, contexts)


def responses(adata: AnnData, values: str | ArrayLike = "response", *, most: int = 500) -> Figure:
    """Draw what each compound does in each context, with what acts alike side by side.

    Parameters
    ----------
    adata
        Measured compounds: a row a compound in a context, ``obsm["pair"]``, and the tables in ``uns``.
    values
        Column of ``obs``, or ``(n,)`` values such as predictions. Of a pair measured more than once the mean is drawn.
    most
        Compounds and contexts drawn at most: those measured most often, and of these those that vary most.

    Returns
    -------
    plotly.graph_objects.Figure
        A heat map, the strongest brightest, what wasn't measured grey; rows and columns are ordered by clustering
        (average linkage of Euclidean distances, missing values filled by the means of their row and column).

    Raises
    ------
    KeyError
        There is no such column, or ``obsm`` has no ``"pair"``.
    ValueError
        The values aren't one a row, none is finite, or `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"most is a number of compounds and contexts, at least 1, got {most}")
    whole = _grid(adata, _values(adata, values))
    drawn = whole.of(_liveliest(whole.response, most), _liveliest(whole.response.T, most))
    filled = _filled(drawn.response)
    drawn = drawn.of(_by_cluster(filled), _by_cluster(filled.T))
    name = plain(response_name(adata) or (values if isinstance(values, str) else "response"))
    high = high_is_potent(adata)
    figure = Figure(
        go.Heatmap(
            x=plain_all(drawn.contexts),
            y=plain_all(drawn.compounds),
            z=drawn.response,
            colorscale=VIRIDIS,
            reversescale=not high,
            colorbar=colour_bar(name),
            hovertemplate="%{y} on %{x}: " + name + " %{z:.3g}<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(title_text="Context", type="category", showgrid=False)
    figure.update_yaxes(title_text="Compound", type="category", showgrid=False)
    figure.update_xaxes(showticklabels=len(drawn.contexts) <= _NAMED, ticks="", tickangle=-90)
    figure.update_yaxes(showticklabels=len(drawn.compounds) <= _NAMED, ticks="")
    room = _CELL * len(drawn.compounds) if len(drawn.compounds) <= _NAMED else 460
    dress(figure, _strongest(whole, name, high), subtitle=_extent(whole, drawn), height=max(460, 260 + room))
    figure.update_layout(plot_bgcolor="#d9d9d9")
    return figure


def predicted(model: Any, test: AnnDataset, *, censored: bool = False) -> Figure:
    """Draw predicted over measured responses; and, where a model says how sure it is, whether that is true.

    Parameters
    ----------
    model
        With ``predict(batch)``, and ``spread(batch)`` where it knows how sure it is; or predictions ``(n,)``; or a
        `genolab.drugs.Estimate`.
    test
        Rows with the response as target.
    censored
        As in `genolab.drugs.evaluate`; rows known only by a bound are drawn as triangles that point beyond it.

    Returns
    -------
    plotly.graph_objects.Figure
        One point a row, and the line on which a perfect model would put all. With a spread, a second panel: the share
        of rows that intervals promise to hold, and the share that they do.

    Raises
    ------
    ValueError
        As in `genolab.drugs.evaluate`.
    """
    given = {"model": model}
    figures = evaluate(given, test, censored=censored, n_boot=0).set_index("metric")["value"]
    mean, spread = estimate("model", model, test)
    sure = spread is not None
    figure: Figure = make_subplots(
        cols=1 + sure,
        column_widths=[0.58, 0.42] if sure else None,
        horizontal_spacing=0.12,
        subplot_titles=["Each row", "Are its intervals true?"] if sure else None,
        figure=Figure(),
    )
    _add_rows(figure, test, mean, spread, censored=censored)
    if sure:
        _add_calibration(figure, calibration(given, test, censored=censored))
    name = plain(response_name(test.adata) or "response")
    figure.update_xaxes(title_text=f"Measured {name}", col=1)
    figure.update_yaxes(title_text=f"Predicted {name}", col=1)
    figure.update_annotations(font={"size": 16}, yshift=6)
    title = f"Predictions are {number(figures['rmse'])} off, and put {percent(figures['ci'])} of the pairs in order"
    told = f"Root mean squared error and concordance index over {len(test):,} rows"
    if sure:
        told += f"; intervals that promise 90 % of the rows hold {percent(figures['coverage'])}"
    legend_below(dress(figure, title, subtitle=told, height=600, panels=sure))
    return figure


def _values(adata: AnnData, values: str | ArrayLike) -> Array:
    if isinstance(values, str):
        if values not in adata.obs:
            raise KeyError(f"{values!r} is not a column of obs; obs has {list(adata.obs.columns)}")
        values = adata.obs[values].to_numpy()
    found = np.asarray(values, dtype=np.float64)
    if found.size != adata.n_obs:
        raise ValueError(f"a heat map needs one value for each of {adata.n_obs:,} rows, got the shape {found.shape}")
    return found.reshape(-1)


def _grid(adata: AnnData, values: Array) -> _Grid:
    """Return the mean of what was measured of each pair, for compounds and contexts that were measured at all."""
    if "pair" not in adata.obsm:
        raise KeyError(f"'pair' is not in obsm, which has {list(adata.obsm)}: fetch or read responses of compounds")
    known = np.isfinite(values)
    if not known.any():
        raise ValueError("there is nothing to draw: no response is a finite number")
    (compounds, row), (contexts, at) = (
        np.unique(codes, return_inverse=True) for codes in np.asarray(adata.obsm["pair"])[known].T
    )
    shape = (len(compounds), len(contexts))
    flat = row * shape[1] + at
    count = np.bincount(flat, minlength=shape[0] * shape[1])
    total = np.bincount(flat, weights=values[known], minlength=len(count))
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    names = [
        [str(table.index[i]) for i in used]
        for table, used in ((adata.uns["compounds"], compounds), (adata.uns["contexts"], contexts))
    ]
    return _Grid(mean.reshape(shape), *names)


def _liveliest(values: Array, most: int) -> NDArray[np.int64]:
    """Return the rows measured most often, and among those the ones that vary most, at most so many."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0)
    count = known.sum(axis=1)
    variance = (filled**2).sum(axis=1) / count - (filled.sum(axis=1) / count) ** 2
    return np.sort(np.lexsort((-variance, -count))[:most])


def _filled(values: Array) -> Array:
    """Fill what wasn't measured with what its row and its column say together."""
    known = np.isfinite(values)
    mean = values[known].mean()
    off = np.where(known, values - mean, 0)
    row, at = (off.sum(axis=axis) / np.maximum(known.sum(axis=axis), 1) for axis in (1, 0))
    return np.where(known, values, mean + row[:, None] + at)


def _by_cluster(values: Array) -> NDArray[np.int64]:
    """Return an order of the rows in which similar ones stand side by side."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(values) < 3:
        return np.arange(len(values))
    order: NDArray[np.int64] = leaves_list(linkage(values, "average", optimal_ordering=True)).astype(np.int64)
    return order


def _strongest(grid: _Grid, name: str, high: bool) -> str:
    """Say which compound acts most, and which context is hit most."""
    filled = _filled(grid.response) * (1 if high else -1)
    compound, context = filled.mean(axis=1).argmax(), filled.mean(axis=0).argmax()
    mean = filled[compound].mean() * (1 if high else -1)
    strongest = f"{plain(grid.compounds[compound])} acts most, {name} {mean:.3g} in the mean"
    return f"{strongest}; {plain(grid.contexts[context])} is hit most"


def _extent(whole: _Grid, drawn: _Grid) -> str:
    some = len(drawn.compounds) < len(whole.compounds) or len(drawn.contexts) < len(whole.contexts)
    size = f"{len(drawn.compounds):,} compounds by {len(drawn.contexts):,} contexts"
    total = f" of {len(whole.compounds):,} by {len(whole.contexts):,}" if some else ""
    known = float(np.isfinite(drawn.response).mean())
    gaps = f", {percent(known)} of them measured (grey: not)" if known < 1 else ""
    return f"{size}{total}{gaps}, ordered by cluster"


def _add_rows(figure: Figure, test: AnnDataset, mean: Array, spread: Array | None, *, censored: bool) -> None:
    truth = measured(test, censored=censored)
    names = [f"{c} on {t}" for c, t in zip(column(test, "compound"), column(test, "context"), strict=True)]
    told = "measured %{x:.3g}, predicted %{y:.3g}" + ("" if spread is None else " ± %{customdata:.2g}")
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
        figure.add_trace(
            points(len(mean))(
                x=truth.value[at],
                y=mean[at],
                customdata=None if spread is None else spread[at],
                text=plain_all([names[i] for i in at]),
                mode="markers",
                marker=marker | {"color": FIRST if kind == "measured" else MUTED},
                name=f"{kind} ({len(at):,})",
                hovertemplate="%{text}<br>" + told + "<extra></extra>",
            ),
            row=1,
            col=1,
        )
    ends = [min(truth.value.min(), mean.min()), max(truth.value.max(), mean.max())]
    figure.add_trace(_line(ends, "perfect"), row=1, col=1)


def _add_calibration(figure: Figure, curve: pd.DataFrame) -> None:
    figure.add_trace(
        go.Scatter(
            x=curve["level"],
            y=curve["coverage"],
            mode="lines+markers",
            name="intervals",
            line={"color": FIRST, "width": 3},
            hovertemplate="intervals for %{x:.0%} hold %{y:.1%}<extra></extra>",
        ),
        row=1,
        col=2,
    )
    figure.add_trace(_line([0, 1], "honest").update(showlegend=False), row=1, col=2)
    for text, x, y in (("too sure", 0.72, 0.2), ("too careful", 0.28, 0.85)):
        font = {"color": MUTED, "size": 15}
        figure.add_annotation(x=x, y=y, text=text, font=font, showarrow=False, row=1, col=2)
    figure.update_xaxes(title_text="Share promised", tickformat=".0%", range=[0, 1], col=2)
    figure.update_yaxes(title_text="Share held", tickformat=".0%", range=[0, 1], col=2)


def _line(ends: list[float], name: str) -> go.Scatter:
    return go.Scatter(
        x=ends, y=ends, mode="lines", name=name, line={"color": SECOND, "width": 3, "dash": "dash"}, hoverinfo="skip"
    )

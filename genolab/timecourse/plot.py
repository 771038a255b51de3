"""Figures of expression over time: where in the cycle genes peak, profiles by class, and forecasts with their bands."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import plotly.graph_objects as go
from anndata import AnnData
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from torch import nn

from genolab import palette
from genolab.checks import check_columns, check_key, check_known
from genolab.plot.style import FIRST, GRID, MUTED, SECOND, Figure, dress, legend_below, percent, plain, rim
from genolab.timecourse.cycles import fit_cosinor
from genolab.timecourse.metrics import forecast_with, split_observed

Floats = NDArray[np.float64]


class _Line(NamedTuple):
    """How one of the lines of a forecast looks."""

    name: str
    colour: str
    mode: str


_SEEN: Final = _Line("seen", MUTED, "lines+markers")
_FORECAST: Final = _Line("forecast", FIRST, "lines")
_MEASURED: Final = _Line("measured", SECOND, "markers")

_PANELS: Final = 6  # the most that can be read on a wall
_BAND: Final = 0.18  # opacity


def phase_wheel(profiles: AnnData, *, color: str = "phase", times: str = "cycles", course: str | None = None) -> Figure:
    """Draw where in the cycle each gene peaks, by the wave that fits its profile.

    A point a gene: its angle is the peak, its distance from the middle the share of its variance that the wave
    explains; a line a class, of the column `color` of ``obs``, points where it peaks on average. `times` is the key of
    ``obsm`` with the times in cycles; `course` is by default the first.
    """
    name, rows = _of_course(profiles, course)
    _check(rows, color, times)
    fit = fit_cosinor(rows.obsm["values"], rows.obsm[times])
    classes, figure, means = rows.obs[color].astype("category").cat, Figure(), {}
    for code, colour in enumerate(palette.colours(len(classes.categories))):
        chosen = (classes.codes == code).to_numpy()
        label = plain(classes.categories[code])
        figure.add_scatterpolar(
            theta=360 * fit.peak[chosen],
            r=fit.explained[chosen],
            mode="markers",
            marker={"color": colour, "size": 7, "opacity": 0.8, "line": rim(len(rows))},
            name=f"{label} ({chosen.sum():,})",
            legendgroup=label,
            text=[plain(gene) for gene in rows.obs["gene"][chosen]],
            hovertemplate="%{text}: peak at %{theta:.0f}°, %{r:.0%} explained<extra>%{fullData.name}</extra>",
        )
        means[label] = complex((fit.explained * np.exp(2j * np.pi * fit.peak))[chosen].mean())
        figure.add_scatterpolar(
            theta=[0, 360 * float(np.angle(means[label]) / (2 * np.pi) % 1)],
            r=[0, 1.04],
            mode="lines",
            line={"color": colour, "width": 4},
            legendgroup=label,
            showlegend=False,
            hoverinfo="skip",
        )
    _as_wheel(figure)
    order = sorted(means, key=lambda label: float(np.angle(means[label]) % (2 * np.pi)))
    title = f"In {plain(name)} the classes peak in turn: {', '.join(order)}"
    subtitle = "Angle: where in the cycle a gene peaks. Distance: the share of its variance that the cycle explains"
    figure.update_layout(legend={"title": {"text": plain(color)}})
    dress(figure, title, subtitle=subtitle, height=660)
    figure.update_layout(margin={"t": 130})  # the wheel's own numbers need room
    return figure


def profiles(profiles: AnnData, *, by: str = "phase", times: str = "time", course: str | None = None) -> Figure:
    """Draw the profiles of one course by class: the median, and where the middle 80 % of the genes lie.

    `by` is a column of ``obs`` with classes, a panel each; `times` a key of ``obsm``; `course` is by default the first.
    """
    name, rows = _of_course(profiles, course)
    _check(rows, by, times)
    classes = rows.obs[by].astype("category").cat
    labels = [plain(label) for label in classes.categories]
    unit = plain(rows.uns.get("time_unit", "")) if times == "time" else plain(times)
    x_title = f"Time, {unit}" if unit else "Time"
    figure = Figure(make_subplots(cols=len(labels), shared_yaxes=True, subplot_titles=labels, x_title=x_title))
    when = rows.obsm[times][0]
    when = when[np.isfinite(when)].astype(np.float64)
    highest = {}
    for code, (label, colour) in enumerate(zip(labels, palette.colours(len(labels)), strict=True)):
        chosen = rows.obsm["values"][(classes.codes == code).to_numpy(), : len(when)]
        known = chosen[:, np.isfinite(chosen).any(axis=0)]
        if not known.size:
            continue
        low, middle, high = np.nanquantile(known, (0.1, 0.5, 0.9), axis=0)
        at = when[np.isfinite(chosen).any(axis=0)]
        highest[label] = float(at[middle.argmax()])
        _add_band(figure, at, low, high, colour, column=code + 1)
        line = {"color": colour, "width": 3}
        figure.add_scatter(x=at, y=middle, mode="lines", line=line, name=f"{label}, median", row=1, col=code + 1)
    figure.update_yaxes(title_text="Expression", col=1)
    figure.update_layout(showlegend=False)
    peaks = ", ".join(f"{label} at {highest[label]:g}" for label in sorted(highest, key=highest.__getitem__))
    title = f"In {plain(name)} the medians are highest in turn: {peaks} {unit}".rstrip()
    return dress(figure, title, subtitle="Lines: medians; bands: the middle 80 % of genes", height=440, panels=True)


def forecast(
    model: nn.Module,
    profiles: AnnData,
    genes: Sequence[str],
    *,
    times: str = "cycles",
    course: str | None = None,
    observed: float = 0.6,
) -> Figure:
    """Draw how a model with ``forecast`` forecasts some profiles, with its band, and how they went on.

    `genes` are up to six, a panel each, of a `course`, by default the first. `observed` is the share of the samples
    that the model sees, and `times` the key of ``obsm`` with the times that it reads.
    """
    if not 1 <= len(genes) <= _PANELS:
        raise ValueError(f"1 to {_PANELS} genes can be read at once, got {len(genes)}")
    name, rows = _of_course(profiles, course)
    at = rows.obs.reset_index(drop=True).reset_index().set_index("gene")["index"]
    check_known(f"profiles of the course {name!r}", genes, at.index)
    chosen = at.loc[list(genes)].to_numpy()
    past, then, future, asked = split_observed(rows.obsm["values"][chosen], rows.obsm[times][chosen], observed)
    mean, low, high = forecast_with(model, past, then, asked)
    if low is None or high is None:
        raise TypeError(f"a band needs a model with forecast, such as an ExpressionRNN, got {type(model).__name__}")
    across = min(3, len(genes))
    down = -(-len(genes) // across)
    titles = [plain(gene) for gene in genes]
    figure = Figure(make_subplots(rows=down, cols=across, shared_yaxes=True, shared_xaxes=True, subplot_titles=titles))
    for number in range(len(genes)):
        place = {"row": number // across + 1, "column": number % across + 1}
        first = number == 0
        _add_band(figure, asked[number], low[number], high[number], FIRST, **place, name="90 % band" if first else "")
        _add_line(figure, then[number], past[number], _SEEN, place, legend=first)
        _add_line(figure, asked[number], mean[number], _FORECAST, place, legend=first)
        _add_line(figure, asked[number], future[number], _MEASURED, place, legend=first)
    figure.update_xaxes(title_text="Time, cycles" if times == "cycles" else f"Time, {plain(times)}", row=down)
    figure.update_yaxes(title_text="Expression", col=1)
    measured = np.isfinite(future)
    share = float(((low <= future) & (future <= high))[measured].mean())
    title = f"{percent(share)} of the values lie in the 90 % band"
    subtitle = f"{len(genes)} genes in {plain(name)}; the model saw the grey part"
    dress(figure, title, subtitle=subtitle, height=150 + 250 * down, panels=True)
    legend_below(figure)
    return figure


def _of_course(profiles: AnnData, course: str | None) -> tuple[str, AnnData]:
    names = profiles.obs["course"].astype(str)
    chosen = names.iloc[0] if course is None else course
    check_known("courses", [chosen], names.unique().tolist())
    return chosen, profiles[(names == chosen).to_numpy()]


def _check(rows: AnnData, column: str, times: str) -> None:
    check_columns(rows.obs, column, what="obs")
    fix = "times in cycles come from gl.timecourse.estimate_cycles(profiles).times(profiles)"
    check_key(rows, "obsm", times, fix=fix)


def _as_wheel(figure: Figure) -> None:
    ticks = {"tickvals": [0, 90, 180, 270], "ticktext": ["0", "¼", "½", "¾"]}
    figure.update_polars(
        angularaxis={"direction": "clockwise", "rotation": 90, "gridcolor": GRID, "linecolor": MUTED, **ticks},
        radialaxis={
            "range": [0, 1.05],
            "tickvals": [0.5, 1],
            "ticktext": ["50 %", "100 %"],
            "angle": 337,
            "gridcolor": GRID,
            "linecolor": GRID,
        },
        bgcolor="white",
    )


def _add_band(
    figure: Figure, at: Floats, low: Floats, high: Floats, colour: str, *, column: int, row: int = 1, name: str = ""
) -> None:
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([at, at[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor=colour,
            opacity=_BAND,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            name=name,
            showlegend=bool(name),
        ),
        row=row,
        col=column,
    )


def _add_line(figure: Figure, x: Floats, y: Floats, line: _Line, place: dict[str, int], *, legend: bool) -> None:
    known = np.isfinite(y)
    figure.add_scatter(
        x=x[known],
        y=y[known],
        mode=line.mode,
        line={"color": line.colour, "width": 3},
        marker={"color": line.colour, "size": 8},
        name=line.name,
        showlegend=legend,
        row=place["row"],
        col=place["column"],
    )

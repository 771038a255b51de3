"""Dose-response curves: wells over concentration, the fitted curve, and the interval of its IC50 or EC50."""

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genolab.checks import check_at_least, check_columns
from genolab.drugs.screen.dose_response import curve, measure_of
from genolab.plot.style import FIRST, MUTED, SECOND, Figure, dress, number, plain

_COLUMNS: Final = ("ic50", "ic50_low", "ic50_high", "censored", "slope", "bottom", "top")
_ACROSS: Final = 4  # panels side by side: more would squeeze their titles
_PANEL: Final = 210  # pixels of a row of panels
_STEPS: Final = 120  # points that a curve is drawn with
_BAND: Final = "rgba(213,94,0,0.15)"  # vermillion, faint

Place = dict[str, int]


def dose_response(
    fits: pd.DataFrame,
    table: pd.DataFrame | None = None,
    *,
    response: str = "effect",
    by: str = "compound",
    unit: str = "",
    most: int = 12,
) -> Figure:
    """Draw fitted curves, one panel a compound with equal axes, with the wells and the interval of the IC50, or EC50.

    `fits` and `table` are what `genolab.drugs.dose_response` returned and was given; `response` and `by` as they were
    fitted; `unit` is that of the concentrations. The `most` most potent compounds are drawn; what has no IC50 is flat.
    The name of what was measured is that of its column, as `genolab.drugs.dose_response` was told it.

    Examples
    --------
    >>> curves = gl.drugs.dose_response(plate)
    >>> gl.drugs.plot.dose_response(curves, plate, unit="nM")
    """
    half = measure_of(fits)
    measure = half.upper()
    fits = fits.rename(columns={half + end: f"ic50{end}" for end in ("", "_low", "_high")})
    check_columns(fits, by, *_COLUMNS, what="the table of curves")
    if table is not None:
        check_columns(table, by, "concentration", response, what="the table of wells")
    check_at_least("most", most)
    if len(fits) == 0:
        raise ValueError("there is nothing to draw: the table has no curves")
    fits = _by_potency(fits)
    chosen = fits.head(most)
    across = min(_ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    figure: Figure = make_subplots(
        rows=down,
        cols=across,
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.03,
        vertical_spacing=0.24 / down if down > 1 else None,
        x_title=f"Concentration ({plain(unit)})" if unit else "Concentration",
        subplot_titles=[f"{plain(row[by])}<br>{_written(row, measure, unit)}" for _, row in chosen.iterrows()],
        figure=Figure(),
    )
    wells = None if table is None else _samples(table, chosen[by], by)
    ends = _ends(chosen, wells)
    for place, (_, row) in enumerate(chosen.iterrows()):
        at = {"row": place // across + 1, "col": place % across + 1}
        if wells is not None:
            _add_wells(figure, wells[wells[by] == row[by]], response, at)
        _add_curve(figure, plain(row[by]), row, ends, at)
        _add_interval(figure, row, ends, at)
    figure.update_xaxes(type="log", range=np.log10(ends).tolist(), dtick=1 if ends[1] / ends[0] < 1e4 else 2)
    for place in range(len(chosen) - across, len(chosen)):  # the lowest panel of each column
        figure.update_xaxes(showticklabels=True, row=place // across + 1, col=place % across + 1)
    figure.update_yaxes(range=_heights(figure))
    figure.update_yaxes(title_text=plain(response.capitalize()), col=1)
    figure.update_annotations(selector={"yanchor": "bottom"}, font={"size": 15}, yshift=4)
    figure.update_layout(showlegend=False)
    title = _title(fits.iloc[0], by, measure, unit) + (
        f" (the {most} most potent of {len(fits):,})" if len(fits) > most else ""
    )
    subtitle = f"Points are wells, lines the fitted curves; dashed: the {measure}, in the band of its interval"
    return dress(figure, title, subtitle=subtitle, height=210 + _PANEL * down, panels=2)


def _by_potency(fits: pd.DataFrame) -> pd.DataFrame:
    """Order by IC50: below all measured first, then above all measured, and what has none last."""
    beyond = fits["censored"].astype(str).map({"<": -1, "=": 0, ">": 1}).fillna(0)
    return fits.iloc[np.lexsort((fits["ic50"].to_numpy(dtype=float), beyond, fits["ic50"].isna()))]


def _written(row: "pd.Series[Any]", measure: str, unit: str) -> str:
    if not np.isfinite(row["ic50"]):
        return f"no {measure}"
    if row["censored"] in {"<", ">"}:
        return f"{measure} {'below' if row['censored'] == '<' else 'above'} all measured"
    return f"{measure} {number(float(row['ic50']))} {plain(unit)}".rstrip()


def _title(best: "pd.Series[Any]", by: str, measure: str, unit: str) -> str:
    if not np.isfinite(best["ic50"]):
        return f"No compound has an {measure}: no response depends on the concentration"
    return f"{plain(best[by])} acts at the lowest concentration, {_written(best, measure, unit)}"


def _samples(table: pd.DataFrame, compounds: "pd.Series[Any]", by: str) -> pd.DataFrame:
    wells = table[table["role"] == "sample"] if "role" in table else table
    return wells[wells[by].isin(compounds) & (wells["concentration"] > 0)]


def _ends(chosen: pd.DataFrame, wells: pd.DataFrame | None) -> tuple[float, float]:
    """Return the lowest and highest concentration drawn: those measured, or two decades around the IC50s."""
    if wells is not None and len(wells):
        return float(wells["concentration"].min() / 1.6), float(wells["concentration"].max() * 1.6)
    ic50 = chosen["ic50"].to_numpy(dtype=float)
    known = ic50[np.isfinite(ic50) & (ic50 > 0)]
    return (float(known.min() / 100), float(known.max() * 100)) if len(known) else (1.0, 1e4)


def _heights(figure: Figure) -> tuple[float, float]:
    """Return the range of all that is drawn, and a little room: panels that share an axis don't compute it."""
    drawn = [np.asarray(trace.y, dtype=float) for trace in figure.data if len(trace.y)]
    every = np.concatenate(drawn) if drawn else np.array([0.0, 1.0])
    room = 0.06 * max(np.ptp(every), 1e-9)
    return float(np.nanmin(every) - room), float(np.nanmax(every) + room)


def _add_wells(figure: Figure, wells: pd.DataFrame, response: str, at: Place) -> None:
    trace = go.Scatter(
        x=wells["concentration"],
        y=wells[response],
        mode="markers",
        marker={"color": MUTED, "size": 7, "opacity": 0.75},
        hovertemplate="%{x:.3g}: %{y:.3g}<extra>measured</extra>",
    )
    figure.add_trace(trace, **at)


def _add_curve(figure: Figure, name: str, row: "pd.Series[Any]", ends: tuple[float, float], at: Place) -> None:
    x = np.geomspace(*ends, _STEPS)
    hover = "%{x:.3g}: %{y:.3g}<extra>fitted</extra>"
    line = {"color": FIRST, "width": 3}
    figure.add_trace(go.Scatter(x=x, y=curve(row, x), mode="lines", name=name, line=line, hovertemplate=hover), **at)


def _add_interval(figure: Figure, row: "pd.Series[Any]", ends: tuple[float, float], at: Place) -> None:
    low, high = (float(np.clip(row[name], *ends)) for name in ("ic50_low", "ic50_high"))
    if np.isfinite([low, high]).all():
        figure.add_vrect(x0=low, x1=high, fillcolor=_BAND, line_width=0, layer="below", **at)
    if np.isfinite(row["ic50"]) and row["censored"] not in {"<", ">"}:
        figure.add_vline(x=float(row["ic50"]), line={"color": SECOND, "width": 1.5, "dash": "dash"}, **at)

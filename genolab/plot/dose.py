"""Dose-response curves: what was measured over concentration, the curve through it, and where its IC50 may lie."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genolab.plot.style import FIRST, MUTED, SECOND, Figure, dress, number, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLUMNS: Final = ("compound", "bottom", "top", "ic50", "slope")
_ACROSS: Final = 4  # panels side by side: more would squeeze their titles
_PANEL: Final = 210  # pixels of a row of panels
_STEPS: Final = 120  # points that a curve is drawn with
_BAND: Final = "rgba(213,94,0,0.15)"  # vermillion, faint


def dose_response(fits: pd.DataFrame, points: pd.DataFrame | None = None, *, most: int = 12) -> Figure:
    """Draw fitted curves, one panel a compound, with the measured points and the 95 % interval of the IC50.

    Parameters
    ----------
    fits
        What `genolab.screen.dose_response` returns: ``compound``, ``bottom``, ``top``, ``ic50``, ``slope``, and where
        known ``ic50_low``, ``ic50_high`` and ``unit``. Rows without a finite fit show their points alone.
    points
        ``compound``, ``concentration`` in the same unit and ``response``: what the curves were fitted to. Points at
        concentration 0 lie on no logarithmic axis and aren't drawn.
    most
        Panels drawn at most, the strongest compounds first.

    Returns
    -------
    plotly.graph_objects.Figure
        Responses over the logarithm of the concentration.

    Raises
    ------
    KeyError
        A column is missing.
    ValueError
        There is nothing to draw, or `most` is below 1.
    """
    _check(fits, points, most)
    chosen = fits.sort_values("ic50", kind="stable").head(most)
    unit = plain(fits["unit"].iloc[0]) if "unit" in fits else "nM"
    across = min(_ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    figure: Figure = make_subplots(
        rows=down,
        cols=across,
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.03,
        vertical_spacing=0.24 / down if down > 1 else None,
        subplot_titles=[f"{plain(row['compound'])}: {_told(row, unit)}" for _, row in chosen.iterrows()],
        figure=Figure(),
    )
    ends = _ends(chosen, points)
    for place, (_, row) in enumerate(chosen.iterrows()):
        at = {"row": place // across + 1, "col": place % across + 1}
        _add_points(figure, row["compound"], points, at)
        _add_curve(figure, row, ends, unit, at)
        _add_interval(figure, row, at)
    figure.update_xaxes(type="log", range=np.log10(ends).tolist(), dtick=1 if ends[1] / ends[0] < 1e5 else 2)
    figure.update_xaxes(title_text=f"Concentration ({unit})", row=down)
    figure.update_yaxes(range=_heights(figure))
    figure.update_yaxes(title_text="Response", col=1)
    figure.update_annotations(font={"size": 15}, yshift=4)
    figure.update_layout(showlegend=False)
    subtitle = "Points were measured; the line is the fitted curve; the band holds its IC50 with 95 % certainty"
    title = _finding(fits, unit) + (f" (the strongest {most} of {len(fits):,})" if len(fits) > most else "")
    return dress(figure, title, subtitle=subtitle, height=190 + _PANEL * down, panels=True)


def _check(fits: pd.DataFrame, points: pd.DataFrame | None, most: int) -> None:
    for table, names in ((fits, _COLUMNS), (points, ("compound", "concentration", "response"))):
        missing = [] if table is None else [name for name in names if name not in table]
        if missing and table is not None:
            raise KeyError(f"the table lacks {missing}; it has {list(table.columns)}")
    if most < 1:
        raise ValueError(f"most is a number of panels, at least 1, got {most}")
    if len(fits) == 0:
        raise ValueError("there is nothing to draw: the table has no rows")


def _told(row: "pd.Series[Any]", unit: str) -> str:
    return f"IC50 {number(float(row['ic50']))} {unit}" if np.isfinite(row["ic50"]) else "no fit"


def _finding(fits: pd.DataFrame, unit: str) -> str:
    known = fits[np.isfinite(fits["ic50"])]
    if len(known) == 0:
        return "No curve could be fitted"
    best = known.sort_values("ic50", kind="stable").iloc[0]
    return f"{plain(best['compound'])} acts at the lowest concentration, {_told(best, unit)}"


def _ends(chosen: pd.DataFrame, points: pd.DataFrame | None) -> tuple[float, float]:
    """Return the lowest and highest concentration drawn: those measured, or two decades around the IC50s."""
    ic50 = chosen["ic50"].to_numpy(dtype=float)
    around = ic50[np.isfinite(ic50) & (ic50 > 0)]
    used: NDArray[np.float64] = np.concatenate([around / 100, around * 100])
    if points is not None:
        drawn = points[points["compound"].isin(chosen["compound"])]["concentration"].to_numpy(dtype=float)
        used = drawn[drawn > 0] if (drawn > 0).any() else used
    if len(used) == 0:
        return 1.0, 1e4
    return float(used.min() / 1.6), float(used.max() * 1.6)


def _heights(figure: Figure) -> tuple[float, float]:
    """Return the range of all that is drawn, and a little room; panels that share an axis don't find it themselves."""
    drawn = [np.asarray(trace.y, dtype=float) for trace in figure.data if len(trace.y)]
    every = np.concatenate(drawn) if drawn else np.array([0.0, 1.0])
    room = 0.06 * max(np.ptp(every), 1e-9)
    return float(every.min() - room), float(every.max() + room)


def _add_interval(figure: Figure, row: "pd.Series[Any]", at: dict[str, int]) -> None:
    low, high = (float(row.get(name, np.nan)) for name in ("ic50_low", "ic50_high"))
    if np.isfinite([low, high]).all():
        figure.add_vrect(x0=low, x1=high, fillcolor=_BAND, line_width=0, layer="below", **at)
    if np.isfinite(row["ic50"]):
        figure.add_vline(x=float(row["ic50"]), line={"color": SECOND, "width": 1.5, "dash": "dash"}, **at)


def _add_points(figure: Figure, compound: Any, points: pd.DataFrame | None, at: dict[str, int]) -> None:
    if points is None:
        return
    some = points[(points["compound"] == compound) & (points["concentration"] > 0)]
    trace = go.Scatter(
        x=some["concentration"],
        y=some["response"],
        mode="markers",
        name=plain(compound),
        marker={"color": MUTED, "size": 7, "opacity": 0.75},
        hovertemplate="%{x:.3g}: %{y:.3g}<extra>measured</extra>",
    )
    figure.add_trace(trace, **at)


def _add_curve(figure: Figure, row: "pd.Series[Any]", ends: tuple[float, float], unit: str, at: dict[str, int]) -> None:
    bottom, top, ic50, slope = (float(row[name]) for name in _COLUMNS[1:])
    if not np.isfinite([bottom, top, ic50, slope]).all():
        return
    x = np.geomspace(*ends, _STEPS)
    trace = go.Scatter(
        x=x,
        y=bottom + (top - bottom) / (1 + (x / ic50) ** slope),
        mode="lines",
        name=plain(row["compound"]),
        line={"color": FIRST, "width": 3},
        hovertemplate=f"%{{x:.3g}} {unit}: %{{y:.3g}}<extra>fitted</extra>",
    )
    figure.add_trace(trace, **at)

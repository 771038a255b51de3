"""The one look of all figures: type, colours, margins and mode bar; and text made safe."""

import html
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from genolab import palette
from genolab.checks import check_columns

INK: Final = "#1f1f1f"
MUTED: Final = "#5f5f5f"
GRID: Final = "#e4e4e4"
FIRST: Final = palette.OKABE_ITO[0]
"""Blue: the training curve, the model, what a figure is about."""
SECOND: Final = palette.OKABE_ITO[3]
"""Vermillion: what it is compared with."""
VIRIDIS: Final = [[i / (len(palette.VIRIDIS) - 1), colour] for i, colour in enumerate(palette.VIRIDIS)]
"""Viridis as a plotly colour scale."""

REFERENCE_LINE: Final = {"color": MUTED, "width": 1.5, "dash": "dash"}
"""Through the value that others are compared with."""

_FAMILY: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

# plotly 7 puts a "Share chart" button on every figure, which uploads it to its maker's server: the data may be a
# patient's. A figure's own layout takes it away wherever the figure is drawn; a template can't.
_BUTTONS: Final = ("sendChartToCloud", "select2d", "lasso2d", "autoScale2d")

_MANY_POINTS: Final = 3000  # a page holds some 16 WebGL canvases at most, so fewer points than this go without one

_LONGEST: Final = 48  # characters of a name: longer ones would push the picture off the page

_AXIS: Final = {
    "automargin": True,
    "gridcolor": GRID,
    "linecolor": MUTED,
    "showline": True,
    "tickfont": {"size": 15},
    "ticks": "outside",
    "tickcolor": MUTED,
    "title": {"font": {"size": 17}, "standoff": 12},
    "zeroline": False,
}

TEMPLATE: Final = go.layout.Template(
    layout={
        "colorway": list(palette.OKABE_ITO),
        "font": {"family": _FAMILY, "size": 15, "color": INK},
        "hoverlabel": {"align": "left", "bgcolor": "white", "bordercolor": MUTED, "font": {"size": 15, "color": INK}},
        "legend": {"font": {"size": 15}, "itemsizing": "constant", "title": {"font": {"size": 15}}},
        "margin": {"l": 80, "r": 30, "b": 70},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "title": {
            "font": {"size": 22},
            "subtitle": {"font": {"size": 16, "color": MUTED}},
            "x": 0.01,
            "xanchor": "left",
            "yanchor": "top",
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
)
"""Shared by all figures."""


class Figure(go.Figure):  # type: ignore[misc]  # plotly publishes no types
    """A plotly figure that a notebook shows without plotly's logo; else an ordinary one."""

    def _ipython_display_(self) -> None:
        if pio.renderers.render_on_display and pio.renderers.default:
            pio.show(self, config={"displaylogo": False, "showSendToCloud": False, "responsive": True})
        else:
            super()._ipython_display_()


def dress(figure: Figure, title: str, *, subtitle: str = "", height: int = 520, panels: bool = False) -> Figure:
    """Give a figure the shared look and its finding as title; change it in place, and return it.

    Parts of `title` and `subtitle` that come from data must have gone through `plain`. `height` is in pixels, the width
    that of the page; `panels` with titles of their own need room under the figure's.
    """
    top = 64 + 32 * bool(subtitle) + 30 * panels
    heading = {"text": title, "font": {"size": _fitting(title, 22)}, "y": 1 - 22 / height}
    figure.update_layout(
        template=TEMPLATE,
        height=height,
        margin={"t": top},
        title=heading | {"subtitle": {"text": subtitle, "font": {"size": _fitting(subtitle, 16)}}},
        modebar={"remove": _BUTTONS},
    )
    return figure


def _fitting(text: str, size: int) -> int:
    """Return a font size, at most `size` and at least 14, at which a title fits a notebook on a laptop, uncut."""
    wide = 1600 // max(len(html.unescape(text)), 1)  # 800 pixels over what a letter takes, half its size
    return min(size, max(wide, 14))


def dot_rows(figure: Figure, names: Sequence[object], *, reference: float | None = None) -> None:
    """Name the rows of a figure of dots, the first on top, and draw a line at the value that they are compared with."""
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=plain_all(names), showgrid=False, ticks="")
    figure.update_yaxes(range=[len(names) - 0.5, -0.5])
    if reference is not None:
        figure.add_vline(x=reference, line=REFERENCE_LINE)


def intervals(value: Any, low: Any, high: Any) -> dict[str, Any]:
    """Describe error bars from `low` to `high`, ``(n,)`` each; where these are NaN there is none."""
    value, low, high = (np.asarray(part, dtype=np.float64) for part in (value, low, high))
    return {"type": "data", "array": high - value, "arrayminus": value - low, "thickness": 3, "width": 7}


def filled_or_open(significant: Any) -> list[str]:
    """Choose the symbols of dots: filled where a test is significant, else open."""
    return ["circle" if yes else "circle-open" for yes in significant]


def check_table(table: pd.DataFrame, *columns: str, source: str) -> None:
    """Refuse a table that lacks columns, or rows; `source` is the function that returns such tables."""
    check_columns(table, *columns, fix=f"pass what {source} returns")
    if len(table) == 0:
        raise ValueError("there is nothing to draw: the table has no rows")


def legend_below(figure: Figure) -> None:
    """Set a legend of a few entries in one line under the figure, where it covers nothing."""
    place = {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0.01, "yref": "container", "yanchor": "bottom"}
    figure.update_layout(legend=place, margin={"b": 115})


def rim(n: int) -> dict[str, Any]:
    """Choose the rim of `n` points: without one yellow is lost on white, with one many small points turn grey."""
    return {"color": "rgba(31,31,31,0.45)", "width": 0.5 if n <= _MANY_POINTS else 0}


def percent(share: float) -> str:
    """Write a share in percent, with one decimal where that tells it from none or all."""
    return f"{100 * share:.1f} %" if 0 < share < 0.1 or 0.99 < share < 1 else f"{100 * share:.0f} %"


def colour_bar(title: str) -> dict[str, Any]:
    """Describe a colour bar; its title has gone through `plain`."""
    return {"title": {"text": title, "font": {"size": 16}}, "thickness": 18, "outlinewidth": 0}


def plain(text: object) -> str:
    """Make text from data safe and short: plotly renders ``<b>`` and ``<a href>``, and MathJax what dollars enclose."""
    whole = str(text)
    short = whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "…"
    return html.escape(short, quote=False).replace("$", "&#36;")


def plain_all(texts: Sequence[object]) -> list[str]:
    """Make each of several texts safe; see `plain`."""
    return [plain(text) for text in texts]


def points(n: int) -> Any:
    """Choose the trace for `n` points: drawn by WebGL where they are many."""
    return go.Scattergl if n > _MANY_POINTS else go.Scatter


def point_size(n: int) -> float:
    """Choose a diameter in pixels at which `n` points fill a figure without covering each other."""
    return float(np.clip(240 / np.sqrt(max(n, 1)), 3, 9))


def number(value: float) -> str:
    """Write a figure with three significant digits and thousands separated; whole from 100 on."""
    if not np.isfinite(value):
        return "not a number"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

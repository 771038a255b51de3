"""The one look of all figures: type, colours, margins and mode bar; and text made safe."""

import html
import textwrap
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from genolab import palette
from genolab.checks import check_columns
from genolab.plot import theme

INK: Final = "#1f1f20"  # no one else's, so that the page's theme knows figures by it
MUTED: Final = "#5f5f60"
GRID: Final = "#e4e4e5"
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

_TITLE_LETTERS: Final = 58  # in the 600 pixels that a window of 700 has for a figure, in a wide font
_SUBTITLE_LETTERS: Final = 70

_DASHES: Final = ("solid", "dash", "dot", "dashdot")  # tell curves apart where colours can't
_LONGEST: Final = 48  # characters of a name: longer ones would push the picture off the page

_AXIS: Final = {
    "automargin": True,
    "gridcolor": GRID,
    "linecolor": MUTED,
    "showline": True,
    "tickfont": {"size": 15},
    "ticklabelstandoff": 3,
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
            "font": {"size": 20},
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
    """A plotly figure that a notebook shows in the page's theme and without plotly's logo; else an ordinary one."""

    def _ipython_display_(self) -> None:
        if pio.renderers.render_on_display and pio.renderers.default:
            pio.show(self, config={"displaylogo": False, "showSendToCloud": False})
            theme.show_beside(ink=INK, muted=MUTED, grid=GRID)
        else:
            super()._ipython_display_()


def dress(figure: Figure, title: str, *, subtitle: str = "", height: int = 520, panels: int = 0) -> Figure:
    """Give a figure the shared look and its finding as title; change it in place, and return it.

    Parts of `title` and `subtitle` that come from data must have gone through `plain`. `height` is in pixels, with one
    line of each, the width that of the page; `panels` is of how many lines the titles of panels under it are.
    """
    titles, subtitles = wrapped(title, _TITLE_LETTERS), wrapped(subtitle, _SUBTITLE_LETTERS)
    more = 26 * (len(titles) - 1) + 21 * max(len(subtitles) - 1, 0)
    height += more
    figure.update_layout(
        template=TEMPLATE,
        height=height,
        margin={"t": 62 + 32 * bool(subtitle) + 22 * panels + 8 * bool(panels) + more},
        title={"text": "<br>".join(titles), "y": 1 - 22 / height, "subtitle": {"text": "<br>".join(subtitles)}},
        modebar={"remove": _BUTTONS},
    )
    return figure


def wrapped(text: str, letters: int) -> list[str]:
    """Break a title into even lines that fit a narrow figure; one that somebody has marked up stays as it is."""
    if "<" in text:
        return [text]
    n_lines = len(_lines(text, letters))
    fitting = (_lines(text, width) for width in range(1 + len(text) // max(n_lines, 1), letters + 1))
    return next((lines for lines in fitting if len(lines) == n_lines), _lines(text, letters))


def _lines(text: str, letters: int) -> list[str]:
    return textwrap.wrap(text, letters, break_long_words=False, break_on_hyphens=False)


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


def add_band(figure: Figure, x: Any, low: Any, high: Any, colour: str) -> None:
    """Fill between two curves over the same places, behind what is drawn next; nothing where they aren't known."""
    if np.isfinite(np.asarray(low, dtype=np.float64)).any():
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        figure.add_scatter(
            x=np.r_[x, np.asarray(x)[::-1]],
            y=np.r_[low, np.asarray(high)[::-1]],
            fill="toself",
            fillcolor=f"rgba({red},{green},{blue},0.15)",
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
        )


def add_reference(figure: Figure, name: str, left: float, right: float) -> None:
    """Draw the line that curves from 0 to 1 are held against, such as what guessing gives, by its height at both."""
    line = {"color": MUTED, "width": 1.5}
    figure.add_scatter(x=[0, 1], y=[left, right], mode="lines", name=name, line=line, hoverinfo="skip")


def curve_line(place: int) -> dict[str, Any]:
    """Return the colour and dashes that tell the curve at a place of a figure from the others."""
    colour = palette.OKABE_ITO[place % len(palette.OKABE_ITO)]
    return {"color": colour, "width": 3, "dash": _DASHES[place % len(_DASHES)]}


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
    return {"color": "rgba(31,31,32,0.45)", "width": 0.5 if n <= _MANY_POINTS else 0}


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

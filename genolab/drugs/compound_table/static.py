"""The static picture of a `CompoundTable`, for pages on which no widget runs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from genolab import palette
from genolab.widgets.shared import static
from genolab.widgets.shared.static import MUTED, TEXT, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_LENGTH: Final = 18  # characters of a cell
_ROW: Final = 0.28  # inches


def page_png(view: Mapping[str, Any]) -> bytes:
    """Draw the page of a table, as the browser has it, see ``CompoundTable._view``."""
    height = _ROW * (len(view["rows"]) + 3)
    return static.png(lambda figure: _draw(figure, view), width=8.8, height=height)


def _draw(figure: "Figure", view: Mapping[str, Any]) -> None:
    axes = figure.add_axes((0.01, 0.0, 0.98, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, len(view["columns"]) + 0.3)
    axes.set_ylim(len(view["rows"]) + 2.5, -0.5)
    for at, column in enumerate(view["columns"]):
        _write(axes, at, 0, column["name"], column["isNumber"], color=MUTED)
    axes.axhline(0.5, color=palette.NONE, linewidth=0.8)
    for line, row in enumerate(view["rows"], start=1):
        if row["picked"]:
            axes.plot(0.12, line, "s", color=palette.OKABE_ITO[0], markersize=6)
        for at, (column, cell) in enumerate(zip(view["columns"], row["cells"], strict=True)):
            _write(axes, at, line, cell, column["isNumber"], color=TEXT)
    shown = f"{len(view['rows'])} of {view['nAll']:,} compounds; a square marks what is picked"
    axes.text(0.1, len(view["rows"]) + 1.4, shown, fontsize=8, color=MUTED, va="center", parse_math=False)


def _write(axes: Any, at: int, line: int, cell: str, is_number: bool, *, color: str) -> None:
    x, side = (at + 1.2, "right") if is_number else (at + 0.3, "left")
    axes.text(x, line, shorten(cell, _MAX_LENGTH), fontsize=7.5, ha=side, va="center", color=color, parse_math=False)

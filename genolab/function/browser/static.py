"""The static picture of a `FunctionBrowser`, for pages on which no widget runs."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from genolab import palette
from genolab.widgets.shared import static
from genolab.widgets.shared.static import MUTED, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE: Final = 0.86  # of a column
_HIGH: Final = 0.76  # of a row


@dataclass(frozen=True, eq=False)
class StaticView:
    """What the picture shows: the browser's own picture, see ``FunctionBrowser._view``."""

    view: Mapping[str, Any]

    def png(self) -> bytes:
        """Draw the graph of the gene's terms."""
        return static.png(self._draw, width=8.8, height=min(7.0, 1.0 + 0.55 * max(3.0, self.view["rows"])))

    def _draw(self, figure: "Figure") -> None:
        axes = figure.add_axes((0.01, 0.02, 0.98, 0.86))
        axes.set_axis_off()
        axes.set_xlim(-0.02, max(1, self.view["columns"]) - 0.1)
        axes.set_ylim(max(1.0, self.view["rows"]), -0.15)
        known = "; the dot marks what is known" if self.view["hasKnown"] else ""
        figure.text(0.015, 0.94, f"{self.view['gene']}: predicted terms", weight="bold", color=TEXT, parse_math=False)
        figure.text(0.985, 0.94, f"bars are probabilities{known}", ha="right", fontsize=8, color=MUTED)
        place = {node["id"]: (node["column"], node["row"] + _HIGH / 2) for node in self.view["nodes"]}
        for broader, narrower in self.view["links"]:
            (x0, y0), (x1, y1) = place[broader], place[narrower]
            axes.plot([x0 + _WIDE, x1], [y0, y1], color=palette.NONE, linewidth=0.9, zorder=1)
        for node in self.view["nodes"]:
            self._draw_node(axes, node)

    def _draw_node(self, axes: "Axes", node: Mapping[str, Any]) -> None:
        from matplotlib.patches import Rectangle

        x, y = node["column"], node["row"]
        edge = palette.OKABE_ITO[0] if node["id"] == self.view["term"]["id"] else palette.NONE
        axes.add_patch(Rectangle((x, y), _WIDE, _HIGH, facecolor="white", edgecolor=edge, linewidth=1.2, zorder=2))
        axes.add_patch(
            Rectangle((x, y + _HIGH - 0.09), _WIDE * node["probability"], 0.09, color=palette.OKABE_ITO[0], zorder=3)
        )
        most = int(110 / max(4, self.view["columns"]))
        lines = textwrap.wrap(node["name"], most) or [""]
        text = "\n".join([*lines[:1], lines[1] + ("…" if len(lines) > 2 else "")] if len(lines) > 1 else lines)
        mark = "● " if node["known"] else ""
        axes.text(
            x + 0.03, y + 0.32, mark + text, fontsize=6.5, va="center", color=TEXT, zorder=4, parse_math=False,
            clip_on=True,
        )  # fmt: skip
        axes.text(
            x + _WIDE - 0.02, y + 0.6, f"{100 * node['probability']:.0f} %", fontsize=6.5, ha="right", va="bottom",
            color=MUTED, zorder=4,
        )  # fmt: skip

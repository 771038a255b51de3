"""The static picture of an `AlignmentView`, for pages on which no widget runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from genolab import palette
from genolab.genomes.alignment_view.columns import GAP, AlignmentColumns, is_unknown
from genolab.genomes.alignment_view.genes import Genes
from genolab.genomes.plot import layout
from genolab.widgets.shared import static
from genolab.widgets.shared.static import MUTED, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genolab.genomes import Comparison

_PER_LINE: Final = 60
_LINES: Final = 4
_CHANGES: Final = {"silent": palette.OKABE_ITO[2], "other": palette.OKABE_ITO[3], "broken": palette.OKABE_ITO[4]}
_STRANDS: Final = {"+": palette.OKABE_ITO[0], "-": palette.OKABE_ITO[3]}


@dataclass(frozen=True, eq=False)
class StaticView:
    """What the picture shows: the block `row`, whose columns are None where there is no block, from `column` on."""

    comparison: "Comparison"
    columns: AlignmentColumns | None
    genes: Genes
    row: int
    column: int

    def png(self) -> bytes:
        """Draw the dot plot, and lines of columns from the cursor's on."""
        return static.png(self._draw, width=10.5, height=3.7)

    def _draw(self, figure: "Figure") -> None:
        plot, text = figure.subplots(1, 2, width_ratios=(1, 2.15))
        figure.subplots_adjust(left=0.075, right=0.995, top=0.93, bottom=0.13, wspace=0.03)
        self._draw_dots(plot)
        text.axis("off")
        text.set_xlim(-12, _PER_LINE + 11)
        text.set_ylim(_LINES * 7.0, 0)
        if self.columns is not None:
            self._draw_lines(text, self.columns)

    def _draw_dots(self, axes: "Axes") -> None:
        across, up = both = layout.axes(self.comparison)
        for path in layout.paths(self.comparison, both, bend=max(across.end, up.end) / 500):
            wide = 2.8 if path.row == self.row else 1.3
            axes.plot(*path.points.T, color=_STRANDS[path.strand], linewidth=wide, solid_capstyle="round")
        axes.set_xlim(0, across.end)
        axes.set_ylim(0, up.end)
        for label, axis, genome in (
            (axes.set_xlabel, axes.xaxis, self.comparison.a),
            (axes.set_ylabel, axes.yaxis, self.comparison.b),
        ):
            label(genome.name[:30], fontsize=8, color=MUTED, parse_math=False)
            axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.locator_params(nbins=4)
        axes.tick_params(labelsize=7, colors=MUTED, length=2)
        axes.spines[:].set_color(palette.NONE)

    def _draw_lines(self, axes: "Axes", columns: AlignmentColumns) -> None:
        first = self.column // _PER_LINE * _PER_LINE
        stop = min(columns.n, first + _LINES * _PER_LINE)
        page, track = columns.page(first, stop), self.genes.along(columns, first, stop)
        for line, at in enumerate(range(0, stop - first, _PER_LINE)):
            part = slice(at, min(at + _PER_LINE, stop - first))
            top = 7.0 * line + 1.4
            rows = ((page.a, page.a_at, top + 1.6), (page.b, page.b_at, top + 3.0))
            for bases, positions, y in rows:
                _write(axes, -1, y, f"{positions[part.start]:,}", ha="right", color=MUTED)
                for x, base in enumerate(bases[part].tobytes().decode()):
                    _write(axes, x + 0.5, y, base)
            differ = (page.a[part] != page.b[part]) & ~(is_unknown(page.a[part]) | is_unknown(page.b[part]))
            is_gap = (page.a[part] == GAP) | (page.b[part] == GAP)
            for x in np.flatnonzero(differ).tolist():
                colour = palette.NONE if is_gap[x] else palette.OKABE_ITO[1]
                axes.fill_between([x, x + 1], top + 0.9, top + 3.7, color=colour, alpha=0.4, linewidth=0)
            self._draw_codons(axes, track, (first + at, first + part.stop), top)

    def _draw_codons(self, axes: "Axes", track: dict[str, Any], span: tuple[int, int], top: float) -> None:
        here = [gene for gene in track["genes"] if gene[1] < span[1] and gene[2] > span[0]]
        first = min((gene[4] for gene in here), default=0)
        for name, left, _, _, lane in here:
            if lane == first:
                _write(axes, max(left, span[0]) - span[0], top - 0.9, name, ha="left", color=MUTED)
        for (_, middle, _), lane, mine, yours, change in track["codons"]:
            if lane != first or not span[0] <= middle < span[1]:
                continue
            colour = _CHANGES.get(change, MUTED)
            weight = "bold" if change == "other" else "normal"
            _write(axes, middle - span[0] + 0.5, top + 0.3, mine, color=colour, weight=weight)
            _write(axes, middle - span[0] + 0.5, top + 4.3, yours or "x", color=colour, weight=weight)


def _write(axes: "Axes", x: float, y: float, text: str, **more: Any) -> None:
    style: dict[str, Any] = {"family": "monospace", "fontsize": 7.5, "color": TEXT, "ha": "center", "va": "center"}
    axes.text(x, y, text, parse_math=False, **(style | more))

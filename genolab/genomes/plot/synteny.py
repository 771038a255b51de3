"""Synteny: two genomes as two lines, ribbons between their blocks, and their genes."""

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genolab.genomes.plot import layout
from genolab.plot.style import INK, MUTED, Figure, dress, legend_below, percent, plain
from genolab.sequences.annotation import Gene
from genolab.sequences.plot_genes import STRAND, draw_genes, reach

if TYPE_CHECKING:
    from genolab.genomes import Comparison, Genome

_GAP: Final = 0.015  # of the axis, between two chromosomes
_CELLS: Final = 1500  # ribbons that begin and end in the same of so many cells can't be distinguished: one is drawn
_RIBBONS: Final = 3000  # the widest ones, where there are more
_CURVED: Final = 300  # up to so many are curved, which is easier to follow
_GENES: Final = 3000  # beyond, genes would be a grey band
_LINKS: Final = 1500
_LANE: Final = 30.0  # pixels from gene to gene
_MIDDLE: Final = 260.0  # pixels from one genome to the other


def synteny(comparison: "Comparison", *, genes: bool = True, title: str = "") -> Figure:
    """Draw two genomes, one above the other, with ribbons between blocks, and lines between genes that both have.

    Genome a is the upper line. A ribbon that crosses itself is inverted. Of ribbons that can't be distinguished one
    is drawn, and of more than 3,000 the widest; of `genes`, up to 3,000 a genome. The title is by default blocks,
    identity, inversions.
    """
    upper, lower = axes = layout.axes(comparison, gap=_GAP)
    placed = [_genes(comparison.a, upper, genes), _genes(comparison.b, lower, genes)]
    heights = [max(20.0, _LANE * (reach(some)[1] - reach(some)[0])) if some else 0.0 for some in placed]
    rows = [height for height in (heights[0], _MIDDLE, heights[1]) if height]
    figure = Figure(make_subplots(rows=len(rows), cols=1, shared_xaxes=True, row_heights=rows, vertical_spacing=0.01))
    middle = 2 if placed[0] else 1
    end = max(upper.end, lower.end)
    _draw_ribbons(figure, comparison, axes, middle)
    if any(placed):
        _draw_links(figure, comparison.shared_genes, axes, middle)
    _draw_chromosomes(figure, axes, middle)
    for some, row in ((placed[0], 1), (placed[1], len(rows))):
        if some:
            draw_genes(figure, some, (0, int(end)), row)
    _set_axes(figure, axes, middle, len(rows))
    return dress(figure, title or layout.summary(comparison), height=int(190 + sum(rows)))


def _genes(genome: "Genome", axis: layout.Axis, wanted: bool) -> list[Gene]:
    genes = layout.genes_along(genome, axis) if wanted else []
    return genes if len(genes) <= _GENES else []


# ---- ribbons ----


def _draw_ribbons(figure: Figure, comparison: "Comparison", axes: tuple[layout.Axis, layout.Axis], row: int) -> None:
    paths = layout.paths(comparison, axes)
    texts = layout.describe(comparison)
    for strand, name in layout.STRAND_NAMES.items():
        chosen = [path for path in paths if path.strand == strand]
        if not chosen:
            continue
        ends = np.array([[*path.points[0], *path.points[-1]] for path in chosen])  # a, b, a, b
        kept = _distinguishable(ends, max(axis.end for axis in axes))
        outline = layout.with_gaps([_ribbon(ends[at], curved=len(kept) <= _CURVED) for at in kept])
        figure.add_scatter(
            x=outline[:, 0], y=outline[:, 1], mode="lines", fill="toself", line={"color": STRAND[strand], "width": 0.6},
            fillcolor=_faint(STRAND[strand]), hoverinfo="skip", name=name, row=row, col=1,
        )  # fmt: skip
        _draw_hover(figure, ends[kept], [texts[chosen[at].row] for at in kept], row)


def _distinguishable(ends: NDArray[np.float64], span: float) -> NDArray[np.int64]:
    wide = np.argsort(-(ends[:, 2] - ends[:, 0]), kind="stable")
    _, first = np.unique(np.floor(ends[wide] / span * _CELLS), axis=0, return_index=True)
    return wide[np.sort(first)[:_RIBBONS]]


def _ribbon(ends: NDArray[np.float64], *, curved: bool) -> NDArray[np.float64]:
    """Return the outline of a ribbon: down its left side from a to b, and up its right side."""
    a0, b0, a1, b1 = ends
    left, right = _side(a0, b0, curved=curved), _side(a1, b1, curved=curved)
    return np.concatenate([left, right[::-1], left[:1]])


def _side(above: float, below: float, *, curved: bool) -> NDArray[np.float64]:
    share = np.linspace(0, 1, 26 if curved else 2)
    smooth = share * share * (3 - 2 * share)
    return np.stack([above + (below - above) * smooth, 0.97 - 0.94 * share], axis=1)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def _draw_hover(figure: Figure, ends: NDArray[np.float64], texts: list[str], row: int) -> None:
    n = int(np.clip(2000 // len(ends), 2, 40))
    share = (np.arange(n) + 0.5) / n
    along = [start + (end - start) * share for side in (0, 1) for start, end in ends[:, [side, side + 2]]]
    words = [text for _ in range(2) for text in texts for _ in range(n)]
    figure.add_scatter(
        x=np.concatenate(along), y=np.repeat([1.0, 0.0], n * len(ends)), text=words, mode="markers",
        marker={"opacity": 0, "size": 14}, hovertemplate="%{text}<extra></extra>", showlegend=False, row=row, col=1,
    )  # fmt: skip


# ---- genes and chromosomes ----


def _draw_links(figure: Figure, shared: pd.DataFrame, axes: tuple[layout.Axis, layout.Axis], row: int) -> None:
    """Draw a thin line between the middles of shared genes; of very many they would be a grey band."""
    if not 0 < len(shared) <= _LINKS:
        return
    middles = [_middles(shared, side, axis) for side, axis in zip("ab", axes, strict=True)]
    lines = layout.with_gaps([_side(above, below, curved=True) for above, below in zip(*middles, strict=True)])
    names = zip(shared["a_gene"], shared["b_gene"], shared["identity_dna"], strict=True)
    texts = [f"{plain(one)} and {plain(other)}: {percent(identity)} identical" for one, other, identity in names]
    figure.add_scatter(
        x=lines[:, 0], y=lines[:, 1], mode="lines", line={"color": MUTED, "width": 0.8}, name="the same gene",
        text=[text for text in texts for _ in range(len(lines) // len(texts))], opacity=0.8,
        hovertemplate="%{text}<extra></extra>", row=row, col=1,
    )  # fmt: skip


def _middles(shared: pd.DataFrame, side: str, axis: layout.Axis) -> list[float]:
    columns = (shared[f"{side}_{name}"] for name in ("chromosome", "start", "end"))
    places = [(*axis.place(name), (start + end) / 2) for name, start, end in zip(*columns, strict=True)]
    return [first + middle % length for first, length, middle in places]


def _draw_chromosomes(figure: Figure, axes: tuple[layout.Axis, layout.Axis], row: int) -> None:
    for axis, y in zip(axes, (1.0, 0.0), strict=True):
        ends = zip(axis.starts, axis.starts + axis.lengths, strict=True)
        line = layout.with_gaps([np.array([[start, y], [end, y]]) for start, end in ends])
        figure.add_scatter(
            x=line[:, 0], y=line[:, 1], mode="lines", line={"color": INK, "width": 5}, hoverinfo="skip",
            showlegend=False, row=row, col=1,
        )  # fmt: skip
        for middle, name in zip(*axis.labels(), strict=True) if len(axis.names) > 1 else ():
            figure.add_annotation(
                x=middle, y=y, text=name, showarrow=False,
                yshift=13 if y else -13, font={"size": 14, "color": MUTED}, row=row, col=1,
            )  # fmt: skip


def _set_axes(figure: Figure, axes: tuple[layout.Axis, layout.Axis], row: int, last: int) -> None:
    end = max(axis.end for axis in axes)
    figure.update_xaxes(
        range=[0, end], minallowed=0, maxallowed=end, tickformat=",d", showgrid=False, showline=False, ticks=""
    )
    several = max(len(axis.names) for axis in axes) > 1
    figure.update_xaxes(
        title_text="Chromosomes, one after the other" if several else "Position, from 0",
        showticklabels=not several, showline=not several, ticks="" if several else "outside", row=last, col=1,
    )  # fmt: skip
    figure.update_yaxes(fixedrange=True)
    figure.update_yaxes(
        range=[-0.16, 1.16], tickvals=[1, 0], ticktext=[axis.title for axis in axes], ticks="", showgrid=False,
        showline=False, row=row, col=1,
    )  # fmt: skip
    figure.update_layout(hovermode="closest")
    legend_below(figure)

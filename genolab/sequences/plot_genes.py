"""The track of genes: boxes on lanes, pointing the way of their strand, with their names."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from genolab.plot.style import FIRST, GRID, INK, SECOND, Figure, plain
from genolab.sequences.annotation import Gene, coding_genes, trna_genes

STRAND: Final = {"+": FIRST, "-": SECOND}
"""The colours of the strands, of genes and of what is predicted for them."""

_NAMED: Final = 24  # genes whose names stand in the figure; all others show theirs under the pointer
_LETTER: Final = 0.0175  # of the width: a letter of a name, in a figure of 700 pixels
_HEAD: Final = 0.006  # of the width: an arrow's head


def genes_of(table: pd.DataFrame, chromosome: str | None, start: int, end: int) -> list[Gene]:
    """Return the genes that reach into a locus, under the names that people call them by."""
    here = table[table["chromosome"] == chromosome]
    rnas = here.assign(kind=here["kind"].astype(str).replace("rRNA", "tRNA"))  # both are drawn whole
    genes = [*coding_genes(here, dubious=True), *trna_genes(rnas)]
    names = common_names(here)
    near = [
        gene._replace(name=names.get(gene.name, gene.name)) for gene in genes if start < gene.end and gene.start < end
    ]
    return sorted(near, key=lambda gene: (gene.start, gene.end))


def common_names(table: pd.DataFrame) -> dict[str, str]:
    """Return the names that people call genes by, where the table has some beside its identifiers."""
    names: dict[str, str] = {}
    for column in ("name", "gene"):
        if column in table:
            known = table[column].astype(str)
            known = known[~known.isin(["", "nan", "None"])]
            names |= dict(zip(known.index.astype(str), known, strict=True))
    return names


def _lanes(genes: Sequence[Gene]) -> list[int]:
    """Give each gene the first lane of its strand that is free: 1, 2 ... over the line, -1, -2 ... under it."""
    ends: dict[int, int] = {}
    lanes = []
    for gene in genes:
        side = -1 if gene.strand == "-" else 1
        lane = side
        while ends.get(lane, -1) > gene.start:
            lane += side
        ends[lane] = gene.end
        lanes.append(lane)
    return lanes


def draw_genes(figure: Figure, genes: Sequence[Gene], span: tuple[int, int], row: int) -> None:
    """Draw genes into a row of a figure of tracks that shows `span`."""
    lanes = _lanes(genes)
    for strand, colour in STRAND.items():
        chosen = [(gene, lane) for gene, lane in zip(genes, lanes, strict=True) if gene.strand == strand]
        if chosen:
            _draw_strand(figure, chosen, colour, row, head=_HEAD * (span[1] - span[0]))
    _name_the_widest(figure, genes, lanes, span, row)
    bottom, top = reach(genes)
    figure.update_yaxes(range=[bottom, top], tickvals=[], zeroline=True, zerolinecolor=GRID, row=row, col=1)


def reach(genes: Sequence[Gene]) -> tuple[float, float]:
    """Return how far the lanes go down and up, with room for names."""
    lanes = [0, *_lanes(genes)]
    return min(lanes) - 0.7, max(lanes) + 0.7


def _draw_strand(figure: Figure, genes: Sequence[tuple[Gene, int]], colour: str, row: int, *, head: float) -> None:
    """Draw introns as one line, and coding parts as one shape, the last with a tip: few traces for many genes."""
    gap = np.nan
    across: list[float] = [x for gene, _ in genes for x in (gene.start, gene.end, gap)]
    up: list[float] = [y for _, lane in genes for y in (lane, lane, gap)]
    quiet = {"hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=across, y=up, mode="lines", line={"color": colour, "width": 2}, row=row, col=1, **quiet)
    across, up = [], []
    for gene, lane in genes:
        for left, right in gene.exons:
            tip = min(head, right - left)
            start = left + tip * (gene.strand == "-" and left == gene.start)
            end = right - tip * (gene.strand != "-" and right == gene.end)
            across += [start, end, right, end, start, left, start, gap]
            up += [lane + y for y in (-0.2, -0.2, 0, 0.2, 0.2, 0, -0.2, gap)]
    # A white rim tells boxes apart that touch.
    shape = {"mode": "lines", "line": {"width": 0.8, "color": "white"}, "fill": "toself", "fillcolor": colour}
    figure.add_scatter(x=across, y=up, row=row, col=1, **shape, **quiet)
    figure.add_trace(_pointed(genes), row=row, col=1)


def _pointed(genes: Sequence[tuple[Gene, int]]) -> go.Scatter:
    """Return what is read under the pointer, at the middle and along each gene."""
    texts: list[str] = []
    across: list[float] = []
    up: list[int] = []
    for gene, lane in genes:
        parts = f"{len(gene.exons)} parts, " if len(gene.exons) > 1 else ""
        text = f"{plain(gene.name)} ({gene.strand})<br>{gene.start:,} to {gene.end:,}, {parts}{gene.length:,} bases"
        at = np.linspace(gene.start, gene.end, int(np.clip((gene.end - gene.start) // 150, 3, 25)))
        across.extend(at)
        up.extend([lane] * len(at))
        texts.extend([text] * len(at))
    return go.Scatter(
        x=across, y=up, text=texts, mode="markers", marker={"opacity": 0, "size": 16},
        hovertemplate="%{text}<extra></extra>", showlegend=False,
    )  # fmt: skip


def _name_the_widest(
    figure: Figure, genes: Sequence[Gene], lanes: Sequence[int], span: tuple[int, int], row: int
) -> None:
    named = _named(genes, lanes, span)
    if not named:
        return
    figure.add_scatter(
        x=[middle for _, middle in named],
        y=[lanes[at] + (0.44 if lanes[at] > 0 else -0.44) for at, _ in named],
        text=[plain(genes[at].name) for at, _ in named],
        mode="text",
        textposition="middle center",
        textfont={"size": 14, "color": INK},
        cliponaxis=True,
        hoverinfo="skip",
        showlegend=False,
        row=row,
        col=1,
    )


def _named(genes: Sequence[Gene], lanes: Sequence[int], span: tuple[int, int]) -> list[tuple[int, float]]:
    """Return which genes are named, and where: the widest first, as long as no name runs into another."""
    width = span[1] - span[0]
    order = sorted(range(len(genes)), key=lambda at: genes[at].start - genes[at].end)[:_NAMED]
    taken: list[tuple[int, float, float]] = []
    named = []
    for at in order:
        half = _LETTER * width * (len(genes[at].name) + 1) / 2
        middle = (max(genes[at].start, span[0]) + min(genes[at].end, span[1])) / 2
        middle = min(max(middle, span[0] + half), span[1] - half)
        left, right = middle - half, middle + half
        free = not any(lane == lanes[at] and left < end and start < right for lane, start, end in taken)
        if free and genes[at].end - genes[at].start > 0.035 * width:
            taken.append((lanes[at], left, right))
            named.append((at, middle))
    return named

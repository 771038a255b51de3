"""Differences along a genome: its genes, local identity, and every kind of variant."""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from genolab import palette
from genolab.checks import meant
from genolab.genomes.plot import layout
from genolab.genomes.variants import is_transition
from genolab.plot.style import GRID, INK, Figure, dress, number, plain
from genolab.sequences.annotation import Gene
from genolab.sequences.plot_genes import draw_genes, reach

if TYPE_CHECKING:
    from genolab.genomes import Comparison

_EACH_UP_TO: Final = 5000  # variants that are drawn one by one; more are counted
_BINS: Final = 900
_WINDOWS: Final = 300  # of the local identity
_SHORTEST: Final = 50  # bases of such a window: with fewer its line would be all noise
_LETTERS: Final = 24  # of an allele under the pointer
_LANE: Final = 34.0  # pixels
_GENE_LANE: Final = 30.0
_COLOURS: Final = {
    "transition": palette.OKABE_ITO[0],
    "transversion": palette.OKABE_ITO[1],
    "insertion": palette.OKABE_ITO[2],
    "deletion": palette.OKABE_ITO[4],
    "substitution": INK,
}


class Locus(NamedTuple):
    """A part of a chromosome, 0-based and half-open."""

    chromosome: str
    start: int
    end: int


def variants(
    comparison: "Comparison",
    *,
    chromosome: str | None = None,
    start: int = 0,
    end: int | None = None,
    title: str = "",
) -> Figure:
    """Draw what differs along genome a: its genes, local identity, and a lane for each kind of variant.

    `chromosome` is of genome a, needed where it has several; `start` and `end` are 0-based and half-open. Up to 5,000
    variants are ticks with their alleles under the pointer; more are counted in 900 bins, so that any number draws
    quickly: give `start` and `end` to see a part of them one by one. The title is by default the number of differences.
    """
    layout.check(comparison)
    place = _locus(comparison, chromosome, start, end)
    chosen = _chosen(comparison.variants, place)
    genes = _genes(comparison, place)
    heights = [_GENE_LANE * (reach(genes)[1] - reach(genes)[0])] * bool(genes)
    heights += [110.0, _LANE * len(_COLOURS) + 10]
    figure = Figure(make_subplots(rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights,
                                  vertical_spacing=16 / (sum(heights) + 16 * (len(heights) - 1))))  # fmt: skip
    if genes:
        draw_genes(figure, genes, (place.start, place.end), 1)
    _draw_identity(figure, comparison, place, len(heights) - 1)
    _draw_lanes(figure, chosen, place, len(heights))
    _set_axes(figure, place, len(heights))
    height = int(150 + sum(heights) + 16 * (len(heights) - 1))
    return dress(figure, title or _title(chosen, place), subtitle=_ratio(chosen), height=height)


# ---- what is drawn ----


def _locus(comparison: "Comparison", chromosome: str | None, start: int, end: int | None) -> Locus:
    lengths = comparison.a.lengths
    names = list(lengths)
    if chromosome is None and len(names) > 1:
        raise ValueError(f"genome a has several chromosomes, {names[:12]}: choose one, as in chromosome={names[0]!r}")
    name = names[0] if chromosome is None else chromosome
    if name not in names:
        raise ValueError(
            f"genome a has the chromosomes {names[:12]}, got chromosome={chromosome!r}{meant(name, names)}"
        )
    stop = lengths[name] if end is None else end
    if not 0 <= start < stop <= lengths[name]:
        raise ValueError(f"a part of {name!r} lies within 0 to {lengths[name]:,}, got start={start}, end={end}")
    return Locus(name, start, stop)


def _chosen(table: pd.DataFrame, place: Locus) -> pd.DataFrame:
    on = (table["chromosome"] == place.chromosome) & table["position"].between(place.start, place.end - 1)
    chosen = table[on]
    single = np.where(is_transition(chosen), "transition", "transversion")
    return chosen.assign(change=np.where(chosen["kind"] == "SNV", single, chosen["kind"].astype(str)))


def _genes(comparison: "Comparison", place: Locus) -> list[Gene]:
    axis = layout.axes(comparison)[0]
    first = int(axis.place(place.chromosome)[0])
    genes = [layout.shift(gene, -first) for gene in layout.genes_along(comparison.a, axis)]
    return [
        gene
        for gene in genes
        if gene.chromosome == place.chromosome and gene.start < place.end and gene.end > place.start
    ]


def _title(chosen: pd.DataFrame, place: Locus) -> str:
    each = number(1000 * len(chosen) / (place.end - place.start))
    n = len(chosen)
    return f"{n:,} difference{'s' * (n != 1)} along {plain(place.chromosome)}, {each} in a thousand bases"


def _ratio(chosen: pd.DataFrame) -> str:
    count = chosen["change"].value_counts()
    one, other = (int(count.get(name, 0)) for name in ("transition", "transversion"))
    words = f"{one:,} transition{'s' * (one != 1)} to {other:,} transversion{'s' * (other != 1)}"
    return f"{words}, {one / other:.1f} to 1" if other else words


# ---- identity ----


def _draw_identity(figure: Figure, comparison: "Comparison", place: Locus, row: int) -> None:
    size = max(_SHORTEST, (place.end - place.start) // _WINDOWS)
    table = comparison.windows(size)
    near = (table["chromosome"] == place.chromosome) & (table["end"] > place.start) & (table["start"] < place.end)
    table = table[near]
    identity = table["identity"].to_numpy(dtype=np.float64)
    text = f"%{{x:,d}}: %{{y:.1%}} identical over {size:,} bases<extra></extra>"
    figure.add_scatter(
        x=(table["start"] + table["end"]).to_numpy() / 2, y=identity, mode="lines", line={"color": INK, "width": 1.5},
        hovertemplate=text, showlegend=False, row=row, col=1,
    )  # fmt: skip
    low = float(np.nanmin(identity)) if np.isfinite(identity).any() else 0.0
    figure.update_yaxes(
        title_text="Identity", tickformat=".0%", nticks=4, range=[max(0.0, low - 0.03), 1.01],
        row=row, col=1,
    )  # fmt: skip


# ---- lanes ----


def _draw_lanes(figure: Figure, chosen: pd.DataFrame, place: Locus, row: int) -> None:
    """Draw each kind of variant in a lane of its own, the first uppermost."""
    draw = _ticks if len(chosen) <= _EACH_UP_TO else _counts
    labels = []
    for floor, (name, colour) in enumerate(reversed(_COLOURS.items())):
        some = chosen[chosen["change"] == name].sort_values("position")
        if len(some):
            draw(figure, some, place, (floor, row, colour))
        labels.append(f"{name}s  {len(some):,}")
        figure.add_hline(y=floor, line={"color": GRID, "width": 1}, row=row, col=1)
    figure.update_yaxes(
        tickvals=np.arange(len(labels)) + 0.4, ticktext=labels, ticks="", showgrid=False,
        range=[-0.1, len(labels)], row=row, col=1,
    )  # fmt: skip


def _ticks(figure: Figure, some: pd.DataFrame, _: Locus, at: tuple[int, int, str]) -> None:
    floor, row, colour = at
    x = np.repeat(some["position"].to_numpy(dtype=np.float64), 3)
    x[2::3] = np.nan
    y = np.tile([floor + 0.06, floor + 0.82, np.nan], len(some))
    alleles = zip(some["position"], some["ref"], some["alt"], some["b_chromosome"], some["b_position"], strict=True)
    texts = [
        f"{position:,}: {_short(ref)} to {_short(alt)}<br>{plain(other)}: {there:,}"
        for position, ref, alt, other, there in alleles
    ]
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": colour, "width": 1.2, "simplify": False},
        text=[text for text in texts for _ in range(3)], hovertemplate="%{text}<extra></extra>", showlegend=False,
        row=row, col=1,
    )  # fmt: skip


def _counts(figure: Figure, some: pd.DataFrame, place: Locus, at: tuple[int, int, str]) -> None:
    floor, row, colour = at
    edges = np.linspace(place.start, place.end, min(_BINS, place.end - place.start) + 1)
    counts, _ = np.histogram(some["position"], edges)
    up = floor + 0.86 * counts / max(1, counts.max())
    figure.add_scatter(
        x=np.concatenate([[edges[0]], np.repeat(edges[1:-1], 2), [edges[-1], edges[-1], edges[0], edges[0]]]),
        y=np.concatenate([np.repeat(up, 2), [floor, floor, up[0]]]),
        mode="lines", fill="toself", line={"color": colour, "width": 0.5}, fillcolor=colour, hoverinfo="skip",
        showlegend=False, row=row, col=1,
    )  # fmt: skip
    figure.add_trace(_hover(edges, counts, floor), row=row, col=1)


def _hover(edges: NDArray[np.float64], counts: NDArray[np.int64], floor: int) -> dict[str, object]:
    wide = number(edges[1] - edges[0])
    return {
        "type": "scatter", "x": (edges[:-1] + edges[1:]) / 2, "y": np.full(len(counts), floor + 0.4), "mode": "markers",
        "marker": {"opacity": 0, "size": 10}, "customdata": counts, "showlegend": False,
        "hovertemplate": f"%{{x:,d}}: %{{customdata:,d}} in {wide} bases<extra></extra>",
    }  # fmt: skip


def _short(allele: object) -> str:
    text = str(allele)
    return plain(text if len(text) <= _LETTERS else f"{text[:_LETTERS]}… ({len(text):,} bases)")


def _set_axes(figure: Figure, place: Locus, last: int) -> None:
    figure.update_xaxes(
        range=[place.start - 0.5, place.end - 0.5], minallowed=place.start - 0.5, maxallowed=place.end - 0.5,
        tickformat=",d", showgrid=False, showline=False, ticks="",
    )  # fmt: skip
    figure.update_xaxes(
        title_text=f"Position on {plain(place.chromosome)}, from 0", showline=True, ticks="outside", row=last, col=1
    )
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(hovermode="closest", showlegend=False)

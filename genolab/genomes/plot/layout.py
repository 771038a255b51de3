"""Two genomes as lines to draw: where chromosomes lie on an axis, and how each block runs along both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.genomes import columns as col
from genolab.plot.style import percent, plain
from genolab.sequences.annotation import Gene
from genolab.sequences.plot_genes import genes_of

if TYPE_CHECKING:
    from genolab.genomes import Block, Comparison, Genome

Points = NDArray[np.float64]

STRAND_NAMES: Final = {"+": "same strand", "-": "other strand, inverted"}
_MIN_LABELLED: Final = 0.03  # of the axis: a shorter chromosome has no room for its name


class Axis(NamedTuple):
    """The chromosomes of a genome, one after the other: its name, safe to show, and ``(n,)`` lengths and starts."""

    title: str
    names: tuple[str, ...]
    lengths: NDArray[np.int64]
    starts: Points

    @property
    def end(self) -> float:
        """Where the last chromosome ends."""
        return float(self.starts[-1] + self.lengths[-1])

    def place(self, chromosome: object) -> tuple[float, int]:
        """Return where a chromosome begins on the axis, and how long it is."""
        at = self.names.index(str(chromosome))
        return float(self.starts[at]), int(self.lengths[at])

    def labels(self) -> tuple[Points, list[str]]:
        """Return the middles and the names, safe to show, of chromosomes that have room for them."""
        wide = np.flatnonzero(self.lengths > _MIN_LABELLED * self.end)
        return (self.starts + self.lengths / 2)[wide], [plain(self.names[at]) for at in wide]


class Path(NamedTuple):
    """A piece of a block that crosses no circular origin."""

    row: int  # of comparison.blocks, from 0
    strand: str
    points: Points  # (k, 2), along the axes of a and b, ascending along a


def axes(comparison: "Comparison", *, gap: float = 0.0) -> tuple[Axis, Axis]:
    """Return the axes of both genomes; `gap` is the room between two chromosomes, as a share of the whole."""
    check(comparison)
    return _axis(comparison.a, gap), _axis(comparison.b, gap)


def check(comparison: "Comparison") -> None:
    """Refuse what is no comparison."""
    if not hasattr(comparison, "blocks"):
        raise TypeError(f"a comparison is what gl.genomes.compare(a, b) returns, got {comparison!r}")


def _axis(genome: "Genome", gap: float) -> Axis:
    lengths = np.array(list(genome.lengths.values()), dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    starts = before + gap * lengths.sum() * np.arange(len(lengths))
    return Axis(plain(genome.name), tuple(genome.lengths), lengths, starts)


# ---- blocks as lines ----


def paths(comparison: "Comparison", axes: tuple[Axis, Axis], *, bend: float = float("inf")) -> list[Path]:
    """Return every block as a line, in one piece or, over a circular origin, in several.

    A line bends at insertions or deletions of `bend` bases or more; infinite: straight from end to end.
    """
    result = []
    for row, block in enumerate(comparison.alignments):
        (x, width), (y, height) = axes[0].place(block.a.chromosome), axes[1].place(block.b.chromosome)
        pieces = [_line(block, bend)]
        for side, length in enumerate((width, height)):
            pieces = [part for piece in pieces for part in _cut(piece, side, length)]
        result += [Path(row, block.strand, piece + np.array([x, y])) for piece in pieces]
    return result


def _line(block: "Block", bend: float) -> Points:
    """Return the corners of a block, unwrapped: ``(k, 2)``."""
    corners = np.array([(0, 0), col.base_counts(block.columns)])
    if np.isfinite(bend):
        starts = col.runs(block.columns)[0]
        offsets = zip(col.offsets(block.columns), corners[1], strict=True)
        a, b = (np.append(before[starts], end) for before, end in offsets)
        level = np.round((b - a) / bend)
        moved = np.flatnonzero(np.diff(level))
        kept = np.unique(np.concatenate([[0, len(level) - 1], moved, moved + 1]))
        corners = np.stack([a[kept], b[kept]], axis=1)
    first, end = block.b_span
    up = first + corners[:, 1] if block.strand == "+" else end - corners[:, 1]
    return np.stack([block.a_start + corners[:, 0], up], axis=1).astype(np.float64)


def _cut(points: Points, side: int, length: int) -> list[Points]:
    """Cut a line where it goes over the end of a circular chromosome, and put what is beyond at the start."""
    rising = points[-1, side] >= points[0, side]
    line = points if rising else points[::-1]
    values = line[:, side]
    if values[-1] <= length:
        return [points]
    back = np.array([length, 0.0]) if side == 0 else np.array([0.0, length])
    after = int(np.searchsorted(values, length, side="right"))
    if after == 0:
        return [points - back]
    share = (length - values[after - 1]) / (values[after] - values[after - 1])
    edge = (line[after - 1] + share * (line[after] - line[after - 1]))[None]
    parts = [np.concatenate([line[:after], edge]), np.concatenate([edge, line[after:]]) - back]
    return parts if rising else [part[::-1] for part in reversed(parts)]


def with_gaps(lines: Sequence[Points]) -> Points:
    """Join lines to one, ``(n, 2)``, with a gap after each."""
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, gap)]) if lines else np.zeros((0, 2))


# ---- texts and genes ----


def describe(comparison: "Comparison") -> list[str]:
    """Return a text for each block, as it is read under the pointer."""
    return [
        f"{plain(block.a.chromosome)}: {block.a_start:,} to {block.a_end:,}<br>"
        f"{plain(block.b.chromosome)}: {block.b_span[0]:,} to {block.b_span[1]:,}, strand {block.strand}<br>"
        f"{percent(block.identity)} identical over {len(block.columns):,} columns"
        for block in comparison.alignments
    ]


def summary(comparison: "Comparison") -> str:
    """Return a title: how many blocks, how similar, how many of them inverted."""
    strands = [block.strand for block in comparison.alignments]
    if not strands:
        return "No homology was found outside of repeats"
    n, inverted = len(strands), strands.count("-")
    turned = f", {inverted:,} of them inverted" if inverted else ", none inverted" if n > 1 else ""
    return f"{n:,} {'block' if n == 1 else 'blocks'}, {percent(comparison.identity)} identical{turned}"


def genes_along(genome: "Genome", axis: Axis) -> list[Gene]:
    """Return the genes of a genome at their places on an axis; none where it isn't annotated."""
    table = genome.features
    if table is None or table.empty:
        return []
    return [
        shift(gene, int(start))
        for name, start, length in zip(axis.names, axis.starts, axis.lengths, strict=True)
        for gene in genes_of(table, name, 0, int(length))
    ]


def shift(gene: Gene, by: int) -> Gene:
    """Return a gene moved along an axis."""
    return gene._replace(exons=tuple((start + by, end + by) for start, end in gene.exons))

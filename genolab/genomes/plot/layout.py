"""Two genomes as lines to draw: where chromosomes lie on an axis, and how each block runs along both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.align.result import cigar_runs
from genolab.plot.style import percent, plain
from genolab.sequences.annotation import Gene
from genolab.sequences.plot_genes import genes_of

if TYPE_CHECKING:
    from genolab.genomes import Comparison, Genome

Points = NDArray[np.float64]

_NEVER: Final = float("inf")


class Axis(NamedTuple):
    """The chromosomes of a genome, one behind the other.

    Attributes
    ----------
    title
        What the genome is called, safe to show.
    names
        Of the chromosomes.
    lengths, starts
        ``(n,)`` bases, and where each chromosome begins on the axis.
    """

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


class Path(NamedTuple):
    """A piece of a block that crosses no circular origin.

    Attributes
    ----------
    row
        Of ``comparison.blocks``, from 0.
    strand
        ``"+"`` or ``"-"``.
    points
        ``(k, 2)`` along the axes of a and b, ascending along a.
    """

    row: int
    strand: str
    points: Points


class BlockRow(NamedTuple):
    """A row of ``comparison.blocks``; see `genolab.genomes.Comparison`."""

    a_chromosome: str
    a_start: int
    a_end: int
    b_chromosome: str
    b_start: int
    b_end: int
    strand: str
    matches: int
    mismatches: int
    gaps: int
    identity: float
    cigar: str


def block_rows(blocks: pd.DataFrame) -> list[BlockRow]:
    """Return the rows of a table of blocks."""
    return [BlockRow(*values) for values in zip(*(blocks[name] for name in BlockRow._fields), strict=True)]


def axes(comparison: "Comparison", *, gap: float = 0.0) -> tuple[Axis, Axis]:
    """Lay the chromosomes of both genomes out; `gap` is the room between two, as a share of the whole."""
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


def runs(cigar: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the runs of a CIGAR: how long each is, and its letter as ASCII."""
    found = cigar_runs(cigar)
    lengths = np.array([length for length, _ in found], dtype=np.int64)
    return lengths, np.frombuffer("".join(kind for _, kind in found).encode(), dtype=np.uint8)


def steps(lengths: NDArray[np.int64], kinds: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how far runs go along a (the target) and along b (the query)."""
    return np.where(kinds == ord("I"), 0, lengths), np.where(kinds == ord("D"), 0, lengths)


def paths(comparison: "Comparison", axes: tuple[Axis, Axis], *, bend: float = _NEVER) -> list[Path]:
    """Return every block as a line, in one piece or, over a circular origin, in several.

    Parameters
    ----------
    comparison
        Whose blocks.
    axes
        As `axes` lays them out.
    bend
        Bases of insertions or deletions from which on a line bends; infinite: straight from end to end.
    """
    found = []
    for row, block in enumerate(block_rows(comparison.blocks)):
        (x, width), (y, height) = axes[0].place(block.a_chromosome), axes[1].place(block.b_chromosome)
        pieces = [_line(block, bend)]
        for side, length in enumerate((width, height)):
            pieces = [part for piece in pieces for part in _cut(piece, side, length)]
        found += [Path(row, block.strand, piece + np.array([x, y])) for piece in pieces]
    return found


def _line(block: BlockRow, bend: float) -> Points:
    """Return the corners of a block, unwrapped: ``(k, 2)``."""
    if np.isfinite(bend):
        along_a, along_b = (np.concatenate([[0], np.cumsum(step)]) for step in steps(*runs(block.cigar)))
        level = np.round((along_b - along_a) / bend)
        moved = np.flatnonzero(np.diff(level))
        kept = np.unique(np.concatenate([[0, len(level) - 1], moved, moved + 1]))
        x, y = along_a[kept], along_b[kept]
    else:
        x, y = (np.array([0, end]) for end in (block.a_end - block.a_start, block.b_end - block.b_start))
    up = block.b_start + y if block.strand == "+" else block.b_end - y
    return np.stack([block.a_start + x, up], axis=1).astype(np.float64)


def _cut(points: Points, side: int, length: int) -> list[Points]:
    """Cut a line where it goes over the end of a circular chromosome, and lay what is beyond at the start."""
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


# ---- words and genes ----


def describe(comparison: "Comparison") -> list[str]:
    """Return a text for each block, as it is read under the pointer."""
    texts = []
    for block in block_rows(comparison.blocks):
        columns = block.matches + block.mismatches + block.gaps
        texts.append(
            f"{plain(block.a_chromosome)}: {block.a_start:,} to {block.a_end:,}<br>"
            f"{plain(block.b_chromosome)}: {block.b_start:,} to {block.b_end:,}, strand {block.strand}<br>"
            f"{percent(block.identity)} identical over {columns:,} columns"
        )
    return texts


def finding(comparison: "Comparison") -> str:
    """Say in a line what was found: how many blocks, how alike, how many of them inverted."""
    blocks = comparison.blocks
    if blocks.empty:
        return "No homology was found outside of repeats"
    n, inverted = blocks["block"].nunique(), blocks.loc[blocks["strand"] == "-", "block"].nunique()
    turned = f", {inverted:,} of them inverted" if inverted else ", none inverted" if n > 1 else ""
    return f"{n:,} {'block' if n == 1 else 'blocks'}, {percent(comparison.identity)} identical{turned}"


def genes_along(genome: "Genome", axis: Axis) -> list[Gene]:
    """Return the genes of a genome at their places on an axis; none where it isn't annotated."""
    table = genome.features
    if table is None or table.empty:
        return []
    found = []
    for name, start, length in zip(axis.names, axis.starts, axis.lengths, strict=True):
        found += [shifted(gene, int(start)) for gene in genes_of(table, name, 0, int(length))]
    return found


def shifted(gene: Gene, by: int) -> Gene:
    """Return a gene moved along."""
    return gene._replace(exons=tuple((start + by, end + by) for start, end in gene.exons))


def broken(lines: Sequence[Points]) -> Points:
    """Join lines to one, ``(n, 2)``, with a gap behind each."""
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, gap)]) if lines else np.zeros((0, 2))

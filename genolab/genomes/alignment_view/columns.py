"""A block column by column: of any length, only the columns that are looked at are ever written out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.genomes import columns as col
from genolab.genomes.extend import Block

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

GAP = ord("-")


class Page(NamedTuple):
    """Some columns of an alignment, ``(n,)`` each."""

    a: Bytes  # ASCII, upper case; - for a gap
    b: Bytes  # on the block's strand
    a_at: Integers  # positions on the chromosome, 0-based; in a gap, that of the base before it
    b_at: Integers


class AlignmentColumns:
    """The `n` columns of one block."""

    def __init__(self, block: Block) -> None:
        self.block, self.n = block, len(block.columns)
        self._starts, self._ends = col.runs(block.columns)
        self._kinds = block.columns[self._starts]
        lengths = self._ends - self._starts
        in_a, in_b = (np.where(self._kinds == gap, 0, lengths) for gap in (col.INSERTION, col.DELETION))
        self._a_starts, self._b_starts = np.cumsum(in_a) - in_a, np.cumsum(in_b) - in_b
        self._a_count, self._b_count = int(in_a.sum()), int(in_b.sum())

    def page(self, first: int, stop: int) -> Page:
        """Return columns from `first` up to `stop`, as far as there are some."""
        first, stop = max(0, first), min(self.n, stop)
        if first >= stop:
            empty = np.zeros(0, dtype=np.int64)
            return Page(empty.astype(np.uint8), empty.astype(np.uint8), empty, empty)
        kinds = self.block.columns[first:stop]
        run = int(np.searchsorted(self._ends, first, side="right"))
        skipped = first - self._starts[run]
        in_a, in_b = kinds != col.INSERTION, kinds != col.DELETION
        a_from = self.block.a_start + self._a_starts[run] + (skipped if in_a[0] else 0)
        b_from = self.block.b_start + self._b_starts[run] + (skipped if in_b[0] else 0)
        a, b = self.block.a, self.block.b
        a_at, b_at = a_from + np.cumsum(in_a) - 1, b_from + np.cumsum(in_b) - 1
        rows = _with_gaps(a.bases[a_from:], in_a), _with_gaps(b.bases[b_from:], in_b)
        return Page(*rows, a.to_forward(a_at), b.to_forward(b_at))

    def of_a(self, positions: Integers) -> Integers:
        """Return the columns of positions on a's chromosome; -1 for those outside of the block."""
        strand = self.block.a
        return self._column((positions - self.block.a_start) % strand.size, self._a_starts, self._a_count)

    def of_b(self, positions: Integers) -> Integers:
        """Return the columns of positions on b's chromosome; -1 for those outside of the block."""
        strand = self.block.b
        offset = (strand.to_forward(positions) - self.block.b_start) % strand.size
        return self._column(offset, self._b_starts, self._b_count)

    def _column(self, offset: Integers, starts: Integers, count: int) -> Integers:
        run = np.searchsorted(starts, offset, side="right") - 1  # the last of runs that begin at one base has bases
        return np.where(offset < count, self._starts[run] + offset - starts[run], -1)

    def change(self, column: int, way: int) -> int | None:
        """Return where the next change after `column` (`way` 1) or before it (-1) begins; ``None``: there is none."""
        begins = self._starts[self._kinds != col.EQUAL]
        at = np.searchsorted(begins, column, side="right" if way > 0 else "left") - (way < 0)
        return int(begins[at]) if 0 <= at < len(begins) else None

    def profile(self, bins: int) -> NDArray[np.float32]:
        """Return the share of identical columns in each of at most `bins` equal parts of the block."""
        edges = np.linspace(0, self.n, max(1, min(bins, self.n)) + 1)
        equal = np.where(self._kinds == col.EQUAL, self._ends - self._starts, 0)
        total = np.interp(edges, np.append(self._starts, self.n), np.concatenate([[0], np.cumsum(equal)]))
        profile: NDArray[np.float32] = (np.diff(total) / np.diff(edges)).astype(np.float32)
        return profile


def is_unknown(row: Bytes) -> NDArray[np.bool_]:
    """Return where a row has neither one base nor a gap, so that nothing is known of a change."""
    unknown: NDArray[np.bool_] = col.is_ambiguous(row) & (row != GAP)
    return unknown


def _with_gaps(bases: Bytes, is_base: NDArray[np.bool_]) -> Bytes:
    """Put bases, one after the other, where there is one, and gaps elsewhere."""
    row = np.full(len(is_base), GAP, dtype=np.uint8)
    row[is_base] = bases[: is_base.sum()]
    return row

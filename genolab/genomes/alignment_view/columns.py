"""A block column by column: of any length, only the columns that are looked at are ever spelled out."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.genomes.plot.layout import BlockRow, runs, steps

if TYPE_CHECKING:
    from genolab.genomes import Genome

Whole = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_GAP = ord("-")


class Page(NamedTuple):
    """Some columns of an alignment, ``(n,)`` each.

    Attributes
    ----------
    a, b
        Letters as ASCII, upper case, b on the block's strand; ``-`` for a gap.
    a_at, b_at
        Positions on the chromosomes, 0-based; in a gap, that of the base before it.
    """

    a: Bytes
    b: Bytes
    a_at: Whole
    b_at: Whole


class Columns:
    """The columns of one block.

    Parameters
    ----------
    block
        A row of ``comparison.blocks``.
    a, b
        The two genomes.

    Attributes
    ----------
    n
        Number of columns.
    """

    def __init__(self, block: BlockRow, a: "Genome", b: "Genome") -> None:
        self.block, self.a, self.b = block, a, b
        lengths, self._kinds = runs(block.cigar)
        ends = (np.cumsum(lengths), *(np.cumsum(step) for step in steps(lengths, self._kinds)))
        self._ends, self._a_ends, self._b_ends = ends
        self._starts, self._a_starts, self._b_starts = (np.concatenate([[0], each[:-1]]) for each in ends)
        self.n = int(self._ends[-1]) if len(lengths) else 0
        self.a_length = a.lengths[block.a_chromosome]
        self.b_length = b.lengths[block.b_chromosome]

    # ---- letters ----

    def page(self, first: int, stop: int) -> Page:
        """Spell columns out, from `first` up to `stop`, as far as there are some."""
        first, stop = max(0, first), min(self.n, stop)
        if first >= stop:
            empty = np.zeros(0, dtype=np.int64)
            return Page(empty.astype(np.uint8), empty.astype(np.uint8), empty, empty)
        low, high = np.searchsorted(self._ends, [first, stop - 1], side="right")
        here = slice(low, high + 1)
        lengths = np.minimum(self._ends[here], stop) - np.maximum(self._starts[here], first)
        kinds = np.repeat(self._kinds[here], lengths)
        skipped = first - self._starts[low]
        in_a, in_b = kinds != ord("I"), kinds != ord("D")
        a_from = int(self._a_starts[low] + (skipped if in_a[0] else 0))
        b_from = int(self._b_starts[low] + (skipped if in_b[0] else 0))
        a_at, b_at = a_from + np.cumsum(in_a) - 1, b_from + np.cumsum(in_b) - 1
        a = _spread(self._a_letters(a_from, int(in_a.sum())), in_a)
        b = _spread(self._b_letters(b_from, int(in_b.sum())), in_b)
        return Page(a, b, self.a_position(a_at), self.b_position(b_at))

    def _a_letters(self, offset: int, count: int) -> Bytes:
        first = (self.block.a_start + offset) % self.a_length
        return self.a.cut(self.block.a_chromosome, first, first + count)

    def _b_letters(self, offset: int, count: int) -> Bytes:
        block = self.block
        first = block.b_start + offset if block.strand == "+" else block.b_end - offset - count
        first %= self.b_length
        return self.b.cut(block.b_chromosome, first, first + count, block.strand)

    # ---- places ----

    def a_position(self, offset: Whole) -> Whole:
        """Return where on a's chromosome a base of the block lies, counted from the block's start."""
        found: Whole = (self.block.a_start + offset) % self.a_length
        return found

    def b_position(self, offset: Whole) -> Whole:
        """Return where on b's chromosome a base of the block lies, counted along the block's strand."""
        block = self.block
        forward = block.strand == "+"
        found: Whole = (block.b_start + offset if forward else block.b_end - 1 - offset) % self.b_length
        return found

    def of_a(self, positions: Whole) -> Whole:
        """Return the columns of positions on a's chromosome; -1 for those outside of the block."""
        offset = (positions - self.block.a_start) % self.a_length
        return self._column(offset, self._a_starts, self._a_ends)

    def of_b(self, positions: Whole) -> Whole:
        """Return the columns of positions on b's chromosome; -1 for those outside of the block."""
        block = self.block
        forward = block.strand == "+"
        offset = (positions - block.b_start if forward else block.b_end - 1 - positions) % self.b_length
        return self._column(offset, self._b_starts, self._b_ends)

    def _column(self, offset: Whole, starts: Whole, ends: Whole) -> Whole:
        at = np.minimum(np.searchsorted(ends, offset, side="right"), len(ends) - 1)
        return np.where(offset < ends[-1], self._starts[at] + offset - starts[at], -1)

    # ---- changes ----

    def change(self, column: int, way: int) -> int | None:
        """Return where the next change after `column` (`way` 1) or before it (-1) begins; ``None``: there is none."""
        begins = self._starts[self._kinds != ord("=")]
        at = np.searchsorted(begins, column, side="right" if way > 0 else "left") - (way < 0)
        return int(begins[at]) if 0 <= at < len(begins) else None

    def profile(self, bins: int) -> NDArray[np.float32]:
        """Return the share of identical columns in each of at most `bins` equal parts of the block."""
        edges = np.linspace(0, self.n, max(1, min(bins, self.n)) + 1)
        same = np.where(self._kinds == ord("="), self._ends - self._starts, 0)
        total = np.interp(edges, np.concatenate([[0], self._ends]), np.concatenate([[0], np.cumsum(same)]))
        found: NDArray[np.float32] = (np.diff(total) / np.diff(edges)).astype(np.float32)
        return found


def ambiguous(letters: Bytes) -> NDArray[np.bool_]:
    """Return where letters are neither bases nor gaps, so that nothing is known of a change."""
    return ~np.isin(letters, np.frombuffer(b"ACGT-", dtype=np.uint8))


def _spread(letters: Bytes, there: NDArray[np.bool_]) -> Bytes:
    """Set letters into the columns that have one, and gaps into the others."""
    found = np.full(len(there), _GAP, dtype=np.uint8)
    found[there] = letters
    return found

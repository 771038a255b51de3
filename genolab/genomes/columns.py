"""An alignment as columns, a byte each: the operations ``= X I D`` of a CIGAR; a is the reference, b the query."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.align import Scoring, cigar_runs

Columns = NDArray[np.uint8]
Integers = NDArray[np.int64]

EQUAL, MISMATCH, INSERTION, DELETION = range(4)
"""Equal bases; other bases; a base of b that a hasn't; a base of a that b hasn't."""

OPERATIONS: Final = "=XID"
# The scores by which blocks are aligned and compared. To open a gap costs more, and to extend it less, than by default
# in `genolab.align`: more of the simulated insertions and deletions are recovered.
SCORING: Final = Scoring(match=2, mismatch=-4, gap_open=8, gap_extend=1)

_SCORES: Final = np.array([SCORING.match, SCORING.mismatch, -SCORING.gap_extend, -SCORING.gap_extend])
_IS_AMBIGUOUS: Final = ~np.isin(np.arange(256), np.frombuffer(b"ACGT", dtype=np.uint8))


def from_cigar(cigar: str) -> Columns:
    """Return the columns of an extended CIGAR."""
    lengths = [length for length, _ in cigar_runs(cigar)]
    operations = [OPERATIONS.index(operation) for _, operation in cigar_runs(cigar)]
    return np.repeat(np.array(operations, dtype=np.uint8), np.array(lengths, dtype=np.int64))


def to_cigar(columns: Columns) -> str:
    """Return the extended CIGAR of columns."""
    first, end = runs(columns)
    return "".join(f"{stop - start}{OPERATIONS[columns[start]]}" for start, stop in zip(first, end, strict=True))


def runs(values: NDArray[np.generic]) -> tuple[Integers, Integers]:
    """Return where stretches of one value begin and end."""
    if len(values) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    cuts = np.flatnonzero(values[1:] != values[:-1]) + 1
    return np.concatenate([[0], cuts]), np.append(cuts, len(values))


def is_ambiguous(bases: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where bases are none of A C G T."""
    return _IS_AMBIGUOUS[bases]


def compare_bases(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Columns:
    """Return the columns of two stretches of one length without gaps; only A C G T are equal to themselves."""
    return np.where((a == b) & ~is_ambiguous(a), EQUAL, MISMATCH).astype(np.uint8)


def column_scores(columns: Columns) -> Integers:
    """Return what each column adds to the score."""
    scores = _SCORES[columns]
    opens = columns >= INSERTION
    opens[1:] &= columns[1:] != columns[:-1]
    scores[opens] = -SCORING.gap_open
    return scores


def left_align(columns: Columns, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Columns:
    """Move gaps to the left over mismatches, so that an equal column is before each; no score falls by that.

    `a` and `b` are the bases in the columns.
    """
    columns = columns.copy()
    in_a, in_b = offsets(columns)
    for first, end in zip(*runs(columns), strict=True):
        while columns[first] >= INSERTION and first > 0 and columns[first - 1] == MISMATCH:
            size = end - first
            x, y = in_a[first - 1], in_b[first - 1]
            x, y = (x + size, y) if columns[first] == DELETION else (x, y + size)
            columns[first - 1], in_a[end - 1], in_b[end - 1] = columns[first], x, y
            columns[end - 1] = compare_bases(a[x : x + 1], b[y : y + 1])[0]
            first, end = first - 1, end - 1  # noqa: PLW2901 - the run itself moves
    return columns


def base_counts(columns: Columns) -> tuple[int, int]:
    """Return how many bases of a and of b lie in the columns."""
    counts = np.bincount(columns, minlength=4)
    both = int(counts[EQUAL] + counts[MISMATCH])
    return both + int(counts[DELETION]), both + int(counts[INSERTION])


def offsets(columns: Columns) -> tuple[Integers, Integers]:
    """Return the bases of a and of b before each column."""
    in_a, in_b = columns != INSERTION, columns != DELETION
    return np.cumsum(in_a) - in_a, np.cumsum(in_b) - in_b

"""An alignment as columns, a byte each: numbers of ``= X I D`` in SAM's sense; a is the reference, b the query."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.uint8]
Ints = NDArray[np.int64]

SAME, OTHER, INSERTED, DELETED = range(4)
"""Equal letters; other letters; a base of b that a hasn't; a base of a that b hasn't."""

LETTERS: Final = "=XID"
# The scores by which blocks are filled and judged. Gaps are dearer to open and cheaper to go on than by default in
# `genolab.align`: of simulated insertions and deletions more are found as they were made.
MATCH, MISMATCH, OPEN, EXTEND = 2, -4, -8, -1

_IS_UNKNOWN: Final = ~np.isin(np.arange(256), np.frombuffer(b"ACGT", dtype=np.uint8))
_NUMBER: Final = {letter: number for number, letter in enumerate(LETTERS)}


def from_cigar(cigar: str) -> Columns:
    """Return the columns of an extended CIGAR."""
    runs, kinds, count = [], [], 0
    for letter in cigar:
        if letter.isdigit():
            count = count * 10 + int(letter)
        else:
            runs.append(count)
            kinds.append(_NUMBER[letter])
            count = 0
    return np.repeat(np.array(kinds, dtype=np.uint8), runs)


def to_cigar(columns: Columns) -> str:
    """Return the extended CIGAR of columns."""
    first, end = runs(columns)
    return "".join(f"{stop - start}{LETTERS[columns[start]]}" for start, stop in zip(first, end, strict=True))


def runs(columns: NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Return where stretches of one value begin and end."""
    if len(columns) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    cuts = np.flatnonzero(columns[1:] != columns[:-1]) + 1
    return np.concatenate([[0], cuts]), np.append(cuts, len(columns))


def unknown(letters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where letters are none of A C G T."""
    return _IS_UNKNOWN[letters]


def of_letters(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Columns:
    """Return the columns of two stretches of one length without gaps; only A C G T are equal to themselves."""
    same = (a == b) & ~unknown(a)
    return np.where(same, SAME, OTHER).astype(np.uint8)


def gains(columns: Columns) -> Ints:
    """Return what each column adds to the score."""
    value = np.array([MATCH, MISMATCH, EXTEND, EXTEND])[columns]
    gap = columns >= INSERTED
    opens = gap.copy()
    opens[1:] &= columns[1:] != columns[:-1]
    value[opens] = OPEN
    return value


def settled(columns: Columns, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Columns:
    """Move gaps to the left over unequal columns, so that an equal one stands before each; no score falls by that.

    `a` and `b` are the letters in the columns.
    """
    columns = columns.copy()
    in_a, in_b = places(columns)
    for first, end in zip(*runs(columns), strict=True):
        while columns[first] >= INSERTED and first > 0 and columns[first - 1] == OTHER:
            size = end - first
            x, y = in_a[first - 1], in_b[first - 1]
            x, y = (x + size, y) if columns[first] == DELETED else (x, y + size)
            columns[first - 1], in_a[end - 1], in_b[end - 1] = columns[first], x, y
            columns[end - 1] = of_letters(a[x : x + 1], b[y : y + 1])[0]
            first, end = first - 1, end - 1  # noqa: PLW2901 - the run itself moves
    return columns


def spans(columns: Columns) -> tuple[int, int]:
    """Return how many bases of a and of b lie in the columns."""
    counts = np.bincount(columns, minlength=4)
    both = int(counts[SAME] + counts[OTHER])
    return both + int(counts[DELETED]), both + int(counts[INSERTED])


def places(columns: Columns) -> tuple[Ints, Ints]:
    """Return the bases of a and of b before each column."""
    a, b = columns != INSERTED, columns != DELETED
    return np.cumsum(a) - a, np.cumsum(b) - b


def joined(parts: Sequence[Columns]) -> Columns:
    """Lay columns one behind the other."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint8)

"""Exact matches of two genomes, on both strands: what alignments are hung on.

Words of k bases are sampled as minimizers (Roberts et al. 2004): of each `window` words in a row, the one whose
scrambled number is smallest; a word and its reverse complement are one. A window of 1 samples them all. Words that both
genomes have are matches, and matches that run on along a diagonal are one.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_CODE: Final = np.full(256, 4, dtype=np.uint8)
_CODE[np.frombuffer(b"ACGT", dtype=np.uint8)] = np.arange(4, dtype=np.uint8)
_EMPTY: Final = np.iinfo(np.uint64).max


class Words(NamedTuple):
    """Sampled words of a chromosome, in the order of their numbers: scrambled number, first base, strand (0 +, 1 -)."""

    number: NDArray[np.uint64]
    start: Ints
    strand: NDArray[np.uint8]


class Matches(NamedTuple):
    """Exact matches: first base in a, first base in b as the strand reads it, length; all ``(n,)`` int64."""

    a: Ints
    b: Ints
    length: Ints


def word_length(bases: int) -> int:
    """Return the k at which two random genomes of so many bases share few words by chance: odd, 11 to 21."""
    k = int(np.ceil(np.log2(max(bases, 2)) / 2 + 3.5))
    return int(np.clip(k + 1 - k % 2, 11, 21))  # an odd word is never its own reverse complement


def sample(letters: NDArray[np.uint8], k: int, window: int, *, circular: bool) -> Words:
    """Sample the words of a chromosome; on a circle, words over its origin, too."""
    around = np.concatenate([letters, letters[: k - 1]]) if circular else letters
    number, start, strand = _minimizers(_CODE[around], k, window)
    order = np.argsort(number, kind="stable")
    return Words(number[order], start[order], strand[order])


def match(a: Words, b: Words, b_length: int, k: int, most: int) -> tuple[Matches, Matches]:
    """Return the matches on the + and on the - strand.

    Parameters
    ----------
    a, b
        Samples of two chromosomes.
    b_length
        Bases of b's, from which places on its - strand are counted.
    k
        Length of a word.
    most
        A word that occurs more often in either is left out: it is a repeat, and tells nothing.
    """
    rows, columns = _joined(a.number, b.number, most)
    minus = a.strand[rows] != b.strand[columns]
    x, y = a.start[rows], b.start[columns]
    y = np.where(minus, b_length - k - y, y)
    y = np.where(y < 0, y + b_length, y)  # words over the origin of a circle
    plus, other = (_merged(x[chosen], y[chosen], k) for chosen in (~minus, minus))
    return plus, other


def _merged(x: Ints, y: Ints, k: int) -> Matches:
    """Join matches that overlap or touch on a diagonal."""
    if len(x) == 0:
        return Matches(x, y, x)
    order = np.lexsort((x, x - y))
    x, y = x[order], y[order]
    first = np.ones(len(x), dtype=np.bool_)
    first[1:] = (np.diff(x - y) != 0) | (np.diff(x) > k)
    begins = np.flatnonzero(first)
    last = np.append(begins[1:], len(x)) - 1
    return Matches(x[begins], y[begins], x[last] + k - x[begins])


@numba.njit(cache=True)
def _scrambled(number):  # type: ignore[no-untyped-def]
    """Return a number's image under a one-to-one map, so that no kind of word is preferred (splitmix64's)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@numba.njit(cache=True)
def _words(bases, k):  # type: ignore[no-untyped-def]
    """Return for each word its scrambled number, that of the lesser strand, and which strand that is."""
    count = max(0, len(bases) - k + 1)
    number = np.full(count, _EMPTY, dtype=np.uint64)
    strand = np.zeros(count, dtype=np.uint8)
    mask = np.uint64((1 << (2 * k)) - 1)
    forward, reverse, known = np.uint64(0), np.uint64(0), 0
    for at in range(len(bases)):
        base = np.uint64(bases[at])
        known = known + 1 if base < np.uint64(4) else 0
        forward = ((forward << np.uint64(2)) | (base & np.uint64(3))) & mask
        reverse = (reverse >> np.uint64(2)) | ((np.uint64(3) - (base & np.uint64(3))) << np.uint64(2 * (k - 1)))
        if known >= k:
            number[at - k + 1] = _scrambled(min(forward, reverse))
            strand[at - k + 1] = np.uint8(reverse < forward)
    return number, strand


@numba.njit(cache=True)
def _minimizers(bases, k, window):  # type: ignore[no-untyped-def]
    """Return the sampled words' numbers, places and strands, in the order of places."""
    number, strand = _words(bases, k)
    taken = np.zeros(len(number), dtype=np.bool_)
    least = -1
    for end in range(min(window, len(number)) - 1, len(number)):
        first = max(0, end - window + 1)
        if least < first:
            least = first
            for at in range(first + 1, end + 1):
                least = at if number[at] <= number[least] else least
        elif number[end] <= number[least]:
            least = end
        taken[least] = number[least] != _EMPTY
    places = np.flatnonzero(taken)
    return number[places], places, strand[places]


@numba.njit(cache=True)
def _joined(a, b, most):  # type: ignore[no-untyped-def]
    """Return the rows of two sorted lists that have the same number, of numbers that occur at most so often."""
    rows, columns = [0][:0], [0][:0]
    at, on = 0, 0
    while at < len(a) and on < len(b):
        if a[at] < b[on]:
            at += 1
        elif a[at] > b[on]:
            on += 1
        else:
            at_end, on_end = at, on
            while at_end < len(a) and a[at_end] == a[at]:
                at_end += 1
            while on_end < len(b) and b[on_end] == b[on]:
                on_end += 1
            if at_end - at <= most and on_end - on <= most:
                for row in range(at, at_end):
                    for column in range(on, on_end):
                        rows.append(row)
                        columns.append(column)
            at, on = at_end, on_end
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)

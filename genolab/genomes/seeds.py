"""Exact matches of two genomes, on both strands: what alignments are hung on.

Words of k bases are sampled as minimizers (Roberts et al. 2004): of each `window` words in a row, the one whose
scrambled number is smallest; a word and its reverse complement are one. A window of 1 samples them all. Words that both
genomes have are matches, and matches that run on along a diagonal are one.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from genolab.genomes.columns import runs

Ints = NDArray[np.int64]

_CODE: Final = np.full(256, 4, dtype=np.uint8)
_CODE[np.frombuffer(b"ACGT", dtype=np.uint8)] = np.arange(4, dtype=np.uint8)
_EMPTY: Final = np.iinfo(np.uint64).max
_MOST: Final = 30  # times that a word may occur in a genome; of more it is a repeat, and tells nothing
_PAIRS: Final = 4_000_000  # of words, up to which genomes that are repeats themselves are looked at all the same
_LEAST: Final = 3  # words that two chromosomes must share: a chain is worth 2.5 words


class Words(NamedTuple):
    """Sampled words of a genome, in the order of their numbers; all ``(n,)``.

    Attributes
    ----------
    number
        Scrambled number.
    start
        First base.
    strand
        0 for +, 1 for -.
    chromosome
        Which of the genome's chromosomes, from 0.
    """

    number: NDArray[np.uint64]
    start: Ints
    strand: NDArray[np.uint8]
    chromosome: Ints


class Matches(NamedTuple):
    """Exact matches: first base in a, first base in b as the strand reads it, length; all ``(n,)`` int64."""

    a: Ints
    b: Ints
    length: Ints


class Shared(NamedTuple):
    """The matches of two chromosomes on a strand of b's; the chromosomes' numbers, from 0, and ``"+"`` or ``"-"``."""

    a: int
    b: int
    strand: str
    matches: Matches


def word_length(bases: int) -> int:
    """Return the k at which two random genomes of so many bases share few words by chance: odd, 11 to 21."""
    k = int(np.ceil(np.log2(max(bases, 2)) / 2 + 3.5))
    return int(np.clip(k + 1 - k % 2, 11, 21))  # an odd word is never its own reverse complement


def sample(chromosomes: Sequence[tuple[NDArray[np.uint8], bool]], k: int, window: int) -> Words:
    """Sample the words of a genome, given each chromosome's letters and whether it is a circle.

    On a circle, words over its origin are sampled, too.
    """
    parts = []
    for which, (letters, circular) in enumerate(chromosomes):
        around = np.concatenate([letters, letters[: k - 1]]) if circular else letters
        found = _minimizers(_CODE[around], k, window)
        parts.append((*found, np.full(len(found[0]), which, dtype=np.int64)))
    number, start, strand, chromosome = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(number, kind="stable")
    return Words(number[order], start[order], strand[order], chromosome[order])


def match(a: Words, b: Words, b_lengths: Sequence[int], k: int) -> Iterator[Shared]:
    """Walk the pairs of chromosomes that share words, and on which strand.

    Parameters
    ----------
    a, b
        Samples of two genomes.
    b_lengths
        Bases of b's chromosomes, from whose ends places on the - strand are counted.
    k
        Length of a word.
    """
    rows, columns = _joined(a.number, b.number, _most(a.number, b.number))
    minus = a.strand[rows] != b.strand[columns]
    length = np.asarray(b_lengths, dtype=np.int64)[b.chromosome[columns]]
    x, y = a.start[rows], b.start[columns]
    y = np.where(minus, length - k - y, y)
    y = np.where(y < 0, y + length, y)  # words over the origin of a circle
    where = 2 * (a.chromosome[rows] * len(b_lengths) + b.chromosome[columns]) + minus
    places, group, count = np.unique(where, return_inverse=True, return_counts=True)
    kept = count[group] >= _LEAST
    x, y, group = x[kept], y[kept], group[kept]
    order = np.lexsort((x, x - y, group))
    x, y, group = x[order], y[order], group[order]
    for first, end in zip(*runs(group), strict=True):
        pair, is_minus = divmod(int(places[group[first]]), 2)
        yield Shared(*divmod(pair, len(b_lengths)), "+-"[is_minus], _merged(x[first:end], y[first:end], k))


def _most(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Return how often a word may occur in a genome.

    Where most words of both genomes are repeats, it is as often as theirs, unless these make too many pairs.
    """
    usual = min(_usual(a), _usual(b))
    if usual <= _MOST:
        return _MOST
    counts = [dict(zip(*np.unique(number, return_counts=True), strict=True)) for number in (a, b)]
    both = [(counts[0][number], counts[1][number]) for number in counts[0].keys() & counts[1].keys()]
    pairs = sum(int(one) * int(other) for one, other in both if max(one, other) <= usual)
    return usual if pairs <= _PAIRS else _MOST


def _usual(number: NDArray[np.uint64]) -> int:
    """Return how often the word at half of a genome's places, at least, occurs; numbers are sorted."""
    first, end = runs(number)
    return int(np.median(np.repeat(end - first, end - first))) if len(number) else 0


def _merged(x: Ints, y: Ints, k: int) -> Matches:
    """Join matches that overlap or touch on a diagonal; they come by diagonals, and on these by places."""
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

"""Seeds of an alignment: exact matches of two genomes on both strands, called anchors, by the k-mers that both have.

k-mers are sampled as minimizers (Roberts et al. 2004): of each `window` k-mers in a row, the one of the smallest hash;
a k-mer and its reverse complement are one. A window of 1 samples them all. Anchors that overlap or touch on a diagonal
are joined.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.compiled import compiled
from genolab.genomes.columns import runs
from genolab.genomes.genome import Direction, Genome

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_CODE: Final = np.full(256, 4, dtype=np.uint8)
_CODE[np.frombuffer(b"ACGT", dtype=np.uint8)] = np.arange(4, dtype=np.uint8)
_NONE: Final = np.iinfo(np.uint64).max
_MAX_COUNT: Final = 30  # times that a k-mer may occur in a genome; of more it is a repeat, and not informative
_MAX_PAIRS: Final = 4_000_000  # of k-mers, up to which genomes that mostly are repeats are aligned all the same
_MIN_SHARED: Final = 3  # k-mers that two chromosomes must share: a chain scores 2.5 k-mers or more


class Kmers(NamedTuple):
    """Sampled k-mers of a genome, sorted by hash; all ``(n,)``."""

    hash: Hashes
    start: Integers
    strand: NDArray[np.uint8]  # 0 for +, 1 for -
    chromosome: Integers  # its number, from 0


class Anchors(NamedTuple):
    """Exact matches: first base in a, first base in b as the strand reads it, length; all ``(n,)`` int64."""

    a: Integers
    b: Integers
    length: Integers


class StrandAnchors(NamedTuple):
    """The anchors of two chromosomes, given by their numbers, on one strand of b's."""

    a: int
    b: int
    direction: Direction
    anchors: Anchors


def choose_k(bases: int) -> int:
    """Return the k at which two random genomes of so many bases share few k-mers by chance: odd, 11 to 21."""
    k = int(np.ceil(np.log2(max(bases, 2)) / 2 + 3.5))
    return int(np.clip(k + 1 - k % 2, 11, 21))  # an odd k-mer is never its own reverse complement


def sample_kmers(genome: Genome, k: int, window: int) -> Kmers:
    """Sample the k-mers of a genome, those over the origins of circular chromosomes, too."""
    parts = []
    for number, (name, bases) in enumerate(genome.sequences.items()):
        around = np.concatenate([bases, bases[: k - 1]]) if name in genome.circular else bases
        sampled = _minimizers(_CODE[around], k, window)
        parts.append((*sampled, np.full(len(sampled[0]), number, dtype=np.int64)))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Kmers(*(column[order] for column in columns))


def match_kmers(a: Kmers, b: Kmers, b_lengths: list[int], k: int) -> Iterator[StrandAnchors]:
    """Yield the anchors of each pair of chromosomes on each strand; `b_lengths` are the lengths of b's chromosomes."""
    rows, columns = _join(a.hash, b.hash, _max_count(a.hash, b.hash))
    minus = a.strand[rows] != b.strand[columns]
    length = np.asarray(b_lengths, dtype=np.int64)[b.chromosome[columns]]
    x, y = a.start[rows], b.start[columns]
    y = np.where(minus, length - k - y, y)
    y = np.where(y < 0, y + length, y)  # k-mers over the origin of a circle
    key = 2 * (a.chromosome[rows] * len(b_lengths) + b.chromosome[columns]) + minus
    keys, group, count = np.unique(key, return_inverse=True, return_counts=True)
    kept = count[group] >= _MIN_SHARED
    x, y, group = x[kept], y[kept], group[kept]
    order = np.lexsort((x, x - y, group))
    x, y, group = x[order], y[order], group[order]
    for first, end in zip(*runs(group), strict=True):
        pair, is_minus = divmod(int(keys[group[first]]), 2)
        anchors = _join_diagonals(x[first:end], y[first:end], k)
        yield StrandAnchors(*divmod(pair, len(b_lengths)), "-" if is_minus else "+", anchors)


def _max_count(a: Hashes, b: Hashes) -> int:
    """Return how often a k-mer may occur in a genome.

    Where most k-mers of both genomes are repeats, it is as often as theirs, unless these make too many pairs.
    """
    usual = min(_median_count(a), _median_count(b))
    if usual <= _MAX_COUNT:
        return _MAX_COUNT
    (a_kmers, a_counts), (b_kmers, b_counts) = (np.unique(hashes, return_counts=True) for hashes in (a, b))
    _, in_a, in_b = np.intersect1d(a_kmers, b_kmers, assume_unique=True, return_indices=True)
    counts = np.stack([a_counts[in_a], b_counts[in_b]])
    pairs = counts.prod(axis=0)[counts.max(axis=0) <= usual].sum()
    return usual if pairs <= _MAX_PAIRS else _MAX_COUNT


def _median_count(hashes: Hashes) -> int:
    """Return the median, over all sampled positions, of how often the k-mer there occurs."""
    first, end = runs(hashes)
    return int(np.median(np.repeat(end - first, end - first))) if len(hashes) else 0


def _join_diagonals(x: Integers, y: Integers, k: int) -> Anchors:
    """Join k-mers that overlap or touch on a diagonal; they come by diagonals, and on these by positions."""
    first = np.ones(len(x), dtype=np.bool_)
    first[1:] = (np.diff(x - y) != 0) | (np.diff(x) > k)
    begins = np.flatnonzero(first)
    last = np.append(begins[1:], len(x)) - 1
    return Anchors(x[begins], y[begins], x[last] + k - x[begins])


@compiled
def _hash(number):
    """Return a number's image under a one-to-one map, so that no kind of k-mer is preferred (splitmix64's)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@compiled
def _hashes(bases, k):
    """Return for each k-mer the hash of the lesser strand, and which strand that is."""
    count = max(0, len(bases) - k + 1)
    hashes = np.full(count, _NONE, dtype=np.uint64)
    strand = np.zeros(count, dtype=np.uint8)
    mask = np.uint64((1 << (2 * k)) - 1)
    forward, reverse, known = np.uint64(0), np.uint64(0), 0
    for at in range(len(bases)):
        base = np.uint64(bases[at])
        known = known + 1 if base < np.uint64(4) else 0
        forward = ((forward << np.uint64(2)) | (base & np.uint64(3))) & mask
        reverse = (reverse >> np.uint64(2)) | ((np.uint64(3) - (base & np.uint64(3))) << np.uint64(2 * (k - 1)))
        if known >= k:
            hashes[at - k + 1] = _hash(min(forward, reverse))
            strand[at - k + 1] = np.uint8(reverse < forward)
    return hashes, strand


@compiled
def _minimizers(bases, k, window):
    """Return the sampled k-mers' hashes, positions and strands, in the order of positions."""
    hashes, strand = _hashes(bases, k)
    sampled = np.zeros(len(hashes), dtype=np.bool_)
    least = -1
    for end in range(min(window, len(hashes)) - 1, len(hashes)):
        first = max(0, end - window + 1)
        if least < first:
            least = first
            for at in range(first + 1, end + 1):
                least = at if hashes[at] <= hashes[least] else least
        elif hashes[end] <= hashes[least]:
            least = end
        sampled[least] = hashes[least] != _NONE
    positions = np.flatnonzero(sampled)
    return hashes[positions], positions, strand[positions]


@compiled
def _join(a, b, max_count):
    """Return the rows of two sorted lists that have the same hash, of hashes that occur at most so often."""
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
            if at_end - at <= max_count and on_end - on <= max_count:
                for row in range(at, at_end):
                    for column in range(on, on_end):
                        rows.append(row)
                        columns.append(column)
            at, on = at_end, on_end
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)

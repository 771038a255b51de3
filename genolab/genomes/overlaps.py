"""One place for every base: of chains and blocks that lie over each other, the best stays."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.genomes import columns as col
from genolab.genomes.chains import Chain
from genolab.genomes.extend import Block, Found, Strand

Mask = NDArray[np.bool_]

_MOSTLY: Final = 0.5  # share of a chain's matched bases that better ones may have taken already
_OTHERS: Final = 50  # matched bases of others between two matches, from which on a chain breaks there


class Taken:
    """Which bases of the + strands are taken, by chromosome."""

    def __init__(self, sizes: Iterable[tuple[str, int]]) -> None:
        self._taken: dict[str, Mask] = {name: np.zeros(size, dtype=np.bool_) for name, size in sizes}

    def at(self, chromosome: str, places: NDArray[np.int64]) -> Mask:
        """Say which places, on the + strand and perhaps a round further, are taken."""
        taken = self._taken[chromosome]
        return taken[places % len(taken)]

    def total(self, strand: Strand, direction: str) -> NDArray[np.int64]:
        """Return how many bases are taken before each place of a strand as it is read."""
        taken = self._taken[strand.chromosome]
        read = taken[::-1] if direction == "-" else taken
        return np.concatenate([[0], np.cumsum(np.tile(read, 2) if strand.round else read)])

    def take(self, chromosome: str, places: NDArray[np.int64]) -> None:
        """Take places."""
        taken = self._taken[chromosome]
        taken[places % len(taken)] = True


def plus(strand: Strand, places: NDArray[np.int64], direction: str) -> NDArray[np.int64]:
    """Return places of a strand, as it is read, on the + strand."""
    size = strand.round or strand.end
    return size - 1 - places % size if direction == "-" else places % size


def best_chains(found: Sequence[Found], a: Taken, b: Taken) -> list[Found]:
    """Return the chains, best first, that aren't mostly where better ones are, in a or in b."""
    kept = []
    for one in sorted(found, key=lambda one: -one.chain.score):
        x, y, length, _ = one.chain
        inside = np.repeat(np.arange(len(x)), length)
        offset = np.arange(len(inside)) - np.repeat(np.cumsum(length) - length, length)
        in_a, in_b = x[inside] + offset, plus(one.b, y[inside] + offset, one.strand)
        if max(a.at(one.a.chromosome, in_a).mean(), b.at(one.b.chromosome, in_b).mean()) < _MOSTLY:
            kept.append(one)
            a.take(one.a.chromosome, in_a)
            b.take(one.b.chromosome, in_b)
    return kept


def broken(found: Sequence[Found], a: Taken, b: Taken) -> list[Found]:
    """Return chains, broken where others lie between two of their matches: an inversion, or what has moved.

    Parameters
    ----------
    found
        Chains.
    a, b
        The matched bases of all of them.
    """
    totals = _totals(found, a, b)
    parts = []
    for one in found:
        x, y, length, score = one.chain
        in_a, in_b = totals["a", one.a.chromosome, "+"], totals["b", one.b.chromosome, one.strand]
        between = [
            total[np.maximum(at[1:], (at + length)[:-1])] - total[(at + length)[:-1]]
            for total, at in ((in_a, x), (in_b, y))
        ]
        cuts = np.flatnonzero(np.maximum(*between) >= _OTHERS) + 1
        parts += [
            replace(one, chain=Chain(*_within(one, x[some], y[some]), length[some], score))
            for some in np.split(np.arange(len(x)), cuts)
        ]
    return parts


def _totals(found: Sequence[Found], a: Taken, b: Taken) -> dict[tuple[str, str, str], NDArray[np.int64]]:
    """Return for each strand that chains lie on how many bases are taken before each of its places."""
    totals: dict[tuple[str, str, str], NDArray[np.int64]] = {}
    for one in found:
        for key, taken, strand in (
            (("a", one.a.chromosome, "+"), a, one.a),
            (("b", one.b.chromosome, one.strand), b, one.b),
        ):
            if key not in totals:
                totals[key] = taken.total(strand, key[2])
    return totals


def _within(found: Found, x: NDArray[np.int64], y: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places that begin within the circles' first round."""
    a_back, b_back = (
        at[0] // strand.round * strand.round if strand.round else 0 for at, strand in ((x, found.a), (y, found.b))
    )
    return x - a_back, y - b_back


def apart(blocks: Sequence[Block], a: Taken, b: Taken, *, min_score: int) -> list[Block]:
    """Return blocks of which no two share a base of a or of b: of each, best first, the best stretch that is free."""
    kept = []
    for block in sorted(blocks, key=lambda block: -block.score):
        free = _free_part(block, a, b)
        if free is None or free.score < min_score:
            continue
        kept.append(free)
        in_a, in_b = _bases(free)
        a.take(block.a.chromosome, in_a[free.columns != col.INSERTED])
        b.take(block.b.chromosome, in_b[free.columns != col.DELETED])
    return kept


def _bases(block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the base of a and of b, on their + strands, at each column (the next one, where the column has none)."""
    in_a, in_b = col.places(block.columns)
    return in_a + block.a_start, plus(block.b, in_b + block.b_start, block.strand)


def _free_part(block: Block, a: Taken, b: Taken) -> Block | None:
    in_a, in_b = _bases(block)
    taken = a.at(block.a.chromosome, in_a) & (block.columns != col.INSERTED)
    taken |= b.at(block.b.chromosome, in_b) & (block.columns != col.DELETED)
    if not taken.any():
        return block
    firsts, ends = col.runs(taken)
    total = np.concatenate([[0], np.cumsum(col.gains(block.columns))])
    gained = np.where(taken[firsts], -1, total[ends] - total[firsts])
    best = int(np.argmax(gained))
    return _between_equals(block, int(firsts[best]), int(ends[best])) if gained[best] > 0 else None


def _between_equals(block: Block, first: int, end: int) -> Block:
    """Return columns of a block without unequal ones at the ends."""
    same = np.flatnonzero(block.columns[first:end] == col.SAME)
    return block.part(first + int(same[0]), first + int(same[-1]) + 1)

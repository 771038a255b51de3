"""Every base in one place only: of chains and blocks that overlap, the best stays."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.genomes import columns as col
from genolab.genomes.chains import Chain, within_circle
from genolab.genomes.extend import Block
from genolab.genomes.genome import Genome, Strand
from genolab.genomes.seeds import Anchors

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_MAX_COVERED: Final = 0.5  # share of a chain's matched bases that better ones may cover already
_MIN_OTHERS: Final = 50  # matched bases of other chains between two anchors, from which on a chain is split there


class Coverage:
    """Which bases of a genome are covered, by chromosome; positions are those of strands."""

    def __init__(self, genome: Genome) -> None:
        self._covered: dict[str, Mask] = {name: np.zeros(size, dtype=np.bool_) for name, size in genome.lengths.items()}

    def at(self, strand: Strand, positions: Integers) -> Mask:
        """Return which positions are covered."""
        return self._covered[strand.chromosome][strand.to_forward(positions)]

    def add(self, strand: Strand, positions: Integers) -> None:
        """Cover positions."""
        self._covered[strand.chromosome][strand.to_forward(positions)] = True

    def cumulative(self, strand: Strand) -> Integers:
        """Return how many bases are covered before each position of a strand."""
        covered = self._covered[strand.chromosome]
        own = covered[::-1] if strand.direction == "-" else covered
        return np.concatenate([[0], np.cumsum(np.tile(own, 2) if strand.circle else own)])


def best_chains(chains: Sequence[Chain], a: Coverage, b: Coverage) -> list[Chain]:
    """Return the chains, best first, that aren't mostly covered by better ones, in a or in b."""
    kept = []
    for chain in sorted(chains, key=lambda chain: -chain.score):
        x, y, length = chain.anchors
        offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        in_a, in_b = np.repeat(x, length) + offset, np.repeat(y, length) + offset
        if max(a.at(chain.a, in_a).mean(), b.at(chain.b, in_b).mean()) < _MAX_COVERED:
            kept.append(chain)
            a.add(chain.a, in_a)
            b.add(chain.b, in_b)
    return kept


def split_chains(chains: Sequence[Chain], a: Coverage, b: Coverage) -> list[Chain]:
    """Split chains where others lie between two of their anchors: an inversion, or a translocation.

    `a` and `b` are what all the chains cover.
    """
    covered_a, covered_b = cache(a.cumulative), cache(b.cumulative)
    parts = []
    for chain in chains:
        x, y, length = chain.anchors
        between = [
            covered[np.maximum(at[1:], (at + length)[:-1])] - covered[(at + length)[:-1]]
            for covered, at in ((covered_a(chain.a), x), (covered_b(chain.b), y))
        ]
        cuts = np.flatnonzero(np.maximum(*between) >= _MIN_OTHERS) + 1
        for some in np.split(np.arange(len(x)), cuts):
            anchors = within_circle(Anchors(x[some], y[some], length[some]), chain.a, chain.b)
            parts.append(chain._replace(anchors=anchors))
    return parts


def remove_overlaps(blocks: Sequence[Block], a: Genome, b: Genome, *, min_score: int) -> list[Block]:
    """Return blocks of which no two share a base of a or of b: of each, best first, the best part that is free."""
    covered = Coverage(a), Coverage(b)
    kept = []
    for block in sorted(blocks, key=lambda block: -block.score):
        free = _free_part(block, *covered)
        if free is None or free.score < min_score:
            continue
        kept.append(free)
        in_a, in_b = free.positions()
        covered[0].add(block.a, in_a[free.columns != col.INSERTION])
        covered[1].add(block.b, in_b[free.columns != col.DELETION])
    return kept


def _free_part(block: Block, a: Coverage, b: Coverage) -> Block | None:
    in_a, in_b = block.positions()
    covered = a.at(block.a, in_a) & (block.columns != col.INSERTION)
    covered |= b.at(block.b, in_b) & (block.columns != col.DELETION)
    if not covered.any():
        return block
    first, end = col.runs(covered)
    total = np.concatenate([[0], np.cumsum(col.column_scores(block.columns))])
    scores = np.where(covered[first], -1, total[end] - total[first])
    best = int(np.argmax(scores))
    if scores[best] <= 0:
        return None
    equal = first[best] + np.flatnonzero(block.columns[first[best] : end[best]] == col.EQUAL)
    return block.part(int(equal[0]), int(equal[-1]) + 1)  # without mismatches and gaps at the ends

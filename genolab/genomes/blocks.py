"""The blocks of two genomes: seeds, chains, alignments, and of those that overlap the best."""

import functools
from collections.abc import Iterator
from typing import Final

from genolab.genomes.chains import Chain, chain_anchors
from genolab.genomes.extend import Block, to_blocks
from genolab.genomes.genome import Genome
from genolab.genomes.overlaps import Coverage, best_chains, remove_overlaps, split_chains
from genolab.genomes.seeds import choose_k, match_kmers, sample_kmers

_DENSE: Final = 20_000_000  # bases up to which every k-mer is sampled; beyond, one of about five


def find_blocks(a: Genome, b: Genome, *, k: int | None, max_gap: int, min_score: int) -> list[Block]:
    """Return the blocks of two genomes, in the order of a; no base of either is in two."""
    k = choose_k(max(a.length, b.length)) if k is None else k
    covered = Coverage(a), Coverage(b)
    chains = best_chains(list(_chains(a, b, k, max_gap)), *covered)
    blocks = to_blocks(split_chains(chains, *covered))
    blocks = [block.left_aligned() for block in remove_overlaps(blocks, a, b, min_score=min_score)]
    order = {name: number for number, name in enumerate(a.sequences)}
    return sorted(blocks, key=lambda block: (order[block.a.chromosome], block.a_start))


def _chains(a: Genome, b: Genome, k: int, max_gap: int) -> Iterator[Chain]:
    window = 1 if max(a.length, b.length) <= _DENSE else 10
    strand_a, strand_b = functools.cache(a.strand), functools.cache(b.strand)  # chains share their bases
    names_a, names_b = list(a.sequences), list(b.sequences)
    for found in match_kmers(sample_kmers(a, k, window), sample_kmers(b, k, window), list(b.lengths.values()), k):
        one, other = strand_a(names_a[found.a]), strand_b(names_b[found.b], found.direction)
        yield from chain_anchors(found.anchors, one, other, max_gap=max_gap, min_score=2.5 * k)

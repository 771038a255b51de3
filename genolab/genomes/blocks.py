"""Two genomes in, their blocks out: seeds, chains, alignments, and of those that overlap the best."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from genolab.align import Scoring, align
from genolab.genomes import columns as col
from genolab.genomes.chains import chains
from genolab.genomes.columns import Columns
from genolab.genomes.extend import Block, Found, Pairs, Strand, filled
from genolab.genomes.genome import Genome
from genolab.genomes.overlaps import Taken, apart, best_chains, broken
from genolab.genomes.seeds import Words, match, sample, word_length
from genolab.sequences.encode import COMPLEMENT

_DENSE: Final = 20_000_000  # bases up to which every word is sampled; beyond, one of about five


def find_blocks(a: Genome, b: Genome, *, k: int | None, max_gap: int, min_score: int) -> list[Block]:
    """Return the blocks of two genomes, in the order of a; no base of either is in two."""
    k = word_length(max(a.length, b.length)) if k is None else k
    found = list(_chains(a, b, k, max_gap))
    taken = Taken(a.lengths.items()), Taken(b.lengths.items())
    kept = broken(best_chains(found, *taken), *taken)
    blocks = apart(filled(kept, aligned), Taken(a.lengths.items()), Taken(b.lengths.items()), min_score=min_score)
    blocks = [_settled(block) for block in blocks]
    order = {name: number for number, name in enumerate(a.letters)}
    return sorted(blocks, key=lambda block: (order[block.a.chromosome], block.a_start))


def _settled(block: Block) -> Block:
    a, b = block.a.letters[block.a_start : block.a_end], block.b.letters[block.b_start : block.b_end]
    return replace(block, columns=col.settled(block.columns, a, b))


def _chains(a: Genome, b: Genome, k: int, max_gap: int) -> Iterator[Found]:
    """Walk the chains of all pairs of chromosomes, on both strands."""
    window = 1 if max(a.length, b.length) <= _DENSE else 10
    on_a, on_b = (functools.cache(functools.partial(_strand, genome)) for genome in (a, b))  # chains share letters
    names_a, names_b = list(a.letters), list(b.letters)
    for shared in match(sampled(a, k, window), sampled(b, k, window), list(b.lengths.values()), k):
        one, other = on_a(names_a[shared.a], "+"), on_b(names_b[shared.b], shared.strand)
        for chain in chains(shared.matches, (one.round, other.round), max_gap=max_gap, min_score=2.5 * k):
            yield Found(one, other, shared.strand, chain)


def sampled(genome: Genome, k: int, window: int) -> Words:
    """Sample the words of a genome."""
    return sample([(letters, name in genome.circular) for name, letters in genome.letters.items()], k, window)


def _strand(genome: Genome, chromosome: str, strand: str) -> Strand:
    letters = genome.letters[chromosome]
    read = COMPLEMENT[letters[::-1]] if strand == "-" else letters
    circle = chromosome in genome.circular
    return Strand(chromosome, np.tile(read, 2) if circle else read, len(letters) if circle else 0)


def aligned(pairs: Pairs) -> list[Columns]:
    """Align pairs of stretches from end to end."""
    if not pairs:
        return []
    a, b = ([letters.tobytes().decode("ascii") for letters in side] for side in zip(*pairs, strict=True))
    scoring = Scoring(match=col.MATCH, mismatch=col.MISMATCH, gap_open=-col.OPEN, gap_extend=-col.EXTEND)
    return [col.from_cigar(cigar) for cigar in align(b, a, scoring=scoring).cigar]

"""Compare two genomes: what they share, and how they differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from genolab.checks import is_whole
from genolab.genomes import columns as col
from genolab.genomes import formats
from genolab.genomes.chains import Chain, chain_anchors
from genolab.genomes.extend import Block, to_blocks
from genolab.genomes.genome import Genome, GenomeLike, open_genome
from genolab.genomes.overlaps import Coverage, best_chains, remove_overlaps, split_chains
from genolab.genomes.seeds import choose_k, match_kmers, sample_kmers
from genolab.genomes.shared_genes import shared_genes
from genolab.genomes.variants import variants_of
from genolab.sequences.encode import check_length

_DENSE: Final = 20_000_000  # bases up to which every k-mer is sampled; beyond, one of about five


def compare(
    a: GenomeLike,
    b: GenomeLike,
    *,
    circular: bool | None = None,
    genetic_code: int | None = None,
    k: int | None = None,
    max_gap: int = 5_000,
    min_score: int = 100,
) -> "Comparison":
    """Compare two genomes: align what they have in common, on both strands, whatever its order.

    k-mers that both have are chained where they are collinear; what lies between them is aligned base by base, and the
    ends are extended as far as the genomes are similar. No base of either is in two blocks: of copies, the best pair is
    taken.

    Parameters
    ----------
    a, b, circular, genetic_code
        Genomes, as `open_genome` takes them: names of data sets, paths of FASTA files, annotated genomes with their
        FASTA. `a` is the reference.
    k
        Length of the k-mers, odd, 7 to 31; by default 11 to 21, by the genomes' size.
    max_gap
        Most bases between k-mers of a block. Larger insertions and deletions end a block.
    min_score
        Lowest score of a block (2 for an equal base, -4 for an unequal one, -8 and -1 for a gap's first and next ones):
        100 is 50 equal bases. Chains score 2.5 k-mers or more, 5 times `k` by this count, so that lower values only
        keep smaller remnants of blocks, between others.

    Returns
    -------
    Comparison
        Its tables are made when they are first asked for. Where the genomes have nothing in common they are empty.

    Notes
    -----
    Two bacteria of 1.6 million bases take about 10 seconds and 300 MB on one core. Up to 20 million bases all k-mers
    are used, beyond that minimizers, about two of each eleven. A k-mer that either genome has more than 30 times is a
    repeat and left out, unless most k-mers of both are repeats and make less than 4 million pairs.

    Examples
    --------
    >>> pair = gl.genomes.compare("human_mt", "orangutan_mt")
    >>> len(pair.blocks)
    1
    """
    _check(k, max_gap, min_score)
    one, other = (open_genome(side, circular=circular, genetic_code=genetic_code) for side in (a, b))
    return Comparison(one, other, tuple(_find_blocks(one, other, k=k, max_gap=max_gap, min_score=min_score)))


def _check(k: int | None, max_gap: int, min_score: int) -> None:
    if k is not None and not (is_whole(k) and 7 <= k <= 31 and k % 2):
        raise ValueError(
            f"k is an odd number of bases, 7 to 31 (an even k-mer can be its own reverse complement), got {k!r}"
        )
    if not (is_whole(max_gap) and 0 < max_gap <= 100_000):
        raise ValueError(f"max_gap is 1 to 100,000 bases, got {max_gap!r}: memory grows with its square")
    if not (is_whole(min_score) and min_score >= 1):
        raise ValueError(f"min_score is a whole number, at least 1, got {min_score!r}: unrelated DNA scores below that")


def _find_blocks(a: Genome, b: Genome, *, k: int | None, max_gap: int, min_score: int) -> list[Block]:
    """Return the blocks of two genomes, in the order of a; no base of either is in two."""
    k = choose_k(max(a.length, b.length)) if k is None else k
    covered = Coverage(a), Coverage(b)
    chains = best_chains(list(_chains(a, b, k, max_gap)), *covered)
    blocks = remove_overlaps(to_blocks(split_chains(chains, *covered)), a, b, min_score=min_score)
    order = {name: number for number, name in enumerate(a.sequences)}
    return sorted((block.left_aligned() for block in blocks), key=lambda one: (order[one.a.chromosome], one.a_start))


def _chains(a: Genome, b: Genome, k: int, max_gap: int) -> Iterator[Chain]:
    window = 1 if max(a.length, b.length) <= _DENSE else 10
    strand_a, strand_b = cache(a.strand), cache(b.strand)  # chains share their bases
    names_a, names_b = list(a.sequences), list(b.sequences)
    for pair in match_kmers(sample_kmers(a, k, window), sample_kmers(b, k, window), list(b.lengths.values()), k):
        strands = strand_a(names_a[pair.a]), strand_b(names_b[pair.b], pair.direction)
        yield from chain_anchors(pair.anchors, *strands, max_gap=max_gap, min_score=2.5 * k)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two genomes compared; `a` is the reference, `alignments` are the blocks, in the order of the table `blocks`."""

    a: Genome
    b: Genome
    alignments: tuple[Block, ...]

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """Stretches that both genomes have, in the order of a; one row each, no base is in two.

        Columns ``block`` (from 1), ``a_chromosome a_start a_end b_chromosome b_start b_end strand matches mismatches
        gaps identity cigar``. Positions are 0-based and half-open, on + strands; where a block goes over the origin of
        a circle its end lies beyond the chromosome's length. On the strand ``"-"`` b is read from `b_end` to `b_start`,
        reverse complemented. `gaps` counts bases of either genome that the other hasn't. `identity` is the share of
        equal columns, 0 to 1, gaps counted. `cigar` is SAM's, with ``=``, ``X``, ``I`` (bases of b that a hasn't) and
        ``D``, a being the reference.
        """
        rows = [_row(number, block) for number, block in enumerate(self.alignments, start=1)]
        return pd.DataFrame(rows, columns=list(_BLOCK_COLUMNS))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """What turns a into b within the blocks, in the order of a, as in VCF.

        Columns ``chromosome position ref alt kind block b_chromosome b_position strand``. `position` is 0-based, of the
        first base of `ref`; `b_position` that of the first base of `alt` as b's strand reads it, counted on its +
        strand. `kind` is ``"SNV"`` (one base for another; neighbours are rows of their own), ``"insertion"`` or
        ``"deletion"`` (left-aligned within the block, with the base before them in `ref` and `alt`), or
        ``"substitution"`` (some bases for a different number of others). An N on either side is no
        variant. Where a block goes over the origin of a circle, a `ref` may, too.
        """
        return variants_of(self.alignments)

    @cached_property
    def shared_genes(self) -> pd.DataFrame:
        """Genes that both genomes have: reciprocal best pairs by the bases that the blocks align.

        Columns ``a_gene b_gene kind identity_dna identity_protein covered synonymous nonsynonymous``, and
        ``a_chromosome a_start a_end a_strand`` and the same of b. `covered` is the share of the longer gene's bases
        that are aligned with the other; at least half of the shorter gene's are. `identity_dna` and `identity_protein`
        are the shares of equal columns where both are aligned from end to end, the proteins by BLOSUM62 with gaps of 11
        and 1. `synonymous` and `nonsynonymous` count the aligned codons that differ and mean the same amino acid, or
        another one, each in its genome's genetic code. Genes are coding ones (of several transcripts the longest) and
        RNAs; of a genome without annotation, the open reading frames of at least 300 bases, the longest where some
        overlap. A gene over the origin of a circle ends beyond the chromosome's length.
        """
        return shared_genes(self.a, self.b, self.alignments)

    def windows(self, size: int = 100) -> pd.DataFrame:
        """Return the local identity along a, in windows of `size` bases: ``chromosome start end aligned identity``.

        `aligned` is the share of the window's bases that lie in a block; `identity` that of equal ones among these,
        where a base that b hasn't is unequal; NaN where none is aligned.
        """
        check_length(size, name="size")
        return pd.concat(list(self._windows(size)), ignore_index=True)

    def _windows(self, size: int) -> Iterator[pd.DataFrame]:
        for name, length in self.a.lengths.items():
            inside, equal = (np.zeros(length, dtype=np.bool_) for _ in range(2))
            for block in self.alignments:
                if block.a.chromosome == name:
                    in_a = block.columns != col.INSERTION
                    at = block.a.to_forward(block.a_start + np.arange(in_a.sum()))
                    inside[at] = True
                    equal[at] = block.columns[in_a] == col.EQUAL
            start = np.arange(0, length, size)
            end = np.minimum(start + size, length)
            aligned, same = (np.add.reduceat(values.astype(np.int64), start) for values in (inside, equal))
            identity = np.divide(same, aligned, out=np.full(len(start), np.nan), where=aligned > 0)
            share = aligned / (end - start)
            yield pd.DataFrame({"chromosome": name, "start": start, "end": end, "aligned": share, "identity": identity})

    def to_vcf(self, path: str | Path) -> Path:
        """Write the variants as VCF 4.3, b as the one sample; return the path.

        VCF knows no circles, so a variant over the origin of one is written in two.
        """
        return formats.write_vcf(self.a, self.b, self.variants, Path(path))

    def to_paf(self, path: str | Path) -> Path:
        """Write the blocks as PAF, minimap2's format, with their CIGARs; b as query, a as target. Return the path.

        PAF knows no circles, so a block over an origin is written in parts.
        """
        return formats.write_paf(self.alignments, Path(path))

    def to_gff(self, path: str | Path) -> Path:
        """Write the blocks as GFF3 features of a, ``match``, with ``Target`` in b; return the path.

        As in `to_paf`, a block over an origin is written in parts.
        """
        return formats.write_gff(self.a, self.alignments, Path(path))

    @property
    def identity(self) -> float:
        """The share of equal columns in all blocks, 0 to 1, gaps counted; NaN where there is no block."""
        counts = sum((np.bincount(block.columns, minlength=4) for block in self.alignments), np.zeros(4))
        return float(counts[col.EQUAL] / counts.sum()) if counts.sum() else float("nan")

    def __repr__(self) -> str:
        n = len(self.alignments)
        text = f"{n:,} block{'s' * (n != 1)}, identity {self.identity:.3f}" if n else "no homology outside of repeats"
        return f"<Comparison of {self.a.name} and {self.b.name}: {text}>"


_BLOCK_COLUMNS = (
    "block", "a_chromosome", "a_start", "a_end", "b_chromosome", "b_start", "b_end", "strand", "matches", "mismatches",
    "gaps", "identity", "cigar",
)  # fmt: skip


def _row(number: int, block: Block) -> tuple[object, ...]:
    matches, mismatches, insertions, deletions = np.bincount(block.columns, minlength=4).tolist()
    identity = matches / len(block.columns)
    return (
        number, block.a.chromosome, block.a_start, block.a_end, block.b.chromosome, *block.b_span, block.strand,
        matches, mismatches, insertions + deletions, identity, col.to_cigar(block.columns),
    )  # fmt: skip

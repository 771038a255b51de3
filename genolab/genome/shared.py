"""Genes that two genomes share: carried over by the alignment, the best of each other, and what has changed in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.align import Scoring, align
from genolab.data.tags import Gene, coding_genes
from genolab.genes import open_reading_frames
from genolab.genome.codes import amino_acids
from genolab.genome.fill import Block, aligned_bases
from genolab.genome.select import plus
from genolab.genome.side import Bytes, Genome

Ints = NDArray[np.int64]

COLUMNS: Final = (
    "a_gene", "b_gene", "kind", "identity_dna", "identity_protein", "covered", "synonymous", "nonsynonymous",
    "a_chromosome", "a_start", "a_end", "a_strand", "b_chromosome", "b_start", "b_end", "b_strand",
)  # fmt: skip
RNAS: Final = ("tRNA", "rRNA", "ncRNA", "snRNA", "snoRNA", "tmRNA", "lncRNA")

_LEAST: Final = 0.5  # share of either gene's bases that must lie under each other
_FRAME: Final = 300  # bases of the shortest open reading frame that counts as a gene where none are annotated


@dataclass(frozen=True)
class Placed:
    """A gene, its kind, and its bases on the + strand of a chromosome in the order in which they are read."""

    gene: Gene
    kind: str
    bases: Ints


class BaseMap:
    """For every base of a, the base of b that lies under it, by the alignment.

    Bases are numbered through all chromosomes of a genome, -1 is none.
    """

    def __init__(self, a: Genome, b: Genome, blocks: Sequence[Block]) -> None:
        self.first_a, self.first_b = _firsts(a), _firsts(b)
        self.to_b = np.full(a.length, -1, dtype=np.int64)
        self.minus = np.zeros(a.length, dtype=np.bool_)
        for block in blocks:
            in_a, in_b = aligned_bases(block)
            at = self.first_a[block.a.chromosome] + plus(block.a, in_a, "+")
            self.to_b[at] = self.first_b[block.b.chromosome] + plus(block.b, in_b, block.strand)
            self.minus[at] = block.strand == "-"


def _firsts(genome: Genome) -> dict[str, int]:
    sizes = genome.lengths
    starts = np.cumsum([0, *sizes.values()])[:-1].tolist()
    return dict(zip(sizes, starts, strict=True))


def shared_genes(a: Genome, b: Genome, blocks: Sequence[Block]) -> pd.DataFrame:
    """Return the pairs of genes; the columns are told at `genolab.genome.Comparison`."""
    genes_a, genes_b = genes_of(a), genes_of(b)
    bases = BaseMap(a, b, blocks)
    pairs = _best_pairs(genes_a, genes_b, bases, b.length)
    rows = [_row(genes_a[one], genes_b[other], bases, a, b) for one, other in pairs]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["identity_protein"] = _protein_identity([(genes_a[one], genes_b[other]) for one, other in pairs], a, b)
    return table


def genes_of(genome: Genome) -> list[Placed]:
    """Return the genes of a genome: what is annotated, or else its open reading frames of 300 bases and more."""
    if genome.features is None:
        return [_placed(gene, "CDS", genome) for gene in _frames(genome)]
    table = genome.features
    rnas = table[table["kind"].isin(RNAS) & table["strand"].isin(["+", "-"])]
    places = zip(rnas.index, rnas["chromosome"], rnas["strand"], rnas["start"], rnas["end"], rnas["kind"], strict=True)
    genes = [_placed(gene, "CDS", genome) for gene in coding_genes(table)]
    genes += [
        _placed(Gene(str(name), str(on), str(strand), ((int(start), int(end)),)), str(kind), genome)
        for name, on, strand, start, end, kind in places
    ]
    order = {name: number for number, name in enumerate(genome.letters)}
    return sorted(genes, key=lambda one: (order[one.gene.chromosome], one.gene.start, one.gene.end))


def _frames(genome: Genome) -> list[Gene]:
    tables = [
        open_reading_frames(letters.tobytes().decode(), min_length=_FRAME, chromosome=name)
        for name, letters in genome.letters.items()
    ]
    return coding_genes(pd.concat(tables))


def _placed(gene: Gene, kind: str, genome: Genome) -> Placed:
    bases = np.concatenate([np.arange(start, end) for start, end in gene.exons])
    bases = bases % len(genome.letters[gene.chromosome])  # a gene may go over the origin of a circle
    return Placed(gene, kind, bases if gene.strand == "+" else bases[::-1])


def _best_pairs(a: Sequence[Placed], b: Sequence[Placed], bases: BaseMap, b_length: int) -> list[tuple[int, int]]:
    """Return pairs of genes, of which each is the other's best by bases that lie under each other, on its strand."""
    # Genes overlap, so each base of b names the genes on it by a range of a list.
    starts, owners = _owners(b, bases.first_b, b_length)
    counts: dict[tuple[int, int], int] = {}
    for number, one in enumerate(a):
        at = bases.first_a[one.gene.chromosome] + one.bases
        under = bases.to_b[at]
        for base, minus in zip(under[under >= 0].tolist(), bases.minus[at][under >= 0].tolist(), strict=True):
            for owner in owners[starts[base] : starts[base + 1]]:
                if _fits(one, b[owner], turned=minus):
                    counts[number, owner] = counts.get((number, owner), 0) + 1
    return _reciprocal(counts, a, b)


def _owners(genes: Sequence[Placed], firsts: Mapping[str, int], length: int) -> tuple[list[int], list[int]]:
    """Return where the genes of each base begin in a list of genes, and that list."""
    at = [firsts[one.gene.chromosome] + one.bases for one in genes]
    every = np.concatenate(at) if at else np.zeros(0, dtype=np.int64)
    owner = np.repeat(np.arange(len(genes)), [len(some) for some in at])
    order = np.argsort(every, kind="stable")
    starts = np.searchsorted(every[order], np.arange(length + 1))
    return starts.tolist(), owner[order].tolist()


def _fits(one: Placed, other: Placed, *, turned: bool) -> bool:
    return one.kind == other.kind and (one.gene.strand == other.gene.strand) != turned


def _reciprocal(
    counts: Mapping[tuple[int, int], int], a: Sequence[Placed], b: Sequence[Placed]
) -> list[tuple[int, int]]:
    best_a: dict[int, tuple[int, int]] = {}
    best_b: dict[int, tuple[int, int]] = {}
    for (one, other), count in counts.items():
        best_a[one] = max(best_a.get(one, (0, -1)), (count, other))
        best_b[other] = max(best_b.get(other, (0, -1)), (count, one))
    return [
        (one, other)
        for one, (count, other) in sorted(best_a.items())
        if best_b[other][1] == one and count >= _LEAST * min(len(a[one].bases), len(b[other].bases))
    ]


def _row(one: Placed, other: Placed, bases: BaseMap, a: Genome, b: Genome) -> list[object]:
    under = bases.to_b[bases.first_a[one.gene.chromosome] + one.bases] - bases.first_b[other.gene.chromosome]
    place = {base: number for number, base in enumerate(other.bases.tolist())}
    index = np.array([place.get(base, -1) for base in under.tolist()], dtype=np.int64)
    letters_a, letters_b = _letters(one, a), _letters(other, b)
    both = index >= 0
    equal = int((letters_a[both] == letters_b[index[both]]).sum())
    columns = len(letters_a) + len(letters_b) - int(both.sum())
    changes = _codon_changes(letters_a, letters_b, index, one, other, a, b) if one.kind == "CDS" else (pd.NA, pd.NA)
    places = [
        value for gene in (one.gene, other.gene) for value in (gene.chromosome, gene.start, gene.end, gene.strand)
    ]
    covered = both.sum() / max(len(letters_a), len(letters_b))
    return [one.gene.name, other.gene.name, one.kind, equal / columns, np.nan, covered, *changes, *places]


def _letters(one: Placed, genome: Genome) -> Bytes:
    from genolab.data.sequence import COMPLEMENT

    letters = genome.letters[one.gene.chromosome][one.bases]
    return COMPLEMENT[letters] if one.gene.strand == "-" else letters


def _codon_changes(  # noqa: PLR0917 - both sides of one pair
    letters_a: Bytes, letters_b: Bytes, index: Ints, one: Placed, other: Placed, a: Genome, b: Genome
) -> tuple[int, int]:
    """Count the codons that differ and mean the same, and those that mean something else.

    Only codons count whose three bases lie under one whole codon of the other, and in whose letters nothing is unknown.
    """
    first = one.gene.phase
    whole = index[first:][: (len(index) - first) // 3 * 3].reshape(-1, 3)
    fit = (whole[:, 0] >= 0) & (np.diff(whole, axis=1) == 1).all(axis=1) & ((whole[:, 0] - other.gene.phase) % 3 == 0)
    codons_a = letters_a[first:][: 3 * len(whole)].reshape(-1, 3)[fit]
    codons_b = letters_b[whole[fit]].reshape(-1, 3)
    mean_a, mean_b = amino_acids(codons_a.ravel(), a.genetic_code), amino_acids(codons_b.ravel(), b.genetic_code)
    other_codon = (codons_a != codons_b).any(axis=1) & (mean_a != ord("X")) & (mean_b != ord("X"))
    same = other_codon & (mean_a == mean_b)
    return int(same.sum()), int((other_codon & ~same).sum())


def _protein_identity(pairs: Sequence[tuple[Placed, Placed]], a: Genome, b: Genome) -> NDArray[np.float64]:
    """Align the proteins of all pairs from end to end; genes that make none have NaN."""
    identity = np.full(len(pairs), np.nan)
    coding = [number for number, (one, _) in enumerate(pairs) if one.kind == "CDS"]
    if coding:
        proteins = [[_protein(pairs[number][side], genome) for number in coding] for side, genome in ((1, b), (0, a))]
        identity[coding] = align(*proteins, scoring=Scoring(matrix="blosum62", gap_open=11, gap_extend=1)).identity
    return identity


def _protein(one: Placed, genome: Genome) -> str:
    """Return a protein without its last stop; a stop within it is X."""
    letters = _letters(one, genome)[one.gene.phase :]
    return amino_acids(letters, genome.genetic_code).tobytes().decode().removesuffix("*").replace("*", "X")

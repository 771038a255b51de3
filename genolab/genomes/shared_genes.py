"""Genes that two genomes share: carried over by the alignment, the best of each other, and what has changed in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.align import Scoring, align
from genolab.genomes import columns as col
from genolab.genomes.extend import Block, aligned_bases
from genolab.genomes.genome import Bytes, Genome
from genolab.genomes.overlaps import plus
from genolab.sequences.annotation import Gene, coding_genes
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.frames import reading_frames
from genolab.sequences.genetic_codes import amino_acids

Ints = NDArray[np.int64]

COLUMNS: Final = (
    "a_gene", "b_gene", "kind", "identity_dna", "identity_protein", "covered", "synonymous", "nonsynonymous",
    "a_chromosome", "a_start", "a_end", "a_strand", "b_chromosome", "b_start", "b_end", "b_strand",
)  # fmt: skip
RNAS: Final = ("tRNA", "rRNA", "ncRNA", "snRNA", "snoRNA", "tmRNA", "lncRNA")

_LEAST: Final = 0.5  # share of either gene's bases that must lie under each other
_STOP, _UNKNOWN = ord("*"), ord("X")
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
    """Return the pairs of genes; the columns are told at `genolab.genomes.Comparison`."""
    genes_a, genes_b = genes_of(a), genes_of(b)
    bases = BaseMap(a, b, blocks)
    numbers = _best_pairs(genes_a, genes_b, bases, b.length)
    pairs = [(genes_a[one], genes_b[other]) for one, other in numbers]
    table = pd.DataFrame([_row(*pair, bases) for pair in pairs], columns=list(COLUMNS))
    if pairs:
        letters = [[_letters(pair[side], genome) for pair in pairs] for side, genome in enumerate((a, b))]
        table["identity_dna"] = align(_texts(letters[1]), _texts(letters[0])).identity
    return _with_proteins(table, pairs, a, b)


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
    return [
        Gene(f"{name}.orf{number}", name, strand, ((start, end),))
        for name, letters in genome.letters.items()
        for number, (start, end, strand) in enumerate(
            reading_frames(letters, genome.genetic_code, min_length=_FRAME, circular=name in genome.circular), start=1
        )
    ]


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


def _row(one: Placed, other: Placed, bases: BaseMap) -> list[object]:
    under = bases.to_b[bases.first_a[one.gene.chromosome] + one.bases] - bases.first_b[other.gene.chromosome]
    covered = np.isin(under, other.bases).sum() / max(len(one.bases), len(other.bases))
    places = [
        value for gene in (one.gene, other.gene) for value in (gene.chromosome, gene.start, gene.end, gene.strand)
    ]
    return [one.gene.name, other.gene.name, one.kind, np.nan, np.nan, covered, pd.NA, pd.NA, *places]


def _letters(one: Placed, genome: Genome) -> Bytes:
    letters = genome.letters[one.gene.chromosome][one.bases]
    return COMPLEMENT[letters] if one.gene.strand == "-" else letters


def _texts(rows: Sequence[Bytes]) -> list[str]:
    return [row.tobytes().decode("ascii") for row in rows]


def _with_proteins(table: pd.DataFrame, pairs: Sequence[tuple[Placed, Placed]], a: Genome, b: Genome) -> pd.DataFrame:
    """Fill in what the proteins tell, aligned from end to end; of the other genes there is nothing to tell."""
    coding = np.flatnonzero(table["kind"] == "CDS").tolist()
    table = table.astype({"synonymous": "Int64", "nonsynonymous": "Int64"})
    if len(coding) == 0:
        return table
    codons = [[_codons(pairs[number][side], genome) for number in coding] for side, genome in enumerate((a, b))]
    proteins = [
        [_protein(some, genome.genetic_code) for some in rows] for rows, genome in zip(codons, (a, b), strict=True)
    ]
    scoring = Scoring(matrix="blosum62", gap_open=11, gap_extend=1)
    found = align(_texts(proteins[1]), _texts(proteins[0]), scoring=scoring)
    changes = [_changes(*row) for row in zip(found.cigar, *codons, *proteins, strict=True)]
    rows = table.index[coding]
    table.loc[rows, "identity_protein"] = found.identity
    table.loc[rows, ["synonymous", "nonsynonymous"]] = changes
    return table


def _codons(one: Placed, genome: Genome) -> Bytes:
    """Return a gene's whole codons, ``(n, 3)``; one or two bases left over at the end are left out."""
    letters = _letters(one, genome)[one.gene.phase :]
    return letters[: len(letters) // 3 * 3].reshape(-1, 3)


def _protein(codons: Bytes, code: int) -> Bytes:
    """Return a protein without its last stop; a stop within it is X."""
    acids = amino_acids(codons.ravel(), code)
    acids = acids[:-1] if len(acids) and acids[-1] == _STOP else acids
    return np.where(acids == _STOP, _UNKNOWN, acids)


def _changes(cigar: str, codons_a: Bytes, codons_b: Bytes, protein_a: Bytes, protein_b: Bytes) -> tuple[int, int]:
    """Count the codons that differ and mean the same, and those that mean something else; unknown ones aside."""
    columns = col.from_cigar(cigar)
    both = columns < col.INSERTED
    in_a, in_b = (places[both] for places in col.places(columns))
    known = (protein_a[in_a] != _UNKNOWN) & (protein_b[in_b] != _UNKNOWN)
    differ = (codons_a[in_a] != codons_b[in_b]).any(axis=1) & known
    same = protein_a[in_a] == protein_b[in_b]
    return int((differ & same).sum()), int((differ & ~same).sum())

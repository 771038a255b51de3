"""Genes that two genomes share: mapped by the alignment, reciprocal best pairs, and what has changed in them."""

from collections import Counter
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
from genolab.sequences.annotation import Gene, coding_genes
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.genetic_codes import amino_acids
from genolab.sequences.orfs import reading_frames

Integers = NDArray[np.int64]

_PLACE: Final = ("chromosome", "start", "end", "strand")
COLUMNS: Final = (
    "a_gene", "b_gene", "kind", "identity_dna", "identity_protein", "covered", "synonymous", "nonsynonymous",
    *(f"{side}_{name}" for side in "ab" for name in _PLACE),
)  # fmt: skip
RNAS: Final = ("tRNA", "rRNA", "ncRNA", "snRNA", "snoRNA", "tmRNA", "lncRNA")

_MIN_SHARE: Final = 0.5  # of the shorter gene's bases that must be aligned with the other
_STOP, _UNKNOWN = ord("*"), ord("X")
_MIN_FRAME: Final = 300  # bases of the shortest open reading frame that counts as a gene where none are annotated


@dataclass(frozen=True)
class LocatedGene:
    """A gene, its kind, and its positions on the + strand of a chromosome in the order in which they are read."""

    gene: Gene
    kind: str
    positions: Integers


class BaseMap:
    """For every base of a, the base of b that is aligned with it; numbered through all chromosomes, -1 is none."""

    def __init__(self, a: Genome, b: Genome, blocks: Sequence[Block]) -> None:
        self.first_a, self.first_b = _first_bases(a), _first_bases(b)
        self.to_b = np.full(a.length, -1, dtype=np.int64)
        self.minus = np.zeros(a.length, dtype=np.bool_)
        for block in blocks:
            in_a, in_b = aligned_bases(block)
            at = self.first_a[block.a.chromosome] + block.a.to_forward(in_a)
            self.to_b[at] = self.first_b[block.b.chromosome] + block.b.to_forward(in_b)
            self.minus[at] = block.strand == "-"


def _first_bases(genome: Genome) -> dict[str, int]:
    sizes = genome.lengths
    return dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1].tolist(), strict=True))


def shared_genes(a: Genome, b: Genome, blocks: Sequence[Block]) -> pd.DataFrame:
    """Return the pairs of genes; the columns are those of `genolab.genomes.Comparison`."""
    genes_a, genes_b = genes_of(a), genes_of(b)
    base_map = BaseMap(a, b, blocks)
    pairs = [(genes_a[i], genes_b[j]) for i, j in _best_pairs(genes_a, genes_b, base_map, b.length)]
    table = pd.DataFrame([_row(*pair, base_map) for pair in pairs], columns=list(COLUMNS))
    if pairs:
        dna = [_texts([_bases(pair[side], genome) for pair in pairs]) for side, genome in enumerate((a, b))]
        table["identity_dna"] = align(dna[1], dna[0]).identity
    return _with_proteins(table, pairs, a, b)


def genes_of(genome: Genome) -> list[LocatedGene]:
    """Return the genes of a genome: what is annotated, or else its open reading frames of 300 bases and more."""
    table = genome.features
    if table is None:
        return [_located(gene, "CDS", genome) for gene in _frames(genome)]
    rnas = table[table["kind"].isin(RNAS) & table["strand"].isin(["+", "-"])]
    places = zip(rnas.index, rnas["chromosome"], rnas["strand"], rnas["start"], rnas["end"], rnas["kind"], strict=True)
    genes = [_located(gene, "CDS", genome) for gene in coding_genes(table)]
    genes += [
        _located(Gene(str(name), str(on), str(strand), ((int(start), int(end)),)), str(kind), genome)
        for name, on, strand, start, end, kind in places
    ]
    order = {name: number for number, name in enumerate(genome.sequences)}
    return sorted(genes, key=lambda one: (order[one.gene.chromosome], one.gene.start, one.gene.end))


def _frames(genome: Genome) -> list[Gene]:
    return [
        Gene(f"{name}.orf{number}", name, strand, ((start, end),))
        for name, bases in genome.sequences.items()
        for number, (start, end, strand) in enumerate(
            reading_frames(
                bases, code=genome.genetic_code, min_length=_MIN_FRAME, overlap=0.0, circular=name in genome.circular
            ),
            start=1,
        )
    ]


def _located(gene: Gene, kind: str, genome: Genome) -> LocatedGene:
    positions = np.concatenate([np.arange(start, end) for start, end in gene.exons])
    positions %= len(genome.sequences[gene.chromosome])  # a gene may go over the origin of a circle
    return LocatedGene(gene, kind, positions if gene.strand == "+" else positions[::-1])


def _best_pairs(
    a: Sequence[LocatedGene], b: Sequence[LocatedGene], base_map: BaseMap, b_length: int
) -> list[tuple[int, int]]:
    """Return pairs of genes, each the other's best by aligned bases, of one kind and on the aligned strands."""
    # Genes overlap, so each base of b names the genes on it by a range of a list.
    starts, owners = _owners(b, base_map.first_b, b_length)
    counts: Counter[tuple[int, int]] = Counter()
    for number, one in enumerate(a):
        at = base_map.first_a[one.gene.chromosome] + one.positions
        at = at[base_map.to_b[at] >= 0]
        for base, minus in zip(base_map.to_b[at].tolist(), base_map.minus[at].tolist(), strict=True):
            for owner in owners[starts[base] : starts[base + 1]]:
                other = b[owner]
                if one.kind == other.kind and (one.gene.strand == other.gene.strand) != minus:
                    counts[number, owner] += 1
    return _reciprocal(counts, a, b)


def _owners(genes: Sequence[LocatedGene], first: Mapping[str, int], length: int) -> tuple[list[int], list[int]]:
    """Return where the genes of each base begin in a list of genes, and that list."""
    positions = [first[one.gene.chromosome] + one.positions for one in genes]
    every = np.concatenate([np.zeros(0, dtype=np.int64), *positions])
    owner = np.repeat(np.arange(len(genes)), [len(some) for some in positions])
    order = np.argsort(every, kind="stable")
    starts = np.searchsorted(every[order], np.arange(length + 1))
    return starts.tolist(), owner[order].tolist()


def _reciprocal(
    counts: Mapping[tuple[int, int], int], a: Sequence[LocatedGene], b: Sequence[LocatedGene]
) -> list[tuple[int, int]]:
    best_a: dict[int, tuple[int, int]] = {}
    best_b: dict[int, tuple[int, int]] = {}
    for (i, j), count in counts.items():
        best_a[i] = max(best_a.get(i, (0, -1)), (count, j))
        best_b[j] = max(best_b.get(j, (0, -1)), (count, i))
    return [
        (i, j)
        for i, (count, j) in sorted(best_a.items())
        if best_b[j][1] == i and count >= _MIN_SHARE * min(len(a[i].positions), len(b[j].positions))
    ]


def _row(one: LocatedGene, other: LocatedGene, base_map: BaseMap) -> list[object]:
    aligned = base_map.to_b[base_map.first_a[one.gene.chromosome] + one.positions]
    aligned = aligned - base_map.first_b[other.gene.chromosome]
    covered = np.isin(aligned, other.positions).sum() / max(len(one.positions), len(other.positions))
    places = [getattr(gene, name) for gene in (one.gene, other.gene) for name in _PLACE]
    return [one.gene.name, other.gene.name, one.kind, np.nan, np.nan, covered, pd.NA, pd.NA, *places]


def _bases(one: LocatedGene, genome: Genome) -> Bytes:
    bases = genome.sequences[one.gene.chromosome][one.positions]
    return COMPLEMENT[bases] if one.gene.strand == "-" else bases


def _texts(rows: Sequence[Bytes]) -> list[str]:
    return [row.tobytes().decode("ascii") for row in rows]


def _with_proteins(
    table: pd.DataFrame, pairs: Sequence[tuple[LocatedGene, LocatedGene]], a: Genome, b: Genome
) -> pd.DataFrame:
    """Add identity and changes of proteins, aligned from end to end; other genes have none."""
    coding = np.flatnonzero(table["kind"] == "CDS").tolist()
    table = table.astype({"synonymous": "Int64", "nonsynonymous": "Int64"})
    if len(coding) == 0:
        return table
    codons = [[_codons(pairs[number][side], genome) for number in coding] for side, genome in enumerate((a, b))]
    proteins = [
        [_protein(some, genome.genetic_code) for some in rows] for rows, genome in zip(codons, (a, b), strict=True)
    ]
    scoring = Scoring(matrix="blosum62", gap_open=11, gap_extend=1)
    alignments = align(_texts(proteins[1]), _texts(proteins[0]), scoring=scoring)
    rows = table.index[coding]
    table.loc[rows, "identity_protein"] = alignments.identity
    table.loc[rows, ["synonymous", "nonsynonymous"]] = [
        _changes(*row) for row in zip(alignments.cigar, *codons, *proteins, strict=True)
    ]
    return table


def _codons(one: LocatedGene, genome: Genome) -> Bytes:
    """Return a gene's whole codons, ``(n, 3)``; one or two bases left over at the end are left out."""
    bases = _bases(one, genome)[one.gene.phase :]
    return bases[: len(bases) // 3 * 3].reshape(-1, 3)


def _protein(codons: Bytes, code: int) -> Bytes:
    """Return a protein without its last stop; a stop within it is X."""
    acids = amino_acids(codons.ravel(), code)
    acids = acids[:-1] if len(acids) and acids[-1] == _STOP else acids
    return np.where(acids == _STOP, _UNKNOWN, acids)


def _changes(cigar: str, codons_a: Bytes, codons_b: Bytes, protein_a: Bytes, protein_b: Bytes) -> tuple[int, int]:
    """Count the codons that differ and mean the same, and those that mean something else; unknown ones aside."""
    columns = col.from_cigar(cigar)
    in_a, in_b = (positions[columns < col.INSERTION] for positions in col.offsets(columns))
    known = (protein_a[in_a] != _UNKNOWN) & (protein_b[in_b] != _UNKNOWN)
    differ = (codons_a[in_a] != codons_b[in_b]).any(axis=1) & known
    same = protein_a[in_a] == protein_b[in_b]
    return int((differ & same).sum()), int((differ & ~same).sum())

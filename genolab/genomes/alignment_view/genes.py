"""Genes along an alignment: their columns, their codons, and positions by name."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.genomes.alignment_view.columns import GAP, AlignmentColumns
from genolab.sequences.annotation import Gene, coding_genes
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.genetic_codes import amino_acids
from genolab.sequences.plot_genes import common_names, genes_of
from genolab.widgets.shared.name_search import NameSearch

if TYPE_CHECKING:
    from genolab.genomes import Comparison, Genome

_PLACE: Final = re.compile(r"(?:(?P<chromosome>.+):)?(?P<position>-?[\d,_ ]+)")
_NEAR: Final = 6  # names that a message lists
_UNKNOWN: Final = "X"  # an amino acid
# Columns of features with further names of a gene, as GFF3, NCBI and Ensembl call them; a comma divides several.
_SYNONYMS: Final = ("name", "gene", "gene_name", "gene_synonym", "locus_tag", "standard_name", "Alias")

Integers = NDArray[np.int64]


class _OnChromosome(NamedTuple):
    """The genes of a chromosome in the order of their starts, which of them code, and their ends."""

    genes: list[Gene]
    is_coding: list[bool]
    starts: Integers
    ends: Integers


class Genes:
    """The genes of both genomes of a comparison."""

    def __init__(self, comparison: "Comparison") -> None:
        self._comparison = comparison
        self._of_a = _by_chromosome(comparison.a)
        self._of_b = _by_chromosome(comparison.b)

    @cached_property
    def _places(self) -> dict[str, tuple[str, str, int]]:
        """Side, chromosome and first base of each gene, by its name in lower case."""
        places: dict[str, tuple[str, str, int]] = {}
        for side, known in (("a", self._of_a), ("b", self._of_b)):
            for chromosome, some in known.items():
                for gene in some.genes:
                    start = gene.start if gene.strand == "+" else gene.end - 1
                    places.setdefault(gene.name.lower(), (side, chromosome, start))
        return places

    @cached_property
    def _synonyms(self) -> dict[str, str]:
        """The name of each gene, by each of its names in lower case."""
        pairs = [*_synonyms(self._comparison.a), *_synonyms(self._comparison.b)]
        return {other.lower(): name for name, other in reversed(pairs) if name.lower() in self._places}

    @cached_property
    def _search(self) -> NameSearch:
        return NameSearch().add("gene", self._synonyms.values(), self._synonyms)

    def suggest(self, text: str) -> dict[str, Any]:
        """Answer the search box: genes by a part of a name or synonym; a position is its own name."""
        if _PLACE.fullmatch(text.strip()):
            return {"names": [(text.strip(), "position")], "isEqual": True, "near": []}
        return self._search.answer(text)

    def find(self, text: str) -> tuple[str, str, int]:
        """Return side (``"a"`` or ``"b"``), chromosome and position of a position or a gene's name."""
        asked = text.strip()
        place = _PLACE.fullmatch(asked)
        if place:
            return "a", *self._place(place["chromosome"], int(re.sub(r"[,_ ]", "", place["position"])))
        name = asked.lower()
        if name in self._places or name in self._synonyms:
            return self._places[name if name in self._places else self._synonyms[name].lower()]
        raise ValueError(f"neither genome has a gene {asked!r}{self._suggestion(asked)}")

    def _suggestion(self, asked: str) -> str:
        near = [name for name, _ in self._search.find(asked, limit=_NEAR) or self._search.near(asked)]
        return f"; there are {', '.join(near)}" if near else "; type a position, such as 5,000, or a gene's name"

    def _place(self, chromosome: str | None, position: int) -> tuple[str, int]:
        lengths = self._comparison.a.lengths
        name = next(iter(lengths)) if chromosome is None else chromosome.strip()
        if chromosome is None and len(lengths) > 1:
            raise ValueError(f"genome a has several chromosomes: choose one, as in {name}:{position:,}")
        if name not in lengths:
            raise ValueError(f"genome a has no chromosome {name!r}; it has {', '.join(list(lengths)[:_NEAR])}")
        if not 0 <= position < lengths[name]:
            raise ValueError(f"{name} has the positions 0 to {lengths[name] - 1:,}, got {position:,}")
        return name, position

    def along(self, columns: AlignmentColumns, first: int, stop: int) -> dict[str, Any]:
        """Return genes and codons of genome a in some columns, as the browser gets them.

        ``genes`` are ``[name, first column, one past the last, strand, lane]``, ``codons`` are ``[columns, lane, amino
        acid of a, of b, change]``; genes that overlap lie in different lanes.
        """
        near = self._near(columns, first, stop)
        lanes: list[int] = []
        genes: list[list[Any]] = []
        for gene, _ in near:
            left, right = _reach(columns, gene, first, stop)
            taken = {lane for lane, other in zip(lanes, genes, strict=True) if other[1] < right and left < other[2]}
            lane = next(number for number in range(len(taken) + 1) if number not in taken)
            lanes.append(lane)
            genes.append([gene.name, left, right, gene.strand, lane])
        coding = [number for number, (_, is_coding) in enumerate(near) if is_coding]
        along = _codons(columns, [near[number][0] for number in coding], first, stop, self._comparison.a.genetic_code)
        return {
            "genes": genes,
            "codons": [[list(one.columns), lanes[coding[one.gene]], one.a, one.b, one.change] for one in along],
        }

    def _near(self, columns: AlignmentColumns, first: int, stop: int) -> list[tuple[Gene, bool]]:
        """Return the genes that reach into some columns, and whether they code."""
        known = self._of_a.get(columns.block.a.chromosome)
        page = columns.page(first, stop)
        if known is None or len(page.a) == 0:
            return []
        low = int(page.a_at[0])
        high = low + int((page.a != GAP).sum())
        reaches = np.zeros(len(known.genes), dtype=np.bool_)
        for turn in (-columns.block.a.size, 0, columns.block.a.size):  # either may lie over a circle's origin
            reaches |= (known.starts + turn < high) & (known.ends + turn > low)
        return [(known.genes[number], known.is_coding[number]) for number in np.flatnonzero(reaches)]


def _reach(columns: AlignmentColumns, gene: Gene, first: int, stop: int) -> tuple[int, int]:
    """Return where a gene begins and ends in columns ``[first, stop)``."""
    at = columns.of_a(np.arange(gene.start, gene.end) % columns.block.a.size)
    here = at[(at >= first) & (at < stop)]
    return (int(here.min()), int(here.max()) + 1) if len(here) else (first, first)


def _synonyms(genome: "Genome") -> list[tuple[str, str]]:
    """Return pairs of a gene's name, as it is shown, and each name that the annotation has for it."""
    table = genome.features
    if table is None or table.empty:
        return []
    names, ids = common_names(table), list(table.index.astype(str))
    shown = [names.get(one, one) for one in ids]
    columns = [shown, ids, *(list(table[column].fillna("").astype(str)) for column in _SYNONYMS if column in table)]
    cells = (pair for column in columns for pair in zip(shown, column, strict=True))
    return [(name, other.strip()) for name, cell in cells for other in cell.split(",") if other.strip()]


def _by_chromosome(genome: "Genome") -> dict[str, _OnChromosome]:
    table = genome.features
    if table is None or table.empty:
        return {}
    coding = {(gene.chromosome, gene.exons) for gene in coding_genes(table, dubious=True)}
    known = {}
    for name, length in genome.lengths.items():
        genes = genes_of(table, name, 0, length)
        is_coding = [(gene.chromosome, gene.exons) in coding for gene in genes]
        places = np.array([[gene.start, gene.end] for gene in genes], dtype=np.int64).reshape(-1, 2)
        known[name] = _OnChromosome(genes, is_coding, places[:, 0], places[:, 1])
    return known


# ---- codons ----


class _Codon(NamedTuple):
    """One codon.

    Its `change` is ``"same"``, ``"silent"`` (other bases, the same amino acid), ``"other"`` (another amino acid),
    ``"broken"`` (by a gap), or ``"unknown"`` (a base is ambiguous, such as N, so that `a` or `b` is X).
    """

    columns: tuple[int, int, int]  # of its bases, ascending
    gene: int  # which of the genes
    a: str  # amino acid, * for a stop
    b: str  # empty where the codon is broken
    change: str


def _codons(columns: AlignmentColumns, genes: Sequence[Gene], first: int, stop: int, code: int) -> list[_Codon]:
    """Return the codons of coding genes of genome a that reach into columns ``[first, stop)``, by a genetic code.

    A codon is taken as genome a's annotation has it, so that after a gap whose length is no multiple of three b is
    still read in a's frame.
    """
    result = []
    for number, gene in enumerate(genes):
        at = _codon_columns(columns, gene)
        at = at[(at >= 0).all(axis=1) & (at >= first).any(axis=1) & (at < stop).any(axis=1)]
        if len(at):
            result += _read(columns, at, gene.strand, number, code)
    return result


def _codon_columns(columns: AlignmentColumns, gene: Gene) -> Integers:
    """Return the columns of each codon, ``(n, 3)`` in the order of reading; -1 outside of the block."""
    positions = np.concatenate([np.arange(start, end) for start, end in gene.exons])
    positions = (positions if gene.strand == "+" else positions[::-1])[gene.phase :]
    whole = positions[: len(positions) // 3 * 3]
    return columns.of_a(whole % columns.block.a.size).reshape(-1, 3)


def _read(columns: AlignmentColumns, at: Integers, strand: str, gene: int, code: int) -> list[_Codon]:
    low = int(at.min())
    page = columns.page(low, int(at.max()) + 1)
    a, b = page.a[at - low], page.b[at - low]  # (n, 3)
    if strand == "-":
        a, b = COMPLEMENT[a], COMPLEMENT[b]
    neighbours = np.abs(np.diff(page.a_at[at - low], axis=1)) == 1
    inserted = (neighbours & (np.abs(np.diff(at, axis=1)) != 1)).any(axis=1)
    broken = (b == GAP).any(axis=1) | inserted
    acids_a, acids_b = (np.frombuffer(amino_acids(bases.ravel(), code), dtype="S1").astype("U1") for bases in (a, b))
    change = np.select(
        [broken, (acids_a == _UNKNOWN) | (acids_b == _UNKNOWN), (a == b).all(axis=1), acids_a == acids_b],
        ["broken", "unknown", "same", "silent"],
        "other",
    )
    rows = zip(np.sort(at, axis=1).tolist(), acids_a, np.where(broken, "", acids_b), change, strict=True)
    return [_Codon((x, y, z), gene, str(one), str(other), str(kind)) for (x, y, z), one, other, kind in rows]

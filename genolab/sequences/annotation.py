"""A label for every base: from annotated genes to tags, which a tagger learns and a decoder turns back into genes.

The rules, stated once:

- A gene is what has coding parts (``CDS`` rows). Pseudogenes and genes of transposons are no genes here, nor are those
  that their annotators call dubious.
- A coding part belongs to its parent. One without a parent is a gene itself, with all parts of the same ID.
- A gene with several transcripts counts once on a chromosome, with its longest coding one.
- A gene whose parts lie on both strands, or are joined by trans-splicing, is left out with a warning.
- Where coding parts of two genes overlap, the longer gene has the bases; coding bases go before introns and tRNA.
- An intron is what lies between coding parts, so introns of the untranslated ends are intergenic, as those ends are.
- A tRNA is tagged whole, its own intron included.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab.checks import listing, warn
from genolab.sequences.regions import join_over_origins

GENE_COLUMNS: Final = ("chromosome", "start", "end", "strand", "kind", "parent", "phase", "score")
NO_PHASE: Final = -1
TAGS: Final = (
    "intergenic",
    *(f"coding{strand}{position}" for strand in "+-" for position in range(3)),
    "intron+",
    "intron-",
    "tRNA+",
    "tRNA-",
)
"""The tags, in the order of their numbers. ``coding+k`` is the codon position k (0, 1, 2) of a gene on the + strand."""

SWAP: Final[NDArray[np.uint8]] = np.array([0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9], dtype=np.uint8)
"""Tag to tag as the other strand sees it: ``SWAP[tags][::-1]`` are the tags of the reverse complement."""

_CODING: Final = {"+": 1, "-": 4}
_INTRON: Final = {"+": 7, "-": 8}
_TRNA: Final = {"+": 9, "-": 10}
_NO_GENES: Final = ("pseudogene", "transposable_element_gene")
_COLUMNS: Final = ("chromosome", "start", "end", "strand", "kind", "parent")


class Gene(NamedTuple):
    """One gene: what of it is coding, and where.

    `exons` are its coding parts, 0-based and half-open, ascending along the chromosome whatever the strand, ``"+"`` or
    ``"-"``; a tRNA has one part, the whole of it. `phase` is the number of bases before the first whole codon, above 0
    only where a gene's start is missing.
    """

    name: str
    chromosome: str
    strand: str
    exons: tuple[tuple[int, int], ...]
    phase: int = 0

    @property
    def start(self) -> int:
        """First base, 0-based."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """One past the last base."""
        return self.exons[-1][1]

    @property
    def length(self) -> int:
        """Coding bases."""
        return sum(end - start for start, end in self.exons)

    @property
    def introns(self) -> list[tuple[int, int]]:
        """What lies between the coding parts."""
        return [(end, start) for (_, end), (start, _) in itertools.pairwise(self.exons)]


def check_features(genome: AnnData | pd.DataFrame) -> pd.DataFrame:
    """Return the features of an annotated genome: its ``obs``, checked for the columns that genes need."""
    table = genome.obs if isinstance(genome, AnnData) else genome
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise KeyError(
            f"an annotated genome has the columns {', '.join(_COLUMNS)}; {missing} are missing, there are "
            f"{list(map(str, table.columns))}: read one with gl.data.read('genes.gff3', fasta=...)"
        )
    return table


def coding_genes(genome: AnnData | pd.DataFrame, *, dubious: bool = False) -> list[Gene]:
    """Return the genes that code for proteins, in the order of chromosomes and positions.

    `genome` is an annotated genome, or a table of features such as its ``obs`` or what `genolab.genes.decode` returns.
    `dubious`: whether genes whose ``orf_classification`` is "Dubious" (SGD's word) count, too.
    """
    table = check_features(genome)
    if isinstance(genome, AnnData) and "genome" in genome.uns:
        info = genome.uns["genome"]
        table = join_over_origins(table, {name: info["lengths"][name] for name in info.get("circular", ())})
    coding = table[table["kind"] == "CDS"]
    unstranded = coding.index[~coding["strand"].isin(["+", "-"])]
    if len(unstranded):
        raise ValueError(
            f"a coding part lies on the strand '+' or '-'; {len(unstranded):,} don't, such as {unstranded[0]!r} on "
            f"{coding['strand'][unstranded[0]]!r}"
        )
    coding = coding[~_is_true(coding, "pseudo")]
    left_out = set(table.index[table["kind"].isin(_NO_GENES)]) | (set() if dubious else set(_dubious(table)))
    longest: dict[tuple[str, str, str], Gene] = {}
    for gene in _transcripts(table, coding):
        place = (gene.name, gene.chromosome, gene.strand)
        if gene.name not in left_out and (place not in longest or gene.length > longest[place].length):
            longest[place] = gene
    return sorted(longest.values(), key=lambda gene: (gene.chromosome, gene.start, gene.end))


def dubious_genes(genome: AnnData | pd.DataFrame) -> list[Gene]:
    """Return the genes that are left out of `coding_genes` because they are dubious."""
    names = set(_dubious(check_features(genome)))
    return [gene for gene in coding_genes(genome, dubious=True) if gene.name in names]


def trna_genes(genome: AnnData | pd.DataFrame) -> list[Gene]:
    """Return the tRNAs, each as one part, in the order of chromosomes and positions."""
    table = check_features(genome)
    rows = table[(table["kind"] == "tRNA") & table["strand"].isin(["+", "-"])]
    fields = zip(rows.index, rows["chromosome"], rows["strand"], rows["start"], rows["end"], strict=True)
    genes = [
        Gene(str(name), str(on), str(strand), ((int(start), int(end)),)) for name, on, strand, start, end in fields
    ]
    return sorted(genes, key=lambda gene: (gene.chromosome, gene.start, gene.end))


def tag_genome(genome: AnnData, *, dubious: bool = False) -> dict[str, NDArray[np.uint8]]:
    """Return a tag for every base: chromosome to ``(length,)`` uint8, numbers of `TAGS`.

    The chromosomes' lengths are in ``uns["genome"]["lengths"]``; `dubious` is as of `coding_genes`.

    Examples
    --------
    >>> genome.uns["genome"]["tags"] = tag_genome(genome)
    """
    info = genome.uns.get("genome", {})
    if not info.get("lengths"):
        raise KeyError(
            "tags need the lengths of chromosomes, and uns['genome']['lengths'] has none: read the annotation with its "
            "sequence, gl.data.read('genes.gff3', fasta='genome.fa')"
        )
    tags = {name: np.zeros(length, dtype=np.uint8) for name, length in info["lengths"].items()}
    genes = sorted(coding_genes(genome, dubious=dubious), key=lambda gene: gene.length)
    rnas = trna_genes(genome)
    _check_within((*genes, *rnas), info)
    if genome.n_obs and not genes and not rnas:
        kinds = listing(genome.obs["kind"].unique())
        warn(f"every base is tagged intergenic: there are no coding parts (CDS) of genes and no tRNAs, only {kinds}")
    for gene in genes:
        for start, end in gene.introns:
            _paint(tags, gene, np.arange(start, end), _INTRON[gene.strand])
    for gene in rnas:
        _paint(tags, gene, np.arange(gene.start, gene.end), _TRNA[gene.strand])
    for gene in genes:
        bases = np.concatenate([np.arange(start, end) for start, end in gene.exons])
        codon_position = (np.arange(len(bases)) - gene.phase) % 3
        bases = bases if gene.strand == "+" else bases[::-1]
        _paint(tags, gene, bases, _CODING[gene.strand] + codon_position.astype(np.uint8))
    return tags


def _check_within(genes: Sequence[Gene], info: Mapping[str, Any]) -> None:
    """Refuse genes beyond their chromosome; a gene of a circular one may go over its origin, once."""
    lengths, circular = info["lengths"], set(info.get("circular", ()))
    for gene in genes:
        size = lengths.get(gene.chromosome, 0)
        room = min(size, gene.start) + size if gene.chromosome in circular else size
        if gene.end > room:
            raise ValueError(
                f"genes lie within chromosomes; {gene.name!r} ends at {gene.end:,} of {gene.chromosome!r}, and the "
                f"lengths are {dict(lengths)}: annotation and sequence must be of the same assembly, or the chromosome "
                "is circular and isn't in uns['genome']['circular']"
            )


def _paint(
    tags: Mapping[str, NDArray[np.uint8]], gene: Gene, bases: NDArray[np.int64], tag: int | NDArray[np.uint8]
) -> None:
    """Write a tag over bases of a gene's chromosome, which may go on over its origin."""
    on = tags[gene.chromosome]
    on[bases % len(on)] = tag


def _texts(table: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return a column as text, ``""`` where nothing is known or there is no such column."""
    if name not in table:
        return np.full(len(table), "", dtype=object)
    column = table[name].astype(object)
    return column.where(column.notna(), "").astype(str).to_numpy(dtype=object)


def _is_true(table: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    return np.isin(np.char.lower(_texts(table, name).astype(str)), ["true", "1", "yes"])


def _transcripts(table: pd.DataFrame, coding: pd.DataFrame) -> Iterator[Gene]:
    """Yield the coding part of each transcript under the name of its gene, once a chromosome that it lies on.

    What a cell joins from RNA of both strands, or from several RNAs, is no gene between whose parts introns lie.
    """
    feature = _features(coding)
    genes = _gene_names(table, coding, feature)
    chromosome, strand, phase = (_texts(coding, name) for name in ("chromosome", "strand", "phase"))
    spliced = np.char.find(_texts(coding, "exception").astype(str), "trans-splicing") >= 0
    start, end = (coding[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    place = np.zeros(len(coding), dtype=np.int64)
    for column in (feature, genes, chromosome):  # NCBI's GTF has one "unknown_transcript_1" for many genes
        codes, names = pd.factorize(column)
        place = pd.factorize(place * max(1, len(names)) + codes)[0]
    order = np.lexsort((end, start, place))
    left_out = []
    for rows in np.split(order, np.flatnonzero(np.diff(place[order])) + 1) if len(order) else []:
        first = rows[0 if strand[rows[0]] == "+" else -1]
        if spliced[rows].any() or (strand[rows] != strand[first]).any():
            left_out.append(genes[first])
            continue
        exons = _exons(start[rows].tolist(), end[rows].tolist())
        frame = int(phase[first]) if phase[first] in {"0", "1", "2"} else 0
        yield Gene(genes[first], chromosome[first], strand[first], exons, frame)
    if left_out:
        warn(
            "genes are left out, whose parts lie on both strands or are joined by trans-splicing "
            f"({len(left_out):,}: {listing(left_out)})"
        )


def _features(coding: pd.DataFrame) -> NDArray[np.object_]:
    """Return what each coding part belongs to: its parent, or else the feature that it is itself, or a part of."""
    parent, shared, own = _texts(coding, "parent"), _texts(coding, "ID"), coding.index.to_numpy(dtype=object)
    return np.where(parent != "", parent, np.where(shared != "", shared, own.astype(str))).astype(object)


def _exons(starts: list[int], ends: list[int]) -> tuple[tuple[int, int], ...]:
    """Return coding parts in order, each once; parts that touch are one, for no intron lies between."""
    exons: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if exons and exons[-1][1] == start:
            exons[-1] = (exons[-1][0], end)
        elif not exons or exons[-1] != (start, end):
            exons.append((start, end))
    return tuple(exons)


def _gene_names(table: pd.DataFrame, coding: pd.DataFrame, feature: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the gene of each coding part: by GTF's ``gene_id``, or by the row of the transcript that it belongs to."""
    above: dict[str, str] = {}
    rows = table[table.index.isin(set(feature))]
    for name, kind, parent in zip(rows.index, _texts(rows, "kind"), _texts(rows, "parent"), strict=True):
        if parent and not kind.endswith("gene"):  # else the parts hang on the gene itself
            above[str(name)] = parent
    names, own = [above.get(name, name) for name in feature], _texts(coding, "gene_id")
    known = set(table.index.astype(str)) if (own != "").any() else set()
    pairs = zip(names, own, strict=True)
    return np.array(
        [name if not gene or (name in known and gene not in known) else gene for name, gene in pairs], dtype=object
    )


def _dubious(table: pd.DataFrame) -> list[str]:
    if "orf_classification" not in table:
        return []
    return list(map(str, table.index[table["orf_classification"] == "Dubious"]))

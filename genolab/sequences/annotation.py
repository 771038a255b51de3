"""A label for every base: from annotated genes to tags, which a tagger learns and a decoder turns back into genes.

The rules, stated once:

- A gene is what has coding parts (``CDS`` rows). Pseudogenes and genes of transposons are no genes here, nor are those
  that their annotators call dubious.
- A gene with several transcripts counts once, with its longest coding one.
- Where coding parts of two genes overlap, the longer gene has the bases; coding bases go before introns and tRNA.
- An intron is what lies between coding parts, so introns of the untranslated ends are intergenic, as those ends are.
- A tRNA is tagged whole, its own intron included.
"""

import itertools
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

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
    coding = table[table["kind"] == "CDS"]
    unstranded = coding.index[~coding["strand"].isin(["+", "-"])]
    if len(unstranded):
        raise ValueError(
            f"a coding part lies on the strand '+' or '-'; {len(unstranded):,} don't, such as {unstranded[0]!r} on "
            f"{coding['strand'][unstranded[0]]!r}"
        )
    gene_of = _gene_names(table)
    left_out = set(table.index[table["kind"].isin(_NO_GENES)]) | (set() if dubious else set(_dubious(table)))
    longest: dict[str, Gene] = {}
    for transcript, parts in coding.groupby(coding["parent"].astype(str), sort=False, observed=True):
        name = gene_of.get(str(transcript), str(transcript))
        gene = _gene(name, parts)
        if name not in left_out and (name not in longest or gene.length > longest[name].length):
            longest[name] = gene
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
    tags = {name: np.zeros(length, dtype=np.uint8) for name, length in genome.uns["genome"]["lengths"].items()}
    genes = sorted(coding_genes(genome, dubious=dubious), key=lambda gene: gene.length)
    rnas = trna_genes(genome)
    for gene in (*genes, *rnas):
        if gene.chromosome not in tags or gene.end > len(tags[gene.chromosome]):
            known = {name: len(values) for name, values in tags.items()}
            raise ValueError(
                f"genes lie within chromosomes; {gene.name!r} ends at {gene.end:,} of {gene.chromosome!r}, and the "
                f"lengths are {known}: annotation and sequence must be of the same assembly"
            )
    for gene in genes:
        for start, end in gene.introns:
            tags[gene.chromosome][start:end] = _INTRON[gene.strand]
    for gene in rnas:
        tags[gene.chromosome][gene.start : gene.end] = _TRNA[gene.strand]
    for gene in genes:
        _paint(tags[gene.chromosome], gene)
    return tags


def _paint(tags: NDArray[np.uint8], gene: Gene) -> None:
    """Write the codon positions of a gene over its coding parts."""
    bases = np.concatenate([np.arange(start, end) for start, end in gene.exons])
    codon_position = (np.arange(len(bases)) - gene.phase) % 3
    tags[bases if gene.strand == "+" else bases[::-1]] = _CODING[gene.strand] + codon_position.astype(np.uint8)


def _gene(name: str, parts: pd.DataFrame) -> Gene:
    parts = parts.sort_values("start")
    strand = str(parts["strand"].iloc[0])
    first = parts.iloc[0 if strand == "+" else -1]
    phase = str(first.get("phase", "0"))
    exons = tuple((int(start), int(end)) for start, end in zip(parts["start"], parts["end"], strict=True))
    return Gene(name, str(first["chromosome"]), strand, exons, int(phase) if phase in {"0", "1", "2"} else 0)


def _gene_names(table: pd.DataFrame) -> dict[str, str]:
    """Map each transcript to its gene: coding parts hang on the gene itself, or on a transcript of it."""
    transcripts = table[table["kind"].isin(["mRNA", "transcript"])]
    return {
        str(name): str(parent) for name, parent in zip(transcripts.index, transcripts["parent"], strict=True) if parent
    }


def _dubious(table: pd.DataFrame) -> list[str]:
    if "orf_classification" not in table:
        return []
    return list(map(str, table.index[table["orf_classification"] == "Dubious"]))

"""Annotated genomes: features, and the sequence that they lie on, of which any part can be had."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.checks import check_known, meant
from genolab.sequences.encode import reverse_complement
from genolab.sequences.fasta import Fasta, open_fasta
from genolab.sequences.regions import STRANDS, check_within, read_regions

if TYPE_CHECKING:
    from anndata import AnnData

Bytes = NDArray[np.uint8]


def read_genome(path: str | Path, fasta: str | Path | None = None) -> "AnnData":
    """Read an annotated genome: the features of a GFF3, GTF or BED file, and where their sequence is.

    `fasta` may be of any size: it is only looked into as it is needed. Without it, and without a section ``##FASTA`` in
    the GFF3, the features are all there is. A row is a feature: ``obs`` has what
    `genolab.sequences.regions.read_regions` returns; ``uns["genome"]`` has ``fasta`` (a path), ``lengths`` and
    ``circular``.
    """
    annotation = read_regions(path)
    fasta = path if fasta is None and annotation.has_sequence else fasta
    if fasta is None:
        info, table = {"lengths": dict(annotation.lengths)}, annotation.regions
    else:
        info = genome_info(fasta)
        table = check_within(annotation, info["lengths"])
    circular = [name for name in annotation.circular if name in info["lengths"]]
    return genome_adata(table, {**info, "circular": circular})


def genome_adata(obs: pd.DataFrame, info: Mapping[str, Any]) -> "AnnData":
    """Make an AnnData of features or windows over a genome, with `info` as ``uns["genome"]``."""
    from anndata import AnnData

    return AnnData(obs=obs, uns={"genome": dict(info)})


def genome_info(genome: "AnnData | str | Path") -> dict[str, Any]:
    """Return ``uns["genome"]`` of an annotated genome or windows, or what it would be for a FASTA file."""
    if isinstance(genome, str | Path):
        opened = open_fasta(genome)
        return {"fasta": str(opened.path), "lengths": dict(opened.lengths), "circular": []}
    info = genome.uns.get("genome", {})
    if "fasta" not in info:
        raise KeyError(
            "this AnnData has no uns['genome']['fasta'], so there is no sequence to cut from: read it with "
            "gl.data.read('genes.gff3', fasta='genome.fa')"
        )
    return dict(info)


def chromosome(
    genome: "AnnData | str | Path", name: str, start: int | None = None, end: int | None = None, *, strand: str = "+"
) -> str:
    """Return the sequence of a chromosome, or of a part of it, in upper or lower case as the file has it.

    `genome` is an annotated genome, windows, or the path of a FASTA file; `start` and `end` are 0-based and half-open.
    On a circular chromosome `end` may lie beyond its length. The strand ``"-"`` gives the reverse complement.
    """
    info = genome_info(genome)
    check_chromosome(name, info["lengths"])
    if strand not in STRANDS:
        raise ValueError(f"a strand is '+', '-' or '.', got {strand!r}")
    length, circular = info["lengths"][name], name in info["circular"]
    start, end = 0 if start is None else start, length if end is None else end
    if not 0 <= start <= end <= (start + length if circular else length) or start > length * (1 + circular):
        raise ValueError(f"a part of {name!r} lies within its {length:,} bases (0 to {length:,}), got {start} to {end}")
    bases = fetch_padded(open_fasta(info["fasta"]), name, start, end, circular=circular)
    text = bases.tobytes().decode("ascii", "replace")
    return reverse_complement(text) if strand == "-" else text


def row_sequences(genome: "AnnData", names: Iterable[str] | None = None) -> list[str]:
    """Return the sequence of each row of an annotated genome, or of windows, from its start to its end on its strand.

    `names` are rows, in the order that is wanted; ``None``: all. A feature on no strand is read on the + strand.
    """
    wanted = genome.obs_names if names is None else list(names)
    check_known("rows", wanted, genome.obs_names)
    table = genome.obs.loc[wanted]
    strands = table["strand"] if "strand" in table else ["+"] * len(table)
    places = zip(table["chromosome"], table["start"], table["end"], strands, strict=True)
    return [chromosome(genome, name, start, end, strand=strand) for name, start, end, strand in places]


def check_chromosome(name: str, lengths: Mapping[str, int]) -> None:
    """Refuse the name of a chromosome that isn't there."""
    if name not in lengths:
        listed = ", ".join(list(lengths)[:8]) + (" ..." if len(lengths) > 8 else "")
        raise KeyError(f"there is no chromosome {name!r}; there are {listed}{meant(name, lengths)}")


def fetch_padded(fasta: Fasta, name: str, start: int, end: int, *, circular: bool) -> Bytes:
    """Return ASCII ``(end - start,)``: beyond the ends of a chromosome N, or round and round where it is circular."""
    length = fasta.lengths[name]
    if start >= 0 and end <= length:
        return fasta.fetch(name, start, end)
    if circular:
        return np.take(fasta.fetch(name, 0, length), np.arange(start, end), mode="wrap")
    bases = np.full(end - start, ord("N"), dtype=np.uint8)
    low, high = max(0, start), min(length, end)
    if low < high:
        bases[low - start : high - start] = fasta.fetch(name, low, high)
    return bases

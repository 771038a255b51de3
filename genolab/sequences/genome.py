"""Annotated genomes: features, and the sequence that they lie on, of which any part can be had."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.sequences.encode import reverse_complement
from genolab.sequences.fasta import Fasta, open_fasta
from genolab.sequences.regions import STRANDS, check_within, read_regions

if TYPE_CHECKING:
    from anndata import AnnData

Bytes = NDArray[np.uint8]

_N = ord("N")


def read_genome(path: str | Path, fasta: str | Path | None = None) -> "AnnData":
    """Read an annotated genome: the features of a GFF3, GTF or BED file, and where their sequence is.

    Parameters
    ----------
    path
        Features; see `genolab.sequences.regions.read_regions`.
    fasta
        The sequence, of any size; only looked into as it is needed. Without it the features are all there is.

    Returns
    -------
    AnnData
        A row a feature: ``obs`` has ``chromosome start end strand kind parent name`` and the attributes of the file,
        0-based and half-open; ``uns["genome"]`` has ``fasta`` (a path), ``lengths`` and ``circular``.

    Raises
    ------
    ValueError
        The features don't fit the sequence; errors of the files.
    """
    annotation = read_regions(path)
    if fasta is None:
        lengths, table = dict(annotation.lengths), annotation.regions
        place = {}
    else:
        opened = open_fasta(fasta)
        lengths, place = dict(opened.lengths), {"fasta": str(opened.path)}
        table = check_within(annotation, lengths)
    circular = [name for name in annotation.circular if name in lengths]
    return genome_adata(table, {**place, "lengths": lengths, "circular": circular})


def genome_adata(obs: pd.DataFrame, genome: Mapping[str, Any]) -> "AnnData":
    """Make an AnnData of features or windows over a genome."""
    from anndata import AnnData

    return AnnData(obs=obs, uns={"genome": dict(genome)})


def genome_of(genome: "AnnData | str | Path") -> dict[str, Any]:
    """Return ``uns["genome"]`` of an annotated genome or windows, or what it would be for a FASTA file.

    Raises
    ------
    KeyError
        The AnnData is no genome, or was read without its FASTA.
    """
    if isinstance(genome, str | Path):
        opened = open_fasta(genome)
        return {"fasta": str(opened.path), "lengths": dict(opened.lengths), "circular": []}
    found = genome.uns.get("genome", {})
    if "fasta" not in found:
        raise KeyError(
            "this AnnData has no uns['genome']['fasta'], so there is no sequence to cut from: read it with "
            "gl.data.read('genes.gff3', fasta='genome.fa')"
        )
    return dict(found)


def chromosome(
    genome: "AnnData | str | Path", name: str, start: int | None = None, end: int | None = None, *, strand: str = "+"
) -> str:
    """Return the sequence of a chromosome, or of a part of it.

    Parameters
    ----------
    genome
        An annotated genome, windows, or the path of a FASTA file.
    name
        The chromosome.
    start, end
        0-based and half-open; by default the whole of it. On a circular chromosome `end` may lie beyond its length.
    strand
        ``"-"`` gives the reverse complement.

    Returns
    -------
    Letters as the file has them, upper or lower case.

    Raises
    ------
    KeyError
        There is no such chromosome.
    ValueError
        The part lies outside of the chromosome, or the strand is unknown.
    """
    known = genome_of(genome)
    check_chromosome(name, known["lengths"])
    if strand not in STRANDS:
        raise ValueError(f"a strand is '+', '-' or '.', got {strand!r}")
    length = known["lengths"][name]
    start, end = 0 if start is None else start, length if end is None else end
    reach = length if name not in known["circular"] else start + length
    if not 0 <= start <= end <= reach or start > length:
        raise ValueError(f"a part of {name!r} lies within its {length:,} bases (0 to {length:,}), got {start} to {end}")
    letters = stretch(open_fasta(known["fasta"]), name, start, end, circular=name in known["circular"])
    text = letters.tobytes().decode("ascii", "replace")
    return reverse_complement(text) if strand == "-" else text


def check_chromosome(name: str, lengths: Mapping[str, int]) -> None:
    """Refuse the name of a chromosome that isn't there."""
    if name not in lengths:
        listed = ", ".join(list(lengths)[:8]) + (" ..." if len(lengths) > 8 else "")
        raise KeyError(f"there is no chromosome {name!r}; there are {listed}")


def stretch(fasta: Fasta, name: str, start: int, end: int, *, circular: bool) -> Bytes:
    """Return letters ``(end - start,)``: beyond the ends of a chromosome N, or round and round where it is circular."""
    length = fasta.lengths[name]
    if start >= 0 and end <= length:
        return fasta.letters(name, start, end)
    if circular:
        return np.take(fasta.letters(name, 0, length), np.arange(start, end), mode="wrap")
    letters = np.full(end - start, _N, dtype=np.uint8)
    low, high = max(0, start), min(length, end)
    if low < high:
        letters[low - start : high - start] = fasta.letters(name, low, high)
    return letters

"""Windows over genomes of any size: where they lie. Nothing is cut before a batch needs it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from genolab.sequences.encode import ANCHORS, Anchor, check_length
from genolab.sequences.genome import check_chromosome, genome_adata, genome_of
from genolab.sequences.regions import as_regions, check_within

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

Strands = Literal["+", "-", "both"]


def windows(
    genome: "AnnData | str | Path",
    length: int,
    *,
    step: int | None = None,
    regions: "str | Path | pd.DataFrame | AnnData | None" = None,
    anchor: Anchor | None = None,
    chromosomes: Sequence[str] | None = None,
    strands: Strands = "+",
) -> "AnnData":
    """Lay windows over a genome; nothing is cut yet, so the genome may be of any size.

    They tile whole chromosomes, or the given regions; or, with an `anchor`, there is one window a region (a whole
    chromosome or sequence, where there are no regions).

    Parameters
    ----------
    genome
        An annotated genome, or the path of a FASTA file.
    length
        Bases a window.
    step
        Tile: a window begins every `step` bases; by default `length`, without overlap. The last window of a chromosome
        or region is moved back to end with it, so that no base is left out.
    regions
        Where to lay them: a BED, GFF3 or GTF file, a table such as ``genome.obs[genome.obs.kind == "CDS"]``, or an
        annotated genome. Their columns go into the windows' ``obs``. Without `step` there is one window a region.
    anchor
        One window a region, that has its ``"start"`` (the 5' end: on the - strand, its last base), ``"center"`` (the
        default for regions) or ``"end"`` in place. What lies beyond the chromosome is N.
    chromosomes
        Only these.
    strands
        ``"+"``, ``"-"``, or ``"both"``: every window twice. Regions keep their own strand (``.`` counts as +).

    Returns
    -------
    AnnData
        A row a window: ``obs`` has ``chromosome start end strand``. `AnnDataset` reads it by the slots
        ``"genome/sequence"``, ``(n, 4, length)`` uint8, and ``"genome/tags"``, ``(n, length)`` uint8, where
        ``uns["genome"]["tags"]`` has the tags of whole chromosomes.

    Raises
    ------
    KeyError
        There is no such chromosome, or the genome has no FASTA.
    ValueError
        A window is longer than its chromosome or region; regions don't fit the genome; `step` and `anchor` are both
        given; an option is unknown.

    Examples
    --------
    >>> genome = gl.data.fetch("yeast_genome")
    >>> train = gl.data.AnnDataset(
    ...     gl.sequences.windows(genome, 2000, step=1000, chromosomes=["chrII"]), "genome/sequence"
    ... )
    """
    check_length(length)
    if step is not None:
        check_length(step, name="step")
        if anchor is not None:
            raise ValueError("step tiles and anchor lays one window a region: give one of them")
    known = genome_of(genome)
    for name in chromosomes or ():
        check_chromosome(name, known["lengths"])
    table = _whole(known["lengths"]) if regions is None else regions_of(regions, known)
    if chromosomes is not None:
        table = table[table["chromosome"].isin(list(chromosomes))]
    if anchor is None and (regions is None or step is not None):
        obs = _tiles(table, length, step or length)
    else:
        obs = _anchored(table, length, anchor or "center")
    if regions is None:
        obs = _stranded(obs, strands)
    elif strands != "+":
        raise ValueError("regions have strands of their own: leave strands out, or change the regions' column")
    return genome_adata(named(obs), known)


def _whole(lengths: Mapping[str, int]) -> pd.DataFrame:
    """Return whole chromosomes as regions."""
    names, ends = list(lengths), np.fromiter(lengths.values(), dtype=np.int64)
    table = pd.DataFrame({"chromosome": pd.Categorical(names, categories=names), "start": 0, "end": ends})
    return table.assign(strand="+").set_axis(names, axis=0)


def regions_of(regions: Any, known: Mapping[str, Any]) -> pd.DataFrame:
    """Return regions that lie on a genome, each on the strand + or -."""
    table = check_within(as_regions(regions), known["lengths"], known["circular"])
    strand = np.where(table["strand"].astype(str) == "-", "-", "+")
    return table.assign(strand=strand)


def _tiles(table: pd.DataFrame, length: int, step: int) -> pd.DataFrame:
    """Return the windows that tile every region, in order."""
    start, end = (table[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    short = np.flatnonzero(end - start < length)
    if len(short):
        at = short[0]
        raise ValueError(
            f"a window fits into its chromosome or region; {table.index[at]!r} has {end[at] - start[at]:,} bases and "
            f"the windows {length:,} ({len(short):,} of {len(table):,} are too short): take shorter windows, leave the "
            'short ones out, or lay one window each with anchor="center", which is filled up with N'
        )
    count = -((length - (end - start)) // step) + 1  # the last one ends with the region, or beyond it
    region = np.repeat(np.arange(len(table)), count)
    number = np.arange(len(region)) - np.repeat(np.cumsum(count) - count, count)
    first = np.minimum(start[region] + number * step, end[region] - length)
    return table.iloc[region].assign(start=first, end=first + length)


def _anchored(table: pd.DataFrame, length: int, anchor: Anchor) -> pd.DataFrame:
    """Return one window a region, with the region's anchor in place."""
    if anchor not in ANCHORS:
        raise ValueError(f"an anchor is one of {', '.join(ANCHORS)}, got {anchor!r}")
    start, end = (table[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    spare = end - start - length
    if anchor == "center":
        # The middle is the same base on both strands where it can be: halves go up on +, down on -.
        first = start + np.where(table["strand"] == "-", -(-spare // 2), spare // 2)
    else:
        first = start + np.where((table["strand"] == "-") == (anchor == "start"), spare, 0)
    return table.assign(start=first, end=first + length)


def _stranded(obs: pd.DataFrame, strands: str) -> pd.DataFrame:
    if strands not in {"+", "-", "both"}:
        raise ValueError(f"strands is '+', '-' or 'both', got {strands!r}")
    if strands != "both":
        return obs.assign(strand=strands)
    twice = obs.iloc[np.repeat(np.arange(len(obs)), 2)]
    return twice.assign(strand=np.tile(["+", "-"], len(obs)))


def named(obs: pd.DataFrame) -> pd.DataFrame:
    """Name windows for their place; those that lie at one place get -1, -2 ..."""
    from anndata.utils import make_index_unique

    place = obs["chromosome"].astype(str) + ":" + obs["start"].astype(str) + "-" + obs["end"].astype(str)
    obs = obs.assign(strand=pd.Categorical(obs["strand"], categories=["+", "-"]))
    return obs.set_axis(make_index_unique(pd.Index(place + "(" + obs["strand"].astype(str) + ")")), axis=0)

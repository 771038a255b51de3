"""Annotated genomes, and windows over genomes of any size: cut from the FASTA when a batch needs them."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genolab.data.fasta import Fasta, open_fasta
from genolab.data.matrix import Taken
from genolab.data.regions import STRANDS, Annotation, as_regions, check_within, read_regions
from genolab.data.sequence import ANCHORS, Anchor, check_length, encode, reverse_complement
from genolab.data.tags import SWAP

if TYPE_CHECKING:
    from anndata import AnnData

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]
Strands = Literal["+", "-", "both"]

_N = ord("N")

# Neighbouring windows are cut from one stretch, read at once: of at most this many bases where they don't overlap.
_STRETCH = 1 << 20


def read_genome(path: str | Path, fasta: str | Path | None = None) -> "AnnData":
    """Read an annotated genome: the features of a GFF3, GTF or BED file, and where their sequence is.

    Parameters
    ----------
    path
        Features; see `genolab.data.regions.read_regions`.
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
    return _adata(table, {**place, "lengths": lengths, "circular": circular})


def _adata(obs: pd.DataFrame, genome: Mapping[str, Any]) -> "AnnData":
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
    _check_chromosome(name, known["lengths"])
    if strand not in STRANDS:
        raise ValueError(f"a strand is '+', '-' or '.', got {strand!r}")
    length = known["lengths"][name]
    start, end = 0 if start is None else start, length if end is None else end
    reach = length if name not in known["circular"] else start + length
    if not 0 <= start <= end <= reach or start > length:
        raise ValueError(f"a part of {name!r} lies within its {length:,} bases (0 to {length:,}), got {start} to {end}")
    letters = _stretch(open_fasta(known["fasta"]), name, start, end, circular=name in known["circular"])
    text = letters.tobytes().decode("ascii", "replace")
    return reverse_complement(text) if strand == "-" else text


def _check_chromosome(name: str, lengths: Mapping[str, int]) -> None:
    if name not in lengths:
        listed = ", ".join(list(lengths)[:8]) + (" ..." if len(lengths) > 8 else "")
        raise KeyError(f"there is no chromosome {name!r}; there are {listed}")


def _stretch(fasta: Fasta, name: str, start: int, end: int, *, circular: bool) -> Bytes:
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


# ---- windows ----------------------------------------------------------------------------------------------------


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
    >>> train = gl.data.AnnDataset(gl.data.windows(genome, 2000, step=1000, chromosomes=["chrII"]), "genome/sequence")
    """
    check_length(length)
    if step is not None:
        check_length(step, name="step")
        if anchor is not None:
            raise ValueError("step tiles and anchor lays one window a region: give one of them")
    known = genome_of(genome)
    for name in chromosomes or ():
        _check_chromosome(name, known["lengths"])
    table = _whole(known["lengths"]) if regions is None else _regions_of(regions, known)
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
    return _adata(_named(obs), known)


def _whole(lengths: Mapping[str, int]) -> pd.DataFrame:
    """Return whole chromosomes as regions."""
    names, ends = list(lengths), np.fromiter(lengths.values(), dtype=np.int64)
    table = pd.DataFrame({"chromosome": pd.Categorical(names, categories=names), "start": 0, "end": ends})
    return table.assign(strand="+").set_axis(names, axis=0)


def _regions_of(regions: Any, known: Mapping[str, Any]) -> pd.DataFrame:
    annotation: Annotation = as_regions(regions)
    table = check_within(annotation, known["lengths"], known["circular"])
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


def _named(obs: pd.DataFrame) -> pd.DataFrame:
    """Name windows for their place; those that lie at one place get -1, -2 ..."""
    from anndata.utils import make_index_unique

    place = obs["chromosome"].astype(str) + ":" + obs["start"].astype(str) + "-" + obs["end"].astype(str)
    obs = obs.assign(strand=pd.Categorical(obs["strand"], categories=["+", "-"]))
    return obs.set_axis(make_index_unique(pd.Index(place + "(" + obs["strand"].astype(str) + ")")), axis=0)


# ---- rows that are cut as they are needed -----------------------------------------------------------------------


class _Layout:
    """Where windows lie, and how values of whole chromosomes become values of windows."""

    def __init__(self, obs: pd.DataFrame) -> None:
        if missing := [name for name in ("chromosome", "start", "end", "strand") if name not in obs]:
            raise KeyError(f"windows have chromosome, start, end and strand; obs has no {missing}: see gl.data.windows")
        names = obs["chromosome"].astype("category").cat
        self._names = [str(name) for name in names.categories]
        self._chromosome = names.codes.to_numpy(dtype=np.int64)
        self._start, end = (obs[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
        self.minus: NDArray[np.bool_] = (obs["strand"] == "-").to_numpy()
        lengths = np.unique(end - self._start)
        if len(lengths) != 1:
            raise ValueError(
                f"windows have one length, these have {len(lengths)}, from {lengths[0]:,} to {lengths[-1]:,}: lay "
                "windows over them with gl.data.windows(genome, length, regions=...)"
            )
        self.length = int(lengths[0])

    def cut(self, rows: Rows, stretch: Callable[[str, int, int], Bytes]) -> Bytes:
        """Return ``(n, length)`` values of the + strand; `stretch` reads a part of a chromosome."""
        order = np.lexsort((self._start[rows], self._chromosome[rows]))
        values = np.empty((len(rows), self.length), dtype=np.uint8)
        for part in self._runs(rows[order]):
            at = rows[order[part]]
            low, high = int(self._start[at[0]]), int(self._start[at[-1]]) + self.length
            read = stretch(self._names[self._chromosome[at[0]]], low, high)
            values[order[part]] = np.lib.stride_tricks.sliding_window_view(read, self.length)[self._start[at] - low]
        return values

    def _runs(self, ordered: Rows) -> list[slice]:
        """Return runs of windows that lie together, so that each run costs one read."""
        start, chromosome = self._start[ordered], self._chromosome[ordered]
        apart = (np.diff(chromosome) != 0) | (np.diff(start) > 2 * self.length)
        first = np.concatenate([[0], np.flatnonzero(apart) + 1])
        since = (start - np.repeat(start[first], np.diff([*first, len(start)]))) // _STRETCH
        edges = np.flatnonzero(apart | (np.diff(since) != 0)) + 1
        return [slice(low, high) for low, high in itertools.pairwise([0, *edges.tolist(), len(start)]) if low < high]

    def place(self, row: int, position: int) -> str:
        """Name the place of a base of a window, counted along the + strand."""
        return f"position {self._start[row] + position:,} of {self._names[self._chromosome[row]]!r} (counted from 0)"


class SequenceRows:
    """The slot ``"genome/sequence"``: windows cut from the FASTA when they are asked for, ``(n, 4, length)`` uint8."""

    backed = True
    width = 4

    def __init__(self, adata: "AnnData") -> None:
        self._genome = genome_of(adata)
        self._layout = _Layout(adata.obs)
        for name in adata.obs["chromosome"].unique():
            _check_chromosome(str(name), self._genome["lengths"])

    def read(self, rows: Rows) -> Bytes:
        """Return the windows of the given rows; those of the - strand as their reverse complement."""
        fasta, circular = open_fasta(self._genome["fasta"]), set(self._genome["circular"])
        cut = self._layout.cut(
            rows, lambda name, low, high: _stretch(fasta, name, low, high, circular=name in circular)
        )
        hot = encode(cut, lambda row, position: self._layout.place(int(rows[row]), position))
        minus = self._layout.minus[rows]
        hot[minus] = reverse_complement(hot[minus])
        return hot

    def take(self, rows: Rows) -> Taken:  # noqa: D102 - see RowSource
        return Taken(torch.from_numpy(self.read(rows)), None)


class TagRows:
    """The slot ``"genome/tags"``: tags of windows, ``(n, length)`` uint8, cut from those of whole chromosomes."""

    backed = True

    def __init__(self, adata: "AnnData") -> None:
        self._layout = _Layout(adata.obs)
        self.width = self._layout.length
        self._tags: Mapping[str, Bytes] = adata.uns.get("genome", {}).get("tags", {})
        if missing := [str(name) for name in adata.obs["chromosome"].unique() if str(name) not in self._tags]:
            raise KeyError(
                f"'genome/tags' needs uns['genome']['tags'] of every chromosome, there are none for {missing[:5]}: set "
                "genome.uns['genome']['tags'] = genolab.data.tags.tag_genome(genome) before windows are laid"
            )

    def read(self, rows: Rows) -> Bytes:
        """Return the tags of the given rows; those of the - strand as that strand sees them."""
        tags = self._layout.cut(rows, self._part)
        minus = self._layout.minus[rows]
        tags[minus] = SWAP[tags[minus]][:, ::-1]
        return tags

    def _part(self, name: str, low: int, high: int) -> Bytes:
        """Return a part of a chromosome's tags; beyond its ends they are 0, intergenic."""
        whole = self._tags[name]
        part = np.zeros(high - low, dtype=np.uint8)
        inside = whole[max(0, low) : max(0, high)]
        part[max(0, -low) : max(0, -low) + len(inside)] = inside
        return part

    def take(self, rows: Rows) -> Taken:  # noqa: D102 - see RowSource
        return Taken(torch.from_numpy(self.read(rows)), None)

"""Windows over genomes of any size. Nothing is cut before a batch needs it, or all is cut at once into memory."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genolab.data.rows import DenseRows
from genolab.sequences.annotation import SWAP
from genolab.sequences.encode import ANCHORS, COMPLEMENT, Anchor, check_length, one_hot_ascii
from genolab.sequences.fasta import Fasta, open_fasta
from genolab.sequences.genome import check_chromosome, fetch_padded, genome_adata, genome_info
from genolab.sequences.regions import as_regions, check_within

if TYPE_CHECKING:
    from anndata import AnnData

    Regions: TypeAlias = str | Path | pd.DataFrame | AnnData

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]
Strands = Literal["+", "-", "both"]

# Neighbouring windows are cut from one part of a chromosome, read at once, of about this many bases.
_READ_AT_ONCE: Final = 1 << 20


def windows(
    genome: "AnnData | str | Path",
    length: int,
    *,
    step: int | None = None,
    regions: "Regions | None" = None,
    anchor: Anchor | None = None,
    chromosomes: Sequence[str] | None = None,
    strands: Strands = "+",
) -> "AnnData":
    """Lay windows over a genome, which may be of any size: nothing is cut before a batch needs it.

    They tile whole chromosomes, or regions; or, with an `anchor`, there is one window a region (or chromosome).

    Parameters
    ----------
    genome
        An annotated genome, or the path of a FASTA file.
    length, step
        Bases a window, and from the beginning of one to the next; by default they don't overlap. The last window of a
        chromosome or region is moved back to end with it, so that no base is left out.
    regions
        A BED, GFF3 or GTF file, a table such as ``genome.obs[genome.obs.kind == "CDS"]``, or an annotated genome. Their
        columns go into the windows' ``obs``. Without `step` there is one window a region.
    anchor
        What of a region the window has in place: ``"start"`` (the 5' end: on the - strand, its last base), ``"center"``
        (the default for regions) or ``"end"``. What lies beyond the chromosome is N.
    strands
        ``"+"``, ``"-"``, or ``"both"``: every window twice. Regions keep their own strand (``.`` counts as +).

    Returns
    -------
    AnnData
        A row a window: ``obs`` has ``chromosome start end strand``. `AnnDataset` reads it by the slots
        ``"genome/sequence"``, ``(n, 4, length)`` uint8, and ``"genome/tags"``, ``(n, length)`` uint8, where
        ``uns["genome"]["tags"]`` has the tags of whole chromosomes.

    Examples
    --------
    >>> tiles = gl.sequences.windows(genome, 2000, step=1000, chromosomes=["chrII"])
    >>> train = gl.data.AnnDataset(tiles, "genome/sequence")
    """
    check_length(length)
    if step is not None:
        check_length(step, name="step")
        if anchor is not None:
            raise ValueError("step tiles and anchor lays one window a region: give one of them")
    info = genome_info(genome)
    for name in chromosomes or ():
        check_chromosome(name, info["lengths"])
    table = _whole_chromosomes(info["lengths"]) if regions is None else _stranded_regions(regions, info)
    if chromosomes is not None:
        table = table[table["chromosome"].isin(list(chromosomes))]
    if anchor is None and (regions is None or step is not None):
        obs = _tiles(table, length, step or length)
    else:
        obs = _anchored(table, length, anchor or "center")
    if regions is None:
        obs = _with_strands(obs, strands)
    elif strands != "+":
        raise ValueError("regions have strands of their own: leave strands out, or change the regions' column")
    return genome_adata(_named(obs), info)


def _whole_chromosomes(lengths: Mapping[str, int]) -> pd.DataFrame:
    names, ends = list(lengths), np.fromiter(lengths.values(), dtype=np.int64)
    table = pd.DataFrame({"chromosome": pd.Categorical(names, categories=names), "start": 0, "end": ends})
    return table.assign(strand="+").set_axis(names, axis=0)


def _stranded_regions(regions: Any, info: Mapping[str, Any]) -> pd.DataFrame:
    """Return regions that lie on a genome, each on the strand + or -."""
    table = check_within(as_regions(regions), info["lengths"], info["circular"])
    return table.assign(strand=np.where(table["strand"].astype(str) == "-", "-", "+"))


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
    spare, minus = end - start - length, (table["strand"] == "-").to_numpy()
    if anchor == "center":
        # The middle is the same base on both strands where it can be: halves go up on +, down on -.
        first = start + np.where(minus, -(-spare // 2), spare // 2)
    else:
        first = start + np.where(minus == (anchor == "start"), spare, 0)
    return table.assign(start=first, end=first + length)


def _with_strands(obs: pd.DataFrame, strands: str) -> pd.DataFrame:
    if strands not in {"+", "-", "both"}:
        raise ValueError(f"strands is '+', '-' or 'both', got {strands!r}")
    if strands != "both":
        return obs.assign(strand=strands)
    twice = obs.iloc[np.repeat(np.arange(len(obs)), 2)]
    return twice.assign(strand=np.tile(["+", "-"], len(obs)))


def _named(obs: pd.DataFrame) -> pd.DataFrame:
    """Name windows for their position; those of one position get -1, -2 ..."""
    from anndata.utils import make_index_unique

    span = obs["chromosome"].astype(str) + ":" + obs["start"].astype(str) + "-" + obs["end"].astype(str)
    obs = obs.assign(strand=pd.Categorical(obs["strand"], categories=["+", "-"]))
    return obs.set_axis(make_index_unique(pd.Index(span + "(" + obs["strand"].astype(str) + ")")), axis=0)


# ---- rows of slots, cut as they are needed ------------------------------------------------------------------------


class _Cutter:
    """Where windows lie, and how values of whole chromosomes become values of windows."""

    def __init__(self, obs: pd.DataFrame) -> None:
        if missing := [name for name in ("chromosome", "start", "end", "strand") if name not in obs]:
            raise KeyError(
                f"windows have chromosome, start, end and strand; obs has no {missing}: see gl.sequences.windows"
            )
        names = obs["chromosome"].astype("category").cat
        self._names = [str(name) for name in names.categories]
        self._chromosome = names.codes.to_numpy(dtype=np.int64)
        self._start, end = (obs[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
        self.minus: NDArray[np.bool_] = (obs["strand"] == "-").to_numpy()
        lengths = np.unique(end - self._start)
        if len(lengths) != 1:
            raise ValueError(
                f"windows have one length, these have {len(lengths)}, from {lengths[0]:,} to {lengths[-1]:,}: lay "
                "windows over them with gl.sequences.windows(genome, length, regions=...)"
            )
        self.length = int(lengths[0])

    def cut(self, rows: Rows, fetch: Callable[[str, int, int], Bytes], other_strand: Bytes) -> Bytes:
        """Return ``(n, length)`` values, which `fetch` reads from the + strand; `other_strand` is a table for -."""
        order = np.lexsort((self._start[rows], self._chromosome[rows]))
        values = np.empty((len(rows), self.length), dtype=np.uint8)
        for run in self._runs(rows[order]):
            at = rows[order[run]]
            low, high = int(self._start[at[0]]), int(self._start[at[-1]]) + self.length
            part = fetch(self._names[self._chromosome[at[0]]], low, high)
            values[order[run]] = np.lib.stride_tricks.sliding_window_view(part, self.length)[self._start[at] - low]
        minus = self.minus[rows]
        values[minus] = other_strand[values[minus]][:, ::-1]
        return values

    def _runs(self, ordered: Rows) -> list[slice]:
        """Return runs of windows that lie together, so that each run costs one read."""
        start, chromosome = self._start[ordered], self._chromosome[ordered]
        distant = (np.diff(chromosome) != 0) | (np.diff(start) > 2 * self.length)
        first = np.concatenate([[0], np.flatnonzero(distant) + 1])
        since = (start - np.repeat(start[first], np.diff([*first, len(start)]))) // _READ_AT_ONCE
        edges = np.flatnonzero(distant | (np.diff(since) != 0)) + 1
        return [slice(low, high) for low, high in itertools.pairwise([0, *edges.tolist(), len(start)]) if low < high]

    def position_name(self, row: int, position: int) -> str:
        """Name a position of a window, given as its own strand counts."""
        position = self.length - 1 - position if self.minus[row] else position
        return f"position {self._start[row] + position:,} of {self._names[self._chromosome[row]]!r} (counted from 0)"


class SequenceRows:
    """The slot ``"genome/sequence"``: windows cut from the FASTA when they are asked for, ``(n, 4, length)`` uint8."""

    backed = True
    width = 4

    def __init__(self, adata: "AnnData") -> None:
        self._info = genome_info(adata)
        self._cutter = _Cutter(adata.obs)
        for name in adata.obs["chromosome"].unique():
            check_chromosome(str(name), self._info["lengths"])

    def read(self, rows: Rows) -> Bytes:
        """Return the windows of the given rows; those of the - strand as their reverse complement."""
        fasta, circular = open_fasta(self._info["fasta"]), set(self._info["circular"])

        def fetch(name: str, low: int, high: int) -> Bytes:
            return fetch_padded(fasta, name, low, high, circular=name in circular)

        # The other strand is taken as ASCII: a quarter of the work that it is as one-hot.
        bases = self._cutter.cut(rows, fetch, COMPLEMENT)
        return one_hot_ascii(bases, lambda row, position: self._cutter.position_name(int(rows[row]), position))

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        return DenseRows(torch.from_numpy(self.read(rows)), None)


class TagRows:
    """The slot ``"genome/tags"``: tags of windows, ``(n, length)`` uint8, cut from those of whole chromosomes."""

    backed = True

    def __init__(self, adata: "AnnData") -> None:
        self._cutter = _Cutter(adata.obs)
        self.width = self._cutter.length
        info = adata.uns.get("genome", {})
        self._tags: Mapping[str, Bytes] = info.get("tags", {})
        self._circular = set(info.get("circular", ()))
        if missing := [str(name) for name in adata.obs["chromosome"].unique() if str(name) not in self._tags]:
            raise KeyError(
                f"'genome/tags' needs uns['genome']['tags'] of every chromosome, there are none for {missing[:5]}: set "
                "genome.uns['genome']['tags'] = gl.sequences.tag_genome(genome) before windows are laid"
            )

    def read(self, rows: Rows) -> Bytes:
        """Return the tags of the given rows; those of the - strand as that strand sees them."""
        return self._cutter.cut(rows, self._fetch, SWAP)

    def _fetch(self, name: str, low: int, high: int) -> Bytes:
        """Return the tags of a part of a chromosome; beyond its ends they are 0, intergenic, or go round a circle."""
        if name in self._circular:
            return np.take(self._tags[name], np.arange(low, high), mode="wrap")
        part = np.zeros(high - low, dtype=np.uint8)
        inside = self._tags[name][max(0, low) : max(0, high)]
        part[max(0, -low) : max(0, -low) + len(inside)] = inside
        return part

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        return DenseRows(torch.from_numpy(self.read(rows)), None)


def open_rows(adata: "AnnData", slot: str) -> SequenceRows | TagRows:
    """Open a slot of windows over a genome, ``"genome/sequence"`` or ``"genome/tags"``, as a source of rows."""
    if slot == "genome/sequence":
        return SequenceRows(adata)
    if slot == "genome/tags":
        return TagRows(adata)
    raise KeyError(f"the slots of windows over a genome are 'genome/sequence' and 'genome/tags', got {slot!r}")


# ---- FASTA into memory --------------------------------------------------------------------------------------------


def read_sequences(
    path: str | Path,
    *,
    window: int | None = None,
    step: int | None = None,
    regions: "Regions | None" = None,
    anchor: Anchor | None = None,
) -> "AnnData":
    """Read the sequences of a FASTA file, or windows or regions of them, into ``obsm["sequence"]``.

    `window` is the windows' length; without it the sequences, or the regions, must be of one length. `step`, `regions`
    and `anchor` are as of `windows`. A row is a sequence, named as in the file, with the rest of its header in
    ``obs["description"]``; or a window or region, with ``chromosome start end strand`` and the regions' columns.
    """
    if window is None and regions is None:
        if step is not None or anchor is not None:
            raise ValueError("step and anchor say where windows lie: give window, their length, as well")
        return _whole_sequences(open_fasta(path))
    info = genome_info(path)
    if window is None:
        adata = genome_adata(_named(_of_one_length(_stranded_regions(regions, info))), info)
    else:
        adata = windows(path, window, step=step, regions=regions, anchor=anchor)
    adata.obsm["sequence"] = SequenceRows(adata).read(np.arange(adata.n_obs))
    return adata


def _whole_sequences(fasta: Fasta) -> "AnnData":
    from anndata import AnnData

    names, lengths = list(fasta.lengths), sorted(set(fasta.lengths.values()))
    if len(lengths) > 1:
        raise ValueError(
            f"sequences must have one length to be rows, {fasta.path.name} has {len(lengths)} lengths from "
            f'{lengths[0]:,} to {lengths[-1]:,}: give window=200, which cuts windows, with anchor="center" one a '
            "sequence, filled up with N; for a genome lay windows with gl.sequences.windows(path, length)"
        )
    bases = np.stack([fasta.fetch(name, 0, lengths[0]) for name in names])
    hot = one_hot_ascii(bases, lambda row, position: f"position {position:,} of {names[row]!r} (counted from 0)")
    obs = pd.DataFrame({"description": [fasta.descriptions.get(name, "") for name in names]}, index=names)
    return AnnData(obs=obs, obsm={"sequence": hot})


def _of_one_length(table: pd.DataFrame) -> pd.DataFrame:
    lengths = np.unique(table["end"] - table["start"])
    if len(lengths) > 1:
        raise ValueError(
            f"regions must have one length to be rows, these have {len(lengths)} from {lengths[0]:,} to "
            f"{lengths[-1]:,}: give window=500, which lays one window on each region's center"
        )
    return table

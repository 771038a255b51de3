"""Sequences and tags of windows: cut from their chromosome when they are asked for, or all at once into memory."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genolab.data.rows import DenseRows
from genolab.sequences.annotation import SWAP
from genolab.sequences.encode import COMPLEMENT, Anchor, encode
from genolab.sequences.fasta import Fasta, open_fasta
from genolab.sequences.genome import check_chromosome, genome_adata, genome_of, stretch
from genolab.sequences.windowing import named, regions_of, windows

if TYPE_CHECKING:
    from anndata import AnnData

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]

# Neighbouring windows are cut from one stretch, read at once, of about this many bases.
_STRETCH = 1 << 20


class _Layout:
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

    def cut(self, rows: Rows, part_of: Callable[[str, int, int], Bytes]) -> Bytes:
        """Return ``(n, length)`` values of the + strand; `part_of` reads a part of a chromosome."""
        order = np.lexsort((self._start[rows], self._chromosome[rows]))
        values = np.empty((len(rows), self.length), dtype=np.uint8)
        for part in self._runs(rows[order]):
            at = rows[order[part]]
            low, high = int(self._start[at[0]]), int(self._start[at[-1]]) + self.length
            read = part_of(self._names[self._chromosome[at[0]]], low, high)
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
        """Name the place of a base of a window, given as its own strand counts."""
        position = self.length - 1 - position if self.minus[row] else position
        return f"position {self._start[row] + position:,} of {self._names[self._chromosome[row]]!r} (counted from 0)"


class SequenceRows:
    """The slot ``"genome/sequence"``: windows cut from the FASTA when they are asked for, ``(n, 4, length)`` uint8."""

    backed = True
    width = 4

    def __init__(self, adata: "AnnData") -> None:
        self._genome = genome_of(adata)
        self._layout = _Layout(adata.obs)
        for name in adata.obs["chromosome"].unique():
            check_chromosome(str(name), self._genome["lengths"])

    def read(self, rows: Rows) -> Bytes:
        """Return the windows of the given rows; those of the - strand as their reverse complement."""
        fasta, circular = open_fasta(self._genome["fasta"]), set(self._genome["circular"])
        cut = self._layout.cut(rows, lambda name, low, high: stretch(fasta, name, low, high, circular=name in circular))
        minus = self._layout.minus[rows]
        cut[minus] = COMPLEMENT[cut[minus]][:, ::-1]  # as letters: a quarter of the work that it is as one-hot
        return encode(cut, lambda row, position: self._layout.place(int(rows[row]), position))

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        return DenseRows(torch.from_numpy(self.read(rows)), None)


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
                "genome.uns['genome']['tags'] = genolab.sequences.annotation.tag_genome(genome) before windows are laid"
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

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        return DenseRows(torch.from_numpy(self.read(rows)), None)


def read_sequences(
    path: str | Path,
    *,
    window: int | None = None,
    step: int | None = None,
    regions: "str | Path | pd.DataFrame | AnnData | None" = None,
    anchor: Anchor | None = None,
) -> "AnnData":
    """Read the sequences of a FASTA file, or windows or regions of them, into ``obsm["sequence"]``.

    Parameters
    ----------
    path
        FASTA.
    window
        Bases a window; without it the sequences, or the regions, must be of one length.
    step, regions, anchor
        As in `windows`.

    Returns
    -------
    AnnData
        A row a sequence, named as in the file, with the rest of its header in ``obs["description"]``; or a row a
        window or region, with ``chromosome start end strand`` and the regions' columns.

    Raises
    ------
    ValueError
        The lengths differ and `window` isn't given; errors of the files, and of `windows`.
    """
    if window is None and regions is None:
        if step is not None or anchor is not None:
            raise ValueError("step and anchor say where windows lie: give window, their length, as well")
        return _whole_sequences(open_fasta(path))
    known = genome_of(path)
    if window is None:
        laid = genome_adata(named(_one_length(regions_of(regions, known))), known)
    else:
        laid = windows(path, window, step=step, regions=regions, anchor=anchor)
    laid.obsm["sequence"] = SequenceRows(laid).read(np.arange(laid.n_obs))
    return laid


def open_rows(adata: "AnnData", slot: str) -> "SequenceRows | TagRows":
    """Open a slot of windows over a genome, ``"genome/sequence"`` or ``"genome/tags"``, as a source of rows."""
    if slot == "genome/sequence":
        return SequenceRows(adata)
    if slot == "genome/tags":
        return TagRows(adata)
    raise KeyError(f"the slots of windows over a genome are 'genome/sequence' and 'genome/tags', got {slot!r}")


def _whole_sequences(fasta: Fasta) -> "AnnData":
    from anndata import AnnData

    names, lengths = list(fasta.lengths), sorted(set(fasta.lengths.values()))
    if len(lengths) > 1:
        raise ValueError(
            f"sequences must have one length to be rows, {fasta.path.name} has {len(lengths)} lengths from "
            f'{lengths[0]:,} to {lengths[-1]:,}: give window=200, which cuts windows, with anchor="center" one a '
            "sequence, filled up with N; for a genome lay windows with gl.sequences.windows(path, length)"
        )
    letters = np.stack([fasta.letters(name, 0, lengths[0]) for name in names])
    hot = encode(letters, lambda row, position: f"position {position:,} of {names[row]!r} (counted from 0)")
    obs = pd.DataFrame({"description": [fasta.descriptions.get(name, "") for name in names]}, index=names)
    return AnnData(obs=obs, obsm={"sequence": hot})


def _one_length(table: pd.DataFrame) -> pd.DataFrame:
    lengths = np.unique(table["end"] - table["start"])
    if len(lengths) > 1:
        raise ValueError(
            f"regions must have one length to be rows, these have {len(lengths)} from {lengths[0]:,} to "
            f"{lengths[-1]:,}: give window=500, which lays one window on each region's center"
        )
    return table

"""AnnData to batches: a dataset is a choice of slots, and a split keeps what belongs together together."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.checks import check_columns, warn
from genolab.data.rows import (
    ColumnRows,
    DeviceRows,
    MemoryRows,
    RecodedRows,
    RowSource,
    Summary,
    open_rows,
    row_bytes,
    row_hashes,
    summarise,
)
from genolab.data.signature import Names, Signature, Slot, describe, places, recode

Seed = int | Sequence[int]

# A backed file is read in runs of consecutive rows: random single rows are 50 times slower.
_CHUNK_ROWS = 32
_CHUNKS_AT_ONCE = 512
# Of rows that take more than 8 kB each, fewer are held at once: so many bytes' worth.
_BYTES_AT_ONCE = 1 << 27


@dataclass(frozen=True)
class Batch:
    """Some rows of a dataset as tensors, and the state of training: what ``model.loss`` gets.

    Attributes
    ----------
    inputs
        One tensor a slot, ``(n, width)`` float32; bytes, such as one-hot DNA ``(n, 4, length)``, stay uint8.
    target
        ``(n,)`` int64 codes for a categorical column, else float32 (bytes stay uint8); ``None`` without a target.
    covariates
        Column name to ``(n,)`` int64 codes (categorical) or float32 values.
    rows
        ``(n,)`` int64, the rows' numbers in the AnnData.
    nonzero
        Flat positions of the first input's stored values, int64, where the slot is sparse, so that a likelihood need
        not look for them. ``None`` where it is dense.
    step, total_steps
        Optimiser steps done so far and planned; ``None`` outside of training.
    generator
        Of all noise (dropout, sampling); ``None`` outside of training.
    """

    inputs: tuple[torch.Tensor, ...]
    target: torch.Tensor | None
    covariates: Mapping[str, torch.Tensor]
    rows: torch.Tensor
    nonzero: torch.Tensor | None = None
    step: int | None = None
    total_steps: int | None = None
    generator: torch.Generator | None = None

    @property
    def x(self) -> torch.Tensor:
        """The first input, ``(n, width)``."""
        return self.inputs[0]

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on `device`."""
        return dataclasses.replace(
            self,
            inputs=tuple(x.to(device) for x in self.inputs),
            target=None if self.target is None else self.target.to(device),
            covariates={name: values.to(device) for name, values in self.covariates.items()},
            rows=self.rows.to(device),
            nonzero=None if self.nonzero is None else self.nonzero.to(device),
        )


class AnnDataset:
    """Batches of chosen slots of an AnnData.

    Sparse rows are densified once a batch, in one call; targets and covariates become tensors once; a backed file, and
    a genome under windows, is read in shuffled runs of rows. The AnnData is neither copied nor changed. It works with
    ``torch.utils.data.DataLoader`` too.

    Parameters
    ----------
    adata
        Any AnnData, in memory or backed.
    inputs
        Slot or slots that the model reads: ``"X"``, ``"layers/counts"``, ``"obsm/sequence"``, ``"genome/sequence"``.
    target
        Slot that the model predicts, such as ``"obs/cell_type"``, ``"obsm/response"`` or ``"genome/tags"``.
    covariates
        Column or columns of ``obs`` that the model is given, such as ``"donor"``.

    Examples
    --------
    >>> dataset = AnnDataset(cells, inputs="layers/counts", covariates="donor")
    >>> for batch in dataset.batches(128, seed=0):
    ...     batch.x  # (128, n_genes) float32
    """

    def __init__(
        self,
        adata: AnnData,
        inputs: str | Sequence[str] = "X",
        *,
        target: str | None = None,
        covariates: str | Sequence[str] = (),
    ) -> None:
        if adata.n_obs == 0:
            raise ValueError("a dataset needs at least one row; this AnnData has none")
        self.adata = adata
        self.inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        self.rows: NDArray[np.int64] = np.arange(adata.n_obs)
        self.covariate_levels: dict[str, int] = {}
        self.target_names: tuple[str, ...] = ()
        self._target_slot = target
        self._levels: dict[str, Names] = {}
        self._sources: tuple[RowSource, ...] = tuple(open_rows(adata, slot) for slot in self.inputs)
        self._target: torch.Tensor | RowSource | None = None if target is None else self._open_target(target)
        names = (covariates,) if isinstance(covariates, str) else tuple(covariates)
        self._covariates = {name: self._open_covariate(name) for name in names}

    def _open_target(self, slot: str) -> torch.Tensor | RowSource:
        """Return the target: whole where it is in memory, else what reads it with its batch."""
        if slot.startswith("obs/"):
            values, self.target_names = _column(self.adata, slot.removeprefix("obs/"))
            return values
        source = open_rows(self.adata, slot)
        return source if source.backed else source.take(self.rows).dense

    def _open_covariate(self, name: str) -> torch.Tensor:
        values, levels = _column(self.adata, name)
        self._levels[name], self.covariate_levels[name] = levels, len(levels) if levels else 1
        return values

    @property
    def n_features(self) -> int:
        """Width of the first input."""
        return self._sources[0].width

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"AnnDataset({len(self):,} rows of {', '.join(self.inputs)} x {self.n_features:,})"

    def __getitem__(self, row: int) -> Batch:
        return self.batch([row])

    def __getitems__(self, rows: list[int]) -> Batch:
        return self.batch(rows)

    def subset(self, rows: ArrayLike) -> Self:
        """Return the same choice of slots over fewer rows, counted within this dataset; nothing is copied."""
        return self._with(rows=self.rows[np.asarray(rows)])

    def to(self, device: torch.device | str) -> Self:
        """Return the dataset with its rows on `device`: sparse rows go there once and are densified there."""
        sources = tuple(DeviceRows.of(source, torch.device(device)) for source in self._sources)
        return self._with(
            _sources=sources,
            _target=self._target.to(device) if isinstance(self._target, torch.Tensor) else self._target,
            _covariates={name: values.to(device) for name, values in self._covariates.items()},
        )

    def _with(self, **changes: Any) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__ | changes)
        return other

    def batch(self, rows: ArrayLike) -> Batch:
        """Return the given rows, counted within this dataset, as one batch in the order asked for."""
        at = self.rows[np.asarray(rows, dtype=np.int64)]
        taken = [source.take(at) for source in self._sources]
        index = torch.from_numpy(at).to(taken[0].dense.device)
        return Batch(
            inputs=tuple(part.dense for part in taken),
            target=self._target_of(at, index),
            covariates={name: values[index] for name, values in self._covariates.items()},
            rows=index,
            nonzero=taken[0].nonzero,
        )

    def _target_of(self, rows: NDArray[np.int64], index: torch.Tensor) -> torch.Tensor | None:
        if self._target is None or isinstance(self._target, torch.Tensor):
            return None if self._target is None else self._target[index]
        return self._target.take(rows).dense

    def _backed(self) -> list[RowSource]:
        """Return what is read as it is needed, of the inputs and the target."""
        target = () if self._target is None or isinstance(self._target, torch.Tensor) else (self._target,)
        return [source for source in (*self._sources, *target) if source.backed]

    @cached_property
    def signature(self) -> Signature:
        """What a model that is trained on these rows has to know of them: names, codes, levels and classes."""
        sources = zip(self.inputs, self._sources, strict=True)
        inputs = tuple(describe(self.adata, slot, source.read(self.rows[:1]).shape[1:]) for slot, source in sources)
        return Signature(inputs, self._describe_target(), dict(self._levels))

    def _describe_target(self) -> Slot | None:
        if self._target_slot is None or self._target is None:
            return None
        if self.target_names:
            return Slot(self._target_slot, names=self.target_names)
        target = self._target[:1] if isinstance(self._target, torch.Tensor) else self._target.read(self.rows[:1])
        return describe(self.adata, self._target_slot, target.shape[1:])

    def aligned(self, to: Signature, *, target: bool = True) -> Self:
        """Return the same rows with columns, levels and classes in the order of a signature, by name.

        What it doesn't have, or has beside, is refused where it would be read: genes, codes, and levels and classes
        that these rows have. Without `target`, the target stays as it is.
        """
        own = self.signature
        if to == own:
            return self
        if len(to.inputs) != len(own.inputs):
            raise ValueError(
                f"the model was trained on {len(to.inputs)} inputs ({', '.join(slot.slot for slot in to.inputs)}), got "
                f"{len(own.inputs)} ({', '.join(self.inputs)}): choose the slots in AnnDataset(inputs=...)"
            )
        pairs = zip(own.inputs, to.inputs, strict=True)
        if other_slots := [f"{own.slot!r} for {to.slot!r}" for own, to in pairs if own.slot != to.slot]:
            warn(f"the model reads {', '.join(other_slots)}, which it was trained on: they must hold the same kind")
        three = zip(self._sources, own.inputs, to.inputs, strict=True)
        other = self._with(_sources=tuple(self._aligned_source(*each) for each in three))
        other._align_covariates(to)
        if target and to.target is not None and own.target is not None:
            other._align_target(own.target, to.target)
        signature = Signature(to.inputs, (target and to.target) or own.target, {**own.covariates, **to.covariates})
        return other._with(signature=signature)

    def _aligned_source(self, source: RowSource, own: Slot, to: Slot) -> RowSource:
        if to.codes is not None and own.codes is not None:
            used = [np.unique(column) for column in np.asarray(source.read(np.unique(self.rows))).astype(np.int64).T]
            tables = [
                recode(*each, f"{own.slot!r}", "Ask it about these from their features: model.score(...)")
                for each in zip(to.codes, own.codes, used, strict=True)
            ]
            if all(table is None for table in tables):
                return source
            filled = (np.arange(len(names)) if t is None else t for t, names in zip(tables, own.codes, strict=True))
            return RecodedRows(source, tuple(filled))
        if to.names is not None and own.names is not None:
            order = places(
                to.names, own.names, f"the columns of {own.slot!r}", "Pass data with these, or train a model on yours"
            )
            return source if order is None else ColumnRows(source, order)
        if (to.names is None) != (own.names is None) or (to.codes is None) != (own.codes is None):
            raise ValueError(f"the model was trained on {to.slot!r}, {_kind(to)}, got {own.slot!r}, {_kind(own)}")
        _check_shape(own, to)
        return source

    def _align_covariates(self, to: Signature) -> None:
        for name in self._levels.keys() & to.covariates.keys():
            wanted, given = to.covariates[name], self._levels[name]
            if bool(wanted) != bool(given):
                kinds = ["numbers", "categories"]
                raise ValueError(
                    f"the model was trained with {kinds[bool(wanted)]} in obs[{name!r}], got {kinds[bool(given)]}: "
                    "give the column the same type"
                )
            values = self._covariates[name]
            fix = "Give these rows one of those, or train a model with theirs"
            table = recode(wanted, given, self._used(values), f"obs[{name!r}]", fix)
            if table is not None:
                self._covariates = self._covariates | {name: torch.from_numpy(table).to(values.device)[values]}
                self._levels = self._levels | {name: wanted}
                self.covariate_levels = self.covariate_levels | {name: len(wanted)}

    def _align_target(self, own: Slot, to: Slot) -> None:
        names, values = self.target_names, self._target
        is_column = isinstance(values, torch.Tensor) and values.dtype == torch.int64 and bool(names)
        if is_column != (to.names is not None and to.shape == ()):
            raise ValueError(
                f"the model was trained on the target {to.slot!r}, {_kind(to)}, got {own.slot!r}, {_kind(own)}"
            )
        if to.names is None or own.names is None:
            return
        fix = "Leave these rows out, or train a model on theirs"
        if is_column and isinstance(values, torch.Tensor):
            table = recode(to.names, names, self._used(values), f"the target {own.slot!r}", fix)
            if table is not None:
                self._target, self.target_names = torch.from_numpy(table).to(values.device)[values], to.names
            return
        order = places(to.names, own.names, f"the columns of the target {own.slot!r}", fix)
        if order is not None and isinstance(values, torch.Tensor):
            self._target = values[:, torch.from_numpy(order).to(values.device)]
        elif order is not None and not (values is None or isinstance(values, torch.Tensor)):
            self._target = ColumnRows(values, order)

    def _used(self, codes: torch.Tensor) -> NDArray[np.int64]:
        """Return the codes that this dataset's rows have."""
        return np.unique(codes.cpu().numpy()[self.rows])

    def n_batches(self, batch_size: int) -> int:
        """Return the number of batches an epoch has."""
        most = len(self) if batch_size == 1 else max(1, len(self) // 2)
        return min(most, -(-len(self) // batch_size))

    def batches(self, batch_size: int, *, seed: Seed | None = None, start: int = 0) -> Iterator[Batch]:
        """Yield all rows once, in batches.

        Parameters
        ----------
        batch_size
            The most rows a batch may have. Batches differ by at most one row, so that none is left with a single one:
            of an odd number of rows in batches of 2, one has 3.
        seed
            Shuffles; the same seed gives the same order. ``None``: in order.
        start
            Number of batches to skip: an interrupted epoch goes on where it was.
        """
        order = np.arange(len(self)) if seed is None else self._shuffled(np.random.default_rng(seed))
        parts = np.array_split(order, self.n_batches(batch_size))[start:]
        if not self._backed():
            yield from (self.batch(part) for part in parts)
            return
        per_load = max(1, _CHUNK_ROWS * self._chunks_at_once() // batch_size)
        for first in range(0, len(parts), per_load):
            yield from self._loaded(parts[first : first + per_load])

    def _shuffled(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Return a random order; for backed data, random within and between groups of runs of consecutive rows."""
        if not self._backed():
            return random.permutation(len(self))
        starts = random.permutation(np.arange(0, len(self), _CHUNK_ROWS))
        groups = np.array_split(starts, -(-len(starts) // self._chunks_at_once()))
        runs = (np.add.outer(group, np.arange(_CHUNK_ROWS)).ravel() for group in groups)
        return np.concatenate([random.permutation(run[run < len(self)]) for run in runs])

    def _chunks_at_once(self) -> int:
        """Return how many runs of rows are held at once: fewer, where rows are long."""
        taken = sum(row_bytes(source, self.rows) for source in self._backed())
        return max(1, min(_CHUNKS_AT_ONCE, _BYTES_AT_ONCE // max(1, _CHUNK_ROWS * taken)))

    def _loaded(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        """Read the rows of several batches in one sweep over the file, then hand them out."""
        wanted = np.unique(self.rows[np.concatenate(parts)])
        sources = tuple(MemoryRows(source.read(wanted), wanted) for source in self._sources)
        loaded = self._with(_sources=sources)
        if not (self._target is None or isinstance(self._target, torch.Tensor)):
            loaded._target = MemoryRows(self._target.read(wanted), wanted)
        yield from (loaded.batch(part) for part in parts)

    def summary(self) -> Summary:
        """Return the first input's range, whether all values are whole, and rows without any value."""
        return summarise(self._sources[0], self.rows)

    def hashes(self, *, target: bool = False) -> NDArray[np.uint64]:
        """Return ``(n,)`` hashes of the rows' inputs: equal rows have equal hashes, however they are stored.

        With `target`, rows of equal inputs and different targets differ.
        """
        sources = list(self._sources)
        if target and self._target is not None:
            whole = self._target
            tensor = whole.cpu().numpy().reshape(len(whole), -1) if isinstance(whole, torch.Tensor) else None
            sources.append(whole if tensor is None else MemoryRows(tensor))  # type: ignore[arg-type]  # one of both
        total = np.zeros(len(self), dtype=np.uint64)
        for number, source in enumerate(sources):
            total = total * np.uint64(0x9E3779B97F4A7C15) + row_hashes(source, self.rows, seed=number)
        return total


def aligned(model: nn.Module, dataset: AnnDataset, *, target: bool = False) -> AnnDataset:
    """Return the rows as a model knows them, in the order of the names that it was trained on, or refuse them.

    A model remembers what it was trained on as ``model.trained_on``; one that remembers nothing takes any data.
    """
    known = getattr(model, "trained_on", None)
    return dataset.aligned(known, target=target) if isinstance(known, Signature) else dataset


def remember(model: nn.Module, data: AnnDataset | Signature | None) -> None:
    """Have a model remember what it is trained on; ``None``: nothing is known of it."""
    known: Any = data.signature if isinstance(data, AnnDataset) else data
    model.trained_on = known


def trained_classes(model: nn.Module) -> Names:
    """Return the classes or labels that a model was trained on, in the order of its outputs; ``()`` where unknown."""
    known = getattr(model, "trained_on", None)
    return known.outputs if isinstance(known, Signature) else ()


def _kind(slot: Slot) -> str:
    if slot.codes is not None:
        return "row numbers in tables"
    if slot.names is not None:
        return f"{len(slot.names):,} {'columns with names' if slot.shape else 'classes'}"
    return f"rows of the shape {slot.shape} without names" if slot.shape else "numbers"


def _check_shape(own: Slot, to: Slot) -> None:
    """Compare rows without names: a model that reads one width alone refuses others itself."""
    if len(own.shape) != len(to.shape) or own.shape[:-1] != to.shape[:-1]:
        raise ValueError(f"the model was trained on {to.slot!r}, {_kind(to)}, got {own.slot!r}, {_kind(own)}")
    if own.shape != to.shape and len(own.shape) == 2 and own.slot.startswith("obsm/"):
        warn(
            f"the model was trained on rows of length {to.shape[-1]:,}, and those of {own.slot!r} have "
            f"{own.shape[-1]:,}: it was never validated on such"
        )


class Split(NamedTuple):
    """Three parts of a dataset that share no row, no duplicate and no group."""

    train: AnnDataset
    valid: AnnDataset
    test: AnnDataset


def split(
    dataset: AnnDataset,
    by: str | None = None,
    *,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    stratify: str | None = None,
) -> Split:
    """Split a dataset into train, valid and test without leaks between them.

    Rows with equal inputs are duplicates and stay in one part; so do rows that share a group.

    Parameters
    ----------
    by
        Column of ``obs`` whose groups (donors, plates, chromosomes) must stay whole.
    fractions
        Shares of train, valid and test; they add up to 1. Groups are placed whole, the largest first, so that the
        parts come as near to the shares as the groups allow.
    stratify
        Column of ``obs`` whose classes should have the same shares in every part; a group counts for the class that
        most of its rows have.
    """
    check_fractions(fractions)
    unit = _units(dataset, by)
    stratum = np.zeros(len(dataset), dtype=np.int64) if stratify is None else _codes(dataset, stratify)
    part = _assign(unit, stratum, np.asarray(fractions), np.random.default_rng(seed))
    for name, fraction, size in zip(Split._fields, fractions, np.bincount(part, minlength=3), strict=True):
        if fraction > 0 and size == 0:
            what = (
                f"{unit.max() + 1} groups of obs/{by} (duplicates joined)" if by else f"{unit.max() + 1} distinct rows"
            )
            raise ValueError(
                f"every part needs at least one group; {what} leave {name!r} empty: ask for fewer parts, as in "
                "fractions=(0.5, 0.5, 0.0), or split by a finer column"
            )
    return Split(*(dataset.subset(np.flatnonzero(part == number)) for number in range(3)))


def check_fractions(fractions: Sequence[float]) -> None:
    """Raise ValueError unless these are three shares that add up to 1."""
    if len(fractions) != 3 or any(f < 0 for f in fractions) or not np.isclose(sum(fractions), 1):
        raise ValueError(f"fractions must be three shares of at least 0 that add up to 1, got {fractions}")


def _units(dataset: AnnDataset, by: str | None) -> NDArray[np.int64]:
    """Give a number to each set of rows that must stay together: duplicates, groups, and what these join."""
    _, duplicate = np.unique(dataset.hashes(), return_inverse=True)
    if by is None:
        return duplicate
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group = _codes(dataset, by)
    n_groups, n_distinct = group.max() + 1, duplicate.max() + 1
    shape = (n_groups + n_distinct, n_groups + n_distinct)
    shared = coo_array((np.ones(len(group), dtype=np.int8), (group, n_groups + duplicate)), shape=shape)
    _, component = connected_components(shared, directed=False)
    return np.unique(component[group], return_inverse=True)[1]


def _assign(
    unit: NDArray[np.int64], stratum: NDArray[np.int64], fractions: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Give every unit a part, stratum by stratum: the largest first, each to the part that lacks most."""
    size = np.bincount(unit)
    votes = np.zeros((len(size), stratum.max() + 1), dtype=np.int64)
    np.add.at(votes, (unit, stratum), 1)
    of_stratum = votes.argmax(axis=1)
    part = np.zeros(len(size), dtype=np.int64)
    lacking = np.zeros(len(fractions))  # carried from stratum to stratum, so that rounding doesn't pile up
    for number in range(votes.shape[1]):
        units = random.permutation(np.flatnonzero(of_stratum == number))
        lacking += fractions * size[units].sum()
        units = units[np.argsort(-size[units], kind="stable")]
        single = np.searchsorted(-size[units], -1)
        for one in units[:single]:
            part[one] = np.argmax(np.where(fractions > 0, lacking, -np.inf))
            lacking[part[one]] -= size[one]
        part[units[single:]] = _fill(len(units) - int(single), lacking)
    for empty in np.flatnonzero((fractions > 0) & (np.bincount(part, minlength=len(fractions)) == 0)):
        largest = np.bincount(part, minlength=len(fractions)).argmax()
        spare = np.flatnonzero(part == largest)
        if len(spare) > 1:  # few groups: a small one moves, so that no part goes without
            part[spare[size[spare].argmin()]] = empty
    return part[unit]


def _fill(count: int, lacking: NDArray[np.float64]) -> NDArray[np.int64]:
    """Spread `count` single rows over the parts by what each lacks; `lacking` is brought up to date."""
    share = np.clip(lacking, 0, None)
    exact = count * share / share.sum() if share.sum() > 0 else np.zeros_like(share)
    whole = np.floor(exact).astype(np.int64)
    for place in np.argsort(whole - exact, kind="stable")[: count - whole.sum()]:
        whole[place] += 1
    lacking -= whole
    return np.repeat(np.arange(len(whole)), whole)


def _codes(dataset: AnnDataset, name: str) -> NDArray[np.int64]:
    column = _known(dataset.adata.obs, name, dataset.rows)
    codes: NDArray[np.int64] = pd.factorize(column)[0].astype(np.int64)
    return codes


def _column(adata: AnnData, name: str) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Return an obs column as a tensor, and its categories where it has any."""
    column = _known(adata.obs, name, np.arange(adata.n_obs))
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return torch.from_numpy(column.to_numpy(dtype=np.float32, copy=True)), ()
    column = column.astype("category").cat
    codes = torch.from_numpy(column.codes.to_numpy(dtype=np.int64, copy=True))
    return codes, tuple(map(str, column.categories))


def _known(obs: pd.DataFrame, name: str, rows: NDArray[np.int64]) -> Any:
    """Return some rows of a column, none of them missing."""
    check_columns(obs, name, what="obs")
    column = obs[name].iloc[rows]
    if missing := int(column.isna().sum()):
        raise ValueError(
            f"obs[{name!r}] must be known for every row; it is missing for {missing:,} of {len(column):,}: "
            "fill it in, or leave those rows out"
        )
    return column

"""Rows of a slot, wherever they lie: dense or sparse, in memory, in a file, or on a device."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from genolab import registry
from genolab.checks import check_key

Rows = NDArray[np.int64]

# A pass over all values goes by blocks of at most so many rows and values, so that it needs little memory of its own.
_BLOCK_ROWS = 8192
_BLOCK_VALUES = 1 << 24


class DenseRows(NamedTuple):
    """Dense rows ``(n, width)``, and the flat positions of their stored values where they came from a sparse matrix."""

    dense: torch.Tensor
    nonzero: torch.Tensor | None


class RowSource(Protocol):
    """Something that gives rows by number."""

    @property
    def backed(self) -> bool:
        """Whether rows are read from a file as they are needed."""

    @property
    def width(self) -> int:
        """Number of columns."""

    def read(self, rows: Rows) -> Any:
        """Return rows, in ascending order, as they are stored: a numpy array or a CSR matrix."""

    def take(self, rows: Rows) -> DenseRows:
        """Return rows in any order, dense: float32 (uint8 stays uint8)."""


class MemoryRows:
    """Rows of a numpy array or CSR matrix; `numbers` are those rows' numbers where the matrix holds only some."""

    backed = False

    def __init__(self, matrix: Any, numbers: Rows | None = None, *, bytes_stay: bool = True) -> None:
        self.matrix = _canonical(matrix) if sparse.issparse(matrix) else np.asarray(matrix)
        self._numbers, self._bytes_stay = numbers, bytes_stay

    @property
    def width(self) -> int:  # noqa: D102 - see RowSource
        return int(self.matrix.shape[1])

    def read(self, rows: Rows) -> Any:  # noqa: D102 - see RowSource
        read = self.matrix[rows if self._numbers is None else np.searchsorted(self._numbers, rows)]
        return read if self._bytes_stay or read.dtype != np.uint8 else read.astype(np.float32)

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        return _densify(self.read(rows))


class FileRows(MemoryRows):
    """Rows of a matrix that stays in its file."""

    backed = True

    def __init__(self, matrix: Any, *, bytes_stay: bool = True) -> None:
        self.matrix, self._numbers, self._bytes_stay = matrix, None, bytes_stay

    def read(self, rows: Rows) -> Any:  # noqa: D102 - see RowSource
        read = super().read(rows)
        return _canonical(read) if sparse.issparse(read) else read  # a file may hold columns, or entries twice

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        wanted, place = np.unique(rows, return_inverse=True)
        return _densify(self.read(wanted)[place])


@dataclass(frozen=True)
class DeviceRows:
    """Rows on a torch device; sparse ones stay sparse there and are densified a batch at a time."""

    matrix: torch.Tensor | None
    indptr: torch.Tensor
    indices: torch.Tensor
    values: torch.Tensor
    columns: int
    backed: bool = False

    @classmethod
    def of(cls, source: RowSource, device: torch.device) -> RowSource:
        """Bring a source to `device`. What is read as needed stays where it is: its batches travel one by one."""
        if source.backed:
            return source
        if isinstance(source, cls):
            parts = vars(source).items()
            tensors: dict[str, Any] = {name: part.to(device) for name, part in parts if isinstance(part, torch.Tensor)}
            return dataclasses.replace(source, **tensors)
        if isinstance(source, ColumnRows | RecodedRows):
            return dataclasses.replace(source, source=cls.of(source.source, device))
        matrix = source.read(np.arange(source.matrix.shape[0]))  # type: ignore[attr-defined]  # only sources over one matrix come here
        none = torch.empty(0)
        if not sparse.issparse(matrix):
            return cls(_densify(matrix).dense.to(device), none, none, none, source.width)
        return cls(
            None,
            torch.as_tensor(matrix.indptr, device=device).long(),
            torch.as_tensor(matrix.indices, device=device),
            torch.as_tensor(matrix.data.astype(np.float32, copy=False), device=device),
            source.width,
        )

    @property
    def width(self) -> int:  # noqa: D102 - see RowSource
        return self.columns

    def read(self, rows: Rows) -> NDArray[np.float32]:  # noqa: D102 - see RowSource
        return self.take(rows).dense.cpu().numpy()

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        at = torch.as_tensor(rows, device=self.values.device if self.matrix is None else self.matrix.device)
        if self.matrix is not None:
            return DenseRows(self.matrix[at], None)
        first = self.indptr[at]
        count = self.indptr[at + 1] - first
        row = torch.repeat_interleave(torch.arange(len(at), device=at.device), count)  # (n_values,)
        before = torch.cumsum(count, 0) - count
        place = torch.arange(len(row), device=at.device) + (first - before)[row]
        position = row * self.columns + self.indices[place]
        dense = torch.zeros(len(at) * self.columns, device=at.device)
        dense[position] = self.values[place]
        return DenseRows(dense.view(len(at), self.columns), position)


@dataclass(frozen=True)
class ColumnRows:
    """Rows of another source with some of its columns, in an order of their own."""

    source: RowSource
    columns: NDArray[np.int64]

    @property
    def backed(self) -> bool:  # noqa: D102 - see RowSource
        return self.source.backed

    @property
    def width(self) -> int:  # noqa: D102 - see RowSource
        return len(self.columns)

    def read(self, rows: Rows) -> Any:  # noqa: D102 - see RowSource
        return self.source.read(rows)[:, self.columns]

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        dense = self.source.take(rows).dense
        return DenseRows(dense[:, torch.from_numpy(self.columns).to(dense.device)], None)


@dataclass(frozen=True)
class RecodedRows:
    """Rows of another source, ``(n, columns)`` codes, with the numbers that `tables` give them, a table a column."""

    source: RowSource
    tables: tuple[NDArray[np.int64], ...]

    @property
    def backed(self) -> bool:  # noqa: D102 - see RowSource
        return self.source.backed

    @property
    def width(self) -> int:  # noqa: D102 - see RowSource
        return self.source.width

    def read(self, rows: Rows) -> Any:  # noqa: D102 - see RowSource
        codes = np.asarray(self.source.read(rows)).astype(np.int64)
        return np.stack([table[column] for table, column in zip(self.tables, codes.T, strict=True)], axis=1)

    def take(self, rows: Rows) -> DenseRows:  # noqa: D102 - see RowSource
        codes = self.source.take(rows).dense
        tables = [torch.from_numpy(table).to(codes.device) for table in self.tables]
        columns = [table[column] for table, column in zip(tables, codes.long().T, strict=True)]
        return DenseRows(torch.stack(columns, dim=1).float(), None)


def open_rows(adata: AnnData, slot: str) -> RowSource:
    """Open a slot: ``"X"``, ``"layers/name"``, ``"obsm/name"``, ``"obs/column"``, or one of a chapter's registry.

    Bytes stay bytes in ``obsm``, where they are codes and one-hot letters; elsewhere they are numbers as any others.
    """
    if (target := registry.table("rows").get(slot.partition("/")[0])) is not None:
        source: RowSource = registry.load(target)(adata, slot)
        return source
    matrix = _look_up(adata, slot)
    bytes_stay = slot.startswith("obsm/")
    if isinstance(matrix, np.ndarray) or sparse.issparse(matrix):
        return MemoryRows(matrix, bytes_stay=bytes_stay)
    if hasattr(matrix, "to_numpy"):  # a DataFrame in obsm, a column of obs
        values = matrix.to_numpy(dtype=np.float32)
        return MemoryRows(values.reshape(len(values), -1))
    return FileRows(matrix, bytes_stay=bytes_stay)


def _look_up(adata: AnnData, slot: str) -> Any:
    if slot == "X":
        if adata.X is None:
            raise KeyError(f"'X' is empty in this AnnData; layers has {sorted(adata.layers)}")
        return adata.X
    place, _, name = slot.partition("/")
    if place not in {"layers", "obsm", "obs"} or not name:
        raise KeyError(f"a slot is 'X', 'layers/name', 'obsm/name', 'obs/column' or 'genome/sequence', got {slot!r}")
    check_key(adata, place, name)  # type: ignore[arg-type]  # one of three
    return getattr(adata, place)[name]


def _canonical(matrix: Any) -> Any:
    """Return CSR without repeated entries; the user's matrix, and no copy, where it is that already."""
    matrix = sparse.csr_matrix(matrix)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def _densify(matrix: Any) -> DenseRows:
    """Densify in one call; values become float32 while they are still sparse, and few."""
    if not sparse.issparse(matrix):
        kind = np.uint8 if matrix.dtype == np.uint8 else np.float32
        return DenseRows(torch.from_numpy(np.ascontiguousarray(matrix, dtype=kind)), None)
    first = np.arange(matrix.shape[0], dtype=np.int64) * matrix.shape[1]
    position = np.repeat(first, np.diff(matrix.indptr)) + matrix.indices
    dense = matrix.astype(np.float32, copy=False).toarray()
    return DenseRows(torch.from_numpy(dense), torch.from_numpy(position))


@dataclass(frozen=True)
class Summary:
    """What a pass over a dataset's first input shows."""

    minimum: float  # of the finite values, implicit zeros included
    maximum: float
    whole: bool  # whether every finite value is a whole number, but for its `rounding_error`
    n_not_finite: int  # NaN and infinite values
    empty_rows: NDArray[np.int64]  # numbers of the rows, within the dataset, whose values add up to zero


def summarise(source: RowSource, rows: Rows) -> Summary:
    """Look at the given rows of a source once, by blocks."""
    low, high, whole, bad = np.inf, -np.inf, True, 0
    totals = []
    for block in _blocks(source, rows):
        values = block.data if sparse.issparse(block) else block.ravel()
        finite = np.isfinite(values)
        bad += int(values.size - finite.sum())
        values = values[finite]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        whole = whole and are_whole(values)
        if sparse.issparse(block) and block.nnz < np.prod(block.shape):
            low, high = min(low, 0.0), max(high, 0.0)
        totals.append(np.asarray(abs(block).sum(axis=tuple(range(1, block.ndim)))).ravel())
    return Summary(float(low), float(high), whole, bad, np.flatnonzero(np.concatenate(totals) == 0))


def rounding_error(values: Any) -> Any:
    """Return by how much float32, or a logarithm and back, may put whole numbers off, an array or a tensor of them."""
    return (1e-4 + 1e-6 * abs(values)).clip(max=0.1)


def are_whole(values: NDArray[Any]) -> bool:
    """Return whether all values are whole numbers, but for their `rounding_error`."""
    if values.dtype.kind != "f" or (values == np.floor(values)).all():
        return True
    return bool((np.abs(values - np.rint(values)) <= rounding_error(values)).all())


def row_hashes(source: RowSource, rows: Rows, *, seed: int = 0) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row: a sum, modulo 2**64, of its values' bits times a random number a column.

    Exact integer sums don't depend on the order or the form of storage, so a sparse row and its dense copy agree.
    """
    width = row_size(source, rows)
    factor = np.random.default_rng(seed).integers(1, 2**63, size=width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    parts = [_row_sums(block, factor) for block in _blocks(source, rows)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def row_size(source: RowSource, rows: Rows) -> int:
    """Return the number of values of a dense row."""
    return source.width if len(rows) == 0 else int(np.prod(source.read(rows[:1]).shape))


def row_bytes(source: RowSource, rows: Rows) -> int:
    """Return the bytes of a row as it is read; 0 where rows are sparse, and of no one size."""
    row = source.read(rows[:1])
    return 0 if sparse.issparse(row) else int(row.nbytes)


def _row_sums(block: Any, factor: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the hashes of a block's rows, from its stored values alone where it is sparse."""
    if sparse.issparse(block):
        bits = sparse.csr_matrix((_spread(block.data), block.indices, block.indptr), shape=block.shape)
        return np.asarray(bits @ factor)
    if block.dtype == np.uint8 and block.ndim == 3:  # one-hot DNA, eight values at a time
        words = _words(block.reshape(len(block), -1))
        return np.asarray(_mixed(words) @ factor[: words.shape[1]])
    return np.asarray(_spread(np.asarray(block).reshape(len(block), -1)) @ factor)


def _words(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return bytes ``(n, width)`` as 64-bit words, filled up with zeros."""
    filled = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)))
    return np.ascontiguousarray(filled).view(np.uint64)


def _spread(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Return the values' bits, mixed: floats have many low bits in common, and zero of either sign must stay zero."""
    return _mixed((values.astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.uint64))


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (bits ^ (bits >> np.uint64(15))) * np.uint64(0xD6E8FEB86659FD93)


def _blocks(source: RowSource, rows: Rows) -> Iterator[Any]:
    """Walk rows by blocks, each read in ascending order and given in the order asked for."""
    height = min(_BLOCK_ROWS, max(1, _BLOCK_VALUES // max(1, row_size(source, rows))))
    for first in range(0, len(rows), height):
        wanted, place = np.unique(rows[first : first + height], return_inverse=True)
        yield source.read(wanted)[place]

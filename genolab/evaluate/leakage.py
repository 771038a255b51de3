"""Whether the parts of a split share rows, near-duplicates of rows, or groups: leaks that make a score too good."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genolab.checks import check_columns, check_share
from genolab.data.dataset import AnnDataset
from genolab.waiting import progress

Array = NDArray[np.float32]

_NAMES: Final = {2: ("train", "test"), 3: ("train", "valid", "test")}
_PROJECTED: Final = 128  # dimensions in which candidates are looked for: a cosine of 0.95 is off by 0.01 there
_CANDIDATES: Final = 3  # nearest rows there, which are compared in full
_ROWS_AT_ONCE: Final = 1024
_VALUES_OF_MEAN: Final = 1 << 23  # of the training rows whose mean is taken: 4,096 rows of 2,000 genes
_ROUNDING: Final = 1e-5  # 57 of 60 positions are 0.95, whatever float32 makes of it


@dataclass(frozen=True)
class SplitCheck:
    """What the parts of a split share; shown or printed, it says so in words (see `check_split`).

    Attributes
    ----------
    table
        One row for each two parts: ``part``; the ``other``, later one, and its number of ``rows``; how many of these
        are ``duplicates`` or ``near_duplicates`` of a row of the first; ``nearest``, the median similarity to the
        nearest row there; and for each column of groups the ``shared_...`` groups and the ``rows_in_shared_...``.
    pairs
        One row for each duplicate and near-duplicate: ``part``, ``row``, ``other``, ``other_row`` (names in ``obs``),
        ``similarity`` (1 for a duplicate).
    similarity
        From which on rows were taken for near-duplicates; ``None``: these were not looked for.
    by
        The columns of groups.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    similarity: float | None
    by: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found that two parts share."""
        shared = [f"shared_{name}" for name in self.by]
        return not self.table[["duplicates", "near_duplicates", *shared]].to_numpy().any()

    def __repr__(self) -> str:
        verdict = "No leak was found." if self.is_clean else "The parts share rows or groups: scores may be too good."
        return "\n".join([verdict, *map(self._line, self.table.to_dict("records"))])

    def _line(self, row: dict[Any, Any]) -> str:
        shared = [_count(row["duplicates"], "duplicate")]
        if self.similarity is not None:
            near = _count(row["near_duplicates"], "near-duplicate")
            shared.append(f"{near} (at least {self.similarity:g} alike; {row['nearest']:.2f} in the median)")
        for by in self.by:
            groups, rows = row[f"shared_{by}"], row[f"rows_in_shared_{by}"]
            shared.append(f"{_count(rows, 'row')} of {groups:,} shared {by}" if groups else f"no shared {by}")
        return f"- {_count(row['rows'], 'row')} of {row['other']} beside {row['part']}: {'; '.join(shared)}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}" if number < 2 else f"{number:,} {what}s"


def check_split(
    *parts: AnnDataset, by: str | Sequence[str] = (), similarity: float | None = 0.95, seed: int = 0
) -> SplitCheck:
    """Look for what the parts of a split share: duplicates, near-duplicates and groups.

    The similarity of one-hot sequences is the share of positions where they agree: at 0.95, 60 bases with 3 mismatches.
    That of numbers is the squared cosine of their deviations from the means of the training rows (what all rows have in
    common doesn't count), where counts are taken as square roots of their shares of the row. Several inputs count by
    the mean. Shifted sequences, and those of other lengths, are found by `genolab.sequences.cluster_sequences`.

    Parameters
    ----------
    parts
        Train and test, or train, valid and test, as `genolab.data.split` gives them.
    by
        Columns of ``obs`` whose groups (donors, plates, chromosomes) should each be in one part only.
    similarity
        From which similarity on rows are near-duplicates. ``None``: only duplicates are looked for, as always where an
        input holds row numbers of tables.
    seed
        Of the directions in which a row's candidates are looked for; their similarity is exact.

    Examples
    --------
    >>> check = check_split(*gl.data.split(dataset, by="donor"), by="donor")
    >>> check  # says what the parts share
    >>> check.pairs  # which rows these are
    """
    if len(parts) not in _NAMES:
        raise ValueError(f"a split has 2 parts (train, test) or 3 (train, valid, test), got {len(parts)}")
    if similarity is not None:
        check_share("similarity", similarity, zero=False)
    columns = (by,) if isinstance(by, str) else tuple(by)
    has_codes = any(slot.codes is not None for slot in parts[0].signature.inputs)
    similarity = None if has_codes else similarity
    space = None if similarity is None else _Space(parts[0], seed)
    opened = [
        _open(name, part.aligned(parts[0].signature, target=False), columns, space)
        for name, part in zip(_NAMES[len(parts)], parts, strict=True)
        if len(part)
    ]
    rows, pairs = [], []
    for one, other in combinations(opened, 2):
        similar = _Similar.of(one, other, space)
        rows.append(similar.counts(similarity) | _shared_groups(one, other))
        pairs.append(similar.pairs(similarity))
    return SplitCheck(pd.DataFrame(rows), pd.concat(pairs, ignore_index=True), similarity, columns)


class _Part(NamedTuple):
    """A part of the split, and what of it is compared."""

    name: str
    rows: AnnDataset
    hashes: NDArray[np.uint64]
    points: Array  # (n, dimensions) of length 1, among which candidates are looked for; empty where none are
    groups: dict[str, "pd.Series[Any]"]

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self.rows.adata.obs_names[self.rows.rows[rows]])


def _open(name: str, rows: AnnDataset, columns: Sequence[str], space: "_Space | None") -> _Part:
    check_columns(rows.adata.obs, *columns, what=f"obs of {name}")
    groups = {column: rows.adata.obs[column].iloc[rows.rows].dropna().astype(str) for column in columns}
    points = np.empty((0, 0), np.float32) if space is None else space.points(rows)
    return _Part(name, rows, rows.hashes(), points, groups)


def _shared_groups(one: _Part, other: _Part) -> dict[str, int]:
    counts: dict[str, int] = {}
    for column, groups in other.groups.items():
        shared = groups[groups.isin(one.groups[column])]
        counts |= {f"shared_{column}": shared.nunique(), f"rows_in_shared_{column}": len(shared)}
    return counts


class _Space:
    """Where near rows have a cosine near 1: how each input's numbers are taken, and random directions through them."""

    def __init__(self, train: AnnDataset, seed: int) -> None:
        random = np.random.default_rng(seed)
        most = max(1, _VALUES_OF_MEAN // sum(map(torch.numel, train.batch([0]).inputs)))
        some = np.sort(random.choice(len(train), min(len(train), most), replace=False))
        inputs = train.batch(some).inputs
        self._are_counts = [_seem_counts(x) for x in inputs]
        taken = [self._take(number, x) for number, x in enumerate(inputs)]
        self._means = [None if _is_one_hot(x) else rows.mean(axis=0) for x, rows in zip(inputs, taken, strict=True)]
        self._directions = [
            random.standard_normal((rows.shape[1], _PROJECTED), dtype=np.float32)
            if rows.shape[1] > _PROJECTED
            else None
            for rows in taken
        ]

    def _take(self, number: int, x: torch.Tensor) -> Array:
        rows = np.nan_to_num(x.flatten(1).cpu().numpy().astype(np.float32))
        if self._are_counts[number]:
            rows = np.sqrt(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1))
        return rows

    def _centred(self, inputs: Sequence[torch.Tensor]) -> Iterator[Array]:
        for number, (x, mean) in enumerate(zip(inputs, self._means, strict=True)):
            rows = self._take(number, x)
            yield rows if mean is None else rows - mean

    def points(self, dataset: AnnDataset) -> Array:
        """Return ``(n, dimensions)`` vectors of length 1 whose products are near the rows' similarities."""
        parts = []
        n_batches = dataset.n_batches(_ROWS_AT_ONCE)
        for batch in progress(dataset.batches(_ROWS_AT_ONCE), "Rows", unit="batches", total=n_batches):
            both = zip(self._centred(batch.inputs), self._directions, strict=True)
            parts.append(np.hstack([_unit(rows if to is None else rows @ to) for rows, to in both]))
        points: Array = np.concatenate(parts) / np.sqrt(np.float32(len(self._means)))
        return points

    def similarity(self, one: AnnDataset, rows: NDArray[Any], other: AnnDataset, other_rows: NDArray[Any]) -> Array:
        """Return the similarity of pairs of rows."""
        parts = [np.empty(0, dtype=np.float32)]
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            left, right = (
                self._centred(dataset.batch(numbers[at : at + _ROWS_AT_ONCE]).inputs)
                for dataset, numbers in ((one, rows), (other, other_rows))
            )
            cosines = [(_unit(a) * _unit(b)).sum(axis=1) for a, b in zip(left, right, strict=True)]
            each = zip(cosines, self._means, strict=True)
            parts.append(np.mean([cos if mean is None else cos.clip(min=0) ** 2 for cos, mean in each], axis=0))
        return np.concatenate(parts)


def _is_one_hot(x: torch.Tensor) -> bool:
    return x.dtype == torch.uint8 and x.ndim == 3


def _seem_counts(x: torch.Tensor) -> bool:
    """Return whether numbers are whole, at least 0 and not only 0 and 1; letters are none."""
    return not _is_one_hot(x) and bool((x >= 0).all()) and bool((x == x.floor()).all()) and bool((x > 1).any())


def _unit(rows: Array) -> Array:
    """Return rows of length 1; those of 0 stay so."""
    length: Any = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Array = rows / length.clip(min=np.finfo(np.float32).tiny)
    return unit


class _Similar(NamedTuple):
    """For each row of one part the row of an earlier part that is most like it."""

    one: _Part
    other: _Part
    nearest: NDArray[np.int64]  # (n,) rows of `one`
    similarity: NDArray[Any]  # (n,); 1 for duplicates; NaN where only these were looked for
    is_duplicate: NDArray[np.bool_]

    @classmethod
    def of(cls, one: _Part, other: _Part, space: _Space | None) -> "_Similar":
        order = np.argsort(one.hashes, kind="stable")
        place = np.searchsorted(one.hashes[order], other.hashes).clip(max=len(order) - 1)
        nearest, is_duplicate = order[place], one.hashes[order[place]] == other.hashes
        similarity: NDArray[Any] = np.full(len(nearest), np.nan, dtype=np.float32)
        if space is not None:
            among = _candidates(one, other)  # (n, k)
            numbers = np.repeat(np.arange(len(among)), among.shape[1])
            exact = space.similarity(one.rows, among.ravel(), other.rows, numbers).reshape(among.shape)
            best = (np.arange(len(among)), exact.argmax(axis=1))
            nearest, similarity = np.where(is_duplicate, nearest, among[best]), exact[best]
        return cls(one, other, nearest, np.where(is_duplicate, np.float32(1), similarity), is_duplicate)

    def counts(self, least: float | None) -> dict[str, Any]:
        """Return one row of the table; `least` is the similarity of near-duplicates."""
        n_similar = int(self._are_similar(least).sum())
        return {
            "part": self.one.name,
            "other": self.other.name,
            "rows": len(self.nearest),
            "duplicates": int(self.is_duplicate.sum()),
            "near_duplicates": n_similar - int(self.is_duplicate.sum()),
            "nearest": np.nan if least is None else float(np.median(self.similarity)),
        }

    def pairs(self, least: float | None) -> pd.DataFrame:
        """Return the rows that are similar, the most similar first."""
        rows = np.flatnonzero(self._are_similar(least))
        rows = rows[np.argsort(-self.similarity[rows], kind="stable")]
        return pd.DataFrame(
            {
                "part": self.one.name,
                "row": self.one.names(self.nearest[rows]),
                "other": self.other.name,
                "other_row": self.other.names(rows),
                "similarity": self.similarity[rows],
            }
        )

    def _are_similar(self, least: float | None) -> NDArray[np.bool_]:
        return self.is_duplicate if least is None else self.is_duplicate | (self.similarity >= least - _ROUNDING)


def _candidates(one: _Part, other: _Part) -> NDArray[np.int64]:
    """Return for each row of one part the rows of the earlier one that are nearest by their points."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(_CANDIDATES, len(one.rows)), algorithm="brute").fit(one.points)
    blocks = np.split(other.points, range(_ROWS_AT_ONCE, len(other.rows), _ROWS_AT_ONCE))
    shown = progress(blocks, f"{other.name} beside {one.name}", unit="blocks")
    return np.concatenate([near.kneighbors(block, return_distance=False) for block in shown])

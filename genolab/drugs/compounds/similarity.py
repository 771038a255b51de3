"""The similarity of molecules: Tanimoto similarities of fingerprints, nearest neighbours and diverse choices."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROWS_AT_ONCE = 512


class Nearest(NamedTuple):
    """The most similar molecules of a library, the most similar first: their rows and similarities, ``(n, k)`` each."""

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]


def tanimoto(a: ArrayLike, b: ArrayLike | None = None) -> NDArray[np.float32]:
    """Return the Tanimoto similarity of each fingerprint of `a` with each of `b` (or of `a`), ``(n, m)`` float32.

    For counts it is the sum of the smaller counts over that of the larger ones (MinMax, Ruzicka); for bits, what both
    have over what either has. Two empty fingerprints have 0. RDKit gives the same values, some five times as slowly.
    """
    prints, others = _checked(a, a if b is None else b)
    return np.concatenate([*_blocks(prints, others)]) if len(prints) else np.zeros((0, len(others)), np.float32)


def nearest(a: ArrayLike, library: ArrayLike, n: int = 1) -> Nearest:
    """Return the `n` fingerprints of `library` that are most similar to each of `a`, by `tanimoto`.

    Of equally similar ones the first in the library comes first.
    """
    prints, others = _checked(a, library)
    if not 1 <= n <= len(others):
        raise ValueError(f"n is from 1 to the size of the library, {len(others):,}, got {n}")
    rows, similarity = [np.zeros((0, n), np.int64)], [np.zeros((0, n), np.float32)]
    for block in _blocks(prints, others):
        rows.append(block.argmax(axis=1)[:, None] if n == 1 else np.argsort(-block, axis=1, kind="stable")[:, :n])
        similarity.append(np.take_along_axis(block, rows[-1], axis=1))
    return Nearest(np.concatenate(rows), np.concatenate(similarity))


def diverse(fingerprints: ArrayLike, n: int, *, first: int = 0) -> NDArray[np.int64]:
    """Pick the rows of `n` molecules that differ from one another, by RDKit's MaxMin picker (Ashton et al. 2002).

    Each pick is the one whose nearest neighbour among those picked before is the least similar. It begins with the row
    `first`: with rows sorted by a score, the best.
    """
    from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker

    prints, _ = _checked(fingerprints, fingerprints)
    if not 0 <= n <= len(prints):
        raise ValueError(f"n is at most the number of fingerprints, {len(prints):,}, got {n}")
    if n and not 0 <= first < len(prints):
        raise ValueError(f"first is a row from 0 to {len(prints) - 1:,}, got {first}")
    if n < 2:
        return np.full(n, first, dtype=np.int64)
    distance = (1 - tanimoto(prints)).astype(np.float64)
    picks = MaxMinPicker().LazyPick(lambda i, j: distance[i, j], len(prints), n, firstPicks=[first])
    return np.array(picks, dtype=np.int64)


def _checked(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    prints, others = (np.atleast_2d(np.asarray(table)) for table in (a, b))
    if prints.ndim != 2 or others.ndim != 2 or prints.shape[1] != others.shape[1]:
        raise ValueError(f"fingerprints are tables of one width, got {prints.shape} and {others.shape}")
    for table in (prints, others):
        if table.dtype.kind not in "bui" or (table.dtype.kind == "i" and table.size and table.min() < 0):
            raise ValueError(f"fingerprints are counts, whole numbers of at least 0, got {table.dtype}")
    return prints, others


def _blocks(prints: NDArray[Any], others: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """Yield the similarities of some rows after others, ``(rows, m)``.

    The smaller of two counts is the number of thresholds that both reach, so the sum of the smaller counts is a product
    of sparse matrices a threshold.
    """
    from scipy import sparse

    highest = int(min(prints.max(initial=0), others.max(initial=0)))
    totals = others.sum(axis=1, dtype=np.float32)
    levels = [sparse.csr_array((others >= level).astype(np.float32)).T for level in range(1, highest + 1)]
    for first in range(0, len(prints), _ROWS_AT_ONCE):
        block = prints[first : first + _ROWS_AT_ONCE]
        both = np.zeros((len(block), len(others)), dtype=np.float32)
        for level, reached in enumerate(levels, start=1):
            both += (sparse.csr_array((block >= level).astype(np.float32)) @ reached).toarray()
        either = block.sum(axis=1, dtype=np.float32)[:, None] + totals - both
        yield np.divide(both, either, out=np.zeros_like(both), where=either > 0)

"""How alike molecules are: Tanimoto similarities of fingerprints, nearest neighbours and diverse picks.

A fingerprint has some 50 of 2,048 columns set, so the library is kept by columns: for each, which molecules have it. A
molecule is compared with the whole library by walking its own columns alone. numba compiles it at its first use.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray


class Nearest(NamedTuple):
    """The molecules of a library that are most like each of some others, the most alike first.

    Attributes
    ----------
    rows
        ``(n, k)`` int64, their rows in the library.
    similarity
        ``(n, k)`` float32, from 0 to 1.
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]


class _Library(NamedTuple):
    """Fingerprints by columns: `rows` and `values` of column i lie at ``start[i]`` to ``start[i + 1]``."""

    start: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.int64]
    totals: NDArray[np.int64]


def tanimoto(a: ArrayLike, b: ArrayLike | None = None) -> NDArray[np.float32]:
    """Return the Tanimoto similarity of each fingerprint of `a` with each of `b`.

    For counts it is the sum of the smaller counts over that of the larger ones (also called MinMax, or Ruzicka); for
    bits that is what the two have in common over what either has. Two empty fingerprints have 0.

    Parameters
    ----------
    a, b
        ``(n, n_bits)`` and ``(m, n_bits)``, whole numbers of at least 0; `b` is `a` by default.

    Returns
    -------
    ``(n, m)`` float32.

    Raises
    ------
    ValueError
        The two have different widths, or values that are no counts.
    """
    ours, theirs = _checked(a, a if b is None else b)
    library = _by_columns(theirs)
    found = np.empty((len(ours), len(theirs)), dtype=np.float32)
    _compare(ours, library, found)
    return found


def nearest(a: ArrayLike, library: ArrayLike, n: int = 1) -> Nearest:
    """Return the `n` fingerprints of `library` that are most like each of `a`.

    Parameters
    ----------
    a, library
        ``(n, n_bits)`` and ``(m, n_bits)``, as for `tanimoto`.
    n
        How many for each; at most ``m``. Of equally similar ones the first in the library comes first.

    Raises
    ------
    ValueError
        `n` is out of its range, or as for `tanimoto`.
    """
    ours, theirs = _checked(a, library)
    if not 1 <= n <= len(theirs):
        raise ValueError(f"n is from 1 to the size of the library, {len(theirs):,}, got {n}")
    index = np.empty((len(ours), n), dtype=np.int64)
    similarity = np.empty((len(ours), n), dtype=np.float32)
    _find_nearest(ours, _by_columns(theirs), index, similarity)
    return Nearest(index, similarity)


def diverse(fingerprints: ArrayLike, n: int, *, first: int = 0) -> NDArray[np.int64]:
    """Pick molecules that differ from one another, by the MaxMin rule (Ashton et al. 2002).

    Each pick is the one whose nearest neighbour among those picked before is the least similar.

    Parameters
    ----------
    fingerprints
        ``(m, n_bits)``, as for `tanimoto`.
    n
        How many to pick; at most ``m``.
    first
        The row to begin with. It always is in; with rows sorted by a score, the default begins with the best.

    Returns
    -------
    ``(n,)`` int64: rows, in the order in which they were picked.
    """
    prints, _ = _checked(fingerprints, fingerprints)
    if not 0 <= n <= len(prints):
        raise ValueError(f"n is at most the number of fingerprints, {len(prints):,}, got {n}")
    if n and not 0 <= first < len(prints):
        raise ValueError(f"first is a row from 0 to {len(prints) - 1:,}, got {first}")
    library = _by_columns(prints)
    picked = np.empty(n, dtype=np.int64)
    closest, alike = np.zeros(len(prints), np.float32), np.empty((1, len(prints)), np.float32)
    for number in range(n):
        pick = first if number == 0 else int(closest.argmin())
        _compare(prints[pick][None], library, alike)
        np.maximum(closest, alike[0], out=closest)
        closest[pick] = np.inf  # never again
        picked[number] = pick
    return picked


def _checked(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ours, theirs = (np.atleast_2d(np.asarray(prints)) for prints in (a, b))
    if ours.ndim != 2 or theirs.ndim != 2 or ours.shape[1] != theirs.shape[1]:
        raise ValueError(f"fingerprints are tables of one width, got {ours.shape} and {theirs.shape}")
    for prints in (ours, theirs):
        if prints.dtype.kind not in "bui" or (prints.dtype.kind == "i" and prints.size and prints.min() < 0):
            raise ValueError(f"fingerprints are counts, whole numbers of at least 0, got {prints.dtype}")
    return ours, theirs


def _by_columns(prints: NDArray[np.int64]) -> _Library:
    from scipy import sparse

    columns = sparse.csc_matrix(prints)
    columns.sort_indices()
    return _Library(
        columns.indptr.astype(np.int64),
        columns.indices.astype(np.int32),
        columns.data.astype(np.int64),
        prints.sum(axis=1, dtype=np.int64),
    )


@numba.njit(cache=True)
def _alike(row, library, shared, found):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the similarity of one fingerprint with all of the library into `found`; `shared` is work space."""
    shared[:] = 0
    total = np.int64(0)
    for column in range(len(row)):
        count = np.int64(row[column])
        if count == 0:
            continue
        total += count
        for at in range(library.start[column], library.start[column + 1]):
            shared[library.rows[at]] += min(count, library.values[at])
    for other in range(len(found)):
        either = total + library.totals[other] - shared[other]
        found[other] = shared[other] / either if either else 0.0


@numba.njit(cache=True)
def _compare(prints, library, found):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write all similarities, ``(n, m)``."""
    shared = np.zeros(found.shape[1], np.int64)
    for i in range(len(prints)):
        _alike(prints[i], library, shared, found[i])


@numba.njit(cache=True)
def _find_nearest(prints, library, index, similarity):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the rows and similarities of the nearest, ``(n, k)``, kept in order as they are found."""
    shared, found = np.zeros(len(library.totals), np.int64), np.zeros(len(library.totals), np.float32)
    k = index.shape[1]
    for i in range(len(prints)):
        _alike(prints[i], library, shared, found)
        index[i], similarity[i] = -1, -1.0
        for other in range(len(found)):
            place = k
            while place > 0 and found[other] > similarity[i, place - 1]:
                place -= 1
            for lower in range(k - 1, place, -1):
                index[i, lower], similarity[i, lower] = index[i, lower - 1], similarity[i, lower - 1]
            if place < k:
                index[i, place], similarity[i, place] = other, found[other]

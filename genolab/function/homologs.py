"""Which proteins are related, and clusters of them, for splits that keep relatives together.

Pairs that can't be relatives are left out first, as BLAST does it (Altschul et al. 1990): a pair goes on if it has a
word of four residues in common, those of one kind being taken for equal, from which both can be followed to a stretch
without gaps that scores well. Only what goes on is aligned.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from collections.abc import Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Residues that replace each other often are one letter (Murphy, Wallqvist and Levy 2000, their ten letters).
_KINDS: Final = ("LVIM", "C", "A", "G", "ST", "P", "FYW", "EDNQ", "KR", "H")
_WORD: Final = 4
# A stretch without gaps is followed until it falls by so much, and is good enough from so much on (BLOSUM62).
_FALL: Final = 16
_GOOD: Final = 38
# Karlin and Altschul's constants for local alignments by BLOSUM62 with gaps of 11 and 1, as BLAST has them.
_LAMBDA: Final = 0.267
_K: Final = 0.041
_PAIRS: Final = 100_000  # aligned at a time


class Relatives(NamedTuple):
    """Pairs of proteins, and how alike they are.

    Attributes
    ----------
    first, second
        ``(m,)``: rows of a pair.
    score
        ``(m,)``: of the best local alignment, by BLOSUM62 with gaps of 11 and 1.
    identity
        ``(m,)``: share of its columns that hold equal residues.
    """

    first: Integers
    second: Integers
    score: Integers
    identity: NDArray[np.float64]


def cluster_proteins(sequences: Sequence[str], identity: float = 0.3, *, chance: float = 1e-3) -> Integers:
    """Give related proteins one number: relatives of over `identity` never lie in two clusters.

    Two proteins are relatives if their best local alignment is better than chance, and at least `identity` of its
    columns are equal. A cluster is all that hangs together by such pairs (single linkage), so that a domain which many
    proteins share brings them together.

    Parameters
    ----------
    sequences
        Proteins as letters.
    identity
        Above 0, at most 1. Below 0.25 or so chance decides.
    chance
        How many alignments as good are expected by chance when one protein is held against all (BLAST's E-value).

    Returns
    -------
    ``(n,)`` int64: the clusters, numbered by their first protein.

    Raises
    ------
    ValueError
        `identity` or `chance` is out of its range, or a letter is no residue.

    Examples
    --------
    >>> proteins.obs["cluster"] = gl.function.cluster_proteins(gl.sequences.protein_letters(proteins.obsm["sequence"]))
    >>> train, valid, test = gl.data.split(gl.data.AnnDataset(proteins, "obsm/sequence"), by="cluster")
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 < identity <= 1:
        raise ValueError(f"identity is a share above 0 and at most 1, got {identity}")
    n = len(sequences)
    found = relatives(sequences, chance=chance)
    close = found.identity >= identity
    edges = (found.first[close], found.second[close])
    _, component = connected_components(coo_array((np.ones(close.sum()), edges), shape=(n, n)), directed=False)
    _, first, which = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]


def relatives(queries: Sequence[str], targets: Sequence[str] | None = None, *, chance: float = 1e-3) -> Relatives:
    """Return the pairs of proteins whose best local alignment is better than chance.

    Parameters
    ----------
    queries, targets
        Proteins as letters. Without targets, all pairs of queries.
    chance
        As in `cluster_proteins`.

    Returns
    -------
    Relatives
        In the order of the queries, then of the targets; ``first`` counts queries, ``second`` targets.

    Raises
    ------
    ValueError
        `chance` isn't above 0, or a letter is no residue.
    """
    if not chance > 0:
        raise ValueError(f"chance is a number above 0 of alignments expected by chance, got {chance}")
    against = queries if targets is None else targets
    pairs = _candidates(_Laid.of(queries), _Laid.of(against), within=targets is None)
    total = sum(map(len, against))
    parts = [
        _aligned(queries, against, pairs[at : at + _PAIRS], total * _K / chance) for at in range(0, len(pairs), _PAIRS)
    ]
    return Relatives(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else _none()


def _none() -> Relatives:
    nothing = np.empty(0, dtype=np.int64)
    return Relatives(nothing, nothing, nothing, np.empty(0))


def _aligned(queries: Sequence[str], targets: Sequence[str], pairs: Integers, space: float) -> Relatives:
    """Align pairs ``(m, 2)``, scores first, and keep those that are better than chance."""
    from genolab.align import Scoring, align

    scoring = Scoring(matrix="blosum62", gap_open=11, gap_extend=1)

    def texts(of: Integers) -> tuple[list[str], list[str]]:
        return [queries[one] for one in of[:, 0]], [targets[other] for other in of[:, 1]]

    score = align(*texts(pairs), mode="local", scoring=scoring, traceback=False).score
    needed = np.log(space * np.array([len(queries[one]) for one in pairs[:, 0]])) / _LAMBDA
    pairs, score = pairs[score >= needed], score[score >= needed]
    if len(pairs) == 0:
        return _none()
    found = align(*texts(pairs), mode="local", scoring=scoring)
    return Relatives(pairs[:, 0], pairs[:, 1], score, found.identity)


class _Laid(NamedTuple):
    """Proteins one behind the other: codes of the matrix, words (-1 where there is none), and where each begins."""

    codes: NDArray[np.uint8]
    words: Integers
    starts: Integers

    @classmethod
    def of(cls, sequences: Sequence[str]) -> "_Laid":
        from genolab.sequences.protein import LETTERS, residue_codes

        starts = np.cumsum([0, *map(len, sequences)])
        codes = residue_codes("".join(sequences))[0] if starts[-1] else np.empty(0, dtype=np.uint8)
        kind = np.full(len(LETTERS) + 1, -1, dtype=np.int64)
        for number, letters in enumerate(_KINDS):
            kind[[LETTERS.index(letter) + 1 for letter in letters]] = number
        return cls(codes, _words(kind[codes], starts), starts)


def _words(kinds: Integers, starts: Integers) -> Integers:
    """Return the word that begins at each residue; none crosses the end of a protein or holds an unknown residue."""
    n = len(kinds)
    words = np.full(n, -1, dtype=np.int64)
    if n < _WORD:
        return words
    parts = np.lib.stride_tricks.sliding_window_view(kinds, _WORD)  # (n - 3, 4)
    whole = (parts >= 0).all(axis=1)
    words[: len(parts)][whole] = parts[whole] @ (len(_KINDS) ** np.arange(_WORD))
    for back in range(1, _WORD):
        words[np.maximum(starts[1:] - back, 0)] = -1
    return words


def _matrix() -> NDArray[np.int32]:
    """Return BLOSUM62 by the codes of `genolab.sequences.protein`."""
    from genolab.align.matrices import load
    from genolab.sequences.protein import LETTERS

    matrix = load("blosum62")
    place = [matrix.letters.index(letter if letter in matrix.letters else "X") for letter in LETTERS]
    scores = np.full((len(LETTERS) + 1,) * 2, -_FALL - 1, dtype=np.int32)
    scores[1:, 1:] = matrix.scores[np.ix_(place, place)]
    return scores


def _candidates(queries: _Laid, targets: _Laid, *, within: bool) -> Integers:
    """Return pairs ``(m, 2)`` that have a good stretch without gaps from a common word."""
    order = np.argsort(targets.words, kind="stable")
    bounds = np.searchsorted(targets.words[order], np.arange(len(_KINDS) ** _WORD + 1))
    owner = np.repeat(np.arange(len(targets.starts) - 1), np.diff(targets.starts))
    index = (order, bounds, owner)
    matrix = _matrix()
    found = [
        np.stack([np.full(len(good), query), good], axis=1)
        for query in range(len(queries.starts) - 1)
        if len(good := _good_ones(query, queries, targets, index, matrix, query + 1 if within else 0))
    ]
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


@numba.njit(cache=True, nogil=True)
def _good_ones(query, queries, targets, index, matrix, first):  # type: ignore[no-untyped-def]  # numba types it
    """Return the targets from `first` on that have a good stretch in common with a query."""
    order, bounds, owner = index
    start, end = queries.starts[query], queries.starts[query + 1]
    good = np.zeros(len(targets.starts) - 1, dtype=np.bool_)
    lowest = targets.starts[first]
    for at in range(start, end):
        word = queries.words[at]
        if word < 0:
            continue
        for place in range(bounds[word], bounds[word + 1]):
            other = order[place]
            if other < lowest or good[owner[other]]:
                continue
            target = owner[other]
            limits = (start, end, targets.starts[target], targets.starts[target + 1])
            good[target] = _stretch(queries.codes, targets.codes, at, other, limits, matrix) >= _GOOD
    return np.flatnonzero(good)


@numba.njit(cache=True, nogil=True)
def _stretch(one, other, at, to, limits, matrix):  # type: ignore[no-untyped-def]  # numba types it
    """Return the score of the best stretch without gaps around two places that lie under each other."""
    start, end, other_start, other_end = limits
    ahead = best = 0
    for step in range(min(end - at, other_end - to)):
        ahead += matrix[one[at + step], other[to + step]]
        best = max(best, ahead)
        if ahead < best - _FALL:
            break
    back = most = 0
    for step in range(1, min(at - start, to - other_start) + 1):
        back += matrix[one[at - step], other[to - step]]
        most = max(most, back)
        if back < most - _FALL:
            break
    return best + most

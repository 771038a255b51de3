"""Homologous proteins, and clusters of them, for splits that keep homologs together.

Pairs are filtered as in BLAST (Altschul et al. 1990): a pair is aligned if it shares a 4-mer in a reduced alphabet that
extends without gaps to a high score.
"""

# ruff: noqa: PLR0917 - numba takes arrays one by one

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.compiled import compiled

Integers = NDArray[np.int64]

# Residues that often replace each other (Murphy, Wallqvist and Levy 2000, ten groups).
_REDUCED_ALPHABET: Final = ("LVIM", "C", "A", "G", "ST", "P", "FYW", "EDNQ", "KR", "H")
_K_MER: Final = 4
_X_DROP: Final = 16  # an extension without gaps ends when its score falls by this much (BLOSUM62)
_MIN_SCORE: Final = 38  # of an extension, for the pair to be aligned
# Karlin and Altschul's constants for local alignments by BLOSUM62 with gaps of 11 and 1, as BLAST has them.
_LAMBDA: Final = 0.267
_K: Final = 0.041
_PAIRS: Final = 100_000  # aligned at a time


class Homologs(NamedTuple):
    """Pairs of homologous proteins, ``(m,)`` each."""

    first: Integers  # row
    second: Integers  # row
    score: Integers  # of the best local alignment, by BLOSUM62 with gaps of 11 and 1
    identity: NDArray[np.float64]  # share of its columns with equal residues


def cluster_proteins(sequences: Sequence[str], identity: float = 0.3, *, evalue: float = 1e-3) -> Integers:
    """Cluster proteins by homology (single linkage): pairs of at least `identity` are never in two clusters.

    `identity` is the share of equal columns of the best local alignment; below about 0.25 it isn't reliable. `evalue`
    is BLAST's E-value: how many alignments as good are expected by chance in a search against all. Clusters, ``(n,)``
    int64, are numbered by their first protein.

    Examples
    --------
    >>> proteins.obs["cluster"] = gl.function.cluster_proteins(gl.sequences.decode_protein(proteins.obsm["sequence"]))
    >>> train, valid, test = gl.data.split(gl.data.AnnDataset(proteins, "obsm/sequence"), by="cluster")
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 < identity <= 1:
        raise ValueError(f"identity is a share above 0 and at most 1, got {identity}")
    n = len(sequences)
    pairs = homologs(sequences, evalue=evalue)
    close = pairs.identity >= identity
    edges = (pairs.first[close], pairs.second[close])
    _, component = connected_components(coo_array((np.ones(close.sum()), edges), shape=(n, n)), directed=False)
    _, first, which = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]


def homologs(queries: Sequence[str], targets: Sequence[str] | None = None, *, evalue: float = 1e-3) -> Homologs:
    """Return the homologous pairs of queries and targets, or without targets of queries among themselves."""
    if not evalue > 0:
        raise ValueError(f"evalue is a number above 0 of alignments expected by chance, got {evalue}")
    against = queries if targets is None else targets
    pairs = _candidates(_Concatenated.of(queries), _Concatenated.of(against), within=targets is None)
    total = sum(map(len, against))
    parts = [
        _aligned(queries, against, pairs[at : at + _PAIRS], total * _K / evalue) for at in range(0, len(pairs), _PAIRS)
    ]
    none = np.empty(0, dtype=np.int64)
    parts.append(Homologs(none, none, none, np.empty(0)))
    return Homologs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _aligned(queries: Sequence[str], targets: Sequence[str], pairs: Integers, space: float) -> Homologs:
    """Align pairs ``(m, 2)``, scores first, and keep those below the E-value."""
    from genolab.align import Scoring, align

    scoring = Scoring(matrix="blosum62", gap_open=11, gap_extend=1)

    def texts(of: Integers) -> tuple[list[str], list[str]]:
        return [queries[one] for one in of[:, 0]], [targets[other] for other in of[:, 1]]

    score = align(*texts(pairs), mode="local", scoring=scoring, traceback=False).score
    needed = np.log(space * np.array([len(queries[one]) for one in pairs[:, 0]])) / _LAMBDA
    pairs, score = pairs[score >= needed], score[score >= needed]
    identity = align(*texts(pairs), mode="local", scoring=scoring).identity
    return Homologs(pairs[:, 0], pairs[:, 1], score, identity)


class _Concatenated(NamedTuple):
    """Proteins concatenated: codes of the matrix, k-mers (-1 where there is none), and where each begins."""

    codes: NDArray[np.uint8]
    kmers: Integers
    starts: Integers

    @classmethod
    def of(cls, sequences: Sequence[str]) -> "_Concatenated":
        from genolab.sequences.protein import RESIDUES, encode_protein

        starts = np.cumsum([0, *map(len, sequences)])
        codes = encode_protein("".join(sequences))[0] if starts[-1] else np.empty(0, dtype=np.uint8)
        kind = np.full(len(RESIDUES) + 1, -1, dtype=np.int64)
        for number, letters in enumerate(_REDUCED_ALPHABET):
            kind[[RESIDUES.index(letter) + 1 for letter in letters]] = number
        return cls(codes, _kmers(kind[codes], starts), starts)


def _kmers(kinds: Integers, starts: Integers) -> Integers:
    """Return the k-mer at each residue; -1 where it would cross the end of a protein or hold an unknown residue."""
    n = len(kinds)
    kmers = np.full(n, -1, dtype=np.int64)
    if n < _K_MER:
        return kmers
    parts = np.lib.stride_tricks.sliding_window_view(kinds, _K_MER)  # (n - 3, 4)
    whole = (parts >= 0).all(axis=1)
    kmers[: len(parts)][whole] = parts[whole] @ (len(_REDUCED_ALPHABET) ** np.arange(_K_MER))
    for back in range(1, _K_MER):
        kmers[np.maximum(starts[1:] - back, 0)] = -1
    return kmers


def _matrix() -> NDArray[np.int32]:
    from genolab.align import substitution_matrix
    from genolab.sequences.protein import RESIDUES

    matrix = substitution_matrix("blosum62")
    place = [matrix.letters.index(letter if letter in matrix.letters else "X") for letter in RESIDUES]
    scores = np.full((len(RESIDUES) + 1,) * 2, -_X_DROP - 1, dtype=np.int32)
    scores[1:, 1:] = matrix.scores[np.ix_(place, place)]
    return scores


def _candidates(queries: _Concatenated, targets: _Concatenated, *, within: bool) -> Integers:
    """Return pairs ``(m, 2)`` with a shared k-mer that extends to a high score."""
    order = np.argsort(targets.kmers, kind="stable")
    bounds = np.searchsorted(targets.kmers[order], np.arange(len(_REDUCED_ALPHABET) ** _K_MER + 1))
    owner = np.repeat(np.arange(len(targets.starts) - 1), np.diff(targets.starts))
    index = (order, bounds, owner)
    matrix = _matrix()
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for query in range(len(queries.starts) - 1):
        hits = _targets_with_seed(query, queries, targets, index, matrix, query + 1 if within else 0)
        pairs.append(np.stack([np.full(len(hits), query), hits], axis=1))
    return np.concatenate(pairs)


@compiled
def _targets_with_seed(query, queries, targets, index, matrix, first):
    """Return the targets from `first` on that share a seed with a query."""
    order, bounds, owner = index
    start, end = queries.starts[query], queries.starts[query + 1]
    hits = np.zeros(len(targets.starts) - 1, dtype=np.bool_)
    lowest = targets.starts[first]
    for at in range(start, end):
        kmer = queries.kmers[at]
        if kmer < 0:
            continue
        for place in range(bounds[kmer], bounds[kmer + 1]):
            other = order[place]
            if other < lowest or hits[owner[other]]:
                continue
            target = owner[other]
            limits = (start, end, targets.starts[target], targets.starts[target + 1])
            hits[target] = _ungapped_score(queries.codes, targets.codes, at, other, limits, matrix) >= _MIN_SCORE
    return np.flatnonzero(hits)


@compiled
def _ungapped_score(one, other, at, to, limits, matrix):
    """Return the best score of an extension without gaps in both directions."""
    start, end, other_start, other_end = limits
    ahead = best = 0
    for step in range(min(end - at, other_end - to)):
        ahead += matrix[one[at + step], other[to + step]]
        best = max(best, ahead)
        if ahead < best - _X_DROP:
            break
    back = most = 0
    for step in range(1, min(at - start, to - other_start) + 1):
        back += matrix[one[at - step], other[to - step]]
        most = max(most, back)
        if back < most - _X_DROP:
            break
    return best + most

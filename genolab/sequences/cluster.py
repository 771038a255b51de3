"""Clusters of similar sequences, for splits in which no near-duplicate of a training sequence is tested on.

All pairs are compared, so that none is missed: common k-mers, which CD-HIT and MMseqs2 look for first, can be lacking
at 80 % identity, where mismatches may lie every five bases.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.sequences.encode import UNKNOWN, base_codes

_ROWS: Final = 256  # compared with all others at once: of 10,000 sequences, 10 MB


def cluster_sequences(sequences: Any, identity: float = 0.8, *, both_strands: bool = True) -> NDArray[np.int64]:
    """Return the cluster of each sequence, ``(n,)``: sequences of two clusters have an identity below `identity`.

    The identity of two sequences is their longest common subsequence (the most bases that any alignment of them
    matches, gaps being free) by the length of the longer one. It is at least the identity that an aligner reports, so a
    pair over `identity` is always in one cluster. A cluster is all that hangs together by such pairs (single linkage).

    Unrelated sequences of 100 to 250 bases have an identity of some 0.62 to 0.65, and short ones vary more: below 40
    bases `identity` should be 0.9 or more. 10,000 sequences of 251 bases, both strands, take a minute or so of CPU
    time, spread over all cores; the time goes with the square of their number and of their length.

    Parameters
    ----------
    sequences
        One-hot ``(n, 4, length)``, or strings. N and other ambiguous bases match nothing and don't count.
    both_strands
        Whether a sequence that is similar to the reverse complement of another one counts as similar to it.

    Examples
    --------
    >>> loci.obs["cluster"] = gl.sequences.cluster_sequences(loci.obsm["sequence"])
    >>> train, valid, test = gl.data.split(gl.data.AnnDataset(loci, "obsm/sequence"), by="cluster")
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 < identity <= 1:
        raise ValueError(f"identity is a share above 0 and at most 1, got {identity}")
    codes = base_codes(sequences)
    order = np.argsort(np.isin(codes, (1, 2)).sum(axis=1), kind="stable")  # by the number of G and C
    pairs = _similar_pairs(codes[order], identity, both_strands=both_strands)
    edges = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(codes), len(codes)))
    cluster = np.empty(len(codes), dtype=np.int64)
    cluster[order] = connected_components(edges, directed=False)[1]
    return pd.factorize(cluster)[0]


def _similar_pairs(codes: NDArray[np.int8], identity: float, *, both_strands: bool) -> NDArray[np.int64]:
    """Return the pairs ``(m, 2)`` that are similar enough, of sequences in the order of their number of G and C."""
    try:
        from rapidfuzz.distance import LCSseq
        from rapidfuzz.process import cdist
    except ImportError as error:
        raise ImportError("clusters of sequences need RapidFuzz: pip install 'genolab[sequence]'") from error

    known = [row[row != UNKNOWN] for row in codes]
    length, gc = np.array([len(row) for row in known]), np.isin(codes, (1, 2)).sum(axis=1)
    forward = [row.tobytes() for row in known]
    strands = [forward, [(3 - row[::-1]).tobytes() for row in known]] if both_strands else [forward]
    # G and C match G and C alone: at least as many bases don't match as one sequence has more of them than the other.
    ends = np.searchsorted(gc, gc + (1 - identity) * length.max(initial=0) + 1e-6, side="right")
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for first in range(0, len(codes), _ROWS):
        rows, columns = slice(first, first + _ROWS), slice(first, ends[first : first + _ROWS].max())
        needed = np.maximum(1, identity * np.maximum(length[rows, None], length[columns]) - 1e-9)
        for strand in strands:
            common = cdist(strand[rows], forward[columns], scorer=LCSseq.similarity, dtype=np.int32, workers=-1)
            pairs.append(np.argwhere(common >= needed) + first)
    return np.concatenate(pairs)

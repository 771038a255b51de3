"""Clusters of similar sequences, for splits in which no near-duplicate of a training sequence is tested on.

All pairs are compared, so that none is missed: words in common, which CD-HIT and MMseqs2 look for first, can fail at
80 % identity, where mismatches may lie every five bases. `genolab.sequences.lcs` makes that fast enough.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genolab.sequences.encode import base_codes


def cluster_sequences(sequences: Any, identity: float = 0.8, *, both_strands: bool = True) -> NDArray[np.int64]:
    """Give similar sequences one number: sequences of two clusters are less than `identity` alike.

    The identity of two sequences is the most bases that any alignment of them matches, gaps being free, by the length
    of the longer one. It is at least the identity that an aligner reports, so a pair that an aligner finds to be over
    `identity` is always in one cluster. A cluster is all that hangs together by such pairs (single linkage).

    Unrelated sequences of 100 to 250 bases are some 0.62 to 0.65 alike by this measure, and short ones vary more: below
    40 bases `identity` should be 0.9 or more.

    Parameters
    ----------
    sequences
        One-hot ``(n, 4, length)``, or strings. N and other ambiguous bases match nothing and don't count.
    identity
        Above 0, at most 1.
    both_strands
        Whether a sequence that is like the reverse complement of another one counts as like it.

    Returns
    -------
    ``(n,)`` int64: the clusters, numbered by their first sequence.

    Raises
    ------
    ValueError
        `identity` is out of its range, or a letter is no DNA.

    Notes
    -----
    The time goes with the square of the number of sequences and of their length: 10,000 of 251 bases, both strands,
    take about half a minute on one core.

    Examples
    --------
    >>> loci.obs["cluster"] = gl.sequences.cluster_sequences(loci.obsm["sequence"])
    >>> train, valid, test = gl.data.split(gl.data.AnnDataset(loci, "obsm/sequence"), by="cluster")
    """
    from genolab.sequences.lcs import join_similar, word_masks

    if not 0 < identity <= 1:
        raise ValueError(f"identity is a share above 0 and at most 1, got {identity}")
    codes = base_codes(sequences)
    strong = np.isin(codes, (1, 2)).sum(axis=1)
    order = np.argsort(strong, kind="stable")
    known = (codes >= 0).sum(axis=1)
    # The complement of the codes 0 1 2 3 is 3 2 1 0; what is not known stays so.
    turned = np.where(codes >= 0, np.int8(3) - codes, codes)[:, ::-1]
    strands = np.stack([codes, turned] if both_strands else [codes])[:, order]
    roots = join_similar(strands, word_masks(codes[order]), known[order], strong[order], identity)
    of_row = np.empty(len(codes), dtype=np.int64)
    of_row[order] = roots
    _, first, which = np.unique(of_row, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]

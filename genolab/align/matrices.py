"""Substitution matrices, as NCBI distributes them with BLAST; Biopython carries them."""

from functools import cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

MATRICES: Final = ("blosum45", "blosum50", "blosum62", "blosum80", "blosum90", "nuc44", "pam30", "pam70", "pam250")
"""The names that `Scoring` takes; ``"nuc44"`` is for DNA, the others are for proteins."""


class Matrix(NamedTuple):
    """A symmetric substitution matrix.

    Attributes
    ----------
    alphabet
        ``"dna"`` or ``"protein"``.
    letters
        What it scores, one a row.
    scores
        ``(k, k)`` int32.
    """

    alphabet: Literal["dna", "protein"]
    letters: str
    scores: NDArray[np.int32]


@cache
def load(name: str) -> Matrix:
    """Return a matrix of `MATRICES`."""
    try:
        from Bio.Align import substitution_matrices
    except ImportError as error:
        raise ImportError("substitution matrices need Biopython: pip install 'genolab[sequence]'") from error
    found = substitution_matrices.load("NUC.4.4" if name == "nuc44" else name.upper())
    return Matrix("dna" if name == "nuc44" else "protein", str(found.alphabet), np.asarray(found).astype(np.int32))

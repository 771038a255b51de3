"""Align pairs of sequences in batches: global, local and semi-global, affine gaps, DNA and proteins.

>>> found = gl.align.align(reads, reference, mode="local")
>>> found.table().sort_values("score").tail()
>>> print(found[0].pretty())
"""

from genolab.align.matrices import MATRICES
from genolab.align.pairwise import align
from genolab.align.result import Alignment, Alignments, cigar_runs
from genolab.align.scoring import Scoring

__all__ = ["MATRICES", "Alignment", "Alignments", "Scoring", "align", "cigar_runs"]

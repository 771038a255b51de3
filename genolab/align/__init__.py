"""Align pairs of sequences in batches: global, local and semi-global, affine gaps, DNA and proteins.

align                align queries with targets, on the CPU (numba), any device (torch) or an NVIDIA GPU (Triton)
Scoring              match and mismatch or a substitution matrix, and gap costs
Alignments           what `align` returns; indexing it gives an `Alignment`
Alignment            one aligned pair: score, positions, CIGAR, text
cigar_runs           a CIGAR as (length, operation)
substitution_matrix  BLOSUM, PAM and NUC.4.4 by name
MATRICES             their names

>>> alignments = gl.align.align(reads, reference, mode="local")
>>> alignments.table().sort_values("score").tail()
>>> print(alignments[0].pretty())
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

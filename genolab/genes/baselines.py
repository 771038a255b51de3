"""What a gene finder is compared with, and how its genes are written: from the shared ground of sequences."""

from genolab.sequences.gff import to_gff3
from genolab.sequences.orfs import best_min_length, open_reading_frames

__all__ = ["best_min_length", "open_reading_frames", "to_gff3"]

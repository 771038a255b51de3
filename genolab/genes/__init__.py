"""Genes in DNA: from labels of bases to genes and GFF3, and the open reading frames that every gene finder must beat.

>>> probabilities = gl.infer.tag(model, genome, chromosome="chrI")
>>> letters = gl.data.chromosome(genome, "chrI")
>>> found = decode(probabilities, letters, chromosome="chrI")
>>> to_gff3(found, "chrI.gff3")
>>> baseline = open_reading_frames(letters, min_length=300, chromosome="chrI")
"""

from genolab.genes.codons import CodonBaseline
from genolab.genes.decode import Grammar, decode
from genolab.genes.gff import to_gff3
from genolab.genes.orfs import best_min_length, open_reading_frames
from genolab.genes.signals import Signals, Site

__all__ = [
    "CodonBaseline",
    "Grammar",
    "Signals",
    "Site",
    "best_min_length",
    "decode",
    "open_reading_frames",
    "to_gff3",
]

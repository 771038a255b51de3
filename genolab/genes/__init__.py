"""Find genes: a label for every base, and whole genes by a grammar.

Models
------
SequenceTagger       a label for every base, from DNA of any length
CodonBaseline        open reading frames scored by codon usage
open_reading_frames  the reading frames that every gene finder must beat
best_min_length      the least length of a reading frame that fits known genes best

Verbs
-----
tag       probabilities of the labels along whole chromosomes
decode    the best genes for these probabilities
Grammar   what a gene may look like
Signals   start, stop and splice sites, learned from known genes
Site      one kind of site
to_gff3   genes to a file that genome browsers show
evaluate  predicted genes compared with known ones, at five levels
LEVELS    the levels: base, exon, start, stop, gene
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

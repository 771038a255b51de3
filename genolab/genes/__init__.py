"""Find genes: a label for every base, and whole genes by a hidden Markov model.

Models
------
SequenceTagger       a label for every base, from DNA of any length
CodonBaseline        open reading frames classified by codon usage
open_reading_frames  the longest open reading frames, which every gene finder must beat
best_min_length      the least length of a reading frame that fits known genes best

Genes
-----
tag        probabilities of the labels along whole chromosomes
decode     the most probable genes for these probabilities
Grammar    penalties and least lengths of the decoder
Signals    start, stop and splice sites, learned from known genes
Site       one kind of site
to_gff3    genes to a file that genome browsers show

Evaluation
----------
evaluate       predicted genes compared with annotated ones, at five levels
exact_matches  which annotated genes are predicted exactly
LEVELS         the levels: base, exon, start, stop, gene
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

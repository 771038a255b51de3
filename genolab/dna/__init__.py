"""Recognise DNA sequences, and see why: convolutional networks, motifs, attribution.

Data
----
simulate_sequences  sequences with planted motifs, whose truth is known

Models
------
SequenceCNN   classes, labels or values of sequences of one length
KmerBaseline  logistic regression on k-mer counts
PWMBaseline   position weight matrices of aligned sequences

Why
---
attribute            the contribution of every base to a prediction
filter_motifs        what the first filters of a network have learned
match_motifs         filters compared with known motifs
information_content  bits of a motif, base by base
Motifs               motifs with their names

Pictures
--------
plot          logos, mutation maps, filters and tracks
MutationView  change a sequence, and see the prediction move
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

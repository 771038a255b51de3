"""Recognise DNA sequences, and see why: convolutional networks, motifs, attribution.

Data
----
simulate_sequences  sequences with planted motifs, whose truth is known

Models
------
SequenceCNN   a convolutional network for classes, labels or values
KmerBaseline  logistic regression on k-mer counts
PWMBaseline   position weight matrices of aligned sequences

Why
---
attribute            the contribution of every base to a prediction
filter_motifs        the motifs that the first filters of a network respond to
match_motifs         these motifs compared with known ones
information_content  bits of a motif, base by base
Motifs               what `filter_motifs` returns: counts of bases, and numbers of sites
MutationView         change a sequence, and see the prediction change

Figures
-------
plot.logo          a sequence logo, of contributions or probabilities
plot.mutation_map  the effect of every single change
plot.filters       the motifs of a network's filters
plot.tracks        a locus: genes, predictions and attributions
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

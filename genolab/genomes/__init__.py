"""Compare genomes: homologous blocks, variants, shared genes, distances and a tree.

Verbs
-----
compare           two genomes, aligned: blocks, variants, shared genes
distances         distances between several genomes
tree              a tree from distances, in Newick form
open_genome       a FASTA file, data set or AnnData as a genome
aligned_bases     positions of the bases that a block pairs
is_transition     which variants are transitions
simulate_genomes  two genomes whose true alignment is known
mutate            a sequence with some of its bases substituted

Results
-------
Comparison  what `compare` returns
Block       a stretch that two genomes share
Genome      chromosomes by name
GenomePair  what `simulate_genomes` returns

Figures
-------
plot.dotplot   homologous blocks of two genomes
plot.synteny   blocks and shared genes between two genomes
plot.variants  variants along a genome
plot.tree      a tree of genomes
AlignmentView  read an alignment of any length
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

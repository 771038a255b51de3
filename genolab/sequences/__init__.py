"""DNA and proteins as numbers: FASTA, regions, genomes, windows, annotation, codes.

Encode
------
one_hot             sequences -> (n, 4, length)
bases               and back
reverse_complement  the other strand
kmers               counts of k-mers
residue_codes       proteins -> numbers of residues
residues            numbers -> properties of residues
protein_letters     numbers -> text
translate           DNA -> protein
GENETIC_CODES       the genetic codes, by NCBI number

Genomes
-------
chromosome           the bases of a chromosome
windows              windows over a genome, cut as batches need them
tag_genome           a label for every base, from annotated genes
TAGS                 these labels
coding_genes         annotated genes with their coding parts
dubious_genes        those that are marked as dubious
open_reading_frames  open reading frames of a chromosome
best_min_length      the least length that fits known genes best
to_gff3              genes to a file
cluster_sequences    clusters of near-duplicates, for honest splits
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""DNA and proteins as numbers: FASTA, regions, genomes, windows, annotation, genetic codes.

Encode
------
one_hot             sequences -> (n, 4, length)
decode_one_hot      and back
reverse_complement  the other strand
kmers               counts of k-mers
encode_protein      proteins -> codes of residues, (n, length)
decode_protein      and back
one_hot_protein     codes -> (n, 20, length)
translate           DNA -> protein
GENETIC_CODES       the genetic codes, by NCBI's numbers

Genomes
-------
chromosome           the sequence of a chromosome, or of a part of it
row_sequences        the sequences of its rows: of features, or of windows
windows              windows over a genome, cut as batches need them
tag_genome           a label for every base, from annotated genes
TAGS                 these labels
coding_genes         annotated genes with their coding parts
dubious_genes        those that their annotators call dubious
open_reading_frames  open reading frames of a sequence
best_min_length      the least length of a reading frame that fits known genes best
to_gff3              features to a file
cluster_sequences    clusters of near-duplicates, for splits without leaks
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Genes in DNA: from labels of bases to genes and GFF3, and the open reading frames that every gene finder must beat."""

"""What genes do: ontologies, enriched gene sets, and functions of proteins predicted.

Ontologies
----------
go              the Gene Ontology, shipped
read_ontology   an OBO file
write_ontology  an ontology as a small table
Ontology        terms and what implies what
Annotations     genes and their terms
read_gaf        a GAF file: genes and their terms
EXPERIMENTAL    the evidence codes of experiments
read_gmt        gene sets of a GMT file
enrich          the sets that a group of genes is rich in
enrich_ranked   the sets at the top or bottom of a ranking

Models
------
FunctionClassifier  terms of proteins, true to the hierarchy
FrequencyBaseline   how frequent each term is
HomologBaseline     the terms of the nearest sequences
DipeptideBaseline   logistic regression on residues and pairs of residues
blend               the mean of two predictions
cluster_proteins    clusters of homologs, for splits that keep them together

Explanation and evaluation
--------------------------
explain_terms   the evidence for each term of a gene
Explanation     what `explain_terms` returns
residue_scores  the contribution of every residue
evaluate        Fmax and Smin as in CAFA, with intervals
by_term         figures of every term

Figures
-------
plot.enrichment  enriched gene sets
plot.depth       how well terms are predicted, by their depth
FunctionBrowser  walk through the functions of genes
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""What genes do, in the words of an ontology: its graph, sets of genes, and which of them a group of genes is rich in.

>>> go = gl.ontology.go()
>>> sets = go.gene_sets(annotations)  # the genes of each term, those of its narrower terms included
>>> gl.ontology.enrich(explorer.selection, sets, background=genes.obs_names, names=go.names).head()
>>> gl.ontology.enrich_ranked(genes.obsm["X_rnn"][:, 0], sets, background=genes, names=go.names).head()
"""

from genolab.ontology.enrichment import enrich
from genolab.ontology.files import go, read, write
from genolab.ontology.graph import Annotations, Ontology
from genolab.ontology.ranked import enrich_ranked
from genolab.ontology.sets import gene_sets

__all__ = ["Annotations", "Ontology", "enrich", "enrich_ranked", "gene_sets", "go", "read", "write"]

"""How what is known of genes, in the words of an ontology, is made from its files."""

from typing import TYPE_CHECKING

from genolab.data.builders import Paths

if TYPE_CHECKING:
    from anndata import AnnData


def build_yeast_go(paths: Paths) -> "AnnData":
    """Read the table that ``data/build.py`` made: a gene, its standard name, its kind and its terms.

    A row is a gene, by its systematic name. ``obsm["terms"]`` is ``(n_genes, n_terms)`` CSR uint8, its columns named by
    ``uns["terms"]``: the terms as they were given, without the broader ones that they imply, which
    `genolab.ontology.Ontology.annotate` adds.
    """
    import gzip

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    lines = gzip.decompress(paths["yeast_go.tsv.gz"].read_bytes()).decode().splitlines()[1:]
    genes, names, kinds, numbers = zip(*(line.split("\t") for line in lines), strict=True)
    given = [np.array(text.split(), dtype=np.int64) for text in numbers]
    terms, columns = np.unique(np.concatenate(given), return_inverse=True)
    ends = np.cumsum([0, *map(len, given)])
    matrix = sparse.csr_matrix((np.ones(len(columns), np.uint8), columns, ends), shape=(len(genes), len(terms)))
    obs = pd.DataFrame({"name": names, "kind": pd.Categorical(kinds)}, index=list(genes))
    return AnnData(obs=obs, obsm={"terms": matrix}, uns={"terms": [f"GO:{number:07d}" for number in terms]})

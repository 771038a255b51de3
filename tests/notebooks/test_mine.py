"""The notebook for data of one's own takes files of all kinds by its first cell alone, and leaves them as they were."""

import copy
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import nbformat
import numpy as np
import pandas as pd
import pytest
import scipy.io
from nbformat import NotebookNode
from scipy import sparse

import genolab as gl
from genolab.jupyter import execute

MINE = Path(__file__).parents[2] / "notebooks" / "mine.ipynb"
CELL_SECONDS = 300  # only against hanging
N_CELLS = 150


def counts() -> ad.AnnData:
    """Some cells of the shipped sample, with the genes that have most counts and the mitochondrial ones."""
    cells = gl.data.fetch("immune_sample")[:N_CELLS]
    total = np.asarray(cells.layers["counts"].sum(axis=0)).ravel()
    kept = (total >= np.sort(total)[-1200]) | cells.var_names.str.startswith("MT-")
    return ad.AnnData(sparse.csr_matrix(cells.layers["counts"][:, kept]), cells.obs[[]].copy(), cells.var[kept][[]])


def logged(cells: ad.AnnData) -> Any:
    size = np.asarray(cells.X.sum(axis=1))
    return sparse.csr_matrix(cells.X.multiply(1e4 / size)).log1p().astype(np.float32)


def with_ids(cells: ad.AnnData, values: Any, var: pd.DataFrame) -> ad.AnnData:
    """Other values in X, named by Ensembl ids, and the counts in raw."""
    whole = ad.AnnData(cells.X, cells.obs, var.set_axis([f"ENSG{number:011}" for number in range(len(var))]))
    named = ad.AnnData(values, cells.obs.copy(), whole.var.copy())
    named.raw = whole
    return named


def tenx(cells: ad.AnnData, path: Path) -> None:
    path.mkdir()
    with gzip.open(path / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, sparse.coo_matrix(cells.X.T.astype(int)))
    lines = {"barcodes": cells.obs_names, "features": [f"E{n}\t{n}\tGene Expression" for n in cells.var_names]}
    for name, each in lines.items():
        (path / f"{name}.tsv.gz").write_bytes(gzip.compress("\n".join(each).encode()))


def czi(cells: ad.AnnData, path: Path) -> None:
    named = with_ids(cells, logged(cells), pd.DataFrame({"feature_name": list(cells.var_names)}))
    has_many = np.asarray(cells.X[:, (cells.var_names == "CD3D") | (cells.var_names == "CD68")].sum(axis=1)).ravel() > 1
    named.obs["cell_type"] = pd.Categorical(np.where(has_many, "some", "others"))
    named.obs["donor_id"] = pd.Categorical([f"donor {number % 6}" for number in range(N_CELLS)])
    named.write_h5ad(path)


def csv(cells: ad.AnnData, path: Path) -> None:
    cells.to_df().astype(int).to_csv(path)


def zarr(cells: ad.AnnData, path: Path) -> None:
    labels = pd.Categorical.from_codes(np.arange(len(cells)) % 2, ["a", "b"])  # under a name that clusters might have
    obs = cells.obs.assign(cluster=labels)
    ad.AnnData(logged(cells), obs, cells.var, layers={"counts": cells.X}).write_zarr(path)


def loom(cells: ad.AnnData, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["matrix"] = cells.X.toarray().T
        file["col_attrs/CellID"], file["row_attrs/Gene"] = list(cells.obs_names), list(cells.var_names)


def unknown(cells: ad.AnnData, path: Path) -> None:
    """What a person has who knows nothing of it: scaled values, ids, no symbols and no labels, counts in raw."""
    values = logged(cells).toarray()
    scaled = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-3)
    with_ids(cells, scaled, pd.DataFrame(index=cells.var_names)).write_h5ad(path)


KINDS = {
    "tenx": (tenx, {}),
    "czi.h5ad": (czi, {"donor": "donor_id"}),
    "table.csv.gz": (csv, {}),
    "store.zarr": (zarr, {"labels": "cluster"}),
    "cells.loom": (loom, {}),
    "unknown.h5ad": (unknown, {}),
}


def content(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()


def copies(folder: Path) -> Iterator[NotebookNode]:
    """The notebook's cells once for each file, the first with its choices replaced."""
    for name, (_, choices) in KINDS.items():
        cells = copy.deepcopy(nbformat.read(MINE, as_version=4).cells)
        first = next(cell for cell in cells if cell.cell_type == "code")
        chosen = {"path": str(folder / name), "epochs": 20, "n_genes": 500, "folder": str(folder / "results")} | choices
        assert all(f"\n{choice} = " in f"\n{first.source}" for choice in chosen)
        first.source = "\n".join([first.source, *(f"{choice} = {value!r}" for choice, value in chosen.items())])
        for cell in cells:
            cell.id = f"{Path(name).stem.partition('.')[0]}-{cell.id}"
        yield from cells


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of all kinds, and what the notebook made of them, in one kernel."""
    folder = tmp_path_factory.mktemp("mine")
    cells = counts()
    for name, (write, _) in KINDS.items():
        write(cells, folder / name)
    before = {name: content(folder / name) for name in KINDS}
    notebook = nbformat.v4.new_notebook(cells=list(copies(folder)))
    failure = execute.execute(notebook, folder, kernel="python3", timeout=CELL_SECONDS)
    assert failure is None, f"{failure.cell_id}: {failure}"
    nbformat.write(notebook, folder / "executed.ipynb")
    assert before == {name: content(folder / name) for name in KINDS}
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_ones_own_ends_with_pictures_and_files(folder: Path, name: str) -> None:
    start = folder / "results" / f"{Path(name).stem}_genolab"
    cells = gl.data.read(f"{start}.h5ad")
    assert cells.n_vars > 1000  # all genes, not those of the model alone
    assert {"X_vae", "X_umap", "X_pca"} <= set(cells.obsm)
    groups = {"czi.h5ad": "cell_type", "store.zarr": "cluster"}.get(name, "vae_cluster")
    if name == "store.zarr":  # a person's own labels stay
        assert list(cells.obs["cluster"])[:4] == ["a", "b", "a", "b"]
    table, markers = pd.read_csv(f"{start}_clusters.csv", index_col=0), pd.read_csv(f"{start}_markers.csv")
    assert list(table.index) == list(cells.obs_names)
    assert set(markers["group"].astype(str)) == set(cells.obs[groups].astype(str))
    assert ("symbol" in markers) == ("czi" in name)
    assert Path(f"{start}.html").stat().st_size > 4e6
    executed = nbformat.read(folder / "executed.ipynb", as_version=4).cells
    own = [cell for cell in executed if cell.id.startswith(Path(name).stem.partition(".")[0])]
    shown = [kind for cell in own for output in cell.get("outputs", []) for kind in output.get("data", {})]
    assert shown.count("application/vnd.plotly.v1+json") == 5
    assert "image/png" in shown

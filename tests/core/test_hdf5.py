"""HDF5 and zarr by what they hold: 10x of any version, loom, AnnData under another suffix, and what none of them is."""

import warnings
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import genolab as gl

COUNTS = np.array([[0, 5, 0], [1, 0, 7]], dtype=np.int32)  # cells x genes


def example() -> anndata.AnnData:
    obs, var = pd.DataFrame(index=["c1", "c2"]), pd.DataFrame(index=["A", "B", "C"])
    return anndata.AnnData(sparse.csr_matrix(COUNTS.astype(np.float32)), obs=obs, var=var)


def dense(adata: anndata.AnnData) -> list[list[float]]:
    return adata.X.toarray().tolist() if sparse.issparse(adata.X) else adata.X.tolist()


def tenx_2(path: Path, *genomes: str) -> Path:
    columns = sparse.csc_matrix(COUNTS.T)
    with h5py.File(path, "w") as file:
        for number, genome in enumerate(genomes, start=1):
            group = file.create_group(genome)
            group["barcodes"], group["shape"] = np.array([b"c1", b"c2"]), columns.shape
            group["data"], group["indices"], group["indptr"] = columns.data * number, columns.indices, columns.indptr
            group["genes"], group["gene_names"] = np.array([b"E1", b"E2", b"E3"]), np.array([b"A", b"B", b"C"])
    return path


def tenx_3(path: Path, types: list[str], genomes: list[str] | None = None) -> Path:
    columns = sparse.csc_matrix(COUNTS.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"], group["shape"] = np.array([b"c1", b"c2"]), columns.shape
        group["data"], group["indices"], group["indptr"] = columns.data, columns.indices, columns.indptr
        group["features/id"], group["features/name"] = np.array([b"E1", b"E2", b"E3"]), np.array([b"A", b"B", b"C"])
        group["features/feature_type"] = np.array([name.encode() for name in types])
        group["features/genome"] = np.array([name.encode() for name in genomes or ["GRCh38"] * 3])
    return path


# --- 10x


def test_a_genome_of_several_is_taken_by_its_name(tmp_path: Path) -> None:
    path = tenx_2(tmp_path / "run.h5", "hg19", "mm10")
    with pytest.raises(ValueError, match="has counts of 2 genomes: pass genome, one of hg19, mm10"):
        gl.data.read(path)
    assert dense(gl.data.read(path, genome="hg19")) == COUNTS.tolist()
    assert dense(gl.data.read(path, genome="mm10")) == (2 * COUNTS).tolist()
    with pytest.raises(ValueError, match="has no genome 'hg38'; it has hg19, mm10"):
        gl.data.read(path, genome="hg38")


def test_one_genome_needs_no_name(tmp_path: Path) -> None:
    assert dense(gl.data.read(tenx_2(tmp_path / "run.h5", "hg19"))) == COUNTS.tolist()


def test_a_genome_is_taken_from_version_3_too(tmp_path: Path) -> None:
    path = tenx_3(tmp_path / "run.h5", ["Gene Expression"] * 3, ["hg19", "mm10", "mm10"])
    assert gl.data.read(path).n_vars == 3
    assert dense(gl.data.read(path, genome="mm10")) == COUNTS[:, 1:].tolist()
    with pytest.raises(ValueError, match="has no genome 'hg38'; it has hg19, mm10"):
        gl.data.read(path, genome="hg38")


def test_peaks_alone_are_named_and_taken_when_asked_for(tmp_path: Path) -> None:
    path = tenx_3(tmp_path / "run.h5", ["Peaks"] * 3)
    with pytest.raises(ValueError, match=r"no features of type 'Gene Expression'; it has {'Peaks': 3}: .*='Peaks'"):
        gl.data.read(path)
    assert dense(gl.data.read(path, feature_types="Peaks")) == COUNTS.tolist()


def test_types_of_features_are_chosen_in_a_folder_too(tmp_path: Path) -> None:
    from scipy.io import mmwrite

    mmwrite(tmp_path / "matrix.mtx", sparse.coo_matrix(COUNTS.T))
    (tmp_path / "barcodes.tsv").write_text("c1\nc2\n")
    (tmp_path / "features.tsv").write_text("p1\tp1\tPeaks\nE2\tB\tGene Expression\nE3\tC\tAntibody Capture\n")
    with pytest.warns(UserWarning, match="aren't gene expression are left out"):
        assert list(gl.data.read(tmp_path).var_names) == ["B"]
    with pytest.warns(UserWarning, match=r"are of other types are left out: {'Gene Expression': 1}"):
        assert list(gl.data.read(tmp_path, feature_types=["Peaks", "Antibody Capture"]).var_names) == ["p1", "C"]
    with pytest.raises(ValueError, match="no features of type 'Genes'"):
        gl.data.read(tmp_path, feature_types="Genes")


def test_a_molecule_info_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "molecule_info.h5", "w") as file:
        file["barcode_idx"], file["umi"], file["count"] = np.zeros(3), np.zeros(3), np.zeros(3)
    with pytest.raises(
        ValueError, match="it is a molecule_info file, a row a molecule: read filtered_feature"
    ) as caught:
        gl.data.read(tmp_path / "molecule_info.h5")
    assert "damaged" not in str(caught.value)


# --- other suffixes, other files


@pytest.mark.parametrize("name", ["c.h5", "c.hdf5", "c.loom", "C.H5AD"])
def test_an_anndata_under_another_suffix_is_read_by_its_content(tmp_path: Path, name: str) -> None:
    example().write_h5ad(tmp_path / "cells.h5ad")
    (tmp_path / "cells.h5ad").rename(tmp_path / name)
    assert dense(gl.data.read(tmp_path / name)) == COUNTS.tolist()


def test_counts_of_10x_named_h5ad_are_read_by_their_content(tmp_path: Path) -> None:
    assert dense(gl.data.read(tenx_3(tmp_path / "run.h5ad", ["Gene Expression"] * 3))) == COUNTS.tolist()


def test_hdf5_that_is_no_anndata_says_what_it_holds_and_how_to_read_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["X"], file["group/Y"] = np.zeros((4, 2)), np.zeros(4)
    with pytest.raises(ValueError, match=r"it holds X \(4, 2\), group/Y \(4,\): make an AnnData") as caught:
        gl.data.read(tmp_path / "c.h5")
    assert "damaged" not in str(caught.value)


def test_tables_of_pandas_in_hdf5_are_named_as_such(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_group("df").attrs["pandas_type"] = b"frame"
    with pytest.raises(ValueError, match=r"tables of pandas, df: read one by pandas\.read_hdf\(path, 'df'\)"):
        gl.data.read(tmp_path / "c.h5")


def test_mudata_names_its_parts_and_how_to_take_one(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_group("mod/rna")
        file.create_group("mod/prot")
    with pytest.raises(ValueError, match=r"it is MuData of prot, rna: take one by anndata\.io\.read_elem"):
        gl.data.read(tmp_path / "c.h5")


def test_spatialdata_names_its_inner_tables(tmp_path: Path) -> None:
    inner = tmp_path / "s.zarr" / "tables" / "table"
    inner.parent.mkdir(parents=True)
    with warnings.catch_warnings(action="ignore"):
        example().write_zarr(inner)
    with pytest.raises(ValueError, match=r"is no AnnData but holds 1, as SpatialData .* read one of '.*tables/table'"):
        gl.data.read(tmp_path / "s.zarr")
    assert dense(gl.data.read(inner)) == COUNTS.tolist()


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_an_unknown_encoding_names_the_element_and_asks_for_a_newer_anndata(tmp_path: Path, suffix: str) -> None:
    adata = example()
    adata.uns["new"] = {"thing": "x"}
    path = tmp_path / f"c{suffix}"
    if suffix == ".h5ad":
        adata.write_h5ad(path)
        with h5py.File(path, "r+") as file:
            file["uns/new/thing"].attrs["encoding-type"] = "quaternion"
    else:
        import zarr

        with warnings.catch_warnings(action="ignore"):
            adata.write_zarr(path)
        (path / ".zmetadata").unlink()
        zarr.open(path, mode="r+")["uns/new/thing"].attrs["encoding-type"] = "quaternion"
    with pytest.raises(NotImplementedError, match=r"uns/new/thing is of an encoding .*quaternion.* newer anndata"):
        gl.data.read(path)


# --- loom


def loom(path: Path, **more: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["matrix"] = COUNTS.T
        file["layers/spliced"] = COUNTS.T * 2
        text = h5py.string_dtype()
        file["row_attrs/Gene"] = np.array([b"A", b"B&#945;", b"C"])
        file["row_attrs/Accession"] = np.array(["E1", "E2", "E3"], dtype=object).astype(text)
        file["col_attrs/CellID"] = np.array(["c1", "c2é"], dtype=object).astype(text)
        file["col_attrs/Age"], file["col_attrs/UMAP"] = np.array([3.0, 4.5]), np.array([[1, 2], [3, 4]])
        for part, value in zip("abw", ([0], [1], [0.5]), strict=True):
            file[f"col_graphs/KNN/{part}"] = value
        for name, value in more.items():
            file[name] = value
    return path


def test_a_loom_is_read_with_its_layers_attributes_and_graphs(tmp_path: Path) -> None:
    read = gl.data.read(loom(tmp_path / "c.loom"))
    assert dense(read) == COUNTS.tolist()
    assert (read.X.format, read.X.dtype) == ("csr", np.float32)
    assert read.layers["spliced"].toarray().tolist() == (2 * COUNTS).tolist()
    assert read.var_names.tolist() == ["A", "B\N{GREEK SMALL LETTER ALPHA}", "C"]
    assert read.var["Accession"].tolist() == ["E1", "E2", "E3"]
    assert read.obs_names.tolist() == ["c1", "c2é"]
    assert read.obs["Age"].tolist() == [3, 4.5]
    assert read.obsm["UMAP"].tolist() == [[1, 2], [3, 4]]
    assert read.obsp["KNN"].toarray().tolist() == [[0, 0.5], [0, 0]]


def test_a_large_loom_is_read_by_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genolab.data.readers._VALUES_AT_ONCE", 3)
    assert dense(gl.data.read(loom(tmp_path / "c.loom"))) == COUNTS.tolist()


def test_a_loom_without_names_says_which_it_has(tmp_path: Path) -> None:
    path = loom(tmp_path / "c.loom")
    with h5py.File(path, "r+") as file:
        del file["col_attrs/CellID"]
    with pytest.raises(
        ValueError, match=r"one of CellID, obs_names, .* must name the rows of /col_attrs, which has Age"
    ):
        gl.data.read(path)


# --- damaged


def test_texts_on_which_the_library_would_read_without_end_are_refused(tmp_path: Path) -> None:
    example().write_h5ad(path := tmp_path / "cells.h5ad")
    content = path.read_bytes()
    heap = content.index(b"GCOL")
    path.write_bytes(content[: heap + 16] + bytes(64) + content[heap + 80 :])  # as a broken download leaves it
    with pytest.raises(ValueError, match=rf"cells\.h5ad: its texts are damaged \(from byte {heap + 16:,}\): fetch or"):
        gl.data.read(path)

"""The same values give the same answer, whatever their number type and however they are stored."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from toy_matrices import FORMS, forms_of, read_only
from toy_models import counts

import genolab as gl
from genolab.data import AnnDataset

KINDS = ["bool", "uint8", "int64", "float16", "float32"]


def whole(kind: str = "int64") -> np.ndarray:
    values = counts(40, 12).X.toarray().astype("int64")
    return (values > 0) if kind == "bool" else values


def stored(kind: str) -> list[tuple[str, np.ndarray | sparse.spmatrix]]:
    """Return the counts in all forms that there are for the number type."""
    return [(name, read_only(FORMS[name](whole(kind).astype(kind)).copy())) for name in forms_of(kind)]


def cells(matrix) -> ad.AnnData:
    obs = pd.DataFrame({"kind": pd.Categorical(np.array(["a", "b"])[np.arange(40) % 2])}, index=map(str, range(40)))
    adata = ad.AnnData(matrix, obs)
    adata.layers["counts"] = matrix
    return adata


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_gives_the_same_floats_hashes_and_summary(kind, tmp_path):
    expected = AnnDataset(cells(whole(kind).astype("float64")))
    row = torch.arange(40).flip(0)
    for form, matrix in stored(kind):
        adata = cells(matrix)
        datasets = [
            AnnDataset(adata),
            AnnDataset(adata, "layers/counts"),
            AnnDataset(adata[:]),
            AnnDataset(adata).to("cpu"),
        ]
        if form in {"dense", "csr", "csc"}:
            adata.write_h5ad(path := tmp_path / f"{form}.h5ad")
            datasets.append(AnnDataset(ad.read_h5ad(path, backed="r")))
        for dataset in datasets:
            batch = dataset.batch(row)
            assert batch.x.dtype == torch.float32, form
            assert torch.equal(batch.x, expected.batch(row).x), form
            assert np.array_equal(dataset.hashes(), expected.hashes()), form
            one, other = dataset.summary(), expected.summary()
            assert (one.minimum, one.maximum, one.whole) == (other.minimum, other.maximum, other.whole), form
            assert one.empty_rows.tolist() == other.empty_rows.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_is_the_same_numbers(kind):
    expected = AnnDataset(cells(whole(kind).astype("float64")), target="X")
    for form, matrix in stored(kind):
        dataset = AnnDataset(cells(matrix), target="X")
        assert torch.equal(dataset.batch([3, 1]).target, expected.batch([3, 1]).target), form


@pytest.mark.parametrize("kind", KINDS[1:])  # booleans are classes
def test_columns_of_obs_are_the_same_numbers(kind):
    obs = pd.DataFrame({"value": np.arange(40) % 2, "other": np.arange(40) % 3}, index=map(str, range(40))).astype(kind)
    batch = AnnDataset(ad.AnnData(whole(), obs), target="obs/value", covariates="other").batch([1, 5, 2])
    assert batch.target.tolist() == [1, 1, 0]
    assert batch.covariates["other"].tolist() == [1, 2, 2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:X holds whole numbers")
def test_markers_are_the_same(kind):
    inside = np.arange(40) % 2 == 0
    expected = gl.evaluate.markers(cells(whole(kind).astype("float64")), inside)
    for form, matrix in stored(kind):
        for adata in (cells(matrix), cells(matrix)[:]):
            found = gl.evaluate.markers(adata, inside)
            assert list(found["gene"]) == list(expected["gene"]), form
            assert np.allclose(found[["score", "p_value"]], expected[["score", "p_value"]], rtol=1e-4), form


@pytest.mark.parametrize("kind", KINDS)
def test_reconstructions_and_latent_spaces_have_the_same_scores(kind):
    values = whole(kind).astype("float64")
    kinds = np.arange(40) % 2
    expected = gl.evaluate.reconstruction(values, {"mean": values.mean(axis=0)}, n_boot=0)["value"]
    score = gl.evaluate.knn_scores(values, kinds, n_neighbors=3, n_boot=0).accuracy.value
    for form, matrix in stored(kind):
        found = gl.evaluate.reconstruction(matrix, {"mean": values.mean(axis=0)}, n_boot=0)["value"]
        assert np.allclose(found, expected), form
        if not sparse.issparse(matrix):
            assert gl.evaluate.knn_scores(matrix, kinds, n_neighbors=3, n_boot=0).accuracy.value == score

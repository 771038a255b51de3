"""genolab.preprocess.counts: where counts are, what passes for them, in whatever form they are stored."""

import functools
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from toy_matrices import FORMS, forms_of, read_only

from genolab.preprocess import Recipe, apply, counts_of, find_counts, fitted, quality, suggest


def cells(counts: Any, genes: list[str] | None = None) -> AnnData:
    counts = np.asarray(counts)
    obs = pd.DataFrame(index=[f"c{i}" for i in range(counts.shape[0])])
    return AnnData(counts, obs=obs, var=pd.DataFrame(index=genes or [f"g{i}" for i in range(counts.shape[1])]))


def noise(n_cells: int = 40, n_genes: int = 30, seed: int = 0) -> Any:
    """Small counts with spread-out means, none over 100, so that every type of number holds them."""
    random = np.random.default_rng(seed)
    mean = np.exp(random.normal(1, 1, n_genes))
    return np.minimum(random.poisson(mean * random.gamma(2, 0.5, (n_cells, n_genes))), 100).astype(float)


def dense(matrix: Any) -> Any:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


# --- where counts are


def lognormal() -> AnnData:
    """Log values in X, counts in raw, which has one gene more, as the CZI schema has it, and in a layer."""
    counts = np.array([[1, 3, 2], [2, 2, 5]], dtype=np.float32)
    whole = cells(counts, ["a", "b", "MT-c"])
    adata = cells(np.log1p(counts[:, :2] / 7), ["a", "b"])
    adata.raw = whole
    adata.layers["raw_counts"] = sparse.csr_matrix(counts[:, :2])
    adata.obs["donor"] = ["x", "y"]
    adata.obsm["X_pca"] = np.ones((2, 2))
    return adata


def test_an_error_names_where_counts_are() -> None:
    with pytest.raises(ValueError, match=r"whole numbers in raw, layers\['raw_counts'\]: pass counts='raw'"):
        apply(lognormal())
    adata = lognormal()
    adata.X = None
    with pytest.raises(ValueError, match=r"X is empty, .* pass counts='raw'"):
        quality(adata)


def test_counts_in_raw_are_taken_with_all_of_its_genes() -> None:
    adata = lognormal()
    before = adata.copy()
    taken = apply(adata, Recipe(log1p=False, target_sum=6), counts="raw")
    assert list(taken.var_names) == ["a", "b", "MT-c"]
    np.testing.assert_array_equal(taken.layers["counts"], [[1, 3, 2], [2, 2, 5]])
    np.testing.assert_allclose(taken.X, [[1, 3, 2], [4 / 3, 4 / 3, 10 / 3]], rtol=1e-6)
    assert list(taken.obs["donor"]) == ["x", "y"]
    assert taken.obsm["X_pca"].shape == (2, 2)
    np.testing.assert_allclose(quality(adata, "raw")["pct_counts_mt"], [100 / 3, 500 / 9])
    np.testing.assert_array_equal(adata.X, before.X)
    assert list(adata.layers) == ["raw_counts"]


@pytest.mark.parametrize("counts", ["layers/raw_counts", "raw_counts"])
def test_counts_in_a_layer_of_any_name_are_taken_when_named(counts: str) -> None:
    np.testing.assert_array_equal(dense(counts_of(lognormal(), counts)), [[1, 3], [2, 2]])
    np.testing.assert_array_equal(dense(apply(lognormal(), counts=counts).layers["counts"]), [[1, 3], [2, 2]])


def test_raw_with_the_same_genes_leaves_the_rest_as_it_is() -> None:
    adata = cells([[0.5, 0.1], [0.2, 0.3]])
    adata.raw = cells([[1, 3], [2, 2]])
    adata.varm["loadings"] = np.ones((2, 1))
    taken = apply(adata, counts="raw")
    assert list(taken.varm) == ["loadings"]
    np.testing.assert_array_equal(taken.layers["counts"], [[1, 3], [2, 2]])


def test_counts_that_are_not_there_are_refused_by_name() -> None:
    with pytest.raises(KeyError, match="this AnnData has no raw"):
        counts_of(cells([[1, 2]]), "raw")
    with pytest.raises(KeyError, match="'layers/umi' is not in this AnnData"):
        counts_of(cells([[1, 2]]), "umi")


# --- what passes for counts


def test_halves_are_refused_with_the_argument_that_rounds_them() -> None:
    estimated = cells([[0.5, 3.0], [2.25, 7.5]])
    with pytest.raises(ValueError, match="round_counts=True"):
        apply(estimated)
    np.testing.assert_array_equal(counts_of(estimated, round_counts=True), [[0, 3], [2, 8]])
    np.testing.assert_array_equal(apply(estimated, round_counts=True).layers["counts"], [[0, 3], [2, 8]])
    np.testing.assert_array_equal(quality(estimated, round_counts=True)["total_counts"], [3, 10])
    assert estimated.X.tolist() == [[0.5, 3.0], [2.25, 7.5]]


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_what_float32_and_a_logarithm_and_back_change_is_forgiven(form: Any) -> None:
    counts = np.array([[1, 0, 3], [20, 300, 70_000]], dtype=np.float32)
    back = np.expm1(np.log1p(counts)) + np.float32(1e-7) - np.float32(2e-7) * (counts == 0)
    assert (back != counts).any()
    adata = cells(np.zeros((2, 3)))
    adata.X = form(back)
    np.testing.assert_array_equal(dense(counts_of(adata)), counts)
    np.testing.assert_array_equal(dense(adata.X), back)


def test_rounding_does_not_hide_counts_that_are_elsewhere_nor_negative_values() -> None:
    with pytest.raises(ValueError, match=r"negative values, first -1\.5"):
        counts_of(cells([[1.0, -1.5]]), round_counts=True)
    with pytest.raises(ValueError, match="pass counts='raw'"):
        counts_of(lognormal(), round_counts=True)


def test_log_values_that_say_so_are_not_rounded() -> None:
    adata = cells(np.log1p([[1.0, 2.0], [3.0, 1.0]]))
    adata.uns["log1p"] = {"base": None}
    with pytest.raises(ValueError, match=r"uns\['log1p'\] says, and can't be rounded"):
        apply(adata, round_counts=True)


def test_masked_values_are_missing() -> None:
    adata = cells([[1.0, 2.0]])
    adata.layers["counts"] = np.ma.array([[1, 2]], mask=[[False, True]])
    with pytest.raises(ValueError, match="holds NaN"):
        counts_of(adata)


def test_shares_and_log_values_are_no_counts() -> None:
    for values in (noise() / noise().sum(), np.log1p(noise())):
        with pytest.raises(ValueError, match="holds fractions"):
            counts_of(cells(values))


# --- whatever way they are stored


TYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64"]
IN_MEMORY = [*FORMS, "read-only dense", "read-only csr", "view"]
BACKED = ["backed dense", "backed csc", "backed csr"]


def stored(counts: Any, kind: str, form: str, folder: Path) -> AnnData:
    matrix = counts.astype(kind)
    if form == "view":
        adata = cells(np.vstack([matrix, matrix[:1]]))[:-1]
        assert adata.is_view
        return adata
    how, _, name = form.rpartition(" ")
    if name not in forms_of(kind):
        matrix = matrix.astype("float32")
    adata = cells(counts)
    adata.X = FORMS[name](matrix)
    if how == "read-only":
        read_only(adata.X)
    if how != "backed":
        return adata
    adata.write_h5ad(folder / "c.h5ad")
    return ad.read_h5ad(folder / "c.h5ad", backed="r")


@functools.cache
def dense_float64(*, is_binary: bool) -> AnnData:
    counts = np.minimum(noise(), 1) if is_binary else noise()
    return apply(cells(counts), Recipe(n_top_genes=None if is_binary else 10, scale=True))


@pytest.mark.parametrize("form", IN_MEMORY + BACKED)
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_and_form_gives_the_answer_of_dense_float64(kind: str, form: str, tmp_path: Path) -> None:
    counts = noise() if kind != "bool" else np.minimum(noise(), 1)
    rule = Recipe(n_top_genes=None if kind == "bool" else 10, scale=True)
    expected, adata = dense_float64(is_binary=kind == "bool"), stored(counts, kind, form, tmp_path)
    found = apply(adata, rule)
    assert list(found.var_names) == list(expected.var_names)
    np.testing.assert_allclose(dense(found.X), expected.X, rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(dense(found.layers["counts"]), expected.layers["counts"])
    pd.testing.assert_frame_equal(quality(adata), quality(cells(counts)), check_dtype=False)
    pd.testing.assert_frame_equal(found.obs, expected.obs, check_dtype=False)


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(TYPES[1:]), form=st.sampled_from(IN_MEMORY), seed=st.integers(0, 99), size=st.integers(0, 3)
)
def test_any_counts_give_the_same_quality_in_every_form(kind: str, form: str, seed: int, size: int) -> None:
    counts = noise(5 + size, 4 + size, seed)
    found = quality(stored(counts, kind, form, Path()))
    pd.testing.assert_frame_equal(found, quality(cells(counts)), check_dtype=False)


def test_a_view_of_a_file_is_read_as_well(tmp_path: Path) -> None:
    adata = stored(noise(), "float32", "backed csr", tmp_path)[::2]
    np.testing.assert_array_equal(apply(adata).layers["counts"].toarray(), noise()[::2])


def test_sums_of_halves_and_bytes_do_not_overflow() -> None:
    for kind in ("float16", "int8", "uint8"):
        metrics = quality(cells(np.full((2, 3000), 100, dtype=kind)))
        assert list(metrics["total_counts"]) == [300_000, 300_000]


def test_counts_too_large_for_float32_stay_exact() -> None:
    assert dense(counts_of(cells(np.array([[2**24 + 1, 1]])))).tolist() == [[2**24 + 1, 1]]


# --- mitochondrial genes


@pytest.mark.parametrize(
    "gene", ["MT-ND1", "mt-Nd1", "GRCh38_MT-ND1", "mm10___mt-Cytb", "GRCh38-2020-A_MT-CO1", "mt:ND1", "MT.ND1"]
)
def test_mitochondrial_genes_are_known_by_name_with_a_genome_before_it_or_not(gene: str) -> None:
    assert quality(cells([[1, 3]], [gene, "ACTB"]))["pct_counts_mt"].tolist() == [25]


@pytest.mark.parametrize("gene", ["MTOR", "MT1A", "GRCh38_MTOR", "DMT-1", "HLA-MT-1"])
def test_other_genes_that_begin_alike_are_not_mitochondrial(gene: str) -> None:
    assert "pct_counts_mt" not in quality(cells([[1, 3]], [gene, "ACTB"]))


def test_mitochondrial_genes_are_known_by_symbol_where_names_are_accessions() -> None:
    adata = cells([[1, 3]], ["ENSG00000198888", "ENSG00000075624"])
    adata.var["feature_name"] = pd.Categorical(["MT-ND1", "ACTB"])
    assert quality(adata)["pct_counts_mt"].tolist() == [25]
    assert apply(cells([[1, 3], [3, 1]], ["GRCh38_MT-ND1", "ACTB"]), Recipe(max_mito=50)).n_obs == 1


@pytest.mark.parametrize(
    "marks",
    [
        pd.array([True, None, False], dtype="boolean"),
        pd.array([1, 0, 0], dtype="Int8"),
        np.array([1, 0, 0]),
        np.array([1.0, np.nan, 0.0]),
        ["True", "False", "FALSE"],
        pd.Categorical(["yes", "no", "no"]),
        pd.Categorical([True, False, None]),
        np.array([True, False, None], dtype=object),
    ],
)
def test_marks_of_mitochondrial_genes_are_read_however_they_are_written(marks: Any) -> None:
    adata = cells([[1, 3, 0]], ["x", "MT-y", "z"])
    adata.var["mt"] = marks
    assert quality(adata)["pct_counts_mt"].tolist() == [25]


def test_a_column_mt_that_marks_nothing_is_refused() -> None:
    adata = cells([[1, 3]])
    adata.var["mt"] = ["chrM", "chr1"]
    with pytest.raises(ValueError, match=r"var\['mt'\] marks mitochondrial genes .* got 'chr1', 'chrM'"):
        quality(adata)


def test_missing_genes_filled_with_zeros_do_not_break_the_next_quality_control() -> None:
    first = cells([[1, 3, 1], [2, 2, 1]], ["MT-a", "b", "c"])
    first.var["mt"] = [True, False, False]
    with pytest.warns(UserWarning, match="may come out too high"):
        filled = apply(first[:, :2].copy(), fitted(apply(first)), missing="zero")
    assert quality(filled)["pct_counts_mt"].tolist() == [25, 50]


def test_counts_are_found_wherever_they_are():
    adata = lognormal()
    with pytest.warns(UserWarning, match="X holds no counts: those in raw are taken"):
        assert find_counts(adata) == "raw"
    adata.layers["counts"] = adata.layers["raw_counts"]
    assert find_counts(adata) == "layers/counts"
    with pytest.raises(ValueError, match="counts"):
        find_counts(cells(np.array([[0.5, 1.2], [0.1, 2.2]])))
    assert find_counts(cells(np.array([[0.5, 1.2], [0.1, 2.2]])), round_counts=True) == "X"


def test_a_suggested_recipe_removes_outliers_alone():
    random = np.random.default_rng(0)
    counts = random.poisson(5, (200, 50)).astype(np.float32)
    counts[0] *= 50  # two cells, or many, in one
    counts[1, 5:] = 0  # hardly a cell
    counts[2, 0] = 1000  # it leaks
    adata = cells(counts, ["MT-1", *(f"g{number}" for number in range(1, 50))])
    left = apply(adata, suggest(adata))
    assert set(adata.obs_names) - set(left.obs_names) == {"c0", "c1", "c2"}
    assert suggest(adata, n_top_genes=20).n_top_genes == 20
    assert suggest(adata).n_top_genes is None  # there are no more

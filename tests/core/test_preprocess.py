import json
import sys
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

import genolab as gl
from genolab.preprocess import FittedRecipe, Recipe, apply, counts_of, fitted, quality, summary

LOG2 = np.log(2)


def toy(counts, genes=None):
    counts = np.asarray(counts, dtype=np.float32)
    names = genes or [f"g{i}" for i in range(counts.shape[1])]
    cells = [f"c{i}" for i in range(counts.shape[0])]
    return AnnData(counts.copy(), obs=pd.DataFrame(index=cells), var=pd.DataFrame(index=names))


def noise(n_cells=60, n_genes=40, seed=0):
    """Counts with spread-out means, so that every flavor can rank the genes."""
    random = np.random.default_rng(seed)
    mean = np.exp(random.normal(1, 1, n_genes))
    size = np.exp(random.normal(0, 0.3, (n_cells, 1)))
    return toy(random.poisson(mean * size * random.gamma(2, 0.5, (n_cells, n_genes))))


@pytest.fixture(scope="module")
def pbmc():
    """pbmc68k with the counts behind scanpy's log values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells = sc.datasets.pbmc68k_reduced()
    counts = np.round(np.expm1(cells.raw.X.toarray()) * cells.obs["n_counts"].to_numpy()[:, None] / 1e4)
    cells.layers["counts"] = sparse.csr_matrix(counts.astype(np.float32))
    return cells


def assert_same(one, other):
    """Hold two AnnData to be equal to the last bit, stored zeros and order of storage included."""
    assert list(one.obs_names) == list(other.obs_names)
    assert list(one.var_names) == list(other.var_names)
    for slot in ("X", "obs", "var", "uns", "obsm", "varm", "obsp", "varp", "layers"):
        assert_equal(getattr(one, slot), getattr(other, slot), slot)
    if one.raw is not None:
        assert_equal(one.raw.X, other.raw.X, "raw")


def assert_equal(one, other, where):
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif hasattr(one, "keys"):
        assert list(one.keys()) == list(other.keys()), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}/{key}")
    elif sparse.issparse(one):
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part), where)
    else:
        np.testing.assert_array_equal(one, other, where)


def dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


# What the numbers are


def test_values_are_log1p_of_counts_brought_to_the_target_sum():
    cells = apply(toy([[1, 3], [2, 2]]), Recipe(target_sum=4))
    np.testing.assert_allclose(cells.X, np.log1p([[1, 3], [2, 2]]), rtol=1e-6)


def test_without_a_target_sum_cells_are_brought_to_the_median():
    cells = apply(toy([[1, 1], [2, 2], [5, 5]]), Recipe(target_sum=None, log1p=False))
    np.testing.assert_allclose(cells.X, np.full((3, 2), 2.0))
    assert fitted(cells).target_sum == 4


def test_counts_stay_in_a_layer_and_values_are_float32():
    cells = apply(toy([[1, 3], [2, 2]]))
    np.testing.assert_array_equal(cells.layers["counts"], [[1, 3], [2, 2]])
    assert cells.X.dtype == np.float32


def test_quality_on_paper():
    metrics = quality(toy([[1, 3, 0], [0, 0, 5]], genes=["MT-A", "B", "mt-C"]))
    assert list(metrics["n_genes_by_counts"]) == [2, 1]
    assert list(metrics["total_counts"]) == [4, 5]
    np.testing.assert_allclose(metrics["pct_counts_mt"], [25, 100])


def test_quality_takes_a_marked_column_over_names():
    cells = toy([[1, 3], [4, 0]], genes=["MT-A", "B"])
    cells.var["mt"] = [False, True]
    np.testing.assert_allclose(quality(cells)["pct_counts_mt"], [75, 0])


def test_without_mitochondrial_genes_there_is_no_percentage():
    assert list(quality(toy([[1, 3], [4, 0]])).columns) == ["n_genes_by_counts", "total_counts"]


def test_the_steps_give_scanpys_own_numbers(pbmc):
    ours = apply(pbmc, Recipe(min_genes=200, min_cells=3, n_top_genes=300, flavor="seurat", scale=True, max_value=10))
    theirs = AnnData(pbmc.layers["counts"].copy(), obs=pbmc.obs[[]], var=pbmc.var[[]])
    sc.pp.filter_cells(theirs, min_genes=200)
    sc.pp.filter_genes(theirs, min_cells=3)
    sc.pp.normalize_total(theirs, target_sum=1e4)
    sc.pp.log1p(theirs)
    sc.pp.highly_variable_genes(theirs, n_top_genes=300, flavor="seurat", subset=True)
    theirs.X = theirs.X.toarray()
    sc.pp.scale(theirs, max_value=10)
    assert list(ours.var_names) == list(theirs.var_names)
    np.testing.assert_allclose(ours.X, theirs.X, atol=2e-5)
    np.testing.assert_allclose(ours.var["std"], theirs.var["std"], rtol=1e-5)


def test_log_values_equal_scanpys_bit_for_bit(pbmc):
    theirs = AnnData(pbmc.layers["counts"].copy())
    sc.pp.normalize_total(theirs, target_sum=1e4)
    sc.pp.log1p(theirs)
    np.testing.assert_array_equal(dense(apply(pbmc).X), theirs.X.toarray())


@pytest.mark.parametrize("flavor", ["seurat_v3", "seurat_v3_paper", "seurat", "cell_ranger"])
def test_variable_genes_are_exactly_as_many_as_asked(pbmc, flavor):
    cells = apply(pbmc, Recipe(n_top_genes=123, flavor=flavor))
    assert cells.n_vars == 123
    assert cells.var["highly_variable"].all()


def test_genes_that_tie_for_the_last_place_are_taken_in_order():
    random = np.random.default_rng(0)
    half = random.poisson(3, (50, 10))
    both = toy(np.hstack([half, half]))  # each gene has a twin, so an odd number must break a tie
    taken = {int(name.removeprefix("g")) for name in apply(both, Recipe(n_top_genes=5, flavor="seurat")).var_names}
    assert len(taken) == 5
    assert {gene - 10 for gene in taken if gene >= 10} < {gene for gene in taken if gene < 10}


def test_centred_scaling_gives_mean_zero_and_unit_variance_and_a_constant_gene_stays_zero():
    cells = apply(noise(), Recipe(scale=True))
    np.testing.assert_allclose(cells.X.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(cells.X.std(axis=0, ddof=1), 1, atol=1e-5)
    constant = apply(toy([[2, 2], [4, 4], [1, 1]]), Recipe(scale=True))
    np.testing.assert_allclose(constant.X, 0, atol=1e-6)


def test_scaling_without_centre_keeps_sparse_values_sparse_and_equals_the_dense_ones():
    raw = noise()
    rule = Recipe(scale=True, centre=False, max_value=2)
    plain = apply(raw, rule)
    raw.X = sparse.csr_matrix(raw.X)
    thin = apply(raw, rule)
    assert sparse.issparse(thin.X)
    np.testing.assert_allclose(thin.X.toarray(), plain.X, rtol=1e-5)
    assert thin.X.max() == pytest.approx(2)


def test_clipping_holds_on_both_sides():
    cells = apply(noise(), Recipe(scale=True, max_value=0.5))
    assert cells.X.min() == -0.5
    assert cells.X.max() == 0.5


# What is removed, and what is said about it


def test_empty_cells_and_genes_are_removed_and_counted():
    steps = summary(apply(toy([[1, 0, 2], [0, 0, 0], [3, 0, 1]])))
    assert list(steps["step"]) == ["as it came", "cells with at least 1 detected gene", "genes seen in at least 1 cell"]
    assert list(steps["cells_removed"]) == [0, 1, 0]
    assert list(steps["genes_removed"]) == [0, 0, 1]


def test_each_limit_removes_the_cells_beyond_it_and_keeps_those_on_it():
    counts = [[2, 8, 0], [5, 5, 0], [0, 50, 50], [0, 9, 0], [1, 5, 4]]
    raw = toy(counts, genes=["MT-A", "B", "C"])
    steps = summary(apply(raw, Recipe(min_genes=2, max_counts=10, max_mito=20)))
    assert list(steps["cells"]) == [5, 4, 3, 2, 2]


def test_a_cell_left_without_counts_by_the_gene_filter_is_removed_as_a_step_of_its_own():
    steps = summary(apply(toy([[1, 1, 0], [1, 1, 0], [0, 0, 7]]), Recipe(min_cells=2)))
    assert steps["step"].iloc[-1] == "cells with a count in the genes left"
    assert list(steps["cells"]) == [3, 3, 3, 2]


def test_filters_that_leave_no_cell_tell_what_each_step_left():
    with pytest.raises(
        ValueError, match=r"as it came: 2 cells x 2 genes; cells with at least 2 .*: 1 cells .*: 0 cells"
    ):
        apply(toy([[1, 1], [1, 0]]), Recipe(min_genes=2, max_counts=1))


def test_filters_that_leave_no_gene_tell_what_each_step_left():
    with pytest.raises(ValueError, match=r"genes seen in at least 3 cells: 2 cells x 0 genes\. Loosen"):
        apply(toy([[1, 1], [1, 1]]), Recipe(min_cells=3))


# The user's object


def test_the_input_is_never_changed(pbmc):
    before, ids = pbmc.copy(), {name: id(value) for name, value in pbmc.uns.items()}
    rule = Recipe(min_genes=250, n_top_genes=100, scale=True)
    cells = apply(pbmc, rule)
    cells.X[:] = 0
    cells.uns["neighbors"]["params"]["method"] = "mine"
    cells.obs["n_counts"] = 0
    assert_same(pbmc, before)
    assert {name: id(value) for name, value in pbmc.uns.items()} == ids


def test_stored_zeros_of_the_user_are_not_removed():
    matrix = sparse.csr_matrix(np.array([[1, 2], [3, 4]], dtype=np.float32))
    matrix.data[0] = 0
    raw = AnnData(matrix)
    quality(raw)
    apply(raw)
    assert raw.X.nnz == 4


def test_everything_of_the_user_is_carried_over(pbmc):
    cells = apply(pbmc, Recipe(min_genes=250, n_top_genes=100))
    kept = pbmc[cells.obs_names, cells.var_names]
    assert list(cells.obs["bulk_labels"]) == list(kept.obs["bulk_labels"])
    np.testing.assert_array_equal(cells.obsm["X_umap"], kept.obsm["X_umap"])
    np.testing.assert_array_equal(cells.varm["PCs"], kept.varm["PCs"])
    np.testing.assert_array_equal(cells.obsp["distances"].toarray(), kept.obsp["distances"].toarray())
    assert set(pbmc.uns) <= set(cells.uns)
    assert cells.raw.shape == (cells.n_obs, 765)


def test_no_global_seed_is_touched(pbmc):
    np.random.seed(7)  # noqa: NPY002 - the global state is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - as above
    apply(pbmc, Recipe(n_top_genes=50))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002 - as above


def test_the_same_input_gives_the_same_output(pbmc):
    rule = Recipe(n_top_genes=100, scale=True)
    assert_same(apply(pbmc, rule), apply(pbmc, rule))


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array, np.asarray])
@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_every_form_of_storage_gives_the_same_values(form, kind):
    raw = noise()
    expected = apply(raw, Recipe(n_top_genes=10, flavor="seurat")).X
    raw.X = form(raw.X.astype(kind))
    cells = apply(raw, Recipe(n_top_genes=10, flavor="seurat"))
    np.testing.assert_allclose(dense(cells.X), expected, rtol=1e-5)
    assert cells.X.dtype == np.float32


def test_a_backed_file_gives_the_values_of_the_one_in_memory(tmp_path):
    raw = noise()
    raw.X = sparse.csr_matrix(raw.X)
    raw.write_h5ad(tmp_path / "raw.h5ad")
    backed = ad.read_h5ad(tmp_path / "raw.h5ad", backed="r")
    np.testing.assert_array_equal(apply(backed).X.toarray(), apply(raw).X.toarray())
    assert not apply(backed).isbacked


def test_a_view_is_as_good_as_its_copy():
    raw = noise()
    view = raw[5:, 3:]
    np.testing.assert_array_equal(apply(view).X, apply(view.copy()).X)
    assert view.is_view


# Where counts come from


def test_a_counts_layer_comes_before_x():
    raw = toy([[0.5, -3], [2, 2]])
    raw.layers["counts"] = np.array([[1, 3], [2, 2]])
    np.testing.assert_allclose(apply(raw, Recipe(target_sum=4)).X, np.log1p([[1, 3], [2, 2]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "what"),
    [(-1, "negative values, first -1"), (0.5, "fractions, first 0.5"), (np.nan, "NaN"), (np.inf, "NaN")],
)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_what_is_no_count_is_named_with_its_cell_and_gene(value, what, form):
    counts = np.ones((3, 4), dtype=np.float32)
    counts[1, 2] = value
    raw = toy(counts)
    raw.X = form(raw.X)
    before = raw.copy()
    with pytest.raises(ValueError, match=rf"X holds {what}.* in cell 'c1', gene 'g2': put the raw counts in layers"):
        apply(raw)
    assert_same(raw, before)


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="holds values of type complex64"):
        counts_of(AnnData(np.ones((2, 2), dtype=np.complex64)))


def test_an_annadata_without_values_is_refused():
    with pytest.raises(ValueError, match=r"X is empty, layers has \['spliced'\]"):
        apply(AnnData(obs=toy(np.ones((2, 2))).obs, var=toy(np.ones((2, 2))).var, layers={"spliced": np.ones((2, 2))}))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_empty_anndata_is_refused(shape):
    with pytest.raises(ValueError, match=f"got {shape[0]} cells x {shape[1]} genes"):
        apply(toy(np.ones(shape)))


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_a_recipe_is_not_fitted_on_one_cell_or_one_gene(shape):
    with pytest.raises(ValueError, match="at least 2 cells and 2 genes"):
        apply(toy(np.ones(shape)))


def test_all_zero_counts_are_refused():
    with pytest.raises(ValueError, match="leaves nothing"):
        apply(toy(np.zeros((3, 3))))


@pytest.mark.parametrize("axis", ["obs", "var"])
def test_duplicate_names_are_refused_with_an_example(axis):
    raw = toy(np.ones((3, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        setattr(raw, f"{axis}_names", ["a", "b", "a"])
        with pytest.raises(ValueError, match=f"{axis} names must be unique, and 1 come more than once, such as 'a'"):
            apply(raw)


# The recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_genes", 0),
        ("max_mito", 101),
        ("target_sum", 0),
        ("n_top_genes", 0),
        ("max_value", -1),
        ("min_cells", np.nan),
    ],
)
def test_a_field_out_of_bounds_is_refused(field, value):
    with pytest.raises(ValueError, match=f"Recipe.{field} must be between"):
        Recipe(**{field: value})


def test_a_fraction_of_a_gene_is_refused():
    with pytest.raises(ValueError, match=r"Recipe.min_genes must be a whole number, got 2.5"):
        Recipe(min_genes=2.5)


def test_an_unknown_flavor_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"seurat_v3, seurat_v3_paper, seurat, cell_ranger, got 'seurat_v4'"):
        Recipe(flavor="seurat_v4")


def test_log_flavors_without_log_are_refused():
    with pytest.raises(ValueError, match="flavor='seurat' ranks log values"):
        Recipe(n_top_genes=10, flavor="seurat", log1p=False)


def test_more_variable_genes_than_genes_are_refused():
    with pytest.raises(ValueError, match="n_top_genes=50 asks for more than the 40 genes left"):
        apply(noise(), Recipe(n_top_genes=50))


def test_more_variable_genes_than_vary_are_refused():
    counts = noise().X
    counts[:, 5:] = 3
    with pytest.raises(ValueError, match=r"asks for more genes than differ between cells .*: 5 of 40"):
        apply(toy(counts), Recipe(n_top_genes=30, flavor="seurat", target_sum=None))


@pytest.mark.parametrize("n_genes", [2, 3, 9])
def test_too_few_genes_for_seurat_v3_are_an_error_and_no_crash(n_genes):
    with pytest.raises(ValueError, match=f"it needs at least 10 genes that vary, and there are {n_genes}"):
        apply(noise(n_genes=n_genes), Recipe(n_top_genes=2))


def test_genes_that_seurat_v3_cannot_rank_are_an_error_with_a_fix():
    rare = (np.arange(20 * 40).reshape(20, 40) % 41 == 0).astype(int)
    with pytest.raises(ValueError, match=r"flavor='seurat_v3' can't rank .* or take another flavor; 'seurat' bears"):
        apply(toy(rare), Recipe(n_top_genes=2))


def test_a_mitochondrial_limit_without_such_genes_is_refused():
    with pytest.raises(ValueError, match="max_mito=5 needs mitochondrial genes"):
        apply(toy(np.ones((3, 3))), Recipe(max_mito=5))


def test_without_scikit_misc_the_fix_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skmisc.loess", None)
    with pytest.raises(
        ImportError, match=r"needs scikit-misc: pip install 'genolab\[cells\]', or take flavor='seurat'"
    ):
        apply(noise(), Recipe(n_top_genes=10))


# What ships


def test_pbmc68k_goes_from_its_name_to_model_ready_values():
    cells = apply(gl.data.fetch("pbmc68k"), Recipe(min_genes=200, n_top_genes=500))
    assert cells.shape == (693, 500)
    assert cells.X.max() < np.log1p(1e4)
    assert cells.obs["cell_type"].nunique() == 10


def test_the_raw_sample_goes_through_quality_control():
    raw = gl.data.fetch("immune_sample")
    steps = summary(apply(raw, Recipe(min_genes=500, max_counts=20_000, max_mito=10, min_cells=3, n_top_genes=2000)))
    assert list(steps["cells"]) == [559, 540, 502, 366, 366, 366]
    assert steps["genes"].iloc[-1] == 2000


# Fitted on one data set, applied to another


@pytest.fixture(scope="module", params=["h5ad", "zarr", "memory"])
def first(request, tmp_path_factory):
    """Cells with a fitted recipe, also after writing and reading."""
    rule = Recipe(n_top_genes=12, flavor="seurat", min_cells=2, scale=True, max_value=3, target_sum=None)
    cells = apply(noise(), rule)
    path = tmp_path_factory.mktemp("cells") / f"cells.{request.param}"
    if request.param == "h5ad":
        cells.write_h5ad(path)
        return ad.read_h5ad(path)
    if request.param == "zarr":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anndata announces a new default of its own
            cells.write_zarr(path)
        return ad.read_zarr(path)
    return cells


def test_a_recipe_survives_writing_and_reading(first):
    known = fitted(first)
    assert known.recipe == Recipe(
        n_top_genes=12, flavor="seurat", min_cells=2, scale=True, max_value=3, target_sum=None
    )
    assert known.names == list(first.var_names)
    assert known.n_cells == 60
    assert known.version == gl.__version__
    assert summary(first)["genes"].iloc[-1] == 12


def test_a_fitted_recipe_on_its_own_cells_gives_the_same_values_bit_for_bit(first):
    again = apply(noise(), fitted(first))
    np.testing.assert_array_equal(again.X, first.X)


def test_other_cells_get_the_same_genes_in_the_same_order_on_the_same_scale(first):
    other = noise(seed=3)
    shuffled = other[:, np.random.default_rng(0).permutation(other.n_vars)].copy()
    cells = apply(shuffled, fitted(first))
    assert list(cells.var_names) == list(first.var_names)
    known = fitted(first)
    counted = other[:, known.genes.index].X
    expected = np.log1p(counted / counted.sum(axis=1, keepdims=True) * known.target_sum)
    kept = known.genes["kept"].to_numpy()
    expected = (expected[:, kept] - first.var["mean"].to_numpy()) / first.var["std"].to_numpy()
    np.testing.assert_allclose(cells.X, expected.clip(-3, 3), atol=1e-4)


def test_fitting_is_carried_on_from_data_set_to_data_set(first):
    second = apply(noise(seed=3), fitted(first))
    np.testing.assert_array_equal(apply(noise(), fitted(second)).X, first.X)


def test_extra_genes_are_dropped(first):
    other = noise(seed=3)
    more = toy(np.hstack([other.X, other.X[:, :5]]), genes=[*other.var_names, *"abcde"])
    np.testing.assert_array_equal(apply(more, fitted(first)).X, apply(other, fitted(first)).X)


def test_a_fitted_recipe_applies_to_a_single_cell(first):
    other = noise(seed=3)
    np.testing.assert_allclose(apply(other[:1], fitted(first)).X, apply(other, fitted(first)).X[:1], rtol=1e-6)


def test_missing_genes_are_named_and_counted(first):
    lost = list(first.var_names[:7])
    other = noise(seed=3)
    with pytest.raises(ValueError, match=rf"7 of the recipe's 12 genes .*: {', '.join(map(repr, lost[:5]))}, \.\.\.; "):
        apply(other[:, ~other.var_names.isin(lost)].copy(), fitted(first))


def test_missing_genes_filled_with_zeros_stand_in_their_place_and_are_marked(first):
    lost = list(first.var_names[[0, 5]])
    other = noise(seed=3)
    other.var["flag"], other.var["note"] = True, "seen"
    known = fitted(first)
    cells = apply(other[:, ~other.var_names.isin(lost)].copy(), known, missing="zero")
    assert list(cells.var_names) == list(first.var_names)
    assert list(cells.var_names[cells.var["filled"]]) == lost
    assert not dense(cells[:, lost].layers["counts"]).any()
    silenced = other.copy()
    silenced.X[:, other.var_names.isin(lost)] = 0
    np.testing.assert_allclose(cells.X, apply(silenced, known).X, atol=1e-5)


def test_filled_genes_survive_writing(first, tmp_path):
    other = noise(seed=3)
    other.X = sparse.csr_matrix(other.X)
    other.var["flag"], other.var["note"], other.var["number"] = True, "seen", 3
    other.raw = other.copy()
    other.obsm["X_pca"] = np.ones((60, 2))
    cells = apply(other[:, ~other.var_names.isin(first.var_names[:1])].copy(), fitted(first), missing="zero")
    cells.write_h5ad(tmp_path / "filled.h5ad")
    back = ad.read_h5ad(tmp_path / "filled.h5ad")
    assert back.var["filled"].sum() == 1
    assert back.raw.n_vars == 40
    assert back.obsm["X_pca"].shape == (60, 2)


def test_not_one_gene_in_common_is_an_error_even_with_zeros(first):
    other = toy(np.ones((3, 3)), genes=["ENSG1", "ENSG2", "ENSG3"])
    with pytest.raises(ValueError, match="its own are named like 'ENSG1'"):
        apply(other, fitted(first), missing="zero")


def test_many_missing_counted_genes_are_warned_about(first):
    other = noise(seed=3)
    with pytest.warns(UserWarning, match="a cell's size was counted over 40 genes, and 28 of them"):
        apply(other[:, first.var_names].copy(), fitted(first))


def test_missing_is_for_fitted_recipes():
    with pytest.raises(ValueError, match="missing='zero' is for a fitted recipe"):
        apply(noise(), Recipe(), missing="zero")


def test_an_unknown_way_with_missing_genes_is_refused(first):
    with pytest.raises(ValueError, match="missing must be one of error, zero, got 'drop'"):
        apply(noise(), fitted(first), missing="drop")


def test_cells_without_a_recipe_say_so():
    with pytest.raises(KeyError, match=r"no recipe of genolab .* uns has \['a'\]"):
        fitted(AnnData(np.ones((2, 2)), uns={"a": 1}))


def test_a_recipe_of_a_later_version_says_so():
    cells = apply(noise())
    choices = json.loads(cells.uns["recipe"]["recipe"]) | {"doublets": 0.1}
    cells.uns["recipe"]["recipe"] = json.dumps(choices)
    with pytest.raises(ValueError, match=r"\['doublets'\], which genolab .* doesn't know: update genolab"):
        fitted(cells)


def test_a_fitted_recipe_prints_what_it_is(first):
    assert repr(fitted(first)).startswith("FittedRecipe(12 genes, fitted on 60 cells; Recipe(")


def test_a_second_recipe_starts_from_the_counts_of_the_first(pbmc):
    once = apply(pbmc, Recipe(target_sum=1e3))
    np.testing.assert_array_equal(dense(apply(once).X), dense(apply(pbmc).X))


def test_a_fitted_recipe_is_one_value_not_a_config(first):
    assert isinstance(fitted(first), FittedRecipe)


# Whatever comes


def something_is_left(seen, min_genes, min_cells):
    seen = seen[seen.sum(axis=1) >= min_genes]
    return bool((seen.sum(axis=0) >= min_cells).any())


@settings(max_examples=25, deadline=None)
@given(
    counts=hnp.arrays(np.int64, st.tuples(st.integers(2, 8), st.integers(2, 8)), elements=st.integers(0, 20)),
    min_genes=st.integers(1, 4),
    min_cells=st.integers(1, 4),
    as_sparse=st.booleans(),
)
def test_whatever_the_counts_the_invariants_hold(counts, min_genes, min_cells, as_sparse):
    raw = toy(counts)
    if as_sparse:
        raw.X = sparse.csr_matrix(raw.X)
    before = raw.copy()
    rule = Recipe(min_genes=min_genes, min_cells=min_cells, target_sum=100)
    if something_is_left(counts > 0, min_genes, min_cells):
        cells = apply(raw, rule)
    else:
        with pytest.raises(ValueError, match="leaves nothing"):
            apply(raw, rule)
        return
    assert_same(raw, before)
    np.testing.assert_allclose(np.expm1(dense(cells.X)).sum(axis=1), 100, rtol=1e-4)
    np.testing.assert_array_equal(dense(cells.layers["counts"]), dense(raw[cells.obs_names, cells.var_names].X))
    steps = summary(cells)
    assert (steps[["cells_removed", "genes_removed"]] >= 0).all().all()
    assert steps[["cells", "genes"]].iloc[-1].tolist() == list(cells.shape)
    np.testing.assert_array_equal(dense(apply(raw, fitted(cells)).X), dense(cells.X))

import warnings

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse, stats

from genolab import preprocess
from genolab.evaluate.markers import markers


def toy():
    """Twelve cells: 'up' is higher in the first six, 'down' in the last six, 'same' nowhere."""
    random = np.random.default_rng(0)
    values = random.uniform(0.1, 0.9, (12, 3)).astype(np.float32)
    values[:6, 0] += 2
    values[6:, 1] += 2
    cells = pd.DataFrame(index=[f"c{i}" for i in range(12)])
    return AnnData(values, obs=cells, var=pd.DataFrame(index=["up", "down", "same"]))


FIRST = np.arange(12) < 6


@pytest.fixture(scope="module")
def pbmc():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells = sc.datasets.pbmc68k_reduced()
    counts = np.round(np.expm1(cells.raw.X.toarray()) * cells.obs["n_counts"].to_numpy()[:, None] / 1e4)
    cells.layers["counts"] = sparse.csr_matrix(counts.astype(np.float32))
    return preprocess.apply(cells)


def test_genes_are_ranked_by_how_much_higher_they_are_inside():
    table = markers(toy(), FIRST)
    assert list(table["gene"]) == ["up", "same", "down"]
    assert list(table.columns) == [
        "gene", "score", "log2_fold_change", "p_value", "p_adjusted", "fraction_in", "fraction_out",
    ]  # fmt: skip


def test_the_symbol_stands_beside_the_id_where_there_is_another_name():
    cells = toy()
    cells.var["feature_name"] = pd.Categorical(["CD3D", None, "TBCE"])
    assert markers(cells, FIRST)["symbol"].tolist() == ["CD3D", "TBCE", ""]
    cells.var["feature_name"] = cells.var_names
    assert "symbol" not in markers(cells, FIRST)


def test_p_values_are_those_of_the_mann_whitney_test_with_ties():
    cells = toy()
    cells.X = np.round(cells.X, 1)  # makes ties
    table = markers(cells, FIRST).set_index("gene")
    for number, gene in enumerate(cells.var_names):
        column = cells.X[:, number]
        expected = stats.mannwhitneyu(column[FIRST], column[~FIRST], use_continuity=False, method="asymptotic")
        assert table.loc[gene, "p_value"] == pytest.approx(expected.pvalue)


def test_p_values_are_adjusted_after_benjamini_and_hochberg():
    table = markers(toy(), FIRST)
    np.testing.assert_allclose(table["p_adjusted"], stats.false_discovery_control(table["p_value"]))


def test_fractions_are_shares_of_cells_in_which_a_gene_was_seen():
    cells = toy()
    cells.X[:3, 0] = 0
    cells.X[6:, 0] = 0
    row = markers(cells, FIRST).set_index("gene").loc["up"]
    assert (row["fraction_in"], row["fraction_out"]) == (0.5, 0)


def test_the_fold_change_is_that_of_the_back_transformed_means():
    cells = AnnData(np.log1p(np.repeat([[3.0, 1.5]], [4], axis=0)).astype(np.float32))
    cells.X[2:, 0] = np.log1p(1.5)
    row = markers(cells, [True, True, False, False]).set_index("gene").loc["0"]
    assert row["log2_fold_change"] == pytest.approx(1, abs=1e-5)


def test_names_select_as_a_mask_does():
    cells = toy()
    pd.testing.assert_frame_equal(markers(cells, list(cells.obs_names[:6])), markers(cells, FIRST))


@pytest.mark.parametrize("form", [list, np.array, lambda x: pd.Series(x, index=toy().obs_names)])
def test_a_mask_may_be_a_list_an_array_or_a_column_of_obs(form):
    pd.testing.assert_frame_equal(markers(toy(), form(FIRST)), markers(toy(), FIRST))


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_values_give_the_table_of_dense_ones(form):
    cells = toy()
    expected = markers(cells, FIRST)
    cells.X = form(cells.X)
    pd.testing.assert_frame_equal(markers(cells, FIRST), expected, rtol=1e-5)


def test_b_cells_are_marked_by_their_known_genes(pbmc):
    b_cells = (pbmc.obs["bulk_labels"] == "CD19+ B").to_numpy()
    best = markers(pbmc, b_cells, n_genes=10)
    assert {"CD79A", "MS4A1", "BANK1"} <= set(best["gene"])
    assert (best["p_adjusted"] < 1e-10).all()
    assert (best["log2_fold_change"] > 1).all()


def test_counts_and_their_logged_values_give_the_same_table(pbmc):
    mask = (pbmc.obs["bulk_labels"] == "CD34+").to_numpy()
    pd.testing.assert_frame_equal(markers(pbmc, mask, layer="counts"), markers(pbmc, mask), rtol=1e-4)


def test_counts_in_x_are_logged_on_a_copy_and_that_is_said():
    cells = AnnData(np.random.default_rng(0).poisson(3, (12, 3)).astype(np.float32))
    before = cells.X.copy()
    with pytest.warns(UserWarning, match="X holds whole numbers: they are taken for counts"):
        table = markers(cells, FIRST)
    np.testing.assert_array_equal(cells.X, before)
    logged = AnnData(np.log1p(before / before.sum(axis=1, keepdims=True) * 1e4))
    pd.testing.assert_frame_equal(table, markers(logged, FIRST), rtol=1e-4)


def test_the_input_is_not_changed(pbmc):
    cells = pbmc.copy()
    cells.X.data[:5] = 0  # stored zeros, which scanpy would remove
    before = cells.copy()
    markers(cells, np.arange(cells.n_obs) < 100)
    assert cells.X.nnz == before.X.nnz
    assert list(cells.uns) == list(before.uns)
    pd.testing.assert_frame_equal(cells.obs, before.obs)


@pytest.mark.parametrize("method", ["t-test", "t-test_overestim_var"])
def test_the_t_tests_rank_the_same_gene_first(method):
    assert markers(toy(), FIRST, method=method)["gene"].iloc[0] == "up"


def test_only_the_genes_asked_for_are_returned_with_p_values_adjusted_over_all():
    assert markers(toy(), FIRST, n_genes=1)["p_adjusted"].iloc[0] == markers(toy(), FIRST)["p_adjusted"].iloc[0]
    assert len(markers(toy(), FIRST, n_genes=1)) == 1


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (np.zeros(12, dtype=bool), "need at least 2 of each; 0 of 12 are inside"),
        (np.ones(12, dtype=bool), "need at least 2 of each; 0 of 12 are outside"),
        (np.arange(12) == 3, "need at least 2 of each; 1 of 12 are inside"),
        ([], "need at least 2 of each; 0 of 12 are inside"),
        (np.ones(7, dtype=bool), "needs one boolean a cell: 12 cells, got 7"),
        (np.ones((12, 1), dtype=bool), r"one dimension, got shape \(12, 1\)"),
        ([0, 1, 2], "booleans or names of cells, got values of type int64"),
        (pd.Series(FIRST), "must have the cells' names as its index"),
    ],
)
def test_a_selection_that_cannot_be_compared_is_refused(selection, message):
    with pytest.raises(ValueError, match=message):
        markers(toy(), selection)


def test_unknown_names_are_named():
    with pytest.raises(KeyError, match=r"'x', 'y' aren't of the .* names in obs_names"):
        markers(toy(), ["c1", "x", "y"])


@pytest.mark.parametrize(
    ("value", "message"),
    [(-1.5, "negative values, as scaling gives"), (np.nan, "NaN or infinity"), (1e4, "normalised but not logged")],
)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_values_without_a_meaning_for_the_test_are_refused_with_the_layers(value, message, form):
    cells = toy()
    cells.layers["counts"] = np.ones((12, 3))
    cells.X[3, 1] = value
    cells.X = form(cells.X)
    with pytest.raises(ValueError, match=rf"X holds .*{message}.*layers has \['counts'\]"):
        markers(cells, FIRST)


def test_an_unknown_layer_is_named_with_those_there():
    with pytest.raises(KeyError, match=r"'layers/log' is not in this AnnData; layers has \[\]"):
        markers(toy(), FIRST, layer="log")


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="one of wilcoxon, t-test, t-test_overestim_var, got 'logreg'"):
        markers(toy(), FIRST, method="logreg")


def test_no_genes_are_refused():
    with pytest.raises(ValueError, match="n_genes must be a whole number of at least 1, got 0"):
        markers(toy(), FIRST, n_genes=0)


def test_duplicate_gene_names_keep_their_own_figures():
    cells = toy()
    cells.var_names = ["a", "a", "b"]
    table = markers(cells, FIRST)
    assert len(table) == 3
    assert (table["fraction_in"] == 1).all()


def test_a_column_gives_the_table_of_each_of_its_groups():
    cells = toy()
    cells.obs["half"] = pd.Categorical(["one"] * 6 + ["other"] * 4 + ["single"] + [None])
    tables = markers(cells, "half", n_genes=2)
    assert list(tables["group"]) == ["one", "one", "other", "other"]
    alone = markers(cells, FIRST, n_genes=2)
    pd.testing.assert_frame_equal(tables[tables["group"] == "one"].drop(columns="group"), alone)
    cells.obs["none"] = list("abcdefghijkl")
    with pytest.raises(ValueError, match=r"no group of obs\['none'\] has at least 2 cells"):
        markers(cells, "none")

import builtins
import os
import random
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn import metrics

from genolab.checks import DataWarning
from genolab.evaluate import BATCH_METRICS, knn_scores, knn_transfer, latents, leiden_ari, reconstruction
from genolab.evaluate.bootstrap import Sample
from genolab.evaluate.graph import neighbor_graph
from genolab.evaluate.metrics import (
    Counts,
    accuracy,
    adjusted_rand,
    f1,
    macro,
    normalized_mutual_information,
    weighted_median,
)

# Of the cells of `planted`, computed by scib-metrics 0.5.10 in double precision, with all neighbours exact.
SCIB = {
    "ilisi": 0.868551426020038,
    "clisi": 0.8054062633846566,
    "kbet": 0.7166666666666667,
    "graph_connectivity": 0.9708333333333333,
    "bras": 0.8173225128417112,
    "silhouette": 0.20881989055425154,  # 2 x - 1 of its own, which is rescaled to 0 to 1
}


def islands(n=30, apart=20.0, d=3, seed=0):
    """Three balls of `n` cells, `apart` from each other, and their labels."""
    generator = np.random.default_rng(seed)
    centre = np.repeat(np.eye(3, d) * apart, n, axis=0)
    return centre + generator.normal(size=(3 * n, d)), np.repeat(["a", "b", "c"], n)


# Metrics of weighted rows


@settings(max_examples=30, deadline=None)
@given(pairs=hnp.arrays(np.int64, st.tuples(st.integers(2, 60), st.just(2)), elements=st.integers(0, 4)))
def test_metrics_of_equal_weights_are_those_of_scikit_learn(pairs):
    one, other = pairs.T
    counts = Counts.of(np.eye(5, dtype=bool)[one], np.eye(5, dtype=bool)[other], np.ones((1, len(one))))
    assert accuracy(counts) == pytest.approx(metrics.accuracy_score(one, other))
    assert macro(f1(counts)) == pytest.approx(metrics.f1_score(one, other, average="macro"))
    table = np.bincount(one * 5 + other, minlength=25).reshape(1, 5, 5)
    assert adjusted_rand(table) == pytest.approx(metrics.adjusted_rand_score(one, other))


def test_a_weight_of_two_counts_a_row_twice():
    random = np.random.default_rng(0)
    truth, predicted = np.eye(3, dtype=bool)[random.integers(3, size=(2, 30))]
    weights = random.integers(3, size=(4, 30)).astype(float)
    for line in weights:
        once = Counts.of(
            *(np.repeat(each, line.astype(int), axis=0) for each in (truth, predicted)), np.ones((1, int(line.sum())))
        )
        for figure in (accuracy, f1):
            np.testing.assert_allclose(figure(Counts.of(truth, predicted, line[None])), figure(once))


# Neighbours that vote


def test_separate_islands_are_read_off_perfectly():
    points, labels = islands()
    scores = knn_scores(points, labels, n_neighbors=5)
    assert scores.accuracy == (1, 1, 1)
    assert scores.macro_f1 == (1, 1, 1)
    assert list(scores.predicted) == list(labels)


def test_noise_is_read_off_no_better_than_chance():
    points, labels = islands(apart=0, n=200)
    assert knn_scores(points, labels).accuracy.value == pytest.approx(1 / 3, abs=0.06)


def test_scores_are_those_of_scikit_learns_cross_validation():
    from sklearn.model_selection import cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    points, labels = islands(apart=2)
    expected = cross_val_predict(KNeighborsClassifier(15), points, labels, cv=5)
    scores = knn_scores(points, labels)
    assert list(scores.predicted) == list(expected)
    assert scores.accuracy.value == pytest.approx(metrics.accuracy_score(labels, expected))
    assert scores.macro_f1.value == pytest.approx(metrics.f1_score(labels, expected, average="macro"))


def test_the_interval_covers_a_known_share_at_its_known_width():
    n = 900
    points, labels = islands(n=n // 3, apart=1.2)
    value, low, high = knn_scores(points, labels).accuracy
    width = 2 * 1.96 * np.sqrt(value * (1 - value) / n)  # that of a binomial share
    assert low < value < high
    assert high - low == pytest.approx(width, rel=0.1)


def test_a_figure_that_only_rounding_moves_has_an_interval_without_width():
    drawn = 0.9 + np.random.default_rng(0).choice([0, 1e-16, -1e-16], 500)
    assert Sample(0.9, drawn, drawn[:50], 50).interval() == pytest.approx((0.9, 0.9, 0.9))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    points, labels = islands(apart=2)
    assert knn_scores(points, labels).accuracy == knn_scores(points, labels).accuracy
    assert knn_scores(points, labels).accuracy != knn_scores(points, labels, seed=1).accuracy


def test_without_resampling_there_is_no_interval():
    points, labels = islands(apart=2)
    assert np.isnan(knn_scores(points, labels, n_boot=0).accuracy[1:]).all()


def test_classes_smaller_than_the_folds_are_left_out_and_named():
    points, labels = islands()
    labels = labels.astype(object)
    labels[:4] = "rare"
    with pytest.warns(UserWarning, match=r"fewer than 5 cells, one a fold, are left out: rare \(4\)"):
        scores = knn_scores(points, labels, n_neighbors=5)
    assert scores.accuracy.value == 1
    assert list(scores.predicted[:4]) == [None] * 4


@pytest.mark.parametrize("form", [list, pd.Series, pd.Categorical, lambda x: pd.Series(x, index=x[::-1])])
def test_labels_may_come_in_any_form_and_go_by_position(form):
    points, labels = islands()
    assert knn_scores(points, form(labels), n_neighbors=5).accuracy.value == 1


def test_labels_may_be_numbers():
    points, labels = islands()
    codes = pd.factorize(labels)[0]
    assert list(knn_scores(points, codes, n_neighbors=5).predicted) == list(codes)


# Clusters


def test_separate_islands_are_three_clusters():
    points, labels = islands()
    score = leiden_ari(points, labels, resolutions=(0.1, 0.5), n_neighbors=10)
    assert score.ari == (1, 1, 1)
    assert score.clusters.max() == 2
    assert list(score.tried.columns) == ["resolution", "n_clusters", "ari"]


def test_the_best_resolution_is_the_one_reported():
    points, labels = islands(apart=4)
    score = leiden_ari(points, labels, n_neighbors=10)
    best = score.tried.loc[score.tried["ari"].idxmax()]
    assert (score.resolution, score.ari.value) == (best["resolution"], best["ari"])
    assert metrics.adjusted_rand_score(labels, score.clusters) == pytest.approx(score.ari.value)


def test_clusters_of_noise_agree_with_labels_by_chance_alone():
    points, labels = islands(apart=0, n=100)
    value, low, high = leiden_ari(points, labels).ari
    assert value == pytest.approx(0, abs=0.03)
    assert low <= value <= high


@pytest.mark.parametrize("n_neighbors", [2, 15, 40])
def test_graph_and_clusters_are_those_of_scanpy(n_neighbors):
    points, labels = islands(apart=3)
    cells = AnnData(points)
    sc.pp.neighbors(cells, n_neighbors, use_rep="X", transformer="sklearn")
    graph = neighbor_graph(points, n_neighbors)
    assert graph.nnz == cells.obsp["connectivities"].nnz
    assert abs(graph - cells.obsp["connectivities"]).max() < 1e-5
    sc.tl.leiden(cells, 0.5, flavor="igraph", directed=False, n_iterations=2)
    score = leiden_ari(points, labels, resolutions=[0.5], n_neighbors=n_neighbors, n_boot=0)
    assert metrics.adjusted_rand_score(cells.obs["leiden"], score.clusters) == 1


def test_clusters_do_not_wait_for_umap(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)  # an import would fail
    assert leiden_ari(*islands(), resolutions=[0.1], n_boot=0).ari.value == 1


def test_cells_at_the_same_place_can_be_clustered():
    score = leiden_ari(np.zeros((20, 2)), np.repeat(["a", "b"], 10), resolutions=[1.0], n_neighbors=5)
    assert np.isfinite(score.ari.value)


def test_the_same_seed_gives_the_same_clusters_and_touches_no_global_state():
    points, labels = islands(apart=1)
    random.seed(3)
    state = random.getstate()
    first = leiden_ari(points, labels, seed=5)
    assert random.getstate() == state
    np.testing.assert_array_equal(leiden_ari(points, labels, seed=5).clusters, first.clusters)


def test_without_igraph_the_fix_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "igraph":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    points, labels = islands()
    with pytest.raises(ImportError, match=r"Leiden clustering needs igraph: pip install 'genolab\[cells\]'"):
        leiden_ari(points, labels)


# The table


def test_the_table_has_a_row_for_each_latent_and_metric():
    points, labels = islands()
    table = latents({"good": points, "bad": islands(apart=0)[0]}, labels)
    assert list(table.columns) == ["model", "metric", "value", "low", "high", "detail"]
    assert list(table["metric"]) == ["knn_accuracy", "knn_macro_f1", "leiden_ari"] * 2
    wide = table.pivot_table(index="metric", columns="model", values="value")
    assert (wide["good"] > wide["bad"]).all()


def test_only_the_metrics_asked_for_are_in_the_table():
    points, labels = islands()
    table = latents({"x": points}, labels, metrics=["knn_macro_f1", "silhouette"])
    assert list(table["metric"]) == ["knn_macro_f1", "silhouette"]
    assert table["value"].iloc[1] == pytest.approx(metrics.silhouette_score(points, labels))


def test_keys_and_columns_are_looked_up():
    points, labels = islands()
    cells = AnnData(
        np.ones((90, 2)), obs=pd.DataFrame({"type": labels}, index=[f"c{i}" for i in range(90)]), obsm={"X_vae": points}
    )
    pd.testing.assert_frame_equal(latents({"x": "X_vae"}, "type", adata=cells), latents({"x": points}, labels))


def test_a_key_that_is_not_there_is_named_with_those_that_are():
    points, labels = islands()
    cells = AnnData(
        np.ones((90, 2)), obs=pd.DataFrame({"type": labels}, index=[f"c{i}" for i in range(90)]), obsm={"X_vae": points}
    )
    with pytest.raises(KeyError, match=r"'obsm/X_pca' is not in this AnnData; obsm has \['X_vae'\]"):
        latents({"x": "X_pca"}, "type", adata=cells)
    with pytest.raises(KeyError, match=r"'obs/cell_type' is not in this AnnData; obs has \['type'\]"):
        latents({"x": "X_vae"}, "cell_type", adata=cells)
    with pytest.raises(KeyError, match="'type' is a name in obs, so say of what: pass adata=cells"):
        latents({"x": points}, "type")


@pytest.mark.parametrize("measure", [knn_scores, leiden_ari])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, y: (p, np.repeat("a", len(p))), r"at least two classes, got only \['a'\]"),
        (lambda p, y: (p, y[:-1]), "one label a cell: 90 cells, 89 labels"),
        (lambda p, y: (np.where(p == p[4, 1], np.nan, p), y), "finite, and 1 of 90 cells have NaN or infinity"),
        (lambda p, y: (np.where(p == p[4, 1], np.inf, p), y), "finite, and 1 of 90 cells have NaN or infinity"),
        (lambda p, y: (p, np.where(np.arange(90) < 3, None, y)), "every cell must have a label, and 3 of 90"),
        (lambda p, y: (p[:, 0], y), r"cells by dimensions, got shape \(90,\)"),
        (lambda p, y: (p[:0], y[:0]), r"cells by dimensions, got shape \(0, 3\)"),
    ],
)
def test_what_cannot_be_measured_is_refused(measure, change, message):
    with pytest.raises(ValueError, match=message):
        measure(*change(*islands()))


def test_too_few_cells_a_class_are_told_with_their_numbers():
    points, _ = islands(n=2)
    with pytest.raises(ValueError, match=r"they have a \(2\), b \(2\), c \(2\): take fewer folds"):
        knn_scores(points, np.repeat(["a", "b", "c"], 2))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors must be 1 to 72"),
        ({"n_neighbors": 73}, "n_neighbors must be 1 to 72"),
        ({"n_folds": 1}, "n_folds must be 2 or more"),
    ],
)
def test_settings_out_of_bounds_are_refused(how, message):
    with pytest.raises(ValueError, match=message):
        knn_scores(*islands(), **how)


def test_settings_of_leiden_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match="at least one resolution"):
        leiden_ari(*islands(), resolutions=())
    with pytest.raises(ValueError, match="n_neighbors must be 2 to 90"):
        leiden_ari(*islands(), n_neighbors=91)


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match=r"'nmi' isn't one of the 10 metrics: knn_accuracy, .*, silhouette"):
        latents({"x": islands()[0]}, islands()[1], metrics=["nmi"])


def test_no_latents_are_refused():
    with pytest.raises(ValueError, match="no latents to compare"):
        latents({}, islands()[1])


def test_published_figures_of_tabula_muris_are_reproduced():
    """PCA-50 of log counts: .988 / .941 / .916, PCA-2: .78, measured apart from this package."""
    mirror = Path(os.environ.get("GENOLAB_MIRROR", "")) / "tabula_muris"
    if not os.environ.get("GENOLAB_MIRROR") or not mirror.is_dir():
        pytest.skip("GENOLAB_MIRROR names no folder with tabula_muris")
    import h5py

    with h5py.File(mirror / "train_sample.h5") as file:
        counts, names = file["dge/block0_values"][:].T, file["dge/axis0"][:].astype(str)
    types = pd.read_csv(mirror / "train_label_sample.txt", sep="\t", header=None, index_col=0)[1].loc[names]
    cells = AnnData(sparse.csr_matrix(counts.astype(np.float32)))
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    sc.pp.pca(cells, n_comps=50, random_state=0)
    table = latents({"pca": cells.obsm["X_pca"], "pca2": cells.obsm["X_pca"][:, :2]}, types)
    value = table.set_index(["model", "metric"])["value"]
    assert value["pca", "knn_accuracy"] == pytest.approx(0.988, abs=0.002)
    assert value["pca", "knn_macro_f1"] == pytest.approx(0.941, abs=0.005)
    assert value["pca", "leiden_ari"] == pytest.approx(0.916, abs=0.01)
    assert value["pca2", "knn_accuracy"] == pytest.approx(0.78, abs=0.01)


# Reconstructions


def truth():
    return np.random.default_rng(0).normal(size=(200, 7)) * np.arange(1, 8) + 5


def rebuilt(**models):
    table = reconstruction(truth(), models)
    return table.set_index(["model", "metric"])


def test_a_perfect_reconstruction_has_no_error():
    table = rebuilt(perfect=truth())
    assert table.loc[("perfect", "mse"), "value"] == 0
    assert table.loc[("perfect", "r2"), "value"] == 1
    assert table.loc[("perfect", "pearson"), "value"] == pytest.approx(1)


def test_the_mean_of_every_gene_explains_nothing():
    table = rebuilt(mean=truth().mean(axis=0))
    assert table.loc[("mean", "r2"), "value"] == pytest.approx(0, abs=1e-12)
    assert table.loc[("mean", "mse"), "value"] == pytest.approx(truth().var(axis=0).mean())


def test_figures_are_those_of_scikit_learn_and_pandas():
    x = truth()
    near = x + np.random.default_rng(1).normal(size=x.shape)
    table = rebuilt(near=near)
    assert table.loc[("near", "mse"), "value"] == pytest.approx(metrics.mean_squared_error(x, near))
    weighted = metrics.r2_score(x, near, multioutput="variance_weighted")
    assert table.loc[("near", "r2"), "value"] == pytest.approx(weighted)
    by_cell = pd.DataFrame(x).corrwith(pd.DataFrame(near), axis=1)
    assert table.loc[("near", "pearson"), "value"] == pytest.approx(by_cell.median())
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()


def test_sparse_truth_gives_the_table_of_the_dense_one():
    x = np.where(truth() > 5, truth(), 0)
    models = {"mean": x.mean(axis=0), "near": x + 0.1}
    pd.testing.assert_frame_equal(
        reconstruction(sparse.csr_matrix(x), models | {"near": sparse.csr_matrix(models["near"])}),
        reconstruction(x, models),
    )


def test_a_constant_reconstruction_has_no_correlation():
    table = rebuilt(flat=np.zeros(7))
    assert np.isnan(table.loc[("flat", "pearson"), "value"])


def test_values_that_do_not_vary_have_no_share_explained():
    table = reconstruction(np.ones((5, 3)), {"x": np.ones((5, 3))}).set_index("metric")
    assert np.isnan(table.loc["r2", "value"])
    assert table.loc["mse", "value"] == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (np.ones((200, 6)), r"'m' must have the truth's shape \(200, 7\), or one value a gene, got \(200, 6\)"),
        (np.ones(6), r"got \(6,\)"),
        (np.full((200, 7), np.nan), "'m' must be finite"),
    ],
)
def test_a_reconstruction_that_cannot_be_compared_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        rebuilt(m=model)


def test_truth_that_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="'truth' must be finite"):
        reconstruction(np.full((3, 2), np.inf), {"m": np.ones((3, 2))})
    with pytest.raises(ValueError, match=r"cells by genes, got shape \(0, 2\)"):
        reconstruction(np.ones((0, 2)), {"m": np.ones((0, 2))})
    with pytest.raises(ValueError, match="no reconstructions to compare"):
        reconstruction(np.ones((3, 2)), {})


# ---- labels carried over ----------------------------------------------------------------------------------------


def test_labels_are_carried_to_the_nearest_cells_of_another_data_set():
    reference, labels = np.array([[0.0], [1], [2], [10], [11], [12]]), pd.Categorical(["a"] * 3 + ["b"] * 3)
    scores = knn_transfer(reference, labels, [[1.0], [11], [12], [2]], ["a", "b", "b", "b"], n_neighbors=3)
    assert list(scores.predicted) == ["a", "b", "b", "a"]
    assert scores.accuracy.value == 0.75
    assert scores.macro_f1.value == pytest.approx((2 / 3 + 0.8) / 2)
    assert scores.accuracy.low < 0.75 < scores.accuracy.high
    again = knn_transfer(reference, labels, [[1.0], [11], [12], [2]], ["a", "b", "b", "b"], n_neighbors=3)
    assert again.accuracy == scores.accuracy


def test_cells_of_classes_that_the_reference_lacks_count_as_wrong_and_are_told():
    reference, labels = [[0.0], [1], [10], [11]], [1, 1, 2, 2]
    with pytest.warns(DataWarning, match=r"1 of 4 cells are of classes that the reference lacks.*: 3 \(1\)"):
        scores = knn_transfer(reference, labels, [[0.0], [1], [10], [5]], ["1", "1", "2", "3"], n_neighbors=1)
    assert scores.accuracy.value == 0.75
    with pytest.raises(ValueError, match=r"no class of the other cells .x. is one of the reference's .1, 2."):
        knn_transfer(reference, labels, [[0.0]], ["x"], n_neighbors=1)
    with pytest.raises(ValueError, match="same dimensions, got 1 in the reference and 2"):
        knn_transfer(reference, labels, [[0.0, 1]], ["1"], n_neighbors=1)


# ---- cell types and batches, as scib-metrics measures them ---------------------------------------------------------


def planted():
    """Three types of cells in two batches, which mix in one of the types alone."""
    random, n = np.random.default_rng(0), 240
    types = np.arange(n) % 3
    batch = (np.arange(n) // 3) % 2
    batch[types == 2] = 0
    batch[(types == 2) & (np.arange(n) % 5 == 0)] = 1
    points = random.normal(size=(n, 4))
    points[:, 0] += 2.5 * types
    points[:, 1] += 1.2 * batch * (types != 1)
    return points, types, batch


def test_figures_of_types_and_batches_are_those_of_scib_metrics():
    points, types, batch = planted()
    found = latents({"x": points}, types, batches=batch, metrics=list(SCIB), n_boot=0).set_index("metric")["value"]
    assert found.to_dict() == pytest.approx(SCIB, abs=1e-6)


def test_separate_batches_do_not_mix_and_one_heap_does():
    random = np.random.default_rng(0)
    batch, types = np.repeat([0, 1], 100), np.tile(["a", "b"], 100)
    heap = random.normal(size=(200, 5)) + 10 * (types == "a")[:, None]
    apart = heap + 100 * batch[:, None] * np.array([1, -1, 1, -1, 1])
    table = latents({"heap": heap, "apart": apart}, types, batches=batch, metrics=BATCH_METRICS, baseline="apart")
    value = table.pivot_table(index="metric", columns="model", values="value")
    assert (value["heap"] > 0.8).all()
    assert (value["apart"] < 0.2).all()
    assert (table[table["model"] == "heap"]["p"] < 0.01).all()


def test_types_in_two_parts_are_half_connected_and_clusters_share_all_information():
    points, labels = islands()
    found = latents({"x": points}, labels, metrics=["graph_connectivity", "clisi", "leiden_nmi"], n_boot=0)
    assert found["value"].tolist() == pytest.approx([1, 1, 1], abs=0.02)  # an outlier is no one's neighbour
    two = np.where(labels == "c", "a", labels)  # one type in two places
    half = latents({"x": points}, two, metrics=["graph_connectivity"], n_boot=0)["value"].iloc[0]
    assert half == pytest.approx((0.5 + 1) / 2, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(pairs=hnp.arrays(np.int64, st.tuples(st.integers(2, 60), st.just(2)), elements=st.integers(0, 4)))
def test_information_is_scikit_learns_and_a_median_counts_each_row_as_often_as_drawn(pairs):
    one, other = pairs.T
    tables = np.bincount(one * 5 + other, minlength=25).reshape(1, 5, 5).astype(float)
    assert normalized_mutual_information(tables) == pytest.approx(
        metrics.normalized_mutual_info_score(one, other), abs=1e-9
    )
    values = np.where(other == 4, np.nan, one + 0.5)
    known = np.repeat(values, other)[~np.isnan(np.repeat(values, other))]
    expected = np.median(known) if len(known) else np.nan
    assert weighted_median(values)(other[None].astype(float)) == pytest.approx(expected, nan_ok=True)


def test_mixing_without_batches_and_spaces_of_other_cells_are_refused():
    points, labels = islands()
    with pytest.raises(ValueError, match="'ilisi' says how well batches mix: pass batches="):
        latents({"x": points}, labels, metrics=["ilisi"])
    with pytest.raises(ValueError, match="batches must have at least two classes"):
        latents({"x": points}, labels, batches=np.zeros(90), metrics=["kbet"])
    with pytest.raises(ValueError, match="latents to compare are of the same cells, got 60, 90"):
        latents({"x": points, "y": points[:60]}, labels, metrics=["silhouette"])


def test_latents_and_reconstructions_are_compared_with_a_baseline_by_groups():
    points, labels = islands(apart=3)
    donor = np.arange(90) % 9
    spaces = {"good": points, "bad": points[:, ::-1] * 0 + np.random.default_rng(1).normal(size=points.shape)}
    table = latents(spaces, labels, metrics=["knn_accuracy"], by=donor, baseline="bad").set_index("model")
    assert table.loc["good", "difference_low"] > 0
    assert table.loc["good", "p"] < 0.05
    models = {"near": truth() + 0.1, "mean": truth().mean(axis=0)}
    table = reconstruction(truth(), models, by=np.arange(200) % 20, baseline="mean").set_index(["model", "metric"])
    assert table.loc[("near", "mse"), "difference_high"] < 0
    assert list(table.columns) == ["value", "low", "high", "difference", "difference_low", "difference_high", "p"]

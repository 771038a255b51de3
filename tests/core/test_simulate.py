"""genolab.data.simulate: the counts follow the stated model, and the stored truth is the truth."""

import anndata
import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import genolab as gl
from genolab.data.simulate import _negative_binomial, expected_counts


def mean_of(cells: anndata.AnnData) -> np.ndarray:
    """The mean of every count, from what is stored of the truth alone."""
    return expected_counts(
        cells.obsm["programme_activity"],
        cells.varm["programme_loading"],
        baseline=cells.var["baseline"].to_numpy(),
        shift=cells.varm["batch_shift"].T[cells.obs["batch"].cat.codes],
        depth=cells.obs["depth"].to_numpy(),
    )


# --- the draw


@pytest.mark.parametrize(("mean", "dispersion"), [(0.05, 2.0), (0.5, 0.3), (3.0, 1.0), (40.0, 5.0), (300.0, 0.8)])
def test_single_counts_follow_the_negative_binomial(mean: float, dispersion: float) -> None:
    rng = np.random.default_rng(0)
    n = 60_000
    counts = _negative_binomial(np.full((n, 1), mean, np.float32), np.array([dispersion], np.float32), rng).toarray()
    expected = stats.nbinom(dispersion, dispersion / (dispersion + mean))
    # Bins of equal chance, but for zero, which is often most of it.
    edges = np.unique(np.concatenate([[-1, 0], expected.ppf(np.linspace(0.05, 0.95, 19)), [np.inf]]))
    chances = np.diff(expected.cdf(edges))
    observed = np.histogram(counts, bins=edges + 0.5)[0]
    assert stats.chisquare(observed[chances > 0], n * chances[chances > 0] / chances.sum()).pvalue > 1e-3


def test_the_drawn_matrix_is_canonical_csr() -> None:
    rng = np.random.default_rng(0)
    drawn = _negative_binomial(np.full((50, 30), 0.2, np.float32), np.full(30, 2.0, np.float32), rng)
    assert drawn.has_canonical_format
    assert (drawn.data >= 1).all()
    assert drawn.data.dtype == np.float32


# --- the whole


def test_means_and_variances_of_genes_are_those_of_the_stored_truth() -> None:
    cells = gl.data.simulate_cells(4000, 300, n_batches=2, seed=3)
    mean, r = mean_of(cells), cells.var["dispersion"].to_numpy()
    variance = mean + mean**2 / r
    left_over = (cells.X.toarray() - mean) / np.sqrt(variance)
    # Over 4,000 cells a gene's standardised mean has a standard error of 1 / sqrt(4000); 5 of them is a rare miss.
    assert np.abs(left_over.mean(axis=0)).max() < 5 / np.sqrt(4000)
    common = mean.mean(axis=0) > 0.5
    assert np.abs((left_over**2).mean(axis=0)[common] - 1).max() < 0.5
    assert np.isclose((left_over**2).mean(), 1, atol=0.05)


def test_expected_counts_of_a_cell_sum_to_its_depth() -> None:
    cells = gl.data.simulate_cells(50, 80, n_batches=3, seed=1)
    assert np.allclose(mean_of(cells).sum(axis=1), cells.obs["depth"], rtol=1e-4)


def test_depth_is_the_mean_count_of_a_cell() -> None:
    for depth in (50.0, 2000.0):
        cells = gl.data.simulate_cells(3000, 200, depth=depth, seed=0)
        assert np.isclose(cells.X.sum() / 3000, depth, rtol=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_the_defaults_give_the_sparseness_and_overdispersion_of_real_cells(seed: int) -> None:
    cells = gl.data.simulate_cells(2000, seed=seed)
    assert cells.shape == (2000, 2000)
    assert 0.07 < cells.X.nnz / 4e6 < 0.09
    dense = cells.X.toarray()
    mean, variance = dense.mean(axis=0), dense.var(axis=0)
    frequent = mean > 1
    assert (variance[frequent] > mean[frequent]).all()
    assert np.median(variance[mean < 0.02] / np.maximum(mean[mean < 0.02], 1e-9)) < 1.3  # rare genes are near Poisson


def test_types_are_told_apart_by_their_neighbours() -> None:
    cells = gl.data.simulate_cells(1500, 1000, n_types=6, seed=0)
    logs = np.log1p(cells.X.toarray() / cells.X.sum(axis=1).A1[:, None] * 300)
    latent = PCA(10, random_state=0).fit_transform(logs)
    accuracy = cross_val_score(KNeighborsClassifier(15), latent, cells.obs["cell_type"], cv=5).mean()
    assert accuracy > 0.95


def frequent_programme_genes(cells: anndata.AnnData) -> tuple[np.ndarray, np.ndarray]:
    """Log-normalised values of the genes that are in a programme and seen often, and their programmes' names."""
    chosen = (cells.X.mean(axis=0).A1 > 1) & (cells.var["programme"] != "none").to_numpy()
    logs = np.log1p(cells.X[:, chosen].toarray() / cells.X.sum(axis=1).A1[:, None] * 3000)
    return logs, cells.var["programme"][chosen].to_numpy()


def test_genes_of_a_programme_follow_its_activity_more_than_any_other() -> None:
    cells = gl.data.simulate_cells(3000, 600, n_types=4, n_programmes=4, depth=3000, seed=2)
    logs, programme = frequent_programme_genes(cells)
    activity = cells.obsm["programme_activity"]
    follows = np.corrcoef(activity.T, logs.T)[:4, 4:]  # (n_programmes, n_genes)
    strongest = np.array([f"programme_{number + 1}" for number in follows.argmax(axis=0)])
    assert (strongest == programme).all()


def test_programmes_are_recovered_without_the_truth_from_the_genes_that_go_together() -> None:
    cells = gl.data.simulate_cells(3000, 600, n_types=5, n_programmes=5, depth=3000, seed=2)
    logs, programme = frequent_programme_genes(cells)
    clusters = AgglomerativeClustering(5, metric="precomputed", linkage="complete").fit_predict(1 - np.corrcoef(logs.T))
    assert adjusted_rand_score(programme, clusters) > 0.9


def test_no_programme_is_off_in_every_type() -> None:
    for seed in range(5):
        activity = gl.data.simulate_cells(5, 20, n_types=3, n_programmes=12, seed=seed).uns["simulation"][
            "type_activity"
        ]
        assert (activity.max(axis=0) >= 0.5).all()


def test_batches_shift_genes_by_the_stored_effect_and_none_is_none() -> None:
    cells = gl.data.simulate_cells(
        6000, 100, n_types=1, n_programmes=1, n_batches=2, batch_effect=0.8, depth=5000, seed=4
    )
    batch = cells.obs["batch"].cat.codes.to_numpy()
    share = [cells.X[batch == b].sum(axis=0).A1 for b in (0, 1)]
    seen = np.log(share[1] / share[1].sum()) - np.log(share[0] / share[0].sum())
    shift = cells.varm["batch_shift"]
    assert (shift[:, 0] == 0).all()
    assert np.corrcoef(seen, shift[:, 1])[0, 1] > 0.99
    assert (gl.data.simulate_cells(10, 20, n_batches=3, batch_effect=0).varm["batch_shift"] == 0).all()


def test_types_and_batches_are_independent() -> None:
    cells = gl.data.simulate_cells(5000, 10, n_types=4, n_batches=3, seed=0)
    table = np.histogram2d(cells.obs["cell_type"].cat.codes, cells.obs["batch"].cat.codes, bins=(4, 3))[0]
    assert stats.chi2_contingency(table).pvalue > 0.01


# --- what is stored


def test_everything_promised_is_there_and_can_be_written(tmp_path) -> None:
    cells = gl.data.simulate_cells(30, 60, n_types=3, n_programmes=4, n_batches=2, seed=5)
    assert cells.obsm["programme_activity"].shape == (30, 4)
    assert cells.varm["programme_loading"].shape == (60, 4)
    assert cells.varm["batch_shift"].shape == (60, 2)
    assert list(cells.obs["cell_type"].cat.categories) == ["type_1", "type_2", "type_3"]
    assert list(cells.obs["batch"].cat.categories) == ["batch_1", "batch_2"]
    assert cells.uns["simulation"]["seed"] == 5
    assert cells.uns["simulation"]["type_activity"].shape == (3, 4)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    assert (gl.data.read(tmp_path / "cells.h5ad").X != cells.X).nnz == 0


def test_a_gene_is_in_at_most_one_programme() -> None:
    cells = gl.data.simulate_cells(5, 200, n_programmes=10)
    members = cells.varm["programme_loading"] > 0
    assert members.sum(axis=1).max() == 1
    assert (members.sum(axis=0) == 10).all()
    assert (cells.var["programme"] == "none").sum() == 100


def test_x_and_counts_are_equal_and_apart() -> None:
    cells = gl.data.simulate_cells(40, 30)
    assert sparse.issparse(cells.X)
    assert (cells.layers["counts"] != cells.X).nnz == 0
    cells.X.data[:] = -1
    assert (cells.layers["counts"].data >= 1).all()


# --- seeds, sizes, bad input


def test_a_seed_decides_every_bit() -> None:
    # More than one chunk of cells, and one that isn't full.
    first, again, other = (gl.data.simulate_cells(1203, 50, n_batches=2, seed=seed) for seed in (7, 7, 8))
    assert first.X.data.tobytes() == again.X.data.tobytes()
    assert first.X.indices.tobytes() == again.X.indices.tobytes()
    assert first.obs.equals(again.obs)
    assert first.var.equals(again.var)
    assert (first.X != other.X).nnz > 0


def test_chunks_do_not_repeat_each_other() -> None:
    cells = gl.data.simulate_cells(2000, 200, seed=0)
    assert (cells.X[:1000] != cells.X[1000:]).nnz > 0
    assert not np.array_equal(cells.X[:1000].data[:100], cells.X[1000:].data[:100])


def test_the_global_generator_is_left_alone() -> None:
    np.random.seed(0)  # noqa: NPY002 - the global generator is what is watched
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - as above
    gl.data.simulate_cells(10, 10)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002 - as above


@pytest.mark.parametrize(("n_cells", "n_genes"), [(1, 1), (1, 50), (50, 1), (2, 3)])
def test_the_smallest_sizes_work(n_cells: int, n_genes: int) -> None:
    cells = gl.data.simulate_cells(n_cells, n_genes, n_types=3, n_programmes=7, n_batches=2)
    assert cells.shape == (n_cells, n_genes)
    assert np.isfinite(cells.X.toarray()).all()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"n_cells": 0}, "n_cells must be a whole number of at least 1, got 0"),
        ({"n_genes": -3}, "n_genes must be a whole number of at least 1, got -3"),
        ({"n_types": 0}, "n_types"),
        ({"n_programmes": 0}, "n_programmes"),
        ({"n_batches": 0}, "n_batches"),
        ({"batch_effect": -0.1}, "batch_effect must be at least 0"),
        ({"batch_effect": float("nan")}, "batch_effect"),
        ({"depth": 0.0}, "depth must be above 0"),
        ({"depth": float("inf")}, "depth"),
    ],
)
def test_a_number_out_of_range_is_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        gl.data.simulate_cells(**{"n_cells": 5, "n_genes": 5, **wrong})

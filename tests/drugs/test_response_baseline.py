import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from sklearn.svm import SVR

from genolab.data import AnnDataset
from genolab.drugs import (
    ForestBaseline,
    KernelBaseline,
    MeansBaseline,
    NeighbourBaseline,
    RidgeBaseline,
    simulate_responses,
)
from genolab.infer import predict


def pairs(table, *, measured=None):
    """Return a dataset of the responses ``(compounds, contexts)`` of a table; NaN was not measured."""
    table = np.asarray(table, dtype=float)
    at = np.argwhere(np.isfinite(table) if measured is None else measured)
    found = AnnData(obs=pd.DataFrame({"response": table[tuple(at.T)]}, index=[str(i) for i in range(len(at))]))
    found.obsm["pair"] = at.astype(np.int32)
    return AnnDataset(found, "obsm/pair", target="obs/response")


def asked(baseline, *rows):
    """Ask a baseline about pairs of compound and context."""
    found = AnnData(obs=pd.DataFrame(index=[str(i) for i in range(len(rows))]))
    found.obsm["pair"] = np.array(rows, dtype=np.int32)
    return predict(baseline, AnnDataset(found, "obsm/pair"))


@pytest.fixture(scope="module")
def screen():
    """A screen of which every fifth row is set aside: data, rows to learn from, rows to ask about."""
    data = simulate_responses(80, 30, noise=0.1, seed=2)
    whole = AnnDataset(data, "obsm/pair", target="obs/response")
    aside = np.random.default_rng(0).random(data.n_obs) < 0.2
    return data, whole.subset(np.flatnonzero(~aside)), whole.subset(np.flatnonzero(aside))


def error(baseline, test):
    true = test.adata.obs["response"].to_numpy()[test.rows]
    return float(np.mean((predict(baseline, test).ravel() - true) ** 2))


# Means


def test_effects_that_add_up_are_found_even_where_much_is_missing():
    compound, context = np.array([0.0, 1, 2, 4]), np.array([0.0, 10, 20])
    table = compound[:, None] + context
    seen = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=bool)
    means = MeansBaseline(shrink=0).fit(pairs(table, measured=seen))
    np.testing.assert_allclose(asked(means, (0, 2), (1, 0), (3, 1), (3, 2)), [20, 1, 14, 24], atol=1e-4)


def test_what_was_not_seen_has_no_effect():
    means = MeansBaseline(shrink=0).fit(pairs([[1.0, 3], [1, 3]]))
    np.testing.assert_allclose(asked(means, (9, 0), (0, 9), (9, 9)), [1, 2, 2], atol=1e-5)


def test_shrinking_adds_rows_of_the_mean():
    means = MeansBaseline(shrink=2).fit(pairs([[0.0], [4.0]]))
    # each compound: one row of -2 or 2 around the mean, and two more of 0
    np.testing.assert_allclose(asked(means, (0, 0), (1, 0)), [2 - 2 / 3, 2 + 2 / 3], atol=1e-4)


# Neighbours

FINGERPRINTS = np.array([[1, 1, 0, 0], [2, 1, 1, 0], [0, 0, 0, 3], [1, 1, 1, 0]])


def test_the_neighbour_is_the_one_of_highest_tanimoto_similarity():
    table = np.array([[1.0, 10], [2, 20], [3, 30], [np.nan, np.nan]])
    nearest = NeighbourBaseline(FINGERPRINTS, n_neighbors=1).fit(pairs(table))
    np.testing.assert_allclose(asked(nearest, (3, 0), (3, 1)), [2, 20], rtol=1e-5)  # the same bits as compound 1


def test_several_neighbours_are_weighed_by_similarity():
    table = np.array([[1.0], [np.nan], [3], [np.nan]])
    near = NeighbourBaseline(FINGERPRINTS, n_neighbors=5).fit(pairs(table))
    assert asked(near, (1, 0))[0] == pytest.approx(1, abs=1e-4)  # compound 2 has nothing in common
    assert asked(near, (2, 0))[0] == pytest.approx(3, abs=1e-4)


def test_in_a_new_context_the_means_over_the_others_stand_in():
    table = np.array([[1.0, 3], [5, np.nan], [7, 9], [np.nan, np.nan]])
    near = NeighbourBaseline(FINGERPRINTS, n_neighbors=1).fit(pairs(table))
    np.testing.assert_allclose(asked(near, (0, 2), (2, 5), (3, 2)), [2, 8, 5], rtol=1e-5)


# Ridge and forest


def test_ridge_is_scikit_learns_where_there_is_one_context():
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    features, response = random.normal(size=(30, 5)), random.normal(size=30)
    ridge = RidgeBaseline(features, penalty=1e6).fit(pairs(response[:, None]))
    assert np.abs(asked(ridge, (0, 0), (1, 0)) - response.mean()).max() < 1e-3  # a strong penalty leaves the mean
    weak = RidgeBaseline(features, penalty=1e-4).fit(pairs(response[:, None]))
    expected = Ridge(1e-4).fit(features, response).predict(features)
    np.testing.assert_allclose(asked(weak, *((i, 0) for i in range(30))), expected, atol=1e-3)


def test_ridge_learns_an_effect_in_one_context_alone():
    bits = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]] * 5)
    table = np.stack([5 + 2 * bits[:, 0], 5 - 2 * bits[:, 0]], axis=1)
    ridge = RidgeBaseline(bits, penalty=1e-3).fit(pairs(table))
    np.testing.assert_allclose(asked(ridge, (0, 0), (0, 1), (3, 0), (3, 1)), [7, 3, 5, 5], atol=0.01)


@pytest.mark.parametrize("kind", [RidgeBaseline, ForestBaseline])
def test_what_learns_from_fingerprints_beats_the_means(screen, kind):
    data, train, test = screen
    means = error(MeansBaseline().fit(train), test)
    settings = {"n_trees": 20} if kind is ForestBaseline else {"penalty": 1.0}
    found = kind(data.uns["compound_bits"], data.uns["features"], **settings).fit(train)
    assert error(found, test) < 0.9 * means


@pytest.mark.parametrize("kind", [RidgeBaseline, ForestBaseline])
def test_features_of_contexts_predict_contexts_never_seen(kind):
    random = np.random.default_rng(0)
    bits, mutated = random.integers(0, 2, (20, 6)), random.integers(0, 2, (30, 4))
    table = bits @ random.normal(size=6)[:, None] + 3 * mutated[:, 0]
    new = np.arange(30) >= 24
    train, test = (pairs(table, measured=np.broadcast_to(some, table.shape)) for some in (~new, new))
    settings = {"n_trees": 20} if kind is ForestBaseline else {"penalty": 1.0}
    without, given_features = (error(kind(bits, given, **settings).fit(train), test) for given in (None, mutated))
    assert given_features < 0.1 * without


def test_a_forest_has_an_uncertainty_and_is_decided_by_its_seed(screen):
    data, train, test = screen
    forests = [ForestBaseline(data.uns["compound_bits"], n_trees=10, seed=seed).fit(train) for seed in (0, 0, 1)]
    one, same, other = (predict(forest, test) for forest in forests)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    spread = forests[0].spread(test.batch(np.arange(50)))
    assert spread.shape == (50,)
    assert (spread > 0).all()


def test_equal_and_constant_columns_are_left_out():
    columns = np.array([[0, 1, 0, 5], [1, 1, 1, 5], [0, 2, 0, 5]])
    forest = ForestBaseline(columns, n_trees=2).fit(pairs([[1.0], [2], [3]]))
    assert forest.fitted[-1].n_features_in_ == 2 + 1  # and the context's mean


# All of them


def all_kinds(n):
    table = np.ones((n, 2))
    return [MeansBaseline(), NeighbourBaseline(table), RidgeBaseline(table), ForestBaseline(table, n_trees=2)]


@pytest.mark.parametrize("place", range(4))
def test_a_baseline_is_fitted_first_and_needs_pairs_and_responses(place):
    baseline = all_kinds(3)[place]
    data = pairs(np.arange(6.0).reshape(3, 2))
    with pytest.raises(ValueError, match="must be fitted"):
        predict(baseline, data)
    with pytest.raises(ValueError, match="obs/response"):
        baseline.fit(AnnDataset(data.adata, "obsm/pair"))
    wide = AnnData(np.zeros((3, 5), np.float32), obs=pd.DataFrame({"response": [1.0, 2, 3]}, index=list("abc")))
    with pytest.raises(ValueError, match="obsm/pair"):
        baseline.fit(AnnDataset(wide, target="obs/response"))
    batch = data.batch(np.arange(6))
    expected = (baseline.fit(data).predict(batch) - batch.target).square().mean()
    assert baseline.loss(batch)["loss"].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_table_of_compounds_too_short_is_refused(place):
    with pytest.raises(ValueError, match=r"compounds has 2 rows, and the data have number 2"):
        all_kinds(2)[place].fit(pairs(np.arange(6.0).reshape(3, 2)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: MeansBaseline(shrink=-1),
        lambda: NeighbourBaseline(FINGERPRINTS, 0),
        lambda: RidgeBaseline(FINGERPRINTS, penalty=0),
        lambda: ForestBaseline(FINGERPRINTS, n_trees=0),
        lambda: RidgeBaseline([[np.nan]]),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match=r"must be|at least"):
        make()


# The simulation


def test_responses_without_noise_are_what_the_truth_says():
    data = simulate_responses(30, 10, noise=0, seed=5)
    truth, (compound, context) = data.uns["simulation"], data.obsm["pair"].T
    bits, features = data.uns["compound_bits"][compound], data.uns["features"][context]
    bit, feature = truth["pairs"].T
    together = (bits[:, bit] * features[:, feature]) @ truth["of_pair"]
    expected = 6 + bits @ truth["of_bit"] + features @ truth["of_feature"] + together
    np.testing.assert_allclose(data.obs["response"], expected, rtol=1e-6)


def test_simulated_responses_are_decided_by_the_seed_and_survive_a_file(tmp_path):
    from anndata import read_h5ad

    one, same, other = (simulate_responses(20, 5, measured=0.5, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one.obs, same.obs)
    assert list(one.uns["compounds"]["smiles"]) != list(other.uns["compounds"]["smiles"])
    one.write_h5ad(tmp_path / "screen.h5ad")
    back = read_h5ad(tmp_path / "screen.h5ad")
    pd.testing.assert_frame_equal(back.uns["compounds"], one.uns["compounds"], check_names=False)
    np.testing.assert_array_equal(back.obsm["pair"], one.obsm["pair"])


def test_what_lies_below_the_limit_is_known_only_as_below():
    data = simulate_responses(40, 10, censored_below=6.0, seed=0)
    below = (data.obs["censored"] == "<").to_numpy()
    assert 0 < below.sum() < data.n_obs
    assert (data.obs["response"][below] == 6).all()
    assert (data.obs["response"][~below] >= 6).all()


def test_every_simulated_molecule_is_a_molecule_and_no_two_are_the_same():
    from rdkit import Chem

    smiles = simulate_responses(1500, 1).uns["compounds"]["smiles"]
    assert len({Chem.MolToSmiles(Chem.MolFromSmiles(one)) for one in smiles}) == 1500


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_compounds": 17_281}, "1 to 17,280"),
        ({"n_contexts": 0}, "at least 1"),
        ({"n_features": 2, "n_interactions": 3}, "0 to 2"),
        ({"noise": -1.0}, "standard deviation"),
        ({"measured": 0.0}, "above 0"),
    ],
)
def test_simulations_out_of_range_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        simulate_responses(**changes)


# Kernel


def test_a_kernel_machine_is_scikit_learns_on_the_similarities_of_counts():
    prints = np.random.default_rng(3).integers(0, 3, (12, 20), dtype=np.uint8)
    response = np.random.default_rng(4).normal(6, 1, (12, 1))
    smaller = np.minimum(prints[:, None], prints).sum(axis=2)
    similarity = smaller / np.maximum(prints[:, None], prints).sum(axis=2)
    machine = SVR(C=10.0, epsilon=0.1, kernel="precomputed").fit(similarity, response[:, 0])
    kernel = KernelBaseline(prints).fit(pairs(response))
    expected = machine.predict(similarity)
    np.testing.assert_allclose(asked(kernel, *((i, 0) for i in range(12))), expected, atol=1e-4)
    np.testing.assert_allclose(asked(kernel, (0, 9)), response.mean(), atol=1e-5)  # of that context nothing is known


def test_a_kernel_machine_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="penalty must be above 0"):
        KernelBaseline(np.ones((3, 4)), penalty=0)
    with pytest.raises(ValueError, match="must be fitted"):
        asked(KernelBaseline(np.ones((3, 4))), (0, 0))

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from torch import nn

from genolab.data import AnnDataset
from genolab.drugs import METRICS, Estimate, calibration, evaluate, simulate_responses
from genolab.drugs.metrics import errors
from genolab.drugs.metrics.errors import Truth
from genolab.evaluate import ranking


def one(n):
    return np.ones((1, n))


def exact(values):
    values = np.asarray(values, dtype=float)
    return Truth(values, values, values)


def drawn(n=60, seed=0, contexts=1):
    """Return measured and predicted values with ties, contexts, and how often each row was drawn."""
    random = np.random.default_rng(seed)
    true = random.normal(size=n).round(1)
    predicted = (true + random.normal(size=n)).round(1)
    return true, predicted, np.sort(random.integers(contexts, size=n)), random.integers(0, 4, n)


def table_of(responses_=(1.0, 2, 3, 4, 5, 6), *, name="pIC50", **columns):
    n = len(responses_)
    obs = {"response": np.float32(responses_), "compound": [f"c{i}" for i in range(n)], "context": ["t"] * n} | columns
    found = AnnData(obs=pd.DataFrame(obs, index=[str(i) for i in range(n)]))
    found.obsm["pair"] = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(np.int32)
    found.uns["response"] = {"name": name, "unit": "-log10 M"}
    return AnnDataset(found, "obsm/pair", target="obs/response")


def value(table, metric, model="a"):
    return float(table.set_index(["model", "metric"])["value"][model, metric])


# The concordance index


def slow_concordance(low, high, predicted):
    pairs = high[:, None] < low  # the row lies below the column
    right = (predicted[:, None] < predicted) + 0.5 * (predicted[:, None] == predicted)
    return right[pairs].sum() / pairs.sum() if pairs.any() else np.nan


def test_concordance_on_paper():
    true, predicted = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 2])
    # 12 13 14 right, 23 24 wrong, 34 a tie
    assert ranking.concordance(true, true, predicted)(one(4)) == pytest.approx(3.5 / 6)


def test_bounds_make_pairs_only_where_their_order_is_known():
    low, high = np.array([-np.inf, 5.0, 6.0, -np.inf]), np.array([np.nextafter(5, 0), 5.0, np.inf, np.nextafter(7, 0)])
    predicted = np.array([4.0, 5, 6, 7])
    # below 5 is under 5 and under 6-or-more; 5 is under 6-or-more; "below 7" is under nothing that is known
    assert ranking.concordance(low, high, predicted)(one(4)) == 1
    assert ranking.concordance(low, high, -predicted)(one(4)) == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
def test_concordance_is_that_of_all_pairs_counted_one_by_one(seed, n):
    random = np.random.default_rng(seed)
    low = random.integers(0, 6, n).astype(float)
    high = low + random.choice([0.0, 0, 1, np.inf], n)
    predicted = random.integers(0, 6, n).astype(float)
    np.testing.assert_allclose(
        ranking.concordance(low, high, predicted)(one(n))[0], slow_concordance(low, high, predicted)
    )


# Lists: rank correlation, enrichment, BEDROC


def rdkit_list(score, active):
    order = np.argsort(-score, kind="stable")
    return np.stack([score, active], axis=1)[order]


@pytest.mark.parametrize("n", [20, 137, 400])
def test_enrichment_and_bedroc_are_those_of_rdkit(n):
    from rdkit.ML.Scoring import Scoring

    random = np.random.default_rng(n)
    score, active, context = random.normal(size=n), (random.random(n) < 0.2).astype(float), np.zeros(n, int)
    ranked = rdkit_list(score, active)
    for share in (0.01, 0.05):
        assert ranking.enrichment(score, active, context, share)(one(n))[0] == pytest.approx(
            Scoring.CalcEnrichment(ranked, 1, [share])[0]
        )
    assert ranking.bedroc(score, active, context)(one(n))[0] == pytest.approx(Scoring.CalcBEDROC(ranked, 1, 20.0))


def test_enrichment_on_paper():
    score = -np.arange(20.0)
    active = np.isin(np.arange(20), [0, 5]).astype(float)
    assert ranking.enrichment(score, active, np.zeros(20, int), 0.05)(one(20)) == pytest.approx(
        10
    )  # 1 of 1, beside 2 of 20
    assert ranking.enrichment(score, active, np.zeros(20, int), 0.10)(one(20)) == pytest.approx(5)


def test_all_actives_first_is_a_bedroc_of_one_and_last_of_zero():
    active = np.repeat([1.0, 0], [5, 45])
    score = -np.arange(50.0)
    assert ranking.bedroc(score, active, np.zeros(50, int))(one(50)) == pytest.approx(1)
    assert ranking.bedroc(-score, active, np.zeros(50, int))(one(50)) == pytest.approx(0, abs=1e-12)


def test_equal_predictions_are_ranked_as_chance_would_rank_them():
    active, context = np.repeat([1.0, 0], [5, 45]), np.zeros(50, int)
    assert ranking.enrichment(np.zeros(50), active, context, 0.05)(one(50)) == pytest.approx(1)
    random = np.random.default_rng(0)
    shuffled = [
        ranking.bedroc(random.permutation(50.0 * np.arange(50)), active, context)(one(50))[0] for _ in range(800)
    ]
    assert ranking.bedroc(np.zeros(50), active, context)(one(50))[0] == pytest.approx(np.mean(shuffled), abs=0.02)


def test_rows_of_which_it_is_open_whether_they_are_active_are_left_out():
    score, active = np.array([3.0, 2, 1, 0.5]), np.array([np.nan, 1, 0, 0])
    assert ranking.enrichment(score, active, np.zeros(4, int), 0.01)(one(4)) == pytest.approx(3)


def test_lists_without_both_kinds_do_not_count():
    score, active = np.tile([2.0, 1], 3), np.array([1.0, 0, 1, 1, 0, 0])
    context = np.repeat([0, 1, 2], 2)
    assert ranking.bedroc(score, active, context)(one(6)) == pytest.approx(1)
    assert np.isnan(ranking.bedroc(score, np.zeros(6), context)(one(6))[0])


def test_rank_correlation_is_the_mean_of_scipys_over_contexts():
    true, predicted, context, _ = drawn(100, contexts=5)
    each = [stats.spearmanr(true[context == c], predicted[context == c])[0] for c in range(5)]
    assert ranking.rank_correlation(true, predicted, context)(one(100))[0] == pytest.approx(np.mean(each))


def test_small_contexts_and_constant_ones_have_no_rank_correlation():
    context = np.array([0] * 4 + [1] * 6 + [2] * 5)
    true = np.array([1.0, 2, 3, 4] + [2.0] * 6 + [1.0, 2, 3, 4, 5])
    assert ranking.rank_correlation(true, -true, context)(one(15))[0] == pytest.approx(-1)


# Weights are repeated rows


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_of_three_is_the_row_three_times(seed):
    true, predicted, context, often = drawn(80, seed, contexts=4)
    active = (true > 0.3).astype(float)
    rows = np.repeat(np.arange(80), often)
    spread = np.abs(true) + 0.1
    figures = {
        "mse": lambda i: errors.squared_error(exact(true[i]).error(predicted[i]), context=context[i], root=True),
        "ci": lambda i: ranking.concordance(true[i], true[i], predicted[i]),
        "r2m": lambda i: errors.r2m(exact(true[i]), predicted[i]),
        "pearson": lambda i: errors.correlation(exact(true[i]), predicted[i]),
        "spearman": lambda i: ranking.rank_correlation(true[i], predicted[i], context[i]),
        "ef": lambda i: ranking.enrichment(predicted[i], active[i], context[i], 0.05),
        "bedroc": lambda i: ranking.bedroc(predicted[i], active[i], context[i]),
        "miscalibration": lambda i: errors.miscalibration(exact(true[i]), predicted[i], spread[i]),
        "nll": lambda i: errors.negative_log_likelihood(exact(true[i]), predicted[i], spread[i]),
    }
    for name, figure in figures.items():
        weighted = figure(np.arange(80))(often[None].astype(float))
        np.testing.assert_allclose(weighted, figure(rows)(one(len(rows))), err_msg=name)


# Errors and correlations


def test_errors_and_correlation_are_those_of_scikit_learn_and_scipy():
    true, predicted, context, _ = drawn(100, contexts=4)
    error = exact(true).error(predicted)
    assert errors.squared_error(error)(one(100))[0] == pytest.approx(metrics.mean_squared_error(true, predicted))
    assert errors.squared_error(error, root=True)(one(100))[0] == pytest.approx(
        metrics.root_mean_squared_error(true, predicted)
    )
    each = [metrics.root_mean_squared_error(true[context == c], predicted[context == c]) for c in range(4)]
    assert errors.squared_error(error, context=context, root=True)(one(100))[0] == pytest.approx(np.mean(each))
    assert errors.correlation(exact(true), predicted)(one(100))[0] == pytest.approx(stats.pearsonr(true, predicted)[0])


def test_r2m_on_paper():
    true, predicted = np.array([1.0, 2, 3]), np.array([2.0, 3, 4])
    # r² = 1; through the origin: slope 20 / 29, left 14 - 400 / 29, spread 2
    through = 1 - (14 - 400 / 29) / 2
    assert errors.r2m(exact(true), predicted)(one(3))[0] == pytest.approx(1 - np.sqrt(1 - through))
    assert errors.r2m(exact(true), true)(one(3))[0] == pytest.approx(1)


def test_a_bound_is_missed_only_on_its_other_side():
    truth = Truth(np.array([5.0, 5, 5]), np.array([-np.inf, 5, 5]), np.array([5, np.inf, 5]))
    np.testing.assert_allclose(truth.error(np.array([4.0, 4, 4])), [0, 1, 1])
    np.testing.assert_allclose(truth.error(np.array([6.0, 6, 6])), [1, 0, 1])


# Uncertainty


def test_coverage_and_likelihood_on_paper():
    truth, predicted, spread = exact([0.0, 0, 0, 0]), np.array([0.0, 1, 2, 3]), np.ones(4)
    assert errors.coverage(truth, predicted, spread, 0.6827)(one(4)) == pytest.approx(0.5)  # one standard deviation
    assert errors.negative_log_likelihood(truth, predicted, spread)(one(4))[0] == pytest.approx(
        -stats.norm.logpdf([0, 1, 2, 3]).mean()
    )


def test_the_likelihood_of_a_bound_is_that_of_all_beyond_it():
    truth = Truth(np.array([0.0, 0]), np.array([-np.inf, 0]), np.array([0, np.inf]))
    found = errors.negative_log_likelihood(truth, np.array([1.0, 1]), np.ones(2))(one(2))[0]
    assert found == pytest.approx(-(stats.norm.logcdf(-1) + stats.norm.logsf(-1)) / 2)


def test_a_true_spread_is_calibrated_and_a_halved_one_is_not():
    random = np.random.default_rng(0)
    spread = random.uniform(0.5, 2, 4000)
    off = random.normal(size=4000) * spread
    true, halved = (errors.miscalibration(exact(off), np.zeros(4000), spread * s)(one(4000))[0] for s in (1, 0.5))
    assert true < 0.02 < 0.15 < halved
    assert errors.uncertainty_correlation(exact(off), np.zeros(4000), spread)(one(4000))[0] > 0.3


# The table


def test_the_table_has_a_row_for_each_model_and_metric():
    test = table_of()
    found = evaluate({"a": [1, 2, 3, 4, 5, 7.0], "b": np.zeros((6, 1))}, test, n_boot=20)
    assert list(found.columns) == ["model", "metric", "value", "low", "high"]
    assert value(found, "mse") == pytest.approx(1 / 6)
    assert value(found, "ci") == 1
    assert value(found, "ci", "b") == 0.5
    assert not found["metric"].isin(["cliff_rmse", "coverage"]).any()


def test_cliffs_are_evaluated_by_themselves():
    found = evaluate({"a": [1, 2, 3, 4, 5, 8.0]}, table_of(cliff=[False] * 5 + [True]), n_boot=0)
    assert value(found, "cliff_rmse") == pytest.approx(2)
    with pytest.raises(KeyError, match="needs a column 'cliff'"):
        evaluate({"a": np.zeros(6)}, table_of(), metrics=["cliff_rmse"])


def test_bounds_count_only_where_asked_for():
    test = table_of([5.0, 6, 7], censored=["<", "=", ">"])
    predictions = {"a": [4.0, 6, 9]}
    assert value(evaluate(predictions, test, n_boot=0), "mse") == pytest.approx(5 / 3)
    assert value(evaluate(predictions, test, censored=True, n_boot=0), "mse") == 0


def test_actives_are_those_of_the_fields_habit_or_the_most_potent_tenth():
    predictions = {"a": -np.arange(20.0)}
    strong = np.repeat([7.5, 5.0], [4, 16])
    assert value(evaluate(predictions, table_of(strong), n_boot=0), "ef5") == pytest.approx(5)  # 4 of 20 are active
    logs = np.repeat([-4.0, 2.0], [2, 18])  # a low ln IC50 is a strong compound
    low = evaluate({"a": np.arange(20.0)}, table_of(logs, name="ln IC50"), n_boot=0)
    assert value(low, "ef5") == pytest.approx(10)
    percent = table_of(10 * np.arange(20.0, 0, -1), name="percent effect")  # the two of the top tenth are active
    assert value(evaluate(predictions, percent, n_boot=0), "ef5") == pytest.approx(10)
    assert value(evaluate(predictions, table_of(strong), active=8.0, n_boot=0), "ef5") != 5


class Knowing(nn.Module):
    """Says each row's response, and that it may be off by a tenth."""

    def predict(self, batch):
        return batch.target[:, None]

    def spread(self, batch):
        return torch.full((len(batch), 1), 0.1)


def test_a_model_gives_predictions_and_their_uncertainty():
    found = evaluate({"a": Knowing()}, table_of(), n_boot=0)
    assert value(found, "mse") == 0
    assert value(found, "coverage") == 1
    curve = calibration({"a": Knowing(), "b": np.zeros(6)}, table_of(), levels=[0.5, 0.9])
    assert curve.to_dict("list") == {"model": ["a", "a"], "level": [0.5, 0.9], "coverage": [1.0, 1.0]}


def test_intervals_over_compounds_are_wider_where_a_compounds_rows_err_together():
    data = simulate_responses(40, 20, seed=3)
    test = AnnDataset(data, "obsm/pair", target="obs/response")
    shift = np.random.default_rng(0).normal(size=40)[data.obsm["pair"][:, 0]]
    predictions = {"a": data.obs["expected"].to_numpy() + shift}
    rows, compounds = (
        evaluate(predictions, test, metrics=["mse"], by=by, n_boot=200).iloc[0] for by in (None, "compound")
    )
    assert compounds["high"] - compounds["low"] > 2 * (rows["high"] - rows["low"])
    again = evaluate(predictions, test, metrics=["mse"], by="compound", n_boot=200).iloc[0]
    assert again.equals(compounds)


def test_the_noise_is_the_best_that_can_be_reached():
    data = simulate_responses(60, 30, noise=0.3, seed=1)
    test = AnnDataset(data, "obsm/pair", target="obs/response")
    best = Estimate(data.obs["expected"], np.full(data.n_obs, 0.3))
    found = evaluate({"a": best}, test, n_boot=0)
    assert value(found, "rmse") == pytest.approx(0.3, abs=0.02)
    assert value(found, "coverage") == pytest.approx(0.9, abs=0.02)
    assert set(found["metric"]) == set(METRICS) - {"cliff_rmse"}


@pytest.mark.parametrize(
    ("models", "changes", "error", "words"),
    [
        ({}, {}, ValueError, "no models"),
        ({"a": np.zeros(5)}, {}, ValueError, "one number for each of 6"),
        ({"a": np.zeros((6, 2))}, {}, ValueError, "one number for each of 6"),
        ({"a": [np.nan] * 6}, {}, ValueError, "NaN or infinity for 6"),
        ({"a": Estimate(np.zeros(6), -np.ones(6))}, {}, ValueError, "at least 0"),
        ({"a": np.zeros(6)}, {"metrics": ["auroc"]}, KeyError, "'auroc' isn't one of the 15 metrics"),
        ({"a": np.zeros(6)}, {"by": "scaffold"}, ValueError, "'compound', 'context'"),
    ],
)
def test_wrong_questions_are_refused_by_name(models, changes, error, words):
    with pytest.raises(error, match=words):
        evaluate(models, table_of(), **changes)


def test_a_response_is_needed_and_marks_are_known():
    without = AnnDataset(table_of().adata, "obsm/pair")
    with pytest.raises(ValueError, match="pass target='obs/response'"):
        evaluate({"a": np.zeros(6)}, without)
    with pytest.raises(ValueError, match="got \\['~'\\]"):
        evaluate({"a": np.zeros(6)}, table_of(censored=["~"] * 6), censored=True)
    with pytest.raises(ValueError, match="with an uncertainty"):
        calibration({"a": np.zeros(6)}, table_of())
    with pytest.raises(ValueError, match="below 1"):
        calibration({"a": Knowing()}, table_of(), levels=[1.0])

"""Metrics of classification: scikit-learn's values, intervals that cover, and what is refused."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

import genolab as gl
from genolab.data import AnnDataset
from genolab.evaluate import CLASSIFICATION_METRICS
from genolab.evaluate.metrics import RankedScores


def rows(classes: list[str], n: int = 200, *, seed: int = 0) -> tuple[AnnDataset, np.ndarray]:
    """Return rows of the classes, and probabilities that are right more often than not; some of them are tied."""
    random = np.random.default_rng(seed)
    codes = random.integers(len(classes), size=n)
    scores = random.normal(size=(n, len(classes))).round(1)
    scores[np.arange(n), codes] += 1.3
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    adata = ad.AnnData(np.zeros((n, 1), np.float32))
    adata.obs["kind"] = pd.Categorical.from_codes(codes, classes)
    return AnnDataset(adata, target="obs/kind"), probabilities


def labelled(n: int = 200, k: int = 3, *, seed: int = 0) -> tuple[AnnDataset, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random((n, k)) < [0.5, 0.2, 0.1]
    probabilities = (random.random((n, k)) * 0.6 + 0.3 * truth).round(2)
    adata = ad.AnnData(np.zeros((n, 1), np.float32))
    adata.obsm["labels"] = truth.astype(np.uint8)
    return AnnDataset(adata, target="obsm/labels"), truth, probabilities


def values(table: pd.DataFrame, model: str = "model") -> dict[tuple[str, str], float]:
    return table[table["model"] == model].set_index(["metric", "class"])["value"].to_dict()


def decision_metrics(truth, predicted, names) -> dict[tuple[str, str], float]:
    expected = {}
    for metric, figure in (
        ("precision", sklearn_metrics.precision_score),
        ("recall", sklearn_metrics.recall_score),
        ("f1", sklearn_metrics.f1_score),
    ):
        each = figure(truth, predicted, average=None, zero_division=0)
        expected |= {(metric, name): value for name, value in zip(names, each, strict=True)}
        expected |= {
            (metric, how): figure(truth, predicted, average=how, zero_division=0) for how in ("macro", "micro")
        }
    return expected | {("accuracy", ""): sklearn_metrics.accuracy_score(truth, predicted)}


def ranking_metrics(hot, scores, names) -> dict[tuple[str, str], float]:
    expected = {}
    for metric, figure in (
        ("auroc", sklearn_metrics.roc_auc_score),
        ("auprc", sklearn_metrics.average_precision_score),
    ):
        each = figure(hot, scores, average=None)
        expected |= {(metric, name): value for name, value in zip(names, each, strict=True)}
        expected |= {(metric, how): figure(hot, scores, average=how) for how in ("macro", "micro")}
    return expected


@pytest.mark.parametrize("classes", [["no", "yes"], ["a", "b", "c", "d"]])
def test_every_value_is_scikit_learns(classes):
    test, probabilities = rows(classes)
    found = gl.evaluate.table({"model": probabilities}, test, n_boot=0)
    truth = test.adata.obs["kind"].to_numpy()
    predicted = np.array(classes)[probabilities.argmax(axis=1)]
    hot = truth[:, None] == np.array(classes)
    expected = decision_metrics(truth, predicted, classes) | ranking_metrics(hot, probabilities, classes)
    expected[("mcc", "")] = sklearn_metrics.matthews_corrcoef(truth, predicted)
    expected |= calibration_errors(hot, probabilities, classes)
    top = np.arange(len(truth)), probabilities.argmax(axis=1)
    expected[("ece", "")] = expected_calibration_error(hot[top], probabilities[top])
    expected[("brier", "")] = sklearn_metrics.brier_score_loss(
        truth,
        probabilities[:, 1] if len(classes) == 2 else probabilities,
        **({"pos_label": "yes"} if len(classes) == 2 else {"labels": classes}),
    )
    assert values(found) == pytest.approx(expected, rel=1e-12)
    assert set(found["metric"]) == set(CLASSIFICATION_METRICS)
    assert found[["low", "high"]].isna().all(axis=None)


def test_of_two_classes_the_areas_are_those_of_one_column():
    test, probabilities = rows(["no", "yes"])
    found = values(gl.evaluate.table({"model": probabilities}, test, n_boot=0))
    truth = test.adata.obs["kind"] == "yes"
    assert found["auroc", "yes"] == pytest.approx(sklearn_metrics.roc_auc_score(truth, probabilities[:, 1]))
    assert found["auprc", "yes"] == pytest.approx(sklearn_metrics.average_precision_score(truth, probabilities[:, 1]))


def test_labels_are_scikit_learns_too():
    test, truth, probabilities = labelled()
    predicted, names = probabilities >= 0.5, ["0", "1", "2"]
    expected = decision_metrics(truth, predicted, names) | ranking_metrics(truth, probabilities, names)
    each = [sklearn_metrics.matthews_corrcoef(truth[:, k], predicted[:, k]) for k in range(3)]
    expected |= {("mcc", name): value for name, value in zip(names, each, strict=True)}
    expected |= {
        ("mcc", "macro"): np.mean(each),
        ("mcc", "micro"): sklearn_metrics.matthews_corrcoef(truth.ravel(), predicted.ravel()),
    }
    expected |= calibration_errors(truth, probabilities, names)
    expected[("brier", "macro")] = np.mean([expected["brier", name] for name in names])
    expected[("ece", "macro")] = np.mean([expected["ece", name] for name in names])
    expected[("ece", "micro")] = expected_calibration_error(truth.ravel(), probabilities.ravel())
    found = gl.evaluate.table({"model": probabilities}, test, n_boot=0)
    assert values(found) == pytest.approx(expected, rel=1e-12)


def test_those_ranked_first_are_scikit_learns_and_counted_on_paper():
    test, truth, probabilities = labelled()
    found = values(gl.evaluate.table({"model": probabilities}, test, metrics=["ndcg", "ef5", "ef1"], n_boot=0))
    for k in range(3):
        expected = sklearn_metrics.ndcg_score(truth[None, :, k], probabilities[None, :, k])
        assert found["ndcg", str(k)] == pytest.approx(expected)
    test, _ = rows(["no", "yes"], n=40)
    first = (test.adata.obs["kind"] == "yes").to_numpy()
    found = values(gl.evaluate.table({"model": first.astype(float)}, test, metrics=["ef5", "ndcg"], n_boot=0))
    assert found["ef5", "yes"] == pytest.approx(1 / first.mean())
    assert found["ndcg", "yes"] == 1


def expected_calibration_error(truth, probability):
    """Sum over 10 bins of |mean probability - share|, weighted by their rows; from scikit-learn's calibration curve."""
    share, mean = calibration_curve(truth, probability, n_bins=10)
    rows = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], probability), minlength=10)
    return np.abs(share - mean) @ rows[rows > 0] / len(truth)


def calibration_errors(hot, probabilities, names):
    columns = list(zip(names, hot.T, probabilities.T, strict=True))
    return {("ece", name): expected_calibration_error(y, p) for name, y, p in columns} | {
        ("brier", name): sklearn_metrics.brier_score_loss(y, p) for name, y, p in columns
    }


def test_weighted_areas_are_scikit_learns_with_sample_weights():
    random = np.random.default_rng(0)
    truth, score = random.random(60) < 0.4, random.random(60).round(1)
    weights = random.integers(0, 4, size=(5, 60)).astype(float)
    roc, precision = RankedScores(truth, score).areas(weights)
    for line, weight in enumerate(weights):
        assert roc[line] == pytest.approx(sklearn_metrics.roc_auc_score(truth, score, sample_weight=weight))
        assert precision[line] == pytest.approx(
            sklearn_metrics.average_precision_score(truth, score, sample_weight=weight)
        )


def test_intervals_lie_round_the_value_and_are_as_wide_as_theory_says():
    test, probabilities = rows(["no", "yes"], n=2000)
    found = gl.evaluate.table({"model": probabilities}, test, metrics=["accuracy", "auroc"])
    assert (found["low"] < found["value"]).all()
    assert (found["value"] < found["high"]).all()
    line = found.iloc[0]
    width = 2 * 1.96 * np.sqrt(line["value"] * (1 - line["value"]) / 2000)
    assert line["high"] - line["low"] == pytest.approx(width, rel=0.1)


def test_all_models_have_the_same_resamplings_and_the_seed_decides_which():
    test, probabilities = rows(["a", "b", "c"])
    one = gl.evaluate.table({"x": probabilities, "y": probabilities}, test, n_boot=50, seed=3)
    x, y = (one[one["model"] == name].drop(columns="model").reset_index(drop=True) for name in "xy")
    pd.testing.assert_frame_equal(x, y)
    again = gl.evaluate.table({"x": probabilities}, test, n_boot=50, seed=3)
    pd.testing.assert_frame_equal(again, one[one["model"] == "x"])


def test_resamplings_do_not_depend_on_the_size_of_their_blocks(monkeypatch):
    test, probabilities = rows(["a", "b"], n=50)
    one = gl.evaluate.table({"x": probabilities}, test, metrics=["f1"], n_boot=40)
    monkeypatch.setattr(gl.evaluate.bootstrap, "_VALUES_AT_ONCE", 700)
    pd.testing.assert_frame_equal(one, gl.evaluate.table({"x": probabilities}, test, metrics=["f1"], n_boot=40))


def test_a_class_that_neither_is_there_nor_was_predicted_has_no_value_and_does_not_count():
    test, probabilities = rows(["a", "b", "c"])
    there = test.subset(np.flatnonzero(test.adata.obs["kind"] != "c"))
    some = probabilities[there.rows] * [1, 1, 0]
    found = values(gl.evaluate.table({"model": some}, there, n_boot=0))
    truth, predicted = there.adata.obs["kind"].to_numpy()[there.rows], np.array(["a", "b", "c"])[some.argmax(axis=1)]
    assert np.isnan(found["f1", "c"])
    assert np.isnan(found["auroc", "c"])
    assert found["f1", "macro"] == pytest.approx(sklearn_metrics.f1_score(truth, predicted, average="macro"))


def test_a_model_is_asked_for_its_predictions():
    adata = ad.AnnData(obs=pd.DataFrame({"kind": list("abab")}, index=list("1234")))
    adata.obsm["sequence"] = gl.sequences.one_hot(["AA", "CC", "AA", "CC"])
    test = AnnDataset(adata, "obsm/sequence", target="obs/kind")
    model = gl.dna.PWMBaseline().fit(test)
    assert values(gl.evaluate.table({"model": model}, test, metrics=["accuracy"], n_boot=0)) == {("accuracy", ""): 1.0}


# ---- numbers ----------------------------------------------------------------------------------------------------


def measured(n: int = 60, k: int = 1, *, seed: int = 0) -> tuple[AnnDataset, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.normal(size=(n, k)).astype(np.float32)
    adata = ad.AnnData(
        np.zeros((n, 1), np.float32), obs=pd.DataFrame({"donor": np.arange(n) % 12}).set_index(np.arange(n).astype(str))
    )
    adata.obsm["y"] = truth
    adata.obs["y"] = truth[:, 0]
    predicted = (truth + random.normal(size=(n, k))).round(1)
    return AnnDataset(adata, target="obs/y" if k == 1 else "obsm/y"), truth.astype(float), predicted


def test_numbers_are_scikit_learns_and_scipys():
    for k in (1, 3):
        test, truth, predicted = measured(k=k)
        found = values(gl.evaluate.table({"model": predicted}, test, n_boot=0))
        expected = {}
        for at, name in enumerate([""] if k == 1 else ["0", "1", "2"]):
            one, other = truth[:, at], predicted[:, at]
            expected |= {
                ("r", name): stats.pearsonr(one, other)[0],
                ("rho", name): stats.spearmanr(one, other)[0],
                ("rmse", name): sklearn_metrics.root_mean_squared_error(one, other),
                ("mae", name): sklearn_metrics.mean_absolute_error(one, other),
                ("r2", name): sklearn_metrics.r2_score(one, other),
            }
        for metric in ("r", "rho", "rmse", "mae", "r2")[: 5 * (k > 1)]:
            expected[metric, "macro"] = np.mean([expected[metric, name] for name in "012"])
        assert found == pytest.approx(expected, rel=1e-9)
    test, truth, predicted = measured()
    gains = AnnDataset(test.adata.copy(), target="obs/y")
    gains.adata.obs["y"] -= truth.min()
    gains = AnnDataset(gains.adata, target="obs/y")
    found = gl.evaluate.table({"model": predicted[:, 0]}, gains, metrics=["ndcg"], n_boot=0)["value"].iloc[0]
    assert found == pytest.approx(sklearn_metrics.ndcg_score(gains.adata.obs["y"].to_numpy()[None], predicted.T))
    with pytest.raises(ValueError, match="NDCG is of gains, 0 or more, and the least is -"):
        gl.evaluate.table({"model": predicted}, test, metrics=["ndcg"])


def test_a_constant_prediction_has_no_correlation_and_the_mean_explains_nothing():
    test, truth, _ = measured()
    found = values(gl.evaluate.table({"model": np.full(60, truth.mean())}, test))
    assert np.isnan(found["r", ""])
    assert np.isnan(found["rho", ""])
    assert found["r2", ""] == pytest.approx(0, abs=1e-12)


# ---- intervals by group, and differences from a baseline --------------------------------------------------------


def test_rows_of_a_group_are_drawn_together():
    test, truth, predicted = measured()
    donor = test.adata.obs["donor"].to_numpy()
    off = np.random.default_rng(1).normal(size=12)[donor]  # what all rows of a donor share
    narrow, wide = (
        gl.evaluate.table({"m": truth[:, 0] + off}, test, metrics=["rmse"], by=by).iloc[0] for by in (None, "donor")
    )
    assert narrow["value"] == wide["value"]
    assert wide["high"] - wide["low"] > 1.5 * (narrow["high"] - narrow["low"])
    pd.testing.assert_series_equal(
        gl.evaluate.table({"m": truth[:, 0] + off}, test, metrics=["rmse"], by=donor).iloc[0], wide
    )
    each_its_own = gl.evaluate.table({"m": predicted}, test, by=np.arange(60))
    pd.testing.assert_frame_equal(each_its_own, gl.evaluate.table({"m": predicted}, test))


def test_one_group_and_rows_without_one_are_refused():
    test, _, predicted = measured()
    with pytest.raises(ValueError, match="all 60 rows are of one group, and one group says nothing of others"):
        gl.evaluate.table({"m": predicted}, test, by=np.zeros(60))
    assert len(gl.evaluate.table({"m": predicted}, test, by=np.zeros(60), n_boot=0)) == 5
    with pytest.raises(ValueError, match="names the group of every row, got 59 groups for 60 rows"):
        gl.evaluate.table({"m": predicted}, test, by=[None, *range(59)])
    with pytest.raises(KeyError, match="'obs/patient' is not in this AnnData"):
        gl.evaluate.table({"m": predicted}, test, by="patient")


def test_a_difference_is_tested_on_the_same_rows():
    test, _, predicted = measured(n=200)
    other = predicted + np.where(np.arange(200)[:, None] % 2, 0.15, -0.15)  # a little worse, on every row
    found = gl.evaluate.table({"a": predicted, "b": other, "same": predicted}, test, baseline="a").set_index(
        ["model", "metric"]
    )
    assert found.loc["a", ["difference", "difference_low", "difference_high", "p"]].isna().all(axis=None)
    gap = found.loc[("b", "rmse")]
    assert gap["difference"] == gap["value"] - found.loc[("a", "rmse"), "value"]
    assert gap["difference_high"] - gap["difference_low"] < 0.5 * (gap["high"] - gap["low"])  # shared noise cancels out
    assert (found.loc["same", "difference"] == 0).all()
    assert (found.loc["same", "p"] == 1).all()
    outside = (found["difference_low"] > 0) | (found["difference_high"] < 0)
    np.testing.assert_array_equal((found["p"] < 0.05)[found["p"].notna()], outside[found["p"].notna()])
    with pytest.raises(KeyError, match="'c' isn't one of the 2 models: a, b"):
        gl.evaluate.table({"a": predicted, "b": other}, test, baseline="c")


def test_an_interval_of_one_row_is_not_known():
    test, _, predicted = measured()
    one = gl.evaluate.table({"m": predicted[:1]}, test.subset([0]), metrics=["rmse"])
    assert one["value"].notna().all()
    assert one[["low", "high"]].isna().all(axis=None)


# ---- confusion and curves ---------------------------------------------------------------------------------------


def test_the_confusion_matrix_is_scikit_learns():
    test, probabilities = rows(["a", "b", "c"])
    found = gl.evaluate.confusion(probabilities, test)
    expected = sklearn_metrics.confusion_matrix(test.adata.obs["kind"].cat.codes, probabilities.argmax(axis=1))
    np.testing.assert_array_equal(found, expected)
    assert list(found.columns) == list(found.index) == ["a", "b", "c"]


def test_the_curves_are_scikit_learns():
    test, probabilities = rows(["no", "yes"])
    truth, score = test.adata.obs["kind"] == "yes", probabilities[:, 1]
    found = gl.evaluate.roc({"model": probabilities}, test)
    lost, gained, at = sklearn_metrics.roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(found[["false_positive_rate", "true_positive_rate"]], np.stack([lost, gained], axis=1))
    np.testing.assert_allclose(found["threshold"], at)
    assert set(found["label"]) == {"yes"}
    curve = gl.evaluate.precision_recall({"model": probabilities}, test, label="yes")
    right, found_share, at = sklearn_metrics.precision_recall_curve(truth, score)
    np.testing.assert_allclose(curve[["precision", "recall"]], np.stack([right, found_share], axis=1)[::-1])
    np.testing.assert_allclose(curve["threshold"][1:], at[::-1])


def test_of_many_classes_all_decisions_make_one_curve():
    test, probabilities = rows(["a", "b", "c"])
    hot = test.adata.obs["kind"].to_numpy()[:, None] == np.array(["a", "b", "c"])
    found = gl.evaluate.roc({"model": probabilities}, test)
    area = np.trapezoid(found["true_positive_rate"], found["false_positive_rate"])
    assert area == pytest.approx(sklearn_metrics.roc_auc_score(hot, probabilities, average="micro"))
    assert set(found["label"]) == {"micro"}


def test_bands_hold_the_curve_and_narrow_with_the_rows():
    widths = {}
    for n in (100, 1600):
        test, probabilities = rows(["no", "yes"], n=n)
        for curve, up in ((gl.evaluate.roc, "true_positive_rate"), (gl.evaluate.precision_recall, "precision")):
            found = curve({"model": probabilities}, test, n_boot=200)
            inner = found[found.get("false_positive_rate", found.get("recall")) > 0]
            assert inner[up].between(inner["low"] - 0.05, inner["high"] + 0.05).mean() > 0.95
            widths[curve, n] = (found["high"] - found["low"]).mean()
            assert curve({"model": probabilities}, test, n_boot=0)[["low", "high"]].isna().all(axis=None)
    assert widths[gl.evaluate.roc, 1600] < 0.4 * widths[gl.evaluate.roc, 100]


def test_calibration_is_scikit_learns_curve():
    test, probabilities = rows(["no", "yes"], n=400)
    found = gl.evaluate.calibration({"model": probabilities}, test)
    share, mean = calibration_curve(test.adata.obs["kind"] == "yes", probabilities[:, 1], n_bins=10)
    np.testing.assert_allclose(found[["predicted", "observed"]], np.stack([mean, share], axis=1))
    assert found["rows"].sum() == 400
    assert ((found["low"] <= found["observed"]) & (found["observed"] <= found["high"])).all()
    test, probabilities = rows(["a", "b", "c"])
    assert set(gl.evaluate.calibration({"model": probabilities}, test)["label"]) == {"predicted"}
    with pytest.raises(ValueError, match="between 0 and 1, and 'model' gives others"):
        gl.evaluate.calibration({"model": probabilities * 2}, test)
    with pytest.raises(ValueError, match="between 0 and 1, and 'model' gives others"):
        gl.evaluate.table({"model": probabilities * 2}, test, metrics=["ece"])
    assert "ece" not in set(gl.evaluate.table({"model": probabilities * 2}, test, n_boot=0)["metric"])


# ---- more data, and other devices -------------------------------------------------------------------------------


def test_a_learning_curve_is_the_mean_of_trainings_on_more_and_more_of_the_same_rows():
    test, probabilities = rows(["a", "b"], n=40)
    truth = np.eye(2)[test.adata.obs["kind"].cat.codes]
    seen: dict[int, list[set[int]]] = {}

    def learner(part, seed):
        seen.setdefault(seed, []).append(set(part.rows.tolist()))
        return truth if len(part) == 40 else probabilities

    curve = gl.evaluate.learning_curve({"m": learner}, test, test, metric="accuracy", sizes=(0.25, 40), n_seeds=3)
    right = (probabilities.argmax(axis=1) == truth.argmax(axis=1)).mean()
    assert curve["rows"].tolist() == [10, 40]
    assert curve["value"].tolist() == pytest.approx([right, 1])
    assert curve[["low", "high"]].to_numpy().ravel() == pytest.approx([right, right, 1, 1])
    assert list(seen) == [0, 1, 2]
    assert all(small < large for small, large in seen.values())
    with pytest.raises(ValueError, match="sizes are shares of the 40 training rows, or numbers up to that"):
        gl.evaluate.learning_curve({"m": learner}, test, test, metric="accuracy", sizes=(50,))


def test_a_model_gives_the_same_on_a_device_and_on_itself():
    adata = ad.AnnData(np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32))
    dataset = AnnDataset(adata)
    found = gl.evaluate.devices({"pca": (gl.models.PCABaseline(2).fit(dataset), dataset)}, names=["cpu", "cpu:0"])
    assert found["device"].tolist() == ["cpu", "cpu:0"]
    assert (found["difference"] == 0).all()
    assert (found["rows_per_second"] > 0).all()


# ---- what is refused --------------------------------------------------------------------------------------------


def test_what_cannot_be_evaluated_is_refused():
    test, probabilities = rows(["a", "b"])
    numbers = ad.AnnData(np.zeros((200, 1), np.float32))
    numbers.obs["height"] = np.arange(200.0)
    cases = [
        (ValueError, "no models", {}, test, {}),
        (KeyError, "isn.t one of the 12 metrics: accuracy", {"x": probabilities}, test, {"metrics": ["speed"]}),
        (ValueError, "'x' must give a probability for each of 200 rows and 2", {"x": probabilities[:, :1]}, test, {}),
        (ValueError, "NaN or infinity for 200 rows", {"x": probabilities * np.nan}, test, {}),
        (ValueError, "pass target=", {"x": probabilities}, AnnDataset(test.adata), {}),
        (ValueError, "'x' must give 1 number for", {"x": probabilities}, AnnDataset(numbers, target="obs/height"), {}),
        (
            KeyError,
            "metrics of numbers: r, rho",
            {"x": probabilities},
            AnnDataset(numbers, target="obs/height"),
            {"metrics": ["f1"]},
        ),
    ]
    for kind, message, models, data, options in cases:
        with pytest.raises(kind, match=message):
            gl.evaluate.table(models, data, **options)


def test_curves_and_matrix_refuse_what_they_cannot_show():
    test, probabilities = rows(["a", "b"])
    same = test.subset(np.flatnonzero(test.adata.obs["kind"] == "a"))
    with pytest.raises(ValueError, match="label must be one of a, b"):
        gl.evaluate.roc({"x": probabilities}, test, label="c")
    with pytest.raises(ValueError, match="are of one kind"):
        gl.evaluate.roc({"x": probabilities[same.rows]}, same)
    labels, _, scores = labelled()
    with pytest.raises(ValueError, match="one class a row"):
        gl.evaluate.confusion(scores, labels)

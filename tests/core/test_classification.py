"""Metrics of classification: scikit-learn's values, intervals that cover, and what is refused."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

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
    found = gl.evaluate.table({"model": probabilities}, test, n_boot=0)
    assert values(found) == pytest.approx(expected, rel=1e-12)


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


# ---- what is refused --------------------------------------------------------------------------------------------


def test_what_cannot_be_evaluated_is_refused():
    test, probabilities = rows(["a", "b"])
    numbers = ad.AnnData(np.zeros((200, 1), np.float32))
    numbers.obs["height"] = np.arange(200.0)
    cases = [
        (ValueError, "no models", {}, test, {}),
        (KeyError, "isn.t one of the 7 metrics: accuracy", {"x": probabilities}, test, {"metrics": ["speed"]}),
        (ValueError, "'x' must give a probability for each of 200 rows and 2", {"x": probabilities[:, :1]}, test, {}),
        (ValueError, "NaN or infinity for 200 rows", {"x": probabilities * np.nan}, test, {}),
        (ValueError, "pass target=", {"x": probabilities}, AnnDataset(test.adata), {}),
        (ValueError, "classes or labels", {"x": probabilities}, AnnDataset(numbers, target="obs/height"), {}),
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

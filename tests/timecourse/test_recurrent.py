"""ExpressionRNN, its baselines, and how they are judged: gaps leave no trace, and what is promised holds."""

import numpy as np
import pytest
import torch

import genolab as gl
from genolab.data.dataset import Batch
from genolab.timecourse.model import pack_measurements, running_cosinor

INPUTS = ("obsm/values", "obsm/cycles")


@pytest.fixture(scope="module")
def profiles():
    found = gl.timecourse.courses(
        gl.timecourse.simulate_time_course(120, (14, 18), periods=(60.0, 110.0), noise=0.3, irregular=0.4, seed=5)
    )
    found.obsm["cycles"] = gl.timecourse.estimate_cycles(found).times(found)
    return found


@pytest.fixture(scope="module")
def parts(profiles):
    return gl.data.split(gl.data.AnnDataset(profiles, INPUTS, target="obs/phase"), by="gene", seed=0)


def trained(model, rows, epochs=8, **settings):
    config = gl.RunConfig(epochs=epochs, batch_size=64, learning_rate=6e-3, threads=1, device="cpu", seed=1, **settings)
    return gl.Run(model, rows, None, config).start().wait().model.eval()


@pytest.fixture(scope="module")
def classifier(parts):
    return trained(gl.timecourse.ExpressionRNN(4, n_hidden=16, n_latent=6), parts.train, epochs=25)


@pytest.fixture(scope="module")
def forecaster(profiles):
    rows = gl.data.split(gl.data.AnnDataset(profiles, INPUTS), by="gene", seed=0)
    model = gl.timecourse.ExpressionRNN(n_hidden=16, n_latent=6, noise=0.1, time_shift=0.0)
    trained(model, rows.train, epochs=30)
    model.calibrate(rows.valid)
    return model, rows


def one(values, times) -> Batch:
    pair = [torch.as_tensor(np.asarray(part), dtype=torch.float32)[None] for part in (values, times)]
    return Batch(tuple(pair), None, {}, torch.arange(1))


def test_measurements_move_to_the_front_and_know_where_they_were():
    nan = float("nan")
    found = pack_measurements(torch.tensor([[nan, 2.0, nan, 4.0]]), torch.tensor([[0.0, 1.0, 2.0, 3.0]]))
    assert found.values.tolist() == [[2.0, 4.0, 0.0, 0.0]]
    assert found.times.tolist() == [[1.0, 3.0, 0.0, 0.0]]
    assert found.last.tolist() == [[-1, 0, 0, 1]]
    assert found.mask.tolist() == [[True, True, False, False]]


def test_the_wave_so_far_comes_to_the_wave():
    at = torch.linspace(0, 3, 60)[None]
    fitted = running_cosinor(pack_measurements(torch.sin(2 * np.pi * at), at))
    assert fitted[0, -1].tolist() == pytest.approx([1, 0], abs=0.03)
    assert fitted[0, 0].abs().max() < 0.8


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_missing_value_is_a_measurement_that_was_not_made(cell):
    model = gl.timecourse.ExpressionRNN(3, cell=cell, n_hidden=8, n_latent=4).eval()
    values, times = np.array([0.1, np.nan, 0.7, -0.3, np.nan]), np.array([0.0, 0.1, 0.2, 0.5, 0.8])
    kept = np.isfinite(values)
    torch.testing.assert_close(model.predict(one(values, times)), model.predict(one(values[kept], times[kept])))


def test_padding_behind_a_course_changes_nothing():
    model = gl.timecourse.ExpressionRNN(3, n_hidden=8).eval()
    values, times = np.array([0.1, 0.7, -0.3]), np.array([0.0, 0.2, 0.5])
    longer = [np.append(part, [np.nan, np.nan]) for part in (values, times)]
    torch.testing.assert_close(model.embed(one(values, times)), model.embed(one(*longer)))


def test_a_path_ends_where_the_profile_is_embedded(classifier, parts):
    batch = parts.test.batch([0, 1, 2])
    path = classifier.path(batch)
    assert path.shape == (3, 18, 6)
    assert classifier.hidden(batch).shape == (3, 18, 16)
    torch.testing.assert_close(path[:, -1], classifier.embed(batch))
    np.testing.assert_allclose(gl.infer.embed(classifier, parts.test)[:3], path[:, -1].detach(), atol=1e-5)


def test_phases_of_new_genes_are_told(classifier, parts):
    table = gl.evaluate.table({"rnn": classifier}, parts.test, metrics=["f1"], n_boot=0)
    assert table.set_index("class")["value"]["macro"] > 0.55


def test_the_same_seed_gives_the_same_bits(parts):
    one, same = (trained(gl.timecourse.ExpressionRNN(4, n_hidden=8, seed=3), parts.train, epochs=1) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), same.state_dict().values(), strict=True))


def test_a_run_is_saved_and_loaded(classifier, parts, tmp_path):
    run = gl.Run(gl.timecourse.ExpressionRNN(4, n_hidden=8), parts.train, None, gl.RunConfig(epochs=1, threads=1)).fit()
    run.save(tmp_path / "run.safetensors")
    loaded = gl.run.load_model(tmp_path / "run.safetensors")
    np.testing.assert_array_equal(gl.infer.predict(loaded, parts.test), gl.infer.predict(run.model.eval(), parts.test))


def test_rare_classes_count_more():
    genes = gl.timecourse.courses(gl.timecourse.simulate_time_course(90, 10, n_phases=2, seed=1))
    model = gl.timecourse.ExpressionRNN(2)
    dataset = gl.data.AnnDataset(genes, ("obsm/values", "obsm/time"), target="obs/phase")
    model.plan(dataset, 1)
    counts = genes.obs["phase"].value_counts(sort=False).to_numpy()
    np.testing.assert_allclose(model.class_weight, np.sqrt(counts.sum() / 2 / counts), rtol=1e-5)


def test_forecasts_beat_simple_ones_and_their_band_holds(forecaster, profiles):
    model, rows = forecaster
    models = {"rnn": model, "last": gl.timecourse.last_value, "mean": gl.timecourse.mean_value}
    table = gl.timecourse.evaluate_forecasts(models, profiles[rows.test.rows], times="cycles", n_boot=50)
    whole = table[table["course"] == "all"].set_index(["metric", "model"])
    error = whole["value"]["error"]
    assert error["rnn"] < 0.8 * error[["last", "mean"]].min()
    assert 0.75 < whole["value"]["coverage", "rnn"] <= 1
    assert (whole["low"] <= whole["value"]).all()
    assert (whole["value"] <= whole["high"]).all()


def test_what_is_asked_for_without_a_time_is_nan(forecaster):
    model, _ = forecaster
    batch = one([0.1, 0.5, 0.2], [0.0, 0.1, 0.2])
    told = model.forecast(*batch.inputs, torch.tensor([[0.4, float("nan")]]))
    assert torch.isfinite(told.mean[0, 0])
    assert torch.isnan(told.mean[0, 1])
    assert told.low[0, 0] < told.mean[0, 0] < told.high[0, 0]


def test_one_step_ahead_looks_only_back(forecaster):
    model, _ = forecaster
    values, times = torch.tensor([[0.1, 0.5, 0.2, 0.9]]), torch.tensor([[0.0, 0.1, 0.2, 0.3]])
    changed = values.clone()
    changed[0, 3] = 5
    one, other = (model.predict(Batch((v, times), None, {}, torch.arange(1))) for v in (values, changed))
    torch.testing.assert_close(one, other, equal_nan=True)
    assert torch.isnan(one[0, 0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.obsm["cycles"].__setitem__((0, slice(0, 2)), [0.5, 0.1]), "times increase"),
        (lambda p: p.obsm["values"].__setitem__(0, np.nan), "1 rows have none"),
        (lambda p: p.obsm["cycles"].__setitem__((0, 3), np.nan), "every value needs a time"),
    ],
)
def test_profiles_that_are_none_are_refused(profiles, change, words):
    bad = profiles.copy()
    bad.obsm["values"][0] = np.nan_to_num(bad.obsm["values"][0])
    bad.obsm["cycles"][0] = np.linspace(0, 1, bad.obsm["cycles"].shape[1])
    change(bad)
    with pytest.raises(ValueError, match=words):
        gl.Run(gl.timecourse.ExpressionRNN(4), gl.data.AnnDataset(bad, INPUTS, target="obs/phase"))


def test_inputs_and_targets_that_do_not_fit_are_refused(profiles):
    with pytest.raises(ValueError, match="values and their times"):
        gl.Run(gl.timecourse.ExpressionRNN(), gl.data.AnnDataset(profiles, "obsm/values"))
    with pytest.raises(ValueError, match="but the target has 4"):
        gl.Run(gl.timecourse.ExpressionRNN(3), gl.data.AnnDataset(profiles, INPUTS, target="obs/phase"))
    with pytest.raises(ValueError, match="at least 2 classes"):
        gl.timecourse.ExpressionRNN(1)
    with pytest.raises(ValueError, match="'gru' or 'lstm'"):
        gl.timecourse.ExpressionRNN(cell="rnn")


@pytest.mark.parametrize(
    "baseline",
    [
        gl.timecourse.ProfileBaseline("profile"),
        gl.timecourse.ProfileBaseline("cosinor"),
        gl.timecourse.NearestProfiles(9),
    ],
)
def test_baselines_tell_phases_too(baseline, parts):
    baseline.fit(parts.train)
    assert gl.infer.predict(baseline, parts.test).sum(axis=1) == pytest.approx(1, abs=1e-4)
    table = gl.evaluate.table({"it": baseline}, parts.test, metrics=["f1"], n_boot=0)
    assert table.set_index("class")["value"]["macro"] > 0.55


def test_simple_forecasts_are_what_they_say():
    at = np.arange(8)[None] / 4
    values = np.array([[0.0, 1, 0, -1, 0, 1, 0, np.nan]])
    asked = np.array([[2.0, 2.25]])
    assert gl.timecourse.last_value(values, at, asked).tolist() == [[0, 0]]
    np.testing.assert_allclose(gl.timecourse.mean_value(values, at, asked), 1 / 7)
    np.testing.assert_allclose(gl.timecourse.seasonal_naive(values, at, asked), [[0, 1]])
    np.testing.assert_allclose(gl.timecourse.cosinor_forecast(values, at, asked), [[0, 1]], atol=1e-4)


def test_the_nearest_forecast_is_that_of_a_twin(profiles):
    train = profiles[(profiles.obs["course"] == "course_1").to_numpy()]
    values, times = train.obsm["values"][:3], train.obsm["cycles"][:3]
    found = gl.timecourse.NearestForecast(train, times="cycles", k=1)(values[:, :8], times[:, :8], times[:, 8:14])
    known = np.isfinite(values[:, 8:14])
    np.testing.assert_allclose(found[known], values[:, 8:14][known], rtol=1e-5)
    with pytest.raises(ValueError, match="no training profile"):
        gl.timecourse.NearestForecast(train, times="cycles")(values[:, :8], times[:, :8] + 0.01, times[:, 8:14])


def test_perfect_answers_have_f1_one_and_a_gain(profiles):
    truth = np.eye(4)[profiles.obs["phase"].cat.codes]
    table = gl.timecourse.evaluate(
        {"perfect": truth, "first": np.eye(4)[np.zeros(len(truth), int)]},
        profiles,
        "phase",
        baseline="first",
        n_boot=20,
    )
    whole = table[table["course"] == "all"].set_index(["model", "metric"])["value"]
    assert whole["perfect", "f1"] == 1
    assert whole["perfect", "f1_gain"] == pytest.approx(1 - whole["first", "f1"])
    with pytest.raises(ValueError, match="baseline must be one of perfect"):
        gl.timecourse.evaluate({"perfect": truth}, profiles, "phase", baseline="other")


def test_f1_by_course_is_scikit_learns(profiles):
    from sklearn.metrics import f1_score

    answers = np.random.default_rng(0).random((profiles.n_obs, 4))
    table = gl.timecourse.evaluate({"chance": answers}, profiles, "phase", n_boot=0).set_index("course")["value"]
    rows = (profiles.obs["course"] == "course_2").to_numpy()
    codes = profiles.obs["phase"].cat.codes.to_numpy()
    assert table["course_2"] == pytest.approx(f1_score(codes[rows], answers[rows].argmax(axis=1), average="macro"))


def test_figures_show_classes_and_bands_with_names_made_safe(profiles, forecaster):
    named = profiles.copy()
    named.obs["phase"] = named.obs["phase"].cat.rename_categories({"phase_1": "<b>early</b>"})
    wheel = gl.timecourse.plot.phase_wheel(named)
    assert any("&lt;b&gt;early" in trace.name for trace in wheel.data if trace.name)
    assert len(gl.timecourse.plot.profiles(named, course="course_2").data) == 8
    figure = gl.timecourse.plot.forecast(forecaster[0], profiles, profiles.obs["gene"].iloc[:4].tolist())
    assert [trace.name for trace in figure.data][:4] == ["90 % band", "seen", "forecast", "measured"]
    with pytest.raises(KeyError, match="of the 2 courses"):
        gl.timecourse.plot.phase_wheel(profiles, course="elsewhere")
    with pytest.raises(ValueError, match="1 to 6 genes"):
        gl.timecourse.plot.forecast(forecaster[0], profiles, [])

"""The model of responses: what it can learn, what it may not know, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData

import genolab as gl
from genolab.drugs.model import ConvEncoder, FeatureTable, RecurrentEncoder


def pairs_of(response: np.ndarray, known: np.ndarray | None = None) -> AnnData:
    """Rows of a matrix compounds x contexts, or those of them that are known."""
    known = np.ones(response.shape, dtype=bool) if known is None else known
    pair = np.argwhere(known).astype(np.int32)
    obs = pd.DataFrame({"response": response[known].astype(np.float32)}, index=[str(n) for n in range(len(pair))])
    obs["compound"], obs["context"] = pair[:, 0], pair[:, 1]
    return AnnData(obs=obs, obsm={"pair": pair})


def dataset_of(adata: AnnData, **options) -> gl.data.AnnDataset:
    return gl.data.AnnDataset(adata, "obsm/pair", target="obs/response", **options)


@pytest.fixture(scope="module")
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of 30 compounds and 20 contexts, and responses that are a product of both."""
    random = np.random.default_rng(0)
    compounds, contexts = random.normal(size=(30, 4)), random.normal(size=(20, 3))
    response = 6 + compounds[:, :1] + contexts[:, 0] + 2 * compounds[:, 1:2] * contexts[:, 1]
    return compounds.astype(np.float32), contexts.astype(np.float32), response


def trained(model, train, **options) -> gl.drugs.ResponseModel:
    settings = {
        "epochs": 20,
        "batch_size": 128,
        "learning_rate": 2e-2,
        "schedule": "one cycle",
        "device": "cpu",
    } | options
    gl.Run(model, train, config=gl.RunConfig(**settings)).start().wait()
    return model.eval()


def small(compounds, contexts, **options) -> gl.drugs.ResponseModel:
    return gl.drugs.ResponseModel(compounds, contexts, **{"width": 16, "hidden": 32, "members": 2} | options)


def test_interactions_are_learned_and_rows_held_out_beat_the_means(tables):
    compounds, contexts, response = tables
    held = np.random.default_rng(1).random(response.shape) < 0.2
    train, test = dataset_of(pairs_of(response, ~held)), dataset_of(pairs_of(response, held))
    model = trained(small(compounds, contexts, dropout=0.0), train)
    found = gl.infer.predict(model, test)
    means = gl.infer.predict(gl.drugs.MeansBaseline().fit(train), test)
    truth = test.adata.obs["response"].to_numpy()
    assert np.square(found - truth).mean() < 0.1 * np.square(means - truth).mean()


def test_what_was_never_trained_on_has_no_embedding_and_is_scored_by_its_features(tables):
    compounds, contexts, response = tables
    seen = np.zeros(response.shape, dtype=bool)
    seen[:25] = True
    model = trained(small(compounds, contexts, id_dropout=0.5), dataset_of(pairs_of(response, seen)), epochs=4)
    for member in model.members:
        assert member.compound_embedding.weight[25:].abs().max() == 0
        assert member.compound_embedding.weight[:25].abs().min() > 0
    new = pairs_of(response, ~seen)
    there = new.obs["context"] == 7
    asked = gl.infer.predict(model, dataset_of(new[there.to_numpy()].copy()))
    score = model.score(compounds[25:], context=7)
    np.testing.assert_allclose(score.mean, asked, rtol=1e-5)
    assert (score.spread > 0).all()


def test_a_compound_is_encoded_once_a_step_however_many_rows_it_has(tables, monkeypatch):
    compounds, contexts, response = tables
    model, read = small(compounds, contexts, members=1), []
    tower = model.members[0].compound
    original = tower.forward
    monkeypatch.setattr(tower, "forward", lambda x, *noise: read.append(len(x)) or original(x, *noise))
    model.predict(dataset_of(pairs_of(response)).batch(range(100)))
    assert read == [5]  # 20 contexts a compound


def test_the_same_seed_gives_the_same_bits_and_leaves_the_global_seed_alone(tables):
    compounds, contexts, response = tables
    train = dataset_of(pairs_of(response))
    before = torch.random.get_rng_state()
    one, other = (trained(small(compounds, contexts, seed=3), train, epochs=2) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_saved_model_is_rebuilt_with_its_tables(tables, tmp_path):
    _, contexts, response = tables
    counts = np.random.default_rng(6).integers(0, 5, size=(30, 50), dtype=np.uint8)
    train = dataset_of(pairs_of(response))
    model = small(counts, contexts, n_axes=8)
    gl.Run(model, train, config=gl.RunConfig(epochs=1, device="cpu")).fit().save(tmp_path / "run.safetensors")
    again = gl.run.load_model(tmp_path / "run.safetensors")
    np.testing.assert_array_equal(gl.infer.predict(again, train), gl.infer.predict(model, train))
    assert torch.equal(again.score(counts, 3).mean, model.eval().score(counts, 3).mean)


def test_the_variance_never_moves_the_mean(tables):
    compounds, contexts, response = tables
    model = small(compounds, contexts, members=1)
    batch = dataset_of(pairs_of(response)).batch(range(50))
    member = model.members[0]
    member.output(member.encode(model.compounds.rows, model.contexts.rows, batch))[:, 1].sum().backward()
    assert member.head.to_variance.weight.grad.abs().max() > 0
    assert torch.count_nonzero(member.second.weight.grad) == 0


def test_noise_that_differs_between_contexts_is_predicted(tables):
    compounds, contexts, response = tables
    random = np.random.default_rng(2)
    many = np.repeat(response, 10, axis=0)  # every compound measured 10 times
    noisy = many + random.normal(size=many.shape) * np.where(contexts[:, 0] < 0, 0.1, 1.5)
    model = trained(small(np.repeat(compounds, 10, axis=0), contexts, members=1), dataset_of(pairs_of(noisy)), epochs=8)
    spread = model.spread(dataset_of(pairs_of(noisy)).batch(range(200))).detach().numpy()
    spread = spread.reshape(10, 20)
    assert spread[:, contexts[:, 0] > 0].mean() > 2 * spread[:, contexts[:, 0] < 0].mean()


def test_calibration_makes_intervals_hold_what_they_promise(tables):
    compounds, contexts, response = tables
    random = np.random.default_rng(3)
    train, valid = (dataset_of(pairs_of(response + random.normal(size=response.shape))) for _ in range(2))
    model = trained(small(compounds, contexts), train, epochs=2)
    model.outcome.spread_factor.fill_(0.01)
    model.calibrate(valid, coverage=0.8)
    batch = valid.batch(range(len(valid)))
    with torch.no_grad():
        miss = (model.predict(batch) - batch.target).abs() / model.spread(batch)
    assert (miss < 1.2816).float().mean() == pytest.approx(0.8, abs=0.01)
    with pytest.raises(ValueError, match="above 0 and below 1, got 90"):
        model.calibrate(valid, coverage=90)


def test_a_bound_is_missed_on_its_other_side_alone(tables):
    compounds, contexts, response = tables
    adata = pairs_of(response)
    adata.obs["censored"] = pd.Categorical(["<", ">", "="] * 200)
    censored = dataset_of(adata, covariates="censored")
    model = small(compounds, contexts)
    model.plan(censored, 1)
    batch = censored.batch([0, 1, 2])
    for above, kept in ((10.0, [False, True, False]), (-10.0, [True, False, False])):
        miss = model.outcome._residual(torch.full((3,), -above), batch)  # the prediction lies so far above the truth
        assert (miss == 0).tolist() == kept
    adata.obs["censored"] = pd.Categorical(["<=", ">", "="] * 200)
    with pytest.raises(ValueError, match=r"holds '<', '>' or nothing, got \['<='\]"):
        model.plan(dataset_of(adata, covariates="censored"), 1)


@pytest.mark.parametrize("kind", [ConvEncoder, RecurrentEncoder])
def test_padding_is_never_seen(kind):
    reader = kind(8, 4).eval()
    text = np.frombuffer(b"CC(=O)Oc1ccccc1C(=O)O", dtype=np.uint8).copy()
    codes = torch.zeros(2, 60, dtype=torch.uint8)
    codes[0, : len(text)] = torch.from_numpy(text)
    codes[1] = 67
    alone = reader(codes[:1, : len(text)], 0.0, None)
    torch.testing.assert_close(reader(codes, 0.0, None)[:1], alone)


@pytest.mark.parametrize("kind", ["tokens", "recurrent"])
def test_smiles_and_proteins_are_read_as_tokens(tables, kind):
    _, contexts, response = tables
    random = np.random.default_rng(4)
    letters = random.integers(65, 91, size=(30, 12), dtype=np.uint8)
    letters[:, 8:] *= random.random((30, 4)) < 0.5
    model = small(letters, contexts, compound_kind=kind)
    train = dataset_of(pairs_of(response))
    before = model.loss(train.batch(range(600)))["mse"]
    trained(model, train, epochs=10)
    assert model.eval().loss(train.batch(range(600)))["mse"] < 0.2 * before
    assert model.score(letters[:3], 0).mean.shape == (3,)


def test_wide_tables_are_projected_onto_axes_that_keep_all_distances():
    table = np.random.default_rng(5).normal(size=(12, 40)).astype(np.float32)
    kept = FeatureTable(table, 11, "contexts")  # 12 centred rows span 11 axes
    rows = kept.rows.numpy() * float(kept.scale)
    there = np.linalg.norm(table[:, None] - table, axis=2)
    np.testing.assert_allclose(np.linalg.norm(rows[:, None] - rows, axis=2), there, atol=1e-4)
    torch.testing.assert_close(kept.transform(table[3:5]), kept.rows[3:5], atol=1e-5, rtol=1e-4)
    counts = np.array([[0, 1], [3, 0]], dtype=np.uint8)
    np.testing.assert_allclose(
        np.diff(FeatureTable(counts, None, "compounds").rows * FeatureTable(counts, None, "compounds").scale, axis=0),
        [[np.log(4), -np.log(2)]],
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.obs.__setitem__("response", np.float32(5)), "all responses are 5"),
        (lambda a: a.obsm["pair"].__setitem__((0, 0), 30), "compounds has 30 rows, and the data have number 30"),
        (lambda a: a.obs.__setitem__("response", np.float32([np.inf] + [5] * 599)), "holds NaN or infinity"),
    ],
)
def test_data_that_do_not_suit_are_refused_before_training(tables, change, message):
    compounds, contexts, response = tables
    adata = pairs_of(response)
    change(adata)
    with pytest.raises(ValueError, match=message):
        small(compounds, contexts).plan(dataset_of(adata), 1)


def test_choices_that_make_no_sense_are_refused(tables):
    compounds, contexts, _ = tables
    with pytest.raises(ValueError, match="compound_kind must be one of features, tokens, recurrent, got 'smiles'"):
        small(compounds, contexts, compound_kind="smiles")
    with pytest.raises(ValueError, match=r"members must be a whole number of at least 1, got 0"):
        small(compounds, contexts, members=0)
    with pytest.raises(ValueError, match="must be bytes"):
        small(compounds, contexts, compound_kind="tokens")
    with pytest.raises(ValueError, match="contexts are the rows 0 to 19"):
        small(compounds, contexts).score(compounds, context=20)
    with pytest.raises(ValueError, match="compounds has 4 features, got 3"):
        small(compounds, contexts).score(compounds[:, :3], context=0)
    with pytest.raises(ValueError, match="finite"):
        small(compounds * np.inf, contexts)


def active_or_not(response: np.ndarray, known: np.ndarray | None = None) -> gl.data.AnnDataset:
    adata = pairs_of(response, known)
    adata.obs["activity"] = pd.Categorical.from_codes((adata.obs["response"] >= 6).astype(int), ["inactive", "active"])
    return gl.data.AnnDataset(adata, "obsm/pair", target="obs/activity")


def test_activity_is_learned_as_a_class_and_evaluated_beside_the_baselines(tables):
    compounds, contexts, response = tables
    held = np.random.default_rng(1).random(response.shape) < 0.2
    train, test = active_or_not(response, ~held), active_or_not(response, held)
    model = trained(small(compounds, contexts, n_classes=2), train)
    probability = gl.infer.predict(model, test)
    assert probability.shape == (len(test), 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
    models = {"network": model, "means": gl.drugs.MeansBaseline().fit(train)}
    found = gl.evaluate.table(models, test, metrics=("accuracy", "auroc"), n_boot=0).set_index(["metric", "model"])
    accuracy = found.loc["accuracy"]["value"]
    assert accuracy["network"] > 0.9 > accuracy["means"]
    assert accuracy["means"] > 0.6  # it was read as one that says 0 or 1


def test_new_compounds_are_scored_by_the_probability_of_the_second_class(tables):
    compounds, contexts, response = tables
    model = trained(small(compounds, contexts, n_classes=2, id_dropout=1.0), active_or_not(response), epochs=10)
    score = model.score(compounds, context=7)
    rows = active_or_not(response[:, 7:8])
    rows.adata.obsm["pair"][:, 1] = 7
    there = gl.data.AnnDataset(rows.adata, "obsm/pair", target="obs/activity")
    for member in model.members:  # the score of what is new leaves the compounds' own vectors out
        assert member.compound_embedding.weight.abs().max() == 0
    np.testing.assert_allclose(score.mean, gl.infer.predict(model, there)[:, 1], rtol=1e-5)
    assert score.spread.shape == score.mean.shape
    assert ((score.spread > 0) & (score.spread < 0.5)).all()


def test_the_temperature_undoes_overconfidence(tables):
    compounds, contexts, _ = tables
    sure = np.random.default_rng(3).normal(size=(30, 20)) + 6  # nothing can be known
    model = small(compounds, contexts, n_classes=2, members=1)
    model.plan(active_or_not(sure), 1)
    for member in model.members:
        torch.nn.init.normal_(member.head.to_logits.weight, std=5, generator=torch.Generator().manual_seed(0))
    test = active_or_not(sure)
    before = gl.infer.predict(model, test)
    assert model.calibrate(test) > 3
    after = gl.infer.predict(model, test)
    assert np.abs(after - 0.5).mean() < 0.5 * np.abs(before - 0.5).mean()
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()
    truth = (test.adata.obs["activity"] == "active").to_numpy()
    cost = [-np.log(p[np.arange(len(truth)), truth.astype(int)]).mean() for p in (before, after)]
    assert cost[1] < cost[0]


def test_a_class_that_seemed_impossible_costs_much_and_not_infinitely(tables):
    compounds, contexts, response = tables
    model = small(compounds, contexts, n_classes=2, members=1).eval()
    data = active_or_not(response)
    for member in model.members:
        member.head.to_logits.weight.data *= 1e4
    cost = model.loss(data.batch(range(200)))["loss"]
    assert 100 < cost < 1e6


def test_three_classes_and_a_file(tables, tmp_path):
    compounds, contexts, response = tables
    adata = pairs_of(response)
    adata.obs["kind"] = pd.cut(adata.obs["response"], [-np.inf, 5, 7, np.inf], labels=["weak", "middling", "strong"])
    three = gl.data.AnnDataset(adata, "obsm/pair", target="obs/kind")
    model = trained(small(compounds, contexts, n_classes=3), three)
    found = gl.evaluate.table({"network": model}, three, metrics=("accuracy",), n_boot=0)["value"].iloc[0]
    assert found > 0.85
    assert model.score(compounds[:4], context=0).mean.shape == (4, 3)
    assert model.calibrate(three) > 0
    gl.Run(model, three, config=gl.RunConfig(epochs=1, device="cpu")).fit().save(tmp_path / "run.safetensors")
    again = gl.run.load_model(tmp_path / "run.safetensors")
    np.testing.assert_array_equal(gl.infer.predict(again, three), gl.infer.predict(model, three))


def test_classes_that_cannot_be_learned_are_refused(tables):
    compounds, contexts, response = tables
    with pytest.raises(ValueError, match="n_classes must be a whole number of at least 2"):
        small(compounds, contexts, n_classes=1)
    model = small(compounds, contexts, n_classes=2)
    with pytest.raises(ValueError, match="must be a column of 2 categories"):
        gl.Run(model, dataset_of(pairs_of(response)))
    with pytest.raises(ValueError, match=r"3 are expected"):
        gl.Run(small(compounds, contexts, n_classes=3), active_or_not(response))
    with pytest.raises(ValueError, match="all rows are 'active'"):
        gl.Run(model, active_or_not(response + 100))
    unknown = active_or_not(response).adata
    unknown.obs.loc["0", "activity"] = np.nan
    with pytest.raises(ValueError, match="missing for 1"):
        gl.Run(model, gl.data.AnnDataset(unknown, "obsm/pair", target="obs/activity"))
    with pytest.raises(ValueError, match="one number a row"):
        gl.Run(small(compounds, contexts), active_or_not(response))


# ---- what its numbers stand for -----------------------------------------------------------------------------------


def measured(smiles: list[str], kinases: list[str]) -> AnnData:
    """Responses of named compounds, in a table of their own, whose names are but numbers."""
    rows = [(one, kinase, 5 + len(one) / 2 + len(kinase)) for one in smiles for kinase in kinases]
    table = pd.DataFrame(rows, columns=["smiles", "kinase", "value"])
    return gl.drugs.responses(table, smiles="smiles", response="value", context="kinase", unit="pKd")


def test_other_data_number_their_compounds_and_contexts_otherwise_and_are_read_by_structure_and_name():
    smiles, kinases = ["CCO", "c1ccccc1", "CCN", "CC(=O)O"], ["ABL", "SRCX"]
    train, other = measured(smiles, kinases), measured(smiles[::-1], kinases)
    features = gl.drugs.compounds.fingerprints(train.uns["compounds"]["canonical"])
    model = gl.drugs.ResponseModel(features, np.eye(2, dtype=np.float32), n_axes=None, members=1, width=4, hidden=8)
    gl.Run(model, dataset_of(train), config=gl.RunConfig(epochs=2)).fit()
    known = dict(zip(label(train), gl.infer.predict(model, dataset_of(train)), strict=True))
    found = dict(zip(label(other), gl.infer.predict(model, dataset_of(other)), strict=True))
    assert found == pytest.approx(known)
    with pytest.raises(ValueError, match="'obsm/pair' has 1 that the model was not trained on: CCCC"):
        gl.infer.predict(model, dataset_of(measured([*smiles, "CCCC"], kinases)))
    ranked = [gl.drugs.rank(model, smiles, "SRCX", train=each, picks=1)["score"] for each in (train, other)]
    assert np.allclose(*ranked)


def label(adata: AnnData) -> list[str]:
    pair, canonical = adata.obsm["pair"], adata.uns["compounds"]["canonical"]
    return [f"{canonical.iloc[one]} {adata.uns['contexts'].index[context]}" for one, context in pair]

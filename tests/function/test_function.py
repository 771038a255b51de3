"""Gene function: residues as codes, homologs, the classifier's hierarchy, CAFA's measures, and the data."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from scipy import sparse
from sklearn import metrics

import genolab as gl
from genolab.data import AnnDataset
from genolab.function.homologs import homologs
from genolab.function.metrics import depths, information_accretion
from genolab.function.model import implications
from genolab.sequences.protein import AMINO_ACIDS, RESIDUES

needs_yeast = pytest.mark.skipif(
    not Path(os.environ.get("GENOLAB_MIRROR", "") or "/nonexistent", "yeast_function").is_dir(),
    reason="GENOLAB_MIRROR names no folder with yeast_function",
)

# 0 is the root of this small hierarchy; 3 has two parents, 4 stands alone.
PARENTS = [(1, 0), (2, 0), (3, 1), (3, 2)]


@pytest.fixture(scope="module")
def proteins() -> AnnData:
    return gl.data.fetch("protein_function")


def some_protein(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list(AMINO_ACIDS), length))


def mutated(protein: str, rng: np.random.Generator, share: float) -> str:
    return "".join(rng.choice(list(AMINO_ACIDS)) if rng.random() < share else letter for letter in protein)


def small_world(n: int = 300, seed: int = 0) -> AnnData:
    """Proteins with a motif a narrow term: WWKW for 3, HCHC for 4; who has 3 has all above it."""
    rng = np.random.default_rng(seed)
    rows, terms = [], np.zeros((n, 5), dtype=np.uint8)
    for row in range(n):
        text = some_protein(rng, int(rng.integers(30, 60)))
        kind = row % 3
        if kind:
            place = int(rng.integers(0, len(text) - 4))
            text = text[:place] + ("WWKW" if kind == 1 else "HCHC") + text[place + 4 :]
            terms[row, [0, 1, 2, 3] if kind == 1 else [4]] = 1
        rows.append(text)
    obsm = {"sequence": gl.sequences.encode_protein(rows), "terms": sparse.csr_matrix(terms)}
    obsm["numbers"] = np.concatenate([terms[:, 3:] + rng.normal(0, 0.3, (n, 2)), rng.normal(size=(n, 4))], axis=1)
    adata = AnnData(obs=pd.DataFrame(index=[f"p{row}" for row in range(n)]), obsm=obsm)
    adata.uns["parents"] = np.array(PARENTS)
    return adata


# --- residues


def test_codes_and_letters_are_each_others_inverse():
    codes = gl.sequences.encode_protein(["acdX", RESIDUES])
    assert codes.shape == (2, len(RESIDUES))
    assert gl.sequences.decode_protein(codes) == ["ACDX", RESIDUES]


def test_an_ambiguous_residue_is_an_even_mixture_and_nothing_is_behind_the_end():
    shares = gl.sequences.one_hot_protein(gl.sequences.encode_protein(["AXBU", "A"]))
    assert shares.shape == (2, 20, 4)
    assert shares[0].sum(axis=0).tolist() == pytest.approx([1, 1, 1, 1])
    assert shares[0, :, 1].tolist() == pytest.approx([0.05] * 20)
    assert shares[0, AMINO_ACIDS.index("D"), 2] == 0.5
    assert shares[0, AMINO_ACIDS.index("C"), 3] == 1
    assert shares[1, :, 1:].sum() == 0


@pytest.mark.parametrize("letter", ["*", "-", "1", "ä"])
def test_what_is_no_residue_is_refused_with_its_place(letter: str):
    with pytest.raises(ValueError, match=r"protein 1 has .* at position 2"):
        gl.sequences.encode_protein(["ACD", f"AC{letter}"])


def test_nothing_is_no_protein():
    for nothing in ([], [""]):
        with pytest.raises(ValueError, match="at least one letter"):
            gl.sequences.encode_protein(nothing)


# --- homologs


def test_homologs_share_a_cluster_and_unrelated_proteins_do_not():
    rng = np.random.default_rng(0)
    founders = [some_protein(rng, 150) for _ in range(12)]
    rows = [mutated(founder, rng, 0.4) for founder in founders for _ in range(4)]
    assert gl.function.cluster_proteins(rows).tolist() == np.repeat(np.arange(12), 4).tolist()
    assert len(set(gl.function.cluster_proteins(rows, identity=0.9))) == len(rows)


def test_no_homologs_over_30_percent_lie_in_two_parts_of_the_shipped_split(proteins: AnnData):
    data = AnnDataset(proteins, "obsm/sequence", target="obsm/terms")
    train, _, test = gl.data.split(data, by="cluster", seed=0)
    letters = gl.sequences.decode_protein(proteins.obsm["sequence"])
    rng = np.random.default_rng(0)
    some, others = rng.choice(test.rows, 20, replace=False), rng.choice(train.rows, 700, replace=False)
    queries, targets = [letters[row] for row in some], [letters[row] for row in others]
    assert (homologs(queries, targets).identity < 0.3).all()
    # Without the prefilter: all pairs of fewer proteins.
    pairs = [(one, other) for one in queries[:10] for other in targets[:100]]
    scoring = gl.align.Scoring(matrix="blosum62", gap_open=11, gap_extend=1)
    aligned = gl.align.align(*map(list, zip(*pairs, strict=True)), mode="local", scoring=scoring)
    by_chance = 0.041 * 1.84e6 * np.array([len(one) for one, _ in pairs]) * np.exp(-0.267 * aligned.score)
    assert (aligned.identity[by_chance < 1e-3] < 0.3).all()


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="identity is a share"):
        gl.function.cluster_proteins(["ACD"], identity=30)


# --- the data


def test_the_proteins_are_what_the_readme_says(proteins: AnnData):
    assert proteins.shape == (6000, 0)
    counts = {"biological_process": 463, "molecular_function": 103, "cellular_component": 83}
    assert pd.Series(proteins.uns["namespaces"]).value_counts().to_dict() == counts
    counts = np.asarray(proteins.obsm["terms"].astype(int).sum(axis=0)).ravel()
    assert counts.min() >= 100
    sizes = proteins.obs["cluster"].value_counts()
    assert (len(sizes), sizes.iloc[0], sizes.iloc[1]) == (2154, 1127, 55)
    assert (proteins.obs["length"].min(), proteins.obs["length"].max()) == (40, 512)
    assert (proteins.obs["length"] == (proteins.obsm["sequence"] > 0).sum(axis=1)).all()
    assert "".join(gl.sequences.decode_protein(proteins.obsm["sequence"])).count("X") == 74


def test_who_has_a_term_has_what_it_implies(proteins: AnnData):
    terms = proteins.obsm["terms"].toarray()
    child, parent = proteins.uns["parents"].T
    assert (terms[:, child] <= terms[:, parent]).all()
    assert proteins.uns["names"][list(proteins.uns["terms"]).index("GO:0005524")] == "ATP binding"


@needs_yeast
def test_yeast_function_is_the_official_split():
    genes = gl.data.fetch("yeast_function")
    assert genes.shape == (2417, 103)
    assert genes.obs["split"].value_counts().to_dict() == {"train": 1500, "test": 917}
    assert genes.obsm["terms"].shape == (2417, 14)
    assert genes.obsm["terms"].sum() == pytest.approx(4.237 * 2417, rel=1e-3)


# --- the classifier


def test_implications_are_those_on_paper():
    pairs = {tuple(pair) for pair in implications(5, PARENTS).tolist()}
    assert pairs == {(k, k) for k in range(5)} | {(1, 0), (2, 0), (3, 0), (3, 1), (3, 2)}
    assert depths(5, PARENTS).tolist() == [1, 2, 2, 3, 1]


def test_a_cycle_is_refused_and_so_is_a_column_that_is_not_there():
    with pytest.raises(ValueError, match=r"columns \[0, 1\] stand in a cycle"):
        gl.function.FunctionClassifier(3, parents=[(0, 1), (1, 0)])
    with pytest.raises(ValueError, match="pairs of columns, 0 to 2"):
        gl.function.FunctionClassifier(3, parents=[(3, 0)])


@pytest.mark.parametrize("trained", [False, True])
def test_no_term_is_less_probable_than_one_that_implies_it(trained: bool):
    world = small_world()
    data = AnnDataset(world, "obsm/sequence", target="obsm/terms")
    model = gl.function.FunctionClassifier(5, parents=PARENTS, n_filters=8, hidden=8, seed=1)
    if trained:
        gl.Run(model, data, None, gl.RunConfig(epochs=1, device="cpu", threads=1)).fit()
        model.calibrate(data)
    probabilities = gl.infer.predict(model, data)
    for child, parent in PARENTS:
        assert (probabilities[:, child] <= probabilities[:, parent]).all()


def test_equal_logits_are_equal_probabilities_to_the_last_bit():
    chain = [(term, term - 1) for term in range(1, 45)]  # long enough for vector code, with a rest for scalar code
    model = gl.function.FunctionClassifier(45, sequence=False, n_features=3, parents=chain, hidden=8).eval()
    features = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        probabilities = model.predict(gl.data.Batch((features,), None, {}, torch.arange(200)))
    assert (probabilities[:, :-1] >= probabilities[:, 1:]).all()


def test_a_term_has_the_highest_value_of_all_that_imply_it():
    model = gl.function.FunctionClassifier(5, sequence=False, n_features=2, parents=PARENTS)
    own = torch.tensor([[0.0, 1.0, -1.0, 2.0, 5.0]])
    assert model.highest(own).tolist() == [[2.0, 2.0, 2.0, 2.0, 5.0]]


def test_the_loss_is_the_cross_entropy_on_paper():
    model = gl.function.FunctionClassifier(5, sequence=False, n_features=2, parents=PARENTS)
    own, target = torch.tensor([[0.5, 1.0, -1.0, 2.0, -3.0]]), torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]])
    known = model._highest_known(own, target)
    assert known[0, :2].tolist() == [1.0, 1.0]  # 3 is higher, but the gene hasn't got it
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([1.0, 1, 2, 2, -3]), target[0])
    assert model._cross_entropy(model.highest(own), known, target).item() == pytest.approx(wanted.item())


@pytest.mark.parametrize("inputs", ["obsm/sequence", "obsm/numbers", ("obsm/sequence", "obsm/numbers")])
def test_it_learns_from_residues_from_numbers_and_from_both(inputs):
    world = small_world(400)
    data = AnnDataset(world, inputs, target="obsm/terms")
    features = 6 if "obsm/numbers" in inputs else 0
    model = gl.function.FunctionClassifier(
        5, sequence="obsm/sequence" in inputs, n_features=features, parents=PARENTS, n_filters=32, width=5, hidden=32,
        dropout=0.1, input_dropout=0.0,
    )  # fmt: skip
    train, test = data.subset(np.arange(300)), data.subset(np.arange(300, 400))
    settings = gl.RunConfig(epochs=15, batch_size=32, learning_rate=3e-3, device="cpu", threads=1)
    gl.Run(model, train, None, settings).fit()
    figures = gl.function.evaluate({"ours": model}, test, n_boot=0).set_index("metric")["value"]
    assert figures["micro_f1"] > 0.85
    assert gl.infer.embed(model, test).shape == (100, 32)


def test_residues_and_features_predict_more_together_than_either_alone():
    rng = np.random.default_rng(0)
    terms = rng.integers(0, 2, (400, 2))  # a motif decides the first, a number the second
    texts = [some_protein(rng, 40) for _ in terms]
    texts = [text[:9] + "WWKW" + text[13:] if has else text for text, has in zip(texts, terms[:, 0], strict=True)]
    numbers = np.column_stack([terms[:, 1] + rng.normal(0, 0.2, 400), rng.normal(size=400)])
    obsm = {"sequence": gl.sequences.encode_protein(texts), "numbers": numbers, "terms": terms.astype(np.uint8)}
    world = AnnData(obs=pd.DataFrame(index=[f"p{row}" for row in range(400)]), obsm=obsm)
    accuracy = {}
    for inputs in ("obsm/sequence", "obsm/numbers", ("obsm/sequence", "obsm/numbers")):
        data = AnnDataset(world, inputs, target="obsm/terms")
        sizes = {"sequence": "obsm/sequence" in inputs, "n_features": 2 * ("obsm/numbers" in inputs)}
        model = gl.function.FunctionClassifier(2, **sizes, n_filters=16, width=5, n_layers=1, hidden=16, dropout=0.0)
        settings = gl.RunConfig(epochs=10, batch_size=32, learning_rate=5e-3, device="cpu", threads=1)
        gl.Run(model, data.subset(np.arange(300)), None, settings).fit()
        called = gl.infer.predict(model, data.subset(np.arange(300, 400))) >= 0.5
        accuracy[inputs] = (called == terms[300:]).mean()
    *alone, both = accuracy.values()
    assert max(alone) < 0.85  # one term of two is a guess
    assert both > 0.95


def test_what_lies_behind_the_end_of_a_protein_changes_nothing():
    world = small_world(20)
    model = gl.function.FunctionClassifier(5, parents=PARENTS, n_filters=8, hidden=8).eval()
    x = torch.from_numpy(world.obsm["sequence"])
    alone = torch.cat([model.logits(row[None, row > 0]) for row in x])
    longer = torch.nn.functional.pad(x, (0, 37))
    assert torch.allclose(model.logits(longer), alone, atol=1e-4)
    shares = torch.from_numpy(gl.sequences.one_hot_protein(longer.numpy()))
    assert torch.allclose(model.logits(shares), alone, atol=1e-4)


def test_rare_terms_can_count_more_without_distorting_their_probability():
    rng = np.random.default_rng(0)
    terms = (rng.random((2000, 1)) < 0.05).astype(np.uint8)
    adata = AnnData(rng.normal(size=(2000, 2)).astype(np.float32), obsm={"terms": terms})
    data = AnnDataset(adata, "X", target="obsm/terms")
    model = gl.function.FunctionClassifier(
        1, sequence=False, n_features=2, frequencies=[0.5], class_weighting=0.0, dropout=0, hidden=8
    )
    model.rarity.fill_(3.0)
    model.config = type(model.config)(**(vars(model.config) | {"class_weighting": 1.0}))
    gl.Run(model, data, None, gl.RunConfig(epochs=10, learning_rate=1e-2, device="cpu", threads=1)).fit()
    assert gl.infer.predict(model, data).mean() == pytest.approx(terms.mean(), abs=0.015)


def test_calibration_lowers_the_loss_of_an_overconfident_model():
    world = small_world(200)
    data = AnnDataset(world, "obsm/numbers", target="obsm/terms")
    model = gl.function.FunctionClassifier(5, sequence=False, n_features=6, parents=PARENTS, hidden=16)
    for member in model.members:
        member.to_terms.weight.data *= 30
    before = model.eval().loss(data.batch(np.arange(200)))["loss"].item()
    after = model.calibrate(data).loss(data.batch(np.arange(200)))["loss"].item()
    assert after < 0.7 * before


def test_bad_targets_are_refused_before_training():
    world = small_world(30)
    world.obsm["empty"] = sparse.csr_matrix(np.zeros((30, 5), dtype=np.uint8))
    world.obsm["torn"] = world.obsm["terms"].toarray() * np.array([0, 1, 1, 1, 1], dtype=np.uint8)
    world.obsm["shares"] = world.obsm["terms"].toarray() * 0.5
    model = gl.function.FunctionClassifier(5, parents=PARENTS)
    for slot, why in (("empty", "columns .* have none"), ("torn", "has all that it implies"), ("shares", "0 and 1")):
        with pytest.raises(ValueError, match=why):
            model.plan(AnnDataset(world, "obsm/sequence", target=f"obsm/{slot}"), 1)
    with pytest.raises(ValueError, match="this model reads residues, got 2 inputs"):
        model.plan(AnnDataset(world, ("obsm/sequence", "obsm/numbers"), target="obsm/terms"), 1)
    with pytest.raises(ValueError, match="residues are codes"):
        model.plan(AnnDataset(world, "obsm/numbers", target="obsm/terms"), 1)


def test_a_saved_model_comes_back_with_its_hierarchy(tmp_path: Path):
    world = small_world(60)
    data = AnnDataset(world, "obsm/sequence", target="obsm/terms")
    shares = world.obsm["terms"].toarray().mean(axis=0)
    model = gl.function.FunctionClassifier(
        5, parents=world.uns["parents"], frequencies=shares, n_filters=8, hidden=8, class_weighting=0.5
    )
    run = gl.Run(model, data, None, gl.RunConfig(epochs=2, batch_size=16, device="cpu", threads=1)).fit(1)
    path = run.save(tmp_path / "run.safetensors")
    again = gl.run.load_model(path)
    assert again.config == model.config
    assert np.array_equal(gl.infer.predict(again, data), gl.infer.predict(model, data))
    resumed = gl.Run.load(path, data).fit()
    run.fit()
    assert all(torch.equal(resumed.model.state_dict()[name], value) for name, value in model.state_dict().items())


def test_the_same_seed_gives_the_same_bits():
    def weights() -> list[torch.Tensor]:
        data = AnnDataset(small_world(60), "obsm/sequence", target="obsm/terms")
        model = gl.function.FunctionClassifier(5, parents=PARENTS, n_filters=8, hidden=8, members=2, seed=3)
        gl.Run(model, data, None, gl.RunConfig(epochs=2, seed=3, device="cpu", threads=1)).fit()
        return list(model.state_dict().values())

    assert all(torch.equal(one, other) for one, other in zip(weights(), weights(), strict=True))


# --- baselines


def test_a_protein_has_the_terms_of_its_homologs():
    rng = np.random.default_rng(0)
    founders = [some_protein(rng, 120) for _ in range(4)]
    rows = [*founders, mutated(founders[1], rng, 0.3), some_protein(rng, 120)]
    terms = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1], [1, 1]], dtype=np.uint8)
    obsm = {"sequence": gl.sequences.encode_protein(rows), "terms": sparse.csr_matrix(terms)}
    data = AnnDataset(AnnData(obs=pd.DataFrame(index=list("abcdef")), obsm=obsm), "obsm/sequence", target="obsm/terms")
    baseline = gl.function.HomologBaseline().fit(data.subset(np.arange(4)))
    assert gl.infer.predict(baseline, data.subset([4, 5])).tolist() == [[0, 1], [0, 0]]
    naive = gl.function.FrequencyBaseline().fit(data.subset(np.arange(4)))
    assert gl.infer.predict(naive, data.subset([4])).tolist() == [[0.75, 0.25]]
    both = gl.function.blend(np.array([[0.2, 0.4], [0.2, 0.4]]), np.array([[0.0, 1.0], [0.0, 0.0]]), 0.5)
    assert both.tolist() == [[0.1, 0.7], [0.2, 0.4]]


def test_dipeptides_predict_what_follows_from_composition():
    rng = np.random.default_rng(0)
    rich = [mutated("K" * 80, rng, 0.8) for _ in range(60)] + [some_protein(rng, 80) for _ in range(60)]
    terms = np.repeat([[1], [0]], 60, axis=0).astype(np.uint8)
    adata = AnnData(obs=pd.DataFrame(index=list(map(str, range(120)))), obsm={"terms": terms})
    adata.obsm["sequence"] = gl.sequences.encode_protein(rich)
    data = AnnDataset(adata, "obsm/sequence", target="obsm/terms")
    baseline = gl.function.DipeptideBaseline().fit(data.subset(np.arange(0, 120, 2)))
    predicted = gl.infer.predict(baseline, data.subset(np.arange(1, 120, 2)))[:, 0]
    assert ((predicted > 0.5) == np.repeat([True, False], 30)).mean() > 0.9


# --- measures


def scored(truth, scores, **uns) -> tuple[dict[str, np.ndarray], AnnDataset]:
    adata = AnnData(np.zeros((len(truth), 1), np.float32), obsm={"terms": np.asarray(truth, dtype=np.uint8)}, uns=uns)
    return {"m": np.asarray(scores, dtype=float)}, AnnDataset(adata, "X", target="obsm/terms")


def test_fmax_and_smin_are_those_on_paper():
    models, test = scored([[1, 1, 0], [1, 0, 0], [0, 0, 0]], [[0.9, 0.2, 0.6], [0.8, 0.1, 0.1], [0.9, 0.9, 0.9]])
    figures = gl.function.evaluate(models, test, n_boot=0).set_index("metric")["value"]
    # The third gene has no term and doesn't count. Up to 0.2: recall 1, precision (2/3 + 1) / 2.
    assert figures["fmax"] == pytest.approx(2 * (5 / 6) / (11 / 6))
    bits = information_accretion(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool), None)
    assert bits.tolist() == pytest.approx([np.log2(4 / 3), np.log2(4 / 2), np.log2(4)])
    assert figures["smin"] == pytest.approx(bits[1] / 2)


def test_information_is_what_a_term_adds_to_its_parents():
    truth = np.array([[1, 1], [1, 0], [1, 0], [0, 0]], dtype=bool)
    assert information_accretion(truth, [(1, 0)]).tolist() == pytest.approx([np.log2(5 / 4), np.log2(4 / 2)])


def test_measures_of_labels_are_scikit_learns():
    rng = np.random.default_rng(0)
    truth, scores = rng.random((50, 6)) < 0.4, rng.random((50, 6))
    truth[:, 0] = True
    models, test = scored(truth, scores)
    figures = gl.function.evaluate(models, test, threshold=0.4, n_boot=0).set_index("metric")["value"]
    called = scores >= 0.4
    assert figures["micro_f1"] == metrics.f1_score(truth, called, average="micro")
    assert figures["macro_f1"] == metrics.f1_score(truth, called, average="macro")
    assert figures["hamming"] == metrics.hamming_loss(truth, called)
    assert figures["average_precision"] == metrics.label_ranking_average_precision_score(truth, scores)
    assert figures["ranking_loss"] == metrics.label_ranking_loss(truth, scores)


def test_namespaces_are_evaluated_separately_with_intervals_and_areas_by_depth():
    rng = np.random.default_rng(0)
    truth = rng.random((80, 4)) < 0.5
    truth[:, 1] &= truth[:, 0]
    names = {"namespaces": np.array(["mfo", "mfo", "cco", "cco"]), "parents": np.array([(1, 0)])}
    models, test = scored(truth, np.clip(truth * 0.4 + rng.random((80, 4)) * 0.6, 0, 1), **names)
    figures = gl.function.evaluate(models, test, n_boot=200)
    whole = figures.query("metric == 'fmax'").set_index("namespace")
    assert list(whole.index) == ["mfo", "cco"]
    assert ((whole["low"] < whole["value"]) & (whole["value"] < whole["high"])).all()
    again = gl.function.evaluate(models, test, n_boot=200)
    assert figures.equals(again)
    table = gl.function.by_term(models, test)
    assert table["depth"].tolist() == [1, 2, 1, 1]
    assert table["auprc"][0] == metrics.average_precision_score(truth[:, 0], models["m"][:, 0])


def test_a_namespace_without_a_gene_is_refused():
    models, test = scored([[1, 0]], [[0.5, 0.5]], namespaces=np.array(["mfo", "cco"]))
    with pytest.raises(ValueError, match="no gene of the test set has a term of 'cco'"):
        gl.function.evaluate(models, test)

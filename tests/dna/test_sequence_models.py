"""SequenceCNN and its baselines: what they learn, what they refuse, and both strands being one where they should."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import genolab as gl
from genolab.data import AnnDataset
from genolab.dna import KmerBaseline, PWMBaseline, SequenceCNN
from genolab.dna.model import jittered, masked

LENGTH = 24


def planted(n: int = 300, *, seed: int = 0, place: int | None = None) -> ad.AnnData:
    """Return random sequences; half of them have TATAAT in them, at a place of its own or anywhere."""
    random = np.random.default_rng(seed)
    bases = random.choice(list("ACGT"), size=(n, LENGTH))
    for row in range(0, n, 2):
        at = random.integers(LENGTH - 5) if place is None else place
        bases[row, at : at + 6] = list("TATAAT")
    kind = np.array(["box", "none"])[np.arange(n) % 2]
    adata = ad.AnnData(obs=pd.DataFrame({"kind": kind}, index=list(map(str, range(n)))))
    adata.obsm["sequence"] = gl.sequences.one_hot(["".join(row) for row in bases])
    return adata


def dataset(adata: ad.AnnData, target: str = "obs/kind") -> AnnDataset:
    return AnnDataset(adata, "obsm/sequence", target=target)


def small(n_outputs: int = 2, **options) -> SequenceCNN:
    return SequenceCNN(n_outputs, **{"n_filters": 8, "width": 7, "hidden": 8} | options)


def trained(model: SequenceCNN, data: AnnDataset, epochs: int = 10) -> SequenceCNN:
    gl.Run(model, data, None, gl.RunConfig(epochs=epochs, batch_size=32, learning_rate=1e-2)).start().wait()
    return model


def accuracy(model, data: AnnDataset) -> float:
    target = torch.cat([batch.target for batch in data.batches(1000)]).numpy()
    return float((gl.infer.predict(model, data).argmax(axis=1) == target).mean())


def whole_numbers(model: SequenceCNN) -> SequenceCNN:
    """Give a model small whole weights in double precision, with which sums are exact in any order."""
    model = model.double().eval()
    generator = torch.Generator().manual_seed(1)
    for value in model.parameters():
        with torch.no_grad():
            value.copy_(torch.randint(-2, 3, value.shape, generator=generator))
    for name, value in model.named_buffers():
        if name.endswith("running_var"):
            value.fill_(1 - 1e-3)  # what the norm adds to it brings it to one
    return model


# ---- what it learns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [None, 9])
def test_it_finds_a_planted_box(place):
    model = small(length=None if place is None else LENGTH)
    trained(model, dataset(planted(600, place=place)), epochs=15)
    assert accuracy(model, dataset(planted(200, seed=1, place=place))) > 0.9


def test_labels_and_values_are_learned_too():
    adata = planted(400)
    there = (adata.obs["kind"] == "box").to_numpy()
    share = adata.obsm["sequence"][:, 2].mean(axis=1)
    adata.obsm["labels"] = np.stack([there, share > 0.25], axis=1).astype(np.uint8)
    adata.obs["share"] = share * 10
    labels = trained(small(2, task="labels"), dataset(adata, "obsm/labels"))
    found = gl.infer.predict(labels, dataset(adata)) > 0.5
    assert ((found == adata.obsm["labels"]).mean(axis=0) > 0.9).all()
    values = trained(small(1, task="values"), dataset(adata, "obs/share"))
    assert np.corrcoef(gl.infer.predict(values, dataset(adata))[:, 0], share)[0, 1] > 0.95


def test_members_are_averaged_and_learn_independently():
    model = small(length=LENGTH, members=3)
    assert model.first_filters.shape == (24, 4, 7)
    batch = dataset(planted()).batch(np.arange(10))
    each = model.eval()._member_logits(batch.x)
    assert torch.equal(model.logits(batch.x), each.mean(dim=0))
    assert not torch.allclose(each[0], each[1])
    alone = model.train().loss(batch)["loss"]
    alone.backward()
    assert all(value.grad is not None for value in model.parameters())


def test_outputs_have_the_shapes_of_the_docstrings():
    model, data = small(3, task="labels"), dataset(planted(10))
    assert gl.infer.embed(model, data).shape == (10, 8)
    assert gl.infer.predict(model, data).shape == (10, 3)
    one = data.batch([0, 1]).x
    assert torch.equal(model.eval()(one), model.logits(one.float()))
    assert model.first_responses(one).shape == (2, 8, LENGTH)
    probabilities = gl.infer.predict(small(3), data)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_first_filter_responds_most_where_its_own_motif_stands():
    model = small(width=7).eval()
    with torch.no_grad():
        model.members[0].first.weight[0] = torch.from_numpy(gl.sequences.one_hot("TATAATC")[0]).float()
    x = torch.from_numpy(gl.sequences.one_hot("GGGGGTATAATCGGGGGGGGGGGG"))
    assert int(model.first_responses(x)[0, 0].argmax()) == 8  # the middle of the seven bases from 5 on


def test_the_same_seed_gives_the_same_training_bit_for_bit():
    options = {"input_dropout": 0.1, "shift": 2, "label_smoothing": 0.1, "seed": 4}
    one, two = (trained(small(**options), dataset(planted(60)), epochs=2) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_it_is_saved_and_loaded(tmp_path):
    data = dataset(planted(60))
    run = gl.Run(small(length=LENGTH, members=2), data, None, gl.RunConfig(epochs=1)).fit()
    again = gl.run.load_model(run.save(tmp_path / "run.genolab"))
    np.testing.assert_array_equal(gl.infer.predict(again, data), gl.infer.predict(run.model, data))


def test_periodic_pooling_is_the_same_in_every_frame():
    model = small(period=3).double().eval()
    pooling = model.members[0].periodic
    found = torch.rand(5, 8, 24, dtype=torch.double)
    here, moved = (pooling(values, 0.0, None) for values in (found, found.roll(1, dims=2)))
    torch.testing.assert_close(here, moved)
    assert not torch.allclose(here, pooling(found.roll(4, dims=1), 0.0, None))
    assert model.logits(torch.zeros(2, 4, 25, dtype=torch.double)).shape == (2, 2)


def test_reading_frames_are_learned_without_a_frame_being_given():
    random = np.random.default_rng(0)
    codons = random.choice(["GCT", "GAA", "CTG", "AAA"], size=(400, 24))
    coding = ["".join(row) for row in codons]
    letters = ["".join(random.permutation(list(row))) if i % 2 else row for i, row in enumerate(coding)]
    adata = ad.AnnData(
        obs=pd.DataFrame({"kind": np.resize(["coding", "shuffled"], 400)}, index=list(map(str, range(400))))
    )
    adata.obsm["sequence"] = gl.sequences.one_hot([row[i % 3 :][:66] for i, row in enumerate(letters)])
    data = dataset(adata)
    learned = trained(small(width=3, n_layers=1, period=3), data.subset(np.arange(300)), epochs=10)
    assert accuracy(learned, data.subset(np.arange(300, 400))) > 0.9


# ---- strands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["share", "average"])
@pytest.mark.parametrize("length", [None, LENGTH])
def test_both_strands_give_the_same_answer_to_the_last_bit(how, length):
    model = whole_numbers(small(length=length, reverse_complement=how, pool=2, n_layers=3, period=3))
    x = torch.from_numpy(planted(20).obsm["sequence"]).double()
    assert torch.equal(model.logits(x), model.logits(gl.sequences.reverse_complement(x)))
    assert model.logits(x).unique().numel() > 2


def test_after_training_they_still_agree():
    data = dataset(planted(200))
    for how in ("share", "average"):
        model = trained(small(reverse_complement=how), data, epochs=3).eval()
        x = data.batch(np.arange(50)).x
        torch.testing.assert_close(
            model.logits(x), model.logits(gl.sequences.reverse_complement(x)), rtol=1e-4, atol=1e-5
        )


def test_without_it_strands_differ():
    model, x = small().eval(), dataset(planted(20)).batch(np.arange(20)).x
    assert not torch.allclose(model.logits(x), model.logits(gl.sequences.reverse_complement(x)))


def test_shared_filters_are_each_others_reverse_complement():
    filters = small(reverse_complement="share").first_filters
    assert torch.equal(filters, gl.sequences.reverse_complement(filters).flip(0))


# ---- noise ------------------------------------------------------------------------------------------------------


def test_shifted_sequences_are_the_old_ones_moved():
    x = dataset(planted(50)).batch(np.arange(50)).x
    moved = jittered(x, 3, torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(x, (3, 3))
    found = [[torch.equal(moved[i], padded[i, :, by : by + LENGTH]) for by in range(7)] for i in range(50)]
    assert all(any(row) for row in found)
    assert np.any(found, axis=0).all()
    assert moved.dtype == torch.uint8


def test_masked_bases_are_n():
    x = torch.ones(200, 4, 50)
    seen = masked(x, 0.25, torch.Generator().manual_seed(0))
    assert set(seen.sum(dim=1).unique().tolist()) == {0.0, 4.0}
    assert (seen == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


# ---- what it refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_outputs": 1}, "at least 2 classes"),
        ({"task": "colours"}, "task must be one of"),
        ({"reverse_complement": "both"}, "None, share, average"),
        ({"width": 8}, "width must be odd"),
        ({"period": 1}, "period must be at least 2"),
        ({"n_filters": 0}, "n_filters must be a whole number of at least 1"),
        ({"n_filters": 7, "reverse_complement": "share"}, "must be even"),
        ({"pool": 5, "length": LENGTH, "reverse_complement": "share"}, "multiple of pool"),
        ({"pool": 30, "length": LENGTH}, "at least pool"),
        ({"dropout": 1.0}, "dropout must be between"),
    ],
)
def test_a_size_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_data_that_do_not_suit_it_are_refused_before_it_trains():
    adata = planted(20)
    adata.obs["number"] = np.arange(20.0)
    adata.obsm["wide"] = np.full((20, 3), 2.0)
    adata.obsm["flat"] = np.zeros((20, 4), np.float32)
    cases = [
        (small(), AnnDataset(adata, "obsm/sequence"), "pass target="),
        (small(3), dataset(adata), "build it with n_outputs=2"),
        (small(), dataset(adata, "obs/number"), "astype\\('category'\\)"),
        (small(task="labels"), dataset(adata), "one class a row"),
        (small(task="labels"), dataset(adata, "obsm/wide"), "2 numbers a row"),
        (small(3, task="labels"), dataset(adata, "obsm/wide"), "0 or 1"),
        (small(length=10), dataset(adata), "sequences of 10 bases, got 24"),
        (small(), AnnDataset(adata, "obsm/flat", target="obs/kind"), "sequences are one-hot"),
    ]
    for model, data, message in cases:
        with pytest.raises(ValueError, match=message):
            gl.Run(model, data)


def test_a_missing_value_is_refused():
    adata = planted(20)
    adata.obsm["value"] = np.where(np.arange(20) == 7, np.nan, 1.0)[:, None]
    with pytest.raises(ValueError, match="known for every row"):
        gl.Run(small(1, task="values"), dataset(adata, "obsm/value"))


def test_shared_strands_need_windows_that_both_strands_pool_alike():
    with pytest.raises(ValueError, match="multiple of pool"):
        small(reverse_complement="share", pool=5).logits(torch.zeros(1, 4, 24))


# ---- baselines --------------------------------------------------------------------------------------------------


def test_the_k_mer_baseline_is_scikit_learns_logistic_regression():
    adata = planted(200)
    counts = gl.sequences.kmers(adata.obsm["sequence"], 2).astype(float)
    scaled = (counts - counts.mean(axis=0)) / counts.std(axis=0)
    theirs = LogisticRegression(C=0.2, max_iter=2000).fit(scaled, adata.obs["kind"])
    ours = KmerBaseline(2, C=0.2).fit(dataset(adata))
    np.testing.assert_allclose(gl.infer.predict(ours, dataset(adata)), theirs.predict_proba(scaled), atol=1e-6)


def test_the_k_mer_baseline_takes_three_classes():
    adata = planted(300)
    adata.obs["kind"] = pd.Categorical(np.array(["a", "b", "c"])[adata.obsm["sequence"][:, 0].argmax(axis=1) % 3])
    model = KmerBaseline(1).fit(dataset(adata))
    np.testing.assert_allclose(gl.infer.predict(model, dataset(adata)).sum(axis=1), 1, rtol=1e-5)


def test_the_matrix_counts_what_stands_where():
    adata = ad.AnnData(obs=pd.DataFrame({"kind": list("aab")}, index=list("123")))
    adata.obsm["sequence"] = gl.sequences.one_hot(["AC", "AG", "TN"])
    model = PWMBaseline(pseudocount=1.0).fit(dataset(adata))
    expected = [[[3, 1], [1, 2], [1, 2], [1, 1]], [[1, 1], [1, 1], [1, 1], [2, 1]]]
    sums = np.array([[6, 6], [5, 4]])[:, None]
    np.testing.assert_allclose(model.frequencies.numpy(), np.array(expected) / sums, rtol=1e-6)
    a = 3 / 5 * 3 / 6 * 2 / 6
    b = 2 / 5 * 1 / 5 * 1 / 4
    np.testing.assert_allclose(gl.infer.predict(model, dataset(adata))[0], [a / (a + b), b / (a + b)], rtol=1e-5)


@pytest.mark.parametrize("baseline", [KmerBaseline(4), PWMBaseline()])
def test_a_baseline_finds_what_it_can_see_and_refuses_what_it_cannot_read(baseline):
    data, other = dataset(planted(600, place=9)), dataset(planted(200, seed=1, place=9))
    with pytest.raises(ValueError, match="call fit"):
        gl.infer.predict(baseline, data)
    assert accuracy(baseline.fit(data), other) > 0.85
    assert baseline.loss(data.batch(np.arange(100)))["loss"].item() < 0.5
    with pytest.raises(ValueError, match="predicts classes"):
        baseline.fit(AnnDataset(planted(20), "obsm/sequence"))

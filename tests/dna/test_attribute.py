import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from genolab.data import AnnDataset
from genolab.dna import SequenceCNN, attribute
from genolab.dna.saturation import single_changes

BASES = "ACGT"


def hot(*sequences):
    """One-hot by the definition."""
    return np.array([[[letter == base for letter in one] for base in BASES] for one in sequences], dtype=np.uint8)


def random_sequences(n, length, seed=0):
    return np.eye(4, dtype=np.uint8)[np.random.default_rng(seed).integers(0, 4, (n, length))].transpose(0, 2, 1)


class Linear(nn.Module):
    """``sum(weight * x)`` and its negative: the contribution of a base is its weight."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.as_tensor(weight, dtype=torch.float32))

    def logits(self, x):
        score = (x.float() * self.weight).sum(dim=(1, 2))
        return torch.stack([score, -score], dim=1)


class Both(nn.Module):
    """1 where an A stands first and a C second, else 0."""

    def forward(self, x):
        return (x[:, 0, 0] * x[:, 1, 1])[:, None]


class Square(nn.Module):
    """The square of the number of As."""

    def forward(self, x):
        return x[:, 0].sum(dim=1).square()[:, None]


class Small(nn.Module):
    """A network of torch's own layers."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv1d(4, 8, 5, padding=2), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(8, 2)
            )

    def forward(self, x):
        return self.layers(x)


class PerBase(nn.Module):
    """A tagger: its output at a base is 1 where an A stands there."""

    def logits(self, x):
        return torch.stack([x[:, 0].float(), x[:, 1].float()], dim=1)


WEIGHT = np.random.default_rng(1).normal(size=(4, 6))


# ---- values known on paper ----


@pytest.mark.parametrize("method", ["mutagenesis", "gradients"])
def test_of_a_linear_model_each_base_contributes_its_weight_less_the_mean_of_the_four(method):
    x = hot("ACGTAC", "TTTTTT")
    scores = attribute(Linear(WEIGHT), x, method=method)
    assert scores.shape == (2, 4, 6)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, x * (WEIGHT - WEIGHT.mean(axis=0)), atol=1e-5)


def test_hypothetical_scores_hold_all_four_bases():
    scores = attribute(Linear(WEIGHT), hot("ACGTAC"), hypothetical=True)
    np.testing.assert_allclose(scores[0], WEIGHT - WEIGHT.mean(axis=0), atol=1e-5)


def test_hypothetical_scores_of_mutagenesis_less_the_present_base_are_the_effects_of_changes():
    scores = attribute(Both(), hot("ACG"), hypothetical=True)[0]
    effect = scores - (scores * hot("ACG")[0]).sum(axis=0)
    expected = [[0, -1, 0], [-1, 0, 0], [-1, -1, 0], [-1, -1, 0]]  # A at the first and C at the second keep it
    np.testing.assert_allclose(effect, expected, atol=1e-6)


def test_integrated_gradients_add_up_to_the_output_less_that_of_the_mixture():
    x = hot("AACA", "CGTT", "AAAA")
    total = attribute(Square(), x, method="gradients").sum(axis=(1, 2))
    np.testing.assert_allclose(total, np.array([9, 0, 16]) - 1, atol=1e-5)  # the mixture holds 4 / 4 As


def test_integrated_gradients_of_a_network_add_up_to_a_percent():
    x, model = random_sequences(20, 50), Small()
    with torch.no_grad():
        mixture = torch.full((1, 4, 50), 0.25)
        wanted = (model(torch.tensor(x).float()) - model(mixture))[:, 0].numpy()
    total = attribute(model, x, method="gradients").sum(axis=(1, 2))
    assert np.abs(total - wanted).sum() < 0.02 * np.abs(wanted).sum()


def test_deeplift_of_a_linear_model_gives_the_weights():
    x = random_sequences(6, 60)
    model = Linear(np.random.default_rng(0).normal(size=(4, 60)))
    scores = attribute(model, x, method="deeplift", hypothetical=True)
    weight = (
        model.weight.detach().numpy()
    )  # each base: its weight, less the mean weight of what the shuffles have there
    np.testing.assert_allclose(scores - scores[:, :1], np.broadcast_to(weight - weight[:1], x.shape), atol=1e-4)
    attribute(Small(), x, method="deeplift")  # would be refused if its sums were off


@pytest.mark.parametrize("method", ["mutagenesis", "gradients", "deeplift"])
def test_a_batch_size_changes_no_score(method):
    x, model = random_sequences(5, 30), Small()
    one = attribute(model, x, method=method, batch_size=7)
    np.testing.assert_allclose(one, attribute(model, x, method=method, batch_size=500), atol=1e-5)


def test_the_same_seed_gives_the_same_deeplift_scores_and_leaves_torchs_generator_alone():
    x, model = random_sequences(3, 40), Small()
    before = torch.get_rng_state()
    first = attribute(model, x, method="deeplift", seed=4)
    assert np.array_equal(first, attribute(model, x, method="deeplift", seed=4))
    assert not np.array_equal(first, attribute(model, x, method="deeplift", seed=5))
    assert torch.equal(before, torch.get_rng_state())


# ---- what is explained ----


def test_the_second_output_is_explained_when_asked_for():
    x = hot("ACGTAC")
    np.testing.assert_allclose(attribute(Linear(WEIGHT), x, target=1), -attribute(Linear(WEIGHT), x), atol=1e-6)


def test_a_target_may_be_named_by_the_datasets_classes():
    adata = ad.AnnData(np.zeros((2, 1), np.float32), obs=pd.DataFrame({"kind": pd.Categorical(["exon", "intron"])}))
    adata.obsm["sequence"] = hot("ACGTAC", "CCCCCC")
    dataset = AnnDataset(adata, "obsm/sequence", target="obs/kind")
    named = attribute(Linear(WEIGHT), dataset, target="intron")
    np.testing.assert_array_equal(named, attribute(Linear(WEIGHT), dataset, target=1))
    with pytest.raises(ValueError, match=r"\['exon', 'intron'\]; got 'promoter'"):
        attribute(Linear(WEIGHT), dataset, target="promoter")


def test_of_a_tagger_the_chosen_positions_are_explained():
    scores = attribute(PerBase(), hot("ACGA"), positions=3)
    np.testing.assert_allclose(scores[0, 0], [0, 0, 0, 0.75], atol=1e-6)
    mean = attribute(PerBase(), hot("ACGA"))
    np.testing.assert_allclose(mean[0, 0], [0.1875, 0, 0, 0.1875], atol=1e-6)
    last = attribute(PerBase(), hot("ACGA"), positions=-1)
    np.testing.assert_array_equal(last, scores)


def test_an_unknown_base_contributes_nothing():
    x = hot("ACNTACGGATTAACGATTACAG")
    for method in ("mutagenesis", "gradients", "deeplift"):
        assert not attribute(Small(), x, method=method)[0, :, 2].any()


def test_one_sequence_may_come_without_the_axis_of_rows():
    np.testing.assert_array_equal(attribute(Small(), hot("ACGT")[0]), attribute(Small(), hot("ACGT")))


def test_a_model_is_given_back_as_it_was():
    model = SequenceCNN(2, n_filters=8, width=5, hidden=8).train()
    model.members[0].to_hidden.requires_grad_(False)
    before = {name: values.clone() for name, values in model.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in ("mutagenesis", "gradients", "deeplift"):
            attribute(model, random_sequences(2, 30), method=method)
    assert model.training
    assert not model.members[0].to_hidden.weight.requires_grad
    assert all(torch.equal(before[name], values) for name, values in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())


# ---- the quick way for a SequenceCNN ----

KINDS = [
    {},
    {"length": 24},
    {"length": 24, "pool": 5},
    {"pool": 4},
    {"n_layers": 1},
    {"n_layers": 3, "members": 2},
    {"reverse_complement": "share", "length": 24},
    {"reverse_complement": "share", "pool": 3, "n_layers": 1},
    {"reverse_complement": "average", "pool": 2},
    {"reverse_complement": "average", "length": 24, "members": 2},
    {"period": 3},
    {"period": 5, "length": 24, "pool": 2},
    {"period": 3, "length": 24, "reverse_complement": "share"},
]


@torch.no_grad()
def _changed(model, x, base):
    """The outputs with the base at each position, ``(n, length, n_outputs)``, each sequence as a whole."""
    outputs = []
    for position in range(x.shape[2]):
        changed = x.clone()
        changed[:, :, position] = torch.eye(4)[base]
        outputs.append(model(changed))
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_changes_computed_where_they_reach_equal_those_of_the_whole_sequence(options):
    model = SequenceCNN(3, n_filters=6, width=9, hidden=8, **options).eval()
    shake = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.2, generator=shake)
            module.running_var.uniform_(0.3, 2, generator=shake)
            module.weight.data.normal_(0, 1, generator=shake)
            module.bias.data.normal_(0, 0.5, generator=shake)
    x = torch.tensor(random_sequences(3, 24)).float()
    x[1, :, 5] = 0
    x[2] = 0
    whole = torch.stack([_changed(model, x, base) for base in range(4)], dim=1)
    torch.testing.assert_close(single_changes(model, x), whole, atol=2e-6, rtol=1e-4)
    many = single_changes(model, x.repeat(30, 1, 1))  # more than go together position by position, and than a block
    torch.testing.assert_close(many, whole.repeat(30, 1, 1, 1), atol=2e-6, rtol=1e-4)


def test_any_other_module_is_changed_base_by_base():
    model, x = Small(), random_sequences(3, 25)
    x[1, :, 5] = 0
    scores, rows = attribute(model, x, hypothetical=True, target=1), torch.tensor(x).float()
    whole = torch.stack([_changed(model, rows, base) for base in range(4)], dim=1)[..., 1]
    np.testing.assert_allclose(scores, whole - whole.mean(dim=1, keepdim=True), atol=1e-5)


# ---- what is refused ----


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 5, 10)), r"\(n, 4, length\), got the shape \(2, 5, 10\)"),
        (np.zeros((2, 4, 0)), "got the shape"),
        (np.full((1, 4, 3), 0.25), "one 1, or none"),
        (np.ones((1, 4, 3)), "one 1, or none"),
    ],
)
def test_what_is_no_one_hot_sequence_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        attribute(Small(), rows)


def test_an_output_that_is_not_there_and_an_unknown_method_are_refused():
    with pytest.raises(ValueError, match="0 to 1, got 2"):
        attribute(Small(), hot("ACGTA"), target=2)
    with pytest.raises(ValueError, match="mutagenesis, gradients, deeplift, got 'lime'"):
        attribute(Small(), hot("ACGTA"), method="lime")


def test_a_model_that_gives_no_tensor_is_refused():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(TypeError, match=r"Pair must give a tensor .* got tuple"):
        attribute(Pair(), hot("ACGTA"))


def test_deeplift_is_refused_where_it_has_no_rule():
    class Product(nn.Module):
        def forward(self, x):
            return (x[:, 0, :10].sum(dim=1) ** 4)[:, None]

    with pytest.raises(ValueError, match=r"off by .* no rule for a part of this model"):
        attribute(Product(), random_sequences(4, 30, seed=3), method="deeplift", n_shuffles=2)

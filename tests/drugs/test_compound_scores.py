"""Which atoms, and which features of a cell line, drive a score: models whose answers are known on paper."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import genolab as gl


class Bits:
    """Scores a molecule by the sum of weighted bits, as a linear model does."""

    def __init__(self, weights):
        self.weights = weights

    def score(self, prints, context):
        return prints.astype(float) @ self.weights, None


def bits_of(smiles, radius=0):
    """Return 1 for every bit of a molecule's surroundings up to this radius."""
    return (gl.drugs.compounds.fingerprints([smiles], radius=radius)[0] > 0).astype(float)


def test_a_model_that_counts_amines_points_at_their_nitrogens():
    amine = bits_of("CN") * (1 - bits_of("CC"))
    assert amine.sum() == 1
    assert gl.drugs.atom_scores(Bits(amine), "NCCN", 0).tolist() == [1, 0, 0, 1]


def test_a_surrounding_counts_for_each_of_its_atoms():
    smiles = "CCO"
    ring = (
        gl.drugs.compounds.fingerprints([smiles], radius=1)[0].astype(float)
        - gl.drugs.compounds.fingerprints([smiles], radius=0)[0]
    )
    scores = gl.drugs.atom_scores(Bits((ring > 0).astype(float)), smiles, 0)
    # Of radius 1 there are C-C (atoms 0 1), C-C-O (0 1 2) and C-O (1 2), each once.
    assert scores.tolist() == [2, 3, 2]


def test_presence_alone_is_lost_only_with_the_last_of_its_kind():
    methyl = bits_of("CC")
    assert gl.drugs.atom_scores(Bits(methyl), "CCCC", 0).tolist() == [1, 0, 0, 1]
    assert gl.drugs.atom_scores(Bits(methyl), "CCCC", 0, counts=False).tolist() == [0, 0, 0, 0]


def test_what_is_no_score_is_refused():
    nothing = SimpleNamespace(score=lambda prints, context: (np.full(len(prints), np.nan), None))
    with pytest.raises(ValueError, match="every row a finite score"):
        gl.drugs.atom_scores(nothing, "CCO", 0)
    with pytest.raises(ValueError, match="C1CC"):
        gl.drugs.atom_scores(nothing, "C1CC", 0)


class Lines:
    """Responds by 2 more where feature 0 is on."""

    def score_contexts(self, compound, contexts):
        return 2.0 * contexts[:, 0] + 0.1 * contexts[:, 1] + compound, None


@pytest.fixture
def screen():
    n = 40
    random = np.random.default_rng(0)
    features = random.integers(0, 2, (n, 3))
    features[:, 2] = 0  # nobody has it
    tissue = np.where(np.arange(n) < 20, "skin", "lung")
    response = 2.0 * features[:, 0] + 5.0 * (tissue == "skin") + random.normal(0, 0.1, n)
    adata = AnnData(obs=pd.DataFrame({"response": response, "tissue": tissue}, index=np.arange(n).astype(str)))
    adata.obsm["pair"] = np.stack([np.zeros(n, int), np.arange(n)], axis=1)
    adata.uns["compounds"] = pd.DataFrame(index=["drug", "other"])
    adata.uns["contexts"] = pd.DataFrame(index=[f"line {i}" for i in range(n)])
    return adata, features


def test_a_planted_mutation_comes_out_first_in_model_and_data(screen):
    adata, features = screen
    scores = gl.drugs.feature_scores(Lines(), adata, "drug", features, ["TP53", "KRAS", "none"], within="tissue")
    assert scores["feature"].tolist() == ["TP53", "KRAS"]
    np.testing.assert_allclose(scores["effect"], [2, 0.1])
    assert scores["measured"][0] == pytest.approx(2, abs=0.2)
    assert scores["low"][0] < scores["measured"][0] < scores["high"][0]
    assert scores["q"][0] < 1e-6 < scores["q"][1]
    assert scores["n"].tolist() == features.sum(axis=0)[:2].tolist()
    raw = gl.drugs.feature_scores(Lines(), adata, "drug", features, ["TP53", "KRAS", "none"])
    assert (raw["high"] - raw["low"])[0] > (scores["high"] - scores["low"])[0]


def test_a_compound_or_feature_that_is_not_there_is_named(screen):
    adata, features = screen
    with pytest.raises(KeyError, match="'aspirin' isn't one of the 2 compounds: drug, other"):
        gl.drugs.feature_scores(Lines(), adata, "aspirin", features, ["a"])
    with pytest.raises(ValueError, match="a row for each of the 40 contexts"):
        gl.drugs.feature_scores(Lines(), adata, "drug", features[:5], ["a"])
    with pytest.raises(ValueError, match="no feature is in 5 contexts measured with other"):
        gl.drugs.feature_scores(Lines(), adata, "other", features, ["a"])
    with pytest.raises(KeyError, match="'obs/organ' is not in this AnnData"):
        gl.drugs.feature_scores(Lines(), adata, "drug", features, ["a"], within="organ")


def test_new_contexts_are_scored_as_the_table_reads_them():
    random = np.random.default_rng(1)
    compounds, contexts = random.normal(size=(6, 8)), random.normal(size=(5, 4))
    model = gl.drugs.ResponseModel(compounds, contexts, members=2, hidden=16, width=4).eval()
    by_context = np.array([model.score(compounds, at).mean.numpy() for at in range(5)])
    by_compound = np.array([model.score_contexts(at, contexts).mean.numpy() for at in range(6)])
    np.testing.assert_allclose(by_compound, by_context.T, atol=1e-6)
    with pytest.raises(ValueError, match="compounds are the rows 0 to 5"):
        model.score_contexts(6, contexts)

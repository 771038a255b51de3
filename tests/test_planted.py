"""On data whose truth is planted, a trained network's reasons are the planted motif."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import genolab as gl
from genolab.evaluate import filter_motifs, match

MOTIF = "TGACTCAG"
LENGTH = 80


def planted(n=3000, seed=0):
    """Half of the sequences hold the motif, each place of it right in 9 of 10, at a random position."""
    random = np.random.default_rng(seed)
    bases = random.integers(0, 4, (n, LENGTH))
    has = np.arange(n) % 2 == 0
    starts = random.integers(5, LENGTH - len(MOTIF) - 5, n)
    for row in np.flatnonzero(has):
        kept = random.random(len(MOTIF)) < 0.9
        site = bases[row, starts[row] : starts[row] + len(MOTIF)]
        site[kept] = np.array(["ACGT".index(letter) for letter in MOTIF])[kept]
    adata = AnnData(np.zeros((n, 1), np.float32))
    adata.obs = pd.DataFrame({"kind": pd.Categorical(np.where(has, "bound", "free"))}, index=adata.obs_names)
    adata.obsm["sequence"] = np.eye(4, dtype=np.uint8)[bases].transpose(0, 2, 1)
    adata.obs["start"] = np.where(has, starts, -1)
    return adata


@pytest.fixture(scope="module")
def learned():
    data = gl.data.AnnDataset(planted(), "obsm/sequence", target="obs/kind")
    model = gl.models.SequenceCNN(2, n_filters=24, width=11, n_layers=1, seed=1)
    gl.Run(model, data.subset(np.arange(2500)), None, gl.RunConfig(epochs=8, learning_rate=5e-3, threads=1)).fit()
    return model, data.subset(np.arange(2500, 3000))


def confident(model, test):
    """Rows that hold the motif and are recognised: a motif that was spoilt has no mass to be found."""
    sure = gl.infer.predict(model, test)[:, 0] > 0.9
    starts = test.adata.obs["start"].to_numpy()[test.rows]
    return np.flatnonzero(sure & (starts >= 0)), starts


@pytest.mark.parametrize("method", ["mutagenesis", "gradients", "deeplift"])
def test_a_base_of_the_planted_motif_has_ten_times_the_mass_of_a_base_of_the_background(learned, note, method):
    model, test = learned
    rows, starts = confident(model, test)
    assert len(rows) > 100
    scores = np.abs(gl.infer.attribute(model, test.subset(rows[:100]), method=method, target="bound")).sum(axis=1)
    inside = np.zeros_like(scores, dtype=bool)
    for row, start in enumerate(starts[rows[:100]]):
        inside[row, start : start + len(MOTIF)] = True
    ratio = scores[inside].mean() / scores[~inside].mean()
    note(f"motif_mass_{method}", float(ratio))
    assert ratio >= 10


def test_a_filter_of_the_first_layer_is_the_planted_motif(learned):
    model, test = learned
    random = np.random.default_rng(5)
    others = {f"other {i}": random.dirichlet([0.3] * 4, size=8).T for i in range(60)}
    truth = np.array([[0.9 * (letter == base) + 0.025 for letter in MOTIF] for base in "ACGT"])
    table = match(filter_motifs(model, test), {**others, "planted": truth}, n_nearest=1)
    best = table.sort_values("p_value").iloc[0]
    assert best["motif"] == "planted"
    assert best["p_value"] < 1e-4

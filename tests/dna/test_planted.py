"""On data whose truth is planted, a trained network's reasons are the planted motif."""

import numpy as np
import pytest

import genolab as gl
from genolab.dna import filter_motifs, match_motifs

MOTIF = "TGACTCAG"
# Each place of it is right in about 9 of 10.
TRUTH = np.array([[0.9 * (letter == base) + 0.025 for letter in MOTIF] for base in "ACGT"])


@pytest.fixture(scope="module")
def learned():
    loci = gl.dna.simulate_sequences(3000, 80, motifs={"planted": TRUTH}, seed=0)
    data = gl.data.AnnDataset(loci, "obsm/sequence", target="obs/class")
    model = gl.dna.SequenceCNN(2, n_filters=24, width=11, n_layers=1, seed=1)
    gl.Run(model, data.subset(np.arange(2500)), None, gl.RunConfig(epochs=8, learning_rate=5e-3, threads=1)).fit()
    return model, data.subset(np.arange(2500, 3000))


def recognised(model, test):
    """The rows that hold the motif and are told so: a motif that chance has spoilt has no mass to be found."""
    motif = test.target_names.index("motif")
    has = test.adata.obsm["motif_mask"][test.rows].any(axis=1)
    return test.subset(np.flatnonzero(has & (gl.infer.predict(model, test)[:, motif] > 0.9)))


@pytest.mark.parametrize("method", ["mutagenesis", "gradients", "deeplift"])
def test_a_base_of_the_planted_motif_has_ten_times_the_mass_of_a_base_of_the_background(learned, method):
    model, test = learned
    rows = recognised(model, test)
    assert len(rows) > 100
    scores = np.abs(gl.dna.attribute(model, rows, method=method, target="motif")).sum(axis=1)
    inside = rows.adata.obsm["motif_mask"][rows.rows]
    ratio = scores[inside].mean() / scores[~inside].mean()
    assert ratio >= 10


def test_a_filter_of_the_first_layer_is_the_planted_motif(learned):
    model, test = learned
    random = np.random.default_rng(5)
    others = {f"other {i}": random.dirichlet([0.3] * 4, size=8).T for i in range(60)}
    table = match_motifs(filter_motifs(model, test), {**others, "planted": TRUTH}, n_nearest=1)
    best = table.sort_values("p_value").iloc[0]
    assert best["motif"] == "planted"
    assert best["p_value"] < 1e-4

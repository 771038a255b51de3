"""simulate_sequences: what is planted is where the truth says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genolab as gl


def planted(loci, row, number):
    """Return what stands where the truth has a motif, read on its strand."""
    name = loci.uns["simulation"]["names"][number]
    width = loci.uns["simulation"]["motifs"][name].shape[1]
    first = loci.obsm["motif_position"][row, number]
    text = gl.sequences.decode_one_hot(loci.obsm["sequence"][row])[0][first : first + width]
    return text if loci.obsm["motif_strand"][row, number] > 0 else gl.sequences.reverse_complement(text)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.text("ACGT", min_size=1, max_size=8), min_size=1, max_size=4),
    st.sampled_from([None, (0, 0), (2, 9)]),
    st.sampled_from(["+", "both"]),
    st.integers(0, 99),
)
def test_every_motif_stands_where_the_truth_says(motifs, spacing, strands, seed):
    named = {f"m{number}": motif for number, motif in enumerate(motifs)}
    loci = gl.dna.simulate_sequences(12, 70, motifs=named, spacing=spacing, strands=strands, seed=seed)
    for row in range(12):
        if loci.obs["class"].iloc[row] == "background":
            assert (loci.obsm["motif_position"][row] == -1).all()
            assert not loci.obsm["motif_mask"][row].any()
            continue
        assert [planted(loci, row, number) for number in range(len(motifs))] == motifs
        assert loci.obsm["motif_mask"][row].sum() == sum(map(len, motifs))  # so none overlaps another


def test_the_spacing_is_kept_on_both_strands():
    loci = gl.dna.simulate_sequences(400, 80, spacing=(15, 19), strands="both", seed=3)
    rows = np.flatnonzero(loci.obs["class"] == "motif")
    position, strand = loci.obsm["motif_position"][rows], loci.obsm["motif_strand"][rows]
    first, second = position.T
    gap = np.where(strand[:, 0] > 0, second - first - 6, first - second - 6)
    assert set(gap) == {15, 16, 17, 18, 19}
    assert (strand[:, 0] == strand[:, 1]).all()
    assert set(strand[:, 0]) == {1, -1}


def test_probabilities_are_what_is_drawn():
    matrix = np.array([[0.7, 0, 0.25], [0.1, 0, 0.25], [0.1, 1, 0.25], [0.1, 0, 0.25]])
    loci = gl.dna.simulate_sequences(4000, 20, motifs={"m": matrix}, strands="both", seed=0)
    rows = np.flatnonzero(loci.obs["class"] == "motif")
    seen = gl.sequences.one_hot([planted(loci, row, 0) for row in rows]).mean(axis=0)
    assert np.abs(seen - matrix).max() < 0.04


def test_ambiguous_letters_stay_background():
    loci = gl.dna.simulate_sequences(2000, 30, motifs={"box": "TTGNNCAA"}, gc=1.0, seed=0)
    rows = np.flatnonzero(loci.obs["class"] == "motif")
    texts = [planted(loci, row, 0) for row in rows]
    assert {text[:3] + text[5:] for text in texts} == {"TTGCAA"}
    assert {text[3:5] for text in texts} == {"CC", "CG", "GC", "GG"}


def test_motifs_without_spacing_fall_evenly_anywhere():
    loci = gl.dna.simulate_sequences(6000, 30, motifs={"a": "AAAAA", "b": "CCCCC"}, seed=0)
    first = loci.obsm["motif_position"][loci.obs["class"] == "motif", 0]
    assert first.min() == 0
    assert first.max() == 25
    assert abs((first < 13).mean() - 0.5) < 0.04


def test_decoys_have_the_motifs_composition_and_are_no_truth():
    loci = gl.dna.simulate_sequences(2000, 40, motifs={"m": "AAAACCCC"}, decoys=True, gc=0.5, seed=5)
    share = loci.obsm["sequence"].mean(axis=2)
    is_motif = (loci.obs["class"] == "motif").to_numpy()
    assert np.abs(share[is_motif].mean(axis=0) - share[~is_motif].mean(axis=0)).max() < 0.01
    assert (loci.obsm["motif_position"][~is_motif] == -1).all()
    assert (loci.obsm["decoy_position"][~is_motif] >= 0).all()


def test_the_seed_decides_every_base():
    one, same, other = (gl.dna.simulate_sequences(20, 50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.obsm["sequence"], same.obsm["sequence"])
    assert not np.array_equal(one.obsm["sequence"], other.obsm["sequence"])


def test_it_is_written_and_read(tmp_path):
    loci = gl.dna.simulate_sequences(10, 40, spacing=(2, 3))
    loci.write_h5ad(tmp_path / "loci.h5ad")
    again = gl.data.read(tmp_path / "loci.h5ad")
    assert np.array_equal(again.obsm["sequence"], loci.obsm["sequence"])
    assert np.array_equal(again.uns["simulation"]["motifs"]["minus10"], loci.uns["simulation"]["motifs"]["minus10"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_sequences": 0}, "n_sequences is a whole number"),
        ({"length": 8}, "take up to 12 bases and a sequence has 8"),
        ({"length": 28, "spacing": (15, 17)}, "take up to 29 bases"),
        ({"motifs": {}}, "at least one motif"),
        ({"motifs": {"m": "AXA"}}, "got 'X' at position 1"),
        ({"motifs": {"m": np.ones((4, 3))}}, "those of 'm' don't"),
        ({"motifs": {"m": np.ones((3, 3))}}, "shape"),
        ({"spacing": (5, 2)}, "least and the most"),
        ({"strands": "-"}, "\\+, both"),
        ({"gc": 1.5}, "gc must be a share"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        gl.dna.simulate_sequences(**options)

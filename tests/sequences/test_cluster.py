"""cluster_sequences: no pair over the identity lies in two clusters."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genolab as gl
from genolab.sequences.cluster import _ROWS


@numba.njit
def _textbook(one, other):  # pragma: no cover - compiled
    row = np.zeros(len(other) + 1, np.int64)
    for a in one:
        diagonal = 0
        for j, b in enumerate(other):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if a == b and a != ord("N") else max(above, row[j])
            diagonal = above
    return row[-1]


def common(one, other):
    """Return the longest common subsequence, by the textbook."""
    return int(_textbook(*(np.frombuffer(text.encode(), dtype=np.uint8) for text in (one, other))))


def pairwise_clusters(rows, identity, *, both):
    """Join pair by pair, and number the clusters by their first sequence."""
    group = list(range(len(rows)))
    known = [len(row.replace("N", "")) for row in rows]
    for i in range(len(rows)):
        for j in range(i):
            turned = gl.sequences.reverse_complement(rows[j])
            match = max(common(rows[i], rows[j]), common(rows[i], turned) if both else 0)
            if match >= max(1, identity * max(known[i], known[j]) - 1e-9):
                group = [group[j] if g == group[i] else g for g in group]
    seen = list(dict.fromkeys(group))
    return [seen.index(g) for g in group]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.text("ACGTN", min_size=1, max_size=90), min_size=1, max_size=8),
    st.sampled_from([0.5, 0.7, 0.8, 1.0]),
    st.booleans(),
)
def test_clusters_are_those_of_the_textbook(rows, identity, both):
    assert gl.sequences.cluster_sequences(rows, identity, both_strands=both).tolist() == pairwise_clusters(
        rows, identity, both=both
    )


def changed(sequence, rng, *, share):
    """Substitute, delete and insert bases."""
    out = []
    for base in sequence:
        kind = rng.random()
        if kind < share / 3:
            continue
        out.append(rng.choice(list("ACGT")) if kind < share else base)
        if kind > 1 - share / 3:
            out.append(rng.choice(list("ACGT")))
    return "".join(out)


def test_similar_sequences_share_a_cluster_and_unrelated_ones_do_not():
    rng = np.random.default_rng(0)
    founders = ["".join(rng.choice(list("ACGT"), 120)) for _ in range(70)]
    rows = [changed(founder, rng, share=0.08) for founder in founders for _ in range(4)]
    rows = [gl.sequences.reverse_complement(row) if rng.random() < 0.5 else row for row in rows]
    clusters = gl.sequences.cluster_sequences(rows, 0.8)
    assert len(rows) > _ROWS
    assert clusters.tolist() == np.repeat(np.arange(70), 4).tolist()
    one_way = gl.sequences.cluster_sequences(rows, 0.8, both_strands=False)
    assert len(set(one_way)) > 70


def test_a_shifted_window_is_similar():
    rng = np.random.default_rng(1)
    genome = "".join(rng.choice(list("ACGT"), 1000))
    clusters = gl.sequences.cluster_sequences([genome[:100], genome[15:115], genome[50:150], genome[500:600]], 0.8)
    assert clusters.tolist() == [0, 0, 1, 2]


def test_a_chain_of_similar_sequences_is_one_cluster():
    clusters = gl.sequences.cluster_sequences(["A" * 10, "A" * 8 + "C" * 2, "A" * 6 + "C" * 4], 0.8, both_strands=False)
    assert clusters.tolist() == [0, 0, 0]


def test_no_near_duplicate_lies_in_two_parts_of_a_split():
    rng = np.random.default_rng(2)
    founders = ["".join(rng.choice(list("ACGT"), 120)) for _ in range(40)]
    rows = gl.sequences.one_hot([changed(f, rng, share=0.06) for f in founders for _ in range(3)], length=120)
    import anndata as ad
    import pandas as pd

    loci = ad.AnnData(obs=pd.DataFrame(index=[str(i) for i in range(len(rows))]), obsm={"sequence": rows})
    loci.obs["cluster"] = gl.sequences.cluster_sequences(rows)
    parts = gl.data.split(gl.data.AnnDataset(loci, "obsm/sequence"), by="cluster", fractions=(0.6, 0.2, 0.2))
    texts = [gl.sequences.decode_one_hot(rows[part.rows]) for part in parts]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert max(common(a, b) for a in texts[one] for b in texts[other]) < 0.8 * 120


def test_splice_junctions_fall_into_clusters_of_similar_ones():
    loci = gl.data.fetch("splice_junctions")
    rows = gl.sequences.decode_one_hot(loci.obsm["sequence"])
    clusters = gl.sequences.cluster_sequences(rows[:300])
    for number in np.flatnonzero(np.bincount(clusters) > 1):
        members = [rows[i] for i in np.flatnonzero(clusters == number)]
        nearest = [
            max(max(common(a, b), common(a, gl.sequences.reverse_complement(b))) for b in members if b is not a)
            for a in members
        ]
        assert min(nearest) >= 0.8 * 60


@pytest.mark.parametrize("identity", [0, 1.2])
def test_an_identity_that_is_no_share_is_refused(identity):
    with pytest.raises(ValueError, match="a share above 0 and at most 1"):
        gl.sequences.cluster_sequences(["ACGT"], identity)

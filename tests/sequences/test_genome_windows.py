"""Windows over genomes: where they lie, what is cut, and that a genome too large for memory stays out of it."""

import tracemalloc

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genolab as gl
from genolab.sequences import fasta
from genolab.sequences.annotation import SWAP

GENOME = {"chr1": "ACGTTGCAAC", "chr2": "GGGTTTAAACCCNNAC"}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "g.fa"
    file.write_text("".join(f">{name}\n{text}\n" for name, text in GENOME.items()))
    return file


def test_rows_are_read_on_their_strands(path):
    features = pd.DataFrame(
        {"chromosome": "chr1", "start": [1, 4], "end": [5, 9], "strand": ["-", "."]}, index=["a", "b"]
    )
    genome = ad.AnnData(obs=features, uns={"genome": {"fasta": str(path), "lengths": {"chr1": 10}, "circular": []}})
    assert gl.sequences.row_sequences(genome) == ["AACG", "TGCAA"]
    assert gl.sequences.row_sequences(genome, ["b", "a"]) == ["TGCAA", "AACG"]
    with pytest.raises(KeyError, match="'c' isn't one of the 2 rows"):
        gl.sequences.row_sequences(genome, ["c"])


def cut(windows):
    """Return the windows' letters, all read at once."""
    return gl.sequences.decode_one_hot(gl.data.AnnDataset(windows, "genome/sequence").batch(range(windows.n_obs)).x)


def places(windows):
    return list(zip(windows.obs["chromosome"], windows.obs["start"], windows.obs["end"], strict=True))


def test_windows_tile_and_the_last_one_ends_with_the_chromosome(path):
    windows = gl.sequences.windows(path, 4)
    assert places(windows)[:3] == [("chr1", 0, 4), ("chr1", 4, 8), ("chr1", 6, 10)]
    assert places(windows)[3:] == [("chr2", start, start + 4) for start in (0, 4, 8, 12)]
    assert cut(windows) == ["ACGT", "TGCA", "CAAC", "GGGT", "TTAA", "ACCC", "NNAC"]
    assert windows.obs_names[0] == "chr1:0-4(+)"


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_every_base_is_in_a_window_and_no_window_leaves_the_chromosome(size, length, step):
    genome = ad.AnnData(
        obs=pd.DataFrame(index=["f"]), uns={"genome": {"fasta": "none.fa", "lengths": {"c": size}, "circular": []}}
    )
    if length > size:
        with pytest.raises(ValueError, match="a window fits into its chromosome"):
            gl.sequences.windows(genome, length, step=step)
        return
    start = gl.sequences.windows(genome, length, step=step).obs["start"].to_numpy()
    assert start[0] == 0
    assert start[-1] == size - length
    assert (np.diff(start) > 0).all()
    assert (start[:-1] % step == 0).all()
    assert (np.diff(start) <= step).all()


def test_both_strands_are_reverse_complements(path):
    windows = gl.sequences.windows(path, 5, strands="both")
    text = cut(windows)
    assert text[1::2] == gl.sequences.reverse_complement(text[::2])
    assert windows.obs["strand"].tolist() == ["+", "-"] * (len(text) // 2)
    assert cut(gl.sequences.windows(path, 5, strands="-")) == text[1::2]


def test_chromosomes_are_chosen_by_name(path):
    assert set(gl.sequences.windows(path, 4, chromosomes=["chr2"]).obs["chromosome"]) == {"chr2"}
    with pytest.raises(KeyError, match="there is no chromosome 'chr9'; there are chr1, chr2"):
        gl.sequences.windows(path, 4, chromosomes=["chr9"])


def test_regions_get_one_window_each_by_their_own_strand(path):
    regions = pd.DataFrame(
        {"chromosome": "chr2", "start": [3, 3, 3], "end": [9, 9, 10], "strand": ["+", "-", "-"], "kind": "x"},
        index=list("abc"),
    )
    centred = gl.sequences.windows(path, 3, regions=regions)
    assert centred.obs["kind"].tolist() == ["x"] * 3
    for row, region in enumerate(("TTTAAA", "TTTAAA", "GTTTAAA")):
        wanted = gl.sequences.decode_one_hot(gl.sequences.one_hot(region, length=3, anchor="center"))[0]
        assert cut(centred)[row] == wanted  # a region's center is that of its own sequence, whatever the strand
    assert cut(gl.sequences.windows(path, 2, regions=regions, anchor="start")) == ["TT", "TT", "GT"]
    tiles = gl.sequences.windows(path, 4, regions=regions.iloc[:1], step=1)
    assert cut(tiles) == ["TTTA", "TTAA", "TAAA"]


def test_what_lies_beyond_the_ends_is_n_and_goes_round_where_circular(path):
    regions = pd.DataFrame({"chromosome": "chr1", "start": [0, 8], "end": [2, 10], "strand": "+"}, index=list("ab"))
    windows = gl.sequences.windows(path, 6, regions=regions)
    assert places(windows) == [("chr1", -2, 4), ("chr1", 6, 12)]
    assert cut(windows) == ["NNACGT", "CAACNN"]
    windows.uns["genome"]["circular"] = ["chr1"]
    assert cut(windows) == ["ACACGT", "CAACAC"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 17}, "'chr1' has 10 bases and the windows 17 \\(2 of 2"),
        ({"length": 0}, "length is a whole number of bases"),
        ({"length": 4, "step": 0}, "step is a whole number of bases"),
        ({"length": 4, "step": 2, "anchor": "center"}, "give one of them"),
        ({"length": 4, "anchor": "middle"}, "one of start, center, end"),
        ({"length": 4, "strands": "x"}, "strands is"),
        (
            {"length": 4, "regions": pd.DataFrame({"chromosome": ["chr1"], "start": [0], "end": [4]}), "strands": "-"},
            "own",
        ),
    ],
)
def test_what_cannot_be_laid_is_refused(path, options, said):
    with pytest.raises(ValueError, match=said):
        gl.sequences.windows(path, **options)


def test_a_letter_that_is_no_dna_is_found_on_its_chromosome(tmp_path):
    file = tmp_path / "g.fa"
    file.write_text(">chr1\nACGTAC\n>chr2\nACGT!ACGT\n")
    with pytest.raises(ValueError, match="got '!' at position 4 of 'chr2'"):
        cut(gl.sequences.windows(file, 3, strands="both"))
    with pytest.raises(ValueError, match="got '!' at position 4 of 'chr2'"):
        cut(gl.sequences.windows(file, 4, strands="-"))


# ---- as batches -------------------------------------------------------------------------------------------------


@pytest.fixture
def genome(tmp_path):
    """A random genome with a tag for every base."""
    rng = np.random.default_rng(0)
    text = {name: "".join(rng.choice(list("ACGT"), size)) for name, size in (("a", 5000), ("b", 3000))}
    file = tmp_path / "random.fa"
    file.write_text("".join(f">{name}\n{letters}\n" for name, letters in text.items()))
    tags = {name: rng.integers(0, len(SWAP), len(letters)).astype(np.uint8) for name, letters in text.items()}
    uns = {"fasta": str(file), "lengths": {n: len(t) for n, t in text.items()}, "circular": [], "tags": tags}
    return ad.AnnData(obs=pd.DataFrame(index=["f"]), uns={"genome": uns})


def test_batches_are_shuffled_windows_each_once_with_their_tags(genome):
    windows = gl.sequences.windows(genome, 50, step=20, strands="both")
    dataset = gl.data.AnnDataset(windows, "genome/sequence", target="genome/tags")
    seen = []
    for batch in dataset.batches(64, seed=0):
        assert batch.x.dtype == batch.target.dtype
        for row, x, target in zip(batch.rows.tolist(), batch.x.numpy(), batch.target.numpy(), strict=True):
            place = windows.obs.iloc[row]
            text = gl.sequences.chromosome(
                genome, place["chromosome"], place["start"], place["end"], strand=place["strand"]
            )
            tags = genome.uns["genome"]["tags"][place["chromosome"]][place["start"] : place["end"]]
            assert gl.sequences.decode_one_hot(x) == [text]
            assert np.array_equal(target, tags if place["strand"] == "+" else SWAP[tags][::-1])
            seen.append(row)
    assert sorted(seen) == list(range(windows.n_obs))
    assert seen != sorted(seen)


def test_cut_and_held_windows_are_the_same_data(genome):
    windows = gl.sequences.windows(genome, 64, step=32)
    on_the_fly = gl.data.AnnDataset(windows, "genome/sequence")
    windows.obsm["sequence"] = on_the_fly.batch(range(windows.n_obs)).x.numpy()
    held = gl.data.AnnDataset(windows, "obsm/sequence")
    assert np.array_equal(on_the_fly.hashes(), held.hashes())
    assert np.array_equal(on_the_fly.batch([5, 2, 5]).x, held.batch([5, 2, 5]).x)


def test_a_split_by_chromosome_and_a_subset_cut_the_right_windows(genome):
    windows = gl.sequences.windows(genome, 100)
    dataset = gl.data.AnnDataset(windows, "genome/sequence", target="genome/tags")
    train, _, test = gl.data.split(dataset, by="chromosome", fractions=(0.5, 0.0, 0.5))
    assert set(windows.obs["chromosome"].iloc[train.rows]) == {"a"}
    assert set(windows.obs["chromosome"].iloc[test.rows]) == {"b"}
    batch = next(test.batches(8, seed=1))
    assert np.array_equal(batch.x, dataset.batch(batch.rows).x)
    assert np.array_equal(batch.target, dataset.batch(batch.rows).target)


def test_repeats_in_a_genome_stay_in_one_part(genome):
    windows = gl.sequences.windows(genome, 100)
    twice = gl.data.AnnDataset(windows, "genome/sequence").subset([0, 1, 2, 3, 0, 1, 2, 3])
    train, _, test = gl.data.split(twice, fractions=(0.5, 0.0, 0.5))
    assert len(train) == len(test) == 4
    assert not set(train.rows) & set(test.rows)


def test_a_part_of_a_chromosome_by_place_and_strand(path):
    assert gl.sequences.chromosome(path, "chr1") == "ACGTTGCAAC"
    assert gl.sequences.chromosome(path, "chr1", 2, 5, strand="-") == "AAC"
    assert gl.sequences.chromosome(path, "chr1", 8) == "AC"
    with pytest.raises(ValueError, match="lies within its 10 bases"):
        gl.sequences.chromosome(path, "chr1", 5, 11)
    with pytest.raises(ValueError, match="lies within its 10 bases"):
        gl.sequences.chromosome(path, "chr1", -1, 3)
    with pytest.raises(ValueError, match="a strand is"):
        gl.sequences.chromosome(path, "chr1", strand="x")
    with pytest.raises(KeyError, match="no chromosome '1'"):
        gl.sequences.chromosome(path, "1")


def test_a_genome_that_was_written_and_read_still_has_its_windows(genome, tmp_path):
    genome.write_h5ad(tmp_path / "genome.h5ad")
    again = gl.data.read(tmp_path / "genome.h5ad")
    batches = [
        gl.data.AnnDataset(gl.sequences.windows(one, 100), "genome/sequence", target="genome/tags").batch([3, 1])
        for one in (genome, again)
    ]
    assert np.array_equal(batches[0].x, batches[1].x)
    assert np.array_equal(batches[0].target, batches[1].target)


@pytest.mark.parametrize(
    ("slot", "error", "said"),
    [
        ("genome/sequence", KeyError, r"no uns\['genome'\]\['fasta'\]"),
        ("genome/tags", KeyError, "no \\['chromosome', 'start', 'end', 'strand'\\]"),
        ("genome/other", KeyError, "'genome/sequence' and 'genome/tags', got 'genome/other'"),
    ],
)
def test_rows_that_are_no_windows_are_refused(slot, error, said):
    with pytest.raises(error, match=said):
        gl.data.AnnDataset(ad.AnnData(np.zeros((2, 1), np.float32)), slot)


def test_features_of_unequal_length_and_missing_tags_are_refused(path):
    features = gl.sequences.windows(path, 4)
    with pytest.raises(KeyError, match="needs uns\\['genome'\\]\\['tags'\\] of every chromosome"):
        gl.data.AnnDataset(features, "genome/tags")
    features.obs["end"] = features.obs["end"] + np.arange(features.n_obs)
    with pytest.raises(ValueError, match="windows have one length, these have 7, from 4 to 10"):
        gl.data.AnnDataset(features, "genome/sequence")


def test_an_epoch_over_a_large_genome_needs_little_memory(tmp_path, monkeypatch):
    """20 Mbp as one-hot are 80 MB, and 160 MB on both strands; the largest share of it at once is bounded."""
    file = tmp_path / "large.fa"
    line = "".join(np.random.default_rng(0).choice(list("ACGT"), 80)) + "\n"
    with file.open("w") as opened:
        for name in ("a", "b"):
            opened.write(f">{name}\n" + line * 125_000)
    monkeypatch.setattr(fasta, "_IN_MEMORY", 1_000_000)
    monkeypatch.setattr("genolab.data.dataset._BYTES_AT_ONCE", 1 << 22)
    windows = gl.sequences.windows(file, 2000, strands="both")
    dataset = gl.data.AnnDataset(windows, "genome/sequence")
    tracemalloc.start()
    bases = sum(batch.x.shape[0] * batch.x.shape[2] for batch in dataset.batches(64, seed=0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bases == 2 * 20_000_000
    assert peak < 30e6


def test_long_windows_are_held_in_smaller_numbers(tmp_path):
    file = tmp_path / "long.fa"
    file.write_text(f">a\n{'ACGT' * 200_000}\n")
    dataset = gl.data.AnnDataset(gl.sequences.windows(file, 100_000, step=1000), "genome/sequence")
    assert dataset._chunks_at_once() == (1 << 27) // (32 * 400_000)
    assert sorted(row for batch in dataset.batches(8, seed=0) for row in batch.rows.tolist()) == list(
        range(len(dataset))
    )

"""SequenceTagger: what it learns and refuses, both strands and all frames the same, and chromosomes in windows."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

import genolab as gl
from genolab.data import AnnDataset
from genolab.genes import SequenceTagger
from genolab.genes.tagging import cut
from genolab.sequences import TAGS
from genolab.sequences.annotation import SWAP

SWAPPED = torch.from_numpy(SWAP.astype(np.int64))


def small(**options) -> SequenceTagger:
    """Return a tagger whose GRU has a long memory: its initial weights forget within a few places."""
    tagger = SequenceTagger(**{"channels": 8, "n_hidden": 8} | options)
    with torch.no_grad():
        for name, value in tagger.named_parameters():
            value.mul_(3 if name.startswith(("gru", "from_local")) else 1)
    return tagger.eval()


def letters(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), size=length))


def bases(length: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(gl.sequences.one_hot(letters(length, seed)))


def repeats(n: int = 48, length: int = 540) -> AnnDataset:
    """Return random sequences with a stretch of GAA repeats: coding on the + strand; or TTC: coding on the - strand."""
    random = np.random.default_rng(0)
    text, tags = [], np.zeros((n, length), dtype=np.uint8)
    for row in range(n):
        bare = random.choice(list("ACGT"), size=length)
        start = int(random.integers(60, 240))
        word, first, step = ("GAA", 1, 1) if row % 2 else ("TTC", 6, -1)
        bare[start : start + 180] = list(word * 60)
        tags[row, start : start + 180] = np.tile(np.arange(first, first + 3 * step, step), 60)
        text.append("".join(bare))
    adata = ad.AnnData(obs=pd.DataFrame(index=list(map(str, range(n)))))
    adata.obsm["sequence"], adata.obsm["tags"] = gl.sequences.one_hot(text), tags
    return AnnDataset(adata, "obsm/sequence", target="obsm/tags")


def config(**options) -> gl.RunConfig:
    return gl.RunConfig(**{"epochs": 12, "batch_size": 8, "learning_rate": 1e-2, "threads": 1} | options)


def test_every_base_gets_a_score_for_every_tag_whatever_the_length() -> None:
    for length in (1, 26, 27, 100):
        assert small().logits(bases(length)).shape == (1, len(TAGS), length)


def test_a_sequence_and_its_reverse_complement_get_the_same_tags() -> None:
    x = bases(270)
    there, back = small().logits(x), small().logits(x.flip(1, 2))
    assert torch.allclose(there, back.flip(2)[:, SWAPPED], atol=1e-5)


def test_a_sequence_moved_by_a_whole_place_gets_the_same_tags_moved() -> None:
    text = letters(1620)
    model = SequenceTagger(channels=8, n_hidden=8).eval()  # its memory fades fast
    whole = model.logits(torch.from_numpy(gl.sequences.one_hot(text)))
    part = model.logits(torch.from_numpy(gl.sequences.one_hot(text[27:])))
    assert torch.allclose(whole[:, :, 810:837], part[:, :, 783:810], atol=1e-3)


def test_it_learns_coding_stretches_on_both_strands_and_their_frames() -> None:
    data = repeats(32, 432)
    model = SequenceTagger(channels=8, n_hidden=8, seed=0)
    run = gl.Run(model, data, data, config(epochs=8, batch_size=4, learning_rate=2e-2))
    run.start().wait()
    assert run.epochs[-1].valid["accuracy"] > 0.97
    assert run.epochs[-1].valid["loss"] < run.epochs[0].valid["loss"] / 3


def test_the_same_seed_gives_the_same_model_bit_for_bit() -> None:
    histories = []
    for _ in range(2):
        run = gl.Run(SequenceTagger(channels=8, n_hidden=8, dropout=0.1, seed=3), repeats(8), None, config(epochs=2))
        run.start().wait()
        histories.append(run.epochs[-1].train)
    assert histories[0] == histories[1]


def test_probabilities_add_up_to_one_and_the_embedding_has_a_row_a_sequence() -> None:
    data = repeats(6)
    found = gl.infer.predict(small(), data)
    assert found.shape == (6, len(TAGS), 540)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert gl.infer.embed(small(), data).shape == (6, 8)


@pytest.mark.parametrize(("length", "window"), [(400, 27), (1000, 108), (1080, 540), (1107, 540), (1107, 1000)])
def test_a_sequence_tagged_in_windows_is_as_if_tagged_at_once(length: int, window: int) -> None:
    model, text = small(), letters(length)
    with torch.no_grad():
        whole = model.logits(torch.from_numpy(gl.sequences.one_hot(text))).softmax(dim=1)[0].T.numpy()
    stitched = gl.genes.tag(model, text, window=window)
    assert stitched.shape == (length, len(TAGS))
    np.testing.assert_allclose(stitched, whole, atol=1e-6)


def test_the_context_reaches_across_windows() -> None:
    model, text = small(), letters(2700)
    other = "A" * 270 + text[270:]
    far = slice(351, 600)  # beyond what the convolutions see of the change, in other windows
    change = np.abs(gl.genes.tag(model, text, window=108)[far] - gl.genes.tag(model, other, window=108)[far])
    assert model.reach < 351 - 270
    assert change.max() > 1e-5  # ten times what stitching may change


def test_a_chromosome_is_tagged_by_its_name_and_place() -> None:
    genome = gl.data.fetch("yeast_genome")
    found = gl.genes.tag(small(), genome, chromosome="chrI", start=5000, end=5500)
    text = gl.sequences.chromosome(genome, "chrI", 5000, 5500)
    np.testing.assert_array_equal(found, gl.genes.tag(small(), text))


def test_the_model_is_given_back_as_it_was() -> None:
    model = SequenceTagger(channels=8, n_hidden=8).train()
    gl.genes.tag(model, letters(300))
    assert model.training
    assert all(p.requires_grad for p in model.parameters())


def test_windows_cover_every_base_once() -> None:
    for length in (1, 26, 270, 1000):
        kept = [range(one.keep_start, one.keep_end) for one in cut(length, 270, 54)]
        assert [base for some in kept for base in some] == list(range(length))


def test_what_cannot_be_tagged_is_refused_with_the_remedy() -> None:
    model = small()
    with pytest.raises(ValueError, match="overlap=27"):
        gl.genes.tag(model, letters(300), overlap=27)
    with pytest.raises(ValueError, match="window=20"):
        gl.genes.tag(model, letters(300), window=20)
    with pytest.raises(ValueError, match="one chromosome is tagged at a time"):
        gl.genes.tag(model, gl.data.fetch("yeast_genome"))
    with pytest.raises(ValueError, match="'J'"):
        gl.genes.tag(model, "ACGTJ")
    with pytest.raises(ValueError, match="one-hot bases"):
        model.logits(torch.zeros(2, 5, 30))


def test_a_dataset_without_tags_is_refused_before_training() -> None:
    data = repeats(4)
    bare = AnnDataset(data.adata, "obsm/sequence")
    with pytest.raises(ValueError, match="got no target: pass target="):
        gl.Run(small(), bare, None, config())
    data.adata.obsm["tags"] = np.full((4, 540), 11, dtype=np.uint8)
    with pytest.raises(ValueError, match="11 tags"):
        gl.Run(small(), AnnDataset(data.adata, "obsm/sequence", target="obsm/tags"), None, config())


def test_sizes_that_make_no_network_are_refused() -> None:
    with pytest.raises(ValueError, match="channels=0"):
        SequenceTagger(channels=0)
    with pytest.raises(ValueError, match="dropout"):
        SequenceTagger(dropout=2)

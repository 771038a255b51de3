"""check_split: what two parts share is found, counted and named, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import genolab as gl


def part(matrix, slot="X", **obs):
    names = [f"r{number}" for number in range(len(matrix))]
    obs = pd.DataFrame(obs, index=names)
    adata = AnnData(obs=obs, obsm={"sequence": matrix}) if slot != "X" else AnnData(sparse.csr_matrix(matrix), obs=obs)
    return gl.data.AnnDataset(adata, slot)


@pytest.fixture(scope="module")
def counts():
    """300 cells of three types, 400 genes."""
    return gl.data.simulate_cells(300, 400, depth=3000, seed=0).X.toarray()


def test_planted_duplicates_near_duplicates_and_groups_are_found_and_named(counts):
    random = np.random.default_rng(0)
    near = np.rint(counts[7] * random.uniform(0.9, 1.1, counts.shape[1]))
    test = np.vstack([counts[200:250], counts[3], near])
    train = part(counts[:200].astype(np.float32), donor=["a", "b"] * 100)
    check = gl.evaluate.check_split(train, part(test, donor=["b"] * 10 + ["c"] * 41 + [None]), by="donor")
    row = check.table.iloc[0]
    assert row[["duplicates", "near_duplicates", "shared_donor", "rows_in_shared_donor"]].tolist() == [1, 1, 1, 10]
    assert check.pairs[["row", "other_row"]].to_numpy().tolist() == [["r3", "r50"], ["r7", "r51"]]
    assert check.pairs["similarity"][0] == 1 > check.pairs["similarity"][1] > 0.99
    assert not check.is_clean
    assert (
        repr(check)
        .splitlines()[1]
        .startswith("- 52 rows of test beside train: 1 duplicate; 1 near-duplicate (at least 0.95 alike;")
    )
    assert "10 rows of 1 shared donor" in repr(check)


def test_cells_of_one_type_are_no_near_duplicates(counts):
    cells = part(counts)
    check = gl.evaluate.check_split(*gl.data.split(cells, seed=0))
    assert check.is_clean
    assert check.table[["part", "other"]].to_numpy().tolist() == [
        ["train", "valid"], ["train", "test"], ["valid", "test"]
    ]  # fmt: skip
    assert repr(check).startswith("No leak was found.")


@pytest.mark.parametrize(("mismatches", "near"), [(3, 1), (4, 0)])
@pytest.mark.parametrize("length", [60, 20])
def test_sequences_are_as_similar_as_the_share_of_positions_where_they_agree(mismatches, near, length):
    codes = np.random.default_rng(1).integers(4, size=(50, length))
    one_hot = np.eye(4, dtype=np.uint8)[codes].transpose(0, 2, 1)
    copy = codes[:1].copy()
    copy[0, :mismatches] = (copy[0, :mismatches] + 1) % 4
    other = np.eye(4, dtype=np.uint8)[copy].transpose(0, 2, 1)
    check = gl.evaluate.check_split(
        part(one_hot, "obsm/sequence"), part(other, "obsm/sequence"), similarity=1 - 3 / length
    )
    assert check.table["near_duplicates"].tolist() == [near]
    assert check.table["nearest"][0] == pytest.approx(1 - mismatches / length)


def test_numbers_of_any_kind_are_compared_by_what_they_have_apart_from_all_others(counts):
    values = np.log1p(counts).astype(np.float32)
    values[5, 3] = np.nan  # a course with a point that is missing
    train, test = part(values[:200] + 5), part(np.vstack([values[200:], values[8:9] * 1.001]) + 5)
    check = gl.evaluate.check_split(train, test, similarity=0.9)
    assert check.pairs[["row", "other_row"]].to_numpy().tolist() == [["r8", "r100"]]
    assert gl.evaluate.check_split(train, test, similarity=None).is_clean


def test_a_split_has_two_or_three_parts(counts):
    with pytest.raises(ValueError, match=r"2 parts \(train, test\) or 3"):
        gl.evaluate.check_split(part(counts))
    with pytest.raises(KeyError, match="obs of train has no column 'batch'"):
        gl.evaluate.check_split(part(counts), part(counts), by="batch")

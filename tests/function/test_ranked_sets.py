"""Sets of genes at one end of a ranking."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import stats

import genolab as gl

EIGHT = pd.Series(range(8), index=list("abcdefgh"))


def test_the_area_is_how_often_a_gene_of_the_set_ranks_above_another():
    sets = {"low": "abc", "high": "gfh", "between": "adeh"}
    table = gl.function.enrich_ranked(EIGHT, sets, names={"high": "a name"}, sizes=(3, 5)).set_index("term")
    assert table["auc"].to_dict() == {"high": 1.0, "low": 0.0, "between": 0.5}
    assert table["size"].to_dict() == {"high": 3, "low": 3, "between": 4}
    assert table["name"]["high"] == "a name"
    # U is 15 of 15 pairs, 7.5 from its mean, with a variance of 3 * 5 * 9 / 12
    assert table["p"]["high"] == pytest.approx(2 * stats.norm.sf((7.5 - 0.5) / np.sqrt(11.25)))
    assert table["p"]["between"] == 1
    assert table.attrs == {"n_genes": 8, "n_tested": 3}


def test_leading_genes_come_from_the_end_to_which_a_set_leans():
    sets = {"low": "cabh", "high": "hgfa"}
    table = gl.function.enrich_ranked(EIGHT, sets, sizes=(3, 5)).set_index("term")["genes"]
    assert table["low"] == ["a", "b", "c"]
    assert table["high"] == ["h", "g", "f"]


@pytest.mark.parametrize("levels", [1_000_000, 7], ids=["no ties", "many ties"])
def test_p_is_that_of_scipy_and_q_is_adjusted_over_all(levels):
    random = np.random.default_rng(0)
    scores = pd.Series(random.integers(levels, size=200), index=[f"g{i:03d}" for i in range(200)])
    sets = {f"s{i}": random.choice(scores.index, 5 + i, replace=False) for i in range(40)}
    sets["all"] = list(scores.index)  # nothing is left to compare it with
    table = gl.function.enrich_ranked(scores, sets, sizes=(5, 1000)).set_index("term").loc[list(sets)[:-1]]
    for term, row in table.iterrows():
        inside = scores.index.isin(sets[term])
        exact = stats.mannwhitneyu(scores[inside], scores[~inside], method="asymptotic")
        assert row["p"] == pytest.approx(exact.pvalue)
        assert row["auc"] == pytest.approx(exact.statistic / (inside.sum() * (~inside).sum()))
    assert table["q"].tolist() == pytest.approx(stats.false_discovery_control(table["p"]).tolist())


def test_rows_of_a_latent_direction_are_taken_by_gene():
    genes = AnnData(obs=pd.DataFrame({"gene": list("aabcdefgh")}, index=list("123456789")))
    genes.obsm["X_z"] = np.array([[-1.0], [1], [1], [2], [3], [4], [5], [6], [7]])
    by_row = gl.function.enrich_ranked(
        genes.obsm["X_z"][:, 0], {"s": "abc", "t": "defgh"}, background=genes, sizes=(3, 5)
    )
    pd.testing.assert_frame_equal(by_row, gl.function.enrich_ranked(EIGHT, {"s": "abc", "t": "defgh"}, sizes=(3, 5)))


def test_turning_the_ranking_round_turns_the_areas_round():
    sets = {"s": "abd", "t": "cefgh"}
    there, back = (gl.function.enrich_ranked(one, sets, sizes=(3, 5)).set_index("term") for one in (EIGHT, -EIGHT))
    assert (there["auc"] + back["auc"]).tolist() == [1, 1]
    assert there["p"].tolist() == back["p"].tolist()
    assert there["genes"].to_dict() == back["genes"].to_dict()


def test_genes_that_are_in_no_set_are_not_ranked():
    more = pd.concat([EIGHT, pd.Series([3.5, 9], index=["u", "v"])])
    sets = {"s": "abc", "t": "defgh"}
    few, many = (gl.function.enrich_ranked(one, sets, sizes=(3, 5)) for one in (EIGHT, more))
    pd.testing.assert_frame_equal(few, many)


def test_false_discoveries_are_held_on_random_rankings():
    random = np.random.default_rng(0)
    genes = [f"g{i}" for i in range(300)]
    sets = {f"s{i}": random.choice(genes, 20, replace=False) for i in range(60)}
    rankings = [pd.Series(random.normal(size=300), index=genes) for _ in range(40)]
    assert np.mean([(gl.function.enrich_ranked(one, sets)["q"] < 0.05).any() for one in rankings]) <= 0.1


def test_wrong_input_is_refused():
    sets = {"s": "abc"}
    with pytest.raises(TypeError, match="names of their genes"):
        gl.function.enrich_ranked([1.0, 2.0], sets)
    with pytest.raises(ValueError, match=r"one number a row.*8 rows, got \(2,\)"):
        gl.function.enrich_ranked([1.0, 2.0], sets, background=EIGHT.index)
    with pytest.raises(ValueError, match=r"1 of 8 aren't.*dropna"):
        gl.function.enrich_ranked(EIGHT.where(EIGHT > 0), sets)
    with pytest.raises(ValueError, match="nothing to rank"):
        gl.function.enrich_ranked(EIGHT * 0, sets)
    with pytest.raises(ValueError, match="names of the same kind"):
        gl.function.enrich_ranked(EIGHT, {"s": ["x", "y"]})
    with pytest.raises(ValueError, match="no set has 4 to 5"):
        gl.function.enrich_ranked(EIGHT, sets | {"t": "def"}, sizes=(4, 9))

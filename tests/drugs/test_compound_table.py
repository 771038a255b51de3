"""The table of compounds without a browser: its order, its filter, its picks, and what goes back into the table."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from toy_browser import send, synced

from genolab.drugs import CompoundTable
from genolab.drugs.compound_table.rows import NO_VALUE, drawn, matches
from genolab.widgets import LatentExplorer


@pytest.fixture
def ranked():
    return pd.DataFrame(
        {
            "name": ["a<b>", "beta", "gamma", "delta"],
            "canonical": ["CCO", "c1ccccc1", "CCN", "C1CC"],
            "score": [7.0, np.nan, 9.0, 8.0],
            "similarity": [0.9, 0.2, 0.4, 0.3],
            "pick": [0, 0, 2, 1],
        },
        index=list("wxyz"),
    )


def labels(table):
    return [row["label"] for row in synced(table, "_view")["rows"]]


def test_rows_are_sorted_with_what_is_unknown_last(ranked):
    table = CompoundTable(ranked)
    assert labels(table) == ["a<b>", "beta", "gamma", "delta"]
    table.sort = "score"
    assert labels(table) == ["a<b>", "delta", "gamma", "beta"]
    table.ascending = False
    assert labels(table) == ["gamma", "delta", "a<b>", "beta"]
    assert list(table.shown.index) == ["y", "z", "w", "x"]
    with pytest.raises(KeyError, match="no column 'price'; it has name, canonical, score"):
        table.sort = "price"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "wxyz"),
        ("BETA", "x"),
        ("score > 7", "yz"),
        ("score >= 7, similarity<0.35", "z"),
        ("name = gamma", "y"),
        ("c1cc", "xz"),
    ],
)
def test_a_query_is_words_and_comparisons(ranked, query, found):
    assert "".join(ranked.index[matches(ranked, query)]) == found


def test_a_query_that_cannot_be_read_is_refused_and_the_last_one_kept(ranked):
    table = CompoundTable(ranked)
    table.query = "score > 8"
    for query, error, reason in (
        ("price < 3", KeyError, "no column 'price'"),
        ("score > much", ValueError, "'score' holds numbers, and 'much' is none"),
        ("name > b", ValueError, "'name' holds text, which is compared by ="),
    ):
        with pytest.raises(error, match=reason):
            table.query = query
    assert (table.query, labels(table)) == ("score > 8", ["gamma"])


def test_picks_come_from_the_column_and_go_back_only_when_saved(ranked):
    before = ranked.copy()
    table = CompoundTable(ranked)
    assert table.picks == ["z", "y"]
    send(table, "pick", row=0, on=True)
    send(table, "pick", row=3, on=False)
    assert (table.picks, table.n_picked) == (["y", "w"], 2)
    pd.testing.assert_frame_equal(ranked, before)
    table.save_picks()
    assert ranked["pick"].tolist() == [2, 0, 1, 0]
    assert list(table.picked["name"]) == ["gamma", "a<b>"]
    with pytest.raises(ValueError, match="'score' is taken"):
        table.save_picks("score")
    with pytest.raises(KeyError, match=r"\['v'\] aren't"):
        table.picks = ["w", "v"]


def test_numbers_of_a_column_have_the_same_decimals_and_what_is_unknown_is_said_to_be(ranked):
    ranked["nM"], ranked["p"] = [1200.5, 30.25, 4.0, 7.0], [1e-9, 0.5, 0.25, np.nan]
    ranked.attrs["n_described"] = 2
    view = synced(CompoundTable(ranked, columns=["score", "similarity", "nM", "p"]), "_view")
    columns = [list(cells) for cells in zip(*(row["cells"] for row in view["rows"]), strict=True)]
    assert columns[:2] == [["7", NO_VALUE, "9", "8"], ["0.9000", "0.2000", "0.4000", "0.3000"]]
    assert columns[2:] == [["1200", "30", "4", "7"], ["1e-09", "0.5", "0.25", NO_VALUE]]
    assert view["note"].startswith(f"{NO_VALUE} no value: the best 2 alone were described")


def test_pages_turn_and_stop_at_the_last(ranked):
    table = CompoundTable(ranked, rows=3)
    assert len(labels(table)) == 3
    send(table, "page", first=99)
    assert labels(table) == ["delta"]
    table.query = "gamma"
    assert (labels(table), synced(table, "_view")["first"], synced(table, "_view")["nShown"]) == (["gamma"], 0, 1)


def test_it_is_linked_with_an_explorer_by_names(ranked):
    points = AnnData(obs=pd.DataFrame(index=["gamma", "other", "beta"]))
    points.obsm["X_map"] = np.eye(3)
    explorer = LatentExplorer(points, "X_map")
    table = CompoundTable(ranked, explorer=explorer, key="name")
    table.selected_only = True
    assert labels(table) == []
    explorer.select([True, True, False])
    assert labels(table) == ["gamma"]
    table.picks = ["x", "w"]
    send(table, "explore")
    assert explorer.selection.tolist() == [False, False, True]
    assert table.message == "1 of the picks is not in the explorer."
    with pytest.raises(ValueError, match="shows 3 rows and the table has 4: name the column"):
        CompoundTable(ranked, explorer=explorer)


def test_the_card_draws_a_molecule_and_tells_why_it_cannot(ranked):
    card = drawn(ranked, 0)
    assert card[0]["source"].startswith("data:image/svg+xml")
    assert {"kind": "text", "text": "name: a<b>"} in card
    assert "unclosed ring" in drawn(ranked, 3)[0]["text"]


def test_compounds_of_an_anndata_are_its_obs_and_a_still_picture_is_kept(ranked):
    adata = AnnData(obs=ranked.drop(columns="pick"))
    table = CompoundTable(adata)
    table.picks = ["y"]
    table.save_picks()
    assert adata.obs["pick"].tolist() == [0, 0, 1, 0]
    assert table._repr_mimebundle_()[0]["image/png"]
    assert str(table) == "CompoundTable: 4 of 4 compounds shown, 1 picked"
    with pytest.raises(ValueError, match="at least one row"):
        CompoundTable(ranked.head(0))


def test_a_column_of_text_is_never_written_over_and_labels_must_be_unique(ranked):
    ranked["pick"] = ["ours", "", "", ""]
    table = CompoundTable(ranked)
    with pytest.raises(ValueError, match="'pick' is taken"):
        table.save_picks()
    assert ranked["pick"].tolist() == ["ours", "", "", ""]
    twice = CompoundTable(pd.concat([ranked, ranked]))
    with pytest.raises(ValueError, match="must be unique"):
        twice.picks = ["w"]
    with pytest.raises(ValueError, match="columns are named by texts"):
        CompoundTable(ranked.rename(columns={"score": 0}))

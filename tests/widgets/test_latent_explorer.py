import base64
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from scipy.sparse import csc_matrix, csr_matrix
from toy_browser import query, send, synced

from genolab import palette
from genolab.widgets import LatentExplorer
from genolab.widgets.latent.colours import colour_by
from genolab.widgets.shared.name_search import NameSearch


def cells(n: int = 6, *, genes: tuple[str, ...] = ("CD3D", "CD19", "LYZ")) -> AnnData:
    """A toy: the i-th cell lies at (i, 2 i, -i), is of type a, b, a, b ..., and has i, 0, 1 counts."""
    number = np.arange(n, dtype=np.float32)
    counts = np.stack([number, 0 * number, 0 * number + 1], axis=1)[:, : len(genes)]
    obs = pd.DataFrame({"type": ["ab"[i % 2] for i in range(n)], "depth": number * 1.5})
    obs.index = [f"cell{i}" for i in range(n)]
    adata = AnnData(counts, obs=obs, var=pd.DataFrame(index=list(genes)))
    adata.obsm["X_vae"] = np.stack([number, 2 * number, -number], axis=1)
    return adata


def sent_points(explorer: LatentExplorer) -> np.ndarray:
    return np.frombuffer(synced(explorer, "_points"), dtype=np.float32).reshape(-1, 2) + np.array(
        synced(explorer, "_frame")["offset"]
    )


def select_in_browser(explorer: LatentExplorer, mask: list[bool]) -> None:
    send(explorer, "select", memoryview(np.packbits(np.array(mask), bitorder="little").tobytes()))


# ---- what is shown ----


def test_the_points_are_the_two_strongest_directions_unless_others_are_asked_for():
    explorer = LatentExplorer(cells(), "X_vae")
    assert explorer.dims == ("PC1", "PC2")
    along = 6**0.5 * (np.arange(6) - 2.5)  # on the line (1, 2, -1), and beside it nothing
    np.testing.assert_allclose(sent_points(explorer), np.stack([along, 0 * along], axis=1), rtol=1e-6)
    assert synced(explorer, "_frame")["titles"] == ("PC 1 of X_vae (100 %)", "PC 2 of X_vae (0 %)")
    assert [text for _, text in synced(explorer, "_frame")["axes"]] == [
        *("PC 1 (100 %)", "PC 2 (0 %)", "PC 3 (0 %)", "dim 1 (17 %)", "dim 2 (67 %)", "dim 3 (17 %)")
    ]
    explorer.dims = (2, "PC1")
    np.testing.assert_allclose(sent_points(explorer), np.stack([-np.arange(6), along], axis=1), rtol=1e-6)
    explorer.dims = (2, 0)
    np.testing.assert_array_equal(sent_points(explorer), [[-i, i] for i in range(6)])
    assert synced(explorer, "_frame")["titles"] == ("X_vae 3", "X_vae 1")


def test_the_first_view_separates_types_that_the_first_two_dimensions_hide():
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 2000)
    latent = random.normal(size=(2000, 10))
    latent[:, 4:6] += 6 * np.eye(3)[kind] @ [[1, 0], [0, 1], [-1, -1]]
    adata = AnnData(obsm={"X_vae": latent})
    explorer = LatentExplorer(adata, "X_vae")

    def accuracy(points: np.ndarray) -> float:
        return cross_val_score(KNeighborsClassifier(15), points, kind).mean()

    assert accuracy(sent_points(explorer)) >= 0.98
    assert accuracy(latent[:, :2]) < 0.5


def test_a_frame_of_a_run_is_turned_to_lie_as_the_one_before():
    random = np.random.default_rng(0)
    latent = random.normal(size=(200, 5)) * [3, 2.9, 1, 1, 1]
    explorer = LatentExplorer(AnnData(np.zeros((200, 1), np.float32)), None)
    explorer._show_embedding(latent, "epoch 1", False)
    before = sent_points(explorer)
    explorer._show_embedding(latent * [-0.97, 1.03, 1, 1, 1], "epoch 2", False)  # another order, another sign
    drift = np.abs(sent_points(explorer) - before).max()
    assert drift < 0.05 * np.abs(before).max()
    assert synced(explorer, "_frame")["titles"][0].startswith("PC 1 of latent, turned (4")
    np.testing.assert_allclose(explorer.coordinates, latent * [-0.97, 1.03, 1, 1, 1])


def test_far_away_coordinates_keep_their_digits():
    adata = cells()
    adata.obsm["X_vae"] = np.arange(12, dtype=np.float64).reshape(6, 2) * 1e-3 + 1e6
    explorer = LatentExplorer(adata, "X_vae")
    np.testing.assert_allclose(sent_points(explorer), adata.obsm["X_vae"], atol=1e-8)


def test_a_basis_may_be_a_data_frame_or_sparse():
    adata = cells()
    adata.obsm["frame"] = pd.DataFrame(adata.obsm["X_vae"], index=adata.obs_names, columns=list("xyz"))
    adata.obsm["sparse"] = csr_matrix(adata.obsm["X_vae"])
    for basis in ("frame", "sparse"):
        np.testing.assert_array_equal(LatentExplorer(adata, basis).coordinates, adata.obsm["X_vae"])


def test_a_change_of_basis_goes_back_to_the_first_dimensions_where_it_has_fewer():
    adata = cells()
    adata.obsm["X_flat"] = adata.obsm["X_vae"][:, :2]
    explorer = LatentExplorer(adata, "X_vae")
    explorer.dims = (1, 2)
    explorer.basis = "X_flat"
    assert explorer.dims == (0, 1)
    assert synced(explorer, "_frame")["axes"] == []
    explorer.basis = "X_vae"
    assert explorer.dims == ("PC1", "PC2")


def test_no_basis_is_an_empty_picture():
    explorer = LatentExplorer(cells(), "X_vae")
    explorer.basis = None
    assert (synced(explorer, "_points"), explorer.coordinates, explorer.png()) == (b"", None, b"")
    assert "image/png" not in explorer._repr_mimebundle_()[0]


def test_one_cell_works():
    explorer = LatentExplorer(cells(1), "X_vae", color="type")
    explorer.selection = np.array([True])
    assert explorer.n_selected == 1
    assert explorer.png().startswith(b"\x89PNG")


def test_duplicate_cell_and_gene_names_work():
    adata = cells(genes=("CD3D", "CD3D", "LYZ"))
    adata.obs_names = ["same"] * 6
    explorer = LatentExplorer(adata, "X_vae", color="CD3D")
    assert [query(explorer, "hover", row=row)["value"] for row in range(6)] == list(range(6))
    explorer.select(adata.obs["type"] == "b")
    assert explorer.selection.tolist() == [False, True] * 3


# ---- what is refused ----


def test_a_missing_basis_names_those_there_are():
    with pytest.raises(KeyError, match=r"'X_vea' is not in obsm of this AnnData; obsm has \['X_vae'\]"):
        LatentExplorer(cells(), "X_vea")


def test_coordinates_that_are_no_numbers_name_the_rows():
    adata = cells()
    adata.obsm["X_vae"][[1, 4], 2] = np.nan
    with pytest.raises(ValueError, match=r"in 2 of 6 rows \(the first: 'cell1', 'cell4'\): leave them out"):
        LatentExplorer(adata, "X_vae")


@pytest.mark.parametrize("shape", [(6, 1), (6, 4, 2)])
def test_coordinates_of_another_shape_are_refused(shape):
    adata = cells()
    adata.obsm["odd"] = np.zeros(shape)
    with pytest.raises(ValueError, match=r"obsm\['odd'\] has shape"):
        LatentExplorer(adata, "odd")


def test_an_unknown_colour_names_the_nearest_and_changes_nothing():
    explorer = LatentExplorer(cells(), "X_vae", color="type")
    with pytest.raises(KeyError, match=r"'CD3' is neither a column of obs nor a gene .*Did you mean 'CD3D'"):
        explorer.color = "CD3"
    assert explorer.color == "type"
    assert synced(explorer, "_legend")["labels"] == ("a", "b")
    assert query(explorer, "hover", row=1)["value"] == "b"


def test_an_empty_anndata_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        LatentExplorer(cells()[:0].copy(), "X_vae")


def test_a_missing_layer_names_those_there_are():
    adata = cells()
    adata.layers["counts"] = adata.X
    with pytest.raises(KeyError, match=r"'layers/count' is not in this AnnData; layers has \['counts'\]"):
        LatentExplorer(adata, "X_vae", color="LYZ", layer="count")


def test_a_missing_layer_is_refused_before_a_gene_is_chosen():
    with pytest.raises(KeyError, match="'layers/counts' is not in this AnnData"):
        LatentExplorer(cells(), "X_vae", layer="counts")


@pytest.mark.parametrize("dims", [(0, 3), (1, 1), (-1, 0), ("PC1", "PC4"), (0, "x")])
def test_dims_that_are_not_there_are_refused(dims):
    explorer = LatentExplorer(cells(), "X_vae")
    with pytest.raises(ValueError, match='counted from 0 to 2, or of "PC1" to "PC3"; got'):
        explorer.dims = dims
    assert explorer.dims == ("PC1", "PC2")


@pytest.mark.parametrize("mask", [[True, False], np.arange(6), np.ones((6, 1), dtype=bool), ["yes"] * 6])
def test_a_mask_of_another_kind_is_refused_and_the_selection_stays(mask):
    explorer = LatentExplorer(cells(), "X_vae")
    explorer.selection = [True] + 5 * [False]
    with pytest.raises(ValueError, match="one true or false a row"):
        explorer.selection = mask
    assert explorer.n_selected == 1


def test_a_series_in_another_order_of_rows_is_refused():
    adata = cells()
    with pytest.raises(ValueError, match="reindex"):
        LatentExplorer(adata, "X_vae").select((adata.obs["type"] == "a").iloc[::-1])


def test_an_anndata_that_has_lost_rows_asks_for_a_new_explorer():
    adata = cells()
    explorer = LatentExplorer(adata, "X_vae")
    adata._inplace_subset_obs(np.arange(4))
    with pytest.raises(ValueError, match=r"has 4 rows, and had 6 .* make a new explorer"):
        explorer.save_selection("chosen")


# ---- colours ----


def test_text_becomes_categories_with_their_counts():
    colouring = colour_by(cells(5), "type")
    assert (colouring.labels, colouring.counts, colouring.codes.tolist()) == (("a", "b"), (3, 2), [0, 1, 0, 1, 0])
    assert colouring.legend()["colours"] == palette.OKABE_ITO[:2]


def test_labels_are_in_the_order_of_their_numbers_and_categories_in_their_own():
    adata = cells()
    adata.obs["leiden"] = ["10", "9", "1", "b10", "b2", "1"]
    assert colour_by(adata, "leiden").labels == ("1", "9", "10", "b2", "b10")
    adata.obs["leiden"] = pd.Categorical(adata.obs["leiden"], categories=["b10", "b2", "10", "9", "1"])
    assert colour_by(adata, "leiden").labels == ("b10", "b2", "10", "9", "1")
    adata.obs["few"] = [10, 2, 1, 2, -1, 2]
    assert colour_by(adata, "few").labels == ("-1", "1", "2", "10")
    adata.obs["flag"] = [True, False] * 3
    assert colour_by(adata, "flag").labels == ("False", "True")


def test_missing_values_are_none_and_not_a_category():
    adata = cells()
    adata.obs.loc["cell2", "type"] = np.nan
    colouring = colour_by(adata, "type")
    assert (colouring.n_missing, colouring.codes[2], colouring.missing, colouring.value(2)) == (1, 255, 255, None)
    assert colouring.counts == (2, 3)


def test_an_empty_category_is_kept_with_no_cells():
    adata = cells()
    adata.obs["type"] = pd.Categorical(adata.obs["type"], categories=["z", "b", "a"])
    colouring = colour_by(adata, "type")
    assert (colouring.labels, colouring.counts) == (("z", "b", "a"), (0, 3, 3))


@pytest.mark.parametrize(("n", "width"), [(200, np.uint8), (255, np.uint16), (300, np.uint16)])
def test_many_categories_get_codes_wide_enough(n, width):
    adata = cells(n)
    adata.obs["many"] = [f"type {i:03d}" for i in range(n)]
    colouring = colour_by(adata, "many")
    assert colouring.codes.dtype == width
    assert colouring.codes.tolist() == list(range(n))
    assert colouring.n_missing == 0


def test_a_column_that_names_rows_is_refused():
    adata = cells(1001)
    adata.obs["barcode"] = adata.obs_names
    with pytest.raises(ValueError, match=r"at most 1,000 categories; obs\['barcode'\] has 1,001"):
        colour_by(adata, "barcode")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(6) % 3, "categories"),
        (np.arange(6) % 3 * 0.5, "numbers"),
        (np.array([True, False] * 3), "categories"),
        (pd.array([1, 2, None, 1, 2, 1], dtype="Int64"), "categories"),
        (pd.array([0.5, None, 1, 2, 3, 4], dtype="Float64"), "numbers"),
        (pd.array([True, None] * 3, dtype="boolean"), "categories"),
        (pd.date_range("2024-01-01", periods=6), "categories"),
    ],
)
def test_the_kind_of_a_column_decides_how_it_is_coloured(values, kind):
    adata = cells()
    adata.obs["value"] = values
    assert colour_by(adata, "value").kind == kind


def test_whole_numbers_with_many_values_are_a_scale():
    adata = cells(30)
    adata.obs["n_counts"] = np.arange(30)
    assert colour_by(adata, "n_counts").kind == "numbers"


def test_numbers_are_steps_between_their_ends():
    colouring = colour_by(cells(), "depth")
    assert (colouring.low, colouring.high, colouring.top) == (0.0, 7.5, 7.5)
    np.testing.assert_array_equal(colouring.codes, np.rint(np.arange(6) / 5 * 65534))


def test_numbers_that_are_not_finite_are_none():
    adata = cells()
    adata.obs["depth"] = [0, np.nan, np.inf, -np.inf, 1, 2]
    colouring = colour_by(adata, "depth")
    assert (colouring.n_missing, colouring.low, colouring.high) == (3, 0, 2)
    assert [colouring.value(row) for row in (0, 1, 2)] == [0, None, None]
    adata.obs["depth"] = np.nan
    assert colour_by(adata, "depth").n_missing == 6


def test_a_constant_gets_the_lowest_colour():
    colouring = colour_by(cells(), "CD19")
    assert (colouring.low, colouring.high, set(colouring.codes.tolist())) == (0, 0, {0})


def test_a_few_outliers_do_not_take_up_the_scale():
    adata = cells(1000)
    adata.obs["depth"] = np.r_[np.linspace(0, 1, 999), 100]
    colouring = colour_by(adata, "depth")
    assert colouring.high < 1.01
    assert colouring.top == 100


def test_a_gene_in_few_cells_keeps_its_whole_scale():
    adata = cells(1000)
    adata.obs["depth"] = np.r_[np.zeros(998), 3.0, 4.0]
    assert colour_by(adata, "depth").high == 4


@pytest.mark.parametrize("form", [np.asarray, csr_matrix, csc_matrix])
def test_a_gene_has_the_values_of_its_column_in_any_form(form):
    adata = cells()
    adata.layers["twice"] = form(adata.X * 2)
    adata.X = form(adata.X)
    np.testing.assert_array_equal(colour_by(adata, "CD3D").values, np.arange(6))
    np.testing.assert_array_equal(colour_by(adata, "CD3D", layer="twice").values, 2 * np.arange(6))


def test_without_x_a_gene_needs_a_layer():
    adata = cells()
    adata.layers["counts"], adata.X = adata.X, None
    with pytest.raises(KeyError, match=r"X, which is empty here: pass layer=, one of \['counts'\]"):
        colour_by(adata, "CD3D")


def test_a_column_goes_before_a_gene_of_its_name():
    adata = cells()
    adata.obs["LYZ"] = "column"
    assert colour_by(adata, "LYZ").labels == ("column",)


def test_colour_and_layer_can_be_set_from_python():
    adata = cells()
    adata.layers["twice"] = adata.X * 2
    explorer = LatentExplorer(adata, "X_vae")
    explorer.color = "CD3D"
    assert synced(explorer, "_legend")["high"] == 5
    explorer.layer = "twice"
    assert synced(explorer, "_legend")["high"] == 10
    explorer.color = None
    assert synced(explorer, "_legend")["kind"] == "none"
    assert synced(explorer, "_codes") == b""


def test_refresh_reads_the_anndata_again():
    adata = cells()
    explorer = LatentExplorer(adata, "X_vae", color="type")
    explorer.dims = (0, 1)
    adata.obs["type"] = "all"
    adata.obs["new"] = 1.0
    adata.obsm["X_vae"] = adata.obsm["X_vae"] + 1
    explorer.refresh()
    assert synced(explorer, "_legend")["counts"] == (6,)
    assert sent_points(explorer)[0].tolist() == [1, 1]
    assert "new" in synced(explorer, "_choices")["columns"]


@pytest.mark.parametrize(
    ("rows", "n_vars", "symbols", "called"),
    [
        (None, 3, None, ("cell", "gene")),
        (None, 0, None, ("cell", "")),
        ("clones", 3, ["A", "B", "C"], ("clone", "gene")),
        ("genes", 3, None, ("gene", "variable")),
    ],
)
def test_the_search_is_named_for_what_rows_and_columns_are(rows, n_vars, symbols, called):
    adata = cells()[:, :n_vars].copy()
    if symbols:
        adata.var["symbol"] = symbols
    choices = synced(LatentExplorer(adata, "X_vae", rows=rows), "_choices")
    assert (choices["row"], choices["variable"]) == called


def test_names_are_found_by_any_part_the_likeliest_first():
    names = NameSearch().add("gene", pd.Index(["XCD3", "cd3d", "CD3", "CD3E", "LYZ", "CD3"])).add("cell", ["CD3", "c1"])
    equal = [("CD3", "gene"), ("CD3", "cell")]
    assert names.find("cd3") == [*equal, ("cd3d", "gene"), ("CD3E", "gene"), ("XCD3", "gene")]
    assert names.find("cd3", limit=2) == equal
    assert names.find("  ") == []
    assert names.answer("<b>") == {"names": [], "isEqual": False, "near": []}
    assert names.answer("cd3") == {"names": names.find("cd3"), "isEqual": True, "near": []}
    assert names.answer("lyt") == {"names": [], "isEqual": False, "near": [("LYZ", "gene")]}


def test_a_search_goes_through_30_000_names():
    names = NameSearch().add("gene", pd.Index([f"ENSG{i:011d}" for i in range(30_000)]))
    assert names.find("ensg00000029999") == [("ENSG00000029999", "gene")]
    assert len(names.find("ensg")) == 12


# ---- selection ----


@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000])
def test_a_selection_survives_the_way_as_bits_for_any_number_of_rows(n):
    explorer = LatentExplorer(cells(n), "X_vae")
    mask = np.random.default_rng(n).random(n) < 0.5
    select_in_browser(explorer, mask)
    np.testing.assert_array_equal(explorer.selection, mask)
    assert explorer.n_selected == mask.sum()
    np.testing.assert_array_equal(
        np.unpackbits(np.frombuffer(synced(explorer, "_mask"), np.uint8), count=n, bitorder="little"), mask
    )


def test_the_selection_is_a_mask_that_takes_rows_of_the_anndata():
    adata = cells()
    explorer = LatentExplorer(adata, "X_vae")
    explorer.selection = adata.obs["type"] == "b"
    assert adata[explorer.selection].obs_names.tolist() == ["cell1", "cell3", "cell5"]
    explorer.clear()
    assert explorer.selection.dtype == bool
    assert not explorer.selection.any()


def test_what_selection_returns_is_the_callers_own():
    explorer = LatentExplorer(cells(), "X_vae")
    given = np.ones(6, dtype=bool)
    explorer.selection = given
    given[:] = False
    explorer.selection[:] = False
    assert explorer.n_selected == explorer.selection.sum() == 6


def test_an_observer_follows_the_selection():
    explorer = LatentExplorer(cells(), "X_vae")
    seen = []
    explorer.observe(lambda change: seen.append((change["new"], int(explorer.selection.sum()))), "n_selected")
    select_in_browser(explorer, [True, True] + 4 * [False])
    explorer.clear()
    assert seen == [(2, 2), (0, 0)]


def test_state_that_others_only_read_is_read_only():
    explorer = LatentExplorer(cells(), "X_vae")
    for name, value in {"n_selected": 3, "watching": True, "message": "x"}.items():
        with pytest.raises(Exception, match="read-only"):
            setattr(explorer, name, value)


def test_a_damaged_mask_from_a_browser_is_reported_and_changes_nothing():
    explorer = LatentExplorer(cells(20), "X_vae")
    explorer.selection = np.ones(20, dtype=bool)
    assert "select again" in send(explorer, "select", memoryview(b"\x01")).content["error"]
    assert explorer.n_selected == 20


def test_hidden_categories_are_read_and_set_by_their_labels():
    adata = cells()
    adata.obs.loc["cell0", "type"] = np.nan
    explorer = LatentExplorer(adata, "X_vae", color="type")
    explorer.hidden = ["b", "none"]
    assert explorer.hidden == ("b", "none")
    with pytest.raises(KeyError, match="'q'"):
        explorer.hidden = ["q"]
    explorer.color = "depth"
    assert explorer.hidden == ()


# ---- saving ----


def test_the_anndata_is_only_changed_by_saving():
    adata = cells()
    before = adata.copy()
    explorer = LatentExplorer(adata, "X_vae", color="type")
    explorer.color = "CD3D"
    explorer.selection = adata.obs["type"] == "a"
    explorer.png()
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    assert (sorted(adata.obsm), sorted(adata.uns)) == (["X_vae"], [])
    explorer.save_selection("chosen")
    assert adata.obs["chosen"].tolist() == [True, False] * 3
    assert adata.obs["chosen"].dtype == bool
    assert explorer.message == "Saved 3 of 6 cells as obs['chosen']."


def test_a_saved_column_may_be_saved_again_also_from_a_file(tmp_path):
    from anndata import read_h5ad

    adata = cells()
    explorer = LatentExplorer(adata, "X_vae")
    explorer.save_selection("chosen")
    adata.write_h5ad(tmp_path / "cells.h5ad")
    again = read_h5ad(tmp_path / "cells.h5ad")
    explorer = LatentExplorer(again, "X_vae", color="chosen")
    explorer.selection = np.ones(6, dtype=bool)
    explorer.save_selection("chosen")
    assert again.obs["chosen"].all()
    assert synced(explorer, "_legend")["labels"] == ("True",)


@pytest.mark.parametrize(("name", "text"), [("type", "was not saved from an explorer"), ("  ", "needs a name")])
def test_a_column_from_elsewhere_is_never_written_over(name, text):
    adata = cells()
    before = adata.obs.copy()
    with pytest.raises(ValueError, match=text):
        LatentExplorer(adata, "X_vae").save_selection(name)
    pd.testing.assert_frame_equal(adata.obs, before)


# ---- messages of the browser ----


def test_a_refusal_is_the_reply_to_the_browser_that_asked():
    explorer = LatentExplorer(cells(), "X_vae")
    reply = send(explorer, "color", name="CD3", browser="x", number=7).content
    assert (reply["browser"], reply["number"]) == ("x", 7)
    assert reply["error"] == explorer.message
    assert explorer.message.startswith("'CD3' is neither a column")


def test_the_browser_gets_a_points_name_and_value():
    explorer = LatentExplorer(cells(), "X_vae", color="depth")
    assert query(explorer, "hover", row=2) == {"name": "cell2", "value": 3.0}


def test_columns_genes_and_rows_are_searched_in_python_and_a_row_is_selected():
    explorer = LatentExplorer(cells(), "X_vae")
    assert query(explorer, "find", text="cd")["names"] == [("CD3D", "gene"), ("CD19", "gene")]
    assert query(explorer, "find", text="typ")["names"] == [("type", "column")]
    assert query(explorer, "find", text="cell3") == {"names": [("cell3", "cell")], "isEqual": True, "near": []}
    assert query(explorer, "find", text="type3")["near"] == [("type", "column")]
    assert send(explorer, "row", name="cell3").content["result"] == 3
    assert explorer.selection.tolist() == [False, False, False, True, False, False]
    explorer.save_selection("typo")
    assert query(explorer, "find", text="typo")["isEqual"]


def test_an_error_goes_when_the_next_thing_works_also_from_python():
    explorer = LatentExplorer(cells(), "X_vae", color="type")
    for works in (
        lambda: send(explorer, "hide", codes=[]),
        lambda: explorer.select([True] * 6),
        lambda: setattr(explorer, "hidden", ["a"]),
        explorer.refresh,
        lambda: setattr(explorer, "dims", (0, 1)),
    ):
        send(explorer, "color", name="CD3")
        assert explorer.message.startswith("'CD3' is neither")
        works()
        assert (explorer.message, synced(explorer, "_is_error")) == ("", False)


def test_labels_go_as_they_are_since_the_browser_shows_them_as_text():
    adata = cells()
    adata.obs["type"] = "<img src=x onerror=alert(1)>"
    explorer = LatentExplorer(adata, "X_vae", color="type")
    assert synced(explorer, "_legend")["labels"] == ("<img src=x onerror=alert(1)>",)


# ---- the static picture ----


def picture(explorer: LatentExplorer) -> np.ndarray:
    from io import BytesIO

    from matplotlib.image import imread

    data, _ = explorer._repr_mimebundle_()
    return imread(BytesIO(base64.b64decode(data["image/png"])))


def has_colour(image: np.ndarray, colour: str) -> bool:
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return bool((np.abs(image[:, : int(image.shape[1] * 0.7), :3] - wanted).max(axis=2) < 0.02).any())


def test_the_static_picture_has_the_colours_of_what_is_shown():
    adata = cells(200)
    explorer = LatentExplorer(adata, "X_vae", color="type")
    image = picture(explorer)
    assert image[0, 0, :3].tolist() == [1, 1, 1]
    assert has_colour(image, palette.OKABE_ITO[0])
    assert has_colour(image, palette.OKABE_ITO[1])
    explorer.hidden = ["b"]
    assert not has_colour(picture(explorer), palette.OKABE_ITO[1])


def test_the_static_picture_fades_what_is_not_selected():
    adata = cells(200)
    explorer = LatentExplorer(adata, "X_vae", color="type")
    explorer.selection = adata.obs["type"] == "b"
    image = picture(explorer)
    assert has_colour(image, palette.OKABE_ITO[1])
    assert not has_colour(image, palette.OKABE_ITO[0])


@pytest.mark.parametrize("color", [None, "type", "depth", "CD19", "odd $x^2 labels$"])
def test_every_kind_of_colouring_has_a_static_picture(color):
    adata = cells(30)
    adata.obs["odd $x^2 labels$"] = [f"$\\frac{{{i}}}$ <b>" for i in range(30)]
    assert picture(LatentExplorer(adata, "X_vae", color=color)).ndim == 3


def test_the_static_picture_leaves_pyplot_alone():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    LatentExplorer(cells(), "X_vae").png()
    assert plt.get_fignums() == before


def test_as_text_it_says_what_is_shown():
    data, _ = LatentExplorer(cells(), "X_vae", color="type")._repr_mimebundle_()
    assert data["text/plain"] == "LatentExplorer: 6 cells in X_vae, coloured by type, 0 selected"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"]


def test_a_saved_page_shows_the_static_picture():
    import nbformat
    from nbconvert import HTMLExporter

    data, metadata = LatentExplorer(cells(), "X_vae", color="type")._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, metadata=metadata, execution_count=1)
    cell = nbformat.v4.new_code_cell("explorer", outputs=[output], execution_count=1)
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert f"data:image/png;base64,{data['image/png'][:60]}" in page


def test_a_notebook_gets_the_widget_and_beside_it_a_picture_for_where_it_is_gone(monkeypatch):
    shown = []
    monkeypatch.setattr("genolab.widgets.shared.base.display", lambda data, **how: shown.append((data, how)))
    LatentExplorer(cells(), None)._ipython_display_()
    waiting, how = shown.pop()
    assert "image/png" not in waiting
    assert "LatentExplorer: 6 cells, 0 selected" in waiting["text/html"]
    assert how["display_id"]  # by which the picture comes when there is one
    shown.clear()
    adata = cells()
    adata.obsm["<script>"] = adata.obsm["X_vae"]
    explorer = LatentExplorer(adata, "<script>")
    explorer._ipython_display_()
    (live, _), (picture, how) = shown
    assert live["text/html"] == ""  # a page without widgets shows the picture alone
    assert how["display_id"] == explorer._view_id
    assert picture["image/png"] in picture["text/html"]
    assert "<script>" not in picture["text/html"]


def test_a_message_is_always_replied_to_since_silence_means_a_kernel_that_is_gone(monkeypatch):
    explorer = LatentExplorer(cells(), "X_vae")
    monkeypatch.setattr(explorer, "_handle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert query(explorer, "ping") is None
    assert query(explorer, "hover", row=1) == "interrupted"


def test_the_static_pictures_scale_is_viridis():
    from matplotlib import colormaps

    from genolab.widgets.latent.static import _scale

    wanted = colormaps["viridis"](np.linspace(0, 1, 64))[:, :3] * 255
    np.testing.assert_allclose(_scale(64), wanted, atol=8)  # the palette has 16 stops


# ---- watching a run ----


class Shift(torch.nn.Module):
    """Puts a cell with counts (i, 0, 1) at (i + shift, 1 + shift)."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(()))

    def embed(self, batch):
        return batch.x[:, [0, 2]] + self.shift


@dataclass
class FakeRun:
    """Emits what a run emits, in the same order."""

    train: object
    model: Shift = field(default_factory=Shift)
    epochs: list = field(default_factory=list)
    listeners: list = field(default_factory=list)
    state: str = "ready"

    @property
    def status(self):
        return SimpleNamespace(state=self.state, epoch=len(self.epochs), epochs=9, step=10 * len(self.epochs))

    def listen(self, listener):
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def emit(self, event: str) -> None:
        for listener in list(self.listeners):
            listener(self, event)

    def set_state(self, state: str) -> None:
        self.state = state
        self.emit("state")

    def one_epoch(self, seconds: float = 1e6) -> None:
        with torch.no_grad():
            self.model.shift += 1
        self.epochs.append(SimpleNamespace(seconds=seconds))
        self.emit("epoch")


def watched(adata: AnnData, **options) -> tuple[LatentExplorer, FakeRun]:
    from genolab.data.dataset import AnnDataset

    run = FakeRun(AnnDataset(adata).subset([0, 2]))
    explorer = LatentExplorer(adata, None)
    explorer.watch(run, **options)
    return explorer, run


def test_watching_shows_all_cells_after_each_epoch_and_writes_nothing():
    adata = cells()
    explorer, run = watched(adata)
    assert explorer.watching
    np.testing.assert_array_equal(sent_points(explorer), [[i, 1] for i in range(6)])
    run.one_epoch()
    np.testing.assert_array_equal(sent_points(explorer), [[i + 1, 2] for i in range(6)])
    assert synced(explorer, "_frame")["caption"] == "epoch 1 of 9"
    assert list(adata.obsm) == ["X_vae"]
    adata.obsm["X_new"] = explorer.coordinates
    np.testing.assert_array_equal(adata.obsm["X_new"][:, 0], np.arange(6) + 1)


def test_watching_every_third_epoch_shows_every_third():
    explorer, run = watched(cells(), every=3)
    shown = []
    for _ in range(7):
        run.one_epoch()
        shown.append(sent_points(explorer)[0, 0])
    assert shown == [0, 0, 3, 3, 3, 6, 6]


def test_watching_waits_until_it_costs_little():
    explorer, run = watched(cells())
    for _ in range(50):
        run.one_epoch(seconds=1e-6)
    assert sent_points(explorer)[0, 0] <= 1  # no time was trained that could be spent
    run.one_epoch(seconds=1e6)
    assert sent_points(explorer)[0, 0] == 51


def test_epochs_faster_than_the_eye_are_not_all_shown():
    explorer, run = watched(cells())
    run.one_epoch(seconds=1e6)
    for _ in range(5):
        run.one_epoch(seconds=0.125)
    assert sent_points(explorer)[0, 0] == 4  # the first that comes 0.3 s after epoch 1


def test_watching_keeps_what_the_message_line_says():
    adata = cells()
    explorer, run = watched(adata)
    explorer.save_selection("chosen")
    run.one_epoch()
    assert explorer.message.startswith("Saved 0 of 6")


def test_the_end_of_a_run_is_always_shown():
    explorer, run = watched(cells(), every=100)
    run.one_epoch()
    with torch.no_grad():
        run.model.shift.fill_(7)  # as a run gives back its best weights
    run.set_state("finished")
    assert sent_points(explorer)[0].tolist() == [7, 8]


def test_the_picture_in_the_notebook_is_the_last_state_of_a_run_not_the_first(monkeypatch):
    shown = []
    for name in ("display", "update_display"):
        monkeypatch.setattr(f"genolab.widgets.shared.base.{name}", lambda data, **how: shown.append((data, how)))
    adata = cells()
    explorer = LatentExplorer(adata, None)
    explorer._ipython_display_()
    _, run = watched(adata)
    explorer.watch(run)
    run.set_state("running")
    run.one_epoch()
    n_shown = len(shown)
    run.set_state("finished")
    assert len(shown) == n_shown + 1
    last, how = shown[-1]
    assert last["image/png"] == base64.b64encode(explorer.png()).decode()
    assert how["display_id"] == explorer._view_id


def test_a_pause_is_shown_without_holding_up_the_run():
    explorer, run = watched(cells(), every=100)
    run.one_epoch()
    run.set_state("paused")
    for thread in [t for t in threading.enumerate() if t.name == "genolab-watch"]:
        thread.join(10)
    assert sent_points(explorer)[0, 0] == 1


def test_watching_ends_when_asked_and_what_was_shown_stays():
    explorer, run = watched(cells())
    run.one_epoch()
    explorer.unwatch()
    run.one_epoch()
    assert (explorer.watching, run.listeners, sent_points(explorer)[0, 0]) == (False, [], 1)


def test_watching_another_run_leaves_the_first():
    explorer, first = watched(cells())
    second = FakeRun(first.train)
    stop = explorer.watch(second)
    assert (len(first.listeners), len(second.listeners)) == (0, 1)
    stop()
    assert second.listeners == []


def test_a_closed_explorer_no_longer_follows_the_run():
    explorer, run = watched(cells())
    explorer.close()
    assert run.listeners == []


def test_another_basis_ends_the_watching():
    explorer, run = watched(cells())
    explorer.basis = "X_vae"
    assert (explorer.watching, run.listeners) == (False, [])
    explorer.dims = (0, 1)
    assert sent_points(explorer)[1].tolist() == [1, 2]


def test_a_run_on_other_data_needs_a_dataset():
    from genolab.data.dataset import AnnDataset

    adata, other = cells(), cells(4)
    run = FakeRun(AnnDataset(other))
    explorer = LatentExplorer(adata, None)
    with pytest.raises(ValueError, match=r"trains on another AnnData \(4 rows; here 6\): pass dataset="):
        explorer.watch(run)
    with pytest.raises(ValueError, match="each of the explorer's 6 cells, in their order; this dataset has 2"):
        explorer.watch(run, AnnDataset(adata).subset([0, 1]))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        explorer.watch(run, AnnDataset(adata), every=0)
    assert run.listeners == []
    explorer.watch(run, AnnDataset(adata))
    assert sent_points(explorer).shape == (6, 2)


def test_an_error_while_watching_is_shown_and_training_goes_on():
    explorer, run = watched(cells())
    with torch.no_grad():
        run.model.shift.fill_(np.nan)
    run.one_epoch()
    assert explorer.message.startswith("The run could not be shown: every coordinate must be a finite number")
    assert synced(explorer, "_is_error")
    assert sent_points(explorer)[0, 0] == 0
    with torch.no_grad():
        run.model.shift.fill_(1)
    run.one_epoch()
    assert explorer.message == ""


def test_dims_beyond_those_of_the_run_go_back_to_the_first_two():
    adata = cells()
    _, run = watched(adata)
    explorer = LatentExplorer(adata, "X_vae")
    explorer.dims = (2, 1)
    explorer.watch(run)
    assert explorer.dims == (0, 1)
    assert sent_points(explorer)[3].tolist() == [3, 1]


def test_a_real_run_is_shown_as_its_model_is_and_trains_as_without():
    from genolab.data.dataset import AnnDataset
    from genolab.infer import embed
    from genolab.models import Autoencoder
    from genolab.run import Run, RunConfig

    adata = cells(40)
    data = AnnDataset(adata)
    weights = []
    for watch in (False, True):
        model = Autoencoder(3, hidden=(4,), n_latent=2, seed=0)
        run = Run(model, data, config=RunConfig(epochs=3, batch_size=8, device="cpu", threads=1))
        if watch:
            explorer = LatentExplorer(adata, None)
            explorer.watch(run)
        run.fit()
        weights.append({name: value.clone() for name, value in model.state_dict().items()})
    np.testing.assert_array_equal(explorer.coordinates, embed(model, data))
    assert synced(explorer, "_frame")["caption"] == "epoch 3 of 3"
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not run.listener_errors


# ---- trajectories ----


def with_three_dimensions() -> AnnData:
    cells = AnnData(np.zeros((3, 1), np.float32))
    cells.obsm["X_vae"] = np.array([[0.0, 1, 2], [3, 4, 5], [9, 10, 11]])
    return cells


def test_trajectories_go_to_the_browser_in_the_dimensions_that_are_shown():
    explorer = LatentExplorer(with_three_dimensions(), "X_vae")
    explorer.show_trajectories(explorer.coordinates, names=["through the points"])
    np.testing.assert_array_equal(
        np.frombuffer(synced(explorer, "_trajectories"), np.float32), sent_points(explorer).ravel()
    )
    explorer.dims = (0, 1)
    positions = np.arange(12, dtype=float).reshape(2, 2, 3)
    take_away = explorer.show_trajectories(positions, names=["one", "<b>other</b>"], times=["0 min", "7 min"])
    labels = {"names": ["one", "<b>other</b>"], "times": ["0 min", "7 min"], "colours": palette.OKABE_ITO[:2]}
    assert synced(explorer, "_trajectory_labels") == labels
    sent = np.frombuffer(synced(explorer, "_trajectories"), np.float32).reshape(2, 2, 2)
    np.testing.assert_array_equal(sent, positions[:, :, :2])
    plain = LatentExplorer(with_three_dimensions(), "X_vae").png()
    assert explorer.png() != plain
    explorer.dims = (1, 2)
    np.testing.assert_array_equal(
        np.frombuffer(synced(explorer, "_trajectories"), np.float32).reshape(2, 2, 2), positions[:, :, 1:]
    )
    take_away()
    assert synced(explorer, "_trajectory_labels") == {}
    assert synced(explorer, "_trajectories") == b""


def test_the_static_picture_names_the_trajectories():
    explorer = LatentExplorer(with_three_dimensions(), "X_vae")
    positions = np.array([[[1.0, 2, 3], [4, 5, 6]], [[7, 8, 9], [4, 5, 6]], [[np.nan] * 3] * 2])
    pictures = []
    for names in ((), ("one", "$x^", "nowhere"), ("one", "other", "nowhere")):
        explorer.show_trajectories(positions, names=names)
        pictures.append(picture(explorer))
    changed = [(one != pictures[0]).any(axis=2) for one in pictures[1:]]
    assert all(one.any() for one in changed)
    lines = np.flatnonzero(changed[0].any(axis=1))
    assert np.ptp(lines) > 17  # both end at one place, and their names are one below the other
    assert (changed[0] != changed[1]).any()


@pytest.mark.parametrize(
    ("positions", "names", "words"),
    [
        (np.zeros((1, 5, 2)), (), r"\(n, times, 3\)"),
        (np.zeros((1, 1, 3)), (), "at least 2 times"),
        (np.zeros((50, 5, 3)), (), "1 to 40 trajectories"),
        (np.zeros((2, 5, 3)), ("one",), "names are one for each of 2, got 1"),
    ],
)
def test_trajectories_that_do_not_fit_are_refused(positions, names, words):
    with pytest.raises(ValueError, match=words):
        LatentExplorer(with_three_dimensions(), "X_vae").show_trajectories(positions, names=names)

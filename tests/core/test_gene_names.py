import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from scipy.sparse import csc_matrix, csr_matrix
from toy_matrices import read_only

from genolab import plot
from genolab.checks import DataWarning
from genolab.data.gene_names import find_gene, gene_table, gene_values, symbols_of
from genolab.widgets import LatentExplorer
from genolab.widgets.latent.colours import colour_by

IDS = ["ENSG01", "ENSG02", "ENSG03", "ENSG04"]


def cells(symbols=("CD3D", "TBCE", "TBCE", None), column="feature_name") -> AnnData:
    """Four cells in which the i-th gene has the value 10 i + the cell's number; X has two of the four genes of .raw."""
    values = np.arange(4.0)[:, None] + 10 * np.arange(4.0)
    var = pd.DataFrame({column: pd.Categorical(symbols)}, index=IDS)
    adata = AnnData(values, obs=pd.DataFrame(index=list("abcd")), var=var)
    adata.obsm["X_vae"] = np.ascontiguousarray(values[:, :2])
    adata.raw = adata
    return adata[:, ["ENSG03", "ENSG01"]].copy()


def value(adata: AnnData, name: str, row: int = 0, **how) -> float:
    return float(gene_values(adata, find_gene(adata, name, **how))[row])


def test_a_gene_is_found_by_its_id_or_symbol_in_x_or_else_in_raw():
    adata = cells()
    adata.X[:] += 100
    found = {name: value(adata, name) for name in ("ENSG01", "CD3D", "ENSG03", "ENSG02", "ENSG04")}
    assert found == {"ENSG01": 100, "CD3D": 100, "ENSG03": 120, "ENSG02": 10, "ENSG04": 30}
    assert find_gene(adata, "ENSG02").source == ".raw"
    assert value(adata[2:], "ENSG02") == 12  # a view's rows


@pytest.mark.parametrize("column", ["feature_name", "gene_symbols", "Gene_Name", "SYMBOL", "hgnc_symbol"])
def test_symbols_are_found_under_the_names_that_tools_give_their_column(column):
    assert find_gene(cells(column=column), "CD3D").id == "ENSG01"


def test_a_column_of_numbers_or_of_nothing_holds_no_symbols():
    var = pd.DataFrame({"symbol": [1, 2], "gene_name": [None, " "], "feature_name": [np.nan, np.nan]}, index=["a", "b"])
    assert symbols_of(var).tolist() == ["", ""]


def test_a_symbol_of_two_ids_says_so_and_its_labels_tell_them_apart():
    adata = cells()
    with pytest.raises(KeyError, match=r"'TBCE' is the symbol of 2 genes: name one by its id, 'ENSG03', 'ENSG02'"):
        find_gene(adata, "TBCE")
    assert gene_table(adata)["label"].tolist() == ["TBCE (ENSG03)", "CD3D", "TBCE (ENSG02)", "ENSG04"]
    assert find_gene(adata, "TBCE (ENSG02)").id == "ENSG02"


def test_a_symbol_that_is_another_genes_id_is_that_gene():
    adata = AnnData(np.eye(2), var=pd.DataFrame({"symbol": ["B", "C"]}, index=["A", "B"]))
    assert [find_gene(adata, name).id for name in ("A", "B", "B (A)", "C")] == ["A", "B", "A", "B"]


def test_of_genes_with_the_same_id_the_first_is_taken_with_a_warning():
    adata = AnnData(np.array([[1.0, 2.0]]), var=pd.DataFrame(index=["A", "A"]))
    with pytest.warns(DataWarning, match="2 genes are named 'A', and the first is taken"):
        assert value(adata, "A") == 1


def test_a_layer_has_no_genes_of_raw_and_an_empty_x_leaves_them():
    adata = cells()
    adata.layers["twice"] = 2 * adata.X
    assert value(adata, "CD3D", 1, layer="twice") == 2
    with pytest.raises(KeyError, match=r"'ENSG02' is neither a column of obs nor a gene .*Did you mean"):
        find_gene(adata, "ENSG02", layer="twice")
    adata.X = None
    assert value(adata, "CD3D", 1) == 1
    adata.raw = None
    with pytest.raises(KeyError, match=r"taken from X, which is empty here: pass layer=, one of \['twice'\]"):
        find_gene(adata, "CD3D")


def test_the_explorer_is_coloured_by_a_symbol_and_its_search_box_finds_symbols_ids_and_genes_of_raw():
    explorer = LatentExplorer(cells(), "X_vae", color="CD3D")
    assert explorer._legend["name"] == "CD3D"
    answer = {"isEqual": False, "near": [], "names": [("TBCE (ENSG03)", "gene"), ("TBCE (ENSG02)", "gene")]}
    assert explorer._handle("find", {"text": "tbce"}) == answer
    assert explorer._handle("find", {"text": "ensg01"}) == answer | {"isEqual": True, "names": [("CD3D", "gene")]}
    explorer.color = "ENSG04"
    assert explorer._legend["source"] == "gene, from .raw"
    assert explorer._handle("hover", {"row": 3})["value"] == 33
    explorer.color = "ENSG01"
    assert explorer._legend["name"] == "CD3D"


def test_a_figure_is_coloured_by_a_symbol():
    figure = plot.latent(cells(), "X_vae", color="ENSG02")
    assert figure.data[0].name == "TBCE (ENSG02)"
    assert figure.data[0].marker.color.tolist() == [10, 11, 12, 13]


KINDS = {
    "float64": np.asarray,
    "float32": np.float32,
    "float16": np.float16,
    "int8": np.int8,
    "uint64": np.uint64,
    "bool": np.bool_,
    "read-only": lambda values: read_only(np.array(values)),
    "column-major": np.asfortranarray,
    "csr": csr_matrix,
    "csc int": lambda values: csc_matrix(values.astype(np.int32)),
    "csr bool": lambda values: csr_matrix(values.astype(np.bool_)),
}


@pytest.mark.parametrize("where", ["in memory", "a view", "backed"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_of_every_kind_give_the_colours_of_dense_doubles(kind, where, tmp_path):
    values = np.array([[0.0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
    adata = AnnData(KINDS[kind](values), var=pd.DataFrame({"symbol": ["CD3D", "CD4"]}, index=["E1", "E2"]))
    adata.raw = AnnData(KINDS[kind](1 - values), var=pd.DataFrame(index=["E3", "E4"]))
    rows = slice(None)
    if where == "a view":
        rows = [4, 2, 1, 0]
        adata = adata[rows]
    elif where == "backed":
        adata.write_h5ad(tmp_path / "cells.h5ad")
        adata = read_h5ad(tmp_path / "cells.h5ad", backed="r")
    for name, wanted in {"CD3D": values[rows, 0], "E2": values[rows, 1], "E4": 1 - values[rows, 1]}.items():
        colours = colour_by(adata, name)
        np.testing.assert_array_equal(colours.codes, wanted.astype(int) * 65534)
        np.testing.assert_array_equal(colours.values, wanted)


def test_masked_values_are_none():
    values = np.ma.masked_array([[1, 2], [3, 4]], mask=[[False, False], [True, False]])
    np.testing.assert_array_equal(
        colour_by(AnnData(values, var=pd.DataFrame(index=["A", "B"])), "A").values, [1, np.nan]
    )


def test_numbers_held_as_objects_are_numbers():
    obs = pd.DataFrame({"score": np.array([1.5, None, 2.5], dtype=object)}, index=list("abc"))
    np.testing.assert_array_equal(colour_by(AnnData(obs=obs), "score").values, [1.5, np.nan, 2.5])

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse
from toy_browser import send, synced

import genolab as gl
from genolab.function.browser.layout import lay_out
from genolab.function.ontology.graph import Ontology

NAMES = ["life", "growth", "division", "budding", "a thing"]


@pytest.fixture
def genes():
    random = np.random.default_rng(0)
    known = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1]], dtype=np.uint8)
    adata = AnnData(np.zeros((4, 1), dtype=np.float32), obsm={"terms": sparse.csr_matrix(known)})
    adata.obs_names = ["ABC1", "ABC2", "<b>DEF</b>", "GHI"]
    adata.obsm["X_space"] = random.normal(size=(4, 2))
    adata.obsm["sequence"] = np.array([[1, 2, 3, 0]] * 4, dtype=np.uint8)
    adata.uns |= {"terms": np.array([f"T:{i}" for i in range(1, 6)]), "names": np.array(NAMES)}
    adata.uns |= {
        "parents": np.array([[1, 0], [2, 0], [3, 1], [3, 2]]),
        "namespaces": np.array(["process"] * 4 + ["part"]),
    }
    return adata


SCORES = np.array(
    [[0.9, 0.8, 0.7, 0.7, 0.1], [0.9, 0.9, 0.1, 0.05, 0.6], [0.6, 0.1, 0.6, 0.1, 0.1], [0.1, 0, 0, 0, 0.9]]
)


def browser_of(genes, **options):
    return gl.function.FunctionBrowser(genes, SCORES, basis="X_space", **options)


def test_broader_terms_stand_left_and_links_are_direct():
    graph = Ontology({"r": (), "a": ("r",), "b": ("r",), "c": ("a", "b"), "d": ("c", "r")})
    layout = lay_out(graph, ["r", "a", "b", "c", "d"])
    assert layout.column == {"r": 0, "a": 1, "b": 1, "c": 2, "d": 3}
    assert set(layout.links) == {("r", "a"), ("r", "b"), ("a", "c"), ("b", "c"), ("c", "d")}
    assert layout.size == (4, 2)
    assert layout.row["r"] == layout.row["c"] == 0.5
    assert set(lay_out(graph, ["r", "c"]).links) == {("r", "c")}  # over terms that aren't shown
    assert lay_out(graph, []).size == (0, 0)


def test_a_gene_shows_its_likely_and_known_terms(genes):
    browser = browser_of(genes)
    assert (browser.gene, browser.term) == ("ABC1", "T:4")
    view = synced(browser, "_view")
    assert {node["id"] for node in view["nodes"]} == {"T:1", "T:2", "T:3", "T:4"}
    assert view["term"]["name"] == "budding"
    assert [node["name"] for node in view["term"]["implies"]] == ["growth", "division"]
    assert len(view["term"]["neighbours"]) == 3
    browser.term = "T:3"
    assert synced(browser, "_view")["term"]["follows"]["id"] == "T:4"
    browser.gene = "GHI"
    assert [node["id"] for node in synced(browser, "_view")["nodes"]] == ["T:1", "T:5", "T:3"]  # the picked one stays
    browser.namespace = "part"
    assert (browser.term, [node["id"] for node in synced(browser, "_view")["nodes"]]) == ("T:5", ["T:5"])


def test_a_term_has_its_genes_and_selects_them_in_the_explorer(genes):
    explorer = gl.widgets.LatentExplorer(genes, "X_space", rows="genes")
    browser = browser_of(genes, explorer=explorer)
    browser.term = "T:3"
    assert browser.genes.tolist() == [True, False, True, False]
    assert explorer.selection.tolist() == browser.genes.tolist()
    browser.threshold = 0.65
    assert explorer.selection.tolist() == [True, False, False, False]
    assert browser.gene == "ABC1"
    explorer.select([False, True, False, True])
    assert browser.gene == "ABC2"
    assert explorer.selection.tolist() == [False, True, False, True]
    assert synced(browser, "_view")["term"]["genes"][0]["gene"] == "ABC1"


def test_residues_come_with_the_sequence(genes):
    asked = []

    def residues(row, term):
        asked.append((row, term))
        return np.array([0.5, -1, 0, 9])

    browser = browser_of(genes, residues=residues)
    assert synced(browser, "_view")["term"]["residues"] == {"sequence": "ACD", "scores": [0.5, -1.0, 0.0]}
    assert asked == [(0, 3)]


def test_messages_set_gene_and_term_and_errors_are_shown(genes):
    browser = browser_of(genes)
    send(browser, "set", gene="ABC2", term="T:2")
    assert (browser.gene, browser.term) == ("ABC2", "T:2")
    send(browser, "set", gene="nobody")
    assert "no gene of this AnnData" in browser.message
    assert synced(browser, "_is_error")
    send(browser, "set", gene="<b>DEF</b>")
    assert (browser.gene, browser.message) == ("<b>DEF</b>", "")


def test_it_has_a_static_picture_where_no_widget_runs(genes):
    browser = browser_of(genes)
    assert str(browser) == "FunctionBrowser: ABC1, budding, 70 %"
    data, _ = browser._repr_mimebundle_()
    assert data["image/png"]
    assert browser.explanation.terms.loc["T:4", "probability"] == pytest.approx(0.7)


def test_terms_without_a_graph_stand_in_one_column(genes):
    del genes.uns["parents"], genes.uns["namespaces"], genes.obsm["terms"], genes.obsm["sequence"]
    browser = gl.function.FunctionBrowser(genes, SCORES)
    assert synced(browser, "_view")["columns"] == 1
    assert synced(browser, "_view")["term"]["neighbours"] == []


def test_inputs_that_do_not_fit_are_refused(genes):
    with pytest.raises(ValueError, match=r"one a gene and term, \(4, 5\)"):
        gl.function.FunctionBrowser(genes, SCORES[:, :3])
    with pytest.raises(ValueError, match="lie in 0 to 1"):
        gl.function.FunctionBrowser(genes, 5 * SCORES)
    with pytest.raises(KeyError, match="is not in this AnnData; obsm has"):
        gl.function.FunctionBrowser(genes, SCORES, basis="X_none")
    with pytest.raises(ValueError, match="the same genes"):
        browser_of(genes, explorer=gl.widgets.LatentExplorer(genes[:3], "X_space"))
    browser = browser_of(genes)
    with pytest.raises(KeyError, match="no term of this ontology"):
        browser.term = "T:9"
    with pytest.raises(ValueError, match="a probability"):
        browser.threshold = 2
    with pytest.raises(KeyError, match=r"of the \d namespaces"):
        browser.namespace = "elsewhere"

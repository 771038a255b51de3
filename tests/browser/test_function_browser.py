"""Genes and their terms, in JupyterLab: what is drawn, what clicks and keys do, and that text stays text."""

from browser import lab

SETUP = """
import numpy as np
import anndata as ad
import genolab as gl
go = gl.function.go()
random = np.random.default_rng(5)
picked = ["GO:0000278", "GO:0006270", "GO:0006260", "GO:0007049", "GO:0051301", "GO:0006281", "GO:0030437"]
terms = [term for term in go.subset(picked).terms]
known = go.propagate((random.random((60, len(terms))) < 0.05).astype(np.uint8), terms)
scores = go.propagate(np.clip(0.75 * known + random.random(known.shape) * 0.25 - 0.05, 0, 1), terms)
genes = ad.AnnData(np.zeros((60, 1), dtype=np.float32), obsm={"terms": known, "X_space": random.normal(size=(60, 2))})
genes.obs_names = [f"GENE{i}" for i in range(59)] + ["<img src=x onerror=alert(1)>"]
genes.obsm["sequence"] = random.integers(1, 21, (60, 90)).astype(np.uint8)
genes.uns["terms"] = np.array(terms)
explorer = gl.widgets.LatentExplorer(genes, "X_space", rows="genes")
why = lambda row, term: random.normal(size=90) ** 3
browser = gl.function.FunctionBrowser(genes, scores, ontology=go, basis="X_space", explorer=explorer, residues=why)
"""
FACTS = "print(browser.gene, browser.term, int(explorer.selection.sum()) == int(browser.genes.sum()))"


class View(lab.View):
    def __init__(self, book: lab.Notebook) -> None:
        super().__init__(book, "gl-function")
        self.root.locator(".gl-node").first.wait_for()

    def facts(self) -> list[str]:
        return self.book.run_code(FACTS).split()


def opened(notebook, **options) -> View:
    book = notebook([SETUP, "browser"], **options)
    book.run(0, timeout=120)
    book.run(1, timeout=120)
    return View(book)


def test_terms_are_picked_by_clicks_and_keys_and_genes_by_name(notebook):
    view = opened(notebook)
    first = view.root.locator(".gl-node").first
    name = first.get_attribute("data-term")
    first.click()
    view.settle()
    assert view.facts()[1:] == [name, "True"]
    assert view.root.locator('.gl-node[aria-pressed="true"]').get_attribute("data-term") == name

    view.root.locator('.gl-node[aria-pressed="true"]').focus()
    view.page.keyboard.press("ArrowRight")
    focused = view.page.evaluate("document.activeElement.dataset.term")
    assert focused != name
    view.page.keyboard.press("Enter")
    view.settle()
    assert view.facts()[1] == focused

    view.page.keyboard.press("g")
    view.page.keyboard.type("gene17")
    view.root.locator(".gl-option").first.wait_for()
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("Enter")
    view.settle()
    assert view.facts()[0] == "GENE17"
    assert view.root.locator(".gl-gene").inner_text() == "GENE17"

    near = view.root.locator(".gl-side .gl-line").last
    wanted = near.locator(".gl-line-name").inner_text()
    near.click()
    view.settle()
    assert view.root.locator(".gl-gene").inner_text() == wanted
    stage = "el => [el.scrollWidth <= el.clientWidth, el.scrollHeight <= el.clientHeight]"
    assert view.root.locator(".gl-stage").evaluate(stage) == [True, True]  # the graph of another gene fits the view
    assert "biological process" in view.root.inner_text()
    view.book.check_contrast(function=view.root)


def test_names_are_text_and_the_view_fits_a_narrow_cell(notebook):
    view = opened(notebook, width=700)
    view.book.run_code('browser.gene = "<img src=x onerror=alert(1)>"')
    view.settle()
    view.root.locator(".gl-gene", has_text="<img src=x").wait_for()
    assert view.root.locator("img").count() == 0
    assert view.root.bounding_box()["width"] <= 700
    slider = view.root.locator('input[type="range"]')
    slider.focus()
    view.page.keyboard.press("End")
    view.settle()
    assert view.book.run_code("print(browser.threshold)").strip() == "0.98"
    view.book.screenshot("function-narrow", view.root)

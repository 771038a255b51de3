"""The table of compounds in JupyterLab: what clicks, typing and keys do, and that text stays text."""

from browser import lab

SETUP = """
import numpy as np
import pandas as pd
import anndata as ad
import genolab as gl
n = 30
names = [f"compound {i:02d}" for i in range(n - 1)] + ["<img src=x onerror=alert(1)>"]
smiles = ["C" * (1 + i % 9) + "c1ccccc1O" for i in range(n)]
ranked = pd.DataFrame({"name": names, "canonical": smiles, "score": np.linspace(9, 4, n)})
ranked["similarity"] = np.linspace(0, 1, n)
ranked["nearest"], ranked["qed"] = "ligand_0001", 0.4321
points = ad.AnnData(obs=pd.DataFrame(index=names))
points.obsm["X_map"] = np.random.default_rng(0).normal(size=(n, 2))
explorer = gl.widgets.LatentExplorer(points, "X_map", rows="compounds")
table = gl.drugs.CompoundTable(ranked, explorer=explorer, key="name")
"""


class View(lab.View):
    def __init__(self, book: lab.Notebook) -> None:
        super().__init__(book, "gl-compounds")
        self.root.locator(".gl-card img").wait_for()

    def do(self, act) -> None:
        """Do something, and wait until Python has followed."""
        before = int(self.root.get_attribute("data-received"))
        act()
        self.root.and_(self.page.locator(f'[data-received="{before + 1}"]')).wait_for(timeout=20_000)
        self.settle()

    def names(self) -> list[str]:
        return self.root.locator("tbody tr td:nth-child(2)").all_inner_texts()

    def button(self, text: str):
        return self.root.get_by_text(text, exact=True)


def opened(notebook, **options) -> View:
    book = notebook([SETUP, "table"], **options)
    book.run(0, timeout=120)
    book.run(1, timeout=120)
    return View(book)


def test_it_sorts_filters_picks_and_writes_back(notebook):
    view = opened(notebook)
    assert view.names()[0] == "compound 00"
    assert view.root.locator(".gl-card img").get_attribute("src").startswith("data:image/svg+xml")
    view.do(lambda: view.button("similarity").click())
    assert view.names()[0] == "<img src=x onerror=alert(1)>"  # the largest first, as text
    view.do(lambda: view.button("similarity ▼").click())
    assert view.root.locator('th[aria-sort="ascending"]').inner_text() == "similarity ▲"

    view.do(lambda: view.root.locator(".gl-query").fill("score < 8, compound"))
    assert "1 to 12 of 23 that fit, of 30 in all" in view.root.inner_text()
    view.root.locator("tbody tr").first.focus()
    view.page.keyboard.press("ArrowDown")
    view.do(lambda: view.page.keyboard.press(" "))
    view.do(lambda: view.root.locator("tbody tr input").nth(3).click())
    assert "2 picked" in view.root.inner_text()
    view.do(lambda: view.page.keyboard.press("PageDown"))
    assert view.names()[0] != "compound 06"
    view.do(lambda: view.button("Save picks").click())
    assert "Saved 2 picks" in view.root.locator(".gl-message").inner_text()
    view.do(lambda: view.button("Show picks").click())
    view.do(lambda: view.root.locator('label input[type="checkbox"]').check())
    assert len(view.names()) == 2
    facts = view.book.run_code("print(table.picks, ranked['pick'].max(), int(explorer.selection.sum()))")
    assert facts.strip() == "[7, 9] 2 2"


def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing(notebook):
    view = opened(notebook)
    view.do(lambda: view.root.locator(".gl-query").fill("price < 3"))
    assert "no column 'price'" in view.root.locator(".gl-message").inner_text()
    assert len(view.names()) == 12


def test_it_fits_a_narrow_cell_and_both_themes(notebook):
    view = opened(notebook, width=520)
    assert view.root.evaluate("el => el.scrollWidth <= el.clientWidth")
    view.check_texts_and_controls()
    view.book.check_contrast(compounds_narrow=view.root)

"""The alignment view and the figures of genome comparison, in JupyterLab."""

import pytest

from browser import lab

# Two circles, cut open at different places: a part of b is inverted, a part is missing, every twentieth base differs.
SETUP = """
import tempfile
from pathlib import Path
import numpy as np, pandas as pd, genolab as gl
from anndata import AnnData

def genome(name, letters, *genes):
    path = Path(tempfile.mkdtemp()) / f"{name}.fa"
    path.write_text(f">{name}\\n{letters}\\n")
    rows = [(n, start, end, strand, kind, parent) for gene, start, end, strand in genes
            for n, kind, parent in ((gene, "gene", ""), (f"{gene}.1", "CDS", gene))]
    obs = pd.DataFrame(rows, columns=["name", "start", "end", "strand", "kind", "parent"]).set_index("name")
    where = {"fasta": str(path), "lengths": {name: len(letters)}, "circular": [name]}
    return AnnData(obs=obs.assign(chromosome=name, phase=0), uns={"genome": where})

random = np.random.default_rng(5)
letters = "".join(random.choice(list("ACGT"), 9000))
other = np.array(list(letters))
changed = np.flatnonzero(random.random(9000) < 0.05)
other[changed] = ["ACGT"[("ACGT".index(base) + 2) % 4] for base in other[changed]]
other = "".join(other)
other = other[:2000] + gl.sequences.reverse_complement(other[2000:5000]) + other[5000:7000] + other[7100:]
first = genome("ape", letters, ("<b>nad1</b>", 300, 1500, "+"), ("cox1", 2400, 3900, "-"), ("atp6", 1490, 1796, "+"))
second = genome("human", other[600:] + other[:600], ("cytb", 6000, 7200, "+"))
pair = gl.genomes.compare(first, second)
view = gl.genomes.AlignmentView(pair)
"""


class View(lab.View):
    def __init__(self, book: lab.Notebook, cell: int = 1) -> None:
        super().__init__(book, "gl-alignment", cell)
        self.plot, self.reader = self.root.locator(".gl-dots"), self.root.locator(".gl-reader")

    def settle(self) -> None:
        self.root.and_(self.page.locator('[data-followed="true"]')).wait_for(timeout=20_000)
        super().settle()

    def press(self, *keys: str) -> None:
        self.reader.focus()
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def data(self, name: str) -> int:
        return int(self.root.get_attribute(f"data-{name}"))

    def where(self) -> str:
        return self.root.locator(".gl-where").inner_text()

    def title(self) -> str:
        return self.root.locator(".gl-title").inner_text()

    def place(self) -> str:
        return self.book.run_code("print(view.row, view.column)").strip()

    def find(self, text: str) -> None:
        self.root.get_by_label("Go to a position or gene").fill(text)
        self.root.locator(".gl-option").first.wait_for()
        self.page.keyboard.press("Enter")
        self.settle()


def opened(notebook, **options) -> View:
    book = notebook([SETUP, "view"], **{"width": 1400} | options)
    book.run(0, timeout=120)
    book.run(1, timeout=120)
    view = View(book)
    view.settle()
    return view


@pytest.fixture
def view(notebook) -> View:
    return opened(notebook)


def test_keys_and_the_field_move_the_cursor_to_changes_blocks_genes_and_places(view):
    per_line = view.data("per-line")
    assert view.place() == "0 0"
    view.press("ArrowRight", "ArrowRight", "ArrowDown")
    assert view.place() == f"0 {per_line + 2}"
    view.press("Home", "n")
    first = view.book.run_code("print(view._columns.change(0, 1))").strip()
    assert view.place() == f"0 {first}"
    a, b = (side.split(": ")[1][0] for side in view.where().split(" \u00b7 ")[:2])
    assert a != b
    view.press("n", "p")
    assert view.place() == f"0 {first}"
    for key in "nnp":  # faster than Python answers
        view.page.keyboard.press(key)
    view.settle()
    second = view.book.run_code(f"print(view._columns.change({first}, 1))").strip()
    assert view.place() == f"0 {second}"
    view.press("End")
    assert view.place() == f"0 {view.book.run_code('print(view._columns.n - 1)').strip()}"
    view.press("]")
    assert view.place() == "1 0"
    assert view.title().startswith("Block 2 of 2: ape ")
    assert view.title().count(" across the origin") == 2  # of both circles
    assert view.root.get_by_role("button", name="Next block").is_disabled()
    view.find("cox1")
    assert view.place().startswith("0 ")
    assert "ape 3,899" in view.where()
    assert "cox1" in view.where()
    view.book.screenshot("alignment-gene", view.root)
    view.find("ape:8,000")
    assert view.place().startswith("1 ")
    assert "ape 8,000" in view.where()
    view.root.get_by_label("Go to a position or gene").fill("<i>nothing</i>")
    view.page.keyboard.press("Enter")
    nothing = view.root.locator(".gl-none")
    nothing.wait_for()
    assert nothing.inner_text() == "Nothing is called \u201c<i>nothing</i>\u201d."
    view.find("ape:99,999")
    view.root.locator(".gl-error").filter(has_text="ape has the positions 0 to").wait_for()
    assert len(view.page.locator(".jp-Notebook .jp-Cell").all()) == 2  # the notebook took no key
    view.press("Home")
    shown = view.data("stop") - view.data("first")
    for key in ["ArrowRight"] * 30 + ["PageDown"]:
        view.page.keyboard.press(key)
    view.settle()
    assert view.place() == f"1 {30 + shown}"
    view.press("PageDown", "PageDown")
    assert view.data("held") < 2000  # columns: no more than a few pages are in the browser
    assert view.root.evaluate("(el) => el.querySelectorAll('*').length") < 80


def test_clicking_a_line_reads_it_there_and_clicking_a_letter_moves_the_cursor(view):
    box = view.plot.bounding_box()
    left, top, right, bottom, pad = 76, 24, 10, 26, 18  # the frame's margins, and what is left free in it
    width, height = box["width"] - left - right - 2 * pad, box["height"] - top - bottom - 2 * pad
    a, b = 8000, 7300
    x, y = box["x"] + left + pad + width * a / 9000, box["y"] + box["height"] - bottom - pad - height * b / 8900
    view.page.mouse.click(x, y)
    view.settle()
    assert view.place().startswith("1 ")
    assert abs(int(view.book.run_code("print(view.place.a_position)")) - a) < 60
    text = view.reader.bounding_box()
    step = min(12, max(9.6, (text["width"] - 94 - 84) / view.data("per-line")))
    view.page.mouse.click(text["x"] + 94 + 7.5 * step, text["y"] + 150)
    view.settle()
    assert int(view.place().split()[1]) % view.data("per-line") == 7
    view.plot.focus()
    view.page.keyboard.press("+")
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(x + 60, y - 40, steps=4)
    view.page.mouse.up()
    assert view.place().startswith("1 ")  # moving the plot reads nothing
    view.book.screenshot("alignment-zoomed", view.root)


FIGURES = {
    "dotplot": "gl.genomes.plot.dotplot(pair)",
    "synteny": "gl.genomes.plot.synteny(pair)",
    "variants": "gl.genomes.plot.variants(pair)",
}


def test_views_agree_and_suit_both_themes_and_narrow_cells_and_figures_show_names_as_they_are_written(notebook):
    book = notebook([SETUP, "view", "view", *FIGURES.values()], width=1400)
    for cell in range(3 + len(FIGURES)):
        book.run(cell, timeout=120)
    for cell, name in enumerate(FIGURES, start=3):
        plot = book.cell(cell).locator(".js-plotly-plot").first
        plot.locator(".main-svg").first.wait_for(timeout=60_000)
        plot.scroll_into_view_if_needed()
        book.draw()
        book.screenshot(f"figure-{name}", plot)
        assert plot.locator("svg a, svg b").count() == 0
    assert "<b>nad1</b>" in book.cell(4).locator(".js-plotly-plot").first.text_content()
    book.cell(1).scroll_into_view_if_needed()
    first, second = View(book, 1), View(book, 2)
    first.find("cytb")
    second.settle()
    assert first.where() == second.where()
    assert "human 6,000" in first.where()
    book.run_code("view.go_to('atp6'); view.column += 7")
    first.settle()
    second.settle()
    assert first.where() == second.where()
    assert "ape 1,497" in first.where()
    first.check_texts_and_controls()
    assert "N goes to the next change" in first.reader.get_attribute("aria-label")
    assert any("image/png" in output.get("data", {}) for output in book.outputs(1))
    book.cell(0).evaluate("(cell) => (cell.style.display = 'none')")
    book.check_contrast(alignment=first.root)
    first.resize(760, 1300)
    first.settle()
    assert not first.root.evaluate("(el) => el.scrollWidth > el.clientWidth")
    book.screenshot("alignment-narrow", first.root)

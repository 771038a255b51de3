"""The alignment view and the figures of genome comparison, in JupyterLab."""

import pytest

from browser.lab import Notebook

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
other = other[:2000] + gl.data.reverse_complement(other[2000:5000]) + other[5000:7000] + other[7100:]
first = genome("ape", letters, ("<b>nad1</b>", 300, 1500, "+"), ("cox1", 2400, 3900, "-"), ("atp6", 1490, 1796, "+"))
second = genome("human", other[600:] + other[:600], ("cytb", 6000, 7200, "+"))
pair = gl.genome.compare(first, second)
view = gl.widgets.AlignmentView(pair)
"""


class View:
    """The hand and the eye."""

    def __init__(self, book: Notebook, cell: int = 1) -> None:
        self.book, self.page = book, book.page
        self.root = book.cell(cell).locator(".gl-alignment").first
        self.root.wait_for()
        self.plot, self.reader = self.root.locator(".gl-dots"), self.root.locator(".gl-reader")

    def settle(self) -> None:
        self.root.and_(self.page.locator('[aria-busy="false"]')).wait_for(timeout=20_000)
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

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
        self.page.keyboard.press("Enter")
        self.page.wait_for_timeout(150)
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


def test_look(view):
    view.book.screenshot("alignment-light")
    view.find("cox1")
    view.book.screenshot("alignment-cox1")
    print(view.title(), "|", view.where(), "|", view.place())

"""Plotly figures in JupyterLab: what a reader sees, and what nobody should be able to click."""

import pytest

from browser.lab import Notebook

SETUP = """
import numpy as np, pandas as pd, genolab as gl
from anndata import AnnData
nasty = '<b>bold</b> <a href="javascript:1">x</a> $y$'
random = np.random.default_rng(0)
cells = AnnData(
    random.poisson(5, (300, 40)).astype(np.float32),
    obs=pd.DataFrame({"kind": np.tile([nasty, "b", "c"], 100)}, index=[f"{nasty}{i}" for i in range(300)]),
    var=pd.DataFrame(index=[f"g{i}" for i in range(40)]),
)
cells.obsm["X"] = random.normal(size=(300, 2))
ready = gl.preprocess.apply(cells, gl.preprocess.Recipe(n_top_genes=20, flavor="seurat"))
epochs = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [3.0, 2, 1], "valid_loss": [3.1, 2.2, 2.4]})
"""

FIGURES = {
    "history": "gl.plot.history(epochs)",
    "latent": "gl.plot.latent(cells, 'X', color='kind')",
    "gene": "gl.plot.latent(ready, 'X', color=ready.var_names[0])",
    "quality": "gl.plot.quality(cells, recipe=gl.preprocess.Recipe(min_genes=38))",
    "genes": "gl.plot.genes(ready)",
    "reconstruction": "gl.plot.reconstruction(ready.X, ready.X + 0.3)",
    "comparison": "gl.plot.comparison(gl.evaluate.reconstruction(ready.X, {nasty: ready.X + .1, 'b': ready.X * 0}))",
}

FOREIGN = "import plotly.graph_objects as go; go.Figure(go.Scatter(y=[1, 2]), layout={'title': 'mine'})"

BUTTONS = "e => [...e.querySelectorAll('.modebar-btn')].map(b => b.getAttribute('data-title') || '')"
LETTERS = """e => [...e.querySelectorAll('svg text')]
    .filter(t => t.textContent.trim() && t.getBoundingClientRect().width)
    .map(t => [parseFloat(getComputedStyle(t).fontSize), t.textContent])"""


@pytest.fixture
def drawn(notebook) -> Notebook:
    book = notebook([SETUP, *FIGURES.values(), FOREIGN], height=1000)
    for index in range(len(FIGURES) + 2):
        book.run(index, timeout=180)
        if index:
            book.cell(index).locator(".js-plotly-plot .main-svg").first.wait_for(timeout=30_000)
    return book


def test_figures_upload_nothing_bear_no_logo_read_from_afar_and_show_labels_as_written(drawn):
    for index, name in enumerate(FIGURES, start=1):
        plot = drawn.cell(index).locator(".js-plotly-plot").first
        plot.scroll_into_view_if_needed()
        drawn.screenshot(f"figure-{name}", plot)
        buttons = plot.evaluate(BUTTONS)
        assert "Download plot as a PNG" in buttons, name
        assert not [b for b in buttons if "share" in b.lower() or "plotly" in b.lower() or "cloud" in b.lower()], name
        small = [letter for letter in plot.evaluate(LETTERS) if letter[0] < 14]
        assert not small, (name, small)
        assert plot.locator("svg a").count() == 0, name
    plots = {f"figure_{name}": drawn.cell(at).locator(".js-plotly-plot") for at, name in enumerate(FIGURES, start=1)}
    drawn.check_contrast(**plots)
    drawn.theme(dark=True)
    foreign = drawn.cell(len(FIGURES) + 1)
    paper = foreign.locator(".main-svg").first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert foreign.locator(".gtitle").evaluate("e => getComputedStyle(e).fill") == "rgb(42, 63, 95)"
    legend = drawn.cell(2).locator(".js-plotly-plot .legend").text_content()
    assert '<b>bold</b> <a href="javascript:1">x</a> $y$' in legend

"""The panel, the explorer and the figures on sequence models, in JupyterLab."""

import pytest
from playwright.sync_api import Locator

from browser.test_latent_explorer import Explorer

SETUP = """
import numpy as np
import genolab as gl
loci = gl.dna.simulate_sequences(600, 60, motifs={"planted": "TGACTCAG"}, seed=0)
data = gl.data.AnnDataset(loci, "obsm/sequence", target="obs/class")
train, valid, test = gl.data.split(data, seed=0)
model = gl.dna.SequenceCNN(2, n_filters=16, width=11, n_layers=1, hidden=16, seed=1)
run = gl.Run(model, train, valid, gl.RunConfig(epochs=12, learning_rate=5e-3, threads=1))
panel = gl.widgets.TrainingPanel(run, rows="sequences")
explorer = gl.widgets.LatentExplorer(loci, None, color="class")
stop = explorer.watch(run)
"""


@pytest.fixture
def book(notebook):
    opened = notebook([SETUP, "panel", "explorer", "run.wait(); stop()"], height=1000)
    for index in range(3):
        opened.run(index, timeout=180)
    return opened


def test_the_panel_drives_a_sequence_model_and_the_explorer_follows_it(book):
    panel, explorer = book.cell(1).locator(".gl-training"), book.cell(2).locator(".gl-latent")
    explorer.locator(".gl-notice").filter(has_text="No coordinates yet").or_(
        explorer.locator("canvas").first
    ).first.wait_for()
    panel.get_by_role("button", name="Start").click()
    book.run(3, timeout=300)
    explorer.locator(".gl-caption").filter(has_text="epoch 12 of 12").wait_for(timeout=30_000)
    panel.locator(".gl-training-epochs").filter(has_text="12").wait_for()
    assert "600 sequences" in explorer.locator(".gl-counts").inner_text()
    labels = [label.inner_text() for label in panel.locator("label").all()]
    assert any("Dropout" in label for label in labels)  # the model's own live control
    book.run_code("now = gl.infer.embed(model, data)")
    assert book.run_code("print(np.array_equal(explorer.coordinates, now))") == "True\n"
    book.screenshot("sequences-panel", panel)


def hover(book) -> tuple[Explorer, Locator]:
    """Show the explorer anew, point at its first row, and return both it and the tooltip."""
    book.page.mouse.move(5, 5)
    book.run(2)
    explorer = Explorer(book, 2)
    places = "(lambda x: 10 * (x[0] - x.min(axis=0)) / np.ptp(x, axis=0))(loci.obsm['X_cnn'][:, :2])"
    x, y = map(float, book.run_code(f"print(*{places})").split())
    book.page.mouse.move(*explorer.at(x, y))
    tip = explorer.root.locator(".gl-tip")
    tip.wait_for()
    return explorer, tip


def test_hovering_shows_the_sequence_its_logo_and_another_hook_what_it_likes(book):
    book.run_code("run.fit(); explorer.unwatch(); loci.obsm['X_cnn'] = gl.infer.embed(model, data)")
    book.run_code("explorer = gl.widgets.LatentExplorer(loci, 'X_cnn', color='class')")
    explorer, tip = hover(book)
    tip.locator("canvas").nth(1).wait_for()
    name = tip.locator(".gl-tip-name").inner_text()
    shown = tip.locator("canvas").first.get_attribute("aria-label")
    own = book.run_code(
        f"print(gl.sequences.decode_one_hot(loci.obsm['sequence'][[loci.obs_names.get_loc('{name}')]])[0])"
    ).strip()
    assert shown
    assert shown in own
    assert "nearest" in tip.inner_text()
    book.screenshot("sequences-hover", explorer.root)
    box, frame = tip.bounding_box(), explorer.picture.bounding_box()
    assert box["x"] >= frame["x"] - 1
    assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    book.run_code(  # names that were asked for before are kept by the view, so a new explorer is made
        "loci.obsm['attribution'] = gl.dna.attribute(model, data, target='motif')\n"
        "explorer = gl.widgets.LatentExplorer(loci, 'X_cnn', color='class')"
    )
    book.theme(dark=True)
    explorer, tip = hover(book)
    tip.locator("canvas").nth(1).wait_for()
    assert "contributions" in tip.inner_text()
    book.screenshot("sequences-hover-dark", explorer.root)
    circle = '<circle cx="30" cy="20" r="15"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40" width="90" height="60">{circle}</svg>'
    book.run_code(
        "from genolab.widgets.latent.tooltip import picture, text\n"
        f"hook = lambda row: [text('<b>IC50</b> 3'), picture(b'{svg}', caption='benzene', height=60)]\n"
        "explorer = gl.widgets.LatentExplorer(loci, 'X_cnn', hover=hook, rows='compounds')"
    )
    explorer, tip = hover(book)
    tip.locator("img").wait_for()
    assert "<b>IC50</b> 3" in tip.inner_text()
    assert tip.locator("img").evaluate("(image) => image.naturalWidth") > 0
    assert "600 compounds" in explorer.root.locator(".gl-counts").inner_text()
    book.screenshot("sequences-hover-hook", explorer.root)


FIGURES = """
random = np.random.default_rng(0)
scores = gl.dna.attribute(model, test, target="motif", hypothetical=True)[:1]
genome = gl.data.fetch("yeast_genome")
tags = gl.sequences.tag_genome(genome)["chrI"][:100_000]
sharp = np.eye(11, dtype=np.float32)[tags]
around = np.lib.stride_tricks.sliding_window_view(np.pad(sharp, ((12, 12), (0, 0))), 25, axis=0).mean(axis=-1)
noise = random.normal(size=100_000)
"""
DRAWN = {
    "logo": "gl.dna.plot.logo(scores[0] * test.batch([0]).x[0].numpy())",
    "mutation-map": "gl.dna.plot.mutation_map(scores[0], test.batch([0]).x[0].numpy())",
    "filters": "gl.dna.plot.filters(model, test)",
    "tracks": "gl.dna.plot.tracks({'SGD': genome}, around, noise, chromosome='chrI')",
}


def test_logos_maps_filters_and_tracks_are_drawn(notebook):
    book = notebook([SETUP + FIGURES, *DRAWN.values()], height=1000)
    book.run(0, timeout=180)
    for index, name in enumerate(DRAWN, start=1):
        book.run(index, timeout=180)
        plot = book.cell(index).locator(".js-plotly-plot").first
        plot.locator(".main-svg").first.wait_for(timeout=60_000)
        plot.scroll_into_view_if_needed()
        book.draw()
        book.screenshot(f"figure-{name}", plot)
    shapes = book.cell(1).locator(".js-plotly-plot path.js-fill").count()
    assert shapes == 4  # one shape a base, however long the sequence

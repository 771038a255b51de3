"""What the widgets cost, measured in a real JupyterLab and Chromium with software WebGL, and how long genolab imports.

    .venv/bin/python tests/benchmarks/widgets.py [--quick] [--only PART]

Run it on an idle machine: a busy core falls on every figure. `--quick` repeats less. The last line is JSON.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import test_latent_explorer, test_mutation_view, test_sequences, test_training_panel
from browser.lab import CHROMIUM_FLAGS, Notebook, find_browser, serve

Open = Callable[..., Notebook]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part of it")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with jupyterlab() as notebook:
        for name, part in PARTS.items():
            if options.only in (None, name):
                found = part(notebook, quick=options.quick)
                figures |= found
                for key, value in found.items():
                    print(f"{key:<32} {value:>10.3f}")
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}))


@contextlib.contextmanager
def jupyterlab() -> Iterator[Open]:
    """Serve JupyterLab; what it gives opens a notebook of code cells in a page and with a kernel of its own."""
    with tempfile.TemporaryDirectory() as home, serve(Path(home)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_FLAGS)
        opened: list[Notebook] = []

        def open_notebook(cells: list[str], *, height: int = 900, init: str = "") -> Notebook:
            while opened:
                opened.pop().close()
            page = browser.new_page(viewport={"width": 1280, "height": height})
            page.add_init_script(init)
            opened.append(Notebook(page, server, cells, name="benchmark"))
            return opened[-1]

        yield open_notebook
        browser.close()


# ---- importing -------------------------------------------------------------------------------------------------------

IMPORT = "import time; start = time.perf_counter(); import genolab; print(time.perf_counter() - start)"


def importing(_notebook: Open, *, quick: bool) -> dict[str, float]:
    runs = [subprocess.check_output([sys.executable, "-c", IMPORT], text=True) for _ in range(3 if quick else 10)]
    return {"import_s": min(map(float, runs))}


# ---- the training panel ----------------------------------------------------------------------------------------------

CLICKS = """() => { window.clicks = []; document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-key=pause]');
    if (button) window.clicks.push((performance.timeOrigin + event.timeStamp) / 1000);
}, true); }"""

PAUSED = """
paused = []
def note(run, event):
    if event == "state" and run.status.state == "paused":
        paused.append(time.time())
run.listen(note);
"""


def pause(notebook: Open, *, quick: bool) -> dict[str, float]:
    """From a click on Pause to the run's pausing."""
    panel = test_training_panel.opened(notebook)
    page, n = panel.book.page, 10 if quick else 30
    page.evaluate(CLICKS)
    panel.book.run_code(PAUSED)
    panel.press("start", "cells/s")
    button = panel.button("pause")
    for _ in range(n):
        page.wait_for_timeout(120)  # neither in step with the panel's beats nor with the epochs
        button.click()
        panel.sees("paused at step")
        panel.press("start", "cells/s")
    effects = json.loads(panel.book.run_code("print(json.dumps(paused))"))
    clicks = page.evaluate("window.clicks")
    milliseconds = [1000 * (effect - click) for click, effect in zip(clicks, effects, strict=True)]
    p95 = statistics.quantiles(milliseconds, n=20, method="inclusive")[-1]
    return {"pause_p50_ms": statistics.median(milliseconds), "pause_p95_ms": p95}


# One run with an open panel and one without, in turn, so that what else the machine does falls on both.
SLOWDOWN = """
import statistics
alone = make()
def speed(one, seconds=0.8):
    one.start()
    time.sleep(0.2)
    steps, start = one.status.step, time.perf_counter()
    time.sleep(seconds)
    found = (one.status.step - steps) / (time.perf_counter() - start)
    one.pause()
    while one.status.state != "paused":
        time.sleep(0.005)
    return found
def error():
    low, _, high = statistics.quantiles(slower, n=4)
    return 0.93 * (high - low) / len(slower) ** 0.5  # standard error of a median
speed(run, 1), speed(alone, 1)
slower = []
for number in range(12):
    order = (run, alone) if number % 2 else (alone, run)
    found = {one: speed(one) for one in order}
    slower.append(100 * (1 - found[run] / found[alone]))
errors = [str(e) for e in run.listener_errors]
print(json.dumps({"percent": statistics.median(slower), "error": error(), "errors": errors}))
"""


def slowdown(notebook: Open, *, quick: bool) -> dict[str, float]:
    """How much slower training is below an open panel, in percent."""
    source = SLOWDOWN.replace("range(12)", "range(4)") if quick else SLOWDOWN
    panel = test_training_panel.opened(notebook, source)
    panel.node.scroll_into_view_if_needed()
    panel.book.start(2)
    found = json.loads(panel.book.wait(2, timeout=240))
    return {"panel_slowdown_percent": found["percent"], "panel_slowdown_error": found["error"]}


# ---- the explorer ----------------------------------------------------------------------------------------------------

MANY = """
import time
import anndata, matplotlib.figure, numpy as np, pandas as pd, scipy.sparse
import matplotlib.backends.backend_agg, matplotlib.font_manager  # as scanpy loads them in every real notebook
import genolab as gl
random = np.random.default_rng(0)
n = {n}
kind = random.integers(0, 12, n)
angle = kind / 12 * 2 * np.pi
centre = np.stack([6 * np.cos(angle), 6 * np.sin(angle)], axis=1)
cells = anndata.AnnData(scipy.sparse.csr_matrix((n, 10), dtype="float32"))
cells.obs["cell_type"] = pd.Categorical.from_codes(kind, [f"type {{i}}" for i in range(12)])
cells.obsm["X_vae"] = (centre + random.normal(size=(n, 2))).astype("float32")
gl.widgets.LatentExplorer
"""
DISPLAY = "begun = time.time()\nexplorer = gl.widgets.LatentExplorer(cells, 'X_vae', color='cell_type')\nexplorer"
# The frame is done when its pixels can be read: until then a software WebGL may have drawn nothing.
FRAMES = """
window.drawn = [];
const draw = WebGL2RenderingContext.prototype.drawElements;
WebGL2RenderingContext.prototype.drawElements = function (...args) {
  draw.apply(this, args);
  this.readPixels(0, 0, 1, 1, this.RGBA, this.UNSIGNED_BYTE, new Uint8Array(4));
  window.drawn.push((performance.timeOrigin + performance.now()) / 1000);
};
const up = () => { window.up = (performance.timeOrigin + performance.now()) / 1000; };
document.addEventListener("pointerup", up, true);
"""
LISTEN = "heard = []\nexplorer.observe(lambda change: heard.append((time.time(), change['new'])), 'n_selected')"


def first_render_and_lasso(notebook: Open, n: int, *, repeats: int) -> tuple[list[float], list[float]]:
    """Return seconds from the running of the cell to the first frame, and from mouse-up to the mask in the kernel."""
    book = notebook([MANY.format(n=n), DISPLAY, LISTEN], init=FRAMES)
    book.run(0, timeout=120)
    renders, lassos = [], []
    for _ in range(repeats):
        book.page.evaluate("window.drawn = []")
        book.start(1)
        book.page.wait_for_function("window.drawn.length > 0", timeout=60_000)
        book.wait(1)
        renders.append(book.page.evaluate("window.drawn[0]") - float(book.run_code("print(begun)")))
    book.run(2)
    explorer = test_latent_explorer.Explorer(book)
    book.page.wait_for_timeout(500)
    explorer.tool("Lasso")
    for i in range(repeats):
        explorer.draw((1 + i, 1), (9, 2), (9 - i, 9), (5, 4), (2, 9), steps=12)
        told = f"import json; print(json.dumps(heard[{i}] if len(heard) > {i} else None))"
        found = None
        while found is None:
            found = json.loads(book.run_code(told))
        lassos.append(found[0] - book.page.evaluate("window.up"))
        assert found[1] == int(book.run_code("print(int(explorer.selection.sum()))")) > n / 100
    book.screenshot(f"explorer-{n}", explorer.root)
    return renders, lassos


def explorer(notebook: Open, *, quick: bool) -> dict[str, float]:
    figures = {}
    for name, n, repeats in (("", 100_000, 2 if quick else 5), ("_1m", 1_000_000, 1 if quick else 3)):
        renders, lassos = first_render_and_lasso(notebook, n, repeats=repeats)
        figures[f"explorer{name}_first_render_s"] = statistics.median(renders)
        figures[f"explorer{name}_lasso_s"] = statistics.median(lassos)
    return figures


# ---- sequences -------------------------------------------------------------------------------------------------------

# From a key press to the frame that shows its answer: the model was asked, and prediction and contributions are drawn.
ANSWER = """(root) => new Promise((done) => {
    const before = Number(root.dataset.drawn);
    const begun = performance.now();
    const watch = new MutationObserver(() => {
        if (Number(root.dataset.drawn) <= before) return;
        watch.disconnect();
        requestAnimationFrame(() => done(performance.now() - begun));
    });
    watch.observe(root, { attributes: true, attributeFilter: ["data-drawn"] });
    const stage = root.querySelector(".gl-stage");
    stage.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true }));
})"""


def mutation(notebook: Open, *, quick: bool) -> dict[str, float]:
    figures = {}
    for length in (60, 200):
        view = test_mutation_view.opened(notebook, length=length)
        view.press("Home", "ArrowDown")
        handle, times = view.root.element_handle(), []
        for _ in range(7 if quick else 21):
            times.append(view.page.evaluate(ANSWER, handle))
            view.press("ArrowRight", "ArrowRight")
        figures[f"mutation_{length}_bases_ms"] = statistics.median(times)
    return figures


ZOOM = """async (plot) => {
    const times = [];
    for (const range of [[20000, 60000], [30000, 40000], [33000, 34000], [-0.5, 99999.5], [50000, 99000]]) {
        const begun = performance.now();
        await Plotly.relayout(plot, { 'xaxis.range': range });
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        times.push(performance.now() - begun);
    }
    return times;
}"""


def tracks(notebook: Open, *, quick: bool) -> dict[str, float]:
    """From a new range of 100,000 bases to the frame that shows it."""
    del quick
    book = notebook([test_sequences.SETUP + test_sequences.FIGURES, test_sequences.DRAWN["tracks"]], height=1000)
    book.run(0, timeout=180)
    book.run(1, timeout=180)
    plot = book.cell(1).locator(".js-plotly-plot").first
    plot.locator(".main-svg").first.wait_for(timeout=60_000)
    return {"tracks_100kb_zoom_ms": statistics.median(plot.evaluate(ZOOM))}


PARTS = {
    "importing": importing,
    "pause": pause,
    "slowdown": slowdown,
    "explorer": explorer,
    "mutation": mutation,
    "tracks": tracks,
}

if __name__ == "__main__":
    main()

"""Notebooks run without a screen, and their pages open without a network."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser.lab import CHROMIUM_FLAGS, find_browser
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import sync_playwright
from remote_loads import remote_loads

from genolab.jupyter import execute
from genolab.jupyter.page import to_html

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
PLOTLY = "application/vnd.plotly.v1+json"
FIGURE = {"data": [{"y": [1, 2], "name": "</script><b>IL7R</b>"}], "layout": {"title": {"text": "Loss"}}}


def save(folder: Path, *cells: str, name: str = "lesson.ipynb") -> Path:
    folder.mkdir(exist_ok=True)
    notebook = new_notebook(cells=[new_markdown_cell("# A lesson"), *map(new_code_cell, cells)])
    nbformat.write(notebook, folder / name)
    return folder / name


def shown(data: dict[str, Any], **metadata: Any) -> NotebookNode:
    """A notebook that was executed and shows one output."""
    cell = new_code_cell("show", execution_count=1, outputs=[new_output("display_data", data=data)])
    return new_notebook(cells=[cell], metadata=metadata)


def page_of(notebook: NotebookNode, **options: str) -> str:
    return to_html(notebook, name="lesson", folder=Path(), **options)


def body_of(page: str) -> str:
    return page[page.index("<main>") :]


def test_outputs_and_page_are_left_and_the_source_is_not_touched(tmp_path: Path) -> None:
    bars = "import sys\nfor n in range(3):\n    print(f'\\r{n}/3', end='', flush=True)\n"
    shows = f"{bars}    import time\n    time.sleep(0.05)\nx = 6\ndisplay('first', display_id='d')"
    updates = "from IPython.display import update_display\nupdate_display('last', display_id='d')\nx * 7"
    source = save(tmp_path / "in", shows, updates)
    before = source.read_bytes()
    outcome = execute.run(source, tmp_path / "out", timeout=60)
    assert outcome.failure is None
    assert outcome.notebook == tmp_path / "out" / "lesson.ipynb"
    _, first, second = execute.read(outcome.notebook).cells
    assert second.outputs[0].data["text/plain"] == "42"
    assert (first.outputs[0].text, first.outputs[1].data["text/plain"]) == ("2/3", "'last'")  # a bar, then a picture
    assert ">42<" in re.sub(r"\s", "", body_of(outcome.page.read_text()))
    assert source.read_bytes() == before
    assert len(outcome.seconds) == 2


def test_each_cell_is_counted_as_it_ends(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = save(tmp_path / "in", "1", "", "2")  # an empty cell is none
    execute.run(source, tmp_path / "out", watch=lambda done, total: seen.append((done, total)), timeout=60)
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_a_notebook_runs_in_its_own_folder(tmp_path: Path) -> None:
    source = save(tmp_path / "in", "open('here.txt').read()")
    (tmp_path / "in" / "here.txt").write_text("found")
    assert execute.run(source, tmp_path / "out", timeout=60).failure is None


def test_a_failing_cell_is_named_with_its_line_and_ends_the_run(tmp_path: Path) -> None:
    source = save(tmp_path / "in", "print('before')", "import json\ntext = '{'\njson.loads(text)\n", "print('after')")
    outcome = execute.run(source, tmp_path / "out", timeout=60)
    failure = outcome.failure
    assert failure is not None
    assert (failure.cell, failure.line, failure.source) == (2, 3, "json.loads(text)")  # not the line within json
    assert failure.error.startswith("JSONDecodeError: Expecting property name")
    assert str(failure).startswith("cell [2], line 3: JSONDecodeError")
    outputs = [cell.outputs for cell in execute.read(outcome.notebook).cells[1:]]
    assert [len(output) for output in outputs] == [1, 1, 0]


def test_the_page_of_a_failed_run_says_so_and_leads_to_the_cell(tmp_path: Path) -> None:
    outcome = execute.run(save(tmp_path / "in", "1 / 0"), tmp_path / "out", timeout=60)
    page, cell = outcome.page.read_text(), execute.read(outcome.notebook).cells[1]
    assert f'href="#cell-id={cell.id}"' in page
    assert f'id="cell-id={cell.id}"' in page
    assert "This run stopped at cell [1], line 1: ZeroDivisionError" in page


def test_an_error_while_an_object_is_shown_fails_its_cell(tmp_path: Path) -> None:
    source = save(tmp_path / "in", "class C:\n    def _repr_mimebundle_(self, **k): raise KeyError('face')\nC()")
    failure = execute.run(source, tmp_path / "out", timeout=60).failure
    assert failure is not None
    assert failure.error == "KeyError: 'face'"


def test_a_cell_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    failure = execute.run(save(tmp_path / "in", "import time\ntime.sleep(60)"), tmp_path / "out", timeout=1).failure
    assert failure is not None
    assert failure.error == "it took longer than 1 s"


def test_a_kernel_that_dies_fails_its_cell(tmp_path: Path) -> None:
    failure = execute.run(save(tmp_path / "in", "import os\nos._exit(9)"), tmp_path / "out", timeout=60).failure
    assert failure is not None
    assert "the kernel died" in failure.error


def test_what_ran_before_an_interruption_is_kept(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    source = save(tmp_path / "in", "'first'", "'second'")
    with pytest.raises(KeyboardInterrupt):
        execute.run(source, tmp_path / "out", watch=interrupt, timeout=60)
    outputs = [cell.outputs for cell in execute.read(tmp_path / "out" / "lesson.ipynb").cells[1:]]
    assert [len(output) for output in outputs] == [1, 0]


def test_the_source_is_not_overwritten_unasked(tmp_path: Path) -> None:
    source = save(tmp_path, "1")
    with pytest.raises(ValueError, match="is the notebook itself"):
        execute.run(source, tmp_path)
    execute.run(source, tmp_path, inplace=True, timeout=60)
    assert execute.read(source).cells[1].execution_count == 1


@pytest.mark.parametrize("content", ["", "text", "{}", '{"nbformat": 4, "cells": 3}', "[1]"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "lesson.ipynb").write_text(content)
    with pytest.raises(ValueError, match=r"lesson.ipynb is not a Jupyter notebook"):
        execute.read(tmp_path / "lesson.ipynb")


def test_a_page_has_one_plotly_for_all_its_figures() -> None:
    notebook = shown({PLOTLY: FIGURE})
    notebook.cells += shown({PLOTLY: FIGURE}).cells
    page = page_of(notebook)
    assert body_of(page).count('<div class="genolab-plotly"') == 2
    assert page.count("plotly.js v") == 1
    assert "plotly.js v" not in page_of(shown({"text/plain": "1"}))


def test_text_in_a_figure_cannot_end_its_script() -> None:
    scripts = re.findall(r'<script type="application/json">(.*?)</script>', body_of(page_of(shown({PLOTLY: FIGURE}))))
    assert [json.loads(script)["data"] for script in scripts] == [FIGURE["data"]]


def test_a_page_loads_nothing_from_elsewhere() -> None:
    cells = [new_markdown_cell("$x$ [paper](https://example.org)\n\n```mermaid\ngraph LR; A-->B\n```")]
    notebook = shown({PLOTLY: FIGURE}, widgets={STATE: {"state": {}}})
    notebook.cells = cells + notebook.cells
    assert remote_loads(page_of(notebook)) == []
    assert remote_loads('<script src="https://a.b/c.js"></script><style>a{b:url(https://c.d)}</style>') != []


def test_a_widget_is_shown_by_its_picture() -> None:
    body = body_of(page_of(shown({VIEW: {"model_id": "a"}, "image/png": PNG, "text/plain": "Panel()"})))
    assert f"data:image/png;base64,{PNG}" in body
    assert "Panel()" not in body


def test_a_widget_without_picture_says_where_it_lives() -> None:
    body = body_of(page_of(shown({VIEW: {"model_id": "a"}, "text/plain": "IntSlider(value=3)"})))
    assert "open the notebook in JupyterLab" in body


def test_a_progress_bar_keeps_its_last_state() -> None:
    state = {
        "bar": {"state": {"_model_name": "HBoxModel", "children": ["IPY_MODEL_text", "IPY_MODEL_fill"]}},
        "text": {"state": {"_model_name": "HTMLModel", "value": "100% <b>&lt;i&gt;</b>"}},
        "fill": {"state": {"_model_name": "FloatProgressModel", "min": 0.0, "max": 30.0, "value": 30.0}},
    }
    notebook = shown({VIEW: {"model_id": "bar"}, "text/plain": "  0%"}, widgets={STATE: {"state": state}})
    body = body_of(page_of(notebook))
    assert '<progress max="30" value="30">' in body
    assert "100% &lt;i&gt;" in body  # the text, never as HTML


def test_formulas_are_drawn_by_the_browser_itself() -> None:
    notebook = new_notebook(cells=[new_markdown_cell("$\\beta$ and\n\n$$\\frac{a}{b}$$")])
    notebook.cells += shown({"text/latex": "$\\displaystyle c^2$", "text/plain": "c**2"}).cells
    body = body_of(page_of(notebook))
    assert body.count("<math") == 3
    assert "<mfrac" in body


def test_a_formula_that_is_not_understood_is_shown_as_written() -> None:
    assert "<code>\\frac{</code>" in body_of(page_of(new_notebook(cells=[new_markdown_cell("$\\frac{$")])))


def test_a_link_to_a_notebook_leads_to_its_page() -> None:
    cell = new_markdown_cell("[next](01_next.ipynb#data) [theirs](https://example.org/a.ipynb)")
    body = body_of(page_of(new_notebook(cells=[cell])))
    assert 'href="01_next.html#data"' in body
    assert 'href="https://example.org/a.ipynb"' in body


def test_a_notice_is_text() -> None:
    page = page_of(shown({"text/plain": "1"}), notice="<script>alert(1)</script>", cell_id='"><script>')
    assert "<script>alert" not in page
    assert '"><script>' not in body_of(page)


def test_making_a_page_leaves_the_notebook_as_it_was() -> None:
    notebook = shown({PLOTLY: FIGURE}, widgets={STATE: {"state": {}}})
    before = nbformat.writes(notebook)
    page_of(notebook)
    assert nbformat.writes(notebook) == before


def test_a_page_draws_its_figures_in_a_browser_without_network(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page_of(shown({PLOTLY: FIGURE})), encoding="utf-8")
    asked: list[str] = []
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_FLAGS)
        page = browser.new_context(offline=True).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(".genolab-plotly .main-svg")
        titles = page.eval_on_selector_all(".modebar-btn", "found => found.map(button => button.dataset.title)")
        browser.close()
    assert [url for url in asked if url.startswith("http")] == []
    assert problems == []
    assert not [title for title in titles if "Share" in title or "Cloud" in title or "Edit" in title]
    assert any("PNG" in title for title in titles)

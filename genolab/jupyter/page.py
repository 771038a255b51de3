"""Make a page of an executed notebook that opens without a network.

What a live page fetches or draws by itself is put into the file: plotly's figures with one copy of plotly.js, formulas
as MathML, and widgets as the picture that they carry for static viewers. nbconvert alone would load all three from the
web, and leave the widgets blank.
"""

import copy
import html
import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

# nbconvert warns of every picture without a description; those of a notebook's outputs can't have one.
_LOG = logging.getLogger(__name__)
_LOG.setLevel(logging.ERROR)

_VIEW: Final = "application/vnd.jupyter.widget-view+json"
_STATE: Final = "application/vnd.jupyter.widget-state+json"
_PLOTLY: Final = "application/vnd.plotly.v1+json"


_NO_PICTURE = '<p class="genolab-note">A live widget stands here: open the notebook in JupyterLab to use it.</p>'

_STYLE = """<style>
main { max-width: 72rem; margin: 0 auto; }
.genolab-row { display: flex; gap: 0.75em; align-items: center; font: 13px var(--jp-ui-font-family); }
.genolab-note, .genolab-notice { font-family: var(--jp-ui-font-family); }
.genolab-notice { border-left: 4px solid var(--jp-error-color1); margin: 1em; padding: 0.5em 1em; }
.genolab-notice { white-space: pre-line; }
math[display="block"] { margin: 0.75em 0; }
</style>
"""

# Plotly's own button uploads a figure to its maker's server; the data may be a patient's, so that the page has none.
_DRAW = """<script>
window.addEventListener("DOMContentLoaded", () => {
  const uploads = ["sendDataToCloud", "sendChartToCloud"];
  const config = {responsive: true, displaylogo: false, modeBarButtonsToRemove: uploads};
  for (const place of document.querySelectorAll("div.genolab-plotly")) {
    const figure = JSON.parse(place.querySelector("script").textContent);
    const drawn = document.createElement("div");
    place.appendChild(drawn);
    Plotly.newPlot(drawn, figure.data, figure.layout, config)
      .then(() => Object.keys(figure.frames).length && Plotly.addFrames(drawn, figure.frames));
  }
});
</script>
"""


def to_html(notebook: NotebookNode, *, name: str, folder: Path, notice: str = "", cell_id: str = "") -> str:
    """Return the page of an executed notebook, which isn't changed.

    Its own pictures are looked for in `folder` and become part of the page. `notice` is shown at the top, such as where
    the run stopped, with a link to the cell `cell_id`.
    """
    notebook = copy.deepcopy(notebook)
    widgets = notebook.metadata.pop("widgets", {}).get(_STATE, {}).get("state", {})
    for output in (output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output):
        output["data"] = _static(output["data"], widgets)
    resources = {"metadata": {"name": name, "path": str(folder)}}
    exporter = _OfflineExporter(embed_images=True, log=_LOG)  # type: ignore[no-untyped-call]  # nbconvert's
    body, _ = exporter.from_notebook_node(notebook, resources)
    head = _STYLE + (_plotly_script() if 'class="genolab-plotly"' in body else "")
    return str(body).replace("</head>", head + "</head>", 1).replace("<main>", "<main>" + _banner(notice, cell_id), 1)


def _static(data: Mapping[str, Any], widgets: Mapping[str, Any]) -> dict[str, Any]:
    """Choose the forms of an output that need neither a kernel nor a network."""
    if _PLOTLY in data:
        return {"text/html": _plotly_html(data[_PLOTLY])}
    kept = {kind: value for kind, value in data.items() if kind != _VIEW}
    if _VIEW in data and not {"image/png", "image/svg+xml", "text/html"} & set(kept):
        return {"text/html": _widget_html(data[_VIEW]["model_id"], widgets) or _NO_PICTURE}
    if "text/latex" in kept and "text/html" not in kept:
        kept["text/html"] = _formula(kept["text/latex"].strip().strip("$"), display="block")
    return kept


def _plotly_html(figure: Mapping[str, Any]) -> str:
    # "<" is written as an escape, so that no text in a figure can end the script element that holds it.
    text = json.dumps({key: figure.get(key, {}) for key in ("data", "layout", "frames")}).replace("<", "\\u003c")
    height = figure.get("layout", {}).get("height", 450)
    return (
        f'<div class="genolab-plotly" style="min-height: {float(height):g}px">'
        f'<script type="application/json">{text}</script></div>'
    )


def _widget_html(model_id: str, widgets: Mapping[str, Any]) -> str:
    """Draw the last state of the core widgets that show text or progress, such as tqdm's bar."""
    state = widgets.get(model_id, {}).get("state", {})
    model = state.get("_model_name", "")
    if "children" in state:
        parts = "".join(_widget_html(child.removeprefix("IPY_MODEL_"), widgets) for child in state["children"])
        return parts and f'<div class="genolab-{"row" if model.startswith("HBox") else "column"}">{parts}</div>'
    if model in {"FloatProgressModel", "IntProgressModel"}:
        low, high = float(state.get("min", 0)), float(state.get("max", 100))
        return f'<progress max="{high - low:g}" value="{float(state.get("value", 0)) - low:g}"></progress>'
    if model in {"HTMLModel", "LabelModel", "HTMLMathModel"}:
        return f"<span>{html.escape(html.unescape(re.sub('<[^>]*>', '', str(state.get('value', '')))))}</span>"
    return ""


def _formula(latex: str, *, display: str) -> str:
    try:
        return str(convert(latex, display=display))
    except Exception:  # noqa: BLE001, whatever the converter makes of TeX that it doesn't know, the page shows the TeX
        return f"<code>{html.escape(latex)}</code>"


def _banner(notice: str, cell_id: str) -> str:
    if not notice:
        return ""
    return f'<p class="genolab-notice">{html.escape(notice)} (<a href="#cell-id={html.escape(cell_id)}">show</a>)</p>'


@cache
def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return (
        f"<script>window.PlotlyConfig = {{MathJaxConfig: 'local'}};</script>\n<script>{get_plotlyjs()}</script>{_DRAW}"
    )


class _Renderer(IPythonRenderer):
    """Markdown whose formulas are MathML, which browsers draw, and whose links to notebooks lead to their pages."""

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, re.sub(r"^([^:]+)\.ipynb\b", r"\1.html", url), title)

    def block_math(self, body: str) -> str:
        return _formula(body, display="block")

    def inline_math(self, body: str) -> str:
        return _formula(body, display="inline")

    def latex_environment(self, name: str, body: str) -> str:
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", display="block")


class _OfflineExporter(HTMLExporter):
    """nbconvert's page without the scripts that it loads from the web."""

    raw_template = (
        '{%- extends "lab/index.html.j2" -%}{% block html_head_js %}{% endblock %}{% block jupyter_widgets %}'
        "{% endblock %}{% block html_head_js_mathjax %}{% endblock %}{% block html_head_js_mermaidjs %}{% endblock %}"
    )

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render one markdown cell."""
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=self.embed_images,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            exclude_anchor_links=True,
        )
        return MarkdownWithMath(renderer=renderer).render(source)

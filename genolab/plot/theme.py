"""Figures that follow the theme of the page that they stand on, live and without a kernel.

A figure is written for white paper, so that a picture of it can be printed. Beside it stands an output with a style,
which gives what is drawn in ink the page's own colours: JupyterLab's, VS Code's, or the figure's own on other pages.
Plotly writes every colour into the element that has it, so that the style knows ink by its colour; figures without
this ink, or on paper of another colour, are left as they are. Colours of data stay.
"""

from string import Template
from typing import Final

from plotly.optional_imports import get_module

# Of a notebook that is opened again JupyterLab shows a picture until the pointer comes: the script draws the figure.
_BESIDE: Final = Template("""<style>
.jp-OutputArea-child:has(.genolab-figure-theme) { display: none; }
.js-plotly-plot:has(.main-svg[style*="background: white"]):has(text[style*="fill: $ink"]) {
  --gl-paper: var(--jp-layout-color0, var(--vscode-editor-background, white));
  --gl-ink: var(--jp-ui-font-color0, var(--vscode-editor-foreground, $ink));
  --gl-muted: color-mix(in srgb, var(--gl-ink) 68%, var(--gl-paper));
  --gl-grid: var(--jp-border-color2, var(--vscode-panel-border, $grid));
  .main-svg[style*="background: white"] { background: var(--gl-paper) !important; }
  :is(rect, path)[style*="fill: $white"] { fill: var(--gl-paper) !important; }
  path[style*="stroke: $white"] { stroke: var(--gl-paper) !important; }
  [style*="fill: $ink"] { fill: var(--gl-ink) !important; }
  [style*="stroke: $ink"] { stroke: var(--gl-ink) !important; }
  [style*="fill: $muted"] { fill: var(--gl-muted) !important; }
  :is([style*="stroke: $muted"], [style*="stroke: rgb(68, 68, 68)"]) { stroke: var(--gl-muted) !important; }
  [style*="stroke: $grid"] { stroke: var(--gl-grid) !important; }
  :is(.point, .scatterpts)[style*="fill: rgb(0, 0, 0)"] { fill: var(--gl-ink) !important; }
  path[style*="stroke: rgb(0, 0, 0)"] { stroke: var(--gl-ink) !important; }
  .gl-canvas { filter: drop-shadow(0 0 1px color-mix(in srgb, var(--gl-ink) 45%, transparent)); }
  .modebar-group { background: none !important; }
  .modebar-btn path { fill: var(--gl-ink) !important; fill-opacity: 0.5; }
  .modebar-btn:is(.active, :hover) path { fill-opacity: 1; }
}
</style>
<div class="genolab-figure-theme"><script>{
  const figure = document.currentScript?.closest(".jp-OutputArea-child")?.previousElementSibling;
  setTimeout(() => figure?.querySelector(".plot-img[src]")?.dispatchEvent(new Event("mouseenter")));
}</script></div>""")


def show_beside(**colours: str) -> None:
    """Put out the style beside the figure that was shown last; `colours` are its ``ink``, ``muted`` and ``grid``."""
    written = {name: _as_written(colour) for name, colour in colours.items()}
    display = get_module("IPython.display").display  # plotly shows figures by it, too
    display({"text/html": _BESIDE.substitute(written, white=_as_written("#ffffff"))}, raw=True)


def _as_written(colour: str) -> str:
    """Return a colour ``#rrggbb`` as browsers write it into an element."""
    return f"rgb({', '.join(map(str, bytes.fromhex(colour[1:])))})"

"""The dot plot: one genome across, the other up, and a line wherever the two are similar."""

from typing import TYPE_CHECKING, Final

import numpy as np
import plotly.graph_objects as go

from genolab.genomes.plot import layout
from genolab.plot.style import GRID, Figure, dress, legend_below
from genolab.sequences.plot_genes import STRAND

if TYPE_CHECKING:
    from genolab.genomes import Comparison

_STEPS: Final = 1500  # a bend of less than this part of the axis can't be seen
_SVG_UP_TO: Final = 20_000  # points; beyond, WebGL draws


def dotplot(comparison: "Comparison", *, title: str = "") -> Figure:
    """Draw the blocks that two genomes share: rising lines on the same strand, falling ones inverted.

    A line that breaks off and goes on at another height is a rearrangement; one that leaves at the top and comes back
    at the bottom is of circles that were cut open at different places.

    Genome a runs across, genome b up, both in bases from 0, several chromosomes one after the other. Insertions and
    deletions that are large enough to be seen bend the lines. The title is by default blocks, identity, inversions.
    """
    across, up = axes = layout.axes(comparison)
    paths = layout.paths(comparison, axes, bend=max(across.end, up.end) / _STEPS)
    texts = layout.describe(comparison)
    n_points = sum(len(path.points) + 1 for path in paths)
    figure = Figure()
    _set_axes(figure, across, up)
    for strand, name in layout.STRAND_NAMES.items():
        chosen = [path for path in paths if path.strand == strand]
        if chosen:
            figure.add_trace(_lines(chosen, texts, STRAND[strand], name, is_many=n_points > _SVG_UP_TO))
    dress(figure, title or layout.summary(comparison), height=680)
    if len({path.strand for path in paths}) > 1:
        legend_below(figure)
    return figure


def _lines(chosen: list[layout.Path], texts: list[str], colour: str, name: str, *, is_many: bool) -> go.Scatter:
    points = layout.with_gaps([path.points for path in chosen])
    return (go.Scattergl if is_many else go.Scatter)(
        x=points[:, 0],
        y=points[:, 1],
        mode="lines+markers",
        line={"color": colour, "width": 2.4},
        marker={"color": colour, "size": 2.4},  # keeps the shortest blocks visible
        text=[texts[path.row] for path in chosen for _ in range(len(path.points) + 1)],
        hovertemplate="%{text}<extra></extra>",
        name=name,
    )


def _set_axes(figure: Figure, across: layout.Axis, up: layout.Axis) -> None:
    for axis, update in ((across, figure.update_xaxes), (up, figure.update_yaxes)):
        several = len(axis.names) > 1
        unit = "chromosomes one after the other" if several else "bases, from 0"
        update(title_text=f"{axis.title}: {unit}", range=[0, axis.end], tickformat=",d", showgrid=not several)
        if several:
            middles, names = axis.labels()
            update(tickvals=middles, ticktext=names, ticks="")
    borders = [np.array([[at, 0.0], [at, up.end]]) for at in across.starts[1:]]
    borders += [np.array([[0.0, at], [across.end, at]]) for at in up.starts[1:]]
    if borders:
        points = layout.with_gaps(borders)
        quiet = {"hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=points[:, 0], y=points[:, 1], mode="lines", line={"color": GRID, "width": 1}, **quiet)
    figure.update_layout(hovermode="closest")

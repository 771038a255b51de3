"""The dot plot: one genome across, the other up, and a line wherever the two are alike."""

from typing import TYPE_CHECKING, Final

import numpy as np
import plotly.graph_objects as go

from genolab.genomes.plot import layout
from genolab.plot.style import GRID, Figure, dress, legend_below, plain
from genolab.sequences.plot_genes import STRAND

if TYPE_CHECKING:
    from genolab.genomes import Comparison

_STEPS: Final = 1500  # a bend of less than this part of the axis can't be seen
_SVG_UP_TO: Final = 20_000  # points; beyond, WebGL draws
_WAYS: Final = {"+": "same strand", "-": "other strand, inverted"}
_NAMED: Final = 0.03  # of the axis: a shorter chromosome has no room for its name


def dotplot(comparison: "Comparison", *, title: str = "") -> Figure:
    """Draw the blocks that two genomes share: rising lines on the same strand, falling ones inverted.

    A line that breaks off and goes on at another height tells of a rearrangement; one that leaves at the top and comes
    back at the bottom, of circles that were cut open at different places.

    Parameters
    ----------
    comparison
        What `genolab.genomes.compare` returns.
    title
        The finding; empty: blocks, identity, inversions.

    Returns
    -------
    plotly.graph_objects.Figure
        Genome a across, genome b up, both in bases from 0; several chromosomes one behind the other. Insertions and
        deletions that are large enough to be seen bend the lines.
    """
    across, up = axes = layout.axes(comparison)
    found = layout.paths(comparison, axes, bend=max(across.end, up.end) / _STEPS)
    texts = layout.describe(comparison)
    n_points = sum(len(path.points) + 1 for path in found)
    figure = Figure()
    _lay_out(figure, across, up)
    for strand, name in _WAYS.items():
        chosen = [path for path in found if path.strand == strand]
        if chosen:
            figure.add_trace(_lines(chosen, texts, STRAND[strand], name, is_many=n_points > _SVG_UP_TO))
    dress(figure, title or layout.finding(comparison), height=680)
    if len({path.strand for path in found}) > 1:
        legend_below(figure)
    return figure


def _lines(chosen: list[layout.Path], texts: list[str], colour: str, name: str, *, is_many: bool) -> go.Scatter:
    """Draw all blocks of a strand as one trace; the small markers keep the shortest ones in sight."""
    points = layout.broken([path.points for path in chosen])
    words = [texts[path.row] for path in chosen for _ in range(len(path.points) + 1)]
    return (go.Scattergl if is_many else go.Scatter)(
        x=points[:, 0],
        y=points[:, 1],
        mode="lines+markers",
        line={"color": colour, "width": 2.4},
        marker={"color": colour, "size": 2.4},
        text=words,
        hovertemplate="%{text}<extra></extra>",
        name=name,
    )


def _lay_out(figure: Figure, across: layout.Axis, up: layout.Axis) -> None:
    for axis, update in ((across, figure.update_xaxes), (up, figure.update_yaxes)):
        several = len(axis.names) > 1
        unit = "chromosomes one behind the other" if several else "bases, from 0"
        update(title_text=f"{axis.title}: {unit}", range=[0, axis.end], tickformat=",d", showgrid=not several)
        if several:
            wide = np.flatnonzero(axis.lengths > _NAMED * axis.end)
            middles = (axis.starts + axis.lengths / 2)[wide]
            update(tickvals=middles, ticktext=[plain(axis.names[at]) for at in wide], ticks="")
    ends = [np.array([[at, 0.0], [at, up.end]]) for at in across.starts[1:]]
    ends += [np.array([[0.0, at], [across.end, at]]) for at in up.starts[1:]]
    if ends:
        points = layout.broken(ends)
        quiet = {"hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=points[:, 0], y=points[:, 1], mode="lines", line={"color": GRID, "width": 1}, **quiet)
    figure.update_layout(hovermode="closest")

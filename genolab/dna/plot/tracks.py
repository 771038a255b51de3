"""A locus as tracks, one under the other: annotated genes, predictions, and their attribution."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from genolab import palette
from genolab.dna.plot import glyphs
from genolab.plot.style import FIRST, GRID, INK, MUTED, SECOND, Figure, dress, plain
from genolab.sequences.annotation import TAGS
from genolab.sequences.plot_genes import STRAND, draw_genes, genes_of, reach

Values = NDArray[np.float64]
Annotation: TypeAlias = AnnData | pd.DataFrame

_LETTERS_UP_TO: Final = 400  # bases; beyond, a logo's letters would be thinner than a pixel's line
_LEVELS: Final = 40  # steps from a prediction's lowest value to its highest: on 30 pixels, finer ones aren't seen
# Points: plotly thins an SVG line to the pixels there are, and WebGL takes seconds where there is no graphics card.
_SVG_UP_TO: Final = 300_000
_LANE: Final = 34.0  # pixels from gene to gene, with room for a name
_YELLOW: Final = "#f0e442"  # too light for a line on white


def tracks(
    annotation: Annotation | Mapping[str, Annotation] | None = None,
    prediction: Mapping[str, ArrayLike] | pd.DataFrame | ArrayLike | None = None,
    attribution: ArrayLike | None = None,
    *,
    chromosome: str | None = None,
    start: int = 0,
    end: int | None = None,
    title: str = "",
) -> Figure:
    """Draw a locus: its genes, a model's prediction for each base, and the attribution of that prediction.

    Genes on the + strand lie above the line and point right, those on the - strand below it and point left; coding
    parts are thick, introns thin. Dragging zooms, with Shift it moves, a double click shows all again, and the tracks
    move together. A hundred thousand bases with a dozen predictions stay fluent.

    Parameters
    ----------
    annotation
        An annotated genome, a table of features such as `genolab.genes.decode` returns, or a dictionary of several by
        name.
    prediction
        Name to ``(length,)`` values from `start` on, or a table with a column each; or the ``(length, n_tags)``
        probabilities of `genolab.genes.tag`, of which the three codon positions of a strand are added up.
    attribution
        ``(length,)`` or ``(4, length)`` from `start` on, from `genolab.dna.attribute` for one sequence. Up to 400 bases
        are drawn as letters.
    chromosome, start, end
        The locus, 0-based and half-open; by default the annotation's only chromosome, up to where the prediction or the
        attribution ends.
    title
        The finding; empty: the locus.
    """
    tables = _named(annotation)
    lines = _lines(prediction)
    scores = None if attribution is None else _scores(attribution)
    stop = _end(start, end, lines, scores)
    name = _chromosome(tables, chromosome)
    genes = [genes_of(table, name, start, stop) for table in tables.values()]
    heights = [_LANE * (high - low) for low, high in map(reach, genes)]  # pixels
    heights += [40.0 + 36 * len(lines)] * bool(lines) + [140.0] * (scores is not None)
    gap = 14 / (sum(heights) + 14 * (len(heights) - 1))
    figure = Figure(
        make_subplots(rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=gap)
    )
    for row, (label, some) in enumerate(zip(tables, genes, strict=True), start=1):
        draw_genes(figure, some, (start, stop), row)
        figure.update_yaxes(title_text=plain(label), row=row, col=1)
    if lines:
        _draw_lines(figure, lines, start, len(tables) + 1)
    if scores is not None:
        _draw_scores(figure, scores, start, len(heights))
    _lay_out(figure, start, stop, name, len(heights))
    locus = f"{plain(name)}, " if name else ""
    return dress(
        figure, title or f"{locus}{start:,} to {stop:,}", height=int(134 + sum(heights) + 14 * (len(heights) - 1))
    )


# ---- arguments ----


def _named(annotation: Annotation | Mapping[str, Annotation] | None) -> dict[str, pd.DataFrame]:
    if annotation is None:
        return {}
    named = {"genes": annotation} if isinstance(annotation, AnnData | pd.DataFrame) else dict(annotation)
    return {name: one.obs if isinstance(one, AnnData) else one for name, one in named.items()}


def _lines(prediction: Mapping[str, ArrayLike] | pd.DataFrame | ArrayLike | None) -> dict[str, Values]:
    if prediction is None:
        return {}
    if not isinstance(prediction, Mapping | pd.DataFrame):
        prediction = _by_tag(np.asarray(prediction))
    lines = {str(name): np.asarray(values, dtype=np.float64) for name, values in prediction.items()}
    for name, values in lines.items():
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ValueError(f"a prediction is one finite value a base; {name!r} has the shape {values.shape}")
    return lines


def _by_tag(probabilities: NDArray[Any]) -> dict[str, Values]:
    """Return the tags' probabilities by name; codon positions change from base to base, so their sum is drawn."""
    if probabilities.ndim != 2 or probabilities.shape[1] != len(TAGS):
        raise ValueError(
            f"a prediction without names is (length, {len(TAGS)}), the tags' probabilities, got the shape "
            f"{probabilities.shape}: give it names, as in {{'coding': values}}"
        )
    lines: dict[str, Values] = {}
    for tag, values in zip(TAGS, probabilities.T, strict=True):
        name = tag.rstrip("012")
        lines[name] = lines.get(name, 0) + values
    return lines


def _scores(attribution: ArrayLike) -> Values:
    scores = np.asarray(attribution, dtype=np.float64)
    if scores.ndim not in {1, 2} or (scores.ndim == 2 and scores.shape[0] != 4) or not np.isfinite(scores).all():
        raise ValueError(
            f"an attribution is finite, (length,) or (4, length), got the shape {scores.shape}: "
            "pass one row, as in scores[0]"
        )
    return scores


def _end(start: int, end: int | None, lines: Mapping[str, Values], scores: Values | None) -> int:
    lengths = {name: len(values) for name, values in lines.items()}
    lengths |= {} if scores is None else {"the attribution": scores.shape[-1]}
    lengths |= {} if end is None else {"start to end": end - start}
    if not lengths:
        raise ValueError("a locus needs an end: pass end=..., or a prediction or an attribution from start on")
    if len(set(lengths.values())) > 1 or min(lengths.values()) < 1:
        raise ValueError(f"all tracks go from start to end, at least one base; their lengths are {lengths}")
    return start + next(iter(lengths.values()))


def _chromosome(tables: Mapping[str, pd.DataFrame], chromosome: str | None) -> str | None:
    names = sorted({str(name) for table in tables.values() for name in table["chromosome"].unique()})
    if chromosome is not None:
        if tables and chromosome not in names:
            raise ValueError(f"the annotation has the chromosomes {names[:12]}, got chromosome={chromosome!r}")
        return chromosome
    if len(names) > 1:
        raise ValueError(
            f"the annotation has several chromosomes, {names[:12]}: say which, as in chromosome={names[0]!r}"
        )
    return names[0] if names else None


# ---- traces ----


def _draw_lines(figure: Figure, lines: Mapping[str, Values], start: int, row: int) -> None:
    """Draw each prediction on a floor of its own, the first uppermost, all to one scale."""
    low = min(0.0, *(float(values.min()) for values in lines.values()))
    high = max(1.0 if low == 0 else low + 1e-9, *(float(values.max()) for values in lines.values()))
    kept = {name: _corners(values, (high - low) / _LEVELS) for name, values in lines.items()}
    n_points = sum(map(len, kept.values()))
    for place, ((name, values), colour) in enumerate(zip(lines.items(), _colours(list(lines)), strict=True)):
        at, floor = kept[name], len(lines) - 1 - place
        figure.add_trace(
            _line(n_points)(
                x=start + at,
                y=(floor + 0.86 * (values[at] - low) / (high - low)).astype(np.float32),
                customdata=values[at].astype(np.float32),
                mode="lines",
                line={"color": colour, "width": 1.6},
                name=plain(name),
                hovertemplate="%{x:,d}: %{customdata:.3g}",
                showlegend=False,
            ),
            row=row,
            col=1,
        )
    names = [plain(name) for name in reversed(list(lines))]
    figure.update_yaxes(
        tickvals=[floor + 0.3 for floor in range(len(lines))], ticktext=names, ticks="", showgrid=False,
        range=[-0.1, len(lines)], row=row, col=1,
    )  # fmt: skip
    for floor in range(len(lines)):
        figure.add_hline(y=floor, line={"color": GRID, "width": 1}, row=row, col=1)


def _line(n_points: int) -> Any:
    """Choose the trace for a line of many points."""
    return go.Scatter if n_points <= _SVG_UP_TO else go.Scattergl


def _colours(names: Sequence[str]) -> list[str]:
    """Give what is of a strand the strand's colour, so that it goes with the genes; all else a colour of its own."""
    own = iter(colour for colour in palette.colours(len(names) + 6) if colour not in {FIRST, SECOND, _YELLOW})
    return [STRAND.get(name[-1:]) or next(own) for name in names]


def _corners(values: Values, step: float) -> NDArray[np.int32]:
    """Choose the points without which the line would look another: where it has moved by a step since the last one."""
    kept, last = [0], values[0]
    for at, value in enumerate(values.tolist()):
        if abs(value - last) > step:
            kept += [at - 1, at]  # flat up to here, then the move
            last = value
    return np.unique(np.array([*kept, len(values) - 1], dtype=np.int32))


def _draw_scores(figure: Figure, scores: Values, start: int, row: int) -> None:
    if scores.ndim == 2 and scores.shape[1] <= _LETTERS_UP_TO:
        for trace in glyphs.traces(scores, first=start):
            figure.add_trace(trace, row=row, col=1)
    flat = scores if scores.ndim == 1 else scores.sum(axis=0)
    drawn = scores.ndim == 1 or scores.shape[1] > _LETTERS_UP_TO
    figure.add_trace(
        _line(len(flat))(
            x=np.arange(start, start + len(flat), dtype=np.int32),
            y=flat.astype(np.float32),
            mode="lines" if drawn else "markers",
            line={"color": INK, "width": 1.2},
            marker={"opacity": 0},
            name="attribution",
            hovertemplate="%{x:,d}: %{y:.3g}<extra></extra>",
            showlegend=False,
        ),
        row=row,
        col=1,
    )
    figure.update_yaxes(title_text="Contribution", zeroline=True, zerolinecolor=MUTED, nticks=4, row=row, col=1)


def _lay_out(figure: Figure, start: int, end: int, chromosome: str | None, last: int) -> None:
    figure.update_xaxes(
        range=[start - 0.5, end - 0.5], minallowed=start - 0.5, maxallowed=end - 0.5, tickformat=",d",
        showgrid=False, showline=False, ticks="",
    )  # fmt: skip
    place = f"Position on {plain(chromosome)}, from 0" if chromosome else "Position, from 0"
    figure.update_xaxes(title_text=place, showline=True, ticks="outside", row=last, col=1)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(hovermode="closest", showlegend=False)

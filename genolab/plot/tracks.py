"""A locus as tracks, one under the other: what is annotated there, what a model predicts, and why."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from genolab import palette
from genolab.data.tags import Gene, coding_genes, trna_genes
from genolab.plot import letters
from genolab.plot.style import FIRST, GRID, INK, MUTED, SECOND, Figure, dress, plain, points

Values = NDArray[np.float64]
Annotation: TypeAlias = AnnData | pd.DataFrame

_LETTERS_UP_TO: Final = 400  # bases; beyond, a logo's letters would be thinner than a pixel's line
_NAMED: Final = 24  # genes whose names stand in the figure; all others show theirs under the pointer
_LEVELS: Final = (
    60  # steps between a prediction's lowest and highest value; on a floor of 40 pixels finer ones aren't seen
)
_STRAND: Final = {"+": FIRST, "-": SECOND}


def tracks(
    annotation: Annotation | Mapping[str, Annotation] | None = None,
    prediction: Mapping[str, ArrayLike] | pd.DataFrame | None = None,
    attribution: ArrayLike | None = None,
    *,
    chromosome: str | None = None,
    start: int = 0,
    end: int | None = None,
    title: str = "",
) -> Figure:
    """Draw a locus: its genes, what a model predicts for each base, and what speaks for it.

    Dragging across zooms, with Shift it moves, a double click shows all again; the tracks move together. A hundred
    thousand bases with a dozen predictions stay fluent.

    Parameters
    ----------
    annotation
        An annotated genome, a table of features such as `genolab.genes.decode` returns, or several by name:
        ``{"SGD": genome, "predicted": genes}``.
    prediction
        Name to ``(length,)`` values from `start` on, such as the tags' probabilities; or a table with a column each.
    attribution
        ``(length,)`` or ``(4, length)`` from `start` on, as `genolab.infer.attribute` gives it for one sequence. Up to
        400 bases the letters are drawn.
    chromosome
        Which one of the annotation; ``None``: the only one it has.
    start, end
        The locus, 0-based and half-open; ``end=None``: where the prediction or the attribution ends.
    title
        The finding; empty: the place.

    Returns
    -------
    plotly.graph_objects.Figure
        Genes on the + strand lie over the line and point right, those on the - strand lie under it and point left;
        coding parts are thick, introns thin.

    Raises
    ------
    ValueError
        There is nothing to draw, lengths differ, or the chromosome isn't in the annotation or isn't told.
    """
    tables = _named(annotation)
    lines = _lines(prediction)
    why = None if attribution is None else _scores(attribution)
    stop = _end(start, end, lines, why)
    where = _chromosome(tables, chromosome)
    heights = [1.0] * len(tables) + [min(4.0, 0.8 + 0.4 * len(lines))] * bool(lines) + [1.3] * (why is not None)
    figure = Figure(
        make_subplots(rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.03)
    )
    for row, (name, table) in enumerate(tables.items(), start=1):
        _draw_genes(figure, _genes_of(table, where, start, stop), (start, stop), row)
        figure.update_yaxes(title_text=plain(name), row=row, col=1)
    if lines:
        _draw_lines(figure, lines, start, len(tables) + 1)
    if why is not None:
        _draw_scores(figure, why, start, len(heights))
    _lay_out(figure, start, stop, where, len(heights))
    place = f"{plain(where)}, " if where else ""
    return dress(figure, title or f"{place}{start:,} to {stop:,}", height=int(150 + 105 * sum(heights)))


# ---- what is given ----


def _named(annotation: Annotation | Mapping[str, Annotation] | None) -> dict[str, pd.DataFrame]:
    if annotation is None:
        return {}
    several = {"genes": annotation} if isinstance(annotation, AnnData | pd.DataFrame) else dict(annotation)
    return {name: one.obs if isinstance(one, AnnData) else one for name, one in several.items()}


def _lines(prediction: Mapping[str, ArrayLike] | pd.DataFrame | None) -> dict[str, Values]:
    if prediction is None:
        return {}
    lines = {str(name): np.asarray(values, dtype=np.float64) for name, values in prediction.items()}
    for name, values in lines.items():
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ValueError(f"a prediction is one finite value a base; {name!r} has the shape {values.shape}")
    return lines


def _scores(attribution: ArrayLike) -> Values:
    scores = np.asarray(attribution, dtype=np.float64)
    if scores.ndim not in {1, 2} or (scores.ndim == 2 and scores.shape[0] != 4) or not np.isfinite(scores).all():
        raise ValueError(
            f"an attribution is finite, (length,) or (4, length), got the shape {scores.shape}: "
            "pass one row, as in scores[0]"
        )
    return scores


def _end(start: int, end: int | None, lines: Mapping[str, Values], why: Values | None) -> int:
    lengths = {name: len(values) for name, values in lines.items()}
    lengths |= {} if why is None else {"the attribution": why.shape[-1]}
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


# ---- genes ----


def _genes_of(table: pd.DataFrame, chromosome: str | None, start: int, end: int) -> list[Gene]:
    here = table[table["chromosome"] == chromosome]
    genes = [*coding_genes(here, dubious=True), *trna_genes(here)]
    names = _common_names(here)
    near = [
        gene._replace(name=names.get(gene.name, gene.name)) for gene in genes if start < gene.end and gene.start < end
    ]
    return sorted(near, key=lambda gene: (gene.start, gene.end))


def _common_names(table: pd.DataFrame) -> dict[str, str]:
    """Return the names that people call genes by, where the table has some beside its identifiers."""
    found: dict[str, str] = {}
    for column in ("name", "gene"):
        if column in table:
            known = table[column].astype(str)
            known = known[~known.isin(["", "nan", "None"])]
            found |= dict(zip(known.index.astype(str), known, strict=True))
    return found


def _lanes(genes: Sequence[Gene]) -> list[int]:
    """Give each gene the first lane of its strand that is free: 1, 2 ... over the line, -1, -2 ... under it."""
    ends: dict[int, int] = {}
    lanes = []
    for gene in genes:
        side = -1 if gene.strand == "-" else 1
        lane = side
        while ends.get(lane, -1) > gene.start:
            lane += side
        ends[lane] = gene.end
        lanes.append(lane)
    return lanes


def _draw_genes(figure: Figure, genes: Sequence[Gene], span: tuple[int, int], row: int) -> None:
    lanes = _lanes(genes)
    for strand, colour in _STRAND.items():
        chosen = [(gene, lane) for gene, lane in zip(genes, lanes, strict=True) if gene.strand == strand]
        if chosen:
            _draw_strand(figure, chosen, colour, row)
    _name_the_widest(figure, genes, lanes, span, row)
    top, bottom = max([1, *lanes]), min([-1, *lanes])
    figure.update_yaxes(
        range=[bottom - 0.75, top + 0.75], tickvals=[], zeroline=True, zerolinecolor=GRID, row=row, col=1
    )


def _draw_strand(figure: Figure, genes: Sequence[tuple[Gene, int]], colour: str, row: int) -> None:
    """Draw introns as one line, coding parts as one shape, and the ends as arrows: few traces for many genes."""
    gap = np.nan
    across: list[float] = [x for gene, _ in genes for x in (gene.start, gene.end, gap)]
    up: list[float] = [y for _, lane in genes for y in (lane, lane, gap)]
    quiet = {"hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=across, y=up, mode="lines", line={"color": colour, "width": 2}, row=row, col=1, **quiet)
    boxes = [(left, right, lane) for gene, lane in genes for left, right in gene.exons]
    across = [float(x) for left, right, _ in boxes for x in (left, right, right, left, left, gap)]
    up = [lane + y for _, _, lane in boxes for y in (-0.32, -0.32, 0.32, 0.32, -0.32, gap)]
    shape = {"mode": "lines", "line": {"width": 0.5, "color": colour}, "fill": "toself", "fillcolor": colour}
    figure.add_scatter(x=across, y=up, row=row, col=1, **shape, **quiet)
    forward = genes[0][0].strand == "+"
    figure.add_scatter(
        x=[gene.end if forward else gene.start for gene, _ in genes],
        y=[lane for _, lane in genes],
        mode="markers",
        marker={"symbol": "triangle-right" if forward else "triangle-left", "size": 13, "color": colour},
        hoverinfo="skip",
        showlegend=False,
        row=row,
        col=1,
    )
    figure.add_trace(_pointed(genes), row=row, col=1)


def _pointed(genes: Sequence[tuple[Gene, int]]) -> go.Scatter:
    """Return what is read under the pointer, at the middle and along each gene."""
    texts: list[str] = []
    across: list[float] = []
    up: list[int] = []
    for gene, lane in genes:
        parts = f"{len(gene.exons)} parts, " if len(gene.exons) > 1 else ""
        text = f"{plain(gene.name)} ({gene.strand})<br>{gene.start:,} to {gene.end:,}, {parts}{gene.length:,} bases"
        at = np.linspace(gene.start, gene.end, int(np.clip((gene.end - gene.start) // 150, 3, 25)))
        across.extend(at)
        up.extend([lane] * len(at))
        texts.extend([text] * len(at))
    return go.Scatter(
        x=across, y=up, text=texts, mode="markers", marker={"opacity": 0, "size": 16},
        hovertemplate="%{text}<extra></extra>", showlegend=False,
    )  # fmt: skip


def _name_the_widest(
    figure: Figure, genes: Sequence[Gene], lanes: Sequence[int], span: tuple[int, int], row: int
) -> None:
    order = sorted(range(len(genes)), key=lambda at: genes[at].start - genes[at].end)[:_NAMED]
    wide = [at for at in order if genes[at].end - genes[at].start > 0.035 * (span[1] - span[0])]
    if not wide:
        return
    middle = [(max(genes[at].start, span[0]) + min(genes[at].end, span[1])) / 2 for at in wide]
    figure.add_scatter(
        x=middle,
        y=[lanes[at] for at in wide],
        text=[plain(genes[at].name) for at in wide],
        mode="text",
        textposition=["top center" if lanes[at] > 0 else "bottom center" for at in wide],
        textfont={"size": 14, "color": INK},
        cliponaxis=True,
        hoverinfo="skip",
        showlegend=False,
        row=row,
        col=1,
    )


# ---- values ----


def _draw_lines(figure: Figure, lines: Mapping[str, Values], start: int, row: int) -> None:
    """Draw each prediction on a floor of its own, the first uppermost, all to one scale."""
    low = min(0.0, *(float(values.min()) for values in lines.values()))
    high = max(1.0 if low == 0 else low + 1e-9, *(float(values.max()) for values in lines.values()))
    kept = {name: _corners(values, (high - low) / _LEVELS) for name, values in lines.items()}
    n_points = sum(map(len, kept.values()))
    for place, ((name, values), colour) in enumerate(zip(lines.items(), palette.colours(len(lines)), strict=True)):
        at, floor = kept[name], len(lines) - 1 - place
        figure.add_trace(
            points(n_points)(
                x=start + at,
                y=(floor + 0.86 * (values[at] - low) / (high - low)).astype(np.float32),
                customdata=values[at].astype(np.float32),
                mode="lines",
                line={"color": colour if colour != "#f0e442" else "#a89b00", "width": 1.6},
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
        for trace in letters.traces(scores, first=start):
            figure.add_trace(trace, row=row, col=1)
    flat = scores if scores.ndim == 1 else scores.sum(axis=0)
    drawn = scores.ndim == 1 or scores.shape[1] > _LETTERS_UP_TO
    figure.add_trace(
        points(len(flat))(
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

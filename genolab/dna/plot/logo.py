"""Sequence logos, the map of all single changes, and the motifs of filters."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from genolab import palette
from genolab.dna.motifs import Motifs, filter_motifs, information_content, match_motifs
from genolab.dna.plot import glyphs
from genolab.glyphs import BASES
from genolab.plot.style import MUTED, Figure, colour_bar, dress, number, plain

if TYPE_CHECKING:
    from torch import nn

    from genolab.data.dataset import AnnDataset

Kind = Literal["scores", "probabilities"]

_DIVERGING: Final = [[i / (len(palette.DIVERGING) - 1), colour] for i, colour in enumerate(palette.DIVERGING)]
_BITS: Final = 2.0  # of a position that is certain
_PER_ROW: Final = 3


def logo(scores: ArrayLike, *, kind: Kind | None = None, start: int = 0, title: str = "", height: int = 320) -> Figure:
    """Draw a sequence logo, of scores or of probabilities.

    Parameters
    ----------
    scores
        ``(4, length)`` in the order A C G T: from `genolab.dna.attribute` for one sequence, drawn as it is, negative
        contributions below the line; or the probabilities of a motif, drawn as information content (Schneider and
        Stephens 1990), in bits over an even background.
    kind
        ``"scores"`` or ``"probabilities"``; ``None``: probabilities where every position adds up to 1, or to 0 for an
        unknown base, and none is negative.
    """
    values = _checked(scores)
    kind = _kind(values) if kind is None else kind
    heights = information_content(values) if kind == "probabilities" else values
    figure = Figure(glyphs.traces(heights, first=start))
    figure.add_trace(_tooltips(values, heights, start))
    figure.update_xaxes(
        title_text="Position, from 0", showgrid=False, range=[start - 0.7, start + values.shape[1] - 0.3]
    )
    figure.update_xaxes(tickformat=",d", hoverformat=",d")
    figure.update_yaxes(
        title_text="Bits" if kind == "probabilities" else "Contribution", zeroline=True, zerolinecolor=MUTED
    )
    if kind == "probabilities":
        figure.update_yaxes(range=[0, _BITS])
    figure.update_layout(hovermode="x", showlegend=False)
    return dress(figure, title or _finding(heights, kind, start), height=height)


def _checked(scores: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != 4 or values.shape[1] == 0:
        raise ValueError(
            f"a logo needs one sequence, (4, length) in the order A C G T, got the shape {values.shape}: "
            "pass one row, as in scores[0]"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"a logo needs finite values; {np.count_nonzero(~np.isfinite(values))} are NaN or infinite")
    return values


def _kind(values: NDArray[np.float64]) -> Kind:
    total = values.sum(axis=0)
    even = np.isclose(total, 1, atol=1e-4) | np.isclose(total, 0)
    return "probabilities" if even.all() and (values >= 0).all() and total.any() else "scores"


def _finding(heights: NDArray[np.float64], kind: Kind, start: int) -> str:
    if kind == "probabilities":
        return f"A motif of {number(heights.sum())} bits over {heights.shape[1]} positions"
    base, at = np.unravel_index(np.abs(heights).argmax(), heights.shape)
    return f"{BASES[base]} at position {start + at:,} contributes most: {number(heights[base, at])}"


def _tooltips(values: NDArray[np.float64], heights: NDArray[np.float64], start: int) -> go.Scatter:
    """Return invisible markers whose tooltips list every base of a position that has a value."""
    up = np.where(heights > 0, heights, 0).sum(axis=0)
    texts = [
        "<br>".join(f"{base} {number(value)}" for base, value in zip(BASES, column, strict=True) if value) or "0"
        for column in values.T
    ]
    return go.Scatter(
        x=start + np.arange(values.shape[1]),
        y=up,
        mode="markers",
        marker={"opacity": 0},
        text=texts,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def mutation_map(scores: ArrayLike, sequence: str | ArrayLike, *, start: int = 0, title: str = "") -> Figure:
    """Draw the effect of every single change of a sequence, base by position: red raises the output, blue lowers it.

    Parameters
    ----------
    scores
        ``(4, length)`` from ``genolab.dna.attribute(..., hypothetical=True)`` for one sequence. Drawn is each base's
        score less that of the base that is there: by mutagenesis exactly how the model's output would change.
    sequence
        That sequence, as text or ``(4, length)`` one-hot. An unknown base has no letter in the map, and its position is
        drawn relative to the mean of the four.
    """
    values = _checked(scores)
    known = _one_hot(sequence, values.shape)
    present = np.where(known.any(axis=0), (values * known).sum(axis=0), values.mean(axis=0))
    change = values - present
    figure = Figure(_heatmap(change, known, start))
    middle = 2.64 - np.arange(4)[:, None] + np.zeros_like(values)  # A is the uppermost row, 3
    for trace in glyphs.boxed(middle, middle + 0.72 * known, first=start, width=0.72, colour="black"):
        figure.add_trace(trace)
    figure.update_xaxes(title_text="Position, from 0", showgrid=False, tickformat=",d")
    figure.update_yaxes(tickvals=[0, 1, 2, 3], ticktext=list(BASES[::-1]), showgrid=False, ticks="", showline=False)
    return dress(figure, title or _largest(change, known, start), height=340)


def _one_hot(sequence: str | ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if isinstance(sequence, str):
        hot = np.array([[letter == base for letter in sequence.upper().replace("U", "T")] for base in BASES])
    else:
        hot = np.asarray(sequence) > 0
    if hot.shape != shape:
        raise ValueError(
            f"the sequence must be the one that was scored, of {shape[1]:,} bases; got the shape {hot.shape}"
        )
    return hot.astype(np.bool_)


def _heatmap(change: NDArray[np.float64], known: NDArray[np.bool_], start: int) -> go.Heatmap:
    limit = float(np.abs(change).max()) or 1.0
    present = [BASES[column.argmax()] if column.any() else "N" for column in known.T]
    texts = [[f"{old} to {base}" for old in present] for base in BASES]
    return go.Heatmap(
        x=start + np.arange(change.shape[1]),
        y=[3, 2, 1, 0],
        z=change,
        text=texts,
        colorscale=_DIVERGING,
        zmin=-limit,
        zmax=limit,
        colorbar=colour_bar("Change"),
        hovertemplate="position %{x:,d}, %{text}: %{z:.3g}<extra></extra>",
    )


def _largest(change: NDArray[np.float64], known: NDArray[np.bool_], start: int) -> str:
    base, at = np.unravel_index(np.abs(change).argmax(), change.shape)
    value, old = change[base, at], known[:, at]
    if value == 0:
        return "No single change makes a difference"
    was = BASES[old.argmax()] if old.any() else "N"
    verb = "raises" if value > 0 else "lowers"
    return f"{was} to {BASES[base]} at position {start + at:,} {verb} the output most, by {number(abs(value))}"


def filters(
    model: "nn.Module | Motifs",
    dataset: "AnnDataset | None" = None,
    *,
    known: Mapping[str, ArrayLike] | str | Path | None = None,
    n: int = 12,
) -> Figure:
    """Draw the motifs of the filters of a model's first layer, as logos with their information content.

    Parameters
    ----------
    model
        A model over ``(n, 4, length)``, whose filters' responses to `dataset` are observed, best a test set; or the
        `Motifs` that `genolab.dna.filter_motifs` returned for one.
    known
        As of `genolab.dna.match_motifs`: the title of each logo names the nearest one, if its p-value is below 0.05.
    n
        At most so many, those of the most information first.
    """
    if isinstance(model, Motifs):
        motifs = model
    elif dataset is None:
        raise ValueError("filters are read from what they respond to: pass sequences, as in filters(model, test)")
    else:
        motifs = filter_motifs(model, dataset)
    shown = [int(at) for at in np.argsort(-motifs.information, kind="stable")[:n] if motifs.n_sites[at] > 0]
    if not shown:
        raise ValueError("no filter responds to these sequences, so there is nothing to draw: train the model first")
    names = _names(motifs, shown, known)
    rows = -(-len(shown) // _PER_ROW)
    figure = Figure(make_subplots(rows=rows, cols=_PER_ROW, subplot_titles=names, vertical_spacing=0.34 / max(rows, 1)))
    for place, at in enumerate(shown):
        where: dict[str, Any] = {"row": place // _PER_ROW + 1, "col": place % _PER_ROW + 1}
        for trace in glyphs.traces(information_content(motifs.probabilities[at])):
            figure.add_trace(trace, **where)
        figure.update_yaxes(range=[0, _BITS], dtick=1, title_text="Bits" if where["col"] == 1 else "", **where)
    figure.update_xaxes(showgrid=False)
    best, n_active = motifs.information[shown[0]], np.count_nonzero(motifs.n_sites)
    title = f"{n_active} of {len(motifs.n_sites)} filters respond; the clearest motif has {number(best)} bits"
    return dress(figure, title, height=140 + 190 * rows, panels=True)


def _names(motifs: Motifs, shown: list[int], known: Mapping[str, ArrayLike] | str | Path | None) -> list[str]:
    """Name the filters, with the nearest known motif where there is one."""
    bits = [f"filter {at}: {number(motifs.information[at])} bits" for at in shown]
    if known is None:
        return bits
    nearest = match_motifs(motifs, known, filters=shown).groupby("filter").first()
    near = nearest[nearest["p_value"] < 0.05]["motif"].to_dict()
    return [f"{text}, {plain(near[at])}" if at in near else text for at, text in zip(shown, bits, strict=True)]

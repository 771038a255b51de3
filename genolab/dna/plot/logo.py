"""Figures of why: logos of scores and of probabilities, every single change as a map, and what the filters look for."""

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
from genolab.plot.style import INK, MUTED, Figure, colour_bar, dress, number, plain

if TYPE_CHECKING:
    from torch import nn

    from genolab.data.dataset import AnnDataset

Kind = Literal["scores", "probabilities"]

_DIVERGING: Final = [[i / (len(palette.DIVERGING) - 1), colour] for i, colour in enumerate(palette.DIVERGING)]
_BITS: Final = 2.0  # of a position that is certain
_PER_ROW: Final = 3


def logo(scores: ArrayLike, *, kind: Kind | None = None, start: int = 0, title: str = "", height: int = 320) -> Figure:
    """Draw a sequence logo: of scores, letter by letter, or of probabilities, by their information.

    Parameters
    ----------
    scores
        ``(4, length)`` in the order A C G T: what `genolab.dna.attribute` gave for one sequence, drawn as it is, with
        what speaks against the target below the line; or the probabilities of a motif, drawn as information content
        (Schneider and Stephens 1990), in bits over an even background.
    kind
        ``"scores"`` or ``"probabilities"``; ``None``: probabilities where every position adds up to 1, or to 0 for an
        unknown base, and none is negative.
    start
        Number of the first position, counted from 0.
    title
        The finding; empty: the strongest position, or the information of the motif.
    height
        Pixels.

    Returns
    -------
    plotly.graph_objects.Figure
        Letters are outlines, sharp at any zoom; the values stand under the pointer.

    Raises
    ------
    ValueError
        The shape isn't ``(4, length)``, a value isn't finite, or probabilities don't add up to 1.
    """
    values = _checked(scores)
    kind = _kind(values) if kind is None else kind
    heights = information_content(values) if kind == "probabilities" else values
    figure = Figure(glyphs.traces(heights, first=start))
    figure.add_trace(_pointed(values, heights, start))
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
    value = heights[base, at]
    way = "for" if value >= 0 else "against"
    return f"{glyphs.BASES[base]} at position {start + at:,} speaks most {way} it: {number(value)}"


def _pointed(values: NDArray[np.float64], heights: NDArray[np.float64], start: int) -> go.Scatter:
    """Return what is read under the pointer: every base of a position that has a value."""
    up = np.where(heights > 0, heights, 0).sum(axis=0)
    texts = [
        "<br>".join(f"{base} {number(value)}" for base, value in zip(glyphs.BASES, column, strict=True) if value) or "0"
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
    """Draw what every single change of a sequence would do, as a map of base by position.

    Parameters
    ----------
    scores
        ``(4, length)``: what ``genolab.dna.attribute(..., hypothetical=True)`` gave for one sequence. Shown is each
        base's score less that of the base that is there: by mutagenesis exactly how the model's output would change.
    sequence
        That sequence, as letters or ``(4, length)`` one-hot. Its letters stand in the map; an unknown base has none,
        and its position is shown against the mean of the four.
    start
        Number of the first position, counted from 0.
    title
        The finding; empty: the change that does most.

    Returns
    -------
    plotly.graph_objects.Figure
        Red raises the output, blue lowers it.

    Raises
    ------
    ValueError
        The shapes differ, or a value isn't finite.
    """
    values = _checked(scores)
    known = _one_hot(sequence, values.shape)
    here = np.where(known.any(axis=0), (values * known).sum(axis=0), values.mean(axis=0))
    change = values - here
    figure = Figure(_map(change, known, start))
    middle = 2.64 - np.arange(4)[:, None] + np.zeros_like(values)  # A is the uppermost row, 3
    for trace in glyphs.boxed(middle, middle + 0.72 * known, first=start, width=0.72, colour=INK):
        figure.add_trace(trace)
    figure.update_xaxes(title_text="Position, from 0", showgrid=False, tickformat=",d")
    figure.update_yaxes(
        tickvals=[0, 1, 2, 3], ticktext=list(glyphs.BASES[::-1]), showgrid=False, ticks="", showline=False
    )
    return dress(figure, title or _strongest(change, known, start), height=340)


def _one_hot(sequence: str | ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if isinstance(sequence, str):
        found = np.array([[letter == base for letter in sequence.upper().replace("U", "T")] for base in glyphs.BASES])
    else:
        found = np.asarray(sequence) > 0
    if found.shape != shape:
        raise ValueError(
            f"the sequence must be the one that was scored, of {shape[1]:,} bases; got the shape {found.shape}"
        )
    return found.astype(np.bool_)


def _map(change: NDArray[np.float64], known: NDArray[np.bool_], start: int) -> go.Heatmap:
    most = float(np.abs(change).max()) or 1.0
    there = [glyphs.BASES[column.argmax()] if column.any() else "N" for column in known.T]
    texts = [[f"{old} to {base}" for old in there] for base in glyphs.BASES]
    return go.Heatmap(
        x=start + np.arange(change.shape[1]),
        y=[3, 2, 1, 0],
        z=change,
        text=texts,
        colorscale=_DIVERGING,
        zmin=-most,
        zmax=most,
        colorbar=colour_bar("Change"),
        hovertemplate="position %{x:,d}, %{text}: %{z:.3g}<extra></extra>",
    )


def _strongest(change: NDArray[np.float64], known: NDArray[np.bool_], start: int) -> str:
    base, at = np.unravel_index(np.abs(change).argmax(), change.shape)
    value, old = change[base, at], known[:, at]
    if value == 0:
        return "No single change makes a difference"
    was = glyphs.BASES[old.argmax()] if old.any() else "N"
    way = "raises" if value > 0 else "lowers"
    return f"{was} to {glyphs.BASES[base]} at position {start + at:,} {way} it most, by {number(abs(value))}"


def filters(
    model: "nn.Module | Motifs",
    dataset: "AnnDataset | None" = None,
    *,
    known: Mapping[str, ArrayLike] | str | Path | None = None,
    n: int = 12,
) -> Figure:
    """Draw what the filters of a model's first layer look for, as logos with their information content.

    Parameters
    ----------
    model
        A model over ``(n, 4, length)``, or what `genolab.dna.filter_motifs` found for one.
    dataset
        Sequences on which the filters are observed, such as the test set.
    known
        Name to ``(4, width)`` probabilities of known motifs, or a file in MEME's format: over each logo stands the
        nearest one, if its p-value is below 0.05.
    n
        The most logos to draw; those of the most information come first.

    Returns
    -------
    plotly.graph_objects.Figure
        One logo a filter.

    Raises
    ------
    ValueError
        There is no dataset, no filter fired, or the model has no first layer over four bases.
    """
    motifs = model if isinstance(model, Motifs) else _observed(model, dataset)
    shown = [int(at) for at in np.argsort(-motifs.information, kind="stable")[:n] if motifs.n_sites[at] > 0]
    if not shown:
        raise ValueError("no filter fires on these sequences, so there is nothing to draw: train the model first")
    names = _names(motifs, shown, known)
    rows = -(-len(shown) // _PER_ROW)
    figure = Figure(make_subplots(rows=rows, cols=_PER_ROW, subplot_titles=names, vertical_spacing=0.34 / max(rows, 1)))
    for place, at in enumerate(shown):
        where: dict[str, Any] = {"row": place // _PER_ROW + 1, "col": place % _PER_ROW + 1}
        for trace in glyphs.traces(information_content(motifs.probabilities[at])):
            figure.add_trace(trace, **where)
        figure.update_yaxes(range=[0, _BITS], dtick=1, title_text="Bits" if where["col"] == 1 else "", **where)
    figure.update_xaxes(showgrid=False)
    best = motifs.information[shown[0]]
    title = f"{_count(motifs)} filters fire; the clearest is worth {number(best)} bits"
    return dress(figure, title, height=140 + 190 * rows, panels=True)


def _observed(model: "nn.Module", dataset: "AnnDataset | None") -> Motifs:
    if dataset is None:
        raise ValueError("filters are read from what they fire on: pass sequences, as in filters(model, test)")
    return filter_motifs(model, dataset)


def _count(motifs: Motifs) -> str:
    fired = int(np.count_nonzero(motifs.n_sites))
    return f"{fired} of {len(motifs.n_sites)}"


def _names(motifs: Motifs, shown: list[int], known: Mapping[str, ArrayLike] | str | Path | None) -> list[str]:
    """Name the filters, with the nearest known motif where there is one."""
    bits = [f"filter {at}: {number(motifs.information[at])} bits" for at in shown]
    if known is None:
        return bits
    found = match_motifs(motifs, known, filters=shown).groupby("filter").first()
    near = found[found["p_value"] < 0.05]["motif"].to_dict()
    return [f"{text}, {plain(near[at])}" if at in near else text for at, text in zip(shown, bits, strict=True)]

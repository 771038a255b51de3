"""What the explorer's tip tells of a row beyond its name: parts that the browser knows how to draw.

A hook is any callable that takes a row's number and returns such parts, made by `text`, `logo` or `picture`. Rows that
have sequences get `SequenceHover` by themselves, and rows that are compounds `StructureHover`.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.data.sequence import letters

Part = dict[str, Any]
Hover = Callable[[int], Sequence[Part]]

_SLOT: Final = "sequence"
_SCORES: Final = "attribution"
_SHOWN: Final = 60  # bases that have room in a tip
_NEAR: Final = 50  # rows whose logo is drawn
_WIDE, _HIGH = 240, 170  # pixels of a structure
_TOLD: Final = ("compound", "context", "response")  # columns of obs that stand under a structure
_LARGEST: Final = 200_000  # bytes of a picture: it travels at every hover


def text(words: str) -> Part:
    """Make a line of text; it is shown as it is written."""
    return {"kind": "text", "text": str(words)}


def logo(sequence: str | None, heights: ArrayLike | None = None, *, caption: str = "") -> Part:
    """Make a row of letters, coloured as everywhere.

    Parameters
    ----------
    sequence
        Letters, all of one height; ``None``: the heights tell which.
    heights
        ``(4, length)`` in the order A C G T, scores or information; they are drawn to the height of the tip.
    caption
        A line under it.
    """
    values = None if heights is None else np.asarray(heights, dtype=np.float64).round(4)
    stacked = None if values is None else values.T.tolist()
    return {"kind": "logo", "letters": sequence, "heights": stacked, "caption": caption}


def picture(data: bytes, *, kind: str = "image/svg+xml", caption: str = "", height: int = 120) -> Part:
    """Make a picture, such as the structure of a compound; scripts in it are not run.

    Parameters
    ----------
    data
        The picture's file.
    kind
        ``"image/svg+xml"``, ``"image/png"`` or another picture's MIME type.
    caption
        What it shows, read out to those who don't see it and written under it.
    height
        Pixels.

    Raises
    ------
    ValueError
        It is no picture, or larger than 200 kB.
    """
    if not kind.startswith("image/") or len(data) > _LARGEST:
        raise ValueError(
            f"a picture for a tip is an image of at most {_LARGEST:,} bytes, got {kind!r} of {len(data):,} bytes"
        )
    source = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return {"kind": "picture", "source": source, "caption": caption, "height": height}


class SequenceHover:
    """Tell a row's sequence, with its contributions where they are known, or else the logo of the rows around it.

    Parameters
    ----------
    adata
        With ``obsm["sequence"]``, ``(n, 4, length)``; what ``genolab.infer.attribute`` gave may be in
        ``obsm["attribution"]``.
    coordinates
        Called for what is shown, ``(n, dimensions)``; ``None`` while there is nothing.
    """

    def __init__(self, adata: AnnData, coordinates: Callable[[], NDArray[Any] | None]) -> None:
        self._adata = adata
        self._coordinates = coordinates

    @staticmethod
    def suits(adata: AnnData) -> bool:
        """Tell whether the rows have sequences."""
        found = adata.obsm.get(_SLOT)
        return found is not None and getattr(found, "ndim", 0) == 3 and found.shape[1] == 4 and found.shape[2] > 0

    def __call__(self, row: int) -> list[Part]:
        """Return the parts of a row's tip."""
        sequences = self._adata.obsm[_SLOT]
        scores = self._adata.obsm.get(_SCORES)
        if getattr(scores, "shape", None) != sequences.shape:
            scores = None
        own = np.asarray(sequences[row])
        part = _window(own.shape[1], None if scores is None else np.abs(np.asarray(scores[row])).sum(axis=0))
        where = "" if part.stop - part.start == own.shape[1] else f"bases {part.start:,} to {part.stop:,}"
        of = f"{where} of {own.shape[1]:,}" if where else ""
        parts = [logo(letters(own[:, part])[0], caption=of)]
        if scores is not None:
            return [*parts, logo(None, np.asarray(scores[row])[:, part], caption="contributions")]
        near = self._near(row)
        if near is None:
            return parts
        from genolab.evaluate.motifs import information  # loads scikit-learn, which an explorer else does without

        around = information(_shares(np.asarray(sequences[near])[:, :, part]))
        return [*parts, logo(None, around, caption=f"logo of the {len(near)} nearest, {around.sum():.1f} bits")]

    def _near(self, row: int) -> NDArray[np.int64] | None:
        points = self._coordinates()
        if points is None or len(points) <= _NEAR:
            return None
        far = ((points - points[row]) ** 2).sum(axis=1)
        return np.sort(np.argpartition(far, _NEAR)[:_NEAR])


class StructureHover:
    """Tell a row's compound by its structure, drawn by RDKit, with its name and what was measured of it.

    Parameters
    ----------
    adata
        Rows that are compounds, with SMILES in ``obs["canonical"]`` or ``obs["smiles"]``; or compounds in contexts,
        with ``obsm["pair"]`` and ``uns["compounds"]``.
    """

    def __init__(self, adata: AnnData) -> None:
        self._adata = adata

    @staticmethod
    def suits(adata: AnnData) -> bool:
        """Tell whether the rows are compounds whose structure is known."""
        table = _compounds(adata)
        return table is not None and _smiles_column(table) is not None

    def __call__(self, row: int) -> list[Part]:
        """Return the parts of a row's tip; of a molecule that RDKit refuses, the SMILES as text."""
        from genolab import compounds  # loads RDKit, which an explorer else does without

        told = [text(f"{name}: {value}") for name, value in self._measured(row)]
        smiles = self._smiles(row)
        try:
            drawn = compounds.draw(smiles, width=_WIDE, height=_HIGH).encode()
        except (ValueError, ImportError) as reason:
            return [text(smiles or "no structure is known"), text(str(reason)), *told]
        return [picture(drawn, caption=_shortened(smiles), height=_HIGH), *told]

    def _smiles(self, row: int) -> str:
        table = _compounds(self._adata)
        assert table is not None  # `suits` saw it
        name = _smiles_column(table)
        at = row if table is self._adata.obs else int(self._adata.obsm["pair"][row, 0])
        return str(table[name].iloc[at])

    def _measured(self, row: int) -> list[tuple[str, str]]:
        obs = self._adata.obs
        shown = [name for name in _TOLD if name in obs]
        values = [obs[name].iloc[row] for name in shown]
        return [
            (n, f"{v:.3g}" if isinstance(v, float | np.floating) else str(v))
            for n, v in zip(shown, values, strict=True)
        ]


def _compounds(adata: AnnData) -> pd.DataFrame | None:
    """Return the table that knows the rows' structures: that of the pairs, or the rows' own."""
    table = adata.uns.get("compounds")
    if "pair" in adata.obsm and isinstance(table, pd.DataFrame):
        return table
    return adata.obs if _smiles_column(adata.obs) is not None else None


def _smiles_column(table: pd.DataFrame) -> str | None:
    return next((name for name in ("canonical", "smiles") if name in table), None)


def _shortened(smiles: str) -> str:
    return smiles if len(smiles) <= _SHOWN else smiles[: _SHOWN - 1] + "…"


def _window(length: int, weight: NDArray[Any] | None) -> slice:
    """Choose the part that has room: where the weight is, or else the middle, at which sequences are often aligned."""
    if length <= _SHOWN:
        return slice(0, length)
    first = (length - _SHOWN) // 2
    if weight is not None:
        total = np.concatenate([[0], np.cumsum(weight)])
        first = int(np.argmax(total[_SHOWN:] - total[:-_SHOWN]))
    return slice(first, first + _SHOWN)


def _shares(sequences: NDArray[Any]) -> NDArray[np.float64]:
    """Return how frequent each base is at each position, ``(4, length)``; 0 where all are unknown."""
    counts = sequences.sum(axis=0, dtype=np.float64)
    total = counts.sum(axis=0)
    shares: NDArray[np.float64] = counts / np.where(total > 0, total, 1)
    return shares

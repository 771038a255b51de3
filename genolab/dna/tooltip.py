"""The explorer's tooltip for rows that are sequences: the bases, and a logo."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from genolab.sequences.encode import decode_one_hot
from genolab.widgets.latent.tooltip import Part, logo

_SLOT: Final = "sequence"
_SCORES: Final = "attribution"
_SHOWN: Final = 60  # bases that have room in a tooltip
_NEAR: Final = 50  # rows whose logo is drawn


def sequence_tooltip(adata: AnnData, coordinates: Callable[[], NDArray[Any] | None]) -> "SequenceHover | None":
    """Return the tooltip of rows with ``obsm["sequence"]``, ``(n, 4, length)``; of other rows ``None``."""
    shape: tuple[int, ...] = getattr(adata.obsm.get(_SLOT), "shape", ())
    is_sequences = len(shape) == 3 and shape[1] == 4 and shape[2] > 0
    return SequenceHover(adata, coordinates) if is_sequences else None


class SequenceHover:
    """A row's sequence with its contributions, in ``obsm["attribution"]``, or else the logo of the rows near it.

    `coordinates` is called for the points that are shown, ``(n, dimensions)``; ``None`` while there are none.
    """

    def __init__(self, adata: AnnData, coordinates: Callable[[], NDArray[Any] | None]) -> None:
        self._adata = adata
        self._coordinates = coordinates

    def __call__(self, row: int) -> list[Part]:
        """Return the parts of a row's tooltip."""
        sequences = self._adata.obsm[_SLOT]
        scores = self._adata.obsm.get(_SCORES)
        if getattr(scores, "shape", None) != sequences.shape:
            scores = None
        own = np.asarray(sequences[row])
        part = window(
            own.shape[1], None if scores is None else np.abs(np.asarray(scores[row])).sum(axis=0), most=_SHOWN
        )
        is_whole = part.stop - part.start == own.shape[1]
        caption = "" if is_whole else f"bases {part.start:,} to {part.stop:,} of {own.shape[1]:,}"
        parts = [logo(decode_one_hot(own[:, part])[0], caption=caption)]
        if scores is not None:
            return [*parts, logo(None, np.asarray(scores[row])[:, part], caption="contributions")]
        near = self._near(row)
        if near is None:
            return parts
        from genolab.dna.motifs import information_content  # loads scikit-learn, which an explorer seldom needs

        around = information_content(_shares(np.asarray(sequences[near])[:, :, part]))
        return [*parts, logo(None, around, caption=f"logo of the {len(near)} nearest, {around.sum():.1f} bits")]

    def _near(self, row: int) -> NDArray[np.int64] | None:
        points = self._coordinates()
        if points is None or len(points) <= _NEAR:
            return None
        far = ((points - points[row]) ** 2).sum(axis=1)
        return np.sort(np.argpartition(far, _NEAR)[:_NEAR])


def window(length: int, weights: NDArray[Any] | None, *, most: int) -> slice:
    """Choose at most so many bases: those of the largest weight, or else the middle, where sequences are aligned."""
    if length <= most:
        return slice(0, length)
    first = (length - most) // 2
    if weights is not None:
        total = np.concatenate([[0], np.cumsum(weights)])
        first = int(np.argmax(total[most:] - total[:-most]))
    return slice(first, first + most)


def _shares(sequences: NDArray[Any]) -> NDArray[np.float64]:
    """Return how frequent each base is at each position, ``(4, length)``; 0 where all are unknown."""
    counts = sequences.sum(axis=0, dtype=np.float64)
    total = counts.sum(axis=0)
    shares: NDArray[np.float64] = counts / np.where(total > 0, total, 1)
    return shares

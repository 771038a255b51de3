"""What the explorer's tip tells of a row beyond its name: parts that the browser knows how to draw.

A hook is any callable that takes a row's number and returns such parts, made by `text`, `logo` or `picture`. A chapter
registers the hook of the rows that it knows, as ``[tips]`` of its ``registry.toml``.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab import registry

Part = dict[str, Any]
Hover = Callable[[int], Sequence[Part]]
Coordinates = Callable[[], NDArray[Any] | None]

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


def tip_of(adata: AnnData, coordinates: Coordinates) -> tuple[str, Hover | None]:
    """Return what the rows are called, and what tells of them: of the registered tips the first that knows them."""
    for rows, target in registry.table("tips").items():
        if (tip := registry.load(target)(adata, coordinates)) is not None:
            return rows, tip
    return "cells", None

"""What the explorer's tooltip shows of a row beyond its name: parts that the browser draws.

A hook is any callable that takes a row's number and returns such parts, made by `text`, `logo` or `picture`. A chapter
registers the hook of the rows that it knows, as ``[tooltips]`` of its ``registry.toml``.
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


def text(line: str) -> Part:
    """Make a line of text; it is shown as it is written."""
    return {"kind": "text", "text": str(line)}


def logo(sequence: str | None, heights: ArrayLike | None = None, *, caption: str = "") -> Part:
    """Make a row of bases, all of one height, or of a logo by `heights`, ``(4, length)`` in the order A C G T."""
    values = None if heights is None else np.asarray(heights, dtype=np.float64).round(4)
    stacked = None if values is None else values.T.tolist()
    return {"kind": "logo", "bases": sequence, "heights": stacked, "caption": caption}


def picture(data: bytes, *, kind: str = "image/svg+xml", caption: str = "", height: int = 120) -> Part:
    """Make a picture of at most 200 kB, such as the structure of a compound; scripts in it are not run.

    `kind` is its MIME type, `height` in pixels; the caption is also read out to those who don't see it.
    """
    if not kind.startswith("image/") or len(data) > _LARGEST:
        raise ValueError(
            f"a picture for a tooltip is an image of at most {_LARGEST:,} bytes, got {kind!r} of {len(data):,} bytes"
        )
    source = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return {"kind": "picture", "source": source, "caption": caption, "height": height}


def tooltip_of(adata: AnnData, coordinates: Coordinates) -> tuple[str, Hover | None]:
    """Return what the rows are called, and their hook: of the registered tooltips the first that knows them."""
    for rows, target in registry.table("tooltips").items():
        if (hover := registry.load(target)(adata, coordinates)) is not None:
            return rows, hover
    return "cells", None

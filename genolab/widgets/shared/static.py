"""The static picture of a widget, for pages without a kernel (GitHub, a saved page)."""

from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

TEXT: Final = "#424242"
MUTED: Final = "#616161"


def shorten(text: str, most: int) -> str:
    """Return text of at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def png(
    draw: "Callable[[Figure], None]",
    *,
    width: float = 8.0,
    height: float = 4.5,
    dpi: int = 110,
    page: NDArray[np.uint8] | None = None,
) -> bytes:
    """Draw a PNG on white, without `pyplot`, whose state belongs to the user and to the main thread.

    `draw` fills an empty matplotlib figure of `width` by `height` inches; it lies upon `page`, ``(height, width, 3)``
    pixels, which `draw` may fill too.
    """
    # Imported here, since it takes longer than all else in this module and only pictures need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    draw(figure)
    if page is not None:
        figure.figimage(page, origin="upper")  # goes below all else
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib types only a part of itself
    # 256 colours are enough for a plot, and a quarter of the size: the picture is kept in the notebook's file.
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]  # as above
    image = Image.fromarray(np.ascontiguousarray(pixels))
    small = image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    shades = np.array(small.getpalette()).reshape(-1, 3)
    shades[shades.min(axis=1) > 247] = 255  # the paper stays white, not the mean of white and what is nearly so
    small.putpalette(shades.ravel().tolist())
    out = BytesIO()
    small.save(out, "png")
    return out.getvalue()

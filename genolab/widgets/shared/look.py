"""What the widgets share: one theme, one set of browser helpers, and the still picture for pages without a kernel.

`module` and `style` join plain files into the one text that a widget sends to the browser; there is no build step.
"""

import base64
import json
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from genolab import letters, palette

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

_FOLDER: Final = Path(__file__).parent
_OWN_IMPORT: Final = re.compile(r'^import\s[^;]*?from\s+"\./[\w.]+";\n', re.MULTILINE)
_WIDGET: Final = "application/vnd.jupyter.widget-view+json"


def module(*names: str) -> str:
    """Join `look.js` and the named files of this folder into one ES module, the form that anywidget loads.

    Parameters
    ----------
    names
        File names such as ``"latent.js"``, in the order in which they are joined; the last holds ``export default``.
        Each is a valid module by itself; its imports from files of this folder (``from "./look.js";``) are dropped,
        since the files then stand side by side. Names at the top level must therefore differ between files.

    Returns
    -------
    str
        The module. The colours of `genolab.palette` are in it as ``PALETTE`` and the letters of `genolab.letters` as
        ``OUTLINES``, so that they are written down once.
    """
    colours = {
        "okabeIto": palette.OKABE_ITO,
        "viridis": palette.VIRIDIS,
        "diverging": palette.DIVERGING,
        "none": palette.NONE,
        "letters": palette.LETTERS,
    }
    outlines = {base: points.round(4).tolist() for base, points in letters.OUTLINES.items()}
    files = [_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("look.js", *names)]
    written = [f"const PALETTE = {json.dumps(colours)};", f"const OUTLINES = {json.dumps(outlines)};"]
    return "\n".join([*written, *(_OWN_IMPORT.sub("", text) for text in files)])


def style(*names: str) -> str:
    """Join `look.css` and the named style sheets of this folder, such as ``"latent.css"``, into one."""
    return "\n".join(_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("look.css", *names))


def png(
    draw: "Callable[[Figure], None]",
    *,
    width: float = 8.0,
    height: float = 4.5,
    dpi: int = 110,
    page: NDArray[np.uint8] | None = None,
) -> bytes:
    """Draw a still picture without touching `pyplot`, whose state belongs to the user and to the main thread.

    Parameters
    ----------
    draw
        Called with an empty matplotlib figure, which it fills.
    width, height
        Size in inches.
    dpi
        Dots per inch.
    page
        ``(height, width, 3)`` pixels, which `draw` may fill too: what it draws into the figure lies upon them.

    Returns
    -------
    bytes
        The picture as PNG, on white.
    """
    # Imported here, since it takes longer than all else in this module and only stills need it.
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


def bundle(model_id: str, picture: bytes, text: str) -> dict[str, Any]:
    """Make the MIME bundle of a widget that also shows itself where no widget can run (GitHub, a saved page).

    Parameters
    ----------
    model_id
        The widget's ``model_id``.
    picture
        Its present state as PNG; empty where there is nothing to show.
    text
        Its present state in one plain line.
    """
    found: dict[str, Any] = {
        "text/plain": text,
        _WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model_id},
    }
    if picture:
        found["image/png"] = base64.b64encode(picture).decode("ascii")
    return found

"""The colours of genolab: one place for the plotly figures and for the widgets, without a drawing library.

`OKABE_ITO` is the palette of Okabe and Ito (2008), made to be told apart by colour-blind readers; blue comes first,
because it reads best on white. `GLASBEY` goes on where it ends: each colour was chosen as the one farthest, in OKLab
and as seen with and without red and green cones (Machado et al. 2009), from all before it, from white and from `NONE`
(the idea of Glasbey et al. 2007).
"""

from typing import Final

OKABE_ITO: Final = (
    "#0072b2",  # blue
    "#e69f00",  # orange
    "#009e73",  # bluish green
    "#d55e00",  # vermillion
    "#cc79a7",  # reddish purple
    "#56b4e9",  # sky blue
    "#f0e442",  # yellow
    "#000000",  # black
)

# fmt: off
GLASBEY: Final = (
    "#5a1e00", "#2d0096", "#690fff", "#a5005a", "#8778ff", "#5a005a", "#874b00", "#d200b4",
    "#78c378", "#005a69", "#69e1ff", "#00f096", "#ff3c69", "#000fd2", "#4b3c87", "#965a87",
    "#b44b4b", "#0f3c2d", "#f01ef0", "#b4d24b", "#ff78d2", "#78003c", "#ff694b", "#5a5ad2",
    "#c39696", "#96e1c3", "#8700a5", "#4b87d2", "#96c3ff", "#871e00", "#002d78", "#4b5a96",
)

VIRIDIS: Final = (  # 16 even stops of matplotlib's viridis, low to high
    "#440154", "#481a6c", "#472f7d", "#414487", "#39568c", "#31688e", "#2a788e", "#23888e",
    "#1f988b", "#22a884", "#35b779", "#54c568", "#7ad151", "#a5db36", "#d2e21b", "#fde725",
)

DIVERGING: Final = (  # 11 even stops, blue over a light middle to red (ColorBrewer's RdBu, reversed)
    "#124984", "#2e77b5", "#59a1ca", "#9dcbe1", "#d4e6f1", "#f6f7f7",
    "#fdddcb", "#f6af8e", "#de735c", "#bf3338", "#8a0b25",
)
# fmt: on

BASE_COLOURS: Final = {"A": OKABE_ITO[2], "C": OKABE_ITO[0], "G": OKABE_ITO[1], "T": OKABE_ITO[3]}
"""The bases, in every figure and widget: green, blue, orange and vermillion, near the custom, and told apart by all."""

NONE: Final = "#bdbdbd"
"""Grey, for what has no category or no value."""

ZERO: Final = "#d9d0de"
"""Pale, for the zeros of a gene beside `VIRIDIS`: most cells have none of it, and would hide those that have."""


def colours(n: int) -> tuple[str, ...]:
    """Return `n` colours as ``#rrggbb``: `OKABE_ITO`, then `GLASBEY`, and from the start again after 40."""
    if n < 0:
        raise ValueError(f"the number of colours must be 0 or more, got {n}")
    known = OKABE_ITO + GLASBEY
    return tuple(known[i % len(known)] for i in range(n))

"""The static picture of a `MutationView`, for pages on which no widget runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from genolab import palette
from genolab.dna.tooltip import window
from genolab.glyphs import BASES, OUTLINES
from genolab.widgets.shared import static
from genolab.widgets.shared.static import MUTED, TEXT, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN: Final = 70  # bases that have room
_BARS: Final = 6  # outputs that have room
_MAX_LENGTH: Final = 14  # characters of a name


@dataclass(frozen=True, eq=False)
class StaticView:
    """What the picture shows."""

    sequence: str
    reference: str
    scores: NDArray[np.float32]  # (4, length): what each base would contribute
    state: Mapping[str, Any]  # the outputs' names with their values now and before
    target: int  # number of the output that is explained

    def png(self) -> bytes:
        """Draw the prediction, both sequences, the contributions and the map of changes."""
        return static.png(self._draw, height=3.9)

    def _draw(self, figure: "Figure") -> None:
        part = self._part()
        bars, rows, logo, heat = figure.subplots(
            4, 1, height_ratios=(0.26 * min(_BARS, len(self.state["outputs"])) + 0.1, 0.5, 1.2, 0.8)
        )
        figure.subplots_adjust(left=0.13, right=0.97, top=0.96, bottom=0.09, hspace=0.3)
        self._draw_bars(bars)
        self._draw_sequences(rows, part)
        self._draw_logo(logo, part)
        self._draw_map(heat, part)
        for axes in (rows, logo, heat):
            axes.set_xlim(part.start - 0.6, part.stop - 0.4)
            axes.spines[:].set_visible(False)
            axes.tick_params(labelsize=8, colors=MUTED, length=0)
        for axes in (rows, logo):
            axes.set_xticks([])

    def _part(self) -> slice:
        """Choose the part that matters most, where all has no room."""
        weights = np.abs(self._present()).sum(axis=0)
        weights += [weights.max() * (old != new) for old, new in zip(self.reference, self.sequence, strict=True)]
        return window(len(self.sequence), weights, most=_SHOWN)

    def _present(self) -> NDArray[np.float32]:
        there = np.array([[own == base for own in self.sequence] for base in BASES])
        present: NDArray[np.float32] = np.where(there, self.scores, np.float32(0))
        return present

    def _draw_bars(self, axes: "Axes") -> None:
        names = [shorten(name, _MAX_LENGTH) for name in self.state["outputs"]][:_BARS]
        now, before = (np.array(self.state[key][:_BARS]) for key in ("prediction", "before"))
        colours = [palette.OKABE_ITO[0] if at == self.target else palette.NONE for at in range(len(names))]
        rows = np.arange(len(names))
        axes.barh(rows, now, color=colours, height=0.62)
        axes.plot(before, rows, "|", color=TEXT, markersize=11, markeredgewidth=2)
        axes.set_yticks(rows, names, parse_math=False)
        axes.invert_yaxis()
        if self.state["isProbability"]:
            axes.set_xlim(0, 1)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.tick_params(labelsize=8, colors=TEXT, length=2)

    def _draw_sequences(self, axes: "Axes", part: slice) -> None:
        axes.set_ylim(-0.1, 2.2)
        axes.set_yticks([1.5, 0.5], ["reference", "sequence"])
        for at in range(part.start, part.stop):
            old, new = self.reference[at], self.sequence[at]
            _glyph(axes, old, at, (1.15, 0.75), MUTED)
            _glyph(axes, new, at, (0.1, 0.75), palette.BASE_COLOURS.get(new, MUTED))
            if old != new:
                axes.axvspan(at - 0.5, at + 0.5, color=palette.OKABE_ITO[0], alpha=0.15, linewidth=0)

    def _draw_logo(self, axes: "Axes", part: slice) -> None:
        present = self._present()[:, part]
        for base, row in zip(BASES, present, strict=True):
            for at in np.flatnonzero(row):
                _glyph(axes, base, part.start + int(at), (0.0, float(row[at])), palette.BASE_COLOURS[base])
        axes.axhline(0, color=palette.NONE, linewidth=0.8)
        low, high = float(present.min()), float(present.max())
        axes.set_ylim(low - 0.04 * (high - low) - 1e-9, high + 0.04 * (high - low) + 1e-9)
        axes.set_ylabel("contribution", fontsize=8, color=MUTED)
        axes.locator_params(axis="y", nbins=4)

    def _draw_map(self, axes: "Axes", part: slice) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        change = (self.scores - self._present().sum(axis=0))[:, part]
        most = float(np.abs(self.scores - self._present().sum(axis=0)).max()) or 1.0
        axes.imshow(
            change,
            cmap=LinearSegmentedColormap.from_list("diverging", palette.DIVERGING),
            vmin=-most,
            vmax=most,
            aspect="auto",
            extent=(part.start - 0.5, part.stop - 0.5, 3.5, -0.5),
        )
        axes.set_yticks(range(4), list(BASES))
        axes.set_ylabel("change to", fontsize=8, color=MUTED)


def _glyph(axes: "Axes", base: str, at: int, foot_and_height: tuple[float, float], colour: str) -> None:
    """Draw a base over a position; an unknown base is a dot."""
    foot, height = foot_and_height
    if base in OUTLINES:
        points = OUTLINES[base] * (0.9, height) + (at - 0.45, foot)
        axes.fill(points[:, 0], points[:, 1], color=colour, linewidth=0)
    else:
        axes.plot([at], [foot + height / 2], ".", color=colour, markersize=3)

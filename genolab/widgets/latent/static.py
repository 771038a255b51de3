"""The explorer's static picture, for pages on which no widget runs (GitHub, a saved or printed notebook).

It is drawn each time an explorer is shown, before the browser gets it, so it has to be quick: all but the text is set
into an array of pixels, which takes a tenth of the time of matplotlib's axes, legend and markers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from genolab import palette
from genolab.widgets.latent.colours import Colouring
from genolab.widgets.shared import static
from genolab.widgets.shared.static import MUTED, TEXT, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Pixels = NDArray[np.uint8]

# All in pixels, from the top left
_WIDTH: Final = 880
_HEIGHT: Final = 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 606, 28, 396  # the frame
_LEGEND: Final = 626
_LINE: Final = 17  # between two lines of the legend
_MAX_KEYS: Final = 20  # so many categories have room
_MAX_LENGTH: Final = 26  # characters of a name
_DPI: Final = 100
_RULE: Final = 158  # grey of lines


@dataclass(frozen=True, eq=False)
class StaticView:
    """What the picture shows: ``(n, 2)`` points, of which the selected ones, if any, aren't faded.

    `hidden` are codes of categories that are left out, `trajectories` lines over the points, ``(times, 2)`` each.
    """

    points: NDArray[np.float64]
    colouring: Colouring
    selected: NDArray[np.bool_]
    hidden: frozenset[int]
    titles: tuple[str, str]
    rows: str = "cells"
    trajectories: tuple[NDArray[np.float64], ...] = ()
    trajectory_names: tuple[str, ...] = ()

    def png(self) -> bytes:
        """Draw it; 100,000 points take about 0.1 s."""
        page = np.full((_HEIGHT, _WIDTH, 3), 255, dtype=np.uint8)

        def draw(figure: "Figure") -> None:
            self._draw(figure, page)

        return static.png(draw, width=_WIDTH / _DPI, height=_HEIGHT / _DPI, dpi=_DPI, page=page)

    def _draw(self, figure: "Figure", page: Pixels) -> None:
        low, high = self._limits()
        page[_TOP:_BOTTOM, _LEFT:_RIGHT] = self._cloud(low, high)
        self._draw_axes(figure, page, low, high)
        self._draw_trajectories(figure, low, high)
        if self.colouring.kind == "categories":
            self._draw_legend(figure, page)
        elif self.colouring.kind == "numbers":
            self._draw_bar(figure, page)
        n, chosen = len(self.points), int(self.selected.sum())
        _write(figure, _LEGEND, 424, f"{n:,} {self.rows}" + (f", {chosen:,} selected" if chosen else ""), color=MUTED)

    def _limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        return low - 0.04 * span, high + 0.04 * span

    def _cloud(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Pixels:
        """Set a disc a point, at twice the size, so that edges come out smooth."""
        radius = float(np.clip(300 / np.sqrt(len(self.points)), 1.5, 7))
        reach = int(np.ceil(radius))
        height, width = 2 * (_BOTTOM - _TOP), 2 * (_RIGHT - _LEFT)
        image = np.full((height, width, 3), 255, dtype=np.uint8)
        room = np.array([width, height]) - 2 * reach - 1
        order = self._order()
        place = ((self.points[order] - low) / (high - low) * room).astype(np.int64) + reach
        flat = image.reshape(-1, 3)
        at = (height - 1 - place[:, 1]) * width + place[:, 0]
        colour = self._colours()[order]
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                if dx * dx + dy * dy <= radius * radius:
                    flat[at + (dy * width + dx)] = colour
        quarters = [image[i::2, j::2].astype(np.uint16) for i in (0, 1) for j in (0, 1)]
        return (sum(quarters[1:], quarters[0]) // 4).astype(np.uint8)

    def _order(self) -> NDArray[np.int64]:
        """Return the order of drawing: hidden ones left out, high values and selected points on top."""
        codes = self.colouring.codes
        if self.colouring.kind == "numbers":
            rank = np.where(codes == self.colouring.missing, -1, codes.astype(np.int64))
            order = np.argsort(rank, kind="stable")
        else:  # shuffled, so that no category lies on top because it comes last
            order = np.random.default_rng(0).permutation(len(self.points))
        if self.hidden:
            order = order[~np.isin(codes[order], list(self.hidden))]
        return order[np.argsort(self.selected[order], kind="stable")] if self.selected.any() else order

    def _colours(self) -> Pixels:
        shade = self._shades()
        if not self.selected.any():
            return shade
        faded = (255 - (255 - shade.astype(np.int64)) // 5).astype(np.uint8)
        return np.where(self.selected[:, None], shade, faded)

    def _shades(self) -> Pixels:
        if self.colouring.kind == "none":
            return np.broadcast_to(_rgb(palette.OKABE_ITO[0]), (len(self.points), 3))
        codes = self.colouring.codes.astype(np.int64)
        if self.colouring.kind == "numbers":
            place = np.where(codes == self.colouring.missing, 256, codes * 255 // 65534)
            scale = np.vstack([_scale(256), _rgb(palette.NONE)])
            if self.colouring.n_zero:
                scale[0] = _rgb(palette.ZERO)
            return scale[place]
        colours = [*palette.colours(len(self.colouring.labels)), palette.NONE]
        return np.array([_rgb(colour) for colour in colours])[np.minimum(codes, len(colours) - 1)]

    def _draw_axes(self, figure: "Figure", page: Pixels, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        page[_BOTTOM, _LEFT - 1 : _RIGHT] = page[_TOP:_BOTTOM, _LEFT - 1] = _RULE
        for value in _ticks(low[0], high[0]):
            x = _LEFT + round((value - low[0]) / (high[0] - low[0]) * (_RIGHT - _LEFT - 1))
            page[_BOTTOM : _BOTTOM + 4, x] = _RULE
            _write(figure, x, _BOTTOM + 6, f"{value:g}", ha="center", va="top")
        for value in _ticks(low[1], high[1]):
            y = _BOTTOM - 1 - round((value - low[1]) / (high[1] - low[1]) * (_BOTTOM - _TOP - 1))
            page[y, _LEFT - 5 : _LEFT - 1] = _RULE
            _write(figure, _LEFT - 9, y, f"{value:g}", ha="right", va="center")
        _write(figure, _RIGHT, 436, self.titles[0], ha="right", va="bottom", color=MUTED)
        _write(figure, 8, 6, self.titles[1], va="top", color=MUTED)

    def _draw_trajectories(self, figure: "Figure", low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        from matplotlib.lines import Line2D

        size = np.array([_RIGHT - _LEFT - 1, _TOP - _BOTTOM + 1])
        ends = []
        for line, own in zip(self.trajectories, palette.colours(len(self.trajectories)), strict=True):
            colour = own if len(self.trajectories) > 1 else TEXT
            known = line[np.isfinite(line).all(axis=1)]
            x, y = ((known - low) / (high - low) * size + [_LEFT, _BOTTOM - 1]).T
            across, up = x / _WIDTH, 1 - y / _HEIGHT
            for shade, width in (("white", 4.5), (TEXT, 3.0), (colour, 1.6)):
                figure.add_artist(Line2D(across, up, color=shade, linewidth=width))
            for at, fill in ((slice(1), "white"), (slice(-1, None), colour)):  # it starts at the open circle
                dot = Line2D(across[at], up[at], marker="o", markersize=6, color=TEXT, markerfacecolor=fill)
                figure.add_artist(dot)
            ends.append((float(x[-1]), float(y[-1])) if len(known) else None)
        self._draw_names(figure, ends)

    def _draw_names(self, figure: "Figure", ends: list[tuple[float, float] | None]) -> None:
        """Write each trajectory's name next to its end, inside of the frame and clear of the names above it."""
        from matplotlib.patheffects import withStroke

        named = [(end, name) for end, name in zip(ends, self.trajectory_names, strict=False) if end and name]
        lowest = -np.inf
        for (x, y), name in sorted(named, key=lambda one: one[0][1]):
            lowest = max(y, lowest + _LINE)
            left = x > (_LEFT + _RIGHT) / 2
            text = _write(
                figure,
                x - 8 if left else x + 8,
                lowest,
                shorten(name, _MAX_LENGTH),
                ha="right" if left else "left",
                va="center",
            )
            text.set_path_effects([withStroke(linewidth=3, foreground="white")])

    def _draw_legend(self, figure: "Figure", page: Pixels) -> None:
        colouring = self.colouring
        rows = list(zip(colouring.labels, colouring.counts, palette.colours(len(colouring.labels)), strict=True))
        if colouring.n_missing:
            rows.append(("none", colouring.n_missing, palette.NONE))
        _write(figure, _LEGEND, 12, shorten(colouring.name or "", _MAX_LENGTH), va="top", weight="bold")
        for i, (label, n, colour) in enumerate(rows[:_MAX_KEYS]):
            y = 42 + _LINE * i
            page[y - 5 : y + 6, _LEGEND : _LEGEND + 11] = _rgb(colour)
            _write(figure, _LEGEND + 18, y, shorten(label, 21), va="center")
            _write(figure, _WIDTH - 6, y, f"{n:,}", ha="right", va="center")
        if len(rows) > _MAX_KEYS:
            _write(figure, _LEGEND + 18, 42 + _LINE * _MAX_KEYS, f"and {len(rows) - _MAX_KEYS:,} more", va="center")

    def _draw_bar(self, figure: "Figure", page: Pixels) -> None:
        colouring = self.colouring
        _write(figure, _LEGEND, 12, shorten(colouring.name or "", _MAX_LENGTH), va="top", weight="bold")
        _write(figure, _LEGEND, 30, colouring.source, va="top", color=MUTED)
        page[60:260, _LEGEND : _LEGEND + 16] = _scale(200)[::-1, None]
        cut = " and more" if colouring.top > colouring.high else ""
        for share, more in ((1.0, cut), (0.5, ""), (0.0, "")):
            value = colouring.low + share * (colouring.high - colouring.low)
            _write(figure, _LEGEND + 24, 260 - round(200 * share), f"{_number(value)}{more}", va="center")
        keys = (("zero", colouring.n_zero, palette.ZERO), ("none", colouring.n_missing, palette.NONE))
        for i, (name, n, colour) in enumerate(key for key in keys if key[1]):
            y = 289 + _LINE * i
            page[y - 5 : y + 6, _LEGEND : _LEGEND + 11] = _rgb(colour)
            _write(figure, _LEGEND + 18, y, f"{name}  {n:,}", va="center")


def _number(value: float) -> str:
    """Write a value with four digits, a large one without a power of ten."""
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e9 else f"{value:.4g}"


def _write(
    figure: "Figure", x: float, y: float, text: str, *, ha: str = "left", va: str = "baseline",
    color: str = TEXT, weight: str = "normal",
) -> "Text":  # fmt: skip
    """Write at a pixel; dollar signs in the user's labels are no formulas."""
    return figure.text(
        x / _WIDTH, 1 - y / _HEIGHT, text, ha=ha, va=va, color=color, weight=weight, fontsize=9, parse_math=False
    )


def _rgb(colour: str) -> Pixels:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.uint8)


def _scale(n: int) -> Pixels:
    """Return `n` steps of viridis, low to high, ``(n, 3)``."""
    stops = np.array([_rgb(stop) for stop in palette.VIRIDIS], dtype=np.float64)
    at, known = np.linspace(0, 1, n), np.linspace(0, 1, len(stops))
    return np.stack([np.interp(at, known, stops[:, i]) for i in range(3)], axis=1).astype(np.uint8)


def _ticks(low: float, high: float) -> NDArray[np.float64]:
    """Return about five round numbers between `low` and `high`."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(k for k in (1, 2, 5, 10) if k * power >= rough)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1, dtype=np.float64) * float(step) + 0.0  # no -0

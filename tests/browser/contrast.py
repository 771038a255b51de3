"""How well text can be read: the contrast of every text of an element with what lies behind it (WCAG 2)."""

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator

# What canvases write is noted from their next drawing on: the last frame of each.
NOTE = """() => {
    if (window.written) return;
    window.written = new Map();
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
        fillText.call(this, text, x, y, ...rest);
        const frame = document.timeline.currentTime;
        let known = window.written.get(this.canvas);
        if (known?.frame !== frame) window.written.set(this.canvas, (known = { frame, texts: [] }));
        const size = this.measureText(text);
        const place = this.getTransform();
        const corner = new DOMPoint(x - size.actualBoundingBoxLeft, y - size.actualBoundingBoxAscent);
        const other = new DOMPoint(x + size.actualBoundingBoxRight, y + size.actualBoundingBoxDescent);
        const [from, to] = [corner.matrixTransform(place), other.matrixTransform(place)];
        known.texts.push({ text, from, to, colour: this.fillStyle, alpha: this.globalAlpha });
    };
}"""

TEXTS = """(root) => {
    const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const read = (colour) => {
        dot.clearRect(0, 0, 1, 1);
        dot.fillStyle = colour;
        dot.fillRect(0, 0, 1, 1);
        return [...dot.getImageData(0, 0, 1, 1).data];
    };
    const found = [];
    const add = (el, text, rect, colour, alpha) => {
        const box = { left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom };
        for (let at = el; at; at = at.parentElement) {
            const style = getComputedStyle(at);
            alpha *= style.opacity;
            if (!root.contains(at) || style.overflow === "visible" || at.closest("svg")) continue;
            const view = at.getBoundingClientRect();
            box.left = Math.max(box.left, view.left);
            box.top = Math.max(box.top, view.top);
            box.right = Math.min(box.right, view.right);
            box.bottom = Math.min(box.bottom, view.bottom);
        }
        const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
        if (!document.elementsFromPoint(...middle).some((at) => root.contains(at))) return;
        const [red, green, blue, opaque] = read(colour);
        const seen = (alpha * opaque) / 255;
        if (seen > 0.05 && box.right - box.left > 4 && box.bottom - box.top > 4) {
            found.push([text, [box.left, box.top, box.right, box.bottom], [red, green, blue], seen]);
        }
    };
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const el = node.parentElement;
        if (!node.data.trim() || el.closest("style, script, option, :disabled") || !el.checkVisibility()) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const style = getComputedStyle(el);
        const inSvg = el.closest("svg text");
        const colour = inSvg ? style.fill : style.color;
        add(el, node.data.trim(), range.getBoundingClientRect(), colour, inSvg ? Number(style.fillOpacity) : 1);
    }
    for (const [canvas, { texts }] of window.written ?? []) {
        if (!root.contains(canvas) || !canvas.checkVisibility()) continue;
        const frame = canvas.getBoundingClientRect();
        const [across, down] = [frame.width / canvas.width, frame.height / canvas.height];
        for (const { text, from, to, colour, alpha } of texts) {
            const box = { left: frame.left + from.x * across, right: frame.left + to.x * across };
            Object.assign(box, { top: frame.top + from.y * down, bottom: frame.top + to.y * down });
            add(canvas, text, box, colour, alpha);
        }
    }
    return found;
}"""


class Contrast(NamedTuple):
    """A text's contrast with what lies behind it, 1 to 21."""

    ratio: float
    text: str


def contrasts(root: Locator) -> list[Contrast]:
    """Measure every visible text of an element, the worst first; what lies behind is what most of its frame shows."""
    texts = root.evaluate(TEXTS)
    picture = np.asarray(Image.open(io.BytesIO(root.page.screenshot())).convert("RGB"), dtype=np.float64)
    scale = picture.shape[1] / root.page.evaluate("innerWidth")
    return sorted(
        Contrast(_ratio(picture, np.array(box) * scale, colour, alpha), text) for text, box, colour, alpha in texts
    )


def _ratio(picture: NDArray[np.float64], box: NDArray[np.float64], colour: list[int], alpha: float) -> float:
    left, top, right, bottom = np.round(box + np.array([-1, -1, 1, 1])).astype(int)
    around = picture[max(top, 0) : bottom, max(left, 0) : right]
    frame = np.concatenate([around[0], around[-1], around[:, 0], around[:, -1]])  # small letters fill their box
    behind = np.median(frame, axis=0)
    seen = alpha * np.array(colour) + (1 - alpha) * behind
    dark, light = sorted((_luminance(seen), _luminance(behind)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: NDArray[np.float64]) -> float:
    share = colour / 255
    linear = np.where(share <= 0.03928, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])

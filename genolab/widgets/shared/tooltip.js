// The parts of a tooltip (genolab/widgets/latent/tooltip.py): lines of text, bases and logos, pictures.

import "./tooltip.css";
import { sharpen } from "./canvas.js";
import { element } from "./dom.js";
import { BASES, drawBase, drawLogo, baseColour } from "./glyphs.js";
import { theme } from "./theme.js";

const STEP = 7; // pixels a base
const HIGH = { bases: 14, logo: 44 };

/** Draw one part; `el` stands on the page and has the theme. */
export function drawPart(part, el) {
  if (part.kind === "logo") return sequence(part, el);
  if (part.kind === "picture") {
    const { source: src, caption: alt, height } = part;
    const isPicture = src.startsWith("data:image/");
    const image = element("img", { src: isPicture ? src : "", alt, height, class: "gl-tip-picture" });
    return element("div", {}, image, caption(part));
  }
  return element("div", { text: part.text ?? "" });
}

function caption(part) {
  return part.caption ? element("div", { class: "gl-muted", text: part.caption }) : null;
}

function sequence(part, el) {
  const colours = theme(el);
  const n = part.bases?.length ?? part.heights.length;
  const isStacked = Boolean(part.heights);
  const high = isStacked ? HIGH.logo : HIGH.bases;
  const label = part.bases ?? part.caption;
  const canvas = element("canvas", { class: "gl-tip-bases", role: "img", "aria-label": label });
  canvas.style.width = `${n * STEP}px`;
  canvas.style.height = `${high}px`;
  const context = sharpen(canvas, n * STEP, high, window.devicePixelRatio || 1);
  const draw = (base, i) =>
    drawBase(context, base, [i * STEP + 0.6, high - 1], [STEP - 1.2, high - 3], baseColour(base, colours.dark));
  if (isStacked) stacked(context, part.heights, high, colours);
  else [...part.bases].forEach(draw);
  return element("div", {}, canvas, caption(part));
}

function stacked(context, heights, high, colours) {
  const sums = heights.map((column) => column.reduce(([low, up], v) => (v < 0 ? [low + v, up] : [low, up + v]), [0, 0]));
  const low = Math.min(0, ...sums.map((sum) => sum[0]));
  const up = Math.max(0, ...sums.map((sum) => sum[1]));
  const scale = (high - 2) / (up - low || 1);
  const zero = 1 + up * scale;
  context.fillStyle = colours.border;
  context.fillRect(0, Math.round(zero), heights.length * STEP, 1);
  const height = (base, at) => heights[at][BASES.indexOf(base)] * scale;
  drawLogo(context, height, { first: 0, last: heights.length, x: 0, y: zero, step: STEP, dark: colours.dark });
}

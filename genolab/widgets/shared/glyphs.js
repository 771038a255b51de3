// The bases of logos on a 2D canvas, from the same outlines as in the figures (genolab/glyphs.py).

import { css, onPaper } from "./theme.js";

export const BASES = "ACGT";

const shapes = new Map(); // base -> its outline as a Path2D in the unit square, y upwards

function shape(base) {
  if (!shapes.has(base)) {
    const path = new Path2D();
    OUTLINES[base].forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
    shapes.set(base, path);
  }
  return shapes.get(base);
}

/** The colour of a base on the paper. */
export function baseColour(base, dark) {
  const colour = PALETTE.bases[base];
  return colour ? css(onPaper(colour, dark)) : dark ? "#9a9a9a" : "#757575";
}

/** Draw one base from its foot `y` upwards by `height` pixels; a negative one hangs, upside down. N is a dot. */
export function drawBase(context, base, [x, y], [width, height], colour) {
  context.fillStyle = colour;
  if (!OUTLINES[base]) {
    context.fillRect(x + width * 0.4, y - height * 0.55, width * 0.2, Math.max(1.5, Math.abs(height) * 0.1));
    return;
  }
  context.save();
  context.translate(x, y);
  context.scale(width, -height);
  context.fill(shape(base));
  context.restore();
}

/**
 * Draw stacked bases: `heights(base, position)` in pixels, for positions `first` to `last`; those above zero stand on
 * the line `y`, those below hang from it, the largest outermost.
 */
export function drawLogo(context, heights, { first, last, x, y, step, dark }) {
  for (let at = first; at < last; at += 1) {
    const column = [...BASES].map((base) => [base, heights(base, at)]).filter(([, height]) => Math.abs(height) > 0.25);
    column.sort((a, b) => Math.abs(a[1]) - Math.abs(b[1]));
    let [up, down] = [y, y];
    for (const [base, height] of column) {
      const place = [x + (at - first) * step + step * 0.03, height > 0 ? up : down];
      drawBase(context, base, place, [step * 0.94, height], baseColour(base, dark));
      if (height > 0) up -= height;
      else down -= height;
    }
  }
}

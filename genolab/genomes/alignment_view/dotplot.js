// The dot plot: blocks as lines, of which one is read.

import { drawAxes, frameOf } from "../../widgets/shared/axes.js";
import { fitted, onScreen, panned, zoomedAt } from "../../widgets/shared/camera.js";
import { Drawing, circle, fillBox, sharpen } from "../../widgets/shared/canvas.js";
import { short } from "../../widgets/shared/format.js";
import { css, onPaper, theme } from "../../widgets/shared/theme.js";

const MARGIN = { left: 76, top: 24, right: 10, bottom: 26 };
const REACH = 12; // pixels within which a line is hit

export class Dotplot extends Drawing {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.pieces = new Float32Array(0); // a b a b, a piece
    this.rows = new Float32Array(0); // of which block, -1 - row on the other strand
    this.size = [0, 0, 1];
    this.auto = true; // all is shown, until a person moves it
  }

  /** What is drawn: `axes` are {title, starts, lengths} of a and b. */
  take(axes, pieces, rows) {
    Object.assign(this, { axes, pieces, rows });
    this.dirty();
  }

  /** Which block is read, and where the cursor stands on both axes: [x, y], or null. */
  point(row, at) {
    this.row = row;
    this.at = at;
    this.dirty();
  }

  resize(width, height, ratio) {
    this.size = [width, height, ratio];
    this.frame = frameOf(width, height, MARGIN);
    if (this.auto) this.showAll();
    this.draw();
  }

  // ---- the camera ----

  whole() {
    const end = ({ starts, lengths }) => starts.at(-1) + lengths.at(-1);
    return fitted({ x0: 0, y0: 0, x1: end(this.axes[0]), y1: end(this.axes[1]) }, this.frame);
  }

  showAll() {
    if (!this.axes || !this.frame) return;
    this.camera = this.whole();
    this.auto = true;
    this.dirty();
  }

  pan(dx, dy) {
    this.auto = false;
    this.camera = panned(this.camera, dx, dy);
    this.dirty();
  }

  zoom(factor, at) {
    const { left, top, width, height } = this.frame;
    this.auto = false;
    this.camera = zoomedAt(this.camera, this.whole(), this.frame, factor, at ?? [left + width / 2, top + height / 2]);
    this.dirty();
  }

  /** The block under a place and where on a's axis it was hit: {row, x}; null for none. */
  under(at) {
    const { pieces, rows, camera, frame } = this;
    if (!camera) return null;
    let best = null;
    let least = REACH;
    for (let i = 0; i < rows.length; i += 1) {
      const from = onScreen(camera, frame, pieces[4 * i], pieces[4 * i + 1]);
      const to = onScreen(camera, frame, pieces[4 * i + 2], pieces[4 * i + 3]);
      const [far, share] = distance(at, from, to);
      if (far >= least) continue;
      least = far;
      const x = pieces[4 * i] + share * (pieces[4 * i + 2] - pieces[4 * i]);
      best = { row: rowOf(rows[i]), x };
    }
    return best;
  }

  // ---- drawing ----

  draw() {
    this.begin();
    const [width, height, ratio] = this.size;
    if (width <= 0 || !this.axes || !this.camera) return;
    const context = sharpen(this.canvas, width, height, ratio);
    const colours = theme(this.canvas);
    const { frame, camera } = this;
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    this.bounds(context, colours);
    this.lines(context, colours);
    this.cursor(context, colours);
    context.restore();
    const titles = this.axes.map((axis) => short(axis.title, 28));
    drawAxes(context, colours, { frame, camera, titles, offset: [0, 0], isEmpty: false });
  }

  // Where one chromosome ends and the next begins.
  bounds(context, colours) {
    const { frame, camera } = this;
    const [a, b] = this.axes.map(({ starts }) => starts.slice(1));
    for (const start of a) upright(context, colours.border, frame, onScreen(camera, frame, start, 0)[0]);
    for (const start of b) level(context, colours.border, frame, onScreen(camera, frame, 0, start)[1]);
  }

  // The block that is read lies over the others, and is thicker.
  lines(context, colours) {
    const colour = (which) => css(onPaper(PALETTE.okabeIto[which], colours.dark));
    context.lineCap = "round";
    for (const isRead of [false, true])
      for (const isInverted of [false, true]) {
        context.strokeStyle = colour(isInverted ? 3 : 0);
        context.lineWidth = isRead ? 3.5 : 1.8;
        context.globalAlpha = isRead ? 1 : 0.75;
        context.stroke(this.path(isRead, isInverted));
      }
    context.globalAlpha = 1;
  }

  path(isRead, isInverted) {
    const { pieces, rows, camera, frame } = this;
    const path = new Path2D();
    for (let i = 0; i < rows.length; i += 1) {
      if (rows[i] < 0 !== isInverted || (rowOf(rows[i]) === this.row) !== isRead) continue;
      path.moveTo(...onScreen(camera, frame, pieces[4 * i], pieces[4 * i + 1]));
      path.lineTo(...onScreen(camera, frame, pieces[4 * i + 2], pieces[4 * i + 3]));
    }
    return path;
  }

  cursor(context, colours) {
    if (!this.at) return;
    const { frame, camera } = this;
    const [x, y] = onScreen(camera, frame, ...this.at);
    upright(context, colours.muted, frame, x);
    level(context, colours.muted, frame, y);
    circle(context, [x, y], 6, { fill: colours.paper, stroke: colours.text });
  }
}

// Fine lines through the frame.
function upright(context, colour, { top, height }, x) {
  fillBox(context, colour, [Math.round(x), top, 1, height], 0.5);
}

function level(context, colour, { left, width }, y) {
  fillBox(context, colour, [left, Math.round(y), width, 1], 0.5);
}

function rowOf(code) {
  return code < 0 ? -1 - code : code;
}

// How far a place is from a straight piece, and at which share of the piece it is nearest.
function distance([x, y], [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const long = dx * dx + dy * dy;
  const share = long ? Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / long)) : 0;
  return [Math.hypot(x - x0 - share * dx, y - y0 - share * dy), share];
}

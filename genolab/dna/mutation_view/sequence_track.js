// The sequence as it is drawn: an overview, the reference, the sequence with a cursor, its logo, and the map of changes.

import { ticks } from "../../widgets/shared/axes.js";
import { Drawing, fillBox, setText, sharpen, strokeBox } from "../../widgets/shared/canvas.js";
import { count, number } from "../../widgets/shared/format.js";
import { BASES, drawBase, drawLogo, baseColour } from "../../widgets/shared/glyphs.js";
import { css, scaleColour, theme } from "../../widgets/shared/theme.js";

const GUTTER = 92; // pixels for the names of the rows
const RIGHT = 14;
const STEP = { least: 13, most: 26 }; // pixels a base
const ROWS = { overview: 36, ruler: 20, reference: 24, sequence: 30, logo: 104, map: 76 };
const GAP = 8;

export class SequenceTrack extends Drawing {
  /** `drawn` is called after each drawing. */
  constructor(canvas, drawn) {
    super();
    Object.assign(this, { canvas, drawn, first: 0, hover: null, size: [0, 0, 1] });
  }

  /** What is shown: {sequence, reference, scores, cursor, isFocused}. */
  show(state) {
    this.state = state;
    this.dirty();
  }

  get length() {
    return this.state?.sequence.length ?? 0;
  }

  resize(width, ratio) {
    this.size = [width, this.height(width), ratio];
    this.canvas.style.height = `${this.size[1]}px`;
    this.bringIn(this.state?.cursor ?? 0);
    this.draw();
  }

  // ---- layout ----

  layout(width) {
    const room = width - GUTTER - RIGHT;
    const fits = Math.max(1, Math.floor(room / STEP.least));
    const shown = Math.min(this.length, fits);
    const step = Math.min(STEP.most, room / Math.max(1, shown));
    const isWhole = shown === this.length;
    const tops = {};
    let y = 0;
    for (const [name, height] of Object.entries(ROWS)) {
      if (name === "overview" && isWhole) continue;
      tops[name] = y;
      y += height + (name === "overview" || name === "sequence" || name === "logo" ? GAP : 0);
    }
    return { room, shown, step, tops, isWhole, height: y + 4 };
  }

  height(width) {
    return this.layout(width).height;
  }

  /** Move the window so that a position is in it. */
  bringIn(position) {
    const { shown } = this.layout(this.size[0]);
    const margin = Math.min(3, Math.floor((shown - 1) / 2));
    if (position < this.first + margin) this.first = position - margin;
    if (position >= this.first + shown - margin) this.first = position - shown + 1 + margin;
    this.scroll(0);
  }

  scroll(by) {
    const { shown } = this.layout(this.size[0]);
    this.first = Math.round(Math.max(0, Math.min(this.length - shown, this.first + by)));
    this.dirty();
  }

  /** Show a window about the share `at` (0 to 1) of the sequence. */
  centre(at) {
    const { shown } = this.layout(this.size[0]);
    this.first = at * this.length - shown / 2;
    this.scroll(0);
  }

  get page() {
    return this.layout(this.size[0]).shown;
  }

  /** What lies under a place: {row, position, base} or {row: "overview", share}, else null. */
  under(x, y) {
    const { step, tops, room, shown } = this.layout(this.size[0]);
    const row = Object.keys(tops).findLast((name) => y >= tops[name]);
    if (!row || x < GUTTER || x > GUTTER + room) return null;
    if (row === "overview") return { row, share: (x - GUTTER) / room };
    const position = this.first + Math.floor((x - GUTTER) / step);
    if (position >= Math.min(this.length, this.first + shown)) return null;
    const line = Math.floor((y - tops.map) / (ROWS.map / 4));
    if (row === "map") return line < 4 ? { row, position, base: BASES[line] } : null;
    return { row, position, base: null };
  }

  /** Where on the canvas a position is, for a tooltip: its middle, and the top of the row. */
  place(position, row) {
    const { step, tops } = this.layout(this.size[0]);
    return [GUTTER + (position - this.first + 0.5) * step, tops[row] ?? 0];
  }

  // ---- drawing ----

  draw() {
    this.begin();
    const [width, height, ratio] = this.size;
    if (!this.state || width <= 0) return;
    const wanted = this.height(width);
    if (wanted !== height) {
      this.size[1] = wanted;
      this.canvas.style.height = `${wanted}px`;
    }
    const context = sharpen(this.canvas, width, wanted, ratio);
    const colours = theme(this.canvas);
    const all = { ...this.layout(width), colours, width };
    all.last = Math.min(this.length, this.first + all.shown);
    this.names(context, all);
    if (!all.isWhole) this.overview(context, all);
    this.ruler(context, all);
    this.cells(context, all);
    this.logo(context, all);
    this.map(context, all);
    this.cursor(context, all);
    this.drawn();
  }

  names(context, { tops, colours }) {
    setText(context, colours, "right");
    const middle = (row) => tops[row] + ROWS[row] / 2;
    if (tops.overview !== undefined) context.fillText("all", GUTTER - 10, middle("overview"));
    context.fillText("reference", GUTTER - 10, middle("reference"));
    context.fillText("sequence", GUTTER - 10, middle("sequence"));
    context.fillText("contribution", GUTTER - 10, tops.logo + 8);
    [...BASES].forEach((base, i) => context.fillText(i ? base : `change to  ${base}`, GUTTER - 10, this.line(tops, i)));
  }

  line(tops, i) {
    return tops.map + (i + 0.5) * (ROWS.map / 4);
  }

  // All contributions at once, with the window as a frame and what was changed as marks.
  overview(context, { tops, room, colours, shown }) {
    const { scores, sequence, reference } = this.state;
    const [top, high] = [tops.overview, ROWS.overview];
    const n = this.length;
    const columns = Math.max(1, Math.floor(room));
    const peaks = new Float32Array(columns);
    for (let i = 0; i < n; i += 1) {
      const base = BASES.indexOf(sequence[i]);
      const value = base < 0 ? 0 : Math.abs(scores[base * n + i]);
      const at = Math.min(columns - 1, Math.floor((i / n) * columns));
      peaks[at] = Math.max(peaks[at], value);
    }
    const most = Math.max(...peaks) || 1;
    context.fillStyle = colours.muted;
    const wide = Math.max(1, Math.floor(columns / n));
    peaks.forEach((peak, x) => {
      const up = (peak / most) * (high - 8);
      if (peak) context.fillRect(GUTTER + x, top + high - up, wide, up);
    });
    context.fillStyle = colours.accent;
    for (let i = 0; i < n; i += 1)
      if (sequence[i] !== reference[i]) context.fillRect(GUTTER + (i / n) * room - 1, top, 3, 6);
    strokeBox(context, colours.accent, 1.5, [GUTTER + (this.first / n) * room, top + 0.75, (shown / n) * room, high - 1.5]);
  }

  ruler(context, { tops, step, last, colours, shown }) {
    setText(context, colours, "center", "alphabetic");
    for (const at of ticks(this.first, last - 1, Math.max(2, (shown * step) / 90))) {
      if (!Number.isInteger(at)) continue;
      const x = GUTTER + (at - this.first + 0.5) * step;
      context.fillText(count(at), x, tops.ruler + 12);
      context.fillRect(Math.round(x), tops.ruler + 16, 1, 4);
    }
  }

  cells(context, { tops, step, last, colours }) {
    const { sequence, reference } = this.state;
    for (let at = this.first; at < last; at += 1) {
      const x = GUTTER + (at - this.first) * step;
      const [old, now] = [reference[at], sequence[at]];
      const isChanged = old !== now;
      const wide = Math.min(step * 0.72, 15);
      const left = x + (step - wide) / 2;
      if (isChanged) {
        const box = [x + 0.5, tops.reference + 1, step - 1, ROWS.reference + ROWS.sequence - 2];
        fillBox(context, colours.accent, box, colours.dark ? 0.35 : 0.18);
        fillBox(context, colours.accent, [x + 0.5, tops.sequence + ROWS.sequence - 3, step - 1, 2.5]); // without colour too
      }
      drawBase(context, old, [left, tops.reference + 19], [wide, 14], isChanged ? colours.text : colours.muted);
      drawBase(context, now, [left, tops.sequence + 23], [wide, 17], baseColour(now, colours.dark));
    }
  }

  logo(context, { tops, step, last, colours, width }) {
    const { sequence, scores } = this.state;
    const [n, top, high] = [this.length, tops.logo, ROWS.logo];
    const value = (base, at) => (sequence[at] === base ? scores[BASES.indexOf(base) * n + at] : 0);
    let [low, most] = [0, 0];
    for (let at = 0; at < n; at += 1) {
      const score = sequence[at] === "N" ? 0 : value(sequence[at], at);
      low = Math.min(low, score);
      most = Math.max(most, score);
    }
    const scale = (high - 12) / (most - low || 1);
    const zero = top + 6 + most * scale;
    fillBox(context, colours.border, [GUTTER, Math.round(zero), width - GUTTER - RIGHT, 1]);
    setText(context, colours, "right");
    for (const tick of ticks(low, most, 3)) {
      const y = zero - tick * scale;
      context.fillRect(GUTTER - 5, Math.round(y), 4, 1);
      if (Math.abs(y - top - 8) > 14) context.fillText(number(tick), GUTTER - 9, y);
    }
    const heights = (base, at) => value(base, at) * scale;
    drawLogo(context, heights, { first: this.first, last, x: GUTTER, y: zero, step, dark: colours.dark });
  }

  // What each change would do: red raises the output, blue lowers it; the base that is there is written.
  map(context, { tops, step, last, colours }) {
    const { sequence, scores } = this.state;
    const n = this.length;
    const here = (at) => (sequence[at] === "N" ? 0 : scores[BASES.indexOf(sequence[at]) * n + at]);
    let most = 0;
    for (let at = 0; at < n; at += 1)
      for (let base = 0; base < 4; base += 1) most = Math.max(most, Math.abs(scores[base * n + at] - here(at)));
    const high = ROWS.map / 4;
    for (let at = this.first; at < last; at += 1) {
      const x = GUTTER + (at - this.first) * step;
      [...BASES].forEach((base, i) => {
        const y = tops.map + i * high;
        if (sequence[at] === base) {
          drawBase(context, base, [x + step / 2 - 4.5, y + high - 4], [9, high - 8], colours.muted);
          return;
        }
        const change = most ? (scores[i * n + at] - here(at)) / most : 0;
        fillBox(context, shade(change, colours.dark), [x + 0.5, y + 0.5, step - 1, high - 1]);
      });
    }
    if (this.hover?.row === "map") {
      const x = GUTTER + (this.hover.position - this.first) * step;
      const y = tops.map + BASES.indexOf(this.hover.base) * high;
      strokeBox(context, colours.text, 1.5, [x + 0.75, y + 0.75, step - 1.5, high - 1.5]);
    }
  }

  cursor(context, { tops, step, last, colours }) {
    const { cursor, isFocused } = this.state;
    if (cursor < this.first || cursor >= last) return;
    const x = GUTTER + (cursor - this.first) * step;
    strokeBox(context, colours.accent, isFocused ? 2.5 : 1.25, [x, tops.sequence + 1, step, ROWS.sequence - 2]);
  }
}

// -1 to 1 on the diverging scale; on dark paper its light middle becomes the paper's own grey.
function shade(change, dark) {
  const at = Math.sign(change) * Math.sqrt(Math.abs(change)); // small effects are to be seen next to great ones
  if (!dark) return css(scaleColour(PALETTE.diverging, 0.5 + at / 2));
  const end = scaleColour(PALETTE.diverging, at < 0 ? 0.12 : 0.86);
  return css([48, 48, 48].map((paper, i) => Math.round(paper + (end[i] - paper) * Math.abs(at))));
}

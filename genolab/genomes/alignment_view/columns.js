// The columns of an alignment as lines of text on a canvas, with codons and changes coloured.

import { Drawing, fillBox, setText, sharpen, strokeBox } from "../../widgets/shared/canvas.js";
import { count } from "../../widgets/shared/format.js";
import { css, onPaper, theme } from "../../widgets/shared/theme.js";

const STEP = { least: 9.6, most: 12 }; // pixels a column
const LEFT = 94; // for the positions before a line
const RIGHT = 84; // and after it
const OVERVIEW = 40;
const ROW = { gene: 17, acid: 16, base: 17, bar: 11, gap: 14 };
// By the kind of change: which of PALETTE.okabeIto, and how dense; codons also have a line.
export const COLOURS = { base: 1, gap: 7, silent: 2, other: 3, broken: 4 };
export const DENSITY = { base: 0.38, gap: 0.2, silent: 0.2, other: 0.2, broken: 0.2 };

export class AlignmentColumns extends Drawing {
  /** `drawn` is called after each drawing. */
  constructor(canvas, drawn) {
    super();
    Object.assign(this, { canvas, drawn, size: [0, 0, 1] });
    this.first = 0; // column at which the first line begins
    this.state = { n: 0, column: 0, page: null, profile: new Float32Array(0), isFocused: false };
  }

  /** What is shown: {n, column, page, profile, isFocused}. */
  show(state) {
    this.state = state;
    this.dirty();
  }

  resize(width, height, ratio) {
    this.size = [width, height, ratio];
    this.bringIn(this.state.column);
    this.draw();
  }

  // ---- layout ----

  get perLine() {
    const fits = (this.size[0] - LEFT - RIGHT) / STEP.least;
    return Math.max(10, Math.floor(fits / 10) * 10);
  }

  get step() {
    return Math.max(STEP.least, Math.min(STEP.most, (this.size[0] - LEFT - RIGHT) / this.perLine));
  }

  // The lanes in which genes lie in a line, in order; none while that isn't known.
  lanes(line) {
    const { page } = this.state;
    const [from, to] = [line * this.perLine, (line + 1) * this.perLine];
    const here = (page?.genes ?? []).filter(([, first, stop]) => stop > from && first < to);
    return [...new Set(here.map((gene) => gene[4]))].sort((one, other) => one - other);
  }

  height(line) {
    return this.lanes(line).length * (2 * ROW.acid + ROW.gene) + 2 * ROW.base + ROW.bar + ROW.gap;
  }

  get room() {
    return this.size[1] - OVERVIEW - ROW.gap;
  }

  /** The lines that have room from `first` on: {line, top} each. */
  get lines() {
    const lines = [];
    let top = OVERVIEW + 6;
    for (let line = Math.round(this.first / this.perLine); line * this.perLine < this.state.n; line += 1) {
      const height = this.height(line);
      if (lines.length && top + height - ROW.gap > this.size[1]) break;
      lines.push({ line, top, height });
      top += height;
    }
    return lines;
  }

  /** Columns on the screen. */
  get shown() {
    return Math.max(1, this.lines.length) * this.perLine;
  }

  get stop() {
    return Math.min(this.state.n, this.first + this.shown);
  }

  /** Move so that a column can be seen: as little as will do if it is near, else so that its line is the second one. */
  bringIn(column) {
    const line = Math.floor(column / this.perLine);
    const top = Math.round(this.first / this.perLine);
    const count = this.lines.length;
    if (line < top - count || line >= top + 2 * count) this.first = Math.max(0, line - 1) * this.perLine;
    else if (line < top) this.first = line * this.perLine;
    if (line >= Math.round(this.first / this.perLine) + this.lines.length) this.first = this.above(line) * this.perLine;
    this.first = Math.min(this.first, this.above(Math.max(0, Math.ceil(this.state.n / this.perLine) - 1)) * this.perLine);
    this.dirty();
  }

  // The first line on a screen whose last line is `line`.
  above(line) {
    let [top, high] = [line, this.height(line)];
    while (top > 0 && high + this.height(top - 1) <= this.room + ROW.gap) high += this.height((top -= 1));
    return top;
  }

  /** What lies under a place: {column}, {share} of the overview, or null. */
  under(x, y) {
    const { perLine, step } = this;
    const along = (x - LEFT) / (perLine * step);
    if (along < 0 || along >= 1) return null;
    if (y < OVERVIEW) return { share: along };
    const hit = this.lines.find(({ top, height }) => y >= top && y < top + height);
    const column = hit ? hit.line * perLine + Math.floor((x - LEFT) / step) : Infinity;
    return column < this.state.n ? { column } : null;
  }

  // ---- drawing ----

  draw() {
    this.begin();
    const [width, height, ratio] = this.size;
    if (width <= 0) return;
    const context = sharpen(this.canvas, width, height, ratio);
    const colours = theme(this.canvas);
    const ofKind = ([kind, which]) => [kind, css(onPaper(PALETTE.okabeIto[which], colours.dark))];
    const kinds = Object.fromEntries(Object.entries(COLOURS).map(ofKind));
    const all = { colours, kinds, mono: `${colours.font.includes("mono") ? "" : "ui-monospace, Menlo, Consolas, "}monospace` };
    if (this.state.n > 0) this.overview(context, all);
    for (const { line, top } of this.lines) this.line(context, all, line, top);
    this.drawn();
  }

  // The changes from end to end of the block, with what is read as a frame.
  overview(context, { colours, kinds }) {
    const { profile, n, column } = this.state;
    const wide = this.perLine * this.step;
    const high = OVERVIEW - 14;
    setText(context, colours, "right");
    context.fillText("changes", LEFT - 10, high / 2 + 2);
    context.fillStyle = kinds.base;
    profile.forEach((same, i) => {
      const [x0, x1] = [(i / profile.length) * wide, ((i + 1) / profile.length) * wide];
      const up = same < 1 ? Math.max(1.5, (1 - same) * high) : 0;
      context.fillRect(LEFT + x0, 2 + high - up, Math.max(0.7, x1 - x0), up);
    });
    fillBox(context, colours.border, [LEFT, 2 + high, wide, 1]);
    const [from, to] = [(this.first / n) * wide, (this.stop / n) * wide];
    strokeBox(context, colours.accent, 1.5, [LEFT + from, 1, Math.max(3, to - from), high + 3]);
    fillBox(context, colours.accent, [LEFT + ((column + 0.5) / n) * wide - 1, 1, 2, high + 3]);
  }

  line(context, all, line, top) {
    const { page, n, column } = this.state;
    const from = line * this.perLine;
    const to = Math.min(n, from + this.perLine);
    const lanes = this.lanes(line);
    let y = top + lanes.length * ROW.gene;
    const rows = { lanes, genes: y, acidsA: (y += lanes.length * ROW.acid), a: y, bar: y + ROW.base };
    rows.b = rows.bar + ROW.bar;
    rows.acidsB = rows.b + ROW.base;
    const place = { from, to, ...rows };
    if (!page || from < page.first || to > page.first + page.a.length) this.wait(context, all, place);
    else {
      this.changes(context, all, place);
      this.bases(context, all, place);
      this.codons(context, all, place);
      this.genes(context, all, place);
    }
    if (column >= from && column < to) this.cursor(context, all, place);
  }

  wait(context, { colours }, { a }) {
    setText(context, colours, "left");
    context.fillText("...", LEFT, a + ROW.base / 2);
  }

  x(column, from) {
    return LEFT + (column - from) * this.step;
  }

  // Behind the bases: other bases on orange, gaps on grey; of N and its like nothing is known, so they stay plain.
  changes(context, { colours, kinds }, { from, to, a, b, bar }) {
    const { page } = this.state;
    const { step } = this;
    for (let at = from; at < to; at += 1) {
      const [one, other] = [page.a[at - page.first], page.b[at - page.first]];
      const isGap = one === "-" || other === "-";
      const x = this.x(at, from);
      if (!isGap && !("ACGT".includes(one) && "ACGT".includes(other))) continue;
      const kind = isGap ? "gap" : "base";
      if (one === other) fillBox(context, colours.muted, [x + step / 2 - 0.5, bar + 2, 1, ROW.bar - 4], 0.6);
      else fillBox(context, kinds[kind], [x, a, step, b - a + ROW.base], DENSITY[kind]);
    }
  }

  bases(context, { colours, mono }, { from, to, a, b }) {
    const { page } = this.state;
    const rows = [[page.a, page.aAt, a], [page.b, page.bAt, b]];
    for (const [text, at, y] of rows) {
      setText(context, colours, "right");
      context.fillText(count(at[from - page.first]), LEFT - 10, y + ROW.base / 2);
      context.textAlign = "left";
      context.fillText(count(at[to - 1 - page.first]), this.x(to, from) + 8, y + ROW.base / 2);
      Object.assign(context, { font: `13px ${mono}`, fillStyle: colours.text, textAlign: "center" });
      for (let i = from; i < to; i += 1)
        context.fillText(text[i - page.first], this.x(i, from) + this.step / 2, y + ROW.base / 2 + 0.5);
    }
  }

  // Amino acids over and under their codons: a's, and b's where they are others.
  codons(context, { colours, kinds, mono }, { from, to, lanes, acidsA, acidsB }) {
    const { page } = this.state;
    context.textAlign = "center";
    for (const [columns, lane, mine, yours, change] of page.codons) {
      if (columns[2] < from || columns[0] >= to) continue;
      const up = acidsA - (lanes.indexOf(lane) + 1) * ROW.acid;
      const down = acidsB + lanes.indexOf(lane) * ROW.acid;
      const ends = [Math.max(columns[0], from), Math.min(columns[2] + 1, to)];
      const [left, right] = ends.map((at) => this.x(at, from));
      const colour = kinds[change]; // none where codons are the same, or unknown
      for (const y of colour ? [up, down + 1] : []) fillBox(context, colour, [left + 0.5, y, right - left - 1, ROW.acid - 2], DENSITY[change]);
      for (const y of [up + ROW.acid - 2, down]) fillBox(context, colour ?? colours.muted, [left + 1, y, right - left - 2, 1]);
      if (columns[1] < from || columns[1] >= to) continue;
      const x = this.x(columns[1], from) + this.step / 2;
      context.font = `${change === "other" ? "bold " : ""}12px ${mono}`;
      context.fillStyle = colour ? colours.text : colours.muted;
      context.fillText(mine, x, up + ROW.acid / 2 - 1);
      context.fillText(change === "broken" ? "\u00d7" : yours, x, down + ROW.acid / 2 + 1);
    }
  }

  // A line along each gene with its name, and an arrow the way it is read.
  genes(context, { colours }, { from, to, lanes, genes }) {
    const { page } = this.state;
    setText(context, colours, "left");
    for (const [name, first, stop, strand, lane] of page.genes) {
      if (stop <= from || first >= to) continue;
      const [left, right] = [this.x(Math.max(first, from), from), this.x(Math.min(stop, to), from)];
      const y = genes - (lanes.indexOf(lane) + 0.5) * ROW.gene;
      const label = strand === "+" ? `${name} \u203a` : `\u2039 ${name}`;
      const wide = context.measureText(label).width + 8;
      context.fillText(label, left, y);
      if (right - left > wide) context.fillRect(left + wide, Math.round(y), right - left - wide, 1);
    }
  }

  cursor(context, { colours }, { from, a, b }) {
    const box = [this.x(this.state.column, from), a - 1, this.step, b - a + ROW.base + 2];
    strokeBox(context, colours.accent, this.state.isFocused ? 2.5 : 1.5, box);
  }
}

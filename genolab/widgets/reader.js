// The columns of an alignment as lines of text on a canvas, with codons and changes coloured. It draws what it is given
// and tells what lies under a place; what is done there is the view's (alignment.js).

import { count, onPaper, sharpen, theme } from "./look.js";

const STEP = 10; // pixels a column
const LEFT = 94; // for the positions before a line
const RIGHT = 84; // and behind it
const OVERVIEW = 40;
const ROW = { gene: 17, acid: 16, letter: 17, bar: 11, gap: 14 };
const COLOURS = { base: 1, gap: 4, silent: 2, other: 3, broken: 4 }; // of PALETTE.okabeIto

export class Reader {
  constructor(canvas) {
    this.canvas = canvas;
    this.size = [0, 0, 1];
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

  // ---- places ----

  get perLine() {
    const fits = (this.size[0] - LEFT - RIGHT) / STEP;
    return Math.max(10, Math.floor(fits / 10) * 10);
  }

  get lineHeight() {
    const lanes = this.state.page?.lanes ?? 0;
    return lanes * (2 * ROW.acid + ROW.gene) + 2 * ROW.letter + ROW.bar + ROW.gap;
  }

  get lines() {
    return Math.max(1, Math.floor((this.size[1] - OVERVIEW - 12) / this.lineHeight));
  }

  /** Columns on the screen. */
  get shown() {
    return this.lines * this.perLine;
  }

  get stop() {
    return Math.min(this.state.n, this.first + this.shown);
  }

  /** Move so that a column can be seen: by lines if it is near, else so that its line is the second one. */
  bringIn(column) {
    const { perLine, lines } = this;
    const line = Math.floor(column / perLine);
    let top = Math.round(this.first / perLine);
    if (line < top - lines || line >= top + 2 * lines) top = line - 1;
    else if (line < top) top = line;
    else if (line >= top + lines) top = line - lines + 1;
    const last = Math.max(0, Math.ceil(this.state.n / perLine) - lines);
    this.first = Math.max(0, Math.min(top, last)) * perLine;
    this.dirty();
  }

  /** What lies under a place: {column}, {share} of the overview, or null. */
  under(x, y) {
    const { perLine, lineHeight } = this;
    const along = (x - LEFT) / (perLine * STEP);
    if (y < OVERVIEW) return along >= 0 && along <= 1 ? { share: along } : null;
    const line = Math.floor((y - OVERVIEW - 6) / lineHeight);
    const column = this.first + line * perLine + Math.floor((x - LEFT) / STEP);
    if (along < 0 || along >= 1 || line < 0 || line >= this.lines || column >= this.state.n) return null;
    return { column };
  }

  // ---- drawing ----

  dirty() {
    this.request ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.request);
    this.request = null;
    const [width, height, ratio] = this.size;
    if (width <= 0) return;
    const context = sharpen(this.canvas, width, height, ratio);
    context.clearRect(0, 0, width, height);
    const look = theme(this.canvas);
    const colours = Object.fromEntries(
      Object.entries(COLOURS).map(([name, which]) => [name, `rgb(${onPaper(PALETTE.okabeIto[which], look.dark).join(",")})`]),
    );
    const all = { look, colours, mono: `${look.font.includes("mono") ? "" : "ui-monospace, Menlo, Consolas, "}monospace` };
    if (this.state.n > 0) this.overview(context, all);
    for (let line = 0; line < this.lines; line += 1) this.line(context, all, line);
    this.drawn?.();
  }

  // How alike the block is from end to end, with what is read as a frame.
  overview(context, { look, colours }) {
    const { profile, n, column } = this.state;
    const wide = this.perLine * STEP;
    const high = OVERVIEW - 14;
    context.fillStyle = look.muted;
    context.font = `12px ${look.font}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText("changes", LEFT - 10, high / 2 + 2);
    context.fillStyle = colours.base;
    profile.forEach((same, i) => {
      const [x0, x1] = [(i / profile.length) * wide, ((i + 1) / profile.length) * wide];
      const up = same < 1 ? Math.max(1.5, (1 - same) * high) : 0;
      context.fillRect(LEFT + x0, 2 + high - up, Math.max(0.7, x1 - x0), up);
    });
    context.fillStyle = look.border;
    context.fillRect(LEFT, 2 + high, wide, 1);
    context.strokeStyle = look.accent;
    context.lineWidth = 1.5;
    const [from, to] = [(this.first / n) * wide, (this.stop / n) * wide];
    context.strokeRect(LEFT + from, 1, Math.max(3, to - from), high + 3);
    context.fillStyle = look.accent;
    context.fillRect(LEFT + ((column + 0.5) / n) * wide - 1, 1, 2, high + 3);
  }

  line(context, all, line) {
    const { page, n, column } = this.state;
    const from = this.first + line * this.perLine;
    const to = Math.min(n, from + this.perLine);
    if (from >= to) return;
    const lanes = page?.lanes ?? 0;
    let y = OVERVIEW + 6 + line * this.lineHeight + lanes * ROW.gene;
    const rows = { genes: y, acidsA: (y += lanes * ROW.acid), a: y, bar: y + ROW.letter };
    rows.b = rows.bar + ROW.bar;
    rows.acidsB = rows.b + ROW.letter;
    const place = { from, to, ...rows };
    if (!page || from < page.first || to > page.first + page.a.length) this.wait(context, all, place);
    else {
      this.changes(context, all, place);
      this.letters(context, all, place);
      this.codons(context, all, place);
      this.genes(context, all, place);
    }
    if (column >= from && column < to) this.cursor(context, all, place);
  }

  wait(context, { look }, { a }) {
    context.fillStyle = look.muted;
    context.font = `12px ${look.font}`;
    context.textAlign = "left";
    context.fillText("...", LEFT, a + ROW.letter / 2);
  }

  x(column, from) {
    return LEFT + (column - from) * STEP;
  }

  // Behind the letters: other bases on orange, gaps hatched, so that they are told apart without colour as well.
  changes(context, { look, colours }, { from, to, a, b, bar }) {
    const { page } = this.state;
    for (let at = from; at < to; at += 1) {
      const [one, other] = [page.a[at - page.first], page.b[at - page.first]];
      const isGap = one === "-" || other === "-";
      const x = this.x(at, from);
      if (one === other && one !== "N") {
        context.fillStyle = look.muted;
        context.globalAlpha = 0.6;
        context.fillRect(x + STEP / 2 - 0.5, bar + 2, 1, ROW.bar - 4);
      } else {
        context.fillStyle = isGap ? colours.gap : colours.base;
        context.globalAlpha = isGap ? 0.25 : 0.38;
        context.fillRect(x, a, STEP, b - a + ROW.letter);
      }
      context.globalAlpha = 1;
    }
  }

  letters(context, { look, mono }, { from, to, a, b }) {
    const { page } = this.state;
    context.textBaseline = "middle";
    for (const [text, at, y] of [
      [page.a, page.aAt, a],
      [page.b, page.bAt, b],
    ]) {
      context.font = `12px ${look.font}`;
      context.fillStyle = look.muted;
      context.textAlign = "right";
      context.fillText(count(at[from - page.first]), LEFT - 10, y + ROW.letter / 2);
      context.textAlign = "left";
      context.fillText(count(at[to - 1 - page.first]), this.x(to, from) + 8, y + ROW.letter / 2);
      context.textAlign = "center";
      context.font = `13px ${mono}`;
      context.fillStyle = look.text;
      for (let i = from; i < to; i += 1)
        context.fillText(text[i - page.first], this.x(i, from) + STEP / 2, y + ROW.letter / 2 + 0.5);
    }
  }

  // Amino acids over and under their codons: a's, and b's where they are others.
  codons(context, { look, colours, mono }, { from, to, acidsA, acidsB }) {
    const { page } = this.state;
    context.textAlign = "center";
    for (const [columns, lane, mine, yours, change] of page.codons) {
      if (columns[2] < from || columns[0] >= to) continue;
      const up = acidsA - (lane + 1) * ROW.acid;
      const down = acidsB + lane * ROW.acid;
      const ends = [Math.max(columns[0], from), Math.min(columns[2] + 1, to)];
      const [left, right] = ends.map((at) => this.x(at, from));
      const colour = change === "same" ? look.muted : colours[change];
      context.fillStyle = colour;
      if (change !== "same") {
        context.globalAlpha = 0.2;
        context.fillRect(left + 0.5, up, right - left - 1, ROW.acid - 2);
        context.fillRect(left + 0.5, down + 1, right - left - 1, ROW.acid - 2);
        context.globalAlpha = 1;
      }
      context.fillRect(left + 1, up + ROW.acid - 2, right - left - 2, 1);
      context.fillRect(left + 1, down, right - left - 2, 1);
      if (columns[1] < from || columns[1] >= to) continue;
      const x = this.x(columns[1], from) + STEP / 2;
      context.font = `${change === "other" ? "bold " : ""}12px ${mono}`;
      context.fillStyle = change === "same" ? look.muted : look.text;
      context.fillText(mine, x, up + ROW.acid / 2 - 1);
      context.fillText(change === "broken" ? "\u00d7" : yours, x, down + ROW.acid / 2 + 1);
    }
  }

  // A line along each gene with its name, and an arrow the way it is read.
  genes(context, { look }, { from, to, genes }) {
    const { page } = this.state;
    context.font = `12px ${look.font}`;
    context.textAlign = "left";
    for (const [name, first, stop, strand, lane] of page.genes) {
      if (stop <= from || first >= to) continue;
      const [left, right] = [this.x(Math.max(first, from), from), this.x(Math.min(stop, to), from)];
      const y = genes - (lane + 1) * ROW.gene + ROW.gene / 2;
      const label = strand === "+" ? `${name} \u203a` : `\u2039 ${name}`;
      context.fillStyle = look.muted;
      const wide = context.measureText(label).width + 8;
      context.fillText(label, left, y);
      if (right - left > wide) context.fillRect(left + wide, Math.round(y), right - left - wide, 1);
    }
  }

  cursor(context, { look }, { from, a, b }) {
    context.strokeStyle = look.accent;
    context.lineWidth = this.state.isFocused ? 2.5 : 1.5;
    context.strokeRect(this.x(this.state.column, from), a - 1, STEP, b - a + ROW.letter + 2);
  }

  close() {
    cancelAnimationFrame(this.request);
  }
}

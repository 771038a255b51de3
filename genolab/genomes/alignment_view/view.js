// The view of genolab/widgets/alignment.py: a dot plot to choose from, and a page of columns to read. Python spells out
// the columns that are asked for; where the cursor stands is told to it at once, and shown without waiting for it.

import "../../widgets/shared/base.css";
import "./view.css";
import { Talk } from "./channel.js";
import { Dots } from "../../widgets/shared/dots.js";
import { count, element, floats, onPaper, onResize, onTheme, root, theme } from "../../widgets/shared/look.js";
import { Reader } from "./columns.js";

const SLOW_MS = 300;
const LINE = 16; // pixels of a line, where a mouse wheel counts in lines
const KEYS =
  "Keys on the alignment: arrows, Page keys, Home and End move; N goes to the next change, P to the one before; ] to " +
  "the next block, [ to the one before. Keys on the dot plot: arrows move it, + and - zoom, 0 shows all.";
const KINDS = [
  ["base", "another base"],
  ["gap", "gap"],
  ["silent", "silent codon"],
  ["other", "another amino acid"],
  ["broken", "\u00d7 broken codon"],
];
const LEGEND = { base: 1, gap: 4, silent: 2, other: 3, broken: 4 };

class View {
  constructor(talk, el) {
    this.talk = talk;
    this.page = null;
    this.seeking = 0; // questions on their way
    this.sought = Promise.resolve();
    this.build(el);
    this.dots = new Dots(this.plot);
    this.reader = new Reader(this.text);
    this.reader.drawn = () => this.tellDrawn();
    this.dots.take(talk.get("_axes"), floats(talk.get("_dots")), floats(talk.get("_rows")));
    const changed = () => this.show();
    talk.addEventListener("change", changed);
    const themed = () => {
      this.dots.dirty();
      this.reader.dirty();
      this.colourKeys();
    };
    this.stop = [
      () => talk.removeEventListener("change", changed),
      onTheme(themed),
      onResize(this.left, (width, height, ratio) => this.dots.resize(width, height, ratio)),
      onResize(this.right, (width, height, ratio) => {
        this.reader.resize(width, height, ratio);
        this.show();
      }),
    ];
    this.colourKeys();
    this.show();
  }

  get block() {
    return this.talk.get("_block");
  }

  // Of the block that is read; 0 while Python has not told of it yet.
  get n() {
    return this.block.row === this.talk.row ? this.block.columns : 0;
  }

  // ---- elements ----

  build(el) {
    this.plot = element("canvas", { class: "gl-plot", "aria-hidden": "true" });
    this.text = element("canvas", { class: "gl-text", "aria-hidden": "true" });
    const stage = (name, label, on, ...children) =>
      element("div", { class: `gl-stage ${name}`, tabindex: 0, role: "application", "aria-label": label, on }, ...children);
    this.left = stage("gl-dots", `Dot plot: click a line to read it. ${KEYS}`, this.plotHands(), this.plot);
    this.right = stage("gl-reader", `Alignment. ${KEYS}`, this.readerHands(), this.text);
    this.message = element("span", { class: "gl-message" });
    this.where = element("span", { class: "gl-number gl-where", role: "status", "aria-live": "polite" });
    this.keys = element("div", { class: "gl-row gl-keys" });
    const foot = element("div", { class: "gl-row gl-foot" }, this.message, element("span", { class: "gl-space" }), this.where);
    const body = element("div", { class: "gl-body" }, this.left, this.right);
    this.el = root("gl-alignment", "Read an alignment", this.header(), body, this.keys, foot);
    el.append(this.el);
  }

  button(text, title, click, label = null) {
    return element("button", { class: "gl-button", type: "button", text, title, "aria-label": label, on: { click } });
  }

  header() {
    this.back = this.button("\u2039", "Read the block before ([)", () => this.turn(-1), "Block before");
    this.next = this.button("\u203a", "Read the next block (])", () => this.turn(1), "Next block");
    this.title = element("span", { class: "gl-title" });
    this.field = element("input", {
      class: "gl-input",
      type: "search",
      placeholder: "position or gene...",
      title: "Go to a position of the first genome, such as 5,000 or chrI:5,000, or to a gene of either; then Enter",
      "aria-label": "Go to a position or gene",
      spellcheck: "false",
      on: { keydown: (event) => event.key === "Enter" && this.find(event) },
    });
    const changes = element(
      "span",
      { class: "gl-group", role: "group", "aria-label": "Changes" },
      this.button("Change before", "Go to the change before (P)", () => this.change(-1)),
      this.button("Next change", "Go to the next change (N)", () => this.change(1)),
      this.button("?", "Tell the keys", () => this.say(KEYS, false), "Keys"),
    );
    const blocks = element("span", { class: "gl-group", role: "group", "aria-label": "Blocks" }, this.back, this.next);
    return element("div", { class: "gl-row gl-head" }, blocks, this.title, element("span", { class: "gl-space" }), this.field, changes);
  }

  colourKeys() {
    const { dark } = theme(this.el);
    const swatch = (kind) => {
      const made = element("span", { class: "gl-swatch", "aria-hidden": "true" });
      made.style.background = `rgb(${onPaper(PALETTE.okabeIto[LEGEND[kind]], dark).join(",")})`;
      return made;
    };
    this.keys.replaceChildren(...KINDS.map(([kind, name]) => element("span", { class: "gl-key" }, swatch(kind), name)));
  }

  // ---- what is shown ----

  show() {
    const { talk, reader, n } = this;
    reader.show({
      n,
      column: talk.column,
      page: this.page?.row === talk.row ? this.page : null,
      profile: n ? floats(talk.get("_profile")) : new Float32Array(0),
      isFocused: document.activeElement === this.right,
    });
    reader.bringIn(talk.column);
    this.showHead();
    this.fetch();
    this.showPlace();
  }

  showHead() {
    const { row, count: total, identity, strand, a, b } = this.block;
    const isEmpty = total === undefined;
    this.back.disabled = isEmpty || row === 0;
    this.next.disabled = isEmpty || row === total - 1;
    if (isEmpty) {
      this.title.textContent = "No block: no homology was found outside of repeats";
      return;
    }
    const axes = this.talk.get("_axes");
    const long = (side, name) => axes[side].lengths[axes[side].names.indexOf(name)];
    const to = (end, length) => (end > length ? `round to ${count(end - length)}` : `to ${count(end)}`); // a circle
    const span = ([name, start, end], side) => `${name} ${count(start)} ${to(end, long(side, name))}`;
    const alike = `${(100 * identity).toFixed(1)} % identical`;
    this.title.textContent = `Block ${count(row + 1)} of ${count(total)}: ${span(a, 0)}, ${span(b, 1)} (${strand}), ${alike}`;
  }

  // The page that is held reaches one screen beyond on both sides, so that scrolling shows text at once.
  async fetch() {
    const { reader, talk, page } = this;
    const { first, stop } = reader;
    const hasPage = page?.row === talk.row && page.first <= first && page.first + page.a.length >= stop;
    this.isHeld = this.block.count === undefined || (this.n > 0 && hasPage); // without any block there is no page
    this.showBusy();
    if (this.isHeld || this.isAsking || this.n === 0) return;
    this.isAsking = true;
    this.clock = setTimeout(() => this.say("Reading ...", false), SLOW_MS);
    const span = reader.shown;
    const { result, error } = await talk.ask("page", { row: talk.row, first: first - span, stop: stop + span });
    clearTimeout(this.clock);
    this.isAsking = false;
    if (this.message.textContent === "Reading ...") this.say("", false);
    if (error) this.say(error, true);
    else this.page = result;
    if (!error && !this.isClosed) this.show();
  }

  showBusy() {
    this.el.setAttribute("aria-busy", String(this.seeking > 0 || !this.isHeld));
    this.el.dataset.told = this.talk.heard === this.talk.sent; // Python has followed every move
  }

  // What stands under the cursor, in both genomes, and on the dot plot.
  showPlace() {
    const { page, talk } = this;
    const at = page?.row === talk.row ? talk.column - page.first : -1;
    const isHere = at >= 0 && at < (page?.a.length ?? 0);
    const axes = talk.get("_axes");
    const place = (axis, name, position) => axis.starts[axis.names.indexOf(name)] + position;
    if (!isHere) {
      this.dots.point(talk.row, null);
      this.where.textContent = "";
      return;
    }
    const { a, b } = this.block;
    this.dots.point(talk.row, [place(axes[0], a[0], page.aAt[at]), place(axes[1], b[0], page.bAt[at])]);
    const side = ([name], positions, letters) => `${name} ${count(positions[at])}: ${letters[at]}`;
    const codons = page.codons.filter(([columns]) => columns.includes(talk.column));
    const words = [side(a, page.aAt, page.a), side(b, page.bAt, page.b), ...codons.map((codon) => told(codon, page))];
    this.where.textContent = words.join("   ");
  }

  // What is on the screen, for those who look from outside.
  tellDrawn() {
    const { reader, page, talk } = this;
    this.el.dataset.first = reader.first;
    this.el.dataset.stop = reader.stop;
    this.el.dataset.perLine = reader.perLine;
    this.el.dataset.row = page?.row === talk.row ? talk.row : "";
    this.el.dataset.held = page?.a.length ?? 0;
  }

  say(text, isAlarm) {
    this.message.textContent = text;
    this.message.classList.toggle("gl-error", isAlarm);
  }

  // ---- going ----

  go(column) {
    if (this.n) this.talk.go(this.talk.row, Math.max(0, Math.min(this.n - 1, column)));
    this.say("", false);
  }

  turn(by) {
    const { row, count: total } = this.block;
    if (total === undefined || row + by < 0 || row + by >= total) return;
    this.talk.go(row + by, 0);
    this.say("", false);
  }

  change(way) {
    const { talk, block } = this;
    if (block.count === undefined) return; // there is nothing to walk through
    this.seek(() => talk.ask("change", { row: talk.row, column: talk.column, way }));
  }

  find(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (text) this.seek(() => this.talk.ask("find", { text }));
  }

  // One question at a time: what is pressed meanwhile starts from where the one before has led.
  seek(question) {
    this.seeking += 1;
    this.showBusy();
    this.sought = this.sought.then(async () => {
      const { result, error } = await question();
      this.seeking -= 1;
      if (this.isClosed) return;
      if (!error) this.talk.go(...result);
      this.say(error ?? "", Boolean(error));
      this.showBusy();
    });
  }

  // ---- hands on the alignment ----

  readerHands() {
    return {
      keydown: (event) => this.take(event, this.readerKey(event)),
      pointerdown: (event) => this.press(event),
      pointermove: (event) => this.isDragging && this.press(event),
      pointerup: () => (this.isDragging = false),
      pointercancel: () => (this.isDragging = false),
      wheel: (event) => this.roll(event),
      focus: () => this.show(),
      blur: () => this.show(),
    };
  }

  // JupyterLab is kept from what a key has done here.
  take(event, action) {
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  }

  readerKey({ key }) {
    const { reader, talk } = this;
    const by = (columns) => () => this.go(talk.column + columns);
    const actions = {
      ArrowLeft: by(-1),
      ArrowRight: by(1),
      ArrowUp: by(-reader.perLine),
      ArrowDown: by(reader.perLine),
      PageUp: by(-reader.shown),
      PageDown: by(reader.shown),
      Home: () => this.go(0),
      End: () => this.go(this.n - 1),
      n: () => this.change(1),
      p: () => this.change(-1),
      "]": () => this.turn(1),
      "[": () => this.turn(-1),
    };
    return actions[key.length === 1 ? key.toLowerCase() : key];
  }

  press(event) {
    if (event.button > 0) return;
    this.right.focus({ preventScroll: true });
    event.preventDefault();
    const at = this.reader.under(...this.inside(this.right, event));
    if (at?.column !== undefined && !this.isDragging) this.go(at.column);
    else if (at?.share !== undefined) {
      this.isDragging = true;
      this.right.setPointerCapture(event.pointerId);
      this.go(Math.floor(at.share * this.n));
    }
  }

  inside(el, event) {
    const box = el.getBoundingClientRect();
    return [event.clientX - box.left - el.clientLeft, event.clientY - box.top - el.clientTop];
  }

  // Over a page the wheel scrolls the page; over an alignment that was clicked, its lines.
  roll(event) {
    if (document.activeElement !== this.right || event.ctrlKey || !this.n) return;
    event.preventDefault();
    this.rolled = (this.rolled ?? 0) + event.deltaY * [1, LINE, 400][event.deltaMode];
    const lines = Math.trunc(this.rolled / 60);
    this.rolled -= lines * 60;
    if (lines) this.go(this.talk.column + lines * this.reader.perLine);
  }

  // ---- hands on the dot plot ----

  plotHands() {
    return {
      keydown: (event) => this.take(event, this.plotKey(event)),
      pointerdown: (event) => this.grab(event),
      pointermove: (event) => this.drag(event),
      pointerup: (event) => this.drop(event),
      pointercancel: () => (this.held = null),
      dblclick: () => this.dots.showAll(),
      wheel: (event) => this.zoom(event),
    };
  }

  plotKey({ key }) {
    const { dots } = this;
    const { width, height } = dots.frame;
    const actions = {
      ArrowLeft: () => dots.pan(0.1 * width, 0),
      ArrowRight: () => dots.pan(-0.1 * width, 0),
      ArrowUp: () => dots.pan(0, 0.1 * height),
      ArrowDown: () => dots.pan(0, -0.1 * height),
      "+": () => dots.zoom(1.25),
      "=": () => dots.zoom(1.25),
      "-": () => dots.zoom(0.8),
      0: () => dots.showAll(),
      "]": () => this.turn(1),
      "[": () => this.turn(-1),
    };
    return actions[key];
  }

  grab(event) {
    if (event.button > 0) return;
    this.left.focus({ preventScroll: true });
    this.left.setPointerCapture(event.pointerId);
    this.held = { at: this.inside(this.left, event), isMoved: false };
    event.preventDefault();
  }

  drag(event) {
    const at = this.inside(this.left, event);
    if (!this.held) {
      this.left.style.cursor = this.dots.under(at) ? "pointer" : "grab";
      return;
    }
    const [dx, dy] = [at[0] - this.held.at[0], at[1] - this.held.at[1]];
    if (!this.held.isMoved && Math.hypot(dx, dy) < 4) return;
    this.held = { at, isMoved: true };
    this.dots.pan(dx, dy);
  }

  drop() {
    const { held } = this;
    this.held = null;
    if (!held || held.isMoved) return;
    const found = this.dots.under(held.at);
    if (found) this.seek(() => this.talk.ask("at", found));
  }

  // Over a page the wheel scrolls; over a plot that was clicked, or with Ctrl as a touchpad's pinch comes, it zooms.
  zoom(event) {
    if (!event.ctrlKey && document.activeElement !== this.left) return;
    event.preventDefault();
    const by = event.deltaY * [1, LINE, 400][event.deltaMode];
    const speed = event.ctrlKey && event.deltaMode === 0 ? 0.01 : 0.002;
    this.dots.zoom(Math.exp(-Math.max(-200, Math.min(200, by)) * speed), this.inside(this.left, event));
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.clock);
    this.stop.forEach((stop) => stop());
    this.dots.close();
    this.reader.close();
  }
}

// "nad5: M to I".
function told([columns, lane, mine, yours, change], page) {
  const isIts = ([, first, stop, , its]) => its === lane && first < columns[2] && stop > columns[0];
  const name = page.genes.find(isIts)?.[0] ?? "";
  const words = { same: mine, silent: `${mine}, silent`, other: `${mine} to ${yours}`, broken: `${mine}, broken`, unknown: "unknown" };
  return `${name}: ${words[change]}`;
}

export default () => {
  let talk = null;
  return {
    initialize({ model }) {
      talk = new Talk(model);
      return () => talk.close();
    },
    render({ el }) {
      const view = new View(talk, el);
      return () => view.close();
    },
  };
};

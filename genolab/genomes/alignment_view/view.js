// Read an alignment: a dot plot to choose from, and a page of columns to read. Python spells out the columns that are asked
// for; where the cursor stands is sent to it at once, and shown without waiting for it.

import "../../widgets/shared/base.css";
import { cameraKeys } from "../../widgets/shared/camera.js";
import { onResize } from "../../widgets/shared/canvas.js";
import { Channel, floats, widget } from "../../widgets/shared/channel.js";
import { button, element, group, pointerPlace, root, row, space, wheelPixels, wheelZoom } from "../../widgets/shared/dom.js";
import { count } from "../../widgets/shared/format.js";
import { MessageLine } from "../../widgets/shared/message_line.js";
import { SearchBox } from "../../widgets/shared/search_box.js";
import { css, onPaper, onTheme, theme } from "../../widgets/shared/theme.js";
import { AlignmentColumns, COLOURS, DENSITY } from "./columns.js";
import { Dotplot } from "./dotplot.js";
import "./view.css";

const TRAITS = ["_block", "_profile", "row", "column"];
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

// The cursor as a person has moved it.
class CursorChannel extends Channel {
  constructor(model) {
    super(model, TRAITS);
    this.take();
  }

  // Python's cursor holds, unless Python has not followed yet.
  take() {
    if (this.isBusy) return;
    this.row = this.get("row");
    this.column = this.get("column");
  }

  go(row, column) {
    Object.assign(this, { row, column });
    this.send("go", { row, column });
  }
}

class View {
  constructor(channel, el) {
    this.channel = channel;
    this.page = null;
    this.seeking = 0; // queries on their way
    this.sought = Promise.resolve();
    this.build(el);
    this.dotplot = new Dotplot(this.plot);
    this.columns = new AlignmentColumns(this.text, () => this.markDrawn());
    this.dotplot.take(channel.get("_axes"), floats(channel.get("_dots")), floats(channel.get("_rows")));
    const themed = () => {
      this.dotplot.dirty();
      this.columns.dirty();
      this.colourKeys();
    };
    this.stop = [
      channel.on([...TRAITS, "sent", "received"], () => this.show()),
      this.line.close,
      onTheme(themed),
      onResize(this.left, (width, height, ratio) => this.dotplot.resize(width, height, ratio)),
      onResize(this.right, (width, height, ratio) => {
        this.columns.resize(width, height, ratio);
        this.show();
      }),
    ];
    this.colourKeys();
    this.show();
  }

  get block() {
    return this.channel.get("_block");
  }

  // Columns of the block that is read; 0 while Python has not described it yet.
  get n() {
    return this.block.row === this.channel.row ? this.block.columns : 0;
  }

  // ---- elements ----

  build(el) {
    this.plot = element("canvas", { class: "gl-plot", "aria-hidden": "true" });
    this.text = element("canvas", { class: "gl-text", "aria-hidden": "true" });
    const stage = (name, label, on, ...children) =>
      element("div", { class: `gl-stage ${name}`, tabindex: 0, role: "application", "aria-label": label, on }, ...children);
    this.left = stage("gl-dots", `Dot plot: click a line to read it. ${KEYS}`, this.plotEvents(), this.plot);
    this.right = stage("gl-reader", `Alignment. ${KEYS}`, this.columnEvents(), this.text);
    this.line = new MessageLine(this.channel);
    this.where = element("span", { class: "gl-number gl-where", role: "status", "aria-live": "polite" });
    this.keys = row("gl-keys");
    const body = element("div", { class: "gl-body" }, this.left, this.right);
    this.el = root("gl-alignment", "Read an alignment", this.header(), body, this.keys, row("gl-foot", this.line.el, space(), this.where));
    el.append(this.el);
  }

  header() {
    this.back = button("\u2039", "Read the block before ([)", () => this.turn(-1), "Block before");
    this.next = button("\u203a", "Read the next block (])", () => this.turn(1), "Next block");
    this.title = element("span", { class: "gl-title" });
    const field = new SearchBox(this.channel, {
      label: "Go to a position or gene",
      title: "Go to a position of the first genome, such as 5,000 or chrI:5,000, or to a gene of either; then Enter",
      choose: (text) => this.seek(() => this.channel.ask("place", { text })),
    });
    const changes = group(
      "Changes",
      button("Change before", "Go to the change before (P)", () => this.change(-1)),
      button("Next change", "Go to the next change (N)", () => this.change(1)),
      button("?", "Show the keys", () => this.line.say(KEYS), "Keys"),
    );
    return row("gl-head", group("Blocks", this.back, this.next), this.title, space(), field.el, changes);
  }

  colourKeys() {
    const { dark } = theme(this.el);
    const swatch = (kind) => {
      const made = element("span", { class: "gl-swatch", "aria-hidden": "true" });
      const colour = css(onPaper(PALETTE.okabeIto[COLOURS[kind]], dark));
      made.style.background = `color-mix(in srgb, ${colour} ${100 * DENSITY[kind]}%, transparent)`;
      if (kind !== "base" && kind !== "gap") made.style.borderBottom = `2px solid ${colour}`;
      return made;
    };
    this.keys.replaceChildren(...KINDS.map(([kind, name]) => element("span", { class: "gl-key" }, swatch(kind), name)));
  }

  // ---- what is shown ----

  show() {
    const { channel, columns, n } = this;
    columns.show({
      n,
      column: channel.column,
      page: this.page?.row === channel.row ? this.page : null,
      profile: n ? floats(channel.get("_profile")) : new Float32Array(0),
      isFocused: document.activeElement === this.right,
    });
    columns.bringIn(channel.column);
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
      this.title.textContent = "No block: there is no homology outside of repeats";
      return;
    }
    const axes = this.channel.get("_axes");
    const long = (side, name) => axes[side].lengths[axes[side].names.indexOf(name)];
    const to = (end, length) => (end > length ? `${count(end - length)} across the origin` : count(end)); // of a circle
    const span = ([name, start, end], side) => `${name} ${count(start)} to ${to(end, long(side, name))}`;
    const same = `${(100 * identity).toFixed(1)} % identical`;
    this.title.textContent = `Block ${count(row + 1)} of ${count(total)}: ${span(a, 0)}, ${span(b, 1)} (${strand}), ${same}`;
  }

  // The page that is held reaches one screen beyond on both sides, so that scrolling shows text at once.
  async fetch() {
    const { columns, channel, page } = this;
    const { first, stop } = columns;
    const hasPage = page?.row === channel.row && page.first <= first && page.first + page.a.length >= stop;
    this.isHeld = this.block.count === undefined || (this.n > 0 && hasPage); // without any block there is no page
    this.showBusy();
    if (this.isHeld || this.isAsking || this.n === 0) return;
    this.isAsking = true;
    const { shown } = columns;
    const { result, error } = await channel.ask("page", { row: channel.row, first: first - shown, stop: stop + shown });
    this.isAsking = false;
    if (error) this.line.say(error, true);
    else this.page = result;
    if (!error && !this.isClosed) this.show();
  }

  showBusy() {
    this.el.setAttribute("aria-busy", String(this.seeking > 0 || !this.isHeld));
    this.el.dataset.followed = !this.channel.isBusy; // Python has followed every move
  }

  // What stands under the cursor, in both genomes, and on the dot plot.
  showPlace() {
    const { page, channel } = this;
    const at = page?.row === channel.row ? channel.column - page.first : -1;
    const isHere = at >= 0 && at < (page?.a.length ?? 0);
    const axes = channel.get("_axes");
    const place = (axis, name, position) => axis.starts[axis.names.indexOf(name)] + position;
    if (!isHere) {
      this.dotplot.point(channel.row, null);
      this.where.textContent = "";
      return;
    }
    const { a, b } = this.block;
    this.dotplot.point(channel.row, [place(axes[0], a[0], page.aAt[at]), place(axes[1], b[0], page.bAt[at])]);
    const side = ([name], positions, bases) => `${name} ${count(positions[at])}: ${bases[at]}`;
    const codons = page.codons.filter(([columns]) => columns.includes(channel.column));
    const words = [side(a, page.aAt, page.a), side(b, page.bAt, page.b), ...codons.map((codon) => codonText(codon, page))];
    this.where.textContent = words.join(" \u00b7 ");
  }

  // What is on the screen, for those who look from outside.
  markDrawn() {
    const { columns, page, channel } = this;
    this.el.dataset.first = columns.first;
    this.el.dataset.stop = columns.stop;
    this.el.dataset.perLine = columns.perLine;
    this.el.dataset.row = page?.row === channel.row ? channel.row : "";
    this.el.dataset.held = page?.a.length ?? 0;
  }

  // ---- going ----

  go(column) {
    if (this.n) this.channel.go(this.channel.row, Math.max(0, Math.min(this.n - 1, column)));
  }

  turn(by) {
    const { row: now, count: total } = this.block;
    if (total !== undefined && now + by >= 0 && now + by < total) this.channel.go(now + by, 0);
  }

  change(way) {
    const { channel, block } = this;
    if (block.count === undefined) return; // there is nothing to walk through
    this.seek(() => channel.ask("change", { row: channel.row, column: channel.column, way }));
  }

  // One query at a time: what is pressed meanwhile starts from where the one before has led.
  seek(query) {
    this.seeking += 1;
    this.showBusy();
    this.sought = this.sought.then(async () => {
      const { result, error } = await query();
      this.seeking -= 1;
      if (this.isClosed) return;
      if (!error) this.channel.go(...result);
      else this.line.say(error, true);
      this.showBusy();
    });
  }

  // ---- keys and pointer on the alignment ----

  columnEvents() {
    return {
      keydown: (event) => this.obey(event, this.columnKeys()),
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
  obey(event, actions) {
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  }

  columnKeys() {
    const { columns, channel } = this;
    const by = (n) => () => this.go(channel.column + n);
    return {
      ArrowLeft: by(-1),
      ArrowRight: by(1),
      ArrowUp: by(-columns.perLine),
      ArrowDown: by(columns.perLine),
      PageUp: by(-columns.shown),
      PageDown: by(columns.shown),
      Home: () => this.go(0),
      End: () => this.go(this.n - 1),
      n: () => this.change(1),
      p: () => this.change(-1),
      ...this.blockKeys(),
    };
  }

  blockKeys() {
    return { "]": () => this.turn(1), "[": () => this.turn(-1) };
  }

  press(event) {
    if (event.button > 0) return;
    this.right.focus({ preventScroll: true });
    event.preventDefault();
    const at = this.columns.under(...pointerPlace(this.right, event));
    if (at?.column !== undefined && !this.isDragging) this.go(at.column);
    else if (at?.share !== undefined) {
      this.isDragging = true;
      this.right.setPointerCapture(event.pointerId);
      this.go(Math.floor(at.share * this.n));
    }
  }

  // Over a page the wheel scrolls the page; over an alignment that was clicked, its lines.
  roll(event) {
    if (document.activeElement !== this.right || event.ctrlKey || !this.n) return;
    event.preventDefault();
    this.rolled = (this.rolled ?? 0) + wheelPixels(event);
    const lines = Math.trunc(this.rolled / 60);
    this.rolled -= lines * 60;
    if (lines) this.go(this.channel.column + lines * this.columns.perLine);
  }

  // ---- keys and pointer on the dot plot ----

  plotEvents() {
    return {
      keydown: (event) => this.obey(event, { ...cameraKeys(this.dotplot), ...this.blockKeys() }),
      pointerdown: (event) => this.grab(event),
      pointermove: (event) => this.drag(event),
      pointerup: () => this.drop(),
      pointercancel: () => (this.held = null),
      dblclick: () => this.dotplot.showAll(),
      wheel: (event) => this.zoom(event),
    };
  }

  grab(event) {
    if (event.button > 0) return;
    this.left.focus({ preventScroll: true });
    this.left.setPointerCapture(event.pointerId);
    this.held = { at: pointerPlace(this.left, event), isMoved: false };
    event.preventDefault();
  }

  drag(event) {
    const at = pointerPlace(this.left, event);
    if (!this.held) {
      this.left.style.cursor = this.dotplot.under(at) ? "pointer" : "grab";
      return;
    }
    const [dx, dy] = [at[0] - this.held.at[0], at[1] - this.held.at[1]];
    if (!this.held.isMoved && Math.hypot(dx, dy) < 4) return;
    this.held = { at, isMoved: true };
    this.dotplot.pan(dx, dy);
  }

  drop() {
    const { held } = this;
    this.held = null;
    if (!held || held.isMoved) return;
    const hit = this.dotplot.under(held.at);
    if (hit) this.seek(() => this.channel.ask("at", hit));
  }

  // Over a page the wheel scrolls; over a plot that was clicked, or with Ctrl as a touchpad's pinch comes, it zooms.
  zoom(event) {
    if (!event.ctrlKey && document.activeElement !== this.left) return;
    event.preventDefault();
    this.dotplot.zoom(wheelZoom(event), pointerPlace(this.left, event));
  }

  close() {
    this.isClosed = true;
    this.stop.forEach((stop) => stop());
    this.dotplot.close();
    this.columns.close();
  }
}

// "nad5: M to I".
function codonText([columns, lane, mine, yours, change], page) {
  const isIts = ([, first, stop, , its]) => its === lane && first < columns[2] && stop > columns[0];
  const name = page.genes.find(isIts)?.[0] ?? "";
  const words = { same: mine, silent: `${mine}, silent`, other: `${mine} to ${yours}`, broken: `${mine}, broken`, unknown: "unknown" };
  return `${name}: ${words[change]}`;
}

export default widget((model) => new CursorChannel(model), View);

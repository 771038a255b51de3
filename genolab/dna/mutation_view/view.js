// Change a sequence: what a person types and clicks becomes edits; Python answers with the sequence, the prediction and
// the contributions. One message is on its way at most: what is done meanwhile waits and travels together, so that fast
// typing never piles up.

import "../../widgets/shared/base.css";
import "../../widgets/shared/tooltip.css";
import { onResize } from "../../widgets/shared/canvas.js";
import { Channel, floats, widget } from "../../widgets/shared/channel.js";
import { button, element, group, pointerPlace, root, row, space } from "../../widgets/shared/dom.js";
import { count, number } from "../../widgets/shared/format.js";
import { BASES } from "../../widgets/shared/glyphs.js";
import { MessageLine } from "../../widgets/shared/message_line.js";
import { onTheme } from "../../widgets/shared/theme.js";
import { SequenceTrack } from "./sequence_track.js";
import "./view.css";

const TRAITS = ["sequence", "_state", "_scores", "target", "reference"];
const KEYS =
  "Keys on the sequence: arrows move, A C G T N put a base, Up and Down try the next one, Delete puts the reference's " +
  "back, Home, End and Page keys go far, Ctrl+Z takes back, Ctrl+Y does again.";

// The sequence as it was typed, and the edits that Python has still to hear of.
class EditChannel extends Channel {
  constructor(model) {
    super(model, TRAITS);
    this.waiting = [];
    this.take();
  }

  get isPending() {
    return this.isBusy || this.waiting.length > 0;
  }

  // Python's sequence holds, unless something was typed that it has not heard of.
  take() {
    this.scores = floats(this.get("_scores"));
    if (!this.isPending) this.sequence = this.get("sequence");
  }

  edit(position, base) {
    if (this.sequence[position] === base) return;
    this.sequence = this.sequence.slice(0, position) + base + this.sequence.slice(position + 1);
    this.do({ do: "edit", position, base });
  }

  do(action) {
    this.waiting.push(action);
    this.flush();
    this.note("sent");
  }

  explain(target) {
    this.target = target;
    this.flush();
    this.note("sent");
  }

  async flush() {
    if (this.isBusy || (this.waiting.length === 0 && this.target === undefined)) return;
    const target = this.target === undefined ? {} : { target: this.target };
    const reply = this.send("apply", { actions: this.waiting, ...target });
    this.waiting = [];
    this.target = undefined;
    await reply;
    this.flush();
  }
}

class View {
  constructor(channel, el) {
    this.channel = channel;
    this.cursor = firstDifference(channel.sequence, channel.get("reference"));
    this.build(el);
    this.track = new SequenceTrack(this.canvas, () => this.markDrawn());
    this.stop = [
      channel.on([...TRAITS, "sent", "received"], () => this.show()),
      this.line.close,
      onTheme(() => this.show()),
      onResize(this.stage, (width, _, ratio) => this.track.resize(width, ratio)),
    ];
    this.show();
    this.track.bringIn(this.cursor);
  }

  // ---- elements ----

  build(el) {
    this.canvas = element("canvas", { class: "gl-track", "aria-hidden": "true" });
    this.tip = element("div", { class: "gl-tip", hidden: true });
    const label = `Sequence of ${count(this.channel.sequence.length)} bases. ${KEYS}`;
    const on = {
      keydown: (event) => this.key(event),
      pointerdown: (event) => this.press(event),
      pointermove: (event) => this.hover(event),
      pointerup: () => (this.isDragging = false),
      pointercancel: () => (this.isDragging = false),
      pointerleave: () => this.point(null),
      wheel: (event) => this.wheel(event),
      focus: () => this.show(),
      blur: () => this.show(),
    };
    const stage = { class: "gl-stage", tabindex: 0, role: "application", "aria-label": label, on };
    this.stage = element("div", stage, this.canvas, this.tip);
    this.bars = element("div", { class: "gl-bars", role: "group", "aria-label": "Prediction" });
    this.line = new MessageLine(this.channel, "Asking the model ...");
    this.where = element("span", { class: "gl-number gl-where", role: "status", "aria-live": "polite" });
    const foot = row("gl-foot", this.line.el, space(), this.where);
    this.el = root("gl-mutation", "Change a sequence", this.header(), this.bars, this.stage, foot);
    el.append(this.el);
  }

  header() {
    const { channel } = this;
    const change = () => channel.explain(Number(this.target.value));
    const title = "The output whose contributions are shown";
    this.target = element("select", { class: "gl-select", title, "aria-label": "Explain", on: { change } });
    this.method = element("span", { class: "gl-muted" });
    this.undo = button("Undo", "Take the last change back (Ctrl+Z)", () => channel.do({ do: "undo" }));
    this.redo = button("Redo", "Do again what was taken back (Ctrl+Y)", () => channel.do({ do: "redo" }));
    this.reset = button("Reference", "Put the whole reference back", () => channel.do({ do: "reset" }));
    const help = button("?", "Show the keys that work on the sequence", () => this.line.say(KEYS), "Keys");
    const explain = element("label", { class: "gl-label" }, "Explain", this.target);
    return row("gl-head", explain, this.method, space(), group("Changes", this.undo, this.redo, this.reset, help));
  }

  // ---- what is shown ----

  show() {
    const { channel } = this;
    const { sequence, scores } = channel;
    const state = channel.get("_state");
    const reference = channel.get("reference");
    this.cursor = Math.min(this.cursor, sequence.length - 1);
    this.el.setAttribute("aria-busy", String(channel.isPending));
    const isFocused = document.activeElement === this.stage;
    this.track.show({ sequence, reference, scores, cursor: this.cursor, isFocused });
    this.showTargets(state);
    this.showBars(state);
    this.showFoot(reference);
    if (this.track.hover) this.point(this.track.hover); // what it says may have changed
    this.undo.disabled = !state.canUndo && channel.waiting.length === 0;
    this.redo.disabled = !state.canRedo;
    this.reset.disabled = sequence === reference;
    this.method.textContent = state.method === "mutagenesis" ? "by changing every base" : "by integrated gradients";
  }

  // Which command's result is on the screen, and which bases, for those who look from outside.
  markDrawn() {
    this.el.dataset.drawn = this.channel.received;
    this.el.dataset.first = this.track.first;
    this.el.dataset.shown = this.track.page;
  }

  showTargets({ outputs }) {
    const names = outputs.join("\n");
    if (names !== this.shownNames) {
      this.target.replaceChildren(...outputs.map((text, value) => element("option", { value, text })));
      this.shownNames = names;
      this.rows = outputs.map((name) => this.bar(name));
      this.bars.replaceChildren(...this.rows.map((bar) => bar.el));
    }
    this.target.value = String(this.channel.target ?? this.channel.get("target"));
  }

  bar(name) {
    const now = element("div", { class: "gl-bar-now" });
    const mark = element("div", { class: "gl-bar-before", title: "the reference" });
    const track = element("div", { class: "gl-bar-track", "aria-hidden": "true" }, now, mark);
    const value = element("span", { class: "gl-number gl-bar-value" });
    const before = element("span", { class: "gl-number gl-muted gl-bar-was" });
    const label = element("span", { class: "gl-ellipsis gl-bar-name", text: name, title: name });
    return { el: element("div", { class: "gl-bar-row" }, label, track, value, before), now, mark, value, before };
  }

  showBars({ prediction, before, isProbability }) {
    const most = isProbability ? 1 : Math.max(...prediction.map(Math.abs), ...before.map(Math.abs)) || 1;
    const low = isProbability ? 0 : Math.min(0, ...prediction, ...before);
    const high = isProbability ? 1 : Math.max(0, ...prediction, ...before) || (low < 0 ? 0 : most);
    const share = (value) => (100 * (value - low)) / (high - low || 1);
    const chosen = this.channel.get("target");
    this.rows.forEach((bar, i) => {
      const [from, to] = [Math.min(share(0), share(prediction[i])), Math.max(share(0), share(prediction[i]))];
      bar.now.style.left = `${from}%`;
      bar.now.style.width = `${to - from}%`;
      bar.mark.style.left = `${share(before[i])}%`;
      bar.value.textContent = text(prediction[i], isProbability);
      bar.before.textContent = `was ${text(before[i], isProbability)}`;
      bar.el.classList.toggle("gl-chosen", i === chosen);
    });
  }

  showFoot(reference) {
    const { channel, cursor } = this;
    const [old, now] = [reference[cursor], channel.sequence[cursor]];
    let changed = 0;
    for (let i = 0; i < reference.length; i += 1) changed += reference[i] !== channel.sequence[i];
    const bases = `${count(changed)} ${changed === 1 ? "base" : "bases"} changed`;
    const what = old === now ? now : `${now}, was ${old}`;
    this.where.textContent = `position ${count(cursor)}: ${what} \u00b7 ${bases}`;
  }

  // ---- keys and pointer ----

  put(base, position = this.cursor) {
    this.channel.edit(position, base);
  }

  move(to) {
    this.cursor = Math.max(0, Math.min(this.channel.sequence.length - 1, to));
    this.track.state.cursor = this.cursor;
    this.track.bringIn(this.cursor);
    this.show();
  }

  key(event) {
    if (event.target !== this.stage || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const isCommand = event.ctrlKey || event.metaKey;
    const done = isCommand ? this.command(key, event.shiftKey) : this.plain(key);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would undo in its notebook
  }

  command(key, isShift) {
    const { channel } = this;
    if (key === "Z") channel.do({ do: isShift ? "redo" : "undo" });
    else if (key === "Y") channel.do({ do: "redo" });
    else return false;
    return true;
  }

  plain(key) {
    const base = key === "U" ? "T" : key;
    const reference = this.channel.get("reference");
    if (base.length === 1 && `${BASES}N`.includes(base)) {
      this.put(base);
      this.move(this.cursor + 1);
      return true;
    }
    const turn = (by) => this.put(BASES[(BASES.indexOf(this.channel.sequence[this.cursor]) + by + 4) % 4]);
    const actions = {
      ArrowLeft: () => this.move(this.cursor - 1),
      ArrowRight: () => this.move(this.cursor + 1),
      ArrowUp: () => turn(-1),
      ArrowDown: () => turn(1),
      Home: () => this.move(0),
      End: () => this.move(this.channel.sequence.length - 1),
      PageUp: () => this.move(this.cursor - this.track.page),
      PageDown: () => this.move(this.cursor + this.track.page),
      Delete: () => this.put(reference[this.cursor]),
      Backspace: () => {
        this.move(this.cursor - 1);
        this.put(reference[this.cursor]);
      },
    };
    actions[key]?.();
    return key in actions;
  }

  place(event) {
    return this.track.under(...pointerPlace(this.canvas, event));
  }

  press(event) {
    const at = this.place(event);
    if (event.button > 0) return;
    this.stage.focus({ preventScroll: true });
    event.preventDefault();
    if (!at) return;
    if (at.row === "overview") {
      this.isDragging = true;
      this.stage.setPointerCapture(event.pointerId);
      this.track.centre(at.share);
      return;
    }
    this.move(at.position);
    if (at.base) this.put(at.base);
  }

  hover(event) {
    const at = this.place(event);
    if (this.isDragging) {
      if (at?.row === "overview") this.track.centre(at.share);
      return;
    }
    this.point(at && at.row !== "overview" ? at : null);
    this.stage.style.cursor = at?.row === "overview" ? "ew-resize" : at ? "pointer" : "";
  }

  wheel(event) {
    const by = event.shiftKey ? event.deltaY : event.deltaX;
    if (!by || this.track.page >= this.channel.sequence.length) return;
    event.preventDefault();
    this.track.scroll(by / 16);
  }

  // The tooltip at a place: its contribution, and in the map what a change would do.
  point(at) {
    this.track.hover = at;
    this.track.dirty();
    this.tip.hidden = at === null;
    if (at === null) return;
    const { sequence, scores } = this.channel;
    const now = sequence[at.position];
    const value = (base) => scores[BASES.indexOf(base) * sequence.length + at.position];
    const here = now === "N" ? 0 : value(now);
    const change = at.base && at.base !== now ? `${now} to ${at.base}: ${signed(value(at.base) - here)}` : null;
    this.tip.textContent = `${count(at.position)}: ${change ?? `${now}, contributes ${signed(here)}`}`;
    const [x, y] = this.track.place(at.position, at.row === "map" ? "map" : "sequence");
    const isRight = x > this.stage.clientWidth * 0.7;
    this.tip.style.left = isRight ? "" : `${x + 14}px`;
    this.tip.style.right = isRight ? `${this.stage.clientWidth - x + 14}px` : "";
    this.tip.style.top = `${Math.max(0, y - 32)}px`;
  }

  close() {
    this.stop.forEach((stop) => stop());
    this.track.close();
  }
}

function text(value, isProbability) {
  return isProbability ? `${(100 * value).toFixed(1)} %` : number(value);
}

function signed(value) {
  return `${value < 0 ? "\u2212" : "+"}${number(Math.abs(value))}`;
}

function firstDifference(one, other) {
  for (let i = 0; i < one.length; i += 1) if (one[i] !== other[i]) return i;
  return 0;
}

export default widget((model) => new EditChannel(model), View);

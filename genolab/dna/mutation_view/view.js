// The view of genolab/widgets/mutation.py: what a person types and clicks becomes actions; Python answers with the
// sequence, the prediction and the contributions. One message is on its way at most: what is done meanwhile waits and
// travels together, so that fast typing never piles up.

import "../../widgets/shared/base.css";
import "./view.css";
import { BASES } from "../../widgets/shared/glyphs.js";
import { count, element, floats, number, onResize, onTheme, root } from "../../widgets/shared/look.js";
import { Strip } from "./sequence_track.js";

const SLOW_MS = 300;
const KEYS =
  "Keys on the sequence: arrows move, A C G T N put a base, Up and Down try the next one, Delete puts the reference's " +
  "back, Home, End and Page keys go far, Ctrl+Z takes back, Ctrl+Y does again.";

// What all views of one widget share: the sequence as it was typed, and the talk with Python.
class Talk extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.browser = Math.random().toString(36).slice(2);
    this.sent = 0; // number of the last message
    this.waiting = [];
    this.take();
    const handlers = {
      "change:_heard": () => this.hear(),
      "change:sequence": () => this.soon(),
      "change:_state": () => this.soon(),
      "change:_scores": () => this.soon(),
      "change:target": () => this.soon(),
      "change:reference": () => this.soon(),
      "change:message": () => this.soon(),
    };
    for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
    this.close = () => {
      for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    };
  }

  get(name) {
    return this.model.get(name);
  }

  get isBusy() {
    return Boolean(this.isOut) || this.waiting.length > 0;
  }

  // Several traits change in one message, and are told once.
  soon() {
    if (this.isSoon) return;
    this.isSoon = true;
    queueMicrotask(() => {
      this.isSoon = false;
      this.take();
      this.dispatchEvent(new Event("change"));
    });
  }

  // Take over Python's sequence, unless something was typed that it has not heard of.
  take() {
    this.scores = floats(this.get("_scores"));
    if (!this.isBusy) this.sequence = this.get("sequence");
  }

  hear() {
    const [browser, heard] = this.get("_heard");
    if (browser === this.browser && heard >= this.sent) this.isOut = false;
    this.flush();
    this.soon();
  }

  edit(position, base) {
    if (this.sequence[position] === base) return;
    this.sequence = this.sequence.slice(0, position) + base + this.sequence.slice(position + 1);
    this.do({ do: "edit", position, base });
  }

  do(action) {
    this.waiting.push(action);
    this.flush();
    this.dispatchEvent(new Event("change"));
  }

  explain(target) {
    this.target = target;
    this.flush();
    this.dispatchEvent(new Event("change"));
  }

  flush() {
    if (this.isOut || (this.waiting.length === 0 && this.target === undefined)) return;
    this.isOut = true;
    this.sent += 1;
    const target = this.target === undefined ? {} : { target: this.target };
    this.model.send({ actions: this.waiting, ...target, browser: this.browser, number: this.sent });
    this.waiting = [];
    this.target = undefined;
  }
}

class View {
  constructor(talk, el) {
    this.talk = talk;
    this.cursor = Math.max(0, firstDifference(talk.sequence, talk.get("reference")));
    this.build(el);
    this.strip = new Strip(this.canvas);
    this.strip.drawn = () => this.tellDrawn();
    const changed = () => this.show();
    talk.addEventListener("change", changed);
    this.stop = [
      () => talk.removeEventListener("change", changed),
      onTheme(() => this.show()),
      onResize(this.stage, (width, _, ratio) => this.strip.resize(width, ratio)),
    ];
    this.show();
    this.strip.bringIn(this.cursor);
  }

  // ---- elements ----

  build(el) {
    this.canvas = element("canvas", { class: "gl-strip", "aria-hidden": "true" });
    this.tip = element("div", { class: "gl-tip", hidden: true });
    const label = `Sequence of ${count(this.talk.sequence.length)} bases. ${KEYS}`;
    const on = {
      keydown: (event) => this.key(event),
      pointerdown: (event) => this.press(event),
      pointermove: (event) => this.glide(event),
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
    this.message = element("span", { class: "gl-message" });
    this.where = element("span", { class: "gl-number gl-where", role: "status", "aria-live": "polite" });
    const foot = element("div", { class: "gl-row gl-foot" }, this.message, element("span", { class: "gl-space" }), this.where);
    this.el = root("gl-mutation", "Change a sequence", this.header(), this.bars, this.stage, foot);
    el.append(this.el);
  }

  button(text, title, click, label = null) {
    return element("button", { class: "gl-button", type: "button", text, title, "aria-label": label, on: { click } });
  }

  header() {
    const { talk } = this;
    const change = () => talk.explain(Number(this.target.value));
    const title = "The output whose contributions are shown";
    this.target = element("select", { class: "gl-select", title, "aria-label": "Explain", on: { change } });
    this.method = element("span", { class: "gl-muted" });
    this.undo = this.button("Undo", "Take the last change back (Ctrl+Z)", () => talk.do({ do: "undo" }));
    this.redo = this.button("Redo", "Do again what was taken back (Ctrl+Y)", () => talk.do({ do: "redo" }));
    this.reset = this.button("Reference", "Put the whole reference back", () => talk.do({ do: "reset" }));
    const help = this.button("?", "Tell the keys that work on the sequence", () => this.say(KEYS, false), "Keys");
    const group = { class: "gl-group", role: "group", "aria-label": "Changes" };
    return element(
      "div",
      { class: "gl-row gl-head" },
      element("label", { class: "gl-label" }, "Explain", this.target),
      this.method,
      element("span", { class: "gl-space" }),
      element("span", group, this.undo, this.redo, this.reset, help),
    );
  }

  // ---- what is shown ----

  show() {
    const { talk } = this;
    const state = talk.get("_state");
    const reference = talk.get("reference");
    this.cursor = Math.min(this.cursor, talk.sequence.length - 1);
    const isStale = talk.isBusy;
    this.el.setAttribute("aria-busy", String(isStale));
    this.strip.show({
      sequence: talk.sequence,
      reference,
      scores: talk.scores,
      cursor: this.cursor,
      isFocused: document.activeElement === this.stage,
      isStale: false,
    });
    this.showTargets(state);
    this.showBars(state);
    this.showFoot(reference);
    if (this.strip.hover) this.point(this.strip.hover); // what it tells may have changed
    this.undo.disabled = !state.canUndo && talk.waiting.length === 0;
    this.redo.disabled = !state.canRedo;
    this.reset.disabled = talk.sequence === reference;
    this.method.textContent = state.method === "mutagenesis" ? "by changing every base" : "by integrated gradients";
    if (talk.get("message")) this.say(talk.get("message"), talk.get("_alarm"));
    else if (this.isAlarm) this.say("", false);
    clearTimeout(this.clock);
    if (isStale) this.clock = setTimeout(() => this.sayBusy(), SLOW_MS);
    else if (this.isWorking) this.sayDone();
  }

  // Which message's answer is on the screen, and which bases, for those who look from outside.
  tellDrawn() {
    const [browser, heard] = this.talk.get("_heard");
    this.el.dataset.drawn = browser === this.talk.browser ? heard : 0;
    this.el.dataset.first = this.strip.first;
    this.el.dataset.shown = this.strip.page;
  }

  sayBusy() {
    this.isWorking = true;
    this.message.textContent = "Asking the model ...";
  }

  sayDone() {
    this.isWorking = false;
    this.message.textContent = "";
  }

  say(text, isAlarm) {
    this.isWorking = false;
    this.isAlarm = isAlarm;
    this.message.textContent = text;
    this.message.classList.toggle("gl-error", isAlarm);
  }

  showTargets({ outputs }) {
    const names = outputs.join("\n");
    if (names !== this.shownNames) {
      this.target.replaceChildren(...outputs.map((text, value) => element("option", { value, text })));
      this.shownNames = names;
      this.rows = outputs.map((name) => this.bar(name));
      this.bars.replaceChildren(...this.rows.map((row) => row.el));
    }
    this.target.value = String(this.talk.target ?? this.talk.get("target"));
  }

  bar(name) {
    const now = element("div", { class: "gl-bar-now" });
    const mark = element("div", { class: "gl-bar-before", title: "the reference" });
    const track = element("div", { class: "gl-bar-track", "aria-hidden": "true" }, now, mark);
    const value = element("span", { class: "gl-number gl-bar-value" });
    const before = element("span", { class: "gl-number gl-muted gl-bar-was" });
    const label = element("span", { class: "gl-bar-name", text: name, title: name });
    return { el: element("div", { class: "gl-bar-row" }, label, track, value, before), now, mark, value, before };
  }

  showBars({ prediction, before, isProbability }) {
    const most = isProbability ? 1 : Math.max(...prediction.map(Math.abs), ...before.map(Math.abs)) || 1;
    const low = isProbability ? 0 : Math.min(0, ...prediction, ...before);
    const high = isProbability ? 1 : Math.max(0, ...prediction, ...before) || (low < 0 ? 0 : most);
    const share = (value) => (100 * (value - low)) / (high - low || 1);
    const chosen = this.talk.get("target");
    this.rows.forEach((row, i) => {
      const [from, to] = [Math.min(share(0), share(prediction[i])), Math.max(share(0), share(prediction[i]))];
      row.now.style.left = `${from}%`;
      row.now.style.width = `${to - from}%`;
      row.mark.style.left = `${share(before[i])}%`;
      row.value.textContent = text(prediction[i], isProbability);
      row.before.textContent = `was ${text(before[i], isProbability)}`;
      row.el.classList.toggle("gl-chosen", i === chosen);
    });
  }

  showFoot(reference) {
    const { talk, cursor } = this;
    const [old, now] = [reference[cursor], talk.sequence[cursor]];
    let changed = 0;
    for (let i = 0; i < reference.length; i += 1) changed += reference[i] !== talk.sequence[i];
    const bases = `${count(changed)} ${changed === 1 ? "base" : "bases"} changed`;
    const what = old === now ? now : `${now}, was ${old}`;
    this.where.textContent = `position ${count(cursor)}: ${what}   ${bases}`;
  }

  // ---- hands ----

  put(base, position = this.cursor) {
    this.talk.edit(position, base);
  }

  move(to) {
    this.cursor = Math.max(0, Math.min(this.talk.sequence.length - 1, to));
    this.strip.state.cursor = this.cursor;
    this.strip.bringIn(this.cursor);
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
    const { talk } = this;
    if (key === "Z") talk.do({ do: isShift ? "redo" : "undo" });
    else if (key === "Y") talk.do({ do: "redo" });
    else return false;
    return true;
  }

  plain(key) {
    const base = key === "U" ? "T" : key;
    const reference = this.talk.get("reference");
    if (base.length === 1 && `${BASES}N`.includes(base)) {
      this.put(base);
      this.move(this.cursor + 1);
      return true;
    }
    const turn = (by) => this.put(BASES[(BASES.indexOf(this.talk.sequence[this.cursor]) + by + 4) % 4]);
    const actions = {
      ArrowLeft: () => this.move(this.cursor - 1),
      ArrowRight: () => this.move(this.cursor + 1),
      ArrowUp: () => turn(-1),
      ArrowDown: () => turn(1),
      Home: () => this.move(0),
      End: () => this.move(this.talk.sequence.length - 1),
      PageUp: () => this.move(this.cursor - this.strip.page),
      PageDown: () => this.move(this.cursor + this.strip.page),
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
    const box = this.canvas.getBoundingClientRect();
    return this.strip.under(event.clientX - box.left, event.clientY - box.top);
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
      this.strip.centre(at.share);
      return;
    }
    this.move(at.position);
    if (at.base) this.put(at.base);
  }

  glide(event) {
    const at = this.place(event);
    if (this.isDragging) {
      if (at?.row === "overview") this.strip.centre(at.share);
      return;
    }
    this.point(at && at.row !== "overview" ? at : null);
    this.stage.style.cursor = at?.row === "overview" ? "ew-resize" : at ? "pointer" : "";
  }

  wheel(event) {
    const by = event.shiftKey ? event.deltaY : event.deltaX;
    if (!by || this.strip.page >= this.talk.sequence.length) return;
    event.preventDefault();
    this.strip.scroll(by / 16);
  }

  // Tell what a place is worth, and in the map what a change would do.
  point(at) {
    this.strip.hover = at;
    this.strip.dirty();
    this.tip.hidden = at === null;
    if (at === null) return;
    const { sequence, scores } = this.talk;
    const now = sequence[at.position];
    const value = (base) => scores[BASES.indexOf(base) * sequence.length + at.position];
    const here = now === "N" ? 0 : value(now);
    const change = at.base && at.base !== now ? `${now} to ${at.base}: ${signed(value(at.base) - here)}` : null;
    this.tip.textContent = `${count(at.position)}: ${change ?? `${now}, contributes ${signed(here)}`}`;
    const [x, y] = this.strip.place(at.position, at.row === "map" ? "map" : "sequence");
    const isRight = x > this.stage.clientWidth * 0.7;
    this.tip.style.left = isRight ? "" : `${x + 14}px`;
    this.tip.style.right = isRight ? `${this.stage.clientWidth - x + 14}px` : "";
    this.tip.style.top = `${Math.max(0, y - 32)}px`;
  }

  close() {
    clearTimeout(this.clock);
    this.stop.forEach((stop) => stop());
    this.strip.close();
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

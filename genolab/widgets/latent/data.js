// What all views of one explorer share: the data as typed arrays, the selection, and the talk with Python.
// Python owns the state. What is done here is shown at once and told to Python; `_heard` names the last message that
// Python's state takes account of, so that an echo of an older one doesn't undo what was done since.

import { bytes, floats, shorts } from "../shared/look.js";

const SLOW_MS = 300;

export class Store extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.browser = Math.random().toString(36).slice(2);
    this.number = 0;
    this.waiting = new Map();
    this.names = new Map();
    this.spotlight = -1;
    this.readPoints();
    this.readCodes();
    this.readHidden();
    this.readMask();
    const handlers = {
      "change:_points": () => this.readPoints(),
      "change:_frame": () => this.tell("frame"),
      "change:_codes": () => this.soon(),
      "change:_legend": () => this.soon(),
      "change:_hidden": () => this.follow(() => this.readHidden()),
      "change:_mask": () => this.follow(() => this.readMask()),
      "change:_heard": () => this.catchUp(),
      "change:_trails": () => this.tell("trail"),
      "change:_trail": () => this.tell("trail"),
      "change:_choices": () => this.tell("choices"),
      "change:basis": () => this.tell("choices"),
      "change:dims": () => this.tell("choices"),
      "change:watching": () => this.tell("choices"),
      "change:message": () => this.tell("message"),
      "change:_alarm": () => this.tell("message"),
      "msg:custom": (content, buffers) => this.hear(content, buffers),
    };
    for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
    this.close = () => {
      for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    };
  }

  tell(what) {
    this.dispatchEvent(new Event(what));
  }

  /** Call `listener` at each of the named changes; returns a function that ends it. */
  on(changes, listener) {
    for (const change of changes) this.addEventListener(change, listener);
    return () => changes.forEach((change) => this.removeEventListener(change, listener));
  }

  get(name) {
    return this.model.get(name);
  }

  // ---- the data ----

  get n() {
    return this.get("_n_obs");
  }

  /** What the rows are called: "1 cell", "12 sequences". */
  rows(n = this.n) {
    const word = this.get("_rows");
    return n === 1 ? word.replace(/s$/, "") : word;
  }

  get legend() {
    return this.get("_legend");
  }

  readPoints() {
    this.points = floats(this.get("_points"));
    this.tell("points");
  }

  // Codes and legend change in one message, and are told one after the other.
  soon() {
    if (this.isSoon) return;
    this.isSoon = true;
    queueMicrotask(() => {
      this.isSoon = false;
      this.readCodes();
    });
  }

  readCodes() {
    const raw = this.get("_codes");
    this.codes = this.legend.missing === 255 ? bytes(raw) : shorts(raw);
    this.names = new Map(); // the values in the old one are of the colour before
    this.spotlight = -1;
    this.hidden = new Set(this.get("_hidden"));
    this.tell("colour");
  }

  readHidden() {
    this.hidden = new Set(this.get("_hidden"));
    this.tell("hidden");
  }

  readMask() {
    const bits = bytes(this.get("_mask"));
    const mask = new Uint8Array(this.n);
    for (let i = 0; i < mask.length; i += 1) mask[i] = (bits[i >> 3] >> (i & 7)) & 1;
    this.mask = mask;
    this.count();
  }

  count() {
    this.nSelected = 0;
    this.nSelectedHidden = 0;
    this.selectedOf = new Map(); // code -> selected points
    const { codes, mask } = this;
    const tally = new Uint32Array(65536);
    for (let i = 0; i < mask.length; i += 1) if (mask[i]) tally[codes.length ? codes[i] : 0] += 1;
    tally.forEach((found, code) => {
      if (!found) return;
      this.nSelected += found;
      if (this.hidden.has(code)) this.nSelectedHidden += found;
      this.selectedOf.set(code, found);
    });
    this.tell("selection");
  }

  /** Whether a point is shown, as a function that is quick for many. */
  shown() {
    const { codes, hidden } = this;
    if (hidden.size === 0 || codes.length === 0) return () => true;
    const table = new Uint8Array(65536);
    for (const code of hidden) table[code] = 1;
    return (i) => table[codes[i]] === 0;
  }

  // ---- what a person does ----

  /** Take the found points (a Uint8Array of 0 and 1): "replace", "add" or "remove". */
  select(found, how) {
    if (how === "add") for (let i = 0; i < found.length; i += 1) found[i] |= this.mask[i];
    if (how === "remove") for (let i = 0; i < found.length; i += 1) found[i] = this.mask[i] & ~found[i];
    const bits = new Uint8Array(Math.ceil(found.length / 8));
    for (let i = 0; i < found.length; i += 1) bits[i >> 3] |= found[i] << (i & 7);
    this.send({ kind: "select" }, [bits.buffer]); // first to Python, then to the screen
    this.mask = found;
    this.count();
  }

  clear() {
    if (this.nSelected) this.select(new Uint8Array(this.n), "replace");
  }

  hide(codes) {
    this.hidden = new Set(codes);
    this.send({ kind: "hide", codes: [...this.hidden].sort((a, b) => a - b) });
    this.count();
    this.tell("hidden");
  }

  shine(code) {
    if (this.spotlight === code) return;
    this.spotlight = code;
    this.tell("spotlight");
  }

  /** Name and value of a point, once Python has told them; then "named" is told. */
  named(row) {
    const { names } = this;
    if (!names.has(row)) {
      if (names.size > 5000) names.clear();
      names.set(row, null);
      this.ask("hover", { row }, { quiet: true }).then((found) => {
        names.set(row, found.result ?? { name: `row ${row + 1}`, value: null, parts: [] });
        this.tell("named");
      });
    }
    return names.get(row);
  }

  // ---- the talk with Python ----

  // Take over Python's state, or leave it while Python hasn't heard all that was done here ...
  follow(read) {
    if (this.isCurrent()) read();
    else this.isBehind = true;
  }

  // ... and take it over once it has: something else may have changed in it meanwhile.
  catchUp() {
    if (!this.isBehind || !this.isCurrent()) return;
    this.isBehind = false;
    this.readHidden();
    this.readMask();
  }

  isCurrent() {
    const [browser, number] = this.get("_heard");
    return browser !== this.browser || number >= this.number;
  }

  send(content, buffers = []) {
    this.number += 1;
    this.model.send({ ...content, browser: this.browser, number: this.number }, undefined, buffers);
  }

  /** Ask Python; resolves to {result, buffers} or {error}. What takes long shows as "busy", unless it is quiet. */
  ask(kind, content = {}, { quiet = false } = {}) {
    const ask = `${this.browser} ${(this.asked = (this.asked ?? 0) + 1)}`;
    let isLate = false;
    const clock = quiet
      ? null
      : setTimeout(() => {
          isLate = true;
          this.setBusy(1);
        }, SLOW_MS);
    return new Promise((resolve) => {
      this.waiting.set(ask, (answer) => {
        clearTimeout(clock);
        if (isLate) this.setBusy(-1);
        resolve(answer);
      });
      this.model.send({ kind, ask, ...content });
    });
  }

  setBusy(change) {
    this.busy = Math.max(0, (this.busy ?? 0) + change);
    this.tell("message");
  }

  hear(content, buffers) {
    const answer = this.waiting.get(content.ask);
    if (!answer) return;
    this.waiting.delete(content.ask);
    answer({ ...content, buffers });
  }
}

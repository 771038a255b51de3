// Controls drawn from fields (genolab/widgets/training/fields.py): sliders with a box to type in.

import "./controls.css";
import { element } from "../shared/dom.js";
import { count } from "../shared/format.js";

const ROUND = [1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9]; // about even on a log scale
const REST = 200; // milliseconds without a movement after which a slider's value is taken

// Where a log slider that reaches down to 0 has its smallest step above 0: six decades below its upper end.
function logStops({ low, high, integer }) {
  const bottom = low > 0 ? low : integer ? 1 : high / 1e6;
  const stops = [low, high];
  for (let power = Math.floor(Math.log10(bottom)); 10 ** power <= high; power += 1) {
    for (const digit of ROUND) stops.push(Number((digit * 10 ** power).toPrecision(3)));
  }
  if (integer) for (let two = 1; two <= high; two *= 2) stops.push(two); // 64 or 256 is what one looks for in a size
  return stops.filter((value) => value === low || (value >= bottom && value <= high && (!integer || Number.isInteger(value))));
}

function linearStops({ low, high, integer }) {
  const rough = (high - low) / 100;
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough * 0.999);
  const step = integer ? Math.max(1, Math.round(round)) : round;
  const stops = [high];
  for (let i = 0; low + i * step < high; i += 1) stops.push(Number((low + i * step).toPrecision(10)));
  return stops;
}

/** The values that a slider stops at, in order: round numbers, and both bounds exactly. */
export function stopsOf(field, [low, high] = field.slider ?? [field.low, field.high]) {
  if (!(high > low)) return [low];
  const stops = (field.scale === "log" ? logStops : linearStops)({ ...field, low, high });
  return [...new Set(stops)].sort((a, b) => a - b);
}

function nearest(stops, value) {
  let best = 0;
  for (let i = 1; i < stops.length; i += 1) if (Math.abs(stops[i] - value) < Math.abs(stops[best] - value)) best = i;
  return best;
}

/** A value as it is shown: at least two digits, and as many as distinguish it from its neighbours. */
export function valueText(field, value) {
  if (value === null || value === undefined) return "off";
  if (field?.integer) return count(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const write = size < 0.01 || size >= 1e6 ? (digits) => value.toExponential(digits - 1) : (digits) => value.toPrecision(digits);
  const close = (text) => Math.abs(Number(text) - value) <= 1e-6 * size;
  const text = [2, 3, 4, 5, 6].map(write).find(close) ?? write(7);
  return text.includes("e") && size >= 0.01 && size < 1e6 ? String(Number(text)) : text;
}

// A comma groups digits in a whole number and is a decimal point in any other.
function parsed(field, text) {
  const plain = text.trim().replace(/\u2212/g, "-");
  if (field.optional && /^(off|none|)$/i.test(plain)) return { value: null };
  const value = plain === "" ? NaN : Number(field.integer ? plain.replace(/,/g, "") : plain.replace(",", "."));
  if (Number.isNaN(value)) return { wrong: `${field.label} is a number such as ${valueText(field, field.high)}, not “${text}”.` };
  if (field.integer && !Number.isInteger(value)) return { wrong: `${field.label} is a whole number.` };
  if (value < field.low || value > field.high) {
    return { wrong: `${field.label} is between ${valueText(field, field.low)} and ${valueText(field, field.high)}.` };
  }
  return { value };
}

// A slider and a box to type in. What is slid or stepped is taken when it rests, what is typed with Enter.
class NumberControl {
  constructor(field, id, set, complain) {
    Object.assign(this, { field, set, complain, value: null, timer: 0, pressed: false, typed: false });
    this.stops = stopsOf(field);
    this.last = this.stops[Math.floor(this.stops.length / 2)]; // what switching on gives where nothing was set before
    this.range = this.makeRange(id);
    this.box = this.makeBox();
    this.tick = field.optional ? this.makeTick() : null;
    const unit = element("span", { class: "gl-muted", text: field.unit });
    this.nodes = [this.range, element("span", { class: "gl-control-value" }, this.box, unit)];
  }

  makeRange(id) {
    const { help } = this.field;
    const release = () => {
      this.pressed = false;
      this.settle();
    };
    const on = {
      input: () => this.move(Number(this.range.value)),
      pointerdown: () => (this.pressed = true),
      pointerup: release,
      pointercancel: release,
      blur: release,
    };
    const most = this.stops.length - 1;
    return element("input", { type: "range", id, class: "gl-control-slider", min: 0, max: most, step: 1, title: help || null, on });
  }

  makeBox() {
    const { field } = this;
    const on = {
      input: () => (this.typed = true),
      focus: () => this.box.select(),
      blur: () => (this.typed && parsed(field, this.box.value).wrong ? this.forget() : this.read()),
      keydown: (event) => this.key(event),
    };
    const title = `Type a number from ${valueText(field, field.low)} to ${valueText(field, field.high)}`;
    const plain = { autocomplete: "off", spellcheck: "false", inputmode: "decimal" };
    return element("input", { type: "text", class: "gl-input gl-control-box", "aria-label": `${field.label}, typed`, title, ...plain, on });
  }

  makeTick() {
    const on = { change: () => this.take(this.tick.checked ? this.last : null) };
    return element("input", { type: "checkbox", "aria-label": `${this.field.label} on`, on });
  }

  show(value) {
    this.value = value;
    if (value !== null) this.reach((this.last = value));
    const [at, text] = [nearest(this.stops, this.last), valueText(this.field, value)];
    this.range.value = at;
    this.range.style.setProperty("--gl-at", `${(100 * at) / Math.max(1, this.stops.length - 1)}%`);
    this.range.classList.toggle("gl-off", value === null);
    this.range.setAttribute("aria-valuetext", `${text} ${this.field.unit}`.trim());
    if (!this.typed) this.box.value = text;
    if (this.tick) this.tick.checked = value !== null;
  }

  // A value beyond the slider's ends becomes its end.
  reach(value) {
    const [low, high] = [this.stops[0], this.stops[this.stops.length - 1]];
    if (value >= low && value <= high) return;
    this.stops = stopsOf(this.field, [Math.min(low, value), Math.max(high, value)]);
    this.range.max = this.stops.length - 1;
  }

  // Whether the user has it in hand.
  held() {
    return this.pressed || this.timer !== 0 || this.typed;
  }

  move(stop) {
    this.typed = false;
    this.show(this.stops[Math.min(Math.max(stop, 0), this.stops.length - 1)]);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), REST);
  }

  settle() {
    if (this.timer) this.take(this.value);
  }

  take(value) {
    clearTimeout(this.timer);
    this.timer = 0;
    this.complain("");
    this.show(value);
    this.set(value);
  }

  read() {
    if (!this.typed) return;
    const { value, wrong } = parsed(this.field, this.box.value);
    this.complain(wrong ?? "");
    if (wrong) return;
    this.typed = false;
    if (value === this.value) this.show(value);
    else this.take(value);
  }

  forget() {
    this.typed = false;
    this.show(this.value);
  }

  key(event) {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") this.read();
    else if (step) this.move(nearest(this.stops, this.last) + step);
    else if (event.key === "Escape") {
      this.complain("");
      this.forget();
    } else return;
    event.preventDefault();
  }
}

/**
 * Draw controls into one grid. `set(name, value)` is called once the user has settled on a value that is within bounds, and
 * resolves to a complaint if it is refused. Returns { node, show(values), clear() }: `show` leaves alone what the user has in
 * hand, `clear` takes the complaints away.
 */
export function drawControls(fields, set) {
  const node = element("div", { class: "gl-controls" });
  const complaints = [];
  const controls = fields.map((field) => {
    const id = `gl-control-${Math.random()}`; // another panel on the page has its own copy of this file
    const complaint = element("div", { class: "gl-control-wrong", role: "alert", hidden: true });
    const complain = (text) => {
      complaint.textContent = text ?? "";
      complaint.hidden = !text;
    };
    complaints.push(complain);
    const settle = async (value) => complain(await set(field.name, value));
    const control = new NumberControl(field, id, settle, complain);
    const name = element("label", { for: id, text: field.label, title: field.help || null });
    const label = element("span", { class: "gl-control-label" }, control.tick, name);
    node.append(element("div", { class: "gl-control", "data-name": field.name }, label, ...control.nodes, complaint));
    return control;
  });
  const show = (values) => {
    for (const control of controls) if (!control.held() && control.field.name in values) control.show(values[control.field.name]);
  };
  const clear = () => complaints.forEach((complain) => complain(""));
  return { node, show, clear };
}

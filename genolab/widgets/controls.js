// Controls drawn from fields (genolab/widgets/controls.py): sliders with a box to type in, switches and menus.
import { count, element } from "./look.js";

const ROUND = [1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9]; // about even on a log scale
const REST = 200; // milliseconds without a movement after which a slider's value is taken
let controlsMade = 0;

// Where a log slider that reaches down to 0 has its smallest step above 0: six decades below its upper end.
function logStops({ low, high, integer }) {
  const bottom = low > 0 ? low : integer ? 1 : high / 1e6;
  const found = [low, high];
  for (let power = Math.floor(Math.log10(bottom)); 10 ** power <= high; power += 1) {
    for (const digit of ROUND) found.push(Number((digit * 10 ** power).toPrecision(3)));
  }
  if (integer) for (let two = 1; two <= high; two *= 2) found.push(two); // 64 or 256 is what one looks for in a size
  return found.filter((value) => value === low || (value >= bottom && value <= high && (!integer || Number.isInteger(value))));
}

function linearStops({ low, high, integer }) {
  const rough = (high - low) / 100;
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough * 0.999);
  const step = integer ? Math.max(1, Math.round(round)) : round;
  const found = [high];
  for (let i = 0; low + i * step < high; i += 1) found.push(Number((low + i * step).toPrecision(10)));
  return found;
}

/** The values that a slider stops at, in order: round numbers, and both bounds exactly. */
export function stopsOf(field) {
  if (!(field.high > field.low)) return [field.low];
  const found = field.scale === "log" ? logStops(field) : linearStops(field);
  return [...new Set(found)].sort((a, b) => a - b);
}

function nearest(stops, value) {
  let best = 0;
  for (let i = 1; i < stops.length; i += 1) if (Math.abs(stops[i] - value) < Math.abs(stops[best] - value)) best = i;
  return best;
}

/** A value as it is shown: at least two digits, and as many as it takes to tell it from its neighbours. */
export function valueText(field, value) {
  if (value === null || value === undefined) return "off";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  if (field?.integer) return count(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const write = size < 0.01 || size >= 1e6 ? (digits) => value.toExponential(digits - 1) : (digits) => value.toPrecision(digits);
  const close = (text) => Math.abs(Number(text) - value) <= 1e-6 * size;
  const found = [2, 3, 4, 5, 6].map(write).find(close) ?? write(7);
  return found.includes("e") && size >= 0.01 && size < 1e6 ? String(Number(found)) : found;
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

// Each of the three kinds returns { nodes, show(value), held() }: `held` is true while the user has it in hand.
function slider(field, id, set, complain) {
  const stops = stopsOf(field);
  const range = element("input", {
    type: "range", id, class: "gl-control-slider", min: 0, max: stops.length - 1, step: 1, title: field.help || null,
  });
  const box = element("input", {
    type: "text", class: "gl-input gl-control-box", "aria-label": `${field.label}, typed`, autocomplete: "off", spellcheck: "false",
    inputmode: "decimal", title: `Type a number from ${valueText(field, field.low)} to ${valueText(field, field.high)}`,
  });
  const tick = field.optional ? element("input", { type: "checkbox", "aria-label": `${field.label} on` }) : null;
  let [value, timer, pressed, typed] = [null, 0, false, false];
  let last = stops[Math.floor(stops.length / 2)]; // what switching on gives where nothing was set before

  const paint = (now) => {
    value = now;
    if (now !== null) last = now;
    range.value = nearest(stops, last);
    range.style.setProperty("--gl-at", `${(100 * nearest(stops, last)) / Math.max(1, stops.length - 1)}%`);
    range.classList.toggle("gl-off", now === null);
    range.setAttribute("aria-valuetext", `${valueText(field, now)} ${field.unit}`.trim());
    if (!typed) box.value = valueText(field, now);
    if (tick) tick.checked = now !== null;
  };
  const take = (now) => {
    clearTimeout(timer);
    timer = 0;
    complain("");
    paint(now);
    set(field.name, now);
  };
  const settle = () => timer && take(value);
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(settle, REST);
  };
  const release = () => {
    pressed = false;
    settle();
  };
  const read = () => {
    if (!typed) return;
    const { value: found, wrong } = parsed(field, box.value);
    if (wrong) {
      complain(wrong);
      return;
    }
    typed = false;
    if (found === value) complain("");
    if (found !== value) take(found);
    else paint(value);
  };
  const leave = () => {
    if (typed && parsed(field, box.value).wrong) forget();
    else read();
  };
  const forget = () => {
    typed = false;
    paint(value);
  };
  range.addEventListener("input", () => {
    typed = false;
    paint(stops[Number(range.value)]);
    wait();
  });
  range.addEventListener("pointerdown", () => (pressed = true));
  for (const event of ["pointerup", "pointercancel", "blur"]) range.addEventListener(event, release);
  box.addEventListener("input", () => (typed = true));
  box.addEventListener("focus", () => box.select());
  box.addEventListener("blur", leave);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") read();
    else if (event.key === "Escape") {
      complain("");
      forget();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const now = nearest(stops, last) + (event.key === "ArrowUp" ? 1 : -1);
      typed = false;
      paint(stops[Math.min(Math.max(now, 0), stops.length - 1)]);
      wait();
    } else return;
    event.preventDefault();
  });
  tick?.addEventListener("change", () => take(tick.checked ? last : null));
  const unit = element("span", { class: "gl-muted", text: field.unit });
  return { tick, nodes: [range, element("span", { class: "gl-control-value" }, box, unit)], show: paint, held: () => pressed || timer !== 0 || typed };
}

function menu(field, id, set) {
  const options = field.choices.map((choice) => element("option", { value: choice, text: choice }));
  const select = element("select", { id, class: "gl-select gl-control-wide", title: field.help || null }, ...options);
  select.addEventListener("change", () => set(field.name, select.value));
  return { nodes: [select], show: (value) => (select.value = value), held: () => false };
}

function toggle(field, id, set) {
  const box = element("input", { type: "checkbox", id, title: field.help || null });
  box.addEventListener("change", () => set(field.name, box.checked));
  return { nodes: [element("span", { class: "gl-control-wide" }, box)], show: (value) => (box.checked = value), held: () => false };
}

const KINDS = { number: slider, choice: menu, switch: toggle };

/**
 * Draw controls into one grid. `set(name, value)` is called once the user has settled on a value that is within bounds.
 * Returns { node, show(values, complaints) }; `show` leaves alone what the user has in hand.
 */
export function drawControls(fields, set) {
  const node = element("div", { class: "gl-controls" });
  const made = fields.map((field) => {
    const id = `gl-control-${(controlsMade += 1)}`;
    const complaint = element("div", { class: "gl-control-wrong", role: "alert", hidden: true });
    const complain = (text) => {
      complaint.textContent = text;
      complaint.hidden = !text;
    };
    const control = KINDS[field.kind](field, id, set, complain);
    const name = element("label", { for: id, text: field.label, title: field.help || null });
    const row = element("div", { class: "gl-control", "data-name": field.name });
    row.append(element("span", { class: "gl-control-label" }, control.tick, name), ...control.nodes, complaint);
    node.append(row);
    return { field, control, complain };
  });
  const show = (values, complaints = {}) => {
    for (const { field, control, complain } of made) {
      if (control.held()) continue;
      if (field.name in values) control.show(values[field.name]);
      complain(complaints[field.name] ?? "");
    }
  };
  return { node, show };
}

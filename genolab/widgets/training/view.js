// The training panel (genolab/widgets/training.py): it shows what the run says and sends what the person asks for.
import "../shared/base.css";
import "../shared/controls.css";
import "./view.css";
import { count, element, floats, onTheme, root, theme } from "../shared/look.js";
import { drawControls, valueText } from "../shared/controls.js";
import { drawCurve, lineColours, lossText, rangeFor } from "./curve.js";

const SLOW = 2000; // milliseconds without an answer to a click after which the panel says so
const SILENT = 10000; // milliseconds without a word from a running kernel after which it counts as gone
const TRAIL = 400; // points of the epoch that is being trained; then every second one is dropped

// What each button does in each state of the run; where a state is missing, the button rests.
const STEPS = { ready: "step", paused: "step", stopped: "step", failed: "step" };
const BUTTONS = [
  { key: "start", text: "Start", does: { ready: "start", stopped: "start", failed: "start" }, tip: "Train in the background" },
  { key: "pause", text: "Pause", does: { running: "pause", paused: "resume" }, tip: "Pause after this step, or go on (P)", short: "p" },
  { key: "step", text: "Step", does: STEPS, tip: "Train one optimiser step (S)", short: "s" },
  { key: "stop", text: "Stop", does: { running: "stop", paused: "stop" }, tip: "Stop after the current step; nothing is lost" },
];
// A running run is heard of from its own thread, also while a cell keeps the kernel from taking clicks.
const BUSY = "The click waits for the cell that is running; interrupting that cell frees it.";
const QUIET = "The kernel has not answered: it is busy with another cell, or was restarted.";
const GONE = "The kernel is gone, and this is the last that was seen. Run the notebook again from its first cell.";
const WAITING = { start: "Starting", pause: "Pausing", resume: "Resuming", step: "Stepping", stop: "Stopping" };

function render({ model, el }) {
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const send = (message) => model.send({ ...message, view: id });
  const ask = (message) => {
    const asked = `${id}.${(asks += 1)}`;
    send({ ...message, id: asked });
    return asked;
  };
  let asks = 0;
  const parts = [new Buttons(model, ask), drawProgress(model), drawLoss(model), drawSide(model, ask), drawMessage(model)];
  const [buttons, progress, loss, side, message] = parts;
  const head = element("div", { class: "gl-row gl-training-head" }, buttons.node, progress.node);
  const body = element("div", { class: "gl-training-body" }, loss.node, side.node);
  const panel = root("gl-training", "Training panel", head, body, message.node);
  panel.addEventListener("keydown", (event) => {
    const writes = event.target.matches("input[type=text], select") || event.ctrlKey || event.metaKey || event.altKey;
    if (!writes && buttons.press(event.key.toLowerCase())) event.preventDefault();
  });
  el.append(panel);

  let seen = false; // out of sight the kernel sends nothing
  const watch = new IntersectionObserver((entries) => {
    seen = entries[entries.length - 1].isIntersecting;
    send({ do: "watch", on: seen });
  });
  watch.observe(panel);
  const shown = { status: [buttons, progress, loss, message], curve: [loss], changes: [loss, side] };
  for (const name of ["values", "complaints", "answers"]) shown[name] = [side];
  for (const [name, list] of Object.entries(shown)) model.on(`change:${name}`, () => list.forEach((part) => part.show(name)));
  parts.forEach((part) => part.show("all"));

  const life = watchKernel({
    model,
    el,
    expects: () => seen && !document.hidden && model.get("status").state === "running",
    tell: (gone) => {
      panel.classList.toggle("gl-gone", gone);
      for (const part of [buttons, message]) part.lose(gone);
    },
  });
  return () => {
    watch.disconnect();
    life.stop();
    loss.stop();
    buttons.stop();
    send({ do: "watch", on: false });
  };
}

// Tell when the kernel is gone: JupyterLab marks the view on a restart; a kernel that was killed only falls silent.
function watchKernel({ model, el, expects, tell }) {
  let heard = performance.now();
  const look = () => {
    if (!expects()) heard = performance.now();
    tell(el.classList.contains("jupyter-widgets-disconnected") || performance.now() - heard > SILENT);
  };
  const hear = () => {
    heard = performance.now();
    look();
  };
  model.on("change:status", hear);
  const marks = new MutationObserver(look);
  marks.observe(el, { attributes: true, attributeFilter: ["class"] });
  const timer = setInterval(look, 1000);
  look();
  return {
    stop: () => {
      marks.disconnect();
      clearInterval(timer);
    },
  };
}

class Buttons {
  constructor(model, ask) {
    Object.assign(this, { model, ask, waiting: null, gone: false }); // `waiting`: the click not answered yet
    this.tags = new Map(BUTTONS.map((button) => [button, this.make(button)]));
    const group = element("div", { class: "gl-group", role: "group", "aria-label": "Training" }, ...this.tags.values());
    this.hint = element("span", { class: "gl-muted gl-slow", role: "status", hidden: true });
    this.node = element("div", { class: "gl-row" }, group, this.hint);
  }

  make(button) {
    const { key, tip, short } = button;
    const on = { click: () => this.click(button) };
    return element("button", { type: "button", class: "gl-button", "data-key": key, title: tip, "aria-keyshortcuts": short, on });
  }

  click(button) {
    const { state, step } = this.model.get("status");
    const does = button.does[state];
    if (!does || this.waiting || this.gone) return false;
    this.waiting = { does, state, step, id: this.ask({ do: does, seen: state }), slow: setTimeout(() => this.show("slow"), SLOW) };
    this.show();
    return true;
  }

  press(short) {
    const button = BUTTONS.find((one) => one.short === short);
    return Boolean(button && this.click(button));
  }

  answered({ state, step, refused }) {
    const { does, id, ...then } = this.waiting;
    return state !== then.state || (does === "step" && step !== then.step) || refused === id;
  }

  show(why) {
    const status = this.model.get("status");
    if (this.waiting && this.answered(status)) this.stop();
    for (const [button, tag] of this.tags) this.paint(button, tag, status.state);
    const unheard = why === "slow" && this.waiting && status.heard !== this.waiting.id;
    if (unheard) this.hint.textContent = status.state === "running" ? BUSY : QUIET;
    else if (!this.waiting || status.heard === this.waiting.id) this.hint.textContent = "";
    this.hint.hidden = !this.hint.textContent;
  }

  paint(button, tag, state) {
    const does = button.does[state];
    const mine = this.waiting && button.does[this.waiting.state] === this.waiting.does;
    const text = mine ? `${WAITING[this.waiting.does]}\u2026` : textOf(button, state);
    const enabled = Boolean(does && !this.waiting && !this.gone);
    write(tag, text);
    tag.setAttribute("aria-disabled", String(!enabled)); // not `disabled`: that would drop the keyboard's focus
    tag.classList.toggle("gl-main", enabled && ["start", "pause", "resume"].includes(does));
  }

  lose(gone) {
    if (gone === this.gone) return;
    this.gone = gone;
    if (gone) this.stop();
    this.show();
  }

  stop() {
    clearTimeout(this.waiting?.slow);
    this.waiting = null;
  }
}

function textOf(button, state) {
  if (button.key === "pause" && state === "paused") return "Resume";
  if (button.key === "start" && (state === "stopped" || state === "failed")) return "Go on";
  return button.text;
}

// Text that stays the same is left alone: writing it would have the page laid out anew.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function drawProgress(model) {
  const text = element("span", { class: "gl-training-epochs" });
  const pace = element("span", { class: "gl-muted gl-training-pace" });
  const done = element("div", { class: "gl-training-done" });
  const range = { "aria-valuemin": 0, "aria-valuemax": 100 };
  const bar = element("div", { class: "gl-training-bar", role: "progressbar", "aria-label": "Progress", ...range }, done);
  const show = () => {
    const { fraction, progress, pace: speed } = model.get("status");
    write(text, progress);
    write(pace, speed);
    done.style.width = `${(100 * fraction).toFixed(1)}%`;
    bar.setAttribute("aria-valuenow", Math.round(100 * fraction));
    bar.setAttribute("aria-valuetext", `${progress}, ${speed}`);
  };
  return { node: element("div", { class: "gl-training-progress" }, text, bar, pace), show };
}

// Rows of [epoch, train of each part, valid of each part], one an epoch.
function readCurve(model, part) {
  const { parts, valid } = model.get("columns");
  const rows = floats(model.get("curve"));
  const width = 1 + parts.length * (valid ? 2 : 1);
  const at = Math.max(0, parts.indexOf(part));
  const column = (i) => Array.from({ length: Math.floor(rows.length / width) }, (_, row) => rows[row * width + i]);
  return { x: column(0), train: column(1 + at), valid: valid ? column(1 + parts.length + at) : [] };
}

function drawLoss(model) {
  const title = "Which part of the loss the curve shows";
  const part = element("select", { class: "gl-select gl-training-part", "aria-label": "Loss shown", title });
  const name = element("span", { class: "gl-training-name" });
  const reading = element("span", { class: "gl-muted gl-training-at" });
  const log = element("input", { type: "checkbox" });
  const whole = element("input", { type: "checkbox" });
  const more = element(
    "details",
    { class: "gl-more" },
    element("summary", { class: "gl-quiet", text: "more", title: "How the curve is drawn" }),
    element("label", { title: "Powers of ten at even distances" }, log, " logarithmic"),
    element("label", { title: "Also the first epochs, where the loss is often far higher" }, whole, " from the first epoch"),
  );
  const keys = { train: legend("train"), valid: legend("valid") };
  const host = element("div", { class: "gl-curve" });
  let [rows, trail, at, data] = [{ x: [], train: [], valid: [] }, [], null, null];

  const curve = drawCurve(host, (index) => {
    at = index;
    tell();
  });
  const tell = () => {
    const index = at ?? data.x.length - 1;
    write(reading, at === null ? "" : `epoch ${data.x[at]}`);
    for (const key of ["train", "valid"]) {
      const value = data[key][index];
      const first = key === "train" && data.x.length === 0 && trail.length; // later ones wobble: the last whole epoch is read
      const going = first ? trail[trail.length - 1][1] : value;
      write(keys[key].value, going === undefined ? "" : lossText(going, data.range));
      keys[key].node.hidden = key === "valid" && data.valid.length === 0;
    }
    const [train, valid] = [keys.train.value.textContent, keys.valid.value.textContent];
    curve.canvas.setAttribute("aria-label", `Loss curve, ${data.x.length} epochs; train ${train}${valid ? `, valid ${valid}` : ""}`);
  };
  const colour = () => {
    const colours = lineColours(theme(host));
    for (const key of ["train", "valid"]) keys[key].node.style.setProperty("--gl-key", colours[key]);
  };
  const show = (what) => {
    const { parts } = model.get("columns");
    if (what === "all" || part.options.length !== parts.length) fillParts(part, name, parts, model.get("columns").labels);
    if (what === "all" || what === "curve" || what === "part") rows = readCurve(model, part.value);
    const status = model.get("status");
    trail = part.value === parts[0] ? longer(trail, status.tip) : [];
    const marks = model.get("changes").map((change) => ({ x: change.at }));
    const range = data?.range;
    data = { ...rows, trail, marks, epochs: status.epochs, done: status.epoch, log: log.checked, whole: whole.checked };
    const outside = trail.some(([, loss]) => !range || loss < range.low || loss > range.high);
    data.range = what === "status" && rows.x.length && !outside ? range : rangeFor(data);
    curve.show(data);
    tell();
  };
  part.addEventListener("change", () => show("part"));
  for (const box of [log, whole]) box.addEventListener("change", () => show("part"));
  const stopTheme = onTheme(colour);
  const space = element("span", { class: "gl-space" });
  const legends = [keys.train.node, keys.valid.node, reading];
  const head = element("div", { class: "gl-row gl-training-legend" }, name, part, ...legends, space, more);
  requestAnimationFrame(colour); // the theme can be read once the panel stands in the page
  return { node: element("div", { class: "gl-training-loss" }, head, host), show, stop: () => (curve.stop(), stopTheme()) };
}

function fillParts(part, name, parts, labels) {
  const before = part.value;
  part.replaceChildren(...parts.map((key, i) => element("option", { value: key, text: labels[i] })));
  if (parts.includes(before)) part.value = before;
  part.hidden = parts.length < 2;
  name.hidden = parts.length > 1;
  name.textContent = labels[0] ?? "Loss";
}

function legend(name) {
  const value = element("span", { class: "gl-training-value" });
  return { node: element("span", { class: `gl-key gl-key-${name}` }, name, " ", value), value };
}

// The points of the epoch in hand; a new epoch, and a run that stands still between two, begins with none.
function longer(trail, tip) {
  if (!tip) return [];
  const last = trail[trail.length - 1];
  if (last && last[0] === tip[0]) return trail;
  if (tip[0] > 1 && tip[0] % 1 < 0.15) return []; // the mean of a few steps says more about them than about the epoch
  const same = last && Math.floor(last[0]) === Math.floor(tip[0]) && last[0] < tip[0];
  const kept = same ? (trail.length < TRAIL ? trail : trail.filter((_, i) => i % 2 === 0)) : [];
  return [...kept, tip];
}

function drawSide(model, ask) {
  const fields = model.get("fields");
  const main = model.get("columns").main;
  const set = (name, value) => ask({ do: "tune", name, value });
  const controls = drawControls(fields, set);
  const rare = [...controls.node.children].slice(main);
  const hidden = rare.length === 0;
  const more = element("button", { type: "button", class: "gl-quiet", hidden, text: "more", title: "What is turned more rarely" });
  const unfold = (open) => {
    more.setAttribute("aria-expanded", String(open));
    for (const row of rare) row.hidden = !open;
  };
  more.addEventListener("click", () => unfold(more.getAttribute("aria-expanded") !== "true"));
  unfold(false);
  controls.node.append(more);
  const list = element("ol", { class: "gl-changes-list", tabindex: 0, "aria-label": "Changes made while training" });
  const changes = element("div", { class: "gl-changes" }, element("div", { class: "gl-muted", text: "Changes" }), list);
  const byName = Object.fromEntries(fields.map((field) => [field.name, field]));
  let known = 0;

  const showChanges = () => {
    const all = model.get("changes");
    if (all.length < known) list.replaceChildren();
    for (const change of all.slice(list.children.length)) list.prepend(changeItem(change, byName[change.name]));
    known = all.length;
    changes.hidden = known === 0;
  };
  const show = (what) => {
    if (what !== "changes") controls.show(model.get("values"), model.get("complaints"));
    showChanges();
  };
  const none = fields.length === 0;
  return { node: element("div", { class: "gl-training-side", hidden: none }, controls.node, changes), show };
}

function changeItem({ epoch, step, name, before, after }, field) {
  const label = field?.label ?? name;
  const words = /^[A-Z][a-z]/.test(label) ? label[0].toLowerCase() + label.slice(1) : label; // "KL weight" stays
  const turned = `${valueText(field, before)} \u2192 ${valueText(field, after)}`;
  return element("li", { text: `${epoch}: ${words} ${turned}, step ${count(step)}` });
}

function drawMessage(model) {
  const text = element("div", { class: "gl-message", role: "status" });
  let gone = false;
  const show = () => {
    const { message, trouble } = model.get("status");
    write(text, gone ? GONE : message);
    text.classList.toggle("gl-trouble", gone || trouble);
  };
  const lose = (now) => {
    if (gone === now) return;
    gone = now;
    show();
  };
  return { node: text, show, lose };
}

export default { render };

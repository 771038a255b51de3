// The training panel: it shows where the run stands and sends what the person asks for.

import "../shared/base.css";
import { Channel, GONE, floats, widget } from "../shared/channel.js";
import { button, element, root, row, space } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { onTheme, theme } from "../shared/theme.js";
import { drawControls, valueText } from "./controls.js";
import { drawCurve, lineColours, longer, lossText, rangeFor } from "./curve.js";
import "./view.css";

const SLOW_MS = 2000; // without an effect of a click for so long, the panel says why
const SILENT_MS = 10000; // without a word from a running kernel for so long, it counts as gone
const TRAITS = ["status", "columns", "curve", "changes", "values", "controls", "others"];
const SPEEDS = [10, 5, 2, 1, 0.5, 0.2]; // epochs a second: slow enough to be followed

// What each button does in each state of the run; where a state is missing, the button rests.
const STARTS = { ready: "start", paused: "resume", stopped: "start", failed: "start" };
const STEPS = { ready: "step", paused: "step", stopped: "step", failed: "step" };
const BUTTONS = [
  { key: "start", text: "Start", does: STARTS, tip: "Train in the background (P)", short: "p" },
  { key: "pause", text: "Pause", does: { running: "pause" }, tip: "Pause after the current step (P)", short: "p" },
  { key: "step", text: "Step", does: STEPS, tip: "Train one optimiser step (S)", short: "s" },
  { key: "stop", text: "Stop", does: { running: "stop", paused: "stop" }, tip: "Stop after the current step; nothing is lost" },
];
const MORE = { key: "more", text: "more epochs", does: { finished: "more" }, tip: "Go on for so many epochs beyond the last" };
// A running run is heard of from its own thread, also while a cell keeps the kernel from taking clicks.
const BUSY = "The click waits for the cell that is running; interrupting that cell frees it.";
const QUIET = "The kernel has not answered: it is busy with another cell, or was restarted.";
const WAITING = { start: "Starting", pause: "Pausing", resume: "Going on", step: "Stepping", stop: "Stopping", more: "Going on" };

let views = 0;

class View {
  constructor(channel, el) {
    this.channel = channel;
    this.id = `${channel.browser}-${(views += 1)}`;
    this.el = root("gl-training", "Training panel");
    this.el.addEventListener("keydown", (event) => {
      const isTyped = event.target.matches("input[type=text], input[type=number], select");
      const isPlain = !isTyped && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (isPlain && this.buttons.press(event.key.toLowerCase())) event.preventDefault();
    });
    this.fill();
    el.append(this.el);
    // Out of sight the kernel sends nothing.
    const watch = new IntersectionObserver((entries) => this.watch(entries[entries.length - 1].isIntersecting));
    watch.observe(this.el);
    const kernel = watchSilence({
      channel,
      isExpected: () => this.isSeen && !document.hidden && channel.get("status").state === "running",
      report: (isGone) => {
        this.el.classList.toggle("gl-gone", isGone);
        for (const part of [this.buttons, this.message]) part.lose(isGone);
      },
    });
    this.stop = [
      channel.on(["controls"], () => this.fill()), // the panel shows another run
      () => this.empty.forEach((stop) => stop()),
      () => watch.disconnect(),
      () => kernel.stop(),
    ];
  }

  // Draw the parts, which know the run's controls.
  fill() {
    this.empty?.forEach((stop) => stop());
    const { channel } = this;
    const [buttons, message] = [new Buttons(channel), drawMessage(channel)];
    const parts = [drawSpeed(channel), drawProgress(channel), drawLoss(channel), drawSide(channel), drawOffers(channel)];
    const [speed, progress, loss, side, offers] = parts;
    const head = row("gl-training-head", buttons.node, speed.node, progress.node);
    const body = element("div", { class: "gl-training-body" }, loss.node, side.node);
    this.el.replaceChildren(head, body, message.node, offers.node);
    Object.assign(this, { buttons, message });
    this.empty = [
      channel.on(["status"], () => [buttons, speed, progress].forEach((part) => part.show())),
      channel.on(["status", "others"], () => offers.show()),
      channel.on(["received"], () => side.clear()),
      channel.on(["status", "curve", "columns", "changes"], (changed) => loss.show(changed.has("curve") ? "curve" : "status")),
      channel.on(["changes"], () => side.showChanges()),
      channel.on(["values"], () => side.showValues()),
      channel.on(["status", "message", "_is_error", "received"], () => message.show()),
      ...[loss, buttons].map((part) => () => part.stop()),
    ];
  }

  watch(isSeen) {
    this.isSeen = isSeen;
    this.channel.ask("watch", { view: this.id, on: isSeen }, { isQuiet: true });
  }

  close() {
    this.stop.forEach((stop) => stop());
    this.watch(null);
  }
}

// Report when the kernel is gone, also one that was killed: that one only falls silent.
function watchSilence({ channel, isExpected, report }) {
  let heard = performance.now();
  const look = () => {
    if (!isExpected()) heard = performance.now();
    report(channel.isGone || performance.now() - heard > SILENT_MS);
  };
  const hear = () => {
    heard = performance.now();
    look();
  };
  const stop = [channel.on(["status"], hear), channel.on(["gone"], look)];
  const timer = setInterval(look, 1000);
  look();
  return {
    stop: () => {
      stop.forEach((forget) => forget());
      clearInterval(timer);
    },
  };
}

class Buttons {
  constructor(channel) {
    Object.assign(this, { channel, waiting: null, isGone: false }); // `waiting`: the click that has had no effect yet
    this.tags = new Map([...BUTTONS, MORE].map((one) => [one, this.make(one)]));
    const tags = BUTTONS.map((one) => this.tags.get(one));
    const train = element("div", { class: "gl-group", role: "group", "aria-label": "Training" }, ...tags);
    this.hint = element("span", { class: "gl-muted gl-slow", role: "status", hidden: true });
    this.node = row("", train, this.makeMore(), this.hint);
    this.show();
  }

  // For a run that has finished: so many epochs more.
  makeMore() {
    const on = { keydown: ({ key }) => key === "Enter" && this.click(MORE) };
    const number = { type: "number", min: 1, max: 1e6, value: 20, class: "gl-input", title: "How many more epochs", "aria-label": "Epochs" };
    this.epochs = element("input", { ...number, on });
    this.more = element("div", { class: "gl-group gl-training-more" }, this.epochs, this.tags.get(MORE));
    return this.more;
  }

  make(one) {
    const { key, tip, short } = one;
    const on = { click: () => this.click(one) };
    return element("button", { type: "button", class: "gl-button", "data-key": key, title: tip, "aria-keyshortcuts": short, on });
  }

  click(one) {
    const { state, step } = this.channel.get("status");
    const does = this.doesOf(one);
    if (!does || this.waiting || this.isGone) return false;
    const waiting = { does, state, step, isReceived: false, slow: setTimeout(() => this.showHint(), SLOW_MS) };
    this.waiting = waiting;
    const epochs = one === MORE ? { epochs: Math.max(1, Math.round(Number(this.epochs.value))) } : {};
    this.channel.send(does, { seen: state, ...epochs }).then(({ result }) => {
      waiting.isReceived = true;
      if (!result && waiting === this.waiting) this.stop(); // it was refused
      this.show();
    });
    this.show();
    return true;
  }

  press(short) {
    return BUTTONS.some((one) => one.short === short && this.click(one));
  }

  // After a loss that wasn't finite the last weights may be ruined: the run first goes back.
  doesOf({ does }) {
    const { state, back_to: ends } = this.channel.get("status");
    return ends.length ? null : does[state];
  }

  // Whether the click has had its effect.
  isDone({ state, step }) {
    const { does, ...then } = this.waiting;
    return state !== then.state || (["step", "more"].includes(does) && step !== then.step);
  }

  show() {
    const status = this.channel.get("status");
    if (this.waiting && this.isDone(status)) this.stop();
    for (const [one, tag] of this.tags) this.paint(one, tag, status);
    if (status.state !== "finished" && this.more.contains(document.activeElement)) this.tags.get(BUTTONS[1]).focus();
    this.more.hidden = status.state !== "finished";
    if (!this.waiting || this.waiting.isReceived) this.hint.hidden = true;
  }

  showHint() {
    if (!this.waiting || this.waiting.isReceived) return;
    this.hint.textContent = this.channel.get("status").state === "running" ? BUSY : QUIET;
    this.hint.hidden = false;
  }

  paint(one, tag, { state }) {
    const does = this.doesOf(one);
    const mine = this.waiting && one.does[this.waiting.state] === this.waiting.does;
    const text = mine ? `${WAITING[this.waiting.does]}\u2026` : one === BUTTONS[0] && state !== "ready" ? "Go on" : one.text;
    const enabled = Boolean(does && !this.waiting && !this.isGone);
    write(tag, text);
    tag.setAttribute("aria-disabled", String(!enabled)); // not `disabled`: that would drop the keyboard's focus
    tag.classList.toggle("gl-main", enabled && ["start", "pause", "resume", "more"].includes(does));
  }

  lose(isGone) {
    if (isGone === this.isGone) return;
    this.isGone = isGone;
    if (isGone) this.stop();
    this.show();
  }

  stop() {
    clearTimeout(this.waiting?.slow);
    this.waiting = null;
  }
}

// Text that stays the same is left alone: writing it would have the page laid out anew.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function drawSpeed(channel) {
  const option = (value) => element("option", { value, text: value ? `${value} epoch${value === 1 ? "" : "s"} a second` : "as fast as it can" });
  const on = { change: () => channel.send("limit", { value: Number(select.value) || null }) };
  const select = element("select", { class: "gl-select", on }, ...["", ...SPEEDS].map(option));
  const show = () => {
    const limit = channel.get("status").speed_limit ?? "";
    if (![...select.options].some(({ value }) => value === String(limit))) select.append(option(limit)); // set by code
    select.value = limit;
  };
  show();
  const title = "Train more slowly, so that one can follow; the numbers stay the same";
  return { node: element("label", { class: "gl-label", title }, "Speed", select), show };
}

function drawProgress(channel) {
  const text = element("span", { class: "gl-training-epochs" });
  const pace = element("span", { class: "gl-muted gl-training-pace" });
  const done = element("div", { class: "gl-training-done" });
  const range = { "aria-valuemin": 0, "aria-valuemax": 100 };
  const bar = element("div", { class: "gl-training-bar", role: "progressbar", "aria-label": "Progress", ...range }, done);
  const show = () => {
    const { fraction, progress, pace: speed } = channel.get("status");
    write(text, progress);
    write(pace, speed);
    done.style.width = `${(100 * fraction).toFixed(1)}%`;
    bar.setAttribute("aria-valuenow", Math.round(100 * fraction));
    bar.setAttribute("aria-valuetext", `${progress}, ${speed}`);
  };
  show();
  return { node: element("div", { class: "gl-training-progress" }, text, bar, pace), show };
}

// Rows of [epoch, train of each part, valid of each part], one an epoch.
function readCurve(channel, part) {
  const { parts, valid } = channel.get("columns");
  const rows = floats(channel.get("curve"));
  const width = 1 + parts.length * (valid ? 2 : 1);
  const at = Math.max(0, parts.indexOf(part));
  const column = (i) => Array.from({ length: Math.floor(rows.length / width) }, (_, row) => rows[row * width + i]);
  return { x: column(0), train: column(1 + at), valid: valid ? column(1 + parts.length + at) : [] };
}

function drawLoss(channel) {
  const title = "Which part of the loss the curve shows";
  const part = element("select", { class: "gl-select gl-training-part", "aria-label": "Loss shown", title });
  const name = element("span", { class: "gl-training-name" });
  const reading = element("span", { class: "gl-muted gl-training-at" });
  const log = element("input", { type: "checkbox" });
  const whole = element("input", { type: "checkbox" });
  const more = element(
    "details",
    { class: "gl-more" },
    element("summary", { class: "gl-plain gl-quiet", text: "more", title: "How the curve is drawn" }),
    element("label", { title: "Powers of ten at even distances" }, log, " logarithmic"),
    element("label", { title: "Also the first epochs, where the loss is often far higher" }, whole, " from the first epoch"),
  );
  const keys = { train: legend("train"), valid: legend("valid") };
  const host = element("div", { class: "gl-curve" });
  let [rows, tail, at, data] = [{ x: [], train: [], valid: [] }, [], null, null];

  const curve = drawCurve(host, (index) => {
    at = index;
    showReading();
  });
  const showReading = () => {
    const index = at ?? data.x.length - 1;
    write(reading, at === null ? "" : `epoch ${data.x[at]}`);
    for (const key of ["train", "valid"]) {
      const value = data[key][index];
      const first = key === "train" && data.x.length === 0 && tail.length; // later ones wobble: the last whole epoch is read
      const shown = first ? tail[tail.length - 1][1] : value;
      write(keys[key].value, shown === undefined ? "" : lossText(shown, data.range));
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
    const { parts } = channel.get("columns");
    if (what === "all" || part.options.length !== parts.length) fillParts(part, name, parts, channel.get("columns").labels);
    if (what !== "status") rows = readCurve(channel, part.value);
    const status = channel.get("status");
    tail = part.value === parts[0] ? longer(tail, status.so_far) : [];
    const marks = channel.get("changes").map((change) => ({ x: change.at }));
    const range = data?.range;
    data = { ...rows, tail, marks, epochs: status.epochs, done: status.epoch, log: log.checked, whole: whole.checked };
    const outside = tail.some(([, loss]) => !range || loss < range.low || loss > range.high);
    data.range = what === "status" && rows.x.length && !outside ? range : rangeFor(data);
    curve.show(data);
    showReading();
  };
  part.addEventListener("change", () => show("part"));
  for (const box of [log, whole]) box.addEventListener("change", () => show("part"));
  const stopTheme = onTheme(colour);
  const head = row("gl-training-legend", name, part, keys.train.node, keys.valid.node, reading, space(), more);
  show("all");
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

function drawSide(channel) {
  const { fields } = channel.get("controls");
  const set = async (name, value) => {
    const { result: complaint } = await channel.send("tune", { name, value });
    if (complaint) showValues();
    return complaint;
  };
  const controls = drawControls(fields, set);
  const rare = [...controls.node.children].slice(channel.get("controls").main);
  const title = "What is turned more rarely";
  const more = element("button", { type: "button", class: "gl-plain gl-quiet", hidden: rare.length === 0, text: "more", title });
  const unfold = (isOpen) => {
    more.setAttribute("aria-expanded", String(isOpen));
    for (const one of rare) one.hidden = !isOpen;
  };
  more.addEventListener("click", () => unfold(more.getAttribute("aria-expanded") !== "true"));
  unfold(false);
  controls.node.append(more);
  const list = element("ol", { class: "gl-changes-list", tabindex: 0, "aria-label": "Changes made while training" });
  const changes = element("div", { class: "gl-changes" }, element("div", { class: "gl-muted", text: "Changes" }), list);
  const byName = Object.fromEntries(fields.map((field) => [field.name, field]));

  const showChanges = () => {
    const all = channel.get("changes");
    if (all.length < list.children.length) list.replaceChildren();
    for (const change of all.slice(list.children.length)) list.prepend(changeItem(change, byName[change.name]));
    changes.hidden = all.length === 0;
  };
  const showValues = () => controls.show(channel.get("values"));
  showChanges();
  showValues();
  const node = element("div", { class: "gl-training-side", hidden: fields.length === 0 }, controls.node, changes);
  return { node, showChanges, showValues, clear: controls.clear };
}

function changeItem({ epoch, step, name, before, after }, field) {
  const label = field?.label ?? name;
  const words = /^[A-Z][a-z]/.test(label) ? label[0].toLowerCase() + label.slice(1) : label; // "KL weight" stays
  const turned = `${valueText(field, before)} \u2192 ${valueText(field, after)}`;
  return element("li", { text: `${epoch}: ${words} ${turned}, step ${count(step)}` });
}

// The run's own message, or the error of what was clicked last.
function drawMessage(channel) {
  const node = element("div", { class: "gl-message", role: "status" });
  let gone = false;
  const show = () => {
    const { message, state } = channel.get("status");
    const error = channel.get("message");
    write(node, gone ? GONE : error || message);
    node.classList.toggle("gl-trouble", Boolean(gone || error || state === "failed"));
  };
  const lose = (isGone) => {
    gone = isGone;
    show();
  };
  show();
  return { node, show, lose };
}

// After a loss that wasn't finite, where to go back to; and the runs that no panel shows.
function drawOffers(channel) {
  const node = element("div", { class: "gl-training-offers" });
  const offer = (text, title, kind, content) => button(text, title, () => channel.send(kind, content));
  const back = "Weights, history and controls become as they were then; lower the learning rate before you go on";
  let [drawn, texts] = ["", []];
  const show = () => {
    const { back_to: ends, state } = channel.get("status");
    const runs = Object.keys(channel.get("others"));
    const wanted = JSON.stringify([ends, runs]);
    if (drawn !== wanted) {
      texts = runs.map(() => element("span"));
      const lines = runs.map((run, i) => {
        const end = offer("Stop it", "Stop that run after its current step", "end", { run });
        return row("gl-trouble", texts[i], offer("Show it here", "Show that run in this panel", "show", { run }), end);
      });
      node.replaceChildren(row("", ...ends.map(([epochs, text]) => offer(text, back, "back", { epochs, seen: state }))), ...lines);
      node.querySelector(".gl-row > .gl-button")?.classList.toggle("gl-main", ends.length > 0);
      drawn = wanted;
    }
    texts.forEach((text, i) => write(text, channel.get("others")[runs[i]]));
  };
  show();
  return { node, show };
}

export default widget((model) => new Channel(model, TRAITS), View);

// The loss curve: a small canvas of its own, drawn anew at each change (widget.py sends the rows).

import { ticks } from "../shared/axes.js";
import { circle, onResize, setText, sharpen } from "../shared/canvas.js";
import { element } from "../shared/dom.js";
import { count, number } from "../shared/format.js";
import { onTheme, theme } from "../shared/theme.js";

const TAIL = 400; // points of the epoch that is being trained; then every second one is dropped
const MARGIN = { left: 56, right: 12, top: 10, bottom: 24 };

/** The last epoch of the x axis: all of a short run; of a long one about what is done, so that the curve isn't a stub. */
export function lastEpoch(total, done) {
  let end = 30;
  while (end < total && done > 0.8 * end) end *= 2;
  return Math.max(1, Math.min(end, total));
}

/**
 * The range of the y axis over all finite `values` and the `latest` ones, which always lie in it. The first epochs of a
 * training are often far above all that follow; unless `whole`, they then run off the top, and `above` is the highest.
 */
export function rangeOf(values, latest, { log = false, whole = false } = {}) {
  const fit = (value) => Number.isFinite(value) && (!log || value > 0);
  const sorted = values.filter(fit).sort((a, b) => a - b);
  if (sorted.length === 0) return { low: log ? 0.1 : 0, high: 1, above: null };
  const [low, highest] = [sorted[0], sorted[sorted.length - 1]];
  const usual = sorted[Math.floor(0.85 * (sorted.length - 1))];
  let high = highest;
  if (!log && !whole && sorted.length >= 6 && highest > low + 8 * (usual - low) && usual > low) {
    high = Math.max(low + 3 * (usual - low), ...latest.filter(fit));
  }
  if (log) return { low: low / (highest / low) ** 0.05 / 1.02, high: high * (highest / low) ** 0.05 * 1.02, above: null };
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return { low: low - room, high: high + room, above: highest > high + room ? highest : null };
}

// Ticks of a log axis: powers of ten, and 2 and 5 between them where there is room.
function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const digits = decades > 3 ? [1] : decades > 0.7 ? [1, 2, 5] : null;
  if (!digits) return ticks(low, high, 4);
  const values = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) for (const d of digits) values.push(d * 10 ** power);
  return values.filter((value) => value >= low && value <= high);
}

const formats = new Map(); // making one takes longer than all else that a number needs

function fixed(decimals) {
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  if (!formats.has(decimals)) formats.set(decimals, new Intl.NumberFormat("en-US", options));
  return formats.get(decimals);
}

/** Tick labels with just as many decimals as the step between them needs. */
export function tickTexts(values) {
  const largest = Math.max(...values.map(Math.abs), 0);
  if (largest >= 1e6 || (largest > 0 && largest < 1e-3)) return values.map((value) => (value === 0 ? "0" : value.toExponential(1)));
  const step = Math.min(...values.slice(1).map((value, i) => Math.abs(value - values[i])), Infinity);
  const decimals = Number.isFinite(step) && step > 0 ? Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) : 2;
  return values.map(fixed(decimals).format);
}

/** A loss with as many digits as its own run needs: about one part in a thousand of the range shown. */
export function lossText(value, range) {
  if (value === null || value === undefined || Number.isNaN(value)) return "none";
  if (!Number.isFinite(value)) return "infinite";
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return number(value, 4);
  const decimals = Math.min(6, Math.max(0, Math.ceil(-Math.log10(((range?.high ?? 1) - (range?.low ?? 0)) / 500))));
  return fixed(decimals).format(value);
}

/** Train is a whole line and valid a broken one, so that they differ without colour too. */
export function lineColours(colours) {
  const [blue, orange, , vermillion, , sky] = PALETTE.okabeIto;
  return colours.dark ? { train: sky, valid: orange } : { train: blue, valid: vermillion };
}

/**
 * A loss curve in `host`. `show(data)` draws
 *   { epochs, done, x, train, valid, tail: [[x, loss]...], marks: [{x}...], log, whole, range }
 * and `onRead(index or null)` is called with the epoch that the pointer or the arrow keys are at.
 */
export function drawCurve(host, onRead) {
  const canvas = element("canvas", { class: "gl-curve-canvas", tabindex: 0, role: "img", "aria-label": "Loss curve" });
  host.append(canvas);
  let [data, read, size, colours, queued] = [null, null, null, null, false];

  const paint = () => {
    queued = false;
    colours ??= theme(canvas); // read anew only when it has changed: it has the browser compute styles
    if (data && size) paintCurve(canvas, colours, size, data, read);
  };
  const queue = () => {
    if (!queued) requestAnimationFrame(paint);
    queued = true;
  };
  const readAt = (index) => {
    const next = index === null || !data?.x.length ? null : Math.min(Math.max(index, 0), data.x.length - 1);
    if (next === read) return;
    read = next;
    onRead(read);
    queue();
  };
  canvas.addEventListener("pointermove", (event) => {
    if (data && size) readAt(nearestEpoch(data, size, event.offsetX));
  });
  for (const event of ["pointerleave", "blur"]) canvas.addEventListener(event, () => readAt(null));
  canvas.addEventListener("keydown", (event) => {
    const last = (data?.x.length ?? 0) - 1;
    const to = { ArrowLeft: (read ?? last + 1) - 1, ArrowRight: (read ?? -1) + 1, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    readAt(to);
    event.preventDefault();
  });
  const stops = [
    onTheme(() => {
      colours = null;
      queue();
    }),
    onResize(host, (width, height, ratio) => {
      size = { width, height, ratio };
      paint(); // at once: a canvas that waits for its next frame would be seen stretched
    }),
  ];
  const show = (next) => {
    data = next;
    if (read !== null && read >= data.x.length) readAt(null);
    queue();
  };
  return { canvas, show, stop: () => stops.forEach((stop) => stop()) };
}

function nearestEpoch(data, size, at) {
  const across = size.width - MARGIN.left - MARGIN.right;
  const wanted = ((at - MARGIN.left) / across) * lastEpoch(data.epochs, data.done);
  let best = null;
  data.x.forEach((x, i) => {
    if (best === null || Math.abs(x - wanted) < Math.abs(data.x[best] - wanted)) best = i;
  });
  return best;
}

/** The range to draw this data in; of thousands of epochs it takes a millisecond, so ask only when they have changed. */
export function rangeFor(data) {
  const tail = data.tail.map(([, loss]) => loss);
  const latest = [data.train, data.valid, tail].map((line) => line[line.length - 1]).filter((v) => v !== undefined);
  return rangeOf([...data.train, ...data.valid, ...tail], latest, data);
}

/** The points of the epoch that is being trained, with the newest; a new epoch, and a run that stands still between two, begins with none. */
export function longer(tail, end) {
  if (!end) return [];
  const last = tail[tail.length - 1];
  if (last && last[0] === end[0]) return tail;
  if (end[0] > 1 && end[0] % 1 < 0.15) return []; // the mean of a few steps says more about them than about the epoch
  const same = last && Math.floor(last[0]) === Math.floor(end[0]) && last[0] < end[0];
  const kept = same ? (tail.length < TAIL ? tail : tail.filter((_, i) => i % 2 === 0)) : [];
  return [...kept, end];
}

function paintCurve(canvas, colours, { width, height, ratio }, data, read) {
  const context = sharpen(canvas, width, height, ratio);
  const { range } = data;
  const end = lastEpoch(data.epochs, data.done);
  const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
  const share = (value) => (value - range.low) / (range.high - range.low);
  const shareOfLog = (value) => Math.log(value / range.low) / Math.log(range.high / range.low);
  const up = data.log ? shareOfLog : share;
  const place = { x: (epoch) => left + ((right - left) * epoch) / end, y: (value) => bottom - (bottom - top) * up(value) };
  const area = { left, right, top, bottom };
  paintAxes(context, area, place, { colours, range, end, data });
  paintMarks(context, area, place, { colours, data });
  context.save();
  context.beginPath();
  context.rect(left - 4, top - 4, right - left + 8, bottom - top + 8);
  context.clip();
  paintLines(context, place, { colours, data, read, area });
  context.restore();
}

function paintAxes(context, { left, right, top, bottom }, place, { colours, range, end, data }) {
  const empty = !data.x.length && !data.tail.length;
  const wanted = Math.max(2, (bottom - top) / 46);
  const values = empty ? [] : data.log ? logTicks(range.low, range.high) : ticks(range.low, range.high, wanted);
  const texts = data.log ? values.map((value) => number(value, 3)) : tickTexts(values);
  setText(context, colours, "right");
  Object.assign(context, { strokeStyle: colours.border, lineWidth: 1 });
  values.forEach((value, i) => {
    const y = Math.round(place.y(value)) + 0.5;
    context.globalAlpha = 0.35;
    line(context, left, y, right, y);
    context.globalAlpha = 1;
    if (range.above === null || y > top + 16) context.fillText(texts[i], left - 8, y);
  });
  if (range.above !== null) context.fillText(`\u2191 ${number(range.above, 3)}`, left - 8, top + 2); // the top of what runs off
  line(context, left, bottom + 0.5, right, bottom + 0.5);
  context.textBaseline = "top";
  const total = end === 1 ? "1 epoch" : `${count(end)} epochs`;
  const room = right - context.measureText(total).width - 16;
  const inner = ticks(0, end, Math.max(2, (right - left) / 80)).filter((value) => Number.isInteger(value) && value < end);
  for (const value of [...inner, end]) {
    const x = Math.round(place.x(value)) + 0.5;
    if (value < end && x > room) continue;
    line(context, x, bottom, x, bottom + 4);
    context.textAlign = value === end ? "right" : "center";
    context.fillText(value === end ? total : count(value), value === end ? right : x, bottom + 8);
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function paintMarks(context, { top, bottom }, place, { colours, data }) {
  Object.assign(context, { strokeStyle: colours.muted, fillStyle: colours.muted });
  context.setLineDash([2, 3]);
  for (const mark of data.marks) {
    const x = Math.round(place.x(mark.x)) + 0.5;
    line(context, x, top, x, bottom);
    context.beginPath(); // a small flag at the foot, which says "something was changed here"
    context.moveTo(x, bottom - 8);
    context.lineTo(x + 6, bottom - 4);
    context.lineTo(x, bottom);
    context.fill();
  }
  context.setLineDash([]);
}

function paintLines(context, place, { colours, data, read, area }) {
  const lines = lineColours(colours);
  context.lineJoin = "round";
  context.lineWidth = 2;
  const drawn = [["train", data.x, data.train, []], ["valid", data.x, data.valid, [6, 4]]];
  if (read !== null) {
    context.strokeStyle = colours.muted;
    context.lineWidth = 1;
    const x = Math.round(place.x(data.x[read])) + 0.5;
    line(context, x, area.top, x, area.bottom);
    context.lineWidth = 2;
  }
  for (const [name, xs, ys, dash] of drawn) {
    context.strokeStyle = lines[name];
    context.setLineDash(dash);
    path(context, place, xs, ys);
    context.setLineDash([]);
    const at = read ?? (xs.length === 1 ? 0 : null); // one epoch alone makes no line: a dot then
    if (at !== null && Number.isFinite(ys[at])) circle(context, [place.x(xs[at]), place.y(ys[at])], 3.5, { fill: lines[name] });
  }
  paintTail(context, place, data, lines);
}

// The mean of the epoch that is being trained, as it settles: thin, since the epoch's own point will replace it.
function paintTail(context, place, { x, train, tail }, lines) {
  if (!tail.length) return;
  const from = x.length ? [[x[x.length - 1], train[train.length - 1]]] : [];
  const points = [...from, ...tail];
  Object.assign(context, { strokeStyle: lines.train, lineWidth: 1 });
  path(context, place, points.map(([at]) => at), points.map(([, loss]) => loss));
  const [at, loss] = points[points.length - 1];
  if (Number.isFinite(loss)) circle(context, [place.x(at), place.y(loss)], 3, { fill: lines.train });
}

// A gap where a value is missing or not finite.
function path(context, place, xs, ys) {
  let open = false;
  context.beginPath();
  ys.forEach((value, i) => {
    const y = place.y(value);
    if (!Number.isFinite(y)) open = false;
    else if (open) context.lineTo(place.x(xs[i]), y);
    else context.moveTo(place.x(xs[i]), y);
    open = Number.isFinite(y);
  });
  context.stroke();
}

// What genolab's widgets share in the browser: elements, numbers, buffers, theme and size.
// PALETTE comes from genolab/palette.py, see look.module. Text of the user's data only ever becomes a text node.

/**
 * Make an element. Attributes: `class`, `title`, `aria-label` ... as in HTML; `text` sets its text; `on` is
 * {event: listener}; false and null are left out, true is an empty attribute. Children are nodes or plain strings.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (value !== false && value !== null && value !== undefined)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Keys without Ctrl, Alt or Meta stay in the widget: in JupyterLab "a" would add a cell and an arrow leave the slider.
// (Its attribute data-lm-suppress-shortcuts does not hold them back: its bindings match the focused element itself.)
function keepKey(event) {
  if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
}

/** The root of a widget: themed, and out of reach of the notebook's one-key shortcuts. */
export function root(name, label, ...children) {
  return element(
    "div",
    { class: `genolab ${name}`, role: "group", "aria-label": label, on: { keydown: keepKey } },
    ...children,
  );
}

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 12345 -> "12,345". */
export function count(value) {
  return WHOLE.format(value);
}

/** A number with `digits` that mean something: 0.001234 -> "1.23e-3", 12.345 -> "12.3", 12345.6 -> "12,346". */
export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "none";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(digits - 1);
  if (size >= 10 ** digits) return WHOLE.format(value);
  return String(Number(value.toPrecision(digits)));
}

/** 41.2 -> "41 s", 200 -> "3 min 20 s", 7300 -> "2 h 1 min". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (seconds < 1) return `${seconds.toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// A Bytes trait arrives as a DataView (null while empty); its start need not be aligned, then it is copied.
function typed(Kind, view) {
  if (!view) return new Kind(0);
  const { buffer, byteOffset, byteLength } = view;
  const size = Kind.BYTES_PER_ELEMENT;
  const aligned = byteOffset % size === 0;
  return aligned
    ? new Kind(buffer, byteOffset, byteLength / size)
    : new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
}

export function bytes(view) {
  return typed(Uint8Array, view);
}

export function shorts(view) {
  return typed(Uint16Array, view);
}

export function floats(view) {
  return typed(Float32Array, view);
}

let probe = null;

/** Any CSS colour, such as "#e69f00", "white" or "rgba(...)" -> [red, green, blue] in 0..255. */
export function rgb(colour) {
  let text = colour.trim();
  if (!/^#[0-9a-f]{6}$/i.test(text)) {
    probe ??= document.createElement("canvas").getContext("2d");
    probe.fillStyle = "#808080"; // stays if the browser does not know the colour
    probe.fillStyle = text;
    text = probe.fillStyle; // the browser's own form: "#rrggbb", or "rgba(...)"
  }
  if (text.startsWith("#")) return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return text
    .match(/[\d.]+/g)
    .slice(0, 3)
    .map(Number);
}

// Relative luminance as in WCAG 2.
function luminance([red, green, blue]) {
  const linear = (c) => (c <= 10.3 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** The colour of a category as it can be seen on the paper: on a dark one black becomes white, dark ones lighten. */
export function onPaper(colour, dark) {
  let found = rgb(colour);
  if (!dark) return found;
  if (Math.max(...found) < 16) return [255, 255, 255];
  while (luminance(found) < 0.12) found = found.map((c) => c + (255 - c) * 0.12);
  return found.map(Math.round);
}

/** The grey of "none" on the paper: it stays in the background on a dark one too. */
export function noneOnPaper(dark) {
  return dark ? [104, 104, 104] : rgb(PALETTE.none);
}

/** A point of a scale such as PALETTE.viridis: `at` in 0..1 -> [red, green, blue]. */
export function along(stops, at) {
  const place = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [rgb(stops[low]), rgb(stops[low + 1])];
  return from.map((c, i) => Math.round(c + (to[i] - c) * (place - low)));
}

/** The theme where `el` stands: CSS colours for canvases, and whether the paper is dark. */
export function theme(el) {
  const style = getComputedStyle(el);
  const value = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const paper = value("--gl-paper", "#ffffff");
  return {
    paper,
    text: value("--gl-text", "#1f1f1f"),
    muted: value("--gl-muted", "#616161"),
    border: value("--gl-border", "#bdbdbd"),
    accent: value("--gl-accent", "#0072b2"),
    font: style.fontFamily || "sans-serif",
    dark: luminance(rgb(paper)) < 0.2,
  };
}

/** Call `changed` whenever the page's theme changes; returns a function that stops it. */
export function onTheme(changed) {
  const watch = new MutationObserver(() => requestAnimationFrame(changed));
  const filter = ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"];
  for (const node of [document.documentElement, document.body])
    watch.observe(node, { attributes: true, attributeFilter: filter });
  return () => watch.disconnect();
}

/** Call `changed(width, height, ratio)` in CSS pixels and device pixels per CSS pixel, now and at each change. */
export function onResize(el, changed) {
  let [last, ratio] = ["", null];
  const tell = () => {
    const [width, height, now] = [el.clientWidth, el.clientHeight, window.devicePixelRatio || 1];
    const size = `${width} ${height} ${now}`;
    const isNew = size !== last && width > 0 && height > 0;
    last = size; // also that of one taken off the page, so that its return is told
    if (isNew) changed(width, height, now);
  };
  const listen = () => {
    ratio = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    ratio.addEventListener("change", moved, { once: true });
  };
  const moved = () => {
    tell();
    listen();
  };
  const watch = new ResizeObserver(tell);
  watch.observe(el);
  listen();
  tell();
  return () => {
    watch.disconnect();
    ratio.removeEventListener("change", moved);
  };
}

/** Give a canvas as many pixels as it shows; returns its 2D context, already scaled to CSS pixels. */
export function sharpen(canvas, width, height, ratio) {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Round numbers between `low` and `high`, about `wanted` of them, for an axis. */
export function ticks(low, high, wanted = 5) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [];
  const rough = span / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1)
    found.push(Number((i * step).toPrecision(12)));
  return found;
}

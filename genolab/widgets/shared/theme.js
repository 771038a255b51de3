// Colours: the page's theme for canvases, and those of genolab/palette.py (PALETTE, see linker.py) on light and dark paper.

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
  return text.match(/[\d.]+/g).slice(0, 3).map(Number);
}

/** [red, green, blue] -> a CSS colour. */
export function css(colour) {
  return `rgb(${colour.join(", ")})`;
}

// Relative luminance as in WCAG 2.
function luminance([red, green, blue]) {
  const linear = (c) => (c <= 10.3 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** The colour of a category as it can be seen on the paper: on a dark one black becomes white, dark ones lighten. */
export function onPaper(colour, dark) {
  let seen = rgb(colour);
  if (!dark) return seen;
  if (Math.max(...seen) < 16) return [255, 255, 255];
  while (luminance(seen) < 0.12) seen = seen.map((c) => c + (255 - c) * 0.12);
  return seen.map(Math.round);
}

/** The grey of "none" on the paper: it stays in the background on a dark one too. */
export function noneOnPaper(dark) {
  return dark ? [104, 104, 104] : rgb(PALETTE.none);
}

/** The pale colour of a gene's zeros, on a dark paper a dim one. */
export function zeroOnPaper(dark) {
  return dark ? [50, 46, 54] : rgb(PALETTE.zero);
}

/** The colour at `share` (0 to 1) of a scale such as PALETTE.viridis, [red, green, blue]. */
export function scaleColour(stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
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

/** Call `changed` whenever the page's theme changes; returns a function that ends it. */
export function onTheme(changed) {
  const watch = new MutationObserver(() => requestAnimationFrame(changed));
  const attributeFilter = ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"];
  for (const node of [document.documentElement, document.body]) watch.observe(node, { attributes: true, attributeFilter });
  return () => watch.disconnect();
}

// Canvases that are sharp at any size and density of the screen, and drawn once a frame at most.

/** Call `changed(width, height, ratio)` in CSS pixels and device pixels per CSS pixel, now and at each change. */
export function onResize(el, changed) {
  let [last, ratio] = ["", null];
  const report = () => {
    const [width, height, now] = [el.clientWidth, el.clientHeight, window.devicePixelRatio || 1];
    const size = `${width} ${height} ${now}`;
    const isNew = size !== last && width > 0 && height > 0;
    last = size; // also that of one taken off the page, so that its return is reported
    if (isNew) changed(width, height, now);
  };
  const listen = () => {
    ratio = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    ratio.addEventListener("change", moved, { once: true });
  };
  const moved = () => {
    report();
    listen();
  };
  const watch = new ResizeObserver(report);
  watch.observe(el);
  listen();
  report();
  return () => {
    watch.disconnect();
    ratio.removeEventListener("change", moved);
  };
}

/** Give a canvas as many pixels as it shows and clear it; returns its 2D context, scaled to CSS pixels. */
export function sharpen(canvas, width, height, ratio) {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** What is drawn on a canvas: a subclass has `draw()`, which comes at once, or by `dirty()` before the next frame. */
export class Drawing {
  dirty() {
    this.request ??= requestAnimationFrame(() => this.draw());
  }

  /** To be called first in `draw`. */
  begin() {
    cancelAnimationFrame(this.request);
    this.request = null;
  }

  close() {
    cancelAnimationFrame(this.request);
  }
}

/** Have a context write muted text of 12 pixels. */
export function setText(context, colours, textAlign, textBaseline = "middle") {
  Object.assign(context, { font: `12px ${colours.font}`, fillStyle: colours.muted, textAlign, textBaseline });
}

/** Fill a rectangle [x, y, width, height]. */
export function fillBox(context, colour, box, alpha = 1) {
  Object.assign(context, { fillStyle: colour, globalAlpha: alpha });
  context.fillRect(...box);
  context.globalAlpha = 1;
}

/** Draw the outline of a rectangle [x, y, width, height]. */
export function strokeBox(context, colour, lineWidth, box) {
  Object.assign(context, { strokeStyle: colour, lineWidth });
  context.strokeRect(...box);
}

/** Draw a circle about a place, filled where `fill` is a colour. */
export function circle(context, [x, y], radius, { fill = null, stroke = null }) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: fill, strokeStyle: stroke, lineWidth: 2 });
  if (fill) context.fill();
  if (stroke) context.stroke();
}

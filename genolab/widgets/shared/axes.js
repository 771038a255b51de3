// The axes of a picture: a frame with round numbers along it.

import { seen } from "./camera.js";
import { setText, strokeBox } from "./canvas.js";
import { number } from "./format.js";

/** The frame of a picture inside its margins. */
export function frameOf(width, height, { left, top, right, bottom }) {
  return { left, top, width: Math.max(1, width - left - right), height: Math.max(1, height - top - bottom) };
}

/** Round numbers between `low` and `high`, about `wanted` of them. */
export function ticks(low, high, wanted = 5) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [];
  const rough = span / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) values.push(Number((i * step).toPrecision(12)));
  return values;
}

/** Draw frame, numbers and titles; `offset` is what Python took from the coordinates to keep their digits. */
export function drawAxes(context, colours, { frame, camera, titles, offset, isEmpty }) {
  const { left, top, width, height } = frame;
  strokeBox(context, colours.border, 1, [left - 0.5, top - 0.5, width + 1, height + 1]);
  if (isEmpty) return;
  setText(context, colours, "left", "alphabetic");
  const view = seen(camera, frame);
  drawTitles(context, frame, titles);
  const free = left + width - context.measureText(titles[0]).width - 24; // beyond, a number would touch the title
  drawAcross(context, frame, [view.x0 + offset[0], view.x1 + offset[0]], free);
  drawUp(context, frame, [view.y0 + offset[1], view.y1 + offset[1]]);
}

function drawTitles(context, { left, top, width, height }, titles) {
  context.fillText(titles[1], 2, top - 8);
  context.textAlign = "right";
  context.fillText(titles[0], left + width, top + height + 17);
}

function drawAcross(context, { left, top, width, height }, [low, high], free) {
  context.textAlign = "center";
  for (const value of ticks(low, high, width / 110)) {
    const x = left + ((value - low) / (high - low)) * width;
    context.fillRect(Math.round(x), top + height, 1, 4);
    if (x > left + 8 && x < free) context.fillText(number(value, 4), x, top + height + 17);
  }
}

function drawUp(context, { left, top, height }, [low, high]) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(low, high, height / 80)) {
    const y = top + height - ((value - low) / (high - low)) * height;
    context.fillRect(left - 4, Math.round(y), 4, 1);
    context.fillText(number(value, 4), left - 7, y);
  }
}

// What is drawn over the points with a 2D canvas: the frame with its axes, a lasso, and a ring round a hovered point.

import { seen } from "./camera.js";
import { number, ticks } from "./look.js";

/** Draw frame, numbers and titles; `offset` is what Python took from the coordinates to keep their digits. */
export function drawAxes(context, look, { frame, camera, titles, offset, isEmpty }) {
  const { left, top, width, height } = frame;
  context.strokeStyle = look.border;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
  if (isEmpty) return;
  context.fillStyle = look.muted;
  context.font = `12px ${look.font}`;
  const view = seen(camera, frame);
  drawTitles(context, frame, titles);
  const free = left + width - context.measureText(titles[0]).width - 24; // beyond, a number would touch the title
  drawAcross(context, frame, [view.x0 + offset[0], view.x1 + offset[0]], free);
  drawUp(context, frame, [view.y0 + offset[1], view.y1 + offset[1]]);
}

function drawTitles(context, { left, top, width, height }, titles) {
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
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

/** Draw a lasso or box; one that removes is dashed. */
export function drawRegion(context, look, path, isRemoval) {
  const line = new Path2D();
  path.forEach(([x, y], i) => (i ? line.lineTo(x, y) : line.moveTo(x, y)));
  line.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = look.accent;
  context.fill(line);
  context.globalAlpha = 1;
  context.strokeStyle = look.accent;
  context.lineWidth = 1.5;
  context.setLineDash(isRemoval ? [4, 3] : []);
  context.stroke(line);
  context.setLineDash([]);
}

export function drawRing(context, look, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.strokeStyle = look.text;
  context.lineWidth = 2;
  context.stroke();
}

// Trajectories through the space: lines drawn over the points, and the button and the slider that move along them.

import { circle } from "../shared/canvas.js";
import { floats } from "../shared/channel.js";
import { button, element, row } from "../shared/dom.js";
import { css, onPaper } from "../shared/theme.js";

const STEP_MS = 220;

export class Trajectories {
  /** `redraw` is called when the lines look otherwise than before. */
  constructor(store, redraw) {
    this.store = store;
    this.redraw = redraw;
    this.at = 0; // the time, with its fraction
    this.play = button("", "", () => this.toggle());
    const title = "Time along the trajectories; the arrow keys move it";
    const on = { input: () => this.go(Number(this.slider.value)), keydown: (event) => this.press(event) };
    const range = { type: "range", min: 0, step: "any", class: "gl-slider", "aria-label": "Time along the trajectories" };
    this.slider = element("input", { ...range, title, on });
    this.label = element("span", { class: "gl-number gl-time" });
    this.el = row("gl-trajectories", this.play, this.slider, this.label);
    this.read();
  }

  read() {
    const { names, times, colours } = this.store.get("_trajectory_labels");
    this.names = names ?? [];
    this.times = times ?? [];
    this.colours = colours ?? [];
    this.positions = floats(this.store.get("_trajectories"));
    this.pause();
    this.el.hidden = this.names.length === 0;
    this.slider.max = String(Math.max(0, this.times.length - 1));
    this.go(this.times.length - 1);
  }

  // ---- moving along ----

  go(time) {
    this.at = Math.min(Math.max(0, time), Math.max(0, this.times.length - 1));
    this.slider.value = String(this.at);
    const text = this.times[Math.round(this.at)] ?? "";
    this.label.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.redraw();
  }

  press(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.pause();
    this.go(Math.round(this.at) + step);
  }

  toggle() {
    if (this.clock) this.pause();
    else this.start();
  }

  start() {
    if (this.at >= this.times.length - 1) this.go(0);
    let last = performance.now();
    const turn = (now) => {
      this.go(this.at + (now - last) / STEP_MS);
      last = now;
      if (this.at < this.times.length - 1) this.clock = requestAnimationFrame(turn);
      else this.pause();
    };
    this.clock = requestAnimationFrame(turn);
    this.setPlay("Pause", "Stop at this time");
  }

  pause() {
    cancelAnimationFrame(this.clock);
    this.clock = null;
    this.setPlay("Play", "Move along the trajectories from the first time to the last");
  }

  setPlay(text, title) {
    this.play.textContent = text;
    this.play.title = title;
  }

  // ---- drawing ----

  /** Draw the lines up to the time; `onScreen` takes a position in space to one on the screen. */
  draw(context, colours, frame, onScreen) {
    if (this.names.length === 0) return;
    context.save();
    context.font = `12px ${colours.font}`;
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    const paths = this.names.map((_, i) => this.positionsOf(i).map(([x, y]) => onScreen(x, y)));
    paths.forEach((path, i) => path.length && this.drawLine(context, colours, path, this.colour(i, colours)));
    paths.forEach((path, i) => path.length && this.drawName(context, colours, frame, path.at(-1), this.names[i]));
    context.restore();
  }

  /** A path's positions up to the moment, the last one between two times. */
  positionsOf(i) {
    const { times, positions, at } = this;
    const position = (j) => [0, 1].map((axis) => positions[2 * (i * times.length + j) + axis]);
    const last = Math.floor(at);
    const line = Array.from({ length: last + 1 }, (_, j) => position(j));
    if (last + 1 < times.length) {
      const [from, to] = [position(last), position(last + 1)];
      line.push(from.map((start, axis) => start + (to[axis] - start) * (at - last)));
    }
    return line.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  }

  // One is drawn like text; of several each has a colour.
  colour(i, { text, dark }) {
    return this.names.length > 1 ? css(onPaper(this.colours[i], dark)) : text;
  }

  // It starts at an open circle and ends, or is by now, at a full one.
  drawLine(context, colours, path, colour) {
    const line = new Path2D();
    path.forEach((to, i) => (i === 0 ? line.moveTo(...to) : line.lineTo(...to)));
    const strokes = [[colours.paper, 6], [colours.text, 4], [colour, 2]];
    for (const [strokeStyle, lineWidth] of strokes) {
      Object.assign(context, { strokeStyle, lineWidth, lineJoin: "round" });
      context.stroke(line);
    }
    for (const [at, fill] of [[path[0], colours.paper], [path.at(-1), colour]]) circle(context, at, 5, { fill, stroke: colours.text });
  }

  drawName(context, colours, frame, [x, y], name) {
    const isRoom = x + 9 + context.measureText(name).width < frame.left + frame.width;
    const textAlign = isRoom ? "left" : "right";
    Object.assign(context, { lineWidth: 4, strokeStyle: colours.paper, fillStyle: colours.text, textAlign, textBaseline: "middle" });
    const side = isRoom ? x + 9 : x - 9;
    context.strokeText(name, side, y);
    context.fillText(name, side, y);
  }

  close() {
    cancelAnimationFrame(this.clock);
  }
}

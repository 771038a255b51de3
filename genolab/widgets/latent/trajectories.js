// Trajectories through the space: lines drawn over the points, and the button and the slider that move along them.

import { floats } from "../shared/channel.js";
import { button, element, row } from "../shared/dom.js";

const MOMENT_MS = 220;

export class Trajectories {
  /** `redraw` is called when the lines look otherwise than before. */
  constructor(store, redraw) {
    this.store = store;
    this.redraw = redraw;
    this.at = 0; // the moment, with its fraction
    this.play = button("", "", () => this.toggle());
    const title = "Moment of the paths; the arrow keys move it";
    const on = { input: () => this.go(Number(this.slider.value)), keydown: (event) => this.press(event) };
    const range = { type: "range", min: 0, step: "any", class: "gl-slider", "aria-label": "Moment of the paths" };
    this.slider = element("input", { ...range, title, on });
    this.label = element("span", { class: "gl-number gl-moment" });
    this.el = row("gl-trajectories", this.play, this.slider, this.label);
    this.read();
  }

  read() {
    const { names, moments } = this.store.get("_trajectory_labels");
    this.names = names ?? [];
    this.moments = moments ?? [];
    this.places = floats(this.store.get("_trajectories"));
    this.pause();
    this.el.hidden = this.names.length === 0;
    this.slider.max = String(Math.max(0, this.moments.length - 1));
    this.go(this.moments.length - 1);
  }

  // ---- moving along ----

  go(moment) {
    this.at = Math.min(Math.max(0, moment), Math.max(0, this.moments.length - 1));
    this.slider.value = String(this.at);
    const text = this.moments[Math.round(this.at)] ?? "";
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
    if (this.at >= this.moments.length - 1) this.go(0);
    let last = performance.now();
    const turn = (now) => {
      this.go(this.at + (now - last) / MOMENT_MS);
      last = now;
      if (this.at < this.moments.length - 1) this.clock = requestAnimationFrame(turn);
      else this.pause();
    };
    this.clock = requestAnimationFrame(turn);
    this.setPlay("Pause", "Stop at this moment");
  }

  pause() {
    cancelAnimationFrame(this.clock);
    this.clock = null;
    this.setPlay("Play", "Move along the paths from the first moment to the last");
  }

  setPlay(text, title) {
    this.play.textContent = text;
    this.play.title = title;
  }

  // ---- drawing ----

  /** Draw the lines up to the moment; `onScreen` takes a place in space to one on the screen. */
  draw(context, colours, frame, onScreen) {
    if (this.names.length === 0) return;
    context.save();
    context.font = `12px ${colours.font}`;
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    this.names.forEach((name, i) => {
      const path = this.seen(i).map(([x, y]) => onScreen(x, y));
      this.drawOne(context, colours, frame, path, name);
    });
    context.restore();
  }

  /** A path's places up to the moment, the last one between two moments. */
  seen(i) {
    const { moments, places, at } = this;
    const place = (j) => [0, 1].map((axis) => places[2 * (i * moments.length + j) + axis]);
    const last = Math.floor(at);
    const found = Array.from({ length: last + 1 }, (_, j) => place(j));
    if (last + 1 < moments.length) {
      const [from, to] = [place(last), place(last + 1)];
      found.push(from.map((start, axis) => start + (to[axis] - start) * (at - last)));
    }
    return found.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  }

  drawOne(context, colours, frame, path, name) {
    if (path.length === 0) return;
    const [x, y] = path.at(-1);
    const strokes = [
      [colours.paper, 5],
      [colours.text, 2],
    ];
    for (const [colour, width] of strokes) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.lineJoin = "round";
      context.beginPath();
      path.forEach((to, i) => (i === 0 ? context.moveTo(...to) : context.lineTo(...to)));
      context.stroke();
    }
    context.fillStyle = colours.text;
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = 4;
    context.strokeStyle = colours.paper;
    const isRoom = x + 9 + context.measureText(name).width < frame.left + frame.width;
    context.textAlign = isRoom ? "left" : "right";
    context.textBaseline = "middle";
    const side = isRoom ? x + 9 : x - 9;
    context.strokeText(name, side, y);
    context.fillText(name, side, y);
  }

  close() {
    cancelAnimationFrame(this.clock);
  }
}

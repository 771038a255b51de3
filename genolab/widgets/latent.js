// The explorer's view: a picture of points with controls round it. A view has its own camera and tool; data, selection
// and colours are the store's, so that several views of one explorer agree.

import { count, element, noneOnPaper, number, onPaper, onResize, onTheme, rgb, root, sharpen, theme, ticks } from "./look.js";
import { along } from "./look.js";
import { Finder, Legend, Saver } from "./parts.js";
import { Points, drawingOrder } from "./points.js";
import { Near, bounds, inBox, inLasso } from "./region.js";
import { Store } from "./store.js";

const MARGIN = { left: 46, bottom: 24, top: 8, right: 8 };
const PAD = 18; // pixels between the outermost points and the frame
const MOVE_MS = 450;
const REACH = 8; // pixels within which a point is hovered
const LINE = 16; // pixels of a line, where a mouse wheel counts in lines
const KEYS = "Arrows move, + and - zoom, 0 shows all; P pan, L lasso, B box; A selects all in view, Escape clears.";

class View {
  constructor(store, el) {
    this.store = store;
    this.tool = "pan";
    this.auto = true; // the camera follows the points until a person moves it
    this.camera = { x: 0, y: 0, sx: 1, sy: 1 }; // centre, and pixels a unit
    this.moved = 1;
    this.row = -1;
    this.touches = new Map();
    this.build(el);
    this.stop = [
      store.on(["points"], () => this.takePoints()),
      store.on(["frame"], () => this.dirty()),
      store.on(["colour"], () => this.takeColour()),
      store.on(["hidden", "spotlight"], () => this.takeTable()),
      store.on(["selection"], () => this.takeMask()),
      store.on(["choices"], () => this.showChoices()),
      store.on(["message"], () => this.showMessage()),
      store.on(["named"], () => this.showTip()),
      onTheme(() => this.retheme()),
      onResize(this.picture, (width, height, ratio) => this.resize(width, height, ratio)),
    ];
  }

  // ---- elements ----

  build(el) {
    const { store } = this;
    const say = (text, isError) => this.say(text, isError);
    this.legend = new Legend(store);
    this.finder = new Finder(store, (name) => this.change("color", { name }));
    this.saver = new Saver(store, say);
    this.notice = element("div", { class: "gl-notice", hidden: true });
    this.tip = element("div", { class: "gl-tip", hidden: true });
    this.caption = element("div", { class: "gl-caption gl-muted" });
    this.over = element("canvas", { class: "gl-over", "aria-hidden": "true" });
    this.picture = element(
      "div",
      {
        class: "gl-picture",
        tabindex: 0,
        role: "application",
        "aria-label": `Latent space of ${count(store.n)} cells. ${KEYS}`,
        on: this.pictureEvents(),
      },
      this.over,
      this.caption,
      this.notice,
      this.tip,
    );
    this.message = element("span", { class: "gl-message", role: "status", "aria-live": "polite" });
    this.counts = element("span", { class: "gl-number gl-counts" });
    this.clear = this.button("Clear", "Select nothing (Escape)", () => store.clear());
    const body = element("div", { class: "gl-body" }, this.picture, this.legend.el);
    const foot = element("div", { class: "gl-row gl-foot" }, this.message, element("span", { class: "gl-space" }), this.counts, this.clear, this.saver.el);
    this.el = root("gl-latent", "Latent explorer", this.header(), body, foot);
    el.append(this.el);
    this.legend.build();
    this.showChoices();
    this.showMessage();
    this.showCounts();
    this.newCanvas();
  }

  button(text, title, click, more = {}) {
    return element("button", { class: "gl-button", type: "button", text, title, on: { click }, ...more });
  }

  header() {
    const list = (title, label, changed) => element("select", { class: "gl-select", title, "aria-label": label, on: { change: changed } });
    this.colour = list("Colour the cells by a column of obs", "Colour by", () => this.change("color", { name: this.colour.value || null }));
    this.basis = list("Coordinates in obsm that are shown", "Coordinates", () => this.change("basis", { name: this.basis.value }));
    const turn = () => this.change("dims", { dims: [Number(this.across.value), Number(this.up.value)] });
    this.across = list("Dimension that is drawn from left to right", "Dimension across", turn);
    this.up = list("Dimension that is drawn from bottom to top", "Dimension up", turn);
    this.tools = {
      pan: this.button("Pan", "Drag to move the picture (P)", () => this.setTool("pan")),
      lasso: this.button("Lasso", "Draw round cells to select them; Shift adds, Alt removes (L)", () => this.setTool("lasso")),
      box: this.button("Box", "Draw a box to select cells; Shift adds, Alt removes (B)", () => this.setTool("box")),
    };
    const zooms = [
      this.button("+", "Zoom in (+)", () => this.zoom(1.5), { "aria-label": "Zoom in" }),
      this.button("\u2212", "Zoom out (-)", () => this.zoom(1 / 1.5), { "aria-label": "Zoom out" }),
      this.button("All", "Show all cells (0, or double click)", () => this.showAll()),
    ];
    const group = (label, children) => element("span", { class: "gl-group", role: "group", "aria-label": label }, ...children);
    this.places = element("span", { class: "gl-row" }, this.basis, this.across, this.up);
    const head = element(
      "div",
      { class: "gl-row gl-head" },
      element("label", { class: "gl-label" }, "Colour by", this.colour),
      this.finder.el,
      this.places,
      element("span", { class: "gl-space" }),
      group("Tool", Object.values(this.tools)),
      group("Zoom", zooms),
    );
    this.setTool("pan");
    return head;
  }

  showChoices() {
    const { store } = this;
    const { columns, bases } = store.get("_choices");
    const [color, basis] = [store.get("color"), store.get("basis")];
    const option = (value, text, chosen) => element("option", { value, text, selected: chosen });
    const isGene = color !== null && !columns.includes(color);
    this.colour.replaceChildren(
      option("", "one colour", color === null),
      ...columns.map((name) => option(name, name, name === color)),
      ...(isGene ? [option(color, `${color} (gene)`, true)] : []),
    );
    const isOther = !bases.some(([name]) => name === basis);
    this.basis.replaceChildren(
      ...(isOther ? [option(basis ?? "", basis ?? "the run", true)] : []),
      ...bases.map(([name]) => option(name, name, name === basis)),
    );
    this.basis.hidden = bases.length + isOther < 2;
    this.showDims();
  }

  showDims() {
    const { nDims } = this.store.get("_frame");
    const [first, second] = this.store.get("dims");
    for (const [list, chosen] of [[this.across, first], [this.up, second]]) {
      const numbers = Array.from({ length: nDims }, (_, i) => i);
      list.replaceChildren(...numbers.map((i) => element("option", { value: i, text: `dim ${i + 1}`, selected: i === chosen })));
      list.hidden = nDims < 3;
    }
  }

  showMessage() {
    if (this.store.busy) return this.say("Working ...", false);
    return this.say(this.store.get("message"), this.store.get("_alarm"));
  }

  say(text, isError) {
    this.message.textContent = text;
    this.message.classList.toggle("gl-error", isError);
  }

  showCounts() {
    const { n, nSelected, nSelectedHidden } = this.store;
    const under = nSelectedHidden ? ` (${count(nSelectedHidden)} of them hidden)` : "";
    this.counts.textContent = `${count(n)} ${n === 1 ? "cell" : "cells"}, ${count(nSelected)} selected${under}`;
    this.clear.disabled = nSelected === 0;
    this.saver.open.disabled = nSelected === 0;
  }

  async change(kind, content) {
    const { error } = await this.store.ask(kind, content);
    if (error) this.say(error, true);
    this.showChoices(); // what a list shows is what holds, also after a refusal
  }

  setTool(tool) {
    this.tool = tool;
    for (const [name, button] of Object.entries(this.tools)) button.setAttribute("aria-pressed", String(name === tool));
    if (this.picture) this.picture.dataset.tool = tool;
  }

  // ---- the canvas of points ----

  newCanvas() {
    this.canvas?.remove();
    this.canvas = element("canvas", { class: "gl-points", "aria-hidden": "true", on: { webglcontextlost: (event) => this.lose(event), webglcontextrestored: () => this.renew() } });
    this.picture.prepend(this.canvas);
    this.setTool(this.tool);
    this.renew();
  }

  renew() {
    this.notice.hidden = true;
    this.isStill = false;
    try {
      this.points = new Points(this.canvas);
    } catch (error) {
      console.warn(`genolab: ${error.message}`);
      this.points = null;
      this.isStill = true;
      this.showStill();
      return;
    }
    this.endMove();
    this.last = this.store.points;
    this.points.setPlaces(this.last, null);
    this.takeColour();
    this.takeMask();
    if (this.width) this.resize(this.width, this.height, this.ratio);
    this.showEmpty();
  }

  lose(event) {
    event.preventDefault(); // asks the browser to restore it when it can
    if (this.closed) return;
    this.points = null;
    const text = "The browser has taken back the memory of this picture, as it does when a page has many.";
    this.showNotice(text, this.button("Draw again", "Make the picture anew", () => this.newCanvas()));
  }

  // Without WebGL2 the still picture stands in; colours, legend and the saved column work on.
  async showStill() {
    const why = "This browser draws no WebGL2, so cells can't be moved or selected here; this is a still picture.";
    const { buffers } = await this.store.ask("picture", {}, { quiet: true });
    if (this.still) URL.revokeObjectURL(this.still);
    this.still = buffers?.[0]?.byteLength ? URL.createObjectURL(new Blob([buffers[0]], { type: "image/png" })) : null;
    const image = this.still && element("img", { class: "gl-still", src: this.still, alt: `Latent space of ${count(this.store.n)} cells` });
    this.showNotice(why, image || null);
  }

  showNotice(text, ...more) {
    this.notice.replaceChildren(element("p", { text }), ...more.filter(Boolean));
    this.notice.hidden = false;
  }

  showEmpty() {
    if (!this.points) return;
    const isEmpty = this.store.points.length === 0;
    if (isEmpty) this.showNotice("No coordinates yet: explorer.watch(run) shows the latent space as the run trains.");
    else this.notice.hidden = true;
  }

  resize(width, height, ratio) {
    [this.width, this.height, this.ratio] = [width, height, ratio];
    this.frame = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const [wide, high] = [Math.round(this.frame.width * ratio), Math.round(this.frame.height * ratio)];
    if (this.canvas.width !== wide) this.canvas.width = wide;
    if (this.canvas.height !== high) this.canvas.height = high;
    Object.assign(this.canvas.style, {
      left: `${MARGIN.left}px`,
      top: `${MARGIN.top}px`,
      width: `${this.frame.width}px`,
      height: `${this.frame.height}px`,
    });
    if (this.auto) this.camera = this.fitted();
    this.el.classList.toggle("gl-narrow", this.el.clientWidth < 620);
    if (!this.isPlaced) this.retheme(); // before it stood on the page it had no theme
    this.isPlaced = true;
    this.draw();
  }

  // The camera that shows all points.
  fitted() {
    const box = (this.box ??= bounds(this.store.points));
    const { width, height } = this.frame ?? { width: 1, height: 1 };
    const scale = (pixels, span) => Math.max(1, pixels - 2 * PAD) / (span > 0 ? span : 1);
    return {
      x: (box.x0 + box.x1) / 2,
      y: (box.y0 + box.y1) / 2,
      sx: scale(width, box.x1 - box.x0),
      sy: scale(height, box.y1 - box.y0),
    };
  }

  // ---- what the store brings ----

  takePoints() {
    const { points } = this.store;
    this.showDims();
    if (this.drag) {
      this.later = true; // points shall not move under a lasso that is being drawn
      return;
    }
    const from = this.placesNow();
    this.last = points;
    this.near = null;
    this.box = null;
    this.hover(-1);
    this.showEmpty();
    if (!this.points) {
      if (this.isStill) this.showStill();
      return;
    }
    const goal = this.auto ? this.calm(this.fitted()) : this.camera;
    const isStill = !from || from.length !== points.length || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.points.setPlaces(points, isStill ? null : from);
    this.from = isStill ? null : from;
    if (isStill) {
      this.moved = 1;
      this.camera = this.auto ? this.fitted() : goal;
      this.dirty();
    } else {
      this.move = { start: performance.now(), from: { ...this.camera }, goal, frames: 0 };
      this.moved = 0;
      this.dirty();
    }
  }

  // Where the points are on the screen at this moment, also halfway through a move.
  placesNow() {
    const { last, from, moved } = this;
    if (!last || !from || moved >= 1) return last;
    const share = ease(moved);
    return last.map((to, i) => from[i] + (to - from[i]) * share);
  }

  // Keep the camera while the points fill a fair part of the picture: the axes shall not tremble with every epoch.
  calm(goal) {
    const { camera, box, frame } = this;
    if (!frame) return goal;
    const [halfX, halfY] = [frame.width / 2 / camera.sx, frame.height / 2 / camera.sy];
    const inside = box.x0 > camera.x - halfX && box.x1 < camera.x + halfX && box.y0 > camera.y - halfY && box.y1 < camera.y + halfY;
    const roomy = (box.x1 - box.x0) / halfX / 2 > 0.6 && (box.y1 - box.y0) / halfY / 2 > 0.6;
    if (inside && roomy) return camera;
    return { ...goal, sx: goal.sx * 0.88, sy: goal.sy * 0.88 }; // room to spare, so that the next epoch fits too
  }

  takeColour() {
    const { store } = this;
    const { missing, kind } = store.legend;
    this.showChoices();
    this.hover(-1);
    if (!this.points) {
      if (this.isStill) this.showStill();
      return;
    }
    const numbers = kind === "numbers";
    const codes = kind === "none" ? new Uint8Array(0) : store.codes;
    this.points.setCodes(codes, missing, numbers, drawingOrder(store.n, codes, missing, numbers));
    this.takeTable();
  }

  takeTable() {
    if (!this.points) return;
    this.points.setColours(this.table());
    this.dirty();
  }

  table() {
    const { legend, hidden } = this.store;
    const { dark } = theme(this.el);
    const none = [...noneOnPaper(dark), !hidden.has(legend.missing)];
    if (legend.kind === "none") return [[...onPaper(PALETTE.okabeIto[0], dark), true], none];
    if (legend.kind === "numbers") return [...Array.from({ length: 256 }, (_, i) => [...along(PALETTE.viridis, i / 255), true]), none];
    return [...legend.colours.map((colour, code) => [...onPaper(colour, dark), !hidden.has(code)]), none];
  }

  takeMask() {
    this.showCounts();
    if (this.points) this.points.setChosen(this.store.mask);
    else if (this.isStill) this.showStill();
    this.dirty();
  }

  retheme() {
    this.legend.build();
    this.takeTable();
    this.dirty();
  }

  // ---- drawing ----

  dirty() {
    this.request ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.request);
    this.request = null;
    if (this.closed || !this.frame) return;
    if (this.move) this.advance();
    if (this.points) {
      this.points.draw({
        ...this.frame,
        camera: this.camera,
        ratio: this.ratio,
        size: this.size(),
        opacity: this.opacity(),
        moved: ease(this.moved),
        chosen: this.store.nSelected > 0,
        spotlight: this.store.spotlight,
        paper: rgb(theme(this.el).paper),
      });
    }
    this.drawOver();
    if (this.move) this.dirty();
  }

  advance() {
    const { move } = this;
    const now = performance.now();
    // Where a frame takes too long to move smoothly, the points go there at once.
    const isSlow = move.frames > 1 && (now - move.start) / move.frames > 90;
    move.frames += 1;
    this.moved = isSlow ? 1 : Math.min(1, (now - move.start) / MOVE_MS);
    const share = ease(this.moved);
    const between = (name, log) => (log ? move.from[name] * (move.goal[name] / move.from[name]) ** share : move.from[name] + (move.goal[name] - move.from[name]) * share);
    if (this.auto) this.camera = { x: between("x"), y: between("y"), sx: between("sx", true), sy: between("sy", true) };
    if (this.moved >= 1) this.endMove();
  }

  endMove() {
    this.moved = 1;
    this.move = null;
    this.from = null;
  }

  zoomed() {
    const all = this.fitted();
    return Math.sqrt((this.camera.sx / all.sx) * (this.camera.sy / all.sy));
  }

  /** Diameter of a point in pixels: less for many, more when zoomed in. */
  size() {
    const room = Math.sqrt((this.frame.width * this.frame.height) / Math.max(1, this.store.n));
    return Math.min(10, Math.max(1.8, Math.min(7, room * 0.5)) * Math.max(1, Math.sqrt(this.zoomed())));
  }

  opacity() {
    return Math.max(0.55, 0.92 - 0.13 * Math.max(0, Math.log10(this.store.n / 5000)));
  }

  drawOver() {
    const context = sharpen(this.over, this.width, this.height, this.ratio);
    context.clearRect(0, 0, this.width, this.height);
    const look = theme(this.el);
    this.drawAxes(context, look);
    if (this.drag?.path) this.drawPath(context, look);
    if (this.row >= 0) this.drawRing(context, look);
    const { caption } = this.store.get("_frame");
    const watching = this.store.get("watching") ? `watching: ${caption}` : caption;
    if (this.caption.textContent !== watching) this.caption.textContent = watching;
  }

  drawAxes(context, look) {
    const { width, height } = this.frame;
    const [left, bottom] = [MARGIN.left, MARGIN.top + height];
    context.strokeStyle = look.border;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, MARGIN.top - 0.5, width + 1, height + 1);
    if (this.store.points.length === 0) return;
    const { titles, offset } = this.store.get("_frame");
    context.fillStyle = look.muted;
    context.font = `12px ${look.font}`;
    const { camera } = this;
    const range = (centre, scale, pixels, shift) => [centre + shift - pixels / 2 / scale, centre + shift + pixels / 2 / scale];
    const across = range(camera.x, camera.sx, width, offset[0]);
    const up = range(camera.y, camera.sy, height, offset[1]);
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of ticks(...across, width / 110)) {
      const x = left + ((value - across[0]) / (across[1] - across[0])) * width;
      context.fillRect(Math.round(x), bottom, 1, 4);
      if (x > left + 8 && x < left + width - 8) context.fillText(number(value, 4), x, bottom + 7);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(...up, height / 80)) {
      const y = bottom - ((value - up[0]) / (up[1] - up[0])) * height;
      context.fillRect(left - 4, Math.round(y), 4, 1);
      context.fillText(number(value, 4), left - 7, y);
    }
    this.drawTitles(context, look, titles);
  }

  drawTitles(context, look, titles) {
    const { width, height } = this.frame;
    context.strokeStyle = look.paper;
    context.lineWidth = 4;
    context.lineJoin = "round";
    const write = (text, x, y, align, baseline) => {
      [context.textAlign, context.textBaseline] = [align, baseline];
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    write(titles[0], MARGIN.left + width - 6, MARGIN.top + height - 5, "right", "bottom");
    write(titles[1], MARGIN.left + 6, MARGIN.top + 6, "left", "top");
  }

  drawPath(context, look) {
    const path = new Path2D();
    this.drag.path.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
    context.globalAlpha = 0.12;
    context.fillStyle = look.accent;
    context.fill(path);
    context.globalAlpha = 1;
    context.strokeStyle = look.accent;
    context.lineWidth = 1.5;
    context.setLineDash(this.how(this.drag) === "remove" ? [4, 3] : []);
    context.stroke(path);
    context.setLineDash([]);
  }

  drawRing(context, look) {
    const [x, y] = this.onScreen(this.row);
    context.beginPath();
    context.arc(x, y, this.size() / 2 + 3, 0, 2 * Math.PI);
    context.strokeStyle = look.text;
    context.lineWidth = 2;
    context.stroke();
  }

  // ---- places ----

  onScreen(row) {
    const { points } = this.store;
    const { camera, frame } = this;
    return [
      MARGIN.left + frame.width / 2 + (points[2 * row] - camera.x) * camera.sx,
      MARGIN.top + frame.height / 2 - (points[2 * row + 1] - camera.y) * camera.sy,
    ];
  }

  inSpace([x, y]) {
    const { camera, frame } = this;
    return [
      camera.x + (x - MARGIN.left - frame.width / 2) / camera.sx,
      camera.y - (y - MARGIN.top - frame.height / 2) / camera.sy,
    ];
  }

  place(event) {
    const box = this.picture.getBoundingClientRect();
    return [event.clientX - box.left - this.picture.clientLeft, event.clientY - box.top - this.picture.clientTop];
  }

  /** Zoom by a factor about a place on the screen, the middle if none is given. */
  zoom(factor, at = [MARGIN.left + this.frame.width / 2, MARGIN.top + this.frame.height / 2]) {
    const all = this.fitted();
    const held = this.inSpace(at);
    const limit = (scale, whole) => Math.min(whole * 20000, Math.max(whole / 4, scale * factor));
    this.camera = { ...this.camera, sx: limit(this.camera.sx, all.sx), sy: limit(this.camera.sy, all.sy) };
    const moved = this.inSpace(at);
    this.pan(held[0] - moved[0], held[1] - moved[1]);
  }

  pan(dx, dy) {
    this.auto = false;
    this.camera = { ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy };
    this.hover(-1);
    this.dirty();
  }

  showAll() {
    this.auto = true;
    this.camera = this.fitted();
    this.hover(-1);
    this.dirty();
  }

  // ---- the hand ----

  pictureEvents() {
    return {
      pointerdown: (event) => this.press(event),
      pointermove: (event) => this.drift(event),
      pointerup: (event) => this.release(event),
      pointercancel: (event) => this.cancel(event),
      pointerleave: () => this.hover(-1),
      dblclick: (event) => this.isPicture(event) && this.tool === "pan" && this.showAll(),
      wheel: (event) => this.wheel(event),
      keydown: (event) => this.key(event),
    };
  }

  // Whether an event is for the picture, not for a button on a notice over it.
  isPicture(event) {
    return this.points !== null && !this.notice.contains(event.target);
  }

  press(event) {
    if (!this.isPicture(event) || event.button > 0) return;
    this.picture.focus({ preventScroll: true });
    this.picture.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.touches.set(event.pointerId, at);
    if (this.touches.size === 2) this.drag = { kind: "pinch" };
    else if (this.touches.size === 1) this.startDrag(at, event);
    event.preventDefault();
  }

  startDrag(at, { shiftKey, altKey }) {
    if (this.move) this.endMove();
    this.drag = this.tool === "pan" ? { kind: "pan", at } : { kind: this.tool, start: at, path: [at], shiftKey, altKey };
    this.hover(-1);
    this.picture.classList.add("gl-dragging");
  }

  drift(event) {
    const at = this.place(event);
    const before = this.touches.get(event.pointerId);
    if (!this.drag || !before) {
      this.seek(at, event);
      return;
    }
    if (this.drag.kind === "pinch") this.pinch(event.pointerId, at);
    else if (this.drag.kind === "pan") this.pan((before[0] - at[0]) / this.camera.sx, (at[1] - before[1]) / this.camera.sy);
    else this.draft(at, event);
    this.touches.set(event.pointerId, at);
  }

  draft(at, event) {
    const { drag } = this;
    Object.assign(drag, { shiftKey: event.shiftKey, altKey: event.altKey });
    if (drag.kind === "box") drag.path = [drag.start, [at[0], drag.start[1]], at, [drag.start[0], at[1]]];
    else if (Math.hypot(at[0] - drag.path.at(-1)[0], at[1] - drag.path.at(-1)[1]) >= 2) drag.path.push(at);
    this.dirty();
  }

  // Two fingers: the space under them stays under them.
  pinch(id, at) {
    const [other] = [...this.touches].filter(([key]) => key !== id).map(([, place]) => place);
    const before = this.touches.get(id);
    const gap = (a, b) => Math.max(8, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [was, is] = [middle(before, other), middle(at, other)];
    this.zoom(gap(at, other) / gap(before, other), was);
    this.pan((was[0] - is[0]) / this.camera.sx, (is[1] - was[1]) / this.camera.sy);
  }

  release(event) {
    const { drag } = this;
    this.touches.delete(event.pointerId);
    if (!drag || (drag.kind === "pinch" && this.touches.size > 0)) return;
    this.endDrag();
    if (drag.path && drag.path.length > 2) this.selectWithin(drag);
  }

  cancel(event) {
    this.touches.delete(event.pointerId);
    this.endDrag();
  }

  endDrag() {
    this.drag = null;
    this.picture.classList.remove("gl-dragging");
    this.dirty();
    if (this.later) {
      this.later = false;
      setTimeout(() => this.takePoints()); // after the selection that the drag made
    }
  }

  how({ shiftKey, altKey }) {
    return altKey ? "remove" : shiftKey ? "add" : "replace";
  }

  selectWithin(drag) {
    const places = this.last ?? this.store.points;
    const corners = drag.path.map((at) => this.inSpace(at));
    const found = drag.kind === "box" ? inBox(places, bounds(corners.flat()), this.store.shown()) : inLasso(places, corners, this.store.shown());
    this.store.select(found, this.how(drag));
  }

  selectInView(how) {
    const { width, height } = this.frame;
    const corners = [[MARGIN.left, MARGIN.top], [MARGIN.left + width, MARGIN.top + height]].map((at) => this.inSpace(at));
    this.store.select(inBox(this.last ?? this.store.points, bounds(corners.flat()), this.store.shown()), how);
  }

  // A wheel over the page scrolls the page; over a picture that was clicked (has the focus), or with Ctrl as a pinch on
  // a touchpad sends it, it zooms.
  wheel(event) {
    if (!this.isPicture(event)) return;
    if (!event.ctrlKey && document.activeElement !== this.picture) {
      this.hint();
      return;
    }
    event.preventDefault();
    const unit = [1, LINE, this.frame.height][event.deltaMode];
    const speed = event.ctrlKey && event.deltaMode === 0 ? 0.01 : 0.002;
    this.zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * unit)) * speed), this.place(event));
  }

  hint() {
    if (this.hinted) return;
    this.hinted = true;
    this.say("Click the picture first, then the wheel zooms; or hold Ctrl.", false);
  }

  key(event) {
    if (event.target !== this.picture || event.ctrlKey || event.metaKey) return;
    const [stepX, stepY] = [(0.1 * this.frame.width) / this.camera.sx, (0.1 * this.frame.height) / this.camera.sy];
    const actions = {
      ArrowLeft: () => this.pan(-stepX, 0),
      ArrowRight: () => this.pan(stepX, 0),
      ArrowUp: () => this.pan(0, stepY),
      ArrowDown: () => this.pan(0, -stepY),
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.showAll(),
      Home: () => this.showAll(),
      p: () => this.setTool("pan"),
      l: () => this.setTool("lasso"),
      b: () => this.setTool("box"),
      a: () => this.selectInView(this.how(event)),
      Escape: () => (this.drag ? this.abandon() : this.store.clear()),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  }

  abandon() {
    this.touches.clear();
    this.endDrag();
  }

  // ---- hover ----

  seek(at, event) {
    if (!this.frame || !this.points || event.pointerType === "touch" || this.move) return;
    this.pointer = at;
    this.seeking ??= requestAnimationFrame(() => {
      this.seeking = null;
      if (this.drag || this.closed) return;
      const { points } = this.store;
      this.near ??= new Near(points);
      const [x, y] = this.inSpace(this.pointer);
      this.hover(points.length ? this.near.find(x, y, this.camera.sx, this.camera.sy, REACH, this.store.shown()) : -1);
    });
  }

  hover(row) {
    if (row === this.row) return;
    this.row = row;
    this.showTip();
    this.dirty();
  }

  showTip() {
    const { row, store, tip } = this;
    tip.hidden = row < 0;
    if (row < 0) return;
    const found = store.named(row);
    const { name: colour, kind, labels, missing } = store.legend;
    const code = store.codes[row];
    const known = kind === "categories" ? (code === missing ? "none" : labels[code]) : found && number(found.value, 4);
    const lines = [element("div", { class: "gl-tip-name", text: found ? found.name : "..." })];
    if (kind !== "none") lines.push(element("div", { text: `${colour}: ${known ?? "..."}` }));
    tip.replaceChildren(...lines);
    const [x, y] = this.onScreen(row);
    const isRight = x > this.width * 0.6;
    tip.style.left = isRight ? "" : `${x + 12}px`;
    tip.style.right = isRight ? `${this.width - x + 12}px` : "";
    tip.style.top = `${Math.max(4, Math.min(this.height - 48, y - 20))}px`;
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.request);
    this.stop.forEach((stop) => stop());
    this.legend.close();
    this.points?.close();
    if (this.still) URL.revokeObjectURL(this.still);
  }
}

function ease(share) {
  return share < 1 ? share * share * (3 - 2 * share) : 1;
}

export default () => {
  let store = null;
  return {
    initialize({ model }) {
      store = new Store(model);
      return () => store.close();
    },
    render({ el }) {
      const view = new View(store, el);
      return () => view.close();
    },
  };
};

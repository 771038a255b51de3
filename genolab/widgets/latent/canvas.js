// The picture: points drawn by WebGL, axes drawn over them, and the camera that both follow.

import { drawAxes, frameOf } from "../shared/axes.js";
import { between, calm, fitted, inSpace, onScreen, panned, seen, zoomed, zoomedAt } from "../shared/camera.js";
import { Drawing, circle, sharpen } from "../shared/canvas.js";
import { element } from "../shared/dom.js";
import { noneOnPaper, onPaper, rgb, scaleColour, theme, zeroOnPaper } from "../shared/theme.js";
import { bounds, inBox, inLasso } from "./lasso.js";
import { Points, drawingOrder } from "./points.js";

const MARGIN = { left: 46, top: 22, right: 8, bottom: 24 };
const MOVE_MS = 450;
const SLOW_FRAME_MS = 90;

export class PointCanvas extends Drawing {
  /** `el` holds the canvases; `lost` and `refused` are called when WebGL is taken away, or was never there. */
  constructor(store, el, { lost, refused, trajectories }) {
    super();
    Object.assign(this, { store, el, lost, refused, trajectories });
    this.over = element("canvas", { class: "gl-over", "aria-hidden": "true" });
    el.append(this.over);
    this.camera = { x: 0, y: 0, sx: 1, sy: 1 };
    this.auto = true; // the camera follows the points, until a person moves it
    this.region = null; // {path, isRemoval} while one is drawn
    this.row = -1; // the hovered point
    this.places = store.points; // as they are drawn, or where they move to
    this.move = null;
    this.moved = 1;
    this.newCanvas();
  }

  // ---- the canvas of points ----

  newCanvas() {
    this.canvas?.remove();
    const on = { webglcontextlost: (event) => this.lose(event), webglcontextrestored: () => this.renew() };
    this.canvas = element("canvas", { class: "gl-points", "aria-hidden": "true", on });
    this.el.prepend(this.canvas);
    this.renew();
  }

  renew() {
    try {
      this.points = new Points(this.canvas);
    } catch (error) {
      console.warn(`genolab: ${error.message}`);
      this.points = null;
      this.refused();
      return;
    }
    this.move = null;
    this.moved = 1;
    this.box = null;
    this.places = this.store.points;
    this.points.setPlaces(this.places, null);
    this.takeColour();
    this.takeMask();
    if (this.frame) this.resize(this.width, this.height, this.ratio);
  }

  lose(event) {
    event.preventDefault(); // asks the browser to restore it when it can
    this.points = null;
    if (!this.isClosed) this.lost();
  }

  resize(width, height, ratio) {
    Object.assign(this, { width, height, ratio });
    this.frame = frameOf(width, height, MARGIN);
    const [wide, high] = [Math.round(this.frame.width * ratio), Math.round(this.frame.height * ratio)];
    if (this.canvas.width !== wide) this.canvas.width = wide;
    if (this.canvas.height !== high) this.canvas.height = high;
    for (const [name, pixels] of Object.entries(this.frame)) this.canvas.style[name] = `${pixels}px`;
    if (this.auto) {
      this.endMove(); // it led to where the old frame, or none, wanted the camera
      this.camera = this.all();
    }
    this.draw();
  }

  // ---- what the store brings ----

  takePoints() {
    if (!this.points) return;
    const { points } = this.store;
    const from = this.placesNow();
    this.box = null;
    this.places = points;
    // Without a frame, as in a cell that is not laid out yet, there is nowhere for the camera to go from.
    const isStill =
      !this.frame || from.length !== points.length || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.points.setPlaces(points, isStill ? null : from);
    this.from = from;
    if (isStill) {
      this.endMove();
      if (this.auto) this.camera = this.all();
    } else {
      const to = this.auto ? calm(this.camera, this.bounds(), this.frame) : this.camera;
      this.move = { start: performance.now(), frames: 0, camera: this.camera, to };
      this.moved = 0;
    }
    this.dirty();
  }

  // Where the points are on the screen at this moment, also halfway through a move.
  placesNow() {
    const { places, from, moved } = this;
    if (moved >= 1) return places;
    const share = ease(moved);
    return places.map((to, i) => from[i] + (to - from[i]) * share);
  }

  takeColour() {
    if (!this.points) return;
    const { legend, codes, n } = this.store;
    const isNumbers = legend.kind === "numbers";
    this.points.setCodes(codes, legend.missing, isNumbers, drawingOrder(n, codes, legend.missing, isNumbers));
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
    const colour = (name, code) => [...onPaper(name, dark), !hidden.has(code)];
    if (legend.kind === "none") return [colour(PALETTE.okabeIto[0], 0), none];
    if (legend.kind === "categories") return [...legend.colours.map(colour), none];
    const scale = Array.from({ length: 256 }, (_, i) => scaleColour(PALETTE.viridis, i / 255));
    if (legend.nZero) scale[0] = zeroOnPaper(dark);
    return [...scale.map((seen) => [...seen, true]), none];
  }

  takeMask() {
    if (!this.points) return;
    this.points.setChosen(this.store.mask);
    this.dirty();
  }

  // ---- drawing ----

  draw() {
    this.begin();
    if (this.isClosed || !this.frame) return;
    if (this.move) this.advance();
    const colours = theme(this.el);
    this.points?.draw({
      ...this.frame,
      camera: this.camera,
      ratio: this.ratio,
      size: this.size(),
      opacity: this.opacity(),
      moved: ease(this.moved),
      chosen: this.store.nSelected > 0,
      spotlight: this.store.spotlight,
      paper: rgb(colours.paper),
    });
    this.drawOver(colours);
    if (this.move) this.dirty();
  }

  drawOver(colours) {
    const context = sharpen(this.over, this.width, this.height, this.ratio);
    const { titles, offset } = this.store.get("_frame");
    const { frame, camera } = this;
    drawAxes(context, colours, { frame, camera, titles, offset, isEmpty: this.store.points.length === 0 });
    this.trajectories.draw(context, colours, frame, (x, y) => onScreen(camera, frame, x, y));
    if (this.region) drawRegion(context, colours, this.region.path, this.region.isRemoval);
    if (this.row >= 0) circle(context, this.onScreen(this.row), this.size() / 2 + 3, { stroke: colours.text });
  }

  advance() {
    const { move } = this;
    const passed = performance.now() - move.start;
    // Where frames come too slowly for a smooth move, the points go there at once.
    const isSlow = move.frames > 1 && passed / move.frames > SLOW_FRAME_MS;
    move.frames += 1;
    this.moved = isSlow ? 1 : Math.min(1, passed / MOVE_MS);
    if (this.auto) this.camera = between(move.camera, move.to, ease(this.moved));
    if (this.moved >= 1) this.endMove();
  }

  endMove() {
    if (this.move && this.auto) this.camera = this.move.to;
    this.move = null;
    this.moved = 1;
  }

  // Diameter of a point in pixels: less for many, more when zoomed in.
  size() {
    const room = Math.sqrt((this.frame.width * this.frame.height) / this.store.n);
    return Math.min(10, Math.max(1.8, Math.min(7, room / 2)) * Math.max(1, Math.sqrt(zoomed(this.camera, this.all()))));
  }

  opacity() {
    return Math.max(0.55, 0.92 - 0.13 * Math.max(0, Math.log10(this.store.n / 5000)));
  }

  // ---- the camera ----

  bounds() {
    this.box ??= bounds(this.places);
    return this.box;
  }

  /** The camera that shows all. */
  all() {
    return this.frame ? fitted(this.bounds(), this.frame) : this.camera;
  }

  onScreen(row) {
    return onScreen(this.camera, this.frame, this.places[2 * row], this.places[2 * row + 1]);
  }

  inSpace(at) {
    return inSpace(this.camera, this.frame, at);
  }

  /** Zoom by a factor about a place on the screen; the middle if none is given. */
  zoom(factor, at = onScreen(this.camera, this.frame, this.camera.x, this.camera.y)) {
    this.setCamera(zoomedAt(this.camera, this.all(), this.frame, factor, at));
  }

  /** Move what is seen by pixels, to the right and down. */
  pan(right, down) {
    this.setCamera(panned(this.camera, right, down));
  }

  setCamera(camera) {
    this.auto = false;
    this.camera = camera;
    this.dirty();
  }

  showAll() {
    this.setCamera(this.all());
    this.auto = true;
  }

  // ---- which points ----

  /** The shown points within a path on the screen, as 0 and 1 each. */
  within(path, isBox) {
    const corners = path.map((at) => this.inSpace(at));
    const { places } = this;
    const isShown = this.store.shown();
    return isBox ? inBox(places, bounds(corners.flat()), isShown) : inLasso(places, corners, isShown);
  }

  /** The shown points in the frame, as 0 and 1 each. */
  inView() {
    return inBox(this.places, seen(this.camera, this.frame), this.store.shown());
  }

  close() {
    super.close();
    this.isClosed = true;
    this.points?.close();
  }
}

// A lasso or box; one that removes is dashed.
function drawRegion(context, colours, path, isRemoval) {
  const line = new Path2D();
  path.forEach(([x, y], i) => (i ? line.lineTo(x, y) : line.moveTo(x, y)));
  line.closePath();
  Object.assign(context, { fillStyle: colours.accent, strokeStyle: colours.accent, lineWidth: 1.5, globalAlpha: 0.12 });
  context.fill(line);
  context.globalAlpha = 1;
  context.setLineDash(isRemoval ? [4, 3] : []);
  context.stroke(line);
  context.setLineDash([]);
}

function ease(share) {
  return share < 1 ? share * share * (3 - 2 * share) : 1;
}

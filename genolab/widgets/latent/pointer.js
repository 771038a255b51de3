// Pointer and keys on the picture: drag, pinch, wheel, and the tooltip of the point that is hovered.

import { cameraKeys } from "../shared/camera.js";
import { element, pointerPlace, wheelZoom } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { drawPart } from "../shared/tooltip.js";
import { PointGrid } from "./lasso.js";

const REACH = 8; // pixels within which a point is hovered

export class PointerController {
  /** `setTool` and `hint` are the view's. */
  constructor(store, picture, { setTool, hint }) {
    Object.assign(this, { store, picture, setTool, hint, tool: "pan", drag: null, fingers: new Map() });
    this.tip = element("div", { class: "gl-tip", hidden: true });
    picture.el.append(this.tip);
    const events = {
      pointerdown: (event) => this.press(event),
      pointermove: (event) => this.moveTo(event),
      pointerup: (event) => this.release(event),
      pointercancel: (event) => this.abandon(event),
      pointerleave: () => this.point(-1),
      dblclick: (event) => this.isForUs(event) && this.tool === "pan" && picture.showAll(),
      wheel: (event) => this.wheel(event),
      keydown: (event) => this.key(event),
    };
    for (const [event, listener] of Object.entries(events)) picture.el.addEventListener(event, listener);
  }

  // Whether an event is for the picture, not for a notice that lies over it.
  isForUs(event) {
    return this.picture.points !== null && !event.target.closest(".gl-notice");
  }

  place(event) {
    return pointerPlace(this.picture.el, event);
  }

  // ---- dragging ----

  press(event) {
    if (!this.isForUs(event) || event.button > 0) return;
    const { el } = this.picture;
    el.focus({ preventScroll: true });
    el.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.fingers.set(event.pointerId, at);
    if (this.fingers.size === 1) this.begin(at, event);
    else if (this.fingers.size === 2) this.setDrag({ kind: "pinch" });
    event.preventDefault();
  }

  begin(at, event) {
    this.picture.endMove();
    this.point(-1);
    this.setDrag({ kind: this.tool, path: [at], how: howOf(event) });
    this.picture.el.classList.add("gl-dragging");
  }

  setDrag(drag) {
    this.drag = drag;
    const isRegion = drag && (drag.kind === "lasso" || drag.kind === "box");
    this.picture.region = isRegion ? { path: drag.path, isRemoval: drag.how === "remove" } : null;
    this.picture.dirty();
  }

  moveTo(event) {
    const at = this.place(event);
    const before = this.fingers.get(event.pointerId);
    if (!this.drag || !before) {
      this.seek(at, event);
      return;
    }
    if (this.drag.kind === "pinch") this.pinch(event.pointerId, before, at);
    else if (this.drag.kind === "pan") this.picture.pan(at[0] - before[0], at[1] - before[1]);
    else this.draw(at, howOf(event));
    this.fingers.set(event.pointerId, at);
  }

  draw(at, how) {
    let { path } = this.drag;
    const [start, last] = [path[0], path.at(-1)];
    if (this.drag.kind === "box") path = [start, [at[0], start[1]], at, [start[0], at[1]]];
    else if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= 2) path = [...path, at];
    this.setDrag({ ...this.drag, path, how });
  }

  // Two fingers: what lies under them stays under them.
  pinch(finger, before, at) {
    const other = [...this.fingers].find(([key]) => key !== finger)?.[1] ?? before;
    const gap = (place) => Math.max(8, Math.hypot(place[0] - other[0], place[1] - other[1]));
    const middle = (place) => [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2];
    const [was, is] = [middle(before), middle(at)];
    this.picture.zoom(gap(at) / gap(before), was);
    this.picture.pan(is[0] - was[0], is[1] - was[1]);
  }

  release(event) {
    const { drag } = this;
    this.fingers.delete(event.pointerId);
    if (!drag || (drag.kind === "pinch" && this.fingers.size > 0)) return;
    if (drag.path && drag.path.length > 2)
      this.store.select(this.picture.within(drag.path, drag.kind === "box"), drag.how);
    this.end();
  }

  abandon(event) {
    this.fingers.delete(event.pointerId);
    this.end();
  }

  end() {
    this.setDrag(null);
    this.picture.el.classList.remove("gl-dragging");
    if (this.isLate) this.movePoints();
  }

  /** The points have moved: at once, but not under a lasso that is being drawn. */
  movePoints() {
    this.isLate = this.drag !== null;
    if (this.isLate) return;
    this.near = null;
    this.point(-1);
    this.picture.takePoints();
  }

  // ---- wheel and keys ----

  // Over a page the wheel scrolls; over a picture that was clicked, or with Ctrl as a touchpad's pinch comes, it zooms.
  wheel(event) {
    if (!this.isForUs(event)) return;
    const { picture } = this;
    if (!event.ctrlKey && document.activeElement !== picture.el) {
      if (!this.hasHinted) this.hint("Click the picture first, then the wheel zooms; or hold Ctrl.");
      this.hasHinted = true;
      return;
    }
    event.preventDefault();
    this.point(-1);
    picture.zoom(wheelZoom(event), this.place(event));
  }

  key(event) {
    const { picture, store } = this;
    if (event.target !== picture.el || event.ctrlKey || event.metaKey || !picture.points) return;
    const actions = {
      ...cameraKeys(picture),
      Home: () => picture.showAll(),
      p: () => this.setTool("pan"),
      l: () => this.setTool("lasso"),
      b: () => this.setTool("box"),
      a: () => store.select(picture.inView(), howOf(event)),
      Escape: () => this.escape(),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    this.point(-1);
    action();
    event.preventDefault();
    event.stopPropagation();
  }

  escape() {
    if (!this.drag) {
      this.store.clear();
      return;
    }
    this.fingers.clear();
    this.end();
  }

  // ---- pointing ----

  seek(at, event) {
    const { picture, store } = this;
    if (event.pointerType === "touch" || !picture.frame || !this.isForUs(event)) return;
    this.pointer = at;
    this.seeking ??= requestAnimationFrame(() => {
      this.seeking = null;
      if (this.drag || picture.move || picture.isClosed || store.points.length === 0) return;
      this.near ??= new PointGrid(store.points);
      const { sx, sy } = picture.camera;
      this.point(this.near.find(...picture.inSpace(this.pointer), sx, sy, REACH, store.shown()));
    });
  }

  /** Show where a point is and what it is, until the pointer moves over the picture. */
  pointTo(row) {
    if (!this.picture.inView()[row]) this.picture.showAll();
    this.point(row);
  }

  /** Show what a point is; -1 for none. */
  point(row) {
    if (row === this.picture.row) return;
    this.picture.row = row;
    this.picture.dirty();
    this.showTip();
  }

  showTip() {
    const { store, tip, picture } = this;
    const { row } = picture;
    tip.hidden = row < 0;
    if (row < 0) return;
    const point = store.describe(row);
    const { name, kind } = store.legend;
    const lines = [element("div", { class: "gl-strong gl-tip-name", text: point ? point.name : "..." })];
    if (kind !== "none") lines.push(element("div", { text: `${name}: ${this.value(row, point)}` }));
    lines.push(...(point?.parts ?? []).map((part) => drawPart(part, picture.el)));
    tip.replaceChildren(...lines);
    const [x, y] = picture.onScreen(row);
    tip.style.left = "0"; // where it has all the room, and so its own width
    const most = picture.width - tip.offsetWidth;
    tip.style.left = `${Math.max(0, x + 12 <= most ? x + 12 : Math.min(most, x - 12 - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(4, Math.min(picture.height - tip.offsetHeight - 4, y - 20))}px`;
  }

  // A category is known here; a number comes from Python.
  value(row, point) {
    const { kind, labels, missing } = this.store.legend;
    const code = this.store.codes[row];
    if (code === missing) return "none";
    if (kind === "categories") return labels[code];
    return point ? number(point.value, 4) : "...";
  }
}

function howOf({ shiftKey, altKey }) {
  if (altKey) return "remove";
  return shiftKey ? "add" : "replace";
}

// The explorer's view: a picture of points with controls round it. A view has its own camera and tool; data, selection
// and colours are the store's, so that several views of one explorer agree.

import "../shared/base.css";
import "./view.css";
import { Hand } from "./pointer.js";
import { Legend } from "./legend.js";
import { count, element, onResize, onTheme, root } from "../shared/look.js";
import { Finder, Saver } from "../shared/parts.js";
import { Picture } from "./canvas.js";
import { Store } from "./data.js";
import { Trail } from "./trajectories.js";

const NARROW = 620; // pixels; below, the legend stands under the picture
const KEYS =
  "Keys on the picture: arrows move, + and - zoom, 0 shows all; P pan, L lasso, B box; " +
  "A selects all in view (Shift adds, Alt removes), Escape clears.";

class View {
  constructor(store, el) {
    this.store = store;
    const say = (text, isError) => this.say(text, isError);
    const setTool = (tool) => this.setTool(tool);
    this.legend = new Legend(store);
    this.finder = new Finder(store, (name) => this.change("color", { name }));
    this.saver = new Saver(store, say);
    this.trail = new Trail(store, () => this.picture?.dirty());
    this.build(el);
    this.picture = new Picture(store, this.stage, {
      lost: () => this.sayLost(),
      refused: () => this.showStill(),
      trail: this.trail,
    });
    this.hand = new Hand(store, this.picture, { setTool, say });
    this.setTool("pan");
    this.showAll();
    this.stop = [
      store.on(["points"], () => this.takePoints()),
      store.on(["frame"], () => this.showFrame()),
      store.on(["colour"], () => this.takeColour()),
      store.on(["hidden", "spotlight"], () => this.picture.takeTable()),
      store.on(["selection"], () => this.takeMask()),
      store.on(["choices"], () => this.showChoices()),
      store.on(["message"], () => this.showMessage()),
      store.on(["trail"], () => this.trail.read()),
      store.on(["named"], () => this.hand.showTip()),
      onTheme(() => this.retheme()),
      onResize(this.stage, (width, height, ratio) => this.resize(width, height, ratio)),
    ];
  }

  // ---- elements ----

  build(el) {
    const { store } = this;
    this.notice = element("div", { class: "gl-notice", hidden: true });
    this.caption = element("div", { class: "gl-caption gl-muted" });
    const label = `Latent space of ${count(store.n)} ${store.rows()}. ${KEYS}`;
    const stage = { class: "gl-picture", tabindex: 0, role: "application", "aria-label": label };
    this.stage = element("div", stage, this.caption, this.notice);
    this.message = element("span", { class: "gl-message", role: "status", "aria-live": "polite" });
    this.counts = element("span", { class: "gl-number gl-counts" });
    this.clear = this.button("Clear", "Select nothing (Escape)", () => store.clear());
    const body = element("div", { class: "gl-body" }, this.stage, this.legend.el);
    const space = element("span", { class: "gl-space" });
    const foot = element(
      "div",
      { class: "gl-row gl-foot" },
      this.message,
      space,
      this.counts,
      this.clear,
      this.saver.el,
    );
    this.el = root("gl-latent", "Latent explorer", this.header(), body, this.trail.el, foot);
    el.append(this.el);
  }

  button(text, title, click, label = null) {
    return element("button", { class: "gl-button", type: "button", text, title, "aria-label": label, on: { click } });
  }

  list(label, title, change) {
    return element("select", { class: "gl-select", title, "aria-label": label, on: { change } });
  }

  header() {
    const colour = element("label", { class: "gl-label" }, "Colour by", this.colourList());
    const places = element("span", { class: "gl-row" }, ...this.placeLists());
    const group = (label, children) =>
      element("span", { class: "gl-group", role: "group", "aria-label": label }, ...children);
    const space = element("span", { class: "gl-space" });
    const tools = group("Tool", this.toolButtons());
    return element(
      "div",
      { class: "gl-row gl-head" },
      colour,
      this.finder.el,
      places,
      space,
      tools,
      group("Zoom", this.zoomButtons()),
    );
  }

  colourList() {
    const changed = () => this.change("color", { name: this.colour.value || null });
    this.colour = this.list("Colour by", "Colour the points by a column of obs", changed);
    return this.colour;
  }

  placeLists() {
    const turn = () => this.change("dims", { dims: [Number(this.across.value), Number(this.up.value)] });
    this.basis = this.list("Coordinates", "Coordinates in obsm that are shown", () =>
      this.change("basis", { name: this.basis.value }),
    );
    this.across = this.list("Dimension across", "Dimension that is drawn from left to right", turn);
    this.up = this.list("Dimension up", "Dimension that is drawn from bottom to top", turn);
    return [this.basis, this.across, this.up];
  }

  toolButtons() {
    const lasso = "Draw round points to select them; Shift adds, Alt removes (L)";
    this.tools = {
      pan: this.button("Pan", "Drag to move the picture (P)", () => this.setTool("pan")),
      lasso: this.button("Lasso", lasso, () => this.setTool("lasso")),
      box: this.button("Box", "Draw a box to select points; Shift adds, Alt removes (B)", () => this.setTool("box")),
    };
    return Object.values(this.tools);
  }

  zoomButtons() {
    return [
      this.button("+", "Zoom in (+)", () => this.picture.zoom(1.5), "Zoom in"),
      this.button("\u2212", "Zoom out (-)", () => this.picture.zoom(1 / 1.5), "Zoom out"),
      this.button("All", "Show all points (0, or double click)", () => this.picture.showAll()),
      this.button("?", "Tell the keys that work on the picture", () => this.say(KEYS, false), "Keys"),
    ];
  }

  setTool(tool) {
    this.hand.tool = tool;
    this.stage.dataset.tool = tool;
    for (const [name, button] of Object.entries(this.tools)) button.setAttribute("aria-pressed", String(name === tool));
  }

  // ---- what is shown ----

  showAll() {
    this.legend.build();
    this.showChoices();
    this.showMessage();
    this.showCounts();
    this.showFrame();
    this.showEmpty();
  }

  showChoices() {
    const { store } = this;
    const { columns, bases } = store.get("_choices");
    const [color, basis] = [store.get("color"), store.get("basis")];
    const isGene = color !== null && !columns.includes(color);
    fill(this.colour, color ?? "", [
      ["", "one colour"],
      ...columns.map((name) => [name, name]),
      ...(isGene ? [[color, `${color} (gene)`]] : []),
    ]);
    const isOther = !bases.some(([name]) => name === basis);
    const other = isOther ? [[basis ?? "", basis ?? "the run"]] : [];
    fill(this.basis, basis ?? "", [...other, ...bases.map(([name]) => [name, name])]);
    this.basis.hidden = bases.length + other.length < 2;
  }

  showFrame() {
    const { store } = this;
    const { nDims, caption } = store.get("_frame");
    const dims = Array.from({ length: nDims }, (_, i) => [i, `dim ${i + 1}`]);
    [this.across, this.up].forEach((list, i) => {
      fill(list, store.get("dims")[i], dims);
      list.hidden = nDims < 3;
    });
    this.caption.textContent = store.get("watching") && caption ? `watching: ${caption}` : caption;
    this.picture.dirty();
  }

  showMessage() {
    if (this.store.busy) this.say("Working ...", false);
    else this.say(this.store.get("message"), this.store.get("_alarm"));
  }

  say(text, isError) {
    this.message.textContent = text;
    this.message.classList.toggle("gl-error", isError);
  }

  showCounts() {
    const { n, nSelected, nSelectedHidden } = this.store;
    const under = nSelectedHidden ? ` (${count(nSelectedHidden)} of them hidden)` : "";
    this.counts.textContent = `${count(n)} ${this.store.rows()}, ${count(nSelected)} selected${under}`;
    this.clear.disabled = nSelected === 0;
    this.saver.open.disabled = nSelected === 0;
  }

  // ---- what changes ----

  async change(kind, content) {
    const { error } = await this.store.ask(kind, content);
    if (error) this.say(error, true);
    this.showChoices(); // a list shows what holds, also after a refusal
    this.showFrame();
  }

  takePoints() {
    this.hand.movePoints();
    if (this.isStill) this.showStill();
    else this.showEmpty();
  }

  takeColour() {
    this.hand.point(-1);
    this.showChoices();
    this.picture.takeColour();
    if (this.isStill) this.showStill();
  }

  takeMask() {
    this.showCounts();
    this.picture.takeMask();
    if (this.isStill) this.showStill();
  }

  retheme() {
    this.legend.build();
    this.picture.takeTable();
    this.picture.dirty();
  }

  resize(width, height, ratio) {
    const isNarrow = this.el.clientWidth < NARROW;
    this.el.classList.toggle("gl-narrow", isNarrow);
    this.legend.el.style.maxHeight = isNarrow ? "" : `${height}px`;
    if (!this.isPlaced) this.retheme(); // before it stood on the page it had no theme
    this.isPlaced = true;
    this.picture.resize(width, height, ratio);
  }

  // ---- when there is no picture ----

  showNotice(text, ...more) {
    this.notice.replaceChildren(element("p", { text }), ...more);
    this.notice.hidden = false;
  }

  showEmpty() {
    if (!this.picture.points) return;
    this.notice.hidden = this.store.points.length > 0;
    if (this.notice.hidden) return;
    this.showNotice("No coordinates yet: explorer.watch(run) shows the latent space as the run trains.");
  }

  sayLost() {
    const again = () => {
      this.picture.newCanvas();
      this.showEmpty();
    };
    this.picture.canvas.addEventListener("webglcontextrestored", () => this.showEmpty());
    const text = "The browser has taken back the memory of this picture, as it does when a page has many.";
    this.showNotice(text, this.button("Draw again", "Make the picture anew", again));
  }

  // Without WebGL2 the still picture stands in; colours, legend and saving work on.
  async showStill() {
    this.isStill = true;
    const { buffers } = await this.store.ask("picture", {}, { quiet: true });
    const isThere = buffers?.[0]?.byteLength > 0;
    const src = isThere ? URL.createObjectURL(new Blob([buffers[0]], { type: "image/png" })) : null;
    const free = () => URL.revokeObjectURL(src);
    const alt = `Latent space of ${count(this.store.n)} ${this.store.rows()}`;
    const image = isThere ? [element("img", { class: "gl-still", src, alt, on: { load: free } })] : [];
    this.showNotice("This browser draws no WebGL2: points can't be moved or selected by hand here.", ...image);
  }

  close() {
    this.stop.forEach((stop) => stop());
    this.legend.close();
    this.trail.close();
    this.picture.close();
  }
}

// Put [value, text] options into a list, with one chosen.
function fill(list, chosen, options) {
  const isChosen = (value) => String(value) === String(chosen);
  list.replaceChildren(
    ...options.map(([value, text]) => element("option", { value, text, selected: isChosen(value) })),
  );
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

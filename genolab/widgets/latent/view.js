// The explorer's view: a picture of points with controls round it. A view has its own camera and tool; data, selection
// and colours are the store's, so that several views of one explorer agree.

import "../shared/base.css";
import { onResize } from "../shared/canvas.js";
import { widget } from "../shared/channel.js";
import { button, element, group, root, row, space } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { MessageLine } from "../shared/message_line.js";
import { SearchBox } from "../shared/search_box.js";
import { onTheme } from "../shared/theme.js";
import { PointCanvas } from "./canvas.js";
import { DataStore } from "./data.js";
import { Legend } from "./legend.js";
import { PointerController } from "./pointer.js";
import { SaveForm } from "./save_form.js";
import { Trajectories } from "./trajectories.js";
import "./view.css";

const NARROW = 620; // pixels; below, the legend stands under the picture
const KEYS =
  "Keys on the picture: arrows move, + and - zoom, 0 shows all; P pan, L lasso, B box; " +
  "A selects all in view (Shift adds, Alt removes), Escape clears.";

class View {
  constructor(store, el) {
    this.store = store;
    this.line = new MessageLine(store);
    this.legend = new Legend(store);
    this.search = this.searchBox();
    this.save = new SaveForm(store);
    this.trajectories = new Trajectories(store, () => this.picture?.dirty());
    this.build(el);
    this.picture = new PointCanvas(store, this.stage, {
      lost: () => this.showLost(),
      refused: () => this.showStatic(),
      trajectories: this.trajectories,
    });
    const [setTool, hint] = [(tool) => this.setTool(tool), (text) => this.line.say(text)];
    this.pointer = new PointerController(store, this.picture, { setTool, hint });
    this.setTool("pan");
    this.showAll();
    this.stop = [
      store.on(["points"], () => this.takePoints()),
      store.on(["_frame"], () => this.showFrame()),
      store.on(["colour"], () => this.takeColour()),
      store.on(["hidden", "spotlight"], () => this.picture.takeTable()),
      store.on(["selection"], () => this.takeMask()),
      store.on(["_choices", "basis", "dims", "color", "watching"], () => this.showChoices()),
      store.on(["_trajectories", "_trajectory_labels"], () => this.trajectories.read()),
      store.on(["named"], () => this.pointer.showTip()),
      this.line.close,
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
    this.counts = element("span", { class: "gl-number gl-counts" });
    this.clear = button("Clear", "Select nothing (Escape)", () => store.clear());
    const body = element("div", { class: "gl-body" }, this.stage, this.legend.el);
    const foot = row("gl-foot", this.line.el, space(), this.counts, this.clear, this.save.el);
    this.el = root("gl-latent", "Latent explorer", this.header(), body, this.trajectories.el, foot);
    el.append(this.el);
  }

  header() {
    const colourBy = () => this.change("color", { name: this.colour.value || null });
    this.colour = list("Colour by", "Colour the points by a column of obs", colourBy);
    const colour = element("label", { class: "gl-label" }, "Colour by", this.colour);
    const tools = group("Tool", ...this.toolButtons());
    const zoom = group("Zoom", ...this.zoomButtons());
    return row("gl-head", colour, this.search.el, row("", ...this.coordinateLists()), space(), tools, zoom);
  }

  searchBox() {
    const { row, variable } = this.store.get("_choices");
    const label = `Find a ${[row, variable].filter(Boolean).join(", ")} or column`;
    const title = `Type a part of a name, then choose: a ${row} is selected, anything else colours the points`;
    const choose = (name, kind) => (kind === row ? this.findRow(name) : this.change("color", { name }));
    return new SearchBox(this.store, { label, title, choose });
  }

  async findRow(name) {
    const { result } = await this.store.send("row", { name });
    if (result !== undefined) this.pointer.pointTo(result);
  }

  coordinateLists() {
    const turn = () => {
      const { axes } = this.store.get("_frame");
      this.change("dims", { dims: [this.across, this.up].map((select) => axes[select.selectedIndex][0]) });
    };
    const change = () => this.change("basis", { name: this.basis.value });
    this.basis = list("Coordinates", "Coordinates in obsm that are shown", change);
    const axis = "a principal component (PC) or dimension, with its share of the variance";
    this.across = list("Dimension across", `What is drawn from left to right: ${axis}`, turn);
    this.up = list("Dimension up", `What is drawn from bottom to top: ${axis}`, turn);
    return [this.basis, this.across, this.up];
  }

  toolButtons() {
    const lasso = "Draw round points to select them; Shift adds, Alt removes (L)";
    this.tools = {
      pan: button("Pan", "Drag to move the picture (P)", () => this.setTool("pan")),
      lasso: button("Lasso", lasso, () => this.setTool("lasso")),
      box: button("Box", "Draw a box to select points; Shift adds, Alt removes (B)", () => this.setTool("box")),
    };
    return Object.values(this.tools);
  }

  zoomButtons() {
    return [
      button("+", "Zoom in (+)", () => this.picture.zoom(1.5), "Zoom in"),
      button("\u2212", "Zoom out (-)", () => this.picture.zoom(1 / 1.5), "Zoom out"),
      button("All", "Show all points (0, or double click)", () => this.picture.showAll()),
      button("?", "Show the keys that work on the picture", () => this.line.say(KEYS), "Keys"),
    ];
  }

  setTool(tool) {
    this.pointer.tool = tool;
    this.stage.dataset.tool = tool;
    for (const [name, button] of Object.entries(this.tools)) button.setAttribute("aria-pressed", String(name === tool));
  }

  // ---- what is shown ----

  showAll() {
    this.legend.build();
    this.showChoices();
    this.showCounts();
    this.showFrame();
    this.showEmpty();
  }

  showChoices() {
    const { store } = this;
    const { columns, bases, variable } = store.get("_choices");
    const [color, basis] = [store.get("color"), store.get("basis")];
    const isGene = color !== null && !columns.includes(color);
    fill(this.colour, color ?? "", [
      ["", "one colour"],
      ...columns.map((name) => [name, name]),
      ...(isGene ? [[color, `${store.legend.name} (${variable})`]] : []),
    ]);
    const isOther = !bases.some(([name]) => name === basis);
    const other = isOther ? [[basis ?? "", basis ?? "the run"]] : [];
    fill(this.basis, basis ?? "", [...other, ...bases.map(([name]) => [name, name])]);
    this.basis.hidden = bases.length + other.length < 2;
  }

  showFrame() {
    const { store } = this;
    const { axes, caption } = store.get("_frame");
    [this.across, this.up].forEach((select, i) => {
      fill(select, store.get("dims")[i], axes);
      select.hidden = axes.length === 0;
    });
    this.caption.textContent = store.get("watching") && caption ? `watching: ${caption}` : caption;
    this.picture.dirty();
  }

  showCounts() {
    const { n, nSelected, nSelectedHidden } = this.store;
    const under = nSelectedHidden ? ` (${count(nSelectedHidden)} of them hidden)` : "";
    this.counts.textContent = `${count(n)} ${this.store.rows()}, ${count(nSelected)} selected${under}`;
    this.clear.disabled = nSelected === 0;
    this.save.open.disabled = nSelected === 0;
  }

  // ---- what changes ----

  async change(kind, content) {
    await this.store.send(kind, content);
    this.showChoices(); // a list shows what holds, also after a refusal
    this.showFrame();
  }

  takePoints() {
    this.pointer.movePoints();
    if (this.isStatic) this.showStatic();
    else this.showEmpty();
  }

  takeColour() {
    this.pointer.point(-1);
    this.showChoices();
    this.picture.takeColour();
    if (this.isStatic) this.showStatic();
  }

  takeMask() {
    this.showCounts();
    this.picture.takeMask();
    if (this.isStatic) this.showStatic();
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

  showLost() {
    const again = () => {
      this.picture.newCanvas();
      this.showEmpty();
    };
    this.picture.canvas.addEventListener("webglcontextrestored", () => this.showEmpty());
    const text = "The browser has taken back the memory of this picture, as it does when a page has many.";
    this.showNotice(text, button("Draw again", "Make the picture anew", again));
  }

  // Without WebGL2 the static picture stands in; colours, legend and saving work on.
  async showStatic() {
    this.isStatic = true;
    const { buffers } = await this.store.ask("picture", {}, { isQuiet: true });
    const isThere = buffers?.[0]?.byteLength > 0;
    const src = isThere ? URL.createObjectURL(new Blob([buffers[0]], { type: "image/png" })) : null;
    const free = () => URL.revokeObjectURL(src);
    const alt = `Latent space of ${count(this.store.n)} ${this.store.rows()}`;
    const image = isThere ? [element("img", { class: "gl-static", src, alt, on: { load: free } })] : [];
    this.showNotice("This browser draws no WebGL2: points can't be moved or selected by hand here.", ...image);
  }

  close() {
    this.stop.forEach((stop) => stop());
    this.legend.close();
    this.trajectories.close();
    this.picture.close();
  }
}

function list(label, title, change) {
  return element("select", { class: "gl-select", title, "aria-label": label, on: { change } });
}

// Put [value, text] options into a list, with one chosen.
function fill(select, chosen, options) {
  const isChosen = (value) => String(value) === String(chosen);
  select.replaceChildren(...options.map(([value, text]) => element("option", { value, text, selected: isChosen(value) })));
}

export default widget((model) => new DataStore(model), View);

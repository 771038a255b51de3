// The functions of a gene: Python sends one picture, the gene's terms with the evidence for one of them; what is clicked
// and typed goes back, and the next picture comes.

import "../../widgets/shared/base.css";
import { onResize, sharpen } from "../../widgets/shared/canvas.js";
import { Channel, widget } from "../../widgets/shared/channel.js";
import { button, element, root, row, space } from "../../widgets/shared/dom.js";
import { count, number } from "../../widgets/shared/format.js";
import { MessageLine } from "../../widgets/shared/message_line.js";
import { SearchBox } from "../../widgets/shared/search_box.js";
import { css, onTheme, scaleColour, theme } from "../../widgets/shared/theme.js";
import "./view.css";

const COLUMN = { least: 84, most: 190 }; // pixels from one column of the graph to the next, as the view has room
const ROW = { least: 42, most: 76 };
const BETWEEN = [16, 8]; // pixels between boxes
const TRACK = 54;
const TRAITS = ["_view"];
const KEYS =
  "Keys on the graph: arrows go from term to term, Enter picks one, G goes to the search for a gene, Page keys go to " +
  "the next gene of the term.";

class View {
  constructor(channel, el) {
    this.channel = channel;
    this.build(el);
    this.stop = [
      channel.on([...TRAITS, "sent", "received"], () => this.show()),
      this.line.close,
      onTheme(() => this.show()),
      onResize(this.stage, (_, __, ratio) => this.resize(ratio)),
      onResize(this.residues, (_, __, ratio) => this.resize(ratio)),
    ];
    this.show();
  }

  // ---- elements ----

  build(el) {
    this.links = element("canvas", { class: "gl-lines", "aria-hidden": "true" });
    this.graph = element("div", { class: "gl-graph" }, this.links);
    const label = `Predicted terms, broader ones on the left. ${KEYS}`;
    const on = { keydown: (event) => this.key(event) };
    this.stage = element("div", { class: "gl-main-part gl-stage", role: "group", "aria-label": label, on }, this.graph);
    const side = { class: "gl-side-part gl-side", role: "region", "aria-label": "Evidence for the term", "aria-live": "polite" };
    this.side = element("div", side);
    this.track = element("canvas", { class: "gl-residue-track", "aria-hidden": "true" });
    this.residue = element("span", { class: "gl-muted" });
    const hover = { pointermove: (event) => this.hover(event), pointerleave: () => this.showResidue(-1) };
    this.residues = element("div", { class: "gl-residues", on: hover }, this.residue, this.track);
    this.line = new MessageLine(this.channel);
    this.shownLine = element("span", { class: "gl-muted gl-number" });
    this.about = row("gl-about");
    const body = element("div", { class: "gl-body" }, this.stage, this.side);
    const foot = row("gl-foot", this.line.el, space(), this.shownLine);
    this.el = root("gl-function", "Functions of genes", this.header(), this.about, body, this.residues, foot);
    el.append(this.el);
  }

  header() {
    const { channel } = this;
    const choose = (gene) => channel.send("set", { gene });
    const search = { label: "Find a gene", title: "Type a part of a gene's name, then choose", choose };
    this.search = new SearchBox(channel, search);
    const change = () => channel.send("set", { namespace: this.space.value });
    const title = "Show the terms of one part of the ontology";
    this.space = element("select", { class: "gl-select", title, "aria-label": "Part of the ontology", on: { change } });
    const on = {
      input: () => (this.least.textContent = percent(Number(this.slider.value))),
      change: () => channel.send("set", { threshold: Number(this.slider.value) }),
    };
    const range = { type: "range", min: 0.02, max: 0.98, step: 0.02, "aria-label": "Least probability" };
    const tip = "Terms at least this probable are shown, and genes at least this probable are a term's";
    this.slider = element("input", { ...range, title: tip, on });
    this.least = element("span", { class: "gl-number gl-least" });
    return row(
      "gl-head",
      this.search.el,
      element("label", { class: "gl-label" }, "Terms of", this.space),
      element("label", { class: "gl-label" }, "at least", this.slider, this.least),
      space(),
      button("?", "Show the keys", () => this.line.say(KEYS), "Keys"),
    );
  }

  // ---- what is shown ----

  show() {
    const { channel } = this;
    const view = channel.get("_view");
    this.el.setAttribute("aria-busy", String(channel.isBusy));
    this.showControls();
    if (view !== this.view) {
      this.view = view;
      this.showAbout(view);
      this.showGraph(view);
      this.showSide(view.term);
    }
    this.draw();
  }

  showControls() {
    const { channel } = this;
    const spaces = ["", ...channel.get("_spaces")];
    if (spaces.length !== this.space.options.length) {
      const options = spaces.map((value) => element("option", { value, text: spoken(value) || "all parts" }));
      this.space.replaceChildren(...options);
      this.space.closest("label").hidden = spaces.length < 3;
    }
    this.space.value = channel.get("namespace");
    if (document.activeElement !== this.slider) this.slider.value = channel.get("threshold");
    this.least.textContent = percent(Number(this.slider.value));
  }

  showAbout({ gene, about, nodes, nAll, hasKnown }) {
    const known = hasKnown ? element("span", { class: "gl-muted" }, element("i", { class: "gl-known" }), " known") : null;
    const name = element("strong", { class: "gl-gene", text: gene });
    this.about.replaceChildren(name, element("span", { class: "gl-muted", text: about }), space(), ...(known ? [known] : []));
    const some = nodes.length < nAll ? `the ${count(nodes.length)} likeliest of ${count(nAll)}` : count(nAll);
    this.shownLine.textContent = `${some} ${nAll === 1 ? "term" : "terms"}`;
  }

  showGraph(view) {
    const hadFocus = this.graph.contains(document.activeElement);
    this.boxes = new Map(view.nodes.map((node) => [node.id, this.box(node, view.term.id)]));
    this.graph.replaceChildren(this.links, ...this.boxes.values());
    if (hadFocus) this.boxes.get(view.term.id)?.focus({ preventScroll: true });
    this.place();
  }

  // Spread the graph over the view, as far as boxes stay legible; what is larger scrolls to the picked term.
  place() {
    const { stage, view } = this;
    const [wide, high] = [stage.clientWidth, stage.clientHeight];
    if (!wide) return;
    const [columns, rows] = [Math.max(1, view.columns), Math.max(1, view.rows)];
    const fit = ({ least, most }, room) => Math.max(least, Math.min(most, Math.floor(room)));
    this.cell = [fit(COLUMN, wide / columns), fit(ROW, high / rows)];
    this.boxSize = this.cell.map((size, i) => size - BETWEEN[i]);
    this.size = [Math.max(wide, columns * this.cell[0]), Math.max(high, rows * this.cell[1])];
    this.origin = [4, 4 + (this.size[1] - rows * this.cell[1]) / 2];
    Object.assign(this.graph.style, { width: `${this.size[0]}px`, height: `${this.size[1]}px` });
    this.graph.style.setProperty("--gl-name-lines", Math.max(1, Math.floor((this.boxSize[1] - 24) / 14.4)));
    for (const node of view.nodes) {
      const [left, top] = this.corner(node);
      const [width, height] = this.boxSize;
      Object.assign(this.boxes.get(node.id).style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    }
    const chosen = this.boxes.get(view.term.id);
    if (chosen) this.bringIn(chosen);
  }

  corner({ column, row }) {
    return [this.origin[0] + column * this.cell[0], this.origin[1] + row * this.cell[1]];
  }

  bringIn(box) {
    const { stage } = this;
    const [left, top] = [box.offsetLeft, box.offsetTop];
    const [wide, high] = this.boxSize;
    if (left < stage.scrollLeft || left + wide > stage.scrollLeft + stage.clientWidth)
      stage.scrollLeft = left - (stage.clientWidth - wide) / 2;
    if (top < stage.scrollTop || top + high > stage.scrollTop + stage.clientHeight)
      stage.scrollTop = top - (stage.clientHeight - high) / 2;
  }

  box(node, picked) {
    const isPicked = node.id === picked;
    const title = `${node.name} (${node.id}), ${percent(node.probability)}${node.known ? ", known" : ""}`;
    const state = { "aria-pressed": String(isPicked), tabindex: isPicked ? 0 : -1 };
    const on = { click: () => this.pick(node.id) };
    const fill = element("span", { class: "gl-node-fill" });
    fill.style.width = `${100 * node.probability}%`;
    const track = element("span", { class: "gl-node-track" }, fill);
    const value = element("span", { class: "gl-node-value", text: percent(node.probability) });
    const name = element("span", { class: "gl-node-name", lang: "en", text: spoken(node.name) });
    const share = element("span", { class: "gl-node-share" }, knownMark(node.known), track, value);
    const made = element("button", { class: "gl-node", type: "button", title, ...state, on }, name, share);
    made.dataset.term = node.id;
    return made;
  }

  showSide(term) {
    const parts = [
      element("div", { class: "gl-strong", text: spoken(term.name) }),
      element("div", { class: "gl-muted", text: [term.id, spoken(term.namespace)].filter(Boolean).join(", ") }),
      element("div", { text: `${percent(term.probability)} probable${term.known ? "; known to be so" : ""}` }),
    ];
    if (term.follows) parts.push(...this.terms("Follows from the narrower term", [term.follows]));
    if (term.implies.length) parts.push(...this.terms("Implies", term.implies));
    if (term.neighbours.length) parts.push(...this.neighbours(term));
    parts.push(...this.genes(term));
    this.side.replaceChildren(...parts);
    this.side.scrollTop = 0;
  }

  terms(title, nodes) {
    const rows = nodes.map((node) => entry(spoken(node.name), percent(node.probability), node.known, () => this.pick(node.id)));
    return [heading(title), ...rows];
  }

  neighbours({ neighbours }) {
    const n = neighbours.filter(({ has }) => has).length;
    const rows = neighbours.map(({ gene, distance, has }) => {
      const title = `${gene}, at a distance of ${number(distance)}`;
      return entry(gene, number(distance), has, () => this.channel.send("set", { gene }), title);
    });
    return [heading(`${n} of the ${neighbours.length} nearest training genes have it`), ...rows];
  }

  genes({ genes, nGenes }) {
    const title = `Its likeliest genes; ${count(nGenes)} at least ${percent(this.channel.get("threshold"))}`;
    const select = button("Select", "Select its genes in the linked explorer", () => this.channel.send("select"));
    select.classList.add("gl-small");
    const rows = genes.map(({ gene, probability, known }) =>
      entry(gene, percent(probability), known, () => this.channel.send("set", { gene })),
    );
    return [row("gl-title", element("span", { text: title }), this.view.isLinked ? select : null), ...rows];
  }

  // ---- drawing ----

  resize(ratio) {
    this.ratio = ratio;
    if (this.view) this.place();
    this.draw();
  }

  draw() {
    if (!this.view || !this.ratio || !this.cell) return;
    this.colours = theme(this.el);
    this.drawLinks();
    this.drawTrack();
  }

  drawLinks() {
    const { view, colours } = this;
    const [wide, high] = this.boxSize;
    Object.assign(this.links.style, { width: `${this.size[0]}px`, height: `${this.size[1]}px` });
    const context = sharpen(this.links, ...this.size, this.ratio);
    const middle = ([x, y]) => [x, y + high / 2];
    const place = new Map(view.nodes.map((node) => [node.id, middle(this.corner(node))]));
    const isOn = this.chain();
    for (const on of [false, true])
      for (const [broader, narrower] of view.links) {
        if ((isOn.has(broader) && isOn.has(narrower)) !== on) continue;
        const [[x0, y0], [x1, y1]] = [place.get(broader), place.get(narrower)];
        const bend = Math.max(12, (x1 - x0 - wide) / 2);
        context.beginPath();
        context.moveTo(x0 + wide, y0);
        context.bezierCurveTo(x0 + wide + bend, y0, x1 - bend, y1, x1, y1);
        context.strokeStyle = on ? colours.accent : colours.border;
        context.lineWidth = on ? 2 : 1;
        context.stroke();
      }
  }

  // The picked term and all that it implies.
  chain() {
    const terms = new Set([this.view.term.id]);
    for (let grown = true; grown; ) {
      const { size } = terms;
      for (const [broader, narrower] of this.view.links) if (terms.has(narrower)) terms.add(broader);
      grown = terms.size > size;
    }
    return terms;
  }

  drawTrack() {
    const { residues } = this.view.term;
    this.residues.hidden = !residues;
    const width = this.residues.clientWidth;
    if (!residues || !width) return;
    const { colours } = this;
    const { sequence, scores } = residues;
    const context = sharpen(this.track, width, TRACK, this.ratio);
    const step = Math.min(14, width / sequence.length);
    const most = Math.max(...scores.map(Math.abs)) || 1;
    const middle = TRACK - 20;
    context.textAlign = "center";
    context.font = `11px ${colours.font}`;
    scores.forEach((score, at) => {
      const share = score / most;
      const isFaint = colours.dark && Math.abs(share) < 0.12;
      context.fillStyle = isFaint ? colours.border : css(scaleColour(PALETTE.diverging, 0.5 + share / 2));
      const high = Math.max(1, Math.abs(share) * 24);
      context.fillRect(at * step, share >= 0 ? middle - high : middle, Math.max(1, step - 0.5), high);
      if (step < 8) return;
      context.fillStyle = colours.text;
      context.fillText(sequence[at], (at + 0.5) * step, TRACK - 2);
    });
    context.fillStyle = colours.border;
    context.fillRect(0, middle, step * sequence.length, 1);
    this.step = step;
    this.showResidue(-1);
  }

  hover(event) {
    const { residues } = this.view?.term ?? {};
    if (!residues) return;
    const at = Math.floor((event.clientX - this.track.getBoundingClientRect().left) / this.step);
    this.showResidue(at >= 0 && at < residues.sequence.length ? at : -1);
  }

  showResidue(at) {
    const { residues, name } = this.view.term;
    if (!residues) return;
    this.residue.textContent =
      at < 0
        ? `${count(residues.sequence.length)} residues: contributions to ${name}, up for it, down against it`
        : `${residues.sequence[at]}${at + 1} contributes ${number(residues.scores[at])}`;
  }

  // ---- pointer and keys ----

  pick(term) {
    this.channel.send("set", { term });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in arrows) this.go(...arrows[event.key]);
    else if (event.key === "PageDown" || event.key === "PageUp") this.nextGene(event.key === "PageDown" ? 1 : -1);
    else if (event.key.toLowerCase() === "g") this.search.input.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Go to the nearest term in a direction.
  go(across, up) {
    const here = this.view.nodes.find(({ id }) => id === document.activeElement?.dataset.term) ?? this.view.nodes[0];
    const far = (node) => {
      const [x, y] = [node.column - here.column, node.row - here.row];
      const along = across ? x * across : y * up;
      return along <= 0 ? Infinity : along + 3 * Math.abs(across ? y / 3 : 9 * x);
    };
    const best = this.view.nodes.reduce((one, other) => (far(other) < far(one) ? other : one), here);
    const box = best === here || far(best) === Infinity ? null : this.boxes.get(best.id);
    box?.focus({ preventScroll: true });
    if (box) this.bringIn(box);
  }

  nextGene(by) {
    const { genes } = this.view.term;
    const at = genes.findIndex(({ gene }) => gene === this.view.gene);
    const next = genes[Math.max(0, Math.min(genes.length - 1, at + by))];
    if (next && next.gene !== this.view.gene) this.channel.send("set", { gene: next.gene });
  }

  close() {
    this.stop.forEach((stop) => stop());
  }
}

function percent(share) {
  return share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(100 * share)} %`;
}

function spoken(name) {
  return name.replaceAll("_", " ");
}

function knownMark(isKnown) {
  return isKnown ? element("i", { class: "gl-known" }) : null;
}

function heading(text) {
  return element("div", { class: "gl-title", text });
}

// A line of the side: a name that can be clicked, with a value.
function entry(text, value, isKnown, click, title = text) {
  const name = element("span", { class: "gl-ellipsis gl-line-name", text });
  const mark = element("span", { class: "gl-line-mark" }, knownMark(isKnown));
  const right = element("span", { class: "gl-number gl-muted", text: value });
  return element("button", { class: "gl-plain gl-line", type: "button", title, on: { click } }, mark, name, right);
}

export default widget((model) => new Channel(model, TRAITS), View);

// The view of genolab/widgets/function.py: Python sends one picture, the terms of a gene with what speaks for one of
// them; what is clicked and typed goes back, and the next picture comes.

import "../../widgets/shared/base.css";
import "./view.css";
import { along, count, element, number, onResize, onTheme, root, sharpen, theme } from "../../widgets/shared/look.js";
import { Finder } from "../../widgets/shared/parts.js";
import { Talk } from "../../widgets/shared/channel.js";

const SLOW_MS = 300;
const COLUMN = 190; // pixels from one column of the graph to the next
const ROW = 62;
const BOX = [166, 54];
const STRIP = 54;
const KEYS =
  "Keys on the graph: arrows go from term to term, Enter picks one, G goes to the search for a gene, Page keys go to " +
  "the next gene of the term.";

class View {
  constructor(talk, el) {
    this.talk = talk;
    this.build(el);
    const changed = () => this.show();
    talk.addEventListener("change", changed);
    this.stop = [
      () => talk.removeEventListener("change", changed),
      onTheme(() => this.show()),
      onResize(this.stage, (width, _, ratio) => this.resize(width, ratio)),
      onResize(this.residues, (width, _, ratio) => this.resize(this.width, ratio)),
    ];
    this.show();
  }

  // ---- elements ----

  build(el) {
    const { talk } = this;
    this.lines = element("canvas", { class: "gl-lines", "aria-hidden": "true" });
    this.graph = element("div", { class: "gl-graph" }, this.lines);
    const label = `Predicted terms, broader ones on the left. ${KEYS}`;
    const on = { keydown: (event) => this.key(event) };
    this.stage = element("div", { class: "gl-stage", role: "group", "aria-label": label, on }, this.graph);
    this.side = element("div", { class: "gl-side", role: "region", "aria-label": "What speaks for the term", "aria-live": "polite" });
    this.strip = element("canvas", { class: "gl-residue-strip", "aria-hidden": "true" });
    this.told = element("span", { class: "gl-muted gl-told" });
    const glide = {
      pointermove: (event) => this.glide(event),
      pointerleave: () => this.tellStrip(-1),
    };
    this.residues = element("div", { class: "gl-residues", on: glide }, this.told, this.strip);
    this.message = element("span", { class: "gl-message", role: "status", "aria-live": "polite" });
    this.shownLine = element("span", { class: "gl-muted gl-number" });
    const foot = element("div", { class: "gl-row gl-foot" }, this.message, element("span", { class: "gl-space" }), this.shownLine);
    this.about = element("div", { class: "gl-row gl-about" });
    this.el = root(
      "gl-function",
      "Functions of genes",
      this.header(talk),
      this.about,
      element("div", { class: "gl-body" }, this.stage, this.side),
      this.residues,
      foot,
    );
    el.append(this.el);
  }

  header(talk) {
    this.finder = new Finder(talk, (gene) => talk.say("set", { gene }));
    this.finder.input.title = "Type a part of a gene's name, then choose";
    this.finder.input.setAttribute("aria-label", "Find a gene");
    const title = "Show the terms of one part of the ontology";
    const change = () => talk.say("set", { namespace: this.space.value });
    this.space = element("select", { class: "gl-select", title, "aria-label": "Part of the ontology", on: { change } });
    const input = () => (this.least.textContent = percent(Number(this.slider.value)));
    const slide = () => talk.say("set", { threshold: Number(this.slider.value) });
    this.slider = element("input", {
      type: "range",
      min: 0.02,
      max: 0.98,
      step: 0.02,
      title: "Terms at least this probable are shown, and genes at least this probable are a term's",
      "aria-label": "Least probability",
      on: { input, change: slide },
    });
    this.least = element("span", { class: "gl-number gl-least" });
    const help = { click: () => this.sayText(KEYS) };
    return element(
      "div",
      { class: "gl-row gl-head" },
      this.finder.el,
      element("label", { class: "gl-label" }, "Terms of", this.space),
      element("label", { class: "gl-label" }, "at least", this.slider, this.least),
      element("span", { class: "gl-space" }),
      element("button", { class: "gl-button", type: "button", text: "?", title: "Tell the keys", "aria-label": "Keys", on: help }),
    );
  }

  // ---- what is shown ----

  show() {
    const { talk } = this;
    const view = talk.get("_view");
    this.el.setAttribute("aria-busy", String(talk.isBusy));
    clearTimeout(this.clock);
    if (talk.isBusy) this.clock = setTimeout(() => this.sayText("Working ..."), SLOW_MS);
    else if (talk.get("message") || this.message.textContent === "Working ...") this.sayText(talk.get("message"), true);
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
    const { talk } = this;
    const spaces = ["", ...talk.get("_spaces")];
    if (spaces.length !== this.space.options.length) {
      const options = spaces.map((value) => element("option", { value, text: spoken(value) || "all parts" }));
      this.space.replaceChildren(...options);
      this.space.closest("label").hidden = spaces.length < 3;
    }
    this.space.value = talk.get("namespace");
    if (document.activeElement !== this.slider) this.slider.value = talk.get("threshold");
    this.least.textContent = percent(Number(this.slider.value));
  }

  showAbout({ gene, about, nodes, nAll, hasKnown }) {
    const known = hasKnown ? element("span", { class: "gl-muted" }, element("i", { class: "gl-known" }), " known") : null;
    this.about.replaceChildren(
      element("strong", { class: "gl-gene", text: gene }),
      element("span", { class: "gl-muted gl-what", text: about }),
      element("span", { class: "gl-space" }),
      ...(known ? [known] : []),
    );
    const some = nodes.length < nAll ? `the ${count(nodes.length)} likeliest of ${count(nAll)}` : count(nAll);
    this.shownLine.textContent = `${some} ${nAll === 1 ? "term" : "terms"}`;
  }

  showGraph(view) {
    const hadFocus = this.graph.contains(document.activeElement);
    this.boxes = new Map(view.nodes.map((node) => [node.id, this.box(node, view.term.id)]));
    this.graph.replaceChildren(this.lines, ...this.boxes.values());
    this.graph.style.width = `${Math.max(1, view.columns) * COLUMN}px`;
    this.graph.style.height = `${Math.max(3, view.rows) * ROW}px`;
    const chosen = this.boxes.get(view.term.id);
    if (hadFocus) chosen?.focus({ preventScroll: true });
    if (chosen) this.bringIn(chosen);
  }

  bringIn(box) {
    const { stage } = this;
    const [left, top] = [box.offsetLeft, box.offsetTop];
    if (left < stage.scrollLeft || left + BOX[0] > stage.scrollLeft + stage.clientWidth)
      stage.scrollLeft = left - (stage.clientWidth - BOX[0]) / 2;
    if (top < stage.scrollTop || top + BOX[1] > stage.scrollTop + stage.clientHeight)
      stage.scrollTop = top - (stage.clientHeight - BOX[1]) / 2;
  }

  box(node, picked) {
    const fill = element("span", { class: "gl-node-fill" });
    fill.style.width = `${100 * node.probability}%`;
    const isPicked = node.id === picked;
    const made = element(
      "button",
      {
        class: "gl-node",
        type: "button",
        title: `${node.name} (${node.id}), ${percent(node.probability)}${node.known ? ", known" : ""}`,
        "aria-pressed": String(isPicked),
        tabindex: isPicked ? 0 : -1,
        on: { click: () => this.pick(node.id) },
      },
      element("span", { class: "gl-node-name" }, node.known ? element("i", { class: "gl-known" }) : null, spoken(node.name)),
      element(
        "span",
        { class: "gl-node-share" },
        element("span", { class: "gl-node-track" }, fill),
        element("span", { class: "gl-node-value", text: percent(node.probability) }),
      ),
    );
    made.dataset.term = node.id;
    made.style.left = `${node.column * COLUMN + 4}px`;
    made.style.top = `${node.row * ROW + 5}px`;
    return made;
  }

  showSide(term) {
    const parts = [
      element("div", { class: "gl-term", text: spoken(term.name) }),
      element("div", { class: "gl-muted", text: [term.id, spoken(term.namespace)].filter(Boolean).join(", ") }),
      element("div", { text: `${percent(term.probability)} probable${term.known ? "; known to be so" : ""}` }),
    ];
    if (term.follows) parts.push(this.links("Follows from the narrower term", [term.follows]));
    if (term.implies.length) parts.push(this.links("Implies", term.implies));
    if (term.neighbours.length) parts.push(...this.neighbours(term));
    parts.push(...this.genes(term));
    this.side.replaceChildren(...parts);
    this.side.scrollTop = 0;
  }

  links(title, nodes) {
    const rows = nodes.map((node) => this.row(spoken(node.name), percent(node.probability), () => this.pick(node.id), node.known));
    return element("div", {}, element("div", { class: "gl-title", text: title }), ...rows);
  }

  row(text, value, click, isKnown, title = text) {
    return element(
      "button",
      { class: "gl-line", type: "button", title, on: { click } },
      element("span", { class: "gl-line-mark" }, isKnown ? element("i", { class: "gl-known" }) : null),
      element("span", { class: "gl-line-name", text }),
      element("span", { class: "gl-number gl-muted", text: value }),
    );
  }

  neighbours({ neighbours }) {
    const n = neighbours.filter(({ has }) => has).length;
    const title = `${n} of the ${neighbours.length} nearest training genes have it`;
    const rows = neighbours.map(({ gene, distance, has }) =>
      this.row(gene, number(distance), () => this.talk.say("set", { gene }), has, `${gene}, at a distance of ${number(distance)}`),
    );
    return [element("div", { class: "gl-title", text: title }), ...rows];
  }

  genes({ genes, nGenes }) {
    const title = `Its likeliest genes; ${count(nGenes)} at least ${percent(this.talk.get("threshold"))}`;
    const on = { click: () => this.talk.say("select") };
    const select = { class: "gl-button gl-small", type: "button", text: "Select", title: "Select its genes in the linked explorer", on };
    const rows = genes.map(({ gene, probability, known }) =>
      this.row(gene, percent(probability), () => this.talk.say("set", { gene }), known),
    );
    const button = this.view.isLinked ? element("button", select) : null;
    return [element("div", { class: "gl-title gl-row" }, element("span", { text: title }), button), ...rows];
  }

  // ---- drawing ----

  resize(width, ratio) {
    [this.width, this.ratio] = [width, ratio];
    this.draw();
  }

  draw() {
    if (!this.view || !this.ratio) return;
    this.look = theme(this.el);
    this.drawLines();
    this.drawStrip();
    this.el.dataset.drawn = this.talk.heard;
  }

  drawLines() {
    const { view, look } = this;
    const [wide, high] = [Math.max(1, view.columns) * COLUMN, Math.max(3, view.rows) * ROW];
    Object.assign(this.lines.style, { width: `${wide}px`, height: `${high}px` });
    const context = sharpen(this.lines, wide, high, this.ratio);
    context.clearRect(0, 0, wide, high);
    const place = new Map(view.nodes.map((node) => [node.id, [node.column * COLUMN + 4, node.row * ROW + 5 + BOX[1] / 2]]));
    const isOn = this.chain();
    for (const on of [false, true])
      for (const [broader, narrower] of view.links) {
        if ((isOn.has(broader) && isOn.has(narrower)) !== on) continue;
        const [[x0, y0], [x1, y1]] = [place.get(broader), place.get(narrower)];
        const bend = Math.max(12, (x1 - x0 - BOX[0]) / 2);
        context.beginPath();
        context.moveTo(x0 + BOX[0], y0);
        context.bezierCurveTo(x0 + BOX[0] + bend, y0, x1 - bend, y1, x1, y1);
        context.strokeStyle = on ? look.accent : look.border;
        context.lineWidth = on ? 2 : 1;
        context.stroke();
      }
  }

  // The picked term and all that it implies.
  chain() {
    const found = new Set([this.view.term.id]);
    for (let grown = true; grown; ) {
      const size = found.size;
      for (const [broader, narrower] of this.view.links) if (found.has(narrower)) found.add(broader);
      grown = found.size > size;
    }
    return found;
  }

  drawStrip() {
    const { residues } = this.view.term;
    this.residues.hidden = !residues;
    if (!residues) return;
    const width = this.residues.clientWidth;
    if (!width) return;
    const { look } = this;
    const context = sharpen(this.strip, width, STRIP, this.ratio);
    context.clearRect(0, 0, width, STRIP);
    const { letters, scores } = residues;
    const step = Math.min(14, width / letters.length);
    const most = Math.max(...scores.map(Math.abs)) || 1;
    const middle = STRIP - 20;
    context.textAlign = "center";
    context.font = `11px ${look.font}`;
    scores.forEach((score, at) => {
      const share = score / most;
      const colour = along(PALETTE.diverging, 0.5 + share / 2);
      context.fillStyle = look.dark && Math.abs(share) < 0.12 ? look.border : `rgb(${colour.join(",")})`;
      const high = Math.max(1, Math.abs(share) * 24);
      context.fillRect(at * step, share >= 0 ? middle - high : middle, Math.max(1, step - 0.5), high);
      if (step < 8) return;
      context.fillStyle = look.text;
      context.fillText(letters[at], (at + 0.5) * step, STRIP - 2);
    });
    context.fillStyle = look.border;
    context.fillRect(0, middle, step * letters.length, 1);
    this.step = step;
    this.tellStrip(-1);
  }

  glide(event) {
    const { residues } = this.view?.term ?? {};
    if (!residues) return;
    const at = Math.floor((event.clientX - this.strip.getBoundingClientRect().left) / this.step);
    this.tellStrip(at >= 0 && at < residues.letters.length ? at : -1);
  }

  tellStrip(at) {
    const { residues, name } = this.view.term;
    if (!residues) return;
    this.told.textContent =
      at < 0
        ? `${count(residues.letters.length)} residues: up, what speaks for ${name}; down, what speaks against it`
        : `${residues.letters[at]}${at + 1} contributes ${number(residues.scores[at])}`;
  }

  sayText(text, isError = false) {
    this.message.textContent = text;
    this.message.classList.toggle("gl-error", Boolean(isError && text));
  }

  // ---- hands ----

  pick(term) {
    this.talk.say("set", { term });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in arrows) this.go(...arrows[event.key]);
    else if (event.key === "PageDown" || event.key === "PageUp") this.nextGene(event.key === "PageDown" ? 1 : -1);
    else if (event.key.toLowerCase() === "g") this.finder.input.focus();
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
    if (next && next.gene !== this.view.gene) this.talk.say("set", { gene: next.gene });
  }

  close() {
    clearTimeout(this.clock);
    this.stop.forEach((stop) => stop());
  }
}

function percent(share) {
  return share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(100 * share)} %`;
}

function spoken(name) {
  return name.replaceAll("_", " ");
}

export default () => {
  let talk = null;
  return {
    initialize({ model }) {
      talk = new Talk(model);
      return () => talk.close();
    },
    render({ el }) {
      const view = new View(talk, el);
      return () => view.close();
    },
  };
};

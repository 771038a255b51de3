// The legend: categories with their counts, to hide and show, or a colour bar with its numbers.

import { element } from "../shared/dom.js";
import { count, number } from "../shared/format.js";
import { css, noneOnPaper, onPaper, scaleColour, theme, zeroOnPaper } from "../shared/theme.js";

/** The legend; it draws itself anew when the colour changes, and its numbers when the selection does. */
export class Legend {
  constructor(store) {
    this.store = store;
    this.el = element("div", { class: "gl-legend", role: "group", "aria-label": "Legend" });
    this.stop = [store.on(["colour"], () => this.build()), store.on(["selection", "hidden"], () => this.update())];
  }

  build() {
    const { legend } = this.store;
    this.rows = new Map();
    this.el.hidden = legend.kind === "none";
    this.el.replaceChildren(...(legend.kind === "none" ? [] : this.parts()));
    this.update();
  }

  parts() {
    const { legend } = this.store;
    const source = `${legend.name} (${legend.source})`;
    this.title = element("span", { class: "gl-ellipsis gl-strong gl-legend-name", text: legend.name, title: source });
    const title = "Show all categories again";
    const on = { click: () => this.store.hide([]) };
    this.all = element("button", { class: "gl-plain gl-link", type: "button", text: "show all", title, on });
    const none = legend.nMissing ? [[legend.missing, "none", legend.nMissing, PALETTE.none]] : [];
    const labels = legend.labels.map((label, code) => [code, label, legend.counts[code], legend.colours[code]]);
    const rows = [...labels, ...none].map((row) => this.row(...row));
    const chosen = element("span", { class: "gl-chosen", text: "selected", title: "Selected points" });
    const total = element("span", { text: "n", title: "Points" });
    const heads = rows.length ? element("div", { class: "gl-heads gl-muted" }, chosen, total) : null;
    const walk = { keydown: (event) => this.walk(event) };
    const keys = element("div", { class: "gl-keys", role: "list", on: walk }, ...rows);
    const bar = legend.kind === "numbers" ? this.bar() : null;
    const text = "click: hide, double: only";
    const hint = rows.length > 1 ? element("div", { class: "gl-muted gl-hint", text }) : null;
    const head = element("div", { class: "gl-legend-head" }, this.title, this.all, heads);
    return [head, bar, keys, hint].filter(Boolean);
  }

  row(code, label, total, colour) {
    const { store } = this;
    const { dark } = theme(this.el);
    const seen = swatch(code === store.legend.missing ? noneOnPaper(dark) : onPaper(colour, dark));
    const name = element("span", { class: "gl-key-label", text: label === "" ? "(empty)" : label });
    const chosen = element("span", { class: "gl-number gl-chosen" });
    const n = element("span", { class: "gl-number", text: count(total) });
    const title = `${label}: click or Enter hides or shows it, double click or Shift+Enter shows only it`;
    const on = {
      click: (event) => (event.shiftKey ? this.only(code) : this.toggle(code)),
      dblclick: () => this.only(code),
      pointerenter: () => store.shine(code),
      pointerleave: () => store.shine(-1),
    };
    const button = element("button", { class: "gl-plain gl-line gl-key", type: "button", title, on }, seen, name, chosen, n);
    this.rows.set(code, { button, chosen });
    return element("div", { role: "listitem" }, button);
  }

  toggle(code) {
    const hidden = new Set(this.store.hidden);
    if (!hidden.delete(code)) hidden.add(code);
    this.store.hide(hidden);
  }

  only(code) {
    const others = [...this.rows.keys()].filter((other) => other !== code);
    const isOnly = others.every((other) => this.store.hidden.has(other)) && !this.store.hidden.has(code);
    this.store.hide(isOnly ? [] : others);
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...this.rows.values()].map(({ button }) => button);
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  }

  bar() {
    const { legend } = this.store;
    if (legend.nMissing === this.store.n) return element("div", { class: "gl-muted", text: "No point has a value." });
    const canvas = element("canvas", { class: "gl-bar", width: 16, height: 180, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    for (let y = 0; y < canvas.height; y += 1) {
      context.fillStyle = css(scaleColour(PALETTE.viridis, 1 - y / (canvas.height - 1)));
      context.fillRect(0, y, canvas.width, 1);
    }
    const cut = legend.high < legend.top;
    const at = [1, 0.75, 0.5, 0.25, 0].map((share) => legend.low + share * (legend.high - legend.low));
    const texts = legend.low === legend.high ? [number(legend.low)] : at.map((value) => number(value));
    if (cut) texts[0] = `${texts[0]} and more`;
    const scale = element("div", { class: "gl-bar-numbers" }, ...texts.map((text) => element("span", { text })));
    const label = `Colours from ${number(legend.low)} to ${number(legend.high)}`;
    const note = cut ? `largest: ${number(legend.top)}` : "";
    return element(
      "div",
      { role: "img", "aria-label": label },
      element("div", { class: "gl-muted", text: legend.source }),
      element("div", { class: "gl-bar-row" }, canvas, scale),
      note ? element("div", { class: "gl-muted", text: note }) : null,
      legend.nZero ? this.zeros() : null,
    );
  }

  zeros() {
    const n = element("span", { class: "gl-number gl-zero", text: count(this.store.legend.nZero) });
    const name = element("span", { text: "zero" });
    return element("div", { class: "gl-key" }, swatch(zeroOnPaper(theme(this.el).dark)), name, n);
  }

  update() {
    const { store } = this;
    if (!this.rows) return;
    this.el.classList.toggle("gl-choosing", store.nSelected > 0);
    for (const [code, { button, chosen }] of this.rows) {
      button.setAttribute("aria-pressed", String(!store.hidden.has(code)));
      chosen.textContent = store.nSelected ? count(store.selectedOf.get(code) ?? 0) : "";
    }
    if (this.all) this.all.hidden = store.hidden.size === 0;
  }

  close() {
    this.stop.forEach((stop) => stop());
  }
}

function swatch(colour) {
  const made = element("span", { class: "gl-swatch", "aria-hidden": "true" });
  made.style.background = css(colour);
  return made;
}

// What stands round the picture: the legend, the search for a gene, and the form that saves a selection.
// PALETTE is put before all files by look.module.

import { PALETTE } from "./look.js";
import { along, count, element, noneOnPaper, number, onPaper, theme } from "./look.js";

const SEARCH_MS = 120;

/** The legend; it draws itself anew when the colour changes, and its numbers when the selection does. */
export class Legend {
  constructor(store) {
    this.store = store;
    this.el = element("div", { class: "gl-legend", role: "group", "aria-label": "Legend" });
    this.stop = [
      store.on(["colour"], () => this.build()),
      store.on(["selection", "hidden"], () => this.update()),
    ];
  }

  build() {
    const { legend } = this.store;
    this.rows = new Map();
    this.head = null;
    this.el.hidden = legend.kind === "none";
    this.el.replaceChildren(...(legend.kind === "none" ? [] : this.parts()));
    this.update();
  }

  parts() {
    const { legend } = this.store;
    this.title = element("span", { class: "gl-legend-name", text: legend.name, title: `${legend.name} (${legend.source})` });
    const title = "Show all categories again";
    this.all = element("button", { class: "gl-link", type: "button", text: "show all", title, on: { click: () => this.store.hide([]) } });
    const none = legend.nMissing ? [[legend.missing, "none", legend.nMissing, PALETTE.none]] : [];
    const labels = legend.labels.map((label, code) => [code, label, legend.counts[code], legend.colours[code]]);
    const rows = [...labels, ...none].map((row) => this.row(...row));
    this.heads = element("div", { class: "gl-heads gl-muted" }, this.chosenHead(), element("span", { text: "n", title: "Cells" }));
    const keys = element("div", { class: "gl-keys", role: "list", on: { keydown: (event) => this.walk(event) } }, ...rows);
    const bar = legend.kind === "numbers" ? this.bar() : null;
    const hint = rows.length > 1 ? element("div", { class: "gl-muted gl-hint", text: "click: hide, double: only" }) : null;
    const head = element("div", { class: "gl-legend-head" }, this.title, this.all, rows.length ? this.heads : null);
    return [head, bar, keys, hint].filter(Boolean);
  }

  chosenHead() {
    return element("span", { class: "gl-chosen", text: "selected", title: "Selected cells" });
  }

  row(code, label, total, colour) {
    const { store } = this;
    const { dark } = theme(this.el);
    const [red, green, blue] = code === store.legend.missing ? noneOnPaper(dark) : onPaper(colour, dark);
    const swatch = element("span", { class: "gl-swatch", "aria-hidden": "true" });
    swatch.style.background = `rgb(${red}, ${green}, ${blue})`;
    const chosen = element("span", { class: "gl-number gl-chosen" });
    const button = element(
      "button",
      {
        class: "gl-key",
        type: "button",
        title: `${label}: click or Enter hides or shows it, double click or Shift+Enter shows only it`,
        on: {
          click: (event) => (event.shiftKey ? this.only(code) : this.toggle(code)),
          dblclick: () => this.only(code),
          pointerenter: () => store.shine(code),
          pointerleave: () => store.shine(-1),
        },
      },
      swatch,
      element("span", { class: "gl-key-label", text: label === "" ? "(empty)" : label }),
      chosen,
      element("span", { class: "gl-number", text: count(total) }),
    );
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
    if (legend.nMissing === this.store.n) return element("div", { class: "gl-muted", text: "No cell has a value." });
    const canvas = element("canvas", { class: "gl-bar", width: 16, height: 180, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    for (let y = 0; y < canvas.height; y += 1) {
      context.fillStyle = `rgb(${along(PALETTE.viridis, 1 - y / (canvas.height - 1)).join(", ")})`;
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
    );
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

let finders = 0;

/** A field that suggests genes as one types; Python searches, so that any number of names will do. */
export class Finder {
  constructor(store, choose) {
    this.store = store;
    this.choose = choose;
    this.names = [];
    this.active = -1;
    const id = `gl-found-${(finders += 1)}`;
    this.list = element("div", { class: "gl-found", id, role: "listbox", "aria-label": "Genes found", hidden: true });
    this.input = element("input", {
      class: "gl-input",
      type: "search",
      placeholder: "find a gene...",
      title: "Colour by a gene: type a part of its name, then choose",
      role: "combobox",
      "aria-label": "Find a gene to colour by",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": id,
      autocomplete: "off",
      spellcheck: "false",
      on: {
        input: () => this.later(),
        keydown: (event) => this.press(event),
        blur: () => setTimeout(() => this.shut(), 150),
      },
    });
    this.el = element("span", { class: "gl-finder" }, this.input, this.list);
  }

  later() {
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.search(), SEARCH_MS);
  }

  async search() {
    const text = this.input.value;
    if (!text.trim()) return this.show([]);
    const { result } = await this.store.ask("find", { text });
    return this.input.value === text && this.show(result ?? []);
  }

  show(names) {
    this.names = names;
    this.active = -1;
    const isEmpty = names.length === 0 && this.input.value.trim() !== "";
    const rows = names.map((name, i) => this.row(name, i));
    this.list.replaceChildren(...rows, ...(isEmpty ? [element("div", { class: "gl-muted gl-none", text: "no such gene" })] : []));
    this.list.hidden = rows.length === 0 && !isEmpty;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.mark(-1);
  }

  row(name, i) {
    // mousedown, since the field's blur comes before a click
    const on = { mousedown: (event) => event.preventDefault(), click: () => this.take(name) };
    return element("div", { class: "gl-option", id: `${this.list.id}-${i}`, role: "option", "aria-selected": "false", text: name, on });
  }

  mark(active) {
    this.active = active;
    [...this.list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === active)));
    if (active >= 0) this.list.children[active].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", active >= 0 ? `${this.list.id}-${active}` : "");
  }

  press(event) {
    const { key } = event;
    const n = this.names.length;
    if (key === "ArrowDown" && n) this.mark((this.active + 1) % n);
    else if (key === "ArrowUp" && n) this.mark((this.active + n) % n);
    else if (key === "Enter" && this.input.value.trim()) this.take(this.names[this.active] ?? this.best());
    else if (key === "Escape") this.shut();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // What Enter takes if nothing is marked: the same name in any case, else the text itself, and Python says what is near.
  best() {
    const text = this.input.value.trim();
    return this.names.find((name) => name.toLowerCase() === text.toLowerCase()) ?? text;
  }

  take(name) {
    clearTimeout(this.clock);
    this.input.value = "";
    this.shut();
    this.choose(name);
  }

  shut() {
    this.show([]);
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}

/** "Save as obs column...": a button that opens a field for the name. */
export class Saver {
  constructor(store, say) {
    this.store = store;
    this.say = say;
    this.open = element("button", {
      class: "gl-button",
      type: "button",
      text: "Save as obs column...",
      title: "Write the selection into the AnnData, as a column of true and false",
      on: { click: () => this.toggle(true) },
    });
    this.input = element("input", { class: "gl-input", placeholder: "name of the column", "aria-label": "Name of the new column", maxlength: 200, spellcheck: "false" });
    const save = element("button", { class: "gl-button gl-main", type: "submit", text: "Save", title: "Write the column; a column from elsewhere is never written over" });
    const cancel = element("button", { class: "gl-button", type: "button", text: "Cancel", title: "Write nothing", on: { click: () => this.toggle(false) } });
    const on = {
      submit: (event) => {
        event.preventDefault();
        this.save();
      },
      keydown: (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        this.toggle(false);
      },
    };
    this.form = element("form", { class: "gl-row", hidden: true, on }, this.input, save, cancel);
    this.el = element("span", { class: "gl-saver" }, this.open, this.form);
  }

  toggle(isOpen) {
    this.form.hidden = !isOpen;
    this.open.hidden = isOpen;
    (isOpen ? this.input : this.open).focus();
  }

  async save() {
    const { error } = await this.store.ask("save", { name: this.input.value });
    if (!error) return this.toggle(false); // Python has said what it wrote
    this.say(error, true);
    return this.input.focus();
  }
}

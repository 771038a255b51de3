// A field that suggests names, such as genes, as one types; Python searches (genolab/widgets/shared/name_search.py), so
// that any number of names will do.

import "./search_box.css";
import { element } from "./dom.js";

const TYPING_MS = 120;

let made = 0;

export class SearchBox {
  /** `label` and `title` are the field's; `choose(name, kind)` is called with the name that was taken, and what has it. */
  constructor(channel, { label, title, choose }) {
    Object.assign(this, { channel, choose, names: [], active: -1 });
    const id = `gl-suggestions-${(made += 1)}`;
    this.list = element("div", { class: "gl-suggestions", id, role: "listbox", "aria-label": "Matching names", hidden: true });
    const on = {
      input: () => this.later(),
      keydown: (event) => this.press(event),
      blur: () => setTimeout(() => this.shut(), 150),
    };
    const aria = { role: "combobox", "aria-label": label, "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id };
    const plain = { autocomplete: "off", spellcheck: "false" };
    const field = { class: "gl-input", type: "search", placeholder: `${label} ...`, title };
    this.input = element("input", { ...field, ...aria, ...plain, on });
    this.el = element("span", { class: "gl-search" }, this.input, this.list);
  }

  later() {
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.search(), TYPING_MS);
  }

  // Returns what Python has found, unless it was for another text than is there now.
  async search() {
    const text = this.input.value.trim();
    if (!text) return this.show([]);
    const { result } = await this.channel.ask("find", { text });
    if (!result) return this.shut(); // an error, which says nothing about the name
    if (this.input.value.trim() !== text) return null;
    const { names, near } = result;
    const none = near.length ? `Nothing is called \u201c${text}\u201d. Did you mean:` : `Nothing is called \u201c${text}\u201d.`;
    this.show(names.length ? names : near, names.length ? "" : none);
    return result;
  }

  show(names, note = "") {
    this.names = names;
    const said = note ? [element("div", { class: "gl-muted gl-none", role: "status", text: note })] : [];
    this.options = names.map(([name, kind], i) => this.option(name, kind, i));
    this.list.replaceChildren(...said, ...this.options);
    this.open(names.length > 0 || note !== "");
    this.mark(-1);
  }

  open(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
  }

  option(name, kind, i) {
    // mousedown, since the field's blur comes before a click
    const on = { mousedown: (event) => event.preventDefault(), click: () => this.pick(name, kind) };
    const option = { class: "gl-option", id: `${this.list.id}-${i}`, role: "option", "aria-selected": "false" };
    return element("div", { ...option, on }, element("span", { text: name }), element("span", { class: "gl-muted", text: kind }));
  }

  mark(active) {
    this.active = active;
    this.options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active >= 0) this.options[active].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", active >= 0 ? `${this.list.id}-${active}` : "");
  }

  press(event) {
    const { key } = event;
    const n = this.names.length;
    if (key === "ArrowDown" && n) this.mark((this.active + 1) % n);
    else if (key === "ArrowUp" && n) this.mark((this.active + n) % n);
    else if (key === "Enter" && this.input.value.trim()) this.enter();
    else if (key === "Escape") this.shut();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Enter takes what is marked, else the very name that was typed, else the only one that holds it.
  async enter() {
    clearTimeout(this.clock);
    if (this.active >= 0) return this.pick(...this.names[this.active]);
    const found = await this.search();
    if (found?.isEqual || found?.names.length === 1) this.pick(...found.names[0]);
    return null;
  }

  pick(name, kind) {
    clearTimeout(this.clock);
    this.input.value = "";
    this.shut();
    this.choose(name, kind);
  }

  shut() {
    this.show([]);
    this.open(false);
  }
}

// A field that suggests names, such as genes, as one types; Python searches, so that any number of names will do.

import "./search_box.css";
import { element } from "./dom.js";

const TYPING_MS = 120;

let made = 0;

export class SearchBox {
  /** `label`, `title` and `placeholder` are the field's; `choose(name)` is called with the name that was taken. */
  constructor(channel, { label, title, choose, placeholder = "find a gene..." }) {
    Object.assign(this, { channel, choose, names: [], active: -1 });
    const id = `gl-suggestions-${(made += 1)}`;
    this.list = element("div", { class: "gl-suggestions", id, role: "listbox", "aria-label": "Matching genes", hidden: true });
    const on = {
      input: () => this.later(),
      keydown: (event) => this.press(event),
      blur: () => setTimeout(() => this.shut(), 150),
    };
    const aria = { role: "combobox", "aria-label": label, "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id };
    const plain = { autocomplete: "off", spellcheck: "false" };
    const field = { class: "gl-input", type: "search", placeholder, title };
    this.input = element("input", { ...field, ...aria, ...plain, on });
    this.el = element("span", { class: "gl-search" }, this.input, this.list);
  }

  later() {
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.search(), TYPING_MS);
  }

  async search() {
    const text = this.input.value;
    if (!text.trim()) return this.show([]);
    const { result } = await this.channel.ask("find", { text });
    if (!result) return this.shut(); // an error, which says nothing about the name
    return this.input.value === text && this.show(result);
  }

  show(names) {
    this.names = names;
    const isEmpty = names.length === 0 && this.input.value.trim() !== "";
    const none = isEmpty ? [element("div", { class: "gl-muted gl-none", text: "no such gene" })] : [];
    this.list.replaceChildren(...names.map((name, i) => this.option(name, i)), ...none);
    this.open(names.length > 0 || isEmpty);
    this.mark(-1);
  }

  open(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
  }

  option(name, i) {
    // mousedown, since the field's blur comes before a click
    const on = { mousedown: (event) => event.preventDefault(), click: () => this.pick(name) };
    const option = { class: "gl-option", id: `${this.list.id}-${i}`, role: "option", "aria-selected": "false" };
    return element("div", { ...option, text: name, on });
  }

  mark(active) {
    this.active = active;
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active >= 0) this.list.children[active].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", active >= 0 ? `${this.list.id}-${active}` : "");
  }

  press(event) {
    const { key } = event;
    const n = this.names.length;
    if (key === "ArrowDown" && n) this.mark((this.active + 1) % n);
    else if (key === "ArrowUp" && n) this.mark((this.active + n) % n);
    else if (key === "Enter" && this.input.value.trim()) this.pick(this.names[this.active] ?? this.typed());
    else if (key === "Escape") this.shut();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // What Enter takes if nothing is marked: the same name in any case, else the text, and Python says what is near.
  typed() {
    const text = this.input.value.trim();
    return this.names.find((name) => name.toLowerCase() === text.toLowerCase()) ?? text;
  }

  pick(name) {
    clearTimeout(this.clock);
    this.input.value = "";
    this.shut();
    this.choose(name);
  }

  shut() {
    this.show([]);
    this.open(false);
  }
}

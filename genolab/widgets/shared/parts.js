// What stands round the picture: the search for a gene, and the form that saves a selection.

import { element } from "./look.js";

const SEARCH_MS = 120;

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
    this.list.replaceChildren(
      ...rows,
      ...(isEmpty ? [element("div", { class: "gl-muted gl-none", text: "no such gene" })] : []),
    );
    this.list.hidden = rows.length === 0 && !isEmpty;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.mark(-1);
  }

  row(name, i) {
    // mousedown, since the field's blur comes before a click
    const on = { mousedown: (event) => event.preventDefault(), click: () => this.take(name) };
    return element("div", {
      class: "gl-option",
      id: `${this.list.id}-${i}`,
      role: "option",
      "aria-selected": "false",
      text: name,
      on,
    });
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

  // What Enter takes if nothing is marked: the same name in any case, else the text, and Python says what is near.
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
    this.input = element("input", {
      class: "gl-input",
      placeholder: "name of the column",
      "aria-label": "Name of the new column",
      maxlength: 200,
      spellcheck: "false",
    });
    const save = element("button", {
      class: "gl-button gl-main",
      type: "submit",
      text: "Save",
      title: "Write the column; a column from elsewhere is never written over",
    });
    const cancel = element("button", {
      class: "gl-button",
      type: "button",
      text: "Cancel",
      title: "Write nothing",
      on: { click: () => this.toggle(false) },
    });
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

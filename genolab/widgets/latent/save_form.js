// "Save as obs column...": a button that opens a field for the name.

import { button, element } from "../shared/dom.js";

export class SaveForm {
  constructor(store) {
    this.store = store;
    const title = "Write the selection into the AnnData, as a column of true and false";
    this.open = button("Save as obs column...", title, () => this.toggle(true));
    const field = { class: "gl-input", placeholder: "name of the column", "aria-label": "Name of the new column" };
    this.input = element("input", { ...field, maxlength: 200, spellcheck: "false" });
    const tip = "Write the column; a column from elsewhere is never written over";
    const save = element("button", { class: "gl-button gl-main", type: "submit", text: "Save", title: tip });
    const cancel = button("Cancel", "Write nothing", () => this.toggle(false));
    const on = { submit: (event) => this.save(event), keydown: (event) => this.key(event) };
    this.form = element("form", { class: "gl-row", hidden: true, on }, this.input, save, cancel);
    this.el = element("span", { class: "gl-save" }, this.open, this.form);
  }

  toggle(isOpen) {
    this.form.hidden = !isOpen;
    this.open.hidden = isOpen;
    (isOpen ? this.input : this.open).focus();
  }

  key(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.toggle(false);
  }

  async save(event) {
    event.preventDefault();
    const { error } = await this.store.send("save", { name: this.input.value });
    if (error) this.input.focus();
    else this.toggle(false);
  }
}

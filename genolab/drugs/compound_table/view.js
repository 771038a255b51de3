// A table of compounds: Python sends one page of rows; what is clicked and typed goes back, and the next page comes. The
// card next to it shows the row that is looked at.

import "../../widgets/shared/base.css";
import { Channel, widget } from "../../widgets/shared/channel.js";
import { button, element, root, row, space } from "../../widgets/shared/dom.js";
import { count } from "../../widgets/shared/format.js";
import { MessageLine } from "../../widgets/shared/message_line.js";
import { onTheme } from "../../widgets/shared/theme.js";
import { drawPart } from "../../widgets/shared/tooltip.js";
import "./view.css";

const TYPING_MS = 250;
const TRAITS = ["_view", "n_picked", "query", "selected_only"];
const KEYS =
  "Keys in the table: up and down go from row to row, Space picks, Page keys turn the page, Home and End go to the first " +
  "and the last one.";

class View {
  constructor(channel, el) {
    this.channel = channel;
    this.at = 0; // the row of the page that the keyboard is on
    this.build(el);
    const state = [...TRAITS, "sent", "received"];
    this.stop = [channel.on(state, () => this.show()), onTheme(() => this.describe(this.described, true)), this.line.close];
    this.show();
  }

  // ---- elements ----

  build(el) {
    this.headRow = element("tr");
    this.body = element("tbody", { on: { keydown: (event) => this.key(event) } });
    const table = element("table", { "aria-label": `Compounds. ${KEYS}` }, element("thead", {}, this.headRow), this.body);
    this.stage = element("div", { class: "gl-main-part gl-table" }, table);
    this.card = element("div", { class: "gl-side-part gl-card", role: "region", "aria-label": "The compound that is looked at" });
    this.line = new MessageLine(this.channel);
    const body = element("div", { class: "gl-body" }, this.stage, this.card);
    this.el = root("gl-compounds", "Compounds", this.header(), body, this.footer());
    el.append(this.el);
  }

  header() {
    const { channel } = this;
    const filter = () => channel.send("set", { query: this.query.value });
    const input = () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(filter, TYPING_MS);
    };
    const title = "Words, or comparisons such as score > 7, similarity < 0.4; a comma joins several";
    const type = { type: "search", class: "gl-input gl-query", placeholder: "filter: words, score > 7 ...", title };
    this.query = element("input", { ...type, "aria-label": "Filter rows", spellcheck: "false", on: { input } });
    const change = () => channel.send("set", { selected_only: this.only.checked });
    const narrow = "Show only the rows that are selected in the linked explorer";
    this.only = element("input", { type: "checkbox", title: narrow, on: { change } });
    this.link = element("label", { class: "gl-label", title: narrow }, this.only, "selected in the explorer");
    this.explore = labelled("Show picks", "Select the picks in the linked explorer", () => channel.send("explore"));
    this.save = labelled("Save picks", "Write the picks into the table, as its column pick", () =>
      channel.send("save", { name: "pick" }),
    );
    this.clear = labelled("Clear", "Pick nothing", () => channel.send("clear"));
    this.picked = element("span", { class: "gl-muted gl-number" });
    const help = labelled("?", "Show the keys", () => this.line.say(KEYS));
    return row("", this.query, this.link, space(), this.picked, this.explore, this.save, this.clear, help);
  }

  footer() {
    const { channel } = this;
    const turn = (by) => () => channel.send("page", { first: this.view.first + by * this.view.size });
    this.back = labelled("‹", "The page before", turn(-1));
    this.next = labelled("›", "The next page", turn(1));
    this.where = element("span", { class: "gl-muted gl-number" });
    this.note = element("span", { class: "gl-muted" });
    return row("", this.line.el, this.note, space(), this.where, this.back, this.next);
  }

  // ---- what is shown ----

  show() {
    const { channel } = this;
    const view = channel.get("_view");
    this.el.setAttribute("aria-busy", String(channel.isBusy));
    if (!channel.isBusy) {
      // While Python is at work, what the person has just typed and ticked stands.
      if (document.activeElement !== this.query) this.query.value = channel.get("query");
      this.only.checked = channel.get("selected_only");
    }
    const n = channel.get("n_picked");
    this.picked.textContent = `${count(n)} picked`;
    for (const button of [this.explore, this.clear]) button.disabled = n === 0;
    if (view !== this.view) this.showPage(view);
    this.el.dataset.received = channel.received;
  }

  showPage(view) {
    const hadFocus = this.body.contains(document.activeElement);
    const isOther = this.view?.first !== view.first;
    this.view = view;
    this.link.hidden = this.explore.hidden = !view.isLinked;
    this.headRow.replaceChildren(element("th", { class: "gl-tick", scope: "col", title: "Picked" }), ...this.titles(view));
    this.at = Math.min(isOther ? 0 : this.at, Math.max(0, view.rows.length - 1));
    this.lines = view.rows.map((one, at) => this.tableRow(one, at));
    const none = element("td", { colspan: view.columns.length + 1, class: "gl-muted", text: "no row fits the filter" });
    this.body.replaceChildren(...(this.lines.length ? this.lines : [element("tr", {}, none)]));
    if (hadFocus) this.lines[this.at]?.focus({ preventScroll: true });
    const last = view.first + view.rows.length;
    const fit = view.nShown < view.nAll ? ` that fit, of ${count(view.nAll)} in all` : "";
    const place = `${count(view.first + 1)} to ${count(last)} of ${count(view.nShown)}${fit}`;
    this.where.textContent = view.rows.length ? place : `none of ${count(view.nAll)} fits`;
    this.note.textContent = view.note;
    this.back.disabled = view.first === 0;
    this.next.disabled = last >= view.nShown;
    this.describe(view.rows[this.at]);
  }

  titles({ columns, sort, ascending }) {
    const { channel } = this;
    return columns.map(({ name, isNumber }) => {
      const isSorted = name === sort;
      const click = () => channel.send("set", { sort: name, ascending: isSorted ? !ascending : !isNumber });
      const mark = isSorted ? (ascending ? " ▲" : " ▼") : "";
      const title = element("button", { class: "gl-plain gl-sort", type: "button", text: name + mark, title: `Sort by ${name}`, on: { click } });
      const order = isSorted ? (ascending ? "ascending" : "descending") : "none";
      return element("th", { scope: "col", class: isNumber ? "gl-number" : "", "aria-sort": order }, title);
    });
  }

  tableRow(one, at) {
    const title = `Pick ${one.label}`;
    const change = () => this.channel.send("pick", { row: one.row, on: tick.checked });
    const tick = element("input", { type: "checkbox", tabindex: -1, title, "aria-label": title, on: { change } });
    tick.checked = one.picked;
    const cells = one.cells.map((text, i) => {
      const { isNumber } = this.view.columns[i];
      return element("td", { class: isNumber ? "gl-number" : "gl-ellipsis", text, title: isNumber ? "" : text });
    });
    const focus = () => {
      this.at = at;
      this.describe(one);
    };
    const on = { pointerenter: () => this.describe(one), focus, click: () => made.focus({ preventScroll: true }) };
    const tabindex = at === this.at ? 0 : -1;
    const made = element("tr", { tabindex, class: one.picked ? "gl-picked" : "", on }, element("td", { class: "gl-tick" }, tick), ...cells);
    return made;
  }

  /** Show a row on the card. */
  async describe(one, again = false) {
    if (one && one.row === this.described?.row && !again) return;
    this.described = one;
    if (!one) {
      this.card.replaceChildren();
      return;
    }
    const { result } = await this.channel.ask("describe", { row: one.row }, { isQuiet: true });
    if (one !== this.described || !result) return;
    const parts = result.map((part) => drawPart(part, this.card));
    this.card.replaceChildren(element("div", { class: "gl-strong", text: one.label }), ...parts);
    this.card.scrollTop = 0;
  }

  // ---- keys ----

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { view, channel } = this;
    const last = this.lines.length - 1;
    const rows = { ArrowDown: Math.min(last, this.at + 1), ArrowUp: Math.max(0, this.at - 1) };
    const pages = { PageDown: view.first + view.size, PageUp: view.first - view.size, Home: 0, End: view.nShown };
    if (event.key in rows) this.go(rows[event.key]);
    else if (event.key in pages) channel.send("page", { first: pages[event.key] });
    else if (event.key === " ") {
      const { row, picked } = view.rows[this.at];
      channel.send("pick", { row, on: !picked });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  go(at) {
    this.lines[this.at].tabIndex = -1;
    this.lines[at].tabIndex = 0;
    this.lines[at].focus({ preventScroll: true });
    this.lines[at].scrollIntoView({ block: "nearest" });
  }

  close() {
    clearTimeout(this.typing);
    this.stop.forEach((stop) => stop());
  }
}

function labelled(text, title, click) {
  return button(text, title, click, title);
}

export default widget((model) => new Channel(model, TRAITS), View);

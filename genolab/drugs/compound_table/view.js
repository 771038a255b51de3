// The view of genolab/widgets/compounds.py: Python sends one page of a table; what is clicked and typed goes back, and the
// next page comes. The card beside it tells the row that is looked at.

import "../../widgets/shared/base.css";
import "./view.css";
import { count, element, onTheme, root } from "../../widgets/shared/look.js";
import { Talk } from "../../widgets/shared/channel.js";
import { drawPart } from "../../widgets/shared/tips.js";

const TYPED_MS = 250;
const KEYS =
  "Keys in the table: up and down go from row to row, Space picks, Page keys turn the page, Home and End go to the first " +
  "and the last one.";

class View {
  constructor(talk, el) {
    this.talk = talk;
    this.at = 0; // the row of the page that the keyboard is on
    this.build(el);
    const changed = () => this.show();
    talk.addEventListener("change", changed);
    this.stop = [() => talk.removeEventListener("change", changed), onTheme(() => this.tell(this.told, true))];
    this.show();
  }

  // ---- elements ----

  build(el) {
    this.headRow = element("tr");
    this.body = element("tbody", { on: { keydown: (event) => this.key(event) } });
    const table = element("table", { "aria-label": `Compounds. ${KEYS}` }, element("thead", {}, this.headRow), this.body);
    this.stage = element("div", { class: "gl-table" }, table);
    this.card = element("div", { class: "gl-card", role: "region", "aria-label": "The compound that is looked at" });
    this.message = element("span", { class: "gl-message", role: "status", "aria-live": "polite" });
    const body = element("div", { class: "gl-body" }, this.stage, this.card);
    this.el = root("gl-compounds", "Compounds", this.header(), body, this.footer());
    el.append(this.el);
  }

  header() {
    const say = () => this.talk.say("set", { query: this.query.value });
    const input = () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(say, TYPED_MS);
    };
    const title = "Words, or comparisons such as score > 7, similarity < 0.4; a comma joins several";
    const type = { type: "search", class: "gl-input gl-query", placeholder: "filter: words, score > 7 ...", title };
    this.query = element("input", { ...type, "aria-label": "Filter rows", spellcheck: "false", on: { input } });
    const change = () => this.talk.say("set", { selected_only: this.only.checked });
    const narrow = "Show only the rows that are selected in the linked explorer";
    this.only = element("input", { type: "checkbox", title: narrow, on: { change } });
    this.link = element("label", { class: "gl-label", title: narrow }, this.only, "selected in the explorer");
    this.explore = this.button("Show picks", "Select the picks in the linked explorer", () => this.talk.say("explore"));
    this.save = this.button("Save picks", "Write the picks into the table, as its column pick", () =>
      this.talk.say("save", { name: "pick" }),
    );
    this.clear = this.button("Clear", "Pick nothing", () => this.talk.say("clear"));
    this.picked = element("span", { class: "gl-muted gl-number" });
    const space = element("span", { class: "gl-space" });
    const help = this.button("?", "Tell the keys", () => this.sayText(KEYS));
    return element("div", { class: "gl-row" }, this.query, this.link, space, this.picked, this.explore, this.save, this.clear, help);
  }

  footer() {
    const { talk } = this;
    const turn = (by) => () => talk.say("page", { first: this.view.first + by * this.view.size });
    this.back = this.button("‹", "The page before", turn(-1));
    this.next = this.button("›", "The next page", turn(1));
    this.where = element("span", { class: "gl-muted gl-number" });
    return element("div", { class: "gl-row" }, this.message, element("span", { class: "gl-space" }), this.where, this.back, this.next);
  }

  button(text, title, click) {
    return element("button", { class: "gl-button", type: "button", text, title, "aria-label": title, on: { click } });
  }

  // ---- what is shown ----

  show() {
    const { talk } = this;
    const view = talk.get("_view");
    this.el.setAttribute("aria-busy", String(talk.isBusy));
    if (!talk.isBusy) {
      // While Python is asked, what the person has just typed and ticked stands.
      this.sayText(talk.get("message"));
      if (document.activeElement !== this.query) this.query.value = talk.get("query");
      this.only.checked = talk.get("selected_only");
    }
    const n = talk.get("n_picked");
    this.picked.textContent = `${count(n)} picked`;
    for (const button of [this.explore, this.save, this.clear]) button.disabled = n === 0 && button !== this.save;
    if (view !== this.view) this.showPage(view);
    this.el.dataset.heard = talk.heard;
  }

  showPage(view) {
    const hadFocus = this.body.contains(document.activeElement);
    const isOther = this.view?.first !== view.first;
    this.view = view;
    this.link.hidden = this.explore.hidden = !view.isLinked;
    this.headRow.replaceChildren(element("th", { class: "gl-tick", scope: "col", title: "Picked" }), ...this.titles(view));
    this.at = Math.min(isOther ? 0 : this.at, Math.max(0, view.rows.length - 1));
    this.lines = view.rows.map((row, at) => this.line(row, at));
    const none = element("td", { colspan: view.columns.length + 1, class: "gl-muted", text: "no row fits the filter" });
    this.body.replaceChildren(...(this.lines.length ? this.lines : [element("tr", {}, none)]));
    if (hadFocus) this.lines[this.at]?.focus({ preventScroll: true });
    const last = view.first + view.rows.length;
    const of = view.nShown < view.nAll ? `${count(view.nShown)} of ${count(view.nAll)}` : count(view.nAll);
    this.where.textContent = view.rows.length ? `${count(view.first + 1)} to ${count(last)} of ${of}` : `none of ${of}`;
    this.back.disabled = view.first === 0;
    this.next.disabled = last >= view.nShown;
    this.tell(view.rows[this.at]);
  }

  titles({ columns, sort, ascending }) {
    return columns.map(({ name, isNumber }) => {
      const isSorted = name === sort;
      const click = () => this.talk.say("set", { sort: name, ascending: isSorted ? !ascending : !isNumber });
      const mark = isSorted ? (ascending ? " ▲" : " ▼") : "";
      const button = element("button", { class: "gl-sort", type: "button", text: name + mark, title: `Sort by ${name}`, on: { click } });
      const order = isSorted ? (ascending ? "ascending" : "descending") : "none";
      return element("th", { scope: "col", class: isNumber ? "gl-number" : "", "aria-sort": order }, button);
    });
  }

  line(row, at) {
    const change = () => this.talk.say("pick", { row: row.row, on: tick.checked });
    const title = `Pick ${row.label}`;
    const tick = element("input", { type: "checkbox", tabindex: -1, title, "aria-label": title, on: { change } });
    tick.checked = row.picked;
    const cells = row.cells.map((text, i) => {
      const { isNumber } = this.view.columns[i];
      return element("td", { class: isNumber ? "gl-number" : "gl-text", text, title: isNumber ? "" : text });
    });
    const look = () => this.tell(row);
    const focus = () => {
      this.at = at;
      look();
    };
    const on = { pointerenter: look, focus, click: () => made.focus({ preventScroll: true }) };
    const tabindex = at === this.at ? 0 : -1;
    const made = element("tr", { tabindex, class: row.picked ? "gl-picked" : "", on }, element("td", { class: "gl-tick" }, tick), ...cells);
    return made;
  }

  async tell(row, again = false) {
    if (row && row.row === this.told?.row && !again) return;
    this.told = row;
    if (!row) {
      this.card.replaceChildren();
      return;
    }
    const { result } = await this.talk.ask("tell", { row: row.row });
    if (row !== this.told || !result) return;
    const parts = result.map((part) => drawPart(part, this.card));
    this.card.replaceChildren(element("div", { class: "gl-term", text: row.label }), ...parts);
    this.card.scrollTop = 0;
    this.el.dataset.told = row.row;
  }

  sayText(text) {
    this.message.textContent = text;
  }

  // ---- keys ----

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { view, talk } = this;
    const last = this.lines.length - 1;
    const rows = { ArrowDown: Math.min(last, this.at + 1), ArrowUp: Math.max(0, this.at - 1) };
    const pages = { PageDown: view.first + view.size, PageUp: view.first - view.size, Home: 0, End: view.nShown };
    if (event.key in rows) this.go(rows[event.key]);
    else if (event.key in pages) talk.say("page", { first: pages[event.key] });
    else if (event.key === " ") {
      const { row, picked } = view.rows[this.at];
      talk.say("pick", { row, on: !picked });
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

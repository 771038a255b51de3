// What all views of one explorer share: the data as typed arrays, and the selection. What is done here is shown at once and
// sent to Python; while Python has still to follow, its own selection, which is an older one, is left aside.

import { Channel, bytes, floats, shorts } from "../shared/channel.js";

const TRAITS = [
  ...["_points", "_frame", "_codes", "_legend", "_hidden", "_mask", "_choices"],
  ...["_trajectories", "_trajectory_labels", "basis", "dims", "color", "watching"],
];

/** Views hear of Python's traits, and of "points", "colour", "hidden", "selection", "spotlight" and "named". */
export class DataStore extends Channel {
  constructor(model) {
    super(model, TRAITS);
    this.spotlight = -1;
    this.readPoints();
    this.readCodes();
    this.readMask();
  }

  // ---- the data ----

  get n() {
    return this.get("_n_obs");
  }

  /** What the rows are called: "1 cell", "12 sequences". */
  rows(n = this.n) {
    const word = this.get("_rows");
    return n === 1 ? word.replace(/s$/, "") : word;
  }

  get legend() {
    return this.get("_legend");
  }

  take(changed) {
    if (changed.has("_points")) this.readPoints();
    if (changed.has("_codes") || changed.has("_legend")) this.readCodes();
    if (changed.has("_hidden") || changed.has("_mask")) this.isBehind = true;
    if (!this.isBehind || this.isBusy) return;
    this.isBehind = false;
    this.readHidden();
    this.readMask();
  }

  readPoints() {
    this.points = floats(this.get("_points"));
    this.note("points");
  }

  readCodes() {
    const raw = this.get("_codes");
    this.codes = this.legend.missing === 255 ? bytes(raw) : shorts(raw);
    this.named = new Map(); // the values in the old one are of the colour before
    this.spotlight = -1;
    this.hidden = new Set(this.get("_hidden"));
    this.note("colour");
  }

  readHidden() {
    this.hidden = new Set(this.get("_hidden"));
    this.note("hidden");
  }

  readMask() {
    const bits = bytes(this.get("_mask"));
    const mask = new Uint8Array(this.n);
    for (let i = 0; i < mask.length; i += 1) mask[i] = (bits[i >> 3] >> (i & 7)) & 1;
    this.mask = mask;
    this.count();
  }

  count() {
    this.nSelected = 0;
    this.nSelectedHidden = 0;
    this.selectedOf = new Map(); // code -> selected points
    const { codes, mask } = this;
    const tally = new Uint32Array(65536);
    for (let i = 0; i < mask.length; i += 1) if (mask[i]) tally[codes.length ? codes[i] : 0] += 1;
    tally.forEach((n, code) => {
      if (!n) return;
      this.nSelected += n;
      if (this.hidden.has(code)) this.nSelectedHidden += n;
      this.selectedOf.set(code, n);
    });
    this.note("selection");
  }

  /** Whether a point is shown, as a function that is quick for many. */
  shown() {
    const { codes, hidden } = this;
    if (hidden.size === 0 || codes.length === 0) return () => true;
    const table = new Uint8Array(65536);
    for (const code of hidden) table[code] = 1;
    return (i) => table[codes[i]] === 0;
  }

  // ---- what a person does ----

  /** Take the points of `mask` (a Uint8Array of 0 and 1): "replace", "add" or "remove". */
  select(mask, how) {
    if (how === "add") for (let i = 0; i < mask.length; i += 1) mask[i] |= this.mask[i];
    if (how === "remove") for (let i = 0; i < mask.length; i += 1) mask[i] = this.mask[i] & ~mask[i];
    const bits = new Uint8Array(Math.ceil(mask.length / 8));
    for (let i = 0; i < mask.length; i += 1) bits[i >> 3] |= mask[i] << (i & 7);
    this.send("select", {}, [bits.buffer]); // first to Python, then to the screen
    this.mask = mask;
    this.count();
  }

  clear() {
    if (this.nSelected) this.select(new Uint8Array(this.n), "replace");
  }

  hide(codes) {
    this.hidden = new Set(codes);
    this.send("hide", { codes: [...this.hidden].sort((a, b) => a - b) });
    this.count();
    this.note("hidden");
  }

  shine(code) {
    if (this.spotlight === code) return;
    this.spotlight = code;
    this.note("spotlight");
  }

  /** Name, value and parts of a point, once Python has sent them; then "named" is noted. */
  describe(row) {
    const { named } = this;
    if (!named.has(row)) {
      if (named.size > 5000) named.clear();
      named.set(row, null);
      this.ask("hover", { row }, { isQuiet: true }).then(({ result }) => {
        named.set(row, result ?? { name: `row ${row + 1}`, value: null, parts: [] });
        this.note("named");
      });
    }
    return named.get(row);
  }
}

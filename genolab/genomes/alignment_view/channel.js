// The talk of the alignment view with Python: questions and their answers, and where the cursor stands, which is shown at
// once and told to Python on the way.

/** What all views of one widget share. */
export class Talk extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.browser = Math.random().toString(36).slice(2);
    this.asked = 0;
    this.sent = 0; // number of the last move
    this.heard = 0; // of the last that Python has followed
    this.waiting = new Map();
    this.take();
    const handlers = {
      "change:_block": () => this.soon(),
      "change:_profile": () => this.soon(),
      "change:row": () => this.soon(),
      "change:column": () => this.soon(),
      "change:_heard": () => this.soon(),
      "msg:custom": (content) => this.hear(content),
    };
    for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
    this.close = () => {
      for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    };
  }

  get(name) {
    return this.model.get(name);
  }

  // Several traits change in one message, and are told once.
  soon() {
    if (this.isSoon) return;
    this.isSoon = true;
    queueMicrotask(() => {
      this.isSoon = false;
      this.take();
      this.dispatchEvent(new Event("change"));
    });
  }

  // Python's place holds, unless it has not heard yet where the person has gone meanwhile.
  take() {
    const [browser, heard] = this.get("_heard");
    if (browser === this.browser) this.heard = heard;
    if (browser === this.browser && heard < this.sent) return;
    this.row = this.get("row");
    this.column = this.get("column");
  }

  go(row, column) {
    Object.assign(this, { row, column });
    this.sent += 1;
    this.ask("go", { row, column, browser: this.browser, number: this.sent });
    this.dispatchEvent(new Event("change"));
  }

  /** Ask Python; resolves to {result} or {error}. */
  ask(kind, content) {
    this.asked += 1;
    const ask = `${this.browser}-${this.asked}`;
    this.model.send({ ask, kind, ...content });
    return new Promise((resolve) => this.waiting.set(ask, resolve));
  }

  hear(content) {
    this.waiting.get(content.ask)?.(content);
    this.waiting.delete(content.ask);
  }
}

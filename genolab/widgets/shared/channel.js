// The talk of a widget with Python: what a person does is said, and one message is answered after the other.

/** What all views of one widget share; Python's picture is the trait `_view`. */
export class Talk extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.browser = Math.random().toString(36).slice(2);
    this.sent = 0;
    this.heard = 0;
    this.asked = new Map();
    const handlers = {
      "change:_view": () => this.tell(),
      "change:message": () => this.tell(),
      "change:_heard": () => this.hear(),
      "msg:custom": (content) => this.answer(content),
    };
    for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
    this.close = () => {
      for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    };
  }

  get(name) {
    return this.model.get(name);
  }

  get isBusy() {
    return this.heard < this.sent;
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }

  hear() {
    const [browser, heard] = this.get("_heard");
    if (browser === this.browser) this.heard = Math.max(this.heard, heard);
    this.tell();
  }

  say(kind, content = {}) {
    this.sent += 1;
    this.model.send({ kind, ...content, browser: this.browser, number: this.sent });
    this.tell();
  }

  ask(kind, content) {
    const ask = `${this.browser} ${this.asked.size + 1}`;
    return new Promise((done) => {
      this.asked.set(ask, done);
      this.model.send({ kind, ...content, browser: this.browser, number: ask });
    });
  }

  answer(content) {
    this.asked.get(content.ask)?.(content);
    this.asked.set(content.ask, () => {});
  }
}

// The messages between the views of one widget in this browser and Python. Python owns the state, which comes as traits;
// what a person does goes there as a message, and to each message comes a reply (genolab/widgets/shared/base.py).

const SLOW_MS = 300; // without a reply for so long, the screen says that something is going on

/** What all views of one widget share. A subclass may keep state of its own, and take over the traits by `take`. */
export class Channel {
  /** `traits` are those whose changes the views hear of, with those of the message line. */
  constructor(model, traits) {
    this.model = model;
    this.browser = Math.random().toString(36).slice(2);
    this.number = 0; // of the last message
    this.sent = 0; // commands
    this.received = 0; // commands that Python has followed
    this.pending = 0; // messages without a reply yet, those that are quiet aside
    this.isSlow = false;
    this.replies = new Map();
    this.listeners = new Set();
    this.changed = new Set();
    const heard = [...traits, "message", "_is_error"];
    this.handlers = heard.map((name) => [`change:${name}`, () => this.note(name)]);
    this.handlers.push(["msg:custom", (reply, buffers) => this.receive(reply, buffers)]);
    for (const [event, handler] of this.handlers) model.on(event, handler);
  }

  get(name) {
    return this.model.get(name);
  }

  /** Whether Python has still to follow a command. */
  get isBusy() {
    return this.received < this.sent;
  }

  /** Call `listener` when one of the named changes has come, once for all of a message; returns what ends that. */
  on(names, listener) {
    const entry = { names, listener };
    this.listeners.add(entry);
    return () => this.listeners.delete(entry);
  }

  // Several traits change in one message, and the views are notified once.
  note(name) {
    this.changed.add(name);
    if (this.changed.size === 1) queueMicrotask(() => this.notify());
  }

  notify() {
    const { changed } = this;
    this.take(changed);
    this.changed = new Set();
    for (const { names, listener } of [...this.listeners]) if (names.some((name) => changed.has(name))) listener(changed);
  }

  /** Take over what has changed; what is noted meanwhile is part of the same notice. */
  take(_changed) {}

  /** Have Python do something; resolves to {result, buffers} or {error}, which stands on the message line too. */
  async send(kind, content = {}, buffers = []) {
    this.sent += 1;
    this.note("sent");
    const reply = await this.post({ kind, ...content }, { buffers });
    this.received += 1;
    this.note("received");
    return reply;
  }

  /** Ask Python something that changes nothing; resolves to {result, buffers} or {error}. */
  ask(kind, content = {}, { isQuiet = false } = {}) {
    return this.post({ kind, is_query: true, ...content }, { isQuiet });
  }

  post(content, { buffers = [], isQuiet = false }) {
    const { browser } = this;
    const number = (this.number += 1);
    const wait = (by) => isQuiet || this.wait(by);
    wait(1);
    return new Promise((resolve) => {
      this.replies.set(number, (reply) => {
        wait(-1);
        resolve(reply);
      });
      this.model.send({ ...content, browser, number }, undefined, buffers);
    });
  }

  wait(by) {
    this.pending += by;
    clearTimeout(this.clock);
    this.setSlow(false);
    if (this.pending > 0) this.clock = setTimeout(() => this.setSlow(true), SLOW_MS);
  }

  setSlow(isSlow) {
    if (isSlow !== this.isSlow) this.note("slow");
    this.isSlow = isSlow;
  }

  receive(reply, buffers) {
    if (reply.browser !== this.browser) return; // of a page on which the same widget is shown
    this.replies.get(reply.number)?.({ ...reply, buffers });
    this.replies.delete(reply.number);
  }

  close() {
    clearTimeout(this.clock);
    for (const [event, handler] of this.handlers) this.model.off(event, handler);
  }
}

/** What a view's module exports: one channel, made by `open(model)`, and a `View(channel, el)` for each place on the page. */
export function widget(open, View) {
  return () => {
    let channel = null;
    return {
      initialize({ model }) {
        channel = open(model);
        return () => channel.close();
      },
      render({ el }) {
        const view = new View(channel, el);
        return () => view.close();
      },
    };
  };
}

// A Bytes trait arrives as a DataView (null while empty); its start need not be aligned, then it is copied.
function array(Kind, view) {
  if (!view) return new Kind(0);
  const { buffer, byteOffset, byteLength } = view;
  const size = Kind.BYTES_PER_ELEMENT;
  if (byteOffset % size === 0) return new Kind(buffer, byteOffset, byteLength / size);
  return new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
}

export const bytes = (view) => array(Uint8Array, view);
export const shorts = (view) => array(Uint16Array, view);
export const floats = (view) => array(Float32Array, view);

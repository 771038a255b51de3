// The messages between the views of one widget in this browser and Python. Python owns the state, which comes as traits;
// what a person does goes there as a message, and to each message comes a reply (genolab/widgets/shared/base.py).

const SLOW_MS = 300; // without a reply for so long, the screen says that something is going on
const LATE_MS = 10000; // for so long, that the kernel may be gone; that is checked, and again after twice the time
const GRACE_MS = 500; // for a reply that comes after the kernel has called itself idle

export const GONE = "The kernel is gone, and this is the last that was seen. Run the notebook again from its first cell.";

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
    this.isLate = false;
    this.isGone = false; // the kernel, with the widget's Python: what is sent gets an error at once
    this.replies = new Map();
    this.listeners = new Set();
    this.changed = new Set();
    const heard = [...traits, "message", "_is_error"];
    this.handlers = heard.map((name) => [`change:${name}`, () => this.note(name)]);
    this.handlers.push(["msg:custom", (reply, buffers) => this.receive(reply, buffers)]);
    this.handlers.push(["comm_live_update", () => setTimeout(() => this.check())]); // JupyterLab's, on a restart
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
    if (this.isGone) return Promise.resolve({ error: GONE });
    const number = (this.number += 1);
    const wait = (by) => isQuiet || this.wait(by);
    wait(1);
    return new Promise((resolve) => {
      this.replies.set(number, (reply) => {
        wait(-1);
        resolve(reply);
      });
      this.deliver({ ...content, browser: this.browser, number }, buffers);
    });
  }

  // A kernel that is idle after a message, and has not replied, doesn't know the widget: it was restarted.
  deliver(content, buffers) {
    const check = () => this.replies.has(content.number) && this.lose();
    const status = (message) => message.content.execution_state === "idle" && setTimeout(check, GRACE_MS);
    try {
      this.model.send(content, { iopub: { status } }, buffers);
    } catch {
      this.lose(); // the page has ended the connection to a kernel that died or was shut down
    }
  }

  /** See whether the kernel is still there. */
  check() {
    this.checked = performance.now();
    this.ask("ping", {}, { isQuiet: true });
  }

  /** Take the kernel for gone: all that waits for it gets an error. */
  lose() {
    if (this.isGone) return;
    this.isGone = true;
    for (const answer of this.replies.values()) answer({ error: GONE });
    this.replies.clear();
    this.note("gone");
  }

  wait(by) {
    this.pending += by;
    clearTimeout(this.clock);
    this.setSlow(false);
    if (this.pending > 0) this.clock = setTimeout(() => this.beSlow(), SLOW_MS);
  }

  beSlow() {
    this.setSlow(true);
    this.clock = setTimeout(() => this.beLate(LATE_MS), LATE_MS);
  }

  beLate(waited) {
    this.setSlow(true, true);
    this.clock = setTimeout(() => this.beLate(2 * waited), 2 * waited);
    this.check();
  }

  setSlow(isSlow, isLate = false) {
    if (isSlow !== this.isSlow || isLate !== this.isLate) this.note("slow");
    Object.assign(this, { isSlow, isLate });
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
        const place = el.querySelector(".genolab");
        place.dataset.view = channel.get("_view_id"); // by which its picture is hidden (genolab/widgets/shared/picture.py)
        const stop = watchKernel(channel, place);
        return () => {
          stop();
          view.close();
        };
      },
    };
  };
}

// A kernel that has died is noticed when a person turns to the widget. What is seen of a widget without one is dimmed.
function watchKernel(channel, place) {
  const look = () => performance.now() - (channel.checked ?? -Infinity) > LATE_MS && channel.check();
  for (const event of ["pointerenter", "focusin"]) place.addEventListener(event, look);
  const show = () => place.classList.toggle("gl-gone", channel.isGone);
  show();
  return channel.on(["gone"], show);
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

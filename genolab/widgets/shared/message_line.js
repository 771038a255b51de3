// The line for the message of Python, for what went wrong, or for the notice that something is going on.

import { GONE } from "./channel.js";
import { element } from "./dom.js";

const LATE = "The kernel has not answered for a while: it is busy with another cell, or was restarted.";

export class MessageLine {
  constructor(channel, working = "Working ...") {
    Object.assign(this, { channel, working });
    this.el = element("span", { class: "gl-message", role: "status", "aria-live": "polite" });
    this.close = channel.on(["message", "_is_error", "slow", "received", "gone"], () => this.show());
    this.show();
  }

  show() {
    const { channel } = this;
    if (channel.isSlow) this.say(channel.isLate ? LATE : this.working);
    else this.say(channel.get("message"), channel.get("_is_error"));
  }

  /** Say something until the next command. */
  say(text, isError = false) {
    const { isGone } = this.channel;
    this.el.textContent = isGone ? GONE : text;
    this.el.classList.toggle("gl-error", isError && !isGone);
    this.el.classList.toggle("gl-trouble", isGone);
  }
}

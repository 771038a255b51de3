// The line for the message of Python, for what went wrong, or for the notice that something is going on.

import { element } from "./dom.js";

export class MessageLine {
  constructor(channel, working = "Working ...") {
    Object.assign(this, { channel, working });
    this.el = element("span", { class: "gl-message", role: "status", "aria-live": "polite" });
    this.close = channel.on(["message", "_is_error", "slow", "received"], () => this.show());
    this.show();
  }

  show() {
    const { channel } = this;
    if (channel.isSlow) this.say(this.working);
    else this.say(channel.get("message"), channel.get("_is_error"));
  }

  /** Say something until the next command. */
  say(text, isError = false) {
    this.el.textContent = text;
    this.el.classList.toggle("gl-error", isError);
  }
}

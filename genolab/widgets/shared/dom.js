// Elements of the page. Text of the user's data only ever becomes a text node.

/**
 * Make an element. Attributes: `class`, `title`, `aria-label` ... as in HTML; `text` sets its text; `on` is
 * {event: listener}; false and null are left out, true is an empty attribute. Children are nodes or plain strings.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A button; `label` names one whose text is a sign. */
export function button(text, title, click, label = null) {
  return element("button", { class: "gl-button", type: "button", text, title, "aria-label": label, on: { click } });
}

/** A row of elements; what follows a `space()` stands at its right end. */
export function row(name, ...children) {
  return element("div", { class: `gl-row ${name}` }, ...children);
}

export function space() {
  return element("span", { class: "gl-space" });
}

/** Elements that belong together, such as the buttons of a choice. */
export function group(label, ...children) {
  return element("span", { class: "gl-group", role: "group", "aria-label": label }, ...children);
}

// Keys without Ctrl, Alt or Meta stay in the widget: in JupyterLab "a" would add a cell and an arrow leave the slider.
// (Its attribute data-lm-suppress-shortcuts does not hold them back: its bindings match the focused element itself.)
function keepKey(event) {
  if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
}

/** The root of a widget: themed, and out of reach of the notebook's one-key shortcuts. */
export function root(name, label, ...children) {
  const on = { keydown: keepKey };
  return element("div", { class: `genolab ${name}`, role: "group", "aria-label": label, on }, ...children);
}

/** Where on an element a pointer is, [x, y] in CSS pixels from its top left. */
export function pointerPlace(el, event) {
  const box = el.getBoundingClientRect();
  return [event.clientX - box.left - el.clientLeft, event.clientY - box.top - el.clientTop];
}

const LINE = 16; // pixels of a line, where a mouse wheel counts in lines
const PAGE = 400;

/** How far a wheel was turned, in pixels. */
export function wheelPixels({ deltaY, deltaMode }) {
  return deltaY * [1, LINE, PAGE][deltaMode];
}

/** The factor by which a turn of the wheel zooms; with Ctrl, as a touchpad's pinch comes, it is more. */
export function wheelZoom(event) {
  const speed = event.ctrlKey && event.deltaMode === 0 ? 0.01 : 0.002;
  return Math.exp(-Math.max(-200, Math.min(200, wheelPixels(event))) * speed);
}

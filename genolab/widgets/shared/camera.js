// Where the points' space lies on the screen. A camera is {x, y, sx, sy}: the place in the middle of the frame, and
// pixels a unit along each axis. A frame is {left, top, width, height} in CSS pixels of the picture.

const PAD = 18; // pixels between the outermost points and the frame
const SPARE = 0.88; // of the frame is filled after the camera has moved by itself, so that the next epoch fits too
const FAIR = 0.6; // of the frame filled is enough for the camera to stay

/** The camera that shows all of a box {x0, y0, x1, y1}. */
export function fitted(box, frame) {
  const scale = (pixels, span) => Math.max(1, pixels - 2 * PAD) / (span > 0 ? span : 1);
  return {
    x: (box.x0 + box.x1) / 2,
    y: (box.y0 + box.y1) / 2,
    sx: scale(frame.width, box.x1 - box.x0),
    sy: scale(frame.height, box.y1 - box.y0),
  };
}

/** What a camera sees, as a box. */
export function seen(camera, frame) {
  const halfX = frame.width / 2 / camera.sx;
  const halfY = frame.height / 2 / camera.sy;
  return { x0: camera.x - halfX, y0: camera.y - halfY, x1: camera.x + halfX, y1: camera.y + halfY };
}

/** The camera for points that moved: the same while they fill a fair part of it, so that axes don't tremble. */
export function calm(camera, box, frame) {
  const now = seen(camera, frame);
  const isInside = box.x0 > now.x0 && box.x1 < now.x1 && box.y0 > now.y0 && box.y1 < now.y1;
  const isFair = box.x1 - box.x0 > FAIR * (now.x1 - now.x0) && box.y1 - box.y0 > FAIR * (now.y1 - now.y0);
  if (isInside && isFair) return camera;
  const all = fitted(box, frame);
  return { ...all, sx: all.sx * SPARE, sy: all.sy * SPARE };
}

/** The camera on its way from one to another; scales go by their ratio. */
export function between(from, to, share) {
  const even = (name) => from[name] + (to[name] - from[name]) * share;
  const ratio = (name) => from[name] * (to[name] / from[name]) ** share;
  return { x: even("x"), y: even("y"), sx: ratio("sx"), sy: ratio("sy") };
}

/** A place in space on the screen, [x, y]. */
export function onScreen(camera, frame, x, y) {
  return [
    frame.left + frame.width / 2 + (x - camera.x) * camera.sx,
    frame.top + frame.height / 2 - (y - camera.y) * camera.sy,
  ];
}

/** A place on the screen in space, [x, y]. */
export function inSpace(camera, frame, [x, y]) {
  return [
    camera.x + (x - frame.left - frame.width / 2) / camera.sx,
    camera.y - (y - frame.top - frame.height / 2) / camera.sy,
  ];
}

/** How far a camera is zoomed in against the one that shows all. */
export function zoomed(camera, all) {
  return Math.sqrt((camera.sx / all.sx) * (camera.sy / all.sy));
}

/** The camera zoomed by a factor, with what lies at a place on the screen held there; between a quarter and 20,000. */
export function zoomedAt(camera, all, frame, factor, at) {
  const limit = (scale, whole) => Math.min(whole * 20000, Math.max(whole / 4, scale * factor));
  const held = inSpace(camera, frame, at);
  const closer = { ...camera, sx: limit(camera.sx, all.sx), sy: limit(camera.sy, all.sy) };
  const slipped = inSpace(closer, frame, at);
  return { ...closer, x: closer.x + held[0] - slipped[0], y: closer.y + held[1] - slipped[1] };
}

/** The camera after what is seen has moved by pixels, to the right and down. */
export function panned(camera, right, down) {
  return { ...camera, x: camera.x - right / camera.sx, y: camera.y + down / camera.sy };
}

/** What keys do to a picture with a `frame` that can `pan`, `zoom` and `showAll`: key -> action. */
export function cameraKeys(picture) {
  const { width, height } = picture.frame;
  return {
    ArrowLeft: () => picture.pan(0.1 * width, 0),
    ArrowRight: () => picture.pan(-0.1 * width, 0),
    ArrowUp: () => picture.pan(0, 0.1 * height),
    ArrowDown: () => picture.pan(0, -0.1 * height),
    "+": () => picture.zoom(1.25),
    "=": () => picture.zoom(1.25),
    "-": () => picture.zoom(0.8),
    0: () => picture.showAll(),
  };
}

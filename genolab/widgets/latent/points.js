// Draws points with WebGL2: any number, each with a code that is looked up in a table of colours.

const VERTEX = `#version 300 es
layout(location = 0) in vec2 from;
layout(location = 1) in vec2 to;
layout(location = 2) in uint code;
layout(location = 3) in uint chosen;
uniform vec2 centre;
uniform vec2 scale;
uniform float moved;      // 0..1 on the way from "from" to "to"
uniform float size;       // device pixels
uniform float opacity;
uniform uint missing;     // the code of "no value", drawn in the table's last colour
uniform int steps;        // colours in the table, the last one aside
uniform bool numbers;     // codes are steps of a scale, not places in the table
uniform int spotlight;    // the one code in full colour, -1 for all
uniform int part;         // 0: all alike, 1: those not chosen, faded, 2: those chosen
uniform vec3 paper;
uniform sampler2D colours;
out vec4 colour;

void main() {
  int place = code == missing ? steps : numbers ? int(code) * (steps - 1) / 65534 : min(int(code), steps - 1);
  vec4 entry = texelFetch(colours, ivec2(place, 0), 0);
  bool wanted = part == 0 || (part == 2) == (chosen != 0u);
  if (entry.a == 0.0 || !wanted) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  bool faded = part == 1 || (spotlight >= 0 && int(code) != spotlight);
  colour = faded ? vec4(mix(paper, entry.rgb, 0.6), 0.42 * opacity) : vec4(entry.rgb, part == 2 ? 1.0 : opacity);
  gl_Position = vec4((mix(from, to, moved) - centre) * scale, 0.0, 1.0);
  gl_PointSize = part == 2 ? size * 1.15 + 0.5 : size;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour;
uniform mediump float edge;  // width of the soft edge, as a share of the radius
out vec4 pixel;

void main() {
  float far = length(gl_PointCoord * 2.0 - 1.0);
  float alpha = colour.a * (1.0 - smoothstep(1.0 - edge, 1.0, far));
  pixel = vec4(colour.rgb * alpha, alpha);
}`;

/** A picture of points on one canvas. Throws where the browser has no WebGL2. */
export class Points {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, powerPreference: "low-power" });
    if (!gl) throw new Error("no WebGL2");
    this.gl = gl;
    this.n = 0;
    this.program = link(gl);
    this.at = (name) => (this.places[name] ??= gl.getUniformLocation(this.program, name));
    this.places = {};
    this.buffers = Object.fromEntries(["from", "to", "code", "chosen"].map((name) => [name, gl.createBuffer()]));
    this.order = gl.createBuffer();
    this.texture = gl.createTexture();
    gl.enable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
  }

  fill(name, data) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
  }

  /** Where the points are, and where they come from while they move. */
  setPlaces(to, from) {
    const { gl } = this;
    this.n = to.length / 2;
    this.fill("to", to);
    if (from) this.fill("from", from);
    [from ? this.buffers.from : this.buffers.to, this.buffers.to].forEach((buffer, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
    });
  }

  /** The points' codes (Uint8Array, Uint16Array, or empty: all 0) and the order in which they are drawn. */
  setCodes(codes, missing, numbers, order) {
    const { gl } = this;
    gl.uniform1ui(this.at("missing"), missing);
    gl.uniform1i(this.at("numbers"), numbers ? 1 : 0);
    if (codes.length) {
      this.fill("code", codes);
      gl.enableVertexAttribArray(2);
      gl.vertexAttribIPointer(2, 1, codes.BYTES_PER_ELEMENT === 1 ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT, 0, 0);
    } else {
      gl.disableVertexAttribArray(2);
      gl.vertexAttribI4ui(2, 0, 0, 0, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.STATIC_DRAW);
  }

  /** The table of colours, [red, green, blue, shown] each, that of "no value" last. */
  setColours(table) {
    const { gl } = this;
    gl.uniform1i(this.at("steps"), table.length - 1);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const data = new Uint8Array(table.flatMap(([red, green, blue, shown]) => [red, green, blue, shown ? 255 : 0]));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, table.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
  }

  setChosen(chosen) {
    const { gl } = this;
    this.fill("chosen", chosen);
    gl.enableVertexAttribArray(3);
    gl.vertexAttribIPointer(3, 1, gl.UNSIGNED_BYTE, 0, 0);
  }

  /** Draw; sizes in device pixels, the camera in pixels a unit (see camera.js). */
  draw({ width, height, camera, ratio, size, opacity, moved, chosen, spotlight, paper }) {
    const { gl } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.n === 0) return;
    const pixels = size * ratio;
    gl.uniform2f(this.at("centre"), camera.x, camera.y);
    gl.uniform2f(this.at("scale"), (2 * camera.sx) / width, (2 * camera.sy) / height);
    gl.uniform1f(this.at("moved"), moved);
    gl.uniform1f(this.at("size"), pixels);
    gl.uniform1f(this.at("edge"), Math.min(1, 2.4 / pixels));
    gl.uniform1f(this.at("opacity"), opacity);
    gl.uniform1i(this.at("spotlight"), spotlight);
    gl.uniform3f(this.at("paper"), ...paper.map((c) => c / 255));
    for (const part of chosen ? [1, 2] : [0]) {
      gl.uniform1i(this.at("part"), part);
      gl.drawElements(gl.POINTS, this.n, gl.UNSIGNED_INT, 0);
    }
  }

  /** Give the graphics memory back; a page may have 16 such pictures. */
  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

function link(gl) {
  const program = gl.createProgram();
  const shaders = [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]];
  for (const [kind, source] of shaders) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`the points' shader was refused: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}

/** An order of drawing: shuffled, so that no category hides another; for numbers, the high ones on top. */
export function drawingOrder(n, codes, missing, numbers) {
  return numbers ? byCode(codes, missing) : shuffled(n);
}

function shuffled(n) {
  const order = new Uint32Array(n);
  let state = 1;
  for (let i = 0; i < n; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // a fixed order: the picture is the same each time
    const j = Math.floor((state / 4294967296) * (i + 1));
    order[i] = order[j];
    order[j] = i;
  }
  return order;
}

function byCode(codes, missing) {
  const starts = new Uint32Array(65537);
  const rank = (code) => (code === missing ? 0 : code + 1); // what has no value lies lowest
  for (let i = 0; i < codes.length; i += 1) starts[rank(codes[i]) + 1] += 1;
  for (let c = 1; c < starts.length; c += 1) starts[c] += starts[c - 1];
  const order = new Uint32Array(codes.length);
  for (let i = 0; i < codes.length; i += 1) order[starts[rank(codes[i])]++] = i;
  return order;
}

// Which points lie in a region, and which lies nearest: plain geometry on interleaved coordinates (x0, y0, x1, y1 ...).
// The loops over points are written plainly, since they run a million times.

/** Smallest box around all points: {x0, y0, x1, y1}. */
export function bounds(points) {
  let x0 = Infinity;
  let y0 = Infinity;
  let x1 = -Infinity;
  let y1 = -Infinity;
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i];
    const y = points[i + 1];
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  return points.length ? { x0, y0, x1, y1 } : { x0: -1, y0: -1, x1: 1, y1: 1 };
}

/** 1 for each point in the box that `keep(i)` allows, else 0. */
export function inBox(points, box, keep) {
  const mask = new Uint8Array(points.length / 2);
  for (let i = 0; i < mask.length; i += 1) {
    const x = points[2 * i];
    const y = points[2 * i + 1];
    if (x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1 && keep(i)) mask[i] = 1;
  }
  return mask;
}

/**
 * 1 for each point within the closed line through `corners` ([x, y] pairs) that `keep(i)` allows, else 0. Within is
 * where the line winds round the point, so that a lasso that crosses itself holds all it went round. Its edges are
 * sorted into bands by height, and a point is compared with those of its own band alone.
 */
export function inLasso(points, corners, keep) {
  const mask = new Uint8Array(points.length / 2);
  const box = bounds(corners.flat());
  const height = box.y1 - box.y0;
  if (corners.length < 3 || !(height > 0)) return mask;
  const nBands = Math.min(1024, 2 * corners.length);
  const bandOf = (y) => Math.min(nBands - 1, Math.floor(((y - box.y0) / height) * nBands));
  const bands = Array.from({ length: nBands }, () => []);
  corners.forEach(([ax, ay], i) => {
    const [bx, by] = corners[(i + 1) % corners.length];
    for (let band = bandOf(Math.min(ay, by)); band <= bandOf(Math.max(ay, by)); band += 1)
      bands[band].push(ax, ay, bx, by);
  });
  for (let i = 0; i < mask.length; i += 1) {
    const x = points[2 * i];
    const y = points[2 * i + 1];
    if (x < box.x0 || x > box.x1 || y < box.y0 || y > box.y1) continue;
    if (winding(bands[bandOf(y)], x, y) !== 0 && keep(i)) mask[i] = 1;
  }
  return mask;
}

// How often the edges [ax, ay, bx, by ...] wind round a point, counted on the ray to its right.
function winding(edges, x, y) {
  let turns = 0;
  for (let e = 0; e < edges.length; e += 4) {
    const ax = edges[e];
    const ay = edges[e + 1];
    const bx = edges[e + 2];
    const by = edges[e + 3];
    if (ay <= y === by <= y) continue;
    const left = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
    if (by > y && left > 0) turns += 1;
    else if (by <= y && left < 0) turns -= 1;
  }
  return turns;
}

/** Finds the nearest point; the points are sorted once into the cells of a grid. */
export class PointGrid {
  constructor(points) {
    this.points = points;
    const n = points.length / 2;
    this.box = bounds(points);
    this.side = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(n / 4))));
    this.starts = new Uint32Array(this.side * this.side + 1);
    const cells = new Uint32Array(n);
    for (let i = 0; i < n; i += 1) {
      cells[i] = this.column(points[2 * i]) + this.side * this.row(points[2 * i + 1]);
      this.starts[cells[i] + 1] += 1;
    }
    for (let c = 1; c < this.starts.length; c += 1) this.starts[c] += this.starts[c - 1];
    const next = this.starts.slice();
    this.sorted = new Uint32Array(n);
    for (let i = 0; i < n; i += 1) this.sorted[next[cells[i]]++] = i;
  }

  column(x) {
    return this.cell((x - this.box.x0) / (this.box.x1 - this.box.x0 || 1));
  }

  row(y) {
    return this.cell((y - this.box.y0) / (this.box.y1 - this.box.y0 || 1));
  }

  cell(share) {
    return Math.max(0, Math.min(this.side - 1, Math.floor(share * this.side)));
  }

  /** Nearest to (x, y) within `reach` pixels where a unit is `sx` by `sy` pixels; -1 if there is none. */
  find(x, y, sx, sy, reach, keep) {
    let best = -1;
    let least = reach * reach;
    for (let row = this.row(y - reach / sy); row <= this.row(y + reach / sy); row += 1) {
      for (let column = this.column(x - reach / sx); column <= this.column(x + reach / sx); column += 1) {
        const cell = column + this.side * row;
        for (let at = this.starts[cell]; at < this.starts[cell + 1]; at += 1) {
          const i = this.sorted[at];
          const far = ((this.points[2 * i] - x) * sx) ** 2 + ((this.points[2 * i + 1] - y) * sy) ** 2;
          if (far <= least && keep(i)) {
            best = i;
            least = far;
          }
        }
      }
    }
    return best;
  }
}

// The network: inputs as an image where their number is a square, cells layer by layer, and every
// shown particle as a wire whose width is its |scalar weight|. Negative wires are dashed; while the
// clock runs only the wider ones, whose dashes can be seen then: dashes are most of the work.

import { ORDER, count, eachSeat, isReplicator, plural, seat, shows } from "./data.js";
import { View, draw } from "./view.js";

const BINS = 7, WHILE_PLAYING = 2000, COARSE = 10, FINE = 60;
const REACH = 8, AS_NEAR = 0.25; // pixels: how far a wire can be picked, and what counts as a tie
const CROWD = 600, FEW = 40; // wires: layers with more are drawn finer; fewer lit ones have ends

export class Network extends View {
  font = 12;
  shown = [];

  // Places of all cells, and of the ends of all wires (x0, y0, x1, y1 for each particle).
  place(run) {
    const { width, height } = this, { sizes, depth } = run;
    this.image = run.image !== null;
    const top = 14, bottom = height - 30, middle = (top + bottom) / 2;
    const room = Math.min(0.4 * width / run.columns, (bottom - top - 8) / run.rows, 24);
    this.pixel = this.image ? room : 7;
    const [wide, tall] = [this.pixel * run.columns, this.pixel * run.rows];
    const left = 12, right = width - 26;
    const first = this.image ? left + wide + Math.max(30, 0.09 * width) : left;
    this.cells = sizes.map((size, layer) => {
      const spots = new Float32Array(2 * size);
      const reach = Math.min(bottom - top - 24, (size - 1) * (layer === depth ? 40 : 46));
      const steps = depth - (this.image ? 1 : 0);
      const x = first + ((layer - (this.image ? 1 : 0)) / steps) * (right - first);
      for (let cell = 0; cell < size; cell++) {
        const image = this.image && layer === 0;
        const column = cell % run.columns, row = Math.floor(cell / run.columns);
        spots[2 * cell] = image ? left + (column + 0.5) * this.pixel : x;
        spots[2 * cell + 1] = image
          ? middle - tall / 2 + (row + 0.5) * this.pixel
          : size > 1
            ? middle - reach / 2 + (cell / (size - 1)) * reach
            : middle;
      }
      return spots;
    });
    this.ends = new Float32Array(4 * run.P);
    this.heights = new Uint32Array(run.P); // of the wires: higher ones are drawn later
    eachSeat(run, (particle, layer, cell, input) => {
      const from = this.cells[layer], to = this.cells[layer + 1];
      const ends = [from[2 * input], from[2 * input + 1], to[2 * cell], to[2 * cell + 1]];
      this.ends.set(ends, 4 * particle);
    });
  }

  // It is drawn anew when this changes: four times between two snapshots, one of them where the
  // snapshot changes.
  key(clock) {
    return Math.floor(clock.position * 4) / 4;
  }

  paint(pen, scene, codes) {
    const { run, theme, clock } = scene, visible = shows(run, scene.show);
    const drawn = this.choose(scene, codes, visible);
    const dashed = drawn.length >= 1600 ? BINS : clock.playing ? 2 : 0; // the least bin with dashes
    this.skips(pen, run, theme);
    const groups = new Map(), thin = this.fineness(run);
    for (const particle of drawn) {
      const value = scene.weights[particle], code = codes[particle];
      const bin = widthBin(value, run.strong);
      const color = scene.color === "weight" ? (value < 0 ? 6 : 5) : ORDER.indexOf(code);
      const layer = seat(run, particle).layer;
      const over = isReplicator(code) ? 0 : BINS;
      const key = (((over + bin) * run.depth + layer) * 7 + color) * 2 + (value < 0 ? 1 : 0);
      this.heights[particle] = key;
      let path = groups.get(key);
      if (!path) groups.set(key, (path = new Path2D()));
      this.trace(path, particle);
    }
    const dim = scene.selection.size ? 0.3 : 1, mixed = scene.show === "all";
    for (const key of [...groups.keys()].sort((a, b) => a - b)) {
      const color = (key >> 1) % 7, place = Math.floor(key / 14);
      const layer = place % run.depth, height = Math.floor(place / run.depth), bin = height % BINS;
      const under = mixed && height < BINS ? 0.5 : 1;
      pen.strokeStyle =
        color === 6 ? theme.negative : color === 5 ? theme.positive : theme.types[ORDER[color]];
      pen.globalAlpha = dim * under * (0.42 + (0.5 * bin) / (BINS - 1)) * (0.5 + thin[layer] / 2);
      pen.lineWidth = widthOf(bin) * thin[layer];
      pen.setLineDash(key % 2 && bin >= dashed ? [4 + bin, 3 + bin * 0.7] : []);
      pen.stroke(groups.get(key));
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    this.dots(pen, scene, codes, visible);
    this.words(pen, scene);
  }

  // Which wires to draw: all that are shown; while the clock runs, the strongest few thousand.
  choose(scene, codes, visible) {
    const { run } = scene, all = [];
    for (let particle = 0; particle < run.P; particle++) {
      if (visible(codes[particle])) all.push(particle);
    }
    this.total = all.length;
    this.shown = all;
    if (!scene.clock.playing || all.length <= WHILE_PLAYING) return all;
    const bins = new Uint32Array(64), rank = new Uint8Array(all.length);
    all.forEach((particle, index) => {
      const share = Math.abs(scene.weights[particle]) / run.strong;
      rank[index] = Math.min(63, Math.floor(64 * Math.sqrt(share))) || 0;
      bins[rank[index]]++;
    });
    let least = 63, sum = bins[63];
    while (least > 0 && sum + bins[least - 1] <= WHILE_PLAYING) sum += bins[--least];
    this.shown = all.filter((_, index) => rank[index] >= least).slice(0, WHILE_PLAYING);
    return this.shown;
  }

  // How fine the wires of every layer are drawn: a share of their width.
  fineness(run) {
    const wires = new Uint32Array(run.depth);
    let layer = 0;
    for (const particle of this.shown) {
      while (particle >= run.starts[layer + 1]) layer++;
      wires[layer]++;
    }
    return [...wires].map((number) => Math.max(0.3, Math.min(1, Math.sqrt(CROWD / number))));
  }

  trace(path, particle) {
    const e = this.ends, at = 4 * particle, middle = (e[at] + e[at + 2]) / 2;
    path.moveTo(e[at], e[at + 1]);
    path.bezierCurveTo(middle, e[at + 1], middle, e[at + 3], e[at + 2], e[at + 3]);
  }

  // Residual skips: what a layer reads is added to what it gives, cell by cell.
  skips(pen, run, theme) {
    draw(pen, { stroke: theme.muted, alpha: 0.75, dash: [1, 3] }, () => {
      for (const [from, to] of run.skips) {
        for (let x = 0; x < 2 * run.sizes[from]; x += 2) {
          const [x0, y0] = this.cells[from].subarray(x, x + 2), [x1, y1] = this.cells[to].subarray(x, x + 2);
          const lift = Math.min(26, 0.16 * (x1 - x0));
          pen.moveTo(x0, y0);
          pen.bezierCurveTo(x0 + 0.3 * (x1 - x0), y0 - lift, x0 + 0.7 * (x1 - x0), y1 - lift, x1, y1);
        }
      }
    });
  }

  dots(pen, scene, codes, visible) {
    const { run, theme } = scene;
    const touched = run.sizes.map((size) => new Uint8Array(size));
    eachSeat(run, (particle, layer, cell, input) => {
      if (visible(codes[particle])) touched[layer][input] = touched[layer + 1][cell] = 1;
    });
    this.cells.forEach((spots, layer) => {
      const radius = run.sizes[layer] > 24 ? 2.5 : 6;
      for (let cell = 0; cell < run.sizes[layer]; cell++) {
        const x = spots[2 * cell], y = spots[2 * cell + 1];
        if (layer === 0 && this.image) {
          const size = Math.max(1.5, this.pixel - 1.5);
          pen.fillStyle = theme.ink;
          pen.globalAlpha = 0.05 + 0.42 * (run.mean ? run.mean[cell] / 255 : 0);
          pen.fillRect(x - size / 2, y - size / 2, size, size);
          if (touched[0][cell]) {
            pen.globalAlpha = 0.75;
            pen.fillRect(x - 1, y - 1, 2, 2);
          }
          continue;
        }
        const [fill, stroke] = touched[layer][cell] ? [theme.ink, theme.paper] : [theme.paper, theme.muted];
        draw(pen, { fill, stroke, width: 1.5 }, () => pen.arc(x, y, radius, 0, 7));
      }
    });
    pen.globalAlpha = 1;
  }

  words(pen, scene) {
    const { run, theme } = scene;
    pen.fillStyle = theme.muted;
    pen.textAlign = "center";
    const y = this.height - 12;
    this.cells.forEach((spots, layer) => {
      const last = layer === run.depth;
      const x = layer === 0 && this.image ? spots[0] + (run.columns / 2 - 0.5) * this.pixel : spots[0];
      const input = this.image ? `input ${run.rows}×${run.columns}` : "input";
      const text = layer === 0 ? input : last ? "output" : `cells ${layer}`;
      pen.fillText(text, Math.min(x, this.width - 20), y);
      if (!last || run.sizes[layer] > 24) return;
      pen.textAlign = "left";
      for (let cell = 0; cell < run.sizes[layer]; cell++) {
        pen.fillText(String(cell), spots[2 * cell] + 11, spots[2 * cell + 1] + 0.5);
      }
      pen.textAlign = "center";
    });
    pen.textAlign = "left";
    const hidden = this.total - this.shown.length;
    const text = !this.total
      ? "no connection of this choice"
      : hidden
        ? `the ${count(this.shown.length)} strongest of ${count(this.total)} while the clock runs`
        : plural(this.total, "connection");
    pen.textAlign = "right";
    pen.fillText(text, this.width - 4, 8);
    pen.textAlign = "left";
  }

  light(pen, scene, lit, codes) {
    const { run, theme } = scene, few = lit.length <= FEW;
    for (const particle of lit) {
      const value = scene.weights[particle], code = codes[particle], hovered = particle === scene.hover;
      const trace = () => this.trace(pen, particle), least = isReplicator(code) ? 1 : 1.5;
      const width = widthOf(widthBin(value, run.strong)), stroke = hovered ? theme.ink : theme.types[code];
      if (hovered || few) draw(pen, { stroke: theme.paper, width: width + 5 }, trace);
      const whole = Math.max(width, least) + (hovered ? 0.8 : 0), dash = value < 0 ? [7, 4] : [];
      draw(pen, { stroke, width: whole, dash }, trace);
      if (!hovered && !few) continue;
      for (const at of [4 * particle, 4 * particle + 2]) {
        draw(pen, { fill: stroke }, () => pen.arc(this.ends[at], this.ends[at + 1], 4, 0, 7));
      }
    }
  }

  // A point of a particle's wire; share from 0 (its input) to 1 (its cell).
  along(particle, share) {
    const e = this.ends, at = 4 * particle, s = share, r = 1 - share;
    const middle = (e[at] + e[at + 2]) / 2;
    return [
      r * r * r * e[at] + 3 * r * s * middle + s * s * s * e[at + 2],
      e[at + 1] * (r * r * r + 3 * r * r * s) + e[at + 3] * (3 * r * s * s + s * s * s),
    ];
  }

  // The shown wire nearest to a point, of those as near the one drawn on top: looked for along
  // coarse chains, decided along fine ones.
  pick(x, y) {
    const near = [];
    let least = REACH;
    const e = this.ends, far = (REACH + 2) ** 2;
    for (const particle of this.shown) {
      const at = 4 * particle;
      if (x < Math.min(e[at], e[at + 2]) - REACH || x > Math.max(e[at], e[at + 2]) + REACH) continue;
      if (y < Math.min(e[at + 1], e[at + 3]) - REACH || y > Math.max(e[at + 1], e[at + 3]) + REACH) continue;
      if (this.distance(particle, x, y, COARSE) > far) continue;
      const distance = Math.sqrt(this.distance(particle, x, y, FINE));
      least = Math.min(least, distance);
      if (distance <= least + AS_NEAR) near.push({ particle, distance });
    }
    const tied = near.filter(({ distance }) => distance <= least + AS_NEAR);
    tied.sort((a, b) => this.heights[a.particle] - this.heights[b.particle]);
    return tied.at(-1)?.particle ?? -1;
  }

  // Squared distance from a point to a wire, taken as a chain of straight pieces.
  distance(particle, x, y, pieces) {
    let [ax, ay] = this.along(particle, 0), least = Infinity;
    for (let piece = 1; piece <= pieces; piece++) {
      const [bx, by] = this.along(particle, piece / pieces);
      const dx = bx - ax, dy = by - ay;
      const share = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
      least = Math.min(least, (ax + share * dx - x) ** 2 + (ay + share * dy - y) ** 2);
      [ax, ay] = [bx, by];
    }
    return least;
  }

  inside(polygon) {
    const steps = [0.2, 0.35, 0.5, 0.65, 0.8];
    return this.shown.filter((p) => steps.some((share) => polygon.holds(...this.along(p, share))));
  }
}

function widthBin(value, strong) {
  const share = Math.min(1, Math.sqrt(Math.abs(value) / strong));
  return Number.isFinite(share) ? Math.round(share * (BINS - 1)) : BINS - 1;
}

const widthOf = (bin) => 0.6 + 0.55 * bin;

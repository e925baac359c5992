// Membership: every weight layer as images of its particles. In the first layer one image for each
// cell, its pixels where the inputs are; in the others one row for each cell.

import { isReplicator } from "./data.js";
import { View, channels, draw } from "./view.js";

const GAP = 10, LABEL = 15;

export class Pixels extends View {
  tiles = [];

  // Lays the images out in rows; a tile is where one stands: its particles, columns and size.
  place(run) {
    const { width, height } = this;
    const wanted = [];
    for (let layer = 0; layer < run.depth; layer++) {
      const inputs = run.sizes[layer], cells = run.sizes[layer + 1], first = run.starts[layer];
      if (layer === 0 && run.image) {
        for (let cell = 0; cell < cells; cell++) {
          wanted.push({ first: first + cell * inputs, columns: run.columns, rows: run.rows, name: `layer 0, cell ${cell}` });
        }
      } else wanted.push({ first, columns: inputs, rows: cells, name: `layer ${layer}` });
    }
    const few = (this.named = wanted.length <= 16); // many stand close, without names
    const [gap, label, least, wide] = few ? [GAP, LABEL, 42, 62] : [4, 0, 0, 0];
    const most = Math.max(...wanted.map((tile) => Math.max(tile.columns, tile.rows)));
    // the largest pixel with which all tiles fit
    for (this.pixel = 14; this.pixel > 0.4; this.pixel *= 0.96) {
      let x = 0, y = 0;
      const length = Math.max(least, this.pixel * most);
      this.tiles = wanted.map((tile) => {
        const pixel = Math.min(length / Math.max(tile.columns, tile.rows), this.pixel * 2.2);
        const [w, h] = [tile.columns * pixel, tile.rows * pixel];
        if (x + w > width && x > 0) [x, y] = [0, y + length + gap + label];
        const placed = { ...tile, pixel, x, y: y + label, w, h };
        x += Math.max(w, wide) + gap;
        return placed;
      });
      this.bottom = Math.max(...this.tiles.map((tile) => tile.y + tile.h));
      if (this.bottom <= height && this.tiles.every((tile) => tile.x + tile.w <= width)) break;
    }
  }

  paint(pen, scene, codes) {
    const { run, theme } = scene, weighed = scene.color === "weight";
    const colors = theme.types.map(channels), paper = channels(theme.paper);
    const signs = [channels(theme.negative), channels(theme.positive)];
    pen.imageSmoothingEnabled = false;
    for (const tile of this.tiles) {
      const image = this.image(tile.columns, tile.rows, (data) => {
        for (let k = 0; k < tile.columns * tile.rows; k++) {
          const particle = tile.first + k, value = scene.weights[particle], code = codes[particle];
          const share = Math.min(1, Math.sqrt(Math.abs(value) / run.strong)) || 0;
          const color = weighed ? signs[value < 0 ? 0 : 1] : colors[code];
          const ink = weighed ? share : isReplicator(code) ? 0.85 : 0.4 + 0.6 * share;
          for (let c = 0; c < 3; c++) data[4 * k + c] = paper[c] + ink * (color[c] - paper[c]);
          data[4 * k + 3] = 255;
        }
      });
      pen.drawImage(image, tile.x, tile.y, tile.w, tile.h);
      if (!this.named) continue;
      pen.fillStyle = theme.muted;
      const short = tile.name.replace("layer 0, ", "");
      pen.fillText(tile.w > 70 ? tile.name : short, tile.x, tile.y - 8);
    }
  }

  spot(particle) {
    const tile = this.tiles.find((one) => particle >= one.first && particle < one.first + one.columns * one.rows);
    const rest = particle - tile.first;
    return [tile.x + (rest % tile.columns) * tile.pixel, tile.y + Math.floor(rest / tile.columns) * tile.pixel, tile.pixel];
  }

  light(pen, scene, lit) {
    pen.strokeStyle = scene.theme.ink;
    for (const particle of lit) {
      const [x, y, size] = this.spot(particle), hovered = particle === scene.hover;
      pen.lineWidth = hovered ? 2.2 : 1.2;
      pen.strokeRect(x - 0.5, y - 0.5, Math.max(3, size) + 1, Math.max(3, size) + 1);
      const ring = () => pen.arc(x + size / 2, y + size / 2, size / 2 + 6, 0, 7);
      if (hovered) draw(pen, { stroke: scene.theme.ink, width: 2.2 }, ring);
    }
  }

  pick(x, y) {
    for (const tile of this.tiles) {
      const column = Math.floor((x - tile.x) / tile.pixel), row = Math.floor((y - tile.y) / tile.pixel);
      if (column >= 0 && row >= 0 && column < tile.columns && row < tile.rows) {
        return tile.first + row * tile.columns + column;
      }
    }
    return -1;
  }

  inside(polygon) {
    const found = [];
    for (const tile of this.tiles) {
      for (let k = 0; k < tile.columns * tile.rows; k++) {
        const [x, y, size] = this.spot(tile.first + k);
        if (polygon.holds(x + size / 2, y + size / 2)) found.push(tile.first + k);
      }
    }
    return found;
  }
}

// What the clock runs over, drawn against it: the census (types stacked to the whole network) and
// the curves (accuracies; losses). Epochs are spread as the snapshots are, as the clock is.

import { count, percent, positionOf } from "./data.js";
import { View, draw } from "./view.js";

const BESIDE = 128; // room for the labels
const STACK = [4, 3, 2, 1, 0]; // from the ground up: the workers carry it, the dead lie on top

// A drawing against the clock, with its axis of epochs and a line where the clock stands.
export class Timeline extends View {
  place() {
    this.left = 40;
    this.right = this.width - BESIDE;
    this.top = 8;
    this.bottom = this.height - 20;
  }

  x(scene, position) {
    return this.left + (position / Math.max(1, scene.run.T - 1)) * (this.right - this.left);
  }

  // The axis, below what a timeline paints itself.
  paint(pen, scene) {
    const { run, theme } = scene;
    this.hand = NaN;
    pen.fillStyle = theme.muted;
    pen.textAlign = "center";
    let free = -Infinity;
    const last = run.T - 1, end = pen.measureText(count(run.epochs[last])).width;
    run.epochs.forEach((epoch, t) => {
      const x = this.x(scene, t), half = pen.measureText(count(epoch)).width / 2;
      const room = t === last || x + half < this.right - end - 8;
      if ((x - half < free || !room) && t !== last) return;
      pen.fillText(count(epoch), x, this.bottom + 11);
      free = x + half + 14;
    });
    pen.strokeStyle = theme.faint;
    pen.lineWidth = 1;
    pen.strokeRect(this.left, this.top, this.right - this.left, this.bottom - this.top);
  }

  // Where the soup was wounded.
  marks(pen, scene) {
    draw(pen, { stroke: scene.theme.ink, dash: [2, 3] }, () => {
      for (const t of scene.run.wounds ?? []) this.upright(pen, this.x(scene, t));
    });
  }

  upright(pen, x) {
    pen.moveTo(x, this.top);
    pen.lineTo(x, this.bottom);
  }

  ticks(pen, scene, values, y, text) {
    pen.fillStyle = scene.theme.muted;
    pen.textAlign = "right";
    for (const value of values) pen.fillText(text(value), this.left - 5, y(value));
    pen.textAlign = "left";
    draw(pen, { stroke: scene.theme.faint }, () => {
      for (const value of values) {
        pen.moveTo(this.left, y(value));
        pen.lineTo(this.right, y(value));
      }
    });
  }

  // Text beside the drawing, as near to the wanted heights as fits.
  labels(pen, rows) {
    const gap = 14, placed = rows.filter((row) => Number.isFinite(row.y)).sort((a, b) => a.y - b.y);
    for (let round = 0; round < 40; round++) {
      placed.forEach((row, index) => {
        const next = placed[index + 1];
        if (next && next.y - row.y < gap) {
          const push = (gap - (next.y - row.y)) / 2;
          row.y -= push;
          next.y += push;
        }
        row.y = Math.min(this.height - 8, Math.max(8, row.y));
      });
    }
    for (const { y, text, color, mark } of placed) {
      pen.fillStyle = mark;
      if (mark) pen.fillRect(this.right + 7, y - 4, 8, 8);
      pen.fillStyle = color;
      pen.fillText(text, this.right + (mark ? 20 : 7), y);
    }
  }

  line(pen, scene, points, y, look) {
    draw(pen, look, () => {
      for (const [position, value] of points) {
        if (Number.isFinite(value)) pen.lineTo(this.x(scene, position), y(value));
      }
    });
  }

  // The clock's hand, where it has moved by half a pixel.
  highlight(scene) {
    const x = Math.round(2 * this.x(scene, scene.clock.position)) / 2;
    if (x === this.hand) return;
    this.hand = x;
    super.highlight(scene);
  }

  light(pen, { theme }) {
    draw(pen, { stroke: theme.ink, width: 1.2 }, () => this.upright(pen, this.hand));
  }

  // The clock's position under a point of the board.
  positionAt(scene, x) {
    return ((x - this.left) / (this.right - this.left)) * (scene.run.T - 1);
  }
}

export class Census extends Timeline {
  paint(pen, scene) {
    super.paint(pen, scene);
    const { run, theme, counts } = scene;
    const y = (number) => this.bottom - (number / run.P) * (this.bottom - this.top);
    const below = new Float64Array(run.T);
    const now = scene.clock.snapshot, rows = [];
    let under = 0;
    for (const code of STACK) {
      const top = below.map((value, t) => value + counts[t * 5 + code]);
      draw(pen, { fill: theme.types[code], alpha: 0.92 }, () => {
        for (let t = 0; t < run.T; t++) pen.lineTo(this.x(scene, t), y(top[t]));
        for (let t = run.T - 1; t >= 0; t--) pen.lineTo(this.x(scene, t), y(below[t]));
      });
      const number = counts[now * 5 + code];
      if (number || top[run.T - 1] > below[run.T - 1]) {
        rows.push({
          y: y(under + number / 2),
          text: `${run.labels[code]} ${count(number)}`,
          color: theme.ink,
          mark: theme.types[code],
        });
      }
      under += number;
      below.set(top);
    }
    this.marks(pen, scene);
    this.ticks(pen, scene, [0, run.P], y, count);
    this.labels(pen, rows);
  }
}

export class Curves extends Timeline {
  paint(pen, scene) {
    super.paint(pen, scene);
    const { run, theme } = scene, now = scene.clock.snapshot;
    const y = (share) => this.bottom - share * (this.bottom - this.top);
    this.ticks(pen, scene, [0, 0.5, 1], y, (share) => `${100 * share} %`);
    const at = run.curve.epoch.map((epoch) => positionOf(run, epoch));
    const whole = run.curve.test_accuracy.map((v, k) => [at[k], v]), pruned = run.after.map((v, t) => [t, v]);
    this.line(pen, scene, whole, y, { stroke: theme.ink, width: 1.8 });
    this.line(pen, scene, pruned, y, { stroke: theme.muted, width: 1.8, dash: [5, 3] });
    this.labels(pen, [
      { y: y(run.before[now]), text: `${percent(run.before[now])} whole`, color: theme.ink },
      { y: y(run.after[now]), text: `${percent(run.after[now])} pruned`, color: theme.muted },
    ]);
  }
}

export class Losses extends Timeline {
  paint(pen, scene) {
    super.paint(pen, scene);
    const { run, theme } = scene, { replication_loss: own, task_loss: task, epoch } = run.curve;
    const all = [...own, ...task].filter((value) => value > 0 && Number.isFinite(value));
    if (!all.length) return;
    const low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
    const span = Math.max(1, high - low);
    const y = (value) => this.bottom - ((Math.log10(value) - low) / span) * (this.bottom - this.top);
    const step = Math.max(1, Math.ceil(span / 3)), powers = [];
    for (let power = low; power <= high; power += step) powers.push(10 ** power);
    this.ticks(pen, scene, powers, y, (value) => `1e${Math.round(Math.log10(value))}`.replace("-", "−"));
    const at = epoch.map((one) => positionOf(run, one));
    const clean = (values) => values.map((v, k) => [at[k], v > 0 ? v : null]);
    this.line(pen, scene, clean(task), y, { stroke: theme.ink, width: 1.5 });
    this.line(pen, scene, clean(own), y, { stroke: theme.muted, width: 1.5, dash: [1.5, 3] });
    const now = run.epochs[scene.clock.snapshot];
    let row = epoch.indexOf(now);
    if (row < 0) row = epoch.length - 1;
    const text = (v) => (v == null ? "–" : v.toPrecision(2));
    this.labels(pen, [
      { y: y(task[row] > 0 ? task[row] : NaN), text: `${text(task[row])} task`, color: theme.ink },
      { y: y(own[row] > 0 ? own[row] : NaN), text: `${text(own[row])} replication`, color: theme.muted },
    ]);
  }
}

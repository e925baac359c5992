// The views of a soup: who acts on whom, and the lives in its places; and what is said of them.

import { Timeline } from "./census.js";
import { count, plural } from "./data.js";
import { Dots, channels, draw } from "./view.js";

const NOBODY = 65535, MOST_ACTS = 1500, FEW = 80;
const ACTS = [["attacked", []], ["learned", [2, 4]]];

// How many attacks, lessons and newborns there were up to every step.
export function tally(run) {
  for (const [name, sums] of [["attacked", "attacks"], ["learned", "lessons"], ["died", "births"]]) {
    run[sums] = new Uint32Array(run.T);
    for (let t = 1; t < run.T; t++) {
      run[sums][t] = run[sums][t - 1];
      for (let i = (t - 1) * run.P; i < t * run.P; i++) {
        run[sums][t] += name === "died" ? run.died[i] > 0 : run[name][i] !== NOBODY;
      }
    }
  }
}

// What happened to a particle's place up to a step.
export function biography(run, particle, t) {
  let made = 0, suffered = 0, lessons = 0, born = 0;
  for (let step = 0; step < t; step++) {
    const here = step * run.P;
    made += run.attacked[here + particle] !== NOBODY;
    lessons += run.learned[here + particle] !== NOBODY;
    if (run.died[here + particle]) born = step + 1;
    for (let p = here; p < here + run.P; p++) suffered += run.attacked[p] === particle;
  }
  const since = born ? `newborn of step ${count(born)}` : "there from the beginning";
  return `${since} · place attacked ${count(made)}, was attacked ${plural(suffered, "time")}, learned ${plural(lessons, "time")}`;
}

// What has been done up to a step, and what was published, in sentences.
export function soupStory(run, t) {
  const deeds = [[run.attacks, "attack"], [run.lessons, "lesson"], [run.births, "newborn"]];
  const done = deeds.filter(([sums]) => sums[run.T - 1]).map(([sums, name]) => plural(sums[t], name));
  return (
    (done.length ? ` So far: ${done.join(", ")}.` : "") +
    (run.published == null ? "" : ` Published for step ${count(run.published[0])}: ${run.published[1]} identities.`)
  );
}

// Who acted on whom: all acts up to the clock, pale, and those of its step, dark; the more often a
// particle was attacked, the larger it is.
export class Deeds extends Dots {
  reach = 12;
  shown = [];

  place(run) {
    const { width, height } = this, room = Math.min(width, height) / 2 - 22;
    this.x = Float32Array.from({ length: run.P }, (_, p) => width / 2 + room * run.places[2 * p]);
    this.y = Float32Array.from({ length: run.P }, (_, p) => height / 2 + room * run.places[2 * p + 1]);
    this.middle = [width / 2, height / 2];
    this.shown = Array.from({ length: run.P }, (_, p) => p);
    this.crowded = run.P > FEW;
    this.least = this.crowded ? Math.max(1.2, (0.7 * room) / Math.sqrt(run.P)) : 7;
  }

  // A curve from one particle to another, bent to the middle; few of them end in an arrow.
  curve(pen, p, q, arrow) {
    const bend = (a, b, m) => (this.crowded ? (a + b) / 2 : m + 0.41 * (a + b - 2 * m));
    const [mx, my] = this.middle, cx = bend(this.x[p], this.x[q], mx), cy = bend(this.y[p], this.y[q], my);
    pen.moveTo(this.x[p], this.y[p]);
    pen.quadraticCurveTo(cx, cy, this.x[q], this.y[q]);
    if (!arrow) return;
    const away = Math.hypot(this.x[q] - cx, this.y[q] - cy) || 1, radius = this.radius(q) + 2;
    const [ux, uy] = [(this.x[q] - cx) / away, (this.y[q] - cy) / away];
    const [tx, ty] = [this.x[q] - radius * ux, this.y[q] - radius * uy];
    for (const side of [-1, 1]) {
      pen.moveTo(tx - 7 * ux + side * 3.5 * uy, ty - 7 * uy - side * 3.5 * ux);
      pen.lineTo(tx, ty);
    }
  }

  radius(particle) {
    return this.least + (this.crowded ? 0 : 8 * Math.sqrt(this.hits[particle] / this.most));
  }

  paint(pen, scene, codes) {
    const { run, theme, clock } = scene, { crowded } = this, t = clock.snapshot, pairs = new Map();
    this.hits = new Uint32Array(run.P);
    for (let i = 0; !crowded && i < t * run.P; i++) {
      const q = run.attacked[i], pair = (i % run.P) * run.P + q;
      if (q === NOBODY) continue;
      this.hits[q]++;
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    this.most = Math.max(1, ...this.hits);
    const strongest = Math.max(1, ...pairs.values());
    for (const [pair, times] of pairs) {
      const share = times / strongest;
      const look = { stroke: theme.muted, alpha: 0.12 + 0.4 * share, width: 0.5 + 1.8 * share };
      draw(pen, look, () => this.curve(pen, Math.floor(pair / run.P), pair % run.P, false));
    }
    const now = { stroke: theme.ink, alpha: crowded ? 0.45 : 1, width: crowded ? 0.7 : 1.3 };
    let acts = 0;
    for (const [name, dash] of t ? ACTS : []) {
      draw(pen, { ...now, dash }, () => {
        for (let p = 0; p < run.P && acts < MOST_ACTS; p++) {
          const q = run[name][(t - 1) * run.P + p];
          if (q === NOBODY || q === p) continue;
          this.curve(pen, p, q, !crowded);
          acts++;
        }
      });
    }
    for (let code = 0; code < 5; code++) {
      const look = { fill: theme.types[code], stroke: !crowded && theme.paper, width: now.width };
      draw(pen, look, () => {
        for (let p = 0; p < run.P; p++) if (codes[p] === code) this.dot(pen, p, this.radius(p));
      });
    }
    if (acts < MOST_ACTS) return;
    pen.fillStyle = theme.muted;
    pen.fillText(`${count(MOST_ACTS)} acts of this step are drawn`, 4, this.height - 8);
  }

  light(pen, scene, lit) {
    const { theme, run } = scene, t = scene.clock.snapshot;
    for (const particle of lit) {
      const hovered = particle === scene.hover, radius = this.radius(particle) + 2.5;
      draw(pen, { stroke: theme.ink, width: hovered ? 2.2 : 1.4 }, () => {
        pen.arc(this.x[particle], this.y[particle], radius, 0, 7);
      });
      if (!hovered) continue;
      draw(pen, { stroke: theme.ink }, () => {
        for (let step = 0; step < t; step++) {
          const q = run.attacked[step * run.P + particle];
          if (q !== NOBODY && q !== particle) this.curve(pen, particle, q, true);
        }
      });
    }
  }
}

// The type of every place at every step, a row for each; a cross where one died and a newborn came.
export class Lives extends Timeline {
  paint(pen, scene) {
    super.paint(pen, scene);
    const { run, theme } = scene, tall = this.bottom - this.top, rows = Math.min(run.P, Math.round(2 * tall));
    const colors = theme.types.map(channels);
    const image = this.image(run.T, rows, (data) => {
      for (let row = 0; row < rows; row++) {
        const place = Math.floor(((row + 0.5) * run.P) / rows);
        for (let t = 0; t < run.T; t++) {
          data.set([...colors[scene.codes[t * run.P + place]], 235], 4 * (row * run.T + t));
        }
      }
    });
    const half = (this.right - this.left) / Math.max(1, run.T - 1) / 2;
    pen.save();
    pen.beginPath();
    pen.rect(this.left, this.top, this.right - this.left, tall);
    pen.clip();
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, this.left - half, this.top, this.right - this.left + 2 * half, tall);
    pen.restore();
    if (run.P <= FEW) {
      const cross = (cause, i) => {
        if (!cause) return;
        const x = this.x(scene, Math.floor(i / run.P) + 1), y = this.y(run, i % run.P);
        for (const rise of [2.5, -2.5]) {
          pen.moveTo(x - 2.5, y - rise);
          pen.lineTo(x + 2.5, y + rise);
        }
      };
      draw(pen, { stroke: theme.ink, width: 1.2 }, () => run.died.forEach(cross));
    }
    this.marks(pen, scene);
  }

  // It shows all steps: only the line on it moves.
  key() {
    return "lives";
  }

  y(run, place) {
    return this.top + ((place + 0.5) / run.P) * (this.bottom - this.top);
  }

  highlight(scene) {
    this.hand = NaN; // also without it the particle may be another one
    super.highlight(scene);
  }

  light(pen, scene) {
    super.light(pen, scene);
    const { run, theme } = scene, particle = scene.hover >= 0 ? scene.hover : scene.picked;
    if (particle < 0) return;
    const y = this.y(run, particle);
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 1;
    pen.strokeRect(this.left, y - 4, this.right - this.left, 8);
    pen.fillStyle = theme.ink;
    pen.fillText(`particle ${particle}`, this.right + 7, y);
  }
}

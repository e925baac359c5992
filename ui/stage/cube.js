// The trajectory cube: every particle is a point in the space of its first principal components (or
// of two of them and the epoch), turned and projected by hand. Trails show where points came from.

import { ORDER, isReplicator } from "./data.js";
import { Dots, draw } from "./view.js";

const TRAIL = 5, MOST_TRAILS = 260, MANY = 4000, FEW = 60;
const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n & 1 ? 1 : -1, n & 2 ? 1 : -1, n & 4 ? 1 : -1]);
const NOWHERE = [NaN, NaN];

export const FRONT = { yaw: -0.6, pitch: 0.42, zoom: 1 };

export class Cube extends Dots {
  // The particles whose trails are drawn: of every kind of end, spread over the network.
  place(run) {
    const step = Math.max(1, Math.floor(run.P / MOST_TRAILS));
    this.trails = [];
    for (let particle = 0; particle < run.P; particle += step) this.trails.push(particle);
    this.x = new Float32Array(run.P);
    this.y = new Float32Array(run.P);
    this.crowded = run.P > MANY;
  }

  aim(scene) {
    const { yaw, pitch, zoom } = scene.camera, { width, height } = this;
    this.size = 0.25 * Math.min(width, height * 1.15) * zoom;
    this.turn = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    this.centre = [width / 2, height / 2 + 2];
  }

  // A point of the cube (each coordinate about −1 to 1) on the board: x, y and nearness.
  project(a, b, c) {
    const [cy, sy, cp, sp] = this.turn;
    const right = a * cy - b * sy, deep = a * sy + b * cy;
    const up = c * cp - deep * sp, near = c * sp + deep * cp;
    const scale = (this.size * 5) / (5 + near);
    return [this.centre[0] + right * scale, this.centre[1] - up * scale, near];
  }

  // Where a particle is at a position of the clock; null if it has diverged.
  at(scene, particle, position) {
    const { run } = scene, t = Math.min(run.T - 1, Math.floor(position));
    const f = run.died?.[t * run.P + particle] ? 0 : position - t; // a newborn comes from nowhere
    const here = 3 * (t * run.P + particle), next = f ? here + 3 * run.P : here;
    const p = run.points, part = (k) => (p[here + k] + f * (p[next + k] - p[here + k])) / run.reach;
    const third = scene.axes === "epoch" ? (2 * position) / Math.max(1, run.T - 1) - 1 : part(2);
    const spot = this.project(part(0), part(1), third);
    return Number.isFinite(spot[0]) ? spot : null;
  }

  // It is drawn anew whenever the clock has moved.
  key(clock) {
    return clock.position;
  }

  paint(pen, scene, codes) {
    const { run, theme, clock } = scene;
    this.aim(scene);
    this.frame(pen, scene);
    this.paths(pen, scene, codes);
    const dim = scene.selection.size ? 0.25 : 1;
    const stride = this.crowded && clock.playing ? Math.ceil(run.P / MANY) : 1; // a sample while it runs
    const small = this.crowded ? 0.6 : run.P < 200 ? 1.7 : 1;
    for (const code of ORDER) {
      const size = small * (isReplicator(code) ? 1.6 : 2.1);
      draw(pen, { fill: theme.types[code], alpha: dim * (code === 1 ? 0.8 : 0.9) }, () => {
        for (let particle = 0; particle < run.P; particle++) {
          if (codes[particle] !== code) continue;
          const left = particle % stride > 0;
          const spot = left ? null : this.at(scene, particle, clock.position);
          [this.x[particle], this.y[particle]] = spot ?? NOWHERE;
          if (spot) this.dot(pen, particle, size * (1 - 0.16 * spot[2]));
        }
      });
    }
  }

  paths(pen, scene, codes) {
    const from = scene.axes === "epoch" ? 0 : scene.clock.position - TRAIL;
    const alpha = scene.selection.size ? 0.12 : 0.42;
    for (const code of ORDER) {
      draw(pen, { stroke: scene.theme.types[code], width: 0.8, alpha }, () => {
        for (const particle of this.trails) {
          if (codes[particle] === code) this.path(pen, scene, particle, from);
        }
      });
    }
  }

  // The way of a particle from a position of the clock to now.
  path(pen, scene, particle, from) {
    const now = scene.clock.position;
    let begun = false;
    for (let t = Math.max(0, Math.ceil(from)); ; t++) {
      const spot = this.at(scene, particle, Math.min(t, now));
      if (t && scene.run.died?.[(t - 1) * scene.run.P + particle]) begun = false;
      if (spot && begun) pen.lineTo(spot[0], spot[1]);
      else if (spot) pen.moveTo(spot[0], spot[1]);
      begun ||= spot !== null;
      if (t >= now) return;
    }
  }

  frame(pen, scene) {
    const { run, theme } = scene;
    draw(pen, { stroke: theme.faint }, () => {
      for (let a = 0; a < 8; a++) {
        for (const bit of [1, 2, 4].filter((bit) => !(a & bit))) {
          const [x0, y0] = this.project(...CORNERS[a]), [x1, y1] = this.project(...CORNERS[a | bit]);
          pen.moveTo(x0, y0);
          pen.lineTo(x1, y1);
        }
      }
    });
    pen.fillStyle = theme.muted;
    pen.textAlign = "center";
    const share = (k) => `PC ${k + 1} · ${(100 * run.shares[k]).toFixed(0)} %`;
    const names = [share(0), share(1), scene.axes === "epoch" ? run.unit : share(2)];
    names.forEach((name, axis) => {
      const [x, y] = this.project(...[0, 1, 2].map((k) => (k === axis ? 0 : k === 2 ? -1.18 : -1.2)));
      const edge = pen.measureText(name).width / 2 + 2;
      pen.fillText(name, Math.min(this.width - edge, Math.max(edge, x)), y);
    });
    pen.textAlign = "left";
  }

  light(pen, scene, lit, codes) {
    const { theme } = scene;
    for (const particle of lit) {
      const hovered = particle === scene.hover, spot = this.at(scene, particle, scene.clock.position);
      if (!spot) continue;
      const fill = theme.types[codes[particle]], [x, y] = spot;
      if (hovered || lit.length <= FEW) {
        const look = { stroke: hovered ? theme.ink : fill, width: 1.4 };
        draw(pen, look, () => this.path(pen, scene, particle, 0));
      }
      const look = { fill, stroke: hovered ? theme.ink : theme.paper, width: hovered ? 2 : 1 };
      draw(pen, look, () => pen.arc(x, y, hovered ? 5 : 3.4, 0, 7));
    }
  }

  // Drag turns; the wheel and + − zoom.
  drag(scene, dx, dy) {
    scene.camera.yaw += dx * 0.008;
    scene.camera.pitch = Math.min(1.5, Math.max(-1.5, scene.camera.pitch + dy * 0.008));
  }

  zoom(scene, factor) {
    scene.camera.zoom = Math.min(6, Math.max(0.5, scene.camera.zoom * factor));
  }
}

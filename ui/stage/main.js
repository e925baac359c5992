// The stage: one picture of one run with one clock. It lives on the component's root element, so
// camera, clock and selection stay when the page runs again and when new data come.

import { Clock, SNAPSHOTS_A_SECOND } from "./clock.js";
import { connectControls, fillLists, showParticles, showState } from "./controls.js";
import { Census, Curves, Losses } from "./census.js";
import { Cube, FRONT } from "./cube.js";
import { classify, decode, edited, unpack } from "./data.js";
import { Network } from "./network.js";
import { pickable, scrubbable } from "./picking.js";
import { Pixels } from "./pixels.js";
import { Deeds, Lives, tally } from "./soup.js";
import { readTheme } from "./theme.js";
import { share, tie } from "./together.js";

const CHANGED = "metanet-changed"; // a document's event, and its property with the data
const CHOSEN = 120, MOVED = 300; // milliseconds after which Python is told: the page may follow

class Scene {
  constructor() {
    this.run = this.theme = this.lasso = null;
    this.clock = new Clock();
    [this.show, this.color, this.axes] = ["survivors", "type", "three"];
    this.rung = 0;
    this.hover = this.picked = -1;
    this.selection = new Set();
    this.camera = { ...FRONT };
    this.lassoing = false;
  }

  codesAt(t) {
    return this.codes.subarray(t * this.run.P, (t + 1) * this.run.P);
  }

  // Scalar weights at the clock's position, between two snapshots in proportion.
  weigh() {
    const { run, clock } = this;
    if (run.soup) return;
    const t = Math.min(run.T - 1, Math.floor(clock.position));
    const part = clock.position - t, here = t * run.P, next = part ? here + run.P : here;
    if (this.weights?.length !== run.P) this.weights = new Float32Array(run.P);
    for (let p = 0; p < run.P; p++) {
      const value = run.scalar[here + p];
      this.weights[p] = value + part * (run.scalar[next + p] - value);
    }
  }
}

class Stage {
  constructor(host) {
    this.host = host;
    this.scene = new Scene();
    const board = (name) => host.querySelector(`.${name} .board`);
    this.network = new Network(board("network"));
    this.cube = new Cube(board("cube"));
    this.pixels = new Pixels(board("pixels"));
    this.census = new Census(board("census"));
    this.deeds = new Deeds(board("deeds"));
    this.lives = new Lives(board("lives"));
    this.lines = [this.census, new Curves(board("curves")), new Losses(board("losses"))];
    this.views = [this.network, this.cube, this.pixels, ...this.lines, this.deeds, this.lives];
    for (const view of this.views) (view.pick ? pickable : scrubbable)(view, this);
    connectControls(host, this);
    this.watcher = new ResizeObserver(() => this.redraw());
    for (const view of this.views) this.watcher.observe(view.host);
    host.addEventListener("transitionend", (event) => event.target === host && this.redraw(true));
    this.stale = this.unlit = true;
    this.slow = false;
    this.asked = this.timer = this.turn = 0;
    this.told = "";
    this.heard = () => {
      if (host.isConnected) this.amend();
      else document.removeEventListener(CHANGED, this.heard);
    };
    document.addEventListener(CHANGED, this.heard);
  }

  // Takes a run. One that awaits more is shown when that is there, too.
  load(bytes) {
    this.whole = decode(bytes);
    if (this.whole.awaits) this.amend();
    else this.take(this.whole, this.whole);
  }

  // Takes what the page says of the run, with the snapshot that acts have made, if there is one.
  amend() {
    const { whole } = this, more = document[CHANGED] && unpack(document[CHANGED]);
    if (!whole?.awaits || more?.id !== whole.id || more.of !== whole.ladder[whole.rung]) return;
    this.take(edited(whole, more), more);
  }

  // Shows a run. The first one, and one that asks for another moment, set the scene.
  take(run, { wanted = {}, autoplay }) {
    const { scene } = this, before = scene.run;
    const other = !before || before.id !== run.id || before.P !== run.P;
    const atEnd = !before || scene.clock.position >= before.T - 1;
    scene.run = run;
    if (run.soup) tally(run);
    this.host.classList.toggle("soup", Boolean(run.soup));
    this.host.classList.toggle("alone", Boolean(run.alone));
    this.views = run.soup
      ? [this.deeds, this.cube, this.census, this.lives]
      : [this.network, ...(run.alone ? [] : [this.cube, this.pixels, ...this.lines])];
    this.main = this.views[0];
    scene.clock.pace = run.pace ?? SNAPSHOTS_A_SECOND;
    if (other) {
      scene.selection.clear();
      scene.picked = scene.hover = -1;
      scene.clock.pause();
      scene.clock.position = run.T - 1;
    } else if (atEnd && !scene.clock.playing) scene.clock.position = run.T - 1;
    scene.clock.position = Math.min(scene.clock.position, run.T - 1);
    scene.rung = before ? Math.max(0, run.ladder.indexOf(before.ladder[scene.rung])) : run.rung;
    this.types();
    fillLists(this.host, scene);
    if (wanted.version !== this.version) {
      this.version = wanted.version;
      this.want(wanted);
    }
    if (!before && autoplay && moves()) {
      scene.clock.position = 0;
      this.play();
    }
    this.redraw(true);
    tie(this);
  }

  want({ snapshot, selection, epsilon, show, color, camera, play }) {
    const { scene } = this;
    if (snapshot != null) scene.clock.go(snapshot, scene.run.T - 1);
    if (selection) {
      scene.selection = new Set(selection);
      scene.picked = selection.length ? selection[selection.length - 1] : -1;
    }
    if (epsilon != null) this.setRung(scene.run.ladder.indexOf(epsilon));
    if (show) scene.show = show;
    if (color) scene.color = color;
    if (camera) Object.assign(scene.camera, camera);
    if (play && moves()) this.play();
    else if (play) this.go(scene.run.T - 1, true);
  }

  types() {
    Object.assign(this.scene, classify(this.scene.run, this.scene.rung));
  }

  setRung(rung) {
    this.scene.rung = Math.min(this.scene.run.ladder.length - 1, Math.max(0, rung));
    this.types();
    this.redraw();
  }

  play() {
    this.scene.clock.play(this.scene.run.T - 1);
    this.redraw();
  }

  pause() {
    this.scene.clock.pause();
    this.redraw();
    this.tell();
  }

  go(position, settled) {
    const { scene } = this;
    scene.clock.go(settled ? Math.round(position) : position, scene.run.T - 1);
    this.redraw();
    if (settled) this.tell(MOVED);
  }

  step(by) {
    this.go(this.scene.clock.snapshot + by, true);
  }

  rotate(dx, dy) {
    this.cube.drag(this.scene, dx, dy);
    this.touch(this.cube);
    this.tell();
  }

  zoom(factor) {
    this.cube.zoom(this.scene, factor);
    this.touch(this.cube);
    this.tell();
  }

  hover(particle) {
    if (this.scene.hover === particle) return;
    this.scene.hover = particle;
    this.relight();
  }

  // The next or last one of the shown particles, for the keyboard.
  walk(by) {
    const { shown } = this.main, { scene } = this;
    if (!shown.length) return;
    const here = shown.indexOf(scene.hover >= 0 ? scene.hover : scene.picked);
    this.hover(shown[(here + by + shown.length) % shown.length]);
  }

  toggle(particle, more) {
    const { scene } = this, before = scene.selection.has(particle);
    const alone = before && scene.selection.size === 1;
    if (!more) scene.selection.clear();
    if (before && (more || alone)) scene.selection.delete(particle);
    else scene.selection.add(particle);
    scene.picked = scene.selection.has(particle) ? particle : -1;
    this.redraw();
    this.tell();
  }

  select(particles, more) {
    const { scene } = this;
    if (!more) scene.selection.clear();
    for (const particle of particles) scene.selection.add(particle);
    scene.picked = particles.length === 1 ? particles[0] : -1;
    this.redraw();
    this.tell();
  }

  redraw(theme = false) {
    this.stale = true;
    if (theme && this.scene.run) {
      this.scene.theme = readTheme(this.host, this.scene.run);
      this.host.style.setProperty("--muted", this.scene.theme.muted);
    }
    this.relight();
  }

  // Has one view drawn anew.
  touch(view) {
    view.drawn = null;
    this.ask();
  }

  relight() {
    this.unlit = true;
    this.ask();
  }

  ask() {
    if (!this.asked) this.asked = requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.asked = 0;
    const { scene } = this;
    if (!scene.run || !this.host.isConnected || !this.host.clientWidth) return;
    if (scene.clock.playing && !scene.clock.led) {
      if (scene.clock.tick(now, scene.run.T - 1)) {
        this.stale = true; // what was left out while the clock ran
        this.tell();
      }
    }
    share(this);
    this.fitSpeed();
    scene.weigh();
    this.drawViews();
    const { snapshot, playing } = scene.clock, moved = this.stale || snapshot !== this.shownAt;
    if (moved) showState(this.host, scene);
    if (this.unlit || moved) showParticles(this.host, scene);
    this.shownAt = snapshot;
    this.stale = this.unlit = false;
    if (playing) this.ask();
  }

  // Draws what has changed; between two snapshots, one view in a frame beside the cube, in turn.
  drawViews() {
    const { scene, views, stale } = this, first = this.turn;
    const same = scene.clock.snapshot === this.shownAt; // or numbers stand beside older ones
    let most = scene.clock.playing && same && !stale ? 1 : views.length;
    for (let k = 0; k < views.length; k++) {
      const at = (first + k) % views.length, view = views[at], key = view.key(scene.clock);
      const due = stale || key !== view.drawn;
      if (due && (view === this.cube || most > 0)) {
        view.draw(scene);
        view.drawn = key;
        if (view !== this.cube) {
          this.turn = at + 1;
          most--;
        }
      } else if (!this.unlit && !view.positionAt) continue;
      const lit = view.positionAt || scene.hover >= 0 || scene.selection.size || scene.lasso;
      if (lit || view.lit) view.highlight(scene); // or there is nothing on it, and was not
      view.lit = lit;
    }
  }

  // A screen with many pixels is drawn at one for each CSS pixel while the clock runs, where it
  // could not follow otherwise; at rest it is fine again.
  fitSpeed() {
    const { clock } = this.scene;
    if (clock.playing && clock.frames.length === 12 && clock.fps < 30) this.slow = true;
    const finest = this.slow && clock.playing ? 1 : 2;
    if (this.main.finest === finest) return;
    for (const view of this.views) view.finest = finest;
    this.stale = true;
  }

  // What Python is told, a moment after the last change and only if something is new.
  tell(after = CHOSEN) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { scene } = this, { clock, camera } = scene;
      if (clock.playing) return;
      const round = (value) => Math.round(value * 1000) / 1000;
      const state = {
        snapshot: clock.snapshot,
        epoch: scene.run.epochs[clock.snapshot],
        last: clock.snapshot === scene.run.T - 1,
        epsilon: scene.run.ladder[scene.rung],
        show: scene.show,
        color: scene.color,
        selection: [...scene.selection].sort((a, b) => a - b),
        camera: { yaw: round(camera.yaw), pitch: round(camera.pitch), zoom: round(camera.zoom) },
        run: scene.run.id,
      };
      const text = JSON.stringify(state);
      if (text === this.told) return;
      this.told = text;
      this.setStateValue("scene", state);
    }, after);
  }

  // What a browser test may ask: where things are, and what is chosen.
  get test() {
    const { scene, network, main } = this, box = network.host.getBoundingClientRect();
    return {
      fps: scene.clock.fps,
      playing: scene.clock.playing,
      epoch: scene.run.epochs[scene.clock.snapshot],
      position: scene.clock.position,
      epsilon: scene.run.ladder[scene.rung],
      selection: [...scene.selection],
      picked: scene.picked,
      hover: scene.hover,
      camera: { ...scene.camera },
      shown: [...main.shown],
      counts: [...scene.counts.subarray(scene.clock.snapshot * 5, scene.clock.snapshot * 5 + 5)],
      wire: (particle, share) => {
        const [x, y] = network.along(particle, share);
        return [box.left + x, box.top + y];
      },
    };
  }
}

const moves = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

export default function mount({ data, parentElement, setStateValue }) {
  const host = parentElement.querySelector(".stage");
  host.stage ??= new Stage(host);
  host.stage.setStateValue = setStateValue;
  if (data) host.stage.load(data);
}

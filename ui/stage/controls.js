// Buttons, sliders, lists and keys: everything that can be done without a pointer.

import { count, particleName, percent, plural, seat, signed } from "./data.js";
import { biography, soupStory } from "./soup.js";

const ROWS = 12, WHATEVER = "connection, a pixel or a point of the cube";

export function connectControls(host, stage) {
  const { scene } = stage, find = (name) => host.querySelector(`.${name}`);
  const on = (name, event, act) => find(name).addEventListener(event, act);
  on("play", "click", () => (scene.clock.playing ? stage.pause() : stage.play()));
  on("back", "click", () => stage.step(-1));
  on("on", "click", () => stage.step(1));
  on("position", "input", (event) => stage.go(Number(event.target.value), false));
  on("position", "change", (event) => stage.go(Number(event.target.value), true));
  on("speed", "change", (event) => (scene.clock.speed = Number(event.target.value)));
  on("epsilon", "input", (event) => stage.setRung(Number(event.target.value)));
  on("epsilon", "change", () => stage.tell());
  for (const name of ["show", "color", "axes"]) {
    on(name, "change", (event) => {
      scene[name] = event.target.value;
      stage.redraw();
      stage.tell();
    });
  }
  on("group", "change", (event) => {
    stage.select(group(scene, event.target.value), false);
    event.target.value = "";
  });
  on("lasso", "click", (event) => {
    scene.lassoing = !scene.lassoing;
    event.currentTarget.setAttribute("aria-pressed", String(scene.lassoing));
  });
  find("rows").addEventListener("click", (event) => {
    const particle = event.target.closest("button")?.dataset.particle;
    if (particle !== undefined) stage.toggle(Number(particle), event.shiftKey || event.ctrlKey);
  });
  for (const kind of ["pointerover", "focusin"]) {
    find("rows").addEventListener(kind, (event) => {
      const particle = event.target.closest("button")?.dataset.particle;
      stage.hover(particle === undefined ? -1 : Number(particle));
    });
  }
  find("rows").addEventListener("pointerleave", () => stage.hover(-1));
  find("rows").addEventListener("keydown", walkRows);
  host.addEventListener("keydown", (event) => pressKey(event, stage));
}

// The rows are one stop for Tab; arrows, Home and End move among them.
function walkRows(event) {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const here = buttons.indexOf(event.composedPath()[0]), last = buttons.length - 1;
  const ways = { ArrowLeft: here - 1, ArrowUp: here - 1, ArrowRight: here + 1, ArrowDown: here + 1 };
  const to = { ...ways, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // these keys move the clock elsewhere
  buttons.forEach((button) => (button.tabIndex = -1));
  const next = buttons[Math.min(last, Math.max(0, to))];
  next.tabIndex = 0;
  next.focus();
}

// The particles that the list "Select" names: a type, a layer, the survivors, or none.
function group(scene, name) {
  const [kind, value] = name.split(":"), { run } = scene, found = [];
  const codes = scene.codesAt(scene.clock.snapshot);
  for (let particle = 0; particle < run.P; particle++) {
    const code = codes[particle], n = Number(value);
    if (
      (kind === "type" && code === n) ||
      (kind === "survivors" && code !== 1 && code !== 2) ||
      (kind === "layer" && particle >= run.starts[n] && particle < run.starts[n + 1])
    ) {
      found.push(particle);
    }
  }
  return found;
}

function pressKey(event, stage) {
  const kind = event.composedPath()[0].tagName, { scene } = stage;
  if (event.altKey || event.metaKey || event.ctrlKey || kind === "SELECT") return;
  if (kind === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
  if (kind === "INPUT" && event.key !== " ") return;
  const cube = event.shiftKey && event.key.startsWith("Arrow");
  const turn = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] };
  const acts = {
    " ": () => (scene.clock.playing ? stage.pause() : stage.play()),
    ArrowLeft: () => stage.step(-1),
    ArrowRight: () => stage.step(1),
    Home: () => stage.go(0, true),
    End: () => stage.go(scene.run.T - 1, true),
    ArrowUp: () => stage.walk(-1),
    ArrowDown: () => stage.walk(1),
    Enter: () => scene.hover >= 0 && stage.toggle(scene.hover, event.shiftKey),
    Escape: () => stage.select([], false),
    "+": () => stage.zoom(1.15),
    "-": () => stage.zoom(1 / 1.15),
  };
  const act = cube ? () => stage.rotate(...turn[event.key]) : acts[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation(); // the page around has keys of its own
  act();
}

// Fills the lists whose entries depend on the run.
export function fillLists(host, scene) {
  const { run } = scene;
  const types = run.labels.map((label, code) => [code, label]);
  fill(host.querySelector(".show"), [
    ["survivors", "survivors"],
    ["all", "all"],
    ...types.map(([code, label]) => [run.types[code], `only ${label}`]),
  ]);
  fill(host.querySelector(".group"), [
    ["", "choose …"],
    ["survivors", "all survivors"],
    ...types.map(([code, label]) => [`type:${code}`, `all ${label}`]),
    ...Array.from({ length: run.depth }, (_, layer) => [`layer:${layer}`, `layer ${layer}`]),
    ["none", "nothing"],
  ]);
  fill(host.querySelector(".axes"), [["three", "PC 1, 2, 3"], ["epoch", `PC 1, 2, ${run.unit}`]]);
  setText(host.querySelector(".census small"), `particles, by ${run.unit}`);
  host.querySelector(".position").max = run.T - 1;
  host.querySelector(".epsilon").max = run.ladder.length - 1;
}

function fill(list, entries) {
  const before = list.value, key = entries.join();
  if (list.dataset.key === key) return; // it may be open
  list.dataset.key = key;
  list.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  if (entries.some(([value]) => value === before)) list.value = before;
}

// Brings buttons, sliders and sentences up to date.
export function showState(host, scene) {
  const { run, clock } = scene, find = (name) => host.querySelector(`.${name}`);
  const play = find("play"), text = clock.playing ? "Pause" : "Play";
  if (play.textContent !== text) play.textContent = text;
  play.toggleAttribute("data-playing", clock.playing);
  const position = find("position"), epoch = epochText(run, clock.snapshot);
  position.value = clock.position;
  position.setAttribute("aria-valuetext", epoch);
  const training = run.training;
  find("bar").classList.toggle("live", Boolean(training));
  if (training) setText(find("epoch"), `epoch ${count(training.epoch)} of ${count(training.epochs)}, training`);
  else setText(find("epoch"), /, [es]/.test(epoch) ? epoch : `${epoch} of ${count(run.epochs[run.T - 1])}`);
  const epsilon = epsilonText(run.ladder[scene.rung]);
  find("epsilon").value = scene.rung;
  find("epsilon").setAttribute("aria-valuetext", epsilon);
  setText(find("epsilon-text"), epsilon);
  for (const name of ["show", "color", "axes"]) find(name).value = scene[name];
  const said = finding(scene);
  setText(find("finding"), said);
  if (clock.playing) return;
  for (const [name, what] of Object.entries(ALTERNATIVES)) {
    host.querySelector(`.${name} canvas.base`).setAttribute("aria-label", `${what}. ${said}`);
  }
}

const ALTERNATIVES = {
  network: "The network. Space plays, arrows step and walk through particles, Enter selects",
  cube: "The particles' trajectories as a cube. Shift and arrows turn it, plus and minus zoom",
  deeds: "Who acted on whom. Space plays, arrows step and walk through particles, Enter selects",
  lives: "The type of every place in the soup at every step, and where newborns came",
  pixels: "Every weight layer as images of its particles",
  census: "Particle types over time",
  curves: "Test accuracy of the whole network and of what is left without its replicators",
  losses: "Losses of the task and of self-replication over the epochs",
};

const epochText = (run, t) =>
  `${run.unit} ${count(run.epochs[t])}${run.edited && t === run.T - 1 ? ", edited" : ""}` +
  (run.settled ? `, settled for ${plural(run.settled, "step")}` : "");

const epsilonText = (value) => value.toExponential(0).replace("e-", "e−").replace("e+0", "");

// What the moment shows, in a sentence; every number at the clock's epoch and this epsilon.
function finding(scene) {
  const { run, counts } = scene, t = scene.clock.snapshot;
  const zero = counts[t * 5 + 1], identity = counts[t * 5 + 2], both = zero + identity;
  const parts = [
    `At ${epochText(run, t)}, ${count(both)} of ${count(run.P)} particles replicate ` +
      `themselves (${count(zero)} zero + ${count(identity)} identity, epsilon ${epsilonText(run.ladder[scene.rung])}).`,
  ];
  if (run.soup) return parts[0] + soupStory(run, t);
  const before = run.before[t], after = scene.rung === run.rung ? run.after[t] : null;
  if (before != null && after != null) {
    parts.push(
      `Dropping all of them takes the accuracy from ${percent(before)} to ${percent(after)}; ` +
        `${count(run.P - both)} survive.`,
    );
  } else if (before != null) parts.push(`Accuracy ${percent(before)}; ${count(run.P - both)} would survive without them.`);
  return parts.join(" ");
}

function describe(scene, particle) {
  if (scene.run.soup) return biography(scene.run, particle, scene.clock.snapshot);
  const { run } = scene, { layer, cell, input } = seat(run, particle);
  const reads =
    layer > 0
      ? `reads cell ${input} of layer ${layer}`
      : run.image
        ? `reads the pixel in row ${Math.floor(input / run.columns)}, column ${input % run.columns}`
        : `reads input ${input}`;
  const feeds = layer === run.depth - 1 ? `feeds output ${cell}` : `feeds cell ${cell} of layer ${layer + 1}`;
  return `scalar weight ${signed(scene.weights[particle])} · ${reads}, ${feeds}`;
}

// The line about the hovered particle, and the rows of the selected (or else strongest) ones.
export function showParticles(host, scene) {
  const readout = host.querySelector(".readout"), { run, theme } = scene;
  const codes = scene.codesAt(scene.clock.snapshot);
  const one = scene.hover >= 0 ? scene.hover : scene.picked;
  readout.replaceChildren();
  if (one >= 0) {
    readout.append(mark(theme.types[codes[one]]), bold(particleName(run, one)));
    readout.append(` · ${run.labels[codes[one]]} · ${describe(scene, one)}`);
  } else {
    const what = run.soup ? "particle" : run.alone ? "connection" : WHATEVER;
    readout.textContent = `Point at a ${what}. A click selects it, Shift and drag a whole region.`;
  }
  const list = host.querySelector(".rows");
  const wanted = scene.selection.size ? [...scene.selection] : strongest(scene, codes);
  const key = wanted.slice(0, ROWS).map((p) => `${p}:${codes[p]}`).join() + wanted.length + theme.dark;
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(
      ...wanted.slice(0, ROWS).map((particle, k) => {
        const item = document.createElement("li"), button = document.createElement("button");
        button.type = "button";
        button.dataset.particle = particle;
        button.tabIndex = k ? -1 : 0;
        button.append(mark(theme.types[codes[particle]]), particleName(run, particle));
        item.append(button);
        return item;
      }),
    );
    if (scene.selection.size) {
      const item = document.createElement("li");
      item.textContent = `${count(scene.selection.size)} selected`;
      list.prepend(item);
    }
  }
  for (const button of list.querySelectorAll("button")) {
    button.classList.toggle("lit", Number(button.dataset.particle) === scene.hover);
  }
}

function strongest(scene, codes) {
  if (scene.run.soup) return []; // all stand there
  const alive = [];
  for (let p = 0; p < scene.run.P; p++) if (codes[p] !== 1 && codes[p] !== 2) alive.push(p);
  const size = (p) => Math.abs(scene.weights[p]) || 0;
  return alive.sort((a, b) => size(b) - size(a)).slice(0, 8);
}

function mark(color) {
  const span = document.createElement("span");
  span.className = "mark";
  span.style.background = color;
  return span;
}

function bold(text) {
  const b = document.createElement("b");
  b.textContent = text;
  return b;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

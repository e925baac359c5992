// Stages that are tied: whatever moves the clock of one, its speed or its epsilon, moves all.
// The clock is told in epochs, since runs may have kept snapshots of different ones.

import { positionOf } from "./data.js";

const EVENT = "metanet-tied";
const send = (detail) => document.dispatchEvent(new CustomEvent(EVENT, { detail }));
const state = ({ scene: { clock, rung } }) => [clock.position, clock.playing, clock.speed, rung].join();

// New data: the stage does as the others do from now on, if there are any.
export function tie(stage) {
  if (!stage.scene.run.tied) return;
  stage.tied ??= ({ detail }) => {
    if (!stage.host.isConnected) document.removeEventListener(EVENT, stage.tied);
    else if (detail.stage === stage) return;
    else if (detail.asks) stage.scene.clock.led || lead(stage);
    else follow(stage, detail);
  };
  stage.host.classList.add("tied");
  document.addEventListener(EVENT, stage.tied);
  stage.shared = state(stage);
  send({ stage, asks: true });
}

// Called with every frame: tells the others what has been done here since the last one.
export function share(stage) {
  if (stage.tied && state(stage) !== stage.shared) lead(stage);
}

function lead(stage) {
  const { run, clock, rung } = stage.scene;
  stage.shared = state(stage);
  send({
    stage,
    epoch: epochAt(run.epochs, clock.position),
    last: run.epochs[run.T - 1],
    playing: clock.playing,
    speed: clock.speed,
    epsilon: run.ladder[rung],
  });
}

function follow(stage, { epoch, last, playing, speed, epsilon }) {
  const { scene } = stage, { run, clock } = scene;
  const rung = run.ladder.indexOf(epsilon);
  const other = playing !== clock.playing || (rung >= 0 && rung !== scene.rung);
  const longer = playing && run.epochs[run.T - 1] > last; // it leads, so that all come to an end
  Object.assign(clock, { position: positionOf(run, epoch), playing, led: playing && !longer, speed });
  if (rung >= 0 && rung !== scene.rung) {
    scene.rung = rung;
    stage.types();
  }
  stage.host.querySelector(".speed").value = speed;
  stage.shared = longer ? "" : state(stage);
  if (other) stage.redraw();
  else stage.ask();
}

// The epoch at a position among the snapshots: the inverse of positionOf.
function epochAt(epochs, position) {
  const t = Math.floor(position), next = epochs[t + 1] ?? epochs[t];
  return epochs[t] + (position - t) * (next - epochs[t]);
}

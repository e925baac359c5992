// Decodes what Python sends: 4 bytes with the header's length, the header as JSON, then the arrays
// that it lists, each at a multiple of 4 bytes. Types are worked out here, for any epsilon.
// Of a run that is acted on, only the snapshot that the acts made is sent again.

const KINDS = { u1: Uint8Array, u2: Uint16Array, f4: Float32Array, f2: Uint16Array };

const ZERO = 1, IDENTITY = 2;
export const ORDER = [1, 2, 3, 4, 0]; // in which types are drawn: the dead below, divergence on top

// Header and arrays as they were sent.
export function unpack(bytes) {
  const whole = bytes.slice(); // a copy begins at a multiple of 4
  const view = new DataView(whole.buffer);
  const length = view.getUint32(0, true);
  const run = JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)));
  for (const { name, kind, at, count } of run.arrays) {
    const array = new KINDS[kind](whole.buffer, 4 + length + at, count);
    run[name] = kind === "f2" ? fromHalf(array) : array;
  }
  return run;
}

export function decode(bytes) {
  const run = unpack(bytes);
  run.T = run.epochs.length;
  run.P = run.starts[run.starts.length - 1];
  run.depth = Math.max(0, run.sizes.length - 1);
  run.unit ??= "epoch"; // what the clock counts
  [run.rows, run.columns] = run.image ?? [0, 0]; // of the input, if it is an image
  return run;
}

// The run up to a snapshot, and then what acts made of that.
export function edited(run, made) {
  const { end } = made;
  if (end == null) return run;
  const upTo = (values) => values.slice(0, end + 1), last = run.epochs[end];
  const kept = run.curve.epoch.filter((epoch) => epoch <= last).length;
  const curve = Object.entries(run.curve).map(([name, values]) => [name, values.slice(0, kept)]);
  const both = { ...run, edited: true, T: end + 2, curve: Object.fromEntries(curve) };
  for (const name of ["epochs", "before", "after"]) both[name] = [...upTo(run[name]), made[name]];
  for (const { name } of run.arrays) {
    const part = (run[name].length / run.T) * (end + 1);
    both[name] = new run[name].constructor(part + made[name].length);
    both[name].set(run[name].subarray(0, part));
    both[name].set(made[name], part);
  }
  return both;
}

let halves = null;

function fromHalf(array) {
  if (!halves) {
    halves = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) {
      const exponent = (bits >> 10) & 31, part = bits & 1023, sign = bits >> 15 ? -1 : 1;
      if (exponent === 31) halves[bits] = part ? NaN : sign * Infinity;
      else if (exponent) halves[bits] = sign * 2 ** (exponent - 15) * (1 + part / 1024);
      else halves[bits] = sign * 2 ** -24 * part;
    }
  }
  return Float32Array.from(array, (bits) => halves[bits]);
}

// Type codes of all snapshots (T x P), and how many of each type every snapshot has (T x 5).
// Measures come as rungs: the first epsilon of the ladder that they do not exceed. That is exact.
export function classify(run, rung) {
  const { size, error, second, T, P } = run;
  const codes = new Uint8Array(T * P), counts = new Uint32Array(T * 5);
  for (let t = 0; t < T; t++) {
    for (let i = t * P; i < (t + 1) * P; i++) {
      const code =
        size[i] === 255 ? 0 : size[i] <= rung ? 1 : error[i] <= rung ? 2 : second[i] <= rung ? 3 : 4;
      codes[i] = code;
      counts[t * 5 + code]++;
    }
  }
  return { codes, counts };
}

export const isReplicator = (code) => code === ZERO || code === IDENTITY;

// Where a particle sits: its weight layer, its cell and its input, all counted from 0.
export function seat(run, particle) {
  let layer = 0;
  while (particle >= run.starts[layer + 1]) layer++;
  const rest = particle - run.starts[layer], inputs = run.sizes[layer];
  return { layer, cell: Math.floor(rest / inputs), input: rest % inputs };
}

// Calls a function for every particle of a network and its place.
export function eachSeat(run, act) {
  for (let layer = 0, particle = 0; layer < run.depth; layer++) {
    for (let cell = 0; cell < run.sizes[layer + 1]; cell++) {
      for (let input = 0; input < run.sizes[layer]; input++) act(particle++, layer, cell, input);
    }
  }
}

export function particleName(run, particle) {
  if (run.soup) return `particle ${particle}`;
  const { layer, cell, input } = seat(run, particle);
  return `L${layer}_C${cell}_W${input}`;
}

// Whether the choice "survivors", "all" or a type's name shows particles of a code.
export function shows(run, choice) {
  const wanted = run.types.indexOf(choice);
  if (choice === "all") return () => true;
  if (choice === "survivors") return (code) => !isReplicator(code);
  return (code) => code === wanted;
}

// The position (in snapshots) of an epoch, and the epoch of a position.
export function positionOf(run, epoch) {
  const e = run.epochs;
  let t = 0;
  while (t < run.T - 2 && e[t + 1] <= epoch) t++;
  if (run.T < 2) return 0;
  return t + Math.min(1, Math.max(0, (epoch - e[t]) / (e[t + 1] - e[t])));
}

export const count = (number) => number.toLocaleString("en-US");
export const percent = (share) => (share == null ? "–" : `${(share * 100).toFixed(1)}\u00a0%`);
export const plural = (number, thing) => `${count(number)} ${thing}${number === 1 ? "" : "s"}`;

export function signed(number) {
  if (!Number.isFinite(number)) return "not finite";
  if (number === 0) return "0";
  const size = Math.abs(number);
  const text = size >= 1e-3 ? size.toPrecision(3) : size.toExponential(1);
  return (number < 0 ? "−" : "") + text.replace("e-", "e−");
}

// The one clock: a position among the snapshots, from 0 to T − 1. Equal time is given to every
// snapshot, so that the first epochs, in which most happens, can be seen.

export const SNAPSHOTS_A_SECOND = 3;

export class Clock {
  constructor() {
    this.position = 0;
    this.playing = false;
    this.led = false; // by another stage's clock
    this.speed = 1;
    this.pace = SNAPSHOTS_A_SECOND;
    this.before = null;
    this.frames = []; // times of the last frames drawn while playing
  }

  get snapshot() {
    return Math.round(this.position);
  }

  play(last) {
    if (this.position >= last) this.position = 0;
    this.playing = true;
    this.led = false;
    this.before = null;
    this.frames = [];
  }

  pause() {
    if (this.playing) this.position = this.snapshot;
    this.playing = this.led = false;
  }

  go(position, last) {
    this.pause();
    this.position = Math.min(last, Math.max(0, position));
  }

  // Moves on to a time in milliseconds; returns whether it has come to the end.
  tick(now, last) {
    const passed = this.before === null ? 0 : Math.min(now - this.before, 100);
    this.before = now;
    this.frames.push(now);
    if (this.frames.length > 240) this.frames.shift();
    this.position += (passed / 1000) * this.pace * this.speed;
    if (this.position < last) return false;
    this.position = last;
    this.pause();
    return true;
  }

  get fps() {
    const { frames } = this;
    if (frames.length < 2) return null;
    return (1000 * (frames.length - 1)) / (frames[frames.length - 1] - frames[0]);
  }
}

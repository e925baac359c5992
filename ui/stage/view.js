// A view of the run: its picture on one canvas, and what is lit up on it on another one above.
// Sizes in CSS pixels. What is the same for all views is here.

const MOST_LIT = 2000;

export class View {
  font = 11;

  constructor(host) {
    this.host = host;
    this.base = host.querySelector("canvas.base");
    this.over = host.querySelector("canvas.over");
    this.width = this.height = 0;
    this.finest = 2; // pixels to a CSS pixel, at most
  }

  // The picture is drawn anew when this changes.
  key(clock) {
    return clock.snapshot;
  }

  draw(scene) {
    if (!this.fit()) return;
    const { run } = scene, room = `${this.width} ${this.height} ${run.id} ${run.P}`;
    if (this.placedFor !== room) this.place(run);
    this.placedFor = room;
    this.paint(this.begin(this.base, scene), scene, scene.codesAt(scene.clock.snapshot));
  }

  // Draws what is lit up: the selected particles and, last, the hovered one.
  highlight(scene) {
    if (!this.width) return;
    const pen = this.begin(this.over, scene), lit = [];
    for (const particle of scene.selection) if (lit.length < MOST_LIT) lit.push(particle);
    if (scene.hover >= 0) lit.push(scene.hover);
    this.light(pen, scene, lit, scene.codesAt(scene.clock.snapshot));
    if (scene.lasso?.view === this) scene.lasso.draw(pen, scene.theme);
  }

  // Returns whether there is room to draw on.
  fit() {
    const { clientWidth, clientHeight } = this.host;
    this.scale = Math.min(this.finest, window.devicePixelRatio || 1);
    const wide = Math.round(clientWidth * this.scale), tall = Math.round(clientHeight * this.scale);
    for (const canvas of [this.base, this.over]) {
      if (canvas.width !== wide) canvas.width = wide;
      if (canvas.height !== tall) canvas.height = tall;
    }
    this.width = clientWidth;
    this.height = clientHeight;
    return clientWidth > 0 && clientHeight > 0;
  }

  begin(canvas, { theme }) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = `${this.font}px ${theme.font}`;
    pen.lineJoin = pen.lineCap = "round";
    pen.textBaseline = "middle";
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    return pen;
  }

  // A canvas of one pixel for each of columns x rows, whose data (red, green, blue, opacity) are
  // filled in.
  image(columns, rows, fill) {
    const canvas = (this.scratch ??= document.createElement("canvas"));
    const pixels = new ImageData(columns, rows);
    fill(pixels.data);
    [canvas.width, canvas.height] = [columns, rows];
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  }
}

// A view in which every particle is a dot, at x and y; crowded ones are small squares.
export class Dots extends View {
  reach = 9;
  x = new Float32Array(0);
  y = new Float32Array(0);

  dot(pen, particle, radius) {
    const x = this.x[particle], y = this.y[particle];
    if (this.crowded) return pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    pen.moveTo(x + radius, y);
    pen.arc(x, y, radius, 0, 7);
  }

  pick(x, y) {
    let best = -1, least = this.reach ** 2;
    for (let particle = 0; particle < this.x.length; particle++) {
      const distance = (this.x[particle] - x) ** 2 + (this.y[particle] - y) ** 2;
      if (distance < least) [best, least] = [particle, distance];
    }
    return best;
  }

  inside(polygon) {
    return [...this.x.keys()].filter((p) => polygon.holds(this.x[p], this.y[p]));
  }
}

// Fills and strokes, in these colours, the way that is traced.
export function draw(pen, { fill, stroke, width = 1, alpha = 1, dash = [] }, trace) {
  pen.globalAlpha = alpha;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  trace();
  if (fill) {
    pen.fillStyle = fill;
    pen.fill();
  }
  if (stroke) {
    pen.strokeStyle = stroke;
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

// Red, green and blue of a colour.
export function channels(color) {
  if (!color.startsWith("#")) return (color.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

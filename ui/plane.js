// A plane of small trainings: cells that fill in around the pointer. Pointing, dragging and the
// arrow keys look somewhere; a click or Enter chooses a cell.

const REACH = 3.5; // cells around the pointer that are trained first, as the ring shows them

export default function mount({ data, parentElement, setStateValue }) {
  const host = parentElement.querySelector(".plane");
  host.plane ??= connect(host);
  Object.assign(host.plane, { data, setStateValue });
  draw(host);
}

function connect(host) {
  const canvas = host.querySelector("canvas"), plane = { at: null, timer: 0 };
  const cellOf = (event) => {
    const box = canvas.getBoundingClientRect(), { left, top, side, rise } = plane.place;
    const i = Math.floor((event.clientX - box.left - left) / side);
    const j = plane.data.ys.length - 1 - Math.floor((event.clientY - box.top - top) / rise);
    return inside(plane.data, i, j) ? [i, j] : null;
  };
  const look = (cell) => {
    if (!cell || String(cell) === String(plane.at)) return;
    plane.at = cell;
    draw(host);
    plane.timer ||= setTimeout(() => {
      plane.timer = 0;
      plane.setStateValue("at", plane.at);
    }, 150);
  };
  const choose = (cell) => cell && plane.setStateValue("chosen", cell);
  canvas.addEventListener("pointermove", (event) => look(cellOf(event)));
  canvas.addEventListener("pointerdown", (event) => look(cellOf(event)));
  canvas.addEventListener("click", (event) => choose(cellOf(event)));
  canvas.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const { xs, ys } = plane.data, [i, j] = plane.at ?? [xs.length >> 1, ys.length >> 1];
    if (event.key === "Enter") choose(plane.at);
    else if (!(event.key in ways)) return;
    else {
      const cell = [i + ways[event.key][0], j + ways[event.key][1]];
      if (inside(plane.data, ...cell)) look(cell);
    }
    event.preventDefault();
  });
  new ResizeObserver(() => draw(host)).observe(canvas);
  host.addEventListener("transitionend", () => draw(host)); // the theme has changed
  return plane;
}

const inside = ({ xs, ys }, i, j) => i >= 0 && j >= 0 && i < xs.length && j < ys.length;

function draw(host) {
  const { data, at } = host.plane, canvas = host.querySelector("canvas");
  const { xs, ys, values, texts, chosen } = data, style = getComputedStyle(host);
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
  if (!width) return;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d"), ink = style.color;
  pen.scale(ratio, ratio);
  const left = 58, top = 6, below = 46;
  const side = (width - left - 8) / xs.length, rise = (height - top - below) / ys.length;
  host.plane.place = { left, top, side, rise };
  const corner = (i, j) => [left + i * side, top + (ys.length - 1 - j) * rise];
  const stops = style.colorScheme === "dark" ? data.dark : data.light;
  values.forEach((row, j) =>
    row.forEach((value, i) => {
      const [x, y] = corner(i, j);
      pen.fillStyle = value === null ? "transparent" : tint(stops, value);
      pen.fillRect(x + 0.5, y + 0.5, side - 1, rise - 1);
      pen.strokeStyle = style.borderTopColor;
      if (value === null) pen.strokeRect(x + 1, y + 1, side - 2, rise - 2);
    }),
  );
  pen.fillStyle = ink;
  pen.font = `12px ${style.fontFamily}`;
  pen.textAlign = "center";
  const ticks = Math.ceil(xs.length / Math.max(2, Math.floor((width - left) / 60)));
  xs.forEach((value, i) => i % ticks || pen.fillText(value, left + (i + 0.5) * side, height - below + 17));
  pen.fillText(data.across, left + (width - left) / 2, height - 6);
  pen.textAlign = "right";
  ys.forEach((value, j) => j % 2 || pen.fillText(value, left - 6, corner(0, j)[1] + rise / 2 + 4));
  pen.lineWidth = 2;
  pen.strokeStyle = ink;
  if (chosen) pen.strokeRect(...corner(...chosen).map((place) => place + 1), side - 2, rise - 2);
  if (at) {
    const [x, y] = corner(...at);
    pen.setLineDash([4, 4]);
    pen.beginPath();
    pen.ellipse(x + side / 2, y + rise / 2, REACH * side, REACH * rise, 0, 0, 7);
    pen.stroke();
    pen.setLineDash([]);
    pen.strokeRect(x + 1, y + 1, side - 2, rise - 2);
  }
  const [i, j] = at ?? chosen ?? [];
  host.querySelector(".said").textContent =
    i === undefined ? "Move over the plane; the networks around the pointer are trained." : texts[j][i];
}

// A colour between two of the stops (red, green, blue), for a value of 0..1.
function tint(stops, value) {
  const place = Math.min(1, Math.max(0, value)) * (stops.length - 1);
  const k = Math.min(stops.length - 2, Math.floor(place)), part = place - k;
  return `rgb(${stops[k].map((low, n) => low + part * (stops[k + 1][n] - low)).join()})`;
}

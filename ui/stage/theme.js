// Colours and fonts: neutral ones from Streamlit's theme, those of the types from Python.

export function readTheme(host, run) {
  const style = getComputedStyle(host);
  const of = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
  const paper = of("background-color", "#ffffff"), ink = of("text-color", "#1f2328");
  const dark = style.colorScheme === "dark";
  const look = dark ? run.look.dark : run.look.light;
  return {
    dark,
    paper,
    ink,
    muted: look.muted,
    faint: look.faint,
    types: run.types.map((name) => look.types[name]),
    negative: look.negative,
    positive: look.positive,
    font: of("font", "sans-serif"),
  };
}

// Two canvases, one above the other: the picture, and what is lit up on it. Sizes in CSS pixels.
export class Board {
  constructor(host) {
    this.host = host;
    this.base = host.querySelector("canvas.base");
    this.over = host.querySelector("canvas.over");
    this.width = this.height = 0;
    this.finest = 2; // pixels to a CSS pixel, at most
  }

  // Returns whether there is room to draw on.
  fit() {
    const { clientWidth, clientHeight } = this.host;
    const scale = Math.min(this.finest, window.devicePixelRatio || 1);
    for (const canvas of [this.base, this.over]) {
      if (canvas.width !== Math.round(clientWidth * scale)) {
        canvas.width = Math.round(clientWidth * scale);
      }
      if (canvas.height !== Math.round(clientHeight * scale)) {
        canvas.height = Math.round(clientHeight * scale);
      }
    }
    this.scale = scale;
    this.width = clientWidth;
    this.height = clientHeight;
    return clientWidth > 0 && clientHeight > 0;
  }

  begin(canvas, theme, size = 12) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = `${size}px ${theme.font}`;
    pen.lineJoin = pen.lineCap = "round";
    pen.textBaseline = "middle";
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    return pen;
  }
}

"""A small picture that can be drawn by hand, pixel by pixel, and what is asked about it."""

import numpy as np
import streamlit as st

_HTML = """<canvas tabindex="0" role="img" aria-label="A picture, to be drawn on"></canvas>
<button type="button">Clear</button>"""
_CSS = """
:host {color: var(--st-text-color); font-family: var(--st-font)}
canvas {width: 100%; max-width: 260px; touch-action: none; cursor: crosshair; display: block;
  border: 1px solid var(--st-border-color); image-rendering: pixelated}
button {margin-top: 0.5rem; padding: 0.3rem 0.8rem; font: inherit; color: inherit;
  background: none; border: 1px solid var(--st-border-color); border-radius: 4px; cursor: pointer}
"""
_JS = """export default function({data, parentElement, setStateValue}) {
  const canvas = parentElement.querySelector("canvas"), [height, width] = data.size;
  const context = canvas.getContext("2d");
  if (parentElement.stamp !== data.stamp) {
    parentElement.stamp = data.stamp;
    parentElement.pixels = Float32Array.from(data.start);
  }
  const pixels = parentElement.pixels;
  canvas.width = width; canvas.height = height;
  const paint = () => {
    const image = context.createImageData(width, height);
    pixels.forEach((value, i) => {
      const grey = Math.round(255 * value);
      image.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  };
  const tell = () => setStateValue("pixels", Array.from(pixels, v => Math.round(v * 255)));
  const touch = event => {
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * width - 0.5;
    const y = (event.clientY - box.top) / box.height * height - 0.5;
    const brush = Math.max(0.9, width / 14);
    for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
      const far = Math.hypot(row - y, column - x), i = row * width + column;
      pixels[i] = Math.min(1, Math.max(pixels[i], 1.25 * (1 - far / (brush * 1.5))));
    }
    paint();
  };
  canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); touch(event); };
  canvas.onpointermove = event => { if (event.buttons) touch(event); };
  canvas.onpointerup = tell;
  parentElement.querySelector("button").onclick = () => { pixels.fill(0); paint(); tell(); };
  paint();
}"""
_canvas = st.components.v2.component("sketch", html=_HTML, css=_CSS, js=_JS)


def sketch(start: np.ndarray, stamp: str) -> np.ndarray:
    """A picture that begins as ``start`` ``(height, width)``, 0..1, and can be drawn on: what it is
    now. With another ``stamp`` it begins anew."""
    begin = np.clip(start, 0, 1)
    data = {
        "size": list(start.shape),
        "start": begin.ravel().tolist(),
        "stamp": stamp,
    }
    found = _canvas(
        key=f"sketch-{stamp}",
        data=data,
        default={"pixels": None},
        on_pixels_change=lambda: None,
    )
    try:
        drawn = np.asarray(found.pixels, dtype=np.float32).reshape(begin.shape) / 255
    except (TypeError, ValueError):  # the browser has sent nothing yet, or no picture of that size
        return begin
    return np.clip(drawn, 0, 1) if np.isfinite(drawn).all() else begin

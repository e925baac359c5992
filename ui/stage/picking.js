// Hover, click, lasso, drag: what the pointer does on a view. A view picks the particle at a point;
// the scene lights the same particle up everywhere.

import { draw } from "./view.js";

const CLICK = 5; // pixels that a pointer may stray and still click

class Lasso {
  constructor(view, x, y) {
    this.view = view;
    this.points = [[x, y]];
  }

  add(x, y) {
    this.points.push([x, y]);
  }

  // Whether a point lies inside (even-odd rule).
  holds(x, y) {
    let inside = false;
    for (let k = 0, j = this.points.length - 1; k < this.points.length; j = k++) {
      const [ax, ay] = this.points[k], [bx, by] = this.points[j];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    }
    return inside;
  }

  draw(pen, theme) {
    const outline = () => {
      for (const [x, y] of this.points) pen.lineTo(x, y);
      pen.closePath();
    };
    draw(pen, { stroke: theme.ink, dash: [4, 3] }, outline);
    draw(pen, { fill: theme.ink, alpha: 0.06 }, outline);
  }
}

// Lets the pointer act on the particles of a view.
export function pickable(view, stage) {
  const { scene } = stage, element = view.host;
  let down = null;
  const spot = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  element.addEventListener("pointermove", (event) => {
    const [x, y] = spot(event);
    if (!down) return stage.hover(view.pick(x, y));
    const [dx, dy] = [x - down.x, y - down.y];
    if (!down.moved && Math.hypot(x - down.x0, y - down.y0) < CLICK) return;
    down.moved = true;
    [down.x, down.y] = [x, y];
    if (scene.lasso) scene.lasso.add(x, y);
    else if (view.drag) {
      view.drag(scene, dx, dy);
      stage.touch(view);
    }
    stage.relight();
  });
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const [x, y] = spot(event);
    down = { x, y, x0: x, y0: y, moved: false };
    if (event.shiftKey || scene.lassoing) scene.lasso = new Lasso(view, x, y);
    if (scene.lasso || view.drag) element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointerup", (event) => {
    if (!down) return;
    const { moved } = down, lasso = scene.lasso, [x, y] = spot(event);
    down = scene.lasso = null;
    if (lasso && moved) stage.select(view.inside(lasso), event.ctrlKey || event.metaKey);
    else if (!moved) {
      const found = view.pick(x, y);
      if (found >= 0) stage.toggle(found, event.shiftKey || event.ctrlKey || event.metaKey);
      else stage.select([], false);
    } else stage.tell();
    stage.relight();
  });
  element.addEventListener("pointercancel", () => {
    down = scene.lasso = null;
    stage.relight();
  });
  element.addEventListener("pointerleave", () => stage.hover(-1));
  if (view.zoom) {
    element.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && document.activeElement === document.body && !element.matches(":focus-within")) return;
        event.preventDefault();
        stage.zoom(Math.exp(-event.deltaY * 0.0015));
      },
      { passive: false },
    );
  }
}

// Lets the pointer move the clock along a timeline.
export function scrubbable(view, stage) {
  const element = view.host;
  const go = (event) => {
    const box = element.getBoundingClientRect();
    stage.go(view.positionAt(stage.scene, event.clientX - box.left), event.type === "pointerup");
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    go(event);
  });
  element.addEventListener("pointermove", (event) => event.buttons & 1 && go(event));
  element.addEventListener("pointerup", go);
}

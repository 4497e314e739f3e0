// The drawing layer over the moving picture: outlines with handles, for mouse, finger, pen and keyboard.
import { h, setText } from "./dom.js";
import { KINDS, pointAt, sides } from "./shapes.js";
import { pictureArea } from "./tracking_box.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR_PX = 14;
const STEP = 0.005;
const BIG_STEP = 0.04;
const ARROW_PX = 26;
const TONES = 8;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function percent(value) {
  return `${Math.round(value * 100)} %`;
}

/** The colour of the shape at that place in the list, as a value of CSS. */
export function toneOf(place) {
  return `var(--shape-${(place % TONES) + 1})`;
}

function stepOf(event) {
  const [dx, dy] = ARROWS[event.key] ?? [0, 0];
  const step = event.shiftKey ? BIG_STEP : STEP;
  return dx || dy ? [dx * step, dy * step] : null;
}

export class ShapesCanvas {
  /**
   * @param {HTMLElement} surface lies exactly over the picture
   * @param {() => {width: number, height: number}} sourceSize pixels of the source picture
   * @param draft the ShapesDraft that is drawn and changed
   * @param {(layer: object|null) => void} onMode called when drawing of a layer begins or ends (null)
   */
  constructor(surface, sourceSize, draft, onMode) {
    Object.assign(this, { sourceSize, draft, onMode });
    this.size = { width: 0, height: 0 };
    this.drawing = null;
    this.drag = null;
    this.signature = "";
    this.svg = svg("svg", { class: "shapes__svg", tabindex: "0", role: "application", "aria-label": "Picture to draw on" });
    this.layer = h("div", { class: "shapes" }, this.svg);
    this.shapesGroup = svg("g");
    this.draftGroup = svg("g", { class: "shapes__draft" });
    this.cursor = svg("path", { class: "shapes__cursor", d: "M-11 0H11M0 -11V11" });
    this.svg.append(this.shapesGroup, this.draftGroup, this.cursor);
    surface.append(this.layer);
    this.observer = new ResizeObserver(() => this.#fit());
    this.observer.observe(surface);
    this.onChange = () => this.redraw();
    draft.addEventListener("change", this.onChange);
    const listen = (name, action) => this.svg.addEventListener(name, action);
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#up(event));
    listen("pointercancel", () => this.#endDrag());
    listen("keydown", (event) => this.#key(event));
    this.#fit();
  }

  dispose() {
    this.observer.disconnect();
    this.draft.removeEventListener("change", this.onChange);
    this.layer.remove();
  }

  /** Start drawing a new shape of `layer`; the next clicks are its points. */
  begin(layer) {
    this.draft.select(null);
    this.drawing = { layer, points: [], cursor: null };
    this.svg.classList.add("is-drawing");
    this.onMode(layer);
    this.redraw();
    this.svg.focus({ preventScroll: true });
  }

  /** Stop drawing without a shape. Returns whether there was something to stop. */
  cancel() {
    if (!this.drawing) return false;
    this.#stopDrawing();
    return true;
  }

  /** Take what is drawn as a shape, when it has points enough. */
  finish() {
    const { layer, points } = this.drawing ?? {};
    if (!layer || points.length < KINDS[layer.kind].fewest) return false;
    this.#stopDrawing();
    this.draft.add(layer, points);
    return true;
  }

  get canFinish() {
    return Boolean(this.drawing) && this.drawing.points.length >= KINDS[this.drawing.layer.kind].fewest;
  }

  /** Take back the newest point of the drawing. Returns whether there was one. */
  takeBack() {
    const had = Boolean(this.drawing?.points.pop());
    if (had) this.#drawDrawing();
    return had;
  }

  #stopDrawing() {
    this.drawing = null;
    this.svg.classList.remove("is-drawing");
    this.onMode(null);
    this.redraw();
  }

  #fit() {
    const { width, height } = this.sourceSize();
    const area = pictureArea(this.layer, width, height);
    if (!area.width) return;
    this.size = { width: area.width, height: area.height };
    Object.assign(this.svg.style, {
      left: `${area.left}px`,
      top: `${area.top}px`,
      width: `${area.width}px`,
      height: `${area.height}px`,
    });
    this.signature = "";
    this.redraw();
  }

  /** The picture may have got another size. */
  refit() {
    this.#fit();
  }

  #px([x, y]) {
    return [x * this.size.width, y * this.size.height];
  }

  #share(event) {
    const bounds = this.svg.getBoundingClientRect();
    return pointAt((event.clientX - bounds.left) / bounds.width, (event.clientY - bounds.top) / bounds.height);
  }

  #isNear(a, b) {
    const [[ax, ay], [bx, by]] = [this.#px(a), this.#px(b)];
    return Math.hypot(ax - bx, ay - by) < NEAR_PX;
  }

  // ---- drawing what there is

  redraw() {
    const { shapes, selected } = this.draft;
    const isDrawing = Boolean(this.drawing);
    const signature = JSON.stringify([isDrawing, selected, shapes.map((shape) => [shape.id, shape.points.length])]);
    if (signature !== this.signature) this.#rebuild();
    this.signature = signature;
    for (const parts of this.parts) this.#place(parts);
    this.#drawDrawing();
  }

  #rebuild() {
    const focused = this.svg.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    this.parts = this.draft.shapes.map((shape, place) => this.#partsOf(shape, place));
    this.shapesGroup.replaceChildren(...this.parts.map((parts) => parts.group));
    if (focused) this.shapesGroup.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
  }

  #partsOf(shape, place) {
    const { kind, id } = shape;
    const isSelected = id === this.draft.selected && !this.drawing;
    const group = svg("g", { class: `shape shape--${kind}${isSelected ? " is-selected" : ""}`, "data-shape": id });
    group.style.setProperty("--tone", toneOf(place));
    const tag = KINDS[kind].isClosed ? "polygon" : "polyline";
    const parts = { id, group, label: svg("text", { class: "shape__name" }), points: [], middles: [] };
    parts.halo = svg(tag, { class: "shape__halo" });
    parts.body = svg(tag, { class: "shape__body", tabindex: "0", role: "button", "data-focus": id });
    group.append(parts.halo, parts.body);
    if (kind === "line") group.append((parts.arrow = svg("path", { class: "shape__arrow" })));
    if (isSelected) this.#addHandles(parts, shape);
    // Its sides have lengths, which the operator enters by the numbers of the corners.
    parts.numbers = kind === "quad" ? shape.points.map((_, corner) => this.#numberOf(group, corner)) : [];
    group.append(parts.label);
    return parts;
  }

  #numberOf(group, corner) {
    const text = svg("text", { class: "shape__number" });
    setText(text, String(corner + 1));
    group.append(text);
    return text;
  }

  #addHandles(parts, shape) {
    const handle = (name, place, r) => {
      const circle = svg("circle", { class: `shape__${name}`, r, tabindex: "0", role: "button" });
      Object.assign(circle.dataset, { [name]: place, focus: `${shape.id}-${name}-${place}` });
      parts.group.append(circle);
      return circle;
    };
    if (this.draft.canTakePoint(shape.id)) parts.middles = sides(shape).map((_, place) => handle("middle", place, 4));
    parts.points = shape.points.map((_, place) => handle("point", place, 6));
  }

  #place(parts) {
    const shape = this.draft.byId(parts.id);
    const pixels = shape.points.map((point) => this.#px(point));
    for (const outline of [parts.halo, parts.body]) outline.setAttribute("points", pixels.map((point) => point.join()).join(" "));
    parts.body.setAttribute("aria-label", `${shape.name || "Shape without a name"}, ${KINDS[shape.kind].word}`);
    parts.points.forEach((circle, place) => {
      const [x, y] = shape.points[place];
      this.#putAt(
        circle,
        pixels[place],
        `Point ${place + 1} of ${shape.name}, ${percent(x)} from the left, ${percent(y)} from the top`,
      );
    });
    parts.middles.forEach((circle, side) => {
      const [[ax, ay], [bx, by]] = sides(shape)[side].map((place) => pixels[place]);
      this.#putAt(circle, [(ax + bx) / 2, (ay + by) / 2], `Add a point to ${shape.name} after point ${side + 1}`);
    });
    parts.numbers.forEach((text, corner) => {
      text.setAttribute("x", pixels[corner][0] + 9);
      text.setAttribute("y", pixels[corner][1] - 8);
    });
    if (parts.arrow) parts.arrow.setAttribute("d", arrowPath(pixels));
    setText(parts.label, shape.name);
    const top = pixels.reduce((best, point) => (point[1] < best[1] ? point : best));
    parts.label.setAttribute("x", Math.min(Math.max(top[0], 4), this.size.width - 60));
    // The number of a corner stands where the name of another shape does.
    parts.label.setAttribute("y", Math.max(top[1] - (parts.numbers.length ? 26 : 10), 16));
  }

  #putAt(circle, [x, y], words) {
    circle.setAttribute("cx", x);
    circle.setAttribute("cy", y);
    circle.setAttribute("aria-label", words);
  }

  #drawDrawing() {
    const { points = [], cursor = null, layer } = this.drawing ?? {};
    const pixels = (cursor ? [...points, cursor] : points).map((point) => this.#px(point));
    const outline = svg(layer && KINDS[layer.kind].isClosed && pixels.length > 2 ? "polygon" : "polyline", {
      class: "shapes__rubber",
      points: pixels.map((point) => point.join()).join(" "),
    });
    const dots = points.map((point, place) => {
      const [cx, cy] = this.#px(point);
      return svg("circle", { class: `shapes__dot${place === 0 ? " is-first" : ""}`, cx, cy, r: 5 });
    });
    this.draftGroup.replaceChildren(...(pixels.length ? [outline, ...dots] : []));
    const at = this.#px(cursor ?? [0.5, 0.5]);
    this.cursor.setAttribute("transform", `translate(${at})`);
    this.cursor.toggleAttribute("hidden", !this.drawing || !this.drawing.isByKey);
    this.onDrawing?.();
  }

  // ---- mouse, finger, pen

  #down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const at = this.#share(event);
    this.svg.setPointerCapture(event.pointerId);
    if (this.drawing) {
      this.drawing.downAt = at;
      this.drawing.cursor = at;
      this.drawing.isByKey = false;
      return;
    }
    const group = event.target.closest("[data-shape]");
    if (!group) {
      this.draft.select(null);
      return;
    }
    event.preventDefault();
    this.drag = this.#dragOf(group.dataset.shape, event.target.dataset, at);
  }

  #dragOf(id, { point, middle }, from) {
    this.draft.select(id);
    // The handle is another element after the selection: keys shall reach it.
    const focus = (name) => this.shapesGroup.querySelector(`[data-focus="${name}"]`)?.focus({ preventScroll: true });
    if (point !== undefined) {
      focus(`${id}-point-${point}`);
      return { id, place: Number(point), from };
    }
    if (middle !== undefined) return { id, place: Number(middle) + 1, from, inserts: true };
    focus(id);
    return { id, points: this.draft.byId(id).points, from };
  }

  #move(event) {
    const at = this.#share(event);
    if (this.drawing) {
      this.drawing.cursor = at;
      this.drawing.isByKey = false;
      if (this.drawing.downAt && !this.drawing.points.length && !this.#isNear(this.drawing.downAt, at)) this.drawing.box = true;
      if (this.drawing.box) this.#drawBox(at);
      else this.#drawDrawing();
      return;
    }
    if (!this.drag) return;
    this.#beginMoving(at);
    const { id, place, points, from, isMoving } = this.drag;
    if (!isMoving) return;
    if (points) this.draft.moveShape(id, points, at[0] - from[0], at[1] - from[1]);
    else this.draft.movePoint(id, place, at);
  }

  /** The first movement of a drag is what can be undone: a mere click changes nothing. */
  #beginMoving(at) {
    const { drag } = this;
    if (drag.isMoving || (Math.abs(at[0] - drag.from[0]) < 0.002 && Math.abs(at[1] - drag.from[1]) < 0.002)) return;
    drag.isMoving = true;
    this.draft.hold();
    if (drag.inserts) this.draft.insertPoint(drag.id, drag.place - 1, at);
  }

  #up(event) {
    if (!this.drawing?.downAt) {
      this.#endDrag();
      return;
    }
    const at = this.#share(event);
    const { box, layer, downAt } = this.drawing;
    this.drawing.downAt = null;
    if (box) {
      this.drawing.box = false;
      if (this.#isNear(downAt, at)) this.#drawDrawing();
      else {
        this.drawing.points = boxPoints(layer.kind, downAt, at);
        this.finish();
      }
    } else {
      // A finger does not hover: nothing follows it to the next point.
      if (event.pointerType !== "mouse") this.drawing.cursor = null;
      this.#addPoint(at);
    }
  }

  #endDrag() {
    this.drag = null;
    if (this.drawing) this.drawing.downAt = null;
  }

  #drawBox(at) {
    const { points, cursor } = this.drawing;
    this.drawing.points = boxPoints(this.drawing.layer.kind, this.drawing.downAt, at);
    this.drawing.cursor = null;
    this.#drawDrawing();
    Object.assign(this.drawing, { points, cursor });
  }

  #addPoint(at) {
    const { points, layer } = this.drawing;
    const closes =
      points.length > 0 && (this.#isNear(at, points.at(-1)) || (KINDS[layer.kind].isClosed && this.#isNear(at, points[0])));
    if (closes) {
      this.finish();
      return;
    }
    points.push(at);
    if (points.length === KINDS[layer.kind].most) this.finish();
    else this.#drawDrawing();
  }

  // ---- keyboard

  #key(event) {
    const handled = this.drawing ? this.#drawingKey(event) : this.#shapeKey(event);
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  #drawingKey(event) {
    const step = stepOf(event);
    const at = this.drawing.cursor ?? [0.5, 0.5];
    if (step) {
      this.drawing.cursor = pointAt(at[0] + step[0], at[1] + step[1]);
      this.drawing.isByKey = true;
      this.#drawDrawing();
    } else if (event.key === "Enter" || event.key === " ") this.#addPoint(at);
    else if (event.key === "Backspace") this.takeBack();
    else return false;
    return true;
  }

  #shapeKey(event) {
    const id = event.target.closest("[data-shape]")?.dataset.shape;
    if (!id) return false;
    const { point, middle } = event.target.dataset;
    const step = stepOf(event);
    if (step) return this.#stepWith(id, point, step);
    if (event.key === "Delete" || event.key === "Backspace") {
      if (point === undefined || !this.draft.removePoint(id, Number(point))) this.draft.remove(id);
      return true;
    }
    if (event.key !== "Enter" && event.key !== " ") return false;
    this.draft.select(id);
    if (middle !== undefined) this.#insertAt(id, Number(middle));
    return true;
  }

  #stepWith(id, point, [dx, dy]) {
    const { points } = this.draft.byId(id);
    this.draft.hold();
    if (point === undefined) this.draft.moveShape(id, points, dx, dy);
    else this.draft.movePoint(id, Number(point), [points[point][0] + dx, points[point][1] + dy]);
    return true;
  }

  #insertAt(id, side) {
    const shape = this.draft.byId(id);
    const [[ax, ay], [bx, by]] = sides(shape)[side].map((place) => shape.points[place]);
    this.draft.hold();
    this.draft.insertPoint(id, side, [(ax + bx) / 2, (ay + by) / 2]);
    this.shapesGroup.querySelector(`[data-focus="${id}-point-${side + 1}"]`)?.focus({ preventScroll: true });
  }
}

/** A box by two corners; for a line its two ends. */
function boxPoints(kind, [x1, y1], [x2, y2]) {
  if (kind === "line")
    return [
      [x1, y1],
      [x2, y2],
    ];
  const [left, right, top, bottom] = [Math.min(x1, x2), Math.max(x1, x2), Math.min(y1, y2), Math.max(y1, y2)];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

/** An arrow across the middle of a line, from its left to its right: the way that counts as "in". */
function arrowPath(pixels) {
  const side = Math.floor((pixels.length - 1) / 2);
  const [[ax, ay], [bx, by]] = [pixels[side], pixels[side + 1]];
  const length = Math.hypot(bx - ax, by - ay) || 1;
  // The picture's y points down: to the right of a line that runs right is below it.
  const [nx, ny] = [-(by - ay) / length, (bx - ax) / length];
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  const at = (along, across) => `${mx + nx * along - ny * across} ${my + ny * along + nx * across}`;
  return `M${at(-ARROW_PX / 2, 0)}L${at(ARROW_PX, 0)}M${at(ARROW_PX - 9, -6)}L${at(ARROW_PX, 0)}L${at(ARROW_PX - 9, 6)}`;
}

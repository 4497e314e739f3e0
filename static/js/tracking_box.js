// Draw a box on the picture around what shall be followed: mouse, finger, pen or keyboard.
import { h, setText } from "./dom.js";

const LEAST_PX = 8;
const STEP_PX = 8;

/** Where the picture lies inside its element (object-fit: contain leaves bars), in CSS pixels. */
export function pictureArea(element, width, height) {
  const box = element.getBoundingClientRect();
  const scale = Math.min(box.width / width, box.height / height);
  const shown = { width: width * scale, height: height * scale };
  return { left: (box.width - shown.width) / 2, top: (box.height - shown.height) / 2, ...shown, scale };
}

export class TrackingBox {
  /**
   * @param {HTMLElement} surface lies exactly over the picture
   * @param {() => {width: number, height: number}} sourceSize pixels of the source picture
   * @param {(bbox: number[]) => void} onBox called with [x, y, width, height] in source pixels
   * @param {() => void} onEnd called when drawing is over, with or without a box
   */
  constructor(surface, sourceSize, onBox, onEnd) {
    Object.assign(this, { surface, sourceSize, onBox, onEnd });
    this.box = h("div", { class: "draw__box", hidden: true });
    this.hint = h("p", { class: "draw__hint", role: "status" });
    this.layer = h(
      "div",
      { class: "draw", tabindex: "0", role: "application", "aria-label": "Draw a box around what shall be followed", hidden: true },
      this.box,
      this.hint,
    );
    surface.append(this.layer);
    this.layer.addEventListener("pointerdown", (event) => this.#down(event));
    this.layer.addEventListener("pointermove", (event) => this.#move(event));
    this.layer.addEventListener("pointerup", (event) => this.#up(event));
    this.layer.addEventListener("pointercancel", () => this.#clear());
    this.layer.addEventListener("keydown", (event) => this.#key(event));
  }

  get isActive() {
    return !this.layer.hidden;
  }

  begin() {
    this.layer.hidden = false;
    this.#clear();
    setText(
      this.hint,
      "Drag a box around one object. Keyboard: arrows move, Shift with arrows resizes, Enter follows, Esc leaves.",
    );
    this.layer.focus();
  }

  end() {
    if (!this.isActive) return;
    this.layer.hidden = true;
    this.onEnd();
  }

  #area() {
    const { width, height } = this.sourceSize();
    return pictureArea(this.layer, width, height);
  }

  #point(event) {
    const bounds = this.layer.getBoundingClientRect();
    const area = this.#area();
    const within = (value, low, size) => Math.min(Math.max(value, low), low + size);
    return [within(event.clientX - bounds.left, area.left, area.width), within(event.clientY - bounds.top, area.top, area.height)];
  }

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.layer.setPointerCapture(event.pointerId);
    this.from = this.#point(event);
    this.#show(this.from, this.from);
  }

  #move(event) {
    if (this.from) this.#show(this.from, this.#point(event));
  }

  #up(event) {
    if (!this.from) return;
    this.#show(this.from, this.#point(event));
    this.from = null;
    this.#finish();
  }

  #show([x1, y1], [x2, y2]) {
    this.rect = { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
    this.#draw();
  }

  #draw() {
    const { x, y, width, height } = this.rect;
    this.box.hidden = false;
    Object.assign(this.box.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }

  #clear() {
    this.from = null;
    this.rect = null;
    this.box.hidden = true;
  }

  #finish() {
    if (this.rect.width < LEAST_PX || this.rect.height < LEAST_PX) {
      this.#clear();
      setText(this.hint, "That box is too small. Drag from one corner of the object to the opposite one.");
      return;
    }
    const area = this.#area();
    const { width, height } = this.sourceSize();
    const x = Math.max(0, Math.round((this.rect.x - area.left) / area.scale));
    const y = Math.max(0, Math.round((this.rect.y - area.top) / area.scale));
    const bbox = [
      x,
      y,
      Math.min(width - x, Math.round(this.rect.width / area.scale)),
      Math.min(height - y, Math.round(this.rect.height / area.scale)),
    ];
    this.end();
    this.onBox(bbox);
  }

  #key(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.end();
      return;
    }
    if (event.key === "Enter" && this.rect) {
      event.preventDefault();
      this.#finish();
      return;
    }
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    this.#nudge(dx * STEP_PX, dy * STEP_PX, event.shiftKey);
  }

  #nudge(dx, dy, isResize) {
    const area = this.#area();
    this.rect ??= {
      x: area.left + area.width * 0.4,
      y: area.top + area.height * 0.4,
      width: area.width * 0.2,
      height: area.height * 0.2,
    };
    const rect = this.rect;
    if (isResize) {
      rect.width = Math.min(Math.max(rect.width + dx, LEAST_PX), area.left + area.width - rect.x);
      rect.height = Math.min(Math.max(rect.height + dy, LEAST_PX), area.top + area.height - rect.y);
    } else {
      rect.x = Math.min(Math.max(rect.x + dx, area.left), area.left + area.width - rect.width);
      rect.y = Math.min(Math.max(rect.y + dy, area.top), area.top + area.height - rect.height);
    }
    this.#draw();
  }
}

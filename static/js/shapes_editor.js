// Draw the zones and lines of a stage on the moving picture: the drawing layer over it, and the list with names under it.
import { confirmAction } from "./confirm.js";
import { button, h, icon, setText } from "./dom.js";
import { guardLeaving } from "./router.js";
import { KINDS, LONGEST_NAME, ShapesDraft, layersOf } from "./shapes.js";
import { ShapesCanvas, toneOf } from "./shapes_canvas.js";
import { plural } from "./words.js";

const ICONS = { zone: "pentagon", line: "slash-lg", quad: "diamond" };
const HINTS = {
  zone: "Click the corners one by one and the first one again to close, or drag a box.",
  line: "Drag from one end to the other, or click point by point and the last one again to finish.",
  quad: "Click the four corners, in turn around the area.",
};
const KEY_HINT = "Keyboard: arrows move the cross, Enter sets a point, Backspace takes it back, Esc stops.";
const IDLE_HINT = "Drag a point, a side's middle to add one, or a whole shape. Arrows move what has the focus, Delete removes it.";
const EMPTY_HINT = "Nothing is drawn yet. Start with one of the buttons.";

/** A finger taps, and has no keys. */
function drawingHint(kind) {
  return matchMedia("(hover: none)").matches
    ? HINTS[kind].replace("Click", "Tap").replace("click", "tap")
    : `${HINTS[kind]} ${KEY_HINT}`;
}

/** What an editor is opened with: `stage`, `options` of the camera, `viewer`, `sourceSize()`, `alsoSet` (more options to send), `onEnd`. */
export class ShapesEditor {
  constructor({ stage, options, viewer, sourceSize, alsoSet = {}, onEnd }) {
    Object.assign(this, { stage, options, alsoSet, onEnd });
    this.layers = layersOf(stage);
    this.draft = new ShapesDraft(this.layers, options.values);
    this.canvas = new ShapesCanvas(viewer.surface, sourceSize, this.draft, (layer) => this.#drawMode(layer));
    this.canvas.onDrawing = () => this.#drawButtons();
    this.rows = new Map();
    this.element = this.#layout();
    this.onKey = (event) => this.#key(event);
    document.addEventListener("keydown", this.onKey);
    this.onUnload = (event) => this.draft.isChanged && event.preventDefault();
    window.addEventListener("beforeunload", this.onUnload);
    this.unguard = guardLeaving(() => this.#mayLose());
    this.draft.addEventListener("change", () => this.#draw());
    this.#drawMode(null);
    this.#draw();
  }

  /** Start drawing at once: a shape of the parameter `key`, when it has none yet. */
  beginIfEmpty(key) {
    const layer = this.layers.find((one) => one.key === key) ?? this.layers[0];
    if (!this.draft.shapes.some((shape) => shape.key === layer.key)) this.canvas.begin(layer);
  }

  #layout() {
    this.hint = h("p", { class: "shapes-panel__hint", role: "status" });
    this.problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    this.list = h("ul", { class: "shapes-panel__list", "aria-label": "Drawn shapes" });
    this.addButtons = this.layers.map((layer) =>
      button(ICONS[layer.kind], `Add ${this.#layerWord(layer)}`, {
        kind: "btn-outline",
        "aria-pressed": "false",
        onclick: () => this.#toggleDrawing(layer),
      }),
    );
    this.done = button("check-lg", "Finish shape", { kind: "btn-primary", hidden: true, onclick: () => this.canvas.finish() });
    this.undo = button("arrow-counterclockwise", "Undo", { kind: "btn-outline shapes-panel__step", onclick: () => this.#undo() });
    this.redo = button("arrow-repeat", "Redo", { kind: "btn-outline shapes-panel__step", onclick: () => this.draft.redo() });
    this.save = button("check-lg", "Save", { kind: "btn-primary", onclick: () => this.#save() });
    const cancel = button("x-lg", "Cancel", { kind: "btn-outline", onclick: () => this.#leave() });
    return h(
      "section",
      { class: "panel shapes-panel", "aria-label": `Draw: ${this.stage.label}` },
      h(
        "div",
        { class: "shapes-panel__head" },
        h("h2", {}, this.stage.label),
        this.addButtons,
        this.done,
        this.undo,
        this.redo,
        h("div", { class: "shapes-panel__end" }, cancel, this.save),
      ),
      this.hint,
      this.problem,
      this.list,
    );
  }

  #layerWord({ kind, label }) {
    const isOnlyOne = this.layers.filter((layer) => layer.kind === kind).length === 1;
    return isOnlyOne ? KINDS[kind].word : `to ${label}`;
  }

  #toggleDrawing(layer) {
    const isSame = this.layer === layer;
    this.canvas.cancel();
    if (!isSame) this.canvas.begin(layer);
  }

  #drawMode(layer) {
    this.layer = layer;
    this.addButtons?.forEach((one, place) => one.setAttribute("aria-pressed", String(this.layers[place] === layer)));
    this.#drawHint();
    this.#drawButtons();
  }

  #drawHint() {
    if (!this.hint) return;
    const idle = this.draft.shapes.length ? IDLE_HINT : EMPTY_HINT;
    setText(this.hint, this.layer ? drawingHint(this.layer.kind) : idle);
  }

  #drawButtons() {
    if (!this.done) return;
    // Four corners finish by themselves.
    this.done.hidden = !this.layer || this.layer.kind === "quad";
    this.done.disabled = !this.canvas.canFinish;
    this.undo.disabled = !this.draft.done.length && !this.layer;
    this.redo.disabled = !this.draft.undone.length;
    const wantsMore = Object.entries(this.alsoSet).some(([key, value]) => this.options.values[key] !== value);
    this.save.disabled = !this.draft.isChanged && !wantsMore;
  }

  #draw() {
    this.#drawHint();
    this.#drawButtons();
    this.#tellProblem("");
    const { shapes } = this.draft;
    const rows = shapes.map((shape) => this.rows.get(shape.id) ?? this.#row(shape));
    const isSameList =
      rows.length === this.list.children.length && rows.every(({ element }, at) => this.list.children[at] === element);
    if (!isSameList) this.list.replaceChildren(...rows.map(({ element }) => element));
    this.rows = new Map(shapes.map((shape, place) => [shape.id, rows[place]]));
    shapes.forEach((shape, place) => this.#drawRow(rows[place], shape, place));
  }

  #row({ id, kind }) {
    const name = h("input", { type: "text", class: "form-control form-control-sm", maxlength: LONGEST_NAME });
    let isNewStep = true;
    name.addEventListener("focus", () => {
      isNewStep = true;
      this.draft.select(id);
    });
    name.addEventListener("input", () => {
      this.draft.rename(id, name.value, isNewStep);
      isNewStep = false;
    });
    const facts = h("span", { class: "muted num" });
    const turn = button("arrow-left-right", "Turn the direction round", {
      iconOnly: true,
      kind: "btn-quiet btn-sm",
      hidden: kind !== "line",
      onclick: () => this.draft.reverse(id),
    });
    const remove = button("trash", "Delete", { iconOnly: true, kind: "btn-quiet btn-sm", onclick: () => this.#remove(id) });
    const dot = h("i", { class: "shapes-panel__dot" });
    const element = h("li", { dataset: { shape: id } }, dot, name, facts, turn, remove);
    return { element, name, facts, dot, remove };
  }

  #drawRow({ element, name, facts, dot, remove }, shape, place) {
    dot.style.setProperty("background", toneOf(place));
    element.classList.toggle("is-selected", shape.id === this.draft.selected);
    if (name !== document.activeElement) name.value = shape.name;
    name.setAttribute("aria-label", `Name of ${KINDS[shape.kind].word} ${place + 1}`);
    remove.setAttribute("aria-label", `Delete ${shape.name}`);
    const direction = shape.kind === "line" ? ", arrow = in" : "";
    setText(facts, `${KINDS[shape.kind].word}, ${plural(shape.points.length, "point")}${direction}`);
  }

  #remove(id) {
    this.draft.remove(id);
    this.addButtons[0].focus();
  }

  #undo() {
    if (!this.canvas.takeBack() && !this.canvas.cancel()) this.draft.undo();
    this.#drawButtons();
  }

  #key(event) {
    if (document.querySelector(".modal.show")) return;
    const isTyping = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (event.key === "Escape") {
      event.preventDefault();
      if (!this.canvas.cancel()) this.#leave();
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !isTyping) {
      event.preventDefault();
      if (event.shiftKey) this.draft.redo();
      else this.#undo();
    } else if (event.key === "Enter" && isTyping) event.target.blur();
  }

  #tellProblem(words) {
    this.problem.hidden = !words;
    setText(this.problem, words);
  }

  async #save() {
    this.canvas.cancel();
    const problem = this.draft.problem();
    if (problem) {
      this.draft.select(problem.id);
      this.#tellProblem(problem.words);
      this.rows.get(problem.id).name.focus();
      return;
    }
    this.save.setAttribute("aria-busy", "true");
    try {
      await this.options.save({ ...this.draft.values(), ...this.alsoSet });
      this.close();
    } catch (error) {
      this.#tellProblem(`Could not save: ${error.message}`);
    } finally {
      this.save.removeAttribute("aria-busy");
    }
  }

  async #mayLose() {
    if (!this.draft.isChanged) return true;
    return confirmAction("Leave without saving?", "What you have drawn since the last save is lost.", "Leave");
  }

  async #leave() {
    if (await this.#mayLose()) this.close();
  }

  refit() {
    this.canvas.refit();
  }

  /** Take it off the page; what is not saved is lost. */
  close() {
    document.removeEventListener("keydown", this.onKey);
    window.removeEventListener("beforeunload", this.onUnload);
    this.unguard();
    this.canvas.dispose();
    this.element.remove();
    this.onEnd();
  }
}

// Zones and lines as shares of the picture (0..1): what may be drawn, how it is changed, undone and written down. Knows no page.

/** fewest, most: points. */
export const KINDS = {
  zone: { word: "zone", fewest: 3, most: 32, isClosed: true },
  line: { word: "line", fewest: 2, most: 32, isClosed: false },
  quad: { word: "area", fewest: 4, most: 4, isClosed: true },
};
export const MOST_SHAPES = 32;
export const LONGEST_NAME = 40;
const MOST_STEPS = 100;
const PRECISION = 10_000;

let made = 0;

function share(value) {
  return Math.round(Math.min(Math.max(value, 0), 1) * PRECISION) / PRECISION;
}

export function pointAt(x, y) {
  return [share(x), share(y)];
}

/** The sides of a shape as pairs of the places of their points. */
export function sides({ kind, points }) {
  const open = points.slice(1).map((_, place) => [place, place + 1]);
  return KINDS[kind].isClosed && points.length > 2 ? [...open, [points.length - 1, 0]] : open;
}

/** What an operator may draw for a stage: one layer for each of its shapes parameters. */
export function layersOf(stage) {
  return stage.params
    .filter((param) => param.type === "shapes")
    .map((param) => ({ key: param.key, kind: param.editor.replace("shapes:", ""), label: param.label }));
}

/** Shapes that are being edited: `shapes` as `{id, key, kind, name, points}`, every change can be undone. Tells "change". */
export class ShapesDraft extends EventTarget {
  /** @param layers of `layersOf` @param {Record<string, {name: string, points: number[][]}[]>} values by the key of the layer */
  constructor(layers, values) {
    super();
    this.layers = layers;
    this.shapes = layers.flatMap(({ key, kind }) => (values[key] ?? []).map((shape) => this.#entered(key, kind, shape)));
    this.saved = this.#text();
    this.done = [];
    this.undone = [];
    this.selected = null;
  }

  #entered(key, kind, { name, points }) {
    return { id: `shape-${(made += 1)}`, key, kind, name, points: points.map(([x, y]) => pointAt(x, y)) };
  }

  #text() {
    return JSON.stringify(this.values());
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  /** Shapes as the API takes them, by the key of their layer. */
  values() {
    const of = (key) => this.shapes.filter((shape) => shape.key === key).map(({ name, points }) => ({ name: name.trim(), points }));
    return Object.fromEntries(this.layers.map(({ key }) => [key, of(key)]));
  }

  get isChanged() {
    return this.#text() !== this.saved;
  }

  byId(id) {
    return this.shapes.find((shape) => shape.id === id) ?? null;
  }

  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.#tell();
  }

  /** Remember what there is, to be undone to; a drag calls it once, when it begins. */
  hold() {
    this.done.push(structuredClone(this.shapes));
    if (this.done.length > MOST_STEPS) this.done.shift();
    this.undone = [];
  }

  undo() {
    this.#swap(this.done, this.undone);
  }

  redo() {
    this.#swap(this.undone, this.done);
  }

  #swap(from, to) {
    if (!from.length) return;
    to.push(structuredClone(this.shapes));
    this.shapes = from.pop();
    if (!this.byId(this.selected)) this.selected = null;
    this.#tell();
  }

  /** A finished drawing. There is only ever one `quad` in a layer: a new one takes the place of the old. */
  add({ key, kind }, points) {
    this.hold();
    const old = kind === "quad" ? this.shapes.find((shape) => shape.key === key) : null;
    const shape = this.#entered(key, kind, { name: old?.name ?? this.#freeName(kind), points });
    this.shapes = [...this.shapes.filter((one) => one !== old), shape];
    this.selected = shape.id;
    this.#tell();
    return shape;
  }

  #freeName(kind) {
    const word = KINDS[kind].word;
    const taken = new Set(this.shapes.map((shape) => shape.name));
    for (let number = 1; ; number += 1) {
      const name = `${word.charAt(0).toUpperCase()}${word.slice(1)} ${number}`;
      if (!taken.has(name)) return name;
    }
  }

  remove(id) {
    this.hold();
    this.shapes = this.shapes.filter((shape) => shape.id !== id);
    if (this.selected === id) this.selected = null;
    this.#tell();
  }

  /** Give another name; letters typed one after the other (`isNewStep` false) are undone at once. */
  rename(id, name, isNewStep = true) {
    if (isNewStep) this.hold();
    this.byId(id).name = name;
    this.#tell();
  }

  /** Turn a line round: what was in is out. */
  reverse(id) {
    this.hold();
    this.byId(id).points.reverse();
    this.#tell();
  }

  /** Move one point; the caller has called `hold`. */
  movePoint(id, place, point) {
    this.byId(id).points[place] = pointAt(...point);
    this.#tell();
  }

  /** Move a whole shape as far as the picture's edges allow; `points`: where it was, the caller has called `hold`. */
  moveShape(id, points, dx, dy) {
    const within = (values, by) => Math.min(Math.max(by, -Math.min(...values)), 1 - Math.max(...values));
    const [x, y] = [
      within(
        points.map((point) => point[0]),
        dx,
      ),
      within(
        points.map((point) => point[1]),
        dy,
      ),
    ];
    this.byId(id).points = points.map((point) => pointAt(point[0] + x, point[1] + y));
    this.#tell();
  }

  canTakePoint(id) {
    const shape = this.byId(id);
    return shape.points.length < KINDS[shape.kind].most;
  }

  /** Put a point after the one at `place`. The caller has called `hold`. */
  insertPoint(id, place, point) {
    this.byId(id).points.splice(place + 1, 0, pointAt(...point));
    this.#tell();
  }

  /** Take a point away; a shape that needs all its points keeps them. Returns whether it could. */
  removePoint(id, place) {
    const shape = this.byId(id);
    if (shape.points.length <= KINDS[shape.kind].fewest) return false;
    this.hold();
    this.byId(id).points.splice(place, 1);
    this.#tell();
    return true;
  }

  /** Why it cannot be saved, in one sentence, and the shape that is meant; null when it can. */
  problem() {
    for (const { key } of this.layers) {
      const shapes = this.shapes.filter((shape) => shape.key === key);
      const nameless = shapes.find((shape) => !shape.name.trim());
      if (nameless) return { id: nameless.id, words: "Every shape needs a name." };
      const double = shapes.find((shape, place) => shapes.findIndex((one) => one.name.trim() === shape.name.trim()) < place);
      if (double)
        return { id: double.id, words: `Two shapes have the name “${double.name.trim()}”. Names tell them apart in the counts.` };
      if (shapes.length > MOST_SHAPES) return { id: shapes.at(-1).id, words: `There can be at most ${MOST_SHAPES} of a kind.` };
    }
    return null;
  }
}

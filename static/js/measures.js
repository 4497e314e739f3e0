// What the analyzers measure of the whole picture: sound level, camera health, tags, totals. Known ones have a form of their own.
import { h, icon } from "./dom.js";
import { stages } from "./store.js";
import { valueName, valueWords } from "./value_words.js";
import { humanise, isNumber } from "./words.js";

/** Shown elsewhere: counters and picture quality have panels of their own. */
const ELSEWHERE = new Set(["zones", "multi_object_tracking", "advanced_analysis", "detector_comparison"]);
const MOST_ITEMS = 12;
const MOST_DEPTH = 2;
const QUIETEST_DB = -60;
const STATE_TONES = {
  healthy: "good",
  listening: "good",
  learning: "busy",
  "waiting for sound": "busy",
  "no sound in this source": "idle",
};
/** Letters; longer words are a sentence, which takes a line of its own. */
const LONGEST_WORD = 28;

function bar(share, words) {
  const percent = `${Math.round(Math.min(Math.max(share, 0), 1) * 100)}%`;
  return h("span", { class: "measure__bar", role: "img", "aria-label": words }, h("i", { style: { width: percent } }));
}

/** Names with a score each, as lists of tags come: `{label, score}` or `[label, score]`. */
function scored(item) {
  const [label, score] = Array.isArray(item) ? item : [item?.label ?? item?.tag ?? item?.name, item?.score ?? item?.confidence];
  return typeof label === "string" && isNumber(score) ? { label, score } : null;
}

function listNode(values) {
  if (!values.length) return h("span", { class: "muted" }, "none");
  const tags = values.map(scored);
  if (tags.every(Boolean)) {
    return h(
      "ul",
      { class: "measure__tags" },
      tags.slice(0, MOST_ITEMS).map(({ label, score }) => {
        const words = `${Math.round(score * 100)} %`;
        return h("li", {}, h("span", {}, humanise(label)), bar(score, words), h("span", { class: "num" }, words));
      }),
    );
  }
  const shown = values
    .slice(0, MOST_ITEMS)
    .map((value) => (typeof value === "object" ? objectWords(value) : valueWords("", value)));
  return h("span", { class: "measure__chips" }, [
    ...shown.map((words) => h("span", { class: "chip" }, words)),
    values.length > MOST_ITEMS ? h("span", { class: "muted" }, `+${values.length - MOST_ITEMS}`) : null,
  ]);
}

function objectWords(value) {
  return Object.entries(value ?? {})
    .map(([name, one]) => [valueName(name).toLowerCase(), valueWords(name, one)])
    .filter(([, words]) => words)
    .map(([name, words]) => `${name} ${words}`)
    .join(", ");
}

function valueNode(name, value, depth) {
  if (Array.isArray(value)) return listNode(value);
  if (value !== null && typeof value === "object") return depth < MOST_DEPTH ? rows(value, depth + 1) : objectWords(value);
  if (name === "state")
    return h("span", { class: "badge-state", dataset: { tone: STATE_TONES[value] ?? "warn" } }, humanise(value));
  if (isNumber(value) && /_db(fs)?$/.test(name)) {
    const words = valueWords(name, value);
    return h("span", { class: "measure__level" }, bar(1 - value / QUIETEST_DB, words), h("span", { class: "num" }, words));
  }
  return h("b", {}, valueWords(name, value) || "–");
}

function rows(measures, depth = 0) {
  const entries = Object.entries(measures)
    .filter(([name]) => !name.startsWith("cost_"))
    .slice(0, MOST_ITEMS * 2);
  // Inside a map the names are the operator's own (classes, tags): only on the first level do they carry units.
  const named = (name) => (depth ? humanise(name) : valueName(name));
  const isWide = (name, value) =>
    typeof value === "string"
      ? name !== "state" && value.length > LONGEST_WORD
      : value !== null && typeof value === "object" && (!Array.isArray(value) || value.some(scored));
  return h(
    "dl",
    { class: `measure__rows${depth ? " measure__rows--inner" : ""}` },
    entries.map(([name, value]) =>
      h(
        "div",
        { class: isWide(name, value) ? "is-wide" : "" },
        h("dt", {}, named(name)),
        h("dd", {}, valueNode(name, value, depth)),
      ),
    ),
  );
}

export class MeasuresPanel {
  constructor() {
    this.body = h("div", { class: "measures" });
    this.element = h(
      "section",
      { class: "panel measures-panel", "aria-label": "Measures", hidden: true },
      h("h3", { class: "panel__title" }, icon("bar-chart-line"), "Measures"),
      this.body,
    );
    this.text = "";
  }

  /** Show `measures` by analyzer, of those that are in `on`. */
  draw(measures, on) {
    const shown = Object.entries(measures ?? {}).filter(
      ([name, values]) => on.has(name) && !ELSEWHERE.has(name) && values && Object.keys(values).length,
    );
    // Screen readers and selections are left in peace while nothing changes.
    const text = JSON.stringify(shown);
    if (text === this.text) return;
    this.text = text;
    this.element.hidden = !shown.length;
    this.body.replaceChildren(...shown.map(([name, values]) => this.#block(name, values)));
  }

  #block(name, values) {
    const label = stages().find((stage) => stage.name === name)?.label ?? humanise(name);
    return h("section", { class: "measure", dataset: { analyzer: name } }, h("h4", {}, label), rows(values));
  }
}

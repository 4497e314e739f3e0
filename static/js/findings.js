// What the analyzers see now, as a list beside the picture (the boxes in the picture are painted by the engine).
import { button, h, throttle } from "./dom.js";
import { openFaces } from "./enrol_face.js";
import { may } from "./session.js";
import { stages } from "./store.js";
import { valueName, valueWords } from "./value_words.js";
import { humanise, isNumber } from "./words.js";

const REDRAW_MS = 250;
const MOST_ROWS = 12;
/** What tells more than the label: who it is, what is written on it. */
const NAMING = ["name", "text", "plate", "gesture"];

function namingOf(attributes) {
  return NAMING.find((key) => typeof attributes[key] === "string" && attributes[key]) ?? null;
}

function attributeWords(attributes, naming) {
  return Object.entries(attributes)
    .filter(([name, value]) => name !== naming && value !== false && valueWords(name, value))
    .map(([name, value]) =>
      value === true ? valueName(name).toLowerCase() : `${valueName(name).toLowerCase()} ${valueWords(name, value)}`,
    )
    .join(", ");
}

function analyzerLabel(name) {
  return stages().find((stage) => stage.name === name)?.label ?? humanise(name);
}

function row(found) {
  const attributes = found.attributes ?? {};
  const naming = namingOf(attributes);
  const [x1, y1, x2, y2] = (found.box ?? []).map(Math.round);
  const where = found.box ? `${x2 - x1}×${y2 - y1} at ${x1}, ${y1}` : "";
  const score = isNumber(found.score) ? Math.round(found.score * 100) : null;
  return h(
    "tr",
    {},
    h(
      "td",
      {},
      h("span", { class: "finding__label" }, naming ? attributes[naming] : humanise(found.label)),
      naming && attributes[naming] !== found.label ? h("span", { class: "muted finding__from" }, humanise(found.label)) : null,
    ),
    h("td", { class: "num" }, found.track_id === null || found.track_id === undefined ? "" : `#${found.track_id}`),
    h(
      "td",
      { class: "num" },
      score === null ? "" : [h("span", { class: "meter" }, h("i", { style: { width: `${score}%` } })), `${score} %`],
    ),
    h("td", { class: "muted finding__where" }, [attributeWords(attributes, naming), where].filter(Boolean).join(" · ")),
  );
}

/** The rows of one analyzer, under its name. */
function group({ analyzer, detections }) {
  const rows = detections.slice(0, MOST_ROWS).map(row);
  const rest = detections.length - rows.length;
  if (rest > 0) rows.push(h("tr", {}, h("td", { class: "muted", colspan: 4 }, `and ${rest} more`)));
  const count = h("span", { class: "chip" }, String(detections.length));
  const head = h("tr", {}, h("th", { class: "findings__head", scope: "rowgroup", colspan: 4 }, analyzerLabel(analyzer), count));
  return h("tbody", { dataset: { analyzer } }, head, rows);
}

export class FindingsList {
  constructor() {
    this.byAnalyzer = new Map();
    this.on = new Set();
    this.total = h("span", { class: "chip" }, "0");
    this.nothing = h("p", { class: "panel__empty" });
    // Beside the list, whose rows come and go: a button that is replaced while it is pressed does nothing.
    this.who = button("person-exclamation", "Who is this?", {
      kind: "btn-outline btn-sm panel__action",
      hidden: true,
      onclick: () => openFaces(this.byAnalyzer.get("face_recognition")?.camera),
    });
    this.head = h(
      "thead",
      { class: "visually-hidden" },
      h(
        "tr",
        {},
        ["What", "Number", "Sure", "Details"].map((word) => h("th", { scope: "col" }, word)),
      ),
    );
    this.table = h("table", { class: "findings" }, this.head);
    this.element = h(
      "section",
      { class: "panel", "aria-label": "Findings" },
      h("h3", { class: "panel__title" }, "Findings", this.total, this.who),
      h("div", { class: "panel__scroll", tabindex: "0" }, this.table, this.nothing),
    );
    this.redraw = throttle(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  /** Take the newest findings of some analyzers. */
  push(list) {
    for (const findings of list ?? []) this.byAnalyzer.set(findings.analyzer, findings);
    this.redraw();
  }

  /** Show only these analyzers: those that are switched on, not those that run for others. */
  keepOnly(names) {
    for (const name of this.byAnalyzer.keys()) if (!names.has(name)) this.byAnalyzer.delete(name);
    this.on = names;
    this.redraw();
  }

  /** Forget everything: the picture is not live any more. */
  clear() {
    this.byAnalyzer.clear();
    this.redraw();
  }

  #draw() {
    const found = [...this.byAnalyzer.values()].filter(({ analyzer, detections }) => detections?.length && this.on.has(analyzer));
    found.sort((a, b) => analyzerLabel(a.analyzer).localeCompare(analyzerLabel(b.analyzer)));
    const total = found.reduce((sum, { detections }) => sum + detections.length, 0);
    this.table.replaceChildren(this.head, ...found.map(group));
    this.total.textContent = String(total);
    const faces = this.byAnalyzer.get("face_recognition")?.detections ?? [];
    this.who.hidden = !may("admin") || !faces.some((face) => face.label === "unknown");
    this.table.hidden = !total;
    this.nothing.hidden = total > 0;
    this.nothing.textContent = this.on.size
      ? "Nothing found in the picture right now."
      : "Switch on an analyzer, such as Faces or Motion, and what it finds is listed here.";
  }
}

// What is counted: a table of zones, lines and classes as they are now, and charts of how it came to be.
import { RANGES, LiveHistory, countersOf, readHistory } from "./counter_history.js";
import { button, h, icon, setText } from "./dom.js";
import { TimeChart } from "./time_chart.js";
import { toastError } from "./toasts.js";
import { valueName, valueWords } from "./value_words.js";
import { humanise, isNumber } from "./words.js";

const READ_AGAIN_MS = 30_000;
const MOST_COLUMNS = 6;
const LEAST_SPAN_S = 60;
const FORMULA = /^[=+\-@\t\r]/;

/** A table with a row per name and a column per value that is a number. */
class CounterTable {
  constructor(title, first) {
    this.first = first;
    this.title = title;
    this.head = h("thead", {});
    this.body = h("tbody", {});
    this.element = h("table", { class: "counters__table", hidden: true }, h("caption", {}, title), this.head, this.body);
    this.text = "";
  }

  /** @param {[string, Record<string, unknown>][]} entries */
  draw(entries) {
    const text = JSON.stringify(entries);
    if (text === this.text) return;
    this.text = text;
    this.element.hidden = !entries.length;
    const names = [...new Set(entries.flatMap(([, values]) => Object.keys(values).filter((name) => isNumber(values[name]))))];
    const columns = names.slice(0, MOST_COLUMNS);
    const cell = (name, value) => h("td", { class: "num" }, valueWords(name, value) || "–");
    this.head.replaceChildren(
      h(
        "tr",
        {},
        h("th", { scope: "col" }, this.first),
        ...columns.map((name) => h("th", { scope: "col", class: "num" }, valueName(name))),
      ),
    );
    this.body.replaceChildren(
      ...entries.map(([name, values]) =>
        h(
          "tr",
          { dataset: { counter: name } },
          h("th", { scope: "row" }, name),
          ...columns.map((column) => cell(column, values[column])),
        ),
      ),
    );
  }
}

export class CountersPanel {
  /**
   * @param {string} camera
   * @param {HTMLElement|null} drawButton opens the editor of zones, where that is allowed
   * @param {HTMLElement|null} resetButton sets the counts to zero, where that is allowed
   */
  constructor(camera, drawButton, resetButton) {
    this.camera = camera;
    this.live = new LiveHistory();
    this.range = RANGES[0];
    this.stored = null;
    this.zones = new CounterTable("Zones", "Zone");
    this.lines = new CounterTable("Lines", "Line");
    this.classes = new CounterTable("In the picture", "What");
    this.presence = new TimeChart("Present");
    this.flow = new TimeChart("In and out");
    this.charts = [this.presence, this.flow];
    this.element = this.#layout(drawButton, resetButton);
    this.timer = setInterval(() => this.#read(), READ_AGAIN_MS);
    this.onTheme = () => {
      for (const chart of this.charts) chart.reset();
      this.#drawCharts();
    };
    document.addEventListener("themechange", this.onTheme);
  }

  #layout(drawButton, resetButton) {
    this.rangeButtons = RANGES.map((range) =>
      h(
        "button",
        {
          type: "button",
          class: "btn btn-segment btn-sm",
          "aria-pressed": String(range === this.range),
          onclick: () => this.#choose(range),
        },
        range.word,
      ),
    );
    const save = button("filetype-csv", "Save as CSV", { iconOnly: true, kind: "btn-quiet btn-sm", onclick: () => this.#save() });
    this.nothing = h(
      "div",
      { class: "panel__empty" },
      h("p", {}, "Draw zones and lines on the picture, and who enters, stays and crosses is counted here."),
      drawButton,
    );
    this.body = h(
      "div",
      { class: "counters", hidden: true },
      h("div", { class: "counters__tables" }, this.lines.element, this.zones.element, this.classes.element),
      h("div", { class: "counters__charts" }, this.presence.element, this.flow.element),
    );
    return h(
      "section",
      { class: "panel counters-panel", "aria-label": "Counters" },
      h(
        "h3",
        { class: "panel__title" },
        icon("people"),
        h("span", {}, "Counters"),
        h(
          "span",
          { class: "counters__tools" },
          h("span", { class: "segments", role: "group", "aria-label": "Time" }, this.rangeButtons),
          save,
          resetButton,
        ),
      ),
      this.body,
      this.nothing,
    );
  }

  /** Take the statistics of this second. */
  push(stats) {
    const { zones = {}, lines = {} } = stats.measures?.zones ?? {};
    this.zones.draw(Object.entries(zones));
    this.lines.draw(Object.entries(lines));
    this.classes.draw(classesOf(stats));
    this.live.push(Date.now() / 1000, countersOf(stats));
    const hasCounted = this.live.columns.size > 0 || this.range.step_s !== null;
    this.body.hidden = !hasCounted;
    this.nothing.hidden = hasCounted;
    if (this.range.step_s === null) this.#drawCharts();
  }

  /** Counting starts at zero: what was before belongs to another count. */
  clear() {
    this.live.clear();
    this.#drawCharts();
  }

  dispose() {
    clearInterval(this.timer);
    document.removeEventListener("themechange", this.onTheme);
    for (const chart of this.charts) chart.dispose();
  }

  async #choose(range) {
    this.range = range;
    this.stored = null;
    this.rangeButtons.forEach((one, place) => one.setAttribute("aria-pressed", String(RANGES[place] === range)));
    this.body.hidden = false;
    this.nothing.hidden = true;
    if (range.step_s === null) this.#drawCharts();
    else await this.#read();
  }

  async #read() {
    const { range } = this;
    if (range.step_s === null || document.hidden) return;
    try {
      const stored = await readHistory(this.camera, range);
      if (this.range !== range) return;
      this.stored = stored;
      this.#drawCharts();
    } catch (error) {
      if (this.range === range && !this.stored) toastError("read the counters", error);
    }
  }

  /** Zones and lines before classes: who drew some wants to see them. */
  #drawCharts() {
    const history = this.range.step_s === null ? this.live : this.stored;
    if (!history) return;
    const to = history.times.at(-1) ?? Date.now() / 1000;
    // What was not seen yet takes no room: a page that was just opened shows its first minute large.
    const seen_s = Math.max(LEAST_SPAN_S, to - (history.times[0] ?? to));
    const span = [to - (this.range.step_s === null ? Math.min(seen_s, this.range.span_s) : this.range.span_s), to];
    const zones = history.series((kind, part) => kind === "zone" && part === "now");
    const present = zones.series.length ? zones : history.series((kind, part) => kind === "class" && part === "now");
    setText(this.presence.title, zones.series.length ? "In the zones" : "In the picture");
    this.presence.draw(present.times, present.series, span);
    const lines = history.series((kind, part) => kind === "line" && part !== "now");
    const flow = lines.series.length ? lines : history.series((kind, part) => kind === "zone" && part !== "now");
    const word = lines.series.length ? "Crossed" : "Entered and left";
    setText(this.flow.title, this.range.step_s === null ? `${word}, in total` : `${word}, per ${stepWords(this.range.step_s)}`);
    this.flow.draw(flow.times, flow.series, span);
    this.flow.element.hidden = !flow.series.length;
  }

  #save() {
    const history = this.range.step_s === null ? this.live : this.stored;
    if (!history) return;
    const { times, series } = history.series(() => true);
    const head = ["time", ...series.map(([name]) => name)];
    const rows = times.map((time_s, place) => [
      new Date(time_s * 1000).toISOString(),
      ...series.map(([, values]) => values[place] ?? ""),
    ]);
    const text = [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
    const link = h("a", {
      href: URL.createObjectURL(new Blob([text], { type: "text/csv" })),
      download: `${this.camera}_counters_${this.range.key}.csv`,
    });
    document.body.append(link);
    link.click();
    link.remove();
    URL.revokeObjectURL(link.href);
  }
}

/** Every class that is in the picture, or was since the counts began where a tracker tells them apart. */
function classesOf(stats) {
  const totals = stats.measures?.multi_object_tracking?.total_by_class ?? {};
  const labels = [...new Set([...Object.keys(stats.counts ?? {}), ...Object.keys(totals)])].sort();
  return labels.map((label) => [
    humanise(label),
    { now: stats.counts?.[label] ?? 0, ...(label in totals ? { total: totals[label] } : {}) },
  ]);
}

function stepWords(step_s) {
  if (step_s < 3600) return step_s === 60 ? "minute" : `${step_s / 60} minutes`;
  return `${step_s / 3600} hours`;
}

/** A cell that no spreadsheet takes for a formula. */
function csvCell(value) {
  const text = String(value);
  const safe = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

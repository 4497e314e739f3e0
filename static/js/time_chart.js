// A chart over clock time with a line per series: minutes that the page has seen, or hours and days that the server remembers.
import { TONES, colour, translucent } from "./charts.js";
import { h } from "./dom.js";
import { compact } from "./value_words.js";
import { isNumber } from "./words.js";

const HEIGHT_PX = 132;
const DAY_S = 86_400;
/** A span shorter than this needs seconds: its marks would all be the same minute. */
const SHORT_SPAN_S = 360;

function timeWords(time_s, span_s) {
  const date = new Date(time_s * 1000);
  if (span_s > 2 * DAY_S) return date.toLocaleDateString([], { weekday: "short", day: "numeric" });
  const seconds = span_s < SHORT_SPAN_S ? { second: "2-digit" } : {};
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...seconds });
}

export class TimeChart {
  /** @param {string} title of what the numbers are */
  constructor(title) {
    this.title = h("span", {}, title);
    this.legend = h("span", { class: "chart__legend" });
    this.canvas = h("div", { class: "chart__canvas chart__canvas--tall" });
    this.element = h("section", { class: "chart", "aria-label": title }, h("h3", {}, this.title, this.legend), this.canvas);
    this.names = [];
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.canvas);
  }

  /**
   * Show series.
   * @param {number[]} times epoch seconds, ascending
   * @param {[string, (number|null)[]][]} series name and a value per time
   * @param {[number, number]} span what the axis shows, epoch seconds
   */
  draw(times, series, span) {
    this.times = times;
    this.series = series.slice(0, TONES.length);
    this.span = span;
    const names = this.series.map(([name]) => name);
    if (names.join("\n") !== this.names.join("\n")) this.reset();
    this.names = names;
    this.#drawLegend(times.length - 1);
    if (!this.canvas.clientWidth || !names.length) return;
    this.plot ??= this.#make();
    this.plot.setData(this.#data(), false);
    this.plot.setScale("x", { min: span[0], max: span[1] });
  }

  #data() {
    return [this.times, ...this.series.map(([, values]) => values)];
  }

  /** What the series are at one time; the newest while the pointer is elsewhere. */
  #drawLegend(place) {
    const at = this.times[place] ? timeWords(this.times[place], 0) : "";
    const items = this.series.map(([name, values], index) => {
      const value = values[place];
      const tone = h("i", { style: { background: `var(${TONES[index]})` } });
      return h("span", {}, tone, `${name} `, h("b", {}, isNumber(value) ? compact(value) : "–"));
    });
    this.legend.replaceChildren(...(place < this.times.length - 1 ? [h("span", { class: "muted" }, at)] : []), ...items);
  }

  reset() {
    this.plot?.destroy();
    this.plot = null;
  }

  dispose() {
    this.observer.disconnect();
    this.reset();
  }

  #resize() {
    if (!this.canvas.clientWidth) return;
    if (this.plot) this.plot.setSize({ width: this.canvas.clientWidth, height: HEIGHT_PX });
    else if (this.series) this.draw(this.times, this.series, this.span);
  }

  #make() {
    const font = "10px system-ui, sans-serif";
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--ink-faint"), grid, ticks: { show: false }, font };
    const lines = this.series.map(([name], index) => {
      const tone = colour(TONES[index]);
      const fill = this.series.length === 1 ? translucent(tone) : undefined;
      return { label: name, stroke: tone, width: 1.5, fill, points: { show: false } };
    });
    const options = {
      width: this.canvas.clientWidth,
      height: HEIGHT_PX,
      padding: [6, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      hooks: { setCursor: [(plot) => this.#drawLegend(plot.cursor.idx ?? this.times.length - 1)] },
      scales: { x: { time: true }, y: { range: (_plot, _low, high) => [0, Math.max((high ?? 0) * 1.15, 1)] } },
      axes: [
        { ...axis, size: 18, space: 84, values: (_plot, splits) => splits.map((at) => timeWords(at, this.span[1] - this.span[0])) },
        { ...axis, size: 34, space: 28 },
      ],
      series: [{}, ...lines],
    };
    return new window.uPlot(options, this.#data(), this.canvas);
  }
}

// The last minute of one camera in three small charts: pictures per second, delay, what is in the picture.
import { h } from "./dom.js";
import { decimal, ms } from "./words.js";

const WINDOW_S = 60;
const HEIGHT_PX = 92;
const MARKS_S = [-45, -30, -15, 0];
const MOST_LABELS = 4;
/** Colours of series, in their order. */
export const TONES = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function translucent(hex) {
  return `${hex}22`;
}

/** One chart with its own rolling window. `lines`: names of its series; `format`: how a value is written in the legend. */
class RollingChart {
  constructor(title, lines, format) {
    this.format = format;
    this.points = [];
    this.lines = lines;
    this.legend = h("span", { class: "chart__legend" });
    this.canvas = h("div", { class: "chart__canvas" });
    this.element = h(
      "section",
      { class: "chart", "aria-label": `${title}, last minute` },
      h("h3", {}, title, this.legend),
      this.canvas,
    );
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.canvas);
  }

  push(time_s, values) {
    this.points.push([time_s, values]);
    while (this.points.length && this.points[0][0] < time_s - WINDOW_S) this.points.shift();
    const items = this.lines.map((line, index) =>
      h("span", {}, h("i", { style: { background: `var(${TONES[index]})` } }), `${line} `, h("b", {}, this.format(values[line]))),
    );
    this.legend.replaceChildren(...items);
    this.#draw(time_s);
  }

  /** Use other lines from now on; the chart is made anew. */
  setLines(lines) {
    if (lines.join() === this.lines.join()) return;
    this.lines = lines;
    this.reset();
  }

  reset() {
    this.plot?.destroy();
    this.plot = null;
  }

  dispose() {
    this.observer.disconnect();
    this.reset();
  }

  #data() {
    return [
      this.points.map(([time_s]) => time_s),
      ...this.lines.map((line) => this.points.map(([, values]) => values[line] ?? null)),
    ];
  }

  #draw(time_s) {
    if (!this.canvas.clientWidth) return;
    this.plot ??= this.#make();
    this.plot.setData(this.#data(), false);
    this.plot.setScale("x", { min: time_s - WINDOW_S, max: time_s });
  }

  #resize() {
    if (this.plot && this.canvas.clientWidth) this.plot.setSize({ width: this.canvas.clientWidth, height: HEIGHT_PX });
  }

  #make() {
    const ink = colour("--ink-faint");
    const grid = { stroke: colour("--line"), width: 1 };
    const font = "10px system-ui, sans-serif";
    const axis = { stroke: ink, grid, ticks: { show: false }, font };
    const series = this.lines.map((line, index) => {
      const tone = colour(TONES[index]);
      return {
        label: line,
        stroke: tone,
        width: 1.5,
        fill: index === 0 ? translucent(tone) : undefined,
        points: { show: false },
        spanGaps: true,
      };
    });
    const options = {
      width: this.canvas.clientWidth,
      height: HEIGHT_PX,
      padding: [6, 14, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, Math.max(high * 1.15, 1)] } },
      axes: [
        {
          ...axis,
          size: 18,
          splits: (plot) => MARKS_S.map((mark) => plot.scales.x.max + mark),
          values: () => MARKS_S.map((mark) => (mark ? `${mark} s` : "now")),
        },
        { ...axis, size: 34, space: 28 },
      ],
      series: [{}, ...series],
    };
    return new window.uPlot(options, this.#data(), this.canvas);
  }
}

/** The chart row; `push(stats)` once a second. */
export class Charts {
  constructor() {
    this.fps = new RollingChart("Pictures per second", ["shown", "source"], (value) => decimal(value));
    this.latency = new RollingChart("Delay, ms", ["p50", "p95"], ms);
    this.counts = new RollingChart("In the picture", [], (value) => String(value ?? 0));
    this.all = [this.fps, this.latency, this.counts];
    this.element = h(
      "div",
      { class: "charts" },
      this.all.map((chart) => chart.element),
    );
    this.onTheme = () => {
      for (const chart of this.all) chart.reset();
    };
    document.addEventListener("themechange", this.onTheme);
    this.seen = new Set();
  }

  push(stats) {
    const now_s = Date.now() / 1000;
    this.fps.push(now_s, { shown: stats.fps, source: stats.source_fps });
    this.latency.push(now_s, { p50: stats.latency_ms?.p50 || null, p95: stats.latency_ms?.p95 || null });
    for (const label of Object.keys(stats.counts ?? {})) this.seen.add(label);
    const labels = [...this.seen].slice(0, MOST_LABELS);
    this.counts.setLines(labels.length ? labels : ["nothing found"]);
    this.counts.push(
      now_s,
      labels.length ? Object.fromEntries(labels.map((label) => [label, stats.counts?.[label] ?? 0])) : { "nothing found": 0 },
    );
  }

  dispose() {
    document.removeEventListener("themechange", this.onTheme);
    for (const chart of this.all) chart.dispose();
  }
}

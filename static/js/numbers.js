// The figures of one camera: the row above the picture, and the totals since the last reset.
import { h, icon, setText } from "./dom.js";
import { count, decimal, duration, ms } from "./words.js";

function figure(unit, title) {
  const value = h("b", {}, "–");
  const label = h("small", {}, unit);
  return { value, label, element: h("span", { class: "figure", title }, value, " ", label) };
}

/** fps, delay, viewers, encoders. */
export class LiveNumbers {
  constructor() {
    this.fps = figure("fps", "Pictures per second that are shown");
    this.delay = figure("ms delay", "From capture to the finished picture, 95 of 100 pictures are faster");
    this.viewers = figure("viewers", "How many connections watch this camera");
    this.encoders = figure("encoders", "How many times the picture is encoded; shared by all who watch the same size");
    this.size = figure("", "Size of the source picture");
    this.element = h(
      "div",
      { class: "figures" },
      [this.size, this.fps, this.delay, this.viewers, this.encoders].map((one) => one.element),
    );
  }

  drawCamera(camera) {
    setText(this.size.value, camera.width ? `${camera.width}×${camera.height}` : "–");
  }

  drawStats(stats) {
    setText(this.fps.value, decimal(stats.fps));
    // Nothing is measured while nobody gets a picture.
    setText(this.delay.value, ms(stats.latency_ms?.p95 || null));
    setText(this.viewers.value, count(stats.viewers));
    setText(this.viewers.label, stats.viewers === 1 ? "viewer" : "viewers");
    setText(this.encoders.value, count(stats.encoders));
    setText(this.encoders.label, stats.encoders === 1 ? "encoder" : "encoders");
  }
}

const TOTALS = [
  ["frames_processed", "Pictures processed", count],
  ["faces_detected", "Faces", count],
  ["objects_detected", "Objects", count],
  ["motion_events", "Motions", count],
  ["frames_dropped", "Pictures skipped", count],
  ["avg_processing_time_ms", "Work per picture", (value) => `${ms(value)} ms`],
  ["runtime_seconds", "Running for", duration],
];

export class Totals {
  constructor(resetButton) {
    this.values = new Map(TOTALS.map(([key]) => [key, h("dd", { dataset: { total: key } }, "–")]));
    const rows = TOTALS.map(([key, label]) => h("div", {}, h("dt", {}, label), this.values.get(key)));
    this.element = h(
      "section",
      { class: "panel", "aria-label": "Totals" },
      h("h3", { class: "panel__title" }, icon("graph-up"), "Since the last reset", resetButton),
      h("dl", { class: "totals" }, rows),
    );
  }

  drawStats(stats) {
    for (const [key, , format] of TOTALS) setText(this.values.get(key), format(stats[key]));
  }
}

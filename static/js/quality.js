// Picture quality: the score in words, the measures behind it, the colour histogram.
import { h, icon, setText } from "./dom.js";
import { humanise, isNumber } from "./words.js";

const SCORE_KEYS = ["score", "quality_score"];
const WORDS_KEYS = ["words", "verdict", "label", "assessment"];
const HISTOGRAM_KEYS = ["histogram", "colour_histogram", "color_histogram"];
const CHANNELS = [
  ["--hist-b", 0],
  ["--hist-g", 1],
  ["--hist-r", 2],
];
const SVG = "http://www.w3.org/2000/svg";

function firstOf(measures, keys) {
  for (const key of keys) if (measures[key] !== undefined && measures[key] !== null) return measures[key];
  return null;
}

function compact(value) {
  if (!isNumber(value)) return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
  if (Number.isInteger(value)) return value.toLocaleString();
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function tone(score) {
  if (score >= 70) return "good";
  return score >= 40 ? "warn" : "bad";
}

function histogram(value) {
  const channels = Array.isArray(value) ? value : [value.blue ?? value.b, value.green ?? value.g, value.red ?? value.r];
  if (channels.length !== 3 || channels.some((bins) => !Array.isArray(bins) || !bins.length)) return null;
  const highest = Math.max(...channels.flat(), 1e-9);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "histogram");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "How often each brightness occurs in red, green and blue");
  for (const [name, index] of CHANNELS) {
    const bins = channels[index];
    // Square root: a single bright wall would flatten everything else.
    const points = bins.map((share, bin) => `${(bin / (bins.length - 1)) * 100},${40 - Math.sqrt(share / highest) * 38}`);
    const path = document.createElementNS(SVG, "polyline");
    path.setAttribute("points", points.join(" "));
    path.style.stroke = `var(${name})`;
    svg.append(path);
  }
  return svg;
}

export class QualityPanel {
  constructor(turnOn) {
    this.score = h("strong", { class: "quality__score" });
    this.verdict = h("span", { class: "quality__verdict" });
    this.measures = h("dl", { class: "quality__measures" });
    this.chart = h("div", { class: "quality__histogram" });
    this.body = h(
      "div",
      { class: "quality" },
      h("div", { class: "quality__head" }, this.score, this.verdict),
      this.chart,
      this.measures,
    );
    this.nothing = h(
      "div",
      { class: "panel__empty" },
      h("p", {}, "Measures sharpness, light, contrast and noise of the picture."),
      turnOn,
    );
    this.element = h(
      "section",
      { class: "panel", "aria-label": "Picture quality" },
      h("h3", { class: "panel__title" }, icon("speedometer2"), "Picture quality"),
      this.body,
      this.nothing,
    );
    this.push(null);
  }

  /** Show the measures of the newest look, or that quality is not measured. */
  push(measures) {
    this.body.hidden = !measures;
    this.nothing.hidden = Boolean(measures);
    if (!measures) return;
    const score = firstOf(measures, SCORE_KEYS);
    const words = firstOf(measures, WORDS_KEYS);
    setText(this.score, isNumber(score) ? String(Math.round(score)) : "–");
    this.score.dataset.tone = isNumber(score) ? tone(score) : "idle";
    setText(this.verdict, Array.isArray(words) ? words.join(", ") : humanise(words ?? ""));
    const bins = firstOf(measures, HISTOGRAM_KEYS);
    this.chart.replaceChildren(...[bins && typeof bins === "object" ? histogram(bins) : null].filter(Boolean));
    const known = new Set([...SCORE_KEYS, ...WORDS_KEYS, ...HISTOGRAM_KEYS]);
    const rows = Object.entries(measures).filter(
      ([name, value]) => !known.has(name) && (typeof value !== "object" || value === null),
    );
    this.measures.replaceChildren(
      ...rows.map(([name, value]) => h("div", {}, h("dt", {}, humanise(name)), h("dd", {}, compact(value)))),
    );
  }
}

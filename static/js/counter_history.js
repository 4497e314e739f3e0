// Counts over time: the last minutes as this page has seen them, and hours and days as the server remembers them.
import { api, cameraPath } from "./api.js";
import { isNumber } from "./words.js";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;
const MOST_SAMPLES = 600;

/** What can be chosen: `step_s` null = what this page has seen, second by second. */
export const RANGES = [
  { key: "live", word: "10 min", span_s: 10 * MINUTE_S, step_s: null },
  { key: "hour", word: "1 h", span_s: HOUR_S, step_s: MINUTE_S },
  { key: "day", word: "24 h", span_s: DAY_S, step_s: 15 * MINUTE_S },
  { key: "week", word: "7 d", span_s: 7 * DAY_S, step_s: 2 * HOUR_S },
];

/** Counters of one moment, flat: `{kind: "zone"|"line"|"class", name, values: {now?, in?, out?}}`. */
export function countersOf(stats) {
  const { zones = {}, lines = {} } = stats.measures?.zones ?? {};
  const list = Object.entries(zones).map(([name, zone]) => ({
    kind: "zone",
    name,
    values: { now: zone.now, in: zone.entered, out: zone.left },
  }));
  for (const [name, line] of Object.entries(lines)) list.push({ kind: "line", name, values: { in: line.in, out: line.out } });
  for (const [name, now] of Object.entries(stats.counts ?? {})) list.push({ kind: "class", name, values: { now } });
  return list;
}

function seriesName({ name }, part) {
  return part === "now" ? name : `${name} ${part}`;
}

/** Rolling samples of the last ten minutes. */
export class LiveHistory {
  constructor() {
    this.clear();
  }

  clear() {
    this.times = [];
    this.columns = new Map();
  }

  push(time_s, counters) {
    this.times.push(time_s);
    const seen = new Set();
    for (const counter of counters) {
      for (const [part, value] of Object.entries(counter.values)) {
        if (!isNumber(value)) continue;
        const key = `${counter.kind} ${part} ${counter.name}`;
        seen.add(key);
        if (!this.columns.has(key)) this.columns.set(key, { ...counter, part, values: Array(this.times.length - 1).fill(null) });
        this.columns.get(key).values.push(value);
      }
    }
    // A class that is not in the picture is none of it; a zone or line that is not there is not known.
    for (const [key, column] of this.columns) if (!seen.has(key)) column.values.push(column.kind === "class" ? 0 : null);
    while (this.times.length > MOST_SAMPLES) {
      this.times.shift();
      for (const column of this.columns.values()) column.values.shift();
    }
  }

  /** `{times, series: [name, values][]}` of the kinds and parts that `wants(kind, part)` chooses. */
  series(wants) {
    const chosen = [...this.columns.values()].filter(({ kind, part }) => wants(kind, part));
    return { times: this.times, series: chosen.map((column) => [seriesName(column, column.part), column.values]) };
  }
}

/** What the server remembers of a span of time, on a regular grid of steps. */
export class StoredHistory {
  constructor(answer) {
    const { from, to, step } = answer;
    this.times = Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, place) => from + place * step);
    const parts = { now: "highest", in: "arrived", out: "departed" };
    this.columns = answer.counters.flatMap((counter) =>
      Object.entries(parts).map(([part, field]) => ({ ...counter, part, values: this.#grid(counter.points, from, step, field) })),
    );
  }

  #grid(points, from, step, field) {
    const values = Array(this.times.length).fill(0);
    for (const point of points) {
      const place = Math.round((point.at - from) / step);
      if (place >= 0 && place < values.length) values[place] = point[field];
    }
    return values;
  }

  series(wants) {
    const chosen = this.columns.filter(({ kind, part }) => wants(kind, part));
    return { times: this.times, series: chosen.map((column) => [seriesName(column, column.part), column.values]) };
  }
}

/** Read what the server remembers of the range that ends now. */
export async function readHistory(camera, { span_s, step_s }) {
  const to = Math.ceil(Date.now() / 1000 / step_s) * step_s;
  return new StoredHistory(await api.get(cameraPath(camera, "counters"), { from: to - span_s, to, step: step_s }));
}

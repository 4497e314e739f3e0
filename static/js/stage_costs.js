// What filters and analyzers cost on this machine, as the engine measured it, and what a switch would add to that.
import { api } from "./api.js";
import { stages } from "./store.js";
import { decimal, ms } from "./words.js";

const NOTHING = { enabled: false, stages: {}, cores: 0, busy_cores: 0, measuring: false, left: 0 };
let newest = NOTHING;

/** The newest answer of /api/stage_costs. */
export function costs() {
  return newest;
}

/** Read them again; they stay as they were when the engine does not answer. */
export async function loadCosts() {
  newest = await api.get("/api/stage_costs").catch(() => newest);
  return newest;
}

export async function measureAgain() {
  newest = await api.post("/api/stage_costs/measure");
}

/** The stage itself and all that runs along with it, what it reads first. */
export function withNeeds(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  const stage = stages().find((one) => one.name === name);
  for (const other of stage?.uses ?? []) withNeeds(other, seen);
  seen.add(name);
  return seen;
}

/** What these stages cost together: `{share, memory_mb}` (cores, MB), or null when one of them was not measured. */
export function costOf(names) {
  let share = 0;
  let memory_mb = 0;
  for (const name of names) {
    const cost = newest.stages[name];
    if (!cost) return null;
    share += cost.core_share;
    memory_mb += cost.memory_mb ?? 0;
  }
  return { share, memory_mb };
}

export function shareWords(share) {
  const percent = share * 100;
  if (percent < 1) return "under 1 % of a core";
  return percent < 150 ? `${Math.round(percent)} % of a core` : `${decimal(share)} cores`;
}

/** What switching `name` on would cost while `running` (names) runs anyway: short words and a sentence; null when not known. */
export function previewWords(name, running) {
  const own = newest.stages[name];
  const added = [...withNeeds(name)].filter((other) => !running.has(other));
  const cost = own && costOf(added);
  if (!cost) return null;
  const others = added
    .filter((other) => other !== name)
    .map((other) => stages().find((stage) => stage.name === other)?.label ?? other);
  const rate = `${decimal(own.rate_hz, own.rate_hz < 10 ? 1 : 0)} times a second`;
  const memory = cost.memory_mb >= 1 ? `, and about ${Math.round(cost.memory_mb)} MB of memory` : "";
  const along = others.length ? ` With ${others.join(", ")}, which it makes run,` : " That is";
  return {
    look: `≈ ${ms(own.p50_ms)} ms`,
    share: shareWords(cost.share),
    sentence: `Would take about ${ms(own.p50_ms)} ms, ${rate}.${along} ${shareWords(cost.share)}${memory}. Measured on this machine.`,
  };
}

/** Whether `share` more cores fit beside what the engine does now. */
export function fits(share) {
  return !newest.cores || newest.busy_cores + share <= newest.cores;
}

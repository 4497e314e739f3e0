// Jobs in words: states, stages, times, what went in and how it was set.
import { h } from "./dom.js";
import { dateAndTime, duration, humanise, isNumber, moment, plural } from "./words.js";

export const JOB_STATES = {
  queued: ["Waiting", "idle"],
  running: ["Running", "busy"],
  waiting_external: ["On another machine", "busy"],
  succeeded: ["Done", "good"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", "idle"],
  timed_out: ["Took too long", "bad"],
  expired: ["Lost on another machine", "bad"],
};

const OPEN = new Set(["queued", "running", "waiting_external"]);

/** Whether the job has not ended yet. */
export const isOpen = (job) => OPEN.has(job.status);

/** Whether it may be tried again. */
export const canRetry = (job) => !isOpen(job) && job.status !== "succeeded";

/** Word and tone of a job's state. */
export function stateOf(job) {
  if (job.is_cancel_wanted && isOpen(job)) return ["Stopping", "warn"];
  const machine = machineOf(job);
  if (machine) return machine.state === "running" ? ["Waits for a machine", "idle"] : [machine.message, "busy"];
  return JOB_STATES[job.status] ?? [humanise(job.status), "idle"];
}

/** The stage of waiting for a machine, of a job that others have. */
function machineOf(job) {
  return job.status === "waiting_external" ? job.stages.find((stage) => stage.name === "machine") : undefined;
}

/** State of a job as a coloured badge. */
export function stateBadge(job) {
  const [word, tone] = stateOf(job);
  return h("span", { class: "badge-state", dataset: { tone } }, h("span", { class: "badge-state__dot" }), word);
}

/** `gate.mp4`, or `gate.mp4 and 2 more`. */
export function inputWords(job) {
  const [first, ...others] = job.inputs;
  if (!first) return "No file";
  return others.length ? `${first} and ${others.length} more` : first;
}

/** The kind as the operator knows it; its bare name when this product no longer has it. */
export function kindLabel(kinds, name) {
  return kinds.find((kind) => kind.name === name)?.label ?? humanise(name);
}

/** `about 3 minutes`. */
export function aboutTime(seconds) {
  if (seconds < 60) return `about ${plural(Math.max(1, Math.round(seconds)), "second")}`;
  if (seconds < 5400) return `about ${plural(Math.round(seconds / 60), "minute")}`;
  return `about ${plural(Math.round(seconds / 3600), "hour")}`;
}

/** `5 minutes ago`; the date when it is longer ago than a day. */
export function ago(epochSeconds) {
  const date = moment(epochSeconds);
  if (!date) return "";
  const seconds = (Date.now() - date.getTime()) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${plural(Math.floor(seconds / 60), "minute")} ago`;
  if (seconds < 86_400) return `${plural(Math.floor(seconds / 3600), "hour")} ago`;
  return dateAndTime(epochSeconds);
}

/** What is going on now, in one line. */
export function nowWords(job) {
  const [word] = stateOf(job);
  if (job.status === "queued") return job.attempt ? "Waits to be tried again" : "Waits for its turn";
  if (job.status === "running") {
    const stage = job.stages.find((one) => one.name === job.stage);
    const left = isNumber(job.eta_s) ? `${aboutTime(job.eta_s)} left` : "";
    return [stage?.label ?? "Beginning", left].filter(Boolean).join(" · ");
  }
  if (job.status === "waiting_external") return whereWords(job);
  if (["failed", "timed_out", "expired"].includes(job.status)) return job.error?.message ?? word;
  if (job.status === "succeeded") return `${plural(job.outputs.length, "result")} · took ${took(job)}`;
  return word;
}

/** How far a job on another machine is: it waits for one there, or one of its stages runs. */
function whereWords(job) {
  const stage = job.stages.find((one) => one.state === "running");
  return stage?.label ?? machineOf(job)?.message ?? "Waits to be handed over";
}

/** How long is left of a stage that runs, from what is done of it; empty while nothing can be said. */
export function stageLeft(stage) {
  if (stage.state !== "running" || !isNumber(stage.started_at) || stage.progress < 3) return "";
  const elapsed_s = Date.now() / 1000 - stage.started_at;
  return `${aboutTime((elapsed_s * (100 - stage.progress)) / stage.progress)} left`;
}

/** How long it ran, or has been running. */
export function took(one) {
  if (!isNumber(one.started_at)) return "–";
  const end = one.completed_at ?? one.ended_at ?? Date.now() / 1000;
  const seconds = Math.max(0, end - one.started_at);
  return seconds < 10 ? `${seconds.toFixed(1)} s` : seconds < 60 ? `${Math.round(seconds)} s` : duration(seconds);
}

/** `[label, words]` of every parameter of a job: first those that were chosen, then those that are as they come. */
export function paramRows(kind, params) {
  const chosen = [];
  const usual = [];
  for (const [name, value] of Object.entries(params)) {
    const param = kind?.params.find((one) => one.name === name);
    const isUsual = param && JSON.stringify(value) === JSON.stringify(param.default);
    (isUsual ? usual : chosen).push([param?.label || humanise(name), paramWords(value, param?.unit)]);
  }
  return { chosen, usual };
}

function paramWords(value, unit) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === "") return "–";
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.map(humanise).join(", ") || "none";
  if (typeof value === "object") return Object.keys(value).length ? JSON.stringify(value) : "–";
  return unit ? `${value} ${unit}` : String(value);
}

// The camera doctor: tests an address and tells, step by step, what works and what to do about the rest.
import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { decimal, humanise } from "./words.js";

const CHECKS = {
  address: "Address is allowed",
  reachable: "Camera answers",
  auth: "User name and password",
  stream: "Stream is there",
  codec: "Video format",
  first_picture: "First picture",
  fps: "Pictures per second",
  keyframes: "Keyframes",
};

function checkRow(check) {
  const [iconName, tone, word] =
    check.ok === true
      ? ["check-circle-fill", "good", "good"]
      : check.ok === false
        ? ["exclamation-octagon", "bad", "problem"]
        : ["dash-circle", "idle", "not tested"];
  return h(
    "li",
    { class: "check", dataset: { tone } },
    icon(iconName),
    h("span", { class: "visually-hidden" }, `${word}: `),
    h("strong", {}, CHECKS[check.name] ?? humanise(check.name)),
    h("span", { class: "muted" }, check.detail || ""),
  );
}

function streamFacts(report) {
  const facts = [
    report.codec ? report.codec.toUpperCase() : "",
    report.width ? `${report.width}×${report.height}` : "",
    report.fps ? `${decimal(report.fps)} fps` : "",
    report.keyframe_interval_s ? `keyframe every ${decimal(report.keyframe_interval_s)} s` : "",
    report.has_audio ? "with sound" : "",
  ].filter(Boolean);
  return facts.length ? h("p", { class: "doctor__facts" }, facts.join(" · ")) : null;
}

/** The report as it is shown to the operator. */
export function doctorReport(report) {
  const advice = (report.advice ?? []).length
    ? h(
        "ul",
        { class: "doctor__advice" },
        report.advice.map((words) => h("li", {}, words)),
      )
    : null;
  return h(
    "div",
    { class: "doctor", dataset: { ok: String(report.ok) } },
    h(
      "p",
      { class: "doctor__verdict" },
      icon(report.ok ? "check-circle-fill" : "exclamation-triangle-fill"),
      report.ok ? "This camera works." : "This camera does not work yet.",
    ),
    streamFacts(report),
    h("ul", { class: "checks" }, (report.checks ?? []).map(checkRow)),
    advice,
  );
}

/** Examine a source (or the saved camera `{camera: id}`) and draw the report into `place`. */
export async function examine(place, request) {
  place.replaceChildren(
    h(
      "p",
      { class: "doctor__wait", role: "status" },
      h("span", { class: "viewer__spinner" }),
      "Testing the camera. This takes up to 15 seconds…",
    ),
  );
  try {
    place.replaceChildren(doctorReport(await api.post("/api/cameras/probe", request)));
  } catch (error) {
    place.replaceChildren(h("p", { class: "form-problem", role: "alert" }, error.message));
  }
}

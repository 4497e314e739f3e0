// Words and numbers as an operator reads them: states, reasons, times, sizes.

export const STATES = {
  live: { word: "Live", tone: "good" },
  connecting: { word: "Connecting", tone: "busy" },
  stalled: { word: "No new picture", tone: "warn" },
  backoff: { word: "Reconnecting", tone: "warn" },
  ended: { word: "Ended", tone: "idle" },
  stopped: { word: "Stopped", tone: "idle" },
  idle: { word: "Not started", tone: "idle" },
};

const REASONS = {
  unreachable: "Nothing answers at the camera's address. Check that it is switched on and in the network.",
  auth_failed: "The camera refuses the user name or password.",
  not_found: "The address answers, but there is no such stream or file.",
  timeout: "Connected, but no picture arrives.",
  codec_unsupported: "The camera sends a video format that cannot be decoded.",
  corrupt: "Data arrives, but no usable picture is in it.",
  ended: "The recording is over.",
  stalled: "The camera has stopped sending pictures.",
  frozen: "The camera sends the same picture over and over.",
  engine_unavailable: "The video engine is not answering. It is being restarted.",
};

/** State word and tone of a camera. */
export function stateOf(camera) {
  if (camera.reason === "engine_unavailable") return { word: "No signal", tone: "bad" };
  if (camera.state === "live" && camera.reason === "frozen") return { word: "Frozen picture", tone: "warn" };
  return STATES[camera.state] ?? { word: camera.state ?? "Unknown", tone: "idle" };
}

/** Why a camera is in its state, in one sentence; empty when there is nothing to say. */
export function reasonOf(camera) {
  if (camera.state === "live" && !camera.reason) return "";
  if (camera.state === "stopped") return "This camera is switched off.";
  return camera.message || REASONS[camera.reason] || "";
}

/** By group: word, icon, tone of each kind. A kind that is not here is shown under its own name. */
const EVENT_GROUPS = {
  Camera: {
    "camera.live": ["Picture is live", "camera-video", "good"],
    "camera.stalled": ["Picture stalled", "exclamation-triangle", "warn"],
    "camera.lost": ["Camera lost", "camera-video-off", "bad"],
    "camera.ended": ["Source ended", "stop-fill", "idle"],
    "camera.resolution_changed": ["Picture size changed", "aspect-ratio", "idle"],
    "camera.covered": ["Camera covered", "eye-slash", "bad"],
    "camera.moved": ["Camera moved", "arrows-move", "warn"],
    "camera.black": ["Picture is black", "moon-stars", "bad"],
    "camera.frozen": ["Picture is frozen", "hourglass-split", "warn"],
    "camera.defocused": ["Out of focus", "circle-half", "warn"],
    "camera.overexposed": ["Too bright", "sun", "warn"],
    "camera.dark": ["Too dark", "moon-stars", "warn"],
    "camera.infrared": ["Washed out by infrared", "sun", "warn"],
    "camera.healthy": ["Camera is well again", "heart-pulse", "good"],
  },
  "Motion and scene": {
    "motion.started": ["Motion started", "activity", "busy"],
    "motion.ended": ["Motion ended", "activity", "idle"],
    "scene.changed": ["Scene changed", "images", "busy"],
  },
  "Zones and lines": {
    "zone.entered": ["Zone entered", "door-open", "busy"],
    "zone.left": ["Zone left", "arrow-return-left", "idle"],
    "zone.dwell": ["Stays long in a zone", "stopwatch", "warn"],
    "line.crossed": ["Line crossed", "arrow-left-right", "busy"],
    "speed.exceeded": ["Too fast", "speedometer2", "warn"],
  },
  "People and faces": {
    "face.recognised": ["Face recognised", "person-check", "good"],
    "face.unknown": ["Unknown face", "person-exclamation", "warn"],
  },
  "Text and codes": {
    "code.read": ["Code read", "qr-code-scan", "busy"],
    "plate.read": ["Number plate read", "car-front", "busy"],
    "text.seen": ["Text seen", "card-text", "busy"],
  },
  Sound: {
    "speech.started": ["Speech started", "mic", "busy"],
    "speech.ended": ["Speech ended", "mic", "idle"],
    "sound.loud": ["Loud sound", "volume-up", "warn"],
    "sound.silent": ["Silence", "soundwave", "idle"],
    "sound.back": ["Sound is back", "soundwave", "good"],
  },
  Analysis: {
    "analysis.failed": ["Analysis failed", "exclamation-octagon", "bad"],
    "analysis.recovered": ["Analysis recovered", "check-circle-fill", "good"],
    "analysis.slowed": ["Analysis slowed down", "hourglass-split", "warn"],
  },
};
const EVENT_KINDS = Object.assign({}, ...Object.values(EVENT_GROUPS));

/** `[group, kinds]`, for choosing one. */
export const EVENT_KIND_GROUPS = Object.entries(EVENT_GROUPS).map(([group, kinds]) => [group, Object.keys(kinds)]);

export function eventKind(kind) {
  const [word, iconName, tone] = EVENT_KINDS[kind] ?? [humanise(kind), "info-circle", "idle"];
  return { word, iconName, tone };
}

export const KINDS = { rtsp: "RTSP", http: "HTTP", hls: "HLS", file: "File", webcam: "Webcam", demo: "Demo", rtmp: "RTMP" };

/** `object_detection` → `Object detection`. */
export function humanise(name) {
  const words = String(name ?? "")
    .replace(/[_.]+/g, " ")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Milliseconds with as many digits as mean something: 0.42, 3.1, 27. */
export function ms(value) {
  if (!isNumber(value)) return "–";
  if (value < 1) return value.toFixed(2);
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

export function decimal(value, digits = 1) {
  return isNumber(value) ? value.toFixed(digits) : "–";
}

export function count(value) {
  return isNumber(value) ? value.toLocaleString() : "–";
}

export function bytes(value) {
  if (!isNumber(value)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let index = 0;
  let rest = value;
  while (rest >= 1000 && index < units.length - 1) {
    rest /= 1000;
    index += 1;
  }
  return `${index === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${units[index]}`;
}

export function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const [hours, minutes, rest] = parts;
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Epoch seconds, or an ISO text, as a Date; null when it is neither. */
export function moment(value) {
  if (value === null || value === undefined || value === "") return null;
  const date = isNumber(value) ? new Date(value * 1000) : new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}

export function clock(value) {
  return moment(value)?.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) ?? "–";
}

export function dateAndTime(value) {
  const date = moment(value);
  if (!date) return "–";
  return date.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

export function day(value) {
  const date = moment(value);
  if (!date) return "";
  const today = new Date();
  const yesterday = new Date(today.getTime() - 86_400_000);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

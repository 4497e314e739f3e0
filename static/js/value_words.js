// What analyzers measure, as an operator reads it: the unit is the end of the name (`level_db`, `speed_kmh`, `person_share`).
import { humanise, isNumber } from "./words.js";

const UNITS = [
  ["percent", "%"],
  ["degrees", "°"],
  ["kmh", "km/h"],
  ["km_h", "km/h"],
  ["mps", "m/s"],
  ["m_s", "m/s"],
  ["dbfs", "dB"],
  ["db", "dB"],
  ["hz", "Hz"],
  ["ms", "ms"],
  ["px", "px"],
  ["s", "s"],
  ["m", "m"],
];
const SHARES = /(^|_)(share|similarity|agreement|confidence|occupancy|likely|same_view|white|black)$/;

function unitOf(name) {
  return UNITS.find(([end]) => name.endsWith(`_${end}`)) ?? null;
}

/** `level_db` → `Level`; the unit stands with the number. */
export function valueName(name) {
  const unit = unitOf(name);
  return humanise((unit ? name.slice(0, -unit[0].length - 1) : name).replace(/^(is|has)_/, ""));
}

/** A number with as many digits as mean something. */
export function compact(value) {
  if (Number.isInteger(value)) return value.toLocaleString();
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

/** A single value in words; empty for what has none (null, a list, a map). */
export function valueWords(name, value) {
  if (value === null || value === undefined || typeof value === "object") return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (!isNumber(value)) return String(value);
  if (SHARES.test(name) && value >= 0 && value <= 1) return `${Math.round(value * 100)} %`;
  const unit = unitOf(name)?.[1];
  if (!unit) return compact(value);
  return unit === "°" ? `${compact(value)}°` : `${compact(value)} ${unit}`;
}

// The results of a job: films played, pictures, tables and JSON previewed, everything to download.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { button, h, icon } from "./dom.js";
import { FilmPlayer, isFilm } from "./jobs_player.js";
import { bytes, humanise, plural } from "./words.js";

const PREVIEW_BYTES = 64 * 1024;
const PREVIEW_ROWS = 12;
const PREVIEW_LINES = 60;
const FILES_AT_FIRST = 12;
const TABLES = new Set(["text/csv"]);
const TEXTS = new Set(["application/json", "application/x-ndjson", "text/plain", "text/vtt", "application/x-subrip"]);
const PICTURES = new Set(["image/png", "image/jpeg", "image/webp"]);
const WHAT_FOR = {
  "hls.zip": "For a web site: unpack it on the server and give the player master.m3u8; each viewer gets the quality that the line bears.",
  "final_package.zip": "For annotation: dense_proposals.pkl, and the frames of each clip as a zip.",
  "cvat_annotations.zip": "For CVAT: the tracks of each clip (XML 1.1).",
  "ava.zip": "In the format of the AVA data set.",
  "film.edl": "Cut list for editing programs (CMX 3600).",
  "film.otio": "Cut list for editing programs (OpenTimelineIO).",
  "chapters.vtt": "Chapters: one per room.",
  "captions.vtt": "Captions: the name of each room.",
  "shots.jpg": "All shots with their numbers; those left out are dimmed.",
  "selection.json": "Why each shot was chosen or left out, for programs.",
};

const typeOf = (output) => output.content_type.split(";")[0].trim();

/** Cells of CSV text, at most `rows` rows; the last line of a text that was cut off is left out. */
export function csvRows(text, rows, isCut) {
  const found = [];
  let row = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    const isLast = end === "";
    if (!(isLast && (isCut || (row.length === 1 && !row[0])))) found.push(row);
    row = [];
    if (isLast || found.length === rows) break;
  }
  return found;
}

function table([head, ...rows]) {
  const cells = (row, tag) => row.map((cell) => h(tag, tag === "th" ? { scope: "col" } : {}, cell));
  return h(
    "div",
    { class: "job-table", tabindex: "0" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, cells(head, "th"))),
      h(
        "tbody",
        {},
        rows.map((row) => h("tr", {}, cells(row, "td"))),
      ),
    ),
  );
}

const isFlat = (value) => value === null || typeof value !== "object";
const isRecord = (value) => !isFlat(value) && !Array.isArray(value);
const cell = (value) => (value === null ? "–" : String(value));

/** JSON as a person reads it: names with values, and tables of what is alike. Null for what only makes sense as text. */
function readable(value) {
  if (Array.isArray(value)) {
    if (!value.length || !value.every((one) => isRecord(one) && Object.values(one).every(isFlat))) return null;
    const names = [...new Set(value.flatMap(Object.keys))];
    return table([names, ...value.slice(0, PREVIEW_ROWS).map((one) => names.map((name) => cell(one[name] ?? null)))]);
  }
  if (!isRecord(value) || !Object.keys(value).length) return null;
  const flat = Object.entries(value).filter(([, one]) => isFlat(one));
  const rest = Object.entries(value).filter(([, one]) => !isFlat(one) && Object.keys(one).length);
  const parts = rest.map(([name, one]) => [name, readable(one)]);
  if (parts.some(([, shown]) => !shown)) return null;
  return h(
    "div",
    { class: "job-readable" },
    flat.length ? table([["", "Value"], ...flat.map(([name, one]) => [humanise(name), cell(one)])]) : null,
    parts.map(([name, shown]) => [h("h3", {}, humanise(name)), shown]),
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asLines(text, isCut) {
  const lines = text.split("\n");
  const shown = lines.slice(0, PREVIEW_LINES).join("\n");
  return h("pre", { class: "job-log", tabindex: "0" }, lines.length > PREVIEW_LINES || isCut ? `${shown}\n…` : shown);
}

function preview(output, text, isCut) {
  const type = typeOf(output);
  if (TABLES.has(type)) {
    const rows = csvRows(text, PREVIEW_ROWS + 1, isCut);
    if (!rows.length) return h("p", { class: "muted" }, "The table is empty.");
    const more = rows.length > PREVIEW_ROWS ? "These are the first rows; download the file for all of them." : "";
    return h("div", { class: "job-readable" }, table(rows), more ? h("p", { class: "muted" }, more) : null);
  }
  const value = type === "application/json" && !isCut ? parsed(text) : undefined;
  if (value === undefined) return asLines(text, isCut);
  return readable(value) ?? asLines(JSON.stringify(value, null, 2), isCut);
}

function sound(output) {
  return h("audio", { class: "job-film", src: output.url, controls: true, preload: "metadata", "aria-label": output.name });
}

export class JobResults {
  constructor() {
    this.element = h("section", { class: "panel job-results", "aria-label": "Results", hidden: true });
  }

  /** Draw the results, when they have changed: a film that plays is not taken away. */
  draw(job) {
    const { outputs } = job;
    const mark = JSON.stringify(outputs);
    if (mark === this.mark) return;
    this.mark = mark;
    this.element.hidden = !outputs.length;
    if (!outputs.length) {
      this.element.replaceChildren();
      return;
    }
    const list = h(
      "ul",
      { class: "job-outputs" },
      outputs.slice(0, FILES_AT_FIRST).map((output) => this.#row(output)),
    );
    this.element.replaceChildren(
      h(
        "div",
        { class: "job-results__head" },
        h("h2", { class: "panel__title" }, "Results"),
        h(
          "a",
          { class: "btn btn-outline btn-sm", href: `/api/v1/jobs/${job.job_id}/outputs.zip`, download: "" },
          icon("download"),
          h("span", {}, "Everything as zip"),
        ),
      ),
      ...(outputs.some(isFilm) ? [new FilmPlayer(outputs).element] : []),
      ...outputs.filter((output) => typeOf(output).startsWith("audio/")).map(sound),
      list,
    );
    if (outputs.length > FILES_AT_FIRST) this.#offerRest(list, outputs.slice(FILES_AT_FIRST));
  }

  #offerRest(list, rest) {
    const more = button("chevron-down", `Show ${plural(rest.length, "more file")}`, { kind: "btn-outline btn-sm" });
    more.addEventListener("click", () => {
      list.append(...rest.map((output) => this.#row(output)));
      more.remove();
    });
    this.element.append(more);
  }

  #row(output) {
    const type = typeOf(output);
    const place = h("div", { class: "job-preview", hidden: true });
    const look = button("eye", "Preview", {
      kind: "btn-outline btn-sm",
      "aria-label": `Preview ${output.name}`,
      "aria-expanded": "false",
    });
    look.addEventListener("click", () => this.#toggle(look, place, output));
    const canPreview = TABLES.has(type) || TEXTS.has(type) || PICTURES.has(type);
    return h(
      "li",
      { class: "job-output", dataset: { output: output.name } },
      h(
        "div",
        { class: "job-output__name" },
        h("strong", { class: "break" }, output.name),
        h("span", { class: "muted num" }, bytes(output.bytes)),
        WHAT_FOR[output.name] ? h("p", { class: "muted" }, WHAT_FOR[output.name]) : null,
      ),
      h(
        "div",
        { class: "job-actions" },
        canPreview ? look : null,
        h(
          "a",
          {
            class: "btn btn-outline btn-sm",
            href: `${output.url}?download=1`,
            download: output.name.split("/").at(-1),
            "aria-label": `Download ${output.name}`,
          },
          icon("download"),
          h("span", {}, "Download"),
        ),
      ),
      h(
        "details",
        { class: "job-output__sum" },
        h("summary", { class: "muted" }, "Checksum"),
        h("p", { class: "muted mono break" }, `SHA-256 ${output.sha256}`),
      ),
      place,
    );
  }

  async #toggle(control, place, output) {
    if (!place.children.length) {
      await busy(control, `read ${output.name}`, async () => place.replaceChildren(await this.#shown(output)));
      if (!place.children.length) return;
    }
    place.hidden = !place.hidden;
    control.setAttribute("aria-expanded", String(!place.hidden));
  }

  async #shown(output) {
    if (PICTURES.has(typeOf(output))) return h("img", { class: "job-film", src: output.url, alt: output.name });
    const text = await api.text(output.url, PREVIEW_BYTES);
    return preview(output, text, output.bytes > PREVIEW_BYTES);
  }
}

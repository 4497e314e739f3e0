// The results of a job: films and pictures shown, tables and JSON previewed, everything to download.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { button, h, icon } from "./dom.js";
import { bytes, plural } from "./words.js";

const PREVIEW_BYTES = 64 * 1024;
const PREVIEW_ROWS = 12;
const PREVIEW_LINES = 60;
const FILES_AT_FIRST = 12;
const TABLES = new Set(["text/csv"]);
const TEXTS = new Set(["application/json", "application/x-ndjson", "text/plain", "text/vtt", "application/x-subrip"]);

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

function pretty(text, type, isCut) {
  if (type === "application/json" && !isCut) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }
  return text;
}

function preview(output, text, isCut) {
  const type = typeOf(output);
  if (TABLES.has(type)) {
    const rows = csvRows(text, PREVIEW_ROWS + 1, isCut);
    return rows.length ? table(rows) : h("p", { class: "muted" }, "The table is empty.");
  }
  const lines = pretty(text, type, isCut).split("\n");
  const shown = lines.slice(0, PREVIEW_LINES).join("\n");
  return h("pre", { class: "job-log", tabindex: "0" }, lines.length > PREVIEW_LINES || isCut ? `${shown}\n…` : shown);
}

/** What the browser shows by itself; null for what can only be downloaded. */
function player(output) {
  const type = typeOf(output);
  if (type === "video/mp4" || type === "video/webm")
    return h("video", {
      class: "job-film",
      src: output.url,
      controls: true,
      preload: "metadata",
      playsinline: true,
      "aria-label": output.name,
    });
  if (type.startsWith("audio/"))
    return h("audio", { class: "job-film", src: output.url, controls: true, preload: "metadata", "aria-label": output.name });
  if (["image/png", "image/jpeg", "image/webp"].includes(type))
    return h("img", { class: "job-film", src: output.url, alt: output.name, loading: "lazy", decoding: "async" });
  return null;
}

export class JobResults {
  constructor() {
    this.element = h("section", { class: "panel job-results", "aria-label": "Results", hidden: true });
  }

  /** Draw the results, when they have changed: a film that plays is not taken away. */
  draw(job) {
    const mark = JSON.stringify(job.outputs);
    if (mark === this.mark) return;
    this.mark = mark;
    const { outputs } = job;
    this.element.hidden = !outputs.length;
    if (!outputs.length) {
      this.element.replaceChildren();
      return;
    }
    const players = outputs.map((output) => [output, player(output)]).filter(([, shown]) => shown);
    const shown = players
      .slice(0, FILES_AT_FIRST)
      .map(([output, media]) =>
        h(
          "figure",
          { class: "job-figure" },
          media,
          players.length > 1 ? h("figcaption", { class: "muted break" }, output.name) : null,
        ),
      );
    const list = h(
      "ul",
      { class: "job-outputs" },
      outputs.slice(0, FILES_AT_FIRST).map((output) => this.#row(output)),
    );
    this.element.replaceChildren(h("h2", { class: "panel__title" }, "Results"), h("div", { class: "job-films" }, shown), list);
    if (outputs.length <= FILES_AT_FIRST) return;
    const rest = outputs.slice(FILES_AT_FIRST);
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
    return h(
      "li",
      { class: "job-output", dataset: { output: output.name } },
      h(
        "div",
        { class: "job-output__name" },
        h("strong", { class: "break" }, output.name),
        h("span", { class: "muted num" }, bytes(output.bytes)),
      ),
      h(
        "div",
        { class: "job-actions" },
        TABLES.has(type) || TEXTS.has(type) ? look : null,
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
      h("p", { class: "job-output__sum muted mono break", title: "Checksum of the file" }, `SHA-256 ${output.sha256}`),
      place,
    );
  }

  async #toggle(control, place, output) {
    if (!place.children.length) {
      await busy(control, `read ${output.name}`, async () => {
        const text = await api.text(output.url, PREVIEW_BYTES);
        place.replaceChildren(preview(output, text, output.bytes > PREVIEW_BYTES));
      });
      if (!place.children.length) return;
    }
    place.hidden = !place.hidden;
    control.setAttribute("aria-expanded", String(!place.hidden));
  }
}

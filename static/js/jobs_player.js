// The film that came out of a job: in all its shapes, with poster, captions, and chapters to jump to.
import { api } from "./api.js";
import { button, h } from "./dom.js";
import { duration } from "./words.js";

const FILMS = new Set(["video/mp4", "video/webm"]);
const SHAPE_WORDS = { "16x9": "Wide 16:9", "9x16": "Upright 9:16", "1x1": "Square 1:1" };
const CUE = /(?:(\d+):)?(\d+):(\d+(?:\.\d+)?) --> [^\n]*\n([^\n]+)/g;

export const isFilm = (output) => FILMS.has(output.content_type.split(";")[0].trim());

/** `Wide 16:9` for `film_16x9.mp4`; the name of the file where it says nothing of a shape. */
function filmWords(output) {
  const shape = Object.keys(SHAPE_WORDS).find((name) => output.name.includes(`_${name}.`));
  return shape ? SHAPE_WORDS[shape] : output.name;
}

/** `[seconds, title]` of every cue of a WebVTT text. */
export function cues(text) {
  return [...text.replaceAll("\r", "").matchAll(CUE)].map(([, hours, minutes, seconds, title]) => [
    Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds),
    title.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
  ]);
}

export class FilmPlayer {
  constructor(outputs) {
    const named = (name) => outputs.find((one) => one.name === name);
    this.films = outputs.filter(isFilm);
    this.captions = named("captions.vtt");
    this.poster = named("poster.jpg");
    this.place = h("div", { class: "film__place" });
    this.chapters = h("ol", { class: "film__chapters", "aria-label": "Chapters", hidden: true });
    this.tabs = h("div", { class: "film__tabs", role: "group", "aria-label": "Films", hidden: this.films.length < 2 });
    this.element = h("div", { class: "film" }, this.tabs, this.place, this.chapters);
    this.tabs.append(
      ...this.films.map((film) =>
        button("", filmWords(film), { kind: "btn-outline btn-sm", "aria-pressed": "false", onclick: () => this.#show(film) }),
      ),
    );
    this.#show(this.films[0]);
    if (named("chapters.vtt")) this.#loadChapters(named("chapters.vtt"));
  }

  /** Another shape goes on where the one before was. */
  #show(film) {
    const { currentTime: at_s = 0, paused: isPaused = true } = this.video ?? {};
    this.video?.pause();
    this.video = h(
      "video",
      {
        class: "job-film",
        src: film.url,
        // It is a picture of the footage, and would open an upright film as a wide one.
        poster: this.poster && film.name.includes("_16x9.") ? this.poster.url : null,
        controls: true,
        preload: "metadata",
        playsinline: true,
        "aria-label": film.name,
      },
      this.captions ? h("track", { kind: "captions", src: this.captions.url, srclang: "en", label: "Rooms" }) : null,
    );
    if (at_s) this.video.currentTime = at_s;
    if (!isPaused) this.video.play().catch(() => {});
    this.place.replaceChildren(this.video);
    for (const [index, tab] of [...this.tabs.children].entries()) {
      tab.setAttribute("aria-pressed", String(this.films[index] === film));
    }
  }

  async #loadChapters(output) {
    let found;
    try {
      found = cues(await api.text(output.url));
    } catch {
      return; // the film plays without; the file can be downloaded
    }
    this.chapters.hidden = found.length < 2;
    this.chapters.replaceChildren(
      ...found.map(([at_s, title]) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "btn btn-quiet btn-sm", onclick: () => this.#jump(at_s) },
            h("span", { class: "num muted" }, duration(at_s)),
            h("span", {}, title),
          ),
        ),
      ),
    );
  }

  #jump(at_s) {
    this.video.currentTime = at_s;
    this.video.play().catch(() => {});
  }
}

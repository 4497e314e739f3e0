// One file of this computer in a new job. A large one is sent on its own, with a bar, and may be paused; small ones go with the job.
import { api } from "./api.js";
import { button, h, setText } from "./dom.js";
import { uploadToS3 } from "./upload_s3.js";
import { uploadByTus } from "./upload_tus.js";
import { bytes } from "./words.js";

/** From here on a lost connection would hurt. */
const LARGE_BYTES = 16 * 1024 * 1024;

let way = null;

/** Where large files are sent: asked once. */
async function uploadWay() {
  way ??= (await api.get("/api/v1/uploads/ways")).way;
  return way === "s3" ? uploadToS3 : uploadByTus;
}

export class SentFile {
  constructor(file) {
    this.file = file;
    this.assetId = "";
    this.isPaused = false;
    this.bar = h("progress", { class: "job__progress", max: file.size, value: 0, "aria-label": `Upload of ${file.name}` });
    this.words = h("span", { class: "muted", role: "status" });
    this.pauseControl = button("pause-fill", `Pause ${file.name}`, { iconOnly: true, kind: "btn-quiet btn-sm" });
    this.pauseControl.addEventListener("click", () => (this.isPaused ? this.#resume() : this.pause()));
    this.element = h("div", { class: "job-sent", hidden: true }, this.bar, this.words, this.pauseControl);
  }

  get name() {
    return this.file.name;
  }

  get size() {
    return this.file.size;
  }

  /** Music or a logo: nothing to cut a film from. */
  get isExtra() {
    return /^(audio|image)\//.test(this.file.type);
  }

  get isLarge() {
    return this.size >= LARGE_BYTES && !this.isExtra;
  }

  /** Send a large file; the id of the video that it becomes. Sent once, it is not sent again. */
  async send() {
    if (this.assetId) return this.assetId;
    this.element.hidden = false;
    this.pauseControl.hidden = false;
    this.#tell("Beginning…");
    try {
      const upload = await uploadWay();
      this.upload = await upload(this.file, (sentBytes) => this.#drawProgress(sentBytes));
      this.assetId = await this.upload.done;
      this.#tell("Sent and examined");
      return this.assetId;
    } catch (error) {
      this.#tell(error.name === "AbortError" ? "Cancelled" : error.message, error.name !== "AbortError");
      throw error;
    } finally {
      this.pauseControl.hidden = true;
      this.upload = null;
    }
  }

  pause() {
    if (!this.upload || this.isPaused) return;
    this.isPaused = true;
    this.upload.pause();
    this.#drawPause();
    this.#tell(`Paused at ${this.#percent()} %`);
  }

  #resume() {
    this.isPaused = false;
    this.upload.resume();
    this.#drawPause();
  }

  /** It is not wanted any more; what was sent of it is thrown away. */
  remove() {
    this.upload?.cancel();
  }

  #drawPause() {
    const word = this.isPaused ? "Go on with" : "Pause";
    const fresh = button(this.isPaused ? "play-fill" : "pause-fill", `${word} ${this.name}`, { iconOnly: true });
    this.pauseControl.replaceChildren(...fresh.childNodes);
    this.pauseControl.setAttribute("aria-label", `${word} ${this.name}`);
    this.pauseControl.title = `${word} ${this.name}`;
  }

  #drawProgress(sentBytes) {
    if (this.isPaused) return;
    this.bar.value = sentBytes;
    const isWhole = sentBytes >= this.size;
    this.#tell(isWhole ? "Sent. It is being examined…" : `${this.#percent()} % of ${bytes(this.size)}`);
  }

  #percent() {
    return Math.floor((this.bar.value / this.size) * 100);
  }

  #tell(words, isProblem = false) {
    this.words.className = isProblem ? "row-problem" : "muted";
    setText(this.words, words);
  }
}

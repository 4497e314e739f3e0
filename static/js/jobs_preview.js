// What a running job has made so far, as a picture that changes every few seconds.
import { h } from "./dom.js";

const LOOK_EVERY_MS = 3000;

export class JobPreview {
  constructor() {
    this.image = h("img", { class: "job-film", alt: "The newest picture of what is being made" });
    this.element = h(
      "figure",
      { class: "job-figure", hidden: true },
      this.image,
      h("figcaption", { class: "muted" }, "What it has made so far"),
    );
    this.lookedAt = 0;
  }

  /** Call it now and then: it looks when it is time. */
  async draw(job) {
    if (job.status !== "running") {
      this.#show(null);
      return;
    }
    if (document.hidden || Date.now() - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = Date.now();
    const response = await fetch(`/api/v1/jobs/${encodeURIComponent(job.job_id)}/preview`).catch(() => null);
    // 204: there is nothing to see yet.
    if (response?.status === 200) this.#show(await response.blob());
  }

  #show(blob) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = blob ? URL.createObjectURL(blob) : null;
    this.element.hidden = !blob;
    if (blob) this.image.src = this.url;
    else this.image.removeAttribute("src");
  }

  dispose() {
    this.lookedAt = Infinity;
    this.#show(null);
  }
}

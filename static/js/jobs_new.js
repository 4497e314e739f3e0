// A new job: which footage, what to do with it, how. Sending it twice makes one job.
import { api, sendForm } from "./api.js";
import { confirmAction } from "./confirm.js";
import { button, h, icon, setText } from "./dom.js";
import { JOB_PRESETS } from "./job_presets.js";
import { Footage } from "./jobs_footage.js";
import { paramField } from "./param_field.js";
import { go, guardLeaving } from "./router.js";
import { toastError } from "./toasts.js";
import { bytes, plural } from "./words.js";

const FIELD_TYPES = new Set(["bool", "int", "float", "choice", "text", "several"]);
const KEY_BYTES = 16;
const MOST_UNFOLDED = 10;

/** A key of its own for one submission. `crypto.randomUUID` would want HTTPS. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function mostWords(kind) {
  return kind.most_inputs === 1 ? "one video" : `up to ${plural(kind.most_inputs, "video")}`;
}

export class NewJob {
  constructor(root) {
    this.key = newKey();
    this.kind = null;
    this.values = {};
    this.problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    this.kindList = h("div", { class: "job-kinds" });
    this.params = h("div", { class: "job-params" });
    this.footage = new Footage(() => this.#changed());
    // Nothing can be sent before it is known what could be done with it.
    const send = { type: "submit", class: "btn btn-primary", disabled: true };
    this.send = h("button", send, icon("play-fill"), h("span", {}, "Send and start"));
    this.cancel = button("x-lg", "Cancel the upload", { kind: "btn-outline", hidden: true, onclick: () => this.#cancel() });
    this.progress = h("progress", { class: "job__progress", max: 1, "aria-label": "Upload" });
    this.sent = h("p", { class: "muted", role: "status" });
    this.uploading = h("div", { class: "job-upload", hidden: true }, this.progress, this.sent);
    this.kindBox = h("fieldset", { class: "panel" }, h("legend", { class: "panel__title" }, "What to do"), this.kindList);
    this.settings = h("fieldset", { class: "job-form__fields" }, this.params);
    this.fields = h(
      "div",
      { class: "job-form__fields" },
      this.kindBox,
      h("fieldset", { class: "panel" }, h("legend", { class: "panel__title" }, "Footage"), this.footage.element),
      this.settings,
    );
    const foot = h(
      "div",
      { class: "job-form__foot" },
      this.problem,
      this.uploading,
      h("div", { class: "job-actions" }, this.send, this.cancel),
    );
    this.form = h("form", { class: "job-form", novalidate: true, "aria-label": "New job" }, this.fields, foot);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    root.append(
      h(
        "header",
        { class: "page-head" },
        h("a", { class: "btn btn-quiet", href: "#/jobs" }, icon("arrow-left"), "Jobs"),
        h("h1", {}, "New job"),
      ),
      this.form,
    );
    this.footage.acceptDrops(root);
    this.#start();
  }

  async #start() {
    try {
      const { kinds } = await api.get("/api/v1/job_kinds");
      this.kindList.replaceChildren(...kinds.map((kind) => this.#kindCard(kind)));
      const first = kinds.find((kind) => kind.available);
      if (first) this.#choose(first);
      else this.#refuse("No kind of job can run here. The cards say what is missing.");
    } catch (error) {
      toastError("read the kinds of jobs", error);
    }
  }

  #kindCard(kind) {
    const input = h("input", {
      type: "radio",
      class: "form-check-input",
      name: "kind",
      value: kind.name,
      disabled: !kind.available,
    });
    input.addEventListener("change", () => this.#choose(kind));
    return h(
      "label",
      { class: `job-kind${kind.available ? "" : " is-off"}` },
      input,
      h(
        "span",
        { class: "job-kind__words" },
        h("strong", {}, kind.label),
        h("span", {}, kind.description),
        h("span", { class: "muted" }, `Takes ${mostWords(kind)}`),
        kind.reason ? h("span", { class: "row-problem" }, kind.reason) : null,
      ),
    );
  }

  #choose(kind) {
    this.kind = kind;
    this.values = {};
    this.kindList.querySelector(`input[value="${CSS.escape(kind.name)}"]`).checked = true;
    this.paramFields = new Map();
    this.presets = null;
    const known = kind.params.filter((param) => FIELD_TYPES.has(param.type));
    const fields = known.map((param) => this.#paramField(param));
    const title = h("legend", { class: "panel__title" }, "Settings");
    const content = h("fieldset", { class: "panel" }, title, this.#presets(kind), this.#folded(fields));
    this.params.replaceChildren(...(fields.length ? [content] : []));
    this.footage.limit(kind.most_inputs);
    this.send.disabled = false;
    this.#changed();
  }

  #paramField(param) {
    const field = paramField(param, (value) => {
      this.values[param.name] = value;
      field.draw(value);
      for (const one of this.presets?.children ?? []) one.setAttribute("aria-pressed", "false");
      this.#changed();
    });
    field.draw(param.default);
    this.paramFields.set(param.name, { field, param });
    return field.element;
  }

  /** Many settings would push the button that starts out of sight. */
  #folded(fields) {
    if (fields.length <= MOST_UNFOLDED) return fields;
    return h("details", { class: "job-settings" }, h("summary", {}, `All ${fields.length} settings`), fields);
  }

  /** Buttons that set several settings at once; all others go back to what the kind has. */
  #presets(kind) {
    const presets = JOB_PRESETS[kind.name] ?? [];
    if (!presets.length) return null;
    const buttons = presets.map((preset) =>
      h(
        "button",
        { type: "button", class: "btn btn-outline job-preset", "aria-pressed": "false", onclick: () => this.#apply(preset) },
        h("strong", {}, preset.name),
        h("span", {}, preset.words),
      ),
    );
    this.presets = h("div", { class: "job-presets", role: "group", "aria-label": "Presets" }, buttons);
    return this.presets;
  }

  #apply(preset) {
    this.values = {};
    for (const [name, { field, param }] of this.paramFields) {
      if (name in preset.values) this.values[name] = preset.values[name];
      field.draw(this.values[name] ?? param.default);
    }
    const chosen = JOB_PRESETS[this.kind.name].indexOf(preset);
    [...this.presets.children].forEach((one, place) => one.setAttribute("aria-pressed", String(place === chosen)));
    this.#changed();
  }

  /** What is sent now is another request than the one before, and gets another key. */
  #changed() {
    this.key = newKey();
    this.problem.hidden = true;
  }

  #refuse(words) {
    setText(this.problem, words);
    this.problem.hidden = !words;
  }

  async #submit() {
    if (this.sending || !this.kind) return;
    const reason = this.footage.problem(this.kind);
    this.#refuse(reason);
    if (reason) return;
    this.sending = new AbortController();
    this.#lock(true);
    try {
      const { job_id: jobId } = await this.#request(this.sending.signal);
      this.#lock(false);
      go(`jobs/${jobId}`);
    } catch (error) {
      this.#lock(false);
      if (!error.isLoggedOut) this.#refuse(this.#problemWords(error));
    }
  }

  /** The large files first, each on its own, then the job with all the rest. */
  async #request(signal) {
    const assets = await this.#sendLarge(signal);
    const { files, assets: chosen, urls } = this.footage.chosen;
    const form = new FormData();
    form.append("kind", this.kind.name);
    form.append("params", JSON.stringify(this.values));
    form.append("asset_ids", JSON.stringify([...assets, ...chosen]));
    form.append("urls", JSON.stringify(urls));
    for (const { file } of files) form.append("files", file, file.name);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const onProgress = (share) => this.#tell(share, total);
    onProgress(total ? 0 : 1);
    return sendForm("/api/v1/jobs/", form, { headers: { "Idempotency-Key": this.key }, onProgress, signal });
  }

  /** Ids of the videos that they become. One that is taken out meanwhile is not waited for. */
  async #sendLarge(signal) {
    const { large } = this.footage;
    if (!large.length) return [];
    this.progress.hidden = true;
    setText(this.sent, "Large files are sent one beside the other; a lost connection does no harm.");
    const ends = await Promise.allSettled(large.map((sent) => sent.send()));
    this.progress.hidden = false;
    signal.throwIfAborted();
    const failed = ends.find((end) => end.status === "rejected" && end.reason.name !== "AbortError");
    if (failed) throw failed.reason;
    return ends.filter((end) => end.status === "fulfilled").map((end) => end.value);
  }

  #cancel() {
    this.sending?.abort(new DOMException("The upload was cancelled.", "AbortError"));
    for (const sent of this.footage.large) sent.remove();
  }

  #tell(share, total) {
    this.progress.value = share;
    // What has arrived as a whole becomes a job; from then on the job is what can be cancelled.
    this.cancel.hidden = share === 1;
    const percent = Math.floor(share * 100);
    const whole = total ? "Sent. The footage is being examined…" : "The job is being entered…";
    const words = share < 1 ? `${percent} % of ${bytes(total)} sent` : whole;
    setText(this.sent, words);
  }

  #problemWords(error) {
    if (error.name === "AbortError") return "The upload was cancelled. Nothing was kept.";
    if (error.status === 0) return "The connection was lost. Send it again: it becomes one job, however often you send it.";
    return error.message;
  }

  #lock(isSending) {
    this.kindBox.disabled = isSending;
    this.settings.disabled = isSending;
    this.footage.lock(isSending);
    this.send.disabled = isSending;
    this.cancel.hidden = !isSending;
    this.uploading.hidden = !isSending;
    if (isSending) {
      const words = this.footage.large.length
        ? "The upload stops here. Choose the same files again within two days, and it goes on where it stopped."
        : "The upload is not finished. What was sent so far is thrown away.";
      this.unguard = guardLeaving(() => confirmAction("Leave and stop the upload?", words, "Leave"));
      window.addEventListener("beforeunload", stay);
      return;
    }
    this.unguard?.();
    window.removeEventListener("beforeunload", stay);
    this.sending = null;
  }

  dispose() {
    this.footage.dispose();
    this.sending?.abort();
  }
}

function stay(event) {
  event.preventDefault();
}

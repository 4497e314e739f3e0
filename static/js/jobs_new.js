// A new job: which footage, what to do with it, how. Sending it twice makes one job.
import { api, sendForm } from "./api.js";
import { confirmAction } from "./confirm.js";
import { button, h, icon, setText } from "./dom.js";
import { Footage } from "./jobs_footage.js";
import { paramField } from "./param_field.js";
import { go, guardLeaving } from "./router.js";
import { toastError } from "./toasts.js";
import { bytes, plural } from "./words.js";

const FIELD_TYPES = new Set(["bool", "int", "float", "choice", "text", "several"]);
const KEY_BYTES = 16;

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
    this.cancel = button("x-lg", "Cancel the upload", { kind: "btn-outline", hidden: true, onclick: () => this.sending?.abort() });
    this.progress = h("progress", { class: "job__progress", max: 1, "aria-label": "Upload" });
    this.sent = h("p", { class: "muted", role: "status" });
    this.uploading = h("div", { class: "job-upload", hidden: true }, this.progress, this.sent);
    this.fields = h(
      "fieldset",
      { class: "job-form__fields" },
      h("fieldset", { class: "panel" }, h("legend", { class: "panel__title" }, "What to do"), this.kindList),
      h("fieldset", { class: "panel" }, h("legend", { class: "panel__title" }, "Footage"), this.footage.element),
      this.params,
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
    const known = kind.params.filter((param) => FIELD_TYPES.has(param.type));
    const fields = known.map((param) => this.#paramField(param));
    const title = h("legend", { class: "panel__title" }, "Settings");
    this.params.replaceChildren(...(fields.length ? [h("fieldset", { class: "panel" }, title, fields)] : []));
    this.footage.limit(kind.most_inputs);
    this.send.disabled = false;
    this.#changed();
  }

  #paramField(param) {
    const field = paramField(param, (value) => {
      this.values[param.name] = value;
      field.draw(value);
      this.#changed();
    });
    field.draw(param.default);
    return field.element;
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

  #request(signal) {
    const headers = { "Idempotency-Key": this.key };
    const { chosen } = this.footage;
    if (chosen.assets.length) {
      setText(this.sent, "Taking the uploaded video…");
      const body = { asset_ids: chosen.assets, kind: this.kind.name, params: this.values };
      return api.post("/api/v1/jobs/from_assets", body, { headers, signal });
    }
    const form = new FormData();
    form.append("kind", this.kind.name);
    form.append("params", JSON.stringify(this.values));
    for (const file of chosen.files) form.append("files", file, file.name);
    const total = chosen.files.reduce((sum, file) => sum + file.size, 0);
    const onProgress = (share) => this.#tell(share, total);
    onProgress(0);
    return sendForm("/api/v1/jobs/", form, { headers, onProgress, signal });
  }

  #tell(share, total) {
    this.progress.value = share;
    // What has arrived as a whole becomes a job; from then on the job is what can be cancelled.
    this.cancel.hidden = share === 1;
    const percent = Math.floor(share * 100);
    const words = share < 1 ? `${percent} % of ${bytes(total)} sent` : "Sent. The footage is being examined…";
    setText(this.sent, words);
  }

  #problemWords(error) {
    if (error.name === "AbortError") return "The upload was cancelled. Nothing was kept.";
    if (error.status === 0) return "The connection was lost. Send it again: it becomes one job, however often you send it.";
    return error.message;
  }

  #lock(isSending) {
    this.fields.disabled = isSending;
    this.send.disabled = isSending;
    this.cancel.hidden = !isSending;
    this.uploading.hidden = !isSending;
    if (isSending) {
      const words = "The upload is not finished. What was sent so far is thrown away.";
      this.unguard = guardLeaving(() => confirmAction("Leave and cancel the upload?", words, "Leave"));
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

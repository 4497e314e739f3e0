// Weight files: what there is, what is here, for what, under which licence; download, cancel, verify, remove.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { confirmAction } from "./confirm.js";
import { cancelButton, openDialog } from "./dialog.js";
import { button, emptyState, h, icon, setText, throttle } from "./dom.js";
import { on } from "./live.js";
import { may } from "./session.js";
import { toast, toastError } from "./toasts.js";
import { bytes, decimal, ms, plural } from "./words.js";

const STATES = {
  here: ["Here", "good"],
  mirror: ["In the mirror folder", "good"],
  missing: ["Not here", "idle"],
  downloading: ["Downloading", "busy"],
  cancelling: ["Stopping", "warn"],
  failed: ["Failed", "bad"],
  damaged: ["Damaged", "bad"],
};
const CHOICES = [
  ["all", "All"],
  ["here", "Here"],
  ["missing", "Not here"],
];
const RUNNING_POLL_MS = 5000;
const RELOAD_MS = 400;
const SPDX = "https://spdx.org/licenses/";

const isHere = (model) => ["here", "mirror", "damaged"].includes(model.state);
const isBusy = (model) => ["downloading", "cancelling"].includes(model.state);
const pathOf = (model, rest = "") => `/api/models/${encodeURIComponent(model.name)}${rest ? `/${rest}` : ""}`;
const sizeWords = (model) => (model.bytes ? bytes(model.bytes) : "size depends on the export");

/** Text in which `words in backticks` are something to type. */
function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

function licenceWords(model) {
  const known = /^[\w.-]+$/.test(model.licence);
  if (!known) return model.licence;
  return h("a", { href: `${SPDX}${model.licence}.html`, target: "_blank", rel: "noopener noreferrer" }, model.licence);
}

function acceptBox(id, words) {
  const box = h("input", { type: "checkbox", class: "form-check-input", id });
  return { box, element: h("div", { class: "form-check" }, box, h("label", { class: "form-check-label", for: id }, words)) };
}

/** Shows the licence and asks; resolves to the body of the request, or null. */
function askForDownload(model) {
  return new Promise((resolve) => {
    let answer = null;
    const accept = model.is_extra
      ? acceptBox("accept-licence", `I accept the ${model.licence}, and that it binds whoever offers this product over a network`)
      : null;
    const go = h("button", { type: "submit", class: "btn btn-primary", disabled: Boolean(accept) }, icon("download"), "Download");
    accept?.box.addEventListener("change", () => (go.disabled = !accept.box.checked));
    const row = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    const facts = h(
      "dl",
      { class: "totals facts" },
      row("Licence", licenceWords(model)),
      row("Size", sizeWords(model)),
      row("File", model.file),
      row("Comes from", model.places.join(", then ")),
    );
    const body = [h("p", { class: "muted" }, model.purpose), facts, accept?.element ?? null].filter(Boolean);
    const onsubmit = () => {
      if (go.disabled) return;
      answer = { accept_licence: Boolean(accept?.box.checked) };
      dialog.close();
    };
    const dialog = openDialog(
      { title: `Download ${model.name}?`, body: [h("div", { class: "form-stack" }, body)], footer: [cancelButton(), go], onsubmit },
      { onClosed: () => resolve(answer), focus: accept?.box ?? go },
    );
  });
}

function askForSync(extras) {
  return new Promise((resolve) => {
    let answer = null;
    const accept = extras.length
      ? acceptBox("accept-licence", `Also those under the AGPL (${extras.join(", ")}): I accept that licence`)
      : null;
    const go = h("button", { type: "submit", class: "btn btn-primary" }, "Bring them");
    const words = "Every model of the list that the mirror (MODELS_MIRROR) has and that is not here yet is copied to this machine.";
    const onsubmit = () => {
      answer = { accept_licence: Boolean(accept?.box.checked) };
      dialog.close();
    };
    const body = [h("div", { class: "form-stack" }, h("p", { class: "muted" }, words), accept?.element ?? null)];
    const dialog = openDialog(
      { title: "Bring all models of the mirror?", body, footer: [cancelButton(), go], onsubmit },
      { onClosed: () => resolve(answer), focus: go },
    );
  });
}

class ModelCard {
  constructor(model, page) {
    this.page = page;
    this.element = h("li", { class: "model", dataset: { model: model.name } });
    this.running = h("p", { class: "model__running", hidden: true });
    this.progress = h("progress", { class: "model__progress", "aria-label": `Download of ${model.name}` });
    this.arrived = h("span", { class: "muted num" });
    this.draw(model);
  }

  draw(model) {
    this.model = model;
    // What changes all the time is drawn in place, so that nothing is taken from under the pointer or the keyboard.
    const mark = JSON.stringify({ ...model, running: null, done_bytes: 0, total_bytes: 0 });
    if (mark !== this.mark) this.#build(mark);
    this.#drawRunning();
    this.drawProgress(model.done_bytes, model.total_bytes);
  }

  drawProgress(doneBytes, totalBytes) {
    if (totalBytes) Object.assign(this.progress, { max: totalBytes, value: Math.min(doneBytes, totalBytes) });
    else this.progress.removeAttribute("value");
    setText(this.arrived, totalBytes ? `${bytes(doneBytes)} of ${bytes(totalBytes)}` : bytes(doneBytes));
  }

  #build(mark) {
    const { model } = this;
    this.mark = mark;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    const [word, tone] = STATES[model.state] ?? [model.state, "idle"];
    this.element.replaceChildren(
      h(
        "div",
        { class: "model__head" },
        h("h3", {}, model.name),
        h("span", { class: "badge-state", dataset: { tone } }, h("span", { class: "badge-state__dot" }), word),
      ),
      h("p", {}, model.purpose),
      h("p", { class: "model__facts muted" }, licenceWords(model), ` · ${sizeWords(model)} · `, h("span", { class: "break" }, model.file)),
      this.#stages(),
      this.running,
      ...this.#news(),
      isBusy(model) ? h("div", { class: "model__arriving" }, this.progress, this.arrived) : "",
      may("admin") ? h("div", { class: "model__actions" }, this.#actions()) : "",
    );
    if (focused) this.element.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  #stages() {
    const shown = this.model.stages.filter((stage) => !stage.is_hidden);
    if (!shown.length) return h("p", { class: "muted" }, "No switch uses it yet.");
    const chips = shown.map((stage) =>
      h("span", { class: `chip${stage.available ? "" : " is-waiting"}`, title: stage.available ? "" : "Not available yet" }, stage.label),
    );
    const lead = isHere(this.model) ? "Used by:" : this.#isAwaited() ? "Makes available:" : "For:";
    return h("p", { class: "model__stages" }, h("span", { class: "muted" }, lead), chips);
  }

  /** Whether a switch is waiting for this file. */
  #isAwaited() {
    return !isHere(this.model) && this.model.stages.some((stage) => !stage.available && !stage.is_hidden);
  }

  #news() {
    const { model } = this;
    const news = [];
    if (model.message) news.push(h("p", { class: "row-problem", role: "status" }, model.message));
    if (model.state === "damaged") news.push(h("p", { class: "row-problem" }, "The file is not what it should be. Download it again."));
    if (model.verdict === "good") news.push(h("p", { class: "muted" }, icon("check2-circle"), " Checksum verified"));
    if (!isHere(model) && model.is_own_export)
      news.push(h("p", { class: "muted" }, withCode(`Nobody publishes it. ${model.source} Then put it into MODELS_DIR or into the mirror.`)));
    return news;
  }

  #actions() {
    const { model, page } = this;
    const control = (name, iconName, words, onclick, kind = "btn-outline btn-sm") => {
      const made = button(iconName, words, { kind, "data-action": name, "aria-label": `${words}: ${model.name}` });
      made.addEventListener("click", () => onclick(made));
      return made;
    };
    if (isBusy(model)) {
      const stop = control("cancel", "x-lg", "Cancel", (made) => page.cancel(made, model));
      stop.disabled = model.state === "cancelling";
      return [stop];
    }
    const wantsFile = !isHere(model) || model.state === "damaged";
    // Only what something waits for calls for attention.
    const kind = `btn-sm ${this.#isAwaited() || model.state === "damaged" ? "btn-primary" : "btn-outline"}`;
    const words = isHere(model) ? "Download again" : "Download";
    return [
      wantsFile && model.places.length ? control("download", "download", words, () => page.download(model), kind) : null,
      isHere(model) ? control("verify", "check2-circle", "Verify", (made) => page.verify(made, model)) : null,
      model.can_remove ? control("remove", "trash", "Remove", (made) => page.remove(made, model)) : null,
    ];
  }

  #drawRunning() {
    const { running } = this.model;
    this.running.hidden = !running;
    if (!running) return;
    const rate = `${decimal(running.rate_hz, running.rate_hz < 10 ? 1 : 0)} a second`;
    setText(this.running, `Runs now on ${running.backend}: ${ms(running.p50_ms)} / ${ms(running.p95_ms)} ms, ${rate}`);
    this.running.title = "Half of the runs take up to the first figure, 95 of 100 up to the second.";
  }
}

class Models {
  constructor(root) {
    this.cards = new Map();
    this.models = [];
    this.choice = "all";
    this.summary = h("p", { class: "muted page-head__note", role: "status" });
    this.sync = button("arrow-repeat", "Bring from the mirror", { kind: "btn-outline", hidden: true, onclick: () => this.#sync() });
    this.segments = CHOICES.map(([value, words]) =>
      h("button", { type: "button", class: "btn btn-segment", onclick: () => this.#choose(value), dataset: { choice: value } }, words),
    );
    this.list = h("div", { class: "models" });
    const segments = h("div", { class: "segments", role: "group", "aria-label": "Which models" }, this.segments);
    root.append(
      h(
        "header",
        { class: "page-head" },
        h("h1", {}, "Models"),
        this.summary,
        h("div", { class: "page-head__end" }, this.sync, segments),
      ),
      h("p", { class: "muted lead-line" }, "Weight files for filters and analyzers. None is needed: every switch that shows no reason works without."),
      this.list,
    );
    this.#choose("all");
    const reload = throttle(() => this.load(), RELOAD_MS);
    this.timer = setInterval(() => document.hidden || this.load({ isQuiet: true }), RUNNING_POLL_MS);
    this.ends = [on("model", (event) => this.#heard(event, reload)), on("resync", reload)];
    this.load();
  }

  async load({ isQuiet = false } = {}) {
    let answer;
    try {
      answer = await api.get("/api/models");
    } catch (error) {
      if (!isQuiet) this.#showProblem(error);
      return;
    }
    if (this.isOver) return;
    this.models = answer.models;
    this.sync.hidden = !(answer.has_mirror && may("admin"));
    this.sync.disabled = answer.sync.state === "running";
    this.#draw();
  }

  #showProblem(error) {
    if (this.models.length) toastError("read the models", error);
    else this.list.replaceChildren(emptyState("wifi-off", "The list of models cannot be read", error.message));
  }

  #heard(event, reload) {
    if (event.state === "downloading") {
      const card = this.cards.get(event.name);
      if (card && isBusy(card.model)) card.drawProgress(event.done_bytes, event.total_bytes);
      else reload();
      return;
    }
    if (event.state === "ready") toast("good", `${event.name} is here`, "What needs it can be switched on now.");
    if (event.state === "failed") toast("bad", `${event.name} was not downloaded`, event.message);
    if (event.state === "synced") toast(event.is_failed ? "warn" : "good", "Models of the mirror", event.message);
    reload();
  }

  #choose(value) {
    this.choice = value;
    for (const one of this.segments) one.setAttribute("aria-pressed", String(one.dataset.choice === value));
    this.#draw();
  }

  #draw() {
    const here = this.models.filter((model) => isHere(model) && model.state !== "damaged");
    const total = here.reduce((sum, model) => sum + model.bytes, 0);
    setText(this.summary, this.models.length ? `${here.length} of ${plural(this.models.length, "model")} here, ${bytes(total)}` : "");
    const shown = this.models.filter((model) => this.choice === "all" || isHere(model) === (this.choice === "here"));
    const groups = new Map();
    for (const model of shown) groups.set(model.group, [...(groups.get(model.group) ?? []), this.#card(model)]);
    const mark = JSON.stringify([...groups].map(([title, cards]) => [title, cards.map((card) => card.model.name)]));
    if (mark === this.mark) return;
    this.mark = mark;
    const sections = [...groups].map(([title, cards]) =>
      h(
        "section",
        { "aria-label": title },
        h("h2", { class: "models__title" }, title),
        h(
          "ul",
          { class: "models__grid" },
          cards.map((card) => card.element),
        ),
      ),
    );
    const nothing = this.choice === "here" ? "No model is on this machine" : "Every model is on this machine";
    const empty = this.models.length
      ? emptyState("hdd", nothing, "Every default works without one. Download what you need under “All”.")
      : h("p", { class: "muted" }, "Reading the list…");
    this.list.replaceChildren(...(sections.length ? sections : [empty]));
  }

  #card(model) {
    const card = this.cards.get(model.name);
    if (card) card.draw(model);
    else this.cards.set(model.name, new ModelCard(model, this));
    return this.cards.get(model.name);
  }

  async download(model) {
    const body = await askForDownload(model);
    if (!body) return;
    try {
      await api.post(pathOf(model, "download"), body);
    } catch (error) {
      toastError(`download ${model.name}`, error);
    }
    await this.load();
  }

  cancel(control, model) {
    return busy(control, "cancel the download", async () => {
      await api.post(pathOf(model, "cancel"));
      await this.load();
    });
  }

  verify(control, model) {
    return busy(control, `verify ${model.name}`, async () => {
      const answer = await api.post(pathOf(model, "verify"));
      toast(answer.success ? "good" : "bad", model.name, answer.message);
      await this.load();
    });
  }

  async remove(control, model) {
    const words = `${model.file} (${bytes(model.bytes)}) is deleted from this machine. What uses it goes on without it, or stops.`;
    if (!(await confirmAction(`Remove ${model.name}?`, words, "Remove"))) return;
    await busy(control, `remove ${model.name}`, async () => {
      await api.delete(pathOf(model));
      toast("good", `${model.name} is removed`);
    });
    await this.load();
  }

  async #sync() {
    const extras = this.models.filter((model) => model.is_extra && !isHere(model)).map((model) => model.name);
    const body = await askForSync(extras);
    if (!body) return;
    await busy(this.sync, "bring the models", () => api.post("/api/models/sync", body));
    await this.load();
  }

  dispose() {
    this.isOver = true;
    clearInterval(this.timer);
    for (const end of this.ends) end();
  }
}

export const modelsPage = {
  title: "Models",
  mount(root) {
    const models = new Models(root);
    return () => models.dispose();
  },
};

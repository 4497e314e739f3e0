// One filter or analyzer in the list: its switch, what it costs or would cost, its parameters behind it.
import { button, h, icon, setText } from "./dom.js";
import { paramField } from "./param_field.js";
import { may } from "./session.js";
import { previewWords } from "./stage_costs.js";
import { stages } from "./store.js";
import { count, decimal, isNumber, ms } from "./words.js";

const FRAME_BUDGET_MS = 33;
const HEAVY_SHARE = 0.5;
let made = 0;

/** What people call the stage of that name. */
export function labelOf(name) {
  return stages().find((stage) => stage.name === name)?.label ?? name;
}

function usesWords(stage) {
  const seen = (stage.uses ?? []).filter((name) => !stages().find((other) => other.name === name)?.is_hidden);
  return seen.length ? `Uses ${seen.map(labelOf).join(", ")}, which runs along with it.` : "";
}

export class StageRow {
  /**
   * @param {object} stage StageJson
   * @param {import("./options.js").Options} options
   * @param {{onSwitch?: Function, mayStart?: (stage: object) => Promise<boolean>}} on
   *   what its switch does instead of setting the option; whether it may be switched on
   */
  constructor(stage, options, { onSwitch, mayStart = async () => true } = {}) {
    Object.assign(this, { stage, options, onSwitch, mayStart });
    this.id = `stage-${(made += 1)}`;
    this.isOn = false;
    this.cost = h("span", { class: "stage__cost" });
    this.rate = h("span", { class: "stage__rate" });
    this.bar = h("i", {});
    this.problem = h("p", { class: "stage__problem", hidden: true });
    this.note = h("p", { class: "stage__note", hidden: true });
    this.fields = stage.params.map((param) => [param, paramField(param, (value) => options.set({ [param.key]: value }))]);
    this.element = h(
      "li",
      { class: "stage", dataset: { stage: stage.name } },
      this.#head(),
      this.note,
      this.problem,
      h("div", { class: "stage__bar" }, this.bar),
      this.#details(),
    );
    if (!stage.available) this.#showUnavailable();
    if (!may("operator")) this.#lock();
  }

  /** Whether the row is about `text` (lower case). */
  matches(text) {
    const { label, description, group, name, backend } = this.stage;
    return [label, description, group, name.replaceAll("_", " "), backend].join(" ").toLowerCase().includes(text);
  }

  #head() {
    const { stage } = this;
    this.toggle = h("input", {
      type: "checkbox",
      class: "form-check-input",
      role: "switch",
      id: this.id,
      "aria-describedby": `${this.id}-cost`,
    });
    this.toggle.addEventListener("change", () => this.#switched());
    const label = h("label", { class: "stage__label", for: this.id }, stage.label);
    const more = h(
      "button",
      {
        type: "button",
        class: "btn btn-quiet btn-sm stage__more collapsed",
        "data-bs-toggle": "collapse",
        "data-bs-target": `#${this.id}-more`,
        "aria-expanded": "false",
        "aria-controls": `${this.id}-more`,
        "aria-label": `Settings of ${stage.label}`,
      },
      icon("chevron-down"),
    );
    return h(
      "div",
      { class: "stage__head" },
      h("div", { class: "form-switch" }, this.toggle),
      label,
      h("span", { class: "stage__figures", id: `${this.id}-cost` }, this.cost, this.rate),
      more,
    );
  }

  #details() {
    const { stage } = this;
    const reset =
      stage.params.length && may("operator")
        ? button("arrow-counterclockwise", "Back to defaults", { kind: "btn-quiet btn-sm", onclick: () => this.#reset() })
        : null;
    const facts = [
      stage.kind === "filter" ? "filter" : "analyzer",
      stage.backend,
      stage.licence,
      isNumber(stage.rate_hz) && stage.kind === "analyzer" ? `up to ${stage.rate_hz} looks a second` : "",
    ];
    this.preview = h("p", { class: "stage__preview", hidden: true });
    const body = h(
      "div",
      { class: "stage__details" },
      h("p", { class: "stage__about" }, [stage.description, usesWords(stage)].filter(Boolean).join(" ")),
      this.preview,
      this.fields.map(([, field]) => field.element),
      h("div", { class: "stage__foot" }, h("span", { class: "muted" }, facts.filter(Boolean).join(" · ")), reset),
    );
    return h("div", { class: "collapse", id: `${this.id}-more` }, body);
  }

  #showUnavailable() {
    this.element.classList.add("is-unavailable");
    this.toggle.disabled = true;
    this.problem.hidden = false;
    // The first sentence says what is missing; how to get it stands behind the arrow.
    const reason = this.stage.reason || "Not available on this machine.";
    setText(this.problem, reason.match(/^.*?\.(?=\s|$)/)?.[0] ?? reason);
    this.preview.hidden = false;
    setText(this.preview, reason);
    for (const [, field] of this.fields) field.input.disabled = true;
  }

  #lock() {
    this.toggle.disabled = true;
    for (const [, field] of this.fields) field.input.disabled = true;
  }

  async #switched() {
    const { stage, options } = this;
    const wanted = this.toggle.checked;
    if (wanted && !(await this.mayStart(stage))) {
      this.toggle.checked = this.isOn;
      return;
    }
    if (this.onSwitch) {
      this.toggle.checked = this.isOn;
      this.onSwitch(wanted);
    } else if (stage.has_switch) options.set({ [stage.name]: wanted });
    // Without a switch of its own: off means neutral parameters; on opens them.
    else if (!wanted) this.#reset();
    else {
      window.bootstrap.Collapse.getOrCreateInstance(this.element.querySelector(".collapse")).show();
      this.toggle.checked = false;
    }
  }

  #reset() {
    this.options.set(Object.fromEntries(this.stage.params.map((param) => [param.key, param.default])));
  }

  drawOptions(values) {
    const { stage } = this;
    for (const [param, field] of this.fields) field.draw(values[param.key] ?? param.default);
    const isNeutral = stage.params.every((param) => (values[param.key] ?? param.default) === param.default);
    this.isOn = stage.has_switch ? Boolean(values[stage.name]) : !isNeutral;
    this.toggle.checked = this.isOn;
    // What is on but cannot run here may at least be switched off.
    if (!stage.available) this.toggle.disabled = !this.isOn || !may("operator");
    this.element.classList.toggle("is-on", this.isOn);
  }

  /** Show what the stage costs; `row` null when it does not run, `runsFor` names of the stages that make it run. */
  drawCost(row, runsFor = []) {
    const isRunning = Boolean(row) && (this.isOn || runsFor.length > 0);
    this.element.classList.toggle("is-failing", isRunning && row.state === "failing");
    this.note.hidden = this.isOn || !isRunning;
    setText(this.note, isRunning && !this.isOn ? `Runs for ${runsFor.map(labelOf).join(", ")}.` : "");
    if (this.stage.available) this.#drawProblem(isRunning ? row : null);
    if (!isRunning) {
      setText(this.cost, "");
      setText(this.rate, "");
      this.bar.style.width = "0";
      return;
    }
    this.#drawPreviewSentence("");
    this.element.classList.remove("is-preview");
    setText(this.cost, row.state === "loading" ? "loading…" : `${ms(row.p50_ms)} / ${ms(row.p95_ms)} ms`);
    setText(this.rate, row.state === "loading" ? "" : rateWords(row));
    this.cost.title = costTooltip(row);
    // A filter has the time between two pictures; an analyzer, beside the video, the time between two of its looks.
    const budget_ms = this.stage.kind === "analyzer" && this.stage.rate_hz ? 1000 / this.stage.rate_hz : FRAME_BUDGET_MS;
    const share = Math.min(1, (row.p95_ms ?? 0) / budget_ms);
    this.bar.style.width = `${Math.round(share * 100)}%`;
    this.bar.classList.toggle("is-heavy", share > HEAVY_SHARE);
  }

  /** Show what switching it on would cost, `running` being the names of what runs anyway. Only while it is off. */
  drawPreview(running) {
    const words = this.isOn || running.has(this.stage.name) || !this.stage.available ? null : previewWords(this.stage.name, running);
    this.element.classList.toggle("is-preview", Boolean(words));
    this.#drawPreviewSentence(words?.sentence ?? "");
    if (!words) return;
    setText(this.cost, words.look);
    setText(this.rate, words.share);
    this.cost.title = words.sentence;
  }

  #drawPreviewSentence(sentence) {
    if (!this.stage.available) return; // the reason stands there
    this.preview.hidden = !sentence;
    setText(this.preview, sentence);
  }

  #drawProblem(row) {
    const words =
      row?.state === "failing"
        ? `Not working: ${row.error || "it failed"}. It is tried again by itself.`
        : // Also what a running filter does less well than asked.
          (row?.error ?? "");
    this.problem.hidden = !words;
    setText(this.problem, words || "");
  }
}

function rateWords(row) {
  const parts = [];
  if (row.kind === "analyzer" && isNumber(row.rate_hz)) parts.push(`${decimal(row.rate_hz, row.rate_hz < 10 ? 1 : 0)}/s`);
  if (row.drops) parts.push(`${count(row.drops)} skipped`);
  return parts.join(" · ");
}

export function costTooltip(row) {
  return `Half of the runs take up to ${ms(row.p50_ms)} ms, 95 of 100 up to ${ms(row.p95_ms)} ms. ${row.frames ?? 0} runs, ${row.drops ?? 0} pictures skipped.`;
}

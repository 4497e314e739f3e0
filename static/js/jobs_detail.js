// One job: how far it is, what came out, what went wrong; cancel, try again, keep, delete.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { confirmAction } from "./confirm.js";
import { copyButton } from "./copying.js";
import { button, emptyState, h, icon, setText } from "./dom.js";
import { JobPreview } from "./jobs_preview.js";
import { JobResults } from "./jobs_results.js";
import { canRetry, inputWords, isOpen, kindLabel, nowWords, paramRows, stageLeft, stateBadge, took } from "./jobs_words.js";
import { on } from "./live.js";
import { go } from "./router.js";
import { toast, toastError } from "./toasts.js";
import { dateAndTime, plural } from "./words.js";

const CLOCK_MS = 1000;
const KIND_WITH_SHOTS = "showcase";
const STAGE_STATES = {
  waiting: ["Waits", "idle", "hourglass-split"],
  running: ["Running", "busy", "arrow-repeat"],
  done: ["Done", "good", "check-circle-fill"],
  skipped: ["Done before", "good", "check-circle-fill"],
  stopped: ["Stopped", "idle", "x-lg"],
  failed: ["Failed", "bad", "exclamation-octagon"],
};

const pathOf = (jobId, rest = "") => `/api/v1/jobs/${encodeURIComponent(jobId)}${rest ? `/${rest}` : ""}`;

function backLink() {
  return h("a", { class: "btn btn-quiet", href: "#/jobs" }, icon("arrow-left"), "Jobs");
}

function panel(title, ...content) {
  return h("section", { class: "panel", "aria-label": title }, h("h2", { class: "panel__title" }, title), content);
}

function factRows(rows) {
  return h(
    "dl",
    { class: "totals facts" },
    rows.map(([term, words]) => h("div", {}, h("dt", {}, term), h("dd", {}, words))),
  );
}

export class JobDetail {
  constructor(root, jobId) {
    this.root = root;
    this.jobId = jobId;
    this.kinds = [];
    this.job = null;
    this.ends = [on("job", (job) => job.job_id === jobId && this.#hear(job)), on("resync", () => this.#read())];
    this.clock = setInterval(() => this.#tick(), CLOCK_MS);
    this.#start();
  }

  async #start() {
    try {
      this.kinds = (await api.get("/api/v1/job_kinds")).kinds;
    } catch (error) {
      toastError("read the kinds of jobs", error);
    }
    await this.#read();
  }

  async #read() {
    try {
      const job = await api.get(pathOf(this.jobId));
      this.owner = job.owners?.[job.owner_id] ?? "";
      this.#draw(job);
    } catch (error) {
      if ([404, 422].includes(error.status)) this.#gone("There is no such job", "It was deleted, or its address is wrong.");
      else toastError("read the job", error);
    }
  }

  #hear(job) {
    if (job.status === "deleted") this.#gone("This job was deleted", "Its files are gone too.");
    // Before the first reading there is nothing to draw into; that reading tells the newest state.
    else if (this.job) this.#draw(job);
  }

  #gone(title, words) {
    this.job = null;
    const back = h("a", { class: "btn btn-primary", href: "#/jobs" }, "Show all jobs");
    this.root.replaceChildren(emptyState("film", title, words, back));
  }

  #build(job) {
    this.badge = h("span", {});
    this.actions = h("div", { class: "page-head__end" });
    this.progress = h("progress", { class: "job__progress", max: 100, "aria-label": "Progress of the job" });
    this.now = h("p", { class: "job__now", role: "status" });
    this.stages = h("ol", { class: "job-stages" });
    this.notices = h("div", { class: "job-notices" });
    this.failure = h("div", {});
    this.results = new JobResults();
    this.preview = new JobPreview();
    this.facts = h("div", {});
    this.log = h("pre", { class: "job-log", tabindex: "0", hidden: true, "aria-label": "Log" });
    const copyLog = copyButton(this.log, "Copy the log");
    copyLog.hidden = true;
    const showLog = button("card-text", "Show the log", { kind: "btn-outline btn-sm" });
    showLog.addEventListener("click", () => this.#showLog(showLog, copyLog));
    this.root.replaceChildren(
      h("header", { class: "page-head" }, backLink(), h("h1", { class: "break" }, inputWords(job)), this.badge, this.actions),
      h(
        "div",
        { class: "job-page" },
        h(
          "div",
          { class: "job-main" },
          this.failure,
          this.notices,
          this.results.element,
          panel("Progress", this.progress, this.now, this.preview.element, this.stages),
        ),
        h("div", { class: "job-side" }, panel("About this job", this.facts), panel("Log", h("div", { class: "job-actions" }, showLog, copyLog), this.log)),
      ),
    );
  }

  #draw(job) {
    const isFirst = this.job === null;
    this.job = job;
    if (isFirst) this.#build(job);
    this.badge.replaceChildren(stateBadge(job));
    this.progress.value = job.progress;
    this.progress.hidden = !isOpen(job);
    setText(this.now, nowWords(job));
    this.#drawStages();
    this.#drawNotices();
    this.#drawFailure();
    this.results.draw(job);
    this.preview.draw(job);
    this.#drawFacts();
    this.#drawActions();
  }

  #drawStages() {
    const { job } = this;
    const planned = this.kinds.find((kind) => kind.name === job.kind)?.stages ?? [];
    const stages = job.stages.length
      ? job.stages
      : planned.map((stage) => ({ ...stage, state: "waiting", progress: 0, message: "" }));
    // A job that was cancelled or lost ended in the middle of a stage.
    const ended = (stage) =>
      stage.state === "running" && !isOpen(job) ? { ...stage, state: "stopped", ended_at: job.completed_at } : stage;
    this.stages.replaceChildren(...stages.map((stage) => this.#stageRow(ended(stage))));
  }

  #stageRow(stage) {
    const [word, tone, iconName] = STAGE_STATES[stage.state] ?? [stage.state, "idle", "info-circle"];
    const isRunning = stage.state === "running";
    const time = stage.started_at && !["waiting", "skipped"].includes(stage.state) ? took(stage) : "";
    return h(
      "li",
      { class: "job-stage", dataset: { tone, stage: stage.name } },
      icon(iconName),
      h("strong", {}, stage.label),
      h(
        "span",
        { class: "muted" },
        [word, isRunning ? `${Math.floor(stage.progress)} %` : "", stageLeft(stage), stage.message].filter(Boolean).join(" · "),
      ),
      h("span", { class: "num muted", dataset: { time: stage.name } }, time),
    );
  }

  #drawNotices() {
    const rows = this.job.notices.map((words) =>
      h("p", { class: "job-notice" }, icon("exclamation-triangle"), h("span", {}, words)),
    );
    if (this.notices.children.length !== rows.length) this.notices.replaceChildren(...rows);
  }

  #drawFailure() {
    const { error } = this.job;
    const mark = JSON.stringify(error);
    if (mark === this.failureMark) return;
    this.failureMark = mark;
    if (!error) {
      this.failure.replaceChildren();
      return;
    }
    const stage = this.job.stages.find((one) => one.name === error.stage)?.label ?? error.stage;
    const block = (title, text) => {
      if (!text) return null;
      const shown = h("pre", { class: "job-log", tabindex: "0" }, text);
      return h("details", { class: "job-more", open: true }, h("summary", {}, title), shown, copyButton(shown));
    };
    const detail = typeof error.detail === "string" || !error.detail ? error.detail : JSON.stringify(error.detail, null, 2);
    const box = h(
      "section",
      { class: "panel job-failure", role: "alert" },
      h("h2", { class: "panel__title" }, icon("exclamation-octagon"), stage ? `It failed at “${stage}”` : "It failed"),
      h("p", { class: "break" }, error.message),
      block("The command", error.command),
      block("What it said", detail),
    );
    this.failure.replaceChildren(box);
  }

  #drawFacts() {
    const { job } = this;
    const kind = this.kinds.find((one) => one.name === job.kind);
    const hasEnded = !isOpen(job);
    const hasRun = job.started_at !== null && job.status !== "queued";
    const params = paramRows(kind, job.params);
    const rows = [
      ["Kind", kindLabel(this.kinds, job.kind)],
      [job.inputs.length === 1 ? "File" : "Files", job.inputs.join(", ")],
      ...params.chosen,
      ["Sent", dateAndTime(job.created_at)],
      this.owner ? ["Sent by", this.owner] : null,
      hasRun ? ["Started", dateAndTime(job.started_at)] : null,
      hasEnded ? ["Ended", dateAndTime(job.completed_at)] : null,
      hasRun ? [hasEnded ? "Took" : "Running for", h("span", {}, took(job))] : null,
      job.attempt > 1 ? ["Attempts", String(job.attempt)] : null,
    ].filter(Boolean);
    const mark = JSON.stringify(rows);
    if (mark === this.factsMark) return;
    this.factsMark = mark;
    const usual = h("details", { class: "job-more" }, h("summary", {}, "Other settings"), factRows(params.usual));
    this.facts.replaceChildren(factRows(rows), ...(params.usual.length ? [usual] : []));
  }

  /** What is running grows older between two messages. */
  #tick() {
    const { job } = this;
    if (job?.status !== "running") return;
    this.preview.draw(job);
    setText(this.facts.querySelector("dd > span"), took(job));
    for (const stage of job.stages.filter((one) => one.state === "running")) {
      setText(this.stages.querySelector(`[data-time="${CSS.escape(stage.name)}"]`), took(stage));
    }
  }

  #drawActions() {
    const { job } = this;
    const mark = JSON.stringify([job.status, job.is_pinned, job.is_cancel_wanted]);
    if (mark === this.actionsMark) return;
    this.actionsMark = mark;
    const focused = this.actions.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    const control = (name, iconName, words, act, kind = "btn-outline") => {
      const made = button(iconName, words, { kind, "data-action": name });
      made.addEventListener("click", () => act(made));
      return made;
    };
    const stop = isOpen(job) ? control("cancel", "x-lg", "Cancel", (made) => this.#cancel(made)) : null;
    if (stop) stop.disabled = job.is_cancel_wanted;
    const pin = control("pin", "pin-angle", "Keep", (made) => this.#pin(made));
    pin.setAttribute("aria-pressed", String(job.is_pinned));
    pin.title = job.is_pinned ? "It is kept until you delete it" : "Old jobs are deleted by themselves; this one would be kept";
    // Also when no shot was good enough: some may be put in all the same.
    const hasShots = job.kind === KIND_WITH_SHOTS && (job.status === "succeeded" || job.error?.code === "nothing_chosen");
    const shots = h(
      "a",
      { class: "btn btn-primary", href: `#/jobs/${job.job_id}/shots`, "data-action": "shots" },
      icon("sliders"),
      h("span", {}, "Choose other shots"),
    );
    const shown = [
      hasShots ? shots : null,
      stop,
      canRetry(job) ? control("retry", "arrow-repeat", "Try again", (made) => this.#retry(made)) : null,
      pin,
      isOpen(job) ? null : control("delete", "trash", "Delete", (made) => this.#delete(made), "btn-outline btn-outline--bad"),
    ];
    this.actions.replaceChildren(...shown.filter(Boolean));
    if (focused) (this.actions.querySelector(`[data-action="${focused}"]`) ?? this.actions.firstElementChild)?.focus();
  }

  async #cancel(control) {
    const words = "What it has made so far is not handed out. You can try it again later: stages that are done are not done again.";
    if (!(await confirmAction("Cancel this job?", words, "Cancel the job"))) return;
    await busy(control, "cancel the job", async () => this.#draw(await api.post(pathOf(this.jobId, "cancel"))));
  }

  #retry(control) {
    return busy(control, "try the job again", async () => this.#draw(await api.post(pathOf(this.jobId, "retry"))));
  }

  #pin(control) {
    const pinned = !this.job.is_pinned;
    return busy(control, "keep the job", async () => this.#draw(await api.post(pathOf(this.jobId, "pin"), { pinned })));
  }

  async #delete(control) {
    const results = this.job.outputs.length ? `, its ${plural(this.job.outputs.length, "result")}` : "";
    const words = `The job${results} and the footage sent with it are removed for good.`;
    if (!(await confirmAction("Delete this job?", words, "Delete"))) return;
    await busy(control, "delete the job", async () => {
      await api.delete(pathOf(this.jobId));
      toast("good", "Job deleted");
      go("jobs");
    });
  }

  #showLog(control, copy) {
    return busy(control, "read the log", async () => {
      const text = await api.text(pathOf(this.jobId, "log"));
      setText(this.log, text || "Nothing was written yet.");
      this.log.hidden = false;
      copy.hidden = false;
      this.log.scrollTop = this.log.scrollHeight;
      setText(control.querySelector("span"), "Read the log again");
    });
  }

  dispose() {
    clearInterval(this.clock);
    this.preview?.dispose();
    for (const end of this.ends) end();
  }
}

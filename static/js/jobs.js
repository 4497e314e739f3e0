// Batch jobs: what runs, what waits, what is done. One address for the list, one for a new job, one for each job.
import { api } from "./api.js";
import { button, emptyState, h, icon, setText, throttle } from "./dom.js";
import { JobDetail } from "./jobs_detail.js";
import { NewJob } from "./jobs_new.js";
import { ago, inputWords, isOpen, JOB_STATES, kindLabel, nowWords, stateBadge, stateOf } from "./jobs_words.js";
import { on } from "./live.js";
import { toastError } from "./toasts.js";
import { dateAndTime, plural } from "./words.js";

const PAGE_SIZE = 30;
const RECOUNT_MS = 1000;
const AGES_MS = 15_000;
const WHAT_FOR =
  "A job works on whole films: it finds people, vehicles and motion in them, makes an annotated film, or converts them. " +
  "Send your footage; it goes on while you do something else, and the results are kept here.";

function select(label, everything, choices, onChange) {
  const made = h(
    "select",
    { class: "form-select form-select-sm", "aria-label": label },
    h("option", { value: "" }, everything),
    choices.map(([value, word]) => h("option", { value }, word)),
  );
  made.addEventListener("change", () => onChange(made.value));
  return made;
}

class JobRow {
  constructor(job, kinds) {
    this.kinds = kinds;
    this.name = h("a", { class: "job__name break", href: `#/jobs/${job.job_id}` }, inputWords(job));
    this.badge = h("span", { class: "job__badge" });
    this.facts = h("p", { class: "job__facts muted" });
    this.progress = h("progress", { class: "job__progress", max: 100, "aria-label": `Progress of ${inputWords(job)}` });
    this.percent = h("span", { class: "num muted" });
    this.bar = h("div", { class: "job__bar" }, this.progress, this.percent);
    this.now = h("p", { class: "job__now" });
    this.element = h(
      "li",
      { class: "job", dataset: { job: job.job_id } },
      h("div", { class: "job__head" }, this.name, this.badge),
      this.facts,
      this.bar,
      this.now,
    );
    this.draw(job);
  }

  draw(job) {
    this.job = job;
    const mark = stateOf(job).join();
    if (mark !== this.mark) this.badge.replaceChildren(stateBadge(job));
    this.mark = mark;
    this.element.dataset.status = job.status;
    this.bar.hidden = !isOpen(job);
    this.progress.value = job.progress;
    setText(this.percent, `${Math.floor(job.progress)} %`);
    setText(this.now, nowWords(job));
    this.now.classList.toggle("is-bad", stateOf(job)[1] === "bad");
    this.drawAge();
  }

  drawAge() {
    const { job } = this;
    const parts = [kindLabel(this.kinds, job.kind), plural(job.inputs.length, "file"), ago(job.created_at)];
    if (job.is_pinned) parts.push("kept");
    if (job.notices.length) parts.push(plural(job.notices.length, "notice"));
    setText(this.facts, parts.join(" · "));
    this.facts.title = `Sent ${dateAndTime(job.created_at)}`;
  }
}

class JobList {
  constructor(root) {
    this.rows = new Map();
    this.kinds = [];
    this.filter = { status: "", kind: "" };
    this.next = null;
    this.summary = h("p", { class: "muted page-head__note", role: "status" });
    const fresh = h("a", { class: "btn btn-primary", href: "#/jobs/new" }, icon("plus-lg"), h("span", {}, "New job"));
    this.filters = h("div", { class: "page-head__end jobs-filters" }, fresh);
    this.list = h("ul", { class: "jobs", "aria-label": "Jobs" });
    this.nothing = h("div", {});
    this.more = button("chevron-down", "Show older jobs", { kind: "btn-outline", hidden: true, onclick: () => this.#append() });
    root.append(
      h("header", { class: "page-head" }, h("h1", {}, "Jobs"), this.summary, this.filters),
      this.list,
      this.nothing,
      h("div", { class: "page-more" }, this.more),
    );
    const recount = throttle(() => this.#recount(), RECOUNT_MS);
    this.ends = [on("job", (job) => this.#hear(job, recount)), on("resync", () => this.load())];
    this.ages = setInterval(() => this.rows.forEach((row) => row.drawAge()), AGES_MS);
    this.#start();
  }

  async #start() {
    try {
      this.kinds = (await api.get("/api/v1/job_kinds")).kinds;
    } catch (error) {
      toastError("read the kinds of jobs", error);
    }
    const choose = (name) => (value) => {
      this.filter[name] = value;
      this.load();
    };
    const states = Object.entries(JOB_STATES).map(([state, [word]]) => [state, word]);
    this.filters.prepend(
      select("Status", "Any status", states, choose("status")),
      select(
        "Kind",
        "All kinds",
        this.kinds.map((kind) => [kind.name, kind.label]),
        choose("kind"),
      ),
    );
    await this.load();
  }

  async load() {
    const asked = (this.asked = {});
    const page = await this.#page(null);
    if (!page || asked !== this.asked) return;
    this.rows.clear();
    this.list.replaceChildren();
    this.#take(page);
  }

  async #append() {
    const asked = this.asked;
    const page = await this.#page(this.next);
    if (page && asked === this.asked) this.#take(page);
  }

  async #page(before) {
    try {
      return await api.get("/api/v1/jobs/", { ...this.filter, limit: PAGE_SIZE, before });
    } catch (error) {
      toastError("read the jobs", error);
      return null;
    }
  }

  #take(page) {
    for (const job of page.jobs) this.#put(job);
    this.next = page.next;
    this.more.hidden = !page.next;
    this.#tell(page.counts);
    this.#drawNothing();
  }

  /** The row of a job, new or drawn anew; newest first. */
  #put(job) {
    const known = this.rows.get(job.job_id);
    if (known) {
      known.draw(job);
      return;
    }
    const row = new JobRow(job, this.kinds);
    const older = [...this.list.children].find((element) => this.rows.get(element.dataset.job).job.created_at < job.created_at);
    this.list.insertBefore(row.element, older ?? null);
    this.rows.set(job.job_id, row);
  }

  #hear(job, recount) {
    const before = this.rows.get(job.job_id)?.job.status;
    if (this.#belongs(job)) this.#put(job);
    else this.#drop(job.job_id);
    if (before !== job.status) recount();
    this.#drawNothing();
  }

  /** Whether a job is one of those shown: it fits the filter, and is not older than the part that was read. */
  #belongs(job) {
    const { status, kind } = this.filter;
    if (job.status === "deleted" || (status && job.status !== status) || (kind && job.kind !== kind)) return false;
    return !this.next || job.created_at >= this.next;
  }

  #drop(jobId) {
    this.rows.get(jobId)?.element.remove();
    this.rows.delete(jobId);
  }

  async #recount() {
    try {
      this.#tell((await api.get("/api/v1/jobs/", { limit: 1 })).counts);
    } catch {
      // The next change counts again; the rows themselves are right.
    }
  }

  #tell(counts) {
    const parts = ["running", "queued", "waiting_external"].filter((state) => counts[state]);
    const words = parts.map((state) => `${counts[state]} ${JOB_STATES[state][0].toLowerCase()}`);
    setText(this.summary, words.join(", ") || "Nothing running");
  }

  #drawNothing() {
    const isEmpty = !this.rows.size;
    this.list.hidden = isEmpty;
    if (!isEmpty) {
      this.nothing.replaceChildren();
      return;
    }
    if (this.nothing.children.length && this.nothing.dataset.filter === JSON.stringify(this.filter)) return;
    this.nothing.dataset.filter = JSON.stringify(this.filter);
    const isFiltered = this.filter.status || this.filter.kind;
    const send = h("a", { class: "btn btn-primary", href: "#/jobs/new" }, "Send footage");
    this.nothing.replaceChildren(
      isFiltered
        ? emptyState("funnel", "No such jobs", "Choose another status or kind.")
        : emptyState("film", "No jobs yet", WHAT_FOR, send),
    );
  }

  dispose() {
    clearInterval(this.ages);
    for (const end of this.ends) end();
  }
}

function partFor(root, jobId) {
  if (jobId === "new") return new NewJob(root);
  return jobId ? new JobDetail(root, jobId) : new JobList(root);
}

export const jobsPage = {
  title: "Jobs",
  mount(root, jobId) {
    const part = partFor(root, jobId);
    return () => part.dispose();
  },
};

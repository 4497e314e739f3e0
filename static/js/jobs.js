// Batch jobs: what runs, what waits, what is done. One address for the list, one for a new job, one for each job.
import { api } from "./api.js";
import { button, debounce, emptyState, h, icon, setText, throttle } from "./dom.js";
import { JobChoice } from "./jobs_choice.js";
import { JobDetail } from "./jobs_detail.js";
import { NewJob } from "./jobs_new.js";
import { JobShots } from "./jobs_shots.js";
import { ago, inputWords, isOpen, JOB_STATES, kindLabel, nowWords, stateBadge, stateOf } from "./jobs_words.js";
import { on } from "./live.js";
import { toastError } from "./toasts.js";
import { dateAndTime, plural } from "./words.js";

const PAGE_SIZE = 30;
const RECOUNT_MS = 1000;
const SEARCH_MS = 300;
const AGES_MS = 15_000;
const WHAT_FOR =
  "A job works on whole films: it cuts the best shots of a house into a film, packs clips and boxes for annotation, " +
  "finds people, vehicles and motion, or converts films for the web. " +
  "Send your footage; it goes on while you do something else, and the results are kept here.";

function select(label, onChange) {
  const made = h("select", { class: "form-select form-select-sm", "aria-label": label });
  made.addEventListener("change", () => onChange(made.value));
  return made;
}

/** Put `choices`, `[value, word]`, into a select; what is chosen stays chosen. */
function offer(made, choices) {
  const { value } = made;
  made.replaceChildren(...choices.map(([one, word]) => h("option", { value: one }, word)));
  made.value = value;
}

class JobRow {
  constructor(job, kinds, owners) {
    this.kinds = kinds;
    this.owners = owners;
    this.choice = h("input", {
      type: "checkbox",
      class: "form-check-input job__choice",
      "aria-label": `Choose ${inputWords(job)}`,
      hidden: true,
    });
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
      h("div", { class: "job__head" }, this.choice, this.name, this.badge),
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

  /** Whether it may be chosen for deleting; one that is kept must be let go first. */
  get isDeletable() {
    return !isOpen(this.job) && !this.job.is_pinned;
  }

  offerChoice(isChoosing) {
    this.choice.hidden = !isChoosing || !this.isDeletable;
    if (this.choice.hidden) this.choice.checked = false;
  }

  drawAge() {
    const { job } = this;
    const parts = [kindLabel(this.kinds, job.kind), plural(job.inputs.length, "file"), ago(job.created_at)];
    if (this.owners[job.owner_id]) parts.push(`by ${this.owners[job.owner_id]}`);
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
    this.owners = {};
    this.filter = { status: "", kind: "", q: "" };
    this.next = null;
    this.summary = h("p", { class: "muted page-head__note", role: "status" });
    this.list = h("ul", { class: "jobs", "aria-label": "Jobs" });
    this.nothing = h("div", {});
    this.more = button("chevron-down", "Show older jobs", { kind: "btn-outline", hidden: true, onclick: () => this.#append() });
    this.choosing = new JobChoice(this.list, () => [...this.rows.values()], () => this.load());
    root.append(
      h("header", { class: "page-head" }, h("h1", {}, "Jobs"), this.summary, this.#controls()),
      this.choosing.bar,
      this.list,
      this.nothing,
      h("div", { class: "page-more" }, this.more),
      h("p", { class: "muted jobs-note" }, "Every operator sees all jobs, whoever sent them."),
    );
    const recount = throttle(() => this.#recount(), RECOUNT_MS);
    this.ends = [on("job", (job) => this.#hear(job, recount)), on("resync", () => this.load())];
    this.ages = setInterval(() => this.rows.forEach((row) => row.drawAge()), AGES_MS);
    this.#start();
  }

  #controls() {
    const choose = (name) => (value) => {
      this.filter[name] = value;
      this.load();
    };
    this.states = select("Status", choose("status"));
    this.kindChoice = select("Kind", choose("kind"));
    const search = h("input", {
      type: "search",
      class: "form-control form-control-sm",
      placeholder: "Name of a file",
      "aria-label": "Find by the name of a file",
      maxlength: "100",
    });
    const find = debounce(() => choose("q")(search.value.trim()), SEARCH_MS);
    search.addEventListener("input", find);
    const fresh = h("a", { class: "btn btn-primary", href: "#/jobs/new" }, icon("plus-lg"), h("span", {}, "New job"));
    return h("div", { class: "page-head__end jobs-filters" }, search, this.states, this.kindChoice, this.choosing.start, fresh);
  }

  async #start() {
    try {
      this.kinds = (await api.get("/api/v1/job_kinds")).kinds;
    } catch (error) {
      toastError("read the kinds of jobs", error);
    }
    offer(this.kindChoice, [["", "All kinds"], ...this.kinds.map((kind) => [kind.name, kind.label])]);
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
    Object.assign(this.owners, page.owners);
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
      this.choosing.draw();
      return;
    }
    const row = new JobRow(job, this.kinds, this.owners);
    const older = [...this.list.children].find((element) => this.rows.get(element.dataset.job).job.created_at < job.created_at);
    this.list.insertBefore(row.element, older ?? null);
    this.rows.set(job.job_id, row);
    this.choosing.draw();
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
    const { status, kind, q } = this.filter;
    if (job.status === "deleted" || (status && job.status !== status) || (kind && job.kind !== kind)) return false;
    if (q && !job.inputs.some((name) => name.toLowerCase().includes(q.toLowerCase()))) return false;
    return !this.next || job.created_at >= this.next;
  }

  #drop(jobId) {
    this.rows.get(jobId)?.element.remove();
    this.rows.delete(jobId);
    this.choosing.draw();
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
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const states = Object.entries(JOB_STATES).filter(([state]) => counts[state] || state === this.filter.status);
    offer(this.states, [["", `Any status (${all})`], ...states.map(([state, [word]]) => [state, `${word} (${counts[state] ?? 0})`])]);
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
    const isFiltered = this.filter.status || this.filter.kind || this.filter.q;
    const send = h("a", { class: "btn btn-primary", href: "#/jobs/new" }, "Send footage");
    this.nothing.replaceChildren(
      isFiltered
        ? emptyState("funnel", "No such jobs", "Choose another status or kind, or search for another name.")
        : emptyState("film", "No jobs yet", WHAT_FOR, send),
    );
  }

  dispose() {
    clearInterval(this.ages);
    for (const end of this.ends) end();
  }
}

function partFor(root, jobId, part) {
  if (jobId === "new") return new NewJob(root);
  if (jobId && part === "shots") return new JobShots(root, jobId);
  return jobId ? new JobDetail(root, jobId) : new JobList(root);
}

export const jobsPage = {
  title: "Jobs",
  mount(root, jobId, part) {
    const shown = partFor(root, jobId, part);
    return () => shown.dispose();
  },
};

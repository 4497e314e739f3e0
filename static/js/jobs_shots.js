// The shots of a showcase: why each is in the film or not; taking others, in another order, and making the film again.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { button, emptyState, h, icon, setText } from "./dom.js";
import { aboutTime } from "./jobs_words.js";
import { go, guardLeaving } from "./router.js";
import { confirmAction } from "./confirm.js";
import { toast, toastError } from "./toasts.js";
import { decimal, duration, humanise, isNumber, plural } from "./words.js";

const SHORTEST_S = 3;
const LONGEST_S = 600;
/** Left out at both ends of every shot, and the most that two shots share. */
const INSETS_S = 0.16;
const MOST_SHARED = 0.3;
const PARTS = {
  aesthetic: "Looks",
  technical: "Free of faults",
  smooth: "Steady",
  room: "Sure of the room",
  objects: "Furniture",
};
const MEANS = {
  rooms: "Rooms",
  objects: "Objects",
  aesthetic: "Looks",
  technical: "Faults",
  shots: "Cuts",
  motion: "Movement",
  duplicates: "Look-alikes",
};

const ROOMS = { living: "Living room", dining: "Dining room", laundry: "Laundry room", unknown: "Room unknown" };

const numbersOf = (text) => (String(text).match(/\d+/g) ?? []).map(Number);
const roomWords = (shot) => ROOMS[shot.room] ?? humanise(shot.room);
const nameOf = (shot) => `shot ${shot.number}, ${roomWords(shot).toLowerCase()}`;

function picture(shot) {
  const image = h("img", { src: shot.picture, alt: "", loading: "lazy", decoding: "async" });
  // Of a job that ran on another machine only the list is here.
  image.addEventListener("error", () => image.replaceWith(h("span", { class: "shot-card__blank" }, icon("film"))), { once: true });
  return h("span", { class: "shot-card__picture" }, image, h("span", { class: "shot-card__number num" }, shot.number));
}

function scores(shot) {
  const row = (name, value) =>
    h(
      "div",
      {},
      h("dt", {}, PARTS[name] ?? humanise(name)),
      h("dd", {}, h("meter", { min: 0, max: 1, value, "aria-label": PARTS[name] ?? name }), h("span", { class: "num" }, decimal(value, 2))),
    );
  return h(
    "details",
    { class: "shot-card__scores" },
    h("summary", {}, `Score ${decimal(shot.score, 2)}`),
    h(
      "dl",
      {},
      Object.entries(shot.parts).map(([name, value]) => row(name, value)),
    ),
  );
}

/** What stands beside a picture: room, place in the footage, reasons. */
function words(shot, why) {
  const sure = isNumber(shot.room_score) && shot.room !== "unknown" ? ` (${Math.round(shot.room_score * 100)} % sure)` : "";
  return h(
    "div",
    { class: "shot-card__words" },
    h("p", {}, h("strong", {}, roomWords(shot)), h("span", { class: "muted" }, sure)),
    h(
      "p",
      { class: "muted break" },
      `${shot.input_name} · ${duration(shot.start_s)} to ${duration(shot.end_s)} · ${decimal(shot.end_s - shot.start_s)} s`,
    ),
    h("p", { class: "shot-card__why" }, why),
    scores(shot),
  );
}

export class JobShots {
  constructor(root, jobId) {
    this.root = root;
    this.jobId = jobId;
    this.film = [];
    this.bans = new Set();
    this.unguard = null;
    this.#start();
  }

  async #start() {
    const path = `/api/v1/jobs/${encodeURIComponent(this.jobId)}`;
    try {
      const [told, job] = await Promise.all([api.get(`${path}/shots`), api.get(path)]);
      this.job = job;
      this.shots = new Map(told.shots.map((shot) => [shot.number, shot]));
      this.means = told.means;
      this.#take(told);
      this.#build();
    } catch (error) {
      if (![404, 422].includes(error.status)) {
        toastError("read the shots", error);
        return;
      }
      const back = h("a", { class: "btn btn-primary", href: `#/jobs/${this.jobId}` }, "Back to the job");
      this.root.replaceChildren(emptyState("film", "No shots", error.message, back));
    }
  }

  /** Begin with what the job has chosen. */
  #take(told) {
    this.before = told.shots
      .filter((shot) => shot.is_chosen)
      .toSorted((a, b) => a.order - b.order)
      .map((shot) => shot.number);
    this.film = [...this.before];
    this.bansBefore = numbersOf(told.bans);
    this.bans = new Set(this.bansBefore);
  }

  #build() {
    const back = h("a", { class: "btn btn-quiet", href: `#/jobs/${this.jobId}` }, icon("arrow-left"), "Job");
    this.make = button("film", "Make the film again", { kind: "btn-primary", onclick: () => this.#again() });
    this.reset = button("arrow-counterclockwise", "As it was", { kind: "btn-outline", onclick: () => this.#undo() });
    this.length = h("p", { class: "muted page-head__note", role: "status" });
    this.said = h("p", { class: "visually-hidden", role: "status" });
    this.filmList = h("ol", { class: "shot-film", "aria-label": "Shots of the film, in order" });
    this.restTitle = h("h2", { class: "section-title" });
    this.restList = h("ul", { class: "shot-rest", "aria-label": "Shots that are left out" });
    this.root.replaceChildren(
      h(
        "header",
        { class: "page-head" },
        back,
        h("h1", {}, "Shots of the film"),
        this.length,
        h("div", { class: "page-head__end" }, this.reset, this.make),
      ),
      h(
        "p",
        { class: "lead-line" },
        "Drag shots into another order, leave some out, put others in. The film then shows exactly these; the footage is not looked at again.",
      ),
      this.#meansLine(),
      this.filmList,
      this.restTitle,
      this.restList,
      this.said,
    );
    this.#draw();
  }

  #meansLine() {
    const told = Object.entries(this.means)
      .filter(([, by]) => by)
      .map(([what, by]) => `${MEANS[what] ?? humanise(what)}: ${by}`);
    return h(
      "p",
      { class: "muted shot-means" },
      `Told by: ${told.join(" · ")}. `,
      h("a", { href: "#/doctor" }, "What could be better"),
    );
  }

  #draw() {
    const focused = this.root.contains(document.activeElement) ? { ...document.activeElement.dataset } : null;
    this.filmList.replaceChildren(...this.film.map((number, place) => this.#filmRow(this.shots.get(number), place)));
    const rest = [...this.shots.values()].filter((shot) => !this.film.includes(shot.number));
    this.restList.replaceChildren(...rest.map((shot) => this.#restCard(shot)));
    setText(this.restTitle, rest.length ? `Left out (${rest.length})` : "Nothing is left out");
    const isChanged = this.#isChanged();
    this.make.disabled = !isChanged || !this.film.length;
    this.reset.disabled = !isChanged;
    const shown = `${plural(this.film.length, "shot")}, about ${Math.round(this.#filmS())} s`;
    setText(this.length, this.film.length ? shown : "A film needs one shot at least");
    if (isChanged) this.unguard ??= guardLeaving(() => this.#mayLeave());
    else this.#letGo();
    if (focused?.way) this.#focus(focused);
  }

  /** A moved row takes the focus along; a button at the end of the list is disabled, its neighbour is not. */
  #focus({ shot, way }) {
    const row = this.root.querySelector(`[data-card="${shot}"]`);
    (row?.querySelector(`button[data-way="${way}"]:not(:disabled)`) ?? row?.querySelector("button:not(:disabled)"))?.focus();
  }

  #filmRow(shot, place) {
    const move = (way, step) =>
      button("chevron-down", `Move ${nameOf(shot)} ${way}`, {
        iconOnly: true,
        kind: `btn-quiet btn-sm order__${way}`,
        disabled: this.film[place + step] === undefined,
        "data-way": way,
        "data-shot": shot.number,
        onclick: () => this.#move(place, step),
      });
    const handle = h("span", { class: "order__handle", title: "Drag", "aria-hidden": "true" }, icon("list"));
    const out = button("x-lg", `Leave out ${nameOf(shot)}`, {
      iconOnly: true,
      kind: "btn-quiet btn-sm",
      "data-way": "out",
      "data-shot": shot.number,
      onclick: () => this.#leaveOut(shot),
    });
    // The room stands above already.
    const reasons = shot.reasons.filter((_, index) => shot.reason_codes?.[index] !== "room");
    const why = shot.is_chosen ? `Chosen: ${reasons.join(", ")}.` : "You put it in.";
    const row = h(
      "li",
      { class: "shot-card", dataset: { card: shot.number } },
      handle,
      h("span", { class: "shot-card__place num" }, place + 1),
      picture(shot),
      words(shot, why),
      h("div", { class: "shot-card__do" }, move("up", -1), move("down", 1), out),
    );
    handle.addEventListener("pointerdown", (event) => this.#drag(event, row));
    return row;
  }

  #restCard(shot) {
    const because = this.bans.has(shot.number) ? "you left it out" : shot.left_out_because;
    return h(
      "li",
      { class: "shot-card shot-card--rest", dataset: { card: shot.number } },
      picture(shot),
      words(shot, because ? `Left out: ${because}.` : ""),
      h(
        "div",
        { class: "shot-card__do" },
        button("plus-lg", "Put in", {
          kind: "btn-outline btn-sm",
          "aria-label": `Put in ${nameOf(shot)}`,
          "data-way": "in",
          "data-shot": shot.number,
          onclick: () => this.#putIn(shot),
        }),
      ),
    );
  }

  #move(place, step) {
    const film = [...this.film];
    [film[place], film[place + step]] = [film[place + step], film[place]];
    this.film = film;
    this.#draw();
    setText(this.said, `${nameOf(this.shots.get(film[place + step]))} is number ${place + step + 1} now.`);
  }

  #leaveOut(shot) {
    this.film = this.film.filter((number) => number !== shot.number);
    this.bans.add(shot.number);
    this.#draw();
    setText(this.said, `${nameOf(shot)} is left out.`);
  }

  #putIn(shot) {
    this.film = [...this.film, shot.number];
    this.bans.delete(shot.number);
    this.#draw();
    setText(this.said, `${nameOf(shot)} is the last of the film.`);
  }

  #drag(event, row) {
    if (event.button !== 0) return;
    event.preventDefault();
    row.classList.add("is-dragged");
    const follow = (moved) => {
      const others = [...this.filmList.children].filter((one) => one !== row);
      const next = others.find((one) => {
        const box = one.getBoundingClientRect();
        return moved.clientY < box.top + box.height / 2;
      });
      if (row.nextElementSibling !== (next ?? null)) this.filmList.insertBefore(row, next ?? null);
    };
    const drop = (ended) => {
      document.removeEventListener("pointermove", follow);
      for (const end of ["pointerup", "pointercancel"]) document.removeEventListener(end, drop);
      row.classList.remove("is-dragged");
      if (ended.type === "pointerup") this.film = [...this.filmList.children].map((one) => Number(one.dataset.card));
      this.#draw();
    };
    // Not captured by the handle: a row that moves in the page loses its capture.
    document.addEventListener("pointermove", follow);
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, drop);
  }

  #undo() {
    this.film = [...this.before];
    this.bans = new Set(this.bansBefore);
    this.#draw();
  }

  #isChanged() {
    return this.film.join() !== this.before.join();
  }

  /** What each shot of the film comes to in its best part, `cut_s` shorter. */
  #lengths(cut_s = 0) {
    const most = this.job.params.shot_s ?? Infinity;
    return this.film.map((number) => {
      const { start_s: start, end_s: end } = this.shots.get(number);
      return Math.min(end - start - cut_s, most);
    });
  }

  /** About how long the film is: each transition takes a part of two shots. */
  #filmS() {
    const lengths = this.#lengths(INSETS_S);
    const { transition, transition_s: shared = 0 } = this.job.params;
    const lost = transition === "none" ? 0 : Math.min(shared, MOST_SHARED * Math.min(...lengths));
    return lengths.reduce((sum, length) => sum + length, 0) - lost * (lengths.length - 1);
  }

  #mayLeave() {
    return confirmAction("Leave the shots as they are?", "What you changed here is lost.", "Leave");
  }

  #letGo() {
    this.unguard?.();
    this.unguard = null;
  }

  #again() {
    return busy(this.make, "make the film again", async () => {
      // A film that is just as long as its pinned shots has no room for any other.
      const sum = this.#lengths().reduce((before, length) => before + length, 0);
      const target = Math.min(LONGEST_S, Math.max(SHORTEST_S, Math.floor(sum)));
      const params = {
        pins: this.film.join(", "),
        bans: [...this.bans].join(", "),
        order: this.film.join(", "),
        target_s: target,
      };
      const made = await api.post(`/api/v1/jobs/${encodeURIComponent(this.jobId)}/again`, { params });
      const left = made.estimated_completion - Date.now() / 1000;
      toast("good", "The film is made again", left > 0 ? `It takes ${aboutTime(left)} at most.` : "");
      this.#letGo();
      go(`jobs/${made.job_id}`);
    });
  }

  dispose() {
    this.#letGo();
  }
}

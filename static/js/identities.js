// The people that are recognised: enrol, rename, forget. Names and numbers only; no picture of anybody is kept.
import { api } from "./api.js";
import { confirmAction } from "./confirm.js";
import { cancelButton, openDialog } from "./dialog.js";
import { button, dataTable, emptyState, h, icon, setText } from "./dom.js";
import { openFaces } from "./enrol_face.js";
import { openEnrolment } from "./enrol_pictures.js";
import { follow, on } from "./live.js";
import { may } from "./session.js";
import { allCameras, cameraName, onCameras } from "./store.js";
import { toast, toastError } from "./toasts.js";
import { count, dateAndTime, plural } from "./words.js";

/** Somebody who stays is told of once only: a message that is lost must not leave the list wrong for long. */
const REFRESH_MS = 30_000;

class People {
  constructor(root) {
    this.reason = h("p", { class: "people__reason", role: "status", hidden: true });
    this.body = h("tbody", {});
    this.table = dataTable(["Name", "Pictures", "Added", "Last seen", ""], this.body);
    this.nothing = h("div", {});
    root.append(this.#head(), this.reason, this.table, this.nothing, this.#note());
    this.followed = new Map();
    this.sightings = new Map();
    this.ends = [
      onCameras(() => this.#followAll()),
      on("resync", () => this.load()),
      on("event", (event) => event.kind === "face.recognised" && this.#seen(event)),
    ];
    this.#followAll();
    this.load();
    const timer = setInterval(() => this.load({ isAsked: false }), REFRESH_MS);
    this.ends.push(() => clearInterval(timer));
  }

  /** Sightings are told to those who follow the camera. */
  #followAll() {
    for (const { id } of allCameras()) if (!this.followed.has(id)) this.followed.set(id, follow(id));
  }

  #head() {
    const actions = may("admin")
      ? [
          button("camera-video", "Add from a camera", {
            kind: "btn-outline",
            onclick: () => openFaces(allCameras()[0]?.id, () => this.load()),
          }),
          button("plus-lg", "Add by pictures", { kind: "btn-primary", onclick: () => openEnrolment(null, () => this.load()) }),
        ]
      : [];
    return h("header", { class: "page-head" }, h("h1", {}, "People"), h("div", { class: "page-head__end" }, actions));
  }

  #note() {
    return h(
      "p",
      { class: "people__note muted" },
      icon("shield-lock"),
      "Recognising people may need their consent or another legal basis where you are. Only numbers computed from faces are kept, never pictures. " +
        "Switch on “Who is it” at a camera to recognise the people of this list there.",
    );
  }

  async load({ isAsked = true } = {}) {
    let answer;
    try {
      answer = await api.get("/api/identities");
    } catch (error) {
      if (isAsked) toastError("read the people", error);
      return;
    }
    this.people = answer.identities;
    this.reason.hidden = !answer.reason;
    setText(this.reason, answer.reason ?? "");
    this.table.hidden = !this.people.length;
    this.body.replaceChildren(...this.people.map((person) => this.#row(person)));
    const words = may("admin")
      ? "Add a person by pictures, or from the picture of a camera. Everybody else stays unknown."
      : "An administrator adds people here.";
    this.nothing.replaceChildren(...(this.people.length ? [] : [emptyState("person-check", "Nobody is enrolled", words)]));
  }

  /** A sighting may be told before the answer that first lists the person has come: it is kept either way. */
  #seen(event) {
    const id = event.facts?.identity;
    this.sightings.set(id, { camera: event.camera, at: event.at });
    const person = this.people?.find((one) => one.id === id);
    if (person) this.body.querySelector(`tr[data-person="${id}"]`)?.replaceWith(this.#row(person));
  }

  #lastSeen(person) {
    const told = this.sightings.get(person.id);
    return told && told.at >= (person.last_seen?.at ?? 0) ? told : person.last_seen;
  }

  #row(person) {
    const last = this.#lastSeen(person);
    const seen = last
      ? [h("a", { href: `#/live/${encodeURIComponent(last.camera)}` }, cameraName(last.camera)), ` · ${dateAndTime(last.at)}`]
      : "not yet";
    const anew = h("span", { class: "chip people__anew", title: "Another recognition model runs now" }, "needs re-enrolment");
    return h(
      "tr",
      { dataset: { person: person.id } },
      h("td", { "data-label": "Name" }, h("div", {}, h("strong", {}, person.name), person.needs_enrolment ? anew : null)),
      h("td", { class: "num", "data-label": "Pictures" }, count(person.samples)),
      h("td", { "data-label": "Added" }, dateAndTime(person.created_at)),
      h("td", { "data-label": "Last seen" }, h("div", {}, seen)),
      h("td", { class: "row-actions" }, may("admin") ? this.#actions(person) : null),
    );
  }

  #actions(person) {
    const quiet = { iconOnly: true, kind: "btn-quiet" };
    return [
      button("plus-lg", `Add pictures of ${person.name}`, { ...quiet, onclick: () => openEnrolment(person, () => this.load()) }),
      button("pencil", `Rename ${person.name}`, { ...quiet, onclick: () => this.#rename(person) }),
      button("trash", `Forget ${person.name}`, { ...quiet, onclick: () => this.#forget(person) }),
    ];
  }

  #rename(person) {
    const name = h("input", { class: "form-control", id: "new-name", maxlength: "80", autocomplete: "off", value: person.name });
    const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    const save = async () => {
      try {
        await api.patch(`/api/identities/${person.id}`, { name: name.value });
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.message;
        return;
      }
      dialog.close();
      this.load();
    };
    const body = h("div", { class: "form-stack" }, h("div", {}, h("label", { class: "form-label", for: name.id }, "Name"), name), problem);
    const footer = [cancelButton(), h("button", { type: "submit", class: "btn btn-primary" }, "Save")];
    const dialog = openDialog({ title: `Rename ${person.name}`, body: [body], footer, onsubmit: save }, { focus: name });
  }

  async #forget(person) {
    const words =
      `The name, ${plural(person.samples, "embedding")} and all events that name this person are deleted at once and cannot be brought back. ` +
      "From then on this face is unknown. Pictures and exports that were kept before stay as they are.";
    if (!(await confirmAction(`Forget ${person.name}?`, words, "Forget"))) return;
    try {
      await api.delete(`/api/identities/${person.id}`);
      toast("good", `${person.name} is forgotten`);
    } catch (error) {
      toastError("forget this person", error);
    }
    this.load();
  }

  dispose() {
    for (const end of [...this.ends, ...this.followed.values()]) end();
  }
}

export const peoplePage = {
  title: "People",
  mount(root) {
    const people = new People(root);
    return () => people.dispose();
  },
};

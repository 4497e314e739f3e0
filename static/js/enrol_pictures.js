// The dialog that enrols a person by pictures: one after the other, each with its own answer. Only embeddings are kept.
import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, h, icon } from "./dom.js";
import { bytes, plural } from "./words.js";

const TYPES = ["image/jpeg", "image/png"];

function formOf(file, name) {
  const form = new FormData();
  if (name !== null) form.append("name", name);
  form.append("pictures", file, file.name);
  return form;
}

class Enrolment {
  /** @param {{id: number, name: string}|null} person null = a new one */
  constructor(person, onChanged) {
    this.person = person;
    this.onChanged = onChanged;
    this.waiting = [];
    this.isSending = false;
    this.name = h("input", { class: "form-control", id: "person-name", maxlength: "80", autocomplete: "off", required: true });
    this.file = h("input", {
      type: "file",
      class: "visually-hidden",
      id: "person-pictures",
      accept: TYPES.join(","),
      multiple: true,
      onchange: () => this.#take(this.file.files),
    });
    this.list = h("ul", { class: "enrol__list" });
    this.problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    this.send = h("button", { type: "submit", class: "btn btn-primary", disabled: true }, "Enrol");
    this.done = h("button", { type: "button", class: "btn btn-outline", "data-bs-dismiss": "modal" }, "Close");
    const dialog = openDialog(
      {
        title: person ? `Add pictures of ${person.name}` : "Add a person",
        body: [this.#body()],
        footer: [this.done, this.send],
        onsubmit: () => this.#sendAll(),
      },
      { focus: person ? this.drop : this.name },
    );
    this.close = dialog.close;
  }

  #body() {
    this.drop = button("upload", "Choose pictures, or drop them here", { kind: "enrol__drop", onclick: () => this.file.click() });
    this.drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.drop.classList.add("is-over");
    });
    this.drop.addEventListener("dragleave", () => this.drop.classList.remove("is-over"));
    this.drop.addEventListener("drop", (event) => {
      event.preventDefault();
      this.drop.classList.remove("is-over");
      this.#take(event.dataTransfer.files);
    });
    return h(
      "div",
      { class: "form-stack" },
      this.person ? null : h("div", {}, h("label", { class: "form-label", for: this.name.id }, "Name"), this.name),
      h("div", {}, h("label", { class: "visually-hidden", for: this.file.id }, "Pictures"), this.file, this.drop),
      h("p", { class: "muted enrol__hint" }, "JPEG or PNG, one face in each, from the front. The pictures themselves are not kept."),
      this.list,
      this.problem,
    );
  }

  #take(files) {
    for (const file of files) {
      const state = h("span", { class: "enrol__state muted" }, TYPES.includes(file.type) ? bytes(file.size) : "not a JPEG or PNG");
      const row = h("li", { class: "enrol__row" }, h("span", { class: "enrol__file" }, file.name), state);
      this.list.append(row);
      if (TYPES.includes(file.type)) this.waiting.push({ file, row, state });
      else row.dataset.tone = "bad";
    }
    this.file.value = "";
    this.send.disabled = !this.waiting.length;
  }

  async #sendAll() {
    if (this.isSending || !this.waiting.length) return;
    this.problem.hidden = true;
    if (!this.person && !this.name.value.trim()) {
      this.#explain("Enter the name of the person.");
      this.name.focus();
      return;
    }
    // The pressed button is about to be disabled, and with it the focus would leave the dialog.
    this.done.focus();
    this.isSending = this.send.disabled = true;
    let refused = 0;
    while (this.waiting.length) if (!(await this.#sendOne(this.waiting.shift()))) refused += 1;
    this.isSending = false;
    if (!refused) this.close();
    else if (!this.person) this.#explain("No picture could be used, so nobody was added. Choose others.");
    else this.#explain(`${this.person.name} is enrolled with ${plural(this.person.samples, "picture")}; some could not be used.`);
  }

  async #sendOne({ file, row, state }) {
    row.dataset.tone = "busy";
    state.textContent = "looking at it…";
    try {
      this.person = this.person
        ? await api.upload(`/api/identities/${this.person.id}/pictures`, formOf(file, null))
        : await api.upload("/api/identities", formOf(file, this.name.value.trim()));
    } catch (error) {
      row.dataset.tone = "bad";
      const own = `${file.name}: `;
      state.textContent = error.message.startsWith(own) ? error.message.slice(own.length) : error.message;
      return false;
    }
    row.dataset.tone = "good";
    state.replaceChildren(icon("check-circle-fill"), "enrolled");
    this.name.disabled = true;
    this.onChanged();
    return true;
  }

  #explain(words) {
    this.problem.hidden = false;
    this.problem.textContent = words;
  }
}

/** Ask for pictures of a new person, or of `person`. `onChanged` is called after each picture that was taken. */
export function openEnrolment(person, onChanged) {
  return new Enrolment(person, onChanged);
}

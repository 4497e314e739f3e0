// The dialog that enrols a face which a camera sees now: a still picture with a button on each face.
import { api, cameraPath } from "./api.js";
import { cancelButton, openDialog } from "./dialog.js";
import { button, h } from "./dom.js";
import { allCameras } from "./store.js";
import { toast } from "./toasts.js";

function share(part, whole) {
  return `${(100 * part) / whole}%`;
}

function wordsOf(face) {
  if (face.name) return face.name;
  return face.face ? "Unknown face" : `Cannot be used: ${face.reason}`;
}

class LiveEnrolment {
  constructor(camera, onChanged) {
    this.onChanged = onChanged;
    this.people = [];
    this.chosen = null;
    this.camera = h(
      "select",
      { class: "form-select", id: "face-camera", onchange: () => this.look() },
      allCameras().map((one) => h("option", { value: one.id, selected: one.id === camera }, one.name)),
    );
    this.picture = h("img", { class: "faces__img", alt: "What the camera sees now" });
    this.boxes = h("div", { class: "faces__boxes" });
    this.words = h("p", { class: "muted", role: "status" }, "Looking for faces…");
    this.names = h("datalist", { id: "known-names" });
    this.name = h("input", {
      class: "form-control",
      id: "face-name",
      maxlength: "80",
      autocomplete: "off",
      list: this.names.id,
      disabled: true,
    });
    this.problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    this.send = h("button", { type: "submit", class: "btn btn-primary", disabled: true }, "Enrol");
    const again = button("arrow-repeat", "Look again", { kind: "btn-outline", onclick: () => this.look() });
    const dialog = openDialog(
      {
        title: "Who is this?",
        size: "modal-lg",
        body: [
          h(
            "div",
            { class: "form-stack" },
            h("div", { class: "faces__tools" }, h("label", { class: "visually-hidden", for: this.camera.id }, "Camera"), this.camera, again),
            h("div", { class: "faces" }, this.picture, this.boxes),
            this.words,
            h("div", {}, h("label", { class: "form-label", for: this.name.id }, "Name"), this.name, this.names),
            this.problem,
          ),
        ],
        footer: [cancelButton(), this.send],
        onsubmit: () => this.#enrol(),
      },
      { focus: this.camera },
    );
    this.close = dialog.close;
    this.look();
  }

  async look() {
    this.#choose(null, null);
    this.boxes.replaceChildren();
    this.words.textContent = "Looking for faces…";
    const camera = this.camera.value;
    try {
      const [seen, known] = await Promise.all([api.post(cameraPath(camera, "faces")), api.get("/api/identities")]);
      if (camera !== this.camera.value) return;
      this.people = known.identities;
      this.names.replaceChildren(...this.people.map((person) => h("option", { value: person.name })));
      this.#show(seen);
    } catch (error) {
      this.picture.removeAttribute("src");
      this.words.textContent = error.message;
    }
  }

  #show(seen) {
    const [width, height] = seen.size;
    this.picture.src = `data:image/jpeg;base64,${seen.jpeg_base64}`;
    const buttons = seen.faces.map((face) => {
      const [x1, y1, x2, y2] = face.box;
      const words = wordsOf(face);
      const style = { left: share(x1, width), top: share(y1, height), width: share(x2 - x1, width), height: share(y2 - y1, height) };
      const box = h(
        "button",
        { type: "button", class: "faces__box", style, disabled: !face.face, "aria-label": words, title: words, "aria-pressed": "false" },
        h("span", { class: "faces__name" }, face.name ?? (face.face ? "?" : face.reason)),
      );
      box.addEventListener("click", () => this.#choose(face, box));
      return box;
    });
    this.boxes.replaceChildren(...buttons);
    const usable = seen.faces.filter((face) => face.face);
    this.words.textContent = usable.length ? "Choose a face in the picture." : "There is no face that can be enrolled. Look again.";
    const unknown = seen.faces.findIndex((face) => face.face && !face.name);
    if (unknown >= 0 && usable.length === 1) this.#choose(seen.faces[unknown], buttons[unknown]);
  }

  #choose(face, box) {
    this.chosen = face;
    this.problem.hidden = true;
    for (const other of this.boxes.children) other.setAttribute("aria-pressed", String(other === box));
    this.name.disabled = this.send.disabled = !face;
    this.name.value = face?.name ?? "";
    if (face) {
      this.words.textContent = face.name ? `This is ${face.name}: enrolling adds this look.` : "Enter the name of this person.";
      this.name.focus();
    }
  }

  async #enrol() {
    const name = this.name.value.trim();
    if (!this.chosen || !name) return;
    const person = this.people.find((one) => one.name.toLowerCase() === name.toLowerCase());
    this.name.focus();
    this.send.disabled = true;
    try {
      const body = { face: this.chosen.face, ...(person ? { identity: person.id } : { name }) };
      const made = await api.post("/api/identities/from_face", body);
      toast("good", `${made.name} is enrolled`);
      this.close();
      this.onChanged();
    } catch (error) {
      this.problem.hidden = false;
      this.problem.textContent = error.message;
      this.send.disabled = false;
    }
  }
}

/** Show the faces that `camera` sees now, to be named. */
export function openFaces(camera, onChanged = () => {}) {
  return new LiveEnrolment(camera, onChanged);
}

// The list of cameras: state, source, start and stop; administrators add, edit, test, delete, import and export.
import { api, cameraPath } from "./api.js";
import { busy, startCamera, stopCamera } from "./actions.js";
import { stateBadge } from "./badge.js";
import { openCameraForm } from "./camera_form.js";
import { confirmAction } from "./confirm.js";
import { button, emptyState, h, icon, setText } from "./dom.js";
import { doctorDialog } from "./doctor_dialog.js";
import { may } from "./session.js";
import { allCameras, cameraById, dropCamera, loadCameras, onCameras } from "./store.js";
import { toast, toastError } from "./toasts.js";
import { KINDS, decimal, plural, reasonOf } from "./words.js";

const RELOAD_MS = 5000;

async function exportCameras(control, withSecrets) {
  await busy(control, "export the cameras", async () => {
    const data = await api.get("/api/cameras/export", withSecrets ? { secrets: 1 } : {});
    const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
    const link = h("a", { href: url, download: "sightline-cameras.json" });
    document.body.append(link);
    link.click();
    link.remove();
    URL.revokeObjectURL(url);
  });
}

async function sendCameras({ cameras = [], presets = [] }) {
  const known = cameras.filter((entry) => cameraById(entry.id)).length;
  const words = `${plural(known, "camera")} of the file ${known === 1 ? "is" : "are"} here already. Replace their settings, or keep them as they are?`;
  const replace = known > 0 && (await confirmAction("Replace cameras that are here already?", words, "Replace"));
  return api.post("/api/cameras/import", { cameras, presets, replace });
}

async function importCameras(file) {
  let data;
  try {
    data = JSON.parse(await file.text());
  } catch {
    toast("bad", "Could not import the cameras", "That file is not JSON. Choose a file that “Export” has written.");
    return;
  }
  try {
    const answer = await sendCameras(data);
    await loadCameras();
    toast("good", "Cameras imported", answer.message ?? "");
  } catch (error) {
    toastError("import the cameras", error);
  }
}

class Row {
  constructor(camera) {
    this.badge = stateBadge();
    this.isDefault = camera.is_default;
    this.name = h("a", { href: `#/live/${encodeURIComponent(camera.id)}` });
    this.source = h("span", { class: "muted break" });
    this.reason = h("p", { class: "row-problem", hidden: true });
    this.figures = h("td", { class: "num", "data-label": "Picture" });
    this.power = button("play-fill", "Start", {
      kind: "btn-outline btn-sm",
      onclick: () => (this.camera.is_running ? stopCamera : startCamera)(this.power, this.camera),
    });
    this.element = h(
      "tr",
      { dataset: { camera: camera.id } },
      h("td", { "data-label": "Camera" }, h("div", { class: "camera-name" }, this.name, this.source)),
      h("td", { "data-label": "State" }, h("div", {}, this.badge.element, this.reason)),
      this.figures,
      h("td", { class: "row-actions" }, may("operator") ? this.power : null, may("admin") ? this.#adminTools() : null),
    );
    this.draw(camera);
  }

  #adminTools() {
    return [
      button("heart-pulse", "Test", { kind: "btn-outline btn-sm", onclick: () => doctorDialog(this.camera) }),
      button("pencil", "Edit", { iconOnly: true, kind: "btn-quiet btn-sm", onclick: () => openCameraForm(this.camera) }),
      this.isDefault
        ? null
        : button("trash", "Delete", { iconOnly: true, kind: "btn-quiet btn-sm", onclick: () => this.#delete() }),
    ];
  }

  async #delete() {
    const { id, name } = this.camera;
    if (
      !(await confirmAction(
        `Delete ${name}?`,
        "Its settings are removed and its picture ends for everybody who watches. Kept pictures and events stay.",
        "Delete",
      ))
    )
      return;
    try {
      await api.delete(cameraPath(id));
    } catch (error) {
      toastError(`delete ${name}`, error);
      return;
    }
    dropCamera(id);
    toast("good", `${name} deleted`);
  }

  draw(camera) {
    this.camera = camera;
    setText(this.name, camera.name);
    setText(this.source, [KINDS[camera.kind], camera.source].filter(Boolean).join(" · "));
    this.badge.draw(camera);
    const words = reasonOf(camera);
    this.reason.hidden = !words || camera.state === "stopped";
    setText(this.reason, words);
    setText(this.figures, camera.width ? `${camera.width}×${camera.height} · ${decimal(camera.fps)} fps` : "–");
    this.power.replaceChildren(
      icon(camera.is_running ? "stop-fill" : "play-fill"),
      h("span", {}, camera.is_running ? "Stop" : "Start"),
    );
  }
}

function adminHead() {
  const file = h("input", {
    type: "file",
    accept: "application/json,.json",
    class: "visually-hidden",
    tabIndex: -1,
    "aria-label": "File with cameras",
  });
  file.addEventListener("change", () => {
    if (file.files[0]) importCameras(file.files[0]);
    file.value = "";
  });
  const item = (words, onclick) => h("li", {}, h("button", { type: "button", class: "dropdown-item", onclick }, words));
  const toggle = h(
    "button",
    { type: "button", class: "btn btn-outline", "data-bs-toggle": "dropdown", "aria-expanded": "false" },
    icon("three-dots"),
    h("span", {}, "Import / export"),
  );
  const menu = h(
    "ul",
    { class: "dropdown-menu dropdown-menu-end" },
    item("Import cameras…", () => file.click()),
    item("Export cameras", () => exportCameras(toggle, false)),
    item("Export with passwords", () => exportCameras(toggle, true)),
  );
  return [
    h("div", { class: "dropdown" }, toggle, menu),
    file,
    button("plus-lg", "Add camera", { kind: "btn-primary", onclick: () => openCameraForm(null) }),
  ];
}

export const camerasPage = {
  title: "Cameras",
  mount(root, action) {
    const rows = new Map();
    const body = h("tbody", {});
    const box = h(
      "div",
      { class: "table-box" },
      h(
        "table",
        { class: "table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Camera", "State", "Picture", ""].map((word) => h("th", { scope: "col" }, word)),
          ),
        ),
        body,
      ),
    );
    const nothing = h("div", {});
    root.append(
      h(
        "header",
        { class: "page-head" },
        h("h1", {}, "Cameras"),
        h("div", { class: "page-head__end" }, may("admin") ? adminHead() : null),
      ),
      box,
      nothing,
    );
    const draw = () => {
      const cameras = allCameras();
      for (const camera of cameras) {
        if (rows.has(camera.id)) rows.get(camera.id).draw(camera);
        else rows.set(camera.id, new Row(camera));
      }
      for (const id of rows.keys()) if (!cameras.some((camera) => camera.id === id)) rows.delete(id);
      const wanted = cameras.map((camera) => rows.get(camera.id).element);
      // Rows stay the same elements, so that a press or the keyboard focus is never lost to a state change.
      if (wanted.length !== body.children.length || wanted.some((element, index) => body.children[index] !== element))
        body.replaceChildren(...wanted);
      box.hidden = !cameras.length;
      nothing.replaceChildren(
        ...(cameras.length
          ? []
          : [
              emptyState(
                "camera-video",
                "No cameras yet",
                "Press “Add camera”. An IP camera, a webcam, a file or the demo scene will do.",
              ),
            ]),
      );
    };
    const end = onCameras(draw);
    draw();
    // Messages tell changes of state; the frame rate changes without one.
    const timer = setInterval(() => !document.hidden && loadCameras().catch(() => {}), RELOAD_MS);
    if (action === "add" && may("admin")) openCameraForm(null);
    return () => {
      clearInterval(timer);
      end();
    };
  },
};

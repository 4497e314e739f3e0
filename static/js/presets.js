// Presets: choose one, see what it would change and cost, put it onto cameras; save what is on as a preset of one's own.
import { api, cameraPath } from "./api.js";
import { busy } from "./actions.js";
import { confirmAction } from "./confirm.js";
import { cancelButton, openDialog } from "./dialog.js";
import { button, h, icon, setText } from "./dom.js";
import { may } from "./session.js";
import { costOf, fits, shareWords, withNeeds } from "./stage_costs.js";
import { allCameras, cameraName, stages } from "./store.js";
import { toast } from "./toasts.js";
import { humanise } from "./words.js";

const MOST_LISTED = 40;

function valueWords(value) {
  if (value === true) return "on";
  if (value === false) return "off";
  if (Array.isArray(value)) {
    const words = value.map((item) => (typeof item === "object" ? item.name : humanise(item)));
    return words.length ? words.join(", ") : "none";
  }
  return typeof value === "string" ? humanise(value) : String(value);
}

function changeWords(change) {
  return h(
    "li",
    {},
    h("span", {}, change.label),
    h("span", { class: "muted" }, `${valueWords(change.before)} → `, h("b", {}, valueWords(change.after))),
  );
}

/** What the switches among `changes` add to what runs, in cores; null when something was not measured. */
function addedShare(changes, running) {
  const isSwitch = (change) => change.key === change.stage;
  const on = changes.filter((change) => isSwitch(change) && change.after === true).map((change) => change.stage);
  const off = changes.filter((change) => isSwitch(change) && change.after === false).map((change) => change.stage);
  const started = new Set(on.flatMap((name) => [...withNeeds(name)]).filter((name) => !running.has(name)));
  const cost = costOf(started);
  const spared = costOf(off);
  return cost && spared ? cost.share - spared.share : null;
}

function costWords(share) {
  if (share === null) return "What it costs is not known yet.";
  if (Math.abs(share) < 0.01) return "It costs about as much as what runs now.";
  const words = shareWords(Math.abs(share));
  if (share < 0) return `It takes about ${words} less than what runs now.`;
  return fits(share)
    ? `It takes about ${words} more.`
    : `It takes about ${words} more than this machine has to spare: analyzers will look less often. The picture goes on.`;
}

export class PresetMenu {
  /**
   * @param {import("./options.js").Options} options of the camera
   * @param {() => Set<string>} running names of the stages that run on it
   */
  constructor(options, running) {
    Object.assign(this, { options, running });
    this.menu = h("ul", { class: "dropdown-menu dropdown-menu-end presets" });
    const toggle = h(
      "button",
      { type: "button", class: "btn btn-outline btn-sm", "data-bs-toggle": "dropdown", "aria-expanded": "false" },
      icon("magic"),
      h("span", {}, "Presets"),
    );
    this.element = h("div", { class: "dropdown" }, toggle, this.menu);
    this.element.addEventListener("show.bs.dropdown", () => this.#load());
    this.#draw([]);
  }

  async #load() {
    const answer = await api.get("/api/presets").catch(() => null);
    if (answer) this.#draw(answer.presets);
  }

  #draw(presets) {
    const save = button("save", "Save as a preset…", { onclick: () => this.#openSave() });
    save.className = "dropdown-item";
    this.menu.replaceChildren(
      ...presets.map((preset) => this.#item(preset)),
      ...(presets.length ? [h("li", {}, h("hr", { class: "dropdown-divider" }))] : []),
      h("li", {}, save),
    );
  }

  #item(preset) {
    const choose = h(
      "button",
      { type: "button", class: "dropdown-item presets__item", onclick: () => this.#openApply(preset) },
      h("span", {}, preset.name),
      preset.description ? h("small", {}, preset.description) : null,
    );
    const forget = preset.is_builtin
      ? null
      : button("trash", `Delete the preset ${preset.name}`, {
          iconOnly: true,
          kind: "btn-quiet btn-sm",
          onclick: () => this.#delete(preset),
        });
    return h("li", { class: "presets__row" }, choose, forget);
  }

  async #delete(preset) {
    const words = "Cameras that have its settings keep them.";
    if (!(await confirmAction(`Delete the preset ${preset.name}?`, words, "Delete"))) return;
    await busy(this.element, "delete the preset", () => api.delete(`/api/presets/${encodeURIComponent(preset.name)}`));
  }

  async #openApply(preset) {
    this.options.send.flush();
    const told = await busy(this.element, "read the preset", () =>
      api.post(cameraPath(this.options.camera, "preset"), { name: preset.name, preview: true }),
    );
    if (!told) return;
    const cameras = this.#cameraChoice();
    const apply = h("button", { type: "submit", class: "btn btn-primary" }, "Apply");
    const dialog = openDialog(
      {
        title: preset.name,
        body: [
          preset.description ? h("p", { class: "muted" }, preset.description) : null,
          this.#previewOf(told),
          cameras.element,
        ].filter(Boolean),
        footer: [cancelButton(), apply],
        onsubmit: () =>
          busy(apply, `apply ${preset.name}`, async () => {
            await this.#apply(preset, cameras.chosen());
            dialog.close();
          }),
      },
      { focus: apply },
    );
  }

  #previewOf(told) {
    const camera = cameraName(this.options.camera);
    const changes = told.changes.slice(0, MOST_LISTED).map(changeWords);
    const more = told.changes.length - changes.length;
    return h(
      "div",
      { class: "preset-preview" },
      h("h3", {}, told.changes.length ? `What changes on ${camera}` : `Nothing changes on ${camera}`),
      changes.length ? h("ul", { class: "preset-preview__changes" }, changes) : null,
      more > 0 ? h("p", { class: "muted" }, `and ${more} more`) : null,
      told.changes.length ? h("p", { class: "preset-preview__cost" }, costWords(addedShare(told.changes, this.running()))) : null,
      told.skipped.length
        ? [h("h3", {}, "Left out"), h("ul", { class: "preset-preview__skipped" }, told.skipped.map((words) => h("li", {}, words)))]
        : null,
    );
  }

  /** Which cameras it is put onto: this one, and others when there are any. */
  #cameraChoice() {
    const boxes = allCameras().map((camera) => {
      const id = `preset-camera-${camera.id}`;
      const input = h("input", {
        type: "checkbox",
        class: "form-check-input",
        id,
        value: camera.id,
        checked: camera.id === this.options.camera,
      });
      return { input, element: h("div", { class: "form-check" }, input, h("label", { class: "form-check-label", for: id }, camera.name)) };
    });
    return {
      element:
        boxes.length > 1
          ? h("fieldset", { class: "preset-cameras" }, h("legend", {}, "Put it onto"), ...boxes.map((box) => box.element))
          : null,
      chosen: () => boxes.filter((box) => box.input.checked).map((box) => box.input.value),
    };
  }

  async #apply(preset, cameras) {
    const skipped = new Set();
    for (const camera of cameras) {
      const answer = await api.post(cameraPath(camera, "preset"), { name: preset.name });
      for (const words of answer.skipped) skipped.add(words);
    }
    await this.options.load();
    const where = cameras.length > 1 ? ` to ${cameras.length} cameras` : "";
    if (skipped.size) toast("info", `Preset ${preset.name} applied${where}, without some parts`, [...skipped].join(" "));
    else toast("good", `Preset ${preset.name} applied${where}`);
  }

  #openSave() {
    const name = h("input", { type: "text", class: "form-control", id: "preset-name", required: true, maxlength: 40 });
    const about = h("input", { type: "text", class: "form-control", id: "preset-about", maxlength: 200 });
    const others = check("preset-others", "Switch everything else off when it is applied (the privacy blur stays)", true);
    const shapes = check("preset-shapes", "With the zones and lines drawn on this camera", false);
    const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    const save = h("button", { type: "submit", class: "btn btn-primary" }, "Save");
    const send = async () => {
      const body = {
        name: name.value,
        description: about.value,
        camera: this.options.camera,
        others_off: others.input.checked,
        with_shapes: shapes.input.checked,
      };
      try {
        this.options.send.flush();
        const saved = await api.post("/api/presets", body);
        toast("good", `Preset ${saved.name} saved`);
        dialog.close();
      } catch (error) {
        problem.hidden = false;
        setText(problem, error.message);
        name.focus();
      }
    };
    const dialog = openDialog(
      {
        title: "Save as a preset",
        body: [
          h(
            "div",
            { class: "form-stack" },
            h("p", { class: "muted" }, "All that is on at this camera, with its settings and the order of its filters."),
            h("div", {}, h("label", { class: "form-label", for: name.id }, "Name"), name),
            h("div", {}, h("label", { class: "form-label", for: about.id }, "What it is for"), about),
            others.element,
            this.#hasShapes() ? shapes.element : null,
            problem,
          ),
        ],
        footer: [cancelButton(), save],
        onsubmit: () => busy(save, "save the preset", send),
      },
      { focus: name },
    );
  }

  #hasShapes() {
    const shapes = stages().flatMap((stage) => stage.params.filter((param) => param.type === "shapes"));
    return shapes.some((param) => this.options.values[param.key]?.length);
  }
}

function check(id, words, checked) {
  const input = h("input", { type: "checkbox", class: "form-check-input", id, checked });
  return { input, element: h("div", { class: "form-check" }, input, h("label", { class: "form-check-label", for: id }, words)) };
}

/** The menu for those who may use it, else nothing. */
export function presetMenu(options, running) {
  return may("operator") ? new PresetMenu(options, running).element : null;
}

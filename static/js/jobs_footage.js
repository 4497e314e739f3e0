// The footage of a new job: files of this computer, by choosing or dropping, or videos that were uploaded before.
import { api } from "./api.js";
import { button, h, icon, setText } from "./dom.js";
import { bytes, dateAndTime, duration, plural } from "./words.js";

const SAME = (file) => `${file.name}/${file.size}/${file.lastModified}`;

export class Footage {
  /** @param {() => void} onChange called when other footage is chosen */
  constructor(onChange) {
    this.onChange = onChange;
    this.files = [];
    this.assets = new Set();
    this.usesAssets = false;
    this.most = 1;
    this.input = h("input", {
      type: "file",
      accept: "video/*,.mkv,.ts,.flv",
      hidden: true,
      multiple: true,
      "aria-label": "Video files",
    });
    this.input.addEventListener("change", () => {
      this.#add([...this.input.files]);
      this.input.value = "";
    });
    this.drop = button("upload", "Drop videos here, or choose files", { kind: "job-drop", onclick: () => this.input.click() });
    this.list = h("ul", { class: "job-files", "aria-label": "Chosen files" });
    this.own = h("div", { class: "job-own" }, this.drop, this.input, this.list);
    this.known = h("div", { class: "job-assets", hidden: true });
    this.segments = this.#segments();
    this.element = h("div", { class: "job-footage" }, this.segments.element, this.own, this.known);
    this.#readAssets();
  }

  /** What would be sent: files, or ids of uploaded videos. */
  get chosen() {
    return this.usesAssets ? { files: [], assets: [...this.assets] } : { files: this.files, assets: [] };
  }

  /** How many the kind takes. */
  limit(most) {
    this.most = most;
    this.input.multiple = most > 1;
  }

  /** Why this cannot be sent; empty when it can. */
  problem(kind) {
    const count = this.usesAssets ? this.assets.size : this.files.length;
    if (!count) return this.usesAssets ? "Choose an uploaded video." : "Choose at least one video file.";
    if (count <= kind.most_inputs) return this.#emptyFile();
    const most = kind.most_inputs === 1 ? "one video" : `at most ${plural(kind.most_inputs, "video")}`;
    return `${kind.label} takes ${most}; ${count} are chosen. Remove some, or choose another kind.`;
  }

  #emptyFile() {
    const empty = this.usesAssets ? null : this.files.find((file) => !file.size);
    return empty ? `${empty.name} is empty. Remove it.` : "";
  }

  /** Take files dropped anywhere on `area`; a drop beside the field must not make the browser leave the page. */
  acceptDrops(area) {
    this.ending = new AbortController();
    const { signal } = this.ending;
    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.drop.classList.add("is-over");
    };
    document.addEventListener("dragover", over, { signal });
    const out = (event) => this.drop.classList.toggle("is-over", event.relatedTarget !== null);
    document.addEventListener("dragleave", out, { signal });
    document.addEventListener(
      "drop",
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        this.drop.classList.remove("is-over");
        if (area.contains(event.target) && !this.drop.matches(":disabled")) this.#drop([...event.dataTransfer.files]);
      },
      { signal },
    );
  }

  #drop(files) {
    if (this.usesAssets) this.#show(false);
    this.#add(files);
  }

  #segments() {
    const choice = (words, usesAssets) =>
      h(
        "button",
        { type: "button", class: "btn btn-segment", "aria-pressed": String(!usesAssets), onclick: () => this.#show(usesAssets) },
        words,
      );
    const buttons = [choice("Files of this computer", false), choice("Uploaded before", true)];
    return {
      buttons,
      element: h("div", { class: "segments", role: "group", "aria-label": "Where the footage is", hidden: true }, buttons),
    };
  }

  #show(usesAssets) {
    this.usesAssets = usesAssets;
    this.own.hidden = usesAssets;
    this.known.hidden = !usesAssets;
    this.segments.buttons.forEach((one, place) => one.setAttribute("aria-pressed", String(Boolean(place) === usesAssets)));
    this.onChange();
  }

  #add(files) {
    const wanted = this.most === 1 && files.length === 1 ? files : [...this.files, ...files];
    this.files = [...new Map(wanted.map((file) => [SAME(file), file])).values()];
    this.#drawFiles();
    this.onChange();
  }

  #drawFiles() {
    this.list.replaceChildren(
      ...this.files.map((file) => {
        const remove = button("x-lg", `Remove ${file.name}`, { iconOnly: true, kind: "btn-quiet btn-sm" });
        remove.addEventListener("click", () => {
          this.files = this.files.filter((other) => other !== file);
          this.#drawFiles();
          this.drop.focus();
          this.onChange();
        });
        return h(
          "li",
          {},
          icon("film"),
          h("span", { class: "break" }, file.name),
          h("span", { class: "muted num" }, bytes(file.size)),
          remove,
        );
      }),
    );
  }

  async #readAssets() {
    let assets;
    try {
      ({ assets } = await api.get("/api/assets"));
    } catch {
      return; // files of this computer can be sent all the same
    }
    this.segments.element.hidden = !assets.length;
    this.known.replaceChildren(...assets.map((asset) => this.#assetRow(asset)));
  }

  #assetRow(asset) {
    const box = h("input", { type: "checkbox", class: "form-check-input", value: asset.id });
    box.addEventListener("change", () => this.#chooseAsset(asset.id, box.checked));
    const size = asset.width_px ? `${asset.width_px}×${asset.height_px}, ` : "";
    const facts = h("span", { class: "muted" });
    setText(facts, `${size}${duration(asset.duration_s)}, ${bytes(asset.size_bytes)}, ${dateAndTime(asset.created_at)}`);
    return h("label", { class: "job-asset" }, box, h("span", { class: "break" }, asset.original_name), facts);
  }

  #chooseAsset(id, isChosen) {
    if (isChosen && this.most === 1) {
      this.assets.clear();
      for (const box of this.known.querySelectorAll("input")) box.checked = box.value === id;
    }
    if (isChosen) this.assets.add(id);
    else this.assets.delete(id);
    this.onChange();
  }

  dispose() {
    this.ending?.abort();
  }
}

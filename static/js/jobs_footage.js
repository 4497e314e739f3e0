// The footage of a new job, in any mixture: files of this computer, videos that were uploaded before, addresses of the web.
import { busy } from "./actions.js";
import { api } from "./api.js";
import { confirmAction } from "./confirm.js";
import { button, h, icon, setText } from "./dom.js";
import { SentFile } from "./jobs_sent_file.js";
import { bytes, dateAndTime, duration, plural } from "./words.js";

const SAME = (file) => `${file.name}/${file.size}/${file.lastModified}`;

/** What people call the video at an address: no query, no password. Empty when it is no address. */
function nameOfUrl(text) {
  try {
    const url = new URL(text);
    if (!["http:", "https:"].includes(url.protocol)) return "";
    return `${url.host}${decodeURI(url.pathname)}`;
  } catch {
    return "";
  }
}

export class Footage {
  /** @param {() => void} onChange called when other footage is chosen */
  constructor(onChange) {
    this.onChange = onChange;
    this.files = [];
    this.assets = new Map();
    this.urls = [];
    this.most = 1;
    const accept = "video/*,.mkv,.ts,.flv,audio/*,image/png,image/jpeg";
    this.input = h("input", { type: "file", accept, hidden: true, multiple: true, "aria-label": "Video files" });
    this.input.addEventListener("change", () => {
      this.#add([...this.input.files]);
      this.input.value = "";
    });
    this.drop = button("upload", "Drop videos here, or choose files", { kind: "job-drop", onclick: () => this.input.click() });
    this.list = h("ul", { class: "job-files", "aria-label": "Chosen files" });
    this.known = h("div", { class: "job-assets", hidden: true });
    this.opener = button("collection", "Uploaded before", { kind: "btn-quiet btn-sm", hidden: true, "aria-expanded": "false" });
    this.opener.addEventListener("click", () => this.#openKnown(this.known.hidden));
    const parts = [this.drop, this.input, this.#addressField(), this.opener, this.known];
    this.picker = h("fieldset", { class: "job-picker", "aria-label": "Where the footage is" }, parts);
    this.element = h("div", { class: "job-footage" }, this.picker, this.list);
    this.#readAssets();
  }

  /** What goes with the job's own request. */
  get chosen() {
    return { files: this.files.filter((sent) => !sent.isLarge), assets: [...this.assets.keys()], urls: this.urls };
  }

  /** Files that are sent before the job, each on its own. */
  get large() {
    return this.files.filter((sent) => sent.isLarge);
  }

  /** While it is being sent nothing is chosen; a large file may still be taken out. */
  lock(isSending) {
    this.picker.disabled = isSending;
    for (const control of this.list.querySelectorAll("[data-fixed]")) control.disabled = isSending;
  }

  /** How many the kind takes. */
  limit(most) {
    this.most = most;
    this.input.multiple = most > 1;
  }

  /** Why this cannot be sent; empty when it can. */
  problem(kind) {
    const videos = this.files.filter((file) => !file.isExtra);
    const count = videos.length + this.assets.size + this.urls.length;
    if (!count) {
      const [extra] = this.files;
      const why = extra ? `${extra.name} is no video: sound and pictures only go with one. ` : "";
      return `${why}Choose at least one video: a file, one uploaded before, or an address.`;
    }
    if (this.address.value.trim()) return "Press “Add” to take the address as well, or clear it.";
    if (count > kind.most_inputs) {
      const most = kind.most_inputs === 1 ? "one video" : `at most ${plural(kind.most_inputs, "video")}`;
      return `${kind.label} takes ${most}; ${count} are chosen. Remove some, or choose another kind.`;
    }
    const empty = this.files.find((file) => !file.size);
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
        if (area.contains(event.target) && !this.drop.matches(":disabled")) this.#add([...event.dataTransfer.files]);
      },
      { signal },
    );
  }

  #addressField() {
    this.address = h("input", {
      type: "url",
      class: "form-control form-control-sm",
      placeholder: "Paste an address of a video: https://…",
      "aria-label": "Paste an address of a video",
      autocomplete: "off",
      maxlength: 2048,
    });
    this.addressProblem = h("p", { class: "row-problem", role: "alert", hidden: true });
    const add = button("plus-lg", "Add", { kind: "btn-outline btn-sm", onclick: () => this.#addUrl() });
    this.address.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#addUrl();
    });
    this.address.addEventListener("input", () => (this.addressProblem.hidden = true));
    const row = h("div", { class: "job-address" }, icon("link-45deg"), this.address, add);
    return h("div", { class: "job-address-box" }, row, this.addressProblem);
  }

  #addUrl() {
    const url = this.address.value.trim();
    if (!nameOfUrl(url)) {
      setText(this.addressProblem, "Paste the address of a video file; it begins with https:// or http://.");
      this.addressProblem.hidden = false;
      return;
    }
    if (!this.urls.includes(url)) this.urls.push(url);
    this.address.value = "";
    this.#changed();
  }

  #add(files) {
    const known = new Map(this.files.map((sent) => [SAME(sent.file), sent]));
    const added = files.map((file) => known.get(SAME(file)) ?? new SentFile(file));
    const replaces = this.most === 1 && files.length === 1 && !added[0].isExtra;
    const stay = replaces ? this.files.filter((sent) => sent.isExtra) : this.files;
    for (const sent of this.files) if (!stay.includes(sent) && !added.includes(sent)) sent.remove();
    this.files = [...new Set([...stay, ...added])];
    this.#changed();
  }

  #changed() {
    this.list.replaceChildren(
      ...this.files.map((sent) => this.#fileRow(sent)),
      ...[...this.assets.values()].map((asset) => this.#assetChosen(asset)),
      ...this.urls.map((url) => this.#row("link-45deg", nameOfUrl(url), "fetched by the job", () => this.#dropUrl(url))),
    );
    this.onChange();
  }

  #fileRow(sent) {
    const remove = () => {
      sent.remove();
      this.files = this.files.filter((other) => other !== sent);
      this.#changed();
    };
    const row = this.#row(sent.isExtra ? "magic" : "film", sent.name, bytes(sent.size), remove, !sent.isLarge);
    row.append(sent.element);
    return row;
  }

  #row(symbol, name, fact, remove, isFixed = true) {
    const control = button("x-lg", `Remove ${name}`, { iconOnly: true, kind: "btn-quiet btn-sm" });
    if (isFixed) control.dataset.fixed = "";
    control.addEventListener("click", () => {
      remove();
      this.drop.focus();
    });
    return h("li", {}, icon(symbol), h("span", { class: "break" }, name), h("span", { class: "muted num" }, fact), control);
  }

  #assetChosen(asset) {
    return this.#row("collection", asset.original_name, bytes(asset.size_bytes), () => this.#dropAsset(asset.id));
  }

  #dropUrl(url) {
    this.urls = this.urls.filter((other) => other !== url);
    this.#changed();
  }

  #dropAsset(id) {
    this.assets.delete(id);
    const box = this.known.querySelector(`input[value="${CSS.escape(id)}"]`);
    if (box) box.checked = false;
    this.#changed();
  }

  #openKnown(isOpen) {
    this.known.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", String(isOpen));
  }

  async #readAssets() {
    let assets;
    try {
      ({ assets } = await api.get("/api/assets"));
    } catch {
      return; // files of this computer can be sent all the same
    }
    this.opener.hidden = !assets.length;
    this.known.replaceChildren(...assets.map((asset) => this.#assetRow(asset)));
  }

  #assetRow(asset) {
    const box = h("input", { type: "checkbox", class: "form-check-input", value: asset.id });
    box.addEventListener("change", () => {
      if (box.checked) this.assets.set(asset.id, asset);
      else this.assets.delete(asset.id);
      this.#changed();
    });
    const size = asset.width_px ? `${asset.width_px}×${asset.height_px}, ` : "";
    const facts = h("span", { class: "muted" });
    setText(facts, `${size}${duration(asset.duration_s)}, ${bytes(asset.size_bytes)}, ${dateAndTime(asset.created_at)}`);
    const remove = button("trash", `Delete ${asset.original_name}`, { iconOnly: true, kind: "btn-quiet btn-sm" });
    const label = h("label", { class: "job-asset" }, box, h("span", { class: "break" }, asset.original_name), facts);
    const row = h("div", { class: "job-asset-row" }, label, remove);
    remove.addEventListener("click", () => this.#deleteAsset(asset, remove, row));
    return row;
  }

  async #deleteAsset(asset, control, row) {
    const words = "Jobs that have begun keep their own copy. A job that waits and would fetch it from S3 fails.";
    if (!(await confirmAction(`Delete ${asset.original_name}?`, words, "Delete"))) return;
    await busy(control, "delete the video", async () => {
      await api.delete(`/api/assets/${asset.id}`);
      this.#dropAsset(asset.id);
      row.remove();
    });
  }

  dispose() {
    this.ending?.abort();
    for (const sent of this.files) sent.pause();
  }
}

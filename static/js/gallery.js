// The kept pictures: a page of thumbnails by day, one picture large with what was found in it, delete.
import { api } from "./api.js";
import { confirmAction } from "./confirm.js";
import { openDialog } from "./dialog.js";
import { button, emptyState, h, icon } from "./dom.js";
import { may } from "./session.js";
import { allCameras, cameraName, onCameras } from "./store.js";
import { toast, toastError } from "./toasts.js";
import { bytes, clock, dateAndTime, day, humanise } from "./words.js";

const PAGE_SIZE = 48;

function findingWords(findings) {
  const counts = new Map();
  for (const one of findings ?? []) {
    for (const found of one.detections ?? []) counts.set(found.label, (counts.get(found.label) ?? 0) + 1);
  }
  return [...counts].map(([label, number]) => `${number} ${humanise(label).toLowerCase()}`);
}

/** A select that lists the cameras the person may see; `onChange(id or "")`. */
export function cameraFilter(onChange) {
  const select = h("select", { class: "form-select form-select-sm", "aria-label": "Camera" });
  select.addEventListener("change", () => onChange(select.value));
  const draw = () => {
    const chosen = select.value;
    select.replaceChildren(
      h("option", { value: "" }, "All cameras"),
      ...allCameras().map((camera) => h("option", { value: camera.id }, camera.name)),
    );
    select.value = chosen;
  };
  draw();
  return { element: select, end: onCameras(draw) };
}

class Gallery {
  constructor(root) {
    this.camera = "";
    this.next = null;
    this.filter = cameraFilter((camera) => {
      this.camera = camera;
      this.load();
    });
    this.list = h("div", { class: "gallery" });
    this.more = button("chevron-down", "Show older pictures", { kind: "btn-outline", hidden: true, onclick: () => this.#append() });
    root.append(
      h("header", { class: "page-head" }, h("h1", {}, "Gallery"), h("div", { class: "page-head__end" }, this.filter.element)),
      this.list,
      h("div", { class: "page-more" }, this.more),
    );
    this.load();
  }

  async load() {
    this.list.replaceChildren();
    this.group = null;
    this.next = null;
    await this.#append();
    if (!this.list.children.length) {
      const live = h("a", { class: "btn btn-primary", href: "#/live" }, "Go to the live picture");
      this.list.replaceChildren(
        emptyState(
          "images",
          "No pictures kept yet",
          "Open a camera and press “Save picture”. It is kept here with what was found in it.",
          live,
        ),
      );
    }
  }

  async #append() {
    try {
      const page = await api.get("/api/frames", { camera: this.camera, limit: PAGE_SIZE, before: this.next });
      for (const frame of page.frames) this.#add(frame);
      this.next = page.next ?? null;
      this.more.hidden = !this.next;
    } catch (error) {
      toastError("read the gallery", error);
    }
  }

  #add(frame) {
    const name = day(frame.captured_at);
    if (this.group?.dataset.day !== name) {
      this.group = h("div", { class: "gallery__grid", dataset: { day: name } });
      this.list.append(h("section", { class: "gallery__day" }, h("h2", {}, name), this.group));
    }
    const words = findingWords(frame.findings);
    const img = h("img", {
      src: frame.url,
      loading: "lazy",
      decoding: "async",
      alt: `${cameraName(frame.camera)}, ${dateAndTime(frame.captured_at)}`,
    });
    if (frame.width) img.style.aspectRatio = `${frame.width} / ${frame.height}`;
    const tile = h(
      "button",
      { type: "button", class: "shot", dataset: { frame: frame.id }, onclick: () => this.#open(frame, tile) },
      img,
      h(
        "span",
        { class: "shot__foot" },
        h("span", {}, clock(frame.captured_at)),
        h("span", { class: "muted" }, cameraName(frame.camera)),
      ),
      words.length ? h("span", { class: "shot__found" }, words.slice(0, 2).join(", ")) : null,
    );
    this.group.append(tile);
  }

  #open(frame, tile) {
    const rows = [
      ["Taken", dateAndTime(frame.captured_at)],
      ["Picture", `${frame.width}×${frame.height}, ${frame.view === "raw" ? "raw" : "processed"}`],
      ["Size", bytes(frame.bytes)],
      ["Found", findingWords(frame.findings).join(", ") || "nothing"],
      ["SHA-256", frame.sha256 ?? "–"],
    ];
    const facts = h(
      "dl",
      { class: "facts" },
      rows.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))),
    );
    const download = h(
      "a",
      { class: "btn btn-outline", href: frame.url, download: `${frame.camera}-${frame.id}.jpg` },
      icon("download"),
      h("span", {}, "Download"),
    );
    const remove = may("operator")
      ? button("trash", "Delete", { kind: "btn-outline btn-outline--bad", onclick: () => this.#delete(frame, tile, dialog) })
      : null;
    const large = h("img", { class: "lightbox__img", src: frame.url, alt: tile.querySelector("img").alt });
    const body = h(
      "div",
      { class: "lightbox" },
      large,
      h("div", { class: "lightbox__side" }, facts, h("div", { class: "lightbox__actions" }, download, remove)),
    );
    const dialog = openDialog({ title: cameraName(frame.camera), body: [body], size: "modal-xl modal-fullscreen-md-down" });
  }

  async #delete(frame, tile, dialog) {
    dialog.close();
    if (!(await confirmAction("Delete this picture?", "The picture and its findings are removed for good.", "Delete"))) return;
    try {
      await api.delete(`/api/frames/${frame.id}`);
    } catch (error) {
      toastError("delete the picture", error);
      return;
    }
    tile.remove();
    toast("good", "Picture deleted");
    if (!this.list.querySelector(".shot")) this.load();
  }

  dispose() {
    this.filter.end();
  }
}

export const galleryPage = {
  title: "Gallery",
  mount(root) {
    const gallery = new Gallery(root);
    return () => gallery.dispose();
  },
};

// What happened: camera states, motion, analysis. New events arrive at the top while the page is open.
import { api } from "./api.js";
import { button, emptyState, h, icon } from "./dom.js";
import { cameraFilter } from "./gallery.js";
import { follow, on } from "./live.js";
import { allCameras, cameraName, onCameras } from "./store.js";
import { toastError } from "./toasts.js";
import { EVENT_KIND_GROUPS, clock, day, eventKind } from "./words.js";

const PAGE_SIZE = 100;

class EventLog {
  constructor(root) {
    this.camera = "";
    this.kind = "";
    this.filter = cameraFilter((camera) => {
      this.camera = camera;
      this.load();
    });
    const kinds = h(
      "select",
      { class: "form-select form-select-sm", "aria-label": "Kind of event" },
      h("option", { value: "" }, "All kinds"),
      EVENT_KIND_GROUPS.map(([group, names]) =>
        h(
          "optgroup",
          { label: group },
          names.map((kind) => h("option", { value: kind }, eventKind(kind).word)),
        ),
      ),
    );
    kinds.addEventListener("change", () => {
      this.kind = kinds.value;
      this.load();
    });
    this.from = this.#timeField();
    this.to = this.#timeField();
    const times = [h("label", { class: "time-field" }, "From ", this.from), h("label", { class: "time-field" }, "to ", this.to)];
    this.list = h("div", { class: "log" });
    this.more = button("chevron-down", "Show older events", { kind: "btn-outline", hidden: true, onclick: () => this.#append() });
    root.append(
      h(
        "header",
        { class: "page-head" },
        h("h1", {}, "Events"),
        h("div", { class: "page-head__end" }, this.filter.element, kinds, times),
      ),
      this.list,
      h("div", { class: "page-more" }, this.more),
    );
    this.followed = new Map();
    this.ends = [
      this.filter.end,
      onCameras(() => this.#followAll()),
      on("event", (event) => this.#arrived(event)),
      on("resync", () => this.load()),
    ];
    this.#followAll();
    this.load();
  }

  #timeField() {
    const field = h("input", { type: "datetime-local", class: "form-control form-control-sm" });
    field.addEventListener("change", () => this.load());
    return field;
  }

  /** The chosen span as epoch seconds; undefined where it is open. */
  get #span() {
    const at = (field) => (field.value ? new Date(field.value).getTime() / 1000 : undefined);
    return { from: at(this.from), to: at(this.to) };
  }

  #followAll() {
    for (const { id } of allCameras()) if (!this.followed.has(id)) this.followed.set(id, follow(id));
  }

  async load() {
    const round = (this.round = (this.round ?? 0) + 1);
    this.before = null;
    this.seen = new Set();
    this.list.replaceChildren();
    await this.#append();
    if (round === this.round && !this.list.children.length) {
      const isFiltered = this.camera || this.kind || this.from.value || this.to.value;
      this.list.replaceChildren(
        isFiltered
          ? emptyState("funnel", "Nothing fits", "No event has this camera, kind and time.")
          : emptyState(
              "bell",
              "Nothing has happened yet",
              "Lost cameras, motion, counted crossings and recognised faces are listed here. Switch on Motion to be told about movement.",
            ),
      );
    }
  }

  async #append() {
    const { round } = this;
    try {
      const page = await api.get("/api/events", {
        camera: this.camera,
        kind: this.kind,
        limit: PAGE_SIZE,
        before: this.before,
        ...this.#span,
      });
      // Another choice was made while this answer was on its way.
      if (round !== this.round) return;
      for (const event of page.events) this.#place(event, false);
      this.before = page.next ?? (page.events.length === PAGE_SIZE ? page.events.at(-1).id : null);
      this.more.hidden = !this.before;
    } catch (error) {
      toastError("read the events", error);
    }
  }

  #arrived(event) {
    const { from, to } = this.#span;
    if ((from !== undefined && event.at < from) || (to !== undefined && event.at >= to)) return;
    if ((this.camera && event.camera !== this.camera) || (this.kind && event.kind !== this.kind)) return;
    this.list.querySelector(".empty")?.remove();
    this.#place(event, true);
  }

  #place(event, isNew) {
    const key = `${event.camera} ${event.kind} ${Number(event.at).toFixed(3)}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const name = day(event.at);
    const first = this.list.firstElementChild;
    let group = isNew
      ? first?.dataset.day === name
        ? first
        : null
      : [...this.list.children].find((one) => one.dataset.day === name);
    if (!group) {
      group = h("section", { class: "log__day", dataset: { day: name } }, h("h2", {}, name), h("ol", {}));
      if (isNew) this.list.prepend(group);
      else this.list.append(group);
    }
    const rows = group.querySelector("ol");
    if (isNew) rows.prepend(this.#row(event, true));
    else rows.append(this.#row(event, false));
  }

  #row(event, isNew) {
    const { word, iconName, tone } = eventKind(event.kind);
    return h(
      "li",
      { class: `log__row${isNew ? " is-new" : ""}`, dataset: { tone } },
      h("time", { class: "num" }, clock(event.at)),
      icon(iconName),
      h("strong", {}, word),
      h("a", { href: `#/live/${encodeURIComponent(event.camera)}` }, cameraName(event.camera)),
      h("span", { class: "muted log__words" }, event.message || ""),
    );
  }

  dispose() {
    for (const end of [...this.ends, ...this.followed.values()]) end();
  }
}

export const eventsPage = {
  title: "Events",
  mount(root) {
    const log = new EventLog(root);
    return () => log.dispose();
  },
};

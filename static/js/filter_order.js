// The order in which a camera's filters work: dragged by a handle, or moved by buttons.
import { api, cameraPath } from "./api.js";
import { busy } from "./actions.js";
import { button, h, icon, setText } from "./dom.js";
import { may } from "./session.js";
import { stages } from "./store.js";

/** Put the filters `names` into that order on the places that they hold together; everything else stays. */
function reordered(chainStages, names) {
  const byName = new Map(chainStages.map((one) => [one.name, one]));
  const queue = names.filter((name) => byName.has(name));
  const moved = new Set(queue);
  return chainStages.map((one) => (moved.has(one.name) ? byName.get(queue.shift()) : one));
}

export class FilterOrder {
  /** @param {import("./options.js").Options} options */
  constructor(options) {
    this.options = options;
    /** None before the options were read. */
    this.names = null;
    this.list = h("ol", { class: "order", "aria-label": "Order of the filters" });
    this.words = h("p", { class: "order__words" });
    this.reset = button("arrow-counterclockwise", "Default order", { kind: "btn-quiet btn-sm", onclick: () => this.#reset() });
    this.said = h("p", { class: "visually-hidden", role: "status" });
    this.element = h("div", { class: "order-box" }, this.words, this.list, may("operator") ? this.reset : null, this.said);
  }

  /** Show the filters that are on, in the order of the chain: the options stand in that order. */
  draw(values, isOn) {
    if (this.isDragging) return;
    const place = new Map(Object.keys(values).map((key, index) => [key, index]));
    const first = (stage) => place.get(stage.has_switch ? stage.name : stage.params[0]?.key) ?? Infinity;
    const filters = stages().filter((stage) => stage.kind === "filter" && isOn(stage.name));
    const names = filters.toSorted((a, b) => first(a) - first(b)).map((stage) => stage.name);
    if (names.join() === this.names?.join()) return;
    this.#show(names);
  }

  #show(names) {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset : null;
    this.names = names;
    setText(
      this.words,
      names.length > 1
        ? "From first to last. The privacy blur hides what it has found at any place: what moves the picture moves its regions too."
        : "Switch on two filters or more to choose which works first.",
    );
    this.reset.hidden = names.length < 2;
    this.list.replaceChildren(...(names.length > 1 ? names.map((name, index) => this.#row(name, index)) : []));
    if (focused) this.#focus(focused.filter, focused.way);
  }

  /** A button at the end of the list is disabled and cannot have the focus; its neighbour can. */
  #focus(name, way) {
    const row = this.list.querySelector(`li[data-filter="${name}"]`);
    const wanted = row?.querySelector(`button[data-way="${way}"]:not(:disabled)`) ?? row?.querySelector("button:not(:disabled)");
    wanted?.focus();
  }

  #row(name, index) {
    const label = stages().find((stage) => stage.name === name)?.label ?? name;
    const move = (way, step) => {
      const one = button("chevron-down", `Move ${label} ${way}`, {
        iconOnly: true,
        kind: `btn-quiet btn-sm order__${way}`,
        disabled: !may("operator") || this.names[index + step] === undefined,
        "data-filter": name,
        "data-way": way,
        onclick: () => this.#move(index, step),
      });
      return one;
    };
    const handle = h("span", { class: "order__handle", title: `Drag ${label}`, "aria-hidden": "true" }, icon("list"));
    const row = h(
      "li",
      { class: "order__row", dataset: { filter: name } },
      may("operator") ? handle : null,
      h("span", { class: "order__label" }, label),
      move("up", -1),
      move("down", 1),
    );
    handle.addEventListener("pointerdown", (event) => this.#drag(event, row));
    return row;
  }

  #move(index, step) {
    const names = [...this.names];
    [names[index], names[index + step]] = [names[index + step], names[index]];
    this.#save(names);
  }

  #drag(event, row) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.isDragging = true;
    row.classList.add("is-dragged");
    const follow = (moved) => {
      const others = [...this.list.children].filter((one) => one !== row);
      const next = others.find((one) => {
        const box = one.getBoundingClientRect();
        return moved.clientY < box.top + box.height / 2;
      });
      if (row.nextElementSibling !== (next ?? null)) this.list.insertBefore(row, next ?? null);
    };
    const drop = (ended) => {
      document.removeEventListener("pointermove", follow);
      for (const end of ["pointerup", "pointercancel"]) document.removeEventListener(end, drop);
      this.isDragging = false;
      row.classList.remove("is-dragged");
      const names = [...this.list.children].map((one) => one.dataset.filter);
      if (ended.type === "pointercancel") this.#show([...this.names]);
      else if (names.join() !== this.names.join()) this.#save(names);
    };
    // Not captured by the handle: a row that moves in the page loses its capture.
    document.addEventListener("pointermove", follow);
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, drop);
  }

  #reset() {
    const byDefault = stages().map((stage) => stage.name);
    this.#put((all) => all.toSorted((a, b) => byDefault.indexOf(a.name) - byDefault.indexOf(b.name)));
  }

  #save(names) {
    const before = this.names;
    this.#show(names);
    const label = (name) => stages().find((stage) => stage.name === name)?.label ?? name;
    setText(this.said, `Order: ${names.map(label).join(", ")}.`);
    this.#put((all) => reordered(all, names), before);
  }

  async #put(change, before = this.names) {
    const path = cameraPath(this.options.camera, "chain");
    const done = await busy(this.list, "change the order of the filters", async () => {
      const chain = await api.get(path);
      await api.put(path, { ...chain, stages: change(chain.stages) });
      return true;
    });
    if (!done) this.#show(before);
    await this.options.load().catch(() => {});
  }
}

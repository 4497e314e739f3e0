// The stage list of one camera: every filter and analyzer by group, found by a word, with presets, order, and what it all costs.
import { busy } from "./actions.js";
import { confirmAction } from "./confirm.js";
import { button, h, icon, setText } from "./dom.js";
import { FilterOrder } from "./filter_order.js";
import { on } from "./live.js";
import { presetMenu } from "./presets.js";
import { may } from "./session.js";
import { costOf, costs, fits, loadCosts, measureAgain, shareWords, withNeeds } from "./stage_costs.js";
import { StageRow, costTooltip } from "./stage_row.js";
import { loadStages, stages } from "./store.js";
import { decimal, isNumber, ms } from "./words.js";

/** Headings in the order in which they stand; others come after them. */
const GROUPS = [
  "Motion and camera",
  "People and faces",
  "Objects",
  "Zones and counting",
  "Scene and text",
  "Sound",
  "Privacy",
  "Picture",
  "Looks",
  "Views",
];
const COLLAPSED_KEY = "sightline.stage_groups_closed";
const COSTS_EVERY_MS = 10_000;

function readCollapsed() {
  try {
    return new Set(JSON.parse(localStorage.getItem(COLLAPSED_KEY) ?? "[]"));
  } catch {
    return new Set(); // storage is closed to this page, or holds something else: all groups are open
  }
}

function keepCollapsed(names) {
  try {
    localStorage.setItem(COLLAPSED_KEY, JSON.stringify([...names]));
  } catch {
    // Without storage the groups are open again next time.
  }
}

let madeGroups = 0;

/** One heading with its rows; opened and closed by the heading, for this browser remembered. */
class StageGroup {
  constructor(title, rows, collapsed) {
    Object.assign(this, { title, rows, collapsed });
    const id = `stage-group-${(madeGroups += 1)}`;
    this.count = h("small", {});
    this.toggle = h(
      "button",
      { type: "button", class: "stages__toggle", "aria-controls": id, onclick: () => this.#flip() },
      icon("chevron-down"),
      h("span", {}, title),
      this.count,
    );
    this.list = h(
      "ul",
      { id },
      rows.map((row) => row.element),
    );
    this.element = h("section", { class: "stages__group" }, h("h3", {}, this.toggle), this.list);
  }

  #flip() {
    if (!this.collapsed.delete(this.title)) this.collapsed.add(this.title);
    keepCollapsed(this.collapsed);
    this.draw(this.find);
  }

  /** `find`: `{text, onlyOn}`; while something is looked for, closed groups show what was found too. */
  draw(find = { text: "", onlyOn: false }) {
    this.find = find;
    const isLookedFor = Boolean(find.text) || find.onlyOn;
    const isShown = (row) => (!find.text || row.matches(find.text)) && (!find.onlyOn || row.isOn || !row.note.hidden);
    let shown = 0;
    for (const row of this.rows) {
      row.element.hidden = !isShown(row);
      shown += row.element.hidden ? 0 : 1;
    }
    this.element.hidden = shown === 0;
    const isOpen = isLookedFor || !this.collapsed.has(this.title);
    this.list.hidden = !isOpen;
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    const on = this.rows.filter((row) => row.isOn).length;
    setText(this.count, on ? `${on} on` : "");
  }
}

/** The panel; `options` is the camera's Options, `onSwitch` has by stage name what a switch does instead of setting its option. */
export class StagePanel {
  constructor(options, onSwitch = {}) {
    this.options = options;
    this.onSwitch = onSwitch;
    this.rows = new Map();
    this.groups = [];
    this.running = new Map();
    this.find = { text: "", onlyOn: false };
    this.element = h("div", { class: "stages" });
    this.onChange = () => this.drawOptions();
    options.addEventListener("change", this.onChange);
    this.build();
    this.timer = setInterval(() => !document.hidden && this.#refreshCosts(), COSTS_EVERY_MS);
    this.#refreshCosts();
    // A weight file has arrived: what it is for can be switched on now.
    this.stopListening = on("model", (model) => ["ready", "synced"].includes(model.state) && loadStages().then(() => this.build(), () => {}));
  }

  build() {
    this.rows.clear();
    for (const stage of stages().filter((one) => !one.is_hidden)) {
      const more = { onSwitch: this.onSwitch[stage.name], mayStart: (one) => this.#mayStart(one) };
      this.rows.set(stage.name, new StageRow(stage, this.options, more));
    }
    this.groups = this.#makeGroups();
    this.order = new FilterOrder(this.options);
    this.pipeline = h("ul", { class: "pipeline" });
    this.nothing = h("p", { class: "stages__nothing", hidden: true });
    this.element.replaceChildren(
      this.#tools(),
      ...this.groups.map((group) => group.element),
      this.nothing,
      this.#section("Order of the filters", "first to last", this.order.element),
      this.#section("Fixed steps", "ms p50 / p95", this.pipeline),
      this.#foot(),
    );
    this.drawOptions();
  }

  #makeGroups() {
    const rows = [...this.rows.values()];
    const collapsed = readCollapsed();
    const names = [...new Set([...GROUPS, ...rows.map((row) => row.stage.group || "Other")])];
    const groups = names.map((name) => [name, rows.filter((row) => row.stage.available && (row.stage.group || "Other") === name)]);
    groups.push(["Not available here", rows.filter((row) => !row.stage.available)]);
    const made = groups.filter(([, some]) => some.length).map(([name, some]) => new StageGroup(name, some, collapsed));
    const last = made.at(-1);
    if (last?.title === "Not available here" && may("admin"))
      last.list.prepend(h("li", { class: "stages__models" }, h("a", { href: "#/models" }, icon("download"), "Weight files")));
    return made;
  }

  #tools() {
    this.search = h("input", {
      type: "search",
      class: "form-control form-control-sm",
      placeholder: "Find a switch",
      "aria-label": "Find a filter or analyzer",
      value: this.find.text,
    });
    this.search.addEventListener("input", () => this.#look({ text: this.search.value.trim().toLowerCase() }));
    this.onlyOn = button("funnel", "On", {
      kind: "btn-outline btn-sm stages__only",
      title: "Show only what is on",
      "aria-label": "Show only what is on",
      "aria-pressed": String(this.find.onlyOn),
      onclick: () => this.#look({ onlyOn: !this.find.onlyOn }),
    });
    const presets = presetMenu(this.options, () => new Set(this.running.keys()));
    return h("div", { class: "stages__tools" }, this.search, this.onlyOn, presets);
  }

  #section(title, words, content) {
    return h("section", { class: "stages__group" }, h("h3", {}, h("span", {}, title), h("small", {}, words)), content);
  }

  #foot() {
    this.exact = h("input", { type: "checkbox", class: "form-check-input", role: "switch", id: "analysis-exact", disabled: !may("operator") });
    this.exact.addEventListener("change", () => this.options.set({ analysis: this.exact.checked ? "exact" : "beside" }));
    this.total = h("p", { class: "stages__total" });
    this.measure = button("arrow-repeat", "Measure again", {
      kind: "btn-quiet btn-sm",
      title: "Measure anew what every switch costs on this machine; takes a minute or two",
      hidden: true,
      onclick: () => busy(this.measure, "measure the costs", () => measureAgain().then(() => this.#drawTotal())),
    });
    return h(
      "div",
      { class: "stages__foot" },
      h(
        "div",
        { class: "stages__exact" },
        h("div", { class: "form-switch" }, this.exact),
        h("label", { for: this.exact.id }, "Wait for the findings of every picture"),
      ),
      h(
        "p",
        { class: "field__help" },
        "Exact: each picture is shown only after all analyzers have looked at it. Boxes fit to the pixel and a recording gives the same " +
          "findings every time, but the picture is only as fast as the slowest analyzer. For files and tests.",
      ),
      h("div", { class: "stages__cost" }, this.total, this.measure),
    );
  }

  #look(change) {
    this.find = { ...this.find, ...change };
    this.onlyOn.setAttribute("aria-pressed", String(this.find.onlyOn));
    this.#drawGroups();
  }

  #drawGroups() {
    for (const group of this.groups) group.draw(this.find);
    const isEmpty = this.groups.every((group) => group.element.hidden);
    this.nothing.hidden = !isEmpty;
    if (isEmpty)
      setText(this.nothing, this.find.text ? `Nothing here is about “${this.search.value.trim()}”.` : "Nothing is switched on.");
  }

  drawOptions() {
    for (const row of this.rows.values()) row.drawOptions(this.options.values);
    this.order.draw(this.options.values, (name) => this.rows.get(name)?.isOn);
    this.exact.checked = this.options.values.analysis === "exact";
    this.#drawRunning();
    this.#drawGroups();
  }

  /** Names of the analyzers that are switched on. */
  analyzersOn() {
    return new Set([...this.rows.values()].filter((row) => row.isOn && row.stage.kind === "analyzer").map((row) => row.stage.name));
  }

  drawStats(stats) {
    const rows = stats.stages ?? [];
    this.running = new Map(rows.filter((row) => row.kind !== "pipeline").map((row) => [row.name, row]));
    this.fixed = rows.filter((row) => row.kind === "pipeline");
    this.#drawRunning();
    this.#drawGroups();
    this.pipeline.replaceChildren(
      ...this.fixed.map((row) =>
        h(
          "li",
          { title: costTooltip(row) },
          h("span", {}, row.name),
          h("span", { class: "stage__cost" }, `${ms(row.p50_ms)} / ${ms(row.p95_ms)} ms`),
        ),
      ),
    );
    this.#drawTotal();
  }

  #drawRunning() {
    const reasons = this.#reasons();
    const running = new Set(this.running.keys());
    for (const [name, row] of this.rows) {
      row.drawCost(this.running.get(name) ?? null, reasons.get(name) ?? []);
      row.drawPreview(running);
    }
  }

  /** By name, which of the stages that are on make it run. */
  #reasons() {
    const reasons = new Map();
    for (const row of this.rows.values()) {
      if (!row.isOn) continue;
      for (const name of withNeeds(row.stage.name)) {
        if (name !== row.stage.name) reasons.set(name, [...(reasons.get(name) ?? []), row.stage.name]);
      }
    }
    return reasons;
  }

  async #refreshCosts() {
    await loadCosts();
    this.#drawRunning();
    this.#drawTotal();
  }

  #drawTotal() {
    const known = costs();
    this.measure.hidden = !known.enabled || !may("admin") || known.measuring;
    const used = [...this.running.values(), ...(this.fixed ?? [])].reduce(
      (sum, row) => sum + (isNumber(row.p50_ms) && isNumber(row.rate_hz) ? (row.p50_ms * row.rate_hz) / 1000 : 0),
      0,
    );
    const words = [`This camera takes ${decimal(used)}${known.cores ? ` of ${known.cores}` : ""} cores`];
    if (known.busy_cores > used + 0.1) words.push(`all cameras ${decimal(known.busy_cores)}`);
    if (known.measuring) words.push(`measuring what switches cost, ${known.left} to go`);
    setText(this.total, `${words.join(" · ")}.`);
  }

  /** Ask before something is switched on that this machine has no time for. */
  async #mayStart(stage) {
    const cost = costOf([...withNeeds(stage.name)].filter((name) => !this.running.has(name)));
    if (!cost || fits(cost.share)) return true;
    const { busy_cores, cores } = costs();
    return confirmAction(
      `Switch on ${stage.label} all the same?`,
      `It takes about ${shareWords(cost.share)}, and ${decimal(busy_cores)} of ${cores} cores are in use. The picture goes on, ` +
        "but analyzers will look less often.",
      "Switch on",
    );
  }

  dispose() {
    clearInterval(this.timer);
    this.stopListening();
    this.options.removeEventListener("change", this.onChange);
  }
}

// The system check: what this installation has, what that changes, and what to do about it.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { copyButton } from "./copying.js";
import { button, emptyState, h, icon, setText } from "./dom.js";
import { clock, plural } from "./words.js";

const STATES = {
  ok: ["check-circle-fill", "good", "Fine"],
  better: ["info-circle", "warn", "Could be better"],
  wrong: ["exclamation-octagon", "bad", "Wrong"],
};
const PAGES = { models: "Open the page Models", jobs: "Open the page Jobs" };

function command(line) {
  if (!line.command) return null;
  const text = h("code", { class: "system-line__command" }, line.command);
  return h("div", { class: "system-line__do" }, text, copyButton(text));
}

function row(line) {
  const [iconName, tone, word] = STATES[line.state];
  const wantsAction = line.state !== "ok";
  // Where all is well and nothing is missing, there is nothing to go for.
  const page =
    PAGES[line.page] && line.changes
      ? h("a", { class: "system-line__page", href: `#/${line.page}` }, PAGES[line.page], icon("chevron-right"))
      : null;
  return h(
    "li",
    { class: "system-line", dataset: { tone, line: line.name } },
    icon(iconName),
    h(
      "div",
      { class: "system-line__words" },
      h("p", {}, h("strong", {}, line.label), h("span", { class: "visually-hidden" }, ` ${word}. `), h("span", {}, line.detail)),
      line.changes ? h("p", { class: "muted" }, line.changes) : null,
      wantsAction && line.todo ? h("p", { class: "system-line__todo" }, line.todo) : null,
      wantsAction ? command(line) : null,
      page,
    ),
  );
}

class SystemCheck {
  constructor(root) {
    this.root = root;
    this.report = null;
    this.summary = h("p", { class: "muted page-head__note", role: "status" }, "Looking…");
    this.again = button("arrow-repeat", "Check again", { kind: "btn-outline", onclick: () => this.load(true) });
    this.only = h("input", { type: "checkbox", class: "form-check-input", id: "system-only", role: "switch" });
    this.only.addEventListener("change", () => this.#draw());
    const choice = h(
      "div",
      { class: "form-check form-switch system-only" },
      this.only,
      h("label", { class: "form-check-label", for: this.only.id }, "Only what could be better"),
    );
    this.groups = h("div", { class: "system-groups" });
    root.append(
      h(
        "header",
        { class: "page-head" },
        h("h1", {}, "System check"),
        this.summary,
        h("div", { class: "page-head__end" }, choice, this.again),
      ),
      this.groups,
    );
    this.load(false);
  }

  load(fresh) {
    return busy(this.again, "check the system", async () => {
      this.report = await api.get("/api/v1/doctor", { fresh: fresh || undefined });
      this.#draw();
    });
  }

  #draw() {
    if (!this.report) return;
    const { counts, groups, checked_at: checkedAt } = this.report;
    const wrong = counts.wrong ? `${plural(counts.wrong, "thing")} wrong` : "Nothing is wrong";
    const better = counts.better ? `, ${counts.better} could be better` : "";
    setText(this.summary, `${wrong}${better} · checked at ${clock(checkedAt)}`);
    const shown = groups
      .map(({ label, lines }) => [label, this.only.checked ? lines.filter((line) => line.state !== "ok") : lines])
      .filter(([, lines]) => lines.length);
    if (!shown.length) {
      this.groups.replaceChildren(emptyState("check2-circle", "Everything is as good as it gets", "There is nothing to do here."));
      return;
    }
    this.groups.replaceChildren(
      ...shown.map(([label, lines]) =>
        h(
          "section",
          { "aria-label": label },
          h("h2", { class: "section-title" }, label),
          h("ul", { class: "system-lines" }, lines.map(row)),
        ),
      ),
    );
  }
}

export const systemCheckPage = {
  title: "System check",
  mount(root) {
    new SystemCheck(root);
    return () => {};
  },
};

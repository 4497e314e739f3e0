// What this is, where the API is described, which stages are here.
import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { stages } from "./store.js";

const LINKS = [
  ["/docs", "Swagger UI", "Try every call of the API in the browser"],
  ["/redoc", "ReDoc", "The API as a document to read"],
  ["/openapi.json", "openapi.json", "The API for code generators"],
  ["/metrics", "Metrics", "Figures for Prometheus"],
  ["/health/detailed", "Health", "Every part and how it is"],
];

function stageTable() {
  const row = (stage) =>
    h(
      "tr",
      {},
      h("td", { "data-label": "Name" }, stage.label),
      h("td", { "data-label": "Kind" }, stage.kind),
      h("td", { "data-label": "Runs on" }, stage.backend),
      h("td", { "data-label": "Licence" }, stage.licence),
      h("td", { "data-label": "State" }, stage.available ? "ready" : stage.reason || "not available"),
    );
  return h(
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
          ["Name", "Kind", "Runs on", "Licence", "State"].map((word) => h("th", { scope: "col" }, word)),
        ),
      ),
      h("tbody", {}, stages().map(row)),
    ),
  );
}

export const aboutPage = {
  title: "About",
  mount(root) {
    const version = h("span", { class: "chip" });
    root.append(
      h("header", { class: "page-head" }, h("h1", {}, "About Sightline"), version),
      h(
        "p",
        { class: "lead-line" },
        "Watches live cameras, works on their pictures while they run, and shows what every step costs.",
      ),
      h("h2", { class: "section-title" }, "For programs"),
      h(
        "ul",
        { class: "links" },
        LINKS.map(([href, name, words]) =>
          h("li", {}, h("a", { href }, name, icon("box-arrow-up-right")), h("span", { class: "muted" }, words)),
        ),
      ),
      h("h2", { class: "section-title" }, "Filters and analyzers"),
      stageTable(),
    );
    api
      .get("/")
      .then((info) => (version.textContent = `version ${info.version}`))
      .catch(() => version.remove());
    return () => {};
  },
};

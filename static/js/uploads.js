// Uploads to the cloud: what is waiting, what was delivered, what failed and why.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { button, dataTable, emptyState, h, setText, throttle } from "./dom.js";
import { on } from "./live.js";
import { may } from "./session.js";
import { toast, toastError } from "./toasts.js";
import { bytes, dateAndTime, plural } from "./words.js";

const STATES = {
  queued: ["Waiting", "busy"],
  sending: ["Sending", "busy"],
  retry: ["Tried again soon", "warn"],
  delivered: ["Delivered", "good"],
  failed: ["Failed", "bad"],
};
const RELOAD_MS = 500;

function stateChip(upload) {
  const isRetrying = upload.state === "queued" && upload.attempts > 0;
  const [word, tone] = STATES[isRetrying ? "retry" : upload.state] ?? [upload.state, "idle"];
  return h("span", { class: "badge-state", dataset: { tone } }, h("span", { class: "badge-state__dot" }), word);
}

class Uploads {
  constructor(root) {
    this.summary = h("p", { class: "muted page-head__note", role: "status" });
    this.body = h("tbody", {});
    this.table = dataTable(["File", "State", "Size", "Created", "Delivered", ""], this.body);
    this.nothing = h("div", {});
    root.append(h("header", { class: "page-head" }, h("h1", {}, "Uploads"), this.summary), this.table, this.nothing);
    const reload = throttle(() => this.load(), RELOAD_MS);
    this.ends = [on("upload", reload), on("resync", reload)];
    this.load();
  }

  async load() {
    let answer;
    try {
      answer = await api.get("/api/uploads");
    } catch (error) {
      toastError("read the uploads", error);
      return;
    }
    const { uploads, backlog } = answer;
    setText(this.summary, backlog?.count ? `${plural(backlog.count, "file")} waiting, ${bytes(backlog.bytes)}` : "Nothing waiting");
    this.table.hidden = !uploads.length;
    this.body.replaceChildren(...uploads.map((upload) => this.#row(upload)));
    const empty = emptyState(
      "cloud-arrow-up",
      "Nothing uploaded yet",
      "Open a camera and press “Upload”. Files wait here while the cloud is away and are delivered in order.",
    );
    this.nothing.replaceChildren(...(uploads.length ? [] : [empty]));
  }

  #row(upload) {
    const name = upload.url ? h("a", { href: upload.url, target: "_blank", rel: "noopener noreferrer" }, upload.key) : upload.key;
    const again = button("arrow-repeat", "Try again", { kind: "btn-outline btn-sm", onclick: () => this.#retry(again, upload) });
    const canRetry = may("operator") && upload.state !== "delivered";
    return h(
      "tr",
      {},
      h(
        "td",
        { class: "break", "data-label": "File" },
        h(
          "div",
          {},
          name,
          upload.last_error && upload.state !== "delivered" ? h("p", { class: "row-problem" }, upload.last_error) : null,
        ),
      ),
      h("td", { "data-label": "State" }, stateChip(upload)),
      h("td", { class: "num", "data-label": "Size" }, bytes(upload.bytes)),
      h("td", { "data-label": "Created" }, dateAndTime(upload.created_at)),
      h("td", { "data-label": "Delivered" }, upload.delivered_at ? dateAndTime(upload.delivered_at) : "–"),
      h("td", { class: "row-actions" }, canRetry ? again : null),
    );
  }

  #retry(control, upload) {
    return busy(control, "try again", async () => {
      await api.post(`/api/uploads/${upload.id}/retry`);
      toast("info", "The upload is tried again");
      await this.load();
    });
  }

  dispose() {
    for (const end of this.ends) end();
  }
}

export const uploadsPage = {
  title: "Uploads",
  mount(root) {
    const uploads = new Uploads(root);
    return () => uploads.dispose();
  },
};

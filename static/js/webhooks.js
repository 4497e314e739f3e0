// Webhooks (admins only): other programs that hear of ended jobs, what was sent to them, sending it again.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { confirmAction } from "./confirm.js";
import { copyButton } from "./copying.js";
import { cancelButton, openDialog } from "./dialog.js";
import { button, emptyState, h, setText } from "./dom.js";
import { toast, toastError } from "./toasts.js";
import { clock, dateAndTime, moment, plural } from "./words.js";

const RELOAD_MS = 3000;
const MOST_SHOWN = 20;
const STATES = { waiting: ["Waiting", "busy"], delivered: ["Delivered", "good"], failed: ["Given up", "bad"] };
const EVENT_WORDS = {
  "job.succeeded": "Job done",
  "job.failed": "Job failed",
  "job.cancelled": "Job cancelled",
  "job.timed_out": "Job took too long",
  "job.expired": "Job lost on another machine",
  "webhook.test": "Test",
};
const WHAT_FOR =
  "When a job ends, Sightline can tell another program: it sends a signed message to an address of yours, and tries again for a day when nobody answers.";

const pathOf = (id, rest = "") => `/api/v1/webhooks/${id}${rest ? `/${rest}` : ""}`;

function badge([word, tone]) {
  return h("span", { class: "badge-state", dataset: { tone } }, h("span", { class: "badge-state__dot" }), word);
}

function eventOf(delivery) {
  const { type, data } = JSON.parse(delivery.body);
  return { words: EVENT_WORDS[type] ?? type, jobId: data.job_id, inputs: data.inputs ?? [] };
}

function outcome(delivery) {
  const tries = delivery.tries > 1 ? `${delivery.tries} tries. ` : "";
  const next = delivery.next_at && delivery.tries && moment(delivery.next_at) > new Date() ? ` Next try at ${clock(delivery.next_at)}.` : "";
  return `${tries}${delivery.answer}${next}`;
}

function showSecret(webhook) {
  const secret = h("code", { class: "webhook__secret" }, webhook.secret);
  openDialog({
    title: "The secret of this webhook",
    body: [
      h(
        "p",
        {},
        "Give it to the program that receives the messages: with it, it can tell that they come from here. ",
        h("strong", {}, "It is shown only now."),
      ),
      h("div", { class: "webhook__once" }, secret, copyButton(secret)),
      h("p", { class: "muted" }, "The messages are signed as the Standard Webhooks specification has it; there are libraries for most languages."),
    ],
    footer: [h("button", { type: "button", class: "btn btn-primary", "data-bs-dismiss": "modal" }, "I have kept it")],
  });
}

/** One address with its latest messages. */
class WebhookCard {
  constructor(webhook, reload) {
    this.reload = reload;
    this.id = webhook.id;
    this.state = h("span", {});
    this.counts = h("p", { class: "muted" });
    this.list = h("ul", { class: "deliveries", "aria-label": `Messages to ${webhook.url}` });
    this.test = button("broadcast", "Send a test", { kind: "btn-outline btn-sm", onclick: () => this.#sendTest() });
    this.switch = button("power", "", { kind: "btn-outline btn-sm", onclick: () => this.#toggle() });
    const remove = button("trash", "Delete", { kind: "btn-outline btn-outline--bad btn-sm", onclick: () => this.#delete(remove) });
    this.element = h(
      "section",
      { class: "panel webhook", "aria-label": webhook.url },
      h("div", { class: "webhook__head" }, h("h2", { class: "break" }, webhook.url), this.state),
      this.counts,
      h("div", { class: "job-actions" }, this.test, this.switch, remove),
      this.list,
    );
    this.draw(webhook);
  }

  draw(webhook) {
    this.webhook = webhook;
    this.state.replaceChildren(badge(webhook.is_on ? ["On", "good"] : ["Off", "idle"]));
    setText(this.switch.querySelector("span"), webhook.is_on ? "Switch off" : "Switch on");
    this.test.disabled = !webhook.is_on;
    const parts = [`${webhook.delivered} delivered`, webhook.waiting ? `${webhook.waiting} waiting` : "", webhook.failed ? `${webhook.failed} given up` : ""];
    setText(this.counts, `Added ${dateAndTime(webhook.created_at)} · ${parts.filter(Boolean).join(", ")}`);
    this.#loadDeliveries();
  }

  async #loadDeliveries() {
    let deliveries;
    try {
      ({ deliveries } = await api.get(pathOf(this.id, "deliveries"), { limit: MOST_SHOWN }));
    } catch (error) {
      if (error.status !== 404) toastError("read the messages", error);
      return;
    }
    const mark = JSON.stringify([deliveries, this.webhook.is_on]);
    if (mark === this.mark) return;
    this.mark = mark;
    this.list.replaceChildren(...deliveries.map((one) => this.#delivery(one)));
    if (!deliveries.length) this.list.append(h("li", { class: "muted" }, "Nothing was sent yet. Send a test to see whether it arrives."));
  }

  #delivery(delivery) {
    const { words, jobId, inputs } = eventOf(delivery);
    const again = button("arrow-repeat", "Send again", { kind: "btn-quiet btn-sm", onclick: () => this.#sendAgain(again, delivery) });
    again.disabled = !this.webhook.is_on || delivery.state === "waiting";
    return h(
      "li",
      { class: "delivery", dataset: { delivery: delivery.id } },
      badge(STATES[delivery.state]),
      h(
        "div",
        { class: "delivery__words" },
        h("p", {}, h("strong", {}, words), " ", jobId ? h("a", { href: `#/jobs/${jobId}` }, inputs.join(", ") || "job") : null),
        h("p", { class: "muted" }, `${dateAndTime(delivery.created_at)} · ${outcome(delivery) || "is being sent"}`),
        h(
          "details",
          { class: "job-more" },
          h("summary", {}, "The message"),
          h("pre", { class: "job-log", tabindex: "0" }, JSON.stringify(JSON.parse(delivery.body), null, 2)),
        ),
      ),
      again,
    );
  }

  #sendTest() {
    return busy(this.test, "send a test", async () => {
      await api.post(pathOf(this.id, "test"));
      await this.reload();
    });
  }

  #sendAgain(control, delivery) {
    return busy(control, "send it again", async () => {
      await api.post(pathOf(this.id, `deliveries/${delivery.id}/redeliver`));
      await this.reload();
    });
  }

  #toggle() {
    return busy(this.switch, "change the webhook", async () => {
      await api.patch(pathOf(this.id), { is_on: !this.webhook.is_on });
      await this.reload();
    });
  }

  async #delete(control) {
    const words = "It hears of no more jobs, and the list of what was sent to it is deleted.";
    if (!(await confirmAction("Delete this webhook?", words, "Delete"))) return;
    await busy(control, "delete the webhook", async () => {
      await api.delete(pathOf(this.id));
      await this.reload();
    });
  }
}

class WebhooksPage {
  constructor(root) {
    this.cards = new Map();
    this.summary = h("p", { class: "muted page-head__note", role: "status" });
    this.list = h("div", { class: "webhooks" });
    this.nothing = h("div", {});
    const add = button("plus-lg", "Add webhook", { kind: "btn-primary", onclick: () => this.#add() });
    root.append(
      h("header", { class: "page-head" }, h("h1", {}, "Webhooks"), this.summary, h("div", { class: "page-head__end" }, add)),
      h("p", { class: "lead-line" }, WHAT_FOR),
      this.list,
      this.nothing,
    );
    this.timer = setInterval(() => document.hidden || this.load(), RELOAD_MS);
    this.load();
  }

  async load() {
    let webhooks;
    try {
      ({ webhooks } = await api.get("/api/v1/webhooks"));
    } catch (error) {
      clearInterval(this.timer);
      toastError("read the webhooks", error);
      return;
    }
    setText(this.summary, plural(webhooks.length, "address", "addresses"));
    const ids = new Set(webhooks.map((one) => one.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    for (const webhook of webhooks) {
      const card = this.cards.get(webhook.id);
      if (card) card.draw(webhook);
      else this.#put(webhook);
    }
    const empty = () => emptyState("broadcast", "Nobody is told yet", "Add the address of a program that should hear of ended jobs.");
    if (Boolean(this.nothing.children.length) !== !webhooks.length) this.nothing.replaceChildren(...(webhooks.length ? [] : [empty()]));
  }

  #put(webhook) {
    const card = new WebhookCard(webhook, () => this.load());
    this.cards.set(webhook.id, card);
    this.list.append(card.element);
  }

  #add() {
    const url = h("input", {
      class: "form-control",
      id: "webhook-url",
      type: "url",
      required: true,
      maxlength: "2000",
      placeholder: "https://example.org/sightline",
      autocomplete: "off",
    });
    const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    const save = async () => {
      try {
        const made = await api.post("/api/v1/webhooks", { url: url.value.trim() });
        dialog.close();
        showSecret(made);
        toast("good", "Webhook added");
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.message;
        return;
      }
      this.load();
    };
    const body = h(
      "div",
      { class: "form-stack" },
      h("div", {}, h("label", { class: "form-label", for: url.id }, "Address"), url),
      h("p", { class: "muted" }, "It gets a POST with JSON for every job that ends, however it ends."),
      problem,
    );
    const footer = [cancelButton(), h("button", { type: "submit", class: "btn btn-primary" }, "Add")];
    const dialog = openDialog({ title: "Add webhook", body: [body], footer, onsubmit: save }, { focus: url });
  }

  dispose() {
    clearInterval(this.timer);
  }
}

export const webhooksPage = {
  title: "Webhooks",
  mount(root) {
    const page = new WebhooksPage(root);
    return () => page.dispose();
  },
};

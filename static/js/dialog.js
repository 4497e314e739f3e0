// A Bootstrap modal with the life of one question: made, shown, removed.
import { h, icon } from "./dom.js";

let made = 0;

/**
 * Show a dialog; it leaves the page when it is closed by whatever means.
 * @param {{title: string, body: Node[], footer?: Node[], size?: string, onsubmit?: Function}} parts with `onsubmit` the content is a form
 * @param {{onClosed?: Function, focus?: HTMLElement}} more
 * @returns {{box: HTMLElement, close: Function}}
 */
export function openDialog({ title, body, footer = [], size = "", onsubmit }, { onClosed = () => {}, focus } = {}) {
  const id = `dialog-title-${(made += 1)}`;
  const close = h(
    "button",
    { type: "button", class: "btn btn-quiet", "data-bs-dismiss": "modal", "aria-label": "Close" },
    icon("x-lg"),
  );
  const content = h(
    onsubmit ? "form" : "div",
    { class: "modal-content", novalidate: Boolean(onsubmit) },
    h("div", { class: "modal-header" }, h("h2", { class: "modal-title", id }, title), close),
    h("div", { class: "modal-body" }, body),
    footer.length ? h("div", { class: "modal-footer" }, footer) : null,
  );
  if (onsubmit) {
    content.addEventListener("submit", (event) => {
      event.preventDefault();
      onsubmit();
    });
  }
  const box = h(
    "div",
    { class: "modal fade", tabindex: "-1", "aria-labelledby": id },
    h("div", { class: `modal-dialog modal-dialog-centered ${size}` }, content),
  );
  document.body.append(box);
  const modal = new window.bootstrap.Modal(box);
  box.addEventListener("shown.bs.modal", () => focus?.focus());
  box.addEventListener("hidden.bs.modal", () => {
    modal.dispose();
    box.remove();
    onClosed();
  });
  modal.show();
  return { box, close: () => modal.hide() };
}

/** Close whatever is open: the page under it is about to change. */
export function closeDialogs() {
  for (const box of document.querySelectorAll(".modal.show")) window.bootstrap.Modal.getInstance(box)?.hide();
}

/** The buttons most dialogs end with. */
export function cancelButton(words = "Cancel") {
  return h("button", { type: "button", class: "btn btn-outline", "data-bs-dismiss": "modal" }, words);
}

// Asks before something is lost.
import { cancelButton, openDialog } from "./dialog.js";
import { h } from "./dom.js";

/**
 * Ask; resolves to true when the person agrees. The safe answer has the focus.
 * @param {string} title the question
 * @param {string} words what will happen
 * @param {string} action the word on the button that does it
 */
export function confirmAction(title, words, action) {
  return new Promise((resolve) => {
    let answer = false;
    const no = cancelButton("Keep");
    const yes = h(
      "button",
      { type: "button", class: "btn btn-danger", "data-bs-dismiss": "modal", onclick: () => (answer = true) },
      action,
    );
    openDialog(
      { title, body: [h("p", { class: "muted" }, words)], footer: [no, yes] },
      { onClosed: () => resolve(answer), focus: no },
    );
  });
}

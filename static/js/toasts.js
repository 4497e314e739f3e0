// Short messages in the corner. Errors stay until closed; good news leaves by itself.
import { button, h, icon } from "./dom.js";

const LOOKS = {
  good: { iconName: "check-circle-fill", stays_ms: 5000 },
  info: { iconName: "info-circle", stays_ms: 6000 },
  warn: { iconName: "exclamation-triangle-fill", stays_ms: 9000 },
  bad: { iconName: "exclamation-octagon", stays_ms: 0 },
};
const MOST_AT_ONCE = 4;

/**
 * Show a message.
 * @param {"good"|"info"|"warn"|"bad"} tone
 * @param {string} title what happened
 * @param {string} detail what to do, may be empty
 * @param {Node|null} action a link or button under the words
 */
export function toast(tone, title, detail = "", action = null) {
  const region = document.getElementById("toasts");
  const same = [...region.children].find((other) => other.dataset.words === title + detail);
  same?.remove();
  while (region.children.length >= MOST_AT_ONCE) region.firstElementChild.remove();
  const look = LOOKS[tone];
  const close = button("x-lg", "Close message", { iconOnly: true, kind: "btn-quiet btn-sm", onclick: () => box.remove() });
  const box = h(
    "div",
    { class: `notice notice--${tone}`, role: tone === "bad" ? "alert" : "status", dataset: { words: title + detail } },
    icon(look.iconName, "notice__icon"),
    h("div", { class: "notice__words" }, h("strong", {}, title), detail ? h("p", {}, detail) : null, action),
    close,
  );
  region.append(box);
  if (look.stays_ms) setTimeout(() => box.remove(), look.stays_ms);
}

/** Show why something did not work. `what` completes the sentence "Could not …". */
export function toastError(what, error) {
  if (error?.name === "AbortError" || error?.isLoggedOut) return;
  toast("bad", `Could not ${what}`, error?.message ?? String(error));
}

// The badge that says in one word how a camera is.
import { h, setText } from "./dom.js";
import { reasonOf, stateOf } from "./words.js";

export function stateBadge() {
  const word = h("span", { class: "badge-state__word" });
  const element = h("span", { class: "badge-state" }, h("span", { class: "badge-state__dot" }), word);
  return {
    element,
    /** Show the state of `camera`; the reason is its tooltip. */
    draw(camera) {
      const state = stateOf(camera);
      element.dataset.tone = state.tone;
      element.title = reasonOf(camera);
      setText(word, state.word);
    },
  };
}

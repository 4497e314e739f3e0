// A button that copies text; where the browser forbids that (plain http from afar), it selects the text instead.
import { button, setText } from "./dom.js";

const SAID_MS = 2000;

/** Copies what `shown`, an element on the page, holds. */
export function copyButton(shown, words = "Copy") {
  const made = button("copy", words, { kind: "btn-outline btn-sm" });
  made.addEventListener("click", async () => {
    const say = made.querySelector("span");
    try {
      await navigator.clipboard.writeText(shown.textContent);
      setText(say, "Copied");
    } catch {
      // `clipboard` is missing without https, or refused.
      getSelection().selectAllChildren(shown);
      setText(say, "Selected: press Ctrl+C");
    }
    setTimeout(() => setText(say, words), SAID_MS);
  });
  return made;
}

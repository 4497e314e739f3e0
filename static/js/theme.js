// Dark or light: follows the system until the operator chooses, then remembers the choice.
import { icon } from "./dom.js";

const KEY = "sightline-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is switched off: the choice holds for this page only.
  }
}

function apply(theme) {
  document.documentElement.dataset.bsTheme = theme;
  document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
}

export function currentTheme() {
  return document.documentElement.dataset.bsTheme;
}

/** Bind a button that switches between dark and light. */
export function bindThemeButton(button) {
  const draw = () => {
    const isDark = currentTheme() === "dark";
    button.replaceChildren(icon(isDark ? "sun" : "moon-stars"));
    button.setAttribute("aria-label", isDark ? "Use light colours" : "Use dark colours");
    button.title = button.getAttribute("aria-label");
  };
  button.addEventListener("click", () => {
    const next = currentTheme() === "dark" ? "light" : "dark";
    remember(next);
    apply(next);
  });
  document.addEventListener("themechange", draw);
  system.addEventListener("change", () => {
    if (!remembered()) apply(system.matches ? "dark" : "light");
  });
  draw();
}

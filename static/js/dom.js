// Small pieces for building the page: elements, icons, rate limiting. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const SPRITE = "/static/vendor/bootstrap-icons/icons.svg";

/**
 * Make an element. `attributes`: `class`, `dataset`, `style` (an object: a style text would
 * break the content security policy), `on*` listeners, properties such as `checked`, everything else an attribute.
 * Children may be nodes, strings, numbers, or null (left out).
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (["checked", "disabled", "value", "selected", "hidden", "required", "multiple", "tabIndex"].includes(name))
      element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An icon of the sprite, hidden from screen readers: the control beside it carries the words. */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

/** A button with an icon and words; with `iconOnly` the words are its accessible name and tooltip. */
export function button(iconName, words, { iconOnly = false, kind = "", onclick, ...more } = {}) {
  const attributes = { type: "button", class: `btn ${kind}`.trim(), onclick, ...more };
  if (iconOnly) Object.assign(attributes, { "aria-label": words, title: words });
  return h("button", attributes, iconName ? icon(iconName) : null, iconOnly ? null : h("span", {}, words));
}

/** Set text only when it changed: keeps screen readers and the layout calm. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Call `action` once, `delay_ms` after the last call. `.flush()` calls it now when one is due; `.cancel()` forgets it. */
export function debounce(action, delay_ms) {
  let timer = null;
  const run = () => {
    timer = null;
    action();
  };
  const debounced = () => {
    clearTimeout(timer);
    timer = setTimeout(run, delay_ms);
  };
  debounced.flush = () => {
    if (timer === null) return;
    clearTimeout(timer);
    run();
  };
  debounced.cancel = () => {
    clearTimeout(timer);
    timer = null;
  };
  return debounced;
}

/** Call `action(newest argument)` at most once per `period_ms`. */
export function throttle(action, period_ms) {
  let timer = null;
  let newest;
  return (argument) => {
    newest = argument;
    timer ??= setTimeout(() => {
      timer = null;
      action(newest);
    }, period_ms);
  };
}

/** What a list shows when it has nothing: tells what to do next. */
export function emptyState(iconName, title, words, action = null) {
  return h(
    "div",
    { class: "empty" },
    icon(iconName, "empty__icon"),
    h("h2", { class: "empty__title" }, title),
    h("p", {}, words),
    action,
  );
}

/** A table in a box that scrolls sideways where it must: `words` are the heads of its columns, `body` its tbody. */
export function dataTable(words, body) {
  const heads = words.map((word) => h("th", { scope: "col" }, word));
  return h("div", { class: "table-box" }, h("table", { class: "table" }, h("thead", {}, h("tr", {}, heads)), body));
}

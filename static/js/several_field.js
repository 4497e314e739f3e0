// The field of a parameter that takes several of some choices: boxes, with a search where there are many.
import { h, setText } from "./dom.js";
import { humanise } from "./words.js";

const MANY = 8;
const MOST_CHIPS = 6;

function summary(chosen, choices) {
  if (!chosen.length) return "none chosen";
  if (chosen.length === choices.length) return "all";
  return chosen.length > MOST_CHIPS ? `${chosen.length} of ${choices.length}` : "";
}

/** As the fields of `param_field`; its `input` is the group, which can be disabled as a whole. */
export function severalField(param, id, onChange) {
  const { choices } = param;
  const output = h("output", { class: "field__value" });
  const chips = h("div", { class: "several__chips" });
  let chosen = [];
  const change = (choice, isOn) => {
    const wanted = new Set(chosen);
    if (isOn) wanted.add(choice);
    else wanted.delete(choice);
    // In the order of the choices, as the server keeps them.
    onChange(choices.filter((one) => wanted.has(one)));
  };
  const boxes = choices.map((choice, place) => {
    const box = h("input", { type: "checkbox", class: "form-check-input", id: `${id}-${place}` });
    box.addEventListener("change", () => change(choice, box.checked));
    return { choice, box, element: h("label", { class: "several__choice", for: box.id }, box, h("span", {}, humanise(choice))) };
  });
  const list = h(
    "div",
    { class: `several__list${choices.length > MANY ? " several__list--long" : ""}` },
    boxes.map((one) => one.element),
  );
  const group = h("fieldset", { class: "several", id }, chips);
  if (choices.length > MANY) group.append(...searchAndTools(boxes, onChange, choices));
  group.append(list);
  const draw = (value) => {
    chosen = value ?? [];
    setText(output, summary(chosen, choices));
    for (const { choice, box } of boxes) box.checked = chosen.includes(choice);
    const shown = choices.length > MANY && chosen.length <= MOST_CHIPS ? chosen : [];
    chips.hidden = !shown.length;
    chips.replaceChildren(...shown.map((choice) => chip(choice, () => change(choice, false))));
  };
  return { control: group, output, draw, input: group, isGroup: true };
}

function chip(choice, onclick) {
  return h(
    "button",
    { type: "button", class: "several__chip", "aria-label": `Remove ${humanise(choice)}`, onclick },
    humanise(choice),
    h("span", { "aria-hidden": "true" }, "×"),
  );
}

function searchAndTools(boxes, onChange, choices) {
  const search = h("input", {
    type: "search",
    class: "form-control form-control-sm",
    placeholder: "Search…",
    "aria-label": "Search the choices",
  });
  const nothing = h("p", { class: "field__help", role: "status", hidden: true }, "Nothing of that name.");
  search.addEventListener("input", () => {
    const words = search.value.trim().toLowerCase();
    for (const { choice, element } of boxes) element.hidden = !humanise(choice).toLowerCase().includes(words);
    nothing.hidden = boxes.some(({ element }) => !element.hidden);
  });
  const all = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => onChange([...choices]) }, "All");
  const none = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => onChange([]) }, "None");
  return [h("div", { class: "several__tools" }, search, all, none), nothing];
}

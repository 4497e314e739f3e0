// The form field of one stage parameter, made from its description in /api/stages.
import { button, h, setText } from "./dom.js";
import { severalField } from "./several_field.js";
import { humanise, plural } from "./words.js";

const SHAPE_WORDS = { zone: "zone", line: "line", quad: "area" };
const LONGEST_TEXT = 500;
let made = 0;

function digits(step) {
  const text = String(step ?? 1);
  return text.includes(".") ? text.split(".")[1].length : 0;
}

function stepOf(param) {
  if (param.step) return param.step;
  if (param.type === "int") return 1;
  return (param.maximum - param.minimum) / 100 || 0.01;
}

function rangeField(param, id, onChange) {
  const step = stepOf(param);
  const output = h("output", { for: id, class: "field__value" });
  const input = h("input", { type: "range", class: "form-range", id, min: param.minimum, max: param.maximum, step });
  const tell = () => {
    const value = Number(input.value);
    const text = `${value.toFixed(param.type === "int" ? 0 : digits(step))}${param.unit ? ` ${param.unit}` : ""}`;
    setText(output, text);
    input.setAttribute("aria-valuetext", text);
    const share = (value - param.minimum) / (param.maximum - param.minimum || 1);
    input.style.setProperty("--share", `${Math.round(share * 100)}%`);
  };
  input.addEventListener("input", () => {
    tell();
    onChange(Number(input.value));
  });
  const draw = (value) => {
    // The thumb under the operator's finger is not moved from outside.
    if (input.matches(":active")) return;
    input.value = value;
    tell();
  };
  return { control: input, output, draw, input };
}

function numberField(param, id, onChange) {
  const input = h("input", {
    type: "number",
    class: "form-control form-control-sm",
    id,
    min: param.minimum,
    max: param.maximum,
    step: param.step ?? "any",
  });
  input.addEventListener("change", () => {
    if (input.value !== "" && input.checkValidity()) onChange(Number(input.value));
  });
  return { control: input, output: null, draw: (value) => (input.value = value), input };
}

function choiceField(param, id, onChange) {
  const input = h(
    "select",
    { class: "form-select form-select-sm", id },
    param.choices.map((choice) => h("option", { value: choice }, humanise(choice))),
  );
  input.addEventListener("change", () => onChange(input.value));
  return { control: input, output: null, draw: (value) => (input.value = value), input };
}

function textField(_param, id, onChange) {
  const input = h("input", {
    type: "text",
    class: "form-control form-control-sm",
    id,
    maxlength: LONGEST_TEXT,
    autocomplete: "off",
  });
  input.addEventListener("change", () => onChange(input.value.trim()));
  input.addEventListener("keydown", (event) => event.key === "Enter" && input.blur());
  const draw = (value) => {
    // What is being typed is not taken away by an answer that arrives meanwhile.
    if (input !== document.activeElement) input.value = value ?? "";
  };
  return { control: input, output: null, draw, input };
}

/** Shapes are drawn on the picture: the field tells which there are, and asks the page for the editor ("drawshapes" bubbles). */
function shapesField(param, id) {
  const word = SHAPE_WORDS[param.editor.replace("shapes:", "")] ?? "shape";
  const output = h("output", { for: id, class: "field__value" });
  const names = h("p", { class: "field__help" });
  const words = "Draw on the picture";
  const input = button("pencil", words, { kind: "btn-outline btn-sm", id, "aria-label": `${words}: ${param.label}` });
  input.addEventListener("click", () =>
    input.dispatchEvent(new CustomEvent("drawshapes", { bubbles: true, detail: { key: param.key } })),
  );
  const draw = (value) => {
    const shapes = value ?? [];
    setText(output, shapes.length ? plural(shapes.length, word) : "none");
    setText(names, shapes.map((shape) => shape.name).join(", "));
    names.hidden = !shapes.length;
  };
  return { control: h("div", { class: "field__shapes" }, names, input), output, draw, input, namesItself: true };
}

function switchField(_param, id, onChange) {
  const input = h("input", { type: "checkbox", class: "form-check-input", role: "switch", id });
  input.addEventListener("change", () => onChange(input.checked));
  return {
    control: h("div", { class: "form-switch field__switch" }, input),
    output: null,
    draw: (value) => (input.checked = Boolean(value)),
    input,
  };
}

function fieldFor(param) {
  if (param.type === "bool") return switchField;
  if (param.type === "several") return severalField;
  if (param.type === "shapes") return shapesField;
  if (param.choices?.length) return choiceField;
  if (param.type !== "int" && param.type !== "float") return textField;
  return param.minimum === null || param.maximum === null ? numberField : rangeField;
}

/** A labelled field; `draw(value)` shows a value, `onChange(value)` is called when the operator changes it. */
export function paramField(param, onChange) {
  const id = `param-${(made += 1)}`;
  const field = fieldFor(param)(param, id, onChange);
  const help = param.help ? h("p", { class: "field__help", id: `${id}-help` }, param.help) : null;
  if (help) field.input.setAttribute("aria-describedby", help.id);
  const words = param.label || humanise(param.name);
  // A group of boxes is no control that a label could name: it is named by what stands over it.
  const label = field.isGroup || field.namesItself ? h("span", { id: `${id}-label` }, words) : h("label", { for: id }, words);
  if (field.isGroup) field.input.setAttribute("aria-labelledby", label.id);
  const head = h("div", { class: "field__head" }, label, field.output);
  const isInline = param.type === "bool";
  if (isInline) head.append(field.control);
  return {
    element: h("div", { class: "field" }, head, isInline ? null : field.control, help),
    draw: field.draw,
    input: field.input,
  };
}

// The fields of a form: what is typed or chosen, what is wrong with it, its help, and the groups that fields are in.

import { el, plain, setAttr, setText, uniqueId } from "./dom.js";

/** @import { ActionField } from "./types.d.ts" */

const MAX_UNFOLDED = 10;
const SHORT_FORM = 2;
const LINES_SHOWN = 3;

/** @typedef {string | number | boolean | null} FieldValue */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/**
 * A field; `problem` says what is wrong with its value, `check` shows that, too, and `complain` shows what the kernel says of it.
 * @typedef {object} Field
 * @property {string} name
 * @property {string} group
 * @property {boolean} isSecret
 * @property {Control} input
 * @property {HTMLElement} el
 * @property {() => string} problem
 * @property {() => string} check
 * @property {(text: string) => void} complain
 * @property {() => FieldValue} value
 * @property {() => boolean} isChanged
 * @property {(isReadOnly: boolean) => void} setReadOnly
 */

/** @type {(field: ActionField, onEdit: () => void) => Field} */
export function createField({ name, label, type, value, required, help, default: implied, group, choices }, onEdit) {
  const id = uniqueId();
  const isFlag = type === "flag";
  const input = createControl(type, choices, {
    ...{ id, "aria-describedby": `${id}-help ${id}-wrong`, oninput: onInput, onchange: check },
    ...(isFlag ? {} : { class: "cl-input", "aria-required": required && "true", placeholder: implied && plain(implied) }),
  });
  const message = el("span", { class: "cl-bad", id: `${id}-wrong` });
  const caption = el("label", { for: id, text: plain(label) });
  if (input instanceof HTMLInputElement && isFlag) input.checked = Boolean(value);
  else input.value = String(value ?? "");
  const initial = read();

  function onInput() {
    if (input.ariaInvalid) check();
    onEdit();
  }

  /** @returns {string} */
  function problem() {
    const typed = input.value.trim();
    if (isFlag || (!typed && !required)) return "";
    if (!typed) return "This is needed";
    return type === "number" && !/^\d+$/.test(typed) ? "This must be a whole number" : "";
  }

  function check() {
    const text = problem();
    complain(text);
    return text;
  }

  /** @param {string} text */
  function complain(text) {
    setText(message, plain(text));
    setAttr(input, "aria-invalid", text ? "true" : null);
    if (text) input.closest("details")?.setAttribute("open", "");
  }

  /** @returns {FieldValue} */
  function read() {
    if (input instanceof HTMLInputElement && isFlag) return input.checked;
    if (type === "secret") return input.value || null;
    const typed = input.value.trim();
    return typed && type === "number" ? Number(typed) : typed || null;
  }

  /** @param {boolean} isReadOnly */
  function setReadOnly(isReadOnly) {
    if (input instanceof HTMLSelectElement) input.disabled = isReadOnly;
    else input.readOnly = isReadOnly;
  }

  const hint = el("small", { class: "cl-quiet", id: `${id}-help`, text: plain(help) });
  const children = isFlag ? [input, caption] : [caption, input];
  return {
    ...{ name, group, isSecret: type === "secret", input, problem, check, complain, value: read, setReadOnly },
    isChanged: () => read() !== initial,
    el: el("div", { class: "cl-field" }, ...children, help ? hint : null, message),
  };
}

/** @type {(type: ActionField["type"], choices: ActionField["choices"], props: Record<string, any>) => Control} */
function createControl(type, choices, props) {
  if (type === "choice") {
    return el("select", props, ...choices.map(([value, text]) => el("option", { value, text: plain(text) })));
  }
  const typed = { spellcheck: "false", autocomplete: "off", ...props };
  if (type === "lines") return el("textarea", { rows: LINES_SHOWN, ...typed });
  if (type === "flag") return el("input", { type: "checkbox", ...props });
  // A browser offers to fill in, and to keep, what is typed into a password field that does not say that it is a new one.
  if (type === "secret") return el("input", { ...typed, type: "password", autocomplete: "new-password" });
  return el("input", { ...typed, ...(type === "number" ? { inputmode: "numeric" } : {}) });
}

/**
 * Return the elements of *fields*: those without a group first, each group folded, unless the form is short.
 * @type {(fields: Field[]) => HTMLElement[]}
 */
export function arrange(fields) {
  const first = fields.filter((field) => !field.group);
  const labels = [...new Set(fields.map((field) => field.group))].filter(Boolean);
  const groups = labels.map((label) => {
    const members = fields.filter((field) => field.group === label);
    const summary = el("summary", { text: `${plain(label)} (${members.length})` });
    const isOpen = first.length <= SHORT_FORM && members.length <= MAX_UNFOLDED;
    return el("details", { class: "cl-group", open: isOpen }, summary, ...members.map((field) => field.el));
  });
  return [...first.map((field) => field.el), ...groups];
}

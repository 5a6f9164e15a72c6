// The form of an action: what it asks for, the line of magic that does the same, its progress and its result.

import { copyButton, iconButton, makeButton } from "./buttons.js";
import { activeIn, el, plain, plainLines, setAttr, setText, targetOf, uniqueId } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Action, ActionField, ActReply, App, DetailsReply } from "./types.d.ts" */
/** @import { KernelError } from "./remote.js" */

const NAMES_SHOWN = 12;
const LINKS_SHOWN = 5;
const TYPING_PAUSE = 150;

/** @typedef {"ask" | "busy" | "done" | "failed"} FormState */
/** @typedef {{ el: HTMLElement, state?: FormState }} Task what the pane shows of an action, or of a problem with one */
/** @typedef {string | number | boolean | null} FieldValue */

/**
 * Return the details of one resource; of several, only what can be done with them, and why the rest cannot.
 * @type {(app: Pick<App, "request">, ids: string[]) => Promise<DetailsReply | { acts: Action[] }>}
 */
export function describe(app, ids) {
  return ids.length > 1 ? app.request("offers", { ids }) : app.request("details", { row: ids[0] });
}

/**
 * Return the names of at most *most* resources, and how many more there are.
 * @type {(app: Pick<App, "findRow">, ids: string[], most: number) => string[]}
 */
export function namesOf(app, ids, most) {
  const names = ids.slice(0, most).map((id) => plain(app.findRow(id)?.name || id));
  return ids.length > most ? [...names, `… and ${ids.length - most} more`] : names;
}

/** @param {App} app */
function createLineBox(app) {
  const code = el("code");
  let line = "";
  const copy = copyButton(app, "Copy as magic", () => line);

  /** @param {string | undefined} text */
  function show(text) {
    if (text === undefined) return;
    line = text;
    setText(code, plainLines(text));
  }

  return { el: el("div", { class: "cl-line" }, code, copy), show };
}

/**
 * Create the form of *action* on the resources with these *ids*. *returnFocus* is called when the form closes with the focus in
 * it, *onEnd* when the action has ended.
 * @type {(app: App, action: Action, ids: string[], on: { returnFocus: () => void, onEnd: () => void }) => Task & { start: () => void }}
 */
export function createActionForm(app, action, ids, { returnFocus, onEnd }) {
  const isSeveral = ids.length > 1;
  const title = `${plain(action.label)}: ${isSeveral ? `${ids.length} selected` : namesOf(app, ids, 1)[0]}`;
  const fields = action.asks.map((field) => createField(field, isSeveral, onEdit));
  const line = createLineBox(app);
  const hint = el("p", { class: "cl-quiet" });
  const alert = el("div", { class: "cl-bad cl-note", role: "alert" });
  const questionId = uniqueId();
  const cancel = makeButton("Cancel", close, { "aria-describedby": action.danger && questionId });
  const go = makeButton(action.label, null, { type: "submit", class: `cl-btn ${action.danger ? "cl-bad" : "cl-prime"}` });
  const parts = [
    el("h4", { text: title }),
    action.danger ? createQuestion(action.danger) : null,
    ...fields.map((field) => field.el),
    ...[line.el, hint, alert],
    el("div", { class: "cl-flow" }, cancel, go),
  ];
  const form = el("form", { novalidate: true, onsubmit: submit }, ...parts);
  const box = el("div", { class: "cl-task", onkeydown: onKey }, form);
  /** @type {Task & { start: () => void }} */
  const task = { el: box, state: "ask", start };
  let previews = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  /** @param {string} danger */
  function createQuestion(danger) {
    const removed = isSeveral ? namesOf(app, ids, NAMES_SHOWN).join(", ") : plain(danger);
    return el("p", { class: "cl-note", id: questionId }, icon("fault"), el("span", { text: `This will be lost: ${removed}` }));
  }

  // An action that asks for nothing and removes nothing is run at once.
  function start() {
    line.show(action.line);
    if (isSeveral) preview();
    if (!fields.length && !action.danger) return submit();
    const first = action.danger ? cancel : fields[0].input;
    first.focus();
    if (first instanceof HTMLInputElement) first.select();
  }

  const params = () => ({
    act: action.name,
    ids,
    values: Object.fromEntries(fields.map((field) => [field.name, field.value()])),
  });

  function onEdit() {
    clearTimeout(typing);
    typing = setTimeout(preview, TYPING_PAUSE);
  }

  async function preview() {
    if (fields.some((field) => field.problem())) return;
    const number = ++previews;
    const isCurrent = () => number === previews && task.state !== "busy";
    try {
      const reply = await app.request("line", params());
      if (!isCurrent()) return;
      setText(hint, "");
      line.show(reply.line);
    } catch (error) {
      if (isCurrent()) setText(hint, plain(/** @type {Error} */ (error).message));
    }
  }

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    const invalid = fields.filter((field) => field.check());
    if (invalid.length) invalid[0].input.focus();
    if (invalid.length || task.state === "busy") return;
    const end = showRunning();
    try {
      const reply = await app.request("act", params());
      end("done");
      showResult(reply);
    } catch (error) {
      end("failed");
      showFailure(/** @type {KernelError} */ (error));
    }
    onEnd();
  }

  // The button is disabled, but stays: it keeps the focus.
  function showRunning() {
    const startedAt = Date.now();
    const tick = () => setText(go.lastChild, `Running, ${Math.round((Date.now() - startedAt) / 1000)} s`);
    const ticking = setInterval(tick, 1000);
    /** @param {FormState} state */
    const setState = (state) => {
      const isBusy = state === "busy";
      task.state = state;
      setAttr(go, "aria-disabled", isBusy || null);
      cancel.hidden = isBusy;
      for (const { input } of fields) input.readOnly = isBusy;
      if (!isBusy) clearInterval(ticking);
    };
    if (activeIn(cancel)) go.focus();
    setState("busy");
    tick();
    setText(hint, "");
    alert.replaceChildren();
    app.say(`${title}: started`);
    return setState;
  }

  /** @param {KernelError} error */
  function showFailure(error) {
    setText(go.lastChild, "Try again");
    setText(cancel.lastChild, "Close");
    alert.append(icon("fault"), el("span", { text: plainLines(error.message) }));
    if (error.line) line.show(error.line);
  }

  /** @param {ActReply} reply */
  function showResult(reply) {
    const focused = activeIn(box);
    const text = plain(reply.text);
    const note = el(
      "div",
      { class: "cl-note cl-result" },
      icon("ok"),
      el("span", { text }),
      iconButton("Dismiss", "close", close),
    );
    const created = (reply.ids ?? []).slice(0, LINKS_SHOWN);
    const links = created.map((id) => makeButton(`Show ${app.findRow(id)?.name || id}`, () => app.reveal(id)));
    box.replaceChildren(note, line.el, ...links);
    line.show(reply.line);
    app.say(text);
    if (focused) returnFocus();
  }

  // JupyterLab keeps the Enter of a text field from its form.
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "Enter" && targetOf(event).matches("input")) return submit(event);
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (task.state !== "busy") close();
  }

  function close() {
    const focused = activeIn(box);
    clearTimeout(typing);
    box.remove();
    if (focused) returnFocus();
  }

  return task;
}

/** @type {(field: ActionField, isSeveral: boolean, onEdit: () => void) => Field} */
function createField({ name, label, type, value, required }, isSeveral, onEdit) {
  const id = uniqueId();
  const isFlag = type === "flag";
  const text = { class: "cl-input", spellcheck: "false", autocomplete: "off", "aria-required": required && "true" };
  /** @type {HTMLInputElement} */
  const input = el("input", {
    ...(isFlag ? { type: "checkbox" } : text),
    ...(type === "number" ? { inputmode: "numeric" } : {}),
    ...{ id, "aria-describedby": `${id}-wrong`, oninput: onInput, onchange: check },
  });
  const message = el("span", { class: "cl-bad", id: `${id}-wrong` });
  const caption = el("label", { for: id, text: isSeveral && isFlag ? "Delete what depends on them, too" : plain(label) });
  if (isFlag) input.checked = Boolean(value) && !isSeveral;
  else input.value = String(value ?? "");

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
    setText(message, text);
    setAttr(input, "aria-invalid", text ? "true" : null);
    return text;
  }

  /** @returns {FieldValue} */
  function read() {
    if (isFlag) return input.checked;
    const typed = input.value.trim();
    return typed && type === "number" ? Number(typed) : typed || null;
  }

  const children = isFlag ? [input, caption] : [caption, input];
  return { name, input, problem, check, value: read, el: el("div", { class: "cl-field" }, ...children, message) };
}

/**
 * A field; `problem` says what is wrong with its value, `check` shows that, too.
 * @typedef {object} Field
 * @property {string} name
 * @property {HTMLInputElement} input
 * @property {HTMLElement} el
 * @property {() => string} problem
 * @property {() => string} check
 * @property {() => FieldValue} value
 */

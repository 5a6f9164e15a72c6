// The form of an action: what it asks for, the line of magic that does the same, its progress and its result.

import { copyButton, iconButton, makeButton } from "./buttons.js";
import { activeIn, el, plain, plainLines, setAttr, setText, targetOf, uniqueId } from "./dom.js";
import { arrange, createField } from "./fields.js";
import { icon } from "./icons.js";

/** @import { Action, ActReply, App, DetailsReply } from "./types.d.ts" */
/** @import { Field, FieldValue } from "./fields.js" */
/** @import { KernelError } from "./remote.js" */
/** @import { RequestParams } from "./schema.js" */

const NAMES_SHOWN = 12;
const LINKS_SHOWN = 5;
const SHORT_ID = 8;
const TYPING_PAUSE = 150;

/** @typedef {"ask" | "busy" | "done" | "failed"} FormState */
/**
 * What the pane shows of an action, or of a problem with one; with `stays` it does not belong to the row that has the focus.
 * @typedef {{ el: HTMLElement, state?: FormState, stays?: boolean }} Task
 */

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
 * it, *onClose* whenever it closes, *onEnd* when the action has ended.
 * @param {App} app
 * @param {Action} action
 * @param {string[]} ids
 * @param {{ returnFocus: () => void, onEnd: () => void, onClose?: () => void }} on
 * @returns {Task & { start: () => void }}
 */
export function createActionForm(app, action, ids, { returnFocus, onEnd, onClose }) {
  const isSeveral = ids.length > 1;
  const title = action.title ?? `${plain(action.label)}: ${isSeveral ? `${ids.length} selected` : namesOf(app, ids, 1)[0]}`;
  const fields = action.asks.map((field) => createField(field, onEdit));
  const line = createLineBox(app);
  const hint = el("p", { class: "cl-quiet" });
  const alert = el("div", { class: "cl-bad cl-note", role: "alert" });
  const questionId = uniqueId();
  const cancel = makeButton("Cancel", close, { "aria-describedby": action.danger && questionId });
  const go = makeButton(action.label, null, { type: "submit", class: `cl-btn ${action.danger ? "cl-bad" : "cl-prime"}` });
  const tryOut = action.trial ? makeButton("Test", () => run(tryOut, { [action.trial ?? ""]: true }), {}) : null;
  const tried = el("div", { class: "cl-note", role: "status" });
  const parts = [
    el("h4", { text: title }),
    action.danger ? createQuestion(action.danger) : null,
    ...arrange(fields),
    ...[line.el, hint, alert],
    el("div", { class: "cl-foot" }, tried, el("div", { class: "cl-flow" }, cancel, tryOut, go)),
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
    if (isSeveral || action.given) preview();
    if (!fields.length && !action.danger) return submit();
    const first = action.danger ? cancel : fields[0].input;
    first.focus();
    if (first instanceof HTMLInputElement) first.select();
  }

  // Where changes are asked for, a field that was emptied is one; what was not touched is left as it is.
  /** @type {(sent: Field[], more?: Record<string, FieldValue>) => RequestParams["act"]} */
  const params = (sent, more = {}) => {
    const included = action.changes ? sent.filter((field) => field.isChanged()) : sent;
    const values = included.map((field) => [field.name, field.value() ?? (action.changes ? "" : null)]);
    return { act: action.name, ids, values: { ...action.given, ...Object.fromEntries(values), ...more } };
  };

  function onEdit() {
    clearTimeout(typing);
    typing = setTimeout(preview, TYPING_PAUSE);
  }

  async function preview() {
    if (fields.some((field) => field.problem())) return;
    const number = ++previews;
    const isCurrent = () => number === previews && task.state !== "busy";
    try {
      const reply = await app.request("line", params(fields.filter((field) => !field.isSecret))); // the line has no secret
      if (!isCurrent()) return;
      setText(hint, "");
      line.show(reply.line);
    } catch (error) {
      if (isCurrent()) setText(hint, plain(/** @type {Error} */ (error).message));
    }
  }

  /** @param {Event} [event] */
  function submit(event) {
    event?.preventDefault();
    return run(go);
  }

  /**
   * Run the action; with *more* values it is a trial, after which the form stays.
   * @param {HTMLElement | null} button
   * @param {Record<string, FieldValue>} [more]
   */
  async function run(button, more) {
    const invalid = fields.filter((field) => field.check());
    if (invalid.length) invalid[0].input.focus();
    if (invalid.length || task.state === "busy") return;
    const end = showRunning(/** @type {HTMLElement} */ (button));
    try {
      const reply = await app.request("act", params(fields, more));
      end(more ? "ask" : "done");
      if (more) showTrial(reply);
      else showResult(reply);
    } catch (error) {
      end("failed");
      showFailure(/** @type {KernelError} */ (error));
    }
    onEnd();
  }

  // The button is disabled, but stays: it keeps the focus.
  /** @param {HTMLElement} button */
  function showRunning(button) {
    const startedAt = Date.now();
    const label = button.lastChild?.textContent ?? "";
    const tick = () => setText(button.lastChild, `Running, ${Math.round((Date.now() - startedAt) / 1000)} s`);
    const ticking = setInterval(tick, 1000);
    /** @param {FormState} state */
    const setState = (state) => {
      const isBusy = state === "busy";
      task.state = state;
      setAttr(button, "aria-disabled", isBusy || null);
      for (const other of [cancel, tryOut, go]) if (other && other !== button) other.hidden = isBusy;
      for (const field of fields) field.setReadOnly(isBusy);
      if (isBusy) return;
      clearInterval(ticking);
      setText(button.lastChild, label);
    };
    if (activeIn(box)?.matches("button")) button.focus();
    setState("busy");
    tick();
    setText(hint, "");
    alert.replaceChildren();
    tried.replaceChildren();
    app.say(`${title}: started`);
    return setState;
  }

  /** @param {KernelError} error */
  function showFailure(error) {
    if (!tryOut) setText(go.lastChild, "Try again");
    setText(cancel.lastChild, "Close");
    const wrong = fields.find((field) => field.name === error.field);
    if (error.line) line.show(error.line);
    if (wrong) {
      wrong.complain(error.message);
      return wrong.input.focus();
    }
    alert.append(icon("fault"), el("span", { text: plainLines(error.message) }));
    alert.scrollIntoView({ block: "center" }); // the buttons stay below it
  }

  /** @param {ActReply} reply */
  function showTrial({ text }) {
    tried.append(icon("ok"), el("span", { text: plain(text) }));
    preview(); // while the trial ran nothing was shown
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
    const links = created.map((id) => makeButton(`Show ${app.findRow(id)?.name || id.slice(0, SHORT_ID)}`, () => app.reveal(id)));
    const output = reply.output ? [el("pre", { class: "cl-out", tabindex: 0, text: plainLines(reply.output) })] : [];
    box.replaceChildren(note, ...output, line.el, ...links);
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
    onClose?.();
    if (focused) returnFocus();
  }

  return task;
}

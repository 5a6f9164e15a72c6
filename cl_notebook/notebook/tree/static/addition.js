// The form that adds a backend: its driver is searched by typing, then the driver's options are asked for.

import { createActionForm } from "./action_form.js";
import { makeButton } from "./buttons.js";
import { activeIn, el, plain, setAttr, setText, targetOf, uniqueId } from "./dom.js";

/** @import { App } from "./types.d.ts" */
/** @import { Task } from "./action_form.js" */

const TYPING_PAUSE = 200;

/**
 * Create the form. *returnFocus* is called when it closes with the focus in it, *onEnd* when a backend was added, or could not be.
 * The driver follows the combobox pattern of WAI-ARIA: the focus stays in the field while the arrow keys choose.
 * @type {(app: App, on: { returnFocus: () => void, onEnd: () => void }) => Task & { start: () => void }}
 */
export function createAddition(app, { returnFocus, onEnd }) {
  const id = uniqueId();
  const typed = { class: "cl-input", spellcheck: "false", autocomplete: "off", oninput: onInput };
  const input = el("input", {
    ...{ id, ...typed, role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": `${id}-list` },
    ...{ placeholder: "Type a part of a name: local, sim, rbd, lvm…", onkeydown: onListKey, "aria-describedby": `${id}-note` },
  });
  const list = el("div", { class: "cl-options", role: "listbox", id: `${id}-list`, "aria-label": "Drivers", hidden: true });
  const note = el("small", { class: "cl-quiet", id: `${id}-note`, role: "status" });
  const python = el("input", { ...typed, id: `${id}-python`, placeholder: "/path/to/venv/bin/python" });
  const pythonLabel = el("label", { for: `${id}-python`, text: "The Python that has Cinder" });
  const summary = el("summary", { text: "Cinder's drivers of another Python" });
  const other = el("details", { class: "cl-group" }, summary, el("div", { class: "cl-field" }, pythonLabel, python));
  const cancel = el("div", { class: "cl-flow" }, makeButton("Cancel", close));
  const driver = el("div", { class: "cl-field" }, el("label", { for: id, text: "Driver" }), input, list, note);
  const picker = el("div", { class: "cl-task", onkeydown: onKey }, el("h4", { text: "Add a backend" }), driver, other, cancel);
  const slot = el("div");
  const box = el("div", { class: "cl-picker" }, picker, slot);
  /** @type {(Task & { start: () => void }) | null} */
  let form = null;
  let searches = 0;
  let active = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  function start() {
    input.focus();
    search();
  }

  function onInput() {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_PAUSE);
  }

  async function search() {
    const number = ++searches;
    setText(note, "Searching…");
    try {
      const reply = await app.request("drivers", { text: input.value, python: python.value.trim() });
      if (number !== searches) return;
      list.replaceChildren(...reply.drivers.map(createOption));
      setText(note, plain(reply.note));
    } catch (error) {
      if (number !== searches) return;
      list.replaceChildren();
      setText(note, plain(/** @type {Error} */ (error).message));
    }
    showList(list.hasChildNodes());
    activate(-1);
  }

  /** @type {(driver: { name: string, help: string }) => HTMLElement} */
  function createOption({ name, help }) {
    const props = { role: "option", id: uniqueId(), "data-name": name, title: plain(name), onclick: () => choose(name) };
    return el(
      "div",
      props,
      el("b", { text: lastPart(name) }),
      help ? el("small", { class: "cl-quiet", text: plain(help) }) : null,
    );
  }

  /** @param {boolean} isShown */
  function showList(isShown) {
    list.hidden = !isShown;
    setAttr(input, "aria-expanded", isShown);
  }

  const options = () => /** @type {HTMLElement[]} */ ([...list.children]);

  /** @param {number} index */
  function activate(index) {
    active = index;
    for (const [at, option] of options().entries()) setAttr(option, "aria-selected", at === index);
    const option = options()[index];
    setAttr(input, "aria-activedescendant", option?.id);
    option?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  function onListKey(event) {
    const count = options().length;
    if (event.key === "ArrowDown" && list.hidden) showList(count > 0);
    else if (event.key === "ArrowDown") activate((active + 1) % count);
    else if (event.key === "ArrowUp") activate((active - 1 + count) % count);
    else if (event.key === "Enter") choose(options()[count === 1 ? 0 : active]?.dataset.name ?? input.value.trim());
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} name */
  async function choose(name) {
    if (!name) return;
    clearTimeout(typing);
    const number = ++searches;
    input.value = name;
    showList(false);
    setText(note, "Reading the driver's options…");
    try {
      const { act } = await app.request("addition", { driver: name, python: python.value.trim() });
      if (number !== searches) return;
      setText(note, "");
      ask({ ...act, title: `Backend with driver ${lastPart(name)}` });
    } catch (error) {
      if (number === searches) setText(note, plain(/** @type {Error} */ (error).message));
    }
  }

  /** @param {import("./types.d.ts").Action} action */
  function ask(action) {
    form = createActionForm(app, action, [], { returnFocus, onEnd: onEnded, onClose: () => box.remove() });
    cancel.hidden = true;
    slot.replaceChildren(form.el);
    form.start();
  }

  function onEnded() {
    if (form?.state === "done") picker.remove();
    onEnd();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "Enter" && targetOf(event) === python) search();
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (list.hidden || form) close();
    else showList(false);
  }

  function close() {
    if (form?.state === "busy") return;
    const focused = activeIn(box);
    clearTimeout(typing);
    box.remove();
    if (focused) returnFocus();
  }

  return {
    ...{ el: box, stays: true, start },
    get state() {
      return form?.state ?? "ask";
    },
  };
}

/**
 * Return the class in the path of a driver.
 * @param {string} name
 */
function lastPart(name) {
  return plain(name.slice(name.lastIndexOf(".") + 1));
}

// The details pane: the focused row or the selected rows, what can be done with them, and how that went.

import { createActionForm, describe, namesOf } from "./action_form.js";
import { createAddition } from "./addition.js";
import { iconButton, makeButton } from "./buttons.js";
import { createDetails, statusMark } from "./details.js";
import { activeElement, activeIn, el, plain, setAttr } from "./dom.js";
import { statusIcon } from "./format.js";
import { icon } from "./icons.js";

/** @import { Action, App, DetailsReply, Row } from "./types.d.ts" */
/** @import { Task } from "./action_form.js" */

const FOCUS_DELAY = 120;
const REFRESH_INTERVAL = 1000;
const SKELETON_DELAY = 300;
const SKELETON_LINES = 6;
const NAMES_SHOWN = 50;
const GONE = /gone|any more/;

/** @typedef {ReturnType<typeof createDetailsPane>} DetailsPane */
/** @typedef {DetailsReply | { acts: Action[] } | { problem: string }} Reply */

/** @param {App} app */
export function createDetailsPane(app) {
  const title = el("h3", { tabindex: -1 });
  const actionBar = el("div", { class: "cl-flow", role: "group", "aria-label": "Actions" });
  const slot = el("div");
  const body = el("div");
  const scroller = el("div", { class: "cl-pane-scroll" }, actionBar, slot, body);
  const close = iconButton("Close details", "close", () => leave(() => app.showPane(false)));
  const head = el("div", { class: "cl-pane-head" }, title, close);
  const pane = el("section", { class: "cl-pane", "aria-label": "Details", onkeydown: onKey }, head, scroller);
  /** @type {Row | null} */
  let row = null;
  /** @type {string[]} */
  let ids = [];
  /** @type {Task[]} */
  let tasks = [];
  let turn = 0;
  let loadedAt = 0;
  let isVisible = false;
  let shown = "";
  let shownTitle = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let loading;

  // Nothing is loaded while the pane is not visible.
  function onResize() {
    const isNow = pane.getClientRects().length > 0;
    if (isNow === isVisible) return;
    isVisible = isNow;
    app.emit("pane", isVisible);
    if (isVisible) scheduleLoad(0);
  }

  // If a row is removed while the pane asks about it, the pane must not ask the same question about the next row.
  /** @param {Row | null} next */
  function show(next) {
    if (app.isFocusMoved && tasks.some((task) => task.state === "ask" && !task.stays)) return refresh();
    const selected = app.selectedIds;
    row = next;
    const isSeveral = selected.length > 1 && (!row || selected.includes(row.id));
    const nextIds = isSeveral ? selected : row ? [row.id] : [];
    const isSame = nextIds.length === ids.length && nextIds.every((id, index) => id === ids[index]);
    ids = nextIds;
    showTitle();
    if (!isSame) showOthers();
  }

  function showTitle() {
    const single = ids.length > 1 ? null : row;
    const text = ids.length > 1 ? `${ids.length} selected` : plain(row?.name || row?.id || "Details");
    const key = [text, row?.kind, row?.status, !single].join();
    if (shownTitle === key) return;
    shownTitle = key;
    const name = el("b", { text });
    if (single) title.replaceChildren(icon(single.kind), name, markOf(single));
    else title.replaceChildren(name);
  }

  /** @param {Row} single */
  function markOf({ kind, status }) {
    return statusMark(status, statusIcon(kind, status));
  }

  // The old details stay, disabled, until the new ones are there: no flicker while the focus moves.
  function showOthers() {
    const current = ++turn;
    shown = "";
    keepTasks((task) => task.state !== "ask" || !!task.stays);
    if (activeIn(body) || activeIn(actionBar)) title.focus();
    if (!ids.length) return fill([], [el("p", { class: "cl-quiet", text: "Go to a row to see its details." })]);
    setStale(true);
    setTimeout(() => {
      if (current === turn && !shown) body.replaceChildren(createSkeleton());
    }, SKELETON_DELAY);
    scheduleLoad(FOCUS_DELAY);
  }

  function createSkeleton() {
    const lines = Array.from({ length: SKELETON_LINES }, () => el("i"));
    return el("div", { class: "cl-bones", role: "img", "aria-label": "Loading" }, ...lines);
  }

  /** @param {boolean} isStale */
  function setStale(isStale) {
    setAttr(pane, "aria-busy", isStale || null);
    actionBar.inert = isStale;
    body.inert = isStale;
  }

  function refresh() {
    if (!loading) scheduleLoad(Math.max(0, loadedAt + REFRESH_INTERVAL - Date.now()));
  }

  /** @param {number} delay */
  function scheduleLoad(delay) {
    clearTimeout(loading);
    loading = setTimeout(load, delay);
  }

  async function load() {
    loading = undefined;
    if (!isVisible || !ids.length) return;
    const current = turn;
    loadedAt = Date.now();
    /** @type {Reply} */
    const reply = await describe(app, ids).catch(({ message }) => ({ problem: message }));
    if (current === turn) showReply(reply);
  }

  // Without a kernel the last reply stays.
  /** @param {Reply} reply */
  function showReply(reply) {
    const key = JSON.stringify({ ...reply, re: undefined }); // the number of the request is another one each time
    const problem = "problem" in reply ? reply.problem : "";
    const isGone = GONE.test(problem);
    if (key === shown || (problem && shown && !isGone)) return;
    shown = key;
    if (isGone) title.querySelector(".cl-mark")?.remove();
    if ("problem" in reply) {
      const text = isGone && row ? `${row.kind} ${plain(row.name || row.id)} is gone` : plain(problem);
      fill([], [el("p", { text })]);
    } else fill(reply.acts, "fields" in reply ? createDetails(app, reply) : [createNames()]);
  }

  function createNames() {
    const names = namesOf(app, ids, NAMES_SHOWN).map((text) => el("li", { text }));
    return el("ul", { class: "cl-list", "aria-label": "Selected" }, ...names);
  }

  // The scroll position stays, and the focus stays on the button that means the same.
  /** @type {(actions: Action[], nodes: HTMLElement[]) => void} */
  function fill(actions, nodes) {
    const focused = activeIn(actionBar) ?? activeIn(body);
    const { scrollTop } = scroller;
    const dangerous = actions.filter((action) => action.danger).map(createActionButton);
    const harmless = actions.filter((action) => !action.danger).map(createActionButton);
    actionBar.replaceChildren(...harmless, el("span", { class: "cl-gap cl-flow" }, ...dangerous));
    body.replaceChildren(...nodes);
    scroller.scrollTop = scrollTop;
    setStale(false);
    if (focused) focusKey(focused.dataset.key);
  }

  /** @param {Action} action */
  function createActionButton(action) {
    const { name, label, danger, why } = action;
    return makeButton(label, () => (why ? complain(why) : openForm(action, ids)), {
      ...{ "data-key": `act ${name}`, class: danger ? "cl-btn cl-bad" : "cl-btn" },
      ...(why ? { "aria-disabled": "true", title: plain(why), "aria-description": plain(why) } : {}),
    });
  }

  /** @param {string | null | undefined} key */
  function focusKey(key) {
    const keyed = /** @type {HTMLElement[]} */ ([...scroller.querySelectorAll("[data-key]")]);
    const node = key ? keyed.find((other) => other.dataset.key === key) : null;
    if (node) node.focus({ preventScroll: true });
    else app.focusGrid();
  }

  /** @param {(task: Task) => boolean} predicate */
  function keepTasks(predicate) {
    for (const task of tasks) if (!predicate(task)) task.el.remove();
    tasks = tasks.filter(predicate);
  }

  // Running actions stay, and so does a new backend's form beside an action on a row; earlier results give way to the next one.
  /** @param {Task} task */
  function addTask(task) {
    keepTasks(({ state, stays }) => state === "busy" || (state !== "done" && !!stays && !task.stays));
    tasks.push(task);
    slot.prepend(task.el);
    task.el.scrollIntoView({ block: "nearest" });
  }

  /** @type {(action: Action, ids: string[]) => void} */
  function openForm(action, actionIds) {
    const isFromBar = activeIn(actionBar);
    const returnFocus = () => focusKey(isFromBar && `act ${action.name}`);
    const form = createActionForm(app, action, actionIds, { returnFocus, onEnd: () => scheduleLoad(0) });
    addTask(form);
    form.start();
  }

  /**
   * Open the form of the action with this *name*, or say why it cannot be done.
   * @type {(name: string, ids: string[]) => Promise<void>}
   */
  async function startAction(name, actionIds) {
    try {
      const { acts } = await describe(app, actionIds);
      const action = acts.find((other) => other.name === name);
      if (!action || action.why) throw new Error(action?.why ?? `'${name}' is not available here.`);
      openForm(action, actionIds);
    } catch (error) {
      complain(/** @type {Error} */ (error).message);
    }
  }

  /** Open the form that adds a backend; the focus returns to where it was. */
  function startAddition() {
    const before = /** @type {HTMLElement | null} */ (activeElement(app.el));
    const returnFocus = () => (before?.isConnected ? before.focus() : app.focusGrid());
    const form = createAddition(app, { returnFocus, onEnd: refresh });
    addTask(form);
    form.start();
  }

  /** @param {string} text */
  function complain(text) {
    const dismiss = iconButton("Dismiss", "close", () => leave(() => box.remove()));
    const note = [icon("fault"), el("span", { text: plain(text) }), dismiss];
    const box = el("div", { class: "cl-task cl-note cl-bad", role: "alert" }, ...note);
    addTask({ el: box });
  }

  /** @param {() => void} run */
  function leave(run) {
    run();
    app.focusGrid();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "Escape") leave(() => event.stopPropagation());
  }

  function follow() {
    const current = row && app.findRow(row.id);
    if (current) show(current);
    refresh();
  }

  app.on("focus", show);
  app.on("selected", () => show(row));
  app.on("rows", follow);
  new ResizeObserver(onResize).observe(pane);
  show(app.focusedRow);
  return { el: pane, show, startAction, startAddition };
}

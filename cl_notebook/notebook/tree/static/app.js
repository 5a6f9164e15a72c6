// One view of the tree: its parts, and what each of them may use of the others (App).

import { createAnnouncer, createBanner } from "./announcements.js";
import { copyText } from "./clipboard.js";
import { createDetailsPane } from "./details_pane.js";
import { activeIn, el, targetOf } from "./dom.js";
import { createGrid } from "./grid.js";
import { createKeys } from "./keys.js";
import { findLab } from "./lab.js";
import { createPointer } from "./pointer.js";
import { createRemote } from "./remote.js";
import { createToolbar } from "./toolbar.js";

/** @import { App, Events, Head, Live, Model, Push, Row } from "./types.d.ts" */

const KEYS_ATTRIBUTE = "data-lm-suppress-shortcuts";
const FOCUS_DELAY = 200;
const QUERY_TRAITS = ["filter", "only_faults", "sort"];

// Other views of the same model do not follow the focus of this one.
let isSettingFocus = false;

/**
 * Create a view of *model*; `end` disconnects it.
 * @param {Model} model
 */
export function createApp(model) {
  const root = el("div", { class: "cl-live", [KEYS_ATTRIBUTE]: "true" });
  const announcer = createAnnouncer();
  const banner = createBanner(announcer.say);
  const { on, emit } = createEvents();
  const remote = createRemote(model, { onPush, onStateChange });
  let head = model.get("_state")?.head ?? null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let settling;

  /** @type {App} */
  const app = {
    ...{ model, el: root, on, emit, request: remote.request, say: announcer.say, warn: banner.warn, note: banner.note },
    ...{ reveal, giveLine, showPane, focusGrid: () => grid.focusCursor(), findRow: (id) => grid.cache.find(id) },
    startAction: (name, ids) => {
      showPane(true);
      pane.startAction(name, ids);
    },
    startAddition: model.get("_can_add") ? startAddition : undefined,
    get head() {
      return head;
    },
    get live() {
      return remote.live;
    },
    get focusedRow() {
      return grid.cursor.row;
    },
    get isFocusMoved() {
      return grid.cursor.isMoved;
    },
    get selectedIds() {
      return grid.selection.list();
    },
  };
  const grid = createGrid(app);
  const pane = createDetailsPane(app);
  const side = el("div", { class: "cl-side", hidden: true }, pane.el);

  // The kernel

  /** @param {Head} next */
  function setHead(next) {
    head = next;
    emit("head", next);
  }

  /** @param {Push} message */
  function onPush(message) {
    if (message.push === "changed" || message.push === "alive") grid.cache.invalidate(message.rev);
    if (message.push === "head") setHead(message.head);
    if (message.push === "store") banner.setLasting(message.problem);
  }

  async function greet() {
    try {
      const { rev, total, head: next } = await app.request("hello");
      setHead(next);
      grid.cache.invalidate(rev);
      if (total !== grid.cache.total) grid.cache.recheck();
    } catch {
      // without a kernel the state is shown as "lost" or "static"
    }
  }

  // If there has been no kernel from the start, the rows that were saved are all there are.
  /** @param {Live["state"]} before */
  function onStateChange(before) {
    const saved = model.get("_state");
    if (remote.live.state === "static" && saved?.rows) grid.fill({ ...saved, total: saved.rows.length });
    if (before === "lost" || before === "static") greet();
    emit("live", remote.live);
  }

  // The focus

  async function reveal(/** @type {string} */ id, takeFocus = true) {
    try {
      const { index } = await app.request("reveal", { row: id });
      if (index == null) return app.say("It is not among the rows that are shown.");
      await grid.cache.jump(index);
      grid.goTo(index, -1, { takeFocus });
    } catch (error) {
      app.warn(/** @type {Error} */ (error).message);
    }
  }

  /** @type {(row: Row, isCopied?: boolean) => Promise<void>} */
  async function giveLine({ id }, isCopied = false) {
    try {
      const { line } = await app.request("shown", { row: id });
      if (isCopied || !findLab()?.insert(line)) await copyText(app, line);
      else app.say("It is in the notebook.");
    } catch (error) {
      app.warn(/** @type {Error} */ (error).message);
    }
  }

  /** @param {boolean} isShown */
  function showPane(isShown) {
    const hadFocus = activeIn(side);
    side.hidden = !isShown;
    root.classList.toggle("cl-open", isShown);
    if (isShown) pane.show(app.focusedRow);
    else if (hadFocus) app.focusGrid();
  }

  function startAddition() {
    showPane(true);
    pane.startAddition();
  }

  on("focus", ({ id }) => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (model.get("focused") === id) return;
      isSettingFocus = true;
      model.set("focused", id);
      isSettingFocus = false;
      model.save_changes();
    }, FOCUS_DELAY);
  });

  function followFocus() {
    const id = model.get("focused");
    if (!isSettingFocus && id && id !== grid.cursor.id) reveal(id, false);
  }

  // The model

  /** @type {[event: string, listener: () => void][]} */
  const listeners = [
    ["change:_problem", () => model.get("_problem") && grid.cache.restart(false)],
    ["change:focused", followFocus],
    .../** @type {[string, () => void][]} */ (QUERY_TRAITS.map((name) => [`change:${name}`, () => grid.cache.restart(true)])),
  ];

  function end() {
    for (const [event, listener] of listeners) model.off(event, listener);
    remote.end();
    grid.stop();
  }

  for (const [event, listener] of listeners) model.on(event, listener);
  // Notebook 7 looks for shortcuts from the focused element upwards, and would run its own before it gets to the root.
  root.addEventListener("focusin", (event) => targetOf(event).setAttribute(KEYS_ATTRIBUTE, "true"));
  root.append(createToolbar(app).el, banner.el, el("div", { class: "cl-split" }, grid.el, side), announcer.el);
  grid.treegrid.setAttribute("aria-label", model.get("_state")?.title || "Block storage");
  grid.treegrid.addEventListener("keydown", createKeys(app, grid));
  createPointer(app, grid);

  /** Start to load; the view is in the page. */
  function start() {
    greet();
    grid.fill(model.get("_state") ?? {});
  }

  return { el: root, start, end };
}

/** @returns {Pick<App, "on" | "emit">} */
function createEvents() {
  /** @type {{ [Name in keyof Events]?: ((data: Events[Name]) => void)[] }} */
  const listeners = {};
  return {
    on(name, listener) {
      listeners[name] ??= [];
      listeners[name].push(listener);
    },
    emit(name, data) {
      for (const listener of listeners[name] ?? []) listener(data);
    },
  };
}

// Keys of the grid, after WAI-ARIA's treegrid pattern. A key that has a meaning here is not passed on.

import { iconButton } from "./buttons.js";
import { copyText } from "./clipboard.js";
import { el, uniqueId } from "./dom.js";
import { openRowMenu } from "./row_menu.js";

/** @import { App } from "./types.d.ts" */
/** @import { Grid } from "./grid.js" */

const TYPING_PAUSE = 500;

/** @type {readonly [keys: string[], meaning: string][]} */
const MEANINGS = [
  [["↑", "↓"], "go to the row above, below"],
  [["→", "←"], "open, close a branch; go from cell to cell, up to the parent"],
  [["Home", "End", "Page Up", "Page Down"], "go to the first or last row, by a page"],
  [["a … z"], "go to the next name that begins so"],
  [["*"], "open every backend"],
  [["Space"], "select, unselect"],
  [["Shift+↑", "Shift+↓", "Shift+Space"], "select several rows"],
  [["Ctrl+A", "Escape"], "select all, select none"],
  [["Enter"], "show the details"],
  [["Shift+F10"], "open the menu of what can be done"],
  [["Delete"], "delete, after a question"],
  [["Ctrl+C"], "copy the ids"],
  [["Ctrl+Enter"], "put the line that shows it into the notebook, or copy it"],
  [["Enter", "Alt+←", "Alt+→"], "on a heading: sort, change the width"],
  [["↓", "Escape"], "in the filter: go to the rows, clear it"],
  [["?"], "show these keys"],
];

/**
 * Show the keys in a dialog; the focus returns to where it was.
 * @param {Pick<App, "el">} app
 */
export function showKeys(app) {
  const id = uniqueId();
  const rows = MEANINGS.map(([keys, meaning]) => {
    const shown = keys.map((key) => el("kbd", { text: key }));
    return el("tr", {}, el("th", { scope: "row" }, ...shown), el("td", { text: meaning }));
  });
  const close = iconButton("Close", "close", () => dialog.close());
  const head = el("div", { class: "cl-pane-head" }, el("h3", { id, text: "Keys of the tree" }), close);
  const table = el("table", { class: "cl-fields" }, el("tbody", {}, ...rows));
  const dialog = el("dialog", { class: "cl-keys", "aria-labelledby": id, onkeydown: onKey }, head, table);

  // The browser closes it itself on Escape, unless the notebook takes the key first.
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "?") dialog.close();
  }

  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  app.el.append(dialog);
  dialog.showModal();
}

/** @typedef {(isAlt: boolean) => unknown} KeyAction false: the key is passed on after all */
/** @typedef {"cache" | "selection" | "columns" | "cursor" | "cursorView" | "goTo" | "hasFocus" | "pageRows"} MovingMembers */
/** @typedef {Pick<Grid, MovingMembers | "setOpen" | "setAllOpen" | "parentOf">} KeyGrid */

/**
 * Return the listener of the grid's key events.
 * @type {(app: App, grid: KeyGrid) => (event: KeyboardEvent) => void}
 */
export function createKeys(app, grid) {
  const { cursor, cache, selection, columns } = grid;
  let typed = "";
  let typedAt = Number.NEGATIVE_INFINITY;
  let typedFrom = 0;

  const lastRow = () => cache.total - 1;
  const lastCell = () => columns.names.length - 1;
  const clampRow = (/** @type {number} */ index) => Math.max(0, Math.min(lastRow(), index));
  const byRow = (/** @type {1 | -1} */ way) => () => grid.goTo(Math.min(lastRow(), cursor.index + way));
  const byPage = (/** @type {1 | -1} */ way) => () => grid.goTo(clampRow(cursor.index + way * grid.pageRows()));

  /** @type {Record<string, KeyAction>} */
  const withControl = {
    Home: () => grid.goTo(0),
    End: () => grid.goTo(lastRow()),
    a: () => selection.range(lastRow(), 0),
    c: copy,
    Enter: () => cursor.row && app.giveLine(cursor.row),
    " ": toggle,
    ArrowUp: byRow(-1),
    ArrowDown: byRow(1),
  };
  /** @type {Record<string, KeyAction>} */
  const withShift = {
    ArrowUp: () => extend(-1),
    ArrowDown: () => extend(1),
    " ": () => selection.range(cursor.index),
    F10: openMenu,
    "*": () => grid.setAllOpen(true),
  };
  /** @type {Record<string, KeyAction>} */
  const alone = {
    ArrowUp: byRow(-1),
    ArrowDown: byRow(1),
    PageUp: byPage(-1),
    PageDown: byPage(1),
    Home: () => (cursor.cell < 0 ? grid.goTo(0) : grid.goTo(cursor.index, 0)),
    End: () => (cursor.cell < 0 ? grid.goTo(lastRow()) : grid.goTo(cursor.index, lastCell())),
    ArrowRight: goRight,
    ArrowLeft: goLeft,
    Enter: () => app.showPane(true),
    " ": toggle,
    Escape: clearSelection,
    Delete: () => cursor.row && app.startAction("delete", targetIds()),
    ContextMenu: openMenu,
    "*": () => grid.setAllOpen(true),
    "?": () => showKeys(app),
  };
  /** @type {Record<string, KeyAction>} */
  const onHeading = {
    ArrowDown: () => cache.total && grid.goTo(0, -1),
    ArrowLeft: (isAlt) => moveHeading(-1, isAlt),
    ArrowRight: (isAlt) => moveHeading(1, isAlt),
    Home: () => grid.goTo(-1, 0),
    End: () => grid.goTo(-1, lastCell()),
    Enter: sort,
    " ": sort,
    "?": () => showKeys(app),
  };

  // The selected rows if the focused one is among them, else the focused one.
  function targetIds() {
    if (!cursor.row) return selection.list();
    return selection.has(cursor.row.id) ? selection.list() : [cursor.row.id];
  }

  function copy() {
    copyText(app, targetIds().join("\n"));
  }

  function toggle() {
    if (typed && performance.now() - typedAt < TYPING_PAUSE) seek(" ");
    else if (cursor.row) selection.toggle(cursor.row);
  }

  function clearSelection() {
    if (!selection.list().length) return false;
    selection.pivot = null;
    selection.clear();
  }

  /** @param {1 | -1} way */
  function extend(way) {
    if (selection.last !== cursor.id || !selection.pivot) selection.pivot = cursor.row;
    const to = clampRow(cursor.index + way);
    grid.goTo(to);
    selection.range(to);
  }

  function goRight() {
    const { row, cell } = cursor;
    if (cell < 0 && row?.children && !row.open) grid.setOpen(row, true);
    else grid.goTo(cursor.index, Math.min(lastCell(), cell + 1));
  }

  async function goLeft() {
    const { row, cell, index } = cursor;
    if (cell >= 0) grid.goTo(index, cell - 1);
    else if (row?.children && row.open) grid.setOpen(row, false);
    else if (row) {
      const parent = await grid.parentOf(row).catch(() => null);
      if (parent != null && cursor.id === row.id) grid.goTo(parent);
    }
  }

  function openMenu() {
    const view = grid.cursorView();
    if (view?.row) openRowMenu(app, view.row, { anchor: view.el });
  }

  function sort() {
    columns.sort(columns.names[cursor.cell]);
  }

  /** @type {(way: 1 | -1, isAlt: boolean) => void} */
  function moveHeading(way, isAlt) {
    if (isAlt) columns.nudge(cursor.cell, way);
    else grid.goTo(-1, Math.max(0, Math.min(lastCell(), cursor.cell + way)));
  }

  // Go to the next row whose name begins with what was typed.
  /** @param {string} char */
  async function seek(char) {
    const now = performance.now();
    if (now - typedAt > TYPING_PAUSE) {
      typed = "";
      typedFrom = Math.max(0, cursor.index);
    }
    typed += char;
    typedAt = now;
    const text = typed;
    const { index } = await app.request("seek", { text, after: typedFrom }).catch(() => ({ index: null }));
    if (index != null && text === typed && grid.hasFocus()) grid.goTo(index);
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {KeyAction | null | undefined}
   */
  function actionOf(event) {
    const { key, altKey } = event;
    if (cursor.index < 0 || !cache.total) return altKey && !/^Arrow[LR]/.test(key) ? null : onHeading[key];
    if (altKey) return null;
    if (event.ctrlKey || event.metaKey) return withControl[key];
    if (event.shiftKey && withShift[key]) return withShift[key];
    return alone[key] ?? ([...key].length === 1 ? () => void seek(key) : null);
  }

  return (event) => {
    const action = event.isComposing ? null : actionOf(event);
    if (!action || action(event.altKey) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
}

// The grid: as many rows as are visible, one of which has the focus, and the position in the list.

import { makeButton } from "./buttons.js";
import { createCache } from "./cache.js";
import { copyText } from "./clipboard.js";
import { createColumns } from "./columns.js";
import { activeElement, el, plain, setAttr, targetOf } from "./dom.js";
import { createRowPool } from "./row_pool.js";
import { VISIBLE_ROWS } from "./schema.js";
import { createScroll } from "./scroll.js";
import { createSelection } from "./selection.js";

/** @import { App, Row, SavedState } from "./types.d.ts" */
/** @import { Change, Marks } from "./cache.js" */
/** @import { Entry, RowView } from "./row_pool.js" */

const ROW_HEIGHT = 28;
const OVERSCAN = 8;
const MIN_ROWS = 5;
const EDGE = 8;
const HEADER = -1;
const TICK = 1000;
const REFRESH_TICKS = 30;

/**
 * What has the focus: a row (cell -1), a cell, or a heading (index -1). Its id and row stay when it is scrolled out of sight.
 * `isUsed`: the reader has moved it; `isMoved`: it moved because its row was removed.
 * @typedef {{ index: number, id: string | null, row: Row | null, cell: number, isUsed: boolean, isMoved: boolean }} Cursor
 */
/** @typedef {ReturnType<typeof createGrid>} Grid */

/** @param {App} app */
export function createGrid(app) {
  /** @type {Cursor} */
  const cursor = { index: 0, id: null, row: null, cell: -1, isUsed: false, isMoved: false };
  const spacer = el("div", { class: "cl-spacer" });
  const layer = el("div", { class: "cl-layer" });
  const empty = el("div", { class: "cl-none", hidden: true });
  const treegrid = el("div", { class: "cl-grid", role: "treegrid", "aria-multiselectable": "true" });
  const steps = el("div", { class: "cl-steps", hidden: true });
  const scroller = el("div", { class: "cl-scroll" }, treegrid, spacer, steps);
  const cache = createCache(app.request, { marks, onChange });
  const selection = createSelection(app, cache, requestRender);
  const pool = createRowPool(app, layer, ROW_HEIGHT);
  const scroll = createScroll(scroller, spacer, requestRender);
  let height = MIN_ROWS * ROW_HEIGHT;
  let fittedHeight = "";
  let frame = 0;
  let ticks = 0;
  let isFocusing = false;
  const columns = createColumns(app, treegrid, (names) => {
    pool.clear(names);
    requestRender();
  });

  const active = () => activeElement(treegrid);
  const keyOf = (/** @type {number} */ index) => cache.at(index)?.id ?? index;
  const cursorKey = () => cursor.id ?? cursor.index;
  const keyOfView = (/** @type {RowView} */ view) => view.row?.id ?? view.index;

  // Which rows are visible

  function requestRender() {
    frame ||= requestAnimationFrame(render);
  }

  function render() {
    cancelAnimationFrame(frame);
    frame = 0;
    const { top } = scroll;
    const first = Math.floor(top / ROW_HEIGHT);
    const last = Math.min(cache.total, Math.ceil((top + height) / ROW_HEIGHT)) - 1;
    const isFocused = pool.contains(active());
    pool.scrollTo(top);
    pool.show(entries(Math.max(0, first - OVERSCAN), Math.min(cache.total - 1, last + OVERSCAN)), mark);
    markHeader();
    if (isFocused && !pool.contains(active())) focus();
    cache.setVisible(first, Math.max(first, last));
  }

  // The row that has the focus keeps its element when it is scrolled out of sight.
  /** @type {(first: number, last: number) => Entry[]} */
  function entries(first, last) {
    /** @type {Entry[]} */
    const visible = [];
    for (let index = first; index <= last; index++) visible.push([keyOf(index), index, cache.at(index)]);
    const key = cursorKey();
    if (cursor.index === HEADER || !cache.total || visible.some(([other]) => other === key)) return visible;
    /** @type {Entry} */
    const pinned = [key, cursor.index, cursor.row ?? undefined];
    return cursor.index < first ? [pinned, ...visible] : [...visible, pinned];
  }

  /** @param {RowView} view */
  function mark(view) {
    const hasCursor = cursor.index !== HEADER && keyOfView(view) === cursorKey();
    const isSelected = view.row ? selection.has(view.row.id) : false;
    const focusedCell = hasCursor ? cursor.cell : null;
    if (view.isSelected === isSelected && view.focusedCell === focusedCell) return;
    Object.assign(view, { isSelected, focusedCell });
    setAttr(view.el, "aria-selected", isSelected);
    view.el.tabIndex = focusedCell === -1 ? 0 : -1;
    view.el.classList.toggle("cl-here", hasCursor && cursor.isUsed);
    view.cells.forEach((node, at) => {
      setAttr(node, "tabindex", at === focusedCell ? 0 : null);
    });
  }

  function markHeader() {
    const focusable = cursor.index === HEADER || !cache.total ? Math.max(0, cursor.cell) : HEADER;
    columns.cells.forEach((cell, at) => {
      cell.tabIndex = at === focusable ? 0 : -1;
    });
  }

  // New rows

  // What is being read keeps its place: the focused row if it is visible, else the first row that is.
  /** @type {(isFromTop: boolean) => Marks} */
  function marks(isFromTop) {
    const [first, last] = [scroll.top / ROW_HEIGHT, (scroll.top + height) / ROW_HEIGHT - 1];
    const isCursorVisible = cursor.id && cursor.index >= first && cursor.index <= last;
    const read = isCursorVisible ? cursor.row : cache.between(Math.ceil(first), last)[0];
    const anchor = scroll.top > 0 && !isFromTop && read ? { id: read.id, index: read.index } : null;
    return { anchor, focus: cursor.id ? { id: cursor.id, index: cursor.index } : null };
  }

  /** @param {Change} change */
  function onChange({ shift, focus: index, focusId, isFromTop, isReplaced }) {
    if (isFromTop) scroll.top = 0;
    if (shift) scroll.top += shift * ROW_HEIGHT;
    const isCurrent = focusId === cursor.id; // else the focus has moved on while the rows were read
    if (isCurrent && index != null) cursor.index = index;
    else if (isCurrent && index === null) loseRow(shift);
    updateCursor(isReplaced);
    pool.adopt(cache.at);
    fit();
    measure();
    render();
    app.emit("rows", undefined);
  }

  // The focused row was removed: the row that takes its index gets the focus.
  /** @param {number} shift */
  function loseRow(shift) {
    const index = Math.max(0, Math.min(cache.total - 1, cursor.index + shift));
    Object.assign(cursor, { index, id: null, row: null, isMoved: true });
  }

  /** @param {boolean} isReplaced */
  function updateCursor(isReplaced) {
    if (cursor.index === HEADER) return;
    const row = cursor.id ? cache.find(cursor.id) : cache.at(cursor.index);
    // Where it was there is another row now: it has moved, or is gone.
    if (!row && cursor.id && (isReplaced || cache.at(cursor.index))) cache.recheck();
    if (!row || row === cursor.row) return;
    const isOther = row.id !== cursor.id;
    Object.assign(cursor, { index: row.index, id: row.id, row });
    if (isOther && cursor.isUsed) app.emit("focus", row);
    else if (!isOther) app.emit("row", row);
  }

  /** @param {SavedState} state */
  function fill(state) {
    cache.seed(state);
    onChange({ shift: 0, isReplaced: false });
  }

  // The height of the grid

  function fit() {
    const isFiltered = app.model.get("filter") || app.model.get("only_faults");
    empty.hidden = cache.total > 0;
    empty.textContent = isFiltered ? "Nothing matches." : "Nothing is tracked here yet.";
    showSteps(cache.total === 0 && !isFiltered);
    const rows = (Math.max(MIN_ROWS, Math.min(VISIBLE_ROWS, cache.total)) + 1) * ROW_HEIGHT + 2;
    const fitting = steps.hidden ? rows : Math.max(rows, steps.offsetTop + steps.scrollHeight + EDGE);
    const isUntouched = scroller.style.height === fittedHeight; // else the reader has resized it
    if (isUntouched && fitting > (Number.parseFloat(fittedHeight) || 0)) {
      scroller.style.height = `${fitting}px`;
      fittedHeight = scroller.style.height;
    }
    setAttr(treegrid, "aria-rowcount", cache.total + 1);
  }

  /** @param {boolean} isShown */
  function showSteps(isShown) {
    const ways = app.model.get("_first_steps") ?? [];
    steps.hidden = !(isShown && ways.length);
    if (isShown && ways.length && !steps.inert) empty.textContent = "No backends yet. Three ways to begin:";
    if (steps.hidden || steps.hasChildNodes()) return;
    if (app.startAddition) steps.append(makeButton("Add a backend", app.startAddition, { class: "cl-btn cl-prime" }));
    ways.forEach(([purpose, line], number) => {
      const isReady = number < ways.length - 1;
      const title = isReady ? `Run ${plain(line)}` : app.startAddition ? "Choose a driver" : `Copy ${plain(line)}`;
      const button = el("button", { type: "button", class: "cl-btn", title, onclick: () => begin(number, isReady) });
      button.append(el("span", { text: `${plain(purpose)}:` }), el("code", { text: plain(line) }));
      steps.append(button);
    });
  }

  /** @type {(number: number, isReady: boolean) => Promise<void>} */
  async function begin(number, isReady) {
    const [, line] = app.model.get("_first_steps")[number];
    if (!isReady) return app.startAddition ? app.startAddition() : void copyText(app, line);
    steps.inert = true;
    empty.textContent = `Running ${plain(line)} …`;
    app.say(empty.textContent);
    try {
      const { text } = await app.request("begin", { number });
      await cache.jump(0);
      app.note(text);
      if (cache.total) goTo(0);
    } catch (error) {
      app.warn(/** @type {Error} */ (error).message);
    }
    steps.inert = false;
    fit();
  }

  function measure() {
    height = (scroller.clientHeight || Number.parseFloat(fittedHeight)) - ROW_HEIGHT;
    scroll.setLength(Math.max(0, cache.total * ROW_HEIGHT - height));
  }

  // An element that was taken out of the page and put back is scrolled to its top.
  function onResize() {
    if (!scroller.clientHeight) return;
    measure();
    scroll.settle(true);
    requestRender();
  }

  function pageRows() {
    return Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
  }

  // The focus

  /** @type {(index: number, cell?: number, options?: { takeFocus?: boolean, follow?: boolean }) => void} */
  function goTo(index, cell = cursor.cell, { takeFocus = true, follow = true } = {}) {
    const isHeading = index < 0;
    const at = isHeading ? HEADER : Math.min(index, cache.total - 1);
    const row = isHeading ? null : (cache.at(at) ?? null);
    const moved = { index: at, id: row?.id ?? null, row, cell: isHeading ? Math.max(0, cell) : cell };
    Object.assign(cursor, { ...moved, isUsed: true, isMoved: false });
    if (follow) scrollIntoView(at);
    render();
    if (takeFocus) focus();
    if (row) app.emit("focus", row);
  }

  /** @param {number} index */
  function scrollIntoView(index) {
    if (index === HEADER) return;
    const top = index * ROW_HEIGHT;
    if (top < scroll.top) scroll.moveTo(top);
    else if (top + ROW_HEIGHT > scroll.top + height) scroll.moveTo(top + ROW_HEIGHT - height);
  }

  function focus() {
    const view = cursorView();
    const isHeading = cursor.index === HEADER || !view;
    const node = isHeading ? columns.cells[Math.max(0, cursor.cell)] : (view.cells[cursor.cell] ?? view.el);
    isFocusing = true;
    node.focus({ preventScroll: true });
    isFocusing = false;
    if (cursor.cell < 0) return;
    const [left, right] = [node.offsetLeft, node.offsetLeft + node.offsetWidth];
    if (left < scroller.scrollLeft) scroller.scrollLeft = left;
    else if (right > scroller.scrollLeft + scroller.clientWidth) scroller.scrollLeft = right - scroller.clientWidth;
  }

  /** Scroll to the cursor and focus it. */
  function focusCursor() {
    scrollIntoView(cursor.index);
    focus();
  }

  function hasFocus() {
    return treegrid.contains(active());
  }

  function cursorView() {
    return pool.find(cursorKey());
  }

  // The focus that comes from elsewhere: by Tab, by a click, by a screen reader.
  /** @param {FocusEvent} event */
  function onFocusIn(event) {
    if (isFocusing) return;
    const target = targetOf(event);
    const view = pool.viewOf(target);
    const isByKey = target.matches(":focus-visible");
    const heading = columns.cells.indexOf(target);
    if (heading >= 0 && (cursor.index !== HEADER || cursor.cell !== heading)) goTo(HEADER, heading);
    else if (view && keyOfView(view) !== cursorKey()) goTo(view.index, view.cells.indexOf(target), { follow: isByKey });
    else if (view && isByKey) scrollIntoView(cursor.index);
  }

  // Branches

  /** @type {(row: Row | null, isOpen: boolean) => Promise<void>} */
  async function setOpen(row, isOpen) {
    if (!row?.children || row.open === isOpen) return;
    await attempt(cache.change("open", { row: row.id, on: isOpen }));
  }

  /** @param {boolean} isOpen */
  async function setAllOpen(isOpen) {
    await attempt(cache.change("all", { on: isOpen }));
  }

  /** @param {Promise<void>} work */
  async function attempt(work) {
    try {
      await work;
    } catch (error) {
      app.warn(/** @type {Error} */ (error).message);
    }
  }

  /**
   * Return the index of the parent of *row*, or null. The rows between may be of any level, so every step goes to the row before
   * the first sibling.
   * @param {Row} row
   */
  async function parentOf(row) {
    /** @type {Row | null} */
    let step = row;
    while (step && step.level >= row.level) {
      /** @type {number} */
      const index = step.index - step.position;
      if (index < 0) return null;
      step = cache.at(index) ?? (await cache.peek(index));
      if (step && step.level < row.level) return step.index;
    }
    return null;
  }

  // Time

  function tick() {
    if (++ticks % REFRESH_TICKS === 0) refresh();
    else pool.showProgress();
  }

  function refresh() {
    pool.refresh();
    requestRender();
  }

  function stop() {
    clearInterval(ticking);
    cancelAnimationFrame(frame);
    resizing.disconnect();
    columns.stop();
    selection.stop();
  }

  treegrid.append(columns.head, el("div", { class: "cl-tbody", role: "rowgroup" }, layer), empty);
  treegrid.addEventListener("focusin", onFocusIn);
  app.on("head", refresh);
  const ticking = setInterval(tick, TICK);
  const resizing = new ResizeObserver(onResize);
  resizing.observe(scroller);

  return {
    el: scroller,
    ...{ treegrid, cache, selection, columns, cursor, cursorView, fill, goTo, focusCursor, hasFocus, pageRows },
    ...{ setOpen, setAllOpen, parentOf, viewOf: pool.viewOf, stop },
  };
}

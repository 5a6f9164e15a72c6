// The elements of the visible rows: a few, reused while scrolling, in the order of the list.

import { createCell, fillCell } from "./cells.js";
import { el, setAttr } from "./dom.js";

/** @import { App, Row } from "./types.d.ts" */
/** @import { CellName } from "./cells.js" */

const MAX_OFFSET = 100000; // pixels: browsers place elements exactly only up to some millions

/**
 * The element of a row. `isSelected` and `focusedCell` are what it shows: -1 is the row itself, null nothing of it.
 * @typedef {object} RowView
 * @property {HTMLElement} el
 * @property {HTMLElement[]} cells
 * @property {number} index
 * @property {number} base
 * @property {Row} [row]
 * @property {number} [revision]
 * @property {boolean} [isSelected]
 * @property {number | null} [focusedCell]
 */
/** @typedef {string | number} RowKey the id of a row, or the index of one that is not loaded yet */
/** @typedef {[key: RowKey, index: number, row: Row | undefined]} Entry */
/** @typedef {ReturnType<typeof createRowPool>} RowPool */

/**
 * @param {Pick<App, "head">} app
 * @param {HTMLElement} layer
 * @param {number} height of a row in pixels
 */
export function createRowPool(app, layer, height) {
  /** @type {Map<RowKey, RowView>} */
  const shown = new Map();
  /** @type {WeakMap<Element, RowView>} */
  const byElement = new WeakMap();
  /** @type {RowView[]} */
  let spare = [];
  /** @type {CellName[]} */
  let names = [];
  let revision = 0;
  let base = 0;

  /** @param {CellName[]} columns */
  function clear(columns) {
    names = columns;
    layer.replaceChildren();
    shown.clear();
    spare = [];
  }

  /** Fill all rows again: something that they show besides their values has changed. */
  function refresh() {
    revision++;
  }

  /**
   * Keep the elements, and the focus, of rows that have been loaded.
   * @param {(index: number) => Row | undefined} rowAt
   */
  function adopt(rowAt) {
    for (const [key, view] of [...shown]) {
      const row = typeof key === "number" ? rowAt(key) : undefined;
      if (row && !shown.has(row.id)) {
        shown.delete(key);
        shown.set(row.id, view);
      }
    }
  }

  /** @param {number} top */
  function scrollTo(top) {
    base = Math.floor(top / MAX_OFFSET) * MAX_OFFSET;
    layer.style.transform = `translateY(${base - top}px)`;
  }

  /**
   * Show *entries*, which are in order; *mark* shows what is selected and has the focus.
   * @param {Entry[]} entries
   * @param {(view: RowView) => void} mark
   */
  function show(entries, mark) {
    const keys = new Set(entries.map(([key]) => key));
    for (const [key, view] of shown) if (!keys.has(key)) release(key, view);
    let next = layer.firstChild;
    for (const [key, index, row] of entries) {
      const view = shown.get(key) ?? spare.pop() ?? create();
      shown.set(key, view);
      if (view.el === next) next = next.nextSibling;
      else layer.insertBefore(view.el, next);
      position(view, index);
      fill(view, row);
      mark(view);
    }
  }

  /** @type {(key: RowKey, view: RowView) => void} */
  function release(key, view) {
    shown.delete(key);
    view.el.remove();
    spare.push(view);
  }

  /** @returns {RowView} */
  function create() {
    const cells = names.map(createCell);
    const view = { el: el("div", { class: "cl-tr", role: "row", tabindex: -1 }, ...cells), cells, index: -1, base: -1 };
    byElement.set(view.el, view);
    return view;
  }

  /** @type {(view: RowView, index: number) => void} */
  function position(view, index) {
    if (view.index === index && view.base === base) return;
    Object.assign(view, { index, base });
    view.el.style.transform = `translateY(${index * height - base}px)`;
    setAttr(view.el, "aria-rowindex", index + 2);
  }

  /** @type {(view: RowView, row: Row | undefined) => void} */
  function fill(view, row) {
    if (view.row === row && view.revision === revision) return;
    Object.assign(view, { row, revision });
    const { el: node } = view;
    setAttr(node, "aria-level", row?.level ?? 1);
    setAttr(node, "aria-posinset", row?.position);
    setAttr(node, "aria-setsize", row?.siblings);
    setAttr(node, "aria-expanded", row?.children ? Boolean(row.open) : null);
    setAttr(node, "aria-busy", row ? null : true);
    setAttr(node, "data-id", row?.id);
    node.classList.toggle("cl-blank", !row);
    view.cells.forEach((cell, at) => {
      fillCell(cell, names[at], row, app);
    });
  }

  /** Show the progress of running operations. */
  function showProgress() {
    const at = names.indexOf("status");
    for (const { row, cells } of shown.values()) {
      if (row?.busy && at > 0) fillCell(cells[at], "status", row, app);
    }
  }

  /**
   * Return the view of the row that *node* is in, if it is in one.
   * @param {Element} node
   */
  function viewOf(node) {
    const row = node.closest(".cl-tr");
    return row ? byElement.get(row) : undefined;
  }

  return {
    ...{ show, scrollTo, clear, adopt, refresh, showProgress, viewOf },
    find: (/** @type {RowKey} */ key) => shown.get(key),
    contains: (/** @type {Node | null} */ node) => layer.contains(node),
  };
}

// The elements of the rows that are seen: a few, used again and again, in the order of the list.

import { el, setAttr } from "./dom.js";
import { createCell, fillCell } from "./cells.js";

const LONGEST = 100000;

// A line is kept for its row by id, for a row that is not there yet by index.
export function createLines(app, layer, height) {
  const lines = { show, place, clear, grown, refresh, busy, find, keep: (text) => layer.contains(text) };
  const shown = new Map();
  let spare = [];
  let names = [];
  let stamp = 0;
  let base = 0;

  function clear(columns) {
    names = columns;
    layer.replaceChildren();
    shown.clear();
    spare = [];
  }

  // Whatever the rows were filled with besides their own values has changed.
  function refresh() {
    stamp++;
  }

  // Rows that were waited for are there: their lines stay what they are, with the focus if they have it.
  function grown(at) {
    for (const [key, line] of [...shown]) {
      const row = typeof key === "number" && at(key);
      if (row && !shown.has(row.id)) {
        shown.delete(key);
        shown.set(row.id, line);
      }
    }
  }

  function place(top) {
    base = Math.floor(top / LONGEST) * LONGEST;
    layer.style.transform = `translateY(${base - top}px)`;
  }

  // list: [key, index, row or undefined] in order; mark(line) says what is selected and has the focus.
  function show(list, mark) {
    const keys = new Set(list.map(([key]) => key));
    for (const [key, line] of shown) {
      if (!keys.has(key)) drop(key, line);
    }
    let next = layer.firstChild;
    for (const [key, index, row] of list) {
      const line = shown.get(key) ?? spare.pop() ?? build();
      shown.set(key, line);
      if (line.el === next) next = next.nextSibling;
      else layer.insertBefore(line.el, next);
      put(line, index);
      fill(line, row);
      mark(line);
    }
  }

  function drop(key, line) {
    shown.delete(key);
    line.el.remove();
    spare.push(line);
  }

  function build() {
    const cells = names.map(createCell);
    const line = { el: el("div", { class: "cl-tr", role: "row", tabindex: -1 }, ...cells), cells };
    line.el.clLine = line;
    return line;
  }

  function put(line, index) {
    if (line.index === index && line.base === base) return;
    Object.assign(line, { index, base });
    line.el.style.transform = `translateY(${index * height - base}px)`;
    setAttr(line.el, "aria-rowindex", index + 2);
  }

  function fill(line, row) {
    if (line.row === row && line.stamp === stamp) return;
    Object.assign(line, { row, stamp });
    const { el: node } = line;
    setAttr(node, "aria-level", row?.level ?? 1);
    setAttr(node, "aria-posinset", row?.position);
    setAttr(node, "aria-setsize", row?.siblings);
    setAttr(node, "aria-expanded", row?.children ? Boolean(row.open) : null);
    setAttr(node, "aria-busy", row ? null : true);
    setAttr(node, "data-id", row?.id);
    node.classList.toggle("cl-blank", !row);
    line.cells.forEach((cell, at) => fillCell(cell, names[at], row, app));
  }

  // Work that goes on is shown with its time.
  function busy() {
    const at = names.indexOf("status");
    for (const line of shown.values()) {
      if (line.row?.busy && at > 0) fillCell(line.cells[at], "status", line.row, app);
    }
  }

  function find(key) {
    return shown.get(key);
  }

  return lines;
}

// The keys of the grid.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeys } from "../../cl_notebook/notebook/tree/static/keys.js";
import { createSelection } from "../../cl_notebook/notebook/tree/static/selection.js";
import { createModel, createRow, settled } from "./support.js";

const TOTAL = 100;

/** A grid of 100 volumes and four columns; `calls` lists what the keys called. */
function createGrid() {
  const rows = Array.from({ length: TOTAL }, (_, index) => createRow({ index }));
  /** @type {unknown[][]} */
  const calls = [];
  const record =
    (/** @type {string} */ name, /** @type {unknown} */ result = undefined) =>
    (/** @type {unknown[]} */ ...args) => {
      calls.push([name, ...args]);
      return result;
    };
  /** @type {any} */
  const app = {
    model: createModel().model,
    live: { state: "live", since: 0 },
    emit: () => {},
    warn: record("warn"),
    showPane: record("showPane"),
    startAction: record("startAction"),
    request: async (/** @type {string} */ name, /** @type {any} */ params) => {
      if (name === "seek") calls.push([name, params.text, params.after]);
      return { index: 42, selected: 1 };
    },
  };
  const cache = {
    total: TOTAL,
    at: (/** @type {number} */ index) => rows[index],
    find: (/** @type {string} */ id) => rows.find((row) => row.id === id),
    between: (/** @type {number} */ first, /** @type {number} */ last) => rows.slice(first, last + 1),
  };
  const selection = createSelection(app, cache, () => {});
  /** @type {any} */
  const grid = {
    cache,
    selection,
    cursor: { index: 0, id: null, row: null, cell: -1, isUsed: true, isMoved: false },
    columns: { names: ["name", "status", "size", "age"], sort: record("sort"), nudge: record("nudge") },
    pageRows: () => 10,
    hasFocus: () => true,
    cursorView: () => undefined,
    parentOf: async () => 3,
    setOpen: record("setOpen"),
    setAllOpen: record("setAllOpen"),
    goTo: (/** @type {number} */ index, cell = grid.cursor.cell) => {
      const row = index < 0 ? null : rows[index];
      Object.assign(grid.cursor, { index, id: row?.id ?? null, row, cell: index < 0 ? Math.max(0, cell) : cell });
    },
  };
  grid.goTo(0);
  const listener = createKeys(app, grid);

  /** Press a key; return whether it had a meaning. */
  const press = (/** @type {string} */ key, /** @type {Partial<KeyboardEvent>} */ modifiers = {}) => {
    let isHandled = false;
    const event = { key, preventDefault: () => (isHandled = true), stopPropagation: () => {}, ...modifiers };
    listener(/** @type {any} */ (event));
    return isHandled;
  };
  return { app, grid, rows, calls, press, selection };
}

test("arrows, pages and ends move by rows, and not beyond the list", () => {
  const { grid, press } = createGrid();
  /** @type {[string, number][]} */
  const steps = [
    ["ArrowDown", 1],
    ["ArrowUp", 0],
    ["PageDown", 10],
    ["End", 99],
    ["ArrowDown", 99],
    ["PageUp", 89],
    ["Home", 0],
    ["PageUp", 0],
  ];
  for (const [key, index] of steps) {
    assert.ok(press(key), key);
    assert.equal(grid.cursor.index, index, key);
  }
});

test("ArrowUp on the first row goes to the header, ArrowDown back", () => {
  const { grid, press } = createGrid();
  press("ArrowUp");
  assert.equal(grid.cursor.index, -1);
  press("ArrowDown");
  assert.deepEqual([grid.cursor.index, grid.cursor.cell], [0, -1]);
});

test("ArrowRight opens a closed branch and else goes to the cells; ArrowLeft comes back and closes", () => {
  const { grid, rows, calls, press } = createGrid();
  Object.assign(rows[0], { children: 2 });
  press("ArrowRight");
  assert.deepEqual(calls, [["setOpen", rows[0], true]]);
  rows[0].open = true;
  for (const cell of [0, 1, 2, 3, 3]) {
    press("ArrowRight");
    assert.equal(grid.cursor.cell, cell);
  }
  press("Home");
  assert.equal(grid.cursor.cell, 0);
  press("End");
  assert.equal(grid.cursor.cell, 3);
  for (const cell of [2, 1, 0, -1]) {
    press("ArrowLeft");
    assert.equal(grid.cursor.cell, cell);
  }
  press("ArrowLeft");
  assert.deepEqual(calls.at(-1), ["setOpen", rows[0], false]);
});

test("ArrowLeft on a row without an open branch goes to its parent", async () => {
  const { grid, press } = createGrid();
  grid.goTo(7);
  press("ArrowLeft");
  await settled();
  assert.equal(grid.cursor.index, 3);
});

test("the space bar toggles a row, Shift with arrows extends, Escape clears, Ctrl+A selects all", () => {
  const { grid, press, selection } = createGrid();
  grid.goTo(5);
  press(" ");
  assert.deepEqual(selection.list(), ["id-5"]);
  press("ArrowDown", { shiftKey: true });
  press("ArrowDown", { shiftKey: true });
  assert.deepEqual(selection.list(), ["id-5", "id-6", "id-7"]);
  press("ArrowUp", { shiftKey: true });
  assert.deepEqual(selection.list(), ["id-5", "id-6"]);
  assert.ok(press("Escape"));
  assert.deepEqual(selection.list(), []);
  assert.ok(!press("Escape"), "without a selection Escape is passed on");
  press("a", { ctrlKey: true });
  assert.equal(selection.list().length, TOTAL);
});

test("Delete asks about the selected rows if the focused one is among them, else about the focused one", () => {
  const { grid, rows, calls, press, selection } = createGrid();
  selection.set(["id-1", "id-2"], rows[1]);
  grid.goTo(2);
  press("Delete");
  grid.goTo(8);
  press("Delete");
  assert.deepEqual(calls, [
    ["startAction", "delete", ["id-1", "id-2"]],
    ["startAction", "delete", ["id-8"]],
  ]);
});

test("Enter shows the details, * opens all branches", () => {
  const { calls, press } = createGrid();
  press("Enter");
  press("*");
  press("*", { shiftKey: true });
  assert.deepEqual(calls, [
    ["showPane", true],
    ["setAllOpen", true],
    ["setAllOpen", true],
  ]);
});

test("letters that are typed in a row look for one text, from where typing began; a space may be in it", async () => {
  const { grid, calls, press } = createGrid();
  grid.goTo(5);
  for (const key of ["d", "b", " "]) press(key);
  await settled();
  assert.deepEqual(calls, [
    ["seek", "d", 5],
    ["seek", "db", 5],
    ["seek", "db ", 5],
  ]);
  assert.equal(grid.cursor.index, 42);
});

test("a heading sorts, and Alt with arrows changes its width", () => {
  const { grid, calls, press } = createGrid();
  press("ArrowUp");
  press("ArrowRight");
  press("Enter");
  press("ArrowRight", { altKey: true });
  press("ArrowLeft", { altKey: true });
  assert.equal(grid.cursor.cell, 1);
  assert.deepEqual(calls, [
    ["sort", "status"],
    ["nudge", 1, 1],
    ["nudge", 1, -1],
  ]);
});

test("keys without a meaning here, keys of the browser and keys of an input method are passed on", () => {
  const { press } = createGrid();
  assert.ok(!press("Tab"));
  assert.ok(!press("F5"));
  assert.ok(!press("ArrowDown", { altKey: true }));
  assert.ok(!press("f", { ctrlKey: true }));
  assert.ok(!press("a", { isComposing: true }));
});

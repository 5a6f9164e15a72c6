// The selected rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelection } from "../../cl_notebook/notebook/tree/static/selection.js";
import { createModel, createRow, settled } from "./support.js";

/** @param {string[]} selected */
function connect(selected = []) {
  const { model, listenerCount } = createModel({ selected });
  const rows = Array.from({ length: 10 }, (_, index) => createRow({ index }));
  /** @type {any[]} */
  const requests = [];
  /** @type {string[][]} */
  const emitted = [];
  /** @type {string[]} */
  const warnings = [];
  /** @type {any} */
  const app = {
    model,
    live: { state: "live", since: 0 },
    problem: "",
    emit: (/** @type {string} */ name, /** @type {string[]} */ ids) => void (name === "selected" && emitted.push(ids)),
    warn: (/** @type {string} */ problem) => void warnings.push(problem),
    request: async (/** @type {string} */ name, /** @type {object} */ params) => {
      requests.push({ name, ...params });
      if (app.problem) throw new Error(app.problem);
      return { selected: 1 };
    },
  };
  const cache = {
    at: (/** @type {number} */ index) => rows[index],
    find: (/** @type {string} */ id) => rows.find((row) => row.id === id),
    between: (/** @type {number} */ first, /** @type {number} */ last) => rows.slice(first, last + 1),
  };
  const selection = createSelection(app, cache, () => {});
  return { app, model, rows, requests, emitted, warnings, selection, listenerCount };
}

test("the selection begins with that of the model", () => {
  const { selection } = connect(["id-1", "id-4"]);
  assert.deepEqual(selection.list(), ["id-1", "id-4"]);
  assert.ok(selection.has("id-4"));
  assert.ok(!selection.has("id-2"));
});

test("a click selects one row: it is shown at once and sent", () => {
  const { selection, rows, requests, emitted } = connect(["id-1"]);
  selection.set(["id-2"], rows[2]);
  assert.deepEqual(selection.list(), ["id-2"]);
  assert.deepEqual(emitted, [["id-2"]]);
  assert.deepEqual(requests, [{ name: "select", ids: ["id-2"], how: "set" }]);
});

test("a row is added by a toggle and removed by the next one", () => {
  const { selection, rows, requests } = connect(["id-1"]);
  selection.toggle(rows[2]);
  assert.deepEqual(selection.list(), ["id-1", "id-2"]);
  selection.toggle(rows[2]);
  assert.deepEqual(selection.list(), ["id-1"]);
  assert.deepEqual(requests.at(-1), { name: "select", ids: ["id-2"], how: "toggle" });
});

test("a range goes from the row where selecting began to the given one, in either direction", () => {
  const { selection, rows, requests } = connect();
  selection.set(["id-5"], rows[5]);
  selection.range(7);
  assert.deepEqual(selection.list(), ["id-5", "id-6", "id-7"]);
  selection.range(4);
  assert.deepEqual(selection.list(), ["id-4", "id-5"]);
  assert.deepEqual(requests.at(-1), { name: "range", first: 4, last: 5, how: "set" });
});

test("a range follows the row where selecting began to its new index", () => {
  const { selection, rows } = connect();
  selection.set(["id-5"], rows[5]);
  rows.unshift(createRow({ index: 0, id: "new" }));
  rows.forEach((row, index) => {
    row.index = index;
  });
  selection.range(7);
  assert.deepEqual(selection.list(), ["id-5", "id-6"]);
});

test("a range can be added to what is selected", () => {
  const { selection, rows } = connect();
  selection.set(["id-0"], rows[0]);
  selection.range(6, 5, "add");
  assert.deepEqual(selection.list(), ["id-0", "id-5", "id-6"]);
});

test("the selection of the model replaces what is shown, but not while a request is unanswered", async () => {
  const { selection, model, rows } = connect();
  selection.set(["id-2"], rows[2]);
  model.set("selected", ["id-9"]);
  assert.deepEqual(selection.list(), ["id-2"]);
  await settled();
  model.set("selected", ["id-9"]);
  assert.deepEqual(selection.list(), ["id-9"]);
});

test("a refused selection is undone, with a warning", async () => {
  const { app, selection, rows, warnings } = connect(["id-1"]);
  app.problem = "Too many.";
  selection.set(["id-2"], rows[2]);
  await settled();
  assert.deepEqual(selection.list(), ["id-1"]);
  assert.deepEqual(warnings, ["Too many."]);
});

test("without a kernel rows can still be selected, without a warning", async () => {
  const { app, selection, rows, warnings } = connect(["id-1"]);
  Object.assign(app, { problem: "The kernel does not answer.", live: { state: "lost", since: 0 } });
  selection.set(["id-2"], rows[2]);
  await settled();
  assert.deepEqual(selection.list(), ["id-2"]);
  assert.deepEqual(warnings, []);
});

test("after the end the model is not followed any more", () => {
  const { selection, listenerCount } = connect();
  selection.stop();
  assert.equal(listenerCount(), 0);
});

// The cache of rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createCache } from "../../cl_notebook/notebook/tree/static/cache.js";
import { MAX_ROWS } from "../../cl_notebook/notebook/tree/static/schema.js";
import { createClock, createRow, rowValues, settled } from "./support.js";

/** @import { Change } from "../../cl_notebook/notebook/tree/static/cache.js" */
/** @import { SendRequest } from "../../cl_notebook/notebook/tree/static/types.d.ts" */

/** A kernel with *total* rows. `rev` and `total` can be changed; `requests` are those that it got; `hold` delays its replies. */
function createKernel(total = 1000) {
  /** @type {any[]} */
  const requests = [];
  const kernel = { rev: 1, total, requests, failures: 0, anchor: null, focus: null, held: Promise.resolve(), request };

  /** @type {(name: string, params: any) => Promise<any>} */
  async function request(name, params) {
    requests.push({ name, ...params });
    await kernel.held;
    if (kernel.failures) {
      kernel.failures--;
      throw new Error("no");
    }
    const start = Math.max(0, Math.min(params.start, kernel.total - params.count));
    const count = Math.min(params.count, kernel.total - start);
    const rows = Array.from({ length: count }, (_, offset) => rowValues(createRow({ index: start + offset })));
    const { rev, anchor, focus } = kernel;
    return { rev, total: kernel.total, start, rows, anchor, focus };
  }

  return kernel;
}

/** @param {ReturnType<typeof createKernel>} kernel */
function connect(kernel) {
  /** @type {Change[]} */
  const changes = [];
  /** @type {any} */
  let marks = {};
  const view = {
    marks: () => marks,
    onChange: (/** @type {Change} */ change) => void changes.push(change),
    setMarks: (/** @type {any} */ next) => {
      marks = next;
    },
  };
  const cache = createCache(/** @type {SendRequest} */ (kernel.request), view);
  return { cache, changes, view };
}

test("the values of a row are read by field, and rows are looked up by index and by id", async () => {
  const kernel = createKernel();
  const { cache } = connect(kernel);
  cache.setVisible(0, 9);
  cache.invalidate(1);
  await settled();
  assert.equal(cache.total, 1000);
  assert.deepEqual(cache.at(7), createRow({ index: 7 }));
  assert.equal(cache.find("id-7"), cache.at(7));
  assert.deepEqual(
    cache.between(3, 5).map((row) => row.index),
    [3, 4, 5],
  );
});

test("blocks around the visible rows are loaded, and nothing that is there already", async () => {
  const kernel = createKernel();
  const { cache } = connect(kernel);
  cache.setVisible(100, 120);
  cache.invalidate(1);
  await settled();
  assert.deepEqual(kernel.requests, [{ name: "rows", start: 50, count: 150, anchor: null, focus: null }]);
  cache.setVisible(110, 130);
  await settled();
  assert.equal(kernel.requests.length, 1);
  cache.setVisible(160, 180);
  await settled();
  assert.deepEqual(kernel.requests[1], { name: "rows", start: 200, count: 50 });
});

test("one request asks for at most MAX_ROWS rows", async () => {
  const kernel = createKernel(10_000);
  const { cache } = connect(kernel);
  cache.setVisible(0, 5000);
  cache.invalidate(1);
  await settled();
  assert.equal(kernel.requests[0].count, MAX_ROWS);
});

test("one request is under way at a time; the next one asks for what is visible then", async () => {
  const kernel = createKernel();
  let release = () => {};
  kernel.held = new Promise((resolve) => {
    release = resolve;
  });
  const { cache } = connect(kernel);
  cache.setVisible(0, 9);
  cache.invalidate(1);
  cache.setVisible(400, 409);
  cache.setVisible(800, 809);
  await settled();
  assert.equal(kernel.requests.length, 1);
  release();
  await settled();
  assert.deepEqual(
    kernel.requests.map(({ start }) => start),
    [0, 750],
  );
});

test("a newer revision replaces all rows, and the move of the anchor is reported as a shift", async () => {
  const kernel = createKernel();
  const { cache, changes, view } = connect(kernel);
  cache.setVisible(0, 9);
  cache.invalidate(1);
  await settled();
  const before = cache.at(0);
  view.setMarks({ anchor: { id: "id-3", index: 3 }, focus: { id: "id-5", index: 5 } });
  Object.assign(kernel, { rev: 2, total: 1001, anchor: 4, focus: null });
  cache.invalidate(2);
  await settled();
  assert.deepEqual(changes.at(-1), { shift: 1, focus: null, focusId: "id-5", isFromTop: false, isReplaced: true });
  assert.equal(cache.rev, 2);
  assert.equal(cache.total, 1001);
  assert.notEqual(cache.at(0), before);
});

test("a reply of an older revision changes nothing", async () => {
  const kernel = createKernel();
  const { cache, changes } = connect(kernel);
  cache.seed({ rev: 5, total: 1, rows: [rowValues(createRow({ index: 0 }))] });
  kernel.rev = 4;
  await cache.jump(500);
  assert.equal(cache.rev, 5);
  assert.equal(cache.total, 1);
  assert.deepEqual(changes, []);
});

test("after a restart the next revision is shown from the top", async () => {
  const kernel = createKernel();
  const { cache, changes } = connect(kernel);
  cache.setVisible(500, 509);
  cache.invalidate(1);
  await settled();
  cache.restart(true);
  kernel.rev = 2;
  cache.invalidate(2);
  await settled();
  assert.equal(kernel.requests[1].start, 0);
  assert.equal(changes[1].isFromTop, true);
});

test("a change of the rows is answered with the window after it; nothing else is asked meanwhile", async () => {
  const kernel = createKernel();
  const { cache, changes } = connect(kernel);
  cache.setVisible(0, 9);
  cache.invalidate(1);
  await settled();
  kernel.rev = 2;
  const changed = cache.change("open", { row: "id-1", on: true });
  cache.invalidate(2);
  await changed;
  await settled();
  assert.deepEqual(
    kernel.requests.map(({ name }) => name),
    ["rows", "open"],
  );
  assert.deepEqual(kernel.requests[1], { name: "open", row: "id-1", on: true, start: 0, count: 50 });
  assert.deepEqual(changes.at(-1), { shift: 0, isReplaced: true });
});

test("a row that is peeked at is not cached", async () => {
  const { cache } = connect(createKernel());
  assert.equal((await cache.peek(700))?.id, "id-700");
  assert.equal(cache.at(700), undefined);
});

test("a request that failed is repeated after a while", async (t) => {
  const clock = createClock(t);
  const kernel = createKernel();
  kernel.failures = 1;
  const { cache } = connect(kernel);
  cache.setVisible(0, 9);
  cache.invalidate(1);
  await clock.advance(1999);
  assert.equal(kernel.requests.length, 1);
  await clock.advance(1);
  assert.equal(kernel.requests.length, 2);
  assert.equal(cache.total, 1000);
});

test("rows far from the visible ones are evicted when there are too many", async () => {
  const kernel = createKernel(20_000);
  const { cache } = connect(kernel);
  cache.invalidate(1);
  for (let first = 0; first <= 7000; first += 400) {
    cache.setVisible(first, first + 399);
    await settled();
    await settled();
  }
  assert.equal(cache.at(0), undefined);
  assert.equal(cache.find("id-0"), undefined);
  assert.ok(cache.at(7000));
  assert.ok(cache.between(0, 20_000).length <= 6000);
});

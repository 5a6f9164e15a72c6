// The rows that were seen last: asked for when they are wanted, one question at a time, and shown until newer ones are there.

import { pause } from "./remote.js";

const FIELDS = ["kind", "id", "name", "status", "size", "where", "created", "level", "position", "siblings", "children", "open", "busy"];
const BLOCK = 50;
const NEAR = 30;
const KEEP = 6000;
const MOST = 500;
const REST = 2000;
const SOON = 300;

// view: marks() gives {anchor, focus}, changed({shift, focus, fresh, replaced}) is told of new rows.
export function createCache(ask, view) {
  const cache = { rev: 0, total: 0, at: (index) => rows.get(index), find: (id) => ids.get(id), between, want, outdated, seed, restart, turn, jump, peek, recheck };
  const rows = new Map();
  const ids = new Map();
  let newest = 0;
  let wanted = [0, 0];
  let asking = false;
  let turning = 0;
  let fresh = false;
  let unsure = false;

  const stale = () => unsure || newest > cache.rev;

  function between(first, last) {
    return [...rows.values()].filter((row) => row.index >= first && row.index <= last);
  }

  function want(first, last) {
    wanted = [first, last];
    next();
  }

  function outdated(rev) {
    newest = Math.max(newest, rev);
    next();
  }

  function recheck() {
    unsure = true;
    next();
  }

  // Another filter or order: the next rows are shown from the top.
  function restart(on) {
    fresh = on;
  }

  async function next() {
    const window = !asking && !turning && missing();
    if (!window) return;
    asking = true;
    const marks = stale() ? { anchor: null, focus: null, ...view.marks(fresh) } : null;
    try {
      take(await ask("rows", { ...window, ...marks }), marks);
      // Rows that were counted and are not there any more: who counts will notice, too.
      if (!stale() && missing()?.start === window.start) await pause(SOON);
      asking = false;
    } catch {
      await pause(REST);
      asking = false;
    }
    next();
  }

  function missing() {
    if (stale()) return fresh ? blocks(0, wanted[1] - wanted[0]) : blocks(...wanted);
    let [first, last] = [Math.max(0, wanted[0] - NEAR), Math.min(cache.total - 1, wanted[1] + NEAR)];
    while (first <= last && rows.has(first)) first++;
    while (last >= first && rows.has(last)) last--;
    return first <= last && blocks(first, last, 0);
  }

  function blocks(first, last, near = NEAR) {
    const start = Math.max(0, Math.floor((first - near) / BLOCK) * BLOCK);
    const end = Math.ceil((last + near + 1) / BLOCK) * BLOCK;
    return { start, count: Math.min(MOST, end - start) };
  }

  function take(answer, marks) {
    newest = Math.max(newest, answer.rev);
    if (answer.rev < cache.rev) return;
    const replaced = answer.rev > cache.rev;
    if (replaced && !marks && between(...wanted).length) return;
    if (marks) unsure = false;
    const { anchor, focus } = marks ?? {};
    const shift = anchor && answer.anchor != null ? answer.anchor - anchor.index : 0;
    put(answer, replaced);
    view.changed({ shift, focus: focus ? answer.focus : undefined, fresh: fresh && replaced, replaced });
    if (replaced) fresh = false;
  }

  function put({ rev, total, start, rows: lists }, replaced) {
    if (replaced) {
      rows.clear();
      ids.clear();
    }
    Object.assign(cache, { rev, total });
    lists.forEach((list, at) => {
      const row = readRow(list, start + at);
      rows.set(row.index, row);
      ids.set(row.id, row);
    });
    if (rows.size > KEEP) forget();
  }

  function forget() {
    const middle = (wanted[0] + wanted[1]) / 2;
    for (const [index, row] of rows) {
      if (Math.abs(index - middle) < KEEP / 2) continue;
      rows.delete(index);
      ids.delete(row.id);
    }
  }

  // A question that changes the rows is answered with the window after it.
  async function turn(what, fields) {
    turning++;
    try {
      replace(await ask(what, { ...fields, ...blocks(...wanted) }));
    } finally {
      turning--;
      next();
    }
  }

  async function peek(index) {
    const { rows: lists, start } = await ask("rows", { start: index, count: 1, anchor: null, focus: null });
    return lists.length && readRow(lists[0], start);
  }

  async function jump(index) {
    replace(await ask("rows", { ...blocks(index, index), anchor: null, focus: null }));
  }

  function replace(answer) {
    if (answer.rev < cache.rev) return;
    newest = Math.max(newest, answer.rev);
    const replaced = answer.rev > cache.rev;
    put(answer, replaced);
    view.changed({ shift: 0, replaced });
    next();
  }

  // What was there before the first answer, or is all there is.
  function seed(state) {
    put({ rev: 0, total: 0, rows: [], ...state, start: 0 }, true);
    newest = cache.rev;
  }

  return cache;
}

function readRow(list, index) {
  const row = { index };
  FIELDS.forEach((field, at) => (row[field] = list[at]));
  return row;
}

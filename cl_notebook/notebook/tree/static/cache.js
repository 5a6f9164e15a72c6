// The rows near what is visible: loaded with one request at a time, and shown until newer ones arrive.

import { pause } from "./remote.js";
import { MAX_ROWS, ROW_FIELDS } from "./schema.js";

/** @import { RequestParams } from "./schema.js" */
/** @import { Mark, Row, RowValues, SavedState, SendRequest, WindowReply } from "./types.d.ts" */

const BLOCK_ROWS = 50;
const AHEAD_ROWS = 30;
const CACHED_ROWS = 6000;
const RETRY_DELAY = 2000;
const MISSING_DELAY = 300;

/** @typedef {{ anchor: Mark | null, focus: Mark | null }} Marks */
/**
 * What changed: by how many rows the anchor moved, the new index of the row `focusId`, which had the focus when it was asked
 * (null: it is gone; undefined: not asked), whether to show the top, and whether the rows are of another revision.
 * @typedef {{ shift: number, focus?: number | null, focusId?: string, isFromTop?: boolean, isReplaced: boolean }} Change
 */
/** @typedef {{ marks: (isFromTop: boolean) => Partial<Marks>, onChange: (change: Change) => void }} CacheView */
/** @typedef {ReturnType<typeof createCache>} Cache */

/**
 * Cache rows for *view*, which says which rows must keep their place and is called when rows have changed.
 * @param {SendRequest} request
 * @param {CacheView} view
 */
export function createCache(request, view) {
  /** @type {Map<number, Row>} */
  const rows = new Map();
  /** @type {Map<string, Row>} */
  const byId = new Map();
  const cache = {
    rev: 0,
    total: 0,
    at: (/** @type {number} */ index) => rows.get(index),
    find: (/** @type {string} */ id) => byId.get(id),
    ...{ between, setVisible, invalidate, seed, restart, change, jump, peek, recheck },
  };
  let newestRev = 0;
  let visible = [0, 0];
  let isLoading = false;
  let changes = 0;
  let isFromTop = false;
  let isDoubtful = false;

  const isStale = () => isDoubtful || newestRev > cache.rev;

  /** @type {(first: number, last: number) => Row[]} */
  function between(first, last) {
    return [...rows.values()].filter((row) => row.index >= first && row.index <= last);
  }

  /** @type {(first: number, last: number) => void} */
  function setVisible(first, last) {
    visible = [first, last];
    loadNext();
  }

  /**
   * Load the visible rows again if *rev* is newer than theirs.
   * @param {number} rev
   */
  function invalidate(rev) {
    newestRev = Math.max(newestRev, rev);
    loadNext();
  }

  function recheck() {
    isDoubtful = true;
    loadNext();
  }

  /**
   * Show the next rows from the top: the filter or the order has changed.
   * @param {boolean} on
   */
  function restart(on) {
    isFromTop = on;
  }

  async function loadNext() {
    const window = isLoading || changes ? null : missing();
    if (!window) return;
    isLoading = true;
    /** @type {Marks | null} */
    const marks = isStale() ? { anchor: null, focus: null, ...view.marks(isFromTop) } : null;
    try {
      take(await request("rows", { ...window, ...marks }), marks);
      // Rows that were counted but are not there any more: the kernel will count again soon.
      if (!isStale() && missing()?.start === window.start) await pause(MISSING_DELAY);
      isLoading = false;
    } catch {
      await pause(RETRY_DELAY);
      isLoading = false;
    }
    loadNext();
  }

  function missing() {
    if (isStale()) return isFromTop ? blocks(0, visible[1] - visible[0]) : blocks(visible[0], visible[1]);
    let first = Math.max(0, visible[0] - AHEAD_ROWS);
    let last = Math.min(cache.total - 1, visible[1] + AHEAD_ROWS);
    while (first <= last && rows.has(first)) first++;
    while (last >= first && rows.has(last)) last--;
    return first <= last ? blocks(first, last, 0) : null;
  }

  /** @type {(first: number, last: number, ahead?: number) => { start: number, count: number }} */
  function blocks(first, last, ahead = AHEAD_ROWS) {
    const start = Math.max(0, Math.floor((first - ahead) / BLOCK_ROWS) * BLOCK_ROWS);
    const end = Math.ceil((last + ahead + 1) / BLOCK_ROWS) * BLOCK_ROWS;
    return { start, count: Math.min(MAX_ROWS, end - start) };
  }

  /** @type {(reply: WindowReply, marks: Marks | null) => void} */
  function take(reply, marks) {
    newestRev = Math.max(newestRev, reply.rev);
    if (reply.rev < cache.rev) return;
    const isReplaced = reply.rev > cache.rev;
    if (isReplaced && !marks && between(visible[0], visible[1]).length) return;
    if (marks) isDoubtful = false;
    const { anchor, focus } = marks ?? {};
    const shift = anchor && reply.anchor != null ? reply.anchor - anchor.index : 0;
    put(reply, isReplaced);
    const focused = focus ? { focus: reply.focus, focusId: focus.id } : {};
    view.onChange({ shift, ...focused, isFromTop: isFromTop && isReplaced, isReplaced });
    if (isReplaced) isFromTop = false;
  }

  /** @type {(window: { rev: number, total: number, start: number, rows: RowValues[] }, isReplaced: boolean) => void} */
  function put({ rev, total, start, rows: received }, isReplaced) {
    if (isReplaced) {
      rows.clear();
      byId.clear();
    }
    Object.assign(cache, { rev, total });
    received.forEach((values, offset) => {
      const row = readRow(values, start + offset);
      rows.set(row.index, row);
      byId.set(row.id, row);
    });
    if (rows.size > CACHED_ROWS) evict();
  }

  function evict() {
    const middle = (visible[0] + visible[1]) / 2;
    for (const [index, row] of rows) {
      if (Math.abs(index - middle) < CACHED_ROWS / 2) continue;
      rows.delete(index);
      byId.delete(row.id);
    }
  }

  /**
   * Send a request that changes which rows there are; its reply has the rows after the change.
   * @template {"open" | "all"} Name
   * @param {Name} name
   * @param {Omit<RequestParams[Name], "start" | "count">} params
   */
  async function change(name, params) {
    changes++;
    try {
      const window = blocks(visible[0], visible[1]);
      replace(await request(name, /** @type {RequestParams[Name]} */ ({ ...params, ...window })));
    } finally {
      changes--;
      loadNext();
    }
  }

  /**
   * Return the row at *index* without caching it.
   * @param {number} index
   */
  async function peek(index) {
    const { rows: received, start } = await request("rows", { start: index, count: 1, anchor: null, focus: null });
    return received.length ? readRow(received[0], start) : null;
  }

  /**
   * Load the rows around *index*.
   * @param {number} index
   */
  async function jump(index) {
    replace(await request("rows", { ...blocks(index, index), anchor: null, focus: null }));
  }

  /** @param {WindowReply} reply */
  function replace(reply) {
    if (reply.rev < cache.rev) return;
    newestRev = Math.max(newestRev, reply.rev);
    const isReplaced = reply.rev > cache.rev;
    put(reply, isReplaced);
    view.onChange({ shift: 0, isReplaced });
    loadNext();
  }

  /**
   * Fill the cache with what was saved: before the first reply, or without a kernel.
   * @param {SavedState} state
   */
  function seed(state) {
    put({ rev: 0, total: 0, rows: [], ...state, start: 0 }, true);
    newestRev = cache.rev;
  }

  return cache;
}

/** @type {(values: RowValues, index: number) => Row} */
function readRow(values, index) {
  return /** @type {Row} */ (Object.fromEntries([["index", index], ...ROW_FIELDS.map((field, at) => [field, values[at]])]));
}

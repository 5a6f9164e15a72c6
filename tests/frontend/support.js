// What the tests share: a clock, a model, and rows.

import { ROW_FIELDS } from "../../cl_notebook/notebook/tree/static/schema.js";

/** @import { Model, Row, RowValues, Traits } from "../../cl_notebook/notebook/tree/static/types.d.ts" */
/** @import { TestContext } from "node:test" */

/** Let all promises that can settle now do so. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Replace the timers and the time until the test ends, so that no test waits. `advance` moves the time.
 * @param {TestContext} t
 */
export function createClock(t) {
  const saved = { setTimeout, clearTimeout, setInterval, clearInterval, now: Date.now };
  const start = 1_700_000_000_000;
  let now = start;
  let last = 0;
  /** @type {Map<number, { at: number, every: number | null, run: () => void }>} */
  const timers = new Map();

  /** @type {(run: (...args: any[]) => void, delay: number, every: number | null, args: unknown[]) => number} */
  const add = (run, delay, every, args) => {
    timers.set(++last, { at: now + (delay ?? 0), every, run: () => run(...args) });
    return last;
  };
  const remove = (/** @type {any} */ id) => void timers.delete(id);

  Object.assign(globalThis, {
    setTimeout: (/** @type {any} */ run, /** @type {number} */ delay, /** @type {any[]} */ ...args) =>
      add(run, delay, null, args),
    setInterval: (/** @type {any} */ run, /** @type {number} */ delay, /** @type {any[]} */ ...args) =>
      add(run, delay, delay, args),
    clearTimeout: remove,
    clearInterval: remove,
  });
  Date.now = () => now;
  t.after(() => {
    const { now: savedNow, ...functions } = saved;
    Object.assign(globalThis, functions);
    Date.now = savedNow;
  });

  /** @param {number} milliseconds */
  async function advance(milliseconds) {
    const until = now + milliseconds;
    await settled();
    for (;;) {
      const [id, timer] = [...timers].sort(([, one], [, other]) => one.at - other.at)[0] ?? [];
      if (!timer || timer.at > until) break;
      now = timer.at;
      if (timer.every) timer.at += timer.every;
      else timers.delete(/** @type {number} */ (id));
      timer.run();
      await settled();
    }
    now = until;
  }

  return { start, advance, now: () => now, pending: () => timers.size };
}

/**
 * Return a model with these traits. `sent` are the messages to the kernel, `emit` calls the listeners of an event.
 * @param {Partial<Traits>} traits
 */
export function createModel(traits = {}) {
  /** @type {Map<string, Set<(data?: any) => void>>} */
  const listeners = new Map();
  /** @type {any[]} */
  const sent = [];
  /** @type {Record<string, unknown>} */
  const values = { selected: [], _key: "key", ...traits };
  const model = /** @type {Model} */ ({
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
      emit(`change:${name}`);
    },
    save_changes: () => {},
    send: (message) => void sent.push(message),
    on: (event, listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event, listener) => void listeners.get(event)?.delete(listener),
  });

  /** @type {(event: string, data?: unknown) => void} */
  function emit(event, data) {
    for (const listener of listeners.get(event) ?? []) listener(data);
  }

  const listenerCount = () => [...listeners.values()].reduce((sum, each) => sum + each.size, 0);
  return { model, sent, emit, listenerCount };
}

/**
 * Return a volume's row; *given* replaces some of its values.
 * @param {Partial<Row> & { index: number }} given
 * @returns {Row}
 */
export function createRow(given) {
  return {
    ...{ kind: "volume", id: `id-${given.index}`, name: `volume ${given.index}`, status: "available", size: 1, where: "host" },
    ...{ created: 0, level: 2, position: given.index, siblings: 1, children: 0, open: false, busy: null, more: null },
    ...given,
  };
}

/**
 * Return a row as it is sent.
 * @param {Row} row
 * @returns {RowValues}
 */
export function rowValues(row) {
  return ROW_FIELDS.map((field) => row[field]);
}

// Which rows are selected: shown at once, sent to the kernel, and replaced by what the kernel reports.

/** @import { App, Row } from "./types.d.ts" */
/** @import { Cache } from "./cache.js" */
/** @import { RequestParams } from "./schema.js" */

/** @typedef {ReturnType<typeof createSelection>} Selection */

/**
 * @param {Pick<App, "model" | "emit" | "request" | "live" | "warn">} app
 * @param {Pick<Cache, "at" | "find" | "between">} cache
 * @param {() => void} onChange
 */
export function createSelection(app, cache, onChange) {
  const { model } = app;
  let ids = new Set(model.get("selected"));
  let unanswered = 0;

  const selection = {
    /** @type {Row | null} where a range begins */
    pivot: null,
    /** @type {string | undefined} the row that was selected last */
    last: undefined,
    has: (/** @type {string} */ id) => ids.has(id),
    list: () => [...ids],
    clear: () => set([]),
    ...{ set, toggle, range, stop },
  };

  /** @param {Iterable<string>} next */
  function show(next) {
    ids = new Set(next);
    onChange();
    app.emit("selected", selection.list());
  }

  function follow() {
    if (!unanswered) show(model.get("selected") ?? []);
  }

  /** @type {<Name extends "select" | "range">(name: Name, params: RequestParams[Name]) => Promise<void>} */
  async function send(name, params) {
    unanswered++;
    try {
      await app.request(name, params);
      unanswered--;
    } catch (error) {
      unanswered--;
      if (!["live", "busy"].includes(app.live.state)) return;
      app.warn(/** @type {Error} */ (error).message);
      follow();
    }
  }

  /** @type {(list: string[], row?: Row) => void} */
  function set(list, row) {
    selection.pivot = row ?? selection.pivot;
    selection.last = row?.id;
    show(list);
    send("select", { ids: list, how: "set" });
  }

  /** @param {Row} row */
  function toggle(row) {
    selection.pivot = row;
    selection.last = row.id;
    const next = new Set(ids);
    if (!next.delete(row.id)) next.add(row.id);
    show(next);
    send("select", { ids: [row.id], how: "toggle" });
  }

  /** Return where the pivot is now, wherever it has moved to. */
  function pivotIndex() {
    const { pivot } = selection;
    return (pivot && cache.find(pivot.id)?.index) ?? pivot?.index;
  }

  /**
   * Select the rows from *from*, else from the pivot, to *to*.
   * @param {number} to
   * @param {number} from
   * @param {"set" | "add"} how
   */
  function range(to, from = pivotIndex() ?? to, how = "set") {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const loaded = cache.between(first, last).map((row) => row.id);
    selection.last = cache.at(to)?.id;
    show(how === "add" ? [...ids, ...loaded] : loaded);
    return send("range", { first, last, how });
  }

  function stop() {
    model.off("change:selected", follow);
  }

  model.on("change:selected", follow);
  return selection;
}

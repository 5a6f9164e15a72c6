// The header: which columns are shown, how wide, and in which order the rows are.

import { el, setAttr } from "./dom.js";
import { icon } from "./icons.js";
import { SORT_NAMES } from "./schema.js";

/** @import { App } from "./types.d.ts" */
/** @import { CellName } from "./cells.js" */
/** @import { ColumnName } from "./schema.js" */

/** @type {Record<CellName, string>} */
export const TITLES = {
  name: "Name",
  status: "Status",
  size: "Size",
  capacity: "Capacity",
  where: "Where",
  age: "Age",
  driver: "Driver",
  pool: "Pool",
  owner: "Owner",
  description: "Description",
  metadata: "Metadata",
  id: "Id",
  created: "Created",
};
/**
 * What a heading leaves open.
 * @type {Partial<Record<CellName, string>>}
 */
const HINTS = {
  size: "Size of a volume or snapshot",
  capacity: "Room that is free on a backend; the bar is what is used and what is provisioned",
  where: "Host of a volume, path of a connection, driver of a backend",
  owner: "Who created or adopted it",
};
/** @type {Record<ColumnName, number>} */
const WIDTHS = {
  ...{ status: 136, size: 84, capacity: 112, where: 112, age: 64, driver: 160, pool: 110, owner: 120 },
  ...{ description: 180, metadata: 160, id: 290, created: 184 },
};
const MIN_WIDTH = 48;
const MIN_NAME_WIDTH = 150;
const NUDGE = 16;

/** @typedef {ReturnType<typeof createColumns>} Columns */

/**
 * Create the header of *treegrid*; *onChange* is called when other columns are shown.
 *
 * The widths are a CSS variable of *treegrid*, so no row is touched when one changes.
 * @param {Pick<App, "model">} app
 * @param {HTMLElement} treegrid
 * @param {(names: CellName[]) => void} onChange
 */
export function createColumns({ model }, treegrid, onChange) {
  /** @type {CellName[]} */
  let names = [];
  /** @type {HTMLElement[]} */
  let cells = [];
  /** @type {Partial<Record<CellName, number>>} widths that were set by hand, in pixels */
  const widths = {};
  const head = el("div", { class: "cl-tr cl-thead", role: "row", "aria-rowindex": 1 });
  const columns = {
    head,
    get names() {
      return names;
    },
    get cells() {
      return cells;
    },
    ...{ sort, nudge, stop },
  };

  function show() {
    delete widths.name;
    names = ["name", ...(model.get("columns") ?? []).filter((name) => WIDTHS[name])];
    cells = names.map(createHeading);
    head.replaceChildren(...cells);
    setAttr(treegrid, "aria-colcount", names.length);
    applyWidths();
    showOrder();
    onChange(names);
  }

  /** @param {CellName} name */
  function createHeading(name) {
    /** @type {HTMLElement} */
    const grip = el("span", {
      class: "cl-grip",
      onpointerdown: (/** @type {PointerEvent} */ event) => drag(event, grip, name),
      ondblclick: () => setWidth(name),
      onclick: (/** @type {Event} */ event) => event.stopPropagation(),
    });
    const text = el("span", { class: "cl-text", text: TITLES[name] });
    const props = { class: `cl-td cl-th cl-c-${name}`, role: "columnheader", tabindex: -1, onclick: () => sort(name) };
    return el("div", { ...props, title: HINTS[name] }, text, el("span", { class: "cl-order" }), grip);
  }

  const order = () => (model.get("sort") || "").split(":");

  function showOrder() {
    const [by, way] = order();
    cells.forEach((cell, at) => {
      const isOrder = names[at] === by;
      if (SORT_NAMES.includes(names[at])) setAttr(cell, "aria-sort", isOrder ? (way ? "descending" : "ascending") : "none");
      cell.children[1].replaceChildren(...(isOrder ? [icon(way ? "down" : "up")] : []));
    });
  }

  /**
   * Sort by a column: ascending, then descending, then by creation again.
   * @param {CellName} name
   */
  function sort(name) {
    if (!SORT_NAMES.includes(name)) return;
    const [by, way] = order();
    model.set("sort", by !== name ? name : way ? "" : `${name}:desc`);
    model.save_changes();
  }

  function applyWidths() {
    const widthOf = (/** @type {ColumnName} */ name) => widths[name] ?? WIDTHS[name];
    const others = /** @type {ColumnName[]} */ (names.slice(1)).map(widthOf);
    const name = widths.name ? `${widths.name}px` : `minmax(${MIN_NAME_WIDTH}px, 1fr)`;
    const least = others.reduce((sum, width) => sum + width, widths.name ?? MIN_NAME_WIDTH);
    treegrid.style.setProperty("--cl-columns", [name, ...others.map((width) => `${width}px`)].join(" "));
    treegrid.style.minWidth = `${least}px`;
  }

  /** @type {(name: CellName, pixels?: number) => void} */
  function setWidth(name, pixels) {
    if (pixels == null) delete widths[name];
    else {
      widths.name ??= cells[0].offsetWidth;
      widths[name] = Math.max(MIN_WIDTH, Math.round(pixels));
    }
    applyWidths();
  }

  /** @type {(at: number, way: 1 | -1) => void} */
  function nudge(at, way) {
    setWidth(names[at], cells[at].offsetWidth + way * NUDGE);
  }

  /** @type {(event: PointerEvent, grip: HTMLElement, name: CellName) => void} */
  function drag(event, grip, name) {
    const heading = /** @type {HTMLElement} */ (grip.parentNode);
    const start = event.clientX - heading.offsetWidth;
    const move = (/** @type {PointerEvent} */ moved) => setWidth(name, moved.clientX - start);
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), { once: true });
  }

  function stop() {
    model.off("change:columns", show);
    model.off("change:sort", showOrder);
  }

  model.on("change:columns", show);
  model.on("change:sort", showOrder);
  show();
  return columns;
}

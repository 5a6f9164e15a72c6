// The header: what is shown, how wide, and in which order.

import { el, setAttr } from "./dom.js";
import { icon } from "./icons.js";

const TITLES = { name: "Name", status: "Status", size: "Size", where: "Host / path", age: "Age", id: "Id", created: "Created" };
const WIDTHS = { status: 136, size: 100, where: 128, age: 72, id: 290, created: 184 };
const UNSORTED = ["id", "created"];
const LEAST = 48;
const NAME_LEAST = 150;
const STEP = 16;

// changed(): other columns are shown. The widths are a variable of treegrid, so no row is touched when one changes.
export function createColumns(app, treegrid, changed) {
  const columns = { names: [], cells: [], head: el("div", { class: "cl-tr cl-thead", role: "row", "aria-rowindex": 1 }), sort, nudge, stop };
  const { model } = app;
  const widths = {};

  function choose() {
    delete widths.name;
    columns.names = ["name", ...(model.get("columns") ?? []).filter((name) => WIDTHS[name])];
    columns.cells = columns.names.map(heading);
    columns.head.replaceChildren(...columns.cells);
    setAttr(treegrid, "aria-colcount", columns.names.length);
    size();
    sorted();
    changed();
  }

  function heading(name) {
    const grip = el("span", { class: "cl-grip", onpointerdown: (event) => drag(event, name), ondblclick: () => width(name), onclick: stay });
    const cell = el("div", { class: `cl-td cl-th cl-c-${name}`, role: "columnheader", tabindex: -1, onclick: () => sort(name) });
    cell.append(el("span", { class: "cl-text", text: TITLES[name] }), el("span", { class: "cl-order" }), grip);
    return cell;
  }

  const order = () => (model.get("sort") || "").split(":");

  function sorted() {
    const [by, way] = order();
    columns.cells.forEach((cell, at) => {
      const name = columns.names[at];
      const on = name === by;
      if (!UNSORTED.includes(name)) setAttr(cell, "aria-sort", on ? (way ? "descending" : "ascending") : "none");
      cell.children[1].replaceChildren(...(on ? [icon(way ? "down" : "up")] : []));
    });
  }

  // Ascending, descending, and back to the order of creation.
  function sort(name) {
    if (UNSORTED.includes(name)) return;
    const [by, way] = order();
    model.set("sort", by !== name ? name : way ? "" : `${name}:desc`);
    model.save_changes();
  }

  function size() {
    const track = (name) => `${widths[name] ?? WIDTHS[name]}px`;
    const rest = columns.names.slice(1);
    const least = rest.reduce((sum, name) => sum + (widths[name] ?? WIDTHS[name]), widths.name ?? NAME_LEAST);
    treegrid.style.setProperty("--cl-columns", [widths.name ? track("name") : `minmax(${NAME_LEAST}px, 1fr)`, ...rest.map(track)].join(" "));
    treegrid.style.minWidth = `${least}px`;
  }

  function width(name, pixels) {
    if (pixels == null) delete widths[name];
    else {
      widths.name ??= columns.cells[0].offsetWidth;
      widths[name] = Math.max(LEAST, Math.round(pixels));
    }
    size();
  }

  function nudge(at, way) {
    width(columns.names[at], columns.cells[at].offsetWidth + way * STEP);
  }

  function drag(event, name) {
    const grip = event.currentTarget;
    const begun = event.clientX - grip.parentNode.offsetWidth;
    const move = (moved) => width(name, moved.clientX - begun);
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), { once: true });
  }

  function stop() {
    model.off("change:columns", choose);
    model.off("change:sort", sorted);
  }

  model.on("change:columns", choose);
  model.on("change:sort", sorted);
  choose();
  return columns;
}

function stay(event) {
  event.stopPropagation();
}

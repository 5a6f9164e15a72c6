// What the pointer does to rows: select, open, show the details, and open the menu.

import { targetOf } from "./dom.js";
import { openRowMenu } from "./row_menu.js";

/** @import { App } from "./types.d.ts" */
/** @import { Grid } from "./grid.js" */

/** @type {(app: App, grid: Grid) => void} */
export function createPointer(app, grid) {
  const { selection, treegrid } = grid;

  const viewOf = (/** @type {Event} */ event) => grid.viewOf(targetOf(event));

  treegrid.addEventListener("click", (event) => {
    const row = viewOf(event)?.row;
    if (!row) return;
    const isAdding = event.ctrlKey || event.metaKey;
    grid.goTo(row.index, -1, { follow: false });
    if (targetOf(event).closest(".cl-put")) app.giveLine(row);
    else if (row.children && targetOf(event).closest(".cl-twist")) grid.setOpen(row, !row.open);
    else if (event.shiftKey) selection.range(row.index, undefined, isAdding ? "add" : "set");
    else if (isAdding) selection.toggle(row);
    else selection.set([row.id], row);
  });

  treegrid.addEventListener("dblclick", (event) => {
    if (viewOf(event)?.row && !targetOf(event).closest(".cl-twist, .cl-put")) app.showPane(true);
  });

  treegrid.addEventListener("contextmenu", (event) => {
    const view = viewOf(event);
    if (!view?.row || event.shiftKey) return;
    const { row } = view;
    event.preventDefault();
    event.stopPropagation();
    if (event.button !== 2) return;
    grid.goTo(view.index, -1, { follow: false });
    if (!selection.has(row.id)) selection.set([row.id], row);
    openRowMenu(app, row, { x: event.clientX, y: event.clientY });
  });

  // A click with Shift selects rows, not text.
  treegrid.addEventListener("mousedown", (event) => {
    if (event.shiftKey && viewOf(event)) event.preventDefault();
  });
}

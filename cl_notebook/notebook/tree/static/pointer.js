// What the pointer does to rows: select, open, show, and their menu.

import { rowMenu } from "./menu.js";

export function createPointer(app, grid) {
  const { choice } = grid;

  const lineOf = (event) => event.target.closest(".cl-tr")?.clLine;

  function click(event) {
    const line = lineOf(event);
    if (!line?.row) return;
    const { row } = line;
    grid.goTo(row.index, -1, { scroll: false });
    if (row.children && event.target.closest(".cl-twist")) grid.turn(row, !row.open);
    else if (event.shiftKey) choice.range(row.index, undefined, event.ctrlKey || event.metaKey ? "add" : "set");
    else if (event.ctrlKey || event.metaKey) choice.toggle(row);
    else choice.set([row.id], row);
  }

  function dblclick(event) {
    if (lineOf(event)?.row && !event.target.closest(".cl-twist")) app.showPane(true);
  }

  function contextmenu(event) {
    const line = lineOf(event);
    if (!line?.row || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.button !== 2) return;
    grid.goTo(line.index, -1, { scroll: false });
    if (!choice.has(line.row.id)) choice.set([line.row.id], line.row);
    rowMenu(app, line.row, { x: event.clientX, y: event.clientY });
  }

  // Text is not marked between two clicks that select rows.
  function mousedown(event) {
    if (event.shiftKey && lineOf(event)) event.preventDefault();
  }

  for (const act of [click, dblclick, contextmenu, mousedown]) grid.treegrid.addEventListener(act.name, act);
}

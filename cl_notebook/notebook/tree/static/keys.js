// Keys of the grid, after WAI-ARIA's treegrid pattern. A key that means something here goes no further.

import { copyText } from "./buttons.js";
import { rowMenu } from "./menu.js";

const TYPING = 500;

export function createKeys(app, grid) {
  const { spot, cache, choice, columns } = grid;
  let typed = "";
  let typedAt = 0;
  let typedFrom = 0;

  const end = () => cache.total - 1;
  const lastCell = () => columns.names.length - 1;
  const down = (way) => () => grid.goTo(Math.min(end(), spot.index + way));
  const far = (way) => () => grid.goTo(Math.max(0, Math.min(end(), spot.index + way * grid.page())));
  const edge = (index, cell) => () => (spot.cell < 0 ? grid.goTo(index()) : grid.goTo(spot.index, cell()));
  const ends = { Home: () => grid.goTo(0), End: () => grid.goTo(end()), a: () => choice.range(end(), 0), c: copy, " ": toggle, ArrowUp: down(-1), ArrowDown: down(1) };
  const shifts = { ArrowUp: () => extend(-1), ArrowDown: () => extend(1), " ": () => choice.range(spot.index), F10: menu, "*": () => grid.all(true) };
  const plains = {
    ArrowUp: down(-1),
    ArrowDown: down(1),
    PageUp: far(-1),
    PageDown: far(1),
    Home: edge(() => 0, () => 0),
    End: edge(end, lastCell),
    ArrowRight: right,
    ArrowLeft: left,
    Enter: () => app.showPane(true),
    " ": toggle,
    Escape: clear,
    Delete: () => spot.row && app.act("delete", meant()),
    ContextMenu: menu,
    "*": () => grid.all(true),
  };
  const headings = {
    ArrowDown: () => cache.total && grid.goTo(0, -1),
    ArrowLeft: (alt) => turnHeading(-1, alt),
    ArrowRight: (alt) => turnHeading(1, alt),
    Home: () => grid.goTo(-1, 0),
    End: () => grid.goTo(-1, lastCell()),
    Enter: sort,
    " ": sort,
  };

  // The selected rows if the focus is on one of them, else the row that has it.
  function meant() {
    if (!spot.row) return choice.list();
    return choice.has(spot.id) ? choice.list() : [spot.id];
  }

  function copy() {
    copyText(app, meant().join("\n"));
  }

  function toggle() {
    if (typed && performance.now() - typedAt < TYPING) return seek(" ");
    if (spot.row) choice.toggle(spot.row);
  }

  function clear() {
    if (!choice.list().length) return false;
    choice.pivot = null;
    choice.clear();
  }

  function extend(way) {
    if (choice.last !== spot.id || !choice.pivot) choice.pivot = spot.row;
    const to = Math.max(0, Math.min(end(), spot.index + way));
    grid.goTo(to);
    choice.range(to);
  }

  function right() {
    const { row, cell } = spot;
    if (cell < 0 && row?.children && !row.open) grid.turn(row, true);
    else grid.goTo(spot.index, Math.min(lastCell(), cell + 1));
  }

  async function left() {
    const { row, cell, index } = spot;
    if (cell >= 0) grid.goTo(index, cell - 1);
    else if (row?.children && row.open) grid.turn(row, false);
    else if (row) {
      const above = await grid.parentOf(row).catch(() => null);
      if (above != null && spot.id === row.id) grid.goTo(above);
    }
  }

  function menu() {
    const line = grid.line();
    if (line?.row) rowMenu(app, line.row, { anchor: line.el });
  }

  function sort() {
    columns.sort(columns.names[spot.cell]);
  }

  function turnHeading(way, alt) {
    if (alt) columns.nudge(spot.cell, way);
    else grid.goTo(-1, Math.max(0, Math.min(lastCell(), spot.cell + way)));
  }

  async function seek(sign) {
    const now = performance.now();
    if (now - typedAt > TYPING) {
      typed = "";
      typedFrom = Math.max(0, spot.index);
    }
    typed += sign;
    typedAt = now;
    const text = typed;
    const { index } = await app.ask("seek", { text, after: typedFrom }).catch(() => ({}));
    if (index != null && text === typed && grid.owns()) grid.goTo(index);
  }

  function meaning(event) {
    const { key, altKey, shiftKey } = event;
    if (spot.index < 0 || !cache.total) return altKey ? headings[/^Arrow[LR]/.test(key) ? key : ""] : headings[key];
    if (altKey) return null;
    if (event.ctrlKey || event.metaKey) return ends[key];
    if (shiftKey && shifts[key]) return shifts[key];
    return plains[key] ?? ([...key].length === 1 ? () => void seek(key) : null);
  }

  return (event) => {
    const act = !event.isComposing && meaning(event);
    if (!act || act(event.altKey) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
}

// The grid: as many rows as are seen, one of which has the focus, and the place in the list.

import { el, setAttr } from "./dom.js";
import { createCache } from "./cache.js";
import { createChoice } from "./choice.js";
import { createColumns } from "./columns.js";
import { createLines } from "./lines.js";
import { createScroll } from "./scroll.js";

const HIGH = 28;
const OVER = 8;
const FEWEST = 5;
const MOST_SHOWN = 15;
const HEADER = -1;

// grid.spot is what has the focus: a row (cell -1), a cell, or a heading (index -1); its id and row stay when it is out of sight.
export function createGrid(app) {
  const spot = { index: 0, id: null, row: null, cell: -1, used: false };
  const spacer = el("div", { class: "cl-spacer" });
  const layer = el("div", { class: "cl-layer" });
  const none = el("div", { class: "cl-none", hidden: true });
  const treegrid = el("div", { class: "cl-grid", role: "treegrid", "aria-multiselectable": "true" });
  const scroller = el("div", { class: "cl-scroll" }, treegrid, spacer);
  const view = { marks, changed };
  const cache = createCache(app.ask, view);
  const choice = createChoice(app, cache, soon);
  const lines = createLines(app, layer, HIGH);
  const scroll = createScroll(scroller, spacer, soon);
  const grid = { el: scroller, treegrid, cache, choice, spot, goTo, show, turn, all, parentOf, page, focus, owns, fill, line: () => lines.find(spotKey()), stop };
  let height = FEWEST * HIGH;
  let given = "";
  let frame = 0;
  let ticks = 0;
  let quiet = false;

  const columns = createColumns(app, treegrid, () => {
    lines.clear(grid.columns?.names ?? []);
    soon();
  });
  grid.columns = columns;
  lines.clear(columns.names);
  treegrid.append(columns.head, el("div", { class: "cl-tbody", role: "rowgroup" }, layer), none);

  const active = () => treegrid.getRootNode().activeElement;
  const keyOf = (index) => cache.at(index)?.id ?? index;
  const spotKey = () => spot.id ?? spot.index;

  // Which rows

  function soon() {
    frame ||= requestAnimationFrame(render);
  }

  function render() {
    cancelAnimationFrame(frame);
    frame = 0;
    const { top } = scroll;
    const first = Math.floor(top / HIGH);
    const last = Math.min(cache.total, Math.ceil((top + height) / HIGH)) - 1;
    const focused = lines.keep(active());
    lines.place(top);
    lines.show(listed(Math.max(0, first - OVER), Math.min(cache.total - 1, last + OVER)), mark);
    markHeader();
    if (focused && !lines.keep(active())) focus();
    cache.want(first, Math.max(first, last));
  }

  function listed(first, last) {
    const list = [];
    for (let index = first; index <= last; index++) list.push([keyOf(index), index, cache.at(index)]);
    const key = spotKey();
    if (spot.index === HEADER || !cache.total || list.some(([other]) => other === key)) return list;
    const pinned = [key, spot.index, spot.row ?? undefined];
    return spot.index < first ? [pinned, ...list] : [...list, pinned];
  }

  function mark(line) {
    const here = spot.index !== HEADER && (line.row?.id ?? line.index) === spotKey();
    const chosen = line.row ? choice.has(line.row.id) : false;
    const cell = here ? spot.cell : null;
    if (line.chosen === chosen && line.cell === cell) return;
    Object.assign(line, { chosen, cell });
    setAttr(line.el, "aria-selected", chosen);
    line.el.tabIndex = cell === -1 ? 0 : -1;
    line.el.classList.toggle("cl-here", here && spot.used);
    line.cells.forEach((node, at) => setAttr(node, "tabindex", at === cell ? 0 : null));
  }

  function markHeader() {
    const on = spot.index === HEADER || !cache.total ? Math.max(0, spot.cell) : HEADER;
    columns.cells.forEach((cell, at) => (cell.tabIndex = at === on ? 0 : -1));
  }

  // New rows

  // What the reader looks at stays where it is: the row that has the focus if it is in sight, else the first one that is.
  function marks(fresh) {
    const [first, last] = [scroll.top / HIGH, (scroll.top + height) / HIGH - 1];
    const seen = spot.id && spot.index >= first && spot.index <= last ? spot.row : cache.between(Math.ceil(first), last)[0];
    const anchor = scroll.top > 0 && !fresh && seen ? { id: seen.id, index: seen.index } : null;
    return { anchor, focus: spot.id && { id: spot.id, index: spot.index } };
  }

  function changed({ shift, focus: found, fresh, replaced }) {
    if (fresh) scroll.top = 0;
    if (shift) scroll.top += shift * HIGH;
    if (found === null) lose(shift);
    else if (found !== undefined) spot.index = found;
    learn(replaced);
    lines.grown(cache.at);
    fit();
    measure();
    render();
    app.emit("rows");
  }

  // The row that had the focus is gone: the one in its place gets it.
  function lose(shift) {
    Object.assign(spot, { index: Math.max(0, Math.min(cache.total - 1, spot.index + shift)), id: null, row: null, fell: true });
  }

  function learn(replaced) {
    if (spot.index === HEADER) return;
    const row = spot.id ? cache.find(spot.id) : cache.at(spot.index);
    if (!row && spot.id && replaced) cache.recheck();
    if (!row || row === spot.row) return;
    const other = row.id !== spot.id;
    Object.assign(spot, { index: row.index, id: row.id, row });
    if (other && spot.used) app.emit("focus", row);
    else if (!other) app.emit("row", row);
  }

  function fill(state) {
    cache.seed(state);
    changed({ shift: 0, replaced: false });
  }

  // How high

  function fit() {
    const wanted = (Math.max(FEWEST, Math.min(MOST_SHOWN, cache.total)) + 1) * HIGH + 2;
    if (scroller.style.height === given && wanted > (parseFloat(given) || 0)) given = scroller.style.height = `${wanted}px`;
    none.hidden = cache.total > 0;
    none.textContent = app.model.get("filter") || app.model.get("only_faults") ? "Nothing matches." : "Nothing is tracked here yet.";
    setAttr(treegrid, "aria-rowcount", cache.total + 1);
  }

  function measure() {
    height = (scroller.clientHeight || parseFloat(given)) - HIGH;
    scroll.setLength(Math.max(0, cache.total * HIGH - height));
  }

  // A part of the page that was taken out and put back stands at its top.
  function resized() {
    if (!scroller.clientHeight) return;
    measure();
    scroll.settle(true);
    soon();
  }

  function page() {
    return Math.max(1, Math.floor(height / HIGH) - 1);
  }

  // The focus

  function goTo(index, cell = spot.cell, { take = true, scroll: follow = true } = {}) {
    const heading = index < 0;
    const at = heading ? HEADER : Math.min(index, cache.total - 1);
    const row = heading ? null : cache.at(at) ?? null;
    Object.assign(spot, { index: at, id: row?.id ?? null, row, cell: heading ? Math.max(0, cell) : cell, used: true, fell: false });
    if (follow) show(at);
    render();
    if (take) focus();
    if (row) app.emit("focus", row);
  }

  function show(index) {
    if (index === HEADER) return;
    const top = index * HIGH;
    if (top < scroll.top) scroll.moveTo(top);
    else if (top + HIGH > scroll.top + height) scroll.moveTo(top + HIGH - height);
  }

  function focus() {
    const line = lines.find(spotKey());
    const node = spot.index === HEADER || !line ? columns.cells[Math.max(0, spot.cell)] : line.cells[spot.cell] ?? line.el;
    quiet = true;
    node.focus({ preventScroll: true });
    quiet = false;
    if (spot.cell < 0) return;
    const from = node.offsetLeft;
    if (from < scroller.scrollLeft) scroller.scrollLeft = from;
    else if (from + node.offsetWidth > scroller.scrollLeft + scroller.clientWidth) scroller.scrollLeft = from + node.offsetWidth - scroller.clientWidth;
  }

  function owns() {
    return treegrid.contains(active());
  }

  // The focus that comes from elsewhere: by Tab, by a click, by a screen reader.
  function focused({ target }) {
    if (quiet) return;
    const line = target.closest(".cl-tr").clLine;
    const heading = columns.cells.indexOf(target);
    if (heading >= 0 && (spot.index !== HEADER || spot.cell !== heading)) goTo(HEADER, heading);
    else if (line && (line.row?.id ?? line.index) !== spotKey()) goTo(line.index, line.cells.indexOf(target), { scroll: target.matches(":focus-visible") });
    else if (line && target.matches(":focus-visible")) show(spot.index);
  }

  // Branches

  async function turn(row, on) {
    if (!row?.children || row.open === on) return;
    await tried(cache.turn("open", { row: row.id, on }));
  }

  async function all(on) {
    await tried(cache.turn("all", { on }));
  }

  async function tried(work) {
    try {
      await work;
    } catch (error) {
      app.warn(error.message);
    }
  }

  // The nearest row above that is a level higher; rows between may be anything, so each step asks where its own branch begins.
  async function parentOf(row) {
    for (let step = row; step && step.level >= row.level; ) {
      const index = step.index - step.position;
      if (index < 0) return null;
      step = cache.at(index) ?? (await cache.peek(index));
      if (step && step.level < row.level) return step.index;
    }
    return null;
  }

  // Time

  function tick() {
    if (++ticks % 30 === 0) {
      lines.refresh();
      soon();
    } else lines.busy();
  }

  function renew() {
    lines.refresh();
    soon();
  }

  const ticking = setInterval(tick, 1000);
  const watching = new ResizeObserver(resized);
  watching.observe(scroller);
  treegrid.addEventListener("focusin", focused);
  app.on("head", renew);

  function stop() {
    clearInterval(ticking);
    cancelAnimationFrame(frame);
    watching.disconnect();
    columns.stop();
    choice.stop();
  }

  return grid;
}

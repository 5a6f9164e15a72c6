// The contents of a row's cells.

import { el, plain, setAttr, setText } from "./dom.js";
import { formatAge, formatCount, formatSize, formatSpan, formatTime, statusIcon } from "./format.js";
import { icon } from "./icons.js";
import { findLab } from "./lab.js";

/** @import { Amount, App, Capacity, Head, Row, VolumeSums } from "./types.d.ts" */
/** @import { ColumnName } from "./schema.js" */
/** @import { IconName } from "./icons.js" */

/** @typedef {ColumnName | "name"} CellName */
/** @typedef {Pick<App, "head">} HeadHolder */

/** @type {Record<CellName, (cell: HTMLElement, row: Row, app: HeadHolder) => void>} */
const fillers = {
  name: fillName,
  status: fillStatus,
  size: (cell, row) => setText(cell, formatSize(row.size)),
  capacity: fillCapacity,
  where: (cell, row) => fillText(cell, row.where),
  id: (cell, row) => fillText(cell, row.id),
  age: fillAge,
  created: (cell, row) => setText(cell, formatTime(row.created)),
  driver: fillMore("driver"),
  pool: fillMore("pool"),
  owner: fillMore("owner"),
  description: fillMore("description"),
  metadata: fillMore("metadata"),
};

const PUT = "Put the line that shows it into the notebook (Ctrl+Enter)";

/** @param {CellName} column */
export function createCell(column) {
  const cell = el("div", { class: `cl-td cl-c-${column}`, role: "gridcell" });
  const span = (/** @type {string} */ name) => el("span", { class: name });
  if (column === "name") {
    cell.append(el("span", { class: "cl-twist" }, icon("closed")), span("cl-kind"), span("cl-text"), span("cl-count"));
    const props = { type: "button", class: "cl-btn cl-bare cl-put", tabindex: -1, title: PUT, "aria-label": PUT };
    if (findLab()) cell.append(el("button", props, icon("put")));
  }
  if (column === "status") cell.append(span("cl-sign"), span("cl-text"));
  return cell;
}

/** @type {(cell: HTMLElement, column: CellName, row: Row | undefined, app: HeadHolder) => void} */
export function fillCell(cell, column, row, app) {
  if (row) fillers[column](cell, row, app);
  else clearCell(cell, column);
}

/** @type {(cell: HTMLElement, column: CellName) => void} */
function clearCell(cell, column) {
  cell.removeAttribute("title");
  cell.removeAttribute("aria-label");
  if (column === "name") setName(cell, { level: 1, name: "", kind: null, count: "" });
  else if (column === "status") setStatus(cell, null, "");
  else setText(cell, "");
}

/** @type {(cell: HTMLElement, value: string) => void} */
function fillText(cell, value) {
  const text = plain(value ?? "");
  setText(cell, text);
  setAttr(cell, "title", text || null);
}

/** @type {(name: ColumnName) => (cell: HTMLElement, row: Row) => void} */
function fillMore(name) {
  return (cell, row) => fillText(cell, row.more?.[name] ?? "");
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function fillAge(cell, row) {
  setText(cell, formatAge(row.created));
  setAttr(cell, "title", formatTime(row.created) || null);
}

/** @type {(holder: HTMLElement, name: IconName | null) => void} */
function setIcon(holder, name) {
  if (holder.dataset.icon === (name ?? "")) return;
  holder.dataset.icon = name ?? "";
  holder.replaceChildren(...(name ? [icon(name)] : []));
}

/** @param {HTMLElement} cell */
function childrenOf(cell) {
  return /** @type {HTMLElement[]} */ ([...cell.children]);
}

/** @type {(cell: HTMLElement, row: Row, app: HeadHolder) => void} */
function fillName(cell, row, app) {
  setName(cell, { level: row.level, name: plain(row.name), kind: row.kind, count: childCount(row, app.head) });
}

/** @type {(cell: HTMLElement, shown: { level: number, name: string, kind: Row["kind"] | null, count: string }) => void} */
function setName(cell, { level, name, kind, count }) {
  const [, sign, text, below] = childrenOf(cell);
  cell.style.setProperty("--cl-level", String(level));
  setIcon(sign, kind);
  setAttr(sign, "title", kind);
  setText(text, name);
  setAttr(cell, "title", name || null);
  setText(below, count);
}

// Below a backend there may be more volumes than a filter shows.
/** @type {(row: Row, head: Head | null) => string} */
function childCount({ kind, id, children }, head) {
  const all = head?.shown == null ? 0 : (head.backends[id]?.volumes ?? 0);
  if (kind === "backend" && all > children) return `${formatCount(children)} of ${formatCount(all)}`;
  return children || kind === "backend" ? formatCount(children) : "";
}

/** @type {(cell: HTMLElement, name: IconName | null, text: string, title?: string) => void} */
function setStatus(cell, name, text, title) {
  const [sign, label, progress] = childrenOf(cell);
  setIcon(sign, name);
  setText(label, text);
  setAttr(cell, "title", title);
  progress?.remove();
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function fillStatus(cell, row) {
  const { busy } = row;
  if (busy?.gone) {
    setStatus(cell, "fault", "kernel is gone", `${busy.doing}, begun ${formatTime(busy.since)}: the kernel that did it is gone`);
  } else if (busy) fillProgress(cell, row, busy);
  else setStatus(cell, row.status ? statusIcon(row.kind, row.status) : null, plain(row.status ?? ""));
}

/** @type {(cell: HTMLElement, row: Row, busy: NonNullable<Row["busy"]>) => void} */
function fillProgress(cell, row, { doing, since, done }) {
  const text = plain(row.status?.endsWith("ing") ? row.status : doing);
  const percent = done == null ? null : Math.round(done * 100);
  const progress = percent == null ? formatSpan(Date.now() / 1000 - (since ?? 0)) : `${percent} %`;
  setStatus(cell, "busy", `${text} ${progress}`, `${plain(doing)}, begun ${formatTime(since)}`);
  if (percent == null) return;
  const bar = el("span", { class: "cl-done", role: "progressbar", "aria-label": plain(doing), "aria-valuenow": percent });
  bar.style.width = `${percent}%`;
  cell.append(bar);
}

/** @param {Amount | undefined} value */
function formatAmount(value) {
  return typeof value === "number" ? formatSize(value) : (value ?? "unknown");
}

/** @type {(cell: HTMLElement, row: Row, app: HeadHolder) => void} */
function fillCapacity(cell, row, app) {
  if (row.kind === "backend") return showCapacity(cell, app.head?.capacity?.[row.id], app.head?.backends?.[row.id]);
  clearCell(cell, "capacity");
}

/** @type {(cell: HTMLElement, capacity: Capacity | null | undefined, sums: VolumeSums | undefined) => void} */
function showCapacity(cell, capacity, sums) {
  const { total, free, provisioned = sums?.provisioned } = capacity ?? {};
  const room = capacity
    ? `total ${formatAmount(total)}, provisioned ${formatAmount(provisioned)}, free ${formatAmount(free)}`
    : `capacity not known, provisioned ${formatAmount(provisioned)}`;
  setAttr(cell, "title", room);
  if (typeof total !== "number" || total <= 0) {
    cell.removeAttribute("aria-label");
    return setText(cell, capacity ? (total === "infinite" ? "infinite" : "unknown") : "");
  }
  const text = typeof free === "number" ? `${formatSize(free)} free` : `${formatAmount(provisioned)} of ${formatSize(total)}`;
  setAttr(cell, "aria-label", `${text}: ${room}`);
  cell.replaceChildren(el("span", { class: "cl-text", text }), capacityBar(total, free, provisioned));
}

/** @type {(total: number, free: Amount | undefined, provisioned: Amount | undefined) => HTMLElement} */
function capacityBar(total, free, provisioned) {
  const share = (/** @type {number} */ value) => `${Math.max(0, Math.min(100, (value / total) * 100))}%`;
  const isOver = typeof provisioned === "number" && provisioned > total;
  const used = el("span", { class: "cl-used" });
  const promised = el("span", { class: isOver ? "cl-promised cl-over" : "cl-promised" });
  used.style.width = typeof free === "number" ? share(total - free) : "0";
  promised.style.width = typeof provisioned === "number" ? share(provisioned) : "0";
  return el("span", { class: "cl-bar", "aria-hidden": "true" }, promised, used);
}

// What stands in the cells of a row.

import { el, plain, setAttr, setText } from "./dom.js";
import { icon } from "./icons.js";
import { age, count, size, span, statusIcon, when } from "./format.js";

const fillers = { name: fillName, status: fillStatus, size: fillSize, where: fillText, id: fillText, age: fillAge, created: fillCreated };

export function createCell(column) {
  const cell = el("div", { class: `cl-td cl-c-${column}`, role: "gridcell" });
  if (column === "name") cell.append(twist(), el("span", { class: "cl-kind" }), el("span", { class: "cl-text" }), el("span", { class: "cl-count" }));
  if (column === "status") cell.append(el("span", { class: "cl-sign" }), el("span", { class: "cl-text" }));
  return cell;
}

export function fillCell(cell, column, row, app) {
  if (row) fillers[column](cell, row, app, column);
  else blank(cell, column);
}

function twist() {
  return el("span", { class: "cl-twist" }, icon("closed"));
}

function blank(cell, column) {
  cell.removeAttribute("title");
  cell.removeAttribute("aria-label");
  if (column === "name") fillName(cell, { name: "", kind: "", level: 1, children: 0 }, {});
  else if (column === "status") sign(cell, null, "");
  else setText(cell, "");
}

function fillText(cell, row, _app, column) {
  const text = plain(row[column] ?? "");
  setText(cell, text);
  setAttr(cell, "title", text || null);
}

function fillAge(cell, row) {
  setText(cell, age(row.created));
  setAttr(cell, "title", when(row.created) || null);
}

function fillCreated(cell, row) {
  setText(cell, when(row.created));
}

function setIcon(holder, name) {
  if (holder.dataset.icon === (name ?? "")) return;
  holder.dataset.icon = name ?? "";
  holder.replaceChildren(...(name ? [icon(name)] : []));
}

// Below a backend there may be more than a filter shows.
function childrenOf({ kind, id, children }, head) {
  const all = head?.shown == null ? 0 : head.backends[id]?.volumes;
  if (kind === "backend" && all > children) return `${count(children)} of ${count(all)}`;
  return children || kind === "backend" ? count(children) : "";
}

function fillName(cell, row, app) {
  const [, kind, text, below] = cell.children;
  const name = plain(row.name);
  cell.style.setProperty("--cl-level", row.level);
  setIcon(kind, row.kind);
  setAttr(kind, "title", row.kind || null);
  setText(text, name);
  setAttr(cell, "title", name || null);
  setText(below, childrenOf(row, app.head));
}

function sign(cell, name, word, title) {
  const [holder, text] = cell.children;
  setIcon(holder, name);
  setText(text, word);
  setAttr(cell, "title", title);
  cell.children[2]?.remove();
}

function fillStatus(cell, row) {
  const { busy } = row;
  if (busy?.gone) sign(cell, "fault", "kernel is gone", `${busy.doing}, begun ${when(busy.since)}: the kernel that did it is gone`);
  else if (busy) fillBusy(cell, row, busy);
  else sign(cell, row.status ? statusIcon(row.kind, row.status) : null, plain(row.status ?? ""));
}

function fillBusy(cell, row, { doing, since, done }) {
  const word = row.status?.endsWith("ing") ? row.status : doing;
  const percent = done == null ? null : Math.round(done * 100);
  sign(cell, "busy", `${plain(word)} ${percent == null ? span(Date.now() / 1000 - since) : `${percent} %`}`, `${plain(doing)}, begun ${when(since)}`);
  if (percent == null) return;
  const bar = el("span", { class: "cl-done", role: "progressbar", "aria-label": plain(doing), "aria-valuenow": percent });
  bar.style.width = `${percent}%`;
  cell.append(bar);
}

function fillSize(cell, row, app) {
  if (row.kind === "backend") fillCapacity(cell, app.head?.capacity?.[row.id], app.head?.backends?.[row.id]);
  else {
    setText(cell, size(row.size));
    for (const name of ["title", "aria-label"]) cell.removeAttribute(name);
  }
}

const amount = (value) => (typeof value === "number" ? size(value) : value ?? "unknown");

function fillCapacity(cell, capacity, sums) {
  const { total, free, provisioned = sums?.provisioned } = capacity ?? {};
  const said = capacity ? `total ${amount(total)}, provisioned ${amount(provisioned)}, free ${amount(free)}` : `capacity not known, provisioned ${amount(provisioned)}`;
  setAttr(cell, "title", said);
  const measured = typeof total === "number" && total > 0;
  setAttr(cell, "aria-label", measured ? `${shortly(total, free, provisioned)}: ${said}` : null);
  if (!measured) return setText(cell, capacity ? (total === "infinite" ? "infinite" : "unknown") : provisioned ? size(provisioned) : "");
  cell.replaceChildren(el("span", { class: "cl-text", text: shortly(total, free, provisioned) }), bar(total, free, provisioned));
}

function shortly(total, free, provisioned) {
  return typeof free === "number" ? `${size(free)} free` : `${amount(provisioned)} of ${size(total)}`;
}

function bar(total, free, provisioned) {
  const share = (value) => `${Math.max(0, Math.min(100, (value / total) * 100))}%`;
  const used = el("span", { class: "cl-used" });
  const promised = el("span", { class: provisioned > total ? "cl-promised cl-over" : "cl-promised" });
  used.style.width = typeof free === "number" ? share(total - free) : 0;
  promised.style.width = typeof provisioned === "number" ? share(provisioned) : 0;
  return el("span", { class: "cl-bar", "aria-hidden": "true" }, promised, used);
}

// The details of a resource as elements: its fields, what is below it, and what was done to it.

import { copyButton, plainLines } from "./buttons.js";
import { el, plain } from "./dom.js";
import { statusIcon, when } from "./format.js";
import { icon } from "./icons.js";

const COPIED_NAMES = /^(id|name)$|path/i;
const COPIED_LENGTH = 24;
const OUTCOMES = { running: "busy", done: "ok" };

export function statusMark(status, sign) {
  return el("span", { class: sign === "fault" ? "cl-mark cl-bad" : "cl-mark" }, icon(sign), el("span", { text: plain(status) }));
}

export function detailsBody(app, data) {
  const held = data.held?.length ? [["held by", data.held.join(", ")]] : [];
  const rows = [...data.fields, ...held].map(([name, value]) => fieldRow(app, plain(name), String(value ?? "")));
  const history = (data.history ?? []).map(historyItem);
  return [
    el("table", { class: "cl-fields", "aria-label": "Fields" }, el("tbody", {}, ...rows)),
    ...section("Snapshots", data.snapshots?.map((item) => linkItem(app, "snapshot", item)), data.more_snapshots),
    ...section("Connections", data.connections?.map((item) => linkItem(app, "connection", item)), data.more_connections),
    ...section("History of operations", history),
  ];
}

function fieldRow(app, name, value) {
  const copied = value && (COPIED_NAMES.test(name) || value.length > COPIED_LENGTH);
  const copy = copied ? copyButton(app, `Copy ${name}`, () => value, { "data-key": `copy ${name}` }) : null;
  return el("tr", {}, el("th", { scope: "row", text: name }), el("td", { text: plain(value) || "–" }), el("td", {}, copy));
}

function section(title, items, more) {
  if (!items?.length) return [];
  const rest = more ? el("li", { class: "cl-quiet", text: `… and ${more} more` }) : null;
  return [el("h4", { text: title }), el("ul", { class: "cl-list" }, ...items, rest)];
}

function linkItem(app, kind, { id, name, status }) {
  const props = { type: "button", class: "cl-btn cl-bare cl-go", "data-key": id, onclick: () => app.reveal(id) };
  const text = el("span", { class: "cl-grow", text: plain(name || id) });
  return el("li", {}, el("button", props, icon(kind), text, statusMark(status, statusIcon(kind, status))));
}

function historyItem({ at, action, status, duration, error, who }) {
  const took = duration == null ? "" : ` · ${duration.toFixed(1)} s`;
  return el(
    "li",
    {},
    el("div", { class: "cl-flow" }, el("b", { text: plain(action) }), statusMark(status, OUTCOMES[status] ?? "fault")),
    el("div", { class: "cl-quiet", text: `${when(at)}${took} · ${plain(who)}` }),
    error ? el("div", { class: "cl-bad cl-pre", text: plainLines(error) }) : null,
  );
}

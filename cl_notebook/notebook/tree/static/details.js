// The details of a resource as elements: its fields, what belongs to it, and its history.

import { copyButton } from "./buttons.js";
import { el, plain, plainLines } from "./dom.js";
import { formatTime, statusIcon } from "./format.js";
import { icon } from "./icons.js";

/** @import { App, DetailsReply, LinkedResource, Operation } from "./types.d.ts" */
/** @import { IconName } from "./icons.js" */

const COPIED_NAMES = /^(id|name)$|path/i;
const COPIED_LENGTH = 24;
/** @type {Record<string, IconName>} */
const OUTCOME_ICONS = { running: "busy", done: "ok" };

/** @type {(status: string, sign: IconName) => HTMLElement} */
export function statusMark(status, sign) {
  return el("span", { class: sign === "fault" ? "cl-mark cl-bad" : "cl-mark" }, icon(sign), el("span", { text: plain(status) }));
}

/** @type {(app: App, details: DetailsReply) => HTMLElement[]} */
export function createDetails(app, details) {
  const variables = details.held?.length ? [["held by", details.held.join(", ")]] : [];
  const rows = [...details.fields, ...variables].map(([name, value]) => fieldRow(app, plain(name), String(value ?? "")));
  const snapshots = details.snapshots?.map((item) => linkItem(app, "snapshot", item));
  const connections = details.connections?.map((item) => linkItem(app, "connection", item));
  return [
    el("table", { class: "cl-fields", "aria-label": "Fields" }, el("tbody", {}, ...rows)),
    ...section("Snapshots", snapshots, details.more_snapshots),
    ...section("Connections", connections, details.more_connections),
    ...section("History of operations", details.history?.map(operationItem)),
  ];
}

/** @type {(app: App, name: string, value: string) => HTMLElement} */
function fieldRow(app, name, value) {
  const isCopied = value && (COPIED_NAMES.test(name) || value.length > COPIED_LENGTH);
  const copy = isCopied ? copyButton(app, `Copy ${name}`, () => value, { "data-key": `copy ${name}` }) : null;
  return el("tr", {}, el("th", { scope: "row", text: name }), el("td", { text: plain(value) || "–" }), el("td", {}, copy));
}

/** @type {(title: string, items: HTMLElement[] | undefined, more?: number) => HTMLElement[]} */
function section(title, items, more = 0) {
  if (!items?.length) return [];
  const rest = more ? el("li", { class: "cl-quiet", text: `… and ${more} more` }) : null;
  return [el("h4", { text: title }), el("ul", { class: "cl-list" }, ...items, rest)];
}

/** @type {(app: App, kind: "snapshot" | "connection", resource: LinkedResource) => HTMLElement} */
function linkItem(app, kind, { id, name, status }) {
  const props = { type: "button", class: "cl-btn cl-bare cl-go", "data-key": id, onclick: () => app.reveal(id) };
  const text = el("span", { class: "cl-grow", text: plain(name || id) });
  return el("li", {}, el("button", props, icon(kind), text, statusMark(status, statusIcon(kind, status))));
}

/** @param {Operation} operation */
function operationItem({ at, action, status, duration, error, who }) {
  const took = duration == null ? "" : ` · ${duration.toFixed(1)} s`;
  return el(
    "li",
    {},
    el("div", { class: "cl-flow" }, el("b", { text: plain(action) }), statusMark(status, OUTCOME_ICONS[status] ?? "fault")),
    el("div", { class: "cl-quiet", text: `${formatTime(at)}${took} · ${plain(who)}` }),
    error ? el("div", { class: "cl-bad cl-pre", text: plainLines(error) }) : null,
  );
}

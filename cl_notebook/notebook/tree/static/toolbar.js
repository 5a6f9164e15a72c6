// The toolbar: the filter, the statuses, the counts, which columns are shown, and whether the tree is live.

import { iconButton, makeButton } from "./buttons.js";
import { TITLES } from "./columns.js";
import { activeIn, el, plain, setAttr, setText, uniqueId } from "./dom.js";
import { formatCount, formatTime, statusIcon } from "./format.js";
import { icon } from "./icons.js";
import { showKeys } from "./keys.js";
import { openMenu } from "./menu.js";
import { COLUMN_NAMES } from "./schema.js";

/** @import { App, Live, Traits } from "./types.d.ts" */
/** @import { MenuItem } from "./menu.js" */
/** @import { ColumnName } from "./schema.js" */

const TYPING_PAUSE = 200;
const MAX_CHIPS = 6;
const STATUS_TERM = /(?:^|\s)status:(\S*)/;

/** @param {App} app */
export function createToolbar(app) {
  const { model } = app;
  const id = uniqueId();
  const input = el("input", {
    ...{ type: "search", class: "cl-input", spellcheck: "false", autocomplete: "off" },
    ...{ "aria-label": "Filter", "aria-describedby": id, placeholder: "Filter: name, id, status:error, size>10, backend:lab" },
    ...{ oninput: onInput, onkeydown: onKey },
  });
  const problem = el("div", { class: "cl-bad", id });
  const faults = makeButton("Only faults", () => set("only_faults", !model.get("only_faults")), { sign: "fault" });
  const popup = { "aria-haspopup": "menu", "aria-expanded": "false" };
  const columns = makeButton("Columns", openColumnMenu, { sign: "columns", ...popup });
  const add = app.startAddition ? makeButton("Add backend", app.startAddition, { sign: "add" }) : null;
  const details = makeButton("Details", () => app.showPane(!isPaneShown), { "aria-expanded": "false" });
  const keys = iconButton("Keys (?)", "unknown", () => showKeys(app), { "aria-haspopup": "dialog" });
  const more = makeButton("", openStatusMenu, { ...popup, class: "cl-btn cl-chip" });
  const chips = el("div", { class: "cl-flow", role: "group", "aria-label": "Statuses" });
  const counts = el("span", { class: "cl-quiet cl-gap" });
  const liveMark = el("span", { class: "cl-mark" });
  const find = el("div", { class: "cl-find" }, icon("search"), input);
  const top = el("div", { class: "cl-flow" }, find, faults, el("span", { class: "cl-gap cl-flow" }, add, columns, details, keys));
  const bottom = el("div", { class: "cl-flow" }, chips, counts, liveMark);
  const toolbar = el("div", { class: "cl-tools", role: "group", "aria-label": "Tools of the tree" }, top, problem, bottom);
  /** @type {string[]} the statuses in the order of their chips */
  let order = [];
  let isPaneShown = false;
  let isCountAwaited = false;
  /** @type {Live["state"]} */
  let stateBefore = "live";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  /** @type {<Name extends keyof Traits>(name: Name, value: Traits[Name]) => void} */
  function set(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  // The filter

  function onInput() {
    clearTimeout(typing);
    typing = setTimeout(() => applyFilter(input.value), TYPING_PAUSE);
    showPressed();
  }

  /** @param {string} text */
  function applyFilter(text) {
    clearTimeout(typing);
    typing = undefined;
    input.value = text;
    isCountAwaited = true;
    set("filter", text);
    showPressed();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const { value } = input;
    if (event.key === "ArrowDown") {
      if (typing) applyFilter(value);
      app.focusGrid();
    } else if (event.key === "Escape" && value) applyFilter("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Text that is being typed is not overwritten.
  function showFilter() {
    if (!typing) input.value = model.get("filter");
    showPressed();
  }

  function showProblem() {
    const text = plain(model.get("_problem") ?? "");
    setText(problem, text);
    setAttr(input, "aria-invalid", text ? "true" : null);
    if (text) app.say(text);
  }

  // The statuses

  const filteredStatuses = () => input.value.match(STATUS_TERM)?.[1].split(",") ?? [];
  const isFault = (/** @type {string} */ status) => statusIcon("volume", status) === "fault";
  const chipNodes = () =>
    /** @type {HTMLElement[]} */ ([...chips.children]).filter((node) => node !== more && node.dataset.status !== undefined);
  const statusOf = (/** @type {HTMLElement} */ node) => /** @type {string} */ (node.dataset.status);
  const statusCounts = () => new Map(app.head?.statuses);

  /** @param {string} status */
  function toggleStatus(status) {
    const before = filteredStatuses();
    const next = before.includes(status) ? before.filter((other) => other !== status) : [...before, status];
    const rest = input.value.replace(STATUS_TERM, "").trim();
    applyFilter([rest, next.length ? `status:${next.join()}` : ""].filter(Boolean).join(" "));
  }

  // Faults come first. The order stays while the statuses do, so that a chip does not move away from under the pointer.
  function showChips() {
    const numbers = statusCounts();
    if (numbers.size !== order.length || !order.every((status) => numbers.has(status))) {
      const focused = activeIn(chips);
      order = [...numbers.keys()].sort((one, other) => Number(isFault(other)) - Number(isFault(one)));
      chips.replaceChildren(...order.slice(0, MAX_CHIPS).map(createChip), ...(order.length > MAX_CHIPS ? [more] : []));
      if (focused) (chipNodes().find((node) => statusOf(node) === focused.dataset.status) ?? input).focus();
    }
    for (const node of chipNodes()) setText(node.lastChild, formatCount(numbers.get(statusOf(node)) ?? 0));
    showPressed();
  }

  /** @param {string} status */
  function createChip(status) {
    const look = { sign: statusIcon("volume", status), class: isFault(status) ? "cl-btn cl-chip cl-bad" : "cl-btn cl-chip" };
    const node = makeButton(status, () => toggleStatus(status), { ...look, "data-status": status });
    node.append(el("b"));
    return node;
  }

  function showPressed() {
    const filtered = filteredStatuses();
    const hidden = order.slice(MAX_CHIPS);
    for (const node of chipNodes()) setAttr(node, "aria-pressed", filtered.includes(statusOf(node)));
    setText(more.lastChild, hidden.filter((status) => filtered.includes(status)).join(", ") || `${hidden.length} more`);
    setAttr(faults, "aria-pressed", !!model.get("only_faults"));
  }

  function openStatusMenu() {
    const numbers = statusCounts();
    /** @type {(status: string) => MenuItem} */
    const item = (status) => ({
      label: `${status} ${formatCount(numbers.get(status) ?? 0)}`,
      checked: filteredStatuses().includes(status),
      run: () => toggleStatus(status),
    });
    openMenu(app, { anchor: more }, order.slice(MAX_CHIPS).map(item), "More statuses");
  }

  // The counts, the columns, and whether the tree is live

  function showCounts() {
    if (!app.head) return;
    const { volumes, shown, backends } = app.head;
    const isFiltered = Boolean(model.get("filter") || model.get("only_faults"));
    const plural = (/** @type {number} */ number, /** @type {string} */ noun) =>
      `${formatCount(number)} ${noun}${number === 1 ? "" : "s"}`;
    const all = plural(volumes, "volume");
    const text = isFiltered
      ? `${shown == null ? "…" : formatCount(shown)} of ${all}`
      : `${all} on ${plural(Object.keys(backends).length, "backend")}`;
    setText(counts, text);
    if (!isCountAwaited || (isFiltered && shown == null)) return;
    isCountAwaited = false;
    app.say(text);
  }

  function openColumnMenu() {
    const shown = model.get("columns");
    /** @type {(name: ColumnName) => MenuItem} */
    const item = (name) => ({ label: TITLES[name], checked: shown.includes(name), run: (on) => showColumn(name, Boolean(on)) });
    openMenu(app, { anchor: columns }, COLUMN_NAMES.map(item), "Columns");
  }

  // The others keep their order; a new column is put before the first one that it usually precedes.
  /** @type {(name: ColumnName, isShown: boolean) => void} */
  function showColumn(name, isShown) {
    const rank = (/** @type {ColumnName} */ column) => COLUMN_NAMES.indexOf(column);
    const names = model.get("columns").filter((other) => other !== name);
    const next = names.findIndex((other) => rank(other) > rank(name));
    if (isShown) names.splice(next < 0 ? names.length : next, 0, name);
    set("columns", names);
  }

  function showLive() {
    const { state, since } = app.live;
    const time = new Date(since * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const text = {
      live: "live",
      busy: "kernel busy",
      static: `saved state of ${formatTime(since)}`,
      lost: `not live since ${time}`,
    }[state];
    liveMark.replaceChildren(icon(state === "live" || state === "busy" ? state : "lost"), el("span", { text }));
    setAttr(liveMark, "data-state", state);
    if (state !== stateBefore && [state, stateBefore].includes("lost")) app.say(text);
    stateBefore = state;
  }

  function showHead() {
    showChips();
    showCounts();
  }

  for (const [name, show] of Object.entries({ filter: showFilter, only_faults: showPressed, _problem: showProblem })) {
    model.on(`change:${name}`, show);
    show();
  }
  app.on("head", showHead);
  app.on("live", showLive);
  app.on("pane", (isShown) => {
    isPaneShown = isShown;
    setAttr(details, "aria-expanded", isShown);
  });
  showHead();
  showLive();
  return { el: toolbar };
}

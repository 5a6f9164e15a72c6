// The toolbar: the filter, the statuses, what is shown, and whether the tree is live.

import { activeIn, freshId, makeButton } from "./buttons.js";
import { el, plain, setAttr, setText } from "./dom.js";
import { count, statusIcon, when } from "./format.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";

const BAR_WAIT = 200;
const BAR_CHIPS = 6;
const BAR_COLUMNS = { status: "Status", size: "Size", where: "Host / path", age: "Age", id: "Id", created: "Created" };
const STATUS_TERM = /(?:^|\s)status:(\S*)/;

export function createToolbar(app) {
  const { model } = app;
  const id = freshId();
  const placeholder = "Filter: name, id, status:error, size>10, backend:lab";
  const named = { "aria-label": "Filter", "aria-describedby": id, placeholder };
  const input = el("input", { type: "search", class: "cl-input", spellcheck: "false", autocomplete: "off", ...named, oninput: typed, onkeydown: key });
  const problem = el("div", { class: "cl-bad", id });
  const faults = makeButton("Only faults", () => set("only_faults", !model.get("only_faults")), { sign: "fault" });
  const popup = { "aria-haspopup": "menu", "aria-expanded": "false" };
  const columns = makeButton("Columns", columnMenu, { sign: "columns", ...popup });
  const details = makeButton("Details", () => app.showPane(!open), { "aria-expanded": "false" });
  const more = makeButton("", statusMenu, { ...popup, class: "cl-btn cl-chip" });
  const chips = el("div", { class: "cl-flow", role: "group", "aria-label": "Statuses" });
  const counts = el("span", { class: "cl-quiet cl-gap" });
  const state = el("span", { class: "cl-mark" });
  const find = el("div", { class: "cl-find" }, icon("search"), input);
  const top = el("div", { class: "cl-flow" }, find, faults, el("span", { class: "cl-gap cl-flow" }, columns, details));
  const below = el("div", { class: "cl-flow" }, chips, counts, state);
  const bar = el("div", { class: "cl-tools", role: "group", "aria-label": "Tools of the tree" }, top, problem, below);
  let order = [];
  let open = false;
  let tell = false;
  let before = "live";
  let timer;

  function set(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  // The filter

  function typed() {
    clearTimeout(timer);
    timer = setTimeout(() => send(input.value), BAR_WAIT);
    press();
  }

  function send(text) {
    clearTimeout(timer);
    timer = 0;
    input.value = text;
    tell = true;
    set("filter", text);
    press();
  }

  function key(event) {
    const { value } = input;
    if (event.key === "ArrowDown") {
      if (timer) send(value);
      app.focusGrid();
    } else if (event.key === "Escape" && value) send("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // While somebody types, the box is theirs.
  function follow() {
    if (!timer) input.value = model.get("filter");
    press();
  }

  function showProblem() {
    const text = plain(model.get("_problem") ?? "");
    setText(problem, text);
    setAttr(input, "aria-invalid", text ? "true" : null);
    if (text) app.say(text);
  }

  // The statuses

  const chosen = () => input.value.match(STATUS_TERM)?.[1].split(",") ?? [];

  function choose(status) {
    const now = chosen();
    const next = now.includes(status) ? now.filter((one) => one !== status) : [...now, status];
    send([input.value.replace(STATUS_TERM, "").trim(), next.length ? `status:${next.join()}` : ""].filter(Boolean).join(" "));
  }

  // Faults come first. The order stays while the same statuses are there: a chip does not leave from under the pointer.
  function showChips() {
    const numbers = new Map(app.head?.statuses);
    const bad = (status) => statusIcon("volume", status) === "fault";
    if (numbers.size !== order.length || !order.every((status) => numbers.has(status))) {
      const held = activeIn(chips);
      order = [...numbers.keys()].sort((one, other) => bad(other) - bad(one));
      chips.replaceChildren(...order.slice(0, BAR_CHIPS).map((status) => chip(status, bad(status))), ...(order.length > BAR_CHIPS ? [more] : []));
      if (held) ([...chips.children].find((node) => node.dataset.status === held.dataset.status) ?? input).focus();
    }
    for (const node of chips.children) if (node !== more) setText(node.lastChild, count(numbers.get(node.dataset.status)));
    press();
  }

  function chip(status, bad) {
    const look = { sign: statusIcon("volume", status), class: bad ? "cl-btn cl-chip cl-bad" : "cl-btn cl-chip" };
    const node = makeButton(status, () => choose(status), { ...look, "data-status": status });
    node.append(el("b"));
    return node;
  }

  function press() {
    const now = chosen();
    const hidden = order.slice(BAR_CHIPS);
    for (const node of chips.children) if (node !== more) setAttr(node, "aria-pressed", now.includes(node.dataset.status));
    setText(more.lastChild, hidden.filter((status) => now.includes(status)).join(", ") || `${hidden.length} more`);
    setAttr(faults, "aria-pressed", !!model.get("only_faults"));
  }

  function statusMenu() {
    const numbers = new Map(app.head.statuses);
    const item = (status) => ({ label: `${status} ${count(numbers.get(status))}`, checked: chosen().includes(status), run: () => choose(status) });
    openMenu(app, { anchor: more }, order.slice(BAR_CHIPS).map(item), "More statuses");
  }

  // The counts, the columns, and whether it is live

  function showCounts() {
    const { volumes, shown, backends } = app.head;
    const filtered = model.get("filter") || model.get("only_faults");
    const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
    const all = plural(volumes, "volume");
    const text = filtered ? `${shown == null ? "…" : count(shown)} of ${all}` : `${all} on ${plural(Object.keys(backends).length, "backend")}`;
    setText(counts, text);
    if (!tell || (filtered && shown == null)) return;
    tell = false;
    app.say(text);
  }

  function columnMenu() {
    const names = model.get("columns");
    const items = Object.entries(BAR_COLUMNS).map(([name, label]) => ({ label, checked: names.includes(name), run: (on) => setColumn(name, on) }));
    openMenu(app, { anchor: columns }, items, "Columns");
  }

  // The others keep their order; a new one stands before the first that it comes before.
  function setColumn(name, on) {
    const all = Object.keys(BAR_COLUMNS);
    const names = model.get("columns").filter((one) => one !== name);
    const next = names.findIndex((one) => all.indexOf(one) > all.indexOf(name));
    if (on) names.splice(next < 0 ? names.length : next, 0, name);
    set("columns", names);
  }

  function showLive() {
    const { state: now, since } = app.live;
    const time = new Date(since * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const text = { live: "live", busy: "kernel busy", static: `saved state of ${when(since)}` }[now] ?? `not live since ${time}`;
    state.replaceChildren(icon({ live: "live", busy: "busy" }[now] ?? "lost"), el("span", { text }));
    setAttr(state, "data-state", now);
    if (now !== before && [now, before].includes("lost")) app.say(text);
    before = now;
  }

  function showHead() {
    showChips();
    if (app.head) showCounts();
  }

  for (const [name, run] of Object.entries({ filter: follow, only_faults: press, _problem: showProblem })) {
    model.on(`change:${name}`, run);
    run();
  }
  app.on("head", showHead);
  app.on("live", showLive);
  app.on("pane", (on) => setAttr(details, "aria-expanded", (open = on)));
  showHead();
  showLive();
  return { el: bar };
}

// The details pane: the row that has the focus, or the rows that are selected; their acts, and how those went.

import { activeIn, makeButton, signButton } from "./buttons.js";
import { detailsBody, statusMark } from "./details.js";
import { el, plain, setAttr } from "./dom.js";
import { statusIcon } from "./format.js";
import { askAbout, createTask, namesOf } from "./forms.js";
import { icon } from "./icons.js";

const PANE_WAIT = 120;
const PANE_REST = 1000;
const PANE_BONES = 300;
const PANE_NAMES = 50;
const PANE_GONE = /gone|any more/;

export function createPane(app) {
  const head = el("h3", { tabindex: -1 });
  const bar = el("div", { class: "cl-flow", role: "group", "aria-label": "Acts" });
  const slot = el("div");
  const body = el("div");
  const scroller = el("div", { class: "cl-pane-scroll" }, bar, slot, body);
  const close = signButton("Close details", "close", () => leave(() => app.showPane(false)));
  const top = el("div", { class: "cl-pane-head" }, head, close);
  const pane = { el: el("section", { class: "cl-pane", "aria-label": "Details", onkeydown: key }, top, scroller), show, refresh, act };
  let row = null;
  let ids = [];
  let tasks = [];
  let turn = 0;
  let asked = 0;
  let seen = false;
  let shown = "";
  let heading = "";
  let timer;

  // Nothing is asked for while nobody can see the answer.
  function see() {
    const now = pane.el.getClientRects().length > 0;
    if (now === seen) return;
    seen = now;
    app.emit("pane", seen);
    if (seen) later(0);
  }

  // Who is asked about a row must not find another one in its place because the first is gone.
  function show(next) {
    if (app.fell && tasks.some((task) => task.state === "ask")) return refresh();
    const { selected } = app;
    row = next ?? null;
    const many = selected.length > 1 && (!row || selected.includes(row.id));
    const now = many ? [...selected] : row ? [row.id] : [];
    const same = now.length === ids.length && now.every((id, index) => id === ids[index]);
    ids = now;
    entitle();
    if (!same) turnTo();
  }

  function entitle() {
    const { kind, id, name, status } = row ?? {};
    const many = ids.length > 1 || !row;
    const text = ids.length > 1 ? `${ids.length} selected` : plain(name || id || "Details");
    if (heading === (heading = [text, kind, status, many].join())) return;
    head.replaceChildren(...(many ? [] : [icon(kind)]), el("b", { text }), ...(many ? [] : [statusMark(status, statusIcon(kind, status))]));
  }

  // The old details stay, out of reach, until the new ones are there: no flicker below a moving focus.
  function turnTo() {
    const mine = ++turn;
    shown = "";
    keep((task) => task.state !== "ask");
    if (activeIn(body) || activeIn(bar)) head.focus();
    if (!ids.length) return fill([], [el("p", { class: "cl-quiet", text: "Go to a row to see its details." })]);
    stale(true);
    setTimeout(() => mine === turn && !shown && body.replaceChildren(bones()), PANE_BONES);
    later(PANE_WAIT);
  }

  function bones() {
    return el("div", { class: "cl-bones", role: "img", "aria-label": "Loading" }, ...Array.from({ length: 6 }, () => el("i")));
  }

  function stale(on) {
    setAttr(pane.el, "aria-busy", on || null);
    bar.inert = body.inert = on;
  }

  function refresh() {
    if (!timer) later(Math.max(0, asked + PANE_REST - Date.now()));
  }

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(load, wait);
  }

  async function load() {
    timer = 0;
    if (!seen || !ids.length) return;
    const mine = turn;
    asked = Date.now();
    const answer = await askAbout(app, ids).catch(({ message }) => ({ problem: message }));
    if (mine === turn) put(answer);
  }

  // Without a kernel what was read last stays.
  function put({ re, ...answer }) {
    const text = JSON.stringify(answer);
    const gone = PANE_GONE.test(answer.problem);
    if (text === shown || (answer.problem && shown && !gone)) return;
    shown = text;
    const { kind, id, name } = row ?? {};
    if (gone) head.querySelector(".cl-mark")?.remove();
    if (answer.problem) fill([], [el("p", { text: gone && row ? `${kind} ${plain(name || id)} is gone` : plain(answer.problem) })]);
    else fill(answer.acts, ids.length > 1 ? [names()] : detailsBody(app, answer));
  }

  function names() {
    return el("ul", { class: "cl-list", "aria-label": "Selected" }, ...namesOf(app, ids, PANE_NAMES).map((text) => el("li", { text })));
  }

  // What is filled anew keeps its place, and the focus stays on the button that means the same.
  function fill(acts, nodes) {
    const held = activeIn(bar) ?? activeIn(body);
    const { scrollTop } = scroller;
    const buttons = (danger) => acts.filter((act) => !act.danger === !danger).map(actButton);
    bar.replaceChildren(...buttons(false), el("span", { class: "cl-gap cl-flow" }, ...buttons(true)));
    body.replaceChildren(...nodes);
    scroller.scrollTop = scrollTop;
    stale(false);
    if (held) giveBack(held.dataset.key);
  }

  function actButton(act) {
    const run = () => (act.why ? complain(act.why) : open(act, ids));
    const off = act.why && { "aria-disabled": "true", title: plain(act.why) };
    return makeButton(act.label, run, { "data-key": `act ${act.name}`, class: act.danger ? "cl-btn cl-bad" : "cl-btn", ...off });
  }

  function giveBack(key) {
    const node = key && [...scroller.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
    if (node) node.focus({ preventScroll: true });
    else app.focusGrid();
  }

  // What still runs is kept; what was said of an act before gives way to the next one.
  function keep(kept) {
    for (const task of tasks) if (!kept(task)) task.el.remove();
    tasks = tasks.filter(kept);
  }

  function place(task) {
    keep(({ state }) => state === "busy");
    tasks.push(task);
    slot.prepend(task.el);
    task.el.scrollIntoView({ block: "nearest" });
  }

  function open(act, of) {
    const ours = activeIn(bar);
    const back = () => giveBack(ours && `act ${act.name}`);
    const task = createTask(app, act, of, { back, done: () => later(0) });
    place(task);
    task.start();
  }

  async function act(name, of) {
    try {
      const { acts } = await askAbout(app, of);
      const found = acts.find((one) => one.name === name);
      if (!found || found.why) throw new Error(found?.why ?? `${name} cannot be done here.`);
      open(found, of);
    } catch ({ message }) {
      complain(message);
    }
  }

  function complain(text) {
    const dismiss = signButton("Dismiss", "close", () => leave(() => box.remove()));
    const box = el("div", { class: "cl-task cl-note cl-bad", role: "alert" }, icon("fault"), el("span", { text: plain(text) }), dismiss);
    place({ el: box });
  }

  function leave(run) {
    run();
    app.focusGrid();
  }

  function key(event) {
    if (event.key === "Escape") leave(() => event.stopPropagation());
  }

  function follow() {
    const now = row && app.row(row.id);
    if (now) show(now);
    refresh();
  }

  app.on("focus", show);
  app.on("selected", () => show(row));
  app.on("rows", follow);
  new ResizeObserver(see).observe(pane.el);
  show(app.focused);
  return pane;
}

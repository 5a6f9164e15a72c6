// The live tree: one view of the widget, put together.

import { el, plain } from "./dom.js";
import { createGrid } from "./grid.js";
import { createKeys } from "./keys.js";
import { createPane } from "./pane.js";
import { createPointer } from "./pointer.js";
import { createRemote } from "./remote.js";
import { createToolbar } from "./toolbar.js";
import { icon } from "./icons.js";

const LOOKS = ["filter", "only_faults", "sort"];
const OWN_KEYS = "data-lm-suppress-shortcuts";
const WARNING = 8000;
const SETTLED = 200;

// Other views of the same model are not to go where this one goes.
let focusing = false;

function createApp(model) {
  const heard = {};
  return {
    model,
    head: model.get("_state")?.head ?? null,
    on: (event, run) => (heard[event] ??= []).push(run),
    emit: (event, data) => heard[event]?.forEach((run) => run(data)),
  };
}

// What is wrong with the store stays, what could not be done goes after a while.
function createBanner(app) {
  const text = el("span", { class: "cl-text" });
  const banner = el("div", { class: "cl-banner", hidden: true }, icon("fault"), text);
  let lasting = "";
  let timer = 0;

  function show(problem) {
    clearTimeout(timer);
    text.textContent = plain(problem);
    banner.hidden = !problem;
    if (problem) app.say(problem);
  }

  app.warn = (problem) => {
    show(problem);
    timer = setTimeout(() => show(lasting), WARNING);
  };
  app.on("store", (problem) => show((lasting = problem ?? "")));
  return banner;
}

// The copy for those who have no widgets is an output of its own: it is not seen beside the tree itself.
function hidingStyle(key) {
  const copy = `[data-cl-tree="${CSS.escape(key)}"]`;
  const around = [".jp-OutputArea-child", ".output_area"].map((box) => `${box}:has(${copy}):not(:has(.cl-live))`);
  return key ? `${[copy, ...around].join()}{display:none!important}` : "";
}

function createSaying(app) {
  const said = el("div", { class: "cl-said", role: "status" });
  app.say = (text) => (said.textContent = said.textContent === text ? `${text}\u00a0` : text);
  return said;
}

function connectRemote(app, model) {
  const remote = createRemote(model, { pushed, turned });
  Object.defineProperty(app, "live", { get: () => remote.live });
  app.ask = remote.ask;

  function show(head) {
    app.head = head;
    app.emit("head", head);
  }

  function pushed({ push, rev, head, problem }) {
    if (push === "changed") app.grid.cache.outdated(rev);
    if (push === "head") show(head);
    if (push === "store") app.emit("store", problem);
  }

  async function hello() {
    const { rev, total, head } = await remote.ask("hello");
    show(head);
    app.grid.cache.outdated(rev);
    if (total !== app.grid.cache.total) app.grid.cache.recheck();
  }

  // Without a kernel from the start, the rows that were saved are all there are.
  function turned(before) {
    const { state } = remote.live;
    const saved = model.get("_state");
    if (state === "static" && saved?.rows) app.grid.fill({ ...saved, total: saved.rows.length });
    if (["lost", "static"].includes(before)) hello().catch(() => {});
    app.emit("live", remote.live);
  }

  return { hello: () => hello().catch(() => {}), end: remote.end };
}

function connectGrid(app, model) {
  const { grid } = app;
  let timer = 0;
  Object.defineProperty(app, "fell", { get: () => grid.spot.fell });
  Object.defineProperty(app, "focused", { get: () => grid.spot.row });
  Object.defineProperty(app, "selected", { get: () => grid.choice.list() });
  app.row = grid.cache.find;
  app.focusGrid = () => {
    grid.show(grid.spot.index);
    grid.focus();
  };

  app.reveal = async (id, take = true) => {
    try {
      const { index } = await app.ask("reveal", { row: id });
      if (index == null) return app.say("It is not among the rows that are shown.");
      await grid.cache.jump(index);
      grid.goTo(index, -1, { take });
    } catch (error) {
      app.warn(error.message);
    }
  };

  app.on("focus", ({ id }) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (model.get("focused") === id) return;
      focusing = true;
      model.set("focused", id);
      focusing = false;
      model.save_changes();
    }, SETTLED);
  });

  const follow = () => {
    const id = model.get("focused");
    if (!focusing && id && id !== grid.spot.id) app.reveal(id, false);
  };
  return follow;
}

function connectPane(app, pane) {
  const side = el("div", { class: "cl-side", hidden: true }, pane.el);
  app.showPane = (on) => {
    const had = side.contains(side.getRootNode().activeElement);
    side.hidden = !on;
    app.el.classList.toggle("cl-open", on);
    if (on) pane.show(app.focused);
    else if (had) app.focusGrid();
  };
  app.act = (name, ids) => {
    app.showPane(true);
    pane.act(name, ids);
  };
  return side;
}

function listen(model, events) {
  for (const [name, run] of events) model.on(`change:${name}`, run);
  return () => {
    for (const [name, run] of events) model.off(`change:${name}`, run);
  };
}

function render({ model, el: place, signal }) {
  const app = createApp(model);
  const hiding = el("style");
  const said = createSaying(app);
  const banner = createBanner(app);
  const remote = connectRemote(app, model);
  const grid = (app.grid = createGrid(app));
  const follow = connectGrid(app, model);
  app.el = el("div", { class: "cl-live", [OWN_KEYS]: "true" });
  // Notebook 7 begins to look for shortcuts at what has the focus, and finds its own before it gets to the root.
  app.el.addEventListener("focusin", ({ target }) => target.setAttribute(OWN_KEYS, "true"));
  const side = connectPane(app, createPane(app));
  const hide = () => (hiding.textContent = hidingStyle(model.get("_key") ?? ""));
  const again = () => grid.cache.restart(true);
  const wrong = () => model.get("_problem") && grid.cache.restart(false);
  const deafen = listen(model, [["_key", hide], ["_problem", wrong], ["focused", follow], ...LOOKS.map((name) => [name, again])]);

  app.el.append(createToolbar(app).el, banner, el("div", { class: "cl-split" }, grid.el, side), said, hiding);
  grid.treegrid.setAttribute("aria-label", model.get("_state")?.title || "Block storage");
  grid.treegrid.addEventListener("keydown", createKeys(app, grid));
  createPointer(app, grid);
  hide();
  place.append(app.el);
  remote.hello();
  grid.fill(model.get("_state") ?? {});

  const end = () => {
    deafen();
    remote.end();
    grid.stop();
  };
  signal?.addEventListener("abort", end, { once: true });
  return signal ? undefined : end;
}

export default { render };

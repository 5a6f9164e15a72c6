// Where the tree stands: below its cell, or in a panel of JupyterLab, which cl_notebook's extension there opens.

import { createApp } from "./app.js";
import { iconButton, makeButton } from "./buttons.js";
import { el } from "./dom.js";
import { findLab } from "./lab.js";

/** @import { Model } from "./types.d.ts" */
/** @import { OpenPanel } from "./lab.js" */

const WIDTHS = { panel: 460, side: 690 };
const TITLE = "Block storage";
const NO_PANEL =
  "There is no panel for the tree here: it needs JupyterLab, with cl_notebook installed where JupyterLab is. Load the page again after that.";

const FRESH = 600; // seconds, so that a clock of the kernel's host that is wrong does no harm

/** @type {Map<string, OpenPanel>} the open panels, by the key of the model */
const panels = new Map();

/**
 * Return whether *model* belongs into a panel: it is in one, or was made just now. One of a notebook that was saved is not.
 * @param {Model} model
 */
export function hasPlace(model) {
  const isFresh = Math.abs(Date.now() / 1000 - (model.get("_state")?.at ?? 0)) < FRESH;
  return Boolean(model.get("_place")) && (isFresh || panels.has(model.get("_key")));
}

/**
 * Open the panel that *model* asks for, with the style sheet *style*; return what closes it.
 * @type {(model: Model, style: string) => (() => void) | undefined}
 */
export function openPanel(model, style) {
  const place = model.get("_place");
  const key = model.get("_key");
  const lab = findLab();
  if (!place || !lab || panels.has(key)) return panels.get(key)?.close;
  const app = createApp(model);
  const title = model.get("_state")?.title || TITLE;
  const close = iconButton("Close the panel", "close", () => panel.close());
  const head = el("div", { class: "cl-place" }, el("span", { text: title }), close);
  const isLeft = place === "panel";
  const node = el("div", { class: "cl-panel" }, el("style", { text: style }), isLeft ? head : null, app.el);
  const onClose = () => {
    panels.delete(key);
    app.end();
  };
  const id = isLeft ? "cl-notebook-panel" : `cl-notebook-${key}`;
  const panel = lab.open({ id, title, node, isLeft, width: WIDTHS[place], onClose });
  panels.set(key, panel);
  app.start();
  return panel.close;
}

/**
 * Return what stands below the cell of a tree that is in a panel, or the line above a tree that should be.
 * @type {(model: Model, style: string) => HTMLElement}
 */
export function createNotice(model, style) {
  if (!findLab()) return el("div", { class: "cl-place", role: "note", text: NO_PANEL });
  const where = model.get("_place") === "panel" ? "at the left side" : "beside the notebook";
  const show = makeButton("Show it", () => {
    openPanel(model, style);
    panels.get(model.get("_key"))?.show();
  });
  return el("div", { class: "cl-place" }, el("span", { text: `The tree stands ${where}.` }), show);
}

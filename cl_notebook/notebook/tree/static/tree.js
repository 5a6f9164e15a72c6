// The live tree as anywidget renders it. `npm run build` bundles this module, and all that it imports, into bundle/tree.js.

import { createApp } from "./app.js";
import { el } from "./dom.js";
import { findLab } from "./lab.js";
import { createNotice, hasPlace, openPanel } from "./place.js";

/** @import { Model } from "./types.d.ts" */

// The static copy of the tree is a separate output, for front ends without widgets. Hide it where the tree is shown.
/** @param {string} key */
function hidingStyle(key) {
  const copy = `[data-cl-tree="${CSS.escape(key)}"]`;
  const around = [".jp-OutputArea-child", ".output_area"].map((box) => `${box}:has(${copy}):not(:has(.cl-live))`);
  return key ? `${[copy, ...around].join()}{display:none!important}` : "";
}

/**
 * Open the panel of *model*, if it asks for one: a panel stays when its cell is run again. Newer versions of anywidget abort
 * *signal* at the end; older ones call what is returned.
 * @param {{ model: Model, signal?: AbortSignal }} widget
 */
function initialize({ model, signal }) {
  const close = hasPlace(model) ? openPanel(model, widget.style) : null;
  if (!close) return;
  signal?.addEventListener("abort", close, { once: true });
  if (!signal) return close;
}

/**
 * Show *model* in *el*, or that it is in a panel; *signal* as above.
 * @param {{ model: Model, el: HTMLElement, signal?: AbortSignal }} view
 */
function render({ model, el: parent, signal }) {
  const isPlaced = hasPlace(model);
  const isHere = !isPlaced || !findLab();
  const app = isHere ? createApp(model) : null;
  const hiding = el("style");
  const hideCopy = () => {
    hiding.textContent = hidingStyle(model.get("_key") ?? "");
  };
  const end = () => {
    model.off("change:_key", hideCopy);
    app?.end();
  };
  model.on("change:_key", hideCopy);
  hideCopy();
  parent.append(el("style", { text: widget.style }));
  if (isPlaced) parent.append(createNotice(model, widget.style));
  if (app) app.el.append(hiding);
  parent.append(app ? app.el : hiding);
  app?.start();
  signal?.addEventListener("abort", end, { once: true });
  return signal ? undefined : end;
}

// The style sheet is set by the loader of this module.
const widget = { initialize, render, style: "" };

export default widget;

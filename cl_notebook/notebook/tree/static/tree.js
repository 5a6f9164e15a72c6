// The live tree as anywidget renders it. `npm run build` bundles this module, and all that it imports, into bundle/tree.js.

import { createApp } from "./app.js";
import { el } from "./dom.js";

/** @import { Model } from "./types.d.ts" */

// The static copy of the tree is a separate output, for front ends without widgets. Hide it where the tree is shown.
/** @param {string} key */
function hidingStyle(key) {
  const copy = `[data-cl-tree="${CSS.escape(key)}"]`;
  const around = [".jp-OutputArea-child", ".output_area"].map((box) => `${box}:has(${copy}):not(:has(.cl-live))`);
  return key ? `${[copy, ...around].join()}{display:none!important}` : "";
}

/**
 * Show *model* in *el*. Newer versions of anywidget abort *signal* at the end; older ones call what is returned.
 * @param {{ model: Model, el: HTMLElement, signal?: AbortSignal }} view
 */
function render({ model, el: parent, signal }) {
  const app = createApp(model);
  const hiding = el("style");
  const hideCopy = () => {
    hiding.textContent = hidingStyle(model.get("_key") ?? "");
  };
  const end = () => {
    model.off("change:_key", hideCopy);
    app.end();
  };
  model.on("change:_key", hideCopy);
  hideCopy();
  app.el.append(hiding);
  parent.append(app.el);
  app.start();
  signal?.addEventListener("abort", end, { once: true });
  return signal ? undefined : end;
}

export default { render };

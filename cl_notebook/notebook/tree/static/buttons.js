// Buttons of the toolbar and the details pane.

import { copyText } from "./clipboard.js";
import { el, plain } from "./dom.js";
import { icon } from "./icons.js";

/** @import { App } from "./types.d.ts" */
/** @import { Prop } from "./dom.js" */
/** @import { IconName } from "./icons.js" */

const COPIED_DISPLAY = 1500;

/**
 * @param {string} label
 * @param {((event: MouseEvent) => void) | null} onClick
 * @param {Record<string, Prop> & { sign?: IconName }} options attributes, and the icon before the label
 */
export function makeButton(label, onClick, { sign, ...props } = {}) {
  const text = el("span", { text: plain(label) });
  return el("button", { type: "button", class: "cl-btn", onclick: onClick, ...props }, sign && icon(sign), text);
}

/**
 * Return a button that is an icon; its label is its tooltip.
 * @param {string} label
 * @param {IconName} sign
 * @param {(event: MouseEvent) => void} onClick
 * @param {Record<string, Prop>} [props]
 */
export function iconButton(label, sign, onClick, props) {
  const named = { "aria-label": plain(label), title: plain(label) };
  return el("button", { type: "button", class: "cl-btn cl-bare", ...named, onclick: onClick, ...props }, icon(sign));
}

/**
 * Return a button that copies what *getText* gives.
 * @param {Pick<App, "say">} app
 * @param {string} label
 * @param {() => string} getText
 * @param {Record<string, Prop>} [props]
 */
export function copyButton(app, label, getText, props) {
  const button = iconButton(label, "copy", copy, props);

  async function copy() {
    if (await copyText(app, getText())) button.replaceChildren(icon("ok"));
    setTimeout(() => button.replaceChildren(icon("copy")), COPIED_DISPLAY);
  }

  return button;
}

// Buttons of the toolbar and the pane, and the clipboard that some of them fill.

import { el, plain } from "./dom.js";
import { icon } from "./icons.js";

export function makeButton(label, run, { sign, ...props } = {}) {
  return el("button", { type: "button", class: "cl-btn", onclick: run, ...props }, sign && icon(sign), el("span", { text: plain(label) }));
}

export function signButton(label, sign, run, props) {
  const named = { "aria-label": plain(label), title: plain(label) };
  return el("button", { type: "button", class: "cl-btn cl-bare", ...named, onclick: run, ...props }, icon(sign));
}

export function copyButton(app, label, text, props) {
  const copy = async ({ currentTarget: node }) => {
    if (await copyText(app, text())) node.replaceChildren(icon("ok"));
    setTimeout(() => node.replaceChildren(icon("copy")), 1500);
  };
  return signButton(label, "copy", copy, props);
}

export async function copyText(app, text) {
  const done = (await navigator.clipboard?.writeText(text).then(() => true, () => false)) || copyOldWay(text);
  app.say(done ? "Copied" : "The browser does not let us copy");
  return done;
}

// Over plain http there is no clipboard, but what a "copy" of the page would take can be said; the focus stays where it is.
function copyOldWay(text) {
  const give = (event) => {
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("copy", give, true);
  const done = document.execCommand("copy");
  window.removeEventListener("copy", give, true);
  return done;
}

export function activeIn(node) {
  const active = node.getRootNode().activeElement;
  return node.contains(active) ? active : null;
}

export function freshId() {
  return `cl${Math.random().toString(36).slice(2)}`;
}

// Text of several lines, each of them plain.
export function plainLines(text) {
  return String(text ?? "").split("\n").map(plain).join("\n");
}

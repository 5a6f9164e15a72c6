// Announcements to assistive technology, and a banner for problems.

import { el, plain } from "./dom.js";
import { icon } from "./icons.js";

const WARNING_DISPLAY = 8000;
const NOTE_DISPLAY = 30000;

export function createAnnouncer() {
  const node = el("div", { class: "cl-said", role: "status" });

  // The same text is announced again only if it differs.
  /** @param {string} text */
  function say(text) {
    node.textContent = node.textContent === text ? `${text}\u00a0` : text;
  }

  return { el: node, say };
}

/**
 * Create the banner. A problem of the store stays; a warning or a note disappears after a while.
 * @param {(text: string) => void} say
 */
export function createBanner(say) {
  const text = el("span", { class: "cl-text" });
  const sign = el("span", {}, icon("fault"));
  const node = el("div", { class: "cl-banner", hidden: true }, sign, text);
  let lasting = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;

  /** @type {(problem: string, isNote?: boolean) => void} */
  function show(problem, isNote = false) {
    clearTimeout(hiding);
    sign.replaceChildren(icon(isNote ? "ok" : "fault"));
    node.classList.toggle("cl-noted", isNote);
    text.textContent = plain(problem);
    node.hidden = !problem;
    if (problem) say(problem);
  }

  /** @param {string} problem */
  function warn(problem) {
    show(problem);
    hiding = setTimeout(() => show(lasting), WARNING_DISPLAY);
  }

  /** @param {string} news */
  function note(news) {
    show(news, true);
    hiding = setTimeout(() => show(lasting), NOTE_DISPLAY);
  }

  /** @param {string | null} problem */
  function setLasting(problem) {
    lasting = problem ?? "";
    show(lasting);
  }

  return { el: node, warn, note, setLasting };
}

// Menus, after the menu pattern of WAI-ARIA. The focus returns to where it was.

import { activeElement, el, plain, setAttr, targetOf } from "./dom.js";
import { icon } from "./icons.js";

/** @import { App } from "./types.d.ts" */

const EDGE = 4;
const TYPING_PAUSE = 700;
/** @type {Record<string, (at: number) => number>} */
const STEPS = { ArrowDown: (at) => at + 1, ArrowUp: (at) => at - 1, Home: () => 0, End: () => -1 };

/**
 * An item. `checked` makes it a choice that is on or off; `why` is the reason why it is disabled.
 * @typedef {object} MenuItem
 * @property {string} label
 * @property {(checked?: boolean) => unknown} run
 * @property {boolean} [checked]
 * @property {boolean} [disabled]
 * @property {boolean} [danger]
 * @property {string | null} [why]
 */
/** @typedef {{ anchor?: HTMLElement, x?: number, y?: number }} MenuPosition an element that the menu belongs to, or a point */
/** @typedef {{ menu: HTMLElement, anchor?: HTMLElement, close: (refocus?: boolean) => void }} OpenMenu */

/** @type {WeakMap<HTMLElement, OpenMenu>} the open menu of each tree */
const openMenus = new WeakMap();
/** @type {WeakMap<Element, MenuItem>} */
const itemOf = new WeakMap();

/**
 * Open a menu of *items*, where "-" is a separator; close it if it is the open one.
 *
 * The menu is a child of the tree, where the colours of the theme apply; as a popover it is not clipped.
 * @param {Pick<App, "el" | "focusGrid">} app
 * @param {MenuPosition} position
 * @param {(MenuItem | "-")[]} items
 * @param {string} label
 */
export function openMenu(app, { anchor, x = 0, y = 0 }, items, label) {
  const before = openMenus.get(app.el);
  before?.close(true);
  if (before && before.anchor === anchor) return;
  const focused = /** @type {HTMLElement | null} */ (activeElement(app.el));
  const nodes = items.map(createItem);
  const menu = el("div", { class: "cl-menu", role: "menu", "aria-label": plain(label), popover: "manual" }, ...nodes);
  let isOpen = true;

  const close = (refocus = false) => {
    if (!isOpen) return;
    isOpen = false;
    openMenus.delete(app.el);
    setExpanded(anchor, false);
    if (refocus && focused?.isConnected) focused.focus({ preventScroll: true });
    else if (refocus) app.focusGrid();
    menu.remove();
  };

  menu.addEventListener("focusout", ({ relatedTarget }) => {
    const next = /** @type {Node | null} */ (relatedTarget);
    if (!menu.contains(next) && !(anchor?.ariaHasPopup && next === anchor)) close();
  });
  listen(
    menu,
    nodes.filter((node) => itemOf.has(node)),
    close,
  );
  openMenus.set(app.el, { menu, anchor, close });
  setExpanded(anchor, true);
  app.el.append(menu);
  menu.showPopover?.();
  position(menu, anchor?.getBoundingClientRect() ?? { left: x, top: y, bottom: y });
  focusable(menu)?.focus();
}

/** @param {HTMLElement} menu */
function focusable(menu) {
  return /** @type {HTMLElement | null} */ (menu.querySelector("[tabindex]"));
}

// Only on a menu button: on a row the attribute is about its branch.
/** @type {(anchor: HTMLElement | undefined, isOpen: boolean) => void} */
function setExpanded(anchor, isOpen) {
  if (anchor?.ariaHasPopup) setAttr(anchor, "aria-expanded", isOpen);
}

/** @param {MenuItem | "-"} item */
function createItem(item) {
  if (item === "-") return el("div", { role: "separator" });
  const { label, checked, disabled, danger, why } = item;
  const role = checked == null ? { role: "menuitem" } : { role: "menuitemcheckbox", "aria-checked": String(checked) };
  const node = el(
    "div",
    { ...role, tabindex: -1, class: danger && "cl-bad", "aria-disabled": disabled && "true" },
    checked == null ? null : icon("ok"),
    el("span", { text: plain(label) }),
    why ? el("small", { class: "cl-why", text: plain(why) }) : null,
  );
  itemOf.set(node, item);
  return node;
}

/** @type {(menu: HTMLElement, around: { left: number, top: number, bottom: number }) => void} */
function position(menu, { left, top, bottom }) {
  const { width, height } = menu.getBoundingClientRect();
  const isBelow = bottom + height + EDGE <= innerHeight;
  menu.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - width - EDGE))}px`;
  menu.style.top = `${isBelow ? bottom : Math.max(EDGE, Math.min(top, innerHeight - EDGE) - height)}px`;
}

/** @type {(menu: HTMLElement, nodes: HTMLElement[], close: OpenMenu["close"]) => void} */
function listen(menu, nodes, close) {
  let typed = "";
  let typedAt = 0;
  const itemAt = (/** @type {Event} */ event) => /** @type {HTMLElement | null} */ (targetOf(event).closest("[tabindex]"));
  menu.onclick = (event) => run(itemAt(event), close, true);
  menu.onpointermove = (event) => itemAt(event)?.focus();
  menu.oncontextmenu = (event) => event.preventDefault();

  /** @type {(char: string, at: number) => void} */
  function seek(char, at) {
    typed = Date.now() - typedAt < TYPING_PAUSE ? typed + char : char;
    typedAt = Date.now();
    const from = typed.length > 1 ? at : at + 1;
    const matched = [...nodes.slice(from), ...nodes.slice(0, from)].find((node) =>
      itemOf.get(node)?.label.toLowerCase().startsWith(typed),
    );
    matched?.focus();
  }

  menu.onkeydown = (event) => {
    const { key } = event;
    const target = targetOf(event);
    const at = nodes.indexOf(target);
    event.stopPropagation();
    if (key === "Tab") return close(true);
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (STEPS[key]) nodes.at(STEPS[key](at) % nodes.length)?.focus();
    else if (key === "Escape") close(true);
    else if (key === "Enter" || key === " ") run(target, close, key === "Enter");
    else if (key.length === 1) seek(key.toLowerCase(), at);
  };
}

// The space bar on a choice leaves the menu open, so that several can be made.
/** @type {(node: HTMLElement | null, close: OpenMenu["close"], isLast: boolean) => void} */
function run(node, close, isLast) {
  const item = node && itemOf.get(node);
  if (!item || item.disabled) return;
  if (isLast || item.checked == null) close(true);
  if (item.checked != null) {
    item.checked = !item.checked;
    setAttr(node, "aria-checked", item.checked);
  }
  item.run(item.checked);
}

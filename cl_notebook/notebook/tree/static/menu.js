// Menus, after the menu pattern of WAI-ARIA; the focus goes back to where it was.

import { copyText } from "./buttons.js";
import { el, plain, setAttr } from "./dom.js";
import { askAbout } from "./forms.js";
import { icon } from "./icons.js";

const MENU_EDGE = 4;
const MENU_PAUSE = 700;
const MENU_STEPS = { ArrowDown: (at) => at + 1, ArrowUp: (at) => at - 1, Home: () => 0, End: () => -1 };

// In the tree's own element the colours of the theme hold; as a popover nothing cuts the menu off.
export function openMenu(app, { anchor, x = 0, y = 0 }, items, label) {
  const before = app.el.querySelector(".cl-menu");
  before?.clClose(true);
  if (before && before.clAnchor === anchor) return;
  const back = app.el.getRootNode().activeElement;
  const nodes = items.map(menuItem);
  const menu = el("div", { class: "cl-menu", role: "menu", "aria-label": plain(label), popover: "manual" }, ...nodes);
  const close = (refocus) => {
    menu.clClose = () => {};
    menuMark(anchor, false);
    if (refocus && back?.isConnected) back.focus({ preventScroll: true });
    else if (refocus) app.focusGrid();
    menu.remove();
  };
  Object.assign(menu, { clAnchor: anchor, clClose: close });
  const stays = (to) => menu.contains(to) || (anchor?.ariaHasPopup && to === anchor);
  menu.addEventListener("focusout", ({ relatedTarget }) => stays(relatedTarget) || menu.clClose());
  menuListen(menu, nodes.filter((node) => node.clItem));
  menuMark(anchor, true);
  app.el.append(menu);
  menu.showPopover?.();
  menuPlace(menu, anchor?.getBoundingClientRect() ?? { left: x, top: y, bottom: y });
  menu.querySelector("[tabindex]")?.focus();
}

// Only of a menu button: on a row the attribute tells of its branch.
function menuMark(anchor, on) {
  if (anchor?.ariaHasPopup) setAttr(anchor, "aria-expanded", on);
}

function menuItem(item) {
  if (item === "-") return el("div", { role: "separator" });
  const { label, checked, disabled, danger, why } = item;
  const choice = checked == null ? { role: "menuitem" } : { role: "menuitemcheckbox", "aria-checked": String(checked) };
  const props = { ...choice, tabindex: -1, class: danger && "cl-bad", "aria-disabled": disabled && "true" };
  const node = el("div", props, checked == null ? null : icon("ok"), el("span", { text: plain(label) }), why && el("small", { class: "cl-why", text: plain(why) }));
  node.clItem = item;
  return node;
}

function menuPlace(menu, { left, top, bottom }) {
  const { width, height } = menu.getBoundingClientRect();
  const below = bottom + height + MENU_EDGE <= innerHeight;
  menu.style.left = `${Math.max(MENU_EDGE, Math.min(left, innerWidth - width - MENU_EDGE))}px`;
  menu.style.top = `${below ? bottom : Math.max(MENU_EDGE, Math.min(top, innerHeight - MENU_EDGE) - height)}px`;
}

function menuListen(menu, nodes) {
  let typed = "";
  let typedAt = 0;
  menu.onclick = ({ target }) => menuRun(menu, target.closest("[tabindex]"), true);
  menu.onpointermove = ({ target }) => target.closest("[tabindex]")?.focus();
  menu.oncontextmenu = (event) => event.preventDefault();

  function type(sign, at) {
    typed = Date.now() - typedAt < MENU_PAUSE ? typed + sign : sign;
    typedAt = Date.now();
    const from = typed.length > 1 ? at : at + 1;
    [...nodes.slice(from), ...nodes.slice(0, from)].find((node) => node.clItem.label.toLowerCase().startsWith(typed))?.focus();
  }

  menu.onkeydown = (event) => {
    const { key, target } = event;
    const at = nodes.indexOf(target);
    event.stopPropagation();
    if (key === "Tab") return menu.clClose(true);
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (MENU_STEPS[key]) nodes.at(MENU_STEPS[key](at) % nodes.length).focus();
    else if (key === "Escape") menu.clClose(true);
    else if (key === "Enter" || key === " ") menuRun(menu, target, key === "Enter");
    else if (key.length === 1) type(key.toLowerCase(), at);
  };
}

// The space bar on a choice leaves the menu open, so that several can be made.
function menuRun(menu, node, last) {
  const item = node?.clItem;
  if (!item || item.disabled) return;
  if (last || item.checked == null) menu.clClose(true);
  if (item.checked != null) setAttr(node, "aria-checked", (item.checked = !item.checked));
  item.run(item.checked);
}

export async function rowMenu(app, row, at) {
  const many = app.selected.length > 1 && app.selected.includes(row.id);
  const ids = many ? [...app.selected] : [row.id];
  const { acts } = await askAbout(app, ids).catch(({ message }) => app.say(message) ?? { acts: [] });
  openMenu(app, at, rowItems(app, row, ids, acts), many ? `${ids.length} selected` : row.name);
}

function rowItems(app, row, ids, acts) {
  const item = ({ name, label, asks, danger, why }) => ({ label: asks.length || danger ? `${label}…` : label, danger: !!danger, disabled: !!why, why, run: () => app.act(name, ids) });
  const copy = ([what, text]) => ({ label: `Copy ${what}`, run: () => copyText(app, text) });
  const copies = { id: row.id, name: row.name, "the line that shows it": `%cl_${row.kind} show ${row.id}` };
  const parts = [
    [{ label: "Details", run: () => app.showPane(true) }],
    acts.filter((act) => !act.danger).map(item),
    Object.entries(copies).map(copy),
    acts.filter((act) => act.danger).map(item),
  ];
  return parts.filter((part) => part.length).flatMap((part, index) => (index ? ["-", ...part] : part));
}

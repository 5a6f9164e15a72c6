// The menu of a row, or of the selected rows.

import { describe } from "./action_form.js";
import { copyText } from "./clipboard.js";
import { findLab } from "./lab.js";
import { openMenu } from "./menu.js";

/** @import { Action, App, Row } from "./types.d.ts" */
/** @import { MenuItem, MenuPosition } from "./menu.js" */

/** @type {(app: App, row: Row, position: MenuPosition) => Promise<void>} */
export async function openRowMenu(app, row, position) {
  const isSeveral = app.selectedIds.length > 1 && app.selectedIds.includes(row.id);
  const ids = isSeveral ? app.selectedIds : [row.id];
  const actions = await loadActions(app, ids);
  openMenu(app, position, rowItems(app, row, ids, actions), isSeveral ? `${ids.length} selected` : row.name);
}

/** @type {(app: App, ids: string[]) => Promise<Action[]>} */
async function loadActions(app, ids) {
  try {
    return (await describe(app, ids)).acts;
  } catch (error) {
    app.say(/** @type {Error} */ (error).message);
    return [];
  }
}

/** @type {(app: App, row: Row, ids: string[], actions: Action[]) => (MenuItem | "-")[]} */
function rowItems(app, row, ids, actions) {
  /** @type {(action: Action) => MenuItem} */
  const actionItem = ({ name, label, asks, danger, why }) => ({
    label: asks.length || danger ? `${label}…` : label,
    danger: !!danger,
    disabled: !!why,
    why,
    run: () => app.startAction(name, ids),
  });
  /** @type {(what: string, text: string) => MenuItem} */
  const copyItem = (what, text) => ({ label: `Copy ${what}`, run: () => copyText(app, text) });
  const groups = [
    [{ label: "Details", run: () => app.showPane(true) }],
    actions.filter((action) => !action.danger).map(actionItem),
    [
      ...(findLab() ? [{ label: "Put the line that shows it into the notebook", run: () => app.giveLine(row) }] : []),
      copyItem("id", row.id),
      copyItem("name", row.name),
      { label: "Copy the line that shows it", run: () => app.giveLine(row, true) },
    ],
    actions.filter((action) => action.danger).map(actionItem),
  ];
  return groups
    .filter((group) => group.length)
    .flatMap((group, index) => (index ? [/** @type {const} */ ("-"), ...group] : group));
}

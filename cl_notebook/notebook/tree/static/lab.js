// What cl_notebook's extension of JupyterLab lets the tree do: be shown in a panel, and put a line into the notebook.

/** @typedef {{ id: string, title: string, node: HTMLElement, isLeft: boolean, width: number, onClose: () => void }} Panel */
/** @typedef {{ show: () => void, close: () => void }} OpenPanel */
/** @typedef {{ open: (panel: Panel) => OpenPanel, insert: (line: string) => boolean }} Lab */

/** @returns {Lab | undefined} */
export function findLab() {
  return /** @type {any} */ (globalThis)[Symbol.for("cl_notebook.lab")];
}

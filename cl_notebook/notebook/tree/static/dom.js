// Elements. Text is always set as text: names come from storage arrays.

/** @typedef {string | number | boolean | null | undefined | ((event: any) => unknown)} Prop */

/**
 * Return a new element. `text` becomes its text, `onclick` and the like become listeners, all else becomes attributes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Prop>} props
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...children.filter((child) => child != null));
  return node;
}

/** @type {(node: HTMLElement, name: string, value: Prop) => void} */
function setProp(node, name, value) {
  if (value == null || value === false) return;
  if (typeof value === "function") node.addEventListener(name.slice(2), value);
  else if (name === "text") node.textContent = String(value);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** @type {(node: Node | null, text: string) => void} */
export function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

/** @type {(node: Element, name: string, value: string | number | boolean | null | undefined) => void} */
export function setAttr(node, name, value) {
  if (value == null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/**
 * Return the element that an event happened to.
 * @param {Event} event
 */
export function targetOf(event) {
  return /** @type {HTMLElement} */ (event.target);
}

/**
 * Return the focused element of the document or shadow root that holds *node*.
 * @param {Node} node
 */
export function activeElement(node) {
  return /** @type {Document | ShadowRoot} */ (node.getRootNode()).activeElement;
}

/**
 * Return the focused element if it is within *node*, else null.
 * @param {Node} node
 */
export function activeIn(node) {
  const active = activeElement(node);
  return node.contains(active) ? /** @type {HTMLElement | null} */ (active) : null;
}

export function uniqueId() {
  return `cl${Math.random().toString(36).slice(2)}`;
}

/** @type {Record<string, string>} */
const SHORT_ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Return one line of text in which control and direction characters are escaped, as in the text tree.
 * @param {unknown} text
 */
export function plain(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0]/gu, (char) => SHORT_ESCAPES[char] ?? escapeCode(char));
}

/** @param {string} char */
function escapeCode(char) {
  const code = /** @type {number} */ (char.codePointAt(0)).toString(16);
  return code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

/**
 * Return text of several lines, each of them escaped.
 * @param {string | null | undefined} text
 */
export function plainLines(text) {
  return String(text ?? "")
    .split("\n")
    .map(plain)
    .join("\n");
}

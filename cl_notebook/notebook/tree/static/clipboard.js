// The clipboard.

/** @import { App } from "./types.d.ts" */

/**
 * Copy *text*, and announce whether that worked.
 * @param {Pick<App, "say">} app
 * @param {string} text
 */
export async function copyText(app, text) {
  const isCopied = (await writeClipboard(text)) || copyByEvent(text);
  app.say(isCopied ? "Copied" : "The browser does not allow copying.");
  return isCopied;
}

/** @param {string} text */
async function writeClipboard(text) {
  try {
    if (!navigator.clipboard) return false;
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

// Over plain http there is no clipboard object. A "copy" of the page can be given other text, and leaves the focus where it is.
/** @param {string} text */
function copyByEvent(text) {
  /** @param {ClipboardEvent} event */
  const give = (event) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("copy", give, true);
  const isCopied = document.execCommand("copy");
  window.removeEventListener("copy", give, true);
  return isCopied;
}

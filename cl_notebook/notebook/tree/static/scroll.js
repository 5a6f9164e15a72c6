// The scroll position in a list that may be taller than a browser lets an element be.
//
// Up to MAX_PIXELS the scroll bar gives the position. In a longer list both ends still move pixel by pixel, a wheel does so
// everywhere, and dragging the bar a long way moves by the same share of the list.

export const MAX_PIXELS = 8000000;
export const EXACT_PIXELS = 400000;
const JUMP_PIXELS = 3000;
const SETTLE_DELAY = 150;

/** @typedef {ReturnType<typeof createScroll>} Scroll */

/**
 * Track the position of *scroller*, whose *spacer* gives it its length. `top` and `length` are pixels of the whole list.
 * @param {Pick<HTMLElement, "scrollTop" | "addEventListener">} scroller
 * @param {{ style: { height: string } }} spacer
 * @param {() => void} onMove
 */
export function createScroll(scroller, spacer, onMove) {
  const scroll = { top: 0, length: 0, setLength, moveTo, settle };
  let lastPixels = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let settling;

  const ratio = () => (MAX_PIXELS - 2 * EXACT_PIXELS) / (scroll.length - 2 * EXACT_PIXELS);
  const clamp = (/** @type {number} */ top) => Math.max(0, Math.min(scroll.length, top));

  /** @param {number} top */
  function toPixels(top) {
    if (scroll.length <= MAX_PIXELS || top <= EXACT_PIXELS) return top;
    if (top >= scroll.length - EXACT_PIXELS) return MAX_PIXELS - (scroll.length - top);
    return EXACT_PIXELS + (top - EXACT_PIXELS) * ratio();
  }

  /** @param {number} pixels */
  function toTop(pixels) {
    if (scroll.length <= MAX_PIXELS || pixels <= EXACT_PIXELS) return pixels;
    if (pixels >= MAX_PIXELS - EXACT_PIXELS) return scroll.length - (MAX_PIXELS - pixels);
    return EXACT_PIXELS + (pixels - EXACT_PIXELS) / ratio();
  }

  /** @param {number} length */
  function setLength(length) {
    if (length !== scroll.length) spacer.style.height = `${Math.min(length, MAX_PIXELS)}px`;
    scroll.length = length;
    scroll.top = clamp(scroll.top);
    settle();
  }

  /** @param {number} top */
  function moveTo(top) {
    scroll.top = clamp(top);
    settle();
    onMove();
  }

  // Moving the bar is not seen otherwise: the rows are positioned by `top`, not by the bar.
  function settle(isForced = false) {
    const pixels = toPixels(scroll.top);
    if (!isForced && Math.abs(pixels - lastPixels) < 1) return;
    scroller.scrollTop = pixels;
    lastPixels = scroller.scrollTop; // the browser rounds it
  }

  function onScroll() {
    const pixels = scroller.scrollTop;
    const step = pixels - lastPixels;
    lastPixels = pixels;
    if (!step) return;
    const isAtEnd = pixels <= 0 || pixels >= MAX_PIXELS - 1;
    const isByBar = scroll.length <= MAX_PIXELS || isAtEnd || Math.abs(step) > JUMP_PIXELS;
    scroll.top = clamp(isByBar ? toTop(pixels) : scroll.top + step);
    clearTimeout(settling);
    if (scroll.length > MAX_PIXELS) settling = setTimeout(settle, SETTLE_DELAY);
    onMove();
  }

  scroller.addEventListener("scroll", onScroll, { passive: true });
  return scroll;
}

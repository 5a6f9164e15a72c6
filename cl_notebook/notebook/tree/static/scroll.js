// Where the reader stands in a list that may be taller than an element can be.
//
// Up to CAP pixels the scroll bar says it. Beyond, the two ends of the list still move pixel by pixel, a wheel does so everywhere,
// and a long way on the bar goes the same share of the list.

const CAP = 8000000;
const EDGE = 400000;
const JUMP = 3000;

export function createScroll(scroller, spacer, moved) {
  const scroll = { top: 0, left: 0, length: 0, setLength, moveTo, settle };
  let last = 0;
  let idle = 0;

  const share = () => (CAP - 2 * EDGE) / (scroll.length - 2 * EDGE);
  const clamp = (top) => Math.max(0, Math.min(scroll.length, top));

  function toPixels(top) {
    if (scroll.length <= CAP || top <= EDGE) return top;
    return top >= scroll.length - EDGE ? CAP - (scroll.length - top) : EDGE + (top - EDGE) * share();
  }

  function toTop(pixels) {
    if (scroll.length <= CAP || pixels <= EDGE) return pixels;
    return pixels >= CAP - EDGE ? scroll.length - (CAP - pixels) : EDGE + (pixels - EDGE) / share();
  }

  function setLength(length) {
    if (length !== scroll.length) spacer.style.height = `${Math.min(length, CAP)}px`;
    scroll.length = length;
    scroll.top = clamp(scroll.top);
    settle();
  }

  function moveTo(top) {
    scroll.top = clamp(top);
    settle();
    moved();
  }

  // The bar is put where it belongs; nobody sees that, the rows do not hang on it.
  function settle(anyway) {
    const pixels = toPixels(scroll.top);
    if (!anyway && Math.abs(pixels - last) < 1) return;
    scroller.scrollTop = pixels;
    last = scroller.scrollTop;
  }

  function onscroll() {
    const pixels = scroller.scrollTop;
    const step = pixels - last;
    last = pixels;
    scroll.left = scroller.scrollLeft;
    if (!step) return;
    const end = pixels <= 0 || pixels >= CAP - 1;
    scroll.top = clamp(scroll.length <= CAP || end || Math.abs(step) > JUMP ? toTop(pixels) : scroll.top + step);
    clearTimeout(idle);
    if (scroll.length > CAP) idle = setTimeout(settle, 150, false);
    moved();
  }

  scroller.addEventListener("scroll", onscroll, { passive: true });
  return scroll;
}

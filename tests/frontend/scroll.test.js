// The scroll position in long and in very long lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createScroll, EXACT_PIXELS, MAX_PIXELS } from "../../cl_notebook/notebook/tree/static/scroll.js";
import { createClock } from "./support.js";

const LONG = 28_000_000; // a million rows

/** A scroller with a scroll bar, as a browser moves it: positions are rounded, and within its length. */
class Scroller extends EventTarget {
  spacer = { style: { height: "0px" } };
  #top = 0;

  get scrollTop() {
    return this.#top;
  }

  set scrollTop(pixels) {
    this.#top = Math.max(0, Math.min(Number.parseFloat(this.spacer.style.height), Math.round(pixels)));
  }

  /** @param {number} pixels */
  scrollTo(pixels) {
    this.scrollTop = pixels;
    this.dispatchEvent(new Event("scroll"));
  }
}

/** @param {number} length */
function scrolling(length) {
  const scroller = new Scroller();
  const moves = { count: 0 };
  const scroll = createScroll(/** @type {any} */ (scroller), scroller.spacer, () => {
    moves.count++;
  });
  scroll.setLength(length);
  return { scroller, scroll, moves };
}

test("a short list has the position of the scroll bar", () => {
  const { scroller, scroll, moves } = scrolling(10_000);
  assert.equal(scroller.spacer.style.height, "10000px");
  scroller.scrollTo(1234);
  assert.equal(scroll.top, 1234);
  assert.equal(moves.count, 1);
  scroll.moveTo(4321);
  assert.equal(scroller.scrollTop, 4321);
});

test("a position is never outside of the list", () => {
  const { scroll } = scrolling(1000);
  scroll.moveTo(5000);
  assert.equal(scroll.top, 1000);
  scroll.moveTo(-5);
  assert.equal(scroll.top, 0);
  scroll.moveTo(900);
  scroll.setLength(500);
  assert.equal(scroll.top, 500);
});

test("the element of a very long list stays as tall as browsers allow", () => {
  const { scroller } = scrolling(LONG);
  assert.equal(scroller.spacer.style.height, `${MAX_PIXELS}px`);
});

test("both ends of a very long list move pixel by pixel", (t) => {
  createClock(t);
  const { scroller, scroll } = scrolling(LONG);
  scroll.moveTo(EXACT_PIXELS - 10);
  assert.equal(scroller.scrollTop, EXACT_PIXELS - 10);
  scroll.moveTo(LONG - 777);
  assert.equal(scroller.scrollTop, MAX_PIXELS - 777);
  scroller.scrollTo(MAX_PIXELS);
  assert.equal(scroll.top, LONG);
  scroller.scrollTo(0);
  assert.equal(scroll.top, 0);
});

test("a wheel moves a very long list by the pixels it was turned, everywhere", (t) => {
  createClock(t);
  const { scroller, scroll } = scrolling(LONG);
  scroll.moveTo(LONG / 2);
  const { scrollTop } = scroller;
  scroller.scrollTo(scrollTop + 120);
  assert.equal(scroll.top, LONG / 2 + 120);
});

test("the bar, dragged to its middle, goes to the middle of a very long list", (t) => {
  createClock(t);
  const { scroller, scroll } = scrolling(LONG);
  scroller.scrollTo(MAX_PIXELS / 2);
  assert.equal(scroll.top, LONG / 2);
});

test("after a wheel the bar is put where it belongs, without moving the rows", async (t) => {
  const clock = createClock(t);
  const { scroller, scroll, moves } = scrolling(LONG);
  scroll.moveTo(LONG / 2);
  const start = scroller.scrollTop;
  for (let turn = 1; turn <= 10; turn++) scroller.scrollTo(scroller.scrollTop + 100);
  const { top } = scroll;
  const { count } = moves;
  await clock.advance(1000);
  const ratio = (MAX_PIXELS - 2 * EXACT_PIXELS) / (LONG - 2 * EXACT_PIXELS);
  assert.equal(scroller.scrollTop, Math.round(start + 1000 * ratio));
  assert.equal(scroll.top, top);
  assert.equal(moves.count, count);
});

test("a bar that the browser reset is put back if that is asked for", () => {
  const { scroller, scroll } = scrolling(10_000);
  scroll.moveTo(5000);
  scroller.scrollTop = 0; // no event: the element was taken out of the page and put back
  scroll.settle(true);
  assert.equal(scroller.scrollTop, 5000);
});

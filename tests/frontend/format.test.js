// Numbers, times, statuses and texts as they are shown.

import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, plainLines } from "../../cl_notebook/notebook/tree/static/dom.js";
import {
  formatAge,
  formatCount,
  formatSize,
  formatSpan,
  formatTime,
  statusIcon,
} from "../../cl_notebook/notebook/tree/static/format.js";
import { STATUS_MEANINGS } from "../../cl_notebook/notebook/tree/static/schema.js";
import { createClock } from "./support.js";

/** @import { Kind } from "../../cl_notebook/notebook/tree/static/schema.js" */

test("counts have separators", () => {
  assert.equal(formatCount(1234567), "1,234,567");
});

test("sizes are in the largest unit that leaves less than 10,240", () => {
  assert.equal(formatSize(null), "");
  assert.equal(formatSize(0), "0 GiB");
  assert.equal(formatSize(10239), "10,239 GiB");
  assert.equal(formatSize(10240), "10 TiB");
  assert.equal(formatSize(10240 * 1024), "10 PiB");
  assert.equal(formatSize(1536 * 10), "15 TiB");
  assert.equal(formatSize(10240 * 1024 ** 3), "10,240 EiB");
});

test("spans are in their largest whole unit", () => {
  const spans = [-5, 0, 59.9, 60, 3599, 3600, 86399, 86400, 31557599, 31557600];
  const shown = ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "365 d", "1 y"];
  assert.deepEqual(spans.map(formatSpan), shown);
});

test("an age is the span since then", (t) => {
  const clock = createClock(t);
  assert.equal(formatAge(clock.start / 1000 - 7200), "2 h");
  assert.equal(formatAge(null), "");
});

test("no time is shown as nothing, a time in the reader's locale", () => {
  assert.equal(formatTime(null), "");
  assert.equal(formatTime(0), new Date(0).toLocaleString());
});

test("every status that cl_notebook sets has the icon of its meaning", () => {
  for (const [kind, meanings] of Object.entries(STATUS_MEANINGS)) {
    for (const [status, meaning] of Object.entries(meanings)) {
      const shown = statusIcon(/** @type {Kind} */ (kind), status);
      if (meaning === "whole") assert.ok(["ok", "use"].includes(shown), status);
      else assert.equal(shown, meaning, status);
    }
  }
});

test("statuses of other programs go by their spelling", () => {
  const statuses = ["error_restoring", "downloading", "open", "closed", "detached", "reserved"];
  const icons = ["fault", "busy", "ok", "idle", "idle", "unknown"];
  assert.deepEqual(
    statuses.map((status) => statusIcon("volume", status)),
    icons,
  );
});

test("control and direction characters in names are escaped", () => {
  assert.equal(plain("a\tb\nc\u202ed\u0007\u00a0"), "a\\tb\\nc\\u202ed\\x07\\xa0");
  assert.equal(plain("<b>Fläche</b> 雪"), "<b>Fläche</b> 雪");
});

test("in text of several lines the line ends stay", () => {
  assert.equal(plainLines("one\ntwo\u200b"), "one\ntwo\\u200b");
  assert.equal(plainLines(null), "");
});

// The checked-in bundle.

import assert from "node:assert/strict";
import { test } from "node:test";
import { outdated } from "../../tools/bundle.mjs";

test("the checked-in bundle is what the sources bundle to, byte for byte", async () => {
  assert.deepEqual(await outdated(), []);
});

test("the bundle is one ES module whose default export renders the tree", async () => {
  const tree = await import(new URL("../../cl_notebook/notebook/tree/static/bundle/tree.js", import.meta.url).href);
  assert.deepEqual(Object.keys(tree), ["default"]);
  assert.deepEqual(Object.keys(tree.default), ["initialize", "render", "style"]);
});

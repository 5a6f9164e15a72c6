// Requests, replies, and whether the kernel answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRemote, KernelError } from "../../cl_notebook/notebook/tree/static/remote.js";
import { createClock, createModel, settled } from "./support.js";

/** @import { TestContext } from "node:test" */
/** @import { Push, Traits } from "../../cl_notebook/notebook/tree/static/types.d.ts" */

/** @type {(t: TestContext, traits?: Partial<Traits>) => Promise<any>} */
async function connect(t, traits) {
  const clock = createClock(t);
  const kernel = createModel(traits);
  /** @type {Push[]} */
  const pushes = [];
  /** @type {string[]} */
  const states = [];
  const remote = createRemote(kernel.model, {
    onPush: (push) => void pushes.push(push),
    onStateChange: () => void states.push(remote.live.state),
  });
  await clock.advance(500); // the longest wait for JupyterLab's subshell
  const reply = (/** @type {object} */ message) => kernel.emit("msg:custom", message);
  return { clock, ...kernel, pushes, states, remote, reply };
}

test("a request has a name, parameters and a number, and resolves with the reply to that number", async (t) => {
  const { remote, sent, reply } = await connect(t);
  const [first, second] = [remote.request("seek", { text: "a", after: 0 }), remote.request("reveal", { row: "id" })];
  await settled();
  assert.deepEqual(
    sent.map((/** @type {any} */ { id, ...message }) => message),
    [
      { do: "seek", text: "a", after: 0 },
      { do: "reveal", row: "id" },
    ],
  );
  reply({ re: sent[1].id, index: 2 });
  reply({ re: sent[0].id, index: 1 });
  assert.equal((await first).index, 1);
  assert.equal((await second).index, 2);
});

test("a problem rejects the request, with the line that failed", async (t) => {
  const { remote, sent, reply } = await connect(t);
  const request = remote.request("act", { act: "delete", ids: ["id"] });
  await settled();
  reply({ re: sent[0].id, problem: "It is in use.", line: "%cl_volume delete id" });
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof KernelError);
    assert.equal(error.message, "It is in use.");
    assert.equal(error.line, "%cl_volume delete id");
    return true;
  });
});

test("what is sent unasked is passed on, and the replies to another view are not", async (t) => {
  const { reply, pushes } = await connect(t);
  reply({ push: "changed", rev: 3, total: null });
  reply({ re: 17, index: 1 });
  assert.deepEqual(pushes, [{ push: "changed", rev: 3, total: null }]);
});

test("no message is sent before JupyterLab's subshell has started, or had half a second for it", async (t) => {
  const clock = createClock(t);
  const listener = { onPush: () => {}, onStateChange: () => {} };
  const never = new Promise(() => {});
  for (const [started, wait] of /** @type {const} */ ([
    [Promise.resolve(), 0],
    [never, 500],
  ])) {
    const { model, sent } = createModel();
    model.widget_manager = { get_model: async () => ({ comm: { jsServicesComm: { subshellStarted: started } } }) };
    createRemote(model, listener).request("hello");
    await settled();
    if (wait) {
      await clock.advance(wait - 1);
      assert.deepEqual(sent, []);
      await clock.advance(1);
    }
    assert.equal(sent.length, 1);
  }
});

test("the kernel is busy while a request waits, and live again with its reply", async (t) => {
  const { clock, remote, sent, states, reply } = await connect(t);
  remote.request("rows", { start: 0, count: 1 });
  await clock.advance(2000);
  assert.equal(remote.live.state, "busy");
  reply({ re: sent[0].id });
  assert.equal(remote.live.state, "live");
  assert.deepEqual(states, ["busy", "live"]);
});

test("a request that only reads is repeated, at growing intervals, until its reply arrives", async (t) => {
  const { clock, remote, sent, reply } = await connect(t);
  const request = remote.request("hello");
  for (let second = 0; second < 14; second++) {
    await clock.advance(1000);
    reply({ push: "alive", rev: 1 });
  }
  const [{ id }] = sent;
  assert.deepEqual(sent, [
    { id, do: "hello" },
    { id, do: "hello" },
    { id, do: "hello" },
  ]);
  reply({ re: id, rev: 7 });
  assert.equal((await request).rev, 7);
  await clock.advance(4000);
  assert.equal(sent.length, 3);
});

test("a request that changes something is followed by a ping, and never sent twice", async (t) => {
  const { clock, remote, sent } = await connect(t);
  remote.request("act", { act: "create", ids: ["id"] });
  await clock.advance(3000);
  assert.deepEqual(
    sent.map((/** @type {any} */ message) => message.do),
    ["act", "ping"],
  );
});

test("an action may take its time: the kernel is not called busy for it", async (t) => {
  const { clock, remote } = await connect(t);
  remote.request("act", { act: "create", ids: ["id"] });
  await clock.advance(10_000);
  assert.equal(remote.live.state, "live");
});

test("a kernel that stops answering is lost since its last message; its requests are rejected", async (t) => {
  const { clock, remote, states, reply } = await connect(t);
  reply({ push: "alive", rev: 1 });
  const receivedAt = clock.now();
  const request = remote.request("hello");
  const rejected = assert.rejects(request, /The kernel does not answer\./);
  await clock.advance(16_000);
  await rejected;
  assert.deepEqual(remote.live, { state: "lost", since: receivedAt / 1000 });
  reply({ push: "alive", rev: 1 });
  assert.deepEqual(states, ["busy", "lost", "live"]);
});

test("without any message from the kernel the saved state is shown, with its time", async (t) => {
  const { clock, remote } = await connect(t, { _state: { at: 1234 } });
  await clock.advance(16_000);
  assert.deepEqual(remote.live, { state: "static", since: 1234 });
});

test("a closed comm is noticed at once, and asked again a second later", async (t) => {
  const { clock, remote, emit, reply, sent } = await connect(t);
  reply({ push: "alive", rev: 1 });
  emit("comm:close");
  assert.equal(remote.live.state, "lost");
  await clock.advance(1000);
  assert.deepEqual(
    sent.map((/** @type {any} */ message) => message.do),
    ["ping"],
  );
});

test("the kernel is pinged every 20 seconds", async (t) => {
  const { clock, remote, sent, reply } = await connect(t);
  for (let second = 0; second < 40; second++) {
    await clock.advance(1000);
    reply({ push: "alive", rev: 1 });
  }
  assert.equal(sent.filter((/** @type {any} */ message) => message.do === "ping").length, 2);
  remote.end();
});

test("at the end the kernel gets a bye, and no timer or listener is left", async (t) => {
  const { clock, remote, sent, listenerCount } = await connect(t);
  remote.end();
  await settled();
  assert.deepEqual(
    sent.map((/** @type {any} */ message) => message.do),
    ["bye"],
  );
  assert.equal(listenerCount(), 0);
  assert.equal(clock.pending(), 0);
});

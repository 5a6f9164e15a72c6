// Requests to the kernel and their replies, matched by number, and whether the kernel still answers. Times are in milliseconds.

/** @import { Live, Model, Push, RequestName, SendRequest } from "./types.d.ts" */

const LATE_AFTER = 1000;
const LOST_AFTER = 15000;
const PING_INTERVAL = 20000;
const CHECK_INTERVAL = 500;
const SUBSHELL_WAIT = 500;
const REPEAT_AFTER = 2000;
/** Requests that change nothing, so that they can be sent again. */
const REPEATABLE = new Set(["hello", "rows", "seek", "details", "shown", "offers", "line"]);
/** Requests whose reply may take as long as a storage, or another Python. */
const SLOW = new Set(["act", "begin", "drivers", "addition"]);
const CLOSING_EVENTS = ["comm_live_update", "comm:close"];

/**
 * A request that waits for its reply. `message` is sent again at `repeatAt`.
 * @typedef {{
 *   resolve: (reply: any) => void, reject: (error: Error) => void, name: RequestName, message: object,
 *   sentAt: number, repeatAt: number,
 * }} Pending
 */
/** @typedef {{ re?: number, problem?: string | null, line?: string, field?: string } & Partial<Push>} Incoming */
/** @typedef {{ live: Live, request: SendRequest, end: () => void }} Remote */

/** What the kernel could not do. `line` is the line of magic that failed, if it was run, `field` the value that it is about. */
export class KernelError extends Error {
  /**
   * @param {string} message
   * @param {string} [line]
   * @param {string} [field]
   */
  constructor(message, line, field) {
    super(message);
    this.line = line;
    this.field = field;
  }
}

/**
 * Connect to the kernel of *model*.
 * @param {Model} model
 * @param {{ onPush: (push: Push) => void, onStateChange: (before: Live["state"]) => void }} listener
 * @returns {Remote}
 */
export function createRemote(model, { onPush, onStateChange }) {
  /** @type {Map<number | undefined, Pending>} */
  const pending = new Map();
  let number = Math.floor(Math.random() * 2 ** 32) * 2 ** 20; // views of one model share its replies
  let lastReceived = 0;
  let isClosed = false;
  const startedAt = Date.now();
  /** @type {Remote} */
  const remote = { live: { state: "live", since: startedAt / 1000 }, request, end };

  /** @type {SendRequest} */
  function request(name, params) {
    return new Promise((resolve, reject) => {
      const id = ++number;
      const message = { ...params, id, do: name };
      const sentAt = Date.now();
      if (name !== "bye") pending.set(id, { resolve, reject, name, message, sentAt, repeatAt: sentAt + REPEAT_AFTER });
      ready.then(() => send(message));
    });
  }

  // The first message to a new subshell can stay unread until the next one arrives: a request without a reply is repeated, or
  // followed by a ping if it must not be carried out twice.
  /** @param {number} now */
  function repeatLate(now) {
    for (const entry of pending.values()) {
      if (now < entry.repeatAt || entry.name === "ping") continue;
      entry.repeatAt = now + 2 * (now - entry.sentAt);
      send(REPEATABLE.has(entry.name) ? entry.message : { id: ++number, do: "ping" });
    }
  }

  /** @param {object} message */
  function send(message) {
    try {
      model.send(message);
    } catch {
      onClosed();
    }
  }

  /** @param {Incoming | undefined} message */
  function receive(message) {
    lastReceived = Date.now();
    isClosed = false;
    const matched = pending.get(message?.re);
    pending.delete(message?.re);
    check();
    if (matched && message) settle(matched, message);
    else if (message?.push) onPush(/** @type {Push} */ (message));
  }

  function onClosed() {
    isClosed = true;
    check();
    setTimeout(() => request("ping").catch(() => {}), LATE_AFTER);
  }

  function check() {
    const now = Date.now();
    const isLost = isClosed || now - (lastReceived || startedAt) > LOST_AFTER;
    for (const [id, entry] of pending) {
      if (isLost && now - entry.sentAt > LATE_AFTER) {
        pending.delete(id);
        entry.reject(new KernelError("The kernel does not answer."));
      }
    }
    const late = [...pending.values()].filter((entry) => !SLOW.has(entry.name) && now - entry.sentAt > LATE_AFTER);
    const savedAt = (model.get("_state")?.at ?? 0) * 1000;
    if (isLost) setState(lastReceived ? "lost" : "static", lastReceived || savedAt || startedAt);
    else if (late.length) setState("busy", late[0].sentAt);
    else setState("live", now);
    if (!isLost) repeatLate(now);
  }

  /** @type {(state: Live["state"], at: number) => void} */
  function setState(state, at) {
    const before = remote.live.state;
    if (state === before) return;
    remote.live = { state, since: at / 1000 };
    onStateChange(before);
  }

  function end() {
    clearInterval(checking);
    clearInterval(pinging);
    request("bye");
    model.off("msg:custom", receive);
    for (const name of CLOSING_EVENTS) model.off(name, onClosed);
    pending.clear();
  }

  // A message to JupyterLab's comm before its subshell has started keeps all later ones out of the subshell, too.
  async function open() {
    try {
      const shared = await model.widget_manager?.get_model(model.get("_key"));
      if (shared && (!shared.comm || shared.comm_live === false)) onClosed();
      else await Promise.race([shared?.comm?.jsServicesComm?.subshellStarted, pause(SUBSHELL_WAIT)]);
    } catch {
      await pause(SUBSHELL_WAIT);
    }
  }

  const ready = open();
  const checking = setInterval(check, CHECK_INTERVAL);
  const pinging = setInterval(() => request("ping").catch(() => {}), PING_INTERVAL);
  model.on("msg:custom", receive);
  for (const name of CLOSING_EVENTS) model.on(name, onClosed);
  return remote;
}

/**
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @type {(matched: Pending, message: Incoming) => void} */
function settle(matched, message) {
  if (message.problem == null) matched.resolve(message);
  else matched.reject(new KernelError(message.problem, message.line, message.field));
}

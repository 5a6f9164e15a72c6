// The line to the kernel: questions by number, their answers, and whether anybody is still there.

const BUSY = 1000;
const SILENT = 15000;
const PING = 20000;
const SUBSHELL = 500;
const GONE = ["comm_live_update", "comm:close"];

export function createRemote(model, { pushed, turned }) {
  const waiting = new Map();
  let number = Math.floor(Math.random() * 2 ** 32) * 2 ** 20;
  let heard = 0;
  let gone = false;
  const began = Date.now();
  const remote = { live: { state: "live", since: began / 1000 }, ask, end };

  function ask(what, fields) {
    return new Promise((resolve, reject) => {
      const id = ++number;
      if (what !== "bye") waiting.set(id, { resolve, reject, what, at: Date.now() });
      ready.then(() => send({ ...fields, id, do: what }));
    });
  }

  function send(message) {
    try {
      model.send(message);
    } catch {
      leave();
    }
  }

  function receive(message) {
    heard = Date.now();
    gone = false;
    const asked = waiting.get(message?.re);
    waiting.delete(message?.re);
    judge();
    if (asked) settle(asked, message);
    else if (message?.push) pushed(message);
  }

  function leave() {
    gone = true;
    judge();
    setTimeout(() => ask("ping").catch(() => {}), BUSY);
  }

  function judge() {
    const now = Date.now();
    const dead = gone || now - (heard || began) > SILENT;
    for (const [id, asked] of waiting) {
      if (dead && now - asked.at > BUSY) {
        waiting.delete(id);
        asked.reject(new Error("The kernel does not answer."));
      }
    }
    const late = [...waiting.values()].filter((asked) => asked.what !== "act" && now - asked.at > BUSY);
    if (dead) turn(heard ? "lost" : "static", heard || (model.get("_state")?.at ?? 0) * 1000 || began);
    else if (late.length) turn("busy", late[0].at);
    else turn("live", now);
  }

  function turn(state, at) {
    const before = remote.live.state;
    if (state === before) return;
    remote.live = { state, since: at / 1000 };
    turned(before);
  }

  function end() {
    clearInterval(judging);
    clearInterval(pinging);
    ask("bye");
    model.off("msg:custom", receive);
    for (const name of GONE) model.off(name, leave);
    waiting.clear();
  }

  // What is said to JupyterLab's comm before its subshell has started keeps all that follows out of the subshell, too.
  async function open() {
    try {
      const found = await model.widget_manager?.get_model(model.get("_key"));
      if (found && (!found.comm || found.comm_live === false)) leave();
      else await Promise.race([found?.comm.jsServicesComm?.subshellStarted, pause(SUBSHELL)]);
    } catch {
      await pause(SUBSHELL);
    }
  }

  const ready = open();
  const judging = setInterval(judge, 500);
  const pinging = setInterval(() => ask("ping").catch(() => {}), PING);
  model.on("msg:custom", receive);
  for (const name of GONE) model.on(name, leave);
  return remote;
}

export function pause(time) {
  return new Promise((resolve) => setTimeout(resolve, time));
}

function settle(asked, message) {
  if (message.problem == null) asked.resolve(message);
  else asked.reject(Object.assign(new Error(message.problem), { line: message.line }));
}

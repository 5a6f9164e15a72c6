// Which rows are selected: shown at once, told to the kernel, and what the kernel says in the end holds.

export function createChoice(app, cache, changed) {
  const choice = { pivot: null, last: null, has: (id) => ids.has(id), list: () => [...ids], set, toggle, range, clear: () => set([]), stop };
  const { model } = app;
  let ids = new Set(model.get("selected"));
  let unanswered = 0;

  function show(next) {
    ids = new Set(next);
    changed();
    app.emit("selected", choice.list());
  }

  function follow() {
    if (!unanswered) show(model.get("selected") ?? []);
  }

  async function tell(what, fields) {
    unanswered++;
    try {
      await app.ask(what, fields);
      unanswered--;
    } catch (error) {
      unanswered--;
      if (!["live", "busy"].includes(app.live.state)) return;
      app.warn(error.message);
      follow();
    }
  }

  function set(list, row) {
    choice.pivot = row ?? choice.pivot;
    choice.last = row?.id;
    show(list);
    tell("select", { ids: list, how: "set" });
  }

  function toggle(row) {
    choice.pivot = row;
    choice.last = row.id;
    const next = new Set(ids);
    if (!next.delete(row.id)) next.add(row.id);
    show(next);
    tell("select", { ids: [row.id], how: "toggle" });
  }

  // From the row where selecting began, wherever that has moved to, or from the given one.
  function range(to, from = cache.find(choice.pivot?.id)?.index ?? choice.pivot?.index ?? to, how = "set") {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const seen = cache.between(first, last).map((row) => row.id);
    choice.last = cache.at(to)?.id;
    show(how === "add" ? [...ids, ...seen] : seen);
    return tell("range", { first, last, how });
  }

  function stop() {
    model.off("change:selected", follow);
  }

  model.on("change:selected", follow);
  return choice;
}

// Acts: what they ask, the line of magic that does the same, how it goes and what came of it.

import { activeIn, copyButton, freshId, makeButton, plainLines, signButton } from "./buttons.js";
import { el, plain, setAttr, setText } from "./dom.js";
import { icon } from "./icons.js";

const FORM_NAMES = 12;
const FORM_WAIT = 150;

// The details of one resource; of several, what can be done to them: each act, with the reason if it cannot.
export function askAbout(app, ids) {
  return ids.length > 1 ? app.ask("offers", { ids }) : app.ask("details", { row: ids[0] });
}

export function namesOf(app, ids, most) {
  const names = ids.slice(0, most).map((id) => plain(app.row(id)?.name || id));
  return ids.length > most ? [...names, `… and ${ids.length - most} more`] : names;
}

function lineBox(app) {
  const code = el("code");
  const box = el("div", { class: "cl-line" }, code, copyButton(app, "Copy as magic", () => box.line));
  box.put = (line) => setText(code, plainLines((box.line = line ?? "")));
  return box;
}

// back() gives the focus back when the form closes, done() is called when the act has ended.
export function createTask(app, act, ids, { back, done }) {
  const title = `${plain(act.label)}: ${ids.length > 1 ? `${ids.length} selected` : namesOf(app, ids, 1)[0]}`;
  const fields = act.asks.map((ask) => formField(ask, ids.length > 1, edited));
  const line = lineBox(app);
  const hint = el("p", { class: "cl-quiet" });
  const alert = el("div", { class: "cl-bad cl-note", role: "alert" });
  const id = freshId();
  const cancel = makeButton("Cancel", close, { "aria-describedby": act.danger && id });
  const go = makeButton(act.label, null, { type: "submit", class: `cl-btn ${act.danger ? "cl-bad" : "cl-prime"}` });
  const question = act.danger && el("p", { class: "cl-note", id }, icon("fault"), el("span", { text: `This goes: ${goes()}` }));
  const parts = [el("h4", { text: title }), question, ...fields.map((field) => field.el), line, hint, alert];
  const form = el("form", { novalidate: true, onsubmit: submit }, ...parts, el("div", { class: "cl-flow" }, cancel, go));
  const task = { el: el("div", { class: "cl-task", onkeydown: key }, form), state: "ask", start };
  let turn = 0;
  let timer;

  function goes() {
    return ids.length > 1 ? namesOf(app, ids, FORM_NAMES).join(", ") : plain(act.danger);
  }

  // What neither asks nor destroys is done at once.
  function start() {
    line.put(act.line);
    if (ids.length > 1) preview();
    if (!fields.length && !act.danger) return submit();
    const first = act.danger ? cancel : fields[0].input;
    first.focus();
    first.select?.();
  }

  const asked = () => ({ act: act.name, ids, values: Object.fromEntries(fields.map((field) => [field.name, field.value()])) });

  function edited() {
    clearTimeout(timer);
    timer = setTimeout(preview, FORM_WAIT);
  }

  async function preview() {
    if (fields.some((field) => field.wrong())) return;
    const mine = ++turn;
    const { line: text, problem } = await app.ask("line", asked()).catch(({ message }) => ({ problem: message }));
    if (mine !== turn || task.state === "busy") return;
    setText(hint, plain(problem ?? ""));
    if (!problem) line.put(text);
  }

  async function submit(event) {
    event?.preventDefault();
    const wrong = fields.filter((field) => field.check());
    if (wrong.length) wrong[0].input.focus();
    if (wrong.length || task.state === "busy") return;
    const stop = busy();
    try {
      const answer = await app.ask("act", asked());
      stop("done");
      finish(answer);
    } catch (problem) {
      stop("failed");
      fail(problem);
    }
    done();
  }

  // The button is off, but there: the focus stays on it.
  function busy() {
    const since = Date.now();
    const tick = () => setText(go.lastChild, `Running, ${Math.round((Date.now() - since) / 1000)} s`);
    const clock = setInterval(tick, 1000);
    const turnTo = (state) => {
      const on = state === "busy";
      task.state = state;
      setAttr(go, "aria-disabled", on || null);
      cancel.hidden = on;
      for (const { input } of fields) input.readOnly = on;
      if (!on) clearInterval(clock);
    };
    if (activeIn(cancel)) go.focus();
    turnTo("busy");
    tick();
    setText(hint, "");
    alert.replaceChildren();
    app.say(`${title}: started`);
    return turnTo;
  }

  function fail(problem) {
    setText(go.lastChild, "Try again");
    setText(cancel.lastChild, "Close");
    alert.append(icon("fault"), el("span", { text: plainLines(problem.message) }));
    if (problem.line) line.put(problem.line);
  }

  function finish(answer) {
    const held = activeIn(task.el);
    const text = plain(answer.text);
    const links = (answer.ids ?? []).slice(0, 5).map((made) => makeButton(`Show ${app.row(made)?.name || made}`, () => app.reveal(made)));
    task.el.replaceChildren(el("div", { class: "cl-note cl-result" }, icon("ok"), el("span", { text }), signButton("Dismiss", "close", close)), line, ...links);
    line.put(answer.line ?? line.line);
    app.say(text);
    if (held) back();
  }

  // JupyterLab takes the Enter of a text field away from its form.
  function key(event) {
    if (event.key === "Enter" && event.target.matches("input")) return submit(event);
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (task.state !== "busy") close();
  }

  function close() {
    const held = activeIn(task.el);
    clearTimeout(timer);
    task.el.remove();
    if (held) back();
  }

  return task;
}

function formField({ name, label, type, value, required }, many, edited) {
  const id = freshId();
  const flag = type === "flag";
  const changed = () => {
    if (input.ariaInvalid) check();
    edited();
  };
  const props = flag ? { type: "checkbox" } : { class: "cl-input", spellcheck: "false", autocomplete: "off", "aria-required": required && "true" };
  if (type === "number") props.inputmode = "numeric";
  const input = el("input", { ...props, id, "aria-describedby": `${id}-wrong`, oninput: changed, onchange: check });
  const told = el("span", { class: "cl-bad", id: `${id}-wrong` });
  const named = el("label", { for: id, text: many && flag ? "With whatever hangs on them" : plain(label) });
  if (flag) input.checked = value && !many;
  else input.value = value ?? "";

  function wrong() {
    const text = input.value.trim();
    if (flag || (!text && !required)) return "";
    if (!text) return "This is needed";
    return type === "number" && !/^\d+$/.test(text) ? "This must be a whole number" : "";
  }

  function check() {
    const problem = wrong();
    setText(told, problem);
    setAttr(input, "aria-invalid", problem ? "true" : null);
    return problem;
  }

  function read() {
    const text = input.value.trim();
    if (flag) return input.checked;
    return text && type === "number" ? Number(text) : text || null;
  }

  return { name, input, wrong, check, value: read, el: el("div", { class: "cl-field" }, ...(flag ? [input, named] : [named, input]), told) };
}

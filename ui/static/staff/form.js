// Small forms of one column: fields, one button, one place for what went wrong. Must not know what is sent.

import { el, fill } from "./dom.js";
import { Refused, tell } from "./http.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "people.css");

// field("Password", { name: "password", type: "password", required: true }, "a hint"): a labelled input.
export function field(label, attributes, hint = "") {
  const id = `hint-${attributes.name}`;
  const input = el("input", hint ? { ...attributes, "aria-describedby": id } : attributes);
  return el("label", {}, label, input, hint && el("span.small", { id }, hint));
}

export function choice(label, name, options, chosen) {
  const list = options.map(([value, text]) => el("option", { value, selected: value === chosen }, text));
  return el("label", {}, label, el("select", { name }, list));
}

// form(content, "Save", async (values) => ...): runs `send` with the fields' values; what it throws is shown in the form.
export function form(content, button, send, kind = "primary") {
  const problem = el("p.problem", { role: "alert", hidden: true });
  const submit = el(`button.${kind}`, { type: "submit" }, button);
  const node = el("form.stack", { novalidate: true }, content, problem, el("div.row", {}, submit));
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    const empty = [...node.elements].find((input) => input.required && !input.value.trim());
    if (empty) {
      show(problem, empty.dataset.missing ?? `${empty.closest("label").firstChild.textContent} is missing.`);
      empty.focus();
      return;
    }
    submit.disabled = true;
    problem.hidden = true;
    try {
      await send(Object.fromEntries(new FormData(node)), node);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      show(problem, error.message);
    } finally {
      submit.disabled = false;
    }
  });
  return node;
}

function show(problem, sentence) {
  fill(problem, sentence);
  problem.hidden = false;
}

// A dialog with a title and content; resolves when it is closed. `close(value)` is given to `draw`.
export function ask(title, draw) {
  return new Promise((resolve) => {
    let answer;
    const dialog = el("dialog", { "aria-label": title, onclose: () => { dialog.remove(); resolve(answer); } });
    const close = (value) => { answer = value; dialog.close(); };
    const head = el("div.row.between", {}, el("h2", {}, title), el("button.quiet", { type: "button", onclick: () => close(undefined) }, "Close"));
    dialog.append(el("div.stack", {}, head, draw(close)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Browsers have navigator.clipboard on https and localhost only; elsewhere the older way does.
export async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else {
    const field = el("textarea", { value: text, "aria-hidden": "true" });
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) return tell("The browser does not let this page copy; select the text and copy it by hand.", "bad");
  }
  return tell("Copied.");
}

// Yes or no, in words of the act itself.
export const sure = (title, sentence, yes) =>
  ask(title, (close) => [
    el("p", {}, sentence),
    el("div.row", {}, el("button.danger", { type: "button", onclick: () => close(true) }, yes)),
  ]);

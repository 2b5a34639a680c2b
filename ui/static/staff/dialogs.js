// Dialogs of the desk: a question, and to whom a conversation is passed on. Both resolve to null when they are left.
import { el } from "./dom.js";

export function ask(title, text, yes) {
  return open(title, [el("p", {}, text)], yes, () => true);
}

// users, teams: as /agents/api/desk/colleagues gives them. Resolves to {user_id | team_id, why}.
export function askWhom({ users, teams }) {
  const option = (kind, one) => el("option", { value: `${kind}:${one.id}` }, one.here ? `${one.name} (here now)` : one.name);
  const group = (label, kind, all) => (all.length ? el("optgroup", { label }, all.map((one) => option(kind, one))) : null);
  const whom = el("select", { required: true }, el("option", { value: "" }, "Choose…"), group("Teams", "team_id", teams), group("Colleagues", "user_id", users));
  const why = el("textarea", { rows: 2, maxlength: 1000, placeholder: "What should they know? Only the team sees this." });
  const parts = [el("label", {}, "To", whom), el("label", {}, "Note", why)];
  return open("Transfer this conversation", parts, "Transfer", () => {
    const [kind, id] = whom.value.split(":");
    return id ? { [kind]: Number(id), why: why.value.trim() } : null;
  });
}

function open(title, parts, yes, value) {
  return new Promise((resolve) => {
    const heading = el("h2", { id: "dialog-title" }, title);
    const leave = el("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = el("form.stack", { method: "dialog", onsubmit: (event) => { event.preventDefault(); const found = value(); if (found) { resolve(found); dialog.close(); } } },
      heading, parts, el("div.row.choices", {}, leave, el("button.primary", { type: "submit" }, yes)));
    const dialog = el("dialog", { "aria-labelledby": "dialog-title", onclose: () => { resolve(null); dialog.remove(); } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}

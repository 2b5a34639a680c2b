// The dialog in which a reply of the assistant is corrected: openCorrection({conversation, seq}) resolves to true once it is saved.
import { begunFor, beside } from "./begun.js";
import { ask } from "./dialogs.js";
import { el, moment } from "./dom.js";
import { followErased } from "./erased.js";
import { attempt, call, Refused, tell } from "./http.js";
import { oursBox } from "./ours.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "correct.css");

const API = "/agents/api/corrections";
let shown = null; // {conversation, close} of the open dialog
followErased(() => (shown ? [shown.conversation] : []), () => { tell("This conversation was erased.", "bad"); shown.close(); });

export async function openCorrection({ conversation, seq }) {
  const found = await attempt(() => call("GET", `${API}/of/${encodeURIComponent(conversation)}/${seq}`));
  if (!found) return false;
  return new Promise((resolve) => show(found, { conversation, seq }, resolve));
}

// Takes a correction back, after a question; true once it is undone.
export async function undoCorrection(correction) {
  if (!(await ask("Take this answer back?", "What it replaced is used again, and its test case and label go.", "Take back"))) return false;
  const done = await attempt(() => call("POST", `${API}/${correction.id}/undo`, {}));
  if (done) tell("Taken back. The earlier answer is used again.");
  return Boolean(done);
}

function show(found, place, resolve) {
  const draft = begunFor(place);
  const kept = draft.read();
  const question = el("textarea", { id: "correct-question", rows: 2, value: kept.question ?? found.question, maxlength: 8000 });
  const answer = el("textarea", { id: "correct-answer", rows: 4, value: kept.answer ?? (found.answered ? found.reply : ""), maxlength: 8000, required: true });
  const choices = found.sources.map((source) => ({ source, box: el("input", { type: "checkbox", checked: kept.supersede?.[source.passage_id] ?? source.supersede }) }));
  const ours = oursBox();
  const problem = el("p.problem", { hidden: true, role: "alert" });
  const save = el("button.primary", { type: "submit" }, found.answered ? "Save correction" : "Save answer");
  const cancel = el("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = el("form.correct", {},
    el("h2", { id: "correct-title" }, found.answered ? "Correct this answer" : "Write the answer"),
    found.correction ? [standing(found.correction, (undone) => close(undone)), beside(place, found.correction)] : null,
    quoted("The customer asked", found.asked),
    quoted("The assistant said", found.reply),
    found.correction ? null : [
      el("label", {}, "Question this answers, so that it stands alone", question),
      el("label", {}, "The right answer", answer),
      el("p.small.muted", {}, "It is given word for word to everybody who asks this from now on, with your name kept beside it."),
      superseded(choices),
    ],
    problem,
    found.correction ? null : ours.node,
    el("div.row.actions", {}, cancel, found.correction ? null : save));
  const dialog = el("dialog.correction", { "aria-labelledby": "correct-title" }, form);
  let done = false;
  const close = (value) => { done = value; dialog.close(); };
  const keep = () => draft.write({ ...(question.value === found.question ? {} : { question: question.value }), answer: answer.value, supersede: Object.fromEntries(choices.map(({ source, box }) => [source.passage_id, box.checked])) });
  for (const control of [question, answer, ...choices.map(({ box }) => box)]) control.addEventListener("input", keep);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    problem.hidden = true;
    try {
      const supersede = choices.filter(({ box }) => box.checked).map(({ source }) => source.passage_id);
      const made = await call("POST", API, { ...place, question: question.value, answer: answer.value, supersede, ...ours.sent() });
      draft.clear();
      tell(made.masked ? "Saved; personal data was taken out of the question. The next customer gets this answer." : "Saved. The next customer gets this answer.");
      close(true);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problem.textContent = error.status === 401 ? `${error.message} Your text stays here.` : error.message;
      problem.hidden = false;
      ours.refused(error);
      if (error.status === 401) attempt(() => Promise.reject(error));
    } finally {
      save.disabled = false;
    }
  });
  dialog.addEventListener("close", () => { shown = null; dialog.remove(); resolve(done); });
  document.body.append(dialog);
  shown = { conversation: place.conversation, close: () => dialog.close() };
  dialog.showModal();
  if (!found.correction) { answer.focus(); answer.setSelectionRange(answer.value.length, answer.value.length); }
}

function quoted(title, text) {
  return el("div.quoted", {}, el("p.small.muted", {}, title), el("p.said", { dir: "auto" }, text));
}

function standing(correction, close) {
  const undo = el("button", { type: "button", onclick: async () => { if (await undoCorrection(correction)) close(true); } }, "Undo this correction");
  return el("div.card.standing", {},
    el("p", {}, `${correction.agent} wrote another answer on ${moment(correction.created_at)}:`),
    el("p.said", { dir: "auto" }, correction.answer), el("div.row", {}, undo));
}

function superseded(choices) {
  if (!choices.length) return null;
  return el("fieldset.stack", {}, el("legend", {}, "No longer used from now on"),
    choices.map(({ source, box }) => el("label.choice", {}, box,
      el("span.stack", {}, el("span.said", { dir: "auto" }, source.answer),
        el("span.small.muted", {}, `${KINDS[source.kind] ?? "Past chat"} · `, el("span.mono", {}, source.conversation_id), alsoUnder(source.copies)),
        el("span.small.muted", {}, "Asked was “", el("span", { dir: "auto" }, source.question), "”: your answer stands there instead.")))));
}

const alsoUnder = (copies) => (copies ? ` · these words stand under ${copies} other ${copies === 1 ? "question" : "questions"} too, where yours takes their place as well` : "");

const KINDS = { faq: "Help centre", correction: "Answer of the team" };

// The admin's page of what the assistant knows, in five panes.
import { undoCorrection } from "./correct.js";
import { debounce, el, fill, moment } from "./dom.js";
import { attempt, call, Refused, tell } from "./http.js";
import { keeper } from "./keeper.js";
import { startImport } from "./knowledge_import.js";
import { startIndex } from "./knowledge_index.js";
import { startSearch } from "./knowledge_search.js";
import { oursBox } from "./ours.js";
import { sheet } from "./sheet.js";
import { tabbed } from "./tabs.js";

sheet(import.meta.url, "knowledge.css");

const API = "/admin/api/knowledge";
export const SOURCES = { faq: "Help centre", correction: "Our team" };

export function start(root) {
  const { tabs, body, open } = tabbed("Knowledge", {
    passages: ["Passages", startPassages], team: ["Answers by the team", startTeam], import: ["Import", startImport], index: ["Index", startIndex], search: ["Search test", startSearch],
  });
  fill(root, el("div.sheet.knowledge", {}, el("h1", {}, "Knowledge"), tabs, body));
  open();
}

// --- passages ---------------------------------------------------------------------------------------------

function startPassages(pane) {
  const words = el("input", { type: "search", id: "passage-words", placeholder: "Words in question or answer", maxlength: 500 });
  const state = select("Show", [["in use", "in use"], ["retired", "retired"], ["all", "all"]]);
  const source = select("Source", [["", "any"]]);
  const language = select("Language", [["", "any"]]);
  const list = el("div.stack");
  const more = el("button", { type: "button", hidden: true, onclick: () => load(true) }, "Show more");
  const summary = el("p.muted");
  let after = null;
  let round = 0;
  async function load(next = false) {
    const mine = ++round;
    const asked = { words: words.value, state: state.input.value, source: source.input.value, language: language.input.value, after: next ? after : "" };
    const found = await attempt(() => call("GET", `${API}/passages`, asked));
    if (!found || mine !== round) return;
    after = found.after;
    more.hidden = after === null;
    const cards = found.passages.map((passage) => passageCard(passage, changed));
    if (next) list.append(...cards);
    else fill(list, cards.length ? cards : el("p.empty", {}, after === null ? "Nothing found. Try fewer words or another filter." : "Nothing on this part of the list; show more."));
  }
  for (const input of [state.input, source.input, language.input]) input.addEventListener("change", () => load());
  words.addEventListener("input", debounce(() => load(), 250));
  pane.addEventListener("shown", () => changed());
  const add = el("button.primary", { type: "button", onclick: async () => { if (await answerDialog({})) changed(); } }, "Write an answer");
  fill(pane, el("div.row.between", {}, summary, add),
    el("div.filters", {}, el("label.wide", {}, "Search", words), state.node, source.node, language.node), list, el("div.row.centre", {}, more));
  async function count() {
    const facts = await attempt(() => call("GET", `${API}/facts`));
    if (!facts) return;
    const total = facts.kinds.reduce((sum, kind) => sum + kind.passages, 0);
    summary.textContent = `${total.toLocaleString()} answers in use, ${facts.retired.toLocaleString()} retired`;
    offer(source.input, facts.kinds.map((kind) => kind.source), (name) => SOURCES[name] ?? name);
    offer(language.input, facts.kinds.map((kind) => kind.language), (name) => name);
  }
  const changed = () => { load(); count(); };
  load();
  count();
}

// Adds what is not offered yet, so that a choice made stays.
function offer(input, names, title) {
  const known = new Set([...input.options].map((option) => option.value));
  for (const name of new Set(names)) if (!known.has(name)) input.append(el("option", { value: name }, title(name)));
}

function passageCard(passage, changed) {
  const retired = passage.retired_at && new Date(passage.retired_at) <= new Date();
  const facts = [
    passage.author ? `${SOURCES.correction}: ${passage.author}` : SOURCES[passage.source] ?? passage.source,
    passage.language,
    passage.seen ? `said ${moment(passage.seen)}` : null,
    passage.used ? `used ${passage.used} ${passage.used === 1 ? "time" : "times"}, last ${moment(passage.last_used)}` : "not used yet",
  ];
  const chip = !passage.retired_at ? null : retired
    ? el("span.chip.bad", {}, passage.replaced_by ? `replaced by ${passage.retired_by}` : `retired by ${passage.retired_by}`)
    : el("span.chip.wait", {}, `until ${moment(passage.retired_at)}`);
  const actions = el("div.row", {},
    retired ? null : el("button", { type: "button", onclick: async () => { if (await answerDialog({ passage })) changed(); } }, "Edit"),
    passage.retired_at
      ? passage.replaced_by ? null : el("button", { type: "button", onclick: () => change(passage, "lift", {}, "In use again.", changed) }, retired ? "Use again" : "Keep")
      : el("button", { type: "button", onclick: async () => { if (await retireDialog(passage)) changed(); } }, "Retire"));
  return el("article.card.passage", {},
    el("p.said.question", { dir: "auto" }, passage.question),
    el("p.said", { dir: "auto" }, passage.answer),
    el("div.row.between", {}, el("p.small.muted", {}, facts.filter(Boolean).join(" · "), " · ", el("span.mono", {}, passage.conversation)), el("div.row", {}, chip, actions)));
}

async function change(passage, what, data, done, changed) {
  const answer = await attempt(() => call("POST", `${API}/passages/${encodeURIComponent(passage.id)}/${what}`, data));
  if (answer) { tell(done); changed(); }
}

// --- dialogs ----------------------------------------------------------------------------------------------

function answerDialog({ passage = null }) {
  const draft = keeper(`answer:${passage?.id ?? "new"}`);
  const kept = draft.read();
  const question = el("textarea", { rows: 2, maxlength: 8000, required: true, value: kept.question ?? passage?.question ?? "" });
  const answer = el("textarea", { rows: 7, maxlength: 8000, required: true, value: kept.answer ?? passage?.answer ?? "" });
  for (const field of [question, answer]) field.addEventListener("input", () => draft.write({ ...(question.value === passage?.question ? {} : { question: question.value }), answer: answer.value }));
  const ours = oursBox();
  return dialog(passage ? "Edit this answer" : "Write an answer", [
    el("label", {}, "Question", question), el("label", {}, "Answer, word for word as customers get it", answer),
    el("p.small.muted", {}, passage ? "The old answer is no longer used; this one takes its place, also where the same words stand under other questions. You can take this back under “Answers by the team”." : "It is given to everybody who asks this, from now on."),
    ours.node,
  ], "Save", async () => {
    const path = passage ? `/passages/${encodeURIComponent(passage.id)}/edit` : "/passages";
    const made = await call("POST", API + path, { question: question.value, answer: answer.value, ...ours.sent() }).catch((error) => { ours.refused(error); throw error; });
    draft.clear();
    tell(made.masked ? "Saved; personal data was taken out of the question." : "Saved. The next customer gets it.");
  });
}

function retireDialog(passage) {
  const at = el("input", { type: "datetime-local" });
  return dialog("Retire this answer", [
    el("p.said.quoted", { dir: "auto" }, passage.answer),
    el("label", {}, "From (empty: now)", at),
    el("p.small.muted", {}, "It is no longer given, nor are near-duplicates that it stands for. It stays listed under “retired”."),
  ], "Retire", async () => {
    await call("POST", `${API}/passages/${encodeURIComponent(passage.id)}/retire`, { at: at.value ? new Date(at.value).toISOString() : null });
    tell(at.value ? `It is used until ${moment(new Date(at.value).toISOString())}.` : "Retired.");
  });
}

// Resolves to true once `save` has gone through; what it refuses is shown in the dialog, and nothing typed is lost.
function dialog(title, parts, verb, save) {
  return new Promise((resolve) => {
    let done = false;
    const problem = el("p.problem", { hidden: true, role: "alert" });
    const submit = el("button.primary", { type: "submit" }, verb);
    const form = el("form.stack", {}, el("h2", {}, title), parts, problem,
      el("div.row.end", {}, el("button", { type: "button", onclick: () => box.close() }, "Cancel"), submit));
    const box = el("dialog", { "aria-label": title }, form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.hidden = true;
      try {
        await save();
        done = true;
        box.close();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        problem.textContent = error.message;
        problem.hidden = false;
      } finally {
        submit.disabled = false;
      }
    });
    box.addEventListener("close", () => { box.remove(); resolve(done); });
    document.body.append(box);
    box.showModal();
  });
}

function select(title, options) {
  const input = el("select", {}, options.map(([value, text]) => el("option", { value }, text)));
  return { input, node: el("label", {}, title, input) };
}

// --- answers by the team ----------------------------------------------------------------------------------

const KINDS = { correction: "Correction", edit: "Edit", gap: "New answer" };

function startTeam(pane) {
  const list = el("div.stack");
  const more = el("button", { type: "button", hidden: true, onclick: () => load(true) }, "Show more");
  let before = null;
  async function load(next = false) {
    const found = await attempt(() => call("GET", `${API}/corrections`, { before: next ? before : "" }));
    if (!found) return;
    before = found.corrections.at(-1)?.id ?? null;
    more.hidden = found.corrections.length < 50;
    const cards = found.corrections.map((one) => teamCard(one, () => load()));
    if (next) list.append(...cards);
    else fill(list, cards.length ? cards : el("p.empty", {}, "Nobody has corrected or written an answer yet."));
  }
  fill(pane, el("p.muted", {}, "Every answer that one of us wrote, with what it replaced. Taking one back gives the earlier answer back."), list, el("div.row.centre", {}, more));
  pane.addEventListener("shown", () => load());
  load();
}

function teamCard(one, changed) {
  const replaced = one.replaced.length ? ` · replaces ${one.replaced.length} ${one.replaced.length === 1 ? "answer" : "answers"}` : "";
  const undo = el("button", { type: "button", onclick: async () => { if (await undoCorrection(one)) changed(); } }, "Undo");
  return el("article.card.passage", { class: one.undone_at ? "card passage undone" : "card passage" },
    el("p.said.question", { dir: "auto" }, one.question), el("p.said", { dir: "auto" }, one.answer),
    el("div.row.between", {}, el("p.small.muted", {}, `${KINDS[one.kind]} by ${one.agent}, ${moment(one.created_at)} · ${one.language}${replaced}`),
      one.undone_at ? el("span.chip", {}, `taken back by ${one.undone_by}`) : undo));
}

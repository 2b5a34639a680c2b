// Draws a conversation as the team sees it: who spoke, internal notes, and for each bot reply why it was said.
// What anybody wrote is set as text in `.said` nodes, never as markup.
import { beside } from "./begun.js";
import { el, moment } from "./dom.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "transcript.css");

const WHO = { customer: "Customer", agent: "Agent", bot: "Assistant", note: "Internal note", system: "" };
export const MODES = { precedent: "Past answer, word for word", adapted: "Past answer, reworded", generated: "Written from past answers", fixed: "Fixed sentence" };
export const REASONS = {
  precedent: "a past answer fits", near: "past answers are close", nothing_fits: "nothing fits", not_sure: "not sure enough",
  only_personal: "only personal answers fit", unclear: "unclear question", attack: "attempt to misuse", customer_asked: "asked for a person", person_topic: "topic for a person",
  repeated: "the assistant failed repeatedly", no_knowledge: "no knowledge in this language", greeting: "greeting", thanks: "thanks", goodbye: "goodbye",
  acknowledge: "acknowledgement", are_you_a_bot: "asked whether it is a bot", transferred: "transferred by a colleague", agent_left: "the agent had left", customer_ended: "ended by the customer",
};
export const reasonOf = (code) => REASONS[code] ?? String(code ?? "").replaceAll("_", " ");
export const percent = (share) => `${Math.round(share * 100)} %`;

// messages: as `staff_message` makes them. Rows that stand already are kept, so open details and the focus stay.
// corrections: by seq, what people put in a reply's place. onCorrect(message): called by "Correct this answer" and "Write the
// answer" below a bot's reply, onUndo(correction) below what was put there; without them there are no such buttons.
// conversation: its id, where the reader's own begun corrections are shown beside those of colleagues. extra(message): further
// nodes below a message, or null.
export function drawMessages(list, messages, { conversation = null, corrections = {}, onCorrect = null, onUndo = null, extra = null } = {}) {
  list.classList.add("transcript");
  const known = new Map([...list.children].map((row) => [row.dataset.seq, row]));
  const rows = messages.map((message) => {
    const correction = corrections[message.seq] ?? null;
    const content = JSON.stringify([message, correction]);
    const old = known.get(String(message.seq));
    if (old && old.content === content) return old;
    const row = drawMessage(message, { conversation, correction, onCorrect, onUndo, extra });
    row.content = content;
    row.dataset.seq = message.seq;
    const open = old?.querySelector("details")?.open;
    if (open) row.querySelector("details")?.setAttribute("open", "");
    return row;
  });
  const same = rows.length === list.children.length && rows.every((row, place) => row === list.children[place]);
  if (!same) list.replaceChildren(...rows);
}

function drawMessage(message, { conversation, correction, onCorrect, onUndo, extra }) {
  const { role, text, author, time, thumb, reply } = message;
  if (role === "system") return el("li.line.system", {}, el("span", {}, "Shown to the customer: "), el("span.said", { dir: "auto" }, text), el("time", { datetime: time }, moment(time)));
  const head = el("p.speaker", {},
    el("strong", {}, role === "agent" && author ? author : WHO[role]),
    role === "note" && author ? el("span", {}, author) : null,
    el("time", { datetime: time }, moment(time)),
    thumb ? el(`span.chip.${thumb > 0 ? "good" : "bad"}`, {}, thumb > 0 ? "helpful" : "not helpful") : null);
  const below = [reply ? why(message, correction ? null : onCorrect) : null, correction ? corrected(correction, reply, onUndo) : null, correction && conversation ? beside({ conversation, seq: message.seq }, correction) : null, extra ? extra(message) : null];
  const offered = reply?.offered.length ? el("ul.offered", { "aria-label": "Offered to choose from" }, reply.offered.map((choice) => el("li.said", { dir: "auto" }, choice))) : null;
  return el(`li.line.${role}${correction ? ".replaced" : ""}`, {}, head, el("div.said", { dir: "auto" }, text), offered, below);
}

function why(message, onCorrect) {
  const { reply } = message;
  const judged = reply.mode !== "fixed";
  const facts = [judged ? MODES[reply.mode] : null, judged || reply.agreement !== null ? `confidence ${percent(reply.confidence)}` : null, reasonOf(reply.reason), reply.partial ? "stopped half-way" : null];
  const summary = el("summary", {}, facts.filter(Boolean).join(" · "), reply.sources.length ? ` · ${plural(reply.sources.length, "source")}` : "");
  const label = judged ? "Correct this answer" : lacksAnswer(reply) ? "Write the answer" : null;
  const correct = onCorrect && label ? el("button.quiet.correct", { type: "button", onclick: () => onCorrect(message) }, label) : null;
  return el("div.why", {}, el("details", {}, summary, sources(reply.sources), made(reply)), correct);
}

// Where the assistant looked for an answer and had none: a person may know it. What was asked of a person alone stays with people.
const lacksAnswer = (reply) => ["hand_over", "ask_back"].includes(reply.action) && !["attack", "customer_asked", "person_topic"].includes(reply.reason);

function corrected(correction, reply, onUndo) {
  const what = reply.mode === "fixed" ? "Answer written" : "Corrected";
  return el("div.corrected", { role: "group", "aria-label": `${what} by ${correction.agent}` },
    el("p.small", {}, el("strong", {}, `${what} by ${correction.agent}`), el("time.muted", { datetime: correction.created_at }, moment(correction.created_at))),
    el("p.said", { dir: "auto" }, correction.answer),
    onUndo ? el("button.quiet.small", { type: "button", onclick: () => onUndo(correction) }, "Undo") : null);
}

function sources(list) {
  if (!list.length) return null;
  return el("ol.sources", {}, list.map((source) => el("li", {},
    el("p.small.muted", {}, `${source.kind === "faq" ? "Help centre" : source.kind === "correction" ? "Correction" : "Past chat"} · score ${source.score.toFixed(2)} · `,
      el("span.mono", {}, `${source.conversation_id} / ${source.turn_id}`)),
    el("p.said.asked", { dir: "auto" }, source.question),
    el("p.said", { dir: "auto" }, source.answer))));
}

function made(reply) {
  const rows = [["Searched for", reply.query], ["Agreement of sources", reply.agreement === null ? null : percent(reply.agreement)],
    ["Checks", reply.checks.join(", ")], ["Did not work", reply.degraded.join(", ")],
    ["Versions", Object.entries(reply.versions).map(([part, version]) => `${part} ${version}`).join(", ")]];
  const shown = rows.filter(([, value]) => value);
  return shown.length ? el("dl.made", {}, shown.map(([name, value]) => [el("dt", {}, name), el("dd.said", {}, value)]).flat()) : null;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// The data page: find a person, see what is kept, hand it over, erase it; receipts, retention, exports.

import { el, fill, moment } from "./dom.js";
import { field, form } from "./form.js";
import { attempt, call, tell } from "./http.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "data.css");

const TABLES = {
  conversations: "Conversations", messages: "Messages", "message_search entries": "Search entries", replies: "The assistant's replies",
  reply_sources: "Sources of replies", feedback: "Thumbs with comments", verdicts: "Verdicts of the team", handovers: "Hand-overs", conversation_tags: "Tags",
  corrections: "Answers written because of it", regression_cases: "Regression cases", edit_pairs: "Edit pairs", confidence_labels: "Confidence labels",
  transcripts: "Past conversations", transcript_turns: "Turns of past conversations", passages: "Passages", "transcript_search entries": "Search entries of past conversations",
  "quotes elsewhere": "Quotes in other conversations",
};
const FORMATS = [["jsonl", "JSON Lines", "holds most; can be imported again"], ["csv", "CSV", "one row a message; safe in spreadsheets"], ["parquet", "Parquet", "one row a message; for analysis"]];

export async function start(root) {
  const results = el("div.stack", { "aria-live": "polite" });
  const person = el("section.card", { hidden: true, tabindex: "-1", "aria-label": "What is kept" });
  const receipts = el("div.stack");
  const open = (one) => showPerson(person, one, () => { results.replaceChildren(); drawReceipts(receipts); });
  const find = form(field("Owner, conversation id, e-mail address left, or words", { name: "text", required: true, maxlength: 300, autocomplete: "off" }), "Find", async ({ text }) => {
    person.hidden = true;
    const { found } = await call("GET", "/admin/api/data/search", { text });
    fill(results, found.length ? found.map((one) => candidate(one, open)) : el("p.muted", {}, "Nothing that is kept has this."));
  });
  const keep = el("section.card.stack");
  fill(root, el("div.sheet", {},
    el("div", {}, el("h1", {}, "Data"), el("p.muted", {}, "What is kept about one person: to look at, to hand over, to erase.")),
    el("section.card", {}, el("h2", {}, "Find a person"), find, results), person,
    el("div.grid2", {}, keep, exports()),
    el("section.card", {}, el("h2", {}, "Receipts"), el("p.muted.small", {}, "A receipt holds no personal data: its subject is a keyed hash."), receipts)));
  await Promise.all([drawRetention(keep), drawReceipts(receipts)]);
}

const ORIGINS = { faq: "Help centre", correction: "Answer of the team", own: "Imported" };

function candidate(one, open) {
  const past = !one.owner;
  const label = past ? ORIGINS[one.source] ?? `Imported from ${one.source}` : `${one.of_owner} ${one.of_owner === 1 ? "conversation" : "conversations"} of this owner`;
  const choose = (by, value, source = "") => () => open({ by, value, source });
  return el("article.found", {},
    el("div.stack", {},
      el("div.row", {}, el("span.chip", {}, `found by ${past ? "words" : one.why}`), el("span.muted.small", {}, label), el("span.muted.small", {}, moment(one.updated_at))),
      one.text && el("p.said", {}, one.text), el("p.mono.muted", {}, one.conversation)),
    el("div.row", {},
      !past && el("button", { type: "button", onclick: choose("owner", one.owner) }, "All of this person"),
      !past && el("button.quiet", { type: "button", onclick: choose("conversation", one.conversation) }, "This conversation only"),
      past && el("button", { type: "button", onclick: choose("transcript", one.conversation, one.source) }, "This conversation")));
}

async function showPerson(card, one, erased) {
  const kept = await attempt(() => call("POST", "/admin/api/data/kept", one));
  if (!kept) return;
  const notes = el("input", { type: "checkbox" });
  const whose = one.by === "owner" ? "Everything of this person" : "This conversation";
  card.hidden = false;
  fill(card,
    el("div", {}, el("h2", {}, whose), el("p.mono.muted", {}, one.value)), numbers(kept),
    el("div.row", {},
      el("button", { type: "button", onclick: () => handOver({ ...one, notes: notes.checked }) }, "Download as JSON"),
      el("label.row.inline", {}, notes, "with the team's internal notes")),
    el("hr"), el("h3", {}, "Erase for good"),
    el("p.small", {}, "From the database, the search, every version of the index, the training examples, and uploads that were not imported yet. A backup that is restored later erases it again. This cannot be undone."),
    form(field("Type ERASE", { name: "confirm", required: true, autocomplete: "off", maxlength: 20, "data-missing": "Nothing was erased: type ERASE first." }), "Erase", async ({ confirm }) => {
      const receipt = await call("POST", "/admin/api/data/erase", { ...one, confirm });
      fill(card, el("h2", {}, "Erased"), el("p", {}, "Receipt ", el("span.mono", {}, receipt.id)), numbers(receipt), advice(receipt));
      card.focus();
      erased();
    }, "danger"));
  card.focus();
  card.scrollIntoView({ block: "start" });
}

function numbers({ rows, outside = {}, models }) {
  const { index = {}, examples = {}, uploads = {} } = outside;
  const order = Object.keys(TABLES);
  const known = Object.entries(rows).sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  const lines = known.map(([table, number]) => [TABLES[table] ?? table, number]);
  if (index.passages) lines.push(["Passages with their vectors in the index", index.passages], ["Index versions that held them", index.versions.length]);
  if (examples.removed) lines.push(["Training examples", examples.removed], ["Files with such examples", examples.files.length]);
  if (uploads.removed) lines.push(["Uploaded exports that were not imported yet", uploads.removed]);
  if (models?.length) lines.push(["Models trained on it", models.join(", ")]);
  return el("dl.numbers", {}, lines.map(([name, number]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(number)))));
}

function advice({ outside = {}, models = [], settled }) {
  const { index = {}, examples = {}, uploads = {}, not_ours: strange = [] } = outside;
  return el("ul.stack.small", {},
    index.rebuild && el("li", {}, "Some answers also stood for other conversations: re-index to answer from those again."),
    examples.unreadable?.length > 0 && el("li", {}, `Could not be looked through, so look yourself: ${examples.unreadable.join(", ")}.`),
    uploads.in_use > 0 && el("li", {}, "An uploaded export is being looked at or imported at this moment; the file is deleted when that ends. If it holds this person, erase again after an import."),
    strange.length > 0 && el("li", {}, `In the data folder, but not ours, so not looked through: ${strange.join(", ")}.`),
    models.length > 0 && el("li", {}, `Trained on these conversations: ${models.join(", ")}. Train again without them.`),
    settled === false && el("li", {}, "The free space of the database is cleaned by the daily tidying."),
    el("li.muted", {}, "What running programs hold in memory goes within seconds; the model server keeps its prompts in memory only."));
}

async function handOver(body) {
  const found = await attempt(() => call("POST", "/admin/api/data/person", body));
  if (!found) return;
  const link = el("a", { href: URL.createObjectURL(new Blob([JSON.stringify(found, null, 2)], { type: "application/json" })), download: "person.json" });
  link.click();
  URL.revokeObjectURL(link.href);
  tell("Downloaded. The file holds personal data: keep it safe, and delete it when it was handed over.");
}

async function drawRetention(card) {
  const told = await attempt(() => call("GET", "/admin/api/data/retention"));
  if (!told) return;
  const rows = told.due.map((one) => el("tr", {}, el("td", {}, one.status), el("td.number", {}, `${one.days} ${one.days === 1 ? "day" : "days"}`), el("td.number", {}, String(one.conversations)), el("td", {}, one.oldest ? moment(one.oldest) : "")));
  fill(card, el("h2", {}, "Retention"),
    rows.length
      ? [el("div.scroll", {}, el("table", {}, el("thead", {}, el("tr", {}, [["Status"], ["Kept for", "number"], ["Due now", "number"], ["Oldest"]].map(([name, kind]) => el("th", { class: kind }, name)))), el("tbody", {}, rows))),
        el("p.muted.small", {}, "The server erases what is due once a day. Conversations with people, or waiting for one, are never touched.")]
      : el("p", {}, "Nothing is erased by age."),
    el("p.muted.small", {}, "Set by ", el("span.mono", {}, "retention_days"), " in the settings."));
}

function exports() {
  const what = el("select", {}, [["all", "All conversations"], ["live", "Live chats"], ["imported", "Imported conversations"]].map(([value, text]) => el("option", { value }, text)));
  const go = (format) => { location.href = `/admin/api/data/export?${new URLSearchParams({ format, what: what.value })}`; };
  return el("section.card", {}, el("h2", {}, "Export"), el("label", {}, "What", what),
    el("div.stack", {}, FORMATS.map(([format, name, why]) => el("div.row.between.format", {}, el("span.small.muted", {}, why), el("button", { type: "button", onclick: () => go(format) }, name)))),
    el("p.muted.small", {}, "To export a part, filter under ", el("a", { href: "/agents/transcripts" }, "Transcripts"), " and export what was found."),
    el("p.muted.small", {}, "Exports hold personal data and stand in the audit log."));
}

async function drawReceipts(list, before = null) {
  const page = await attempt(() => call("GET", "/admin/api/data/receipts", { before }));
  if (!page) return;
  if (before === null) list.replaceChildren();
  list.querySelector("button.older")?.remove();
  list.append(...page.receipts.map(receipt));
  if (page.more) list.append(el("button.older", { type: "button", onclick: () => drawReceipts(list, page.receipts.at(-1).id) }, "Older receipts"));
  if (!list.childElementCount) list.append(el("p.empty", {}, "Nothing has been erased yet."));
}

function receipt(one) {
  const { counts } = one;
  return el("details.receipt", {},
    el("summary.row", {}, el("span.mono", {}, one.receipt), el("span.chip", {}, one.reason === "self" ? "by the customer" : one.reason), counts.replayed && el("span.chip.wait", {}, "again, after a restored backup"),
      el("span.muted.small", {}, `${moment(one.at)} · ${counts.conversations ?? 0} ${counts.conversations === 1 ? "conversation" : "conversations"}`)),
    numbers({ rows: counts.rows ?? {}, outside: counts.outside, models: counts.models }), advice({ ...counts }));
}

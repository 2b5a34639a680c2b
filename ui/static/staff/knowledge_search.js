// A search that shows its workings: where each list, the fusion and the choice put a passage, and what would be decided.
import { el, fill } from "./dom.js";
import { attempt, call } from "./http.js";

const API = "/admin/api/knowledge";
const LISTS = [["window", "Meaning: conversation"], ["question", "Meaning: question"], ["reply", "Meaning: answer"], ["window_words", "Words: conversation"], ["question_words", "Words: question"]];
const DECISIONS = { answer: "Answers", ask_back: "Asks back", hand_over: "Offers a person", small_talk: "Small talk" };
const percent = (share) => `${Math.round(share * 100)} %`;

export function startSearch(pane) {
  const query = el("input", { type: "search", maxlength: 2000, required: true, placeholder: "What a customer might write" });
  const go = el("button.primary", { type: "submit" }, "Search");
  const place = el("div.stack");
  const form = el("form.row.searchline", {}, el("label.wide", {}, "Question", query), go);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    const found = await attempt(() => call("GET", `${API}/search`, { query: query.value }));
    go.disabled = false;
    if (found) fill(place, decided(found), found.hits.length ? table(found) : el("p.empty", {}, "Nothing found in this language."));
  });
  fill(pane, form, place);
}

function decided(found) {
  const facts = [`${percent(found.confidence)} sure`, found.reason.replaceAll("_", " "), `language ${found.language}`, `index ${found.index_version ?? "none"}`, ...found.degraded];
  return el("div.card", {}, el("div.row", {}, el("strong", {}, DECISIONS[found.decision] ?? found.decision), el("span.muted.small", {}, facts.join(" · "))),
    el("p.said", { dir: "auto" }, found.answer), el("p.small.muted", {}, "Searched for: ", el("span.said", {}, found.query)));
}

function table(found) {
  const head = el("tr", {}, el("th", {}, "Passage"), LISTS.map(([, title]) => el("th.number", { title }, title.replace(": ", ":\u200b "))), el("th.number", {}, "Cosine"), el("th.number", {}, "BM25"), el("th.number", {}, "Fused"), el("th.number", {}, "Chosen as"));
  const rows = [...found.hits].sort((one, other) => (one.final_rank ?? 999) - (other.final_rank ?? 999)).map(row);
  return el("div.card.scroll", {}, el("table.ranks", {}, el("thead", {}, head), el("tbody", {}, rows)));
}

function row(hit) {
  const number = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
  return el("tr", { class: hit.chosen ? "chosen" : null },
    el("td", {}, el("p.said.question", { dir: "auto" }, hit.question), el("p.said.small", { dir: "auto" }, hit.answer)),
    LISTS.map(([name, title]) => el("td.number", { "data-name": title }, hit.ranks[name] ?? "–")),
    el("td.number", { "data-name": "Cosine" }, number(hit.dense, 2)), el("td.number", { "data-name": "BM25" }, number(hit.lexical, 1)),
    el("td.number", { "data-name": "Fused" }, `${hit.fused_rank} (${number(hit.fused, 2)})`),
    el("td.number", { "data-name": "Chosen as" }, hit.final_rank ? `${hit.final_rank} (${number(hit.score, 1)})` : "not usable"));
}

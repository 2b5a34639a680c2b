// Two versions side by side: one question, two answers, a vote; blind unless the box is cleared.
import { el, fill } from "./dom.js";
import { attempt, call, tell } from "./http.js";
import { API } from "./models_versions.js";

const NAMES = { precedent: "Past answer, word for word", base: "Base model" };
const named = (name) => NAMES[name] ?? name;
const VOTES = [["left", "Left is better"], ["both", "Both are good"], ["neither", "Neither"], ["right", "Right is better"]];

export function startContest(pane) {
  const question = el("textarea", { rows: 2, maxlength: 2000, required: true, placeholder: "A customer's question" });
  let suggestion = { words: "", example: null };
  const first = el("select"), second = el("select");
  const blind = el("input", { type: "checkbox", checked: true });
  const language = el("select", { "aria-label": "Language of the suggested question" }, ["en", "de", "es", "fr", "zh"].map((code) => el("option", { value: code }, code)));
  const result = el("div.stack", { "aria-live": "polite" });
  const table = el("section.card");
  const go = el("button.primary", { type: "submit" }, "Ask both");
  const suggest = el("button", { type: "button", onclick: async () => {
    const found = await attempt(() => call("GET", `${API}/contest/question`, { language: language.value }));
    if (found?.question) {
      question.value = found.question;
      suggestion = { words: question.value, example: found.example };
    } else if (found) tell("There is no question in this language to suggest.", "bad");
  } }, "Suggest one");
  const ask = el("form.card", { onsubmit: (event) => { event.preventDefault(); answers(); } },
    el("div.grid2", {}, el("label", {}, "One", first), el("label", {}, "Other", second)), el("label", {}, "Question", question),
    el("div.row.between", {}, el("label.check", {}, blind, "Blind: names after the vote"), el("div.row", {}, language, suggest, go)),
    el("p.small.muted", {}, "Each model runs in a server of its own, beside the one that serves customers, and stops ten minutes after the last question. The first answer waits for its start."));
  fill(pane, ask, result, table);

  async function load() {
    const found = await attempt(() => call("GET", `${API}/contest`));
    if (!found) return;
    for (const [select, at] of [[first, 0], [second, 1]]) {
      const kept = select.value || found.contenders[at];
      fill(select, found.contenders.map((name) => el("option", { value: name, selected: name === kept }, named(name))));
    }
    go.disabled = found.contenders.length < 2;
    drawStandings(table, found.standings);
  }
  async function answers() {
    go.disabled = true;
    fill(result, el("p.muted", {}, "Both are answering…"), el("progress", { "aria-label": "Waiting for both answers" }));
    const suggested = question.value === suggestion.words ? suggestion.example : null;
    const told = await attempt(() => call("POST", `${API}/contest/answers`, { pair: [first.value, second.value], question: question.value, suggested, blind: blind.checked }));
    go.disabled = false;
    if (told) drawPair(result, told, load);
    else fill(result);
  }
  pane.addEventListener("shown", load);
  load();
}

function drawPair(result, told, voted) {
  const left = side("Left", told.left, told.sides?.[0]), right = side("Right", told.right, told.sides?.[1]);
  const votes = el("div.votes", { role: "group", "aria-label": "Your vote" }, VOTES.map(([better, title]) => el("button", { type: "button", onclick: () => vote(better) }, title)));
  fill(result, el("div.sides", {}, left, right), told.ticket ? votes : el("p.muted", {}, "Both say the same, so there is nothing to vote on."));
  async function vote(better) {
    const done = await attempt(() => call("POST", `${API}/contest/votes`, { ticket: told.ticket, better }));
    if (!done) return;
    const drawn = [side("Left", told.left, done.sides[0]), side("Right", told.right, done.sides[1])];
    if (better === "left" || better === "right") drawn[better === "left" ? 0 : 1].classList.add("better");
    const undo = el("button.quiet", { type: "button", onclick: async () => {
      if (await attempt(() => call("DELETE", `${API}/contest/votes/${done.vote}`))) { tell("The vote is taken back."); fill(result); voted(); }
    } }, "Take the vote back");
    fill(result, el("div.sides", {}, drawn), el("div.row.centre", {}, el("span.muted", {}, "Your vote is kept."), undo));
    voted();
  }
}

function side(title, text, known) {
  const how = known ? [known.action === "answer" ? known.mode : known.action.replace("_", " "), `sure ${known.confidence.toFixed(2)}`, `${known.ms} ms`, ...known.degraded].join(" · ") : "";
  return el("section.card.side", { "aria-label": title }, el("h3", {}, known ? named(known.name) : title), el("div.said", { dir: "auto" }, text), known ? el("p.small.muted", {}, how) : null);
}

function drawStandings(card, standings) {
  const row = (one) => {
    const bar = el("span");
    bar.style.left = `${100 * one.share[0]}%`;
    bar.style.width = `${Math.max(2, 100 * (one.share[1] - one.share[0]))}%`;
    const decided = one.for_first + one.for_second;
    return el("tr", {}, el("td", {}, named(one.first)), el("td.number", {}, one.for_first), el("td.number", {}, one.for_second), el("td", {}, named(one.second)),
      el("td.number", {}, one.both), el("td.number", {}, one.neither),
      el("td.small.nowrap", {}, decided ? [el("span.share", { "aria-hidden": "true" }, bar), ` ${Math.round(100 * one.share[0])}–${Math.round(100 * one.share[1])} % of ${decided}`] : "no decision yet"));
  };
  const heads = ["One", "votes", "votes", "Other", "both", "neither", "share of “One”, 95 %"];
  fill(card, el("h2", {}, "Votes so far"), standings.length ? el("div.scroll", {}, el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, standings.map(row))))
    : el("p.muted", {}, "None yet."));
}

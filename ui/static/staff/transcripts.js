// The archive: a search box and filters over all conversations, and one transcript with why each reply was said.
// The address holds what is searched for, so that a search can be reloaded, gone back to, and sent to a colleague.
import { openCorrection, undoCorrection } from "./correct.js";
import { debounce, el, fill, moment } from "./dom.js";
import { followErased } from "./erased.js";
import { attempt, call } from "./http.js";
import { sheet } from "./sheet.js";
import { drawMessages, MODES, reasonOf, REASONS } from "./transcript.js";
import { verdictRow } from "./verdicts.js";

sheet(import.meta.url, "transcripts.css");

const API = "/agents/api/transcripts";
const STATUS = { bot: "with the assistant", waiting: "waiting", human: "with an agent", closed: "closed" };
const CHIP = { waiting: ".wait", human: ".human", bot: "", closed: "" };
const OUTCOMES = { bot: "Assistant alone", handed_over: "Handed over", human: "Taken by an agent", closed_by_human: "Closed by an agent", missed: "Nobody came" };
const RATINGS = { 5: "5 stars", 4: "4 stars", 3: "3 stars", 2: "2 stars", 1: "1 star", 0: "Not rated" };
const THUMBS = { "-1": "A thumb down", 1: "A thumb up" };
const ROLES = { customer: "Customer", agent: "Agent", bot: "Assistant", note: "Internal note", system: "" };
const AUTOMATIC_ROUNDS = 8;
const FILES = { jsonl: "JSON Lines", csv: "CSV", parquet: "Parquet" };

export function start(root, config) {
  if (config.conversation) showTranscript(root, config.conversation);
  else new Search(root, config.user.role === "admin").begin();
}

class Search {
  constructor(root, mayExport) {
    this.root = root;
    this.mayExport = mayExport;
    this.asked = Object.fromEntries(new URLSearchParams(location.search));
    this.next = null;
    this.round = 0;
  }

  async begin() {
    this.box = el("input", { type: "search", value: this.asked.q ?? "", maxlength: 400, placeholder: "Words, or \"an exact phrase\"", "aria-label": "Search in all conversations", oninput: debounce(() => this.set({ q: this.box.value.trim() })) });
    this.chosen = el("div.chosen", {});
    this.filters = el("div.filters", {});
    this.results = el("ul.results", { "aria-label": "Conversations found" });
    this.more = el("button", { type: "button", hidden: true, onclick: () => this.load(true) }, "Show more");
    this.note = el("p.muted.small", { role: "status" });
    this.empty = el("p.empty", { hidden: true });
    this.files = el("div.row.files.small.muted", { hidden: true, role: "group", "aria-label": "Export what was found" });
    const open = Object.keys(this.asked).some((name) => name !== "q");
    fill(this.root, el("div.sheet", {},
      el("h1", {}, "Transcripts"),
      el("section.card", {},
        el("form.search", { role: "search", onsubmit: (event) => { event.preventDefault(); this.set({ q: this.box.value.trim() }); } }, this.box),
        el("details.more", { open }, el("summary", {}, "Filters"), this.filters), this.chosen),
      el("div.row.between", {}, this.note, this.files), this.results, this.empty, el("div.row", {}, this.more)));
    this.box.focus();
    const shown = () => [...this.results.children];
    followErased(() => shown().map((row) => row.dataset.id), (gone) => shown().filter((row) => gone.has(row.dataset.id)).forEach((row) => row.remove()));
    const loading = this.load(false);
    this.choices = (await attempt(() => call("GET", `${API}/choices`))) ?? { tags: [], agents: [], languages: [] };
    this.drawFilters();
    await loading;
  }

  set(what) {
    const before = JSON.stringify(this.asked);
    Object.assign(this.asked, what);
    for (const [name, value] of Object.entries(this.asked)) if (value === "" || value === null) delete this.asked[name];
    if (JSON.stringify(this.asked) === before) return;
    const query = new URLSearchParams(this.asked);
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    this.drawFilters();
    this.load(false);
  }

  drawFilters() {
    if (!this.choices) return;
    const { tags, agents, languages } = this.choices;
    const agentNames = Object.fromEntries(agents.map(({ id, name }) => [id, name]));
    const all = {
      status: ["Status", STATUS], outcome: ["Outcome", OUTCOMES], language: ["Language", Object.fromEntries(languages.map((code) => [code, languageName(code)]))],
      rating: ["Rating", RATINGS], thumb: ["Feedback", THUMBS], tag: ["Tag", Object.fromEntries(tags.map((tag) => [tag, tag]))],
      agent: ["Agent", agentNames], mode: ["Reply mode", MODES], reason: ["Why it replied so", REASONS],
    };
    this.names = all;
    const dates = [["since", "From"], ["until", "To"]].map(([name, title]) =>
      el("label", {}, title, el("input", { type: "date", value: dayOf(this.asked[name], name), onchange: (event) => this.set({ [name]: instantOf(event.target.value, name) }) })));
    fill(this.filters, dates, Object.entries(all).map(([name, [title, options]]) =>
      el("label", {}, title, el("select", { onchange: (event) => this.set({ [name]: event.target.value }) },
        el("option", { value: "" }, "Any"),
        sorted(options, name).map(([value, text]) => el("option", { value, selected: value === String(this.asked[name] ?? "") }, text))))));
    const active = Object.entries(this.asked).filter(([name]) => name !== "q");
    fill(this.chosen, active.map(([name, value]) =>
      el("button", { type: "button", "aria-label": `Remove the filter ${this.titleOf(name)}`, onclick: () => this.set({ [name]: "" }) }, `${this.titleOf(name)}: ${this.valueOf(name, value)} ×`)),
      active.length > 1 && el("button", { type: "button", onclick: () => this.set(Object.fromEntries(active.map(([name]) => [name, ""]))) }, "Clear all"));
  }

  titleOf(name) { return { since: "From", until: "To" }[name] ?? this.names[name]?.[0] ?? name; }
  valueOf(name, value) { return this.names[name]?.[1][value] ?? (name === "since" || name === "until" ? dayOf(value, name) : value); }

  // A page that is not full because little matches is followed by the next, a few times by itself and then by the button.
  async load(more) {
    const round = more ? this.round : ++this.round;
    this.more.disabled = true;
    if (!more) this.note.textContent = "Searching…";
    for (let tries = 1; ; tries += 1) {
      const page = await attempt(() => call("GET", API, { ...this.asked, after: more ? this.next : "" }));
      if (round !== this.round) return;
      if (!page) { this.note.textContent = ""; this.more.disabled = false; return; }
      this.draw(page, more);
      if (!page.back_to || !page.next || tries >= AUTOMATIC_ROUNDS || this.results.childElementCount >= 50) break;
      this.note.textContent = `Searched back to ${moment(page.back_to)}…`;
      more = true;
    }
  }

  draw(page, more) {
    const rows = page.entries.map((entry) => entryRow(entry));
    if (more) this.results.append(...rows);
    else fill(this.results, rows);
    this.next = page.next;
    const count = this.results.childElementCount;
    this.more.hidden = !page.next;
    this.more.disabled = false;
    this.more.textContent = page.back_to ? "Search further back" : "Show more";
    this.files.hidden = !this.mayExport || (count === 0 && !page.next);
    fill(this.files, "Export these", Object.entries(FILES).map(([format, name]) =>
      el("a.button", { href: `/admin/api/data/export?${new URLSearchParams({ ...this.asked, what: "live", format })}`, download: "" }, name)));
    this.empty.hidden = count > 0 || Boolean(page.next);
    this.empty.textContent = Object.keys(this.asked).length ? "No conversation matches. Try fewer words or filters." : "There is no conversation yet.";
    const many = page.next && !page.back_to;
    this.note.textContent = page.back_to ? `Searched back to ${moment(page.back_to)}; ${count} found so far.` : count ? `${count}${many ? " or more" : ""} conversation${count === 1 && !many ? "" : "s"}, newest first` : "";
  }
}

function entryRow(entry) {
  const { hit } = entry;
  const open = `/agents/transcripts/${encodeURIComponent(entry.id)}${hit ? `#m${hit.seq}` : ""}`;
  return el("li", { "data-id": entry.id }, el("a", { href: open },
    el("span.facts", {},
      el(`span.chip${CHIP[entry.status] ?? ""}`, {}, STATUS[entry.status]), entry.language ? el("span", {}, languageName(entry.language)) : null,
      el("span", {}, `${entry.messages} message${entry.messages === 1 ? "" : "s"}`), entry.agent ? el("span", {}, entry.agent) : null, stars(entry.rating),
      entry.tags.map((tag) => el("span.chip", {}, tag)), el("time", { datetime: hit?.time ?? entry.updated_at }, moment(hit?.time ?? entry.updated_at))),
    hit ? el("span.said", { dir: "auto" }, hit.role === "customer" ? null : el("strong", {}, `${ROLES[hit.role]}: `), marked(hit)) : el("span.muted", {}, "Nothing was written.")));
}

function marked({ text, marks, cut }) {
  const parts = [cut[0] ? "… " : null];
  let at = 0;
  for (const [start, end] of marks) {
    parts.push(text.slice(at, start), el("mark", {}, text.slice(start, end)));
    at = end;
  }
  return [...parts, text.slice(at), cut[1] ? " …" : null];
}

async function showTranscript(root, id) {
  let shown = true;
  const end = (sentence) => { shown = false; fill(root, el("div.sheet", {}, back(), el("p.empty", { role: "status" }, sentence))); };
  const load = () => attempt(() => call("GET", `${API}/${encodeURIComponent(id)}`));
  let found = await load();
  if (!found) return end("This conversation cannot be shown.");
  followErased(() => (shown ? [id] : []), () => end("This conversation was erased."));
  const { conversation } = found;
  const list = el("ol", { "aria-label": "Conversation" });
  const facts = [languageName(conversation.language), conversation.agent, conversation.reason && (conversation.reason === "customer_ended" ? reasonOf(conversation.reason) : `handed over: ${reasonOf(conversation.reason)}`), `began ${moment(conversation.created_at)}`];
  fill(root, el("div.sheet", {},
    el("div.row.between", {}, back(), el("a.button", { href: `/agents/#${encodeURIComponent(id)}` }, "Open in the desk")),
    el("div.stack", {}, el("h1", {}, "Transcript"),
      el("p.row", {}, el(`span.chip${CHIP[conversation.status] ?? ""}`, {}, STATUS[conversation.status]), stars(conversation.rating), conversation.tags.map((tag) => el("span.chip", {}, tag)),
        el("span.muted.small", {}, facts.filter(Boolean).join(" · ")))),
    el("section.card", {}, list)));
  const again = async () => { found = (await load()) ?? found; draw(); };
  const draw = () => {
    drawMessages(list, found.messages, {
      conversation: id,
      corrections: found.corrections,
      onCorrect: async (message) => { if (await openCorrection({ conversation: id, seq: message.seq })) await again(); },
      onUndo: async (correction) => { if (await undoCorrection(correction)) await again(); },
      extra: (message) => message.reply && message.reply.action !== "small_talk"
        ? el("div.judgement", {}, timings(message.reply), verdictRow({ conversation: id, seq: message.seq, judged: found.verdicts[message.seq] })) : null,
    });
    for (const row of list.children) row.id = `m${row.dataset.seq}`;
  };
  draw();
  const target = document.getElementById(location.hash.slice(1));
  if (target) {
    target.classList.add("found");
    target.scrollIntoView({ block: "center" });
  }
}

function timings(reply) {
  const spent = Object.entries(reply.timings_ms);
  return spent.length ? el("p.small.muted", {}, spent.map(([part, ms]) => `${part.replaceAll("_", " ")} ${Math.round(ms)} ms`).join(" · ")) : null;
}

function back() {
  const fromSearch = document.referrer.startsWith(`${location.origin}/agents/transcripts`);
  return el("a", { href: "/agents/transcripts", onclick: (event) => { if (fromSearch) { event.preventDefault(); history.back(); } } }, "← All transcripts");
}

const stars = (rating) => (rating ? el("span.stars", { role: "img", "aria-label": `rated ${rating} of 5` }, "★".repeat(rating) + "☆".repeat(5 - rating)) : null);

const names = new Intl.DisplayNames(["en"], { type: "language" });
export function languageName(code) {
  try {
    return code ? names.of(code) : null;
  } catch {
    return code;
  }
}

// A day as people mean it, in their own time zone; "to" includes the day itself.
function instantOf(day, name) {
  if (!day) return "";
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + (name === "until" ? 1 : 0)).toISOString();
}
function dayOf(instant, name) {
  if (!instant || Number.isNaN(Date.parse(instant))) return "";
  const moment = new Date(instant);
  if (name === "until") moment.setDate(moment.getDate() - 1);
  return `${moment.getFullYear()}-${String(moment.getMonth() + 1).padStart(2, "0")}-${String(moment.getDate()).padStart(2, "0")}`;
}
const sorted = (options, name) => (name === "rating" ? Object.entries(options).sort(([a], [b]) => b - a) : Object.entries(options));

// The copilot beside the composer: three past answers and a draft for what the customer wants to know. One key inserts, what was
// typed stays, and a source opens where it stands. It draws what the server says; what was inserted is kept with the composer's
// draft until it is sent.
import { el, fill, moment } from "./dom.js";
import { attempt, call, Refused } from "./http.js";
import { remember, remembered } from "./keeper.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "copilot.css");

const KINDS = { faq: "Help centre", correction: "Answer of the team", chat: "Past chat" };
const DRAFT = "0";
const NO_DRAFT = "There is no draft for this.";
const SOON_MS = 1500, LONGEST_MS = 7000; // the draft's own deadline, and the search before it
const LEFT = 0.3; // share of an offer's words that must stand in the reply
const OPEN_KEY = "desk.copilot";
const NARROW = matchMedia("(max-width: 720px)");

export function attachCopilot(composer) {
  return new Copilot(composer);
}

class Copilot {
  constructor(composer) {
    Object.assign(this, { composer, place: composer.copilot, conversation: null, found: null, draft: null, asked: 0, opened: null, began: 0, wanted: false, notice: null });
    this.place.setAttribute("role", "group");
    this.place.setAttribute("aria-label", "Suggestions");
    const shown = remembered(OPEN_KEY);
    this.shown = shown ? shown === "open" : !NARROW.matches;
    composer.addEventListener("opened", ({ detail }) => this.turnTo(detail.mine ? detail.conversation : null));
    for (const news of ["customer", "learnt"]) composer.addEventListener(news, ({ detail }) => { if (detail.conversation === this.conversation) this.load(); });
    this.status = el("span.small.muted.state", { role: "status" });
    composer.addEventListener("input", () => { this.say(null); this.follow(); });
    composer.addEventListener("sent", ({ detail }) => this.report(detail));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  turnTo(conversation) {
    Object.assign(this, { conversation, found: null, draft: null, opened: null, wanted: false, notice: null, asked: this.asked + 1 });
    this.render();
    if (conversation) this.load();
  }

  // Precedents come at once; the draft takes the model's time and comes by its own request.
  async load() {
    const asked = ++this.asked;
    const path = `/agents/api/conversations/${encodeURIComponent(this.conversation)}`;
    this.failed = null;
    if (this.found) this.say(null); // what was wished for was the draft for what stood there before
    let found;
    try {
      found = await call("GET", `${path}/suggestions`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (asked === this.asked) this.fail(error);
      return;
    }
    if (asked !== this.asked) return;
    Object.assign(this, { found, draft: found.fits ? "writing" : null, opened: null, began: Date.now() });
    if (!found.fits && this.wanted) this.say(NO_DRAFT);
    this.render();
    if (!found.fits) return;
    const draft = await call("GET", `${path}/draft`).catch(() => null); // the past answers stand; a draft that is lost is no loss
    if (asked !== this.asked) return;
    this.draft = draft?.text ? draft : null;
    this.render();
    if (this.wanted) this.bring();
  }

  // The draft that was asked for while it was written. Whoever is busy elsewhere by now keeps the focus there.
  bring() {
    const { activeElement: at, body } = document;
    const here = (at === body || this.composer.form.contains(at)) && !document.querySelector("dialog[open]");
    if (!this.draft) return this.say(NO_DRAFT);
    if (!here) return this.say("The draft is there: Alt+0 inserts it.");
    this.say(null);
    this.take(DRAFT);
  }

  fail(error) {
    this.failed = error.message;
    this.render();
    if (error.status === 401) attempt(() => Promise.reject(error));
  }

  // --- inserting ----------------------------------------------------------------------------------------------

  key(event) {
    const digit = /^(?:Digit|Numpad)([0-3])$/.exec(event.code)?.[1]; // by place: with Alt the letter depends on the keyboard
    if (!digit || !event.altKey || event.ctrlKey || event.metaKey || !this.ready() || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.take(digit);
  }

  ready() { return this.conversation && this.composer.kind === "reply" && this.composer.mine; }

  take(which) {
    const draft = which === DRAFT && this.draft?.text ? this.draft : null;
    const precedent = which === DRAFT ? null : this.found?.precedents[Number(which) - 1];
    const text = draft?.text ?? precedent?.text;
    if (!this.ready()) return;
    if (!text) return this.lacks(which);
    const passages = draft ? draft.sources.map((source) => source.passage_id) : [precedent.passage_id];
    const { field } = this.composer;
    field.setSelectionRange(field.selectionEnd, field.selectionEnd); // what is selected stays, too
    const before = field.value.slice(0, field.selectionEnd), after = field.value.slice(field.selectionEnd);
    if (NARROW.matches && this.shown) { this.shown = false; this.render(); } // what was inserted is in sight then
    this.composer.insert(`${gap(before, /\S$/)}${text}${gap(after, /^\S/)}`);
    this.composer.keepOffers([...this.composer.offers(), { text, passages, draft: draft?.mode ?? null }]);
  }

  // A key that finds nothing says so. A draft that is asked for while it is written comes by itself, unless the text is touched
  // meanwhile: nobody wants words to appear in the middle of her own.
  lacks(which) {
    if (which !== DRAFT) return this.say(this.found ? `There is no suggestion ${which}.` : null);
    const writing = this.draft === "writing" || !this.found;
    this.say(writing ? "The draft is still being written. It is inserted when it is there, unless you type." : NO_DRAFT);
    this.wanted = writing && !this.failed;
  }

  say(notice) {
    const changed = notice !== this.notice;
    Object.assign(this, { notice, wanted: false });
    if (changed && !this.place.hidden) this.status.textContent = this.state();
  }

  // What was inserted and thrown away again is no pair.
  follow() {
    const text = this.composer.text(), offers = this.composer.offers(), kept = offers.filter((offer) => remains(offer.text, text));
    if (kept.length < offers.length) this.composer.keepOffers(kept);
    if (this.place.hidden === Boolean(this.ready())) this.render();
  }

  report({ conversation, id, offers }) {
    if (!offers.length) return;
    const inserted = offers.map((offer) => offer.text).join("\n\n"), passages = [...new Set(offers.flatMap((offer) => offer.passages))];
    const body = { client_id: id, inserted, passages, draft: offers.findLast((offer) => offer.draft)?.draft ?? null };
    call("POST", `/agents/api/conversations/${encodeURIComponent(conversation)}/uses`, body).catch(() => {}); // a pair that is lost is no loss
  }

  // --- drawing ------------------------------------------------------------------------------------------------

  render() {
    this.place.hidden = !this.ready();
    if (this.place.hidden) return;
    const { found, failed } = this;
    const count = found?.precedents.length ?? 0;
    const focused = document.activeElement?.closest?.("#copilot [data-at]")?.dataset.at;
    const toggle = el("button.quiet.toggle", { type: "button", "data-at": "toggle", "aria-expanded": String(this.shown), "aria-controls": "copilot-offers", onclick: () => this.toggle() },
      el("span.arrow", { "aria-hidden": "true" }, this.shown ? "▾" : "▸"), count ? `Suggestions (${count})` : "Suggestions");
    const again = failed ? el("button.quiet.small", { type: "button", "data-at": "again", onclick: () => this.load() }, "Try again") : null;
    const offers = el("div.offers", { id: "copilot-offers", hidden: !this.shown || !count },
      el("ol.cards", {}, (found?.precedents ?? []).map((one, index) => this.card(one, String(index + 1))).flat()), this.drawDraft());
    this.keepingTheEndInSight(() =>
      fill(this.place, el("div.row.top", {}, toggle, this.status, again), offers));
    if (this.status.textContent !== this.state()) this.status.textContent = this.state();
    if (focused) this.place.querySelector(`[data-at="${focused}"]`)?.focus();
  }

  // The offers take room from the messages above: who reads the last one goes on reading it.
  keepingTheEndInSight(draw) {
    const messages = this.composer.form.parentElement.querySelector(".scroller");
    const atEnd = messages && messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
    draw();
    if (atEnd) messages.scrollTop = messages.scrollHeight;
  }

  state() {
    const { found, failed, notice } = this;
    if (failed) return failed;
    if (notice) return notice;
    if (!found) return "Looking for past answers…";
    if (found.language === null) return "The customer has not asked anything yet.";
    if (!found.precedents.length) return found.degraded.length ? `No past answers: ${found.degraded.join("; ")}` : "No past answer comes near.";
    const weak = found.fits ? null : "Nothing fits well; these come nearest.";
    return [weak, found.degraded.length ? `Not everything works: ${found.degraded.join("; ")}` : null].filter(Boolean).join(" ");
  }

  toggle() {
    this.shown = !this.shown;
    remember(OPEN_KEY, this.shown ? "open" : "shut");
    this.render();
  }

  card(one, key) {
    const open = this.opened === key;
    const facts = [KINDS[one.kind] ?? KINDS.chat, one.resolved_at ? age(one.resolved_at) : null, one.score.toFixed(2)].filter(Boolean).join(" · ");
    const warn = one.general ? (one.said ? "said already" : null) : "one customer's case";
    const card = el(`li.offer${open ? ".open" : ""}`, {},
      el("button.insert", { type: "button", "data-at": `insert-${key}`, "aria-keyshortcuts": `Alt+${key}`, title: `Insert (Alt+${key})`, onclick: () => this.take(key) },
        el("span.sr", {}, `Insert suggestion ${key}: `), el("span.said", { dir: "auto" }, one.text)),
      el("div.row.meta.small.muted", {}, keyOf(key), warn ? el(`span.chip${one.general ? "" : ".wait"}`, {}, warn) : null, el("span.facts-of", { title: "Where it is from, its age, how well it was found" }, facts),
        el("button.quiet.small.source", { type: "button", "data-at": `source-${key}`, "aria-expanded": String(open), onclick: () => { this.opened = open ? null : key; this.render(); } }, open ? "Hide" : "Source")));
    return open ? [card, source(one, key)] : [card];
  }

  // A draft is checked as a whole before it is shown, so it is not streamed; who waits for it sees how long it may still take.
  drawProgress() {
    const share = () => Math.min(0.97, (Date.now() - this.began) / LONGEST_MS);
    const bar = el("progress", { max: 1, value: share(), hidden: Date.now() - this.began < SOON_MS, "aria-label": "Writing a draft" });
    const timer = setInterval(() => {
      if (!bar.isConnected) { clearInterval(timer); return; }
      bar.hidden = Date.now() - this.began < SOON_MS;
      bar.value = share();
    }, 200);
    return el("p.draft.small.muted", { role: "status" }, "Writing a draft…", bar);
  }

  drawDraft() {
    const { draft } = this;
    if (!draft) return null;
    if (draft === "writing") return this.drawProgress();
    const same = this.found.precedents.findIndex((one) => one.text === draft.text) + 1;
    const why = draft.degraded.length ? ` (${draft.degraded.map(plainly).join("; ")})` : "";
    if (same) return el("p.draft.small.muted", {}, `No reworded draft${why}. Alt+0 inserts the same as Alt+${same}.`);
    const from = draft.sources.length === 1 ? "1 source" : `${draft.sources.length} sources`;
    const made = draft.mode === "precedent" ? `Past answers as they were given${why} · ${from}` : `Reworded by ${draft.model ?? "the model"} · every figure and name stands in its ${from}`;
    return el("div.draft", {},
      el("button.insert", { type: "button", "data-at": "insert-0", "aria-keyshortcuts": "Alt+0", title: "Insert (Alt+0)", onclick: () => this.take(DRAFT) },
        el("span.sr", {}, "Insert the draft: "), el("span.said", { dir: "auto" }, draft.text)),
      el("p.small.muted.meta", {}, keyOf(DRAFT), " ", el("strong", {}, "Draft"), ` · ${made}`));
  }
}

const wordsOf = (text) => new Set(text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}]+/gu) ?? []);
function remains(offered, text) {
  const words = [...wordsOf(offered)], there = wordsOf(text);
  return words.filter((word) => there.has(word)).length >= LEFT * words.length;
}

const keyOf = (key) => el("kbd", { "aria-hidden": "true" }, `Alt+${key}`);
const gap = (text, touching) => (touching.test(text) ? "\n\n" : "");
// Codes of `composing` in words.
const plainly = (code) => code.replace(/^(?:generator|overload): /, "").replace(/\.$/, "")
  .replace(/^evidence: not supported: (.*)$/, "the model's own draft was dropped: in no source stands $1");

function source(one, key) {
  return el("li.whole", { "aria-label": `Source of suggestion ${key}` },
    el("p.small.muted", {}, "Asked", one.resolved_at ? ` on ${moment(one.resolved_at)}` : "", " · ", el("span.mono", {}, `${one.conversation_id} / ${one.turn_id}`)),
    el("p.said", { dir: "auto" }, one.question),
    el("p.small.muted", {}, "Answered"),
    el("p.said", { dir: "auto" }, one.answer));
}

const DAY_MS = 86_400_000;
function age(iso) {
  const days = Math.max(0, Math.round((Date.now() - new Date(iso)) / DAY_MS));
  if (days < 1) return "today";
  if (days < 60) return days === 1 ? "1 day" : `${days} days`;
  return days < 700 ? `${Math.round(days / 30.4)} months` : `${Math.round(days / 365)} years`;
}

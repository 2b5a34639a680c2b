// The desk: five lists, one conversation, the facts about its customer. What it shows comes from the server; it keeps which
// list and conversation are open (the address says which) and the drafts.
import { attempt, call, signedIn, tell } from "./http.js";
import { composer } from "./composer.js";
import { attachCopilot } from "./copilot.js";
import { ask, askWhom } from "./dialogs.js";
import { debounce, el, fill, since } from "./dom.js";
import { erased, followErased, lookForErased } from "./erased.js";
import { drawFacts } from "./facts.js";
import { drawItem, moodOf, sourceOf, topicOf } from "./items.js";
import { remember, remembered } from "./keeper.js";
import { listen } from "./live.js";
import { sheet } from "./sheet.js";
import { attachCanned } from "./slash.js";
import { drawMessages, reasonOf } from "./transcript.js";
import { translation } from "./translate.js";
import { showWaiting } from "./waiting.js";

sheet(import.meta.url, "desk.css");

const API = "/agents/api/desk";
const LISTS = { mine: "Mine", waiting: "Waiting", others: "Team", bot: "Bot", closed: "Closed" };
const NONE = { mine: "You have no conversation. Take one that waits.", waiting: "Nobody is waiting.", others: "No colleague has a conversation right now.", bot: "The assistant talks to nobody right now.", closed: "No conversation is closed yet." };
const DONE = { take: "Taken over", return: "Returned", close: "Closed" };
const TYPING_LASTS_MS = 5000;
const TICK_MS = 10_000;

export function start(root, config) {
  new Desk(root, config).begin();
}

class Desk {
  constructor(root, config) {
    Object.assign(this, { root, config, user: config.user, which: remembered("desk.list") ?? "waiting" });
    if (!(this.which in LISTS)) this.which = "waiting";
    Object.assign(this, { items: [], after: null, counts: {}, open: null, conversation: null, messages: [], typing: 0, loading: 0, leaving: null });
    this.refreshLists = debounce(() => this.loadList(), 80);
  }

  begin() {
    this.root.classList.add("desk");
    this.layOut();
    composer.mount(this.parts.talk, { send: (...given) => this.send(...given), typing: (id) => this.tellTyping(id), owner: this.user.id });
    attachCopilot(composer);
    attachCanned(composer);
    this.drawTalk();
    this.loadList();
    this.openFromAddress();
    addEventListener("hashchange", () => this.openFromAddress());
    setInterval(() => this.drawTimes(), TICK_MS);
    followErased(() => [this.open, ...composer.begun()].filter(Boolean), (gone) => this.forget(gone));
    listen({
      hello: (who) => this.greet(who),
      missed: () => { this.refreshLists(); lookForErased().then(() => this.catchUp()); },
      lists: () => { this.refreshLists(); this.catchUp(); }, // what went out of sight may be what is open
      gone: ({ id }) => { erased(new Set([id])); this.refreshLists(); },
      passed: () => tell("A conversation has been passed to you. It is under Mine."),
      changed: (event) => { this.refreshLists(); if (event.id === this.open) this.catchUp(); },
      typing: (event) => { if (event.id === this.open) this.showTyping(event.who); },
      signed_out: () => attempt(() => call("GET", `${API}/colleagues`)),
      lost: (lost) => { this.parts.lost.hidden = !lost; },
    });
  }

  // Each time the stream opens. Where somebody else has signed in meanwhile, the page is theirs from the start; drafts stay.
  greet(who) {
    if (who.user !== this.user.id || who.role !== this.user.role) return location.reload();
    signedIn();
    this.refreshLists();
    lookForErased().then(() => this.catchUp());
  }

  layOut() {
    const parts = (this.parts = {});
    parts.tabs = el("div.tabs", { role: "group", "aria-label": "Lists" });
    parts.list = el("ul.items", {});
    parts.more = el("button.quiet", { type: "button", hidden: true, onclick: () => this.loadMore() }, "Show more");
    parts.lost = el("p.lost", { role: "status", hidden: true }, "Connection lost. Reconnecting…");
    parts.head = el("header.head", {});
    parts.transcript = el("ol", { "aria-label": "Conversation" });
    parts.typing = el("p.typing.small.muted", { role: "status", hidden: true });
    parts.heard = el("p.sr", { "aria-live": "polite" });
    parts.scroll = el("div.scroller", { tabindex: "0", "aria-label": "Messages" }, parts.transcript, parts.typing, parts.heard);
    parts.talk = el("section.talk", { "aria-label": "Conversation" }, parts.head, parts.scroll);
    parts.facts = el("aside.facts", { "aria-label": "Customer" });
    this.root.append(el("section.lists", { "aria-label": "Conversations" }, el("h1.sr", {}, "Desk"), parts.tabs, parts.lost, parts.list, parts.more), parts.talk, parts.facts);
  }

  // --- lists ------------------------------------------------------------------------------------------------

  async loadList() {
    const which = this.which;
    const page = await attempt(() => call("GET", `${API}/list`, { which }));
    if (!page || which !== this.which) return;
    Object.assign(this, { items: page.items, after: page.after, counts: page.counts, loaded: which });
    this.drawLists();
  }

  async loadMore() {
    const page = await attempt(() => call("GET", `${API}/list`, { which: this.which, after: this.after }));
    if (!page) return;
    const known = new Set(this.items.map((item) => item.id));
    this.items.push(...page.items.filter((item) => !known.has(item.id)));
    this.after = page.after;
    this.drawLists();
  }

  drawLists() {
    const { parts, counts } = this;
    const count = (n) => (n >= 1000 ? "999+" : String(n));
    const tabs = Object.entries(LISTS).map(([key, name]) =>
      el("button.tab", { type: "button", "data-list": key, "aria-pressed": String(key === this.which), onclick: () => this.choose(key) },
        name, counts[key] ? el(`span.count${key === "waiting" ? ".wait" : ""}`, {}, count(counts[key])) : null));
    const focused = document.activeElement?.dataset.list;
    fill(parts.tabs, tabs);
    if (focused) parts.tabs.querySelector(`[data-list="${focused}"]`)?.focus();
    const at = document.activeElement?.dataset.item;
    fill(parts.list, this.items.map((item) => drawItem(item, { open: item.id === this.open, onOpen: () => this.show(item.id) })));
    if (at) parts.list.querySelector(`[data-item="${CSS.escape(at)}"]`)?.focus();
    if (!this.items.length) parts.list.append(el("li.empty", {}, this.loaded === this.which ? NONE[this.which] : "Loading…"));
    parts.more.hidden = !this.after;
    showWaiting(counts.waiting);
    document.title = `${counts.waiting ? `(${count(counts.waiting)}) ` : ""}Desk · ${this.config.company}`;
  }

  drawTimes() {
    for (const node of this.root.querySelectorAll("[data-since]")) node.textContent = since(node.dataset.since);
  }

  choose(which) {
    this.which = which;
    remember("desk.list", which);
    Object.assign(this, { items: [], after: null });
    this.drawLists();
    this.loadList();
  }

  // --- one conversation ---------------------------------------------------------------------------------------

  show(id) {
    if (location.hash === `#${id}`) this.openFromAddress();
    else location.hash = id;
  }

  async openFromAddress() {
    const id = location.hash.slice(1);
    this.root.dataset.view = id ? "talk" : "list";
    this.root.dataset.facts = "";
    if (id === this.open && this.conversation) return;
    Object.assign(this, { open: id || null, conversation: null, messages: [], leaving: null });
    fill(this.parts.heard);
    this.drawTalk();
    this.drawLists();
    if (!id) return;
    const found = await attempt(() => call("GET", this.path()));
    if (id !== this.open) return;
    if (!found) { location.hash = ""; return; }
    await this.take_in(found, true);
    this.loadFacts();
  }

  path(rest = "") { return `${API}/conversations/${encodeURIComponent(this.open)}${rest}`; }

  // What came after the last message on screen; calls that meet are answered one after the other.
  async catchUp() {
    if (this.loading++) return;
    while (this.loading) {
      this.loading = 1;
      const id = this.open;
      const found = !this.conversation || id === this.leaving ? null : await attempt(() => this.news(id));
      if (found && id === this.open) await this.take_in(found, false);
      this.loading--;
    }
  }

  async news(id) {
    try {
      return await call("GET", this.path(), { after: this.messages.at(-1)?.seq ?? 0 });
    } catch (error) {
      if (error.status !== 404) throw error;
      if (id !== this.open || id === this.leaving) return null; // she has moved on, or passes it on herself
      this.vanish();
      throw error;
    }
  }

  // Words begun for a conversation that was erased go with it.
  forget(gone) {
    if (gone.has(this.open)) tell(`This conversation was erased${composer.text().trim() ? ", and with it what you had begun to write" : ""}.`, "bad");
    for (const id of gone) composer.forget(id);
    if (gone.has(this.open)) this.vanish();
  }

  // What is open has gone out of sight: erased, or another team's. Words that the agent has begun stay where they are.
  vanish() {
    const { transcript, facts, heard } = this.parts;
    this.messages = [];
    for (const part of [transcript, facts, heard]) fill(part);
    if (!composer.text().trim()) location.hash = "";
  }

  async take_in(found, first) {
    const { scroll } = this.parts;
    const followed = first || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120;
    const known = new Set(this.messages.map((message) => message.seq));
    const fresh = found.messages.filter((message) => !known.has(message.seq));
    this.messages = [...this.messages, ...fresh].sort((one, other) => one.seq - other.seq);
    Object.assign(this, { conversation: found.conversation, corrections: found.corrections });
    this.drawTalk();
    if (followed) scroll.scrollTop = scroll.scrollHeight;
    const theirs = fresh.filter((message) => message.role === "customer");
    if (!first && theirs.length) {
      this.showTyping(null);
      this.parts.heard.textContent = theirs.map((message) => `Customer: ${message.text}`).join("\n");
      composer.tell("customer", { conversation: this.open });
    }
    if (found.more) {
      const next = await attempt(() => call("GET", this.path(), { after: this.messages.at(-1).seq }));
      if (next && next.conversation.id === this.open) await this.take_in(next, first);
    }
  }

  drawTalk() {
    const { parts, conversation } = this;
    const mine = conversation?.status === "human" && conversation.user_id === this.user.id;
    parts.scroll.hidden = !conversation;
    parts.facts.hidden = !conversation;
    if (!conversation) {
      fill(parts.transcript);
      fill(parts.facts);
      fill(parts.head, this.open ? el("p.muted", {}, "Opening…") : el("p.empty", {}, "Choose a conversation on the left."));
      composer.open(null, false);
      return;
    }
    this.drawHead(conversation, mine);
    drawMessages(parts.transcript, this.messages, {
      conversation: this.open,
      corrections: this.corrections,
      onCorrect: (message) => this.correct(message),
      onUndo: (correction) => this.undo(correction),
      extra: this.config.translates ? (message) => translation(conversation, message) : null,
    });
    composer.open(conversation.id, mine, noReply(conversation));
  }

  drawHead(conversation, mine) {
    const { status } = conversation;
    const mood = moodOf(conversation.mood);
    const act = (name, label, kind = "") => el(`button${kind}`, { type: "button", "data-act": name, onclick: () => this.act(name) }, label);
    const may = mine || (this.user.role === "admin" && status === "human");
    const back = el("button.quiet.back", { type: "button", "aria-label": "Back to the list", onclick: () => { location.hash = ""; } }, "‹ List");
    const chips = [this.statusChip(conversation, mine), conversation.language ? el("span.chip", {}, conversation.language) : null,
      mood ? el(`span.chip.mood.${mood.kind}`, { title: sourceOf(conversation) }, mood.name) : null,
      conversation.topic ? el("span.chip", {}, topicOf(conversation)) : null,
      conversation.reason && status !== "bot" ? el("span.chip", {}, reasonOf(conversation.reason)) : null];
    const actions = [["bot", "waiting"].includes(status) ? act("take", "Take over", ".primary") : null,
      may || status === "waiting" ? act("return", "Return to assistant") : null,
      may || status === "waiting" ? act("transfer", "Transfer") : null,
      may || status === "waiting" ? act("close", "Close") : null].filter(Boolean);
    const details = el("button.quiet.details", { type: "button", "aria-expanded": String(this.root.dataset.facts === "open"), onclick: () => this.toggleFacts() }, "Details");
    const focused = document.activeElement?.dataset.act;
    fill(this.parts.head, el("div.row", {}, back, el("h2", {}, `Customer ${conversation.customer}`), details, el("span.row.chips", {}, chips)), actions.length ? el("div.row.actions", {}, actions) : null);
    if (focused) (this.parts.head.querySelector(`[data-act="${focused}"]`) ?? this.parts.head.querySelector("[data-act]"))?.focus();
  }

  statusChip(conversation, mine) {
    const { status } = conversation;
    if (status === "waiting") return el("span.chip.wait", {}, "Waiting ", el("span", { "data-since": conversation.waiting_since }, since(conversation.waiting_since)));
    if (status === "human") return el("span.chip.human", {}, mine ? "You" : conversation.agent);
    return el("span.chip", {}, status === "bot" ? "Assistant" : "Closed");
  }

  toggleFacts() {
    this.root.dataset.facts = this.root.dataset.facts === "open" ? "" : "open";
    this.drawTalk();
    if (this.root.dataset.facts) this.parts.facts.querySelector("button")?.focus();
  }

  showTyping(who) {
    const { typing, scroll } = this.parts;
    clearTimeout(this.typing);
    const shown = who === "customer" ? "The customer is typing…" : who ? `${who} is typing…` : "";
    const own = who && who !== "customer" && this.conversation?.user_id === this.user.id;
    typing.hidden = !shown || own;
    typing.textContent = shown;
    if (!shown || own) return;
    if (scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 160) scroll.scrollTop = scroll.scrollHeight;
    this.typing = setTimeout(() => this.showTyping(null), TYPING_LASTS_MS);
  }

  // --- what the agent does --------------------------------------------------------------------------------------

  async act(name) {
    const id = this.open;
    if (name === "transfer") return this.transfer(id);
    if (name === "close" && !(await ask("Close this conversation?", "The customer is told, and asked for a rating.", "Close"))) return;
    this.leaving = id; // the stream may tell of it before the answer is here
    const changed = await attempt(() => call("POST", this.path(`/${name}`)));
    if (changed?.out_of_sight) return this.leave(`${DONE[name]}. It belongs to another team, so it is out of your sight.`);
    this.leaving = null;
    if (changed && id === this.open) this.conversation = changed;
    if (changed && name === "take") {
      if (this.which === "waiting" || this.which === "bot") this.choose("mine");
      composer.tell("taken", { conversation: id });
    }
    await this.catchUp(); // after a refusal, too: it shows who has it now
    this.drawTalk();
    this.refreshLists();
    if (changed && name === "take") composer.focus();
  }

  async transfer(id) {
    const colleagues = await attempt(() => call("GET", `${API}/colleagues`));
    const to = colleagues && (await askWhom(colleagues));
    if (!to || id !== this.open) return;
    this.leaving = id;
    const done = await attempt(() => call("POST", this.path("/transfer"), to));
    if (done) return this.leave("Transferred.");
    this.leaving = null;
    await this.catchUp();
    this.refreshLists();
  }

  // What the agent did took it from her screen; words begun for it stay where they are kept.
  leave(sentence) {
    tell(sentence);
    if (this.open === this.leaving) location.hash = "";
    this.refreshLists();
  }

  // For the composer: true, or why it was not stored; the draft stays then.
  async send(kind, text, id, conversation) {
    try {
      await call("POST", `${API}/conversations/${encodeURIComponent(conversation)}/${kind === "note" ? "notes" : "messages"}`, { text, client_id: id });
    } catch (error) {
      if (error.status === 401) attempt(() => Promise.reject(error));
      this.catchUp();
      return `${error.message} Your text is still here.`;
    }
    this.catchUp();
    return true;
  }

  tellTyping(id) {
    call("POST", `${API}/conversations/${encodeURIComponent(id)}/typing`).catch(() => {}); // a sign that is lost is no loss
  }

  async correct(message) {
    const { openCorrection } = await import("./correct.js");
    if (await openCorrection({ conversation: this.open, seq: message.seq })) await this.learnt();
  }

  async undo(correction) {
    const { undoCorrection } = await import("./correct.js");
    if (await undoCorrection(correction)) await this.learnt();
  }

  async learnt() {
    await this.catchUp();
    composer.tell("learnt", { conversation: this.open });
  }

  async loadFacts() {
    const id = this.open;
    const facts = await attempt(() => call("GET", this.path("/facts")));
    if (!facts || id !== this.open) return;
    this.drawFacts(facts);
  }

  drawFacts(facts) {
    drawFacts(this.parts.facts, this.conversation, facts, {
      onOpen: (id) => this.show(id),
      onClose: () => this.toggleFacts(),
      onTag: (tag, remove) => attempt(() => call(remove ? "DELETE" : "POST", this.path("/tags"), { tag })).then((changed) => changed && this.drawFacts(changed)),
    });
  }
}

// Why an agent who does not have the conversation writes notes only.
function noReply({ status, agent }) {
  if (status === "closed") return "This chat is closed: notes only";
  return status === "human" ? `${agent} has this chat: notes only` : "Take over to reply";
}

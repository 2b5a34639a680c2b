// The customer window: draws the views that the server returns and reports what the customer does.
// It keeps no state of the conversation but what is on screen; every draw comes from the store.
import { Outbox } from "./outbox.js";
import { Stream } from "./stream.js";
import { announceNew, lastRow, patch, showTimes } from "./thread.js";
import { Menu, openDialog } from "./dialogs.js";
import { Frame } from "./framed.js";
import { recall, remember } from "./memory.js";

const NEAR_BOTTOM_PX = 120;
const COUNTER_FROM = 0.8;
const QUEUE_EVERY_MS = 15_000;
const TYPING_LASTS_MS = 5000;
const TYPING_EVERY_MS = 3000;

export function start(root, config, server) {
  document.querySelectorAll(".boot").forEach((node) => node.remove());
  const window_ = new ChatWindow(root, config, server);
  window_.begin();
}

class ChatWindow {
  constructor(root, config, server) {
    this.config = config;
    this.server = server;
    this.language = chooseLanguage(Object.keys(config.strings));
    this.locale = wishes().find((tag) => languageOf(tag) === this.language) ?? this.language; // 04:59 PM or 16:59
    this.words = config.strings[this.language];
    this.parts = collect(root);
    this.conversation = null;
    this.status = "bot";
    this.drawn = 0;
    this.asked = 0;
    this.live = null;
    this.ended = false;
    this.queue = 0;
    this.partner = 0;
    this.typed = 0;
    this.offline = false;
    this.tabs = "BroadcastChannel" in window ? new BroadcastChannel("precedent") : null;
    this.outbox = new Outbox(this.parts.outbox, this.words, (entry) => this.deliver(entry), (entry) => this.giveBack(entry));
    this.stream = new Stream({
      hello: (state) => this.onHello(state),
      event: (kind, data) => this.onEvent(kind, data),
      lost: () => this.setOffline(true),
    });
    this.menu = new Menu(root, (name) => this.act(name));
    this.heard = null;
    this.frame = new Frame({ onOpened: () => this.onOpened(), onHeld: () => { this.parts.minimize.hidden = false; } });
  }

  begin() {
    this.translate();
    this.listen();
    const draft = recall("precedent.draft");
    if (draft) this.parts.text.value = draft;
    this.onTyping();
    this.refresh().then(() => this.outbox.resume());
    if (!this.frame.framed && window.matchMedia("(hover: hover)").matches) this.parts.text.focus({ preventScroll: true });
  }

  translate() {
    const { words, config, parts } = this;
    document.documentElement.lang = this.language;
    parts.root.querySelectorAll("[data-t]").forEach((node) => { node.textContent = words[node.dataset.t]; });
    parts.root.querySelectorAll("[data-label]").forEach((node) => {
      node.setAttribute("aria-label", words[node.dataset.label]);
      if (node.tagName === "BUTTON") node.title = words[node.dataset.label];
    });
    parts.root.querySelector("[data-company]").textContent = config.company;
    parts.root.querySelector("[data-initial]").textContent = [...config.company][0].toUpperCase();
    parts.text.placeholder = words.placeholder;
    parts.offline.textContent = words.reconnecting;
    parts.status.textContent = words.status_bot;
    parts.scroll.setAttribute("aria-label", config.company);
    if (config.privacyUrl) {
      parts.privacy.href = config.privacyUrl;
      parts.privacy.hidden = false;
    }
  }

  listen() {
    const { parts } = this;
    parts.composer.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    parts.text.addEventListener("input", () => { this.onTyping(); this.tellTyping(); });
    parts.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.submit(); }
    });
    parts.stop.addEventListener("click", () => this.call("stop", { conversation: this.conversation }));
    parts.jump.addEventListener("click", () => this.toBottom(true));
    parts.scroll.addEventListener("scroll", () => { parts.jump.hidden = this.nearBottom(); }, { passive: true });
    parts.root.addEventListener("click", (event) => this.onClick(event));
    parts.root.addEventListener("submit", (event) => { this.onRating(event); this.onComment(event); this.onContact(event); });
    document.addEventListener("visibilitychange", () => this.onVisibility());
    this.tabs?.addEventListener("message", () => this.refresh());
  }

  // --- drawing ----------------------------------------------------------------------------------------------

  async call(name, data = {}, { quiet = false } = {}) {
    const ticket = ++this.asked;
    let view;
    try {
      view = await this.server[name]({ ...data, language: this.language });
    } catch {
      if (!quiet) this.problem(this.words.error_internal);
      return null;
    }
    if (!view || view.error) {
      if (!quiet && view?.error) this.problem(view.error.message);
      return view;
    }
    this.draw(view, ticket);
    if (!["view", "stop", "thumb"].includes(name)) this.tabs?.postMessage("changed");
    return view;
  }

  refresh() {
    return this.call("view", { conversation: this.conversation }, { quiet: true });
  }

  draw(view, ticket) {
    if (ticket < this.drawn) return;
    this.drawn = ticket;
    const { parts } = this;
    const followed = this.nearBottom();
    const first = patch(parts.thread, view.html, Boolean(this.live));
    showTimes(parts.thread, this.locale);
    this.outbox.confirm(parts.thread);
    if (view.conversation !== this.conversation) {
      this.conversation = view.conversation;
      this.setLive(null);
    }
    if (!first && announceNew(parts.thread, parts.announce)) this.showPartner(null);
    this.tellSaid();
    this.status = view.status;
    if (view.status !== "human") this.showPartner(null);
    parts.root.dataset.status = view.status;
    parts.status.textContent = view.status_text;
    parts.text.placeholder = view.status === "closed" ? this.words.placeholder_closed : this.words.placeholder;
    // Whether a reply is being written; its words come from the stream alone, which neither doubles nor drops one.
    this.setLive(view.writing === null ? null : this.ended ? "" : this.live ?? "");
    this.ended = false;
    this.watchQueue();
    if (followed) this.toBottom(false);
    this.stream.follow(document.hidden ? null : this.conversation);
  }

  // A launcher around the window shows that somebody answered while it was closed: it hears which answer is the last.
  tellSaid() {
    const said = [...this.parts.thread.querySelectorAll(".row[data-who]")].at(-1)?.dataset.key ?? null;
    const last = said && `${this.conversation} ${said}`;
    if (last && last !== this.heard) this.frame.tell("said", { last });
    this.heard = last;
  }

  // It may have been drawn where nobody saw it, and nothing had a height.
  onOpened() {
    this.onTyping();
    this.toBottom(false);
    this.parts.text.focus({ preventScroll: true });
  }

  // The place in the queue changes without an event of this conversation.
  watchQueue() {
    clearTimeout(this.queue);
    if (this.status !== "waiting" || document.hidden) return;
    this.queue = setTimeout(() => { this.refresh(); this.watchQueue(); }, QUEUE_EVERY_MS);
  }

  setLive(text) {
    const { parts } = this;
    const was = this.live !== null;
    this.live = text;
    parts.live.hidden = text === null;
    parts.words.textContent = text ?? "";
    parts.typing.hidden = Boolean(text);
    parts.stop.hidden = text === null;
    parts.send.hidden = text !== null;
    if (was && text === null && document.activeElement === parts.stop) parts.text.focus();
  }

  // --- what happens elsewhere -------------------------------------------------------------------------------

  onHello(state) {
    this.setOffline(false);
    this.ended = false;
    this.outbox.resume();
    this.setLive(state.writing);
    this.refresh();
  }

  onEvent(kind, data) {
    const followed = this.nearBottom();
    if (kind === "delta") {
      this.setLive((this.ended ? "" : this.live ?? "") + data.text);
      this.ended = false;
    }
    else if (kind === "typing") this.showPartner(this.status === "closed" ? null : data.text);
    else {
      if (kind === "done") this.ended = true; // its words stand until the stored reply takes their place
      if (data.text === "not_saved") this.problem(this.words.error_storage);
      this.refresh();
    }
    if (followed) this.toBottom(false);
  }

  // "Ann is writing", for as long as she says so.
  showPartner(name) {
    const { partner } = this.parts;
    clearTimeout(this.partner);
    partner.hidden = !name;
    if (!name) return;
    partner.querySelector("[data-partner-words]").textContent = this.words.typing.replace("{who}", name);
    this.partner = setTimeout(() => this.showPartner(null), TYPING_LASTS_MS);
  }

  // Tells the team, at most every few seconds, that a message is being written.
  tellTyping() {
    const now = Date.now();
    if (!["waiting", "human"].includes(this.status) || !this.parts.text.value.trim() || now - this.typed < TYPING_EVERY_MS) return;
    this.typed = now;
    this.server.typing({ conversation: this.conversation, language: this.language }).catch(() => {}); // a sign that is lost is no loss
  }

  onVisibility() {
    if (document.hidden) this.stream.follow(null);
    else this.refresh();
  }

  setOffline(offline) {
    this.offline = offline;
    this.parts.offline.hidden = !offline;
  }

  // --- what the customer does -------------------------------------------------------------------------------

  submit() {
    const text = this.parts.text.value;
    if (!text.trim()) return this.problem(this.words.error_empty);
    if ([...text].length > this.config.maxChars) return this.problem(this.words.error_too_large);
    this.parts.text.value = "";
    this.onTyping();
    this.say(text);
  }

  say(text) {
    this.problem(null);
    this.typed = 0;
    this.parts.thread.querySelectorAll(".reasons:not([hidden])").forEach((form) => { form.hidden = !form.elements.comment.value.trim(); });
    this.outbox.add(text, this.status === "closed" ? null : this.conversation);
    this.toBottom(true);
  }

  // Resolves to "sent", "again" (the server is away) or "refused" (it will never be taken).
  async deliver(entry) {
    const view = await this.call("send", { text: entry.text, client_id: entry.id, conversation: entry.conversation }, { quiet: true });
    if (!view) return "again";
    if (!view.error) return "sent";
    if (["storage", "internal", "unavailable"].includes(view.error.code)) return "again";
    this.problem(view.error.message);
    return "refused";
  }

  giveBack(entry) {
    const { text, problem } = this.parts;
    const why = problem.textContent;
    text.value = text.value ? `${entry.text}\n${text.value}` : entry.text;
    this.onTyping();
    this.problem(why);
    this.refresh();
  }

  onTyping() {
    const { text, counter } = this.parts;
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
    remember("precedent.draft", text.value);
    const used = [...text.value].length;
    const left = this.config.maxChars - used;
    counter.textContent = used > this.config.maxChars * COUNTER_FROM ? this.words.counter_left.replace("{n}", left) : "";
    counter.classList.toggle("over", left < 0);
    if (used) this.problem(null);
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button || !this.parts.root.contains(button)) return;
    if (button.dataset.say) this.say(button.dataset.say);
    else if (button.dataset.star) pickStar(button);
    else if (button.dataset.do) this.act(button.dataset.do, button);
  }

  act(name, button) {
    const { words, conversation } = this;
    const row = button?.closest(".row");
    this.problem(null);
    const acts = {
      person: () => this.call("person", { conversation: this.status === "closed" ? null : conversation }).then(() => this.toBottom(true)),
      focus: () => this.parts.text.focus(),
      minimize: () => this.frame.tell("close"),
      bot: () => this.call("bot", { conversation }),
      new_chat: () => this.call("new_chat").then(() => this.parts.text.focus()),
      end_chat: () => conversation && this.call("end", { conversation }).then(() => this.toBottom(true)),
      rate_chat: () => conversation && openDialog(this.parts.dialog, { form: this.config.ratingForms[this.language], words }),
      delete_data: () => openDialog(this.parts.dialog, { words, title: words.delete_title, text: words.delete_text, yes: words.delete_yes })
        .then((yes) => yes && this.call("delete").then((view) => view && !view.error && this.deleted(view.receipt))),
      download_text: () => this.download("txt"),
      download_json: () => this.download("json"),
      copy: () => navigator.clipboard?.writeText(row.dataset.said).then(() => this.copied(button)),
      thumb: () => this.thumb(button, row),
      reason: () => this.sayWhy(button.closest("form"), button),
      close_reasons: () => { button.closest("form").hidden = true; row.querySelector('[data-thumb="-1"]').focus(); },
    };
    acts[name]?.();
  }

  // What went, in the server's words; where nothing was kept there is nothing to list.
  deleted(receipt) {
    const { words } = this;
    this.outbox.clear();
    if (receipt?.length) openDialog(this.parts.dialog, { words, title: words.deleted, lines: receipt });
    else this.toast(words.deleted);
  }

  async thumb(button, row) {
    const { seq, thumb } = button.dataset;
    const view = await this.call("thumb", { conversation: this.conversation, seq: Number(seq), thumb: Number(thumb) });
    if (!view || view.error) return;
    const form = this.parts.thread.querySelector(`[data-key="${row.dataset.key}"] .reasons`);
    if (!form) return;
    form.hidden = false;
    form.scrollIntoView({ block: "nearest" });
  }

  async sayWhy(form, chip) {
    form.querySelectorAll(".chip").forEach((other) => other.setAttribute("aria-pressed", String(chip ? other === chip : other.ariaPressed === "true")));
    const reason = form.querySelector('.chip[aria-pressed="true"]')?.dataset.reason ?? null;
    const comment = form.elements.comment.value.trim() || null;
    const view = await this.call("thumb", { conversation: this.conversation, seq: Number(form.dataset.seq), thumb: -1, reason, comment });
    if (view && !view.error) this.toast(this.words.thanks_feedback);
    return Boolean(view && !view.error);
  }

  onComment(event) {
    const form = event.target;
    if (!form.matches(".reasons")) return;
    event.preventDefault();
    this.sayWhy(form, null).then((saved) => { if (saved) { form.hidden = true; this.parts.text.focus({ preventScroll: true }); } });
  }

  onContact(event) {
    const form = event.target;
    if (!form.matches(".contact")) return;
    event.preventDefault();
    this.call("contact", { conversation: this.conversation, address: form.elements.address.value }, { quiet: true }).then((view) => {
      if (!view || view.error) this.problem(view?.error.code === "bad_input" ? this.words.error_contact : view?.error.message ?? this.words.error_internal);
      else { this.problem(null); this.parts.text.focus({ preventScroll: true }); }
    });
  }

  onRating(event) {
    if (!event.target.matches(".rating")) return;
    event.preventDefault();
    const stars = event.target.querySelectorAll('.star[aria-pressed="true"]').length;
    const comment = event.target.elements.comment.value.trim();
    this.parts.dialog.open && this.parts.dialog.close();
    this.call("rate", { conversation: this.conversation, stars, comment: comment || null })
      .then((view) => { if (view && !view.error) this.toast(this.words.rated); });
  }

  download(kind) {
    const link = document.createElement("a");
    link.href = `/chat/download/chat.${kind}?lang=${this.language}`;
    link.download = `chat.${kind}`;
    link.click();
  }

  copied(button) {
    const before = button.innerHTML;
    button.innerHTML = this.config.icons.check;
    this.toast(this.words.copied);
    setTimeout(() => { button.innerHTML = before; }, 1500);
  }

  // It takes room from the messages above: who reads the last one goes on reading it.
  problem(text) {
    const followed = this.nearBottom();
    this.parts.problem.hidden = !text;
    this.parts.problem.textContent = text ?? "";
    if (followed) this.toBottom(false);
  }

  toast(text) {
    const { toast } = this.parts;
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => { toast.hidden = true; }, 2600);
  }

  nearBottom() {
    const { scroll } = this.parts;
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_BOTTOM_PX;
  }

  toBottom(always) {
    const { scroll } = this.parts;
    if (always || lastRow(this.parts.thread)?.matches(".row:not(.welcome)")) scroll.scrollTop = scroll.scrollHeight;
  }
}

function collect(root) {
  const names = ["thread", "outbox", "live", "words", "typing", "scroll", "jump", "composer", "text", "send", "stop", "counter",
    "problem", "announce", "toast", "dialog", "offline", "status", "privacy", "partner", "minimize"];
  const parts = { root: root.querySelector(".window") };
  for (const name of names) parts[name] = root.querySelector(`[data-${name}]`);
  return parts;
}

function chooseLanguage(known) {
  return wishes().map(languageOf).find((tag) => known.includes(tag)) ?? "en";
}

const wishes = () => navigator.languages ?? [navigator.language];
const languageOf = (tag) => tag.split("-")[0].toLowerCase();

function pickStar(button) {
  const stars = [...button.parentElement.children];
  const chosen = stars.indexOf(button);
  stars.forEach((star, place) => star.setAttribute("aria-pressed", String(place <= chosen)));
  button.closest("form").querySelector('[type="submit"]').disabled = false;
}

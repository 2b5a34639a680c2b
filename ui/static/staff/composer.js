// The composer of the desk: one field for replies and internal notes. Drafts are kept in the browser, one a conversation and
// kind, with the id under which they were last sent, so that a retry, even after a reload, is the same message, and with what
// of the copilot's offers went into them.
import { el } from "./dom.js";
import { keeper, keptKeys } from "./keeper.js";

const TYPING_EVERY_MS = 3000;
const PLACE = "desk.draft."; // in the browser's storage: user, conversation, kind
const KINDS = { reply: "Reply", note: "Internal note" };

class Composer extends EventTarget {
  // Events: "taken" {conversation} when the agent has taken one, "customer" {conversation} when its customer wrote,
  // "learnt" {conversation} when what is known has changed, "input" when the text changed, "opened" {conversation, mine} when another conversation stands above, "sent" {conversation,
  // kind, text, id, offers} when a text is stored under that id.
  constructor() {
    super();
    this.conversation = null;
    this.kind = "reply";
    this.mine = false;
    this.busy = false;
    this.typed = 0;
  }

  // send(kind, text, id) resolves to true when it is stored, or to a sentence that says why not; typing() tells the customer.
  mount(place, { send, typing, owner }) {
    Object.assign(this, { send, typing, owner });
    this.field = el("textarea", { rows: 3, "aria-label": "Reply", oninput: () => this.#changed(), onkeydown: (event) => this.#key(event) });
    this.buttons = Object.fromEntries(Object.entries(KINDS).map(([kind, name]) =>
      [kind, el("button.kind", { type: "button", "aria-pressed": "false", onclick: () => { this.#choose(kind); this.focus(); } }, name)]));
    this.problem = el("p.problem", { role: "alert", hidden: true });
    this.hint = el("span.hint.small.muted", {});
    this.button = el("button.primary", { type: "submit" }, "Send");
    this.copilot = el("div", { id: "copilot" });
    const kinds = el("div.kinds", { role: "group", "aria-label": "What to write" }, Object.values(this.buttons));
    this.form = el("form.composer", { hidden: true, onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      this.copilot, this.problem, el("div.row.between", {}, kinds, this.hint), el("div.field", {}, this.field, this.button));
    place.append(this.form);
    document.addEventListener("signed-in", () => this.#say(null)); // what was said of it is over
  }

  // mine: the agent has the conversation, so replies may be written; notes may be in any, and `why` says there why only they. A
  // reply that was begun stays in sight when the conversation is closed or taken meanwhile; sending it says why it cannot go out.
  open(conversation, mine, why = "") {
    const another = conversation !== this.conversation;
    const taken = !another && mine && !this.mine;
    const lost = !another && !mine && this.mine;
    Object.assign(this, { conversation, mine, why });
    this.form.hidden = !conversation;
    if (!conversation) {
      if (another) this.tell("opened", { conversation, mine: false });
      return;
    }
    this.buttons.reply.disabled = !mine && !this.#draft(conversation, "reply").text;
    if (another || taken || (this.buttons.reply.disabled && this.kind === "reply")) this.#choose(mine ? "reply" : "note");
    if (another) this.#say(null);
    this.#hint();
    if (another || taken || lost) this.tell("opened", { conversation, mine });
  }

  // --- for the copilot and canned answers ---------------------------------------------------------------------

  text() { return this.field.value; }

  focus() { this.field.focus(); }

  // Puts text where the cursor is, or in place of everything, and leaves the cursor behind it.
  insert(text, { replace = false } = {}) {
    const { field } = this;
    if (replace) field.setRangeText(text, 0, field.value.length, "end");
    else field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    this.#changed();
    field.focus();
  }

  // What was offered and taken into the text that stands, plain objects; they go when the text does.
  offers() { return this.#draft().offers ?? []; }

  keepOffers(offers) { this.#keep({ ...this.#draft(), offers }); }

  // Conversations for which words were begun in this browser, by anybody who uses it.
  begun() {
    return [...new Set(keptKeys(PLACE).map((key) => key.split(".").at(-2)))];
  }

  forget(conversation) {
    for (const key of keptKeys(PLACE)) if (key.split(".").at(-2) === conversation) keeper(key).clear();
    if (conversation !== this.conversation) return;
    this.field.value = "";
    this.#grow();
    this.tell("input");
  }

  tell(name, detail = {}) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  // --- inside -------------------------------------------------------------------------------------------------

  async submit() {
    const { conversation, kind } = this;
    const written = this.field.value;
    const text = written.trim();
    if (!text || this.busy) return;
    const draft = this.#draft();
    const id = draft.sent === text ? draft.id : newId();
    this.#keep({ text: written, sent: text, id, offers: draft.offers });
    this.#wait(true);
    const answer = await this.send(kind, text, id, conversation);
    this.#wait(false);
    const rest = answer === true ? this.#unsent(conversation, kind, written) : "";
    if (answer === true) this.#keep({ text: rest }, conversation, kind);
    if (answer === true) this.tell("sent", { conversation, kind, text, id, offers: draft.offers ?? [] });
    if (conversation !== this.conversation || kind !== this.kind) return;
    if (answer === true) { this.field.value = rest; this.typed = 0; this.#grow(); this.tell("input"); }
    this.#say(answer === true ? null : answer);
    this.field.focus();
  }

  // What was typed while a text was on its way: it stays.
  #unsent(conversation, kind, written) {
    const now = this.#draft(conversation, kind).text ?? "";
    return now.startsWith(written) ? now.slice(written.length).trimStart() : now;
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    this.submit();
  }

  #choose(kind) {
    this.kind = kind;
    for (const [name, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(name === kind));
    this.form.dataset.kind = kind;
    this.field.setAttribute("aria-label", KINDS[kind]);
    this.field.placeholder = kind === "note" ? "Only your team sees this" : "Write to the customer";
    this.button.textContent = kind === "note" ? "Add note" : "Send";
    this.#hint();
    this.field.value = this.#draft().text ?? "";
    this.#grow();
    this.tell("input");
  }

  #hint() {
    this.form.classList.toggle("notes-only", !this.mine); // why nobody can reply is said on a phone, too
    this.hint.textContent = this.mine ? "Enter sends, Shift+Enter is a new line" : this.why;
  }

  #changed() {
    this.#keep({ ...this.#draft(), text: this.field.value });
    this.#grow();
    if (this.field.value) this.#say(null);
    this.tell("input");
    const now = Date.now();
    if (this.kind !== "reply" || !this.mine || !this.field.value.trim() || now - this.typed < TYPING_EVERY_MS) return;
    this.typed = now;
    this.typing(this.conversation);
  }

  // The field takes room from the messages above: who reads the last one goes on reading it.
  #grow() {
    const messages = this.form.parentElement?.querySelector(".scroller");
    const atEnd = messages && messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 240)}px`;
    if (atEnd) messages.scrollTop = messages.scrollHeight;
  }

  #say(text) {
    this.problem.hidden = !text;
    this.problem.textContent = text ?? "";
  }

  #wait(busy) {
    this.busy = busy;
    this.button.disabled = busy;
  }

  #kept(conversation, kind) { return keeper(`${PLACE}${this.owner}.${conversation}.${kind}`); }

  #draft(conversation = this.conversation, kind = this.kind) { return this.#kept(conversation, kind).read(); }

  #keep(draft, conversation = this.conversation, kind = this.kind) {
    const kept = this.#kept(conversation, kind);
    if (draft.text) kept.write(draft);
    else kept.clear();
  }
}

export const composer = new Composer();

// crypto.randomUUID is there only on https and localhost.
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Canned answers in the composer: "/" at its start opens a list that what is typed narrows; arrows and Enter insert, Esc closes.
import { el, fill } from "./dom.js";
import { call, Refused } from "./http.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "canned.css");

const GAP = /\{(\w+)\}/g;
const MOST = 50;

export function attachCanned(composer) {
  return new Slash(composer);
}

class Slash {
  constructor(composer) {
    Object.assign(this, { composer, field: composer.field, answers: null, conversation: null, matching: [], at: 0, shut: false, problem: null });
    this.list = el("ul.canned-list", { id: "canned-list", role: "listbox", "aria-label": "Canned answers", hidden: true });
    this.gaps = el("p.gaps.small", { role: "status", hidden: true });
    this.field.parentElement.prepend(this.list);
    composer.form.append(this.gaps);
    this.field.setAttribute("aria-autocomplete", "list");
    this.field.setAttribute("aria-controls", "canned-list");
    composer.addEventListener("opened", () => { this.answers = null; });
    composer.addEventListener("input", () => this.changed());
    this.field.addEventListener("blur", () => { this.hide(); });
    this.field.addEventListener("focus", () => this.changed());
    composer.form.addEventListener("keydown", (event) => this.key(event), true); // before the composer sends
  }

  get query() {
    const text = this.composer.text();
    return this.composer.kind === "reply" && this.composer.mine && text.startsWith("/") && !text.includes("\n") ? text.slice(1).trim().toLowerCase() : null;
  }

  async changed() {
    this.drawGaps();
    if (this.query === null) { this.shut = false; this.hide(); return; }
    if (this.shut || document.activeElement !== this.field) return;
    if (!this.answers || this.conversation !== this.composer.conversation) await this.load();
    if (this.query === null || this.shut || document.activeElement !== this.field) return;
    this.narrow(this.query);
  }

  async load() {
    const conversation = this.composer.conversation;
    this.problem = null;
    try {
      const found = await call("GET", "/agents/api/canned", { conversation });
      if (conversation === this.composer.conversation) Object.assign(this, { answers: found.answers, conversation });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.problem = error.message;
    }
  }

  narrow(query) {
    const rank = (one) => (one.shortcut.startsWith(query) ? 0 : one.shortcut.includes(query) ? 1 : one.text.toLowerCase().includes(query) ? 2 : 3);
    this.matching = (this.answers ?? []).map((one) => [rank(one), one]).filter(([place]) => place < 3)
      .sort(([one], [other]) => one - other).map(([, one]) => one).slice(0, MOST);
    this.at = 0;
    this.draw();
  }

  draw() {
    const options = this.matching.map((one, index) =>
      el("li.canned", { id: `canned-${index}`, role: "option", "aria-selected": String(index === this.at), onpointerdown: (event) => { event.preventDefault(); this.at = index; this.take(); } },
        el("span.row", {}, el("strong", {}, `/${one.shortcut}`), el("span.small.muted", {}, [one.language, one.team].filter(Boolean).join(" · "))),
        el("span.said.preview", { dir: "auto" }, one.filled)));
    const none = this.problem ?? (this.answers?.length ? "No canned answer matches. Esc closes this list." : "There are no canned answers yet.");
    fill(this.list, options.length ? options : el("li.none.small.muted", { role: "option", "aria-disabled": "true" }, none, " ", el("a", { href: "/agents/canned", onpointerdown: (event) => event.preventDefault() }, "Manage them")));
    this.list.hidden = false;
    this.field.setAttribute("aria-activedescendant", options.length ? `canned-${this.at}` : "");
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  hide() {
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.target !== this.field || this.list.hidden || event.isComposing) return;
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape") { this.shut = true; this.hide(); }
    else if (event.key in moves && this.matching.length) { this.at = (this.at + moves[event.key] + this.matching.length) % this.matching.length; this.draw(); }
    else if (event.key === "Enter" && !event.shiftKey || event.key === "Tab" && this.matching.length) this.take(); // an open list never sends "/..." to the customer
    else return;
    event.preventDefault();
  }

  take() {
    const one = this.matching[this.at];
    if (!one) return;
    this.hide();
    this.composer.insert(one.filled, { replace: true });
    const gap = one.filled.search(GAP);
    if (gap >= 0) this.field.setSelectionRange(gap, gap + one.filled.slice(gap).match(GAP)[0].length);
  }

  // A gap that nobody filled is said, and sending stays the agent's choice.
  drawGaps() {
    const open = this.composer.kind === "reply" ? [...new Set(this.composer.text().match(GAP) ?? [])] : [];
    this.gaps.hidden = !open.length;
    const said = open.length ? `Still to fill in: ${open.join(", ")}` : "";
    if (this.gaps.textContent !== said) this.gaps.textContent = said;
  }
}

// The review queue: one reply of the assistant after another, judged with a key: 1 right, 2 wrong, 3 harmless, arrows to move.
import { openCorrection } from "./correct.js";
import { el, fill } from "./dom.js";
import { followErased } from "./erased.js";
import { attempt, call } from "./http.js";
import { sheet } from "./sheet.js";
import { drawMessages, percent } from "./transcript.js";
import { languageName } from "./transcripts.js";
import { judge, MEANING, VERDICTS } from "./verdicts.js";

sheet(import.meta.url, "review.css");
sheet(import.meta.url, "transcripts.css");

const API = "/agents/api/review";
const STRATA = { "": "All", uniform: "By chance", thumbs_down: "Thumbs down", near_threshold: "Near the threshold", disagreement: "Sources disagree", refused_group: "Often refused" };
const KEYS = { 1: "right", 2: "wrong", 3: "harmless" };

export function start(root) {
  new Review(root).begin();
}

class Review {
  constructor(root) {
    Object.assign(this, { root, all: [], items: [], at: 0, why: "", done: {}, threshold: 0, busy: false, shown: 0 });
    this.judged = new Map();
  }

  async begin() {
    this.strata = el("div.strata", { role: "group", "aria-label": "Why a reply is shown" });
    this.today = el("p.today", { role: "status" });
    this.stage = el("div.stack", {});
    fill(this.root, el("div.sheet", {},
      el("div.stack", {}, el("div.row.between", {}, el("h1", {}, "Review"), this.today),
        el("p.muted.small.keys", {}, "Is this reply right? ", ...Object.entries(KEYS).flatMap(([key, verdict]) => [el("kbd", {}, key), ` ${verdict} `]), el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " move"),
        this.strata),
      this.stage));
    addEventListener("keydown", (event) => this.key(event));
    followErased(() => this.all.map((item) => item.conversation), (gone) => this.forget(gone));
    await this.reload();
  }

  async reload() {
    const queue = await attempt(() => call("GET", `${API}/queue`));
    if (!queue) return;
    Object.assign(this, { all: queue.items, done: queue.done, threshold: queue.threshold, drawn: queue.drawn });
    this.judged.clear();
    this.choose(this.why);
  }

  choose(why) {
    this.why = why;
    this.items = this.all.filter((item) => !why || item.why === why || (why !== "uniform" && item.signs.includes(why)));
    this.at = Math.max(0, this.items.findIndex((item) => !this.judged.has(nameOf(item))));
    this.show();
  }

  drawHead() {
    const open = (why) => this.all.filter((item) => !this.judged.has(nameOf(item)) && (!why || item.why === why || (why !== "uniform" && item.signs.includes(why)))).length;
    fill(this.strata, Object.entries(STRATA).map(([why, title]) =>
      el("button", { type: "button", "aria-pressed": String(this.why === why), onclick: () => this.choose(why) }, `${title} `, el("span.muted", {}, String(open(why))))));
    const total = Object.values(this.done).reduce((sum, count) => sum + count, 0);
    fill(this.today, el("strong", {}, `${total} judged today`), total ? el("span", {}, Object.entries(this.done).filter(([, count]) => count).map(([verdict, count]) => `${count} ${verdict}`).join(", ")) : null);
  }

  forget(gone) {
    const item = this.items[this.at];
    const stays = (one) => !gone.has(one.conversation);
    this.at = this.items.slice(0, this.at).filter(stays).length;
    Object.assign(this, { all: this.all.filter(stays), items: this.items.filter(stays) });
    if (item && !stays(item)) this.show();
    else this.drawHead();
  }

  async show() {
    this.drawHead();
    const item = this.items[this.at];
    const round = ++this.shown;
    if (!item) {
      fill(this.stage, el("div.empty.card", {}, el("p", {}, this.all.length ? "Nothing is left here." : "There is no reply to judge. New ones come with new conversations."),
        el("div.row.centred", {}, el("button", { type: "button", onclick: () => this.reload() }, "Look again"))));
      return;
    }
    const found = await attempt(() => call("GET", `${API}/items/${encodeURIComponent(item.conversation)}/${item.seq}`));
    if (round !== this.shown) return;
    if (!found) {
      fill(this.stage, el("div.card", {}, el("p", {}, "This reply cannot be shown; it may have been erased."), el("div.row", {}, el("button", { type: "button", onclick: () => this.move(1) }, "Next"))));
      return;
    }
    this.draw(item, found);
  }

  draw(item, found) {
    const list = el("ol", { "aria-label": "The reply and what was said around it" });
    drawMessages(list, found.messages, { corrections: found.corrections });
    const row = [...list.children].find((line) => line.dataset.seq === String(item.seq));
    row?.classList.add("judging");
    row?.querySelector("details")?.setAttribute("open", "");
    const verdict = this.judged.get(nameOf(item)) ?? found.verdict?.verdict;
    const buttons = Object.entries(KEYS).map(([key, name]) =>
      el(`button.${name}`, { type: "button", title: MEANING[name], "aria-pressed": String(verdict === name), "aria-keyshortcuts": key, onclick: () => this.say(name) }, VERDICTS[name], el("kbd", {}, key)));
    fill(this.stage,
      el("div.row.between", {},
        el("p.reasons", {}, el("span.chip.human", {}, this.reason(item)), item.signs.filter((sign) => sign !== item.why).map((sign) => el("span.chip", {}, STRATA[sign])), found.conversation.language ? el("span.muted.small", {}, languageName(found.conversation.language)) : null),
        el("div.row", {}, el("button.quiet", { type: "button", "aria-label": "Previous reply", disabled: this.at === 0, onclick: () => this.move(-1) }, "←"),
          el("span.muted.small", {}, `${this.at + 1} of ${this.items.length}`),
          el("button.quiet", { type: "button", "aria-label": "Next reply", onclick: () => this.move(1) }, "→"))),
      el("section.card", {}, list, el("p.small", {}, el("a", { href: `/agents/transcripts/${encodeURIComponent(item.conversation)}#m${item.seq}` }, "Whole conversation"))),
      el("div.decide", { role: "group", "aria-label": "Verdict" }, buttons));
    row?.scrollIntoView({ block: "nearest" });
  }

  reason(item) {
    const sure = `confidence ${percent(item.confidence)}`;
    return {
      uniform: "Drawn by chance", thumbs_down: "The customer gave a thumb down",
      near_threshold: `Near the threshold: ${sure}, answers from ${percent(this.threshold)}`,
      disagreement: item.agreement === null ? "A source was set aside for a newer one" : `Sources disagree: agreement ${percent(item.agreement)}`,
      refused_group: `Refused ${item.group} times: the question reads alike`,
    }[item.why];
  }

  async say(verdict) {
    const item = this.items[this.at];
    if (!item || this.busy) return;
    this.busy = true;
    try {
      const known = this.judged.get(nameOf(item));
      const saved = await judge({ conversation: item.conversation, seq: item.seq, verdict, why: this.why || item.why, drawn: this.drawn });
      if (!saved) return;
      if (known) this.done[known] -= 1;
      this.done[verdict] = (this.done[verdict] ?? 0) + 1;
      this.judged.set(nameOf(item), verdict);
      if (verdict === "wrong") await openCorrection({ conversation: item.conversation, seq: item.seq });
      if (this.items[this.at] !== item) return; // erased meanwhile: the next one stands there already
    } finally {
      this.busy = false;
    }
    this.move(1);
  }

  move(by) {
    const to = this.at + by;
    if (to < 0) return;
    if (to >= this.items.length && by > 0 && this.judged.size) { this.reload(); return; }
    this.at = Math.min(to, this.items.length);
    this.show();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || event.target.closest?.("input, textarea, select")) return;
    if (event.key in KEYS) { event.preventDefault(); this.say(KEYS[event.key]); }
    if (event.key === "ArrowRight") { event.preventDefault(); this.move(1); }
    if (event.key === "ArrowLeft") { event.preventDefault(); this.move(-1); }
  }
}

const nameOf = (item) => `${item.conversation}/${item.seq}`;

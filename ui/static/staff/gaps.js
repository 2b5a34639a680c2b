// Gaps: what customers asked and nothing fitted, in groups. Writing an answer makes it knowledge at once.
// Drafts survive a reload; the list follows the grouping, which runs on the server.
import { GAPS } from "./begun.js";
import { undoCorrection } from "./correct.js";
import { el, fill, moment } from "./dom.js";
import { followErased, lookForErased } from "./erased.js";
import { attempt, call, Refused, tell } from "./http.js";
import { keeper, keptKeys } from "./keeper.js";
import { oursBox } from "./ours.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "gaps.css");

const API = "/agents/api/gaps";
const TABS = { open: "Open", answered: "Answered", dismissed: "Not for us" };
const NONE = { open: "No group is open. Questions that find no answer are grouped here, as soon as two customers ask alike.", answered: "Nothing has been answered yet.", dismissed: "Nothing was set aside." };
const POLL_MS = 1500;
const tongues = new Intl.DisplayNames(undefined, { type: "language" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const number = new Intl.NumberFormat();

export function start(root, config) {
  new Gaps(root, drafts(config.user.id)).begin();
}

class Gaps {
  constructor(root, drafts) {
    Object.assign(this, { root, drafts, places: new Map(), loose: [], tab: new URLSearchParams(location.search).get("show") ?? "open", groups: [], writing: new Set(), timer: 0 });
    if (!(this.tab in TABS)) this.tab = "open";
  }

  begin() {
    this.status = el("p.small.muted", { role: "status" });
    this.progress = el("progress", { hidden: true, "aria-label": "Grouping" });
    this.tabs = el("div.gap-tabs", { role: "group", "aria-label": "Which groups" });
    this.list = el("div.stack", {});
    fill(this.root, el("div.sheet", {},
      el("div.stack", {}, el("h1", {}, "Gaps"), el("p.muted", {}, "Questions for which the assistant found nothing, grouped by what they ask. An answer that you write is given to the next customer who asks."), this.status, this.progress),
      this.tabs, this.list));
    followErased(() => [...this.groups.flatMap((group) => [group.asked_in, ...group.examples.map((one) => one.conversation)]), ...this.drafts.sources()],
      (gone) => { this.forget(gone); this.load(); });
    this.load();
  }

  async load() {
    clearTimeout(this.timer);
    const begun = this.drafts.all();
    const found = await attempt(() => call("GET", API, { drafts: begun.join(",") }));
    if (!found) return;
    this.found = found;
    this.groups = found.groups;
    this.place(begun);
    this.draw();
    if (found.computing || found.asking) this.timer = setTimeout(() => this.load(), POLL_MS);
  }

  // Each draft is kept under the newest question of its group as it was then: the server says which group that is in by now.
  place(begun) {
    const { found } = this, open = new Set(this.groups.filter((group) => group.status === "open").map((group) => group.id));
    this.places.clear();
    this.loose = [];
    for (const question of begun) {
      const group = found.drafts[question];
      if (open.has(group) && !this.places.has(group)) this.places.set(group, question);
      else if (found.state === "ready" && !found.computing) this.loose.push(question);
    }
    for (const group of this.places.keys()) this.writing.add(group);
  }

  placeOf(group) {
    if (!this.places.has(group.id)) this.places.set(group.id, String(group.newest));
    return this.places.get(group.id);
  }

  draw() {
    const { found } = this, [done, all] = found.progress;
    this.status.textContent = statusOf(found);
    this.progress.hidden = !found.computing;
    if (all) Object.assign(this.progress, { max: all, value: done });
    else this.progress.removeAttribute("value");
    const counts = Object.groupBy ? Object.groupBy(this.groups, (group) => group.status) : this.groups.reduce((all, group) => ({ ...all, [group.status]: [...(all[group.status] ?? []), group] }), {});
    fill(this.tabs, Object.entries(TABS).map(([key, name]) => el("button.quiet", { type: "button", "aria-pressed": String(key === this.tab), "data-tab": key, onclick: () => this.choose(key) }, `${name} (${counts[key]?.length ?? 0})`)));
    const shown = counts[this.tab] ?? [];
    const cards = shown.map((group) => this.card(group));
    fill(this.list, this.tab === "open" ? this.loose.map((question) => this.looseCard(question)) : null, cards, shown.length || found.state !== "ready" ? null : el("p.empty", {}, NONE[this.tab]), found.more ? el("p.muted.small", {}, `${number.format(found.more)} smaller groups are not shown.`) : null);
  }

  // A form whose question began with an erased conversation's words: of what was written the answer stays, see begun.js.
  forget(gone) {
    for (const card of this.list.querySelectorAll("[data-asked-in]")) if (gone.has(card.dataset.askedIn)) card.remove();
  }

  choose(tab) {
    this.tab = tab;
    history.replaceState(null, "", tab === "open" ? location.pathname : `?show=${tab}`);
    this.draw();
    this.tabs.querySelector(`[data-tab="${tab}"]`).focus();
  }

  // A card that is being written in is kept as it is, with the cursor where it was.
  card(group) {
    const old = this.list.querySelector(`[data-group="${group.id}"]`), same = JSON.stringify(group);
    const writing = group.status === "open" && this.writing.has(group.id);
    if (old && old.same === same && Boolean(old.querySelector("form")) === writing) return old;
    if (old?.contains(document.activeElement) && writing && old.querySelector("form")) return old;
    const form = writing ? this.form(group) : null;
    const card = el("article.card.gap", { "data-group": String(group.id), "data-asked-in": form?.askedIn ?? group.asked_in },
      el("header", {}, el("h2", { dir: "auto" }, group.name),
        el("p.size", {}, el("b", {}, number.format(group.customers)), el("span.small.muted", {}, "customers"))),
      el("div.facts.small.muted", {}, el("span.chip", {}, tongues.of(group.language) ?? group.language), trend(group, this.found.period_days),
        el("span", {}, `${number.format(group.size)} questions`), el("span", {}, `first ${day.format(new Date(group.first_seen))}, last ${day.format(new Date(group.last_seen))}`)),
      el("ul.examples", { "aria-label": "Examples" }, group.examples.map(example)),
      this.standing(group),
      group.status !== "open" ? null : form ?? el("div.row", {},
        el("button.primary", { type: "button", onclick: () => this.write(group) }, "Write an answer"),
        el("button", { type: "button", onclick: () => this.change("dismiss", group, "Set aside.") }, "Not for us")));
    card.same = same;
    return card;
  }

  looseCard(question) {
    const draft = this.drafts.read(question);
    const discard = () => { this.drafts.clear(question); this.loose = this.loose.filter((one) => one !== question); this.draw(); };
    return el("article.card.gap", {}, el("h2", {}, "An answer that you began"),
      el("p.small.muted", {}, "Its questions are not open any more: they were answered, set aside or erased, or are older than what is grouped."),
      draft.question ? el("p.said", { dir: "auto" }, draft.question) : null, el("p.said", { dir: "auto" }, draft.answer || "–"),
      el("div.row", {}, el("button", { type: "button", onclick: discard }, "Discard")));
  }

  standing(group) {
    const { decision, says } = group;
    if (!decision) return says?.answers ? el("p.decision.small", {}, `The assistant answers this now (confidence ${Math.round(100 * says.confidence)} %).`) : null;
    const since = decision.refused_since ? ` Refused ${number.format(decision.refused_since)} more times since then.` : "";
    if (decision.kind === "dismissed") return el("div.decision.aside.row.between", {}, el("span.small", {}, `${decision.agent} set this aside on ${moment(decision.at)}: not for us.${since}`),
      el("button", { type: "button", onclick: () => this.change("reopen", group, "Open again.") }, "Open again"));
    const doubt = (says && !says.answers) || decision.refused_since;
    const now = says ? (says.answers ? ` The assistant gives it now (confidence ${Math.round(100 * says.confidence)} %).` : " The assistant still does not give it to the question above: word the question closer to what customers write.") : "";
    return el(`div.decision.row.between${doubt ? ".doubt" : ""}`, {}, el("span.small", {}, `${decision.agent} answered this on ${moment(decision.at)}.${now}${since}`),
      decision.may_undo ? el("button", { type: "button", onclick: async () => { if (await undoCorrection({ id: decision.correction })) this.load(); } }, "Undo") : null);
  }

  write(group) {
    this.writing.add(group.id);
    this.draw();
    this.list.querySelector(`[data-group="${group.id}"] textarea[name="answer"]`).focus();
  }

  form(group) {
    const place = this.placeOf(group), draft = this.drafts.read(place);
    const began = draft.question && draft.asked ? { asked: draft.asked, asked_in: draft.asked_in } : { asked: group.asked, asked_in: group.asked_in };
    const question = el("textarea", { name: "question", rows: 2, maxlength: 8000, required: true, value: draft.question ?? group.question, dir: "auto" });
    const answer = el("textarea", { name: "answer", rows: 5, maxlength: 8000, required: true, value: draft.answer ?? "", dir: "auto" });
    const problem = el("p.problem", { role: "alert", hidden: true });
    const ours = oursBox();
    const save = el("button.primary", { type: "submit" }, "Save answer");
    // the question as it stands is a customer's: of it nothing is kept here
    const keep = () => this.drafts.write(place, { ...(question.value === group.question ? {} : { question: question.value, ...began }), answer: answer.value });
    const drop = () => { this.writing.delete(group.id); this.places.delete(group.id); this.drafts.clear(place); };
    for (const box of [question, answer]) box.addEventListener("input", keep);
    const leave = () => { drop(); this.draw(); };
    const send = async (event) => {
      event.preventDefault();
      save.disabled = true;
      problem.hidden = true;
      try {
        const made = await call("POST", `${API}/answer`, { group: group.id, asked: began.asked, question: question.value, answer: answer.value, ...ours.sent() });
        drop();
        tell(`Saved${made.masked ? "; personal data was taken out of the question" : ""}. The assistant now answers ${made.answered} of ${made.of} examples.`);
        await this.load();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.status === 404) {
          tell(error.message, "bad");
          await lookForErased(); // the question's conversation may be, or the group is another by now
          return await this.load();
        }
        problem.textContent = error.status === 401 ? `${error.message} Your text stays here.` : error.message;
        problem.hidden = false;
        ours.refused(error);
        if (error.status === 401) attempt(() => Promise.reject(error));
      } finally {
        save.disabled = false;
      }
    };
    return Object.assign(el("form.stack", { onsubmit: send },
      el("label", {}, "Question this answers", question), el("label", {}, "Answer", answer),
      el("p.small.muted", {}, "It is given word for word to everybody who asks this, with your name kept beside it. Names, numbers and addresses of customers are taken out."),
      problem, ours.node, el("div.row", {}, save, el("button", { type: "button", onclick: leave }, "Discard"))), { askedIn: began.asked_in });
  }

  async change(what, group, said) {
    const done = await attempt(() => call("POST", `${API}/${what}`, { group: group.id }));
    if (!done) return;
    tell(said);
    await this.load();
  }
}

function example(one) {
  return el("li", {}, el("a", { href: `/agents/transcripts/${encodeURIComponent(one.conversation)}#m${one.seq}` },
    el("span.said", { dir: "auto" }, one.text), el("time", { datetime: one.at }, day.format(new Date(one.at)))));
}

const customers = (count) => `${number.format(count)} ${count === 1 ? "customer" : "customers"}`;
const ARROWS = { up: "↑ more", down: "↓ fewer", level: "→ about as many", few: "too few to tell", unknown: "no earlier period to compare" };

function trend(group, period) {
  const numbers = group.trend === "unknown" ? `${customers(group.recent)} in ${period} days` : `${customers(group.recent)} in ${period} days, ${number.format(group.before)} in the ${period} before`;
  return el(`span.trend.${group.trend}`, { title: "Up or down only where chance alone would hardly do it (p < 0.05)." }, `${ARROWS[group.trend]}: ${numbers}`);
}

function statusOf(found) {
  if (found.state === "unavailable") return "Questions cannot be grouped: this server runs without the assistant.";
  const [done, all] = found.progress;
  const busy = found.computing ? ` Grouping${all ? ` (${number.format(done)} of ${number.format(all)} questions read)` : ""}…` : found.asking ? " Asking what is answered by now…" : "";
  if (found.state === "computing") return found.problem ?? busy.trim();
  const capped = found.capped ? ` Only the latest ${number.format(found.capped)} were grouped.` : "";
  return `${number.format(found.questions)} questions of the last ${found.window_days} days, grouped ${moment(found.computed_at)}.${capped}${busy}${found.problem ? ` ${found.problem}` : ""}`;
}

// Answers that were begun, by question, for one of the team, each with the question (asked) and conversation (asked_in) that its
// own wording began with.
function drafts(user) {
  const start = `${GAPS}${user}.`, at = (question) => keeper(`${start}${question}`);
  return {
    all: () => keptKeys(start).map((key) => key.slice(start.length)),
    sources: () => keptKeys(start).map((key) => keeper(key).read().asked_in).filter(Boolean),
    read: (question) => at(question).read(),
    write: (question, draft) => at(question).write(draft),
    clear: (question) => at(question).clear(),
  };
}

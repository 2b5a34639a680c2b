// The overview: what happened in a period, every figure with what it is of. The address holds period and language.
import { el, fill, moment, since } from "./dom.js";
import { attempt, call } from "./http.js";
import { plot, ranking } from "./plots.js";
import { sheet } from "./sheet.js";
import { reasonOf } from "./transcript.js";

sheet(import.meta.url, "overview.css");

const API = "/admin/api/figures";
const PERIODS = [7, 30, 90];
const TICK_MS = 15_000;
const WIDE = 1056;
const OUTCOMES = [["confirmed", "Confirmed", 0], ["answered_then_handed", "Then a person", 1], ["refuted", "Refuted", 3], ["silent", "Not known", 4]];
const tongues = new Intl.DisplayNames(undefined, { type: "language" });
const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const number = new Intl.NumberFormat();
const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}\u00a0%`;
const stars = (value) => value.toFixed(2);
const ms = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);
const seconds = (value) => (value < 120 ? `${Math.round(value)} s` : value < 7200 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`);
const amount = (count, what) => `${number.format(count)} ${what}${count === 1 ? "" : "s"}`;
const language = (code) => (code ? tongues.of(code) ?? code : "Not recognised");
const shortDay = (day) => days.format(new Date(`${day}T00:00:00Z`));

export function start(root) {
  new Overview(root).begin();
}

class Overview {
  constructor(root) {
    this.root = root;
    this.asked = Object.fromEntries(new URLSearchParams(location.search));
    Object.assign(this, { head: el("div.period"), today: el("dl.card.today", { "aria-label": "Now" }), body: el("div.figures") });
  }

  begin() {
    fill(this.root, el("div.sheet", {}, el("div.overview-head", {}, el("h1", {}, "Overview"), this.head), this.today, this.body));
    this.load();
    this.loadToday();
    setInterval(() => { if (!document.hidden) this.loadToday(); }, TICK_MS);
  }

  async loadToday() {
    const now = await attempt(() => call("GET", `${API}/today`));
    if (!now) return;
    const agents = now.agents.map((one) => one.name).join(", ");
    fill(this.today,
      fact("Waiting now", number.format(now.waiting)),
      fact("Longest wait", now.waiting_since ? since(now.waiting_since) : "–", now.waiting_since ? "late" : ""),
      fact("With agents", number.format(now.with_people)),
      fact("At the desk", number.format(now.agents.length), "", agents || "nobody"),
      fact("Today without a person", now.begun ? percent(now.kept / now.begun) : "–", "", `${number.format(now.kept)} of ${number.format(now.begun)} begun today (UTC)`));
  }

  async load() {
    this.body.setAttribute("aria-busy", "true");
    const wanted = { ...this.asked };
    const found = await attempt(() => call("GET", API, wanted));
    this.body.removeAttribute("aria-busy");
    if (!found || JSON.stringify(wanted) !== JSON.stringify(this.asked)) return;
    this.found = found;
    this.drawHead();
    fill(this.body, tiles(found), plots(found), languages(found), this.foot(found));
  }

  set(what) {
    Object.assign(this.asked, what);
    for (const [name, value] of Object.entries(this.asked)) if (!value) delete this.asked[name];
    const query = new URLSearchParams(this.asked);
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    this.load();
  }

  drawHead() {
    const { found } = this, focus = document.activeElement?.dataset?.key;
    const length = Math.round((Date.parse(found.last_day) - Date.parse(found.first_day)) / 864e5) + 1;
    const toToday = found.last_day === today();
    const back = (n) => ({ first: new Date(Date.parse(today()) - (n - 1) * 864e5).toISOString().slice(0, 10), last: today() });
    const day = (name, value) => el("label", {}, name === "first" ? "From" : "To",
      el("input", { type: "date", value, max: today(), "data-key": name, onchange: (event) => event.target.value && this.set({ first: found.first_day, last: found.last_day, [name]: event.target.value }) }));
    fill(this.head,
      el("div.segments", { role: "group", "aria-label": "Period" }, PERIODS.map((n) => el("button", {
        type: "button", "data-key": String(n), "aria-pressed": String(toToday && length === n), onclick: () => this.set(back(n)) }, `${n} days`))),
      day("first", found.first_day), day("last", found.last_day),
      el("label", {}, "Language", el("select", { "data-key": "language", onchange: (event) => this.set({ language: event.target.value }) },
        el("option", { value: "" }, "All"), found.all_languages.map((code) => el("option", { value: code, selected: code === found.language }, language(code))))));
    if (focus) this.head.querySelector(`[data-key="${focus}"]`)?.focus();
  }

  foot(found) {
    const file = (format) => `${API}/export?${new URLSearchParams({ format, first: found.first_day, last: found.last_day, ...(found.language ? { language: found.language } : {}) })}`;
    return el("div.row.between", {}, el("p.small.muted", {}, `Computed ${moment(found.computed_at)}. Days are UTC.`),
      el("div.row", {}, el("a.button", { href: file("csv"), download: "" }, "Counts as CSV"), el("a.button", { href: file("json"), download: "" }, "Figures as JSON")));
  }
}

function fact(name, value, kind = "", note = "") {
  return el(`div${kind ? `.${kind}` : ""}`, {}, el("dt.small.muted", {}, name), el("dd", {}, value), note ? el("dd.note.small.muted", {}, note) : null);
}

function tiles(found) {
  const { total, waits, csat, first_words: first, means } = found;
  const shares = Object.fromEntries(found.shares.map((one) => [one.key, one]));
  return el("section.tiles", { "aria-label": "Figures" },
    tile("Conversations", number.format(total.conversations), `${number.format(total.messages)} messages`, `${means.conversations} ${means.messages}`),
    ...["involved", "attempted", "confirmed", "durable", "handed"].map((key) => shareTile(shares[key])),
    tile("Wait for a person", waits.seconds.n ? seconds(waits.seconds.p50) : "–",
      [waits.seconds.n ? `median of ${number.format(waits.seconds.n)} taken; 95 % within ${seconds(waits.seconds.p95)}` : "nobody was taken over from waiting",
        `Never taken ${number.format(waits.never)} (${number.format(waits.left_contact)} left an address), waiting ${number.format(waits.waiting)}, stepped in ${number.format(waits.stepped_in)}`].join(". "), means.wait),
    tile("Rating", csat.mean === null ? "–" : `${stars(csat.mean)} / 5`,
      `${csat.low === null ? "" : `${stars(csat.low)} to ${stars(csat.high)}; `}${number.format(csat.n)} of ${number.format(csat.of)} rated${csat.of ? ` (${percent(csat.n / csat.of)})` : ""}`, means.csat),
    tile("First words", first.n ? ms(first.p50) : "–", first.n ? `median of ${number.format(first.n)} replies; 95 % within ${ms(first.p95)}` : "none measured", means.first));
}

function shareTile(one) {
  const range = one.share === null ? "" : `; 95 % interval ${percent(one.low)} to ${percent(one.high)}`;
  return tile(one.title, one.share === null ? "–" : percent(one.share), `${number.format(one.count)} of ${number.format(one.of)} ${one.of_title}${range}`, one.means);
}

function tile(name, value, note, means) {
  return el("article.card.tile", {}, el("h2", {}, name), el("p.big", {}, value), el("p.small.muted", {}, note), definition(means));
}

function definition(means) {
  return el("details.means", {}, el("summary", {}, "What is this?"), el("p", {}, means));
}

function plots(found) {
  const { days: each, means } = found;
  const labels = each.map((one) => one.day);
  const values = (name) => each.map((one) => one[name]);
  const common = { labels, label: shortDay };
  const topics = found.topics.found.map((one) => ({ name: one.topic?.replaceAll("_", " ") ?? "No topic", value: one.conversations }));
  const reasons = found.waits.reasons.map(([reason, count]) => ({ name: reason ? reasonOf(reason) : "No reason", value: count }));
  return el("div.plots", {},
    plotted("Conversations a day", means.conversations, plot({ ...common, title: "Conversations a day", width: WIDE, kind: "bar", format: number.format, series: [{ name: "Conversations", values: values("conversations") }] }), true),
    plotted("What became of attempted conversations", "Each attempted conversation is in one part, by the day it began. Grey is silence: it may have helped or not, and is never counted as solved.",
      plot({ ...common, title: "What became of attempted conversations", width: WIDE, kind: "stacked", format: number.format, series: outcomes(each) }), true),
    plotted("Messages a day", means.messages, plot({ ...common, title: "Messages a day", kind: "bar", format: number.format, series: [{ name: "Messages", values: values("messages") }] })),
    plotted("Hand-overs a day", "Conversations that began that day and went to a person.", plot({ ...common, title: "Hand-overs a day", kind: "bar", format: number.format, series: [{ name: "Handed over", values: values("handed") }] })),
    plotted("Mood", `${means.mood} Measured in ${number.format(found.total.moods)} of ${number.format(found.total.conversations)} conversations.`,
      plot({ ...common, title: "Mood", range: [-1, 1], format: (value) => value.toFixed(1), series: [{ name: "Mean mood", values: values("mood"), of: values("moods") }] })),
    plotted("First words", means.first, plot({ ...common, title: "Time to the first words", format: ms, series: ["p50", "p95"].map((name) => ({ name: name === "p50" ? "Median" : "95 % within", values: each.map((one) => one.first_words[name]), of: each.map((one) => one.first_words.n) })) })),
    plotted(`Topics, of ${amount(found.topics.of, "conversation")} answered from a source`, means.topics, topics.length ? ranking(topics, number.format) : el("p.muted.small", {}, "Nothing in this period.")),
    plotted(`Why people were asked for, of ${amount(found.waits.asked, "hand-over")}`, "The reason of each hand-over asked for in the period; those where a person stepped in unasked are left out.", reasons.length ? ranking(reasons, number.format) : el("p.muted.small", {}, "Nothing in this period.")));
}

function outcomes(each) {
  return OUTCOMES.map(([key, name, tone]) => ({ name, tone, values: each.map((one) => one[key]) }));
}

function plotted(title, means, drawn, wide = false) {
  return el(`section.card.plotted${wide ? ".wide" : ""}`, {}, el("h2", {}, title), drawn, definition(means));
}

function languages(found) {
  if (!found.languages.length) return null;
  const of = (count, all) => (all ? [percent(count / all), el("span.small.muted", {}, ` ${number.format(count)} of ${number.format(all)}`)] : "–");
  const noted = (value, note) => [value, el("span.small.muted", {}, ` ${note}`)];
  const spread = ({ n, p50, p95 }, format) => (n ? noted(`${format(p50)} / ${format(p95)}`, `of ${number.format(n)}`) : "–");
  const cells = (one) => [of(one.involved, one.conversations), of(one.attempted, one.conversations), of(one.confirmed, one.attempted), of(one.durable, one.attempted_known), of(one.handed, one.conversations),
    spread(one.wait, seconds), one.csat.mean === null ? "–" : noted(stars(one.csat.mean), `of ${number.format(one.csat.n)}`),
    one.mood === null ? "–" : noted(one.mood.toFixed(2), `of ${number.format(one.moods)}`), spread(one.first_words, ms)];
  return el("section.card", {}, el("h2", {}, "By language"), byLanguage(found), el("div.scroll", {}, el("table.by-language", {}, el("caption.sr", {}, "Figures by language"),
    el("thead", {}, el("tr", {}, ["Language", "Begun", "Involved", "Attempted", "Confirmed", "Durable", "Hand-over", "Wait p50 / p95", "Rating", "Mood", "First words p50 / p95"].map((name, at) => el(`th${at ? ".number" : ""}`, { scope: "col" }, name)))),
    el("tbody", {}, found.languages.map((one) => el("tr", {}, el("th", { scope: "row" }, language(one.language)), el("td.number", {}, number.format(one.conversations)), cells(one).map((cell) => el("td.number", {}, cell))))))));
}

// Shares side by side, so that a language that does worse is seen at once.
function byLanguage({ languages: each }) {
  const share = (count, all) => (all ? count / all : null);
  return plot({ labels: each.map((one) => language(one.language)), label: (name) => name, title: "Shares by language", width: WIDE, kind: "bar", of: "Language", range: [0, 1], format: percent, series: [
    { name: "Attempted", tone: 0, values: each.map((one) => share(one.attempted, one.conversations)) },
    { name: "Confirmed", tone: 1, values: each.map((one) => share(one.confirmed, one.attempted)) },
    { name: "Hand-over", tone: 3, values: each.map((one) => share(one.handed, one.conversations)) }] });
}

function today() { return new Date().toISOString().slice(0, 10); }

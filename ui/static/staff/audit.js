// The audit log: newest first, filtered by what was done, to what, and by whom; older pages are added below.

import { debounce, el, fill, moment } from "./dom.js";
import { attempt, call } from "./http.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "people.css");

const AREAS = [["", "Everything"], ["session", "Signing in and out"], ["user", "People"], ["team", "Teams"], ["link", "One-time links"],
  ["transcript", "Transcripts seen"], ["conversation", "Conversations"], ["review", "Verdicts"], ["correction", "Corrections"],
  ["knowledge", "Knowledge"], ["index", "Index"], ["models", "Models"], ["gap", "Gaps"], ["canned", "Canned answers"], ["export", "Exports"], ["erase", "Erasures"]];

const FEW = 4; // a list this long is counted, and opens

export async function start(root) {
  const [filters, body] = [el("div.row.filters"), el("tbody")];
  const older = el("button", { type: "button", hidden: true }, "Older entries");
  const empty = el("p.empty", { hidden: true }, "Nothing matches.");
  const asked = Object.fromEntries(new URLSearchParams(location.search));
  const state = { action: asked.action ?? "", target: asked.target ?? "", user_id: asked.user_id ?? "", last: null };

  const load = async (more) => {
    const { last, ...wanted } = state;
    const page = await attempt(() => call("GET", "/admin/api/audit", more ? { ...wanted, before: last } : wanted));
    if (!page) return;
    if (!more) {
      fill(body);
      const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
      history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    }
    body.append(...page.entries.map((entry) => row(entry, narrow)));
    state.last = page.entries.at(-1)?.id ?? null;
    older.hidden = !page.more;
    empty.hidden = body.childElementCount > 0;
  };
  const narrow = (what) => { Object.assign(state, what); draw(); load(false); };
  const draw = () => fill(filters,
    el("label", {}, "What", el("select", { onchange: (event) => narrow({ action: event.target.value }) },
      AREAS.map(([value, text]) => el("option", { value, selected: value === state.action }, text)))),
    el("label", {}, "Which thing", el("input", { value: state.target, placeholder: "user:7, conversation:…", oninput: debounce((event) => { state.target = event.target.value.trim(); load(false); }) })),
    el("label", {}, "User number", el("input", { value: state.user_id, inputmode: "numeric", oninput: debounce((event) => { state.user_id = event.target.value.replace(/\D/g, ""); load(false); }) })),
    (state.action || state.target || state.user_id) && el("button.quiet", { type: "button", onclick: () => narrow({ action: "", target: "", user_id: "" }) }, "Show all"));
  older.addEventListener("click", () => load(true));

  const head = ["When", "Who", "What", "Which", "Details", "Network"].map((name) => el("th", {}, name));
  draw();
  fill(root, el("div.sheet", {},
    el("div", {}, el("h1", {}, "Audit log"), el("p.muted", {}, "Every view of a transcript, change, export and publication. It can only grow: the database itself refuses changes.")),
    filters,
    el("section.card", {}, el("div.scroll", {}, el("table.rows", {}, el("thead", {}, el("tr", {}, head)), body)), empty, older)));
  await load(false);
}

function row(entry, narrow) {
  const link = (text, what, label, title = null) => el("button.link", { type: "button", "aria-label": label, title, onclick: () => narrow(what) }, text);
  const [number, ...name] = entry.actor.split(" ");
  const who = /^\d+$/.test(number) ? link(name.join(" "), { user_id: number }, `Only what ${name.join(" ")} did`) : entry.actor;
  return el("tr", {},
    el("td.small.when", {}, moment(entry.at)), el("td", {}, who), el("td.mono.action", {}, entry.action),
    el("td.mono.target", {}, entry.target && link(short(entry.target), { target: entry.target }, `Only ${entry.target}`, entry.target)),
    el("td.small.detail", {}, Object.entries(entry.detail).map(([key, value]) => el("div", {}, fact(key, value)))), el("td.small", {}, entry.network ?? ""));
}

// Ids are long: their head tells them apart, and the whole is in the title.
const short = (target) => target.replace(/(?<=:[\w-]{8})[\w-]{3,}$/, "…");
const plain = (value) => (value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));

function fact(key, value) {
  if (!Array.isArray(value) || value.length < FEW) return `${key}: ${Array.isArray(value) ? value.map(plain).join(", ") || "none" : plain(value)}`;
  return el("details", {}, el("summary", {}, `${key}: ${value.length}`), el("span.mono", {}, value.map(plain).join(", ")));
}

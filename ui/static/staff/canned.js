// The page of the canned answers: a list, and a form to write one. Who may change which is the server's to say.
import { el, fill, moment } from "./dom.js";
import { ask, choice, field, form, sure } from "./form.js";
import { attempt, call, tell } from "./http.js";
import { keeper } from "./keeper.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "canned.css");

const API = "/agents/api/canned";
const HELP = "Filled when inserted, where known: {customer_name} {agent_name} {company}. Any other word in braces stays as a gap to fill in.";

export function start(root) {
  const page = { answers: [], teams: [], filter: "" };
  const list = el("div.stack", {});
  const search = el("input", { type: "search", placeholder: "Search", "aria-label": "Search", oninput: () => { page.filter = search.value.trim().toLowerCase(); draw(); } });
  const add = el("button.primary", { type: "button", hidden: true, onclick: () => edit(null) }, "New answer");
  root.append(el("div.sheet", {},
    el("div.row.between", {}, el("h1", {}, "Canned answers"), add),
    el("p.muted", {}, "Type / at the start of a reply to insert one of these. ", HELP),
    search, list));
  load();

  async function load() {
    const found = await attempt(() => call("GET", API));
    if (!found) return;
    Object.assign(page, found);
    add.hidden = !page.teams.length; // whoever has no team, where there are teams, uses what others write
    draw();
  }

  function draw() {
    const shown = page.answers.filter((one) => `${one.shortcut} ${one.text}`.toLowerCase().includes(page.filter));
    const none = page.answers.length ? "Nothing matches." : add.hidden ? "There are no canned answers yet." : "There are no canned answers yet. Write the first one.";
    fill(list, shown.length ? shown.map(card) : el("p.empty", {}, none));
  }

  function card(one) {
    return el("article.card.canned-card", { "data-id": one.id },
      el("div.row.between", {},
        el("div.row", {}, el("h2.mono", {}, `/${one.shortcut}`), el("span.chip", {}, one.language ?? "any language"), el("span.chip", {}, one.team ?? "Everybody")),
        one.own ? el("div.row", {}, el("button.quiet", { type: "button", "aria-label": `Edit /${one.shortcut}`, onclick: () => edit(one) }, "Edit"),
          el("button.quiet", { type: "button", "aria-label": `Delete /${one.shortcut}`, onclick: () => remove(one) }, "Delete")) : null),
      el("p.said", { dir: "auto" }, one.text),
      el("p.small.muted", {}, `${one.author ?? "Somebody who has left"}, ${moment(one.updated_at)}`));
  }

  async function edit(one) {
    const draft = keeper(`canned:${one?.id ?? "new"}`);
    const kept = { ...one, ...draft.read() };
    const saved = await ask(one ? `Edit /${one.shortcut}` : "New canned answer", (close) => {
      const teams = page.teams.map((team) => [String(team.id ?? ""), team.name]);
      const text = el("textarea", { name: "text", rows: 6, required: true, maxlength: 4000, value: kept.text ?? "" });
      const node = form([
        field("Shortcut", { name: "shortcut", value: kept.shortcut ?? "", required: true, maxlength: 41, autocomplete: "off" }, "What is typed after /, such as return-label."),
        el("label", {}, "Answer", text, el("span.small", {}, HELP)),
        el("div.grid2", {}, field("Language", { name: "language", value: kept.language ?? "", maxlength: 3, autocomplete: "off" }, "A code such as en or de; empty for any."),
          choice("Whose", "team_id", teams, String(kept.team_id ?? page.teams[0]?.id ?? ""))),
      ], "Save", async (values) => {
        const body = { ...values, language: values.language.trim() || null, team_id: values.team_id ? Number(values.team_id) : null };
        await call("POST", one ? `${API}/${one.id}` : API, body);
        draft.clear();
        close(true);
      });
      node.addEventListener("input", () => draft.write(Object.fromEntries(new FormData(node))));
      return node;
    });
    if (saved) { tell("Saved."); load(); }
  }

  async function remove(one) {
    if (!(await sure(`Delete /${one.shortcut}?`, "Nobody can insert it any more. Messages that were sent stay as they are.", "Delete"))) return;
    if (await attempt(() => call("DELETE", `${API}/${one.id}`))) { tell("Deleted."); load(); }
  }
}

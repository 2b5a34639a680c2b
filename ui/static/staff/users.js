// The people page: users with role and team, one-time links, teams with languages.

import { el, fill, moment } from "./dom.js";
import { ask, choice, copy, field, form, sure } from "./form.js";
import { attempt, call, tell } from "./http.js";

const ROLES = [["agent", "Agent"], ["admin", "Admin"]];

export async function start(root, config) {
  const sheet = el("div.sheet");
  fill(root, sheet);
  await draw(sheet, config);
}

async function draw(sheet, config) {
  const all = await attempt(() => call("GET", "/admin/api/users"));
  if (!all) return;
  const redraw = () => draw(sheet, config);
  fill(sheet,
    el("div.row.between", {}, el("h1", {}, "People"), el("button.primary", { type: "button", onclick: () => addUser(all, redraw) }, "Add somebody")),
    el("section.card", {}, el("div.scroll", {}, people(all, config, redraw))),
    el("section.card", {},
      el("div.row.between", {}, el("h2", {}, "Teams"), el("button", { type: "button", onclick: () => editTeam(null, redraw) }, "Add a team")),
      el("p.muted.small", {}, "An agent sees the conversations of the own team, those of no team, and those in the own hands. A team gets hand-overs in its languages first."),
      teams(all.teams, redraw)));
}

function people(all, config, redraw) {
  const rows = all.users.map((user) => el("tr", { class: user.disabled ? "off" : null },
    el("td", {}, el("strong", {}, user.name), el("div.muted.small", {}, user.email)),
    el("td", {}, el("div.row.tight", {}, state(user))),
    el("td", {}, select(`Role of ${user.name}`, ROLES, user.role, (role) => change(user, { role }, redraw), user.disabled)),
    el("td", {}, select(`Team of ${user.name}`, [["", "No team"], ...all.teams.map((team) => [String(team.id), team.name])], String(user.team_id ?? ""),
      (team) => change(user, { team_id: team ? Number(team) : null }, redraw), user.disabled)),
    el("td.small", {}, user.seen_at ? moment(user.seen_at) : "never here"),
    el("td", {}, el("button.quiet", { type: "button", "aria-label": `More for ${user.name}`, onclick: () => more(user, config, redraw) }, "More…"))));
  const head = ["Name", "", "Role", "Team", "Last here", ""].map((name) => el("th", {}, name));
  return el("table.rows", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
}

function state(user) {
  if (user.disabled) return [el("span.chip.bad", {}, "Disabled")];
  return [!user.can_sign_in && el("span.chip.wait", {}, "Link not used yet"), user.second_factor && el("span.chip.good", {}, "Second factor")];
}

function select(label, options, chosen, act, disabled) {
  return el("select", { "aria-label": label, disabled, onchange: (event) => act(event.target.value) },
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
}

async function change(user, what, redraw) {
  if (await attempt(() => call("POST", `/admin/api/users/${user.id}`, what))) tell(`Saved for ${user.name}.`);
  redraw();
}

async function addUser(all, redraw) {
  const made = await ask("Add somebody", (close) => form(
    [
      field("Name", { name: "name", required: true, maxlength: 100, autocomplete: "off" }),
      field("E-mail address", { name: "email", type: "email", required: true, maxlength: 254, autocomplete: "off" }),
      choice("Role", "role", ROLES, "agent"),
      choice("Team", "team", [["", "No team"], ...all.teams.map((team) => [String(team.id), team.name])], ""),
    ],
    "Add",
    async ({ name, email, role, team }) => close(await call("POST", "/admin/api/users", { name, email, role, team_id: team ? Number(team) : null })),
  ));
  if (made) { redraw(); showLink(made.name, made.link); }
}

function showLink(name, link) {
  const shown = el("input", { value: link, readonly: true, "aria-label": "One-time link", onfocus: (event) => event.target.select() });
  return ask(`A link for ${name}`, () => [
    el("p", {}, "Hand it over in person or by a message that only they can read. It works once, for 72 hours, and is not shown again."),
    shown,
    el("div.row", {}, el("button.primary", { type: "button", onclick: () => copy(link) }, "Copy the link")),
  ]);
}

function more(user, config, redraw) {
  const self = config.user.id === user.id;
  return ask(user.name, (close) => {
    const act = (label, work, kind = "plain") => el(`button.${kind}`, { type: "button", onclick: () => { close(); work(); } }, label);
    return el("div.stack.acts", {},
      act("Rename…", () => rename(user, redraw)),
      !user.disabled && act("New one-time link", () => newLink(user)),
      !user.disabled && act("Sign out everywhere", () => signOut(user)),
      user.second_factor && act("Remove the second factor…", () => dropFactor(user, redraw)),
      user.disabled
        ? act("Enable", () => change(user, { disabled: false }, redraw))
        : !self && act("Disable…", () => disable(user, redraw), "danger"));
  });
}

async function rename(user, redraw) {
  const name = await ask(`Rename ${user.name}`, (close) => form([field("Name", { name: "name", value: user.name, required: true, maxlength: 100 })], "Save", async (given) => close(given.name)));
  if (name) change(user, { name }, redraw);
}

async function newLink(user) {
  const made = await attempt(() => call("POST", `/admin/api/users/${user.id}/link`));
  if (made) showLink(user.name, made.link);
}

async function signOut(user) {
  const done = await attempt(() => call("POST", `/admin/api/users/${user.id}/sign-out`));
  if (done) tell(`${user.name} is signed out (${done.ended}).`);
}

async function dropFactor(user, redraw) {
  if (!(await sure("Remove the second factor?", `${user.name} then signs in with the password alone, until a new one is set up. Make sure who is asking.`, "Remove"))) return;
  if (await attempt(() => call("POST", `/admin/api/users/${user.id}/second-factor/off`))) tell("Removed.");
  redraw();
}

async function disable(user, redraw) {
  if (await sure(`Disable ${user.name}?`, "They are signed out everywhere at once and cannot sign in again until enabled. Nothing that they did is deleted.", "Disable")) change(user, { disabled: true }, redraw);
}

function teams(list, redraw) {
  if (!list.length) return el("p.empty", {}, "No teams: every agent sees every conversation.");
  return el("ul.stack", {}, list.map((team) => el("li.row.between", {},
    el("span", {}, el("strong", {}, team.name), ` · ${team.members} ${team.members === 1 ? "person" : "people"}`, team.languages.length ? ` · ${team.languages.join(", ")}` : ""),
    el("button.quiet", { type: "button", "aria-label": `Change ${team.name}`, onclick: () => editTeam(team, redraw) }, "Change…"))));
}

async function editTeam(team, redraw) {
  const saved = await ask(team ? `Change ${team.name}` : "Add a team", (close) => form(
    [
      field("Name", { name: "name", value: team?.name ?? "", required: true, maxlength: 100 }),
      field("Languages", { name: "languages", value: team?.languages.join(", ") ?? "" }, "Codes such as en, de; empty: any."),
    ],
    "Save",
    async ({ name, languages }) => {
      const body = { name, languages: languages.split(/[\s,]+/).filter(Boolean) };
      close(await call("POST", team ? `/admin/api/teams/${team.id}` : "/admin/api/teams", body));
    },
  ));
  if (saved) redraw();
}

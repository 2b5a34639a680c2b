// Model versions: what is published, every version's card, publishing and the way back.
import { el, fill, moment } from "./dom.js";
import { ask } from "./form.js";
import { attempt, call, tell } from "./http.js";

export const API = "/admin/api/models";
const ENCODER = "/admin/api/knowledge/encoder/rollback"; // its pointer is the index
const KINDS = { generator: "Generator", encoder: "Encoder", heads: "Topics and mood" };

export function startVersions(pane, followCommand) {
  const load = async () => {
    const found = await attempt(() => call("GET", API));
    if (found) draw(pane, found, load, followCommand);
  };
  pane.addEventListener("shown", load);
  load();
}

function draw(pane, found, load, followCommand) {
  const rows = found.versions.map((version) => row(version, found, load, followCommand));
  const broken = Object.entries(found.broken).map(([name, why]) => el("p.problem", {}, `${name}: ${why}`));
  fill(pane, found.problem ? el("p.problem", {}, found.problem) : null, now(found, load), broken,
    el("section.card", {}, el("h2", {}, "Versions"),
      rows.length ? el("div.scroll", {}, el("table.versions", {}, el("thead", {}, el("tr", {}, ...["Version", "Made", "How", "Scores", ""].map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows)))
        : el("p.empty", {}, "No version yet. Build a data set and tune a model under “Train and publish”.")),
    found.history.length ? past(found.history) : null);
}

const aside = (published, served) => published && published !== served ? el("span.chip.wait", {}, `${published} is published, not in use`) : null;

function now(found, load) {
  const kinds = [
    ["Generator", found.serving.generator ?? `base (${found.base})`, found.generator ? "generator" : null, aside(found.generator, found.serving.generator)],
    ["Topics and mood", found.serving.heads ?? "none: the lexicon", found.heads ? "heads" : null, aside(found.heads, found.serving.heads)],
  ];
  const why = [found.serving.pinned ? found.generator && `${found.serving.pinned} in the settings goes before the published generator.` : found.serving.problem, found.serving.heads_problem];
  return el("section.card", {}, el("h2", {}, "In use"),
    why.filter(Boolean).map((one) => el("p.problem", {}, one)),
    el("dl.facts", {}, kinds.flatMap(([title, name, kind, beside]) => [el("dt", {}, title),
      el("dd.row", {}, el("span.mono", {}, name), beside, kind ? el("button", { type: "button", onclick: () => back(kind, found[kind], load) }, "Roll back") : null)]),
      el("dt", {}, "Encoder"), el("dd.row", {}, el("span.mono", {}, found.encoder ?? "no index yet"), el("a.small", { href: "/admin/knowledge#index" }, "index versions"),
        found.encoder?.startsWith("encoder-v") ? el("button", { type: "button", onclick: () => back("encoder", found.encoder.split("@")[0], load) }, "Roll back") : null),
      el("dt", {}, "Replies"), el("dd", {}, REPLIES[found.reply_mode])));
}

const REPLIES = { precedent: "the past answer word for word (reply_mode = precedent)", adapted: "the past answer, fitted to the question by the generator and checked (reply_mode = adapted)",
  generated: "written by the generator from past answers and checked (reply_mode = generated)" };

async function back(kind, name, load) {
  const reason = el("input", { name: "reason", maxlength: 500, placeholder: "What was wrong? Kept in the history." });
  const yes = await ask(`Roll back ${name}`, (close) => [
    el("p", {}, `What was published before it is used again${kind === "encoder" ? ", with the newest index that it built: what was imported since then is not in it until it is built anew. Where none is kept, one is built first" : ""}. Running chats go on; no reply is lost.`), el("label", {}, "Reason", reason),
    el("div.row", {}, el("button.danger", { type: "button", onclick: () => close(true) }, "Roll back"))]);
  if (!yes) return;
  const done = await attempt(() => kind === "encoder" ? call("POST", ENCODER, { reason: reason.value }) : call("POST", `${API}/rollback`, { kind, reason: reason.value }));
  if (done?.job) location.href = "/admin/knowledge#index";
  else if (done) { tell(`${done.version ?? "The base model"} is used again.`); load(); }
}

function row(version, found, load, followCommand) {
  const used = version.kind === "encoder" ? found.encoder?.startsWith(version.name) : found.serving[version.kind] === version.name;
  const published = version.kind === "encoder" ? used : found[version.kind] === version.name;
  return el("tr", {},
    el("td", {}, el("span.mono", {}, version.name), " ", used ? el("span.chip.good", {}, "in use") : published ? el("span.chip.wait", {}, "published, not in use") : null, el("div.small.muted", {}, KINDS[version.kind])),
    el("td.when", {}, moment(version.created_at)),
    el("td.small", {}, [version.method, version.format, version.parent ? `from ${version.parent}` : `on ${version.base}`, version.dataset ? `data ${version.dataset}` : null].filter(Boolean).join(", ")),
    el("td.small", {}, el("div.scores", {}, figures(version.scores))),
    el("td", {}, el("div.row.end.acts", {},
      el("button.quiet", { type: "button", onclick: () => card(version.name) }, "Card"),
      published ? null : el("button", { type: "button", onclick: () => publish(version.name, followCommand) }, "Publish…"))));
}

const figures = (scores) => Object.entries(scores).map(([name, value]) => el("span", {}, el("span.muted", {}, `${name} `), el("span.number", {}, value)));

async function card(name) {
  const found = await attempt(() => call("GET", `${API}/versions/${name}`));
  if (!found) return;
  await ask(name, () => {
    const facts = { Kind: KINDS[found.kind], Base: found.base, Licence: found.licence, Languages: found.languages.join(", ") || "any", "Data set": found.dataset || "none",
      "Learnt from": `${found.conversations.toLocaleString()} conversations`, Method: found.method, Format: found.format, "Good for": found.fit.join(", ") || "not evaluated",
      Took: `${Math.round(found.seconds)} s, ${Math.round(found.peak_memory_mb)} MB`, Machine: found.machine, Notes: found.notes };
    return [el("dl.facts", {}, Object.entries(facts).filter(([, value]) => value).flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, String(value))])),
      el("details", {}, el("summary", {}, "Hyper-parameters and scores"), el("pre.output", {}, JSON.stringify({ hyperparameters: found.hyperparameters, scores: found.scores }, null, 2))),
      el("div.row", {}, el("button", { type: "button", onclick: async () => {
        const done = await attempt(() => call("POST", `${API}/versions/${name}/verify`, {}));
        if (done) tell(`${name} is whole: all ${done.files} files match its card.`);
      } }, "Verify every byte"))];
  });
}

async function publish(name, followCommand) {
  const force = el("input", { type: "checkbox" });
  const reason = el("input", { maxlength: 500 });
  const yes = await ask(`Publish ${name}`, (close) => [
    el("p", {}, "It is judged against what is published, or else against its own base and the past answers that customers read then, on the same held-out turns: not worse overall, in no language, on no question that must be refused, and it repeats no planted secret. Only then it is swapped in, beside running chats."),
    el("label.check", {}, force, "Publish even if the gate says no"), el("label", {}, "Reason (kept; needed with the box above)", reason),
    el("div.row", {}, el("button.primary", { type: "button", onclick: () => close(true) }, "Judge and publish"))]);
  if (!yes) return;
  const started = await attempt(() => call("POST", `${API}/commands`, { wish: { task: "publish", version: name, force: force.checked, reason: reason.value } }));
  if (started) followCommand();
}

function past(history) {
  const line = (entry) => el("tr", {}, el("td.when", {}, moment(entry.at)), el("td", {}, entry.action === "rollback" ? "rolled back to" : "published", " ", el("span.mono", {}, entry.version ?? `base ${entry.kind}`)),
    el("td", {}, entry.by), el("td.small", {}, [entry.forced ? "against the gate's verdict" : null, entry.reason].filter(Boolean).join(": ")));
  return el("section.card", {}, el("h2", {}, "History"), el("div.scroll", {}, el("table", {}, el("tbody", {}, history.map(line)))));
}

// The index: its versions, building a new one, going back to an earlier one.
import { ask } from "./dialogs.js";
import { el, fill, moment } from "./dom.js";
import { attempt, call, tell } from "./http.js";
import { currentJob, followJob } from "./knowledge_job.js";

const API = "/admin/api/knowledge";

export function startIndex(pane) {
  const place = el("div");
  const rows = el("tbody");
  const summary = el("p.muted");
  const build = el("button.primary", { type: "button", onclick: start }, "Re-index now");
  async function load() {
    const found = await attempt(() => call("GET", `${API}/versions`));
    if (!found) return;
    const changes = [found.written ? `${found.written} written` : null, found.retired ? `${found.retired} taken out` : null].filter(Boolean).join(", ");
    const held = changes ? `In use already, and kept beside the index until it is built again: ${changes}.` : found.versions.length ? "The index holds everything that the team has written." : "";
    summary.textContent = found.waiting ? `${found.waiting.toLocaleString()} imported ${found.waiting === 1 ? "answer waits" : "answers wait"} for the next re-index; until then nobody is given them. ${held}` : held;
    fill(rows, found.versions.map((version) => versionRow(version, load)));
    if (!found.versions.length) fill(rows, el("tr", {}, el("td", { colspan: 5 }, "There is no index yet; build one.")));
  }
  async function start() {
    const job = await attempt(() => call("POST", `${API}/index`, {}));
    if (job) follow(job);
  }
  async function follow(job) {
    build.disabled = true;
    const ended = await followJob(place, job);
    build.disabled = false;
    if (ended?.state === "done") tell(ended.result.published ? `Version ${ended.result.version} is served: ${ended.result.passages.toLocaleString()} passages.` : "Nothing has changed; the current version stays.");
    else if (ended) tell(ended.state === "cancelled" ? "Cancelled. The current version stays." : ended.error, ended.state === "cancelled" ? "good" : "bad");
    setTimeout(load, 500);
  }
  fill(pane, el("div.row.between", {}, summary, build), place,
    el("div.card.scroll", {}, el("table.versions", {}, el("thead", {}, el("tr", {}, ["Version", "Built", "Passages", "Languages", ""].map((title) => el("th", {}, title)))), rows)));
  pane.addEventListener("shown", load);
  load();
  currentJob().then((job) => { if (job?.kind === "index" && job.state === "running") follow(job); });
}

function versionRow(version, changed) {
  const languages = Object.entries(version.languages).map(([name, count]) => `${name} ${count.toLocaleString()}`).join(", ");
  const check = el("button.quiet", { type: "button", onclick: async () => {
    const done = await attempt(() => call("POST", `${API}/versions/${version.name}/verify`, {}));
    if (done) tell(`${version.name} is whole: all ${done.files} files match their manifest.`);
  } }, "Verify");
  const back = version.current || version.problem ? null : el("button", { type: "button", onclick: async () => {
    if (!(await ask(`Serve ${version.name} again?`, "What the team has written since stays in use.", "Roll back"))) return;
    if (await attempt(() => call("POST", `${API}/versions/${version.name}/rollback`, {}))) { tell(`${version.name} is served.`); changed(); }
  } }, "Roll back to this");
  return el("tr", {}, el("td", {}, el("span.mono", {}, version.name), " ", version.current ? el("span.chip.good", {}, "served") : null, version.problem ? el("span.chip.bad", {}, "broken") : null),
    el("td.when", {}, moment(version.created_at)), el("td.number", { "data-name": "Passages" }, version.passages.toLocaleString()), el("td.small", { "data-name": "Languages" }, version.problem ?? languages),
    el("td.wide", {}, el("div.row.end", {}, check, back)));
}

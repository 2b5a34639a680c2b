// Import of an export: choose a file, see what would come in, take it in or throw it away.
import { el, fill } from "./dom.js";
import { attempt, call, Refused, tell } from "./http.js";
import { currentJob, followJob } from "./knowledge_job.js";

const API = "/admin/api/knowledge";

export function startImport(pane) {
  const file = el("input", { type: "file", accept: ".json,.jsonl,.csv,.gz,.txt,.ndjson" });
  const choose = el("form.card", {},
    el("label", {}, "Export of past conversations or of a help centre (JSON, JSONL or CSV, also gzip)", file),
    el("p.small.muted", {}, "Zendesk, Intercom, Freshdesk, Chatwoot, question-and-answer lists and others are told apart by themselves. Nothing is imported before you have seen what would come in."),
    el("div.row", {}, el("button.primary", { type: "submit" }, "Look at it")));
  const place = el("div.stack");
  choose.addEventListener("submit", (event) => { event.preventDefault(); if (file.files[0]) look(file.files[0]); else tell("Choose a file first.", "bad"); });
  async function look(chosen) {
    const job = await attempt(() => upload(chosen, place).catch((error) => { if (!(error instanceof Refused) || error.status === 401) throw error; fill(place, failed(error.message)); return null; }));
    if (job) follow(job);
    else if (job === undefined) place.replaceChildren();
  }
  async function take(uploaded) {
    const job = await attempt(() => call("POST", `${API}/import`, { upload: uploaded }).catch(async (error) => {
      const now = error.status === 409 ? await currentJob() : null;
      if (error.status !== 409 || now?.state === "running" || (now?.kind === "preview" && now.state === "done" && now.upload === uploaded)) throw error;
      fill(place, failed(error.message)); // the file is gone, and with it what was found in it
      return null;
    }));
    if (job) follow(job);
  }
  // Also after a reload: the server holds the file and what it found until it is imported or thrown away.
  async function follow(job) {
    const ended = await followJob(place, job);
    if (!ended) return;
    if (ended.state === "failed") fill(place, failed(ended.error));
    else if (ended.state === "cancelled") tell("Cancelled. Nothing was imported.");
    else if (ended.kind === "preview") fill(place, preview(ended.result, ended, take, discard));
    else { choose.reset(); fill(place, imported(ended.result)); }
  }
  async function discard() {
    await attempt(() => call("DELETE", `${API}/upload`));
    choose.reset();
    place.replaceChildren();
  }
  fill(pane, choose, place);
  currentJob().then((job) => {
    const open = job?.state === "running" || (job?.kind === "preview" && job.state === "done");
    if (open && job.kind !== "index") follow(job);
  });
}

const failed = (error) => el("div.card", {}, el("p.problem", { role: "alert" }, error),
  error.includes("--") ? el("p.small.muted", {}, "Options that begin with -- belong to the command `chatbot import` on the server.") : null);

async function upload(chosen, place) {
  fill(place, el("div.card", {}, el("p", { role: "status" }, `Uploading ${chosen.name} …`), el("progress")));
  let answer;
  try {
    answer = await fetch(`${API}/upload?${new URLSearchParams({ name: chosen.name })}`, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: chosen });
  } catch {
    throw new Refused("offline", "The upload was broken off; try again.", 0);
  }
  const body = await answer.json();
  if (!answer.ok) throw new Refused(body.error.code, body.error.message, answer.status);
  return body;
}

function preview(result, job, take, discard) {
  const found = Object.values(result.conversations).reduce((sum, count) => sum + count, 0);
  return el("div.stack", {},
    el("div.card", {}, el("h2", {}, `${job.name}: ${result.format}`),
      el("p", {}, `Conversations: ${found.toLocaleString()}. Answers worth keeping: ${result.passages.toLocaleString()} (${languages(result)}).`),
      skipped(result),
      el("div.row", {}, el("button.primary", { type: "button", disabled: !found, onclick: () => take(job.upload) }, "Import"), el("button", { type: "button", onclick: discard }, "Throw away"))),
    result.samples.length ? el("h3", {}, "As customers would see them") : null,
    result.samples.map((one) => el("article.card.passage", {}, el("p.said.question", { dir: "auto" }, one.question), el("p.said", { dir: "auto" }, one.answer))));
}

function imported(result) {
  const { new: fresh = 0, changed = 0, same = 0 } = result.conversations;
  return el("div.card", {}, el("h2", {}, "Imported"),
    el("p", {}, `${fresh.toLocaleString()} new, ${changed.toLocaleString()} changed, ${same.toLocaleString()} known already; ${result.passages.toLocaleString()} answers.`),
    skipped(result), el("p", {}, "They are used after the next re-index: see “Index”."));
}

function skipped(result) {
  if (!result.skipped_count) return null;
  return el("details", {}, el("summary", {}, `Records that cannot be used: ${result.skipped_count.toLocaleString()}`),
    el("ul.stack.small", {}, result.skipped.map((bad) => el("li", {}, el("span.mono", {}, `${bad.file} ${bad.line}`), " ", bad.reason))));
}

const languages = (result) => Object.entries(result.languages).map(([name, count]) => `${name} ${count.toLocaleString()}`).join(", ") || "none";

// The commands that make models: started here, followed by their own log, found again when the page is opened anew.
import { el, fill, moment } from "./dom.js";
import { choice, field, form } from "./form.js";
import { attempt, call, tell } from "./http.js";
import { API } from "./models_versions.js";
import { plot } from "./plots.js";

const STATES = { running: ["wait", "running"], done: ["good", "done"], failed: ["bad", "failed"], interrupted: ["", "interrupted"], killed: ["bad", "ended with the machine"] };
const EVERY_MS = 1500;

export function startCommands(pane) {
  const wishes = el("section.card");
  const current = el("section.card", { hidden: true, "aria-live": "polite" });
  const list = el("section.card");
  fill(pane, wishes, current, list);
  let following = null;

  async function load() {
    const [all, told] = await Promise.all([attempt(() => call("GET", API)), attempt(() => call("GET", `${API}/commands`))]);
    if (!all || !told) return;
    drawWishes(wishes, all, begin);
    drawList(list, told.commands, follow);
    if (told.commands.length && following?.id !== told.commands[0].id) follow(told.commands[0]);
  }
  async function begin(wish) {
    follow(await call("POST", `${API}/commands`, { wish }));
    drawList(list, (await attempt(() => call("GET", `${API}/commands`)))?.commands ?? [], follow);
  }
  function follow(command) {
    following = { id: command.id, after: 0, text: "" };
    watch(following);
  }
  async function watch(one) {
    while (one === following) {
      const told = await attempt(() => call("GET", `${API}/commands/${one.id}`, { after: one.after }));
      if (!told || one !== following) return;
      one.text = (one.text + told.output).slice(-64000);
      one.after = told.after;
      drawCurrent(current, told, one.text);
      if (told.state !== "running") { drawList(list, (await attempt(() => call("GET", `${API}/commands`)))?.commands ?? [], follow); return; }
      await new Promise((later) => setTimeout(later, document.hidden ? 5 * EVERY_MS : EVERY_MS));
    }
  }
  pane.addEventListener("shown", load);
  load();
}

function drawWishes(card, all, begin) {
  const datasets = [["", "the newest"], ...all.datasets.filter((one) => !one.problem).map((one) => [one.name, `${one.name}: ${one.examples.toLocaleString()} examples`])];
  const { spans, methods, compressions } = all.limits;
  const drawn = {
    dataset: ["Data set", () => [field("Share without the right passage", { name: "without", type: "number", ...spans.without, step: "any", placeholder: "0.2" }, "These teach it to hand over."),
      tick("noise", "Add typing noise"), tick("rare", "Fill up rare topics")], (given) => ({ without: number(given.without), noise: given.noise === "on", rare: given.rare === "on" })],
    generator: ["Generator", () => [goOn(all, "generator"), choice("Data set", "dataset", datasets, ""), choice("Method", "method", methods.map((one) => [one, one]), methods[0]),
      field("Epochs", { name: "epochs", type: "number", ...spans.epochs, step: "any", placeholder: "2" }), field("Steps in place of epochs", { name: "max_steps", type: "number", ...spans.max_steps, step: 1 }, "A few steps show whether all is well."),
      field("Examples at most", { name: "max_examples", type: "number", ...spans.max_examples, step: 1, placeholder: "all" }), field("Rank", { name: "rank", type: "number", ...spans.rank, step: 1, placeholder: "16" }),
      field("Learning rate", { name: "learning_rate", type: "number", ...spans.learning_rate, step: "any", placeholder: "suits method and size" }),
      field("Languages", { name: "languages", placeholder: "those that the model knows" }, "Learn from these only, such as en,de."),
      field("Planted secrets", { name: "canaries", type: "number", ...spans.canaries, step: 1, placeholder: "20" }, "Made up; publishing looks for them in the replies. 0 plants none.")],
      (given) => given.resume ? { resume: given.resume } : ({ dataset: given.dataset || null, method: given.method, languages: given.languages || null, ...Object.fromEntries(["epochs", "max_steps", "max_examples", "rank", "learning_rate", "canaries"].map((name) => [name, number(given[name])])) })],
    encoder: ["Encoder", () => [goOn(all, "encoder"), field("Epochs with hard negatives", { name: "hard_epochs", type: "number", ...spans.hard_epochs, step: 1, placeholder: "0" }, "Of its epochs, the last ones."), el("p.muted", {}, "Tunes the sentence encoder on your own questions and answers; the index is built anew beside the old one when it is published.")], (given) => given.resume ? { resume: given.resume } : ({ hard_epochs: number(given.hard_epochs) })],
    heads: ["Topics and mood", () => [el("p.muted", {}, "Learns your topics and the mood of messages; what does not beat the lexicon is not used.")], () => ({})],
    compress: ["Compress", () => [version(all, "generator"), choice("To", "to", compressions, compressions[0][0])], (given) => ({ version: given.version, to: given.to })],
    evaluate: ["Evaluate", () => [version(all, "generator")], (given) => ({ version: given.version })],
  };
  const chosen = card.dataset.task ?? "dataset";
  const fields = el("div.wishes");
  const kind = el("select", { name: "task", onchange: () => { card.dataset.task = kind.value; fill(fields, drawn[kind.value][1]()); } },
    Object.entries(drawn).map(([name, [title]]) => el("option", { value: name, selected: name === chosen }, title)));
  fill(fields, drawn[chosen][1]());
  const made = form([el("label", {}, "Make", kind), fields], "Start", async (given) => {
    await begin({ task: given.task, ...drawn[given.task][2](given) });
  });
  fill(card, el("h2", {}, "Start"), el("p.muted.small", {}, "Each is the command that you would type on the server; it goes on when this page is closed and, unless the service or container takes it along, when the server stops; with low priority."), made);
}

const number = (text) => (text ? Number(text) : null);
const tick = (name, label) => el("label.check", {}, el("input", { type: "checkbox", name }), label);
function goOn(all, kind) {
  const runs = all.unfinished[kind] ?? [];
  return runs.length ? choice("Run", "resume", [["", "a new one"], ...runs.map((name) => [name, `go on with ${name}, as it was begun`])], "") : null;
}
function version(all, kind) {
  const found = all.versions.filter((one) => one.kind === kind);
  return choice("Version", "version", found.length ? found.map((one) => [one.name, one.name]) : [["", "no version yet"]], found[0]?.name ?? "");
}

function drawCurrent(card, told, text) {
  const [tone, state] = STATES[told.state];
  const steps = told.progress.filter((one) => one.steps);
  const last = steps.at(-1);
  const atEnd = card.querySelector(".output");
  const stick = !atEnd || atEnd.scrollTop + atEnd.clientHeight > atEnd.scrollHeight - 24;
  const output = el("pre.output", { tabindex: 0, "aria-label": "Output" }, text || "No output yet.");
  fill(card, el("div.row.between", {}, el("h2", {}, told.title), el("span.row", {}, el(`span.chip${tone ? `.${tone}` : ""}`, {}, state),
    told.state === "running" ? el("button", { type: "button", onclick: () => stop(told.id) }, "Interrupt") : null)),
  el("p.small.muted", {}, `${told.by}, ${moment(told.started_at)}`), el("p.mono", {}, told.typed),
  last ? el("div.stack", {}, el("progress", { max: last.steps, value: last.step, "aria-label": "Steps done" }),
    el("p.small.muted", {}, `Step ${last.step} of ${last.steps}${told.state === "running" && last.seconds_left != null ? `, ${left(last.seconds_left)} left` : ""}`), curve(steps)) : null,
  output);
  card.hidden = false;
  if (stick) output.scrollTop = output.scrollHeight;
}

const left = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);

function curve(steps) {
  const drawn = steps.filter((one) => typeof one.loss === "number");
  if (drawn.length < 2) return null;
  return plot({ title: "Loss", labels: drawn.map((one) => String(one.step)), series: [{ name: "loss", values: drawn.map((one) => one.loss) }], format: (value) => value.toFixed(2), width: 720 });
}

async function stop(id) {
  if (await attempt(() => call("POST", `${API}/commands/${id}/interrupt`, {}))) tell("Interrupted. A training run can be gone on with.");
}

function drawList(card, commands, follow) {
  const rows = commands.slice(0, 12).map((one) => {
    const [tone, state] = STATES[one.state];
    return el("tr", {}, el("td.when", {}, moment(one.started_at)), el("td", {}, one.title), el("td", {}, one.by), el("td", {}, el(`span.chip${tone ? `.${tone}` : ""}`, {}, state)),
      el("td", {}, el("button.quiet", { type: "button", onclick: () => follow(one) }, "Output")));
  });
  fill(card, el("h2", {}, "Started before"), rows.length ? el("div.scroll", {}, el("table", {}, el("tbody", {}, rows))) : el("p.muted", {}, "Nothing yet."));
}

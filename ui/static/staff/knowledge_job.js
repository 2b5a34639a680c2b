// Follows the one long piece of work that runs: its stage, how far it is, its end.
import { el, fill } from "./dom.js";
import { attempt, call } from "./http.js";

const API = "/admin/api/knowledge";
const STAGES = { start: "Starting", "read conversations": "Reading conversations", "read passages": "Reading passages", embed: "Computing vectors", index: "Building lists", publish: "Checking and publishing" };

export const currentJob = async () => (await attempt(() => call("GET", `${API}/job`)))?.job ?? null;

// Shows the job in `place` until it is over; resolves to how it ended, or null when the server cannot be asked.
export async function followJob(place, job) {
  const bar = el("progress", { max: 1 });
  const text = el("p", { role: "status" });
  const cancel = el("button", { type: "button", onclick: async () => { cancel.disabled = true; await attempt(() => call("POST", `${API}/job/cancel`, {})); } }, "Cancel");
  fill(place, el("div.card", {}, text, bar, el("div.row", {}, cancel)));
  let now = job;
  while (now && now.state === "running") {
    text.textContent = `${STAGES[now.stage] ?? now.stage}${now.total ? `: ${now.done.toLocaleString()} of ${now.total.toLocaleString()}` : now.done ? `: ${now.done.toLocaleString()}` : " …"}`;
    if (now.total) bar.value = now.done / now.total;
    else bar.removeAttribute("value");
    await new Promise((resolve) => setTimeout(resolve, 400));
    const next = await currentJob();
    now = next && next.id === job.id ? next : null;
  }
  place.replaceChildren();
  return now;
}

// What an agent says of one reply of the assistant: the three verdicts, how they are sent, and what they mean.
import { el } from "./dom.js";
import { attempt, call } from "./http.js";

export const VERDICTS = { right: "Right", wrong: "Wrong", harmless: "Harmless" };
export const MEANING = {
  right: "It answered what was asked, and it is true.",
  wrong: "It is untrue, beside the point, or a person should have answered.",
  harmless: "It neither helped nor misled. Counts as neither right nor wrong.",
};

export function judge({ conversation, seq, verdict, why = null, drawn = null }) {
  return attempt(() => call("POST", "/agents/api/review/verdicts", { conversation, seq, verdict, why_shown: why, drawn }));
}

// Three small buttons below a reply; `judged` is the verdict that stands, or nothing. onJudged(verdict) after it is saved.
export function verdictRow({ conversation, seq, judged, onJudged }) {
  const state = { verdict: judged?.verdict, agent: judged?.agent };
  const who = el("span", {}, state.agent ? `by ${state.agent}` : "");
  const buttons = Object.entries(VERDICTS).map(([verdict, name]) =>
    el("button", { type: "button", title: MEANING[verdict], "aria-pressed": String(state.verdict === verdict), "data-verdict": verdict, onclick: () => say(verdict) }, name));
  const say = async (verdict) => {
    const saved = await judge({ conversation, seq, verdict });
    if (!saved) return;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
    who.textContent = `by ${saved.agent}`;
    onJudged?.(verdict);
  };
  return el("div.verdict", { role: "group", "aria-label": `Verdict on message ${seq}` }, buttons, who);
}

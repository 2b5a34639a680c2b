// What one has begun to write in a reply's place: kept until it is saved, also where a colleague was first.
import { el } from "./dom.js";
import { followErased } from "./erased.js";
import { keeper, keptKeys } from "./keeper.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "begun.css");

const PLACE = "correction:"; // then conversation and seq

export const begunFor = ({ conversation, seq }) => keeper(`${PLACE}${conversation}:${seq}`);

// Answers to gaps, by user and question, each with the conversation (asked_in) whose words its own question began with: of that
// one's draft only the answer stays, whoever began it in this browser.
export const GAPS = "gap.draft.";
const askedIn = (key) => keeper(key).read().asked_in;
followErased(() => keptKeys(GAPS).map(askedIn).filter(Boolean), (gone) => keptKeys(GAPS).filter((key) => gone.has(askedIn(key))).forEach((key) => keeper(key).write({ answer: keeper(key).read().answer })));

const conversationOf = (key) => key.split(":")[1];
followErased(() => keptKeys(PLACE).map(conversationOf), (gone) => keptKeys(PLACE).filter((key) => gone.has(conversationOf(key))).forEach((key) => keeper(key).clear()));

// One's own words beside a colleague's correction that stands: to be read, taken elsewhere or let go. Null where there are none.
export function beside(place, correction) {
  const draft = begunFor(place), kept = draft.read();
  if (!kept.answer) return null;
  if (kept.answer.trim() === correction.answer.trim()) { draft.clear(); return null; }
  const card = el("div.begun", { role: "group", "aria-label": "What you had begun" },
    el("p.small", {}, "You had begun another answer. It is not used; to go on with it, undo the one above."),
    kept.question ? el("p.said.small.muted", { dir: "auto" }, kept.question) : null, el("p.said", { dir: "auto" }, kept.answer),
    el("button.quiet.small", { type: "button", onclick: () => { draft.clear(); card.remove(); } }, "Discard mine"));
  return card;
}

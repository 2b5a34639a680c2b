// One conversation in a list of the desk, and how a mood is named.
import { el, since } from "./dom.js";
import { reasonOf } from "./transcript.js";

export const STATUSES = { bot: "assistant", waiting: "waiting", human: "with a person", closed: "closed" };

// where a mood or topic comes from, as a tooltip
export const sourceOf = (item) => item.mood_source === "model" ? "Mood: read by your mood head" : "Mood: a word list's guess";
export const topicOf = (item) => item.topic && el("span.topic", { title: `Topic: read by your topic head, ${Math.round(100 * item.topic.confidence)} % sure` }, item.topic.label);

// mood in [-1, 1]; null where there is nothing worth saying. A heuristic on words (chatbot/mood.py).
export function moodOf(mood) {
  if (mood === null || Math.abs(mood) < 0.15) return null;
  if (mood < -0.45) return { kind: "bad", name: "upset" };
  if (mood < 0) return { kind: "low", name: "unhappy" };
  return { kind: "good", name: mood > 0.45 ? "happy" : "content" };
}

export function drawItem(item, { open = false, onOpen }) {
  const mood = moodOf(item.mood);
  const at = item.waiting_since ?? item.updated_at;
  const unread = item.status === "human" && item.last_role === "customer";
  const facts = [item.language, item.status === "waiting" ? reasonOf(item.reason) : null, item.status === "human" ? item.agent : null,
    item.rating ? `${item.rating} of 5` : null, item.contact ? "left an address" : null].filter(Boolean);
  return el("li", {}, el(`button.item${unread ? ".unread" : ""}`, { type: "button", "data-item": item.id, "aria-current": open ? "true" : null, onclick: onOpen },
    el("span.row.between", {},
      el("strong", {}, `Customer ${item.customer}`),
      el(`span.small${item.waiting_since ? ".waits" : ".muted"}`, { "data-since": at, title: item.waiting_since ? "Waiting since" : "Last activity" }, since(at))),
    item.preview ? el("span.said.preview", { dir: "auto" }, item.preview) : el("span.preview.muted", {}, "Has written nothing yet"),
    el("span.small.muted.known", {}, mood ? el(`span.mood.${mood.kind}${item.alert ? ".alert" : ""}`, { title: sourceOf(item) }, mood.name) : null, mood && item.topic ? " · " : null, topicOf(item), (mood || item.topic) && facts.length ? " · " : null, facts.join(" · "), unread ? el("span.sr", {}, "needs an answer") : null)));
}

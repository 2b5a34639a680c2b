// The right pane of the desk: what is known of a conversation's customer. Draws; who calls it acts.
import { el, fill, moment } from "./dom.js";
import { moodOf, STATUSES } from "./items.js";
import { reasonOf } from "./transcript.js";

// on: onOpen(id), onTag(tag, remove), onClose().
export function drawFacts(place, conversation, facts, { onOpen, onTag, onClose }) {
  const typed = place.querySelector("input")?.value ?? "";
  const rows = [["First seen", moment(facts.first_seen)], ["Conversations", String(facts.conversations)], ["Language", conversation.language],
    ["E-mail", facts.contact], ["Mood", moodOf(conversation.mood)?.name], ["Ratings", facts.ratings.length ? facts.ratings.map((n) => `${n}/5`).join(", ") : null],
    ["Handed over", conversation.reason ? reasonOf(conversation.reason) : null]];
  const list = el("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd.said", {}, value)]).flat());
  const input = el("input", { name: "tag", maxlength: 60, placeholder: "Add a tag", "aria-label": "Add a tag", autocomplete: "off", value: typed });
  const form = el("form", { onsubmit: (event) => { event.preventDefault(); const tag = input.value.trim(); if (tag) { input.value = ""; onTag(tag, false); } } }, input);
  const tags = el("div.row.tags", {}, facts.tags.map((tag) =>
    el("span.chip", {}, el("span.said", {}, tag), el("button.quiet.remove", { type: "button", "aria-label": `Remove the tag ${tag}`, onclick: () => onTag(tag, true) }, "×"))));
  const earlier = facts.earlier.map((item) => el("li", {}, el("button.item", { type: "button", onclick: () => onOpen(item.id) },
    el("span.row.between", {}, el("strong", {}, moment(item.created_at)), el("span.small.muted", {}, item.rating ? `${item.rating} of 5` : STATUSES[item.status])),
    el("span.said.preview", { dir: "auto" }, item.preview))));
  fill(place, el("div.row.between", {}, el("h2", {}, "Customer"), el("button.quiet.shut", { type: "button", onclick: onClose }, "Close")), list,
    el("h3", {}, "Tags"), tags, form, el("h3", {}, "Other conversations"), earlier.length ? el("ul.items", {}, earlier) : el("p.small.muted", {}, "This is the first."));
}

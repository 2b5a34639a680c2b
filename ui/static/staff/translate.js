// A button below a customer's message that shows it in the agent's language; there only where a model is declared fit for it.
import { el, fill } from "./dom.js";
import { attempt, call, Refused } from "./http.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "copilot.css");

const OWN = (navigator.language || "en").slice(0, 2).toLowerCase();
const named = new Intl.DisplayNames(["en"], { type: "language" });

// Node for below the message, or null where there is nothing to translate.
export function translation(conversation, message) {
  if (message.role !== "customer") return null; // each message: one conversation may hold several languages
  const place = el("div.translated", { "aria-live": "polite" });
  const button = el("button.quiet.translate", { type: "button", onclick: async () => {
    button.disabled = true;
    fill(place, el("p.small.muted", {}, "Translating…"));
    const path = `/agents/api/conversations/${encodeURIComponent(conversation.id)}/translation`;
    try {
      const found = await call("GET", path, { seq: message.seq, to: OWN });
      fill(place, el("p.small.muted", {}, `Machine translation by ${found.model}`), el("p.said", { dir: "auto", lang: found.to }, found.text));
      button.remove();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fill(place, el("p.small.muted", {}, error.message));
      button.disabled = false;
      if (error.status === 401) attempt(() => Promise.reject(error));
    }
  } }, `Translate to ${named.of(OWN)}`);
  return el("div.translated", {}, button, place);
}

// How many customers wait, beside the desk's name in the navigation.
import { el } from "./dom.js";

export function showWaiting(count) {
  const link = document.querySelector('.bar nav a[href="/agents/"]');
  if (!link) return;
  link.querySelector(".count")?.remove();
  if (count) link.append(el("span.count.wait", { "aria-label": `${count} waiting` }, count >= 1000 ? "999+" : String(count)));
}

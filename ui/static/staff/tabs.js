// Panes of a page under tabs, each drawn when it is first looked at; the address keeps which. Must not know what they show.
import { el } from "./dom.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "tabs.css");

// panes: { name: [title, draw(pane)] }, the first is the default. A pane that is looked at again gets the event "shown".
// Returns [tabs, body]; call `open()` once they are in the page.
export function tabbed(label, panes) {
  const names = Object.keys(panes);
  const tabs = el("div.tabs", { role: "tablist", "aria-label": label });
  const body = el("div.stack");
  const drawn = new Map(names.map((name) => {
    const tab = el("button.tab", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `pane-${name}`, onclick: () => open(name) }, panes[name][0]);
    const pane = el("section.stack.pane", { id: `pane-${name}`, role: "tabpanel", "aria-labelledby": `tab-${name}`, hidden: true });
    tabs.append(tab);
    body.append(pane);
    return [name, { tab, pane }];
  }));
  const chosen = () => (drawn.has(location.hash.slice(1)) ? location.hash.slice(1) : names[0]);
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = names[(names.indexOf(chosen()) + step + names.length) % names.length];
    open(next);
    drawn.get(next).tab.focus();
  });
  addEventListener("hashchange", () => open()); // a link to a pane of the page that is open already
  function open(name = chosen()) {
    history.replaceState(null, "", `#${name}`);
    for (const [other, { tab, pane }] of drawn) {
      const shown = other === name;
      tab.setAttribute("aria-selected", shown);
      tab.tabIndex = shown ? 0 : -1;
      pane.hidden = !shown;
      if (!shown) continue;
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      if (pane.started) pane.dispatchEvent(new CustomEvent("shown"));
      else { pane.started = true; panes[other][1](pane); }
    }
  }
  return { tabs, body, open };
}

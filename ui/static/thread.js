// The list of messages: replaces only the rows that changed, so that open sources, focus and scroll stay as they are.

// Returns true on the first draw of this list, when everything counts as read. still: new rows take the place of words
// that stand on screen already, so they do not move in.
export function patch(list, html, still = false) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const focus = focusKey(list);
  const first = !list.dataset.drawn;
  list.dataset.drawn = "yes";
  let place = list.firstElementChild;
  for (const row of [...fresh.content.children]) {
    const old = known.get(row.dataset.key);
    known.delete(row.dataset.key);
    const same = old?.dataset.version === row.dataset.version;
    if (old && old === place) place = place.nextElementSibling;
    if (old && !same) {
      keepOpen(old, row);
      old.remove();
    }
    if (first || still || (old && !same)) row.classList.add("settled");
    if (first) row.dataset.told = "yes";
    const node = same ? old : row;
    if (node.parentNode !== list || node.nextElementSibling !== place) list.insertBefore(node, place);
  }
  for (const row of known.values()) row.remove();
  refocus(list, focus);
  return first;
}

// Tells a screen reader each finished message of the other side once, never the pieces of one being written. Returns whether
// there was one.
export function announceNew(list, node) {
  const said = [];
  for (const row of list.querySelectorAll(".row")) {
    if (row.dataset.told) continue;
    row.dataset.told = "yes";
    if (row.classList.contains("customer")) continue;
    said.push(row.dataset.who ? `${row.dataset.who}: ${row.dataset.said}` : row.textContent.trim());
  }
  if (said.length) node.textContent = said.join("\n");
  return said.length > 0;
}

export function lastRow(list) {
  const rows = list.querySelectorAll(".row:not(.standing)");
  return rows[rows.length - 1] ?? null;
}

export function showTimes(list, language) {
  const format = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  list.querySelectorAll("time.at:empty").forEach((node) => { node.textContent = format.format(new Date(node.dateTime)); });
  const day = new Intl.DateTimeFormat(language, { year: "numeric", month: "long", day: "numeric" });
  list.querySelectorAll(".reference time:not([data-shown])").forEach((node) => {
    node.textContent = day.format(new Date(node.dateTime));
    node.dataset.shown = "yes";
  });
}

function keepOpen(old, row) {
  const open = [...old.querySelectorAll("details")].map((node) => node.open);
  [...row.querySelectorAll("details")].forEach((node, place) => { node.open = Boolean(open[place]); });
  const [form, place] = [old.querySelector(".reasons:not([hidden])"), row.querySelector(".reasons")];
  if (form && place) place.replaceWith(form);
  const told = old.dataset.told;
  if (told) row.dataset.told = told;
}

function focusKey(list) {
  const node = document.activeElement;
  const row = list.contains(node) ? node.closest(".row") : null;
  return row ? [row.dataset.key, [...row.querySelectorAll("button,summary,a,textarea")].indexOf(node)] : null;
}

function refocus(list, focus) {
  if (!focus || list.contains(document.activeElement)) return;
  const row = list.querySelector(`[data-key="${focus[0]}"]`);
  [...(row?.querySelectorAll("button,summary,a,textarea") ?? [])][focus[1]]?.focus();
}

// What this tab keeps over a reload. A browser that forbids a framed page to keep anything throws at the first touch: then it
// lasts as long as the page.
const held = new Map();

export function remember(key, value) {
  held.set(key, value);
  try { sessionStorage.setItem(key, value); } catch { /* see above */ }
}

export function recall(key) {
  try { return sessionStorage.getItem(key) ?? held.get(key) ?? null; } catch { return held.get(key) ?? null; }
}

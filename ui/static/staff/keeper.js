// What was typed into a form survives a reload and an expired session; one key a form. What a full or forbidden storage refuses is
// kept until the page is left.
const refused = new Map();

export function keeper(key) {
  return {
    read: () => { try { return JSON.parse(remembered(key)) ?? {}; } catch { return {}; } },
    write: (value) => remember(key, JSON.stringify(value)),
    clear: () => { refused.delete(key); quietly(() => localStorage.removeItem(key)); },
  };
}

// A text under a key, or null.
export const remembered = (key) => refused.get(key) ?? quietly(() => localStorage.getItem(key));

export function remember(key, text) {
  keeper(key).clear(); // an older text that stays where the new one is refused would come back after it
  if (quietly(() => { localStorage.setItem(key, text); return true; }) === null) refused.set(key, text);
}

// The keys that begin so.
export function keptKeys(start) {
  return [...refused.keys(), ...(quietly(() => Object.keys(localStorage)) ?? [])].filter((key) => key.startsWith(start));
}

function quietly(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

// What was typed into a form survives a reload and an expired session; one key a form.
export function keeper(key) {
  return {
    read: () => { try { return JSON.parse(localStorage.getItem(key)) ?? {}; } catch { return {}; } },
    write: (value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* a full or forbidden storage costs the draft only */ } },
    clear: () => localStorage.removeItem(key),
  };
}

// Messages that the server has not confirmed: shown at once, sent in order, tried again with the same id, kept over a reload.

import { recall, remember } from "./memory.js";

const KEY = "precedent.outbox";
const WAITS_MS = [1000, 2000, 4000, 8000];

export class Outbox {
  constructor(list, words, deliver, giveBack) {
    Object.assign(this, { list, words, deliver, giveBack, entries: load(), busy: false, failures: 0, timer: 0 });
    this.draw();
  }

  add(text, conversation) {
    this.entries.push({ id: newId(), text, conversation });
    this.changed();
    this.resume();
  }

  clear() {
    this.entries = [];
    this.changed();
  }

  // Drops what stands in the list of stored messages.
  confirm(thread) {
    const stored = new Set([...thread.querySelectorAll("[data-client]")].map((row) => row.dataset.client));
    const left = this.entries.filter((entry) => !stored.has(entry.id));
    if (left.length !== this.entries.length) { this.entries = left; this.changed(); }
  }

  async resume() {
    clearTimeout(this.timer);
    if (this.busy) return;
    this.busy = true;
    while (this.entries.length) {
      const entry = this.entries[0];
      const result = await this.deliver(entry);
      if (result === "again") break;
      this.failures = 0;
      this.entries = this.entries.filter((other) => other !== entry);
      this.changed();
      if (result === "refused") this.giveBack(entry);
    }
    this.busy = false;
    if (this.entries.length) {
      this.timer = setTimeout(() => this.resume(), WAITS_MS[Math.min(this.failures++, WAITS_MS.length - 1)]);
      this.draw();
    }
  }

  changed() {
    remember(KEY, JSON.stringify(this.entries));
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.entries.map((entry) => {
      const row = document.createElement("li");
      row.className = "row customer waiting";
      const bubble = document.createElement("div");
      bubble.className = "bubble";
      bubble.dir = "auto";
      const text = document.createElement("p");
      text.className = "as-typed";
      text.textContent = entry.text;
      const note = document.createElement("span");
      note.className = "at";
      note.textContent = this.failures ? this.words.unsent : this.words.sending;
      bubble.append(text);
      row.append(bubble, note);
      return row;
    }));
  }
}

function load() {
  try {
    const found = JSON.parse(recall(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((entry) => typeof entry?.text === "string" && typeof entry?.id === "string") : [];
  } catch {
    return [];
  }
}

// crypto.randomUUID is there only on https and localhost.
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

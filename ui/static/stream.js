// One EventSource for the conversation on screen: opened while the tab is visible, opened again when the server was away.

const KINDS = ["message", "delta", "done", "status", "typing", "gone"];
const LOST_AFTER_MS = 1500;
const AGAIN_MS = 2000;

export class Stream {
  constructor({ hello, event, lost }) {
    Object.assign(this, { hello, event, lost, source: null, conversation: null, timer: 0, again: 0 });
    addEventListener("pagehide", () => this.close());
  }

  follow(conversation) {
    if (conversation === this.conversation && (this.source || !conversation)) return;
    this.close();
    this.conversation = conversation;
    if (conversation) this.open();
  }

  open() {
    const source = new EventSource(`/chat/events/${encodeURIComponent(this.conversation)}`);
    this.source = source;
    source.addEventListener("hello", (message) => {
      clearTimeout(this.timer);
      this.timer = 0;
      this.hello(JSON.parse(message.data));
    });
    for (const kind of KINDS) source.addEventListener(kind, (message) => this.event(kind, JSON.parse(message.data)));
    source.addEventListener("error", () => this.onError(source));
  }

  // The browser itself tries again after a lost connection, but not after an HTTP error.
  onError(source) {
    if (source !== this.source) return;
    if (!this.timer) this.timer = setTimeout(() => this.lost(), LOST_AFTER_MS);
    if (source.readyState !== EventSource.CLOSED) return;
    this.source = null;
    clearTimeout(this.again);
    this.again = setTimeout(() => { if (!this.source && this.conversation) this.open(); }, AGAIN_MS);
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.again);
    this.timer = 0;
    this.source?.close();
    this.source = null;
    this.conversation = null;
  }
}

// The chat window in a frame on the company's pages: tells the launcher around it what it must know, and nothing of what is said.
export class Frame {
  // onOpened: the customer has just opened the window. onHeld: a launcher is around it, so it can be closed from here.
  constructor({ onOpened, onHeld }) {
    this.framed = window.parent !== window;
    if (!this.framed) return;
    window.addEventListener("message", (event) => {
      if (event.source !== window.parent) return;
      const said = event.data?.precedent;
      if (said === "here" || said === "opened") onHeld();
      if (said === "opened") onOpened();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) this.tell("close");
    });
    this.tell("ready");
  }

  // Who is around it is the server's choice (frame-ancestors), and the words tell nothing, so any parent may hear them.
  tell(what, more = {}) {
    if (this.framed) window.parent.postMessage({ precedent: what, ...more }, "*");
  }
}

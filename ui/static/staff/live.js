// A page's one event stream: opened again when the server was away, and silent about everything but what happened.

const KINDS = ["hello", "changed", "typing", "passed", "gone", "lists", "missed", "signed_out"];
const AGAIN_MS = 2000;
const LOST_AFTER_MS = 1500;

let source = null, lost = 0, later = 0;
addEventListener("pagehide", () => source?.close());

// on: an object with a function for each kind, and lost(boolean) for the connection itself. beside: the page is not the desk.
export function listen(on, beside = false) {
  pause();
  source = new EventSource(`/agents/api/events${beside ? "?beside=true" : ""}`);
  for (const kind of KINDS) source.addEventListener(kind, (message) => on[kind]?.(JSON.parse(message.data)));
  source.addEventListener("hello", () => { clearTimeout(lost); lost = 0; on.lost?.(false); });
  const again = () => { pause(); on.lost?.(true); later = setTimeout(() => listen(on, beside), AGAIN_MS); };
  // The session has ended, or the rights are others now: after a sign-in, here or in another tab, the stream goes on.
  source.addEventListener("signed_out", again);
  source.addEventListener("error", () => {
    lost ||= setTimeout(() => on.lost?.(true), LOST_AFTER_MS);
    if (source?.readyState === EventSource.CLOSED) again(); // else the browser itself tries again
  });
}

// Until `listen` is called again.
export function pause() {
  clearTimeout(lost);
  clearTimeout(later);
  source?.close();
  source = null;
  lost = 0;
}

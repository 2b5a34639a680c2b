// Calls to our own JSON routes: one way to ask, one way to fail, one way to tell.

let well = 0; // when the last request began that was answered: somebody was signed in then
let asked = 0; // since when the page asks to sign in

export class Refused extends Error {
  constructor(code, message, status) {
    super(message);
    Object.assign(this, { code, status });
  }
}

// method "GET" puts `data` into the query, every other sends it as JSON. Throws Refused with the server's sentence.
export async function call(method, path, data = undefined) {
  const reads = method === "GET";
  const query = reads && data ? `?${new URLSearchParams(Object.entries(data).filter(([, v]) => v !== "" && v != null))}` : "";
  const began = performance.now();
  let answer;
  try {
    answer = await fetch(path + query, {
      method,
      headers: reads || data === undefined ? {} : { "content-type": "application/json" },
      body: reads || data === undefined ? undefined : JSON.stringify(data),
    });
  } catch {
    throw new Refused("offline", "The server cannot be reached. Nothing was lost; try again in a moment.", 0);
  }
  const body = answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : null;
  if (answer.ok) {
    well = Math.max(well, began);
    if (began > asked) signedIn();
    return body;
  }
  const { code = "refused", message = `The server said ${answer.status}.` } = body?.error ?? {};
  throw Object.assign(new Refused(code, message, answer.status), { late: answer.status === 401 && began < well });
}

// A short notice at the head of the page, where it lies over no control; kind: "good", "bad" or "bad signed-out". The same one again takes the place of the first.
export function tell(message, kind = "good") {
  for (const shown of document.querySelectorAll(".toast")) if (shown.textContent === message) shown.remove();
  const note = document.createElement("p");
  note.className = `toast ${kind}`;
  note.textContent = message;
  document.getElementById("toasts").append(note);
  const fade = () => setTimeout(() => note.remove(), kind.startsWith("bad") ? 9000 : 4000);
  if (document.hidden) document.addEventListener("visibilitychange", fade, { once: true }); // until it can have been read
  else fade();
}

// Runs `work`; what it throws is told, and a session that has ended asks to sign in without leaving the page.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.late) return undefined; // asked before the sign-in, answered after it
    tell(error.message, error.status === 401 ? "bad signed-out" : "bad");
    if (error.status === 401) askToSignIn();
    return undefined;
  }
}

// Drafts stay on the page; signing in happens in another tab. The line has a place of its own: it stays until then.
// Who comes back from there is looked for, and what was said of it goes with the first answer that comes.
function askToSignIn() {
  if (document.getElementById("signin")) return;
  addEventListener("focus", lookAgain);
  asked = performance.now();
  const link = document.createElement("a");
  Object.assign(link, { id: "signin", href: "/login", target: "_blank", textContent: "You are signed out. Sign in again (opens a new tab; your work stays here)" });
  document.getElementById("app").before(link);
}

const lookAgain = () => call("GET", "/account/api/me").catch(() => {}); // not yet: the line stays

export function signedIn() {
  const line = document.getElementById("signin");
  if (!line) return;
  removeEventListener("focus", lookAgain);
  line.remove();
  document.dispatchEvent(new Event("signed-in"));
  for (const note of document.querySelectorAll(".toast.signed-out")) note.remove();
}

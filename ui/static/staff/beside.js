// On every page beside the desk: who waits stands in the navigation, what a colleague passes on is told, and what is erased
// leaves the page. Only a page in sight holds a line to the server.
import { debounce } from "./dom.js";
import { erased, lookForErased } from "./erased.js";
import { call, tell } from "./http.js";
import { listen, pause } from "./live.js";
import { showWaiting } from "./waiting.js";

const PASSED = "A conversation has been passed to you. It is on the desk, under Mine.";

const count = debounce(async () => {
  const found = await call("GET", "/agents/api/desk/counts").catch(() => null); // the next event asks again
  if (found) showWaiting(found.counts.waiting);
});

export function begin() {
  const lookAgain = () => { count(); lookForErased(); };
  const on = { hello: lookAgain, missed: lookAgain, changed: count, lists: count, passed: () => tell(PASSED), gone: ({ id }) => { erased(new Set([id])); count(); } };
  const follow = () => (document.hidden ? pause() : listen(on, true));
  document.addEventListener("visibilitychange", follow);
  follow();
}

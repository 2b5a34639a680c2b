// What is erased leaves the open pages. Each part of a page says which conversations it shows or keeps words for.
import { call } from "./http.js";

const MOST = 500; // ids a question
const followers = [];

// ids(): conversations; forget(gone): called with the Set of those of them that are erased, never with an empty one.
export function followErased(ids, forget) {
  followers.push({ ids, forget });
}

export function erased(gone) {
  const own = followers.map(({ ids }) => new Set(ids().filter((id) => gone.has(id)))); // before any of them forgets what another goes by
  followers.forEach(({ forget }, at) => { if (own[at].size) forget(own[at]); });
}

// After a time without the stream, or an erasure by another program: asks the server which of them are still there.
export async function lookForErased() {
  const ids = [...new Set(followers.flatMap((one) => one.ids()))];
  for (let at = 0; at < ids.length; at += MOST) {
    const found = await call("POST", "/agents/api/desk/gone", { ids: ids.slice(at, at + MOST) }).catch(() => null); // the stream's next beginning asks again
    if (found) erased(new Set(found.gone));
  }
}

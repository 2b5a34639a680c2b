// The login page: address and password, then the code where a second factor is set up.

import { el, fill } from "./dom.js";
import { field, form } from "./form.js";
import { call } from "./http.js";

export function start(root, config) {
  const sheet = el("div.sheet.narrow.door");
  fill(root, sheet);
  password(sheet, config);
}

function password(sheet, config) {
  const wrong = new URLSearchParams(location.search).get("problem");
  fill(
    sheet,
    el("h1", {}, config.company),
    el("p.muted", {}, "Sign in to the team's pages."),
    wrong && el("p.problem", { role: "alert" }, PROBLEMS[wrong] ?? PROBLEMS.failed),
    el("div.card", {},
      form(
        [
          field("E-mail address", { name: "email", type: "email", autocomplete: "username", required: true, autofocus: true, maxlength: 254 }),
          field("Password", { name: "password", type: "password", autocomplete: "current-password", required: true }),
        ],
        "Sign in",
        async ({ email, password: secret }) => {
          const { code: needed, next } = await call("POST", "/login", { email, password: secret, next: config.next });
          if (needed) code(sheet, config);
          else go(next);
        },
      ),
      config.oidc && el("a.button", { href: `/login/oidc?next=${encodeURIComponent(config.next)}` }, "Sign in with your company account"),
    ),
  );
  sheet.querySelector("input").focus();
  if (new URLSearchParams(location.search).get("step") === "code") code(sheet, config);
}

const PROBLEMS = {
  failed: "The sign-in service did not let you in; try again, or use your password.",
  unknown: "Your company account belongs to nobody of this team; ask an admin to add you first.",
  away: "The sign-in service cannot be reached; try again in a moment, or use your password.",
};

function code(sheet, config) {
  fill(
    sheet,
    el("h1", {}, "Second factor"),
    el("p.muted", {}, "Type the six digits that your authenticator app shows. A recovery code does too."),
    el("div.card", {},
      form(
        [field("Code", { name: "code", autocomplete: "one-time-code", inputmode: "text", required: true, maxlength: 40 })],
        "Go on",
        async ({ code: typed }) => go((await call("POST", "/login/code", { code: typed, next: config.next })).next),
      ),
      el("button.quiet", { type: "button", onclick: () => { history.replaceState(null, "", "/login"); password(sheet, config); } }, "Start again"),
    ),
  );
  sheet.querySelector("input").focus();
}

const go = (next) => location.assign(next);

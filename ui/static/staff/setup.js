// A one-time link: choose a password; the very first one also makes the first admin.

import { el, fill } from "./dom.js";
import { field, form } from "./form.js";
import { Refused, call } from "./http.js";

export function start(root, config) {
  const { person } = config;
  const secret = { type: "password", autocomplete: "new-password", required: true };
  fill(
    root,
    el("div.sheet.narrow.door", {},
      el("h1", {}, person ? `Hello ${person.name}` : "The first admin"),
      el("p.muted", {}, person
        ? `Choose a password for ${person.email}. This link works once.`
        : "Nobody can sign in yet. Whoever fills this in becomes the first admin and can add everybody else. This link works once."),
      el("div.card", {},
        form(
          [
            !person && field("Your e-mail address", { name: "email", type: "email", autocomplete: "username", required: true, maxlength: 254 }),
            !person && field("Your name", { name: "name", autocomplete: "name", required: true, maxlength: 100 }, "Customers see the first name when you take over a chat."),
            person && el("input", { type: "hidden", name: "username", autocomplete: "username", value: person.email }),
            field("New password", { ...secret, name: "password" }, "At least 12 characters; a few words in a row do well."),
            field("The same again", { ...secret, name: "again" }),
          ].filter(Boolean),
          "Save and sign in",
          async ({ email, name, password, again }) => {
            if (password !== again) throw new Refused("bad_input", "The two passwords differ.", 0);
            const { code, next } = await call("POST", location.pathname, person ? { password } : { email, name, password });
            location.assign(code ? "/login?step=code" : next);
          },
        ),
      ),
    ),
  );
  root.querySelector("input:not([type=hidden])").focus();
}

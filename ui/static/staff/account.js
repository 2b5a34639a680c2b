// The own account: second factor, password, the browsers that are signed in.

import { el, fill, moment } from "./dom.js";
import { ask, copy, field, form } from "./form.js";
import { attempt, call, tell } from "./http.js";

const secret = { type: "password", required: true };

export async function start(root) {
  const sheet = el("div.sheet");
  fill(root, sheet);
  await draw(sheet);
}

async function draw(sheet) {
  const me = await attempt(() => call("GET", "/account/api/me"));
  if (!me) return;
  const redraw = () => draw(sheet);
  fill(sheet, person(me), invitation(me), el("div.grid2", {}, factor(me, redraw), password(me, redraw)), sessions(me, redraw));
}

function invitation(me) {
  const asked = new URLSearchParams(location.search).has("setup");
  if (!asked || me.second_factor) return null;
  return el("div.card.lead", {},
    el("p", {}, me.second_factor_needed
      ? "Admins need a second factor here. Set it up below, then everything else opens."
      : "Admins can change and export everything. Set up a second factor, so that a stolen password opens nothing."),
    !me.second_factor_needed && el("div.row", {}, el("a.button", { href: "/agents/" }, "Later")),
  );
}

const person = (me) => el("div.stack", {},
  el("div.row", {}, el("h1", {}, "Your account"), el("span.chip", {}, me.role === "admin" ? "Admin" : "Agent")),
  el("p.muted", {}, `${me.name}, ${me.email}`));

function factor(me, redraw) {
  const card = el("section.card", { id: "factor" }, el("h2", {}, "Second factor"));
  if (me.second_factor) {
    card.append(
      el("p", {}, el("span.chip.good", {}, "On"), ` ${me.recovery_left} recovery codes left.`),
      !me.second_factor_needed && el("div.row", {}, el("button", { type: "button", onclick: () => off(me, redraw) }, "Switch off…")),
    );
  } else {
    card.append(
      el("p.muted", {}, "An authenticator app on your phone shows a new code every 30 seconds; signing in then asks for it."),
      form(me.has_password ? [field("Your password", { ...secret, name: "password", autocomplete: "current-password" })] : [], "Set up",
        async ({ password: typed = "" }) => scan(card, await call("POST", "/account/api/second-factor", { password: typed }), redraw)),
    );
  }
  return card;
}

function scan(card, drawn, redraw) {
  const picture = el("img.qr", { alt: "QR code for your authenticator app", width: 220, height: 220 });
  picture.src = `data:image/svg+xml,${encodeURIComponent(drawn.svg)}`;
  fill(card,
    el("h2", {}, "Second factor"),
    el("ol.stack", {}, el("li", {}, "1. Scan this with an authenticator app, or type the key into it."), el("li", {}, "2. Type the code that it shows.")),
    picture,
    el("p.mono.key", {}, drawn.secret.match(/.{1,4}/g).join(" ")),
    form([field("Code", { name: "code", autocomplete: "one-time-code", inputmode: "numeric", required: true, maxlength: 10 })], "Switch on",
      async ({ code }) => {
        const { recovery } = await call("POST", "/account/api/second-factor/proof", { ticket: drawn.ticket, code });
        keep(card, recovery, redraw);
      }),
  );
  card.querySelector("input").focus();
}

function keep(card, codes, redraw) {
  fill(card,
    el("h2", {}, "Recovery codes"),
    el("p", {}, "The second factor is on. Keep these codes where your phone is not: each lets you in once. They are not shown again."),
    el("pre.mono.codes", {}, codes.join("\n")),
    el("div.row", {},
      el("button", { type: "button", onclick: () => copy(codes.join("\n")) }, "Copy"),
      el("button.primary", { type: "button", onclick: () => { history.replaceState(null, "", "/account"); redraw(); } }, "I have kept them")),
  );
}

async function off(me, redraw) {
  const done = await ask("Switch the second factor off?", (close) =>
    form(me.has_password ? [field("Your password", { ...secret, name: "password", autocomplete: "current-password" })] : [], "Switch off", async ({ password: typed = "" }) => {
      await call("POST", "/account/api/second-factor/off", { password: typed });
      close(true);
    }, "danger"));
  if (done) redraw();
}

function password(me, redraw) {
  if (!me.has_password) return el("section.card", {}, el("h2", {}, "Password"), el("p.muted", {}, "You sign in with your company account."));
  return el("section.card", {},
    el("h2", {}, "Password"),
    form(
      [
        field("Present password", { ...secret, name: "current", autocomplete: "current-password" }),
        field("New password", { ...secret, name: "next", autocomplete: "new-password" }, "At least 12 characters. Every other browser is signed out."),
      ],
      "Change password",
      async ({ current, next }) => {
        await call("POST", "/account/api/password", { current, new: next });
        tell("The password is changed.");
        redraw();
      },
      "plain",
    ));
}

function sessions(me, redraw) {
  const rows = me.sessions.map((one) => el("tr", {}, el("td", {}, one.network, one.here && el("span.chip.good", {}, "This browser")), el("td", {}, moment(one.since)), el("td", {}, moment(one.seen))));
  const elsewhere = async () => {
    const done = await attempt(() => call("POST", "/account/api/sign-out-elsewhere"));
    if (done) tell(done.ended ? `${done.ended} signed out.` : "Nobody else was signed in; a copy of this session would be out now, too.");
    redraw();
  };
  return el("section.card", {},
    el("h2", {}, "Signed-in browsers"),
    el("div.scroll", {}, el("table", {}, el("thead", {}, el("tr", {}, ["Network", "Since", "Last used"].map((name) => el("th", {}, name)))), el("tbody", {}, rows))),
    el("div.row", {}, el("button", { type: "button", onclick: elsewhere }, "Sign out everywhere else")));
}

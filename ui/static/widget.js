// The launcher on the company's own pages: a button that opens the chat window in a frame. All of it lives in one shadow root whose
// rules the page's own cannot overrule; styles and icons are made by script, so that a page's policy need not allow any.
(config) => {
  if (typeof window.Precedent?.open === "function") return; // the script may stand in a page twice
  const script = document.currentScript;
  const origin = new URL(script.src).origin;
  const side = script.dataset.side === "left" ? "left" : "right";
  const ICONS = { open: "M5 5.5h14A1.5 1.5 0 0 1 20.5 7v8.5A1.5 1.5 0 0 1 19 17h-6l-4.5 3.5V17H5A1.5 1.5 0 0 1 3.5 15.5V7A1.5 1.5 0 0 1 5 5.5zM8 10h8M8 13h5", close: "m7 10 5 5 5-5" };
  // In this tab: was the chat opened ("yes"), and closed again ("no")? The last answer that was seen in it, and one that was not.
  const OPENED = "precedent.open", SEEN = "precedent.seen", NEWS = "precedent.news";
  const SETTLED_MS = 1500;
  const tags = navigator.languages ?? [navigator.language];
  const language = tags.map((tag) => tag.split("-")[0].toLowerCase()).find((tag) => tag in config.words) ?? "en";
  const words = config.words[language];

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial !important; display: block !important; position: fixed !important; z-index: 2147483000 !important; bottom: 20px !important; ${side}: 20px !important; }
    button { display: grid; place-items: center; position: relative; width: 56px; height: 56px; margin: 0; padding: 0; border: 0; border-radius: 50%;
      background: ${config.accent}; color: ${config.onAccent}; cursor: pointer; box-shadow: 0 2px 6px rgb(0 0 0 / 18%), 0 8px 28px rgb(0 0 0 / 20%); transition: transform 140ms; }
    button:hover { transform: translateY(-2px); }
    button:focus-visible { outline: 3px solid ${config.accent}; outline-offset: 3px; }
    svg { width: 26px; height: 26px; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
    button[aria-expanded="true"] .open, button[aria-expanded="false"] .close { display: none; }
    .news { position: absolute; top: 1px; right: 1px; width: 13px; height: 13px; border-radius: 50%; background: #d92d20; border: 2px solid #fff; }
    .told { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    .panel { position: absolute; bottom: 72px; ${side}: 0; width: 400px; height: min(680px, calc(100vh - 112px));
      border-radius: 20px; overflow: hidden; background: Canvas; color-scheme: light dark; border: 1px solid rgb(128 128 128 / 28%);
      box-shadow: 0 4px 12px rgb(0 0 0 / 12%), 0 20px 60px rgb(0 0 0 / 24%); animation: rise 160ms ease-out; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: light dark; }
    [hidden] { display: none !important; }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    @media (max-width: 520px), (max-height: 460px) {
      .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0; }
      .panel.ready + button[aria-expanded="true"] { display: none; } /* the chat has a button of its own, once it is there */
    }
    @media (prefers-reduced-motion: reduce) { .panel { animation: none; } button { transition: none; } }
    @media print { :host { display: none !important; } }
  `);
  root.adoptedStyleSheets = [sheet];

  const panel = made("div", { className: "panel", id: "panel", hidden: true });
  const news = made("span", { className: "news", hidden: true });
  const told = made("span", { className: "told" });
  const button = made("button", { type: "button" });
  told.setAttribute("role", "status");
  button.setAttribute("aria-controls", "panel");
  button.append(drawn("open"), drawn("close"), news);
  root.append(panel, button, told);
  let frame = null;
  let ready = false;
  let last = null; // the last answer in the chat, as the frame names it
  let asked = false; // did the customer open it on this page? Only then does it take the focus

  function made(name, properties) {
    return Object.assign(document.createElement(name), properties);
  }

  function drawn(name) {
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", ICONS[name]);
    picture.setAttribute("viewBox", "0 0 24 24");
    picture.setAttribute("class", name);
    picture.setAttribute("aria-hidden", "true");
    picture.append(line);
    return picture;
  }

  // The chat is fetched when it is opened for the first time, and stays: what is being written and read is not lost by a look at the
  // page. One that did not come is fetched anew when it is opened again.
  function fetchChat() {
    if (ready) return;
    if (!frame) {
      frame = made("iframe", { title: config.company, allow: "clipboard-write" });
      panel.append(frame);
    }
    frame.src = `${origin}/`;
  }

  function tell(what) {
    if (ready) frame.contentWindow.postMessage({ precedent: what }, origin);
  }

  function set(isOpen) {
    if (isOpen) fetchChat();
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) { showNews(false); if (last) keep(SEEN, last); }
    label();
    if (ready || (!isOpen && kept(OPENED))) keep(OPENED, isOpen ? "yes" : "no"); // a chat that never came does not cover the next page, too
  }

  function label() {
    const name = panel.hidden ? words.widget_open.replace("{company}", () => config.company) : words.widget_close;
    button.setAttribute("aria-label", news.hidden ? name : `${name}: ${words.widget_news}`);
    button.title = name;
  }

  function showNews(isNew) {
    news.hidden = !isNew;
    told.textContent = isNew ? words.widget_news : "";
    keep(NEWS, isNew ? "yes" : "no");
    label();
  }

  // The last answer in the chat: the first time that the frame tells it, or a new one.
  function heard(said) {
    last = said;
    if (!panel.hidden) keep(SEEN, said);
    else if (said !== kept(SEEN)) showNews(true);
  }

  function open() { asked = true; set(true); tell("opened"); }
  function close() {
    const had = document.activeElement === host;
    set(false);
    if (had) button.focus();
  }

  function begun() {
    ready = true;
    panel.classList.add("ready");
    if (!panel.hidden || kept(OPENED) === null) keep(OPENED, panel.hidden ? "no" : "yes");
    const here = document.activeElement === host || document.activeElement === document.body; // who went on elsewhere is left alone
    tell(asked && here && !panel.hidden ? "opened" : "here");
  }

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin) return;
    const said = event.data?.precedent;
    if (said === "ready") begun();
    else if (said === "close") close();
    else if (said === "said") heard(String(event.data.last));
  });
  button.addEventListener("click", () => (panel.hidden ? open() : close()));
  root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) close(); });

  // A browser that keeps nothing begins each page with the chat closed.
  function keep(name, value) {
    try { sessionStorage.setItem(name, value); } catch { /* see above */ }
  }

  function kept(name) {
    try { return sessionStorage.getItem(name); } catch { return null; }
  }

  // Beside the body, which some sites swap for the next page's, and which may have a transform that moves what is fixed in it.
  function begin() {
    document.documentElement.append(host);
    const before = kept(OPENED);
    set(before === "yes");
    if (before === "no") {
      if (kept(NEWS) === "yes") showNews(true);
      setTimeout(() => { if (!frame) fetchChat(); }, SETTLED_MS); // who has chatted hears of the answer on every page
    }
  }

  window.Precedent = Object.freeze({ open, close });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { once: true });
  else begin();
}

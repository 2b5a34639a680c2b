// The launcher on the company's own pages: a button that opens the chat window in a frame. All of it lives in one shadow root,
// so that neither page styles the other, and its styles are set by script, so that the page's own policy need not allow any.
(config) => {
  if (window.Precedent) return;
  const script = document.currentScript;
  const origin = new URL(script.src).origin;
  const OPENED = "precedent.open"; // in this tab: who goes on to the next page finds the chat as it was
  const tags = navigator.languages ?? [navigator.language];
  const language = tags.map((tag) => tag.split("-")[0].toLowerCase()).find((tag) => tag in config.words) ?? "en";
  const words = config.words[language];

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; position: fixed; z-index: 2147483000; bottom: 20px; ${script.dataset.side === "left" ? "left" : "right"}: 20px; }
    button { display: grid; place-items: center; position: relative; width: 56px; height: 56px; margin: 0; padding: 0; border: 0; border-radius: 50%;
      background: ${config.accent}; color: ${config.onAccent}; cursor: pointer; box-shadow: 0 2px 6px rgb(0 0 0 / 18%), 0 8px 28px rgb(0 0 0 / 20%); transition: transform 140ms; }
    button:hover { transform: translateY(-2px); }
    button:focus-visible { outline: 3px solid ${config.accent}; outline-offset: 3px; }
    button svg { width: 26px; height: 26px; }
    button[aria-expanded="true"] .open, button[aria-expanded="false"] .close { display: none; }
    .open, .close { display: grid; }
    .news { position: absolute; top: 1px; right: 1px; width: 13px; height: 13px; border-radius: 50%; background: #d92d20; border: 2px solid #fff; }
    .panel { position: absolute; bottom: 72px; ${script.dataset.side === "left" ? "left" : "right"}: 0; width: 400px; height: min(680px, calc(100vh - 112px));
      border-radius: 20px; overflow: hidden; background: Canvas; color-scheme: light dark; border: 1px solid rgb(128 128 128 / 28%);
      box-shadow: 0 4px 12px rgb(0 0 0 / 12%), 0 20px 60px rgb(0 0 0 / 24%); animation: rise 160ms ease-out; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: light dark; }
    [hidden] { display: none !important; }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    @media (max-width: 520px), (max-height: 460px) {
      .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0; }
      button[aria-expanded="true"] { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { .panel { animation: none; } button { transition: none; } }
    @media print { :host { display: none; } }
  `);
  root.adoptedStyleSheets = [sheet];

  const panel = document.createElement("div");
  panel.className = "panel";
  panel.id = "panel";
  panel.hidden = true;
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-controls", "panel");
  button.innerHTML = `<span class="open">${config.icons.open}</span><span class="close">${config.icons.close}</span><span class="news" hidden></span>`;
  const news = button.querySelector(".news");
  root.append(panel, button);
  let frame = null;
  let ready = false;
  let asked = false; // did the customer open it on this page? Only then does it take the focus

  // The chat is fetched when it is opened for the first time, and stays: what is being written and read is not lost by a look at the page.
  function show() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = config.company;
    frame.allow = "clipboard-write";
    frame.src = `${origin}/`;
    panel.append(frame);
  }

  function tell(what) {
    if (ready) frame.contentWindow.postMessage({ precedent: what }, origin);
  }

  function set(isOpen) {
    if (isOpen) show();
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) news.hidden = true;
    label();
    keep(isOpen);
  }

  function label() {
    const name = panel.hidden ? words.widget_open.replace("{company}", config.company) : words.widget_close;
    button.setAttribute("aria-label", news.hidden ? name : `${name}: ${words.widget_news}`);
    button.title = name;
  }

  function open() { asked = true; set(true); tell("opened"); }
  function close() {
    const had = document.activeElement === host;
    set(false);
    if (had) button.focus();
  }

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin) return;
    const said = event.data?.precedent;
    if (said === "ready") { ready = true; tell(asked && !panel.hidden ? "opened" : "here"); }
    else if (said === "close") close();
    else if (said === "news" && panel.hidden) { news.hidden = false; label(); }
  });
  button.addEventListener("click", () => (panel.hidden ? open() : close()));
  root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) close(); });

  function keep(isOpen) {
    try { sessionStorage.setItem(OPENED, isOpen ? "yes" : "no"); } catch { /* a browser that keeps nothing opens the next page with the chat closed */ }
  }

  function kept() {
    try { return sessionStorage.getItem(OPENED) === "yes"; } catch { return false; }
  }

  window.Precedent = Object.freeze({ open, close });
  const begin = () => { document.body.append(host); set(kept()); };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin, { once: true });
}

// The menu (WAI-ARIA menu button pattern) and the dialogs; both give the focus back to where it was.

export class Menu {
  constructor(root, act) {
    this.button = root.querySelector("[data-menu]");
    this.sheet = root.querySelector(".sheet");
    this.button.addEventListener("click", () => (this.sheet.hidden ? this.open(0) : this.close(true)));
    this.button.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); this.open(event.key === "ArrowDown" ? 0 : -1); }
    });
    this.sheet.addEventListener("keydown", (event) => this.onKey(event));
    this.sheet.addEventListener("click", (event) => {
      const item = event.target.closest("[role=menuitem]");
      if (!item) return;
      event.stopPropagation();
      this.close(true);
      act(item.dataset.do);
    });
    document.addEventListener("pointerdown", (event) => {
      if (!this.sheet.hidden && !event.target.closest(".menu")) this.close(false);
    });
  }

  // What is not for this chat as it stands is not drawn, and no step leads to it.
  get items() { return [...this.sheet.querySelectorAll("[role=menuitem]")].filter((item) => item.checkVisibility()); }

  open(place) {
    this.sheet.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.items.at(place).focus();
  }

  close(refocus) {
    this.sheet.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (refocus) this.button.focus();
  }

  onKey(event) {
    const { items } = this;
    const at = items.indexOf(document.activeElement);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    if (event.key in steps) { event.preventDefault(); items.at(steps[event.key] % items.length).focus(); }
    else if (event.key === "Escape") { event.preventDefault(); this.close(true); }
    else if (event.key === "Tab") this.close(false);
  }
}

// A question with two answers, a notice (`lines`, one button), or a form that the server drew. Resolves to true only for a "yes".
export function openDialog(dialog, { words, title, text, lines, yes, form }) {
  dialog.replaceChildren();
  if (form) dialog.innerHTML = form;
  else {
    const heading = document.createElement("h2");
    heading.id = "chat-dialog-title";
    heading.textContent = title;
    const said = (lines ?? [text]).map((line) => {
      const body = document.createElement("p");
      body.textContent = line;
      return body;
    });
    dialog.append(heading, ...said);
  }
  const row = document.createElement("div");
  row.className = "choices";
  return new Promise((resolve) => {
    row.append(choice(lines ? words.close : words.cancel, "button", () => dialog.close()));
    if (yes) row.append(choice(yes, "button danger", () => { dialog.returnValue = "yes"; dialog.close("yes"); }));
    (form ? dialog.querySelector("form") : dialog).append(row);
    const submit = form && dialog.querySelector("[type=submit]");
    if (submit) row.append(submit);
    dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
    dialog.showModal();
  });
}

function choice(text, className, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.textContent = text;
  button.addEventListener("click", act);
  return button;
}

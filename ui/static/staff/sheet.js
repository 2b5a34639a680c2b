// Loads the style sheet of one area, once: sheet(import.meta.url, "desk.css").
export function sheet(from, name) {
  const href = new URL(name, from).href;
  if ([...document.styleSheets].some((known) => known.href === href) || document.querySelector(`link[href="${href}"]`)) return;
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href });
  document.head.append(link);
}

// Where an answer for everybody holds what looks like personal data: the box with which its author says that it is the company's own.
import { el } from "./dom.js";

// `node` stands in the form and is hidden until `refused(error)` brings it up; `sent()` is what goes along with the answer.
export function oursBox() {
  const box = el("input", { type: "checkbox", name: "ours" });
  const node = el("label.choice", { hidden: true }, box, el("span", {}, "This is the company's own, and everybody may have it."));
  return {
    node,
    sent: () => (box.checked ? { ours: true } : {}),
    refused: (error) => { if (error.code === "personal_data") { node.hidden = false; box.focus(); } },
  };
}

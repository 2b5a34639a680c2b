// The admin's page of models: versions, the commands that make them, two versions side by side.
import { el, fill } from "./dom.js";
import { startCommands } from "./models_commands.js";
import { startContest } from "./models_contest.js";
import { startVersions } from "./models_versions.js";
import { sheet } from "./sheet.js";
import { tabbed } from "./tabs.js";

sheet(import.meta.url, "models.css");

export function start(root) {
  const { tabs, body, open } = tabbed("Models", {
    versions: ["Versions", (pane) => startVersions(pane, () => open("commands"))],
    commands: ["Train and publish", startCommands],
    contest: ["Side by side", startContest],
  });
  fill(root, el("div.sheet.models", {}, el("h1", {}, "Models"), tabs, body));
  open();
}

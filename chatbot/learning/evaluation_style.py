"""The looks of an evaluation's report, from a phone's width up, light and dark. Holds no logic."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; }
:root { --ink: #1d2b27; --soft: #55645f; --line: #dfe6e3; --accent: #0f6b52; --paper: #ffffff; --ground: #f5f7f6; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 24px 16px 48px; }
header { margin-bottom: 16px; }
.kicker { margin: 0; color: var(--accent); font-weight: 600; }
h1 { margin: 0 0 8px; font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 12px; font-size: 1.15rem; }
h3 { margin: 0 0 6px; font-size: 1rem; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0; padding: 0; list-style: none; color: var(--soft); }
.facts b { color: var(--ink); }
section { margin: 16px 0; padding: 18px; border: 1px solid var(--line); border-radius: 12px; background: var(--paper); }
.pair + .pair { margin-top: 14px; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 0; }
.chip { padding: 3px 10px; border: 1px solid var(--line); border-radius: 999px; background: var(--ground); font-size: .9rem; }
.chip i { font-style: normal; color: var(--soft); }
.chip.good { border-color: #8fc7b3; background: #e6f4ee; } .chip.good i { color: #0b5a44; }
.chip.bad { border-color: #e0aa9c; background: #fbece8; } .chip.bad i { color: #93321b; }
img { display: block; width: 100%; max-width: 560px; height: auto; }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-size: .9rem; font-weight: 600; }
tbody th { min-width: 7rem; font-weight: 400; overflow-wrap: anywhere; }
td { min-width: 8.5rem; }
.figure { display: block; font-weight: 600; }
small { color: var(--soft); font-size: .82rem; } td small { white-space: nowrap; }
.none { color: var(--soft); }
.note { margin: 12px 0 0; color: var(--soft); font-size: .9rem; }
dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0 0 10px; color: var(--soft); }
footer { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; } footer p { margin: 4px 0; }
@media (min-width: 720px) { dl { display: grid; grid-template-columns: 12rem 1fr; gap: 6px 16px; } dd { margin: 0; } }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eeeb; --soft: #a3b1ac; --line: #2b3633; --accent: #3fbf98; --paper: #181e1c; --ground: #101413; }
  .chip.good { border-color: #2d6b57; background: #12352a; } .chip.good i { color: #8fd9bf; }
  .chip.bad { border-color: #7d4334; background: #3a1d16; } .chip.bad i { color: #f0ac9b; }
  img { padding: 10px; border-radius: 8px; background: #ffffff; }
}
@media print { :root { color-scheme: light; } body { background: none; } section { break-inside: avoid; } }
""".strip()

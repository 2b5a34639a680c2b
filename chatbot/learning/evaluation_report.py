"""The report of an evaluation: one HTML file that asks for nothing from anywhere. Must not know how anything was measured.

It holds figures and names only, no customer's words: those stand in files that an erasure reaches. Every name is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from chatbot.learning.evaluation import IN_PARTS, MEANINGS
from chatbot.learning.evaluation_picture import Panel, colours_of, draw, save
from chatbot.learning.evaluation_style import STYLE

_DRAWN = ("evidence_score", "evidence_choice", "grounded", "refusal_recall", "chrf")
_RETRIEVAL = {"R@1": "R@1", "R@5": "R@5", "R@10": "R@10", "RR@10": "MRR@10", "nDCG@10": "nDCG@10"}
_TOPICS = 30
_FEWEST = 20  # conversations below which resampling them says too little of the spread
View = Mapping[str, Any]


def picture(result: View, kind: str = "png") -> bytes | None:
    """Systems side by side; None where there is nothing to draw. kind: "png" or "svg"."""
    systems = result.get("systems") or {}
    found = (result.get("retrieval") or {}).get("systems") or {}
    panels = [_panel(MEANINGS[name].name, MEANINGS[name].top, name, systems, "figures") for name in _DRAWN]
    panels += [_panel(f"Search: {_RETRIEVAL[name]}", 1, name, found, None) for name in ("R@1", "nDCG@10")]
    if heads := result.get("heads"):
        panels += [_panel(f"{task}: macro-F1", 1, "macro_f1", {task: heads[task]}, None) for task in heads]
    drawn = [panel for panel in panels if panel.rows]
    if not drawn:
        return None
    names = list(dict.fromkeys(row[0] for panel in drawn for row in panel.rows))
    return save(draw(drawn, colours_of(names)), kind)


def html(result: View) -> str:
    """The whole page."""
    title = f"Evaluation of {result['target']['name']}"
    parts = [
        _head(title, result),
        _verdicts(result),
        _shown(result),
        _systems(result),
        _retrieval(result),
        _in_parts(result, "languages", "By language"),
        _in_parts(result, "topics", "By topic"),
        _search_in_parts(result, "languages", "Search by language"),
        _search_in_parts(result, "topics", "Search by topic"),
        _heads(result),
        _meanings(result),
        _foot(result),
    ]
    body = "\n".join(part for part in parts if part)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


# --- parts of the page --------------------------------------------------------------------------------------


def _head(title: str, result: View) -> str:
    data = result["data"]
    of = "" if data["turns"] == data["of"] else f" of {_count(data['of'])}"
    facts = [
        f"Data set <b>{escape(data['name'])}</b>",
        f"<b>{_count(data['turns'])}</b>{of} turns from {_count(data['conversations'])} conversations",
        f"{_count(data['to_answer'])} to answer, {_count(data['to_hand_over'])} to hand over",
        escape(", ".join(data["languages"])),
        escape(result.get("made", "")),
    ]
    listed = "".join(f"<li>{fact}</li>" for fact in facts if fact)
    return f'<header><p class="kicker">Precedent</p><h1>{escape(title)}</h1><ul class="facts">{listed}</ul></header>'


def _verdicts(result: View) -> str:
    """One line a comparison: what is clearly better, what clearly worse, what cannot be told."""
    compared = {**(result.get("differences") or {}), **((result.get("retrieval") or {}).get("differences") or {})}
    items = []
    for pair, found in compared.items():
        told = [chip for name, one in found.items() if (chip := _chip(name, one)) is not None]
        items.append(f'<div class="pair"><h3>{escape(pair)}</h3><p class="chips">{"".join(told)}</p></div>')
    if not items:
        return ""
    note = (
        "A difference counts as better or worse where its 95 % interval, over the same turns and conversations, lies on one "
        "side of 0."
    )
    return f'<section><h2>In short</h2>{"".join(items)}<p class="note">{note}</p></section>'


def _chip(name: str, view: View) -> str | None:
    if view["mean"] is None:
        return None
    top = MEANINGS[name].top if name in MEANINGS else 1
    label = MEANINGS[name].name if name in MEANINGS else _RETRIEVAL[name]
    kind, word = "even", "no clear difference"
    if view["conversations"] < _FEWEST:
        word = "too few to tell"
    elif view["low"] is not None and view["low"] > 0:
        kind, word = "good", "better"
    elif view["high"] is not None and view["high"] < 0:
        kind, word = "bad", "worse"
    told = f"{view['mean']:+.2f}" if top <= 1 else f"{view['mean']:+.1f}"
    return f'<span class="chip {kind}"><b>{escape(label)}</b> {told} <i>{word}</i></span>'


def _shown(result: View) -> str:
    drawn = picture(result, "svg")
    if drawn is None:
        return ""
    source = base64.b64encode(drawn).decode()
    alt = "The figures of the tables below, each as a dot with its 95 % interval as a bar."
    return f'<section><h2>Side by side</h2><img alt="{alt}" src="data:image/svg+xml;base64,{source}"></section>'


def _systems(result: View) -> str:
    systems = result.get("systems")
    if not systems:
        return ""
    names = [name for name in MEANINGS if any(name in one["figures"] for one in systems.values())]
    rows = [
        [
            f"<b>{escape(MEANINGS[name].name)}</b>",
            *(_cell(one["figures"].get(name), MEANINGS[name].top) for one in systems.values()),
        ]
        for name in names
    ]
    return _section("Replies", ["", *systems], rows)


def _retrieval(result: View) -> str:
    found = result.get("retrieval")
    if not found:
        return ""
    if "skipped" in found:
        return f"<section><h2>Search</h2><p>{escape(found['skipped'])}</p></section>"
    rows = [
        [f"<b>{shown}</b>", *(_cell(one.get(name), 1) for one in found["systems"].values())]
        for name, shown in _RETRIEVAL.items()
    ]
    note = (
        f"{_count(found['passages'])} earlier answers indexed, {_count(found['asked'])} held-out turns asked. Right is an answer "
        f"that says what the human said. For {_count(found['nothing_says_it'])} further turns none does: no search could find it. "
        "R@k: one of the first k is right."
    )
    return _section("Search", ["", *found["systems"]], rows, note)


def _in_parts(result: View, which: str, title: str) -> str:
    systems = result.get("systems")
    if not systems:
        return ""
    first = next(iter(systems))
    parts = systems[first][which]
    names = [name for name in IN_PARTS if any(name in one for one in parts.values())]
    shown = {name: (MEANINGS[name].name, MEANINGS[name].top) for name in names}
    return _parted(parts, shown, title, first, few=which == "topics")


def _search_in_parts(result: View, which: str, title: str) -> str:
    """The first search's figures, as the replies' are those of what is evaluated."""
    parted = (result.get("retrieval") or {}).get(which)
    if not parted:
        return ""
    first = next(iter(parted))
    shown = {name: (label, 1.0) for name, label in _RETRIEVAL.items()}
    return _parted(parted[first], shown, title, first, few=which == "topics")


def _parted(parts: View, shown: Mapping[str, tuple[str, float]], title: str, of: str, *, few: bool) -> str:
    """A line a part. shown: name and best value of each figure; few: one part alone says nothing more."""
    if few and len(parts) < 2:
        return ""
    rows = [
        [f"<b>{escape(part)}</b>", *(_cell(one.get(name), top) for name, (_, top) in shown.items())]
        for part, one in list(parts.items())[:_TOPICS]
    ]
    left = len(parts) - _TOPICS
    note = f"Figures of {escape(of)}." + (f" {left} more topics are in result.json." if left > 0 else "")
    return _section(title, ["", *(label for label, _ in shown.values())], rows, note)


def _heads(result: View) -> str:
    made = []
    for task, found in (result.get("heads") or {}).items():
        shown = ("macro_f1", "accuracy", "sure", "right_when_sure")
        rows = [[f"<b>{name.replace('_', ' ')}</b>", _cell(found[name], 1)] for name in shown]
        made.append(_section(f"Head: {task}", ["", "held out"], rows))
        pairs = [[escape(one["true"]), escape(one["read"]), str(one["texts"])] for one in found["confusions"]]
        if pairs:
            made.append(_section(f"What {task} is confused with", ["is", "read as", "texts"], pairs))
    return "\n".join(made)


def _meanings(result: View) -> str:
    if not result.get("systems"):
        return ""
    told = "".join(
        f"<dt>{escape(one.name)}</dt><dd>{escape(one.words)} Counted: {escape(one.of)}.</dd>"
        for one in MEANINGS.values()
    )
    warning = (
        "Likeness to one human's wording ranks versions of a model; it does not measure whether an answer is correct. For a "
        "promise to customers use the certificate, which stands on people's verdicts."
    )
    return f'<section><h2>What the figures mean</h2><dl>{told}</dl><p class="note">{warning}</p></section>'


def _foot(result: View) -> str:
    lines = [*(result.get("notes") or []), result.get("wording_signature"), result.get("machine")]
    lines.append(
        f"Intervals: 95 %, {_count(result['data']['rounds'])} resamplings of whole conversations. "
        "Where every turn has the same value an interval has no width; n says how much that is worth."
    )
    told = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return f"<footer>{told}</footer>"


# --- pieces -------------------------------------------------------------------------------------------------


def _section(title: str, header: Iterable[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    told = f'<p class="note">{note}</p>' if note else ""
    return (
        f'<section><h2>{escape(title)}</h2><div class="wide" tabindex="0" role="region" aria-label="{escape(title)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{told}</section>"
    )


def _cell(view: View | None, top: float) -> str:
    if view is None or view["mean"] is None:
        return '<span class="none">–</span>'
    digits = 2 if top <= 1 else 1
    bounds = "one conversation" if view["low"] is None else f"{view['low']:.{digits}f} to {view['high']:.{digits}f}"
    return f'<span class="figure">{view["mean"]:.{digits}f}</span><small>{bounds}, n = {_count(view["n"])}</small>'


def _panel(title: str, top: float, name: str, systems: View, under: str | None) -> Panel:
    rows = []
    for system, one in systems.items():
        view = (one[under] if under else one).get(name)
        if view is not None and view["mean"] is not None:
            rows.append((system, view["mean"], view["low"], view["high"]))
    return Panel(title, top, rows)


def _count(number: int) -> str:
    return f"{number:,}"

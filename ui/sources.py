"""Draws where an answer comes from: its mode, the numbers in it, its sources. Must not know HTTP, the store or Gradio."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from chatbot.types import Mode, Reply, Source
from ui.icons import icon
from ui.prose import drawn, paragraphs, plain

Words = Mapping[str, str]

_FAQ = "faq"
_CORRECTION = "correction"
_MODES = {Mode.PRECEDENT: "mode_precedent", Mode.ADAPTED: "mode_adapted", Mode.GENERATED: "mode_generated"}
_FAQ_MODES = {Mode.PRECEDENT: "mode_faq", Mode.ADAPTED: "mode_adapted_faq", Mode.GENERATED: "mode_generated_faq"}


def mode_label(reply: Reply, words: Words) -> str:
    """How the answer came about, in two lengths of which the style sheet shows one; empty for a sentence of our own."""
    key = _mode_key(reply)
    if key is None:
        return ""
    long, short = escape(words[key]), escape(words[f"{key}_short"])
    return f'<span class="mode"><span class="mode-long">{long}</span><span class="mode-short">{short}</span></span>'


def cited(text: str, sources: Sequence[Source]) -> str:
    """Paragraphs, each with the number of the source that it is taken from word for word, where there are several."""
    parts = paragraphs(text)
    if len(parts) < 2:
        return plain(text)
    return "".join(_numbered(part, sources) for part in parts)


def source_list(sources: Sequence[Source], words: Words) -> str:
    if not sources:
        return ""
    numbers = "".join(f'<span class="number">{n}</span>' for n in range(1, len(sources) + 1))
    items = "".join(_item(source, words) for source in sources)
    title = f'{icon("book")}<span>{escape(words["sources"])}</span><span class="numbers">{numbers}</span>{icon("down")}'
    return f'<details class="sources"><summary>{title}</summary><ol>{items}</ol></details>'


def _mode_key(reply: Reply) -> str | None:
    """The string that names the mode. Word for word, only the sources that the words stand in count; else all of them."""
    used = _taken_from(reply) if reply.mode is Mode.PRECEDENT else reply.sources
    if used and reply.mode is Mode.PRECEDENT and all(source.kind == _CORRECTION for source in used):
        return "mode_correction"
    from_faq = [source.kind == _FAQ for source in used]
    if from_faq and all(from_faq):
        return _FAQ_MODES.get(reply.mode)
    if any(from_faq) and reply.mode is Mode.PRECEDENT:
        return "mode_mixed"
    return _MODES.get(reply.mode)


def _taken_from(reply: Reply) -> list[Source]:
    """The sources that the paragraphs stand in; the first, which is the best, where none can be told."""
    numbers = {number for part in paragraphs(reply.text) if (number := _holder(part, reply.sources))}
    return [reply.sources[number - 1] for number in sorted(numbers)] or list(reply.sources[:1])


def _holder(paragraph: str, sources: Sequence[Source]) -> int | None:
    """The number, from 1, of the source in which one of the paragraph's sentences of 20 characters or more stands."""
    sentences = [part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", paragraph.strip()) if len(part) >= 20]
    held = (n for n, source in enumerate(sources, 1) if any(part in source.answer for part in sentences))
    return next(held, None)


def _numbered(paragraph: str, sources: Sequence[Source]) -> str:
    number, html = _holder(paragraph, sources), drawn(paragraph)
    if number is None or not html.endswith("</p>"):
        return html
    return f'{html.removesuffix("</p>")} <span class="number cite" aria-hidden="true">{number}</span></p>'


def _item(source: Source, words: Words) -> str:
    if source.kind == _CORRECTION:
        return _correction(source, words)
    return _faq_entry(source, words) if source.kind == _FAQ else _past_chat(source, words)


def _correction(source: Source, words: Words) -> str:
    """An answer that one of the team wrote; who it was stays inside the team."""
    when = source.resolved_at
    date = f'<time datetime="{when.isoformat()}">{when.date().isoformat()}</time>' if when else ""
    said = escape(words["source_correction"]).replace("{date}", date)
    return (
        f'<li class="faq"><p class="asked" dir="auto"><span>{said}</span>{escape(source.question)}</p>'
        f'<div class="answered" dir="auto">{plain(source.answer)}</div></li>'
    )


def _faq_entry(source: Source, words: Words) -> str:
    return (
        f'<li class="faq"><p class="asked" dir="auto"><span>{escape(words["source_faq"])}</span>'
        f'{escape(source.question)}</p><div class="answered" dir="auto">{plain(source.answer)}</div></li>'
    )


def _past_chat(source: Source, words: Words) -> str:
    when = source.resolved_at
    date = f'<time datetime="{when.isoformat()}">{when.date().isoformat()}</time>' if when else ""
    reference = escape(words["source_ref"].format(ref=f"{source.conversation_id} / {source.turn_id}"))
    return (
        f'<li><p class="asked" dir="auto"><span>{escape(words["source_asked"])}</span>{escape(source.question)}</p>'
        f'<div class="answered" dir="auto"><span>{escape(words["source_answered"])}</span>{plain(source.answer)}</div>'
        f'<p class="reference">{date}<bdi>{reference}</bdi></p></li>'
    )

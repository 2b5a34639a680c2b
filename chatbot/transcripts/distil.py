"""From a conversation to knowledge: a masked passage for each human reply that says something. Knows no index and no
store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from chatbot.privacy import Masker
from chatbot.transcripts.collapse import collapse
from chatbot.transcripts.emptiness import is_empty
from chatbot.transcripts.window import render_window
from chatbot.types import Passage, Role, Transcript, Turn

__all__ = ["collapse", "distil", "is_trustworthy"]

_BAD_CSAT = 2.0
_GOOD_CSAT = 4.0
_UNRESOLVED = frozenset(
    {
        *("unresolved", "not_resolved", "unsolved", "failed", "abandoned", "ungelöst", "nicht_gelöst"),
        *("non_résolu", "sin_resolver", "no_resuelto", "未解决"),
    }
)


def distil(transcript: Transcript, mask: Masker, detect: Callable[[str], str | None]) -> list[Passage]:
    """A passage per useful human agent turn, in order; `turn_id` is the turn's position in `transcript.turns`.

    Nothing comes from a conversation that its customer rated 2 of 5 or worse, or that ended unresolved without a good
    rating. Only customers' and agents' words are used: notes, bots and events stay out of question, window and
    answer. `detect` names the language of a text where the transcript does not; "und" where nobody knows (RFC 5646).
    """
    if not is_trustworthy(transcript):
        return []
    names = _names(transcript.turns, mask)
    language = transcript.language or _language(transcript.turns, detect)
    passages = []
    for position, turn in enumerate(transcript.turns):
        if turn.role is not Role.AGENT or not turn.text:
            continue
        answer = mask.mask(turn.text, names)
        asked = None if is_empty(answer) else _question(transcript.turns, position)
        if asked is None:
            continue
        first, last = asked
        run = [other.text for other in transcript.turns[first : last + 1] if other.role is Role.CUSTOMER and other.text]
        question = mask.mask("\n".join(run), names)
        until = _last_customer(transcript.turns, position)
        human = [other for other in transcript.turns[: until + 1] if other.role in (Role.CUSTOMER, Role.AGENT)]
        resolved_at = _time(transcript.turns, position)
        passages.append(
            Passage(
                id=_identity(transcript, position, answer, question),
                conversation_id=transcript.id,
                turn_id=position,
                language=language,
                question=question,
                window=mask.mask(render_window(human), names),
                answer=answer,
                source=transcript.source,
                topic=mask.mask(transcript.topic, names) if transcript.topic else None,
                csat=transcript.csat,
                resolved_at=resolved_at,
                last_seen=resolved_at,
            )
        )
    return passages


def is_trustworthy(transcript: Transcript) -> bool:
    """May the replies become knowledge? Not those that the customer rated badly, nor those that did not solve the
    matter.
    """
    if transcript.csat is not None:
        if transcript.csat <= _BAD_CSAT:
            return False
        if transcript.csat >= _GOOD_CSAT:
            return True
    return (transcript.status or "").strip().lower().replace(" ", "_").replace("-", "_") not in _UNRESOLVED


def _names(turns: Sequence[Turn], mask: Masker) -> list[str]:
    """Who takes part: the authors, and whoever is addressed or introduces himself anywhere in the conversation."""
    names = {turn.author for turn in turns if turn.author}
    for turn in turns:
        if turn.role in (Role.CUSTOMER, Role.AGENT):
            found = (span.value for span in mask.find(turn.text) if span.type == "NAME")
            names.update(name for name in found if len(name) > 1 and (name[0].isupper() or not name.isascii()))
    return sorted(names)


def _question(turns: Sequence[Turn], answer: int) -> tuple[int, int] | None:
    """First and last position of the customer's latest run of turns before the answer that says something; where all
    of them are empty ("Hi", "ok thanks"), the latest run as it is. None when no customer has spoken.
    """
    latest: tuple[int, int] | None = None
    for first, last in _runs_before(turns, answer):
        latest = latest or (first, last)
        if any(
            turn.role is Role.CUSTOMER and turn.text and not is_empty(turn.text) for turn in turns[first : last + 1]
        ):
            return first, last
    return latest


def _runs_before(turns: Sequence[Turn], end: int) -> Iterator[tuple[int, int]]:
    """Runs of customer turns that no agent interrupts, latest first."""
    last: int | None = None
    first = 0
    for position in range(end - 1, -1, -1):
        turn = turns[position]
        if turn.role is Role.CUSTOMER and turn.text:
            first, last = position, position if last is None else last
        elif turn.role is Role.AGENT and last is not None:
            yield first, last
            last = None
    if last is not None:
        yield first, last


def _last_customer(turns: Sequence[Turn], end: int) -> int:
    return next(p for p in range(end - 1, -1, -1) if turns[p].role is Role.CUSTOMER and turns[p].text)


def _language(turns: Sequence[Turn], detect: Callable[[str], str | None]) -> str:
    for role in (Role.CUSTOMER, Role.AGENT):
        text = "\n".join(turn.text for turn in turns if turn.role is role and turn.text)[:2000]
        if text and (language := detect(text)):
            return language
    return "und"


def _time(turns: Sequence[Turn], position: int) -> datetime | None:
    """When the reply was given: its own time, else the nearest one before, else the first known one after."""
    nearest = [*reversed(turns[: position + 1]), *turns[position + 1 :]]
    return next((turn.time for turn in nearest if turn.time), None)


def _identity(transcript: Transcript, position: int, answer: str, question: str) -> str:
    parts = (transcript.source, transcript.id, str(position), answer, question)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]

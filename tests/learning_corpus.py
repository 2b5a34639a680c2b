"""A small company's conversations to learn from, made up by rule: enough of each matter that one supports another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

from chatbot.privacy import Masker
from chatbot.transcripts.distil import distil
from chatbot.types import Passage, Role, Transcript, Turn

BEGAN = datetime(2025, 1, 1, 9, tzinfo=UTC)
_MATTERS = {
    "returns": (
        "send the {thing} back",
        "You can return the {thing} unused within {days} days of delivery.",
        "The label costs 4.90 EUR.",
    ),
    "repair": (
        "have the {thing} repaired",
        "Our workshop repairs every {thing} for a flat 25 EUR.",
        "It takes two weeks at most.",
    ),
    "washing": (
        "wash my {thing}",
        "Wash the {thing} at 30 degrees without softener.",
        "Dry it slowly in the shade.",
    ),
    "shipping": (
        "get the {thing} shipped to Norway",
        "We ship the {thing} to Norway with duties prepaid.",
        "Allow six working days for it.",
    ),
}
_THINGS = ("tent", "jacket", "rope", "stove", "backpack")
_ASKED = (
    "How can I {}?",
    "Hello, I would like to {}, what do I have to do please?",
    "pls tell me quickly about this: {}",
)


def transcripts(days: int = 30, *, dated: bool = True, language: str | None = "en") -> list[Transcript]:
    """Sixty conversations, one a day: every matter for every thing, asked in three ways, answered in two."""
    made = []
    for number, (asked, thing, (topic, matter)) in enumerate(product(_ASKED, _THINGS, _MATTERS.items())):
        want, answer, more = matter
        said = answer.format(thing=thing, days=days)
        reply = f"{said} {more}" if number % 2 else f"{more} {said}"
        at = BEGAN + timedelta(days=number) if dated else None
        turns = (
            Turn(Role.CUSTOMER, asked.format(want.format(thing=thing)), at),
            Turn(Role.AGENT, reply, at and at + timedelta(minutes=1), "Ann"),
        )
        made.append(Transcript(f"c{number:03d}", "own", turns, language, topic, "solved", 5.0))
    return made


def distilled(found: list[Transcript]) -> list[Passage]:
    """Their passages."""
    mask = Masker()
    return [passage for transcript in found for passage in distil(transcript, mask, lambda _: "en")]


def conversation(id: str, *said: tuple[str, str], **more: object) -> Transcript:
    """(role, text) pairs, a minute apart, on the last day."""
    at = BEGAN + timedelta(days=100)
    turns = tuple(Turn(Role(role), text, at + timedelta(minutes=number)) for number, (role, text) in enumerate(said))
    return Transcript(id, "own", turns, "en", **more)  # type: ignore[arg-type]

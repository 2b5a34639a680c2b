"""A finished turn of the bot: what was decided, said, and from which sources. Must not know the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What the policy decided to do with a customer's message."""

    ANSWER = "answer"
    ASK_BACK = "ask_back"
    HAND_OVER = "hand_over"
    SMALL_TALK = "small_talk"


class Mode(StrEnum):
    """How the text of a reply came about."""

    PRECEDENT = "precedent"  # a past agent's answer, slots filled
    ADAPTED = "adapted"  # a past answer fitted to the question by the generator, evidence-checked
    GENERATED = "generated"  # written by the generator from several past answers, evidence-checked
    FIXED = "fixed"  # a sentence of the product's own (greeting, question back, hand-over)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, why, and how sure. `reason` is one of the words in `policy.Reason`; `confidence` lies in [0, 1].

    A HAND_OVER with `offered` says that nothing fits and offers a person: the conversation stays with the bot until the
    customer accepts. Without it the conversation starts to wait for a person at once.
    """

    action: Action
    reason: str
    confidence: float
    offered: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The public view of a passage behind a reply: the only fields of one that a customer may see.

    kind: "chat" for a past conversation, "faq" for an entry of the company's help centre, "correction" for an answer that one of
    the team wrote.
    """

    passage_id: str
    conversation_id: str
    turn_id: int
    question: str
    answer: str
    score: float
    resolved_at: datetime | None = None
    kind: str = "chat"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a reply came about, kept with it for good. Versions are None where that part took no part.

    query: what was searched for. asked: the same before typos were mended; None where that changed nothing.
    """

    index_version: str | None = None
    encoder: str | None = None
    model: str | None = None
    engine: str | None = None
    prompt_sha256: str | None = None
    finish_reason: str | None = None
    policy_version: str | None = None
    query: str | None = None
    agreement: float | None = None
    checks: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished turn of the bot."""

    text: str
    decision: Decision
    mode: Mode
    language: str
    sources: tuple[Source, ...] = ()
    quick_replies: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    partial: bool = False

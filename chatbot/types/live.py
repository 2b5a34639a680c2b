"""Live conversations: who owns one, what was said in it, and what open windows are told. Must not know SQL or web."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chatbot.types.replies import Reply
from chatbot.types.transcripts import Role


class Status(StrEnum):
    """Who owns a live conversation."""

    BOT = "bot"
    WAITING = "waiting"
    HUMAN = "human"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A live conversation without its messages. `language` is the conversation's prior, None until known. `contact` is the
    e-mail address that the customer left, `team_id` the team that it belongs to; `waiting_since` is set while it waits."""

    id: str
    status: Status
    language: str | None
    created_at: datetime
    updated_at: datetime
    last_seq: int = 0
    handover_reason: str | None = None
    agent: str | None = None
    rating: int | None = None
    contact: str | None = None
    team_id: int | None = None
    waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation stands in the line for a person: `before`, how many have waited longer; `usual_s`, how long it lately
    took until somebody came, seconds, None where too few waits tell."""

    before: int
    usual_s: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message. `seq` counts from 1 without a gap in its conversation; `reply` is set on bot messages only;
    `thumb` is the customer's +1 or -1 on it."""

    conversation_id: str
    seq: int
    role: Role
    text: str
    created_at: datetime
    client_message_id: str | None = None
    author: str | None = None
    reply: Reply | None = None
    thumb: int | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """A customer's verdict on one bot message: `thumb` is +1 or -1."""

    conversation_id: str
    seq: int
    thumb: int
    reason: str | None = None
    comment: str | None = None


class EventKind(StrEnum):
    """What an open window is told."""

    MESSAGE = "message"  # a message was stored; `seq` is its number
    DELTA = "delta"  # `text` continues the reply that is being written
    DONE = "done"  # the turn is over and stored, `seq` is the bot's message
    STATUS = "status"  # the owner of the conversation changed; `text` is the new status
    TYPING = "typing"  # somebody on the other side is writing
    PASSED = "passed"  # a colleague passed it on; `text` is the number of whose it is now


@dataclass(frozen=True, slots=True)
class Event:
    """One ring of the bell for every open window of a conversation."""

    kind: EventKind
    conversation_id: str
    seq: int = 0
    text: str = ""

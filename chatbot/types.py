"""The values that walk through the house. Frozen, plain, and free of any library; must not know SQL, web or models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal


class Role(StrEnum):
    """Who spoke. `NOTE` is internal to the support team; `SYSTEM` is a machine's event."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    NOTE = "note"
    SYSTEM = "system"


class Status(StrEnum):
    """Who owns a live conversation."""

    BOT = "bot"
    WAITING = "waiting"
    HUMAN = "human"
    CLOSED = "closed"


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


# --- transcripts: the past -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a past conversation; `text` is plain text once a reader has cleaned it."""

    role: Role
    text: str
    time: datetime | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a transcript came from: the file's name and the 1-based line (or record) in it."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A past conversation. `id` is the source system's own id; `source` names the format it came in.

    Turn ids are positions in `turns` and equal the positions in the export, so nothing is dropped from the list:
    what must not become knowledge is skipped when passages are distilled.
    """

    id: str
    source: str
    turns: tuple[Turn, ...]
    language: str | None = None
    topic: str | None = None
    status: str | None = None
    csat: float | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One useful human agent turn with what came before it; personal data already masked.

    `window` holds the last three turns up to and including the question, oldest first, one a line, each as "role: text".
    After near-duplicates are collapsed one passage stands for `count` occurrences, by `agents` different people.
    """

    id: str
    conversation_id: str
    turn_id: int
    language: str
    question: str
    window: str
    answer: str
    source: str = ""
    topic: str | None = None
    csat: float | None = None
    resolved_at: datetime | None = None
    last_seen: datetime | None = None
    count: int = 1
    agents: int = 1


# --- retrieval -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for. `text` stands alone; `window` holds the last three turns, in a passage's window format."""

    text: str
    window: str
    language: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `score` is the fused score; `dense` and `lexical` are the raw ones, None where that side missed it.

    dense: cosine in [-1, 1], the better of window and question vectors. lexical: BM25, >= 0. coverage: share of the
    query's idf mass that stands in the passage, [0, 1]. signals: every single one by name (`retrieval.signals`, and the
    cosines cos_window, cos_question, cos_reply where the encoder worked).
    """

    passage: Passage
    score: float
    dense: float | None = None
    lexical: float | None = None
    coverage: float = 0.0
    ranks: Mapping[str, int] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text's tokens. spans: (start, end) of each in the text, characters. vectors: (tokens, dim) float32, rows of length 1."""

    spans: tuple[tuple[int, int], ...]
    vectors: Any


@dataclass(frozen=True, slots=True)
class Support:
    """How far a passage covers the content words of a query, each by its MaxSim (`protocols.Retriever.support`), in [-1, 1].

    mean: over all words, weighted by idf. elsewhere: mean over the words that the passage does not itself hold, 1.0 when it
    holds them all.
    """

    mean: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits best first. `agreement` is the mean pairwise similarity of the top replies, [0, 1]; `medoid` the position of the
    reply that the others agree with most. `degraded` names parts that did not work (an encoder that failed, say)."""

    hits: tuple[Hit, ...]
    agreement: float = 0.0
    medoid: int = 0
    index_version: str | None = None
    encoder: str | None = None
    degraded: tuple[str, ...] = ()


# --- generation ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the OpenAI chat protocol."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a generated text; `finish_reason` is set on the last one only: stop, length or cancelled."""

    text: str
    finish_reason: str | None = None


# --- a turn ----------------------------------------------------------------------------------------------


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

    kind: "chat" for a past conversation, "faq" for an entry of the company's help centre.
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
    """How a reply came about, kept with it for good. Versions are None where that part took no part."""

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


# --- live conversations ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conversation:
    """A live conversation without its messages. `language` is the conversation's prior, None until known."""

    id: str
    status: Status
    language: str | None
    created_at: datetime
    updated_at: datetime
    last_seq: int = 0
    handover_reason: str | None = None
    agent: str | None = None
    rating: int | None = None


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


@dataclass(frozen=True, slots=True)
class Event:
    """One ring of the bell for every open window of a conversation."""

    kind: EventKind
    conversation_id: str
    seq: int = 0
    text: str = ""

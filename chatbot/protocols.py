"""The ports of the core: what it needs from others, and no more. Each has a fake in `tests/fakes.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chatbot.types import (
    Changes,
    ChatMessage,
    Conversation,
    Delta,
    Event,
    Feedback,
    Message,
    Passage,
    Place,
    Query,
    Reply,
    SearchResult,
    Status,
    Support,
    TokenVectors,
)


class Embedder(Protocol):
    """Texts to vectors. Lives as long as the process; any thread may call."""

    @property
    def name(self) -> str:
        """Identity for manifests and provenance: model and content hash, the same for the same vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Returns (len(texts), dim) float32, each row of length 1. Raises ModelError."""

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The vector of every token, for late interaction; special tokens left out. Raises ModelError."""


class Retriever(Protocol):
    """Finds precedents. Lives as long as the index version it opened; any thread may call."""

    def search(self, query: Query, k: int = 5) -> SearchResult:
        """The best `k` passages in the query's language. Raises IndexBroken when there is nothing to search."""

    def mend(self, text: str, language: str) -> str:
        """The text with typos mended by the passages' own vocabulary."""

    def support(self, query: Query, passages: Sequence[Passage]) -> list[Support] | None:
        """How far each passage covers every content word of the query; None when the encoder does not work.

        A word's cover is the largest cosine between one of its tokens and one of the passage's (MaxSim of ColBERT, Khattab and
        Zaharia 2020): a fabric asked for and nowhere spoken of shows, however alike the rest is.
        """


class Knowledge(Protocol):
    """What people of the team have changed in the knowledge since it was indexed. Both calls block; any thread may call."""

    def stamp(self) -> Hashable:
        """Differs whenever `changes` may. Asked at every search, so it must be quick. Raises StorageError."""

    def changes(self) -> Changes:
        """All changes, whatever version is served. Raises StorageError."""


class ChatModel(Protocol):
    """A generator behind the OpenAI chat protocol. Any task of the event loop may call."""

    @property
    def name(self) -> str:
        """The model's name, for provenance."""

    @property
    def engine(self) -> str:
        """The engine's name, for provenance."""

    def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, deadline_s: float, temperature: float = 0.0
    ) -> AsyncIterator[Delta]:
        """Pieces of the reply as they come; closing the iterator cancels the work. Raises GenerationError."""


class Bell(Protocol):
    """Tells every open window of a conversation that something happened. Never blocks, never raises."""

    def ring(self, event: Event) -> None: ...


class Meter(Protocol):
    """Counts what the dialogue does, without a word of what is said. Never blocks, never raises."""

    def message(self) -> None:
        """A customer's message was stored."""

    def turn(self, reply: Reply, seconds: float) -> None:
        """A reply was stored, so many seconds after its turn began."""

    def unsaved(self) -> None:
        """A reply was lost: the database did not take it."""


class ConversationStore(Protocol):
    """Live conversations. Every method that takes `owner` sees only that owner's rows and raises NotFound for others'.

    Writes return after the commit. Any task of the event loop may call. Raises StorageError when the database is away.
    `owner` is an opaque secret-derived id (the hash of the customer's cookie).
    """

    async def create_conversation(self, owner: str, language: str | None = None) -> Conversation: ...

    async def conversation(self, conversation_id: str, owner: str) -> Conversation: ...

    async def conversations_of(self, owner: str, limit: int = 50) -> Sequence[Conversation]:
        """Newest first."""

    async def add_customer_message(
        self, conversation_id: str, owner: str, text: str, client_message_id: str, mood: float | None = None
    ) -> tuple[Message, bool]:
        """The stored message and whether it is new. The same id and text again returns the first one; the same id with
        another text raises Conflict; a closed conversation raises Conflict. `mood`, in [-1, 1], goes into the
        conversation's running mood."""

    async def add_reply(self, conversation_id: str, reply: Reply, answers_seq: int) -> Message | None:
        """Stores the bot's message answering message `answers_seq`; None, and nothing stored, when the bot no longer owns
        the conversation or that message already has its reply. A HAND_OVER reply that is not merely `offered`
        moves the status to WAITING and keeps the reason in the same commit. The reply's language becomes the conversation's."""

    async def add_event_message(self, conversation_id: str, owner: str, text: str) -> Message:
        """Stores a SYSTEM message (shown as a line, such as "You asked for a person")."""

    async def messages(
        self, conversation_id: str, owner: str, after_seq: int = 0, limit: int = 200
    ) -> Sequence[Message]:
        """In order of seq, with seq > after_seq; with the reply's provenance and the thumb where there is one."""

    async def recent(self, conversation_id: str, limit: int = 8) -> Sequence[Message]:
        """The last messages without notes, oldest first, for the turn itself (ownership was checked when the message came in)."""

    async def unanswered(self) -> Sequence[Message]:
        """The last customer message of every conversation with status BOT in which nobody has spoken since (notes and SYSTEM
        messages do not count): what a crash left without a reply."""

    async def set_status(
        self, conversation_id: str, owner: str, expected: Sequence[Status], to: Status, reason: str | None = None
    ) -> Conversation:
        """Compare-and-set; raises Conflict when the status is not one of `expected`."""

    async def leave_contact(self, conversation_id: str, owner: str, contact: str) -> Conversation:
        """Keeps the e-mail address at which the customer can be answered; a second one replaces the first."""

    async def place_in_line(self, conversation_id: str, owner: str) -> Place | None:
        """Where it stands in the line for a person; None when it does not wait."""

    async def add_feedback(self, feedback: Feedback, owner: str) -> None:
        """One per bot message; a second one replaces the first. NotFound unless it is a bot message."""

    async def rate(self, conversation_id: str, owner: str, stars: int, comment: str | None = None) -> None:
        """1..5 stars for the conversation; a second rating replaces the first."""

    async def delete_owner(self, owner: str) -> int:
        """Erases every conversation of the owner with all that hangs on it; returns how many."""

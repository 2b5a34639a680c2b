"""What the web process is made of: collaborators that arrive ready, so that tests hand in fakes. Must not build any."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from chatbot.assembly import Assistant
from chatbot.protocols import ConversationStore
from chatbot.settings import Settings
from chatbot.types import Conversation, Message
from storage.opening import Store
from ui.events import EventHub
from ui.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]
"""A readiness check: None when all is well, else one sentence without secrets."""


class Turns(Protocol):
    """The side of `chatbot.dialogue.DialogueManager` that the pages use."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def receive(self, conversation_id: str, owner: str, text: str, client_message_id: str) -> Message: ...

    async def ask_for_person(self, conversation_id: str, owner: str) -> Conversation: ...

    async def back_to_bot(self, conversation_id: str, owner: str) -> Conversation: ...

    async def leave_contact(self, conversation_id: str, owner: str, address: str) -> Conversation: ...

    async def resume(self, conversation_id: str) -> None: ...

    async def stop(self, conversation_id: str, owner: str) -> None: ...

    def silence(self, conversation_id: str) -> None: ...

    def writing(self, conversation_id: str) -> str | None: ...

    def crowded(self) -> bool: ...


@asynccontextmanager
async def nothing_more() -> AsyncIterator[None]:
    """The lifespan of parts that need none of their own."""
    yield


@dataclass(frozen=True)
class Parts:
    """The collaborators of one web process. `lifespan` starts and stops what lies below the manager.

    examples: questions for the first screen in a language, at most four. checks: readiness by name; without
    one of `required` the process is not ready, without another it serves all the same (past answers need no generator).
    """

    settings: Settings
    store: ConversationStore
    manager: Turns
    hub: EventHub
    examples: Callable[[str], Sequence[str]] = lambda _language: ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    required: frozenset[str] = frozenset({"database", "index"})
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nothing_more
    house: Store | None = None
    assistant: Assistant | None = None

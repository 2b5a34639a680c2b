"""A scripted dialogue over the store in memory, and parts made of fakes: the pages without models, SQL or files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chatbot.addresses import check_address
from chatbot.protocols import ConversationStore
from chatbot.settings import Settings
from chatbot.turn import check_message
from chatbot.types import Action, Conversation, Decision, Event, EventKind, Message, Mode, Reply, Role, Source, Status
from tests.fakes_store import MemoryStore
from ui.events import EventHub
from ui.parts import Parts

SOURCE = Source(
    "0a1b2c3d4e5f6071", "demo-0012", 3, "Can I send the boots back?", "Yes. You have 30 days from delivery.", 0.83,
    datetime(2025, 5, 12, 10, 0, tzinfo=UTC),
)  # fmt: skip
ANSWER = Reply(
    text="You have 30 days from delivery to send it back, unused, tags on. The label is under Orders > Return.",
    decision=Decision(Action.ANSWER, "agreed", 0.82),
    mode=Mode.PRECEDENT,
    language="en",
    sources=(SOURCE, Source("1b2c3d4e5f607182", "demo-0047", 5, "How long for returns?", "30 days, tags on.", 0.71)),
)
EXAMPLES = (
    "How long do I have to return something?",
    "Where is my parcel?",
    "How do I wash the Fjell jacket?",
    "Is the rope recalled?",
)


@dataclass
class ScriptedTurns:
    """Behaves as DialogueManager does, with replies from a list (the last one for ever) written word by word.

    pace_s: seconds between two pieces; with `pieces=False` the reply comes in one piece without a delta. draft: what is
    shown in pieces in place of the reply's own words, as a draft that fails its check at the end.
    """

    store: ConversationStore
    hub: EventHub
    replies: Sequence[Reply] = (ANSWER,)
    pace_s: float = 0.0
    pieces: bool = True
    max_chars: int = 4000
    draft: str | None = None
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _silenced: set[str] = field(default_factory=set)
    _turn: int = 0

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def receive(self, conversation_id: str, owner: str, text: str, client_message_id: str) -> Message:
        text = check_message(text, self.max_chars)
        message, new = await self.store.add_customer_message(conversation_id, owner, text, client_message_id)
        if new:
            self.hub.ring(Event(EventKind.MESSAGE, conversation_id, message.seq))
            if (await self.store.conversation(conversation_id, owner)).status is Status.BOT:
                self._begin(message)
        return message

    async def ask_for_person(self, conversation_id: str, owner: str) -> Conversation:
        await self.stop(conversation_id, owner)
        return await self._move(conversation_id, owner, Status.BOT, Status.WAITING, "You asked for a person.")

    async def back_to_bot(self, conversation_id: str, owner: str) -> Conversation:
        return await self._move(conversation_id, owner, Status.WAITING, Status.BOT, "You are back with the assistant.")

    async def stop(self, conversation_id: str, owner: str) -> None:
        await self.store.conversation(conversation_id, owner)
        task = self._running.get(conversation_id)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def leave_contact(self, conversation_id: str, owner: str, address: str) -> Conversation:
        conversation = await self.store.leave_contact(conversation_id, owner, check_address(address))
        await self.store.add_event_message(conversation_id, owner, "Thank you. We will answer you by e-mail.")
        self.hub.ring(Event(EventKind.MESSAGE, conversation_id))
        return conversation

    async def resume(self, conversation_id: str) -> None:
        spoken = [m for m in await self.store.recent(conversation_id, 12) if m.role is not Role.SYSTEM]
        if spoken and spoken[-1].role is Role.CUSTOMER:
            self._begin(spoken[-1])

    def silence(self, conversation_id: str) -> None:
        self._texts.pop(conversation_id, None)
        if task := self._running.pop(conversation_id, None):
            self._silenced.add(conversation_id)
            task.cancel()

    def writing(self, conversation_id: str) -> str | None:
        return self._texts.get(conversation_id)

    def crowded(self) -> bool:
        return False

    async def _move(self, conversation_id: str, owner: str, expected: Status, to: Status, line: str) -> Conversation:
        reason = "customer_asked" if to is Status.WAITING else None
        await self.store.set_status(conversation_id, owner, [expected], to, reason)
        await self.store.add_event_message(conversation_id, owner, line)
        self.hub.ring(Event(EventKind.STATUS, conversation_id, text=to.value))
        return await self.store.conversation(conversation_id, owner)

    def _begin(self, message: Message) -> None:
        self._texts[message.conversation_id] = ""
        self._silenced.discard(message.conversation_id)
        self._running[message.conversation_id] = asyncio.create_task(self._answer(message))

    async def _answer(self, message: Message) -> None:
        reply, key = self.replies[min(self._turn, len(self.replies) - 1)], message.conversation_id
        self._turn += 1
        try:
            for word in (self.draft or reply.text).split(" ") if self.pieces else ():
                await asyncio.sleep(self.pace_s)
                piece = word if not self._texts[key] else f" {word}"
                self._texts[key] += piece
                self.hub.ring(Event(EventKind.DELTA, key, text=piece))
        except asyncio.CancelledError:
            if key in self._silenced:
                raise
            reply = _cut(reply, self._texts[key] or "…")
        await self._store(reply, message)

    async def _store(self, reply: Reply, message: Message) -> None:
        stored = await self.store.add_reply(message.conversation_id, reply, message.seq)
        self._texts.pop(message.conversation_id, None)
        self._running.pop(message.conversation_id, None)
        self.hub.ring(Event(EventKind.DONE, message.conversation_id, stored.seq if stored else 0))


def _cut(reply: Reply, text: str) -> Reply:
    return Reply(text, reply.decision, reply.mode, reply.language, reply.sources, partial=True)


def fake_parts(folder: Path, *, store: ConversationStore | None = None, **options: object) -> Parts:
    """Parts over fakes. Options: those of ScriptedTurns, and `settings` as a dict."""
    given = options.pop("settings", {})
    assert isinstance(given, dict)
    settings = Settings(data=folder, privacy_url="https://shop.example/privacy", **given)
    hub, kept = EventHub(), store or MemoryStore()

    async def fine() -> str | None:
        return None

    checks = {"database": fine, "index": fine, "model": fine}
    manager = ScriptedTurns(kept, hub, max_chars=settings.max_message_chars, **options)  # type: ignore[arg-type]
    return Parts(settings, kept, manager, hub, lambda _language: EXAMPLES, checks)

"""Sees to those who need a person and have none: tells them when nobody is there, and frees them from agents who are gone. Must
not know routes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from chatbot.errors import ChatbotError
from chatbot.hours import Hours, opening_words
from chatbot.phrases import phrase
from chatbot.types import Conversation, Event, EventKind, Status
from storage.desk import Desk
from ui.events import EventHub
from ui.presence import Presence

_log = structlog.get_logger(__name__)
LOOKS_EVERY_S = 10.0


@dataclass(frozen=True)
class Reception:
    """One a process. `patience`: how long somebody waits before being told again.

    A customer who begins to wait while the team is out of hours, or while nobody has the desk open, is told at once, in the
    conversation's language, and may leave an address. What was told is kept in the conversation, so each is told once.
    Who is in the hands of an agent who was disabled, or who has left and leaves her unanswered for as long, waits again.
    """

    desk: Desk
    hub: EventHub
    presence: Presence
    hours: Hours
    patience: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def asks_address(self, conversation: Conversation) -> bool:
        """Should a customer who waits be offered to leave an address?"""
        if conversation.status is not Status.WAITING or conversation.contact:
            return False
        since = conversation.waiting_since
        waited_long = since is not None and self.now() - since >= self.patience
        return waited_long or not self.somebody_for(conversation)

    def somebody_for(self, conversation: Conversation) -> bool:
        return self.hours.is_open(self.now()) and self.presence.anybody(conversation.team_id)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While the process serves: listens for those who begin to wait, and looks after those who wait long."""
        self.hub.listen(self._on_event)
        rounds = asyncio.create_task(self._rounds(), name="reception")
        try:
            yield
        finally:
            rounds.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(rounds, *self._tasks, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        if event.kind is EventKind.STATUS and event.text == Status.WAITING:
            task = asyncio.create_task(self._greet(event.conversation_id), name=f"reception {event.conversation_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _greet(self, conversation_id: str) -> None:
        with _said_in_the_log("greet"):
            conversation = await self.desk.waiting(conversation_id)
            if conversation is not None:
                await self.look_after(conversation)

    async def look_after(self, conversation: Conversation) -> None:
        """Tells one who waits what there is to tell; each thing once in a stay."""
        since = conversation.waiting_since
        if not self.somebody_for(conversation):
            await self._tell(conversation, "away", self._away_line(conversation))
        elif since is not None and self.now() - since >= self.patience:
            await self._tell(conversation, "long", phrase("long_wait", conversation.language or "en"))

    async def free_left_alone(self) -> None:
        """Puts back into the line those whose agent is gone; they are told, and looked after like all who wait."""
        here = [user.id for user in self.presence.present()]
        for conversation_id, holder in await self.desk.left_alone(here, self.now() - self.patience):
            if await self.desk.free(conversation_id, holder, lambda language: phrase("passed_on", language or "en")):
                self.hub.ring(Event(EventKind.MESSAGE, conversation_id))
                self.hub.ring(Event(EventKind.STATUS, conversation_id, text=Status.WAITING))

    def _away_line(self, conversation: Conversation) -> str:
        language, now = conversation.language or "en", self.now()
        opening = self.hours.next_opening(now)
        if self.hours.is_open(now) or opening is None:
            return phrase("away_now", language)
        return phrase("away_until", language, when=opening_words(opening, now.astimezone(self.hours.zone), language))

    async def _tell(self, conversation: Conversation, key: str, text: str) -> None:
        message = await self.desk.tell_waiting(conversation.id, text, key)
        if message is not None:
            self.hub.ring(Event(EventKind.MESSAGE, conversation.id, message.seq))

    async def _rounds(self) -> None:
        while True:
            with _said_in_the_log("rounds"):
                for conversation in await self.desk.waiting_longer(self.now() - timedelta(seconds=LOOKS_EVERY_S)):
                    await self.look_after(conversation)
            await asyncio.sleep(LOOKS_EVERY_S)  # after a start, time for the team's windows to come back
            with _said_in_the_log("free"):
                await self.free_left_alone()


@contextlib.contextmanager
def _said_in_the_log(what: str) -> Iterator[None]:
    try:
        yield
    except ChatbotError as error:  # the next round tries again
        _log.error("reception.failed", what=what, error=type(error).__name__, reason=str(error))

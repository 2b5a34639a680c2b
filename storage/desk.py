"""The agents' desk over the store: lists, one conversation, and what an agent does to it. Must not know SQL or pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from chatbot.types import Conversation, Message
from storage import desk_lists, standing, taking
from storage.checks import check_id, check_key, check_text
from storage.databases import Database
from storage.desk_lists import Colleague, CustomerFacts, DeskItem, DeskPage, ListName
from storage.people import User
from storage.taking import Hand, Line

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """Lives as long as the store; any event loop may call. Who acts comes as `User` and stands in every query: others'
    conversations raise NotFound. Writes leave their trace in the audit log, in the same commit."""

    database: Database

    async def page(
        self, user: User, which: ListName, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> DeskPage:
        return await self._read(lambda c: desk_lists.page(c, user, which, after, limit))

    async def counts(self, user: User) -> Mapping[str, int]:
        return await self._read(lambda c: desk_lists.counts(c, user))

    async def item(self, user: User, conversation_id: str) -> DeskItem:
        check_id(conversation_id)
        return await self._read(lambda c: desk_lists.item(c, user, conversation_id))

    async def messages(
        self, user: User, conversation_id: str, after_seq: int = 0, limit: int = 500
    ) -> Sequence[Message]:
        check_id(conversation_id)
        return await self._read(lambda c: desk_lists.messages(c, user, conversation_id, after_seq, limit))

    async def facts(self, user: User, conversation_id: str) -> CustomerFacts:
        check_id(conversation_id)
        return await self._read(lambda c: desk_lists.facts(c, user, conversation_id))

    async def openings(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The customer's first messages of conversations that the caller has been shown, see `desk_lists.openings`."""
        return await self._read(lambda c: desk_lists.openings(c, ids))

    async def visible(self, user: User, ids: Sequence[str]) -> set[str]:
        return await self._read(lambda c: desk_lists.visible_ids(c, user, ids))

    async def gone(self, ids: Sequence[str]) -> list[str]:
        """Those of the ids that belong to no conversation, in their order."""
        there = await self._read(lambda c: desk_lists.existing_ids(c, ids))
        return [one for one in ids if one not in there]

    async def colleagues(self) -> Sequence[Colleague]:
        return await self._read(desk_lists.colleagues)

    async def teams(self) -> Sequence[tuple[int, str]]:
        return await self._read(desk_lists.teams)

    async def take(self, hand: Hand, line: Line) -> None:
        await self._write(hand, lambda c: taking.take(c, hand, line))

    async def say(self, hand: Hand, text: str) -> tuple[Message, bool]:
        check_text(text, "message")
        return await self._write(hand, lambda c: taking.say(c, hand, text))

    async def note(self, hand: Hand, text: str) -> tuple[Message, bool]:
        check_text(text, "note")
        return await self._write(hand, lambda c: taking.note(c, hand, text))

    async def give_back(self, hand: Hand, line: Line) -> None:
        await self._write(hand, lambda c: taking.give_back(c, hand, line))

    async def close(self, hand: Hand, line: Line) -> None:
        await self._write(hand, lambda c: taking.close(c, hand, line))

    async def transfer_to_user(self, hand: Hand, user_id: int, joined: Callable[[str], Line], why: str = "") -> None:
        check_text(why, "note")
        await self._write(hand, lambda c: taking.transfer_to_user(c, hand, user_id, joined, why))

    async def transfer_to_team(self, hand: Hand, team_id: int, line: Line, why: str = "") -> None:
        check_text(why, "note")
        await self._write(hand, lambda c: taking.transfer_to_team(c, hand, team_id, line, why))

    async def tag(self, hand: Hand, name: str, *, remove: bool = False) -> None:
        check_text(name, "tag")
        await self._write(hand, lambda c: taking.tag(c, hand, name, remove=remove))

    async def waiting(self, conversation_id: str) -> Conversation | None:
        """For the house itself, no user: the conversation if it waits for a person now."""
        return await self._read(lambda c: standing.waiting(c, conversation_id))

    async def waiting_longer(self, since: datetime, limit: int = 200) -> Sequence[Conversation]:
        """For the house itself: those that have waited since before `since`, longest first."""
        return await self._read(lambda c: standing.waiting_longer(c, since, limit))

    async def tell_waiting(self, conversation_id: str, text: str, key: str) -> Message | None:
        """A line to a customer who waits; None when she no longer does or was told `key` in this stay already."""
        return await asyncio.wrap_future(
            self.database.write(lambda c: standing.tell_waiting(c, conversation_id, text, key))
        )

    async def left_alone(self, here: Collection[int], since: datetime) -> Sequence[tuple[str, int]]:
        """For the house itself: conversation and user id of those whose agent is gone (see `standing.left_alone`)."""
        return await self._read(lambda c: standing.left_alone(c, here, since))

    async def free(self, conversation_id: str, holder: int, line: Line) -> bool:
        """For the house itself: it waits for somebody else, unless `holder` no longer has it."""
        return await asyncio.wrap_future(self.database.write(lambda c: standing.free(c, conversation_id, holder, line)))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.read(work))

    async def _write(self, hand: Hand, work: Callable[[Connection], T]) -> T:
        check_id(hand.conversation_id)
        check_key(hand.token, "message's client id")
        return await asyncio.wrap_future(self.database.write(work))

"""Who waits is never left in silence: told when nobody is there, and again when it takes long; and who counts as there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatbot.hours import Hours, read_hours
from chatbot.types import Conversation, Event, EventKind, Role, Status
from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.people import User
from storage.taking import Hand
from tests.staff import team_id
from ui.events import EventHub
from ui.presence import LINGERS_S, Presence
from ui.reception import Reception

OWNER = "o" * 64
SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
OFFICE = read_hours({"mon": "09:00-17:00"}, "Europe/Berlin")


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def user(number: int = 1, team: int | None = None, role: str = "agent") -> User:
    return User(number, f"u{number}@shop.example", f"User {number}", role, team, False)  # type: ignore[arg-type]


def test_a_window_makes_present_and_a_reload_makes_nobody_absent() -> None:
    clock = Clock()
    presence = Presence(clock)
    assert not presence.anybody(None)
    with presence.here(user()), presence.here(user()):
        assert presence.anybody(None)
    clock.now = LINGERS_S - 1
    assert presence.anybody(None)
    clock.now = LINGERS_S + 1
    assert not presence.anybody(None)


def test_only_who_sees_a_teams_conversations_is_there_for_it() -> None:
    presence = Presence(Clock())
    with presence.here(user(1, team=3)):
        assert (presence.anybody(3), presence.anybody(4), presence.anybody(None)) == (True, False, True)
        with presence.here(user(2, role="admin")):
            assert presence.anybody(4)


@dataclass
class House:
    store: Store
    reception: Reception
    hub: EventHub

    async def waits(self, language: str = "en") -> str:
        live = self.store.conversations
        made = await live.create_conversation(OWNER, language)
        await live.add_customer_message(made.id, OWNER, "Hello?", "c1")
        await live.set_status(made.id, OWNER, [Status.BOT], Status.WAITING, "customer_asked")
        self.hub.ring(Event(EventKind.STATUS, made.id, text=Status.WAITING))
        return made.id

    async def told(self, key: str, count: int) -> list[str]:
        """The lines, once there are `count` of them."""
        async with asyncio.timeout(10):
            while True:
                said = await self.store.conversations.messages(key, OWNER)
                lines = [message.text for message in said if message.role is Role.SYSTEM]
                if len(lines) >= count:
                    return lines
                await asyncio.sleep(0.01)

    async def conversation(self, key: str) -> Conversation:
        return await self.store.conversations.conversation(key, OWNER)


@asynccontextmanager
async def house(folder: Path, hours: Hours, now: datetime | None = None) -> AsyncIterator[House]:
    with open_store(None, folder, ballast_bytes=1 << 20) as store:
        hub = EventHub()
        clock = (lambda: now) if now else (lambda: datetime.now(UTC))
        reception = Reception(store.desk, hub, Presence(Clock()), hours, timedelta(minutes=5), clock)
        async with reception.open():
            yield House(store, reception, hub)


async def test_out_of_hours_the_customer_learns_at_once_when_somebody_is_back(tmp_path: Path) -> None:
    async with house(tmp_path, OFFICE, SUNDAY) as home:
        with home.reception.presence.here(user()), home.hub.everything() as window:
            key = await home.waits("de")
            (line,) = await home.told(key, 1)
            assert line.startswith("Unser Team ist gerade nicht da und morgen um 09:00 CET wieder erreichbar.")
            rung = [item.kind for item in window.waiting()]
            assert rung == [EventKind.STATUS, EventKind.MESSAGE]
            assert home.reception.asks_address(await home.conversation(key))


async def test_within_hours_and_nobody_there_is_said_too(tmp_path: Path) -> None:
    async with house(tmp_path, Hours()) as home:
        key = await home.waits()
        (line,) = await home.told(key, 1)
        assert line.startswith("Nobody from our team is free at the moment.")


async def test_with_somebody_there_nothing_is_said_until_it_takes_long_and_then_once(tmp_path: Path) -> None:
    async with house(tmp_path, Hours()) as home:
        with home.reception.presence.here(user()):
            key = await home.waits()
            waiting = await home.conversation(key)
            await home.reception.look_after(waiting)
            assert await home.told(key, 0) == []
            assert not home.reception.asks_address(waiting)
            later = Reception(
                home.store.desk, home.hub, home.reception.presence, Hours(), timedelta(minutes=5),
                lambda: datetime.now(UTC) + timedelta(minutes=6),
            )  # fmt: skip
            for _ in range(3):
                await later.look_after(waiting)
            (line,) = await home.told(key, 1)
            assert line.startswith("It is taking longer than it should")
            assert later.asks_address(waiting)


async def test_who_left_an_address_or_no_longer_waits_is_not_asked(tmp_path: Path) -> None:
    async with house(tmp_path, Hours()) as home:
        key = await home.waits()
        await home.told(key, 1)
        await home.store.conversations.leave_contact(key, OWNER, "kim@mail.example")
        assert not home.reception.asks_address(await home.conversation(key))
        ann = await home.store.people.add_user("ann@shop.example", "Ann Lee", "agent", COMMAND)
        await home.store.desk.take(Hand(ann, COMMAND, key), lambda _language: "Ann joined.")
        taken = await home.conversation(key)
        await home.reception.look_after(taken)
        assert (await home.told(key, 2))[1:] == ["Ann joined."]
        assert not home.reception.asks_address(taken)


async def test_a_team_without_anybody_there_counts_as_nobody(tmp_path: Path) -> None:
    async with house(tmp_path, Hours()) as home:
        team = team_id(home.store, "Boats")
        with home.reception.presence.here(user(1, team=team)):
            key = await home.waits()
            assert home.reception.somebody_for(await home.conversation(key))
        with home.reception.presence.here(user(2, team=team + 1)):
            pass
        assert not Reception(home.store.desk, home.hub, Presence(Clock()), Hours(), timedelta(minutes=5)).somebody_for(
            await home.conversation(key)
        )


async def test_a_customer_of_a_disabled_agent_waits_again_and_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, Hours()) as home:
        ann = await home.store.people.add_user("ann@shop.example", "Ann Lee", "agent", COMMAND)
        with home.reception.presence.here(user(7)), home.hub.everything() as window:
            key = await home.waits()
            await home.store.desk.take(Hand(ann, COMMAND, key), lambda _language: "Ann joined.")
            await home.store.people.disable(ann.id, COMMAND)
            window.waiting()
            await home.reception.free_left_alone()
            assert [item.kind for item in window.waiting()] == [EventKind.MESSAGE, EventKind.STATUS]
            assert await home.told(key, 2) == ["Ann joined.", "You are being passed on to a colleague."]
            assert (await home.conversation(key)).status is Status.WAITING

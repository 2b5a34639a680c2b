"""What the controls of the customer window do, over fakes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chatbot.errors import BadInput, Busy, Conflict, NotFound, StorageError
from chatbot.types import Role, Status
from tests.fakes_store import MemoryStore
from tests.fakes_ui import ANSWER, ScriptedTurns, fake_parts
from ui.events import EventHub, Signal
from ui.handlers import Caller, ChatHandlers
from ui.rates import Rates

ANN = Caller("owner-ann", None, "en")
BOB = Caller("owner-bob", None, "en")


def handlers_for(folder: Path, **options: object) -> ChatHandlers:
    parts = fake_parts(folder, **options)
    return ChatHandlers(parts, Rates(parts.settings.messages_per_minute, parts.settings.turns_per_ip))


async def finished(handlers: ChatHandlers, view: dict[str, object]) -> dict[str, object]:
    """The view once the reply is stored."""
    for _ in range(500):
        view = await handlers.view(ANN)
        if view["writing"] is None:
            return view
        await asyncio.sleep(0.002)
    raise AssertionError("the reply never ended")


async def begun(handlers: ChatHandlers, conversation: str) -> str:
    """The first words of the reply."""
    for _ in range(500):
        if words := handlers.parts.manager.writing(conversation):
            return words
        await asyncio.sleep(0.005)
    raise AssertionError("the reply never began")


async def test_the_first_message_starts_a_conversation_and_is_answered(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    empty = await handlers.view(ANN)
    assert empty["conversation"] is None
    sent = await handlers.send(ANN, "Where is it?", "k1")
    assert sent["writing"] == ""
    done = await finished(handlers, sent)
    assert done["conversation"] == sent["conversation"]
    assert ANSWER.text.split(",")[0] in str(done["html"])
    assert done["seq"] == 2


async def test_the_same_message_twice_is_one(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    view = await handlers.send(ANN, "Where is it?", "k1")
    again = await handlers.send(ANN, "Where is it?", "k1", str(view["conversation"]))
    assert again["seq"] == 1
    with pytest.raises(Conflict):
        await handlers.send(ANN, "Something else", "k1", str(view["conversation"]))


@pytest.mark.parametrize("text", ["", "   \n", "a\x00b", "\ud800", "x" * 4001])
async def test_text_that_cannot_be_a_message_stores_nothing(tmp_path: Path, text: str) -> None:
    handlers = handlers_for(tmp_path)
    with pytest.raises(BadInput):
        await handlers.send(ANN, text, "k1")
    assert (await handlers.view(ANN))["seq"] == 0


async def test_nobody_reaches_anothers_conversation(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    key = str((await handlers.send(ANN, "Secret words", "k1"))["conversation"])
    for attempt in (
        handlers.send(BOB, "Hello", "k2", key),
        handlers.stop(BOB, key),
        handlers.person(BOB, key),
        handlers.bot(BOB, key),
        handlers.thumb(BOB, key, 2, 1),
        handlers.rate(BOB, key, 5),
        handlers.end(BOB, key),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert "Secret words" not in str(await handlers.view(BOB))


async def test_a_person_can_be_asked_for_twice_and_waiting_can_be_ended(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    waiting = await handlers.person(ANN)
    assert waiting["status"] == "waiting"
    assert (await handlers.person(ANN, str(waiting["conversation"])))["status"] == "waiting"
    assert (await handlers.bot(ANN, str(waiting["conversation"])))["status"] == "bot"


async def test_stop_keeps_what_stands(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path, pace_s=0.02)
    sent = await handlers.send(ANN, "Where is it?", "k1")
    writing = await begun(handlers, str(sent["conversation"]))
    await handlers.stop(ANN, str(sent["conversation"]))
    view = await finished(handlers, sent)
    assert str(writing) in str(view["html"])
    assert "Stopped" in str(view["html"])


async def test_thumbs_reasons_and_stars_are_kept(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    key = str((await finished(handlers, await handlers.send(ANN, "Where?", "k1")))["conversation"])
    down = await handlers.thumb(ANN, key, 2, -1, reason="why_old", comment="It is 14 days")
    assert 'data-thumb="-1" data-seq="2" aria-pressed="true"' in str(down["html"])
    kept = handlers.parts.store.feedback  # type: ignore[attr-defined]
    assert [(one.reason, one.comment) for one in kept] == [("why_old", "It is 14 days")]
    await handlers.rate(ANN, key, 4, "Nice")
    assert (await handlers.parts.store.conversation(key, ANN.owner)).rating == 4
    for bad in (
        handlers.thumb(ANN, key, 2, 7),
        handlers.thumb(ANN, key, 2, 1, reason="no reason"),
        handlers.thumb(ANN, key, 2, -1, comment="x" * 1001),
        handlers.thumb(ANN, key, 2, -1, colour="red"),
        handlers.rate(ANN, key, 9),
    ):
        with pytest.raises(BadInput):
            await bad


async def test_the_place_in_line_is_told_however_long_it_takes_but_not_while_nobody_works_it_off(
    tmp_path: Path,
) -> None:
    there = {"somebody": True}

    @dataclass(frozen=True)
    class Desk:
        """A reception with a customer who has waited long: she may leave an address."""

        def asks_address(self, _conversation: object) -> bool:
            return True

        def somebody_for(self, _conversation: object) -> bool:
            return there["somebody"]

    handlers = replace(handlers_for(tmp_path), reception=Desk())  # type: ignore[arg-type]
    waits = await handlers.person(ANN)
    assert "You are next." in str(waits["html"])
    assert 'id="chat-contact"' in str(waits["html"])
    key = str(waits["conversation"])
    assert "You are next." in str((await handlers.contact(ANN, key, "kim@mail.example"))["html"])
    there["somebody"] = False
    view = await handlers.view(ANN, key)
    assert "You are next." not in str(view["html"])
    assert "Waiting for a person" in str(view["html"])


async def test_who_waits_is_told_the_place_and_that_a_message_is_kept(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    await handlers.person(BOB)
    waits = await handlers.person(ANN)
    assert "1 person is before you." in str(waits["html"])
    assert 'data-do="bot"' in str(waits["html"])
    key = str(waits["conversation"])
    assert "a person will answer here" in str((await handlers.send(ANN, "Hello?", "k1", key))["html"])
    back = await handlers.bot(ANN, key)
    assert "before you" not in str(back["html"])
    assert "a person will answer here" not in str(back["html"])


async def test_an_ended_chat_asks_for_stars_and_the_next_message_starts_anew(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    key = str((await finished(handlers, await handlers.send(ANN, "Where?", "k1")))["conversation"])
    ended = await handlers.end(ANN, key)
    assert ended["status"] == "closed"
    assert 'class="rating"' in str(ended["html"])
    assert (await handlers.end(ANN, key))["status"] == "closed"
    assert (await handlers.send(ANN, "One more thing", "k2"))["conversation"] != key


async def test_new_chat_takes_an_empty_one_again(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    first = await handlers.new_chat(ANN)
    assert (await handlers.new_chat(ANN))["conversation"] == first["conversation"]
    await handlers.send(ANN, "Where?", "k1")
    assert (await handlers.new_chat(ANN))["conversation"] != first["conversation"]


async def test_delete_leaves_nothing_and_tells_open_windows(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path, pace_s=0.02)
    key = str((await handlers.send(ANN, "Where?", "k1"))["conversation"])
    with handlers.parts.hub.window(key) as window:
        assert (await handlers.delete(ANN))["conversation"] is None
        kinds = [getattr(await window.next(1), "text", None) for _ in range(2)]
    assert "erased" in kinds
    with pytest.raises(NotFound):
        await handlers.parts.store.conversation(key, ANN.owner)


async def test_notes_of_the_team_are_never_drawn(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path)
    key = str((await handlers.send(ANN, "Where?", "k1"))["conversation"])
    store = handlers.parts.store
    assert isinstance(store, MemoryStore)
    store._append(store._find(key, ANN.owner), Role.NOTE, "a difficult customer")
    assert "difficult" not in str(await handlers.view(ANN))


async def test_too_many_messages_are_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path, settings={"messages_per_minute": 2})
    key = str((await handlers.send(ANN, "1", "k1"))["conversation"])
    await handlers.send(ANN, "2", "k2", key)
    with pytest.raises(Busy) as refused:
        await handlers.send(ANN, "3", "k3", key)
    assert 1 <= refused.value.retry_after_s <= 60
    await handlers.send(BOB, "1", "k1")


async def test_a_network_has_a_bounded_number_of_turns_at_once(tmp_path: Path) -> None:
    handlers = handlers_for(tmp_path, pace_s=0.05, settings={"turns_per_ip": 1})
    handlers.parts.hub.listen(handlers.rates.turn_over)
    away = [Caller(owner, "203.0.113.0/24", "en") for owner in ("o1", "o2")]
    first = await handlers.send(away[0], "1", "k1")
    with pytest.raises(Busy):
        await handlers.send(away[1], "1", "k1")
    await begun(handlers, str(first["conversation"]))
    await handlers.stop(away[0], str(first["conversation"]))
    assert (await handlers.send(away[1], "1", "k2"))["seq"] == 1


async def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    store = MemoryStore()
    handlers = handlers_for(tmp_path, store=store)
    store.fail_with = StorageError("The database is away.")
    with pytest.raises(StorageError):
        await handlers.send(ANN, "Where?", "k1")


async def test_a_slow_window_is_told_to_read_again_and_holds_up_nobody() -> None:
    hub = EventHub()
    turns = ScriptedTurns(MemoryStore(), hub)
    conversation = await turns.store.create_conversation("o")
    with hub.window(conversation.id) as slow, hub.window(conversation.id) as quick:
        for n in range(300):
            await turns.receive(conversation.id, "o", f"message {n}", f"k{n}")
            while (await quick.next(0.0001)) is not Signal.QUIET:
                pass
        assert Signal.RESYNC in [await slow.next(1) for _ in range(2)]
    await turns.close()


async def test_closing_the_hub_ends_open_windows_and_those_that_come_late() -> None:
    hub = EventHub()
    with hub.window("c1") as window:
        reading = asyncio.create_task(window.next(60))
        await asyncio.sleep(0)
        hub.close()
        assert await asyncio.wait_for(reading, 1) is Signal.CLOSED
        with hub.window("c1") as late:
            assert await late.next(60) is Signal.CLOSED
    assert hub.open_windows == 0


def test_status_words_exist_for_every_status() -> None:
    from ui.strings import strings

    assert all(f"status_{status.value}" in strings("en") for status in Status)

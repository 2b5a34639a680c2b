"""What every ConversationStore promises, run over the fake, SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.protocols import ConversationStore
from chatbot.types import Action, Decision, Feedback, Mode, Place, Provenance, Reply, Role, Source, Status
from storage.opening import open_store
from tests.fakes_store import MemoryStore

SMALL_BALLAST = 1 << 20
OWNER, OTHER = "owner-hash", "other-hash"

REPLY = Reply(
    text="You have 30 days from delivery.",
    decision=Decision(Action.ANSWER, "agreed", 0.75),
    mode=Mode.PRECEDENT,
    language="de",
    sources=(
        Source("p1", "c1", 3, "How long?", "30 days.", 0.5, datetime(2025, 4, 2, 10, tzinfo=UTC)),
        Source("p2", "c2", 1, "退货?", "30天", 0.25, kind="faq"),
    ),
    quick_replies=("Start a return", "Talk to a person"),
    provenance=Provenance(
        "v7", "minilm@ab", "smollm", "openvino", "00ff", "stop", "3", "how long", 0.5, ("numbers",), (), "how lng"
    ),
    timings_ms={"search": 3.5, "all": 7.25},
    partial=True,
)
HAND_OVER = replace(REPLY, decision=Decision(Action.HAND_OVER, "asked for a person", 1.0), sources=(), language="")


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ConversationStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as opened:
        yield opened.conversations


async def _asked(store: ConversationStore, owner: str = OWNER, text: str = "How long do I have?") -> str:
    conversation = await store.create_conversation(owner)
    await store.add_customer_message(conversation.id, owner, text, "first")
    return conversation.id


async def test_a_new_conversation_is_the_bots_and_empty(store: ConversationStore) -> None:
    made = await store.create_conversation(OWNER, "fr")
    assert (made.status, made.language, made.last_seq, made.rating) == (Status.BOT, "fr", 0, None)
    assert made.created_at.utcoffset() == timedelta(0)
    assert await store.conversation(made.id, OWNER) == made
    assert list(await store.messages(made.id, OWNER)) == []


async def test_conversations_come_newest_first_and_only_the_owners(store: ConversationStore) -> None:
    made = [(await store.create_conversation(OWNER)).id for _ in range(4)]
    await store.create_conversation(OTHER)
    assert [c.id for c in await store.conversations_of(OWNER)] == made[::-1]
    assert [c.id for c in await store.conversations_of(OWNER, limit=2)] == made[:1:-1]
    assert list(await store.conversations_of("nobody")) == []


async def test_messages_are_numbered_from_one_in_order(store: ConversationStore) -> None:
    conversation = await store.create_conversation(OWNER)
    for number in range(1, 8):
        message, is_new = await store.add_customer_message(conversation.id, OWNER, f"text {number}", f"id-{number}")
        assert (message.seq, is_new, message.role, message.client_message_id) == (
            number, True, Role.CUSTOMER, f"id-{number}",
        )  # fmt: skip
    assert [m.seq for m in await store.messages(conversation.id, OWNER)] == list(range(1, 8))
    assert [m.seq for m in await store.messages(conversation.id, OWNER, after_seq=3, limit=2)] == [4, 5]
    assert [m.seq for m in await store.recent(conversation.id, limit=3)] == [5, 6, 7]
    assert (await store.conversation(conversation.id, OWNER)).last_seq == 7


async def test_the_same_id_and_text_again_is_the_first_message(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    first = (await store.messages(conversation_id, OWNER))[0]
    again, is_new = await store.add_customer_message(conversation_id, OWNER, first.text, "first")
    assert (again, is_new) == (first, False)
    following, _ = await store.add_customer_message(conversation_id, OWNER, "and then?", "second")
    assert following.seq == 2


async def test_the_same_id_with_another_text_is_a_conflict(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    with pytest.raises(Conflict, match="another text"):
        await store.add_customer_message(conversation_id, OWNER, "something else", "first")
    assert len(await store.messages(conversation_id, OWNER)) == 1


async def test_a_closed_conversation_takes_only_retries(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    await store.set_status(conversation_id, OWNER, [Status.BOT], Status.CLOSED)
    with pytest.raises(Conflict, match="closed"):
        await store.add_customer_message(conversation_id, OWNER, "more", "second")
    message, is_new = await store.add_customer_message(conversation_id, OWNER, "How long do I have?", "first")
    assert (message.seq, is_new) == (1, False)


async def test_a_reply_comes_back_with_all_its_provenance(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    message = await store.add_reply(conversation_id, REPLY, 1)
    assert message is not None
    assert (message.seq, message.role, message.text, message.reply) == (2, Role.BOT, REPLY.text, REPLY)
    assert (await store.messages(conversation_id, OWNER))[1] == message
    assert (await store.recent(conversation_id))[-1] == message
    assert (await store.conversation(conversation_id, OWNER)).language == "de"


async def test_a_message_is_answered_once(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    assert await store.add_reply(conversation_id, REPLY, 1) is not None
    assert await store.add_reply(conversation_id, REPLY, 1) is None
    await store.add_customer_message(conversation_id, OWNER, "thanks", "second")
    assert await store.add_reply(conversation_id, REPLY, 3) is not None
    assert (await store.conversation(conversation_id, OWNER)).last_seq == 4


@pytest.mark.parametrize("status", [Status.WAITING, Status.HUMAN, Status.CLOSED])
async def test_the_bot_says_nothing_once_it_owns_no_more(store: ConversationStore, status: Status) -> None:
    conversation_id = await _asked(store)
    await store.set_status(conversation_id, OWNER, [Status.BOT], status)
    assert await store.add_reply(conversation_id, REPLY, 1) is None
    assert len(await store.messages(conversation_id, OWNER)) == 1


async def test_a_reply_needs_a_message_and_a_conversation(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    with pytest.raises(NotFound):
        await store.add_reply(conversation_id, REPLY, 9)
    assert await store.add_reply("erased meanwhile", REPLY, 1) is None
    assert len(await store.messages(conversation_id, OWNER)) == 1


async def test_a_hand_over_waits_for_a_person_and_keeps_the_reason(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    await store.add_reply(conversation_id, HAND_OVER, 1)
    after = await store.conversation(conversation_id, OWNER)
    assert (after.status, after.handover_reason, after.language) == (Status.WAITING, "asked for a person", None)


async def test_an_offered_hand_over_stays_with_the_bot(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    offered = replace(HAND_OVER, decision=replace(HAND_OVER.decision, offered=True))
    message = await store.add_reply(conversation_id, offered, 1)
    assert message is not None
    assert message.reply == offered
    after = await store.conversation(conversation_id, OWNER)
    assert (after.status, after.handover_reason) == (Status.BOT, None)


async def test_events_are_numbered_like_messages(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    events = [await store.add_event_message(conversation_id, OWNER, "You asked for a person") for _ in range(2)]
    assert [(e.seq, e.role, e.client_message_id) for e in events] == [(2, Role.SYSTEM, None), (3, Role.SYSTEM, None)]
    assert list(await store.messages(conversation_id, OWNER, after_seq=1)) == events


async def test_unanswered_is_what_a_crash_left(store: ConversationStore) -> None:
    waiting, answered, silent = await _asked(store), await _asked(store), await store.create_conversation(OWNER)
    handed_over, given_back = await _asked(store), await _asked(store)
    await store.add_reply(answered, REPLY, 1)
    await store.set_status(handed_over, OWNER, [Status.BOT], Status.HUMAN)
    await store.add_event_message(given_back, OWNER, "You are back with the assistant.")
    await store.add_event_message(answered, OWNER, "line")
    left = await store.unanswered()
    assert [(m.conversation_id, m.seq) for m in left] == [(waiting, 1), (given_back, 1)]
    assert silent.id not in {m.conversation_id for m in left}


async def test_status_changes_only_from_what_was_expected(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    waiting = await store.set_status(conversation_id, OWNER, [Status.BOT], Status.WAITING, "wants a person")
    assert (waiting.status, waiting.handover_reason) == (Status.WAITING, "wants a person")
    with pytest.raises(Conflict, match="waiting"):
        await store.set_status(conversation_id, OWNER, [Status.BOT, Status.HUMAN], Status.CLOSED)
    back = await store.set_status(conversation_id, OWNER, [Status.WAITING], Status.BOT)
    assert (back.status, back.handover_reason) == (Status.BOT, None)
    assert back == await store.conversation(conversation_id, OWNER)


async def test_the_queue_goes_by_who_began_to_wait_first(store: ConversationStore) -> None:
    first, second, third, talking = [await _asked(store, owner) for owner in (OWNER, OTHER, OWNER, OTHER)]
    assert await store.place_in_line(first, OWNER) is None
    await store.set_status(first, OWNER, [Status.BOT], Status.WAITING)
    await store.add_reply(second, HAND_OVER, 1)
    await store.set_status(third, OWNER, [Status.BOT], Status.WAITING)
    await store.add_customer_message(first, OWNER, "still there?", "second")
    await store.set_status(first, OWNER, [Status.WAITING], Status.WAITING)
    queue = ((first, OWNER), (second, OTHER), (third, OWNER), (talking, OTHER))
    assert [await store.place_in_line(*one) for one in queue] == [Place(0), Place(1), Place(2), None]
    await store.set_status(second, OTHER, [Status.WAITING], Status.HUMAN)
    assert [await store.place_in_line(*one) for one in queue] == [Place(0), None, Place(1), None]
    await store.set_status(first, OWNER, [Status.WAITING], Status.BOT)
    await store.set_status(first, OWNER, [Status.BOT], Status.WAITING)
    assert [await store.place_in_line(*one) for one in queue] == [Place(1), None, Place(0), None]


async def test_of_many_who_change_the_status_one_wins(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    tries = [store.set_status(conversation_id, OWNER, [Status.BOT], Status.WAITING) for _ in range(8)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in done) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in done) == 7


async def test_a_thumb_is_on_a_bot_message_and_the_last_one_counts(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    await store.add_reply(conversation_id, REPLY, 1)
    await store.add_feedback(Feedback(conversation_id, 2, 1), OWNER)
    await store.add_feedback(Feedback(conversation_id, 2, -1, "wrong", "it is 14 days"), OWNER)
    assert [m.thumb for m in await store.messages(conversation_id, OWNER)] == [None, -1]
    for seq in (1, 3):
        with pytest.raises(NotFound):
            await store.add_feedback(Feedback(conversation_id, seq, 1), OWNER)
    with pytest.raises(BadInput, match=r"\+1 or -1"):
        await store.add_feedback(Feedback(conversation_id, 2, 2), OWNER)


async def test_stars(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    await store.rate(conversation_id, OWNER, 2, "slow")
    await store.rate(conversation_id, OWNER, 5)
    assert (await store.conversation(conversation_id, OWNER)).rating == 5
    for stars in (0, 6):
        with pytest.raises(BadInput, match="1 to 5"):
            await store.rate(conversation_id, OWNER, stars)


async def test_others_are_told_that_there_is_no_such_conversation(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    await store.add_reply(conversation_id, REPLY, 1)
    before = (await store.conversation(conversation_id, OWNER), list(await store.messages(conversation_id, OWNER)))
    for key, owner in (
        (conversation_id, OTHER),
        ("no-such", OWNER),
        ("nul\x00", OWNER),
        ("\ud800", OWNER),
        ("", OWNER),
    ):
        for attempt in (
            store.conversation(key, owner),
            store.messages(key, owner),
            store.add_customer_message(key, owner, "hi", "x"),
            store.add_customer_message(key, owner, "How long do I have?", "first"),
            store.add_event_message(key, owner, "line"),
            store.set_status(key, owner, [Status.BOT], Status.CLOSED),
            store.add_feedback(Feedback(key, 2, 1), owner),
            store.rate(key, owner, 5),
            store.place_in_line(key, owner),
        ):
            with pytest.raises(NotFound, match="no such conversation"):
                await attempt
    assert await store.delete_owner(OTHER) == 0
    after = (await store.conversation(conversation_id, OWNER), list(await store.messages(conversation_id, OWNER)))
    assert after == before


async def test_erasing_an_owner_leaves_the_others(store: ConversationStore) -> None:
    mine, theirs = [await _asked(store), await _asked(store)], await _asked(store, OTHER)
    await store.add_reply(mine[0], REPLY, 1)
    await store.add_feedback(Feedback(mine[0], 2, 1), OWNER)
    assert await store.delete_owner(OWNER) == 2
    with pytest.raises(NotFound):
        await store.conversation(mine[0], OWNER)
    assert list(await store.recent(mine[0])) == []
    assert len(await store.messages(theirs, OTHER)) == 1
    assert await store.delete_owner(OWNER) == 0


@pytest.mark.parametrize("text", ["nul \x00 inside", "half \ud83d", "\udc00"])
async def test_text_that_no_database_can_hold_is_refused(store: ConversationStore, text: str) -> None:
    conversation_id = await _asked(store)
    replies = [
        replace(REPLY, text=text),
        replace(REPLY, sources=(replace(REPLY.sources[0], answer=text),)),
        replace(REPLY, quick_replies=(text,)),
        replace(REPLY, provenance=Provenance(query=text)),
    ]
    await store.add_reply(conversation_id, REPLY, 1)
    await store.add_customer_message(conversation_id, OWNER, "again", "second")
    for attempt in (
        store.add_customer_message(conversation_id, OWNER, text, "third"),
        store.add_customer_message(conversation_id, OWNER, "fine", text),
        store.add_event_message(conversation_id, OWNER, text),
        store.rate(conversation_id, OWNER, 3, text),
        store.set_status(conversation_id, OWNER, [Status.BOT], Status.WAITING, text),
        store.add_feedback(Feedback(conversation_id, 2, 1, comment=text), OWNER),
        store.create_conversation(text),
        *(store.add_reply(conversation_id, reply, 3) for reply in replies),
    ):
        with pytest.raises(BadInput, match=r"NUL|surrogate"):
            await attempt
    after = await store.conversation(conversation_id, OWNER)
    assert (after.last_seq, after.rating, after.status) == (3, None, Status.BOT)


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_client_id_has_a_length(store: ConversationStore, key: str) -> None:
    conversation_id = await _asked(store)
    with pytest.raises(BadInput, match="1 to 200"):
        await store.add_customer_message(conversation_id, OWNER, "hi", key)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=300)
MOMENT = st.datetimes(
    datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))])
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, answer=TEXT, moment=MOMENT, score=st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_comes_back_as_it_went_in(
    store: ConversationStore, text: str, answer: str, moment: datetime, score: float
) -> None:
    async def there_and_back() -> None:
        conversation_id = await _asked(store, text=text)
        source = Source("p", "c", 0, text, answer, score, moment)
        reply = replace(REPLY, text=answer, sources=(source,), quick_replies=(text,), provenance=Provenance(query=text))
        await store.add_reply(conversation_id, reply, 1)
        asked, answered = await store.messages(conversation_id, OWNER)
        assert (asked.text, answered.text, answered.reply) == (text, answer, reply)

    asyncio.run(there_and_back())


async def test_many_at_once_are_numbered_without_a_gap(store: ConversationStore) -> None:
    conversation = await store.create_conversation(OWNER)

    async def one(number: int) -> int:
        message, is_new = await store.add_customer_message(conversation.id, OWNER, f"text {number}", f"id {number}")
        assert is_new
        return message.seq

    taken = await asyncio.gather(*(one(number) for number in range(64)))
    assert sorted(taken) == list(range(1, 65))
    stored = await store.messages(conversation.id, OWNER)
    assert [m.seq for m in stored] == list(range(1, 65))
    assert {m.text for m in stored} == {f"text {number}" for number in range(64)}


async def test_many_copies_at_once_are_one_message(store: ConversationStore) -> None:
    conversation = await store.create_conversation(OWNER)
    copies = [(number % 16, number) for number in range(64)]
    sent = [
        store.add_customer_message(conversation.id, OWNER, f"text {number}", f"id {number}") for number, _ in copies
    ]
    outcomes = await asyncio.gather(*sent)
    assert sum(is_new for _, is_new in outcomes) == 16
    by_id = {m.client_message_id: m for m, _ in outcomes}
    assert all(by_id[m.client_message_id] == m for m, _ in outcomes)
    assert [m.seq for m in await store.messages(conversation.id, OWNER)] == list(range(1, 17))


async def test_many_replies_at_once_are_one(store: ConversationStore) -> None:
    conversation_id = await _asked(store)
    outcomes = await asyncio.gather(*(store.add_reply(conversation_id, REPLY, 1) for _ in range(16)))
    assert sum(message is not None for message in outcomes) == 1
    assert [m.seq for m in await store.messages(conversation_id, OWNER)] == [1, 2]

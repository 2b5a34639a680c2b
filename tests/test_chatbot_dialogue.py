"""The dialogue manager over the store in memory: a message in, a reply stored, every window told, nothing lost."""

from __future__ import annotations

import asyncio

import pytest

from chatbot.answering import Answerer
from chatbot.composing import Writing
from chatbot.dialogue import DialogueManager, Limits
from chatbot.errors import BadInput, Conflict, IndexBroken, NotFound, TooLarge
from chatbot.privacy import Masker
from chatbot.turn import check_message, context_of
from chatbot.types import Action, Mode, Role, Status
from tests.fakes_dialogue import ListRetriever, RecordingBell, ScriptedModel, hit
from tests.fakes_store import MemoryStore

OWNER = "owner-a"
PRECEDENT = "You can return unused items within 30 days of delivery."


def _english(text: str, prior: str | None) -> str | None:
    del text
    return prior or "en"


def build(retriever=None, model=None, mode=Mode.PRECEDENT, store=None, limits=None):
    store = store or MemoryStore()
    bell = RecordingBell()
    retriever = retriever or ListRetriever([hit(PRECEDENT)])
    answerer = Answerer(retriever, Masker(), _english, Writing(mode, "Testshop", deadline_s=5), model=model)
    return store, bell, DialogueManager(store, answerer, bell, limits or Limits())


async def conversation_with(store, manager, *texts):
    conversation = await store.create_conversation(OWNER)
    for number, text in enumerate(texts):
        await manager.receive(conversation.id, OWNER, text, f"m{number}")
        await manager.idle(conversation.id)
    return conversation.id


async def test_a_question_is_answered_from_precedent_with_its_source():
    store, bell, manager = build()
    conversation = await conversation_with(store, manager, "How long can I return a jacket?")
    asked, answered = await store.messages(conversation, OWNER)
    assert (asked.role, answered.role) == (Role.CUSTOMER, Role.BOT)
    assert answered.text == PRECEDENT
    assert answered.reply.mode is Mode.PRECEDENT
    assert answered.reply.sources[0].conversation_id == "c-1"
    assert answered.reply.provenance.index_version == "v000001"
    assert bell.kinds() == ["message", "delta", "done"]
    assert manager.writing(conversation) is None


async def test_the_message_is_stored_before_any_work_and_survives_a_failing_index():
    store, _, manager = build(ListRetriever(error=IndexBroken("index file vectors.faiss is damaged")))
    conversation = await conversation_with(store, manager, "How long can I return a jacket?")
    asked, answered = await store.messages(conversation, OWNER)
    assert asked.text == "How long can I return a jacket?"
    assert answered.reply.decision.action is Action.HAND_OVER
    assert answered.reply.decision.offered
    assert "vectors.faiss" in answered.reply.provenance.degraded[0]


async def test_a_retry_is_one_message_and_one_reply():
    store, _, manager = build()
    conversation = await store.create_conversation(OWNER)
    first = await manager.receive(conversation.id, OWNER, "How long can I return it?", "same")
    again = await manager.receive(conversation.id, OWNER, "How long can I return it?", "same")
    await manager.idle(conversation.id)
    assert first.seq == again.seq
    assert len(await store.messages(conversation.id, OWNER)) == 2
    with pytest.raises(Conflict):
        await manager.receive(conversation.id, OWNER, "something else", "same")


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "\ud800", "\n\t"])
async def test_text_that_cannot_be_is_refused_and_nothing_is_stored(text):
    store, _, manager = build()
    conversation = await store.create_conversation(OWNER)
    with pytest.raises(BadInput):
        await manager.receive(conversation.id, OWNER, text, "m1")
    assert await store.messages(conversation.id, OWNER) == []


def test_a_message_that_is_too_long_says_how_long_it_may_be():
    with pytest.raises(TooLarge, match="4000"):
        check_message("x" * 4001, 4000)


async def test_another_owner_finds_nothing():
    store, _, manager = build()
    conversation = await store.create_conversation(OWNER)
    with pytest.raises(NotFound):
        await manager.receive(conversation.id, "owner-b", "hello", "m1")
    with pytest.raises(NotFound):
        await manager.stop(conversation.id, "owner-b")


async def test_a_wish_for_a_person_moves_the_conversation_and_silences_the_bot():
    store, bell, manager = build()
    conversation = await conversation_with(
        store, manager, "I want to talk to a human", "How long can I return a jacket?"
    )
    assert (await store.conversation(conversation, OWNER)).status is Status.WAITING
    roles = [message.role for message in await store.messages(conversation, OWNER)]
    assert roles == [Role.CUSTOMER, Role.BOT, Role.CUSTOMER]
    assert "status" in bell.kinds()


async def test_the_button_for_a_person_cancels_a_running_reply():
    store, _, manager = build(model=ScriptedModel(["You have 30 days. "] * 20, pause_s=0.05), mode=Mode.ADAPTED)
    conversation = await store.create_conversation(OWNER)
    await manager.receive(conversation.id, OWNER, "How long can I return a jacket?", "m1")
    await asyncio.sleep(0.1)
    moved = await manager.ask_for_person(conversation.id, OWNER)
    await manager.idle(conversation.id)
    assert moved.status is Status.WAITING
    assert all(message.role is not Role.BOT for message in await store.messages(conversation.id, OWNER))
    assert (await manager.back_to_bot(conversation.id, OWNER)).status is Status.BOT


async def test_what_was_asked_while_waiting_is_answered_on_the_way_back():
    store, _, manager = build()
    conversation = await conversation_with(
        store, manager, "I want to talk to a human", "How long can I return a jacket?"
    )
    await manager.back_to_bot(conversation, OWNER)
    await manager.idle(conversation)
    last = (await store.messages(conversation, OWNER))[-1]
    assert (last.role, last.text) == (Role.BOT, PRECEDENT)


async def test_the_way_back_answers_nothing_twice():
    store, _, manager = build()
    conversation = await conversation_with(store, manager, "I want to talk to a human")
    await manager.back_to_bot(conversation, OWNER)
    await manager.idle(conversation)
    assert [m.role for m in await store.messages(conversation, OWNER)] == [Role.CUSTOMER, Role.BOT, Role.SYSTEM]


async def test_an_accepted_offer_hands_over():
    store, _, manager = build(ListRetriever([]))
    conversation = await conversation_with(store, manager, "Do you rent out kayaks?", "yes please")
    assert (await store.conversation(conversation, OWNER)).status is Status.WAITING


async def test_nothing_is_invented_twice_and_then_a_person_is_called():
    store, _, manager = build(ListRetriever([]))
    conversation = await conversation_with(
        store,
        manager,
        "Do you rent out kayaks at the lake?",
        "Do you rent out canoes on weekends instead?",
        "Do you lend rowing boats to families?",
    )
    replies = [m.reply for m in await store.messages(conversation, OWNER) if m.reply]
    assert [r.decision.action for r in replies] == [Action.HAND_OVER] * 3
    assert [r.decision.offered for r in replies] == [True, True, False]
    assert (await store.conversation(conversation, OWNER)).status is Status.WAITING


async def test_stop_keeps_what_was_shown_and_marks_it():
    model = ScriptedModel(["You have 30 days. ", "Keep the tags on, please. ", "Anything else?"], pause_s=0.15)
    store, _, manager = build(
        ListRetriever([hit(PRECEDENT + " Please keep the tags on.")]), model=model, mode=Mode.ADAPTED
    )
    conversation = await store.create_conversation(OWNER)
    await manager.receive(conversation.id, OWNER, "How long can I return a jacket?", "m1")
    await asyncio.sleep(0.38)
    await manager.stop(conversation.id, OWNER)
    await manager.idle(conversation.id)
    stored = (await store.messages(conversation.id, OWNER))[-1]
    assert stored.reply.partial
    assert stored.text == "You have 30 days."
    assert model.closed == 1


async def test_messages_that_come_during_a_turn_are_answered_together():
    store, _, manager = build(model=ScriptedModel(pause_s=0.1), mode=Mode.ADAPTED)
    conversation = await store.create_conversation(OWNER)
    for number in range(4):
        await manager.receive(conversation.id, OWNER, f"How long can I return jacket number {number}?", f"m{number}")
    await manager.idle(conversation.id)
    roles = [message.role for message in await store.messages(conversation.id, OWNER)]
    assert roles.count(Role.CUSTOMER) == 4
    assert 1 <= roles.count(Role.BOT) <= 2
    assert roles[-1] is Role.BOT


async def test_what_a_crash_left_unanswered_is_answered_at_the_next_start():
    store, _, first = build()
    conversation = await store.create_conversation(OWNER)
    await store.add_customer_message(conversation.id, OWNER, "How long can I return a jacket?", "m1")
    await store.add_event_message(conversation.id, OWNER, "You are back with the assistant.")
    await first.close()
    _, _, second = build(store=store)
    await second.start()
    await second.idle(conversation.id)
    assert (await store.messages(conversation.id, OWNER))[-1].text == PRECEDENT


async def test_a_fault_in_a_turn_leaves_the_customer_with_an_answer():
    class Broken(ListRetriever):
        def search(self, query, k=5):
            raise ZeroDivisionError

    store, bell, manager = build(Broken())
    conversation = await conversation_with(store, manager, "How long can I return a jacket?")
    reply = (await store.messages(conversation, OWNER))[-1].reply
    assert reply.decision.action is Action.HAND_OVER
    assert reply.provenance.degraded == ("turn: ZeroDivisionError",)
    assert bell.kinds()[-1] == "done"


async def test_the_deadline_holds(monkeypatch):
    monkeypatch.setattr("chatbot.dialogue._GRACE_S", 0.1)
    model = ScriptedModel(["You have 30 days."], pause_s=60)
    store, _, manager = build(model=model, mode=Mode.ADAPTED, limits=Limits(deadline_s=0.1))
    conversation = await conversation_with(store, manager, "How long can I return a jacket?")
    reply = (await store.messages(conversation, OWNER))[-1].reply
    assert reply.provenance.degraded == ("turn: the deadline passed",)


async def test_the_conversation_so_far_tells_language_failures_and_offers():
    store, _, manager = build(ListRetriever([]))
    conversation = await conversation_with(store, manager, "Do you rent out kayaks at the lake?")
    context = context_of(await store.recent(conversation))
    assert (context.prior, context.failures, context.offered) == ("en", 1, True)


async def test_silence_stops_the_reply_at_once_and_not_a_word_comes_after_it():
    model = ScriptedModel(["You have 30 days. ", "Keep the tags on, please. ", "Anything else?"] * 3, pause_s=0.1)
    retriever = ListRetriever([hit(PRECEDENT + " Please keep the tags on.")])
    store, bell, manager = build(retriever, model=model, mode=Mode.ADAPTED)
    conversation = (await store.create_conversation(OWNER)).id
    await manager.receive(conversation, OWNER, "How long can I return a jacket?", "m1")
    await asyncio.sleep(0.38)
    assert manager.writing(conversation)
    await store.set_status(conversation, OWNER, [Status.BOT], Status.HUMAN)
    manager.silence(conversation)
    rung = len(bell.events)
    assert manager.writing(conversation) is None
    await asyncio.sleep(0.3)
    assert len(bell.events) == rung
    assert [m.role for m in await store.messages(conversation, OWNER)] == [Role.CUSTOMER]
    assert model.closed == 1
    await manager.close()


async def test_a_take_over_while_a_message_comes_in_starts_no_turn():
    store, bell, manager = build()
    conversation = (await store.create_conversation(OWNER)).id
    read = store.conversation

    async def taken_meanwhile(key, owner):
        found = await read(key, owner)
        if found.status is Status.BOT:
            await store.set_status(key, owner, [Status.BOT], Status.HUMAN)
            manager.silence(key)
        return found  # what was true when it was asked for

    store.conversation = taken_meanwhile
    await manager.receive(conversation, OWNER, "How long can I return a jacket?", "m1")
    await manager.idle(conversation)
    assert bell.kinds() == ["message"]


async def test_back_with_the_bot_at_once_the_question_is_answered():
    store, _, manager = build(model=ScriptedModel(pause_s=0.05), mode=Mode.GENERATED)
    conversation = (await store.create_conversation(OWNER)).id
    await manager.receive(conversation, OWNER, "How long can I return a jacket?", "m1")
    await store.set_status(conversation, OWNER, [Status.BOT], Status.HUMAN)
    manager.silence(conversation)
    await store.set_status(conversation, OWNER, [Status.HUMAN], Status.BOT)
    await manager.resume(conversation)  # before the silenced turn has gone
    await manager.idle(conversation)
    assert [m.role for m in await store.messages(conversation, OWNER)] == [Role.CUSTOMER, Role.BOT]
    await manager.resume(conversation)  # nothing is open
    await manager.idle(conversation)
    assert len(await store.messages(conversation, OWNER)) == 2


async def test_an_address_is_kept_and_confirmed_in_the_conversations_language():
    store, bell, manager = build()
    conversation = (await store.create_conversation(OWNER, "de")).id
    kept = await manager.leave_contact(conversation, OWNER, " kim@mail.example ")
    assert kept.contact == "kim@mail.example"
    assert [m.text[:5] for m in await store.messages(conversation, OWNER)] == ["Danke"]
    assert bell.kinds() == ["message"]
    with pytest.raises(BadInput):
        await manager.leave_contact(conversation, OWNER, "kim")
    with pytest.raises(NotFound):
        await manager.leave_contact(conversation, "somebody-else", "kim@mail.example")

"""What was judged, edited and written is read with its place; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.types import Action, Decision, Feedback, Message, Mode, Reply
from storage.audit import COMMAND
from storage.copilot import Use
from storage.lessons import Lesson
from storage.opening import Store, open_store
from storage.teachings import Edit, Judgement, Taught, Teachings
from tests.staff import done


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        yield opened


def replied(store: Store, owner: str, action: Action = Action.ANSWER) -> Message:
    chat = done(store.conversations.create_conversation(owner, "en"))
    said, _ = done(store.conversations.add_customer_message(chat.id, owner, "How long may I return it?", "m1"))
    reply = Reply("You have 14 days.", Decision(action, "agreed", 0.9), Mode.PRECEDENT, "en")
    made = done(store.conversations.add_reply(chat.id, reply, said.seq))
    assert made is not None
    return made


def test_nothing_is_taught_at_first(store: Store) -> None:
    replied(store, "o")
    found = Teachings(store.database)
    assert (found.judged(), found.edits(), found.written()) == ({}, {}, {})


def test_verdicts_and_thumbs_are_of_their_message(store: Store) -> None:
    boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
    both, thumb, verdict = (replied(store, f"o{n}") for n in range(3))
    done(store.reviews.judge(boss, COMMAND, (both.conversation_id, both.seq), "right"))
    done(store.reviews.judge(boss, COMMAND, (verdict.conversation_id, verdict.seq), "wrong"))
    for n, one in enumerate((both, thumb)):
        done(store.conversations.add_feedback(Feedback(one.conversation_id, one.seq, -1), f"o{n}"))
    assert Teachings(store.database).judged() == {
        (both.conversation_id, 2): Judgement("right", -1, "answer"),
        (thumb.conversation_id, 2): Judgement(None, -1, "answer"),
        (verdict.conversation_id, 2): Judgement("wrong", None, "answer"),
    }


def test_what_was_made_of_an_offer_is_of_its_message(store: Store) -> None:
    sent = replied(store, "o")
    done(store.copilot.keep(sent, Use("inserted", "sent", ("p1",))))
    assert Teachings(store.database).edits() == {(sent.conversation_id, 2): Edit("inserted", "sent")}


def test_answers_of_the_team_tell_where_they_are_from_until_they_are_undone(store: Store) -> None:
    boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
    wrong = replied(store, "o")
    window = "customer: How long may I return it?"
    lesson = Lesson("How long may I return it?", "You have 30 days.", "en", window, (), "You have 14 days.")
    place = wrong.conversation_id, wrong.seq
    made = done(store.corrections.correct(boss, COMMAND, place, lesson, []))
    new = done(
        store.corrections.write(boss, COMMAND, Lesson("Kayaks?", "We sell no kayaks.", "en", "customer: Kayaks?"))
    )
    found = Teachings(store.database)
    assert found.written() == {
        made.passage_id: Taught(wrong.conversation_id, "You have 14 days."),
        new.passage_id: Taught(None, None),
    }
    done(store.corrections.undo(boss, COMMAND, made.id))
    assert found.written().keys() == {new.passage_id}

"""The team's answers stand under the questions of what they replaced, for as long as they replace it; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.erasing import Copies
from chatbot.settings import Settings
from chatbot.types import CORRECTION
from storage import inheriting
from storage.lessons import Lesson
from storage.opening import Store, open_store
from tests.staff import done
from tests.test_storage_corrections import LESSON, OTHER, WRONG, actor, answered, bring_in, person

ELSEWHERE = replace(
    WRONG, question="Until when can I bring it back?", window="customer: Until when can I bring it back?"
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        bring_in(opened, ELSEWHERE, OTHER)
        yield opened


def told(store: Store) -> dict[str, str]:
    """By question, what stands under it besides what is stored."""
    return {one.question: one.answer for one in store.knowledge.inherited()}


def test_a_correction_takes_over_the_question_of_what_it_replaces(store: Store) -> None:
    ann, place = person(store), answered(store)
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    (taken,) = store.knowledge.inherited()
    assert (taken.question, taken.window, taken.answer) == (ELSEWHERE.question, ELSEWHERE.window, LESSON.answer)
    assert (taken.source, taken.conversation_id, taken.entry_id) == (CORRECTION, made.passage_id, made.passage_id)
    assert (taken.asked_in, taken.found_by) == (("own", "c1"), ELSEWHERE.answer)
    changes = store.knowledge.changes()
    assert taken in changes.added
    assert taken.id not in changes.gone
    assert [one.id for one, _ in store.to_index()] == ["other", made.passage_id, taken.id]
    done(store.corrections.undo(ann, actor(ann), made.id))
    assert told(store) == {}
    assert taken.id in store.knowledge.changes().gone  # an index that was built meanwhile holds it
    assert [one.id for one, _ in store.to_index()] == ["wrong", "other"]


def test_what_replaces_a_replacement_takes_its_place_and_gives_it_back(store: Store) -> None:
    ada = person(store, "Ada Boss", "admin")
    first = done(store.corrections.write(ada, actor(ada), LESSON, replaces="wrong"))
    other = replace(LESSON, question="How long have I got?", answer="You have 60 days.", wrong="")
    second = done(store.corrections.write(ada, actor(ada), other, replaces=first.passage_id))
    assert told(store) == {ELSEWHERE.question: "You have 60 days.", LESSON.question: "You have 60 days."}
    assert f"{first.passage_id}~wrong" in store.knowledge.changes().gone
    done(store.corrections.undo(ada, actor(ada), second.id))
    assert told(store) == {ELSEWHERE.question: "You have 30 days."}
    done(store.knowledge.retire(ada, actor(ada), first.passage_id))
    assert told(store) == {}
    assert f"{first.passage_id}~wrong" in store.knowledge.changes().gone


def test_its_own_question_other_languages_and_what_is_erased_are_left_out(store: Store, tmp_path: Path) -> None:
    same = replace(WRONG, id="same", conversation_id="c3", question=" how long MAY I return it?")
    bring_in(store, same, replace(ELSEWHERE, id="german", conversation_id="c4", language="de"))
    ada = person(store, "Ada Boss", "admin")
    for name in ("same", "german", "wrong"):
        lesson = replace(LESSON, answer=f"You have 30 days, {name}.")
        done(store.corrections.write(ada, actor(ada), lesson, replaces=name))
    assert told(store) == {ELSEWHERE.question: "You have 30 days, wrong."}
    store.rights.erase_transcripts("own", ["c1"], Copies(Settings(data=tmp_path)))
    assert told(store) == {}


def test_of_many_questions_the_newest_are_taken_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inheriting, "MOST", 2)
    words = "All goods have a warranty of two years, our own tents, packs and jackets one of five."
    macro = [
        replace(WRONG, id=f"m{n}", conversation_id=f"m{n}", answer=words, question=f"Is {n} covered?") for n in range(4)
    ]
    bring_in(store, *macro)
    ada = person(store, "Ada Boss", "admin")
    done(
        store.corrections.write(
            ada, actor(ada), Lesson("Warranty?", "Three years.", "en", "customer: Warranty?"), replaces="m0"
        )
    )
    assert set(told(store)) == {"Is 2 covered?", "Is 3 covered?"}

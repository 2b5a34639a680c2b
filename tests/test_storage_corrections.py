"""One correction has four effects at once or none, and its undo takes back all four; on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import CORRECTION, Action, Decision, Mode, Passage, Provenance, Reply, Role, Source, Transcript, Turn
from storage.audit import COMMAND, Actor
from storage.desk_tables import ConfidenceLabelRow, EditPairRow, RegressionCaseRow, VerdictRow
from storage.entries import Wanted
from storage.lessons import Lesson
from storage.opening import Store, open_store
from storage.people import User
from storage.review_candidates import Ask, Draw
from storage.superseding import said_by
from storage.tables import ConversationRow, MessageRow, TranscriptRow
from tests.staff import done, team_id

WRONG = Passage(
    "wrong",
    "c1",
    1,
    "en",
    "How long may I return it?",
    "customer: How long may I return it?",
    "You have 14 days.",
    "own",
)
OTHER = replace(WRONG, id="other", conversation_id="c2", answer="Returns are free of charge.")
REPLY = Reply(
    "You have 14 days.",
    Decision(Action.ANSWER, "precedent", 0.83),
    Mode.PRECEDENT,
    "en",
    (
        Source("wrong", "c1", 1, WRONG.question, WRONG.answer, 0.9),
        Source("other", "c2", 1, OTHER.question, OTHER.answer, 0.5),
    ),
    provenance=Provenance(query="How long may I return it?"),
)
LESSON = Lesson(
    "How long may I return it?",
    "You have 30 days.",
    "en",
    "customer: How long may I return it?",
    ({"role": "customer", "text": "How long may I return it?"},),
    "You have 14 days.",
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        bring_in(opened, WRONG, OTHER)
        yield opened


def bring_in(store: Store, *passages: Passage) -> None:
    with store.transcripts.importing("export.jsonl", "own") as batch:
        for each in passages:
            turns = (Turn(Role.CUSTOMER, each.question), Turn(Role.AGENT, each.answer, author="Old Agent"))
            batch.add(Transcript(each.conversation_id, each.source, turns, each.language), [each])
        batch.commit()


def person(store: Store, name: str = "Ann Lee", role: str = "agent", team: str | None = None) -> User:
    email = f"{name.split(maxsplit=1)[0].lower()}@shop.example"
    number = None if team is None else team_id(store, team)
    return done(store.people.add_user(email, name, role, COMMAND, team_id=number))  # type: ignore[arg-type]


def actor(user: User) -> Actor:
    return Actor(user.id, f"{user.id} {user.name}")


def answered(store: Store, team: str | None = None, reply: Reply = REPLY) -> tuple[str, int]:
    """A conversation in which the bot has answered wrongly: its id and the reply's seq."""
    made = done(store.conversations.create_conversation("owner", "en"))
    said, _ = done(store.conversations.add_customer_message(made.id, "owner", "How long may I return it?", "first"))
    stored = done(store.conversations.add_reply(made.id, reply, said.seq))
    assert stored is not None
    if team:
        number = team_id(store, team)
        moved = update(ConversationRow).where(ConversationRow.id == made.id).values(team_id=number)
        store.database.write(lambda c: c.execute(moved)).result()
    return made.id, stored.seq


def count(store: Store, table: type) -> int:
    return int(store.database.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()).result())


def effects(store: Store) -> dict[str, object]:
    """All that a correction touches."""
    labels = select(ConfidenceLabelRow.confidence, ConfidenceLabelRow.right, ConfidenceLabelRow.uniform)
    verdicts = select(VerdictRow.verdict, VerdictRow.agent, VerdictRow.why_shown)
    return {
        "known": sorted((p.answer, p.source) for p in store.transcripts.passages()),
        "cases": count(store, RegressionCaseRow),
        "pairs": count(store, EditPairRow),
        "labels": store.database.read(lambda c: [tuple(row) for row in c.execute(labels)]).result(),
        "verdicts": store.database.read(lambda c: [tuple(row) for row in c.execute(verdicts)]).result(),
    }


def test_a_correction_has_four_effects_and_undo_takes_back_all_four(store: Store) -> None:
    ann, place = person(store), answered(store)
    before = effects(store)
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    assert (made.agent, made.replaced, made.passage_id) == ("Ann Lee", ("wrong",), f"correction-{made.id}")
    assert effects(store) == {
        "known": [("Returns are free of charge.", "own"), ("You have 30 days.", CORRECTION)],
        "cases": 1,
        "pairs": 1,
        "labels": [(0.83, False, False)],
        "verdicts": [("wrong", "Ann Lee", None)],
    }
    (written,) = [p for p in store.transcripts.transcripts() if p.source == CORRECTION]
    assert (written.id, written.turns[1].author) == (made.passage_id, "Ann Lee")
    undone = done(store.corrections.undo(ann, actor(ann), made.id))
    assert undone.undone_by == "Ann Lee"
    assert effects(store) == before
    assert [entry.action for entry in done(store.audit.entries())][:2] == ["correction.undo", "correction.add"]


def test_the_stamp_tells_of_every_change_and_of_what_falls_due(store: Store) -> None:
    ann, place = person(store, role="admin"), answered(store)
    seen = {store.knowledge.stamp()}
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    seen.add(store.knowledge.stamp())
    done(store.corrections.undo(ann, actor(ann), made.id))
    seen.add(store.knowledge.stamp())
    soon = datetime.now(UTC) + timedelta(milliseconds=400)
    done(store.knowledge.retire(ann, actor(ann), "other", soon))
    waiting = store.knowledge.stamp()
    assert "other" in {p.id for p in store.transcripts.passages()}
    seen.add(waiting)
    assert len(seen) == 4
    while datetime.now(UTC) <= soon:
        asyncio.run(asyncio.sleep(0.05))
    assert store.knowledge.stamp() != waiting
    assert "other" in store.knowledge.changes().gone
    assert "other" not in {p.id for p in store.transcripts.passages()}


def test_an_earlier_verdict_and_its_label_come_back_with_an_undo(store: Store) -> None:
    ann, place = person(store), answered(store)
    now = datetime.now(UTC)

    def judge(connection) -> None:  # type: ignore[no-untyped-def]
        message = connection.execute(select(MessageRow.id).where(MessageRow.seq == place[1])).scalar_one()
        connection.execute(
            insert(VerdictRow).values(
                message_id=message, verdict="right", why_shown="uniform", agent="Bob", created_at=now
            )
        )
        connection.execute(
            insert(ConfidenceLabelRow).values(
                message_id=message, confidence=0.83, right=True, uniform=True, created_at=now
            )
        )

    store.database.write(judge).result()
    before = effects(store)
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    assert effects(store)["labels"] == [(0.83, False, True)]  # one label a reply, and it stays drawn by chance
    assert effects(store)["verdicts"] == [("wrong", "Ann Lee", "uniform")]
    done(store.corrections.undo(ann, actor(ann), made.id))
    assert effects(store) == before


def test_what_the_draw_passed_over_while_it_was_corrected_stays_in_the_sample(store: Store) -> None:
    ann, place, other = person(store), answered(store), answered(store)
    seeds = (f"seed {number}" for number in range(99))
    draws = ((seed, done(store.reviews.candidates(ann, Ask(seed, 0.6)))) for seed in seeds)
    draw = next(Draw(seed, found.last) for seed, found in draws if found.uniform[0].conversation_id == place[0])
    done(store.reviews.judge(ann, actor(ann), place, "right", "thumbs_down"))
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    done(store.reviews.judge(ann, actor(ann), other, "right", "uniform", draw))
    assert sorted(effects(store)["labels"]) == [(0.83, False, True), (0.83, True, True)]
    done(store.corrections.undo(ann, actor(ann), made.id))
    assert effects(store)["labels"] == [(0.83, True, True)] * 2
    assert [why for _, _, why in effects(store)["verdicts"]] == ["uniform"] * 2


@pytest.mark.parametrize("verdict", ["right", "harmless", "wrong"])
def test_what_a_person_says_of_the_reply_later_survives_the_undo(store: Store, verdict: str) -> None:
    ann, bob, place = person(store), person(store, "Bob Ray"), answered(store)
    done(store.reviews.judge(ann, actor(ann), place, "right", "uniform"))
    before = effects(store)
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    done(store.reviews.judge(bob, actor(bob), place, verdict))
    done(store.corrections.undo(ann, actor(ann), made.id))
    labels = [] if verdict == "harmless" else [(0.83, verdict == "right", True)]
    assert effects(store) == before | {"labels": labels, "verdicts": [(verdict, "Bob Ray", "uniform")]}


def test_a_hand_over_that_is_corrected_is_no_evidence_on_confidence(store: Store) -> None:
    refused = replace(REPLY, decision=Decision(Action.HAND_OVER, "nothing_fits", 0.2), mode=Mode.FIXED, sources=())
    ann, place = person(store), answered(store, reply=refused)
    before = effects(store)
    made = done(store.corrections.correct(ann, actor(ann), place, LESSON))
    assert made.replaced == ()
    after = effects(store)
    assert (after["labels"], after["verdicts"]) == ([], [("wrong", "Ann Lee", None)])
    assert (after["cases"], after["pairs"]) == (1, 1)
    done(store.corrections.undo(ann, actor(ann), made.id))
    assert effects(store) == before


ENTRY = "All goods have a warranty of two years, our own tents, packs and jackets one of five."


def test_the_same_words_under_other_questions_go_too_and_come_back(store: Store) -> None:
    first = replace(WRONG, id="w1", conversation_id="f1", answer=ENTRY, source="faq", topic="warranty")
    second = replace(first, id="w2", conversation_id="f2", question="guarantee, how many years")
    german = replace(first, id="w3", conversation_id="f3", language="de")
    briefly = [replace(WRONG, id=f"b{n}", conversation_id=f"b{n}", answer="Yes, you can.") for n in (1, 2)]
    bring_in(store, first, second, german, *briefly)
    source = Source("w1", "f1", 1, first.question, ENTRY, 0.9, kind="faq")
    ann, place = person(store), answered(store, reply=replace(REPLY, text=ENTRY, sources=(source,)))
    assert done(store.corrections.reply(ann, *place)).copies == {"w1": 1}
    made = done(store.corrections.correct(ann, actor(ann), place, replace(LESSON, wrong=ENTRY)))
    assert made.replaced == ("w1", "w2")
    known = {p.id: p for p in store.transcripts.passages()}
    assert {"w3", "b1", "b2"} <= known.keys()
    assert not {"w1", "w2"} & known.keys()
    assert known[made.passage_id].topic == "warranty"  # so that older answers to the matter are seen to contradict it
    done(store.corrections.undo(ann, actor(ann), made.id))
    assert {"w1", "w2"} <= {p.id for p in store.transcripts.passages()}
    ada = person(store, "Ada Boss", "admin")
    assert done(store.corrections.write(ada, actor(ada), LESSON, replaces="w2")).replaced == ("w2", "w1")
    assert done(store.corrections.write(ada, actor(ada), LESSON, replaces="b1")).replaced == ("b1",)


def test_a_case_rests_while_its_answer_is_retired_or_replaced(store: Store) -> None:
    ada, place = person(store, "Ada Boss", "admin"), answered(store)
    made = done(store.corrections.correct(ada, actor(ada), place, LESSON))

    def held() -> tuple[list[str], list[str], int]:
        cases = store.cases
        return [one.expected for one in cases.all()], [one.chosen for one in cases.pairs()], cases.resting()

    assert held() == (["You have 30 days."], ["You have 30 days."], 0)
    later = replace(LESSON, answer="You have 60 days.", wrong="")
    second = done(store.corrections.write(ada, actor(ada), later, replaces=made.passage_id))
    assert held() == (["You have 60 days."], [], 1)
    done(store.corrections.undo(ada, actor(ada), second.id))
    assert held() == (["You have 30 days."], ["You have 30 days."], 0)
    done(store.knowledge.retire(ada, actor(ada), made.passage_id))
    assert held() == ([], [], 1)


def test_of_two_who_correct_at_once_one_wins_and_the_other_learns_who(store: Store) -> None:
    ann, bob, place = person(store), person(store, "Bob Ray"), answered(store)

    async def both() -> list[object]:
        calls = [store.corrections.correct(one, actor(one), place, LESSON) for one in (ann, bob)]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = done(both())
    won = [one for one in outcomes if not isinstance(one, Exception)]
    lost = [one for one in outcomes if isinstance(one, Conflict)]
    assert (len(won), len(lost)) == (1, 1)
    assert str(lost[0]).startswith(won[0].agent)  # type: ignore[attr-defined]
    assert effects(store)["cases"] == 1


def test_another_teams_conversation_is_not_there(store: Store) -> None:
    place = answered(store, "Returns")
    own, foreign = person(store, team="Returns"), person(store, "Bob Ray", team="Shipping")
    for call in (
        store.corrections.reply(foreign, *place),
        store.corrections.correct(foreign, actor(foreign), place, LESSON),
        store.corrections.correct(own, actor(own), (place[0], 1), LESSON),  # the customer's own message
        store.corrections.correct(own, actor(own), ("nowhere", 2), LESSON),
    ):
        with pytest.raises(NotFound):
            done(call)
    made = done(store.corrections.correct(own, actor(own), place, LESSON))
    with pytest.raises(NotFound):
        done(store.corrections.undo(foreign, actor(foreign), made.id))
    assert done(store.corrections.standing(foreign, place[0])) == {}
    assert done(store.corrections.standing(own, place[0])) == {place[1]: made}
    done(store.corrections.undo(own, actor(own), made.id))
    assert done(store.corrections.standing(own, place[0])) == {}


def test_an_answer_needs_a_name_and_words(store: Store) -> None:
    ann, place = person(store), answered(store)
    for user in (replace(ann, name=" "), replace(ann, disabled=True)):
        with pytest.raises(BadInput):
            done(store.corrections.correct(user, actor(ann), place, LESSON))
    for lesson in (
        replace(LESSON, answer=" "),
        replace(LESSON, question=""),
        replace(LESSON, answer="x" * 8001),
        replace(LESSON, answer=LESSON.wrong),
        replace(LESSON, answer="a\x00b"),
    ):
        with pytest.raises(BadInput):
            done(store.corrections.correct(ann, actor(ann), place, lesson))
    with pytest.raises(BadInput, match="comes from"):
        done(store.corrections.correct(ann, actor(ann), place, LESSON, ["somebody elses"]))
    assert effects(store)["cases"] == 0


def test_an_edit_replaces_a_passage_and_can_be_built_on(store: Store) -> None:
    ada = person(store, "Ada Boss", "admin")
    edit = done(store.corrections.write(ada, actor(ada), LESSON, replaces="wrong"))
    with pytest.raises(Conflict, match="Ada Boss"):
        done(store.corrections.write(ada, actor(ada), LESSON, replaces="wrong"))
    later = replace(LESSON, answer="You have 60 days.")
    second = done(store.corrections.write(ada, actor(ada), later, replaces=edit.passage_id))
    with pytest.raises(Conflict, match="undo that first"):
        done(store.corrections.undo(ada, actor(ada), edit.id))
    assert {p.answer for p in store.transcripts.passages()} == {"You have 60 days.", OTHER.answer}
    done(store.corrections.undo(ada, actor(ada), second.id))
    done(store.corrections.undo(ada, actor(ada), edit.id))
    assert {p.id for p in store.transcripts.passages()} == {"wrong", "other"}
    with pytest.raises(Conflict, match="already"):
        done(store.corrections.undo(ada, actor(ada), edit.id))


def test_an_import_does_not_bring_a_retired_answer_back(store: Store) -> None:
    ann, place = person(store), answered(store)
    done(store.corrections.correct(ann, actor(ann), place, LESSON))
    bring_in(store, WRONG, OTHER)  # the same again
    assert "You have 14 days." not in {p.answer for p in store.transcripts.passages()}
    grown = replace(WRONG, topic="returns")  # the conversation has changed, this answer has not
    bring_in(store, grown)
    assert store.transcripts.counts().transcripts == 3
    assert "You have 14 days." not in {p.answer for p in store.transcripts.passages()}
    reworded = replace(WRONG, id="reworded", answer="you have 14 days.")
    bring_in(store, reworded)
    assert "reworded" not in {p.id for p in store.transcripts.passages()}
    mended = replace(WRONG, id="mended", answer="You have 30 days, says the source itself by now.")
    bring_in(store, mended)  # another answer is news
    assert "mended" in {p.id for p in store.transcripts.passages()}


def test_retired_by_hand_and_given_back(store: Store) -> None:
    ada = person(store, "Ada Boss", "admin")
    with pytest.raises(BadInput, match="has passed"):
        done(store.knowledge.retire(ada, actor(ada), "wrong", datetime(2020, 1, 1, tzinfo=UTC)))
    done(store.knowledge.retire(ada, actor(ada), "wrong", datetime(2199, 1, 1, tzinfo=UTC)))
    entry = done(store.knowledge.retire(ada, actor(ada), "wrong"))  # sooner than planned
    assert (entry.retired_by, entry.replaced_by) == ("Ada Boss", None)
    with pytest.raises(Conflict, match="Ada Boss"):
        done(store.knowledge.retire(ada, actor(ada), "wrong"))
    assert [p.id for p in store.knowledge.retired()] == ["wrong"]
    assert done(store.knowledge.lift(ada, actor(ada), "wrong")).retired_at is None
    assert [p.id for p in store.knowledge.changes().added] == ["wrong"]
    with pytest.raises(Conflict, match="in use"):
        done(store.knowledge.lift(ada, actor(ada), "wrong"))
    edit = done(store.corrections.write(ada, actor(ada), LESSON, replaces="wrong"))
    with pytest.raises(Conflict, match="undo that correction"):
        done(store.knowledge.lift(ada, actor(ada), "wrong"))
    done(store.corrections.undo(ada, actor(ada), edit.id))
    with pytest.raises(Conflict, match="undone"):
        done(store.knowledge.lift(ada, actor(ada), edit.passage_id))
    with pytest.raises(NotFound):
        done(store.knowledge.retire(ada, actor(ada), "nothing"))


def test_the_list_pages_searches_and_tells_the_use(store: Store) -> None:
    bring_in(
        store, *(replace(WRONG, id=f"p{n}", conversation_id=f"x{n}", answer=f"Öffnung {n} 退货") for n in range(7))
    )
    answered(store)
    seen: list[str] = []
    after = None
    while True:
        page = done(store.knowledge.page(Wanted(after=after, limit=4)))
        seen += [entry.passage.id for entry in page.entries]
        after = page.after
        if after is None:
            break
    assert seen == [f"p{n}" for n in range(6, -1, -1)] + ["other", "wrong"]
    found = done(store.knowledge.page(Wanted(words="offnung 退货", limit=3)))
    assert [entry.passage.id for entry in found.entries] == ["p6", "p5", "p4"]
    assert done(store.knowledge.page(Wanted(words="öffn", after=found.after, limit=9))).after is None
    assert done(store.knowledge.page(Wanted(words="!"))).entries == ()
    assert done(store.knowledge.page(Wanted(words="nowhere"))).entries == ()
    (entry,) = done(store.knowledge.page(Wanted(words="14 days"))).entries
    assert (entry.passage.id, entry.used) == ("wrong", 1)
    assert entry.last_used is not None
    facts = done(store.knowledge.facts())
    assert (dict(facts.by_kind), facts.retired) == ({("own", "en"): 9}, 0)


def test_which_sources_gave_a_reply_its_words() -> None:
    assert said_by(REPLY) == ["wrong"]
    assert said_by(replace(REPLY, text="You have 14 days.\n\nReturns are free of charge.")) == ["wrong", "other"]
    assert said_by(replace(REPLY, text="Reworded.", mode=Mode.ADAPTED)) == ["wrong", "other"]
    assert said_by(replace(REPLY, text="Hello!", mode=Mode.FIXED)) == []


def test_a_correction_is_a_conversation_of_one_import(store: Store) -> None:
    ada = person(store, "Ada Boss", "admin")
    for question in ("One?", "Two?"):
        done(store.corrections.write(ada, actor(ada), replace(LESSON, question=question, wrong="")))
    imports = select(TranscriptRow.import_id).where(TranscriptRow.source == CORRECTION)
    assert len(set(store.database.read(lambda c: list(c.execute(imports).scalars())).result())) == 1
    assert count(store, EditPairRow) == 0
    assert [one.question for one in done(store.corrections.recent(ada))] == ["Two?", "One?"]

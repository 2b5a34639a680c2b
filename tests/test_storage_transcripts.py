"""Imports are all or nothing and repeatable; what they bring is found; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from chatbot.errors import BadInput, Busy
from chatbot.types import Origin, Passage, Role, Transcript, Turn
from storage.audit import COMMAND, Actor
from storage.importing import ImportCounts
from storage.opening import Store, open_store
from storage.tables import ImportRow, TranscriptRow
from storage.transcripts import Counts
from tests.staff import done

SMALL_BALLAST = 1 << 20
WHEN = datetime(2025, 4, 2, 10, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


@pytest.fixture
def store(url: str | None, tmp_path: Path) -> Iterator[Store]:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as opened:
        yield opened


def past(number: int, answer: str = "You have 30 days from delivery.", source: str = "own") -> Transcript:
    return Transcript(
        id=f"T-{number}",
        source=source,
        turns=(
            Turn(Role.CUSTOMER, f"How do I return order {number}?", WHEN, "Mia"),
            Turn(Role.NOTE, "regular customer"),
            Turn(Role.AGENT, answer, WHEN, "Ann"),
        ),
        language="en",
        topic="returns",
        status="solved",
        csat=0.75,
        tags=("return", "rückgabe"),
        meta={"channel": "web", "nested": {"a": [1, 2.5, None, "退货"]}},
        origin=Origin("export.jsonl", number + 1),
    )


def distilled(transcript: Transcript) -> list[Passage]:
    question, answer = transcript.turns[0].text, transcript.turns[-1].text
    return [
        Passage(
            id=f"{transcript.source}-{transcript.id}-{len(answer)}",
            conversation_id=transcript.id,
            turn_id=2,
            language="en",
            question=question,
            window=f"customer: {question}",
            answer=answer,
            source=transcript.source,
            topic="returns",
            csat=0.75,
            resolved_at=WHEN,
            last_seen=WHEN,
            count=2,
            agents=1,
        )
    ]


def bring_in(store: Store, transcripts: list[Transcript]) -> ImportCounts:
    with store.transcripts.importing("export.jsonl", "own") as batch:
        for transcript in transcripts:
            batch.add(transcript, distilled(transcript))
        return batch.commit()


def rows_of(store: Store) -> int:
    return store.database.read(lambda c: len(c.execute(select(TranscriptRow.id)).all())).result()


def count_rows(store: Store, table: str) -> int:
    return store.database.read(lambda c: int(c.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())).result()


def test_what_goes_in_comes_out_in_order(store: Store) -> None:
    given = [past(number) for number in range(250)]
    assert bring_in(store, given) == ImportCounts(new=250)
    assert list(store.transcripts.transcripts()) == given
    assert list(store.transcripts.passages()) == [p for t in given for p in distilled(t)]
    assert store.transcripts.counts() == Counts(transcripts=250, passages=250)


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    given = [past(number) for number in range(5)]
    bring_in(store, given)
    moved = [replace(t, origin=Origin("renamed.jsonl", 1)) for t in given]
    assert bring_in(store, moved) == ImportCounts(same=5)
    assert list(store.transcripts.transcripts()) == given


def test_a_changed_conversation_takes_the_place_of_the_old_one(store: Store) -> None:
    bring_in(store, [past(1), past(2)])
    changed = past(1, "You have 14 days.")
    assert bring_in(store, [changed, past(2), past(3)]) == ImportCounts(new=1, changed=1, same=1)
    assert {t.id: t for t in store.transcripts.transcripts()} == {t.id: t for t in (changed, past(2), past(3))}
    assert [hit.conversation for hit in store.rights.search("14 days")] == ["T-1"]
    assert rows_of(store) == 3


def test_nothing_is_visible_before_the_commit(store: Store) -> None:
    bring_in(store, [past(1)])
    with store.transcripts.importing("second.jsonl", "own") as batch:
        outcomes = [batch.add(past(n, "Changed."), distilled(past(n, "Changed."))) for n in range(150)]
        assert outcomes.count("changed") == 1
        assert rows_of(store) > 100, "the first group is staged by now"
        assert list(store.transcripts.transcripts()) == [past(1)]
        assert store.transcripts.counts() == Counts(1, 1)
        assert store.rights.search("changed") == []
        batch.commit()
    assert store.transcripts.counts() == Counts(150, 150)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, None])
def test_an_import_that_stops_leaves_nothing(store: Store, error: type[BaseException] | None) -> None:
    bring_in(store, [past(1)])

    def stopped() -> None:
        with store.transcripts.importing("second.jsonl", "own") as batch:
            for number in range(150):
                batch.add(past(number, "Changed."), [])
            if error is not None:
                raise error

    if error is None:
        stopped()  # it never said commit
    else:
        with pytest.raises(error):
            stopped()
    assert list(store.transcripts.transcripts()) == [past(1)]
    assert rows_of(store) == 1
    assert store.database.read(lambda c: len(c.execute(select(ImportRow.id)).all())).result() == 1


def test_what_a_killed_import_left_is_erased_at_the_next_start(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        bring_in(store, [past(1)])
        importing = store.transcripts.importing("second.jsonl", "own")
        batch = importing.__enter__()
        for number in range(150):
            batch.add(past(number, "Changed."), distilled(past(number, "Changed.")))
        assert rows_of(store) > 100
        with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as beside:
            assert rows_of(beside) > 100, "a running import is not a leftover"
        batch.commit = None  # type: ignore[assignment, method-assign] # from here on as if killed: nothing tidies up
        batch.committed = True
        importing.__exit__(None, None, None)
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert rows_of(store) == 1
        assert list(store.transcripts.transcripts()) == [past(1)]
        assert bring_in(store, [past(1, "Changed.")]) == ImportCounts(changed=1)


def test_one_import_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.importing._LOCK_WAIT_S", 0.0)
    with (
        store.transcripts.importing("one", "own"),
        pytest.raises(Busy, match="Another import"),
        store.transcripts.importing("two", "own"),
    ):
        pass
    assert bring_in(store, [past(1)]) == ImportCounts(new=1)


def test_an_id_twice_in_one_file_is_told_and_the_first_stays(store: Store) -> None:
    for _ in range(2):
        with store.transcripts.importing("export.jsonl", "own") as batch:
            batch.add(past(1), [])
            assert batch.add(past(1), []) == "same"
            with pytest.raises(BadInput, match=r"export.jsonl|'T-1' occurs twice"):
                batch.add(past(1, "Other."), [])
            batch.add(past(1, source="zendesk"), [])
            batch.commit()
        assert list(store.transcripts.transcripts()) == [past(1), past(1, source="zendesk")]


@pytest.mark.parametrize(
    "bad",
    [
        replace(past(7), turns=(Turn(Role.CUSTOMER, "a\x00b"),)),
        replace(past(7), topic="\ud800"),
        replace(past(7), meta={"deep": [{"\x00": 1}]}),
        replace(past(7), meta={"number": float("nan")}),
        replace(past(7), id="x" * 201),
        replace(past(7), id=""),
    ],
)
def test_a_record_that_no_database_can_hold_is_named_and_the_rest_comes_in(store: Store, bad: Transcript) -> None:
    with store.transcripts.importing("export.jsonl", "own") as batch:
        batch.add(past(1), [])
        with pytest.raises(BadInput, match=r"^export.jsonl, line 8: "):
            batch.add(bad, [])
        assert batch.commit() == ImportCounts(new=1)


def test_a_moment_without_a_zone_is_taken_as_utc(store: Store) -> None:
    naive = Turn(Role.CUSTOMER, "Hello", WHEN.replace(tzinfo=None))
    bring_in(store, [replace(past(1), turns=(naive, *past(1).turns))])
    assert next(store.transcripts.transcripts()).turns[0].time == WHEN


def test_passages_come_with_the_agent_who_answered(store: Store) -> None:
    unsigned = replace(past(2), turns=tuple(replace(turn, author=None) for turn in past(2).turns))
    bring_in(store, [past(1), unsigned])
    signed = list(store.transcripts.signed_passages())
    assert [(passage.conversation_id, agent) for passage, agent in signed] == [("T-1", "Ann"), ("T-2", None)]
    assert [passage for passage, _ in signed] == list(store.transcripts.passages())


def test_a_retired_passage_rests(store: Store) -> None:
    bring_in(store, [past(1), past(2)])
    (first, second) = store.transcripts.passages()
    boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
    done(store.knowledge.retire(boss, Actor(boss.id, "Ada"), first.id))
    assert list(store.transcripts.passages()) == [second]
    assert store.transcripts.counts() == Counts(transcripts=2, passages=1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("zelt", ["de"]),
        ("RÜCKGABE", ["de"]),
        ("ruckgabe zel", ["de"]),
        ("退款", ["zh"]),
        ("退", ["zh"]),
        ("退款政策", ["zh"]),
        ("政款", []),
        ("返品", ["ja"]),
        ("NP-2024-004711", ["en"]),
        ("camping", ["tag"]),
        ("zelt 退款", []),
        ('"a b', []),
        ("NEAR(", []),
        ("col:x", []),
        ("' OR 1=1 --", []),
        ("'; DROP TABLE messages; :* & | ! <->", []),
        ("😀 ,.", []),
    ],
)
def test_search_finds_words_of_any_script_and_fears_no_query(store: Store, query: str, found: list[str]) -> None:
    said = {
        "de": "Die Rückgabe vom Zelt ist möglich",
        "zh": "请问你们的退款政策是什么?",
        "ja": "返品できますか",
        "en": "Where is order NP-2024-004711",
        "tag": "nothing",
    }
    given = [Transcript(id=k, source="own", turns=(Turn(Role.CUSTOMER, v),)) for k, v in said.items()]
    given[-1] = replace(given[-1], tags=("camping",))
    bring_in(store, given)
    hits = store.rights.search(query)
    assert [hit.conversation for hit in hits] == found
    if found and found != ["tag"]:
        assert hits[0].text == said[found[0]]


def test_search_shows_the_turn_that_matches(store: Store) -> None:
    bring_in(store, [past(3)])
    hit = store.rights.search("days from deliv")[0]
    assert (hit.source, hit.conversation, hit.text) == ("own", "T-3", past(3).turns[2].text)


def test_what_is_staged_takes_no_place_from_what_is_found(store: Store) -> None:
    bring_in(store, [past(1)])
    with store.transcripts.importing("second.jsonl", "own") as batch:
        for number in range(2, 150):  # a hundred of them are staged, each as good a hit
            batch.add(past(number), [])
        assert [hit.conversation for hit in store.rights.search("days from delivery")] == ["T-1"]


def test_of_past_conversations_that_fit_alike_the_newest_comes_first(store: Store) -> None:
    bring_in(store, [past(1), past(2), past(3)])
    assert [hit.conversation for hit in store.rights.search("days from delivery")] == ["T-3", "T-2", "T-1"]


async def test_chats_go_on_during_an_import(store: Store) -> None:
    conversation = await store.conversations.create_conversation("owner")
    with store.transcripts.importing("export.jsonl", "own") as batch:
        for number in range(120):
            batch.add(past(number), [])
            if number % 20 == 0:
                await store.conversations.add_customer_message(conversation.id, "owner", "hello", f"id {number}")
    assert [m.seq for m in await store.conversations.messages(conversation.id, "owner")] == [1, 2, 3, 4, 5, 6]


async def test_messages_are_found_until_they_are_erased(store: Store) -> None:
    conversations = store.conversations
    made = await conversations.create_conversation("a")
    await conversations.add_customer_message(made.id, "a", "我要退款,谢谢", "1")
    await conversations.add_customer_message(made.id, "a", "My tent, the RIDGE, leaks", "2")
    await conversations.add_customer_message(made.id, "a", "My tent, the RIDGE, leaks", "2")
    assert [(h.conversation, h.text) for h in store.rights.search("退款")] == [(made.id, "我要退款,谢谢")]
    assert [h.text for h in store.rights.search("tent ridg")] == ["My tent, the RIDGE, leaks"]
    assert store.rights.search("tent 退款") == []
    assert count_rows(store, "message_search") == 2
    await conversations.delete_owner("a")
    assert store.rights.search("退款") == []
    assert count_rows(store, "message_search") == 0


async def test_live_conversations_come_as_transcripts(store: Store) -> None:
    conversations = store.conversations
    for owner in ("a", "b"):
        made = await conversations.create_conversation(owner, "en")
        await conversations.add_customer_message(made.id, owner, f"from {owner}", "1")
        await conversations.add_event_message(made.id, owner, "You asked for a person")
        await conversations.rate(made.id, owner, 4, "good")
    await conversations.create_conversation("c")
    exported = list(store.live_transcripts())
    assert [[(t.role, t.text) for t in e.turns] for e in exported] == [
        [(Role.CUSTOMER, f"from {owner}"), (Role.SYSTEM, "You asked for a person")] for owner in ("a", "b")
    ]
    assert {(e.source, e.csat, e.status, e.meta["rating_comment"]) for e in exported} == {("live", 4.0, "bot", "good")}

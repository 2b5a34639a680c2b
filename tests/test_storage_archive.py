"""The archive's search over a real SQLite and a real PostgreSQL: what it finds, who sees it, that pages skip nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from chatbot.errors import BadInput, NotFound
from chatbot.types import Action, Decision, Feedback, Mode, Status
from storage import archive_pages
from storage.archive import Choices
from storage.audit import Actor
from storage.desk_tables import HandoverRow, TagRow
from storage.filters import Filters
from storage.opening import Store, open_store
from storage.people import User
from storage.people_tables import TeamRow
from storage.tables import ConversationRow, MessageRow
from tests.fakes_ui import ANSWER
from tests.staff import done, team_id

OWNER = "owner-hash"
ADMIN = User(1, "a@shop.example", "Ada", "admin", None, False)
REFUSAL = replace(
    ANSWER, decision=Decision(Action.HAND_OVER, "nothing_fits", 0.2, offered=True), mode=Mode.FIXED, sources=()
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        yield opened


async def said(store: Store, *texts: str, language: str = "en", owner: str = OWNER) -> str:
    made = await store.conversations.create_conversation(owner, language)
    for number, text in enumerate(texts):
        await store.conversations.add_customer_message(made.id, owner, text, str(number))
    return made.id


async def ids(store: Store, typed: str = "", user: User = ADMIN, /, **filters: Any) -> list[str]:
    found = await store.archive.search(user, typed, Filters(**filters))
    return [entry.conversation.id for entry in found.entries]


def change(store: Store, statement: Any) -> None:
    store.database.write(lambda c: c.execute(statement).rowcount).result()


async def test_words_are_found_in_one_message_the_last_one_unfinished(store: Store) -> None:
    parcel = await said(store, "Where is my parcel?", "It was promised for Monday")
    coat = await said(store, "The coat is promised for Tuesday")
    assert await ids(store, "promised") == [coat, parcel]
    assert await ids(store, "promised mon") == [parcel]
    assert await ids(store, "parcel monday") == []  # not in one message
    assert await ids(store, "COAT") == [coat]
    assert await ids(store, "???") == []
    assert await ids(store, ' " ') == [coat, parcel]


async def test_a_phrase_stands_side_by_side_and_whole(store: Store) -> None:
    first = await said(store, "I want to send it back, please")
    await said(store, "Please send the blue one, not the backpack; it is late")
    cjk = await said(store, "我的退款流程是什么", language="zh")
    assert await ids(store, '"send it back"') == [first]
    assert await ids(store, '"send it bac"') == []
    assert await ids(store, '"send it bac') == [first]
    assert await ids(store, "“Send it, back”") == [first]
    assert await ids(store, "退款流程") == [cjk]
    assert await ids(store, '"款流程是"') == [cjk]


async def test_the_snippet_marks_the_words_where_they_stand(store: Store) -> None:
    await said(store, "bla " * 80 + "Die GRÖSSE passt nicht 😀 größer")
    hit = (await store.archive.search(ADMIN, "größe")).entries[0].hit
    assert hit is not None
    assert [hit.snippet.text[a:b] for a, b in hit.snippet.marks] == ["GRÖSSE", "größer"]
    assert hit.snippet.cut_before
    assert (hit.seq, hit.role.value) == (1, "customer")


async def test_each_filter_leaves_what_it_says(store: Store) -> None:
    plain = await said(store, "hello there", language="de")
    answered = await said(store, "hello again", owner="other")
    await store.conversations.add_reply(answered, ANSWER, 1)
    await store.conversations.add_feedback(Feedback(answered, 2, -1), "other")
    await store.conversations.rate(answered, "other", 4)
    refused = await said(store, "hello you")
    await store.conversations.add_reply(refused, REFUSAL, 1)
    await store.conversations.set_status(refused, OWNER, [Status.BOT], Status.CLOSED)
    change(store, insert(TagRow).values(conversation_id=plain, tag="boots"))
    user = await store.people.add_user("b@shop.example", "Bo", "agent", Actor(None, "command"))
    stay = {
        "conversation_id": refused,
        "asked_at": datetime.now(UTC),
        "taken_at": datetime.now(UTC),
        "user_id": user.id,
    }
    change(
        store, insert(HandoverRow).values(stay | {"ended": "closed", "ended_at": datetime.now(UTC), "contact": False})
    )
    for filters, wanted in (
        ({"language": "de"}, plain), ({"rating": 4}, answered), ({"tag": "boots"}, plain), ({"thumb": -1}, answered),
        ({"mode": "precedent"}, answered), ({"reason": "nothing_fits"}, refused), ({"status": "closed"}, refused),
        ({"agent": user.id}, refused), ({"outcome": "closed_by_human"}, refused), ({"outcome": "human"}, refused),
        ({"action": "hand_over"}, refused), ({"rating": 4, "thumb": -1, "mode": "precedent"}, answered),
    ):  # fmt: skip
        assert await ids(store, **filters) == [wanted], filters
        assert await ids(store, "hello", **filters) == [wanted], filters
    assert await ids(store, outcome="missed") == []
    assert set(await ids(store, outcome="bot")) == {plain, answered}
    assert set(await ids(store, rating=0)) == {plain, refused}
    assert await store.archive.choices(user) == Choices(("boots",), ((user.id, "Bo"),))


async def test_dates_hold_for_the_message_with_words_and_for_the_last_activity_without(store: Store) -> None:
    old, new = await said(store, "an old tent", "still there"), await said(store, "a new tent")
    then = datetime(2024, 5, 1, tzinfo=UTC)
    change(
        store, update(MessageRow).where(MessageRow.conversation_id == old, MessageRow.seq == 1).values(created_at=then)
    )
    day: dict[str, Any] = {"since": then, "until": then + timedelta(days=1)}
    assert await ids(store, "tent", **day) == [old]
    assert await ids(store, "tent", since=then + timedelta(days=1)) == [new]
    assert await ids(store, **day) == []
    change(store, update(ConversationRow).where(ConversationRow.id == old).values(updated_at=then))
    assert await ids(store, **day) == [old]


async def test_an_agent_finds_and_opens_only_what_the_team_may_see(store: Store) -> None:
    mine, theirs = await said(store, "a tent of ours"), await said(store, "a tent of theirs")

    def teams(connection: Any) -> list[int]:
        rows: list[dict[str, Any]] = [
            {"name": name, "languages": [], "created_at": datetime.now(UTC)} for name in ("Ours", "Theirs")
        ]
        connection.execute(insert(TeamRow), rows)
        return list(connection.execute(select(TeamRow.id).order_by(TeamRow.name)).scalars())

    ours, others = store.database.write(teams).result()
    change(store, update(ConversationRow).where(ConversationRow.id == mine).values(team_id=ours))
    change(store, update(ConversationRow).where(ConversationRow.id == theirs).values(team_id=others))
    agent, actor = User(7, "b@shop.example", "Bo", "agent", ours, False), Actor(7, "7 Bo")
    assert await ids(store, "tent", agent) == await ids(store, "", agent) == [mine]
    opened = await store.archive.transcript(mine, agent, actor)
    assert [message.text for message in opened.messages] == ["a tent of ours"]
    with pytest.raises(NotFound, match="another team"):
        await store.archive.transcript(theirs, agent, actor)
    for conversation, tag in ((mine, "tents"), (theirs, "about-kim"), (theirs, "a-secret")):
        change(store, insert(TagRow).values(conversation_id=conversation, tag=tag))
    assert (await store.archive.choices(agent)).tags == ("tents",)
    assert (await store.archive.choices(replace(agent, role="admin"))).tags == ("a-secret", "about-kim", "tents")
    assert [entry.target for entry in await store.audit.entries()] == [f"conversation:{mine}"]


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("", {}),
        ("tent", {}),
        ('"big tent"', {}),
        ("tent", {"tag": "often"}),
        ("", {"tag": "often"}),
        ("", {"language": "en"}),
        ("tent", {"language": "en"}),
    ],
)
@pytest.mark.parametrize("budget", [3, 7, 2_000])
async def test_pages_neither_skip_nor_repeat(
    store: Store, monkeypatch: pytest.MonkeyPatch, typed: str, filters: dict[str, Any], budget: int
) -> None:
    monkeypatch.setattr(archive_pages, "BUDGET", budget)
    made = [await said(store, f"a big tent {number}", "blue", "my big tent", language="en") for number in range(9)]
    for which in made[::2]:
        change(store, insert(TagRow).values(conversation_id=which, tag="often"))
    later = made[2]  # an old conversation with the newest match
    await store.conversations.add_customer_message(later, OWNER, "one more big tent", "later")
    wanted = set(made[::2]) if "tag" in filters else set(made)
    seen: list[str] = []
    after: str | None = None
    for _ in range(60):
        page = await store.archive.search(ADMIN, typed, Filters(**filters), after=after, limit=2)
        assert len(page.entries) <= 2
        seen += [entry.conversation.id for entry in page.entries]
        after = page.next
        if after is None:
            break
    assert after is None
    assert sorted(seen) == sorted(wanted)
    assert seen[0] == later


async def test_a_narrow_filter_with_a_frequent_word_finds_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await said(store, f"tent {number}", "blue tent") for number in range(6)]
    change(store, insert(TagRow).values(conversation_id=made[1], tag="rare"))
    change(store, insert(TagRow).values(conversation_id=made[4], tag="rare"))
    plain = await ids(store, "tent", tag="rare")
    monkeypatch.setattr(archive_pages, "BUDGET", 2)
    assert await ids(store, "tent", tag="rare") == plain == [made[4], made[1]]
    assert await ids(store, '"blue ten', tag="rare") == plain
    assert await ids(store, "tent green", tag="rare") == []


async def test_what_does_not_exist_is_refused_in_a_sentence(store: Store) -> None:
    for wrong in (
        {"status": "gone"},
        {"outcome": "x"},
        {"mode": "x"},
        {"rating": 9},
        {"thumb": 0},
        {"since": datetime(2024, 5, 1)},
        {"since": datetime(1, 1, 1, tzinfo=UTC)},
        {"until": datetime(2101, 1, 1, tzinfo=UTC)},
    ):
        with pytest.raises(BadInput):
            await store.archive.search(ADMIN, "", Filters(**wrong))
    for place in ("x", "W10", "WyIyMDI0Il0", "WzEuNV0", "bnVsbA", "é", "[" * 500):
        with pytest.raises(BadInput, match="search again"):
            await store.archive.search(ADMIN, "", after=place)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    typed=st.text(max_size=60)
    | st.lists(
        st.sampled_from(['"', "a", "tent", " ", "*", "NEAR(", "col:", "-", "OR", "\\", "'", "退", "“", "\x00"]),
        max_size=12,
    ).map("".join)
)
def test_no_typed_text_breaks_the_search(store: Store, typed: str) -> None:
    if not done(ids(store)):
        done(said(store, "the tent OR NEAR it"))
    done(store.archive.search(ADMIN, typed))


async def test_an_index_is_used_for_each_way(store: Store) -> None:
    if store.database.dialect != "sqlite":
        pytest.skip("the plans of SQLite are meant")
    plans: list[str] = []

    def explain(connection: Any) -> None:
        for query in (
            "SELECT id FROM conversations WHERE (updated_at, id) < ('2024', 'x') ORDER BY updated_at DESC, id DESC LIMIT 50",
            "SELECT id FROM conversations WHERE rating = 2 ORDER BY updated_at DESC LIMIT 50",
            "SELECT conversation_id FROM replies WHERE reason = 'attack' LIMIT 50",
            "SELECT rowid FROM message_search WHERE message_search MATCH 'a' AND rowid < 9 ORDER BY rowid DESC LIMIT 9",
        ):
            plans.append(" ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")))

    store.database.read(explain).result()
    assert all("TEMP B-TREE" not in plan for plan in plans), plans
    assert all("USING" in plan or "VIRTUAL TABLE INDEX" in plan for plan in plans), plans


async def test_what_is_found_is_what_is_exported(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.archive.EXPORTED", 2)
    made = [await said(store, f"My parcel number {n}", "and a second word", owner=f"o{n}") for n in range(5)]
    other = await said(store, "Mein Paket", language="de")
    await store.conversations.rate(made[1], "o1", 1, None)

    def exported(typed: str = "", user: User | None = None, **filters: Any) -> list[str]:
        return [one.id for one in store.archive.transcripts(typed, Filters(**filters), user)]

    assert exported() == await ids(store) == [made[1], other, *(made[n] for n in (4, 3, 2, 0))]
    assert exported("parcel") == await ids(store, "parcel") == made[::-1]
    assert exported(language="de") == [other]
    assert exported("parcel", rating=1) == [made[1]]
    assert exported("nowhere") == []
    [whole] = store.archive.transcripts("", Filters(rating=1))
    assert [turn.text for turn in whole.turns] == ["My parcel number 1", "and a second word"]
    change(store, update(ConversationRow).where(ConversationRow.id == other).values(team_id=team_id(store, "Boats")))
    assert other not in exported(user=replace(ADMIN, id=2, role="agent"))
    with pytest.raises(BadInput, match="no status"):
        exported(status="gone")

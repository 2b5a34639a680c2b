"""Every figure of the overview over a history small enough to count by hand, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, update

from chatbot.types import Action, Decision, Mode, Reply, Status
from storage.audit import COMMAND, Actor
from storage.desk_tables import HandoverRow
from storage.figure_rows import Span
from storage.figures import Counts, Figures
from storage.opening import Store, open_store
from storage.people import User
from storage.tables import ConversationRow, MessageRow
from storage.taking import Hand
from storage.waits import Quantiles
from tests.histories import Said, Stay, Talk, add_passage, write
from tests.staff import done, team_id

ADMIN = User(1, "eve@shop.example", "Eve Boss", "admin", None, False)
AGENT = replace(ADMIN, id=2, role="agent")
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
JUNE = Span(date(2026, 6, 1), date(2026, 6, 30))
ANSWER = Said()
GREETING = Said("Hi", "small_talk", "greeting")
THANKS = Said("Thanks", "small_talk", "thanks")


def on(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=UTC)


HISTORY = (
    # thumb up, nobody came back: durable
    Talk("thumb", "a", on(2), said=[Said(thumb=1, first_ms=100, passage="p1")]),
    # five stars, but back after three days: confirmed, not durable
    Talk("stars", "b", on(2), said=[Said(first_ms=300, passage="p1"), Said(passage="p2")], more={"rating": 5}),
    # nothing said about the answer: silent, whatever closed it
    Talk("silent", "b", on(5), said=[Said(first_ms=200, passage="p2")], more={"status": "closed", "closed_at": on(5)}),
    # thanks after an answer; back after more than seven days: durable
    Talk("thanks", "d", on(10), "de", [Said(first_ms=5000), THANKS], more={"mood": 0.5}),
    # handed over without an answer
    Talk("handed", "d", on(18), "de", [Said(action="hand_over", reason="repeated")], [Stay(60, 120, 300, "repeated")]),
    # thumb up, then a person after all: no success of the bot's
    Talk("both", "f", on(18), said=[Said(thumb=1, passage="none")], stays=[Stay(60, 180), Stay(400, None, 500)]),
    # a thumb up and two stars: the worse word counts
    Talk("refuted", "g", on(20), said=[Said(thumb=1), Said(thumb=-1)], more={"rating": 2, "mood": -0.5}),
    # too young to know
    Talk("young", "h", on(28), said=[Said(first_ms=400)], more={"rating": 4}),
    # the bot took no part; nobody took it, an address was left
    Talk("alone", "i", on(20, 23), None, [Said(action=None)], [Stay(60, None, 900, "customer_asked", contact=True)]),
    # thanks before the answer confirm nothing
    Talk("polite", "l", on(21), said=[THANKS, ANSWER]),
    # involved, but no answer; still waiting, and taken over unasked before
    Talk("greeted", "m", on(21), said=[GREETING], stays=[Stay(60, 60, 90, "taken_over"), Stay(120)]),
    # not counted: nothing was said; begun the moment before June and at the first of July
    Talk("empty", "n", on(3), said=[]),
    Talk("may", "n", on(1, 0) - timedelta(microseconds=1)),
    Talk("july", "n", datetime(2026, 7, 1, tzinfo=UTC)),
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        yield opened


@pytest.fixture
def june(store: Store) -> Figures:
    write(store, *HISTORY)
    for passage, topic in (("p1", "returns"), ("p2", "shipping"), ("none", None)):
        add_passage(store, passage, topic)
    return done(store.figures.of(ADMIN, JUNE, NOW))


def test_the_totals_are_those_counted_by_hand(june: Figures) -> None:
    assert june.total() == Counts(
        conversations=11,
        messages=29,
        involved=10,
        attempted=8,
        handed=4,
        answered_then_handed=1,
        refuted=1,
        confirmed=4,
        silent=2,
        attempted_known=7,
        confirmed_known=3,
        durable=2,
        ratings=3,
        rating_sum=11.0,
        rating_squares=45.0,
        moods=2,
        mood_sum=0.0,
    )


def test_what_was_attempted_ended_in_one_way_each(june: Figures) -> None:
    for counts in (june.total(), *june.by_day().values(), *june.by_language().values()):
        assert counts.attempted == counts.answered_then_handed + counts.refuted + counts.confirmed + counts.silent


def test_days_and_languages_add_up_and_empty_days_are_there(june: Figures) -> None:
    days = june.by_day()
    assert list(days) == [f"2026-06-{day:02}" for day in range(1, 31)]
    assert {day[-2:]: counts.conversations for day, counts in days.items() if counts.conversations} == {
        "02": 2, "05": 1, "10": 1, "18": 2, "20": 2, "21": 2, "28": 1,
    }  # fmt: skip
    assert days["2026-06-02"].durable == 1
    languages = june.by_language()
    assert {language: counts.conversations for language, counts in languages.items()} == {"en": 8, "de": 2, None: 1}
    assert languages["de"].durable == 1
    assert sum(days.values(), Counts()) == sum(languages.values(), Counts()) == june.total()


def test_waits_count_only_who_waited_and_tell_the_others_apart(june: Figures) -> None:
    waits = june.waits
    assert (waits.asked, waits.stepped_in, waits.waiting, waits.never, waits.left_contact) == (5, 1, 1, 2, 1)
    assert waits.seconds == Quantiles(2, 60.0, 120.0)
    assert waits.by_language == {"en": Quantiles(1, 120.0, 120.0), "de": Quantiles(1, 60.0, 60.0)}
    assert waits.reasons == (("customer_asked", 4), ("repeated", 1))


def test_topics_are_those_of_the_first_sources_by_conversation(june: Figures) -> None:
    assert june.topics == (("returns", 2), ("shipping", 2), (None, 1))
    assert june.topics_of == 4


def test_first_words_are_nearest_rank_quantiles_of_what_was_measured(june: Figures) -> None:
    assert june.first == Quantiles(5, 300.0, 5000.0)
    assert june.first_by_day["2026-06-02"] == Quantiles(2, 100.0, 300.0)
    assert "2026-06-20" not in june.first_by_day
    assert june.first_by_language == {"en": Quantiles(4, 200.0, 400.0), "de": Quantiles(1, 5000.0, 5000.0)}


def test_the_time_to_the_first_words_comes_from_the_reply_as_it_was_written(store: Store) -> None:
    chats = store.conversations
    made = done(chats.create_conversation("ann", "en"))
    asked, _ = done(chats.add_customer_message(made.id, "ann", "Where is it?", "1"))
    reply = Reply(
        text="On its way.",
        decision=Decision(Action.ANSWER, "precedent", 0.9),
        mode=Mode.PRECEDENT,
        language="en",
        sources=(),
        timings_ms={"search": 2.0, "first": 27.5},
    )
    done(chats.add_reply(made.id, reply, asked.seq))
    today = made.created_at.date()
    assert done(store.figures.of(ADMIN, Span(today, today))).first == Quantiles(1, 27.5, 27.5)


def test_a_language_narrows_everything(store: Store) -> None:
    write(store, *HISTORY)
    german = done(store.figures.of(ADMIN, replace(JUNE, language="de"), NOW))
    assert (german.total().conversations, german.waits.asked, german.first.n) == (2, 1, 1)
    assert done(store.figures.languages(ADMIN)) == ["de", "en"]


def test_a_return_counts_to_the_second_of_the_seventh_day(store: Store) -> None:
    last = on(2) + timedelta(minutes=1, seconds=1)
    week = timedelta(days=7)
    write(
        store,
        *(Talk(f"{name}1", name, on(2), said=[Said(thumb=1)]) for name in ("just", "late", "nothing said")),
        Talk("just2", "just", last + week),
        Talk("late2", "late", last + week + timedelta(seconds=1)),
        Talk("nothing2", "nothing said", last, said=[]),
    )
    total = done(store.figures.of(ADMIN, Span(date(2026, 6, 2), date(2026, 6, 2)), NOW)).total()
    assert (total.confirmed_known, total.durable) == (3, 2)


@pytest.mark.parametrize(
    ("last", "durable"),
    [
        (Said(after=timedelta(days=3), reason="thanks", action="small_talk"), 1),  # came back to say so
        (Said(after=timedelta(hours=11), thumb=1), 1),  # the same evening is the same talk
        (Said(after=timedelta(days=3), thumb=1), 0),
        (Said("hello", after=timedelta(days=3), reason="greeting", action="small_talk"), 0),
        (Said(after=timedelta(days=8), thumb=1), 1),  # as another conversation after as long
    ],
)
def test_who_goes_on_with_an_open_chat_days_later_has_come_back(store: Store, last: Said, durable: int) -> None:
    write(store, Talk("one", "a", on(2), said=[Said(thumb=1), last]))
    total = done(store.figures.of(ADMIN, JUNE, NOW)).total()
    assert (total.confirmed_known, total.durable) == (1, durable)


def test_a_note_of_the_team_is_no_part_of_the_talk_that_somebody_comes_back_to(store: Store) -> None:
    write(store, Talk("one", "a", on(2), said=[Said(thumb=1), Said(after=timedelta(days=3), thumb=1)]))
    again = MessageRow.conversation_id == "one", MessageRow.seq >= 3

    def note(connection: Connection) -> None:
        back = connection.scalar(select(func.min(MessageRow.created_at)).where(*again))
        assert back is not None
        connection.execute(update(MessageRow).where(*again).values(seq=MessageRow.seq + 10))
        row = {
            "conversation_id": "one",
            "seq": 3,
            "role": "note",
            "text": "called her",
            "created_at": back - timedelta(hours=1),
        }
        connection.execute(insert(MessageRow).values(row))
        connection.execute(update(MessageRow).where(MessageRow.seq > 10).values(seq=MessageRow.seq - 9))
        connection.execute(update(ConversationRow).values(last_seq=5))

    store.database.write(note).result()
    total = done(store.figures.of(ADMIN, JUNE, NOW)).total()
    assert (total.confirmed_known, total.durable) == (1, 0)


@pytest.mark.parametrize("word", [Said(thumb=1), Said(reason="thanks", action="small_talk")])
def test_a_good_word_before_the_last_answer_says_nothing_of_it(store: Store, word: Said) -> None:
    write(store, Talk("one", "a", on(2), said=[Said(), word, Said("And the other?")]))
    total = done(store.figures.of(ADMIN, JUNE, NOW)).total()
    assert (total.confirmed, total.silent) == (0, 1)


def test_a_conversation_is_known_seven_days_after_its_last_message(store: Store) -> None:
    write(store, Talk("one", "a", on(2), said=[Said(thumb=1)]))
    ended = on(2) + timedelta(minutes=1, seconds=1)
    for moment, known in ((timedelta(days=7), 1), (timedelta(days=7) - timedelta(seconds=1), 0)):
        total = done(store.figures.of(ADMIN, JUNE, ended + moment)).total()
        assert (total.confirmed, total.confirmed_known, total.durable) == (1, known, known)


def test_an_agent_sees_figures_of_what_she_may_see(store: Store) -> None:
    write(store, Talk("own", "a", on(2)), Talk("theirs", "b", on(2), more={"team_id": team_id(store, "Shipping")}))
    assert done(store.figures.of(AGENT, JUNE, NOW)).total().conversations == 1
    assert done(store.figures.of(ADMIN, JUNE, NOW)).total().conversations == 2


def test_a_period_without_anything_is_all_zeros(store: Store) -> None:
    empty = done(store.figures.of(ADMIN, JUNE, NOW))
    assert empty.total() == Counts()
    assert (empty.waits.seconds, empty.first, empty.topics) == (Quantiles(), Quantiles(), ())


def test_the_moment_counts_who_waits_and_what_stayed_with_the_bot(store: Store) -> None:
    write(
        store,
        Talk("waits", "a", on(30, 8), stays=[Stay()], more={"status": "waiting", "waiting_since": on(30, 9)}),
        Talk("with ann", "b", on(29), stays=[Stay(60, 90)], more={"status": "human"}),
        Talk("kept", "c", on(30, 7)),
    )
    now = done(store.figures.now(ADMIN, on(30, 0)))
    assert (now.waiting, now.waiting_since, now.with_people) == (1, on(30, 9), 1)
    assert (now.begun, now.kept) == (2, 1)


def test_a_transfer_is_part_of_the_same_wait_and_no_stepping_in(store: Store) -> None:
    ann, ben = (done(store.people.add_user(f"{name}@shop.example", name, "agent", COMMAND)) for name in ("Ann", "Ben"))
    bikes = team_id(store, "Bikes")

    def waits() -> Hand:
        chats = store.conversations
        made = done(chats.create_conversation("a", "en"))
        done(chats.add_customer_message(made.id, "a", "Where is it?", "1"))
        done(chats.set_status(made.id, "a", [Status.BOT], Status.WAITING, "customer_asked"))
        asked = update(HandoverRow).where(HandoverRow.conversation_id == made.id)
        store.database.write(
            lambda c: c.execute(asked.values(asked_at=made.created_at - timedelta(hours=1))).rowcount
        ).result()
        return Hand(ann, Actor(ann.id, "ann"), made.id)

    desk, admin = store.desk, replace(ADMIN, id=ann.id)
    to_ben = partial(desk.transfer_to_user, user_id=ben.id, joined=lambda name: lambda _: f"{name} joined")
    to_colleague, to_team, held, alone = (waits() for _ in range(4))
    done(to_ben(to_colleague))
    done(desk.transfer_to_team(to_team, bikes, lambda _: "passed on"))
    done(desk.take(replace(to_team, user=admin, token="t"), lambda _: "joined"))
    done(desk.take(held, lambda _: "joined"))
    done(to_ben(held))
    done(desk.transfer_to_team(alone, bikes, lambda _: "passed on"))
    today = datetime.now(UTC).date()
    waits_now = done(store.figures.of(ADMIN, Span(today - timedelta(days=1), today))).waits
    assert (waits_now.asked, waits_now.stepped_in, waits_now.waiting, waits_now.never) == (4, 0, 1, 0)
    assert (waits_now.seconds.n, waits_now.reasons) == (3, (("customer_asked", 4),))
    assert waits_now.seconds.p50 == pytest.approx(3600, abs=60)

"""What agents do to conversations, over SQLite and a real PostgreSQL: who wins, who sees, what stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import Action, Decision, Mode, Place, Reply, Role, Status
from storage.audit import COMMAND, Actor
from storage.desk_lists import LISTS
from storage.desk_tables import HandoverRow
from storage.opening import Store, open_store
from storage.people import User
from storage.people_tables import TeamRow
from storage.tables import ConversationRow
from storage.taking import Hand

OWNER, OTHER = "a" * 64, "b" * 64
ANSWER = Reply("30 days.", Decision(Action.ANSWER, "precedent", 0.8), Mode.PRECEDENT, "en")
HAND_OVER = Reply("I pass you on.", Decision(Action.HAND_OVER, "repeated", 0.2), Mode.FIXED, "de")


def line(language: str | None) -> str:
    return f"Somebody joined ({language})"


@dataclass
class House:
    store: Store
    ann: User
    ben: User
    boss: User

    def hand(self, user: User, conversation: str, token: str | None = None) -> Hand:
        actor = Actor(user.id, f"{user.id} {user.name}")
        return Hand(user, actor, conversation, token) if token else Hand(user, actor, conversation)

    async def asked(self, owner: str = OWNER, reply: Reply | None = None, language: str | None = None) -> str:
        made = await self.store.conversations.create_conversation(owner, language)
        message, _ = await self.store.conversations.add_customer_message(made.id, owner, "Where is it?", "c1")
        if reply:
            await self.store.conversations.add_reply(made.id, reply, message.seq)
        return made.id

    async def waits(self, owner: str = OWNER, language: str | None = None) -> str:
        key = await self.asked(owner, language=language)
        await self.store.conversations.set_status(key, owner, [Status.BOT], Status.WAITING, "customer_asked")
        return key

    def stays(self, conversation: str) -> list[HandoverRow]:
        query = select(HandoverRow.__table__).where(HandoverRow.conversation_id == conversation).order_by("id")
        return list(self.store.database.read(lambda c: c.execute(query).all()).result())  # type: ignore[arg-type]

    def team(self, name: str, languages: list[str]) -> int:
        row = {"name": name, "languages": languages, "created_at": datetime.now(UTC)}
        return int(
            self.store.database.write(
                lambda c: c.execute(insert(TeamRow).values(row).returning(TeamRow.id)).scalar_one()
            ).result()
        )

    def change(self, conversation: str, **values: object) -> None:
        statement = update(ConversationRow).where(ConversationRow.id == conversation).values(**values)
        self.store.database.write(lambda c: c.execute(statement).rowcount).result()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as store:
        yield House(store, *asyncio.run(_people(store)))


async def _people(store: Store) -> tuple[User, User, User]:
    ann = await store.people.add_user("ann@shop.example", "Ann Lee", "agent", COMMAND)
    ben = await store.people.add_user("ben@shop.example", "Ben Ito", "agent", COMMAND)
    return ann, ben, await store.people.add_user("eve@shop.example", "Eve Boss", "admin", COMMAND)


async def test_a_hand_over_by_the_policy_waits_with_its_reason_and_opens_a_stay(house: House) -> None:
    key = await house.asked(reply=HAND_OVER)
    page = await house.store.desk.page(house.ann, "waiting")
    assert [(i.id, i.reason, i.language, i.status) for i in page.items] == [(key, "repeated", "de", Status.WAITING)]
    assert page.items[0].waiting_since is not None
    (stay,) = house.stays(key)
    assert (stay.reason, stay.taken_at, stay.ended_at) == ("repeated", None, None)


async def test_taking_over_silences_the_bot_tells_the_customer_and_closes_the_question_who(house: House) -> None:
    key = await house.waits()
    await house.store.desk.take(house.hand(house.ann, key), line)
    now = await house.store.conversations.conversation(key, OWNER)
    assert (now.status, now.agent, now.waiting_since) == (Status.HUMAN, "Ann", None)
    assert await house.store.conversations.add_reply(key, ANSWER, 1) is None
    said = await house.store.conversations.messages(key, OWNER)
    assert [(m.role, m.text) for m in said][1:] == [(Role.SYSTEM, "Somebody joined (None)")]
    (stay,) = house.stays(key)
    assert (stay.user_id, stay.taken_at is not None, stay.ended_at) == (house.ann.id, True, None)
    entries = await house.store.audit.entries(target=f"conversation:{key}")
    assert [(e.action, e.actor) for e in entries] == [("conversation.take", f"{house.ann.id} Ann Lee")]


async def test_who_is_too_late_learns_who_has_it_and_who_takes_twice_loses_nothing(house: House) -> None:
    key = await house.waits()
    await house.store.desk.take(house.hand(house.ann, key), line)
    await house.store.desk.take(house.hand(house.ann, key), line)
    with pytest.raises(Conflict, match="Ann has this conversation now"):
        await house.store.desk.take(house.hand(house.ben, key), line)
    assert len(await house.store.conversations.messages(key, OWNER)) == 2
    await house.store.conversations.set_status(key, OWNER, [Status.HUMAN], Status.CLOSED)
    with pytest.raises(Conflict, match="closed by now"):
        await house.store.desk.take(house.hand(house.ben, key), line)


@pytest.mark.parametrize("waiting", [True, False])
async def test_of_a_hundred_pairs_that_race_one_each_wins_and_no_bot_message_follows(
    house: House, waiting: bool
) -> None:
    keys = [await (house.waits() if waiting else house.asked()) for _ in range(100)]
    told: set[str] = set()

    async def takes(user: User, key: str) -> bool:
        try:
            await house.store.desk.take(house.hand(user, key), line)
        except Conflict as error:
            told.add(str(error))
            return False
        return True

    async def race(key: str) -> tuple[list[bool], object]:
        ann, ben, reply = await asyncio.gather(
            takes(house.ann, key), takes(house.ben, key), house.store.conversations.add_reply(key, ANSWER, 1)
        )
        return [ann, ben], reply

    results = await asyncio.gather(*map(race, keys))
    assert [sum(taken) for taken, _ in results] == [1] * 100
    assert told <= {"Ann has this conversation now.", "Ben has this conversation now."}
    for key, (taken, reply) in zip(keys, results, strict=True):
        roles = [m.role for m in await house.store.conversations.messages(key, OWNER)]
        joined = roles.index(Role.SYSTEM)
        assert Role.BOT not in roles[joined:]
        assert (Role.BOT in roles) == (reply is not None)
        winner = house.ann if taken[0] else house.ben
        assert (await house.store.desk.item(house.boss, key)).user_id == winner.id
        assert len(house.stays(key)) == 1


async def test_an_agents_message_sent_again_is_the_same_and_only_the_holder_may_write(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    with pytest.raises(Conflict, match="take it over first"):
        await desk.say(house.hand(house.ann, key, "m1"), "Hello")
    await desk.take(house.hand(house.ann, key), line)
    first, new = await desk.say(house.hand(house.ann, key, "m1"), "Hello")
    again, new_again = await desk.say(house.hand(house.ann, key, "m1"), "Hello")
    assert (first, new, new_again) == (again, True, False)
    assert (first.role, first.author) == (Role.AGENT, "Ann")
    with pytest.raises(Conflict, match="another text"):
        await desk.say(house.hand(house.ann, key, "m1"), "Hello!")
    with pytest.raises(Conflict, match="Ann has this conversation"):
        await desk.say(house.hand(house.ben, key, "m1"), "Hello")
    await desk.close(house.hand(house.ann, key), line)
    with pytest.raises(Conflict, match="closed by now"):
        await desk.say(house.hand(house.ann, key, "m2"), "Still there?")


async def test_a_note_sent_twice_is_one_and_may_be_left_anywhere(house: House) -> None:
    key, desk = await house.asked(reply=ANSWER), house.store.desk
    first, new = await desk.note(house.hand(house.ben, key, "n1"), "Wholesale customer")
    assert await desk.note(house.hand(house.ben, key, "n1"), "Wholesale customer") == (first, False)
    assert (new, first.role, first.author) == (True, Role.NOTE, "Ben Ito")
    team = await desk.messages(house.ann, key)
    assert [m.role for m in team] == [Role.CUSTOMER, Role.BOT, Role.NOTE]
    assert team[1].reply is not None
    assert team[1].reply.decision.confidence == 0.8


async def test_back_to_the_bot_lets_it_answer_again(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    await desk.take(house.hand(house.ann, key), line)
    with pytest.raises(Conflict, match="Ann has"):
        await desk.give_back(house.hand(house.ben, key), line)
    back = house.hand(house.ann, key)
    await desk.give_back(back, line)
    await desk.give_back(back, line)  # the same write again
    now = await house.store.conversations.conversation(key, OWNER)
    assert (now.status, now.agent, now.handover_reason) == (Status.BOT, None, None)
    assert [s.ended for s in house.stays(key)] == ["bot"]
    assert await house.store.conversations.add_reply(key, ANSWER, 1) is not None
    with pytest.raises(Conflict, match="assistant has this conversation"):
        await desk.give_back(house.hand(house.ann, key), line)


async def test_an_admin_can_free_what_an_agent_left_behind(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    await desk.take(house.hand(house.ann, key), line)
    await desk.transfer_to_user(house.hand(house.boss, key), house.ben.id, lambda name: lambda _: f"{name} joined")
    assert (await desk.item(house.ben, key)).agent == "Ben"
    await desk.close(house.hand(house.boss, key), line)
    assert (await house.store.conversations.conversation(key, OWNER)).status is Status.CLOSED


async def test_a_transfer_names_who_in_a_note_and_begins_a_new_stay(house: House) -> None:
    key, desk, team = await house.waits(), house.store.desk, house.team("Bikes", [])
    await desk.take(house.hand(house.ann, key), line)
    await desk.transfer_to_user(
        house.hand(house.ann, key), house.ben.id, lambda name: lambda _: f"{name} joined", "knows tents"
    )
    assert (await desk.item(house.ben, key)).user_id == house.ben.id
    await desk.transfer_to_team(house.hand(house.ben, key), team, line)
    said = await desk.messages(house.boss, key)
    assert [(m.role, m.text) for m in said[2:]] == [
        (Role.NOTE, "Transferred to Ben Ito: knows tents"),
        (Role.SYSTEM, "Ben joined"),
        (Role.NOTE, "Transferred to the team Bikes."),
        (Role.SYSTEM, "Somebody joined (None)"),
    ]
    assert [(s.ended, s.user_id, s.reason) for s in house.stays(key)] == [
        ("transferred", house.ann.id, "customer_asked"),
        ("transferred", house.ben.id, "transferred"),
        (None, None, "transferred"),
    ]
    with pytest.raises(NotFound):  # it is the other team's now
        await desk.item(house.ben, key)
    with pytest.raises(BadInput, match="no such colleague"):
        await desk.transfer_to_user(house.hand(house.boss, key), 999, lambda _: line)
    with pytest.raises(BadInput, match="no such team"):
        await desk.transfer_to_team(house.hand(house.boss, key), 999, line)


async def test_who_waits_and_is_passed_to_a_colleague_was_one_hand_over(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    await desk.transfer_to_user(house.hand(house.ann, key), house.ben.id, lambda name: lambda _: f"{name} joined")
    (stay,) = house.stays(key)
    assert (stay.reason, stay.user_id, stay.ended_at) == ("customer_asked", house.ben.id, None)
    assert stay.taken_at is not None
    assert stay.taken_at > stay.asked_at


async def test_who_waits_for_the_wrong_team_keeps_her_place_in_the_line_of_the_right_one(house: House) -> None:
    desk, bikes = house.store.desk, house.team("Bikes", [])
    begun = datetime.now(UTC) - timedelta(minutes=20)
    key = await house.waits()
    house.change(key, waiting_since=begun)
    later = await house.waits(OTHER)
    house.change(later, waiting_since=begun + timedelta(minutes=1), team_id=bikes)
    asked = house.stays(key)[0].asked_at
    await desk.transfer_to_team(house.hand(house.ann, key), bikes, line)
    line_of_bikes = (await desk.page(house.boss, "waiting")).items
    assert [(item.id, item.team_id) for item in line_of_bikes] == [(key, bikes), (later, bikes)]
    assert (line_of_bikes[0].waiting_since, line_of_bikes[0].reason) == (begun, "customer_asked")
    (stay,) = house.stays(key)
    assert (stay.asked_at, stay.taken_at, stay.ended_at) == (asked, None, None)


async def test_what_its_holder_cannot_see_once_it_is_back_is_answered_at_the_next_start(house: House) -> None:
    desk, live = house.store.desk, house.store.conversations
    bikes, boats = house.team("Bikes", []), house.team("Boats", [])
    cleo = await house.store.people.add_user("cleo@shop.example", "Cleo", "agent", COMMAND, team_id=bikes)
    key = await house.waits()
    house.change(key, team_id=boats)
    await desk.transfer_to_user(house.hand(house.boss, key), cleo.id, lambda name: lambda _: f"{name} joined")
    await desk.give_back(house.hand(cleo, key), line)
    await desk.note(house.hand(house.boss, key, "n"), "nobody has answered her")
    with pytest.raises(NotFound):
        await desk.item(cleo, key)
    assert [(m.conversation_id, m.seq) for m in await live.unanswered()] == [(key, 1)]
    assert await live.add_reply(key, ANSWER, 1) is not None
    assert await live.unanswered() == []


async def test_a_tags_words_are_not_in_the_audit_log(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    for remove in (False, True):
        await desk.tag(house.hand(house.ann, key), "kim miller", remove=remove)
    entries = await house.store.audit.entries(target=f"conversation:{key}")
    assert [(entry.action, dict(entry.detail)) for entry in entries] == [
        ("conversation.untag", {}),
        ("conversation.tag", {}),
    ]


async def test_who_waits_is_told_how_long_it_took_lately_in_her_own_line(house: House) -> None:
    bikes, boats = house.team("Bikes", []), house.team("Boats", [])
    now, place = datetime.now(UTC), house.store.conversations.place_in_line

    async def waited(minutes: float, days_ago: int = 1, team: int | None = None) -> None:
        key, asked = await house.waits(OTHER), now - timedelta(days=days_ago)
        house.change(key, status=Status.CLOSED.value, waiting_since=None, team_id=team)
        taken = {"asked_at": asked, "taken_at": asked + timedelta(minutes=minutes), "ended_at": now, "ended": "closed"}
        which = HandoverRow.conversation_id == key
        house.store.database.write(lambda c: c.execute(update(HandoverRow).where(which).values(taken))).result()

    key = await house.waits()
    for minutes in (2, 3, 9, 40):
        await waited(minutes)
    await waited(0)  # an agent who came unasked kept nobody waiting
    await waited(600, days_ago=8)
    assert await place(key, OWNER) == Place(0)
    await waited(4)
    assert await place(key, OWNER) == Place(0, 240.0)
    for _ in range(5):
        await waited(1, team=boats)
    house.change(key, team_id=bikes)
    assert await place(key, OWNER) == Place(0, 240.0)
    for team, begun in ((boats, 3), (None, 2), (bikes, 1)):
        other = await house.waits(OTHER)
        house.change(other, team_id=team, waiting_since=now - timedelta(minutes=begun))
    assert await place(key, OWNER) == Place(2, 240.0)
    house.change(key, team_id=boats)
    assert await place(key, OWNER) == Place(2, 90.0)


async def test_a_hand_over_goes_to_the_team_that_speaks_its_language(house: House) -> None:
    german = house.team("Deutsch", ["de", "at"])
    key = await house.asked(reply=HAND_OVER)
    assert (await house.store.desk.item(house.boss, key)).team_id == german
    with pytest.raises(NotFound):
        await house.store.desk.item(house.ann, key)
    other = await house.waits(language="fr")
    assert (await house.store.desk.item(house.ann, other)).team_id is None


async def test_others_teams_conversations_do_not_exist_for_an_agent(house: House) -> None:
    bikes, boats = house.team("Bikes", []), house.team("Boats", [])
    desk = house.store.desk
    cleo = await house.store.people.add_user("cleo@shop.example", "Cleo", "agent", COMMAND, team_id=bikes)
    key = await house.waits()
    house.change(key, team_id=boats)
    for act in (
        desk.item(cleo, key), desk.messages(cleo, key), desk.facts(cleo, key), desk.take(house.hand(cleo, key), line),
        desk.say(house.hand(cleo, key, "m"), "x"), desk.note(house.hand(cleo, key, "n"), "x"),
        desk.give_back(house.hand(cleo, key), line), desk.close(house.hand(cleo, key), line),
        desk.tag(house.hand(cleo, key), "x"), desk.transfer_to_team(house.hand(cleo, key), bikes, line),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await act
    assert (await desk.page(cleo, "waiting")).items == ()
    assert (await desk.counts(cleo))["waiting"] == 0
    assert await desk.visible(cleo, [key]) == set()
    house.change(key, team_id=bikes)
    assert [i.id for i in (await desk.page(cleo, "waiting")).items] == [key]


async def test_lists_page_on_without_a_gap_or_a_double(house: House) -> None:
    keys = [await house.waits() for _ in range(7)]
    at = datetime.now(UTC) - timedelta(hours=1)
    for key in keys[:4]:  # the same moment: the id decides
        house.change(key, waiting_since=at, updated_at=at)
    for which in ("waiting", "closed"):
        if which == "closed":
            for key in keys:
                house.change(key, status="closed", waiting_since=None)
        found, after = [], None
        while True:
            page = await house.store.desk.page(house.ann, which, after, limit=2)
            found += [item.id for item in page.items]
            if (after := page.after) is None:
                break
        assert sorted(found) == sorted(keys)
        assert set(found[:4] if which == "waiting" else found[3:]) == set(keys[:4])


async def test_each_conversation_is_in_its_list_and_empty_ones_in_none(house: House) -> None:
    desk = house.store.desk
    waiting, bot = await house.waits(), await house.asked()
    mine, closed = await house.waits(), await house.waits()
    await desk.take(house.hand(house.ann, mine), line)
    await desk.close(house.hand(house.ann, closed), line)
    await house.store.conversations.create_conversation(OTHER)
    lists = {name: [i.id for i in (await desk.page(house.ann, name)).items] for name in LISTS}
    assert lists == {"mine": [mine], "waiting": [waiting], "others": [], "bot": [bot], "closed": [closed]}
    assert await desk.counts(house.ann) == {"mine": 1, "waiting": 1, "others": 0, "bot": 1, "closed": 1}
    assert [i.id for i in (await desk.page(house.ben, "others")).items] == [mine]
    assert (await desk.counts(house.ben))["mine"] == 0


async def test_however_many_notes_stand_after_it_the_customers_message_is_what_a_turn_sees(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    for number in range(15):
        await desk.note(house.hand(house.ann, key, f"n{number}"), "she has called, too")
    seen = await house.store.conversations.recent(key, 12)
    assert [(one.role, one.text) for one in seen if one.role is not Role.SYSTEM] == [(Role.CUSTOMER, "Where is it?")]


async def test_a_list_shows_who_spoke_last_and_what_the_customer_said_but_no_note(house: House) -> None:
    key, desk = await house.asked(reply=ANSWER), house.store.desk
    await desk.note(house.hand(house.ann, key, "n"), "internal")
    (item,) = (await desk.page(house.ann, "bot")).items
    assert (item.last_role, item.preview, item.customer) == (Role.BOT, "Where is it?", OWNER[:6])


async def test_facts_tell_of_the_same_customers_other_conversations_only(house: House) -> None:
    desk, live = house.store.desk, house.store.conversations
    first = await house.asked()
    await live.rate(first, OWNER, 4)
    await house.asked(OTHER)
    key = await house.waits()
    await live.leave_contact(key, OWNER, "kim@mail.example")
    await desk.tag(house.hand(house.ann, key), " VIP  Customer ")
    await desk.tag(house.hand(house.ann, key), "vip customer")
    await desk.tag(house.hand(house.ann, key), "boots")
    await desk.tag(house.hand(house.ann, key), "boots", remove=True)
    facts = await desk.facts(house.ann, key)
    assert [item.id for item in facts.earlier] == [first]
    assert (facts.conversations, facts.ratings, facts.contact) == (2, (4,), "kim@mail.example")
    assert facts.tags == ("vip customer",)
    assert house.stays(key)[0].contact is True


async def test_the_mood_runs_with_the_messages_and_a_retry_moves_it_once(house: House) -> None:
    live = house.store.conversations
    made = await live.create_conversation(OWNER)
    await live.add_customer_message(made.id, OWNER, "This is awful", "c1", -1.0)
    await live.add_customer_message(made.id, OWNER, "This is awful", "c1", -1.0)
    assert (await house.store.desk.item(house.ann, made.id)).mood == pytest.approx(-1.0)
    await live.add_customer_message(made.id, OWNER, "fine", "c2", 0.5)
    await live.add_customer_message(made.id, OWNER, "fine", "c2", 0.5)
    assert (await house.store.desk.item(house.ann, made.id)).mood == pytest.approx(-0.6 + 0.2)


async def test_who_waits_is_told_each_thing_once_and_nobody_else_is(house: House) -> None:
    key, desk = await house.waits(), house.store.desk
    assert await desk.waiting_longer(datetime.now(UTC) - timedelta(minutes=1)) == []
    assert [c.id for c in await desk.waiting_longer(datetime.now(UTC) + timedelta(minutes=1))] == [key]
    told = await desk.tell_waiting(key, "Nobody is here now.", "away")
    assert told is not None
    assert told.role is Role.SYSTEM
    assert await desk.tell_waiting(key, "Nobody is here now.", "away") is None
    assert await desk.tell_waiting(key, "Still nobody.", "long") is not None
    await desk.take(house.hand(house.ann, key), line)
    assert await desk.tell_waiting(key, "x", "other") is None
    assert await desk.waiting(key) is None


async def test_who_is_in_the_hands_of_somebody_gone_waits_again_and_nobody_else(house: House) -> None:
    desk, live = house.store.desk, house.store.conversations
    alone, answered, bens = [await house.waits() for _ in range(3)]
    for key in (alone, answered):
        await desk.take(house.hand(house.ann, key), line)
    await desk.take(house.hand(house.ben, bens), line)
    await desk.say(house.hand(house.ann, answered, "m1"), "It is on its way.")
    now, later = datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1)
    assert await desk.left_alone([], now) == []
    assert await desk.left_alone([house.ann.id, house.ben.id], later) == []
    assert await desk.left_alone([house.ben.id], later) == [(alone, house.ann.id)]
    await live.add_customer_message(answered, OWNER, "And my other parcel?", "c2")
    assert {key for key, _ in await desk.left_alone([house.ben.id], later)} == {alone, answered}
    await house.store.people.disable(house.ben.id, COMMAND)
    assert await desk.left_alone([house.ann.id, house.ben.id], now) == [(bens, house.ben.id)]

    assert await desk.free(bens, house.ben.id, line)
    assert not await desk.free(bens, house.ben.id, line)
    freed = await desk.item(house.ann, bens)
    assert (freed.status, freed.reason, freed.agent, freed.user_id) == (Status.WAITING, "agent_left", None, None)
    first, second = house.stays(bens)
    assert (first.ended, second.reason, second.taken_at) == ("transferred", "agent_left", None)
    await desk.take(house.hand(house.ann, bens), line)
    assert not await desk.free(bens, house.ben.id, line)
    assert (await desk.item(house.ann, bens)).agent == "Ann"

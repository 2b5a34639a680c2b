"""Canned answers and what was taken of the copilot's offers, over SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from chatbot.errors import BadInput, Conflict, NotAllowed, NotFound
from chatbot.types import Role
from storage.audit import COMMAND, Actor
from storage.canned import LONGEST, Wording
from storage.copilot import Use
from storage.desk_tables import CannedRow, CopilotUseRow
from storage.opening import Store, open_store
from storage.people import User
from storage.people_tables import TeamRow, UserRow
from storage.taking import Hand

OWNER = "a" * 64
HI = Wording("hi", "Hello {customer_name}!")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@dataclass
class House:
    store: Store
    people: dict[str, User] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("Returns", "Shipping"):
            self.teams[name] = run(self.store.teams.add(name, [], COMMAND)).id
        team = self.teams["Returns"], self.teams["Shipping"], None, None
        for name, role, number in zip(("ann", "ben", "una", "boss"), ("agent",) * 3 + ("admin",), team, strict=True):
            added = self.store.people.add_user(f"{name}@shop.example", name.title(), role, COMMAND, team_id=number)  # type: ignore[arg-type]
            self.people[name] = run(added)

    def actor(self, name: str) -> Actor:
        return Actor(self.people[name].id, name)

    def add(self, name: str, wording: Wording) -> int:
        return int(run(self.store.canned.add(self.people[name], self.actor(name), wording)).id)

    def seen(self, name: str, language: str | None = None) -> list[str]:
        return [one.wording.shortcut for one in run(self.store.canned.all(self.people[name], language))]

    def rows(self, table: Any) -> int:
        return int(
            self.store.database.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()).result()
        )

    def said(self, text: str, token: str) -> str:
        """A conversation in Ann's hands with a message of hers."""

        async def take() -> str:
            made = await self.store.conversations.create_conversation(OWNER)
            await self.store.conversations.add_customer_message(made.id, OWNER, "How long?", "c1")
            hand = Hand(self.people["ann"], self.actor("ann"), made.id)
            await self.store.desk.take(hand, lambda _: "joined")
            await self.store.desk.say(Hand(self.people["ann"], self.actor("ann"), made.id, token), text)
            return made.id

        return str(run(take()))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as store:
        yield House(store)


def test_one_sees_the_own_teams_and_everybodys_and_an_admin_all(house: House) -> None:
    house.add("boss", Wording("everybody", "For all."))
    house.add("ann", Wording("ours", "Of Returns.", team_id=house.teams["Returns"]))
    assert house.seen("ann") == ["everybody", "ours"]
    assert house.seen("ben") == house.seen("una") == ["everybody"]
    assert house.seen("boss") == ["everybody", "ours"]


def test_the_conversations_language_comes_first_then_any(house: House) -> None:
    for shortcut, language in (("a-english", "en"), ("b-german", "de"), ("c-any", None)):
        house.add("boss", Wording(shortcut, "Text.", language))
    assert house.seen("ann", "de") == ["b-german", "c-any", "a-english"]
    assert house.seen("ann") == ["c-any", "a-english", "b-german"]


def test_a_shortcut_stands_once_a_team_and_language(house: House) -> None:
    house.add("boss", HI)
    with pytest.raises(Conflict, match="/hi"):
        house.add("boss", Wording("/HI", "Again"))
    house.add("boss", Wording("hi", "Hallo!", "de"))
    mine = house.add("ann", Wording("hi", "Hi from Returns", team_id=house.teams["Returns"]))
    with pytest.raises(Conflict, match="/hi"):
        run(house.store.canned.change(house.people["boss"], house.actor("boss"), mine, HI))
    assert house.rows(CannedRow) == 3


def test_only_the_own_teams_are_changed(house: House) -> None:
    everybodys = house.add("boss", HI)
    ours = house.add("ann", Wording("ours", "Of Returns.", team_id=house.teams["Returns"]))
    canned, ann, ben = house.store.canned, house.people["ann"], house.people["ben"]
    with pytest.raises(NotAllowed):
        run(canned.add(ann, house.actor("ann"), Wording("other", "x", team_id=house.teams["Shipping"])))
    with pytest.raises(NotAllowed):
        run(canned.change(ann, house.actor("ann"), everybodys, Wording("hi", "Mine now")))
    with pytest.raises(NotAllowed):  # nor is the own one pushed on everybody
        run(canned.change(ann, house.actor("ann"), ours, Wording("ours", "x")))
    with pytest.raises(NotAllowed):
        run(canned.delete(ann, house.actor("ann"), everybodys))
    with pytest.raises(NotFound):  # what one does not see is not there
        run(canned.change(ben, house.actor("ben"), ours, Wording("ours", "x", team_id=house.teams["Shipping"])))
    with pytest.raises(NotFound):
        run(canned.delete(ben, house.actor("ben"), ours))
    owns = {one.wording.shortcut: one.own for one in run(canned.all(ann))}
    assert owns == {"hi": False, "ours": True}


def test_who_has_no_team_changes_everybodys_only_where_there_are_no_teams(house: House) -> None:
    everybodys, canned, actor, lone = house.add("boss", HI), house.store.canned, house.actor("una"), house.people["una"]
    for refused in (
        canned.add(lone, actor, Wording("new", "x")),
        canned.change(lone, actor, everybodys, Wording("hi", "Mine now")),
        canned.delete(lone, actor, everybodys),
    ):
        with pytest.raises(NotAllowed):
            run(refused)
    assert [(one.wording.text, one.own) for one in run(canned.all(lone))] == [(HI.text, False)]
    for change in (update(UserRow).values(team_id=None), delete(TeamRow)):
        house.store.database.write(lambda c, change=change: c.execute(change)).result()
    assert run(canned.change(lone, actor, everybodys, Wording("hi", "Ours now"))).own
    run(canned.delete(lone, actor, everybodys))
    assert run(canned.all(lone)) == []


def test_change_and_delete_leave_a_trace_without_the_text(house: House) -> None:
    number = house.add("boss", HI)
    changed = run(
        house.store.canned.change(
            house.people["boss"], house.actor("boss"), number, Wording("hello", "Good day!", "en")
        )
    )
    assert (changed.wording, changed.author) == (Wording("hello", "Good day!", "en"), "Boss")
    run(house.store.canned.delete(house.people["boss"], house.actor("boss"), number))
    trail = run(house.store.audit.entries(target=f"canned:{number}"))
    assert [entry.action for entry in trail] == ["canned.delete", "canned.change", "canned.add"]
    assert "Good day" not in str(trail)
    with pytest.raises(NotFound):
        run(house.store.canned.delete(house.people["boss"], house.actor("boss"), number))


def test_a_team_takes_its_answers_along(house: House) -> None:
    house.add("ann", Wording("ours", "Of Returns.", team_id=house.teams["Returns"]))
    gone = delete(TeamRow).where(TeamRow.id == house.teams["Returns"])
    house.store.database.write(lambda c: c.execute(gone)).result()
    assert house.rows(CannedRow) == 0


@pytest.mark.parametrize(
    ("wording", "why"),
    [
        (Wording("two words", "x"), "shortcut"),
        (Wording("", "x"), "shortcut"),
        (Wording("a" * 41, "x"), "shortcut"),
        (Wording("<b>", "x"), "shortcut"),
        (Wording("ok", "  "), "empty"),
        (Wording("ok", "x" * (LONGEST + 1)), str(LONGEST)),
        (Wording("ok", "x\x00"), "NUL"),
        (Wording("ok", "x", "german"), "language"),
    ],
)
def test_what_cannot_be_an_answer_is_refused(house: House, wording: Wording, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        house.add("boss", wording)
    assert house.rows(CannedRow) == 0


def test_a_team_that_does_not_exist_is_said(house: House) -> None:
    with pytest.raises(NotFound, match="team"):
        house.add("boss", Wording("hi", "x", team_id=987654))


def test_what_was_taken_of_an_offer_is_kept_with_the_message_and_goes_with_it(house: House) -> None:
    conversation = house.said("30 days, tags on.", "t1")
    ann, copilot = house.people["ann"], house.store.copilot
    message = run(copilot.sent(ann, conversation, "t1"))
    assert (message.role, message.text) == (Role.AGENT, "30 days, tags on.")
    run(copilot.keep(message, Use("30 days.", "30 days, tags on.", ("p1",))))
    run(copilot.keep(message, Use("30 days!", "30 days, tags on.", ("p1", "p2"), "adapted")))
    assert run(copilot.latest()) == [Use("30 days!", "30 days, tags on.", ("p1", "p2"), "adapted")]
    run(house.store.conversations.delete_owner(OWNER))
    assert house.rows(CopilotUseRow) == 0
    with pytest.raises(NotFound):
        run(copilot.keep(message, Use("a", "b")))


def test_others_messages_and_conversations_are_not_there(house: House) -> None:
    conversation = house.said("30 days.", "t1")
    for name, token in (("ben", "t1"), ("ann", "t2"), ("boss", "t1")):
        with pytest.raises(NotFound):
            run(house.store.copilot.sent(house.people[name], conversation, token))
    with pytest.raises(NotFound):
        run(house.store.copilot.sent(house.people["ann"], "nowhere", "t1"))

"""The live desk's routes and its stream: who sees what, what a conflict says, what customers are never told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from starlette.requests import Request

from chatbot.types import Event, EventKind, Status
from storage.audit import COMMAND
from storage.tables import ConversationRow
from tests.staff import COOKIE, House, Member, done, house, served, sign_in, team_id
from ui.events import Signal, Window
from ui.identity import open_identity
from ui.staff import desk_events
from ui.staff.desk_events import desk_stream
from ui.staff.gate import Gate
from ui.staff.parts import StaffParts
from ui.staff.signin import SignIn

API = "/agents/api/desk"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def waits(site: House, text: str = "Where is it?", team: int | None = None) -> tuple[str, dict[str, str]]:
    """A conversation that waits, and its customer's headers."""
    identity = open_identity(site.parts.settings)
    token = identity.new_token()
    headers = {"authorization": f"Bearer {token}"}
    owner = identity.owner_of(token)
    assert owner is not None
    live = site.store.conversations
    made = done(live.create_conversation(owner, "en"))
    done(live.add_customer_message(made.id, owner, text, "c1"))
    done(live.set_status(made.id, owner, [Status.BOT], Status.WAITING, "customer_asked"))
    if team is not None:
        moved = update(ConversationRow).where(ConversationRow.id == made.id).values(team_id=team)
        site.store.database.write(lambda c: c.execute(moved).rowcount).result()
    return made.id, headers


def post(site: House, who: Member, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = site.client.post(f"{API}/conversations/{path}", json=body, headers=who.headers)
    return answer.status_code, answer.json()


def test_the_whole_way_over_http(site: House) -> None:
    key, customer = waits(site)
    ann = sign_in(site.store)
    listed = site.client.get(f"{API}/list", params={"which": "waiting"}, headers=ann.headers).json()
    assert [(i["id"], i["reason"], i["preview"]) for i in listed["items"]] == [(key, "customer_asked", "Where is it?")]
    assert listed["counts"] == {"mine": 0, "waiting": 1, "others": 0, "bot": 0, "closed": 0}
    status, taken = post(site, ann, f"{key}/take")
    assert (status, taken["status"], taken["agent"]) == (200, "human", "Ann")
    status, said = post(site, ann, f"{key}/messages", {"text": " On its way. ", "client_id": "m1"})
    assert (status, said["role"], said["text"], said["author"]) == (200, "agent", "On its way.", "Ann")
    post(site, ann, f"{key}/notes", {"text": "secret of the house", "client_id": "n1"})
    seen = site.client.get(f"/api/v1/conversations/{key}/messages", headers=customer).json()
    assert [m["role"] for m in seen["messages"]] == ["customer", "system", "agent"]
    assert seen["conversation"]["agent"] == "Ann"
    whole = site.client.get(f"{API}/conversations/{key}", headers=ann.headers).json()
    assert [m["role"] for m in whole["messages"]] == ["customer", "system", "agent", "note"]
    later = site.client.get(f"{API}/conversations/{key}", params={"after": 3}, headers=ann.headers).json()
    assert [m["text"] for m in later["messages"]] == ["secret of the house"]
    assert "secret" not in json.dumps(site.client.get("/api/v1/me", headers=customer).json())
    status, closed = post(site, ann, f"{key}/close")
    assert (status, closed["status"]) == (200, "closed")


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-05-01T00:00:00", "x"]
)
@pytest.mark.parametrize("which", ["waiting", "mine", "closed"])
def test_a_place_in_a_list_that_cannot_be_is_told_so(site: House, moment: str, which: str) -> None:
    ann = sign_in(site.store)
    asked = {"which": which, "after": f"{moment}|x"}
    answer = site.client.get(f"{API}/list", params=asked, headers=ann.headers)
    assert (answer.status_code, "after" in answer.json()["error"]["message"]) == (422, True)


def test_a_conflict_says_who_has_it(site: House) -> None:
    key, _ = waits(site)
    ann, ben = sign_in(site.store, name="Ann Lee"), sign_in(site.store, name="Ben Ito")
    post(site, ann, f"{key}/take")
    for path, body in (
        ("take", None),
        ("messages", {"text": "x", "client_id": "1"}),
        ("return", None),
        ("close", None),
    ):
        status, answer = post(site, ben, f"{key}/{path}", body)
        assert (status, answer["error"]["message"]) == (409, "Ann has this conversation now.")


def test_a_message_sent_twice_is_one_and_long_or_empty_ones_are_refused(site: House) -> None:
    key, _ = waits(site)
    ann = sign_in(site.store)
    post(site, ann, f"{key}/take")
    one, again = (post(site, ann, f"{key}/messages", {"text": "Hello", "client_id": "m1"}) for _ in range(2))
    assert one == again
    assert post(site, ann, f"{key}/messages", {"text": "  ", "client_id": "m2"})[0] == 422
    assert post(site, ann, f"{key}/messages", {"text": "x" * 4001, "client_id": "m3"})[0] == 413
    assert post(site, ann, f"{key}/notes", {"text": "a\x00b", "client_id": "m4"})[0] == 422
    assert post(site, ann, f"{key}/transfer", {})[0] == 422
    assert post(site, ann, f"{key}/transfer", {"user_id": 1, "team_id": 1})[0] == 422
    assert (
        site.client.get(f"{API}/list", params={"which": "mine", "after": "x|y"}, headers=ann.headers).status_code == 422
    )
    assert site.client.get(f"{API}/list", params={"which": "all"}, headers=ann.headers).status_code == 422


def moved_by_a_colleague(site: House, key: str, ben: Member) -> None:
    ann = sign_in(site.store, team="red", name="Ann Lee")
    post(site, ann, f"{key}/take")
    assert post(site, ann, f"{key}/transfer", {"user_id": ben.user.id})[0] == 200


def moved_by_an_admin(site: House, key: str, ben: Member) -> None:
    done(site.store.people.set_team(ben.user.id, team_id(site.store, "red"), COMMAND))
    assert post(site, ben, f"{key}/take")[0] == 200
    done(site.store.people.set_team(ben.user.id, team_id(site.store, "blue"), COMMAND))


@pytest.mark.parametrize("passed", [moved_by_a_colleague, moved_by_an_admin])
def test_what_is_given_back_out_of_the_holders_sight_is_told_and_answered(
    site: House, passed: Callable[[House, str, Member], None]
) -> None:
    key, customer = waits(site, team=team_id(site.store, "red"))
    ben = sign_in(site.store, team="blue", name="Ben Ito")
    passed(site, key, ben)
    rung: list[Event] = []
    site.parts.hub.listen(rung.append)
    assert post(site, ben, f"{key}/return") == (200, {"id": key, "out_of_sight": True})
    assert (EventKind.STATUS, "bot") in {(event.kind, event.text) for event in rung}
    assert EventKind.MESSAGE in {event.kind for event in rung}
    deadline = time.monotonic() + 10
    while True:
        seen = site.client.get(f"/api/v1/conversations/{key}/messages", headers=customer).json()
        if seen["messages"][-1]["role"] == "bot":
            break
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
    assert seen["conversation"]["status"] == "bot"
    assert post(site, ben, f"{key}/take")[0] == 404


def test_what_its_holder_closes_stays_in_her_sight(site: House) -> None:
    key, _ = waits(site, team=team_id(site.store, "red"))
    ben = sign_in(site.store, team="blue", name="Ben Ito")
    moved_by_a_colleague(site, key, ben)
    status, closed = post(site, ben, f"{key}/close")
    assert (status, closed["status"]) == (200, "closed")


def test_of_twenty_pairs_who_take_over_at_once_one_each_wins_over_http(tmp_path: Path) -> None:
    pairs = 20
    with served(tmp_path, pace_s=0.02) as (url, store), httpx.Client(base_url=url, timeout=30) as http:
        team = {name: sign_in(store, name=f"{name} Lee") for name in ("Ann", "Ben")}
        with ThreadPoolExecutor(3 * pairs) as threads:
            races = [threads.submit(_race, http, team, threads, waiting=n % 2 == 0) for n in range(pairs)]
            results = [race.result() for race in races]
        time.sleep(0.5)  # a reply that went on being written would be whole by now
        for path, headers, takes in results:
            assert sorted(answer.status_code for answer in takes.values()) == [200, 409]
            [winner] = [name for name, answer in takes.items() if answer.status_code == 200]
            [refused] = [answer for answer in takes.values() if answer.status_code == 409]
            assert refused.json()["error"]["message"] == f"{winner} has this conversation now."
            found = http.get(f"{path}/messages", headers=headers).json()
            assert found["conversation"]["agent"] == winner
            roles = [message["role"] for message in found["messages"]]
            joined = len(roles) - 1 - roles[::-1].index("system")
            assert "bot" not in roles[joined:]


def _race(
    http: httpx.Client, team: dict[str, Member], threads: ThreadPoolExecutor, *, waiting: bool
) -> tuple[str, dict[str, str], dict[str, httpx.Response]]:
    """A new conversation's path and its customer's headers, and what each of the team was told who took it at the same
    moment: while it waited, or while the bot was about to answer."""
    made = http.post("/api/v1/conversations", json={"language": "en"}).raise_for_status().json()
    path, headers = f"/api/v1/conversations/{made['id']}", {"authorization": f"Bearer {made['token']}"}
    if waiting:
        http.post(f"{path}/person", headers=headers).raise_for_status()
    else:
        body = {"text": "Where is my parcel?", "client_message_id": "race"}
        threads.submit(http.post, f"{path}/messages", json=body, headers=headers)
    start = threading.Barrier(2)

    def take(member: Member) -> httpx.Response:
        start.wait(10)
        return http.post(f"{API}/conversations/{made['id']}/take", headers=member.headers)

    with ThreadPoolExecutor(2) as two:
        takes = {name: two.submit(take, member) for name, member in team.items()}
        return path, headers, {name: each.result() for name, each in takes.items()}


def test_each_view_is_in_the_audit_log_once_for_a_while(site: House) -> None:
    key, _ = waits(site)
    ann = sign_in(site.store)
    for after in (0, 0, 1):
        site.client.get(f"{API}/conversations/{key}", params={"after": after}, headers=ann.headers)
    views = [e for e in done(site.store.audit.entries(target=f"conversation:{key}")) if e.action == "transcript.view"]
    assert [entry.actor for entry in views] == [f"{ann.user.id} Ann Lee"]


def test_what_a_list_shows_is_in_the_audit_log_once_for_a_while(site: House) -> None:
    first, ann, ben = waits(site)[0], sign_in(site.store), sign_in(site.store, name="Ben Ito")

    def look(who: Member) -> None:
        shown = site.client.get(f"{API}/list", params={"which": "waiting"}, headers=who.headers).json()["items"]
        assert all(item["preview"] for item in shown)

    look(ann)
    look(ann)
    second = waits(site)[0]
    look(ann)
    look(ben)
    found = done(site.store.audit.entries(action="transcript.preview"))[::-1]
    assert [(entry.actor, sorted(entry.detail["conversations"])) for entry in found] == [
        (f"{ann.user.id} Ann Lee", [first]),
        (f"{ann.user.id} Ann Lee", [second]),
        (f"{ben.user.id} Ben Ito", sorted([first, second])),
    ]
    assert {entry.detail["where"] for entry in found} == {"desk.waiting"}
    assert len(done(site.store.audit.entries(target=f"conversation:{second}", action="transcript.preview"))) == 2


def test_colleagues_are_named_with_who_is_here(site: House) -> None:
    ann, ben = sign_in(site.store, name="Ann Lee"), sign_in(site.store, team="Boats", name="Ben Ito")
    found = site.client.get(f"{API}/colleagues", headers=ann.headers).json()
    assert found["users"] == [{"id": ben.user.id, "name": "Ben Ito", "here": False}]
    assert [team["name"] for team in found["teams"]] == ["Boats"]


def test_an_address_is_left_over_rest(site: House) -> None:
    key, customer = waits(site)
    path = f"/api/v1/conversations/{key}/contact"
    refused = site.client.post(path, json={"address": "kim at mail"}, headers=customer)
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        422, "This is no e-mail address; it must look like name@example.com.",
    )  # fmt: skip
    assert (
        site.client.post(path, json={"address": "kim@mail.example"}, headers=customer).json()["contact"]
        == "kim@mail.example"
    )
    ann = sign_in(site.store)
    facts = site.client.get(f"{API}/conversations/{key}/facts", headers=ann.headers).json()
    assert facts["contact"] == "kim@mail.example"


# --- the stream -----------------------------------------------------------------------------------------------


def staff_parts(site: House) -> StaffParts:
    settings, store = site.parts.settings, site.store
    gate = Gate(store.sessions, settings)
    return StaffParts(settings, store, site.parts.manager, site.parts.hub, gate, "", SignIn(store))


def request_of(who: Member) -> Request:
    headers = [(b"cookie", f"{COOKIE}={who.token}".encode())]
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers, "client": None}
    )


async def until(stream: AsyncIterator[str], text: str) -> list[str]:
    """What the stream says up to the first that holds `text`."""
    heard: list[str] = []
    async with asyncio.timeout(10):
        async for said in stream:
            heard.append(said)
            if text in said:
                return heard
    raise AssertionError(f"it ended without {text!r}: {heard}")


async def test_the_stream_tells_what_changed_and_who_types_but_no_word_of_it(site: House) -> None:
    key, _ = waits(site)
    ann, parts = sign_in(site.store), staff_parts(site)
    async with aclosing(desk_stream(parts, ann.user, request_of(ann))) as stream:
        await until(stream, "hello")
        assert [user.id for user in parts.presence.present()] == [ann.user.id]
        parts.hub.ring(Event(EventKind.DELTA, key, text="written"))
        parts.hub.ring(Event(EventKind.MESSAGE, key, 1))
        parts.hub.whisper(Event(EventKind.TYPING, key, text="customer"))
        parts.hub.ring(Event(EventKind.STATUS, key, text="human"))
        heard = await until(stream, "human")
    assert not any("written" in said for said in heard)
    assert [said.split("\n")[0] for said in heard] == ["event: changed", "event: typing", "event: changed"]


async def test_another_teams_conversation_is_not_told_of(site: House) -> None:
    key, _ = waits(site, team=team_id(site.store, "Boats"))
    own, _ = waits(site)
    ann, parts = sign_in(site.store, team="Bikes"), staff_parts(site)
    async with aclosing(desk_stream(parts, ann.user, request_of(ann))) as stream:
        await until(stream, "hello")
        parts.hub.ring(Event(EventKind.MESSAGE, key, 1))
        parts.hub.whisper(Event(EventKind.TYPING, key, text="customer"))
        parts.hub.ring(Event(EventKind.STATUS, key, text="human"))
        parts.hub.ring(Event(EventKind.MESSAGE, own, 1))
        heard = await until(stream, "lists")
    assert not any(key in said for said in heard)
    assert any(own in said for said in heard)


async def test_only_whom_it_was_passed_to_is_told_so(site: House) -> None:
    key, _ = waits(site)
    ann, bob, parts = sign_in(site.store), sign_in(site.store, name="Bob Ray"), staff_parts(site)
    streams = [desk_stream(parts, one.user, request_of(one)) for one in (ann, bob)]
    async with aclosing(streams[0]) as anns, aclosing(streams[1]) as bobs:
        for stream in (anns, bobs):
            await until(stream, "hello")
        parts.hub.whisper(Event(EventKind.PASSED, key, text=str(bob.user.id)))
        parts.hub.ring(Event(EventKind.STATUS, key, text="human"))
        heard = [await until(stream, "human") for stream in (anns, bobs)]
    assert ["passed" in "".join(said) for said in heard] == [False, True]


async def test_what_is_erased_is_told_by_its_id_and_a_page_beside_the_desk_counts_as_nobody(site: House) -> None:
    ann, parts = sign_in(site.store), staff_parts(site)
    async with aclosing(desk_stream(parts, ann.user, request_of(ann), beside=True)) as stream:
        await until(stream, "hello")
        assert parts.presence.present() == []
        parts.hub.ring(Event(EventKind.STATUS, "erased-chat", text="erased"))
        [said] = await until(stream, "erased-chat")
        assert said.startswith("event: gone")
        parts.hub.resync()
        await until(stream, "missed")


def test_which_conversations_are_there_no_more(site: House) -> None:
    key, _ = waits(site, team=team_id(site.store, "Boats"))
    ann = sign_in(site.store, team="Bikes")
    body = {"ids": [key, "never-was"]}  # another team's is there, though not hers to see
    found = site.client.post("/agents/api/desk/gone", json=body, headers=ann.headers)
    assert found.json() == {"gone": ["never-was"]}
    assert site.client.post("/agents/api/desk/gone", json={"ids": ["x"] * 501}, headers=ann.headers).status_code == 422


async def test_who_is_signed_out_is_out_of_the_stream(site: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_events, "CHECKS_EVERY_S", 0.05)
    ann, parts = sign_in(site.store), staff_parts(site)
    async with aclosing(desk_stream(parts, ann.user, request_of(ann))) as stream:
        await until(stream, "still here")
        await site.store.sessions.end_all(ann.user.id, COMMAND)
        await until(stream, "signed_out")
        assert [said async for said in stream] == []
    assert parts.hub.team_windows == 0


@pytest.mark.parametrize(("every_s", "events"), [(0.4, 7), (2.9, 1)])
async def test_events_do_not_put_off_the_look_at_the_session(
    site: House, monkeypatch: pytest.MonkeyPatch, every_s: float, events: int
) -> None:
    key, _ = waits(site)
    ann, parts = sign_in(site.store), staff_parts(site)
    now, due = 0.0, every_s

    async def next_event(_: Window, patience_s: float) -> Event | Signal:
        """An event every `every_s` on a clock that stands still otherwise."""
        nonlocal now, due
        now, quiet = min(now + patience_s, due), now + patience_s < due
        if quiet:
            return Signal.QUIET
        due += every_s
        return Event(EventKind.MESSAGE, key, 1)

    monkeypatch.setattr(Window, "next", next_event)
    monkeypatch.setattr(desk_events, "time", SimpleNamespace(monotonic=lambda: now))
    await site.store.sessions.end_all(ann.user.id, COMMAND)
    async with aclosing(desk_stream(parts, ann.user, request_of(ann))) as stream:
        heard = await until(stream, "signed_out")
    assert sum("changed" in said for said in heard) == events
    assert now == pytest.approx(desk_events.CHECKS_EVERY_S)


async def test_a_desk_that_was_too_slow_looks_at_everything_again(site: House) -> None:
    key, _ = waits(site)
    ann, parts = sign_in(site.store), staff_parts(site)
    async with aclosing(desk_stream(parts, ann.user, request_of(ann))) as stream:
        await until(stream, "hello")
        for number in range(600):
            parts.hub.ring(Event(EventKind.MESSAGE, key, number))
        await until(stream, "missed")
        parts.hub.close()
        assert [said async for said in stream] == []

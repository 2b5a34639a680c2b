"""The live desk's routes and its stream: who sees what, what a conflict says, what customers are never told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from starlette.requests import Request

from chatbot.types import Event, EventKind, Status
from storage.audit import COMMAND
from storage.tables import ConversationRow
from tests.staff import COOKIE, House, Member, done, house, sign_in, team_id
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

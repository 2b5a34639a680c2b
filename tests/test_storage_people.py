"""Users, teams, sessions, links and the audit log on SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from chatbot.errors import BadInput, ChatbotError, Conflict, NotFound, NotSignedIn
from storage.audit import COMMAND, Actor
from storage.opening import Store, open_store
from storage.people import User
from storage.people_tables import LinkRow, StaffSessionRow, TryRow
from storage.sessions import hash_token
from storage.tries import WINDOW

pytestmark = pytest.mark.asyncio


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        yield opened


async def ann(store: Store, role: Any = "agent", email: str = "Ann@Shop.example ") -> User:
    return await store.people.add_user(email, " Ann  Lee ", role, COMMAND)


def actor(user: User, network: str | None = "192.0.2.0/24") -> Actor:
    return Actor(user.id, f"{user.id} {user.name}", network)


async def actions(store: Store, target: str | None = None) -> list[str]:
    return [entry.action for entry in await store.audit.entries(target=target)][::-1]


async def age(store: Store, token: str, **values: datetime) -> None:
    query = update(StaffSessionRow).where(StaffSessionRow.token_hash == hash_token(token)).values(**values)
    await asyncio.wrap_future(store.database.write(lambda c: c.execute(query)))


# --- tries --------------------------------------------------------------------------------------------------


async def test_tries_are_counted_within_a_moving_window(store: Store) -> None:
    taken = await asyncio.gather(*(store.tries.take("pair:a:n", 10) for _ in range(40)))
    refused = [until for until in taken if until is not None]
    assert len(refused) == 30  # made all at once, none too many is heard
    assert all(WINDOW - timedelta(minutes=1) < until - datetime.now(UTC) <= WINDOW for until in refused)
    assert await store.tries.full("pair:a:n", 10) is not None
    assert await store.tries.full("pair:a:n", 11) is None
    assert await store.tries.full("pair:b:n", 1) is None
    earlier = update(TryRow).values(at=datetime.now(UTC) - WINDOW)
    await asyncio.wrap_future(store.database.write(lambda c: c.execute(earlier)))
    assert await store.tries.take("pair:a:n", 10) is None
    left = await asyncio.wrap_future(store.database.read(lambda c: c.scalars(select(TryRow.key)).all()))
    assert len(left) == 1  # nothing is kept longer than it counts
    assert "a" not in left
    await store.tries.clear("pair:a:n")
    assert await store.tries.full("pair:a:n", 1) is None


# --- users --------------------------------------------------------------------------------------------------


async def test_a_user_is_added_once_and_written_down(store: Store) -> None:
    made = await ann(store)
    assert (made.email, made.name, made.role, made.disabled) == ("ann@shop.example", "Ann Lee", "agent", False)
    with pytest.raises(Conflict, match=r"ann@shop\.example already"):
        await ann(store, email="ANN@shop.example")
    assert await store.people.by_email("ann@SHOP.example") == made
    assert await actions(store) == ["user.add"]


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@shop", "a b@shop.example", "@shop.example", "ann@.", "x" * 255 + "@a.b"]
)
async def test_what_is_no_address_is_refused(store: Store, email: str) -> None:
    with pytest.raises(BadInput, match="no e-mail address"):
        await ann(store, email=email)


async def test_names_are_bounded(store: Store) -> None:
    for name in ("", "  ", "x" * 101, "a\x00b"):
        with pytest.raises(BadInput, match="1 to 100"):
            await store.people.add_user("b@shop.example", name, "agent", COMMAND)


async def test_changes_hold_and_are_written_down(store: Store) -> None:
    made = await ann(store)
    team = await store.teams.add("Returns", ["DE", "en", "de"], COMMAND)
    assert (await store.people.set_team(made.id, team.id, COMMAND)).team_id == team.id
    assert (await store.people.set_role(made.id, "admin", COMMAND)).is_admin
    assert (await store.people.rename(made.id, "Ann Low", COMMAND)).name == "Ann Low"
    [profile] = await store.people.everyone()
    assert (profile.team, profile.can_sign_in, profile.seen_at) == ("Returns", False, None)
    target = f"user:{made.id}"
    assert await actions(store, target) == ["user.add", "user.team", "user.role", "user.rename"]
    for call in (store.people.set_team(made.id, 99, COMMAND), store.people.set_role(99, "agent", COMMAND)):
        with pytest.raises(NotFound):
            await call


async def test_the_last_admin_stays(store: Store) -> None:
    boss = await ann(store, "admin")
    with pytest.raises(Conflict, match="last admin"):
        await store.people.disable(boss.id, COMMAND)
    with pytest.raises(Conflict, match="last admin"):
        await store.people.set_role(boss.id, "agent", COMMAND)
    assert not (await store.people.user(boss.id)).disabled
    second = await ann(store, "admin", "b@shop.example")
    await store.people.disable(boss.id, COMMAND)
    with pytest.raises(Conflict):
        await store.people.disable(second.id, COMMAND)
    await store.people.enable(boss.id, COMMAND)
    assert await actions(store, f"user:{boss.id}") == ["user.add", "user.disable", "user.enable"]


async def test_an_agent_can_be_disabled_where_there_is_no_admin(store: Store) -> None:
    made = await ann(store)
    assert (await store.people.disable(made.id, COMMAND)).disabled


async def test_of_two_admins_who_disable_each_other_one_stays(store: Store) -> None:
    for number in range(10):
        admins = [await ann(store, "admin", f"{number}{side}@shop.example") for side in "ab"]
        for profile in await store.people.everyone():
            if profile.user.is_admin and profile.user not in admins and not profile.user.disabled:
                await store.people.disable(profile.user.id, COMMAND)
        done = await asyncio.gather(
            *(store.people.disable(user.id, COMMAND) for user in admins), return_exceptions=True
        )
        assert sorted(isinstance(one, Conflict) for one in done) == [False, True]


# --- teams --------------------------------------------------------------------------------------------------


async def test_teams_have_unique_names_and_known_languages(store: Store) -> None:
    team = await store.teams.add("Returns", ["DE", "en", "de"], COMMAND)
    assert (team.name, team.languages) == ("Returns", ("de", "en"))
    with pytest.raises(Conflict, match="Returns already"):
        await store.teams.add("Returns", [], COMMAND)
    with pytest.raises(BadInput, match="no language code"):
        await store.teams.add("Other", ["german!"], COMMAND)
    with pytest.raises(NotFound, match="there are: Returns"):
        await store.teams.by_name("Shipping")
    changed = await store.teams.change(team.id, "Back office", ["fr"], COMMAND)
    assert await store.teams.all() == [changed]
    with pytest.raises(NotFound):
        await store.teams.change(99, "Nobody", [], COMMAND)
    assert await actions(store) == ["team.add", "team.change"]


# --- sessions -----------------------------------------------------------------------------------------------


async def test_a_session_is_known_by_its_token_only(store: Store) -> None:
    made = await ann(store)
    token = await store.sessions.start(made.id, verified=True, actor=actor(made))
    assert await store.sessions.signed_in(token) == made
    assert await store.sessions.signed_in(f"{token}x") is None
    rows = await asyncio.wrap_future(store.database.read(lambda c: c.execute(select(StaffSessionRow.__table__)).all()))
    assert token not in str(rows)
    assert await actions(store) == ["user.add", "session.start"]


async def test_a_session_that_awaits_its_code_opens_nothing(store: Store) -> None:
    made = await ann(store)
    token = await store.sessions.start(made.id, verified=False)
    assert await store.sessions.signed_in(token) is None
    assert await store.sessions.awaiting_code(token) == made.id
    full = await store.sessions.start(made.id, verified=True, instead_of=token)
    assert await store.sessions.awaiting_code(token) is None
    assert await store.sessions.awaiting_code(full) is None
    assert await store.sessions.signed_in(full) == made


async def test_a_session_ends_when_idle_and_in_any_case_after_a_week(store: Store) -> None:
    made, now = await ann(store), datetime.now(UTC)
    token = await store.sessions.start(made.id, verified=True)
    await age(store, token, expires_at=now - timedelta(seconds=1))
    assert await store.sessions.signed_in(token) is None
    old = await store.sessions.start(made.id, verified=True)
    await age(store, old, created_at=now - timedelta(days=6, hours=23), seen_at=now - timedelta(hours=1))
    assert await store.sessions.signed_in(old) == made
    [session] = await store.sessions.of(made.id)
    assert session.seen_at >= now
    ends = select(StaffSessionRow.expires_at).where(StaffSessionRow.token_hash == hash_token(old))
    until = await asyncio.wrap_future(store.database.read(lambda c: c.execute(ends).scalar_one()))
    assert timedelta(minutes=59) < until - now < timedelta(minutes=61)


async def test_a_session_is_written_at_most_once_a_minute(store: Store) -> None:
    made = await ann(store)
    token = await store.sessions.start(made.id, verified=True)
    [before] = await store.sessions.of(made.id)
    for _ in range(5):
        assert await store.sessions.signed_in(token)
    assert await store.sessions.of(made.id) == [before]


async def test_an_open_window_by_itself_keeps_no_session_alive(store: Store) -> None:
    made, now = await ann(store), datetime.now(UTC)
    token = await store.sessions.start(made.id, verified=True)
    await age(store, token, seen_at=now - timedelta(hours=1))
    assert await store.sessions.signed_in(token, active=False) == made
    [session] = await store.sessions.of(made.id)
    assert session.seen_at < now - timedelta(minutes=59)


async def test_signing_out_everywhere_spares_only_the_named_session(store: Store) -> None:
    made, other = await ann(store), await ann(store, email="b@shop.example")
    tokens = [await store.sessions.start(made.id, verified=True) for _ in range(3)]
    theirs = await store.sessions.start(other.id, verified=True)
    assert await store.sessions.end_all(made.id, actor(made), keep=hash_token(tokens[0])) == 2
    alive = [await store.sessions.signed_in(token) is not None for token in (*tokens, theirs)]
    assert alive == [True, False, False, True]
    await store.sessions.end(tokens[0], actor(made))
    assert await store.sessions.signed_in(tokens[0]) is None


async def test_a_renewed_session_opens_nothing_to_who_copied_its_token(store: Store) -> None:
    made = await ann(store)
    old = await store.sessions.start(made.id, verified=True)
    fresh = await store.sessions.renew(old)
    assert await store.sessions.signed_in(old) is None
    assert (await store.sessions.signed_in(fresh) or made).id == made.id
    assert [one.token_hash for one in await store.sessions.of(made.id)] == [hash_token(fresh)]
    with pytest.raises(NotSignedIn, match="sign in again"):
        await store.sessions.renew(old)


async def test_who_is_disabled_is_out_at_once_and_stays_out(store: Store) -> None:
    made = await ann(store)
    token = await store.sessions.start(made.id, verified=True)
    link = await store.links.for_user(made.id, COMMAND)
    await store.people.disable(made.id, COMMAND)
    assert await store.sessions.signed_in(token) is None
    with pytest.raises(NotFound):
        await store.links.look(link)
    with pytest.raises(Conflict, match="disabled"):
        await store.links.for_user(made.id, COMMAND)
    await store.people.enable(made.id, COMMAND)
    assert await store.sessions.signed_in(token) is None


async def test_networks_are_known_for_a_month_after_signing_out(store: Store) -> None:
    made = await ann(store)
    token = await store.sessions.start(made.id, verified=True, actor=actor(made))
    await store.sessions.end(token)
    assert await store.sessions.knows_network(made.id, "192.0.2.0/24")
    assert not await store.sessions.knows_network(made.id, "198.51.100.0/24")
    assert not await store.sessions.knows_network(made.id, None)
    await age(store, token, expires_at=datetime.now(UTC) - timedelta(days=31))
    await store.sessions.start(made.id, verified=True)
    assert not await store.sessions.knows_network(made.id, "192.0.2.0/24")
    assert await store.sessions.knows_network(made.id, None)


# --- links --------------------------------------------------------------------------------------------------


async def test_a_link_works_once_and_signs_out_everywhere(store: Store) -> None:
    made = await ann(store)
    session = await store.sessions.start(made.id, verified=True)
    token = await store.links.for_user(made.id, COMMAND)
    assert await store.links.look(token) == made
    assert await store.links.choose_password(token, "a hash", None) == made
    found = await store.credentials.by_email(made.email)
    assert found is not None
    assert found.password_hash == "a hash"
    assert await store.sessions.signed_in(session) is None
    for call in (store.links.look(token), store.links.choose_password(token, "another", None)):
        with pytest.raises(NotFound, match="has been used"):
            await call


async def test_a_new_link_replaces_the_former_and_each_ends_after_three_days(store: Store) -> None:
    made = await ann(store)
    first, second = [await store.links.for_user(made.id, COMMAND) for _ in range(2)]
    with pytest.raises(NotFound):
        await store.links.look(first)
    assert await store.links.look(second) == made
    past = update(LinkRow).values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await asyncio.wrap_future(store.database.write(lambda c: c.execute(past)))
    with pytest.raises(NotFound):
        await store.links.choose_password(second, "a hash", None)


async def test_of_many_who_open_a_link_at_once_one_wins(store: Store) -> None:
    made = await ann(store)
    token = await store.links.for_user(made.id, COMMAND)
    tries = [store.links.choose_password(token, f"hash {n}", None) for n in range(12)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, User) for one in done) == 1
    assert all(isinstance(one, (User, NotFound)) for one in done)


async def test_the_first_admin_comes_by_a_link_and_only_the_first(store: Store) -> None:
    old, token = await store.links.for_first_admin(), await store.links.for_first_admin()
    assert old is not None
    assert token is not None
    assert await store.links.look(token) is None
    with pytest.raises(NotFound):
        await store.links.become_admin(old, "ada@shop.example", "Ada", "a hash")
    with pytest.raises(BadInput):
        await store.links.become_admin(token, "no address", "Ada", "a hash")
    boss = await store.links.become_admin(token, "ada@shop.example", "Ada", "a hash")
    assert boss.is_admin
    assert await store.people.has_admin()
    assert await store.links.for_first_admin() is None
    with pytest.raises(NotFound):
        await store.links.look(token)


async def test_a_link_for_the_first_admin_dies_when_there_is_one(store: Store) -> None:
    token = await store.links.for_first_admin()
    assert token is not None
    boss = await ann(store, "admin")
    await store.credentials.set_password(boss.id, "a hash", COMMAND)
    for call in (store.links.look(token), store.links.become_admin(token, "eve@shop.example", "Eve", "a hash")):
        with pytest.raises(NotFound):
            await call
    assert [profile.user.email for profile in await store.people.everyone()] == ["ann@shop.example"]


# --- credentials --------------------------------------------------------------------------------------------


async def test_a_new_password_ends_the_other_sessions(store: Store) -> None:
    made = await ann(store)
    kept, other = [await store.sessions.start(made.id, verified=True) for _ in range(2)]
    await store.credentials.set_password(made.id, "new", actor(made), keep=hash_token(kept))
    assert await store.sessions.signed_in(kept)
    assert await store.sessions.signed_in(other) is None
    await store.credentials.rehash(made.id, "not the present one", "x")
    await store.credentials.rehash(made.id, "new", "newer")
    found = await store.credentials.of(made.id)
    assert found is not None
    assert found.password_hash == "newer"


async def test_a_code_is_taken_once_and_none_before_it(store: Store) -> None:
    made = await ann(store)
    await store.credentials.set_second_factor(made.id, "SECRET", 100, ["a", "b"], actor(made))
    assert (await store.people.user(made.id)).second_factor
    taken = [await store.credentials.take_step(made.id, step) for step in (100, 99, 101, 101, 100, 102)]
    assert taken == [False, False, True, False, False, True]
    again = await asyncio.gather(*(store.credentials.take_step(made.id, 103) for _ in range(8)))
    assert sum(again) == 1


async def test_a_recovery_code_is_taken_once(store: Store) -> None:
    made = await ann(store)
    await store.credentials.set_second_factor(made.id, "SECRET", 1, ["a", "b"], actor(made))
    tries = await asyncio.gather(*(store.credentials.take_recovery(made.id, "a", actor(made)) for _ in range(6)))
    assert sum(tries) == 1
    assert not await store.credentials.take_recovery(made.id, "z", actor(made))
    found = await store.credentials.of(made.id)
    assert found is not None
    assert found.recovery_left == 1
    await store.credentials.drop_second_factor(made.id, COMMAND)
    assert not (await store.people.user(made.id)).second_factor


async def test_an_account_elsewhere_belongs_to_one_user(store: Store) -> None:
    made, other = await ann(store), await ann(store, email="b@shop.example")
    await store.credentials.link_account(made.id, "issuer 1", actor(made))
    await store.credentials.link_account(made.id, "issuer 1", actor(made))
    with pytest.raises(Conflict, match="linked to this user"):
        await store.credentials.link_account(made.id, "issuer 2", actor(made))
    with pytest.raises(ChatbotError):
        await store.credentials.link_account(other.id, "issuer 1", actor(other))
    found = await store.credentials.by_subject("issuer 1")
    assert found is not None
    assert found.user.id == made.id
    assert await store.credentials.by_subject("issuer 2") is None


# --- audit --------------------------------------------------------------------------------------------------


async def test_who_saw_a_conversation_is_found_in_lists_and_searches_too(store: Store) -> None:
    made = actor(await ann(store))
    await store.audit.record(made, "transcript.view", "conversation:a_b")
    await store.audit.record(made, "transcript.preview", None, {"where": "desk.bot", "conversations": ["x", "a_b"]})
    await store.audit.record(made, "transcripts.search", None, {"conversations": ["axb", "a_bc"]})
    await store.audit.record(made, "export.transcripts", None, {"what": "a_b"})
    found = await store.audit.entries(target="conversation:a_b")
    assert [entry.action for entry in found] == ["transcript.preview", "transcript.view"]
    assert await store.audit.entries(target="conversation:") == []


async def test_the_audit_log_is_read_by_page_target_actor_and_action(store: Store) -> None:
    made = await ann(store)
    for number in range(5):
        await store.audit.record(actor(made), "transcript.view", f"conversation:{number}", {"n": number})
    await store.audit.record(COMMAND, "transcription.odd")
    newest = await store.audit.entries(limit=3)
    older = await store.audit.entries(limit=10, before_id=newest[-1].id)
    assert [entry.action for entry in (*newest, *older)][-1] == "user.add"
    assert len({entry.id for entry in (*newest, *older)}) == 7
    assert len(await store.audit.entries(action="transcript")) == 5
    assert len(await store.audit.entries(action="transcript.view", user_id=made.id)) == 5
    assert await store.audit.entries(action="transcript", user_id=made.id + 1) == []
    [one] = await store.audit.entries(target="conversation:3")
    assert (one.actor, one.detail, one.network) == (f"{made.id} Ann Lee", {"n": 3}, "192.0.2.0/24")


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_the_database_itself_refuses_to_change_the_log(store: Store, change: str) -> None:
    await store.audit.record(COMMAND, "test.row")
    with pytest.raises((DBAPIError, ChatbotError)):
        await asyncio.wrap_future(store.database.write(lambda c: c.execute(text(change))))
    assert await actions(store) == ["test.row"]

"""Signing in and out, one-time links, the second factor, guessing, and what a session that is gone is told."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Page, expect
from sqlalchemy import update
from starlette.requests import HTTPConnection

from chatbot.errors import BadInput, Busy, NotSignedIn
from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.people import User
from storage.people_tables import LinkRow
from tests.chromium import chromium
from tests.staff import COOKIE, House, Member, done, house, served, sign_in
from ui.staff.door import own_page
from ui.staff.factors import PERIOD_S, qr_svg, recovery_codes, recovery_hash, step_of
from ui.staff.gate import Gate
from ui.staff.passwords import Passwords, argon2id, check_new
from ui.staff.signin import SignIn
from ui.staff.tries import Tries

PASSWORD = "seven plum trees"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, settings={"company": "Lamps & Co"}) as made:
        yield made


def user_with_password(store: Store, role: Any = "agent", email: str = "ann@shop.example") -> User:
    user = done(store.people.add_user(email, "Ann Lee", role, COMMAND))
    done(store.credentials.set_password(user.id, CHEAP.hash(PASSWORD), COMMAND))
    return user


def log_in(site: House, password: str = PASSWORD, email: str = "ann@shop.example", **more: Any) -> Any:
    site.client.cookies.clear()
    return site.client.post("/login", json={"email": email, "password": password, **more})


def code_of(secret: str, periods: int = 0) -> str:
    return pyotp.TOTP(secret, interval=PERIOD_S).at(int(time.time()) + periods * PERIOD_S)


def with_factor(site: House, user: User, secret: str) -> None:
    hashes = [recovery_hash("aaaa-bbbb-cccc")]
    done(site.store.credentials.set_second_factor(user.id, secret, 0, hashes, COMMAND))


def sentence(answer: Any) -> str:
    return str(answer.json()["error"]["message"])


# --- in and out ---------------------------------------------------------------------------------------------


def test_the_right_password_lets_in_with_a_new_session_each_time(site: House) -> None:
    user_with_password(site.store)
    first = log_in(site, email=" ANN@shop.example")
    assert first.json() == {"code": False, "next": "/agents/"}
    cookie = first.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    old = site.client.cookies[COOKIE]
    assert site.client.get("/account/api/me").status_code == 200
    again = site.client.post("/login", json={"email": "ann@shop.example", "password": PASSWORD})
    assert again.status_code == 200
    assert site.client.cookies[COOKIE] != old
    assert done(site.store.sessions.signed_in(old)) is None


def test_a_session_id_that_somebody_else_chose_is_not_taken_over(site: House) -> None:
    user_with_password(site.store)
    site.client.cookies.set(COOKIE, "chosen-by-a-stranger")
    assert site.client.post("/login", json={"email": "ann@shop.example", "password": PASSWORD}).status_code == 200
    assert done(site.store.sessions.signed_in("chosen-by-a-stranger")) is None


def test_wrong_pairs_are_told_the_same_whoever_they_name(site: House) -> None:
    user = user_with_password(site.store)
    gone = user_with_password(site.store, email="gone@shop.example")
    done(site.store.people.disable(gone.id, COMMAND))
    done(site.store.people.add_user("new@shop.example", "New", "agent", COMMAND))
    for email in (user.email, gone.email, "new@shop.example", "nobody@shop.example"):
        answer = log_in(site, PASSWORD if email == gone.email else "wrong", email)
        assert (answer.status_code, sentence(answer)) == (401, "The address or the password is wrong.")
        assert "set-cookie" not in answer.headers
    told = done(site.store.audit.entries(action="session"))
    assert {entry.action for entry in told} == {"session.refused"}
    assert len(told) == 4
    assert "@" not in "".join(f"{entry.target}{entry.detail}{entry.actor}" for entry in told)


def test_signing_out_ends_the_session_on_the_server(site: House) -> None:
    user_with_password(site.store)
    log_in(site)
    token = site.client.cookies[COOKIE]
    answer = site.client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert site.client.get("/account/api/me", headers={"cookie": f"{COOKIE}={token}"}).status_code == 401
    assert [entry.action for entry in done(site.store.audit.entries(action="session"))] == [
        "session.end",
        "session.start",
    ]


def test_behind_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    with house(tmp_path, settings={"public_url": "https://chat.shop.example"}) as site:
        user_with_password(site.store)
        cookie = log_in(site).headers["set-cookie"]
    assert cookie.startswith("__Host-precedent-team=")
    assert "Secure" in cookie.split("; ")


def test_a_password_of_other_parameters_is_hashed_anew(site: House) -> None:
    user = user_with_password(site.store)
    log_in(site)
    found = done(site.store.credentials.of(user.id))
    assert found is not None
    assert found.password_hash is not None
    assert found.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert log_in(site).status_code == 200


def test_what_is_no_session_leads_to_the_login_page(site: House) -> None:
    for cookie in ("", "x", "a" * 5000, "ü", "a; b", "%00"):
        leads_to_login(site, cookie)


def leads_to_login(site: House, cookie: str) -> None:
    headers = {b"cookie": f"{COOKIE}={cookie}".encode()}
    answer = site.client.get("/admin/users?x=1", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/admin/users%3Fx%3D1")
    refused = site.client.get("/admin/api/users", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "not_signed_in")
    assert sentence(refused).endswith("sign in again.")


@pytest.mark.parametrize(
    "way",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/agents/../../x", "javascript:alert(1)", "/agents\n", "/chat",
     "/agents@evil.example", "/agents/%2e%2e", "", "/login"],
)  # fmt: skip
def test_a_login_link_leads_to_pages_of_the_team_only(way: str) -> None:
    assert own_page(way) == "/agents/"


@pytest.mark.parametrize("way", ["/agents/", "/agents/transcripts?q=a%20b&page=2", "/admin/users", "/account"])
def test_a_login_link_keeps_where_one_was_going(way: str) -> None:
    assert own_page(way) == way


def test_a_login_leads_where_one_was_going_and_to_no_other_site(site: House) -> None:
    user_with_password(site.store)
    assert log_in(site, next="//evil.example").json()["next"] == "/agents/"
    assert log_in(site, next="/admin/users").json()["next"] == "/admin/users"
    assert site.client.get("/login?next=//evil.example").headers["location"] == "/agents/"
    site.client.cookies.clear()
    assert '"next": "/agents/"' in site.client.get("/login?next=//evil.example").text


def test_a_page_that_is_not_for_agents_says_so_in_a_page(site: House) -> None:
    answer = site.client.get("/admin/users", headers=sign_in(site.store).headers)
    assert answer.status_code == 403
    assert "This is for admins only" in answer.text
    assert "<script" not in answer.text


# --- people who go ------------------------------------------------------------------------------------------


def test_who_is_disabled_or_signed_out_is_out_with_the_next_request(site: House) -> None:
    boss, ann = sign_in(site.store, "admin"), sign_in(site.store)
    one = f"/admin/api/users/{ann.user.id}"
    assert site.client.get("/account/api/me", headers=ann.headers).status_code == 200
    assert site.client.post(f"{one}/sign-out", headers=boss.headers).json() == {"ended": 1}
    assert site.client.get("/account/api/me", headers=ann.headers).status_code == 401
    token = done(site.store.sessions.start(ann.user.id, verified=True))
    ann = replace(ann, token=token)
    assert site.client.post(one, json={"disabled": True}, headers=boss.headers).json()["disabled"]
    assert site.client.get("/account/api/me", headers=ann.headers).status_code == 401
    refused = site.client.post(f"/admin/api/users/{boss.user.id}", json={"disabled": True}, headers=boss.headers)
    assert (refused.status_code, sentence(refused)) == (409, "You cannot disable yourself; another admin can.")


def test_a_stream_is_told_when_its_session_or_rights_are_gone(site: House) -> None:
    gate, people = Gate(site.store.sessions, site.parts.settings), site.store.people
    boss, ann = sign_in(site.store, "admin"), sign_in(site.store)
    seen_by_boss, seen_by_ann = request_of(boss), request_of(ann)
    assert done(gate.still(boss.user, seen_by_boss))
    assert done(gate.still(ann.user, seen_by_ann))
    assert not done(gate.still(boss.user, seen_by_ann))
    done(people.set_role(ann.user.id, "admin", COMMAND))
    assert not done(gate.still(ann.user, seen_by_ann))
    done(people.disable(boss.user.id, COMMAND))
    assert not done(gate.still(boss.user, seen_by_boss))
    assert not done(gate.still(boss.user, HTTPConnection({"type": "http", "headers": []})))


def request_of(member: Member) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [(b"cookie", member.headers["cookie"].encode())]})


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(site: House) -> None:
    boss, second = sign_in(site.store, "admin"), sign_in(site.store, "admin")
    assert site.client.get("/admin/api/users", headers=second.headers).status_code == 200
    site.client.post(f"/admin/api/users/{second.user.id}", json={"role": "agent"}, headers=boss.headers)
    assert site.client.get("/admin/api/users", headers=second.headers).status_code == 403
    last = site.client.post(f"/admin/api/users/{boss.user.id}", json={"role": "agent"}, headers=boss.headers)
    assert (last.status_code, sentence(last)) == (409, "This is the last admin; make somebody else an admin first.")


# --- links --------------------------------------------------------------------------------------------------


def test_a_link_lets_choose_a_password_once(site: House) -> None:
    boss = sign_in(site.store, "admin")
    body = {"email": "bo@shop.example", "name": "Bo <b>Lind</b>"}
    made = site.client.post("/admin/api/users", json=body, headers=boss.headers)
    path = made.json()["link"].removeprefix("http://127.0.0.1:7860")
    page = site.client.get(path)
    assert page.status_code == 200
    assert "<b>Lind" not in page.text
    for bad, why in (("short", "at least 12"), ("x" * 300, "at most 256"), ("bo@shop.example", "own address")):
        refused = site.client.post(path, json={"password": bad})
        assert refused.status_code == 422
        assert why in sentence(refused)
    assert site.client.post(path, json={"password": PASSWORD}).json() == {"code": False, "next": "/agents/"}
    assert site.client.get("/account/api/me").json()["email"] == "bo@shop.example"
    again = site.client.post(path, json={"password": "another good one"})
    assert (again.status_code, "has been used" in sentence(again)) == (404, True)
    assert "has been used" in site.client.get(path).text
    assert log_in(site, email="bo@shop.example").status_code == 200


def test_an_old_link_says_so(site: House) -> None:
    user = user_with_password(site.store)
    token = done(site.store.links.for_user(user.id, COMMAND))
    site.store.database.write(lambda c: c.execute(update(LinkRow).values(expires_at=datetime.now(UTC)))).result()
    answer = site.client.get(f"/setup/{token}")
    assert answer.status_code == 404
    assert "too old" in answer.text


def test_the_first_admin_is_made_by_the_printed_link(site: House) -> None:
    token = done(site.store.links.for_first_admin())
    assert site.client.get(f"/setup/{token}").status_code == 200
    body = {"email": "ada@shop.example", "name": "Ada", "password": PASSWORD}
    refused = site.client.post(f"/setup/{token}", json={"password": PASSWORD})
    assert (refused.status_code, "e-mail address" in sentence(refused)) == (422, True)
    assert site.client.post(f"/setup/{token}", json=body).json()["next"] == "/account?setup=1"
    assert site.client.get("/admin/api/users").status_code == 200
    site.client.cookies.clear()
    assert site.client.post(f"/setup/{token}", json=body | {"email": "eve@shop.example"}).status_code == 404


def test_the_first_start_prints_the_link_until_there_is_an_admin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path):
        old = printed_link(capsys)
    with served(tmp_path) as (_, store):
        token = printed_link(capsys).rpartition("/")[2]
        assert token not in old
        assert done(store.links.look(token)) is None
        done(store.links.become_admin(token, "ada@shop.example", "Ada", CHEAP.hash(PASSWORD)))
    assert token not in caplog.text
    with served(tmp_path):
        assert "setup" not in printed(capsys)


# --- second factor ------------------------------------------------------------------------------------------


def test_a_second_factor_is_set_up_and_asked_for(site: House) -> None:
    user_with_password(site.store)
    log_in(site)
    wrong = site.client.post("/account/api/second-factor", json={"password": "wrong"})
    assert (wrong.status_code, sentence(wrong)) == (422, "The present password is wrong.")
    drawn = site.client.post("/account/api/second-factor", json={"password": PASSWORD}).json()
    assert drawn["svg"].startswith("<svg")
    proof = {"ticket": drawn["ticket"], "code": "000000"}
    if code_of(drawn["secret"]) != "000000":
        assert site.client.post("/account/api/second-factor/proof", json=proof).status_code == 422
    codes = site.client.post("/account/api/second-factor/proof", json=proof | {"code": code_of(drawn["secret"])}).json()
    assert len(set(codes["recovery"])) == 8
    again = proof | {"code": code_of(drawn["secret"], 1)}
    assert site.client.post("/account/api/second-factor/proof", json=again).status_code == 409
    assert site.client.post("/account/api/second-factor", json={"password": PASSWORD}).status_code == 409

    assert log_in(site).json() == {"code": True}
    assert site.client.get("/account/api/me").status_code == 401  # the password alone opens nothing
    pending = site.client.cookies[COOKIE]
    used = site.client.post("/login/code", json={"code": code_of(drawn["secret"])})
    assert (used.status_code, "used before" in sentence(used)) == (422, True)
    fresh = site.client.post("/login/code", json={"code": code_of(drawn["secret"], 1), "next": "/admin/users"})
    assert fresh.json() == {"code": False, "next": "/admin/users"}
    assert site.client.cookies[COOKIE] != pending
    assert site.client.get("/account/api/me").json()["second_factor"] is True

    log_in(site)
    recovery = codes["recovery"][0].upper().replace("-", " ")
    assert site.client.post("/login/code", json={"code": recovery}).status_code == 200
    log_in(site)
    assert site.client.post("/login/code", json={"code": recovery}).status_code == 422


def test_codes_of_the_neighbouring_periods_count_and_no_others() -> None:
    secret, now = pyotp.random_base32(), 1_800_000_000.0
    period = int(now // PERIOD_S)
    generator = pyotp.TOTP(secret, interval=PERIOD_S)
    for away, expected in ((-2, None), (-1, period - 1), (0, period), (1, period + 1), (2, None)):
        code = generator.generate_otp(period + away)
        found = step_of(secret, code, now)
        assert found == expected or (expected is None and found in (period - 1, period, period + 1) and code in {
            generator.generate_otp(period + near) for near in (-1, 0, 1)
        })  # fmt: skip
    for odd in ("", "12345", "1234567", "abcdef", "１２３４５６", "12 34 5"):
        assert step_of(secret, odd, now) is None


def test_where_admins_need_a_second_factor_nothing_opens_before(tmp_path: Path) -> None:
    with house(tmp_path, settings={"admin_totp": True}) as site:
        boss, ann = sign_in(site.store, "admin"), sign_in(site.store)
        lead = site.client.get("/admin/users", headers=boss.headers)
        assert (lead.status_code, lead.headers["location"]) == (303, "/account?setup=1")
        refused = site.client.get("/admin/api/users", headers=boss.headers)
        assert (refused.status_code, "second factor" in sentence(refused)) == (403, True)
        assert site.client.get("/account/api/me", headers=boss.headers).json()["second_factor_needed"]
        with_factor(site, boss.user, pyotp.random_base32())
        assert site.client.get("/admin/api/users", headers=boss.headers).status_code == 200
        off = site.client.post("/account/api/second-factor/off", json={"password": ""}, headers=boss.headers)
        assert (off.status_code, "cannot be switched off" in sentence(off)) == (409, True)
        assert site.client.get("/account/api/me", headers=ann.headers).json()["second_factor_needed"] is False


def test_a_qr_ticket_is_good_for_its_user_only(site: House) -> None:
    ann, bo = sign_in(site.store), sign_in(site.store)
    drawn = site.client.post("/account/api/second-factor", json={"password": ""}, headers=ann.headers).json()
    proof = {"ticket": drawn["ticket"], "code": code_of(drawn["secret"])}
    assert site.client.post("/account/api/second-factor/proof", json=proof, headers=bo.headers).status_code == 422
    forged = proof | {"ticket": drawn["ticket"][:-2] + "xx"}
    assert site.client.post("/account/api/second-factor/proof", json=forged, headers=ann.headers).status_code == 422
    assert site.client.post("/account/api/second-factor/proof", json=proof, headers=ann.headers).status_code == 200


def test_recovery_codes_are_readable_and_different() -> None:
    codes = recovery_codes()
    assert all(re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){2}", code) for code in codes)
    assert recovery_hash(codes[0]) == recovery_hash(f" {codes[0].upper().replace('-', '')} ") != recovery_hash(codes[1])
    assert "<script" not in qr_svg("<script>")


def test_a_new_password_signs_out_the_other_browsers(site: House) -> None:
    user = user_with_password(site.store)
    other = done(site.store.sessions.start(user.id, verified=True))
    log_in(site)
    change = {"current": PASSWORD, "new": "eight apple trees"}
    assert site.client.post("/account/api/password", json=change | {"current": "wrong"}).status_code == 422
    assert site.client.post("/account/api/password", json=change | {"new": "short"}).status_code == 422
    assert site.client.post("/account/api/password", json=change).status_code == 200
    assert site.client.get("/account/api/me").status_code == 200
    assert done(site.store.sessions.signed_in(other)) is None
    assert log_in(site).status_code == 401
    assert log_in(site, "eight apple trees").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/account/api/password", {"current": PASSWORD, "new": "eight apple trees"}),
        ("/account/api/sign-out-elsewhere", None),
    ],
)
def test_a_copied_cookie_is_out_after_it(site: House, path: str, body: dict[str, str] | None) -> None:
    user_with_password(site.store)
    log_in(site)
    stolen = dict(site.client.cookies)[COOKIE]
    answer = site.client.post(path, json=body)
    assert answer.status_code == 200
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert site.client.get("/account/api/me").status_code == 200
    here = [one["here"] for one in site.client.get("/account/api/me").json()["sessions"]]
    assert here == [True]
    site.client.cookies.clear()
    assert site.client.get("/account/api/me", headers={"cookie": f"{COOKIE}={stolen}"}).status_code == 401


@pytest.mark.parametrize("path", ["/agents/nowhere", "/admin/nowhere"])
def test_a_page_that_is_not_there_is_said_in_a_page(site: House, path: str) -> None:
    page = site.client.get(path)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert "There is nothing here." in page.text
    assert site.client.get("/agents/api/nowhere").json()["error"]["code"] == "not_found"


# --- passwords ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "why"),
    [("elevenchars", "at least 12"), ("x" * 257, "at most 256"), ("ANN@SHOP.EXAMPLE", "own address"),
     ("Ann-Marie Lee", "own address"),
     ("aaaaaaaaaaaaaa", "anybody would try"), ("123456789012", "anybody would try"), ("qwertyuiopas", "anybody would try")],
)  # fmt: skip
def test_weak_passwords_are_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        check_new(password, "ann@shop.example", "Ann-Marie Lee")


async def test_the_same_characters_typed_in_another_form_are_the_same_password() -> None:
    passwords = Passwords(CHEAP)
    composed, decomposed = "caf\u00e9 in the garden", "cafe\u0301 in the garden"
    stored = await passwords.hash(check_new(composed, "a@b.example", "Ann"))
    assert await passwords.matches(decomposed, stored)
    assert not await passwords.matches("cafe in the garden", stored)


class Counting(PasswordHasher):
    """How often a hash was verified, and how many at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = self.now = self.most = 0

    def verify(self, stored: Any, password: Any) -> Any:
        self.now += 1
        self.verified += 1
        self.most = max(self.most, self.now)
        try:
            time.sleep(0.001)
            return super().verify(stored, password)
        finally:
            self.now -= 1


async def test_an_account_that_is_not_there_costs_as_much_work() -> None:
    hasher = Counting()
    passwords = Passwords(hasher)
    stored = await passwords.hash(PASSWORD)
    assert await passwords.matches(PASSWORD, stored)
    assert not await passwords.matches(PASSWORD, None)
    assert hasher.verified == 2
    assert hasher._parameters == CHEAP._parameters


def test_the_hash_is_the_one_that_rfc_9106_recommends() -> None:
    assert argon2id().hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_hashing_is_bounded() -> None:
    hasher = Counting()
    passwords = Passwords(hasher)
    stored = hasher.hash(PASSWORD)
    answers = await asyncio.gather(*(passwords.matches("wrong", stored) for _ in range(200)), return_exceptions=True)
    assert hasher.most <= 2
    assert sum(isinstance(answer, Busy) for answer in answers) == 160


# --- guessing -----------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[SignIn, Counting]]:
    with open_store(None, tmp_path, ballast_bytes=1 << 20) as store:
        hasher = Counting()
        yield SignIn(store, Passwords(hasher)), hasher


async def guesses(sign_in_: SignIn, count: int, email: str, network: Any) -> dict[str, int]:
    told: dict[str, int] = {}
    for number in range(count):
        try:
            await sign_in_.by_password(email, f"guess {number}", network(number))
            kind = "in"
        except (Busy, NotSignedIn) as error:
            kind = type(error).__name__
        told[kind] = told.get(kind, 0) + 1
    return told


async def test_ten_thousand_guesses_are_ten_tries(guarded: tuple[SignIn, Counting]) -> None:
    sign, hasher = guarded
    user = await sign.store.people.add_user("ann@shop.example", "Ann", "agent", COMMAND)
    await sign.store.credentials.set_password(user.id, hasher.hash(PASSWORD), COMMAND)
    told = await guesses(sign, 10_000, "ann@shop.example", lambda _n: "192.0.2.0/24")
    assert told == {"NotSignedIn": 10, "Busy": 9_990}
    assert hasher.verified == 10
    with pytest.raises(Busy, match=r"wait 1\d minutes") as error:
        await sign.by_password("ann@shop.example", PASSWORD, "192.0.2.0/24")
    assert 800 < error.value.retry_after_s <= 900
    elsewhere = await sign.by_password("ann@shop.example", PASSWORD, "198.51.100.0/24")
    assert elsewhere.user.id == user.id  # nobody is locked out for what strangers do


async def test_one_network_gets_fifty_failures_for_all_accounts(guarded: tuple[SignIn, Counting]) -> None:
    sign, _ = guarded
    told: dict[str, int] = {}
    for number in range(100):
        one = await guesses(sign, 1, f"user{number}@shop.example", lambda _n: "192.0.2.0/24")
        told = {kind: told.get(kind, 0) + one.get(kind, 0) for kind in {*told, *one}}
    assert told == {"NotSignedIn": 50, "Busy": 50}


async def test_guesses_made_all_at_once_are_counted_too(guarded: tuple[SignIn, Counting]) -> None:
    sign, hasher = guarded
    tries = [sign.by_password("ann@shop.example", f"guess {n}", "192.0.2.0/24") for n in range(500)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, NotSignedIn) for answer in answers) == hasher.verified == 10


async def test_guesses_from_everywhere_lock_out_nobody_who_is_known(guarded: tuple[SignIn, Counting]) -> None:
    sign, hasher = guarded
    user = await sign.store.people.add_user("ann@shop.example", "Ann", "agent", COMMAND)
    await sign.store.credentials.set_password(user.id, hasher.hash(PASSWORD), COMMAND)
    await sign.by_password("ann@shop.example", PASSWORD, "198.51.100.0/24")
    told = await guesses(sign, 2_000, "ann@shop.example", lambda n: f"10.{n // 250}.{n % 250}.0/24")
    assert told == {"NotSignedIn": 100, "Busy": 1_900}
    with pytest.raises(Busy):
        await sign.by_password("ann@shop.example", PASSWORD, "203.0.113.0/24")
    assert (await sign.by_password("ann@shop.example", PASSWORD, "198.51.100.0/24")).user.id == user.id


async def test_a_success_forgets_the_slips_before_it(guarded: tuple[SignIn, Counting]) -> None:
    sign, hasher = guarded
    user = await sign.store.people.add_user("ann@shop.example", "Ann", "agent", COMMAND)
    await sign.store.credentials.set_password(user.id, hasher.hash(PASSWORD), COMMAND)
    for _ in range(3):
        assert await guesses(sign, 9, "ann@shop.example", lambda _n: None) == {"NotSignedIn": 9}
        await sign.by_password("ann@shop.example", PASSWORD, None)


async def test_codes_are_guessed_ten_times_at_most(guarded: tuple[SignIn, Counting]) -> None:
    sign, hasher = guarded
    user = await sign.store.people.add_user("ann@shop.example", "Ann", "agent", COMMAND)
    await sign.store.credentials.set_password(user.id, hasher.hash(PASSWORD), COMMAND)
    secret = pyotp.random_base32()
    await sign.store.credentials.set_second_factor(user.id, secret, 0, [], COMMAND)
    started = await sign.by_password("ann@shop.example", PASSWORD, None)
    right = {code_of(secret, near) for near in (-2, -1, 0, 1, 2)}
    wrong = [code for code in (f"{n:06}" for n in range(1_010)) if code not in right][:1_000]
    told = []
    for code in wrong:
        try:
            await sign.by_code(started.token, code, None)
        except (Busy, BadInput) as error:
            told.append(type(error).__name__)
    assert (told.count("BadInput"), told.count("Busy")) == (10, 990)


def test_too_many_tries_are_a_clear_429(tmp_path: Path) -> None:
    with house(tmp_path) as site:
        for _ in range(10):
            assert log_in(site, "wrong", "nobody@shop.example").status_code == 401
        answer = log_in(site, "wrong", "nobody@shop.example")
    assert answer.status_code == 429
    assert 800 < int(answer.headers["retry-after"]) <= 900
    assert re.fullmatch(r"Too many tries; wait 1\d minutes, then try again\.", sentence(answer))


async def test_tries_are_counted_per_account_and_network_whatever_is_restarted(
    guarded: tuple[SignIn, Counting],
) -> None:
    book = guarded[0].store.tries
    for _ in range(10):
        await Tries(book).begin("a", "n1")
    for anew in range(2):
        with pytest.raises(Busy):
            await Tries(book).begin("a", "n1")
        await Tries(book).begin("a", f"n{anew + 2}")
        await Tries(book).begin("b", "n1")
    await Tries(book).succeeded("a", "n1")
    await Tries(book).begin("a", "n1")


# --- in a browser -------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_from_the_printed_link_to_a_second_factor_and_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path / "data") as (url, _), chromium() as started:
        page = started.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(printed_link(capsys))
        page.get_by_label("Your e-mail address").fill("ada@shop.example")
        page.get_by_label("Your name").fill("Ada <b>Boss</b>")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same again").fill("something else")
        page.get_by_role("button", name="Save and sign in").click()
        expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")
        page.get_by_label("The same again").fill(PASSWORD)
        page.get_by_role("button", name="Save and sign in").click()
        page.wait_for_url("**/account?setup=1")
        secret = set_up_factor(page)
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url("**/login")
        page.goto(f"{url}/admin/users")
        page.wait_for_url("**/login?next=/admin/users")
        page.get_by_label("E-mail address").fill("ada@shop.example")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_have_text("The address or the password is wrong.")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_label("Code").fill(code_of(secret, 1))
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url("**/admin/users")
        expect(page.get_by_role("row").filter(has_text="ada@shop.example")).to_contain_text("Ada <b>Boss</b>")


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What the server has said once it is ready; it says so in one piece."""
    said = ""
    for _ in range(500):
        said += capsys.readouterr().out
        if "Ready:" in said:
            return said
        time.sleep(0.02)
    raise AssertionError("the server did not say that it is ready")


def printed_link(capsys: pytest.CaptureFixture[str]) -> str:
    said = printed(capsys)
    found = re.search(r"No admin can sign in yet\. Open (http://\S+/setup/[\w-]{43}) to become one", said)
    assert found, said
    return found[1]


def set_up_factor(page: Page) -> str:
    page.locator("#factor").get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up", exact=True).click()
    expect(page.get_by_alt_text("QR code for your authenticator app")).to_be_visible()
    secret = page.locator(".key").inner_text().replace(" ", "")
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator(".codes")).to_be_visible()
    assert len(page.locator(".codes").inner_text().split()) == 8
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("8 recovery codes left")).to_be_visible()
    return secret


@pytest.mark.browser
def test_an_admin_adds_somebody_who_signs_in_and_is_out_when_disabled(tmp_path: Path) -> None:
    with served(tmp_path / "data") as (url, store), chromium() as started:
        boss = sign_in(store, "admin", name="Ada Boss")
        hers, his = started.new_context(), started.new_context(viewport={"width": 390, "height": 844})
        hers.add_cookies([{"name": COOKIE, "value": boss.token, "url": url}])
        admin, agent = hers.new_page(), his.new_page()
        admin.goto(f"{url}/admin/users")
        admin.get_by_role("button", name="Add a team").click()
        admin.get_by_role("dialog").get_by_label("Name").fill("Returns")
        admin.get_by_label("Languages").fill("de en")
        admin.get_by_role("button", name="Save").click()
        expect(admin.get_by_text("0 people · de, en")).to_be_visible()
        admin.get_by_role("button", name="Add somebody").click()
        dialog = admin.get_by_role("dialog")
        dialog.get_by_label("Name").fill("Bo Lind")
        dialog.get_by_label("E-mail address").fill("bo")
        dialog.get_by_role("button", name="Add").click()
        expect(dialog.get_by_role("alert")).to_contain_text("no e-mail address")
        dialog.get_by_label("E-mail address").fill("bo@shop.example")
        dialog.get_by_label("Team").select_option("Returns")
        dialog.get_by_role("button", name="Add").click()
        link = admin.get_by_label("One-time link").input_value()
        admin.evaluate(
            "() => Object.defineProperty(navigator, 'clipboard', { value: undefined })"
        )  # as over plain http
        admin.evaluate("() => addEventListener('copy', () => { window.taken = String(document.activeElement.value); })")
        admin.get_by_role("button", name="Copy the link").click()
        expect(admin.locator(".toast", has_text="Copied.")).to_be_visible()
        assert admin.evaluate("window.taken") == link
        admin.get_by_role("button", name="Close").click()
        agent.goto(link)
        agent.get_by_label("New password").fill(PASSWORD)
        agent.get_by_label("The same again").fill(PASSWORD)
        agent.get_by_role("button", name="Save and sign in").click()
        agent.wait_for_url("**/agents/")
        admin.reload()
        admin.get_by_role("button", name="More for Bo Lind").click()
        admin.get_by_role("button", name="Disable…").click()
        admin.get_by_role("button", name="Disable", exact=True).click()
        expect(admin.get_by_role("row").filter(has_text="Bo Lind")).to_contain_text("Disabled")
        expect(agent.get_by_role("link", name="Sign in again")).to_be_visible(timeout=10_000)
        agent.reload()
        agent.wait_for_url("**/login?next=/agents/")

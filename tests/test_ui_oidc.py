"""Signing in with a company account, against a sign-in service that the tests start themselves."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from chatbot.errors import SettingsError
from chatbot.settings import Settings
from storage.audit import COMMAND
from tests.matrix import Scene, Who, everyone
from tests.oidc_provider import CLIENT, SECRET, FakeProvider, provider
from tests.staff import COOKIE, House, done, house
from tests.test_ui_matrix import routes_of, status_of
from ui.staff.oidc import provider_of

NEVER = "http://127.0.0.1:9"  # nobody listens on the discard port


@pytest.fixture(scope="module")
def service() -> Iterator[FakeProvider]:
    with provider() as fake:
        yield fake


@pytest.fixture(scope="module")
def site(service: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    given = {"oidc_issuer": service.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    with house(tmp_path_factory.mktemp("oidc"), settings=given) as made:
        yield made


@pytest.fixture(autouse=True)
def anew(site: House, service: FakeProvider) -> None:
    site.client.cookies.clear()
    service.key, service.header = None, {}


def user(site: House, email: str, role: Any = "agent") -> Any:
    return done(site.store.people.add_user(email, "Ann Lee", role, COMMAND))


def go(site: House, way: str = "/agents/transcripts") -> Any:
    """To the service and back; the answer of our callback."""
    return site.client.get(back_from_service(site, way))


def back_from_service(site: House, way: str = "/agents/") -> str:
    there = site.client.get("/login/oidc", params={"next": way})
    assert there.status_code == 303
    back = urlsplit(httpx.get(there.headers["location"]).headers["location"])
    return f"{back.path}?{back.query}"


def test_a_user_signs_in_by_the_verified_address_then_by_the_lasting_id(site: House, service: FakeProvider) -> None:
    ann = user(site, "ann@shop.example")
    service.person("Ann@shop.example")
    answer = go(site)
    assert (answer.status_code, answer.headers["location"]) == (303, "/agents/transcripts")
    assert site.client.get("/account/api/me").json()["email"] == "ann@shop.example"
    site.client.cookies.clear()
    service.person("ann.married@shop.example")  # the address changed, the account is the same
    assert go(site).headers["location"] == "/agents/transcripts"
    token = site.client.cookies[COOKIE]
    signed_in = done(site.store.sessions.signed_in(token))
    assert signed_in is not None
    assert signed_in.id == ann.id


def test_nobody_is_added_by_signing_in(site: House, service: FakeProvider) -> None:
    before = len(done(site.store.people.everyone()))
    service.person("stranger@shop.example", "stranger")
    assert go(site).headers["location"] == "/login?problem=unknown"
    assert len(done(site.store.people.everyone())) == before
    assert COOKIE not in site.client.cookies
    newest = done(site.store.audit.entries(limit=1))[0]
    assert newest.action == "session.refused"
    assert "@" not in str(newest.target)


def test_who_is_disabled_stays_out(site: House, service: FakeProvider) -> None:
    gone = user(site, "gone@shop.example")
    service.person("gone@shop.example", "gone")
    assert go(site).headers["location"] == "/agents/transcripts"
    done(site.store.people.disable(gone.id, COMMAND))
    site.client.cookies.clear()
    assert go(site).headers["location"] == "/login?problem=unknown"


def test_an_address_does_not_move_to_another_account(site: House, service: FakeProvider) -> None:
    user(site, "bo@shop.example")
    service.person("bo@shop.example", "bo")
    assert go(site).headers["location"] == "/agents/transcripts"
    site.client.cookies.clear()
    service.person("bo@shop.example", "somebody who got the address later")
    assert go(site).headers["location"] == "/login?problem=unknown"


def test_a_second_factor_of_ours_is_asked_for_all_the_same(site: House, service: FakeProvider) -> None:
    boss = user(site, "boss@shop.example", "admin")
    service.person("boss@shop.example", "boss")
    assert go(site).headers["location"] == "/account?setup=1"
    done(site.store.credentials.set_second_factor(boss.id, "JBSWY3DPEHPK3PXP", 0, [], COMMAND))
    site.client.cookies.clear()
    assert go(site, "/admin/users").headers["location"] == "/login?step=code&next=/admin/users"
    assert site.client.get("/account/api/me").status_code == 401


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "for somebody else": {"aud": "another-client"},
    "for several, not us": {"aud": [CLIENT, "other"], "azp": "other"},
    "expired": {"exp": 1_000_000_000},
    "no expiry": {"exp": None},
    "replayed": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "not verified": {"email_verified": False},
    "not said whether verified": {"email_verified": None},
    "no address": {"email": None},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_that_is_not_right_lets_nobody_in(site: House, service: FakeProvider, wrong: str) -> None:
    service.person("ann@shop.example")
    service.claims |= WRONG[wrong]
    assert go(site).headers["location"] == "/login?problem=failed"
    assert COOKIE not in site.client.cookies


def test_a_token_signed_by_somebody_else_lets_nobody_in(site: House, service: FakeProvider) -> None:
    service.person("ann@shop.example")
    service.key = RSAKey.generate_key(2048, {"kid": "one"})
    assert go(site).headers["location"] == "/login?problem=failed"


def test_new_keys_of_the_service_are_fetched(site: House, service: FakeProvider) -> None:
    user(site, "cy@shop.example")
    service.person("cy@shop.example", "cy")
    service.published = RSAKey.generate_key(2048, {"kid": f"new {time.time()}"})
    assert go(site).headers["location"] == "/agents/transcripts"


def test_a_sign_in_that_began_in_another_browser_is_refused(site: House, service: FakeProvider) -> None:
    service.person("ann@shop.example")
    back = back_from_service(site)
    site.client.cookies.clear()
    assert site.client.get(back).headers["location"] == "/login?problem=failed"
    other = back_from_service(site)
    forged = re.sub(r"state=[^&]+", "state=forged", other)
    assert site.client.get(forged).headers["location"] == "/login?problem=failed"
    assert site.client.get("/login/oidc/callback?error=access_denied").headers["location"] == "/login?problem=failed"


def test_a_code_is_good_once(site: House, service: FakeProvider) -> None:
    user(site, "once@shop.example")
    service.person("once@shop.example", "once")
    cookies, back = site.client.cookies, back_from_service(site)
    kept = dict(cookies)
    assert site.client.get(back).headers["location"] == "/agents/"
    site.client.cookies.clear()
    site.client.cookies.update(kept)
    assert site.client.get(back).headers["location"] == "/login?problem=failed"


def test_the_request_carries_state_nonce_and_pkce(site: House) -> None:
    asked = parse_qs(urlsplit(site.client.get("/login/oidc").headers["location"]).query)
    assert {"state", "nonce", "code_challenge", "redirect_uri"} <= set(asked)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid email profile"]
    assert "company account" not in site.client.get("/login").text
    assert '"oidc": true' in site.client.get("/login").text


@pytest.mark.parametrize("who", Who)
def test_its_routes_stand_open_to_everybody_and_are_all(site: House, who: Who) -> None:
    more = {path for _, path in routes_of(site.app.routes) if "oidc" in path}
    assert more == {"/login/oidc", "/login/oidc/callback"}
    for path in more:
        assert status_of(site, "GET", path, everyone(303), Scene(site, who))[0] == 303


def test_a_service_that_is_away_is_said_on_the_login_page(tmp_path: Path) -> None:
    given = {"oidc_issuer": NEVER, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    with house(tmp_path, settings=given) as site:
        assert site.client.get("/login/oidc").headers["location"] == "/login?problem=away"


def test_half_a_setting_and_a_missing_library_are_said_in_a_sentence(tmp_path: Path) -> None:
    assert provider_of(Settings(data=tmp_path)) is None
    with pytest.raises(SettingsError, match="oidc_client_id and oidc_client_secret are needed"):
        provider_of(Settings(data=tmp_path, oidc_issuer="https://login.shop.example"))
    whole = Settings(
        data=tmp_path, oidc_issuer="https://login.shop.example", oidc_client_id="x", oidc_client_secret="y"
    )
    assert provider_of(whole) is not None
    with mock.patch.dict(sys.modules, {"authlib": None}), pytest.raises(SettingsError, match=r"precedent\[oidc\]"):
        provider_of(whole)

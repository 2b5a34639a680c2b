"""SQLAlchemy engines with the settings that keep our promises; must not know tables.

The pragmas and limits are those of the design: measured with `scripts/bench_store.py`.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from chatbot.errors import SettingsError, StorageError

DATABASE_FILE = "precedent.sqlite3"
READERS = 4
POSTGRES_POOL = 10
POSTGRES_OVERFLOW = 10

# Below it, two checkpoints at once can corrupt a WAL database: https://www.sqlite.org/wal.html#walresetbug
_SAFE_WAL = (3, 51, 3)
_PRAGMAS = (
    "busy_timeout=5000",
    "synchronous=FULL",
    "foreign_keys=ON",
    "mmap_size=0",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "secure_delete=ON",
    "journal_size_limit=16777216",
)
_dump = functools.partial(json.dumps, ensure_ascii=False)


def read_url(url: str | None, data: Path) -> URL:
    """The database to use: `url`, or a SQLite file in the data folder. Raises SettingsError, never with a password."""
    if url is None:
        return URL.create("sqlite+pysqlite", database=str(data / DATABASE_FILE))
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise SettingsError("database_url is not a URL; write postgresql://user:password@host/database.") from exc
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return parsed.set(drivername="sqlite+pysqlite")
    if kind in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(
        f"database_url = {kind}://... does not work: take postgresql://user:password@host/database or sqlite:///file."
    )


def place_of(url: URL) -> str:
    """Where the database is, fit to be shown: a path, or host:port/name without user and password."""
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}:{url.port or 5432}/{url.database or ''}"


def sqlite_writer(url: URL) -> Engine:
    """For the one writer. Transactions are IMMEDIATE: a read that becomes a write fails despite the timeout."""
    refuse_old_sqlite(dbapi2.sqlite_version_info)
    engine = create_engine(url, module=dbapi2, json_serializer=_dump, pool_size=1, max_overflow=1)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        _run(connection, *_PRAGMAS, "auto_vacuum=INCREMENTAL", "journal_mode=WAL")
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode != "wal":
            raise StorageError(
                f"The folder of {url.database} allows no write-ahead log (a network drive?): use a local disk."
            )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def sqlite_readers(url: URL) -> Engine:
    """A pool of connections that cannot write; a transaction sees one state of the database."""
    engine = create_engine(url, module=dbapi2, json_serializer=_dump, pool_size=READERS, max_overflow=2)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        _run(connection, *_PRAGMAS, "query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def postgres(url: URL) -> Engine:
    """One pool for reads and writes. Times out rather than waits: a lock 2 s, a statement 10 s, a connection 5 s."""
    return create_engine(
        url,
        json_serializer=_dump,
        pool_size=POSTGRES_POOL,
        max_overflow=POSTGRES_OVERFLOW,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "precedent",
            "options": "-c lock_timeout=2s -c statement_timeout=10s -c idle_in_transaction_session_timeout=600s",
        },
    )


def refuse_old_sqlite(version: tuple[int, ...]) -> None:
    """Raises StorageError below 3.51.3, where write-ahead logging can corrupt the file."""
    if version < _SAFE_WAL:
        raise StorageError(
            f"SQLite {'.'.join(map(str, version))} can damage the database; at least {'.'.join(map(str, _SAFE_WAL))} "
            "is needed: install the package pysqlite3 again."
        )


def _run(connection: Any, *pragmas: str) -> None:
    connection.isolation_level = None  # the driver opens no transaction by itself; our events do
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}").fetchall()
    cursor.close()

"""The migrations make the schema that the tables describe, on both databases, and refuse one from the future."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from chatbot.errors import StorageError
from chatbot.types import Source
from storage import engines
from storage.audit import Actor
from storage.migrating import make_config
from storage.opening import open_store
from storage.tables import Rows

SMALL_BALLAST = 1 << 20
SEARCH = {"message_search", "transcript_search"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("empty_postgres_url")) if request.param == "postgres" else None


def differences(connection: Connection) -> list[object]:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return not (kind == "table" and name is not None and name.partition("_search")[0] + "_search" in SEARCH)

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
    found = list(compare_metadata(context, Rows.metadata))
    if connection.dialect.name == "sqlite":  # SQLAlchemy reads no ON DELETE of a key that stands with its column
        found = [one for one in found if not (isinstance(one, tuple) and str(one[0]).endswith("_fk"))]
        found += sorted(keys(connection) ^ wanted_keys())
    return found


def keys(connection: Connection) -> set[tuple[str, ...]]:
    asked = 'SELECT "from", "table", "to", on_delete FROM pragma_foreign_key_list(:name)'
    return {
        (name, *map(str, row))
        for name in Rows.metadata.tables
        for row in connection.execute(text(asked), {"name": name})
    }


def wanted_keys() -> set[tuple[str, ...]]:
    return {
        (name, key.parent.name, key.column.table.name, key.column.name, str(key.ondelete))
        for name, table in Rows.metadata.tables.items()
        for key in table.foreign_keys
    }


def at_revision(url: str, revision: str, *statements: str) -> None:
    """A database as an older version of the program left it."""
    engine = engines.sqlite_writer(engines.read_url(url, Path()))
    with engine.begin() as connection:
        command.upgrade(make_config(connection), revision)
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def checks(connection: Connection) -> dict[str, set[str | None]]:
    found = inspect(connection)
    return {table: {c["name"] for c in found.get_check_constraints(table)} for table in Rows.metadata.tables}


def test_migrations_make_what_the_tables_describe(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert store.database.read(differences).result() == []
        wanted = {
            name: {str(c.name) for c in table.constraints if str(c.name).startswith("ck_")}
            for name, table in Rows.metadata.tables.items()
        }
        assert store.database.read(checks).result() == wanted
        assert {key[-1] for key in wanted_keys()} == {"CASCADE", "SET NULL"}  # every key says what happens
        names = set(store.database.read(lambda c: inspect(c).get_table_names()).result())
        shadows = {name for name in names if name.partition("_search")[0] + "_search" in SEARCH}
        assert names - shadows == set(Rows.metadata.tables) | {"alembic_version"}


def test_the_comparison_sees_a_difference(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        store.database.write(lambda c: c.execute(text("ALTER TABLE messages ADD COLUMN more INTEGER"))).result()
        assert store.database.read(differences).result() != []


def test_opening_again_changes_nothing_and_a_newer_database_is_refused(url: str | None, tmp_path: Path) -> None:
    for _ in range(2):
        with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
            assert store.transcripts.counts().transcripts == 0
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        store.database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'"))).result()
    with pytest.raises(StorageError, match="newer version"):
        open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST)


def test_programs_that_start_together_all_come_up(url: str | None, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\nfrom storage.opening import open_store\n"
        "with open_store(sys.argv[1] or None, pathlib.Path(sys.argv[2]), ballast_bytes=1 << 20) as store:\n"
        "    print(store.transcripts.counts().transcripts)"
    )
    command = [sys.executable, "-W", "error", "-c", script, url or "", str(tmp_path)]
    root = Path(__file__).parents[1]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)})
        for _ in range(3)
    ]
    assert [child.communicate(timeout=60)[0].strip() for child in started] == [b"0"] * 3


def test_who_waited_before_the_queue_was_kept_waits_on(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    at_revision(
        database,
        "0001",
        "INSERT INTO conversations (id, owner, status, created_at, updated_at, last_seq) VALUES "
        "('a', 'o', 'waiting', '2025-01-01 00:00:00.000000', '2025-01-02 00:00:00.000000', 0),"
        "('b', 'o', 'bot', '2025-01-01 00:00:00.000000', '2025-01-03 00:00:00.000000', 0)",
    )
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        rows = store.database.read(
            lambda c: c.execute(text("SELECT id, waiting_since FROM conversations ORDER BY id")).all()
        ).result()
    assert [(row.id, str(row.waiting_since)[:10]) for row in rows] == [("a", "2025-01-02"), ("b", "None")]


def test_a_source_stored_before_kinds_were_kept_is_a_past_chat(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    at_revision(
        database,
        "0002",
        "INSERT INTO conversations (id, owner, status, created_at, updated_at, last_seq) VALUES "
        "('a', 'o', 'bot', '2025-01-01 00:00:00.000000', '2025-01-02 00:00:00.000000', 2)",
        "INSERT INTO messages (id, conversation_id, seq, role, text, created_at) VALUES "
        "(1, 'a', 1, 'customer', 'How long?', '2025-01-01 00:00:00.000000'),"
        "(2, 'a', 2, 'bot', '30 days.', '2025-01-01 00:00:00.000000')",
        "INSERT INTO replies (message_id, conversation_id, answers_seq, action, reason, confidence, offered, mode, language, "
        "partial, quick_replies, timings_ms, checks, degraded) VALUES "
        "(2, 'a', 1, 'answer', 'sure', 0.9, 0, 'precedent', 'en', 0, '[]', '{}', '[]', '[]')",
        "INSERT INTO reply_sources (message_id, position, passage_id, transcript_id, turn_id, question, answer, score) VALUES "
        "(2, 0, 'p', 'c', 1, 'q', 'a', 0.5)",
    )
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        reply = asyncio.run(store.conversations.messages("a", "o"))[1].reply
    assert reply is not None
    assert reply.sources == (Source("p", "c", 1, "q", "a", 0.5, kind="chat"),)


def test_the_first_words_of_replies_stored_before_have_their_column(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    timings = ('{"search": 2.0, "first": 27.5}', '{"search": 2.0}', "{}")
    replies = ",".join(
        f"({n}, 'a', {n}, 'answer', 'sure', 0.9, 0, 'precedent', 'en', 0, '[]', '{each}', '[]', '[]')"
        for n, each in enumerate(timings, 1)
    )
    at_revision(
        database,
        "0005",
        "INSERT INTO conversations (id, owner, status, created_at, updated_at, last_seq) VALUES "
        "('a', 'o', 'bot', '2025-01-01 00:00:00.000000', '2025-01-02 00:00:00.000000', 3)",
        "INSERT INTO messages (id, conversation_id, seq, role, text, created_at) VALUES "
        + ",".join(f"({n}, 'a', {n}, 'bot', '30 days.', '2025-01-01 00:00:00.000000')" for n in (1, 2, 3)),
        "INSERT INTO replies (message_id, conversation_id, answers_seq, action, reason, confidence, offered, mode, language, "
        f"partial, quick_replies, timings_ms, checks, degraded) VALUES {replies}",
    )
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        found = store.database.read(lambda c: c.execute(text("SELECT first_ms FROM replies ORDER BY message_id")).all())
        assert [row.first_ms for row in found.result()] == [27.5, None, None]


def test_a_database_of_the_first_version_is_brought_up_whole(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    at_revision(database, "0001")
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert store.database.read(differences).result() == []


def test_the_audit_log_takes_no_change(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        asyncio.run(store.audit.record(Actor(7, "7 Ann Lee"), "transcript.view", "conversation:a", {"messages": 3}))
        for change in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
            with pytest.raises(StorageError):
                store.database.write(lambda c, change=change: c.execute(text(change))).result()  # type: ignore[misc]
        (entry,) = asyncio.run(store.audit.entries(target="conversation:a"))
    assert (entry.actor, entry.action, entry.detail) == ("7 Ann Lee", "transcript.view", {"messages": 3})

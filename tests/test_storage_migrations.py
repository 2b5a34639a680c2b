"""The migrations make the schema that the tables describe, on both databases, and refuse one from the future."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from chatbot.errors import StorageError
from chatbot.protocols import ConversationStore
from chatbot.types import Action, Decision, Mode, Reply, Source
from storage.opening import open_store
from storage.tables import Rows

SMALL_BALLAST = 1 << 20
SEARCH = {"message_search", "transcript_search"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


def differences(connection: Connection) -> list[object]:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return not (kind == "table" and name is not None and name.partition("_search")[0] + "_search" in SEARCH)

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
    return list(compare_metadata(context, Rows.metadata))


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
        keys = store.database.read(
            lambda c: {
                k["options"].get("ondelete") for t in Rows.metadata.tables for k in inspect(c).get_foreign_keys(t)
            }
        ).result()
        assert keys == {"CASCADE", "SET NULL"}
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
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        store.database.write(
            lambda c: [
                c.execute(
                    text(
                        "INSERT INTO conversations (id, owner, status, created_at, updated_at, last_seq) VALUES "
                        "('a', 'o', 'waiting', '2025-01-01 00:00:00.000000', '2025-01-02 00:00:00.000000', 0),"
                        "('b', 'o', 'bot', '2025-01-01 00:00:00.000000', '2025-01-03 00:00:00.000000', 0)"
                    )
                ),
                c.execute(text("ALTER TABLE conversations DROP COLUMN waiting_since")),
                c.execute(text("ALTER TABLE reply_sources DROP COLUMN kind")),
                c.execute(text("UPDATE alembic_version SET version_num = '0001'")),
            ]
        ).result()
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        rows = store.database.read(
            lambda c: c.execute(text("SELECT id, waiting_since FROM conversations ORDER BY id")).all()
        ).result()
    assert [(row.id, str(row.waiting_since)[:10]) for row in rows] == [("a", "2025-01-02"), ("b", "None")]


def test_a_source_stored_before_kinds_were_kept_is_a_past_chat(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    reply = Reply(
        "30 days.", Decision(Action.ANSWER, "sure", 0.9), Mode.PRECEDENT, "en", (Source("p", "c", 1, "q", "a", 0.5),)
    )

    async def answered(conversations: ConversationStore) -> str:
        made = await conversations.create_conversation("o")
        await conversations.add_customer_message(made.id, "o", "How long?", "k1")
        await conversations.add_reply(made.id, replace(reply, sources=(replace(reply.sources[0], kind="faq"),)), 1)
        return made.id

    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        chat = asyncio.run(answered(store.conversations))
        store.database.write(
            lambda c: [
                c.execute(text("ALTER TABLE reply_sources DROP COLUMN kind")),
                c.execute(text("UPDATE alembic_version SET version_num = '0002'")),
            ]
        ).result()
    with open_store(database, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert asyncio.run(store.conversations.messages(chat, "o"))[1].reply == reply

"""A full disk, a database that goes away, connections that break: said plainly, nothing lost, no restart needed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from chatbot.errors import StorageError
from storage.ballast import Ballast
from storage.opening import Store, open_store
from tests.postgres import start_postgres

MB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small disk is not permitted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


async def send_until_refused(store: Store, conversation_id: str, start: int) -> int:
    """How many were acknowledged before the disk was full."""
    sent = 0

    async def send() -> None:
        nonlocal sent
        while True:
            await store.conversations.add_customer_message(conversation_id, "me", "words " * 300, f"id {start + sent}")
            sent += 1

    with pytest.raises(StorageError, match=r"is full, so this was not saved"):
        await send()
    return sent


async def count(store: Store, conversation_id: str) -> int:
    return len(await store.conversations.messages(conversation_id, "me", limit=100_000))


def test_a_full_disk_is_survived_without_a_restart(small_disk: Path) -> None:
    data = small_disk / "data"

    async def rounds(store: Store) -> None:
        ballast = Ballast(data / "ballast", 4 * MB)
        mine = await store.conversations.create_conversation("me")
        saved = 0
        for turn in range(5):
            bulky = await store.conversations.create_conversation("bulky")
            for number in range(200):
                await store.conversations.add_customer_message(bulky.id, "bulky", "bulk " * 400, str(number))
            filler = fill(small_disk)
            saved += await send_until_refused(store, mine.id, saved)
            assert await count(store, mine.id) == saved, "reads work, and what was refused is not there"
            assert ballast.is_held()
            assert await store.conversations.delete_owner("bulky") == 1, "erasing works on a full disk"
            filler.unlink()
            _, is_new = await store.conversations.add_customer_message(mine.id, "me", "again", f"id {saved}")
            assert is_new
            saved += 1
            assert ballast.is_held(), f"the ballast is back, round {turn}"
        assert [m.seq for m in await store.conversations.messages(mine.id, "me", limit=100_000)] == [
            *range(1, saved + 1)
        ]

    with open_store(None, data, server=True, ballast_bytes=4 * MB) as store:
        asyncio.run(rounds(store))
    with open_store(None, data, server=True, ballast_bytes=4 * MB):
        pass  # and the file is whole: a server checks it


def test_the_ballast_is_given_up_for_erasing(small_disk: Path) -> None:
    """With a log that has to grow, erasing needs room that only the ballast can give."""
    data = small_disk / "data"

    async def bulk(store: Store) -> None:
        for owner in ("bulky", "me"):
            made = await store.conversations.create_conversation(owner)
            for number in range(1500):
                await store.conversations.add_customer_message(made.id, owner, f"bulk{number} " * 100, str(number))

    with open_store(None, data, ballast_bytes=6 * MB) as store:
        asyncio.run(bulk(store))
    with open_store(None, data, ballast_bytes=6 * MB) as store:  # a new log, of no size
        given_up: list[Ballast] = []
        release = Ballast.release

        def release_and_tell(ballast: Ballast) -> None:
            given_up.append(ballast)
            release(ballast)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Ballast, "release", release_and_tell)
            fill(small_disk)
            assert asyncio.run(store.conversations.delete_owner("bulky")) == 1
        assert len(given_up) == 1
        assert asyncio.run(store.conversations.conversations_of("bulky")) == []


@pytest.mark.postgres
async def test_a_postgresql_that_stops_is_said_and_comes_back(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="precedent-stop-"))
    server = start_postgres(folder / "pg")
    with open_store(server.get_uri(), tmp_path) as store:
        made = await store.conversations.create_conversation("me")
        await store.conversations.add_customer_message(made.id, "me", "before", "1")
        server.stop()
        with pytest.raises(StorageError, match="cannot be reached, so this was not saved"):
            await store.conversations.add_customer_message(made.id, "me", "while away", "2")
        with pytest.raises(StorageError, match=r"cannot be reached\."):
            await store.conversations.messages(made.id, "me")
        with pytest.raises(StorageError, match=r"cannot be reached\."):
            list(store.transcripts.passages())
        server.ensure_postgres_running()
        await store.conversations.add_customer_message(made.id, "me", "after", "3")
        assert [m.text for m in await store.conversations.messages(made.id, "me")] == ["before", "after"]
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgres
async def test_a_broken_connection_is_tried_again_and_doubles_nothing(postgres_url: str, tmp_path: Path) -> None:
    with open_store(postgres_url, tmp_path) as store:
        made = await store.conversations.create_conversation("me")

        async def break_connections(times: int) -> None:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            with psycopg.connect(postgres_url, autocommit=True) as admin:
                for _ in range(times):
                    await asyncio.to_thread(admin.execute, cut + " AND datname = current_database()")
                    await asyncio.sleep(0.05)

        # A write is tried four times, so three cuts can stop none.
        breaking = asyncio.create_task(break_connections(3))
        sent = [store.conversations.add_customer_message(made.id, "me", str(n), f"id {n}") for n in range(300)]
        saved = {message.seq: message.text for message, _ in await asyncio.gather(*sent)}
        await breaking
        stored = {m.seq: m.text for m in await store.conversations.messages(made.id, "me", limit=500)}
        assert saved == stored
        assert sorted(stored) == list(range(1, 301))
        assert len(set(stored.values())) == 300


@pytest.mark.postgres
async def test_a_locked_row_is_not_waited_for_for_ever(postgres_url: str, tmp_path: Path) -> None:
    with open_store(postgres_url, tmp_path) as store:
        made = await store.conversations.create_conversation("me")
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT * FROM conversations FOR UPDATE")
            with pytest.raises(StorageError, match="took too long"):
                await store.conversations.add_customer_message(made.id, "me", "hello", "1")
        _, is_new = await store.conversations.add_customer_message(made.id, "me", "hello", "1")
        assert is_new


def test_a_read_that_fails_speaks_of_no_saving(tmp_path: Path) -> None:
    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT * FROM no_such_table")

    with open_store(None, tmp_path, ballast_bytes=MB) as store:
        with pytest.raises(StorageError, match="refused the request") as read:
            store.database.read(broken).result()
        with pytest.raises(StorageError, match="refused the request") as written:
            store.database.write(broken).result()
        with pytest.raises(StorageError, match="refused the request") as streamed, store.database.stream() as rows:
            broken(rows)
    assert "saved" not in str(read.value) + str(streamed.value)
    assert str(written.value).endswith(", so this was not saved.")


def test_another_programs_long_write_is_said(tmp_path: Path) -> None:
    with open_store(None, tmp_path, ballast_bytes=MB) as store, open_store(None, tmp_path, ballast_bytes=MB) as other:
        for each in (store, other):
            each.database.write(lambda c: c.execute(text("SELECT 1"))).result()
        with other.database.writer_engine.begin(), pytest.MonkeyPatch.context() as patch:  # type: ignore[attr-defined]
            patch.setattr(store.database.writer_engine, "begin", _impatient(store))  # type: ignore[attr-defined]
            with pytest.raises(StorageError, match="busy with another"):
                asyncio.run(store.conversations.create_conversation("o"))
        asyncio.run(store.conversations.create_conversation("o"))


def _impatient(store: Store) -> object:
    """The engine's `begin` on a connection that waits 10 ms for a lock rather than 5 s."""
    engine = store.database.writer_engine  # type: ignore[attr-defined]
    begin = engine.begin

    def begin_soon() -> object:
        raw = engine.raw_connection()
        raw.cursor().execute("PRAGMA busy_timeout=10").fetchall()
        raw.close()
        return begin()

    return begin_soon

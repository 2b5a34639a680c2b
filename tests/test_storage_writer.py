"""The one writer: commits in groups, keeps jobs apart, acknowledges after the commit, closes in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import Connection, event, text

from chatbot.errors import Busy, NotFound, StorageError
from storage.ballast import Ballast
from storage.engines import read_url, refuse_old_sqlite, sqlite_readers, sqlite_writer
from storage.writer import GROUP, Writer

INSERT = text("INSERT INTO t (n) VALUES (:n)")


class Rig:
    """A writer on a table of unique numbers, with a gate that holds it within a job."""

    def __init__(self, folder: Path, capacity: int = 4096) -> None:
        url = read_url(None, folder)
        self.engine = sqlite_writer(url)
        self.readers = sqlite_readers(url)
        with self.engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
        self.commits = 0
        event.listen(self.engine, "commit", self._count)
        self.ballast = Ballast(folder / "ballast", 1 << 16)
        self.writer = Writer(self.engine, self.ballast, "here", capacity)
        self.gate = threading.Event()
        self.held = threading.Event()

    def _count(self, _connection: Any) -> None:
        self.commits += 1

    def hold(self) -> Any:
        def wait_for_gate(_connection: Connection) -> None:
            self.held.set()
            assert self.gate.wait(30)

        future = self.writer.submit(wait_for_gate)
        assert self.held.wait(30)
        return future

    def put(self, number: int) -> Any:
        return self.writer.submit(lambda c: c.execute(INSERT, {"n": number}).rowcount)

    def numbers(self) -> list[int]:
        with self.readers.connect() as connection:
            return list(connection.execute(text("SELECT n FROM t ORDER BY n")).scalars())

    def end(self) -> None:
        self.gate.set()
        self.writer.close()
        self.engine.dispose()
        self.readers.dispose()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.end()


def test_waiting_jobs_share_a_commit(rig: Rig) -> None:
    first = rig.hold()
    waiting = [rig.put(number) for number in range(2 * GROUP)]
    rig.gate.set()
    wait([first, *waiting], timeout=30)
    assert rig.commits == 3, "the held job, then two groups"
    assert rig.numbers() == list(range(2 * GROUP))


def test_a_failing_job_takes_no_neighbour_with_it(rig: Rig) -> None:
    def insert_then_fail(connection: Connection) -> None:
        connection.execute(INSERT, {"n": 100})
        raise NotFound("mine")

    rig.hold()
    good, refused, twice, last = rig.put(1), rig.writer.submit(insert_then_fail), rig.put(1), rig.put(2)
    rig.gate.set()
    assert (good.result(30), last.result(30)) == (1, 1)
    with pytest.raises(NotFound, match="mine"):
        refused.result(30)
    with pytest.raises(StorageError):
        twice.result(30)
    assert rig.numbers() == [1, 2]


def test_nothing_is_acknowledged_before_the_commit(rig: Rig) -> None:
    rig.hold()
    seen_at_commit = []
    event.listen(rig.engine, "commit", lambda _: seen_at_commit.append([f.done() for f in jobs]))
    jobs = [rig.put(number) for number in range(3)]
    rig.gate.set()
    wait(jobs, timeout=30)
    assert seen_at_commit[-1] == [False, False, False]


def test_a_failed_commit_acknowledges_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.hold()
    jobs = [rig.put(number) for number in range(3)]

    def fail(_connection: Any) -> None:
        raise dbapi2.OperationalError("power went")

    monkeypatch.setattr(rig.engine.dialect, "do_commit", fail)
    rig.gate.set()
    for job in jobs:
        assert job.exception(30) is not None
    monkeypatch.undo()
    assert rig.put(9).result(30) == 1
    assert rig.numbers() == [9]


def test_a_full_queue_says_busy(tmp_path: Path) -> None:
    rig = Rig(tmp_path, capacity=2)
    rig.hold()
    taken = [rig.put(1), rig.put(2)]
    with pytest.raises(Busy, match="not saved"):
        rig.put(3)
    rig.gate.set()
    wait(taken, timeout=30)
    assert rig.numbers() == [1, 2]
    rig.end()


def test_closing_finishes_what_was_taken_and_refuses_the_rest(rig: Rig) -> None:
    rig.hold()
    taken = [rig.put(number) for number in range(100)]
    closing = threading.Thread(target=rig.writer.close)
    closing.start()

    def put_until_refused() -> None:
        while True:
            taken.append(rig.put(len(taken)))

    with pytest.raises(StorageError, match="closing"):
        put_until_refused()
    rig.gate.set()
    closing.join(30)
    assert [future.result(0) for future in taken] == [1] * len(taken)
    assert rig.numbers() == list(range(len(taken)))


def test_a_cancelled_job_that_has_not_begun_is_not_done(rig: Rig) -> None:
    rig.hold()
    cancelled, kept = rig.put(1), rig.put(2)
    assert cancelled.cancel()
    rig.gate.set()
    assert kept.result(30) == 1
    with pytest.raises(CancelledError):
        cancelled.result(30)
    assert rig.numbers() == [2]


def test_without_ballast_only_erasing_is_done(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.put(1).result(30)
    monkeypatch.setattr(Ballast, "restore", lambda _self: False)
    with pytest.raises(StorageError, match="full"):
        rig.put(2).result(30)
    assert rig.writer.submit(lambda c: c.execute(text("DELETE FROM t")).rowcount, cleaning=True).result(30) == 1
    monkeypatch.undo()
    assert rig.put(3).result(30) == 1
    assert rig.numbers() == [3]


def test_the_settings_that_keep_the_promises_are_set(rig: Rig) -> None:
    wanted = {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000, "mmap_size": 0,
        "trusted_schema": 0, "cell_size_check": 1, "secure_delete": 1,
    }  # fmt: skip
    for engine, query_only in ((rig.engine, 0), (rig.readers, 1)):
        with engine.connect() as connection:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in [*wanted, "query_only"]}
        assert found == {**wanted, "query_only": query_only, "mmap_size": found["mmap_size"]}
        assert not found["mmap_size"]


def test_readers_cannot_write(rig: Rig) -> None:
    with rig.readers.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(INSERT, {"n": 1})


@pytest.mark.parametrize(("version", "is_refused"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False)])
def test_an_old_sqlite_is_refused(version: tuple[int, ...], is_refused: bool) -> None:
    if is_refused:
        with pytest.raises(StorageError, match="pysqlite3"):
            refuse_old_sqlite(version)
    else:
        refuse_old_sqlite(version)

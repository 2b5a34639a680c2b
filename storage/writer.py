"""The one thread that writes to SQLite: a bounded queue, many jobs a commit; must not know what a job does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chatbot.errors import Busy, StorageError
from storage.ballast import Ballast
from storage.trouble import DiskFull, disk_full, explain, is_transaction_lost

GROUP = 64
CAPACITY = 4096
_VACUUM_PAGES = 10_000  # 40 MB a time, so that chats do not wait long for a big erasure's tidying

T = TypeVar("T")
Work = Callable[[Connection], T]


@dataclass(slots=True)
class _Job:
    run: Work[Any]
    cleaning: bool = False
    compacting: bool = False
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Lives as long as the store; any thread may submit. A future is done only after the commit.

    Jobs of one commit are apart by savepoints: a job that fails takes none of the others with it. A job may run twice
    (when a neighbour filled the disk), so it must have no effect but on its connection.
    """

    def __init__(self, engine: Engine, ballast: Ballast, place: str, capacity: int = CAPACITY) -> None:
        self._engine = engine
        self._ballast = ballast
        self._place = place
        self._queue: queue.Queue[_Job | None] = queue.Queue(capacity)
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Work[T], *, cleaning: bool = False) -> Future[T]:
        """Queues a job. `cleaning` jobs erase: they may use the ballast when the disk is full.

        Raises Busy when the queue is full and StorageError after `close`.
        """
        job = _Job(run, cleaning)
        self._put(job)
        return job.future

    def _put(self, job: _Job) -> None:
        with self._gate:
            if self._closed:
                raise StorageError("The store is closing, so this was not saved; send it again in a moment.")
            try:
                self._queue.put_nowait(job)
            except queue.Full as exc:
                raise Busy("Too many messages at once, so this was not saved; send it again.", 1.0) from exc

    def compact(self) -> Future[bool]:
        """Rewrites the whole file, which is the only way to what page splits have left in the gaps of pages: secure_delete
        does not reach it (https://www.sqlite.org/pragma.html#pragma_secure_delete). Other writes wait meanwhile, and it takes
        as much memory as the file is large. False when it could not be done now."""
        job = _Job(_nothing, cleaning=True, compacting=True)
        self._put(job)
        return job.future

    def close(self) -> None:
        """Refuses new jobs, finishes those that were taken, and returns when the last is committed."""
        with self._gate:
            first = not self._closed
            self._closed = True
        if first:
            self._queue.put(None)
        self._thread.join()

    def _loop(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs, more = self._gather(first)
            running = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if running:
                self._write(running)
            if not more:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs = [first]
        while len(jobs) < GROUP:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, False
            jobs.append(job)
        return jobs, True

    def _write(self, jobs: Sequence[_Job]) -> None:
        try:
            allowed = self._refuse_without_ballast(jobs)
            self._commit(allowed)
            for job in allowed:
                if job.compacting and job.error is None:
                    job.result = self._run_raw("VACUUM")
            if any(job.cleaning and job.error is None for job in allowed):
                self._tidy()
        except Exception as exc:  # noqa: BLE001 - the thread must outlive whatever happened; the callers get it
            for job in jobs:
                job.error = job.error or exc
        for job in jobs:
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    def _refuse_without_ballast(self, jobs: Sequence[_Job]) -> list[_Job]:
        if self._ballast.restore():
            return list(jobs)
        for job in jobs:
            if not job.cleaning:
                job.error = disk_full(self._place)
        return [job for job in jobs if job.cleaning]

    def _commit(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        try:
            with self._engine.begin() as connection:
                for job in jobs:
                    _run_apart(connection, job, self._place)
        except SQLAlchemyError as exc:
            self._recover(jobs, explain(exc, self._place, writing=True))

    def _recover(self, jobs: Sequence[_Job], error: StorageError) -> None:
        """Nothing of the group was saved. On a full disk each job is tried alone: what is small may still fit."""
        if not isinstance(error, DiskFull):
            for job in jobs:
                job.error = error
        elif len(jobs) > 1:
            for job in jobs:
                self._commit([job])
        elif jobs[0].cleaning and self._ballast.is_held():
            self._ballast.release()
            self._commit(jobs)
        else:
            jobs[0].error = error

    def _tidy(self) -> None:
        """Gives freed pages back to the disk and empties the log, where old pages still hold what was erased."""
        self._run_raw(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})", "PRAGMA wal_checkpoint(TRUNCATE)")
        self._ballast.restore()

    def _run_raw(self, *statements: str) -> bool:
        """Outside of transactions. False when a reader or another program was in the way: the next time does it."""
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            for statement in statements:
                cursor.execute(statement).fetchall()
        except self._engine.dialect.dbapi.Error:  # type: ignore[union-attr]
            return False
        finally:
            raw.close()
        return True


def _nothing(_connection: Connection) -> None:
    """For a job that asks only for what comes after the commit."""


def _run_apart(connection: Connection, job: _Job, place: str) -> None:
    """Runs the job within a savepoint; raises only when the whole transaction is lost."""
    job.result = job.error = None
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        job.result = job.run(connection)
    except DBAPIError as exc:
        if is_transaction_lost(exc):
            raise
        job.error = explain(exc, place, writing=True)
    except Exception as exc:  # noqa: BLE001 - the job's own error belongs to its caller, not to its neighbours
        job.error = exc
    if job.error is not None:
        connection.exec_driver_sql("ROLLBACK TO job")
    connection.exec_driver_sql("RELEASE job")

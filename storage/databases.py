"""The two databases behind one small face: `write`, `read`, `stream`. Must not know tables."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chatbot.errors import StorageError
from storage import engines
from storage.ballast import Ballast
from storage.trouble import explain, is_worth_a_retry
from storage.writer import Work, Writer

T = TypeVar("T")
_PAUSES_S = (0.02, 0.1, 0.5)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(7203115002)")  # any number that only we use
_UNLOCK = text("SELECT pg_advisory_unlock(7203115002)")


class Database(Protocol):
    """Lives as long as the store; any thread may call. It raises ChatbotErrors only."""

    place: str
    dialect: str

    def write(self, work: Work[T], *, cleaning: bool = False) -> Future[T]:
        """Done after the commit. `work` may run more than once and must have no effect but on its connection."""

    def read(self, work: Work[T]) -> Future[T]: ...

    def stream(self) -> contextlib.AbstractContextManager[Connection]:
        """A connection for a long read in the caller's own thread: rows come in pieces, of one state."""

    def alone(self, wait_s: float) -> contextlib.AbstractContextManager[bool]:
        """True when no other import runs on this database, on any machine; then none can begin meanwhile."""

    def settle(self, *, compact_below: int) -> bool:
        """After an erasure: nothing of what went may be left in free space or in the log. Compacts a file below so many bytes.

        False when that could not be done now: something was in the way, or the file is larger.
        """

    def close(self) -> None: ...


class Sqlite:
    """One writer thread and a pool of readers on one file."""

    dialect = "sqlite"

    def __init__(self, url: URL, ballast: Ballast) -> None:
        self.place = engines.place_of(url)
        self.writer_engine = engines.sqlite_writer(url)
        self._readers = engines.sqlite_readers(url)
        self._threads = ThreadPoolExecutor(engines.READERS, "store-reader")
        self._writer = Writer(self.writer_engine, ballast, self.place)

    def write(self, work: Work[T], *, cleaning: bool = False) -> Future[T]:
        return self._writer.submit(work, cleaning=cleaning)

    def read(self, work: Work[T]) -> Future[T]:
        return _submit(self._threads, lambda: _once(self._readers, work, self.place))

    @contextlib.contextmanager
    def stream(self) -> Iterator[Connection]:
        with _speaking_plainly(self.place), self._readers.connect() as connection:
            yield connection.execution_options(yield_per=500)

    @contextlib.contextmanager
    def alone(self, wait_s: float) -> Iterator[bool]:
        # Not thread-local: an import may be begun and ended by different threads.
        lock = FileLock(f"{self.place}.import.lock", thread_local=False)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def settle(self, *, compact_below: int) -> bool:
        log, small = Path(f"{self.place}-wal"), Path(self.place).stat().st_size < compact_below
        compacted = False
        for pause_s in (*_PAUSES_S, 1.0, 2.0):
            if small and not compacted:
                compacted = self._writer.compact().result()
            else:
                self.write(_nothing, cleaning=True).result()
            if not log.exists() or log.stat().st_size == 0:
                return compacted
            time.sleep(pause_s)
        return False

    def close(self) -> None:
        self._writer.close()
        self._threads.shutdown()
        self._readers.dispose()
        self.writer_engine.dispose()


class Postgres:
    """A pool of connections; a write that loses its connection or a race is tried again."""

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self.place = engines.place_of(url)
        self.writer_engine = engines.postgres(url)
        self._threads = ThreadPoolExecutor(engines.POSTGRES_POOL + engines.POSTGRES_OVERFLOW, "store")

    def write(self, work: Work[T], *, cleaning: bool = False) -> Future[T]:
        return _submit(self._threads, lambda: self._retried(work, writing=True))

    def read(self, work: Work[T]) -> Future[T]:
        return _submit(self._threads, lambda: self._retried(work, writing=False))

    @contextlib.contextmanager
    def stream(self) -> Iterator[Connection]:
        with _speaking_plainly(self.place), self.writer_engine.connect() as connection:
            yield connection.execution_options(yield_per=500)

    @contextlib.contextmanager
    def alone(self, wait_s: float) -> Iterator[bool]:
        with _speaking_plainly(self.place), self.writer_engine.connect() as connection:
            # Autocommit: the lock belongs to the session, and no transaction stays open for the length of an import.
            session = connection.execution_options(isolation_level="AUTOCOMMIT")
            deadline = time.monotonic() + wait_s
            while not (mine := bool(session.execute(_TRY_LOCK).scalar_one())) and time.monotonic() < deadline:
                time.sleep(0.1)
            try:
                yield mine
            finally:
                if mine:
                    session.execute(_UNLOCK)

    def settle(self, *, compact_below: int) -> bool:
        return True  # the server's own log and vacuum are its administrator's

    def close(self) -> None:
        self._threads.shutdown()
        self.writer_engine.dispose()

    def _retried(self, work: Work[T], *, writing: bool) -> T:
        for pause_s in _PAUSES_S:
            try:
                with self.writer_engine.begin() as connection:
                    return work(connection)
            except DBAPIError as exc:
                if not is_worth_a_retry(exc):
                    raise explain(exc, self.place, writing=writing) from exc
            time.sleep(pause_s)
        return _once(self.writer_engine, work, self.place, writing=writing)


def _nothing(_connection: Connection) -> None:
    """A job that asks for nothing but the tidying after it."""


def _once(engine: Engine, work: Work[T], place: str, *, writing: bool = False) -> T:
    with _speaking_plainly(place, writing=writing), engine.begin() as connection:
        return work(connection)


@contextlib.contextmanager
def _speaking_plainly(place: str, *, writing: bool = False) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        raise explain(exc, place, writing=writing) from exc


def _submit(threads: ThreadPoolExecutor, call: Callable[[], T]) -> Future[T]:
    try:
        return threads.submit(call)
    except RuntimeError as exc:
        raise StorageError("The store is closing, so this was not done; try again in a moment.") from exc

"""Opens a deployment's store: locks, checks, migrations; must not know what is asked of the tables."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from chatbot.errors import StorageError
from chatbot.types import Passage, Transcript
from storage import desk_tables, engines, views  # noqa: F401 - desk_tables registers its tables
from storage.archive import Archive
from storage.audit import Audit
from storage.ballast import BALLAST_BYTES, Ballast
from storage.canned import CannedAnswers
from storage.cases import Cases
from storage.conversations import SqlConversations
from storage.copilot import CopilotUses
from storage.corrections import Corrections
from storage.credentials import Credentials
from storage.databases import Database, Postgres, Sqlite
from storage.desk import Desk
from storage.figures import FigureBook
from storage.gaps import Gaps
from storage.knowledge import Knowledge
from storage.links import Links
from storage.locks import FolderLocks, make_folder
from storage.migrating import migrate
from storage.people import People
from storage.retention import Retention
from storage.reviews import Reviews
from storage.rights import Rights
from storage.sessions import Sessions
from storage.teams import Teams
from storage.transcripts import Transcripts
from storage.tries import TryBook
from storage.trouble import explain
from storage.votes import Votes


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that a deployment keeps in SQL. A context manager: leaving it commits what was taken and lets go."""

    database: Database
    locks: FolderLocks
    conversations: SqlConversations = field(init=False)
    transcripts: Transcripts = field(init=False)
    audit: Audit = field(init=False)
    archive: Archive = field(init=False)
    reviews: Reviews = field(init=False)
    people: People = field(init=False)
    corrections: Corrections = field(init=False)
    knowledge: Knowledge = field(init=False)
    cases: Cases = field(init=False)
    rights: Rights = field(init=False)
    retention: Retention = field(init=False)
    credentials: Credentials = field(init=False)
    sessions: Sessions = field(init=False)
    links: Links = field(init=False)
    tries: TryBook = field(init=False)
    teams: Teams = field(init=False)
    desk: Desk = field(init=False)
    figures: FigureBook = field(init=False)
    gaps: Gaps = field(init=False)
    canned: CannedAnswers = field(init=False)
    copilot: CopilotUses = field(init=False)
    votes: Votes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conversations", SqlConversations(self.database))
        object.__setattr__(self, "transcripts", Transcripts(self.database))
        object.__setattr__(self, "audit", Audit(self.database))
        object.__setattr__(self, "archive", Archive(self.database))
        object.__setattr__(self, "reviews", Reviews(self.database))
        object.__setattr__(self, "people", People(self.database))
        object.__setattr__(self, "corrections", Corrections(self.database))
        object.__setattr__(self, "knowledge", Knowledge(self.database))
        object.__setattr__(self, "cases", Cases(self.database))
        object.__setattr__(self, "rights", Rights(self.database, self.locks.folder))
        object.__setattr__(self, "retention", Retention(self.database, self.rights))
        object.__setattr__(self, "credentials", Credentials(self.database))
        object.__setattr__(self, "sessions", Sessions(self.database))
        object.__setattr__(self, "links", Links(self.database))
        object.__setattr__(self, "tries", TryBook(self.database))
        object.__setattr__(self, "teams", Teams(self.database))
        object.__setattr__(self, "desk", Desk(self.database))
        object.__setattr__(self, "figures", FigureBook(self.database))
        object.__setattr__(self, "gaps", Gaps(self.database))
        object.__setattr__(self, "canned", CannedAnswers(self.database))
        object.__setattr__(self, "copilot", CopilotUses(self.database))
        object.__setattr__(self, "votes", Votes(self.database))

    def live_transcripts(self) -> Iterator[Transcript]:
        """Every live conversation, oldest first, for the export; from one state of the database."""
        with self.database.stream() as connection:
            yield from views.live_transcripts(connection)

    def to_index(self) -> Iterator[tuple[Passage, str | None]]:
        """What an index holds before near-duplicates are collapsed: each passage in use with the name of the agent who gave the
        answer, where that is known, then the team's answers under the questions of what they replaced."""
        yield from self.transcripts.signed_passages()
        yield from ((passage, None) for passage in self.knowledge.inherited())

    def check(self) -> None:
        """Raises StorageError when the database does not answer a read; for /readyz. Blocks: call it in a thread."""
        try:
            self.database.read(_select_one).result(timeout=15)
        except TimeoutError as exc:
            raise StorageError(f"The database {self.database.place} has not answered for 15 seconds.") from exc

    def close(self) -> None:
        """Finishes the writes that were taken. Calling it again does nothing."""
        self.database.close()
        self.locks.release_server()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(url: str | None, data: Path, *, server: bool = False, ballast_bytes: int = BALLAST_BYTES) -> Store:
    """Opens, and makes or migrates as needed, the database of the data folder `data`.

    url: `postgresql://...` or `sqlite:///...`; None is SQLite in the data folder.
    server: takes the folder's server lock, checks the whole SQLite file (quick_check) and asks for free space; scripts
    leave it False and may run beside a server.
    Raises SettingsError for the URL, StorageError for all that stands in the way: another server, a damaged or newer
    database, no space, no connection, a wrong password. No password is ever repeated.
    """
    parsed = engines.read_url(url, data)
    locks = FolderLocks(make_folder(data))
    if server:
        locks.take_server()
    try:
        with locks.opening():
            database = _open_sqlite(parsed, ballast_bytes, server) if _is_sqlite(parsed) else _open_postgres(parsed)
    except BaseException:
        locks.release_server()
        raise
    store = Store(database, locks)
    try:
        store.transcripts.clean_leftovers()
        store.rights.restore_missing()
    except BaseException:
        store.close()
        raise
    return store


def _is_sqlite(url: URL) -> bool:
    return url.drivername.startswith("sqlite")


def _open_sqlite(url: URL, ballast_bytes: int, server: bool) -> Database:
    folder = make_folder(Path(str(url.database)).absolute().parent)
    ballast = Ballast(folder / "ballast", ballast_bytes)
    if not ballast.restore() and server:
        free, needed = shutil.disk_usage(folder).free // 2**20, ballast_bytes * 5 // 4 // 2**20
        raise StorageError(
            f"The disk of {folder} has {free} MB free and {needed} MB are needed: free some space there."
        )
    database = Sqlite(url, ballast)
    with _closed_on_failure(database):
        if server:
            _quick_check(database)
        migrate(database.writer_engine, database.place)
    return database


def _open_postgres(url: URL) -> Database:
    database = Postgres(url)
    with _closed_on_failure(database):
        migrate(database.writer_engine, database.place)
    return database


@contextlib.contextmanager
def _closed_on_failure(database: Database) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        database.close()
        raise explain(exc, database.place) from exc
    except BaseException:
        database.close()
        raise


def _quick_check(database: Database) -> None:
    found = database.read(lambda c: c.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()).result()
    if found != "ok":
        raise StorageError(
            f"The database {database.place} is damaged: put the last backup in its place, then start again."
        )


def _select_one(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")

"""Turns a database driver's error into one sentence for a person; never repeats statements, values or passwords."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chatbot.errors import StorageError

# Primary result codes, https://www.sqlite.org/rescode.html
_SQLITE_BUSY, _SQLITE_LOCKED, _SQLITE_READONLY, _SQLITE_IOERR, _SQLITE_CORRUPT = 5, 6, 8, 10, 11
_SQLITE_FULL, _SQLITE_CANTOPEN, _SQLITE_NOTADB = 13, 14, 26
# After these SQLite may have rolled the whole transaction back by itself, https://www.sqlite.org/lang_transaction.html
_TRANSACTION_LOST = {_SQLITE_IOERR, _SQLITE_FULL, _SQLITE_BUSY, _SQLITE_CORRUPT, 7}

# SQLSTATE, https://www.postgresql.org/docs/18/errcodes-appendix.html
_RETRY_STATES = {"40001", "40P01", "57P01", "57P02", "57P03"}
_PASSWORD_STATES = {"28000", "28P01"}
_SLOW_STATES = {"55P03", "57014"}


class DiskFull(StorageError):  # noqa: N818 - a state of the world, like the core's errors
    """No room for the write; deleting still works."""


def disk_full(place: str, *, writing: bool = True) -> DiskFull:
    """`place`: the data folder, for the admin who has to make room."""
    return DiskFull(f"The disk of {place} is full{_effect(writing)}. Free some space; no restart is needed.")


def is_transaction_lost(exc: DBAPIError) -> bool:
    """Has SQLite given up the whole transaction, not just the statement?"""
    return _sqlite_code(exc) in _TRANSACTION_LOST


def is_worth_a_retry(exc: DBAPIError) -> bool:
    """A PostgreSQL conflict between transactions, or a connection that was lost (class 08, or no SQLSTATE at all)."""
    state = getattr(exc.orig, "sqlstate", None)
    if state is None:
        return exc.connection_invalidated or type(exc.orig).__name__ == "OperationalError"
    return state in _RETRY_STATES or str(state).startswith("08")


def explain(exc: SQLAlchemyError, place: str, *, writing: bool = False) -> StorageError:
    """`place`: the file or `host:port/database`, shown to admins. writing: was something to be saved? It was not, then."""
    effect = _effect(writing)
    if isinstance(exc, PoolTimeout):
        return StorageError(f"The database {place} has no free connection{effect}. Try again in a moment.")
    if not isinstance(exc, DBAPIError):
        return StorageError(f"The database {place} refused the request ({type(exc).__name__}){effect}.")
    code = _sqlite_code(exc)
    return _explain_postgres(exc, place, effect) if code is None else _explain_sqlite(code, place, writing)


def _effect(writing: bool) -> str:
    return ", so this was not saved" if writing else ""


def _sqlite_code(exc: DBAPIError) -> int | None:
    code = getattr(exc.orig, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _explain_sqlite(code: int, place: str, writing: bool) -> StorageError:
    effect = _effect(writing)
    if code == _SQLITE_FULL:
        return disk_full(place, writing=writing)
    if code in {_SQLITE_BUSY, _SQLITE_LOCKED}:
        return StorageError(f"The database {place} is busy with another program's write{effect}. Try again.")
    if code in {_SQLITE_CORRUPT, _SQLITE_NOTADB}:
        return StorageError(f"The database {place} is damaged: stop the server and put the last backup in its place.")
    if code in {_SQLITE_READONLY, _SQLITE_CANTOPEN}:
        return StorageError(f"The database {place} cannot be opened for writing: check the folder and its permissions.")
    if code == _SQLITE_IOERR:
        return StorageError(f"The disk of {place} gave an error{effect}: check the disk and its space.")
    return StorageError(f"The database {place} refused the request (SQLite code {code}){effect}.")


def _explain_postgres(exc: DBAPIError, place: str, effect: str) -> StorageError:
    state = getattr(exc.orig, "sqlstate", None)
    if state in _PASSWORD_STATES:
        return StorageError(f"The database {place} refuses the user or password; correct database_url.")
    if state == "3D000":
        return StorageError(f"There is no database at {place}; create it or correct database_url.")
    if state == "53100":
        return StorageError(f"The disk of the database {place} is full{effect}. Free some space there.")
    if state in _SLOW_STATES:
        return StorageError(f"The database {place} took too long{effect}. Try again in a moment.")
    if is_worth_a_retry(exc):
        return StorageError(
            f"The database {place} cannot be reached{effect}. Check that it runs, and the user, password and name in "
            "database_url."
        )
    return StorageError(f"The database {place} refused the request (SQLSTATE {state}){effect}.")

"""Brings a database to the newest schema; must not know what the tables are for."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, text

from chatbot.errors import StorageError

_POSTGRES_LOCK = 7_203_115_001  # any number that only we use: of two programs that start, one migrates


def migrate(engine: Engine, place: str) -> None:
    """All missing steps, in one transaction. Raises StorageError when the database is newer than the program."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _POSTGRES_LOCK})
        config = make_config(connection)
        newest = ScriptDirectory.from_config(config).get_current_head()
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
        try:
            command.upgrade(config, "head")
        except CommandError as exc:
            raise StorageError(
                f"The database {place} was written by a newer version of this program; install that version again."
            ) from exc


def make_config(connection: Connection) -> Config:
    """Alembic's settings without a file, so that an installed package works from anywhere."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config

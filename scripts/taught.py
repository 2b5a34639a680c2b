"""What people have changed in the knowledge, for commands that answer: read from the store beside a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chatbot.protocols import Knowledge
from chatbot.settings import Settings
from storage.engines import DATABASE_FILE
from storage.opening import open_store


@contextmanager
def changes_by_people(settings: Settings) -> Iterator[Knowledge | None]:
    """None where nothing was ever stored: a question makes no database. Raises StorageError when the store cannot be read, for
    an answer that a person has taken back must not be given."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    if url is None and not (settings.data / DATABASE_FILE).exists():
        yield None
        return
    with open_store(url, settings.data) as store:
        yield store.knowledge

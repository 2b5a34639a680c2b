"""Who may use a data folder at the same time: file locks that the system drops with the process; knows no SQL.

One *server* a folder: it alone serves chats, supervises models and checks the whole database when it starts. Scripts
(import, index, export, purge) run beside it: SQLite lets one writer in at a time, and they write in small transactions.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from chatbot.errors import StorageError


class FolderLocks:
    """Lives as long as the store. `folder` must exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = FileLock(folder / "server.lock", thread_local=False)

    def take_server(self) -> None:
        """Held until `release_server`. Raises StorageError when another server has this folder."""
        try:
            self._server.acquire(blocking=False)
        except Timeout as exc:
            raise StorageError(
                f"Another server already runs on the data folder {self.folder}: stop it, or choose another by --data."
            ) from exc
        except OSError as exc:
            raise _cannot_lock(self.folder, exc) from exc

    def release_server(self) -> None:
        """Does nothing when it is not held."""
        self._server.release()

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Of programs that start together one checks and migrates at a time. Raises StorageError after a minute."""
        try:
            with FileLock(self.folder / "opening.lock", timeout=60):
                yield
        except Timeout as exc:
            raise StorageError(
                f"Another program has been opening {self.folder} for a minute: try again when it is done."
            ) from exc


def make_folder(folder: Path) -> Path:
    """Makes the data folder, readable by its owner only. Raises StorageError when that cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise _cannot_lock(folder, exc) from exc
    if not os.access(folder, os.W_OK):
        raise StorageError(f"The data folder {folder} cannot be written to: check its permissions or choose another.")
    return folder


def _cannot_lock(folder: Path, exc: OSError) -> StorageError:
    return StorageError(f"The data folder {folder} cannot be used ({exc.strerror}): check it or choose another.")

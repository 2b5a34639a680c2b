"""The export that an admin has uploaded and not taken in yet: who reads it now, and its end by an erasure. Must not know formats.

Nobody can tell whose words such a file holds before it is imported, so every erasure deletes it. What is being received, looked at
or imported stays whole until that ends, and is deleted then.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from chatbot.errors import Conflict, StorageError

FOLDER = "uploads"
_DOOMED = "erase"  # an erasure came while it was read
_ERASED = ".erased"  # <upload>.erased: why it is gone
_WAIT_S = 5.0  # an erasure that deletes takes less


@dataclass(frozen=True, slots=True)
class Uploads:
    """What an erasure did: files deleted, and files that go as soon as nobody reads them any more."""

    removed: int = 0
    in_use: int = 0


def claim(data: Path) -> FileLock:
    """Whoever receives or reads an upload holds it until `release`. Raises Conflict while somebody else does."""
    lock = _lock(data)
    try:
        lock.acquire(timeout=_WAIT_S)
    except Timeout as exc:
        raise Conflict("Another export is being received or read; wait until that is done.") from exc
    return lock


def release(data: Path, lock: FileLock) -> None:
    """Ends a claim. If something was erased meanwhile, what is left of the upload goes now."""
    lock.release()
    if (data / FOLDER / _DOOMED).exists():
        delete_idle(data)


def delete_idle(data: Path, *, dry_run: bool = False) -> Uploads:
    """Deletes what nobody reads; what somebody reads is deleted by his `release`. Raises StorageError when the disk refuses."""
    folder = data / FOLDER
    files = sum(path.is_file() for path in folder.glob("*/*"))
    if not folder.is_dir():
        return Uploads()
    try:
        if not dry_run:
            (folder / _DOOMED).touch()  # before the lock is asked for: who holds it then sees this when he lets go
        with _lock(data).acquire(timeout=0):
            if not dry_run:
                _delete(folder)
    except Timeout:
        return Uploads(in_use=files)
    except FileNotFoundError:
        return Uploads()  # taken in or thrown away just now
    except OSError as exc:
        raise StorageError(f"{folder} cannot be emptied: {exc.strerror or exc}; run the erasure again.") from exc
    return Uploads(removed=files)


def was_erased(data: Path, upload: str) -> bool:
    """Is this upload gone because of an erasure?"""
    return (data / FOLDER / f"{upload}{_ERASED}").exists()


def _lock(data: Path) -> FileLock:
    return FileLock(data / f"{FOLDER}.lock", thread_local=False)


def _delete(folder: Path) -> None:
    for upload in [path for path in folder.iterdir() if path.is_dir()]:
        shutil.rmtree(upload)
        (folder / f"{upload.name}{_ERASED}").touch()
    with suppress(FileNotFoundError):
        (folder / _DOOMED).unlink()

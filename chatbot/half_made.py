"""Folders in which something is made before it counts: whose maker was killed is known, and they are cleared. Must not know what.

`<folder>/<prefix><random>/` holds `owner.lock`, which the maker's process holds as long as it lives (the kernel frees it), and
`made/` for the files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

COMPRESSING, CONVERTING, FITTING, SEARCHING = ".compressing-", ".converting-", ".fitting-", ".searching-"
ALL = (COMPRESSING, CONVERTING, FITTING, SEARCHING)
_OWNER, _MADE, _TURN = "owner.lock", "made", ".making.lock"


@contextmanager
def half_made(folder: Path, prefix: str) -> Iterator[Path]:
    """An empty folder inside `folder`, gone when the block is left; what killed makers left under this prefix goes first.

    The files may be moved out of it. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder, prefix)
    with _turn(folder):  # a folder is never seen without its owner
        own = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        owner = FileLock(own / _OWNER)
        owner.acquire()
    try:
        made = own / _MADE
        made.mkdir(mode=0o755)
        yield made
    finally:
        owner.release()
        shutil.rmtree(own, ignore_errors=True)


def clear_leftovers(folder: Path, *prefixes: str) -> list[str]:
    """Removes what killed makers left, and returns the names; what a living process makes stays. Raises OSError."""
    with _turn(folder):
        dead = leftovers(folder, *prefixes)
        for name in dead:
            shutil.rmtree(folder / name, ignore_errors=True)
    return dead


def leftovers(folder: Path, *prefixes: str) -> list[str]:
    """Names of folders under these prefixes whose maker is gone, sorted."""
    found = {path for prefix in prefixes for path in folder.glob(f"{prefix}*") if path.is_dir()}
    return sorted(path.name for path in found if not _owned(path))


def under_lock(folder: Path, prefix: str, lock: str) -> list[Path]:
    """The same for what is made while this lock of the folder is held: all of it, unless somebody holds the lock."""
    found = sorted(path for path in folder.glob(f"{prefix}*") if path.is_dir())
    if not found:
        return []
    try:
        with FileLock(folder / lock).acquire(timeout=0):
            return found
    except Timeout:
        return []


def _owned(path: Path) -> bool:
    try:
        with FileLock(path / _OWNER).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except FileNotFoundError:
        return False


def _turn(folder: Path) -> FileLock:
    return FileLock(folder / _TURN)

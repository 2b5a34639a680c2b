"""A file of ballast in the data folder, released when the disk is full so that erasing still works; knows no SQL."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

BALLAST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ballast:
    """While the file is there, a full disk refuses ordinary writes and `release` makes room for erasing ones.

    While it is not there and cannot be made again, the last bytes of the disk belong to erasing writes alone.
    """

    path: Path
    size: int = BALLAST_BYTES

    def is_held(self) -> bool:
        """Is the file there, whole?"""
        try:
            return self.path.stat().st_size >= self.size
        except FileNotFoundError:
            return False

    def restore(self) -> bool:
        """Makes the file unless it is there; False, leaving nothing, below 1.25 times its size of free space."""
        if self.is_held():
            return True
        if shutil.disk_usage(self.path.parent).free < self.size * 5 // 4:
            return False
        unfinished = self.path.with_suffix(f".{os.getpid()}")
        try:
            with unfinished.open("wb") as file:
                # Allocates blocks; a sparse file would hold nothing back.
                os.posix_fallocate(file.fileno(), 0, self.size)
            unfinished.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            return False
        return True

    def release(self) -> None:
        """Gives the room back to the disk."""
        self.path.unlink(missing_ok=True)

"""Whether a disk has room for what is about to be written. Must not know what that is."""

from __future__ import annotations

import shutil
from pathlib import Path

from chatbot.errors import UsageError


def need_room(
    folder: Path, needed: int, what: str, mend: str = "make room there, or name another folder with --data"
) -> None:
    """Raises UsageError when the disk of `folder`, which need not be there yet, has fewer than `needed` bytes free.

    what: begins the sentence, such as "The run"; mend: ends it.
    """
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UsageError(
            f"{what} needs about {needed / 1e6:.0f} MB in {folder}, and {free / 1e6:.0f} MB are free; {mend}."
        )

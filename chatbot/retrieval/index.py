"""Builds and publishes index versions; `list_versions`, `verify` and `rollback` beside it. Knows no SQL, no web."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chatbot.errors import IndexBroken, StorageError
from chatbot.protocols import Embedder
from chatbot.retrieval.building import Recipe, write_version
from chatbot.retrieval.embedding import Progress, no_progress
from chatbot.retrieval.manifest import Manifest, read_pointer, sync_folder, write_pointer
from chatbot.retrieval.passages import digest_of, to_line
from chatbot.retrieval.reading import OpenIndex
from chatbot.retrieval.vectors import Limits
from chatbot.retrieval.versions import (
    BUILDING,
    IndexVersion,
    building_lock,
    clean_leftovers,
    describe,
    list_versions,
    next_name,
    prune,
    rollback,
    verify,
)
from chatbot.retrieval.words import language_of
from chatbot.types import Passage

__all__ = ["KEEP", "IndexVersion", "Limits", "build_index", "list_versions", "rollback", "verify"]

KEEP = 5
_log = logging.getLogger(__name__)


def build_index(  # noqa: PLR0913 - what a build takes, and on what terms it is published
    passages: Iterable[Passage],
    embedder: Embedder,
    folder: Path,
    progress: Progress = no_progress,
    *,
    limits: Limits | None = None,
    keep: int = KEEP,
    spared: Collection[str] = (),
    announce: Callable[[], None] = lambda: None,
) -> IndexVersion:
    """Makes the index hold exactly these passages and publishes it as a new version, if anything changed.

    Only texts that the current version does not know are embedded. A build that is killed or fails leaves the current
    version as it was. progress(stage, done, total) is called from this thread. `keep` versions stay: the current one and
    the newest others, and the spared ones beside them. announce: called under the lock once the new version is whole, right before
    it is published; what it raises leaves the current version as it was.
    Raises Conflict while another build runs, ModelError, StorageError when the disk refuses.
    """
    everything = sorted(passages, key=lambda passage: language_of(passage.language))  # stable: order within stays
    content = digest_of(to_line(passage) for passage in everything)
    with _disk_errors(folder), building_lock(folder):
        clean_leftovers(folder)
        current = _sound_current(folder)
        if current and current.encoder == embedder.name:
            if current.content == content:
                prune(folder, keep, spared)
                return describe(folder / current.version, current, current=True)
            previous: Path | None = folder / current.version
        else:
            previous = None
        recipe = Recipe(embedder, limits or Limits(), previous, progress)
        made = Path(tempfile.mkdtemp(prefix=f"{BUILDING}{os.getpid()}-", dir=folder))
        try:
            manifest = write_version(made, next_name(folder), everything, content, recipe)
            progress("publish", 0, 1)
            OpenIndex(made)  # as a reader would, and only then readers find it
            announce()
            _publish(made, folder, manifest)
            progress("publish", 1, 1)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        prune(folder, keep, spared)
        return describe(folder / manifest.version, manifest, current=True, published=True)


def _publish(made: Path, folder: Path, manifest: Manifest) -> None:
    made.rename(folder / manifest.version)
    sync_folder(folder)
    write_pointer(folder, manifest.version)


def _sound_current(folder: Path) -> Manifest | None:
    """The current version's manifest if every byte of it is right; a broken one is built anew from nothing."""
    try:
        return verify(folder) if read_pointer(folder) else None
    except IndexBroken as exc:
        _log.warning("the current index is not used for the new one: %s", exc)
        return None


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StorageError(
            f"The index in {folder} cannot be written: {exc.strerror or exc}; free space there."
        ) from exc

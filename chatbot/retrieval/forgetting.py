"""Takes conversations out of every version of an index, texts and vectors alike; must not know why they go.

What is left of the current version is published anew from its own vectors, so no encoder is needed. Every older version that
held such a passage is deleted: a roll-back must not bring it back.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.errors import Conflict, IndexBroken, ModelError, StorageError
from chatbot.retrieval.building import Recipe, write_version
from chatbot.retrieval.embedding import no_progress
from chatbot.retrieval.manifest import Manifest, read_manifest, read_pointer, sync_folder, write_pointer
from chatbot.retrieval.passages import LINES, digest_of, from_line, to_line
from chatbot.retrieval.vectors import Limits
from chatbot.retrieval.versions import BUILDING, building_lock, clean_leftovers, list_versions, next_name
from chatbot.types import Passage, TokenVectors

Doomed = Callable[[str | None, str], bool]
_PAUSE_S = 0.2
_PATIENCE_S = 600.0  # a build that runs may hold what must go, so its end is waited for


@dataclass(frozen=True, slots=True)
class Forgotten:
    """passages: how many of them went; versions: those deleted; published: the new current version, None when nothing changed;
    shared: how many of the passages also stood for answers of other conversations, which a new index brings back."""

    passages: int = 0
    versions: tuple[str, ...] = ()
    published: str | None = None
    shared: int = 0


@dataclass(frozen=True, slots=True)
class _NoEncoder:
    """Stands where a build asks for an encoder; every text of the new version is known, so it is never used."""

    name: str
    dim: int

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise ModelError("The index lacks the vectors of texts that it holds; run `chatbot index`.")

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        raise ModelError("The index lacks the vectors of texts that it holds; run `chatbot index`.")


def forget(folder: Path, doomed: Doomed, *, dry_run: bool = False, patience_s: float = _PATIENCE_S) -> Forgotten:
    """Removes every passage whose (source, conversation id) is doomed, and every answer of the team under a question from there,
    from the current version and all others.

    A version that cannot be read is deleted too: nobody can tell what it holds. Raises Conflict when a build still runs after
    `patience_s`, StorageError when the disk refuses.
    """
    if not folder.is_dir():
        return Forgotten()
    if dry_run:
        return _count(folder, doomed)
    with _when_free(folder, patience_s):
        clean_leftovers(folder)
        found = _count(folder, doomed)
        published = None
        try:
            current = _current(folder)
            if current is not None and current.version in found.versions:
                published = _publish_rest(folder, current, doomed)
            for version in found.versions:
                shutil.rmtree(folder / version)
            sync_folder(folder)
        except OSError as exc:
            raise StorageError(
                f"The index in {folder} cannot be changed: {exc.strerror or exc}; run the erasure again."
            ) from exc
        return Forgotten(found.passages, found.versions, published, found.shared)


def older_than(folder: Path, moment: datetime) -> bool:
    """Is there a version made before `moment`? One that a restored backup brought back is."""
    made = [version.created_at for version in list_versions(folder)]
    return any(not at or datetime.fromisoformat(at) < moment for at in made)


def _count(folder: Path, doomed: Doomed) -> Forgotten:
    versions, gone = [], dict[str, int]()
    for version in list_versions(folder):
        try:
            mine = {one.id: one.count for one in _passages(version.folder) if _goes(one, doomed)}
        except (OSError, ValueError, TypeError):
            versions.append(version.name)
            continue
        if mine:
            versions.append(version.name)
            gone |= mine
    return Forgotten(len(gone), tuple(versions), None, sum(count > 1 for count in gone.values()))


def _publish_rest(folder: Path, current: Manifest, doomed: Doomed) -> str:
    """A new version without the doomed, checked as every build is. An index with nothing left is an empty version."""
    rest = [one for one in _passages(folder / current.version) if not _goes(one, doomed)]
    encoder = _NoEncoder(current.encoder, current.dim)
    recipe = Recipe(encoder, Limits(), folder / current.version, no_progress)
    made = Path(tempfile.mkdtemp(prefix=f"{BUILDING}{os.getpid()}-", dir=folder))
    try:
        content = digest_of(to_line(passage) for passage in rest)
        manifest = write_version(made, next_name(folder), rest, content, recipe)
        made.rename(folder / manifest.version)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    sync_folder(folder)
    write_pointer(folder, manifest.version)
    return manifest.version


def _goes(passage: Passage, doomed: Doomed) -> bool:
    """Its conversation is doomed, or the one that its question is from."""
    own = doomed(passage.source, passage.conversation_id)
    return own or (passage.asked_in is not None and doomed(*passage.asked_in))


def _passages(folder: Path) -> Iterator[Passage]:
    with (folder / LINES).open("rb") as file:
        for line in file:
            yield from_line(line)


def _current(folder: Path) -> Manifest | None:
    """None where there is no current version, or a broken one: then nothing can be carried over from it."""
    try:
        name = read_pointer(folder)
        return read_manifest(folder / name) if name else None
    except IndexBroken:
        return None


@contextmanager
def _when_free(folder: Path, patience_s: float) -> Iterator[None]:
    """The building lock, waited for."""
    until = time.monotonic() + patience_s
    while True:
        with ExitStack() as held:
            try:
                held.enter_context(building_lock(folder))
            except Conflict:
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)
                continue
            yield
            return

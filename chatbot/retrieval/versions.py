"""The versions of an index in their folder: list, verify, publish, roll back, prune; must not know what they hold."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from chatbot.errors import Conflict, IndexBroken, ModelError, NotFound
from chatbot.retrieval.embedding import Progress, no_progress
from chatbot.retrieval.manifest import (
    MANIFEST,
    POINTER,
    Manifest,
    check_files,
    read_manifest,
    read_pointer,
    write_pointer,
)

BUILDING = ".building-"
_NAME = re.compile(r"v\d{6}")


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One version as an admin sees it. `problem` is None for a sound one; `published` whether this build made it."""

    name: str
    folder: Path
    created_at: str = ""
    encoder: str = ""
    passages: int = 0
    conversations: int = 0
    languages: Mapping[str, int] | None = None
    fusion: Mapping[str, Mapping[str, float]] | None = None
    embedded: int = 0
    current: bool = False
    published: bool = False
    problem: str | None = None


def list_versions(folder: Path) -> list[IndexVersion]:
    """Every version, newest first; a broken manifest is told in `problem`. Files' hashes are left to `verify`."""
    current = _pointed_at(folder)
    return [_describe(folder / name, name == current) for name in reversed(_names(folder))]


def verify(folder: Path, version: str | None = None, progress: Progress = no_progress) -> Manifest:
    """Checks every byte of a version, the current one by default. Raises IndexBroken naming the file, NotFound."""
    name = version or read_pointer(folder)
    if name is None:
        raise IndexBroken(f"There is no index in {folder} yet; run `chatbot index`.")
    if name not in _names(folder):
        raise NotFound(f"There is no index version {name!r} in {folder}; `chatbot index list` shows them.")
    manifest = read_manifest(folder / name)
    done = 0

    def read(size: int) -> None:
        nonlocal done
        done += size
        progress("check bytes", done, manifest.size)

    check_files(folder / name, manifest, read)
    return manifest


def rollback(
    folder: Path,
    version: str | None = None,
    *,
    opens: Callable[[str], object] = lambda encoder: None,
    announce: Callable[[Manifest], None] = lambda manifest: None,
) -> IndexVersion:
    """Makes an older version current: the given one, else the newest sound one before the current.

    opens: given the name of a version's encoder, raises ModelError where that cannot search it: such a version is not sound.
    announce: called under the lock right before the pointer moves; what it raises leaves everything as it was.
    Raises IndexBroken or ModelError when the given one is not sound, NotFound when there is none to go back to, Conflict during a
    build.
    """
    with building_lock(folder):
        if version is not None:
            chosen = _opened(folder, version, opens)
        else:
            current = _pointed_at(folder)
            older = [name for name in reversed(_names(folder)) if current is None or name < current]
            chosen = _newest_sound(folder, older, opens)
        announce(chosen)
        write_pointer(folder, chosen.version)
        return describe(folder / chosen.version, chosen, current=True)


@contextmanager
def building_lock(folder: Path) -> Iterator[None]:
    """The right to change this folder, held by one process at a time. Raises Conflict at once when it is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as exc:
        raise Conflict(f"Another process is changing the index in {folder}; wait until it is done.") from exc
    try:
        yield
    finally:
        lock.release()


def next_name(folder: Path) -> str:
    """Numbers only go up, also after a roll-back: a name never means two different versions."""
    highest = max([*_names(folder), _pointed_at(folder) or "v000000"])
    return f"v{int(highest[1:]) + 1:06d}"


def clean_leftovers(folder: Path) -> None:
    """Removes what killed builds left; call it under the lock."""
    for path in folder.glob(f"{BUILDING}*"):
        shutil.rmtree(path, ignore_errors=True)
    for name in _names(folder):
        if not (folder / name / MANIFEST).exists():
            shutil.rmtree(folder / name, ignore_errors=True)


def prune(folder: Path, keep: int, spared: Collection[str] = ()) -> None:
    """Keeps the current version and the newest others, `keep` in all, and the spared; a reader's open files stay readable."""
    current = _pointed_at(folder)
    others = [name for name in reversed(_names(folder)) if name != current]
    for name in others[max(keep - 1, 0) :]:
        if name not in spared:
            shutil.rmtree(folder / name, ignore_errors=True)


def describe(folder: Path, manifest: Manifest, *, current: bool, published: bool = False) -> IndexVersion:
    """A manifest as an admin sees it."""
    return IndexVersion(
        name=manifest.version,
        folder=folder,
        created_at=manifest.created_at,
        encoder=manifest.encoder,
        passages=manifest.passages,
        conversations=manifest.conversations,
        languages={language: part.count for language, part in manifest.parts.items()},
        fusion={language: dict(part.fusion) for language, part in manifest.parts.items()},
        embedded=manifest.embedded,
        current=current,
        published=published,
    )


def _describe(folder: Path, current: bool) -> IndexVersion:
    try:
        return describe(folder, read_manifest(folder), current=current)
    except IndexBroken as exc:
        return IndexVersion(folder.name, folder, current=current, problem=str(exc))


def _opened(folder: Path, name: str, opens: Callable[[str], object]) -> Manifest:
    manifest = verify(folder, name)
    opens(manifest.encoder)
    return manifest


def _newest_sound(folder: Path, names: Sequence[str], opens: Callable[[str], object]) -> Manifest:
    for name in names:
        with suppress(IndexBroken, ModelError):
            return _opened(folder, name, opens)
    raise NotFound(f"There is no older sound index version in {folder}; run `chatbot index` to build a new one.")


def _pointed_at(folder: Path) -> str | None:
    """The name in the pointer even where its version is broken: a roll-back must know what to leave behind."""
    try:
        found = _NAME.search((folder / POINTER).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return found.group() if found else None


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())

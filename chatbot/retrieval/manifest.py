"""What makes an index folder trustworthy: sizes and hashes of its files, and the pointer to the current one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chatbot.errors import IndexBroken

FORMAT = 1
MANIFEST, POINTER = "manifest.json", "current"
_MEND = "run `chatbot index` to build it again from the database, or `chatbot index rollback`"
_VERSION = re.compile(r"v[0-9]{6}")
_CHUNK = 1 << 20


class _UnfitError(ValueError):
    """Says in words of ours why a file that can be read is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Part:
    """One language's slice of the passages, [start, start + count), with its fusion and its most asked rows.

    fitted: how many passages the fusion was fitted on; 0 where it is another language's, or the default.
    """

    start: int
    count: int
    kind: str
    fusion: Mapping[str, float] = field(default_factory=dict)
    popular: tuple[int, ...] = ()
    fitted: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index version holds. `content` is the digest of its passages, `files` maps name -> (bytes, SHA-256)."""

    version: str
    created_at: str
    encoder: str
    dim: int
    passages: int
    conversations: int
    texts: int
    embedded: int
    content: str
    sources: Mapping[str, int]
    first_seen: str | None
    last_seen: str | None
    parts: Mapping[str, Part]
    files: Mapping[str, tuple[int, str]]
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Bytes of all files but the manifest itself."""
        return sum(size for size, _ in self.files.values())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes and fsyncs the manifest; call it last. It carries its own digest, so that a flipped bit in it shows."""
    body = json.dumps(asdict(manifest), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    text = json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "manifest": body}, ensure_ascii=False)
    _write_synced(folder / MANIFEST, text.encode())
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks a version's manifest. Raises IndexBroken naming the file."""
    path = folder / MANIFEST
    try:
        sealed = json.loads(path.read_bytes())
        body = sealed["manifest"]
        if hashlib.sha256(body.encode()).hexdigest() != sealed["sha256"]:
            raise _UnfitError("its digest does not match")
        return _from_dict(json.loads(body))
    except OSError as exc:
        raise broken(path, str(exc.strerror)) from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise broken(
            path, str(exc) if isinstance(exc, _UnfitError) else "it is not what an index build writes"
        ) from exc


def check_files(folder: Path, manifest: Manifest, read: Callable[[int], None] = lambda size: None) -> None:
    """Compares every file with the manifest; `read` is told of every so many bytes. Raises IndexBroken naming the first file
    that differs."""
    for name, (size, digest) in manifest.files.items():
        path = folder / name
        try:
            found = path.stat().st_size
            if found != size:
                raise broken(path, f"it has {found} bytes in place of {size}")
            hashed = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    hashed.update(chunk)
                    read(len(chunk))
            if hashed.hexdigest() != digest:
                raise broken(path, "its SHA-256 differs from the manifest's")
        except OSError as exc:
            raise broken(path, str(exc.strerror)) from exc


def seal_files(folder: Path) -> dict[str, tuple[int, str]]:
    """fsyncs every file of a new version and returns their sizes and hashes."""
    sealed = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        sealed[path.name] = (path.stat().st_size, digest)
    return sealed


def write_pointer(folder: Path, version: str) -> None:
    """Makes `version` the current one, atomically and durably. The pointer carries the manifest's hash."""
    digest = hashlib.sha256((folder / version / MANIFEST).read_bytes()).hexdigest()
    temporary = folder / f".{POINTER}.new"
    _write_synced(temporary, f"{version} {digest}\n".encode())
    os.replace(temporary, folder / POINTER)
    sync_folder(folder)


def read_pointer(folder: Path) -> str | None:
    """Name of the current version; None where nothing was ever published. Raises IndexBroken naming the file."""
    path = folder / POINTER
    try:
        version, digest = _pointer_words(path)
        if hashlib.sha256((folder / version / MANIFEST).read_bytes()).hexdigest() != digest:
            raise broken(folder / version / MANIFEST, "its SHA-256 differs from the pointer's")
    except FileNotFoundError as exc:
        if not path.exists():
            return None
        raise broken(folder / version / MANIFEST, "it is not there, but the pointer names it") from exc
    except OSError as exc:
        raise broken(path, str(exc.strerror)) from exc
    return version


def _pointer_words(path: Path) -> tuple[str, str]:
    """Name and digest. Raises IndexBroken for anything else than what `write_pointer` writes."""
    words = path.read_bytes().decode("utf-8", "replace").split()
    if len(words) != 2 or not _VERSION.fullmatch(words[0]):
        raise broken(path, "it does not name a version")
    return words[0], words[1]


def broken(path: Path, why: str) -> IndexBroken:
    """The one sentence for every broken file: which, why, and what mends it."""
    return IndexBroken(f"The index file {path} is broken ({why}); {_MEND}.")


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable; the file's own fsync does not cover them."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _from_dict(raw: dict[str, Any]) -> Manifest:
    if raw.get("format") != FORMAT:
        raise _UnfitError(f"format {raw.get('format')!r}, this program reads {FORMAT}")
    parts = {name: Part(**(part | {"popular": tuple(part["popular"])})) for name, part in raw["parts"].items()}
    files = {name: (int(size), str(digest)) for name, (size, digest) in raw["files"].items()}
    if any(Path(name).name != name for name in files):
        raise _UnfitError("a file's name leads out of the folder")
    return Manifest(**(raw | {"parts": parts, "files": files}))

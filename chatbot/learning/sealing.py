"""Files that tell when they were changed: JSON with its own digest, and the hashes of a folder. Must not know what they mean."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.generation.folders import refuse_unsafe_names

DIGEST = "sha256"  # key of the digest of all other keys


class UnsealedError(ValueError):
    """The bytes are not what `seal` wrote; the text says in what way."""


def seal(content: Mapping[str, Any]) -> bytes:
    """Readable JSON that carries the SHA-256 of its own content."""
    plain = {key: value for key, value in content.items() if key != DIGEST}
    return (json.dumps({**plain, DIGEST: _digest(plain)}, ensure_ascii=False, indent=1) + "\n").encode()


def unseal(data: bytes) -> dict[str, Any]:
    """What was sealed. Raises UnsealedError when a single bit differs."""
    try:
        content = json.loads(data)
    except ValueError as exc:
        raise UnsealedError("it is not JSON") from exc
    if not isinstance(content, dict) or DIGEST not in content:
        raise UnsealedError("it carries no digest")
    claimed = content.pop(DIGEST)
    if claimed != _digest(content):
        raise UnsealedError("its digest does not match its content")
    return content


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path inside the folder, each made durable. Raises ModelError for what no model may hold:
    links, pickles, code, and anything that is no plain file."""
    refuse_unsafe_names(folder)
    found = {}
    for path in _plain_files(folder):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    return found


def check_files(folder: Path, expected: Mapping[str, str], *, besides: str) -> None:
    """Compares a folder with its hashes; `besides` may lie there without one. Raises ModelError naming the first that differs."""
    refuse_unsafe_names(folder)
    there = {path.relative_to(folder).as_posix() for path in _plain_files(folder)} - {besides}
    if strange := sorted(there - expected.keys()):
        raise broken(folder / strange[0], "it was put there later")
    for name, digest in sorted(expected.items()):
        path = folder / name
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as exc:
            raise broken(path, exc.strerror or type(exc).__name__) from exc
        if found != digest:
            raise broken(path, "its SHA-256 differs from the card's")


def broken(path: Path, why: str) -> ModelError:
    """The one sentence for every changed file of a version."""
    return ModelError(
        f"The model file {path} was changed or is broken ({why}); bring it back from a backup, or delete the version with "
        "`chatbot models delete` and make it again."
    )


def write_synced(path: Path, data: bytes) -> None:
    """Writes a file and waits until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable; a file's own fsync does not cover them."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain_files(folder: Path) -> list[Path]:
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ModelError(
                f"{path} is a link or no plain file, and a model version holds plain files only; remove it."
            )
        if path.is_file():
            files.append(path)
    return files


def _digest(content: Mapping[str, Any]) -> str:
    plain = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()

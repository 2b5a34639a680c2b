"""Model versions in their folder: added once, never changed, published and rolled back. Must not load a model.

`<models>/<version>/` holds a version's files with `card.json`, written last, that hashes them. What is half written lies in
a hidden folder and is cleared away by the next `add`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatbot.errors import Conflict, ModelError, NotFound, StorageError, UsageError
from chatbot.learning import published as pointer
from chatbot.learning.cards import CARD, KINDS, READABLE, TUPLES, Card, Kind, readable, strange_fields, to_bytes
from chatbot.learning.published import Entry, Published
from chatbot.learning.sealing import hash_files, sync_folder, write_synced
from chatbot.learning.versions import (
    STEMS,
    Version,
    describe,
    is_version,
    names_in,
    open_version,
    parsed,
    problems,
    read_card,
    versions,
)

__all__ = [
    "Card",
    "Entry",
    "Kind",
    "Version",
    "add",
    "before",
    "delete",
    "describe",
    "history",
    "is_version",
    "lies_in",
    "note",
    "open_version",
    "problems",
    "publish",
    "published",
    "published_card",
    "read_card",
    "rollback",
    "versions",
]

_ADDING = ".adding-"
_OF_THE_REGISTRY = ("name", "kind", "created_at", "files")


def add(models: Path, kind: Kind, made: Path, card_fields: Mapping[str, Any]) -> Card:
    """Copies the finished files of folder `made` into a new version and seals it; `made` stays and is the caller's to remove.

    card_fields: those of Card that the registry does not set itself (it sets name, kind, created_at, files). The same files,
    kind and parent again give the version that is there: a job that was killed after adding may add again.
    Raises ModelError for links, pickles and code, UsageError for unknown fields, StorageError when the disk refuses.
    """
    _check_fields(kind, card_fields)
    files = hash_files(made)
    if not files or CARD in files or READABLE in files:
        raise UsageError(
            f"{made} holds {'a card already' if files else 'nothing'}; give the folder of a model just made."
        )
    with pointer.locked(models):
        _clear_leftovers(models)
        if (twin := _same(models, kind, files, card_fields)) is not None:
            return twin
        name = _next_name(models, kind)
        tuples = {key: tuple(card_fields[key]) for key in TUPLES if key in card_fields}
        card = Card(name=name, kind=kind, created_at=_now(), files=files, **(dict(card_fields) | tuples))
        return _seal(models, made, card)


def published(models: Path, kind: Kind) -> str | None:
    """Name of the published version; None means the base model. Raises ModelError for a broken published.json."""
    return pointer.read(models).current.get(kind)


def published_card(models: Path, kind: Kind) -> Card | None:
    """The published version's card, the very one that was published. Raises ModelError."""
    now = pointer.read(models)
    name = now.current.get(kind)
    return None if name is None else read_card(models, name, now.cards.get(kind))


def history(models: Path) -> tuple[Entry, ...]:
    """All that was published and rolled back, oldest first."""
    return pointer.read(models).history


def publish(  # noqa: PLR0913 - what the history keeps
    models: Path,
    name: str,
    by: str,
    *,
    champion: str | None,
    reason: str | None = None,
    forced: bool = False,
    gate: Mapping[str, Any] | None = None,
) -> Entry:
    """Makes a version the published one of its kind; servers notice by themselves.

    champion: the version that it was judged against. Raises Conflict when another has been published since: of two publishers
    one wins. Raises UsageError for `forced` without a reason, ModelError when a file of the version was changed.
    """
    if forced and not (reason or "").strip():
        raise UsageError("Publishing against the gate's verdict needs a reason, which is kept: give --reason.")
    card = open_version(models, name).card
    with pointer.locked(models):
        now = pointer.read(models)
        current = now.current.get(card.kind)
        if current != champion:
            raise Conflict(
                f"{current or 'The base model'} is published by now, and {name} was judged against "
                f"{champion or 'the base model'}; compare and publish again."
            )
        if current == name:
            raise Conflict(f"{name} is published already.")
        entry = Entry(card.kind, name, current, _now(), by, reason, forced, gate)
        _move(models, now, entry)
    return entry


def before(models: Path, kind: Kind, current: str | None) -> list[str | None]:
    """What was in use before `current`, which is: newest first, the base (None) last. Raises ModelError."""
    return pointer.read(models).before(kind, current)


def note(models: Path, entry: Entry) -> None:
    """Keeps in the history what is published elsewhere: an encoder, whose pointer is the index. Raises StorageError, ModelError."""
    with pointer.locked(models):
        now = pointer.read(models)
        pointer.write(models, replace(now, history=(*now.history, entry)))


def rollback(models: Path, kind: Kind, by: str, *, reason: str | None = None) -> Entry:
    """Goes back to the newest sound version that was published before, at last to the base model.

    Raises NotFound when the base model is what is published.
    """
    with pointer.locked(models):
        now = pointer.read(models)
        for name in now.before(kind, now.current.get(kind)):
            if name is None or _sound(models, name):
                entry = Entry(kind, name, now.current.get(kind), _now(), by, reason, action="rollback")
                _move(models, now, entry)
                return entry
    told = "No heads are published" if kind == "heads" else f"The base {kind} is what is published"
    raise NotFound(f"{told}; there is nothing to go back to.")


def delete(models: Path, name: str) -> None:
    """Removes a version for good; its name is never given again. Raises NotFound, and Conflict while it is published or another
    was made from it."""
    if not is_version(name) or not (models / name).is_dir():
        raise NotFound(f"There is no model version {name!r} in {models}; `chatbot models list` shows them.")
    with pointer.locked(models):
        now = pointer.read(models)
        if name in now.current.values():
            raise Conflict(f"{name} is published; publish another or roll back first.")
        made_from = [one.name for one in versions(models) if one.parent == name or lies_in(one.base, models / name)]
        if others := [one for one in made_from if one != name]:
            raise Conflict(f"{', '.join(others)} was made from {name}; delete that first.")
        kind, number = parsed(name)
        highest = dict(now.highest) | {kind: max(number, now.highest.get(kind, 0))}
        pointer.write(models, replace(now, highest=highest))
        doomed = models / f"{_ADDING}deleted-{name}"  # a name that is never half a version, whenever the process dies
        (models / name).rename(doomed)
        shutil.rmtree(doomed)


def lies_in(named: str, version: Path) -> bool:
    """Whether what a card or a setting names is this version, its folder, or a file in it; a path that is not absolute may have
    been meant from another working folder."""
    at, own = Path(named).expanduser(), version.resolve()
    if own in (at.resolve(), *at.resolve().parents):
        return True
    return not at.is_absolute() and any(
        one.parts == own.parts[-len(one.parts) :] for one in (at, *at.parents) if one.parts
    )


# --- steps -------------------------------------------------------------------------------------------------------


def _move(models: Path, now: Published, entry: Entry) -> None:
    card = None if entry.version is None else (models / entry.version / CARD).read_bytes()
    pointer.write(models, now.moved(entry, None if card is None else hashlib.sha256(card).hexdigest()))


def _seal(models: Path, made: Path, card: Card) -> Card:
    half = Path(tempfile.mkdtemp(prefix=_ADDING, dir=models))
    try:
        shutil.copytree(made, half, dirs_exist_ok=True)
        (half / READABLE).write_text(readable(card), encoding="utf-8")
        sealed = replace(card, files=hash_files(half))
        if any(sealed.files[name] != digest for name, digest in card.files.items()):
            raise Conflict(f"Files in {made} changed while they were copied; wait until the job has ended.")
        for path in half.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o444)
        write_synced(half / CARD, to_bytes(sealed))
        (half / CARD).chmod(0o444)
        half.chmod(0o755)
        sync_folder(half)
        half.rename(models / card.name)
        sync_folder(models)
    except OSError as exc:
        raise StorageError(f"{card.name} cannot be written to {models}: {exc.strerror}; nothing was added.") from exc
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return sealed


def _check_fields(kind: str, given: Mapping[str, Any]) -> None:
    if kind not in KINDS:
        raise UsageError(f"There is no kind of model {kind!r}; it is one of {', '.join(KINDS)}.")
    if wrong := [*strange_fields(given), *(name for name in _OF_THE_REGISTRY if name in given)]:
        raise UsageError(f"A card takes no {', '.join(wrong)} from outside; see learning.cards.Card.")


def _same(models: Path, kind: Kind, files: Mapping[str, str], given: Mapping[str, Any]) -> Card | None:
    for card in versions(models, kind):
        own = {name: digest for name, digest in card.files.items() if name != READABLE}
        if own == files and card.parent == given.get("parent") and card.data_sha256 == given.get("data_sha256"):
            return card
    return None


def _sound(models: Path, name: str) -> bool:
    try:
        open_version(models, name)
    except (ModelError, NotFound):
        return False
    return True


def _next_name(models: Path, kind: Kind) -> str:
    """Numbers only go up, also after a deletion: a name never means two different versions."""
    taken = [parsed(name)[1] for name in names_in(models, kind)]
    now = pointer.read(models)
    return f"{STEMS[kind]}{max([0, now.highest.get(kind, 0), *taken]) + 1:04d}"


def _clear_leftovers(models: Path) -> None:
    for path in models.glob(f"{_ADDING}*"):
        shutil.rmtree(path, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

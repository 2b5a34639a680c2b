"""Model versions as they lie in their folder: names, cards, every byte checked. Must not change anything.

`<models>/<version>/` holds a version's files with `card.json`, written last, that hashes them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ModelError, NotFound
from chatbot.learning.cards import CARD, KINDS, Card, Kind, from_bytes
from chatbot.learning.sealing import UnsealedError, broken, check_files

STEMS = {"generator": "generator-", "encoder": "encoder-v", "heads": "heads-"}
_NAME = re.compile(r"(generator-|encoder-v|heads-)(\d{4,})")


@dataclass(frozen=True, slots=True)
class Version:
    """A version whose every byte was checked."""

    folder: Path
    card: Card


def is_version(name: str) -> bool:
    """Whether a name is of the form that the registry gives; says nothing of its being there."""
    return _NAME.fullmatch(name) is not None


def versions(models: Path, kind: Kind | None = None) -> list[Card]:
    """The cards of all versions, oldest first; hashes of files are left to `open_version`. One whose card is broken is left
    out; `problems` tells."""
    return [card for name in names_in(models, kind) if isinstance(card := describe(models, name), Card)]


def problems(models: Path) -> dict[str, str]:
    """Versions whose card cannot be read, with the sentence that says why."""
    return {name: card for name in names_in(models) if isinstance(card := describe(models, name), str)}


def describe(models: Path, name: str) -> Card | str:
    """The card, or what is wrong with it; files are not looked at."""
    try:
        return read_card(models, name)
    except ModelError as exc:
        return str(exc)


def read_card(models: Path, name: str, sha256: str | None = None) -> Card:
    """The card alone, its digest checked, and against `sha256` of its bytes. Raises NotFound, ModelError."""
    path = models / name / CARD
    if not is_version(name) or not path.parent.is_dir():
        raise NotFound(f"There is no model version {name!r} in {models}; `chatbot models list` shows them.")
    try:
        data = path.read_bytes()
        card = from_bytes(data)
    except OSError as exc:
        raise broken(path, exc.strerror or "") from exc
    except (UnsealedError, TypeError) as exc:
        raise broken(path, str(exc)) from exc
    if card.name != name or (sha256 is not None and hashlib.sha256(data).hexdigest() != sha256):
        raise broken(path, "it is not the card that was published")
    return card


def open_version(models: Path, name: str, sha256: str | None = None) -> Version:
    """A version with every byte of it checked. Raises NotFound, ModelError naming the file that differs."""
    card = read_card(models, name, sha256)
    check_files(models / name, card.files, besides=CARD)
    return Version(models / name, card)


def parsed(name: str) -> tuple[Kind, int]:
    """Kind and number of a name that the registry gave."""
    match = _NAME.fullmatch(name)
    assert match is not None  # asked of the registry's own names only
    return next(kind for kind in KINDS if STEMS[kind] == match[1]), int(match[2])


def names_in(models: Path, kind: Kind | None = None) -> list[str]:
    """Of all versions, by number, whether or not their cards are sound."""
    if not models.is_dir():
        return []
    names = [
        path.name for path in models.iterdir() if is_version(path.name) and path.is_dir() and not path.is_symlink()
    ]
    return sorted((name for name in names if kind in (None, parsed(name)[0])), key=parsed)

"""Which conversations a version has learnt from, and which turns are new to it. Must not load a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from chatbot.learning.cards import CARD, Card
from chatbot.learning.examples import Example
from chatbot.learning.versions import is_version, read_card

Learnt = frozenset[str]
"""Hex SHA-256 of conversation ids."""


def learnt_by(models: Path, *names: str | None) -> Learnt:
    """What these versions learnt from, with what lies under them; None, a base model, learnt from nothing of ours.

    Raises NotFound, ModelError.
    """
    return Learnt().union(*(learnt_of(read_card(models, name)) for name in names if name is not None))


def learnt_of(card: Card) -> Learnt:
    """The card's own conversations, and those of the version that it was tuned from, where its base is one's files."""
    return Learnt(card.conversations_sha256) | learnt_in(Path(card.base))


def learnt_in(path: Path) -> Learnt:
    """Of the version whose folder, or a file of it, this is; of anything else nothing is known."""
    for folder in (path, path.parent):
        if is_version(folder.name) and (folder / CARD).is_file():
            return learnt_by(folder.parent, folder.name)
    return Learnt()


def mark(conversation: str) -> str:
    """A conversation's id as cards hold it."""
    return hashlib.sha256(conversation.encode()).hexdigest()


def is_learnt(example: Example, learnt: Learnt) -> bool:
    """Whether the example's own conversation is among them; its passages are from others, as a customer's would be."""
    return mark(example.conversation_id) in learnt


def unseen(examples: Iterable[Example], learnt: Learnt) -> tuple[Example, ...]:
    """Those that are new, in their order."""
    return tuple(one for one in examples if not is_learnt(one, learnt))

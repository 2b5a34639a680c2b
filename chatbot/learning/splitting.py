"""Parts conversations into train, validation and test, by time where it is known. Pure; must not know what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from chatbot.learning.datasets import SPLITS
from chatbot.learning.grading import Key
from chatbot.matching import FAQ

_DATED = 0.9  # share of the conversations that must have a time, for the split to go by it
RANK = {name: number for number, name in enumerate(SPLITS)}


@dataclass(frozen=True, slots=True)
class Parting:
    """by: "time" or "chance". of: the split of each conversation. starts: when the first conversation of each later split began."""

    by: str
    of: Mapping[Key, str]
    starts: Mapping[str, datetime]


def part(conversations: Mapping[Key, datetime | None], validation: float, test: float, seed: int) -> Parting:
    """The newest conversations are the test, those before them the validation; every conversation is in one split.

    conversations: when each began. validation, test: shares in [0, 1). Where fewer than nine in ten have a time, all are parted by
    chance, the same for the same seed; otherwise those without one go to the training. So does a help centre's entry, which has
    no time because it always stands.
    """
    entries = {key for key in conversations if key[0] == FAQ}
    dated = {key: at if at.tzinfo else at.replace(tzinfo=UTC) for key, at in conversations.items() if at}
    others = conversations.keys() - entries
    by_time = len(dated.keys() - entries) >= _DATED * len(others) and bool(others)
    chance = _chance(seed)
    placed = (
        sorted(dated.keys() - entries, key=lambda key: (dated[key], key)) if by_time else sorted(others, key=chance)
    )
    later = {"test": round(len(placed) * test), "validation": round(len(placed) * validation)}
    of = dict.fromkeys(conversations, "train")
    end = len(placed)
    starts = {}
    for name, count in later.items():
        for key in placed[end - count : end]:
            of[key] = name
        if by_time and count:
            starts[name] = dated[placed[end - count]]
        end -= count
    return Parting("time" if by_time else "chance", of, starts)


def _chance(seed: int) -> Callable[[Key], bytes]:
    return lambda key: hashlib.sha256(f"{seed}\n{key[0]}\n{key[1]}".encode("utf-8", "surrogatepass")).digest()

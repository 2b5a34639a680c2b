"""Which texts of past conversations belong together, as batches for contrastive tuning. Must not know torch or files.

Three kinds of pairs, each from another conversation than its twin: a window and its reply, two windows that were given the same
answer, two questions that were. Answers are the same when nothing but their slots (numbers, names) and a few words differ.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from chatbot.protocols import Embedder
from chatbot.types import Passage

Kind = Literal["reply", "window", "question"]
Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
SAME_ANSWER = 0.9  # cosine of two answers without their slots; on star_wizard_of_oz 92 % of such pairs share the action
_NAME = re.compile(r"(?:(?<=\w )|(?<=\w[,;:] ))[A-Z][\w'’-]*")
_NUMBER = re.compile(r"\d+([.,:/-]\d+)*")
_WORD = re.compile(r"[^\W_]+")
_CAPITAL_NOUNS = frozenset({"de", "lb"})  # a capital letter marks no name there
_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class Material:
    """Passages to learn from. groups: (n,) the same number for the same answer; likeness of answers: unit vectors (n, dim)."""

    passages: Sequence[Passage]
    groups: Ints
    answers: Vectors

    def part(self, rows: Sequence[int]) -> Material:
        """The passages of those rows; groups keep their numbers."""
        at = np.asarray(rows, dtype=np.int64)
        return Material([self.passages[row] for row in rows], self.groups[at], self.answers[at])

    def digest(self) -> str:
        """SHA-256 of all that decides the pairs."""
        found = hashlib.sha256()
        for passage, group in zip(self.passages, self.groups, strict=True):
            texts = (owner(passage), passage.language, passage.window, passage.question, passage.answer, str(group))
            found.update("\0".join(texts).encode("utf-8", "surrogatepass"))
        return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's pairs: row i of `anchors` belongs with row i of `positives`; both are rows of the passages."""

    kind: Kind
    anchors: Ints
    positives: Ints
    alone: bool  # texts are the bare questions rather than the windows


def material(passages: Sequence[Passage], embedder: Embedder, labels: Sequence[str] | None = None) -> Material:
    """Groups the passages by answer. labels: what is known to be the same, in place of the answers' wording."""
    answers = embedder.encode([one.answer or "." for one in passages])
    answers[[not one.answer.strip() for one in passages]] = 0  # no answer is like no other, not like all that have none
    if labels is not None:
        number = {label: at for at, label in enumerate(dict.fromkeys(labels))}
        return Material(passages, np.asarray([number[label] for label in labels], dtype=np.int64), answers)
    return Material(passages, same_answers(passages, embedder), answers)


def same_answers(passages: Sequence[Passage], embedder: Embedder) -> Ints:
    """(n,) group of each passage's answer: equal without slots, or near to the group's most frequent wording."""
    keys = [(one.language, without_slots(one.answer, one.language)) for one in passages]
    group_of: dict[tuple[str, str], int] = {}
    for language in sorted({language for language, _ in keys}):
        counted = Counter(key for key in keys if key[0] == language)
        wordings = sorted(counted, key=lambda key: (-counted[key], key))
        leaders = _leaders(embedder.encode([text or "." for _, text in wordings]))
        start = len(group_of)
        group_of |= {key: start + int(leader) for key, leader in zip(wordings, leaders, strict=True)}
    return np.asarray([group_of[key] for key in keys], dtype=np.int64)


def without_slots(answer: str, language: str) -> str:
    """An answer's words in lower case with numbers as 0 and names inside a sentence as x."""
    text = answer if language in _CAPITAL_NOUNS else _NAME.sub("x", answer)
    return " ".join(_WORD.findall(_NUMBER.sub("0", text).lower()))


def owner(passage: Passage) -> str:
    """The conversation of a passage, unique across sources."""
    return f"{passage.source}\n{passage.conversation_id}"


def split_by_time(passages: Sequence[Passage], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Rows to learn from and rows held out: whole conversations, the latest `share` of them where times are known.

    Where they are not, the same conversations are drawn for the same seed, whatever their order.
    """
    latest: dict[str, str] = {}
    for one in passages:
        seen = one.last_seen or one.resolved_at
        latest[owner(one)] = max(latest.get(owner(one), ""), seen.isoformat() if seen else "")
    draw = {name: hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogatepass")).hexdigest() for name in latest}
    order = sorted(latest, key=lambda name: (latest[name], draw[name]))
    held = set(order[len(order) - max(1, round(share * len(order))) :])
    rows: tuple[list[int], list[int]] = ([], [])
    for row, one in enumerate(passages):
        rows[owner(one) in held].append(row)
    return rows


class Pairing:
    """Draws every epoch's batches; the same seed and epoch give the same ones. Lives for one run."""

    def __init__(self, learned: Material, size: int, seed: int, kinds: Sequence[Kind]) -> None:
        self._material, self._size, self._seed, self._kinds = learned, size, seed, tuple(kinds)
        self._members: dict[int, list[int]] = defaultdict(list)
        for row, group in enumerate(learned.groups.tolist()):
            self._members[group].append(row)
        self._owners = [owner(one) for one in learned.passages]

    def epoch(self, number: int) -> list[Batch]:
        """Batches of one kind and, as far as they go, of one language; in random order."""
        rng = random.Random(f"{self._seed} {number}")  # noqa: S311 - draws that can be made again, not a secret
        batches = [batch for kind in self._kinds for batch in self._batches(kind, rng)]
        rng.shuffle(batches)
        return batches

    def _batches(self, kind: Kind, rng: random.Random) -> Iterator[Batch]:
        pairs = [(row, row) for row in range(len(self._owners))] if kind == "reply" else self._twins(rng)
        if kind == "reply":
            pairs = [pair for pair in pairs if self._material.passages[pair[0]].answer.strip()]
        rng.shuffle(pairs)
        languages: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for pair in pairs:
            languages[self._material.passages[pair[0]].language].append(pair)
        mixed: list[tuple[int, int]] = []
        for _, members in sorted(languages.items()):
            whole = len(members) - len(members) % self._size
            for at in range(0, whole, self._size):
                yield _batch(kind, members[at : at + self._size])
            mixed += members[whole:]
        for at in range(0, len(mixed), self._size):
            if len(mixed) - at > 1:
                yield _batch(kind, mixed[at : at + self._size])

    def _twins(self, rng: random.Random) -> list[tuple[int, int]]:
        """Each passage with another of its group from another conversation, where there is one."""
        pairs = []
        for row, group in enumerate(self._material.groups.tolist()):
            members = self._members[group]
            for _ in range(min(4, len(members))):
                twin = rng.choice(members)
                if self._owners[twin] != self._owners[row]:
                    pairs.append((row, twin))
                    break
        return pairs


def _batch(kind: Kind, pairs: Sequence[tuple[int, int]]) -> Batch:
    table = np.asarray(pairs, dtype=np.int64)
    return Batch(kind, table[:, 0], table[:, 1], alone=kind == "question")


def _leaders(vectors: Vectors) -> Ints:
    """(n,) number of the first vector within SAME_ANSWER of each, its own where there is none; vectors come most frequent first."""
    leads: list[int] = []
    found = np.zeros(len(vectors), dtype=np.int64)
    table = np.zeros_like(vectors)
    for row, vector in enumerate(vectors):
        near = table[: len(leads)] @ vector
        best = int(near.argmax()) if len(near) else 0
        if len(near) and near[best] >= SAME_ANSWER:
            found[row] = leads[best]
            continue
        table[len(leads)] = vector
        leads.append(row)
        found[row] = row
    return found

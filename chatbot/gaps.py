"""Groups of questions that the bot could not answer: what is asked, by how many, more or less than before. Must not know SQL.

`sort_out` is the long part and looks at everybody's questions; `describe` is quick and sees only those it is given, so that a
reader's groups hold nothing of what the reader may not see.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from chatbot.clustering import Labels, Vectors
from chatbot.naming import names
from chatbot.protocols import Embedder
from chatbot.retrieval.recent import Recent
from chatbot.retrieval.words import language_of
from chatbot.types import Question

WINDOW = timedelta(days=90)
"""How far back questions are grouped."""
PERIOD = timedelta(days=30)
"""A trend compares the last one with the one before."""
_AT_ONCE = 32  # texts a call of the encoder, so that a chat never waits long for its turn
_KEPT = 20_000
_FEWEST_CUSTOMERS = 2
_UNLIKELY = 0.05
Known = Recent[str, Vectors]


class Trend(StrEnum):
    """Up and down only where chance alone would hardly do it; few: too few to tell; unknown: nothing to compare with."""

    UP = "up"
    DOWN = "down"
    LEVEL = "level"
    FEW = "few"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sorted:
    """Which questions lie together. labels: (language, number) by question id; those in no group are missing.
    closeness: cosine to the middle of the group."""

    labels: Mapping[int, tuple[str, int]]
    closeness: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Group:
    """id: its oldest question's. centre: the question in the middle. questions: newest first.

    customers: how many people asked; recent and before: how many in the last `PERIOD` and in the one before.
    """

    id: int
    language: str
    name: str
    centre: Question
    questions: tuple[Question, ...]
    customers: int
    recent: int
    before: int
    trend: Trend

    @property
    def first_seen(self) -> datetime:
        return self.questions[-1].at

    @property
    def last_seen(self) -> datetime:
        return self.questions[0].at

    def examples(self, most: int = 5) -> list[Question]:
        """The newest ones of different wording, the centre first."""
        found = {_folded(self.centre.text): self.centre}
        for question in self.questions:
            found.setdefault(_folded(question.text), question)
        return list(found.values())[:most]


def known_vectors() -> Known:
    """Vectors by text, to encode each question once; 30 MB when it is full of vectors of 384."""
    return Recent(_KEPT)


def sort_out(
    questions: Sequence[Question],
    embedder: Embedder,
    cluster: Callable[[Vectors], Labels],
    known: Known,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Sorted:
    """Groups within each language. Blocks, possibly for minutes: call it in a thread. Raises ModelError.

    cluster: `clustering.cluster` or `cluster_apart`. progress: (texts encoded, all).
    """
    vectors = _encoded({_folded(one.text): one.text for one in questions}, embedder, known, progress)
    labels: dict[int, tuple[str, int]] = {}
    closeness: dict[int, float] = {}
    for language, part in _by_language(questions).items():
        for number, (texts, near) in enumerate(_bundles(part, vectors, cluster)):
            for text, cosine in zip(texts, near, strict=True):
                for question in part[text]:
                    labels[question.id] = (language, number)
                    closeness[question.id] = cosine
    return Sorted(labels, closeness)


def describe(questions: Iterable[Question], found: Sorted, now: datetime, oldest: datetime | None) -> list[Group]:
    """The groups of those questions, most customers first. One person asking ten times is no group.

    oldest: when the bot's first conversation began; before it there is nothing to compare with.
    """
    held: dict[tuple[str, int], list[Question]] = defaultdict(list)
    for question in questions:
        if question.id in found.labels:
            held[found.labels[question.id]].append(question)
    enough = {key: part for key, part in held.items() if len({one.customer for one in part}) >= _FEWEST_CUSTOMERS}
    named: dict[tuple[str, int], str] = {}
    for language in {language for language, _ in enough}:
        keys = sorted(key for key in enough if key[0] == language)
        texts = [[one.text for one in enough[key]] for key in keys]
        named |= dict(zip(keys, names(texts, language), strict=True))
    comparable = oldest is not None and oldest <= now - 2 * PERIOD
    groups = [_group(key[0], named[key], part, found, now, comparable) for key, part in enough.items()]
    return sorted(groups, key=lambda group: (-group.customers, -len(group.questions), group.id))


def trend(recent: int, before: int) -> Trend:
    """Of two counts under the same conditions: is one of them larger than chance makes it?

    The exact test that two Poisson means are equal (Przyborowski and Wilenski 1940): given their sum, the first is binomial
    with one half; by the normal approximation from 1,000 on. Below six together no split is unlikely enough to say anything.
    """
    total, smaller = recent + before, min(recent, before)
    if total < 1000 and 2 * 0.5**total >= _UNLIKELY:
        return Trend.FEW
    if total < 1000:
        chance = 2 * sum(math.comb(total, k) for k in range(smaller + 1)) / 2**total
    else:
        chance = math.erfc((abs(recent - before) - 1) / math.sqrt(2 * total))
    if recent == before or chance >= _UNLIKELY:
        return Trend.LEVEL
    return Trend.UP if recent > before else Trend.DOWN


def _group(
    language: str, name: str, part: Collection[Question], found: Sorted, now: datetime, comparable: bool
) -> Group:
    newest_first = tuple(sorted(part, key=lambda one: (one.at, one.id), reverse=True))
    recent = len({one.customer for one in part if one.at > now - PERIOD})
    before = len({one.customer for one in part if now - 2 * PERIOD < one.at <= now - PERIOD})
    centre = max(newest_first, key=lambda one: (found.closeness[one.id], one.id))
    return Group(
        id=min(one.id for one in part),
        language=language,
        name=name or centre.text[:60],
        centre=centre,
        questions=newest_first,
        customers=len({one.customer for one in part}),
        recent=recent,
        before=before,
        trend=trend(recent, before) if comparable else Trend.UNKNOWN,
    )


def _encoded(
    texts: Mapping[str, str], embedder: Embedder, known: Known, progress: Callable[[int, int], None]
) -> dict[str, Vectors]:
    found = known.find(texts)
    missing = [key for key in texts if key not in found]
    for at in range(0, len(missing), _AT_ONCE):
        keys = missing[at : at + _AT_ONCE]
        made = dict(zip(keys, embedder.encode([texts[key] for key in keys]), strict=True))
        known.keep(made.items())
        found |= made
        progress(len(found), len(texts))
    return found


def _bundles(
    part: Mapping[str, Sequence[Question]], vectors: Mapping[str, Vectors], cluster: Callable[[Vectors], Labels]
) -> Iterator[tuple[list[str], list[float]]]:
    """Texts that lie together, with the cosine of each to their middle. Each wording counts once, or one that many people
    repeat would be denser than anything around it and stand alone; one that no other is like is a bundle of its own."""
    texts = list(part)
    own = np.stack([vectors[text] for text in texts])
    found = cluster(own)
    for number in range(int(found.max(initial=-1)) + 1):
        members = np.flatnonzero(found == number)
        often = np.asarray([len(part[texts[at]]) for at in members], dtype=np.float32)
        middle = (own[members] * often[:, None]).sum(axis=0)
        near = own[members] @ (middle / max(float(np.linalg.norm(middle)), 1e-9))
        yield [texts[at] for at in members], [float(cosine) for cosine in near]
    for at in np.flatnonzero(found < 0):
        yield [texts[at]], [1.0]


def _by_language(questions: Iterable[Question]) -> dict[str, dict[str, list[Question]]]:
    """By language and wording, oldest first."""
    found: dict[str, dict[str, list[Question]]] = defaultdict(lambda: defaultdict(list))
    for question in sorted(questions, key=lambda one: one.id):
        found[language_of(question.language)][_folded(question.text)].append(question)
    return found


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

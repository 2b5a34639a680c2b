"""What an encoder is worth on conversations that it has not learned from. Must not know how one is trained.

Two questions to every held-out turn: is the true reply the nearest of 100 (R@1), and was the nearest known window given the same
answer (hit@1)? The same turns and the same candidates for every encoder, so that two of them can be compared turn by turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.learning.encoder_loss import SCALE
from chatbot.learning.encoder_pairs import Material, owner

Vectors = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]
CANDIDATES = 100
_ASKED = 600  # held-out turns a measurement
_KNOWN = 6_000  # windows that a nearest one is looked for among
_FEWEST = 10  # turns below which a figure is not given


@dataclass(frozen=True, slots=True)
class Marks:
    """One figure, turn by turn: 1.0 for a hit, with the number of the turn's conversation (no name: it is kept) and language.

    sure: mean probability that the encoder gives to what is right, a softmax over cosines times 20; it moves where few turns hide
    a change of `hits`.
    """

    hits: tuple[float, ...]
    owners: tuple[int, ...]
    languages: tuple[str, ...]
    sure: float = 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(self.hits))


class Exam:
    """The frozen questions. Lives for one run; figures "reply" and "window" are there where there are enough turns for them."""

    def __init__(self, held: Material, known: Material, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._held = held.part(np.sort(rng.permutation(len(held.passages))[:_ASKED]).tolist())
        self._known = known.part(np.sort(rng.permutation(len(known.passages))[:_KNOWN]).tolist())
        self._lines, self._candidates = _reply_questions(self._held, known, rng)
        self._familiar = _familiar(self._held, self._known)

    @property
    def enough(self) -> bool:
        """Whether anything can be measured."""
        return len(self._lines) >= _FEWEST or len(self._familiar) >= _FEWEST

    def take(self, encode: Encode) -> Mapping[str, Marks]:
        """Encodes all that is needed and marks it."""
        asked = encode([one.window for one in self._held.passages])
        marks = {}
        if len(self._lines) >= _FEWEST:
            texts = sorted({text for line in self._candidates for text in line})
            at = {text: row for row, text in enumerate(texts)}
            replies = encode(texts)
            likeness = [
                replies[[at[text] for text in line]] @ asked[row]
                for row, line in zip(self._lines, self._candidates, strict=True)
            ]
            hits = [float(one[0] > one[1:].max()) for one in likeness]
            sure = [_share(one, np.arange(len(one)) == 0) for one in likeness]
            marks["reply"] = self._marks(hits, sure, self._lines)
        if len(self._familiar) >= _FEWEST:
            known = encode([one.window for one in self._known.passages])
            marks["window"] = self._marks(*self._window_hits(asked, known), self._familiar)
        return marks

    def _window_hits(self, asked: Vectors, known: Vectors) -> tuple[list[float], list[float]]:
        languages = np.asarray([one.language for one in self._known.passages])
        hits, sure = [], []
        for row in self._familiar:
            likeness = np.where(languages == self._held.passages[row].language, known @ asked[row], -2)
            same = self._known.groups == self._held.groups[row]
            hits.append(float(same[int(likeness.argmax())]))
            sure.append(_share(likeness, same))
        return hits, sure

    def _marks(self, hits: Sequence[float], sure: Sequence[float], rows: Sequence[int]) -> Marks:
        asked = [self._held.passages[row] for row in rows]
        number = {name: at for at, name in enumerate(dict.fromkeys(map(owner, self._held.passages)))}
        owners = tuple(number[owner(one)] for one in asked)
        return Marks(tuple(hits), owners, tuple(one.language for one in asked), float(np.mean(sure)))


def _share(likeness: Vectors, right: npt.NDArray[np.bool_]) -> float:
    """What a softmax gives to those that are right together."""
    weights = np.exp(SCALE * (likeness.astype(np.float64) - float(likeness.max())))
    return float(weights[right].sum() / weights.sum())


def score(marks: Mapping[str, Marks]) -> float:
    """The one number that decides when to stop: the mean of what is given to the right, over the figures that there are."""
    return float(np.mean([one.sure for one in marks.values()]))


def _reply_questions(held: Material, known: Material, rng: np.random.Generator) -> tuple[list[int], list[list[str]]]:
    """Rows of held-out turns, and for each the true reply followed by 99 replies of other groups in its language."""
    pool: dict[str, list[tuple[str, int]]] = {}
    for part in (held, known):
        for one, group in zip(part.passages, part.groups.tolist(), strict=True):
            if one.answer.strip():
                pool.setdefault(one.language, []).append((one.answer, group))
    rows, lines = [], []
    for row, one in enumerate(held.passages):
        group, there = int(held.groups[row]), pool.get(one.language, [])
        others: list[str] = []
        taken = {one.answer}
        for at in rng.integers(0, max(1, len(there)), size=20 * CANDIDATES if there else 0).tolist():
            text, its_group = there[at]
            if its_group != group and text not in taken:
                taken.add(text)
                others.append(text)
                if len(others) == CANDIDATES - 1:
                    break
        if one.answer.strip() and len(others) == CANDIDATES - 1:
            rows.append(row)
            lines.append([one.answer, *others])
    return rows, lines


def _familiar(held: Material, known: Material) -> list[int]:
    """Held-out rows whose answer was given in a known conversation in the same language."""
    groups = set(known.groups.tolist())
    return [row for row, group in enumerate(held.groups.tolist()) if group in groups]

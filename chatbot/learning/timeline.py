"""Search as it would have been at a past moment: without the turn's own conversation and without anything later. Must not know
what is done with what is found.

One language at a time, all turns together: everything is encoded once, scored in blocks, and what a turn may not see is masked
before the lists are cut, so that each turn finds what an index of that moment would have given it. Two things look ahead, neither
a text: the words' rarity, and the lists' weights, which are fitted on the training conversations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.retrieval.fusion import DENSE, Fusion, fuse
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.reading import LEXICAL
from chatbot.retrieval.words import words
from chatbot.types import Passage

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
DEPTH = 30  # candidates of each list, as in a search of the product
_BLOCK_FLOATS = 4_000_000
_ASKED_WITH = {"window": "window", "question": "question", "reply": "window"}
_FIELD = {"window": "window", "question": "question", "reply": "answer"}


@dataclass(frozen=True, slots=True)
class Moments:
    """When and where texts are from, row by row: seconds since 1970 (-inf: always known), the conversation's number, and the rank
    of its split, of which later ones are not seen."""

    at: npt.NDArray[np.float64]
    conversation: Ints
    split: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The passages of one language and their vectors, (n, dim) by "window", "question" and "reply"."""

    language: str
    passages: Sequence[Passage]
    vectors: dict[str, Floats]
    moments: Moments
    lexical: dict[str, Bm25]
    fusion: Fusion

    def search(
        self, asked: Sequence[Passage], vectors: dict[str, Floats], moments: Moments, progress: Callable[[int], None]
    ) -> Iterator[Ints]:
        """For each turn the rows of what it may see, best first, at most DEPTH of each list joined. progress: turns done."""
        size = max(1, _BLOCK_FLOATS // max(1, len(self.passages)))
        for start in range(0, len(asked), size):
            rows = slice(start, min(start + size, len(asked)))
            hidden = self._hidden(moments, rows)
            lists = {
                name: _best(vectors[_ASKED_WITH[name]][rows] @ self.vectors[name].T, hidden)
                for name in DENSE
                if getattr(self.fusion, name) > 0
            }
            for name, field in LEXICAL.items():
                texts = [getattr(one, field) for one in asked[rows]]
                scores = np.stack([self.lexical[field].scores(words(text, self.language)) for text in texts])
                lists[name] = _best(np.where(scores > 0, scores, -np.inf), hidden)
            for number in range(rows.stop - rows.start):
                yield fuse({name: ids[number] for name, ids in lists.items()}, self.fusion).ids
            progress(rows.stop)

    def _hidden(self, moments: Moments, rows: slice) -> npt.NDArray[np.bool_]:
        mine = self.moments
        hidden: npt.NDArray[np.bool_] = mine.conversation[None, :] == moments.conversation[rows, None]
        hidden |= mine.at[None, :] >= moments.at[rows, None]
        hidden |= mine.split[None, :] > moments.split[rows, None]
        return hidden


def open_timeline(
    language: str, passages: Sequence[Passage], vectors: dict[str, Floats], moments: Moments, fusion: Fusion
) -> Timeline:
    """Counts the words; the rest is kept as it is."""
    lexical = {
        field: Bm25.build([words(getattr(one, field), language) for one in passages]) for field in set(LEXICAL.values())
    }
    return Timeline(language, passages, vectors, moments, lexical, fusion)


def texts_of(passage: Passage) -> dict[str, str]:
    """What is encoded of a passage, by the name of its vector."""
    return {name: getattr(passage, field) for name, field in _FIELD.items()}


def _best(scores: Floats, hidden: npt.NDArray[np.bool_]) -> Ints:
    """(turns, DEPTH) rows by falling score, ties by row, -1 where there are no more."""
    seen = np.where(hidden, -np.inf, scores).astype(np.float32)
    depth = min(DEPTH, seen.shape[1])
    keys = _in_order(seen)
    top = np.argpartition(keys, seen.shape[1] - depth, axis=1)[:, seen.shape[1] - depth :]
    order = np.argsort(-np.take_along_axis(keys, top, axis=1), axis=1)
    ids = np.take_along_axis(top, order, axis=1)
    return np.where(np.isneginf(np.take_along_axis(seen, ids, axis=1)), -1, ids).astype(np.int64)


def _in_order(scores: Floats) -> Ints:
    """Whole numbers in the order of the scores, of equal ones the earlier row above: no two in a line are the same, so that which
    of them are best does not hang on how they are sorted. A float's bits, the sign folded, are ordered as it is (IEEE 754)."""
    bits = scores.view(np.int32)
    folded = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).astype(np.int64)
    return (folded << 32) | np.arange(scores.shape[1] - 1, -1, -1, dtype=np.int64)

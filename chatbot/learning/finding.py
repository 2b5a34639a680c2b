"""Finds for every reply the passages that a search of its moment would have given. Must not know what they are good for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from chatbot.learning.grading import Graded, Key, key_of, said_again
from chatbot.learning.splitting import RANK
from chatbot.learning.supporting import Candidate, said_in, word_set
from chatbot.learning.timeline import Moments, Timeline, open_timeline
from chatbot.protocols import Embedder
from chatbot.retrieval.embedding import TextTable
from chatbot.retrieval.fitting import ENOUGH, Corpus, fit
from chatbot.retrieval.fusion import DENSE, Fusion
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.vectors import Limits, VectorIndex
from chatbot.retrieval.words import language_of, words
from chatbot.types import Passage

Progress = Callable[[str, int, int], None]
Floats = npt.NDArray[np.float32]
T = TypeVar("T", Graded, Passage)
_READ = 30  # candidates looked at for each reply, as in a search of the product
_FIELDS = ("window", "question", "answer")


def find(
    replies: Sequence[Graded],
    passages: Sequence[Passage],
    splits: Mapping[Key, str],
    embedder: Embedder,
    progress: Progress,
) -> Iterator[tuple[Graded, list[Candidate]]]:
    """Each reply with what its moment would have found, best first; language by language, in the order of the replies.

    passages: everything that may be shown; of those whose answer holds for nobody else none is. splits: of each conversation;
    nothing is shown from a later one. Raises ModelError.
    """
    asked, shown = _by_language(replies), _by_language([one for one in passages if said_again(one)])
    table = TextTable()
    rows_of = {
        language: (
            _rows(table, [[one.passage.window, one.passage.question, one.target] for one in asked[language]]),
            _rows(table, [[getattr(one, field) for field in _FIELDS] for one in shown.get(language, ())]),
        )
        for language in sorted(asked)
    }
    vectors, _ = table.fill(embedder, None, progress)
    done = 0
    for language, (ask_rows, show_rows) in rows_of.items():
        mine, theirs = asked[language], shown.get(language, [])
        if theirs:
            pool = {name: vectors[show_rows[:, at]].astype(np.float32) for at, name in enumerate(DENSE)}
            numbers: dict[Key, int] = {}
            seen = _moments([(key_of(one), one.resolved_at) for one in theirs], splits, numbers, float("-inf"))
            timeline = open_timeline(language, theirs, pool, seen, _fitted(language, theirs, pool, seen))
            yield from _search(
                timeline, mine, vectors[ask_rows].astype(np.float32), splits, numbers, (done, len(replies), progress)
            )
        else:
            yield from ((one, []) for one in mine)
        done += len(mine)


def _search(
    timeline: Timeline,
    asked: Sequence[Graded],
    vectors: Floats,
    splits: Mapping[Key, str],
    numbers: dict[Key, int],
    told: tuple[int, int, Progress],
) -> Iterator[tuple[Graded, list[Candidate]]]:
    begun, total, progress = told
    moments = _moments([(one.conversation, one.at) for one in asked], splits, numbers, float("inf"))
    sides = {"window": vectors[:, 0], "question": vectors[:, 1]}
    held = [word_set(one.answer, timeline.language) for one in timeline.passages]
    said = cache(lambda row: said_in(timeline.passages[row]))
    lists = timeline.search(
        [one.passage for one in asked], sides, moments, lambda done: progress("search", begun + done, total)
    )
    for number, (graded, rows) in enumerate(zip(asked, lists, strict=True)):
        best = rows[:_READ]
        replies = timeline.vectors["reply"][best] @ vectors[number, 2]
        questions = timeline.vectors["question"][best] @ vectors[number, 1]
        yield (
            graded,
            [
                Candidate(timeline.passages[row], held[row], said(int(row)), float(reply), float(question))
                for row, reply, question in zip(best, replies, questions, strict=True)
                if key_of(timeline.passages[row]) not in graded.others
            ],
        )


def _by_language(items: Sequence[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for item in items:
        found[language_of(item.language)].append(item)
    return dict(found)


def _rows(table: TextTable, texts: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
    return np.asarray([[table.add(text) for text in some] for some in texts], dtype=np.int64).reshape(-1, 3)


def _moments(
    places: Sequence[tuple[Key, datetime | None]], splits: Mapping[Key, str], numbers: dict[Key, int], undated: float
) -> Moments:
    """undated: where in time a text without one stands."""
    return Moments(
        np.asarray([_seconds(at) if at else undated for _, at in places]),
        np.asarray([numbers.setdefault(key, len(numbers)) for key, _ in places], dtype=np.int64),
        np.asarray([RANK[splits.get(key, "train")] for key, _ in places], dtype=np.int8),
    )


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _fitted(language: str, passages: Sequence[Passage], vectors: Mapping[str, Floats], seen: Moments) -> Fusion:
    """The lists' weights as an index fits them, on the training conversations alone."""
    rows = np.flatnonzero(seen.split == RANK["train"])
    if len(rows) < ENOUGH:
        return Fusion()
    members = [passages[int(row)] for row in rows]
    part = {name: np.ascontiguousarray(matrix[rows]) for name, matrix in vectors.items()}
    cut = {field: [words(getattr(one, field), language) for one in members] for field in ("window", "question")}
    return fit(
        Corpus(
            [f"{one.source}\n{one.conversation_id}" for one in members],
            [one.answer for one in members],
            cut,
            part,
            {name: VectorIndex.build(matrix, Limits()) for name, matrix in part.items()},
            {field: Bm25.build(texts) for field, texts in cut.items()},
        )
    )

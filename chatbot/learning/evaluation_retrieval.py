"""How well past answers are found: R@k, MRR and nDCG of the product's own search over a data set. Must not know models' replies.

The training examples' replies are indexed as passages; each held-out turn is asked. Right are the passages that say what the
human said: the same words but for a few. Turns for which nothing indexed says it are counted apart: no search could find it.
Measured by ir-measures (MacAvaney et al. 2022).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.half_made import SEARCHING, half_made
from chatbot.learning.bootstrap import ROUNDS, SEED, Interval, interval, paired
from chatbot.learning.evaluation import places_of, topics_of
from chatbot.learning.examples import Example
from chatbot.protocols import Embedder
from chatbot.retrieval.words import words
from chatbot.types import Passage, Query

KNOWN = 6_000
"""Passages indexed, the newest."""
ASKED = 400
DEEP = 10
_SAME = 0.7  # F1 of content words from which two replies say the same
FIGURES = ("R@1", "R@5", "R@10", "RR@10", "nDCG@10")
NAMES = {"RR@10": "MRR@10"}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Exam:
    """passages: what is indexed; asked: turns with at least one right passage; right: their ids, in step. beyond: turns asked
    for which nothing indexed says what the human said."""

    passages: tuple[Passage, ...]
    asked: tuple[Example, ...]
    right: tuple[frozenset[str], ...]
    beyond: int


@dataclass(frozen=True, slots=True)
class Search:
    """What one way of searching gave. values: each figure turn by turn, in the exam's order."""

    name: str
    values: dict[str, list[float]]


def set_exam(train: Iterable[Example], test: Iterable[Example]) -> Exam:
    """The exam of a data set: answers only, and nothing that was altered to train on."""
    known = sorted((one for one in train if _counts(one)), key=lambda one: (one.at is not None, one.at, one.id))[
        -KNOWN:
    ]
    asked = [one for one in test if _counts(one)]
    asked = asked[:: max(1, -(-len(asked) // ASKED))]
    passages = tuple(_passage(one) for one in {one.id: one for one in known}.values())
    right = _says_the_same(asked, passages)
    kept = [at for at, found in enumerate(right) if found]
    return Exam(
        passages,
        tuple(asked[at] for at in kept),
        tuple(frozenset(right[at]) for at in kept),
        len(asked) - len(kept),
    )


def take(exam: Exam, name: str, embedder: Embedder, folder: Path, progress: Progress) -> Search:
    """Builds an index of the exam's passages with the encoder and asks every turn, as the product does.

    folder: of the deployment, in which the index lies meanwhile: it holds customers' words."""
    from chatbot.retrieval.index import build_index
    from chatbot.retrieval.retriever import open_retriever

    with half_made(folder, SEARCHING) as made:
        progress(f"index with {name}", 0, 0)
        build_index(exam.passages, embedder, made)
        retriever = open_retriever(made, embedder)
        ranks = []
        for number, asked in enumerate(exam.asked, 1):
            result = retriever.search(Query(asked.question, asked.window, asked.language), DEEP)
            ranks.append([hit.passage.id for hit in result.hits])
            progress(f"searches with {name}", number, len(exam.asked))
    return Search(name, measured(ranks, exam.right))


def words_only(exam: Exam) -> Search:
    """BM25 over the questions, asked with the customer's last message: what needs no model. bm25s' defaults."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to tell of every index
    ranks: list[list[str]] = [[] for _ in exam.asked]
    for language in sorted({one.language for one in exam.asked}):
        held = [one for one in exam.passages if one.language == language]
        at = [place for place, one in enumerate(exam.asked) if one.language == language]
        index = bm25s.BM25()
        index.index([words(one.question, language) or ["-"] for one in held], show_progress=False)
        cut = [words(exam.asked[place].question, language) or ["-"] for place in at]
        rows, _ = index.retrieve(cut, k=min(DEEP, len(held)), show_progress=False)
        for place, line in zip(at, rows, strict=True):
            ranks[place] = [held[int(row)].id for row in line]
    return Search("BM25, last message", measured(ranks, exam.right))


def measured(ranks: Sequence[Sequence[str]], right: Sequence[frozenset[str]]) -> dict[str, list[float]]:
    """Each of FIGURES for each turn. ranks: ids best first; right: the ids that are, at least one a turn.

    R@k is 1 where one of the first k is right: a customer needs one answer, not all that say the same.
    """
    import ir_measures
    from ir_measures import RR, Qrel, ScoredDoc, Success, nDCG

    qrels = [Qrel(str(at), one, 1) for at, held in enumerate(right) for one in sorted(held)]
    run = [ScoredDoc(str(at), one, float(-place)) for at, line in enumerate(ranks) for place, one in enumerate(line)]
    asked = {Success @ 1: "R@1", Success @ 5: "R@5", Success @ 10: "R@10", RR @ 10: "RR@10", nDCG @ 10: "nDCG@10"}
    values = {name: [0.0] * len(right) for name in FIGURES}
    for found in ir_measures.iter_calc(list(asked), qrels, run):
        values[asked[found.measure]][int(found.query_id)] = float(found.value)
    return values


def intervals(
    exam: Exam, search: Search, rounds: int = ROUNDS, seed: int = SEED, at: Sequence[int] | None = None
) -> dict[str, Interval]:
    """The search's figures, resampled by conversation. at: places of the turns that count, None for all."""
    places = range(len(exam.asked)) if at is None else at
    groups = [exam.asked[place].conversation_id for place in places]
    return {
        name: interval([values[place] for place in places], groups, seed, rounds)
        for name, values in search.values.items()
    }


def by_language(exam: Exam, search: Search, rounds: int = ROUNDS, seed: int = SEED) -> dict[str, dict[str, Interval]]:
    """The same by language, most turns first."""
    return _by(exam, search, [one.language for one in exam.asked], (rounds, seed))


def by_topic(exam: Exam, search: Search, rounds: int = ROUNDS, seed: int = SEED) -> dict[str, dict[str, Interval]]:
    """The same by topic, named as the replies' topics are."""
    return _by(exam, search, topics_of(exam.asked, range(len(exam.asked))), (rounds, seed))


def _by(exam: Exam, search: Search, names: Sequence[str], drawn: tuple[int, int]) -> dict[str, dict[str, Interval]]:
    places = places_of(names, range(len(names)))
    return {name: intervals(exam, search, *drawn, at=held) for name, held in places.items()}


def gains(exam: Exam, new: Search, old: Search, rounds: int = ROUNDS, seed: int = SEED) -> dict[str, Interval]:
    """new minus old."""
    groups = [one.conversation_id for one in exam.asked]
    return {name: paired(new.values[name], old.values[name], groups, seed, rounds) for name in FIGURES}


def _counts(example: Example) -> bool:
    return example.kind == "answer" and example.augmented is None


def _passage(example: Example) -> Passage:
    return Passage(
        id=example.id,
        conversation_id=example.conversation_id,
        turn_id=0,
        language=example.language,
        question=example.question,
        window=example.window,
        answer=example.target,
        source=example.source,
        topic=example.topic,
        resolved_at=example.at,
    )


def _says_the_same(asked: Sequence[Example], passages: Sequence[Passage]) -> list[list[str]]:
    """For each turn the passages of its language, from other conversations, with F1 of content words of at least _SAME."""
    import scipy.sparse as sp  # type: ignore[import-untyped]

    def table(texts: Sequence[tuple[str, str]], columns: dict[str, int]) -> Any:
        cut = [sorted({f"{language} {word}" for word in words(text, language)}) for text, language in texts]
        at = [[columns.setdefault(word, len(columns)) for word in line] for line in cut]
        lines = np.repeat(np.arange(len(at)), [len(line) for line in at])
        flat = np.asarray([place for line in at for place in line], dtype=np.int64)
        return lines, flat, np.asarray([len(line) for line in at])

    columns: dict[str, int] = {}
    mine, theirs = (
        table([(one.target, one.language) for one in asked], columns),
        table([(one.answer, one.language) for one in passages], columns),
    )
    shape = len(columns)
    left = sp.csr_matrix((np.ones(len(mine[0])), (mine[0], mine[1])), shape=(len(asked), shape))
    right = sp.csr_matrix((np.ones(len(theirs[0])), (theirs[0], theirs[1])), shape=(len(passages), shape))
    common = (left @ right.T).tocoo()
    found: list[list[str]] = [[] for _ in asked]
    for turn, passage, number in zip(common.row, common.col, common.data, strict=True):
        alike = 2 * number / (mine[2][turn] + theirs[2][passage])
        if alike >= _SAME and asked[turn].conversation_id != passages[passage].conversation_id:
            found[turn].append(passages[passage].id)
    return found

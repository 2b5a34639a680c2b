"""What a search reaches at most on a corpus whose questions stand in it under several answers. Must not know encoders.

Two questions are the same text when they are equal in lower case with single spaces: an uncased encoder reads them as one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scripts.bench_corpora import Ask, Corpus


def ceiling(corpus: Corpus) -> float:
    """The highest R@1 of a search that gives a question which is indexed word for word one of its own indexed answers.

    Of these the one that is right most often counts; a question that is not indexed gets its best single answer, which only an
    oracle knows.
    """
    known = _indexed(corpus)
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    for ask in corpus.asks:
        asked[_plain(ask.query.text)][ask.truth] += 1
    right = sum(max(truths[label] for label in known.get(text, truths)) for text, truths in asked.items())
    return right / len(corpus.asks)


def fair(corpus: Corpus) -> list[int]:
    """Places of the asked turns, without those that are indexed word for word under other answers alone."""
    known = _indexed(corpus)
    return [at for at, ask in enumerate(corpus.asks) if _may_be_right(ask, known)]


def beside(corpus: Corpus, row: Mapping[str, Any]) -> str:
    """A row of R@1 beside the highest that a search can reach."""
    most, oracle = ceiling(corpus), ceiling(replace(corpus, passages=()))
    untuned, tuned = (row[when]["mean"] / most for when in ("before", "after"))
    asked = len(corpus.asks)
    return (
        f"{asked - len(fair(corpus))} of the {asked} asked are indexed word for word under other answers alone; a search that "
        f"gives an indexed question one of its answers reaches R@1 {most:.3f} at most: untuned {untuned:.0%} of it, tuned "
        f"{tuned:.0%}. An oracle that answers against its index reaches {oracle:.3f}."
    )


def _may_be_right(ask: Ask, known: Mapping[str, set[str]]) -> bool:
    return ask.truth in known.get(_plain(ask.query.text), {ask.truth})


def _indexed(corpus: Corpus) -> dict[str, set[str]]:
    """Each indexed question with its answers."""
    known: dict[str, set[str]] = defaultdict(set)
    for passage in corpus.passages:
        known[_plain(passage.question)].add(corpus.label[passage.id])
    return known


def _plain(question: str) -> str:
    return " ".join(question.lower().split())

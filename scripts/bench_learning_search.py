"""What the hybrid search gives for asked turns with the untuned and with the tuned encoder, and the figures made of it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.learning.bootstrap import interval, paired
from chatbot.protocols import Embedder
from chatbot.retrieval.index import build_index
from chatbot.retrieval.retriever import open_retriever
from scripts.bench_corpora import Corpus

_TOP = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gives for an asked turn: the label of the reply that it elects, and those of its first five."""

    elected: str | None
    labels: tuple[str, ...]


Results = tuple[Sequence[Found], Sequence[Found]]
"""Untuned and tuned, a result for each asked turn."""


def searched(corpus: Corpus, embedder: Embedder) -> list[Found]:
    """The hybrid search, its fusion fitted with this encoder."""
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-index-") as folder:
        build_index(corpus.passages, embedder, Path(folder))
        retriever = open_retriever(Path(folder), embedder)
        for ask in corpus.asks:
            result = retriever.search(ask.query, _TOP)
            labels = tuple(corpus.label[hit.passage.id] for hit in result.hits)
            found.append(Found(labels[result.medoid] if labels else None, labels))
    return found


def elected(
    corpus: Corpus, results: Results, what: str, answers: Mapping[str, set[str]] | None = None
) -> dict[str, Any]:
    """@1 and best of 5. answers: what else is right, by question."""
    groups = [ask.conversation for ask in corpus.asks]
    right = [{ask.truth} | (answers or {}).get(folded(ask.query.text), set()) for ask in corpus.asks]
    first = [[float(one.elected in wanted) for one, wanted in zip(found, right, strict=True)] for found in results]
    any_of = [
        [float(not wanted.isdisjoint(one.labels)) for one, wanted in zip(found, right, strict=True)]
        for found in results
    ]
    return {
        f"{what}@1": compared(first[0], first[1], groups),
        f"{what}, best of {_TOP}": compared(any_of[0], any_of[1], groups),
    }


def compared(before: Sequence[float], after: Sequence[float], groups: Sequence[str]) -> dict[str, Any]:
    """Both means and their difference, as JSON knows them."""
    return {
        "before": interval(before, groups).view(),
        "after": interval(after, groups).view(),
        "difference": paired(after, before, groups).view(),
    }


def folded(question: str) -> str:
    """Its letters and figures alone, in lower case."""
    return " ".join(re.findall(r"\w+", question.lower()))

"""Answers a query from the index version that is served; knows no SQL, no web, no policy, and not where versions come from."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.errors import IndexBroken, ModelError
from chatbot.protocols import Embedder, Knowledge
from chatbot.retrieval.fusion import DENSE, SIGNALS, Fused, agreement, elect, fuse
from chatbot.retrieval.overlay import Overlaid
from chatbot.retrieval.reading import OpenIndex, Slice
from chatbot.retrieval.serving import OpenEncoder, Serving
from chatbot.retrieval.signals import Asked, support, text_signals, words_of
from chatbot.retrieval.words import content_spans, language_of
from chatbot.types import Hit, Passage, Query, SearchResult, Support

_log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
_TOP = 5
_SUPPORT_CHARS = 500


@dataclass(frozen=True, slots=True)
class _Found:
    """One search within a slice, before passages are read."""

    part: Slice
    fused: Fused
    vectors: Mapping[str, Vectors]
    scores: Mapping[str, npt.NDArray[np.float32]]


class IndexRetriever:
    """Searches the current version of an index folder. Lives as long as the process; any thread may call.

    What is searched is up to `Serving`: a version that fails its checks is said in `degraded` while the old one serves on. What
    people change in the knowledge holds from the next search on (`overlay`).
    """

    def __init__(
        self,
        folder: Path,
        embedder: Embedder,
        knowledge: Knowledge | None = None,
        open_encoder: OpenEncoder | None = None,
    ) -> None:
        self._serving = Serving(folder, embedder, knowledge, open_encoder)
        self._asked_at = 0.0

    @property
    def embedder(self) -> Embedder:
        """The encoder of its queries, for others that compare questions; another one after a version brought its own."""
        return self._serving.encoder.embedder

    @property
    def version(self) -> str | None:
        """Name of the version that is served, None while there is none."""
        return self._serving.version

    @property
    def problem(self) -> str | None:
        """Why the version that the pointer names is not served, None when all is well."""
        return str(self._serving.problem) if self._serving.problem else None

    def search(self, query: Query, k: int = _TOP) -> SearchResult:
        """The best `k` passages in the query's language, never in another.

        `degraded` may hold: "encoder" (words only), "new_index" (an older version serves), "knowledge" (the latest changes by
        people are not known), "language" (no passage in it, so no hits). Raises IndexBroken when there is nothing to search.
        """
        self._asked_at = time.monotonic()
        view = self._serving.view()
        index = view.index
        degraded = ["new_index"] if self._serving.problem else []
        if self._serving.behind:
            degraded.append("knowledge")
        part = index.slice_of(language_of(query.language))
        if part is None:
            return _result(index, (), [*degraded, "language"])
        vectors = view.encoder.of(query)
        if not vectors:
            degraded.append("encoder")
        ranked, scores = part.lists(vectors, query.window, query.text)
        working = np.asarray([signal not in DENSE or signal in vectors for signal in SIGNALS])
        found = _Found(part, fuse(ranked, part.fusion, working), vectors, scores)
        hits = _hits(index, found, query, k)
        return _result(index, hits, degraded, *_vote(index, found, k))

    def mend(self, text: str, language: str) -> str:
        """The text with typos mended by the passages' own vocabulary; unchanged where the language has none or no spaces."""
        try:
            index = self._serving.view().index
        except IndexBroken:
            return text
        speller = index.speller(language_of(language))
        return speller.mend(text) if speller else text

    def support(self, query: Query, passages: Sequence[Passage]) -> list[Support] | None:
        """See `protocols.Retriever.support`."""
        view = self._serving.view(follow=False)
        part = view.index.slice_of(language_of(query.language))
        if part is None or not passages:
            return []
        idf = part.lexical["window"].idf
        asked = [Asked(start, end, word, idf(word)) for start, end, word in content_spans(query.text, part.language)]
        try:
            asking, tokens = view.encoder.tokens_of(query.text, [_supporting(one) for one in passages])
        except ModelError as exc:
            _log.error("the answer's support is not known: %s", exc)
            return None
        return [
            support(asking, asked, one, words_of(passage.as_said(), part.language))
            for one, passage in zip(tokens, passages, strict=True)
        ]

    def popular(self, language: str, n: int = 4) -> list[str]:
        """Up to `n` questions asked most in a language, fit for a first screen; none where there is no index."""
        try:
            index = self._serving.view(follow=False).index
        except IndexBroken:
            return []
        part = index.slice_of(language_of(language))
        return [index.passage(part.language, row).question for row in part.popular[:n]] if part else []

    def refresh(self) -> None:
        """Takes over the version that the pointer names now, if it is sound, before it returns."""
        self._serving.refresh()

    def follow(self) -> None:
        """Takes over what people have changed in the knowledge before it returns; without an index there is nothing to do."""
        self._serving.follow()

    def idle_s(self) -> float:
        """Seconds since a search began."""
        return time.monotonic() - self._asked_at

    def served(self) -> OpenIndex | Overlaid | None:
        """What is searched now, None where nothing is; another object once a new version or a change by people took its place."""
        try:
            return self._serving.view(follow=False).index
        except IndexBroken:
            return None

    def prepare(self, passages: Sequence[Passage], likes: Sequence[Query], embedder: Embedder) -> int:
        """Encodes what `support` will want of the passages and `search` of the likes; how many bytes the former take.

        embedder: gives the vectors that the retriever's own gives; where another encoder has come to be served, nothing is kept.
        Raises ModelError.
        """
        encoder = self._serving.encoder
        if encoder.embedder.name != embedder.name:
            return 0
        for query in likes:
            encoder.vectors_of(query.window, query.text, embedder)
        return encoder.prepare([_supporting(passage) for passage in passages], embedder)

    def overlay(self) -> tuple[int, int]:
        """How many passages people have added to the version that is served, and taken out of it."""
        index = self._serving.view().index
        return (len(index.added), index.removed) if isinstance(index, Overlaid) else (0, 0)


def _result(
    index: OpenIndex | Overlaid, hits: tuple[Hit, ...], degraded: Sequence[str], agreed: float = 0.0, medoid: int = 0
) -> SearchResult:
    return SearchResult(hits, agreed, medoid, index.manifest.version, index.manifest.encoder, tuple(degraded))


def open_retriever(
    folder: Path,
    embedder: Embedder,
    knowledge: Knowledge | None = None,
    open_encoder: OpenEncoder | None = None,
) -> IndexRetriever:
    """A retriever over an index folder, also where nothing sound is in it yet: then `search` raises IndexBroken.

    open_encoder: opens the encoder of a manifest by its name, or raises ModelError; without it only `embedder` serves.
    """
    return IndexRetriever(folder, embedder, knowledge, open_encoder)


def _supporting(passage: Passage) -> str:
    return f"{passage.question} {passage.answer}"[:_SUPPORT_CHARS]


def _vote(index: OpenIndex | Overlaid, found: _Found, k: int) -> tuple[float, int]:
    fusion = found.part.fusion
    rows = found.fused.ids[: max(_TOP, int(fusion.pool))]
    if not len(rows):
        return 0.0, 0
    replies = index.vectors_of(found.part.language, rows, "reply")
    likeness = replies @ replies.T
    return agreement(likeness, _TOP), elect(likeness, found.fused.scores[: len(rows)], fusion, min(k, _TOP))


def _hits(index: OpenIndex | Overlaid, found: _Found, query: Query, k: int) -> tuple[Hit, ...]:
    part, rows = found.part, found.fused.ids[:k]
    cosines = {f"cos_{name}": index.vectors_of(part.language, rows, name) @ vector for name, vector in _asked(found)}
    dense = (
        np.max([cosines[f"cos_{name}"] for name in ("window", "question")], axis=0) if cosines and len(rows) else None
    )
    idf = cache(part.lexical["window"].idf)  # each of the hits weighs the same few words
    passages = [index.passage(part.language, int(row)) for row in rows]
    texts = text_signals(query.text, part.language, passages, idf)
    taken_over = any(passage.found_by is not None for passage in passages)
    said = text_signals(query.text, part.language, [one.as_said() for one in passages], idf) if taken_over else texts
    hits = []
    for at, (row, passage, shares) in enumerate(zip(rows, passages, texts, strict=True)):
        lexical = max(float(scores[row]) for scores in found.scores.values())
        hits.append(
            Hit(
                passage=passage,
                score=float(found.fused.scores[at]),
                dense=float(np.clip(dense[at], -1, 1)) if dense is not None else None,
                lexical=lexical if lexical > 0 else None,
                coverage=shares["coverage"],
                ranks={
                    name: int(rank) for name, rank in zip(SIGNALS, found.fused.ranks[at], strict=True) if rank < np.inf
                },
                signals=shares | {name: float(values[at]) for name, values in cosines.items()},
                said=said[at] if passage.found_by is not None else None,
            )
        )
    return tuple(hits)


def _asked(found: _Found) -> list[tuple[str, Vectors]]:
    """The query vector for each vector of a passage; a reply is compared with the question as it stands alone."""
    if "question" not in found.vectors:
        return []
    question = found.vectors["question"]
    return [("window", found.vectors["window"]), ("question", question), ("reply", question)]

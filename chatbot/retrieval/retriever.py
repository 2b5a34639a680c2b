"""Answers a query from the current index version and takes over a new one; knows no SQL, no web, no policy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.errors import ChatbotError, IndexBroken, ModelError
from chatbot.protocols import Embedder, Knowledge
from chatbot.retrieval.fusion import DENSE, SIGNALS, Fused, agreement, elect, fuse
from chatbot.retrieval.manifest import POINTER, read_pointer
from chatbot.retrieval.overlay import Overlaid
from chatbot.retrieval.reading import OpenIndex, Slice
from chatbot.retrieval.recent import Recent
from chatbot.retrieval.signals import Asked, support, text_signals, words_of
from chatbot.retrieval.words import content_spans, language_of
from chatbot.types import Hit, Passage, Query, SearchResult, Support, TokenVectors

_log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
_Stamp = tuple[int, int, int] | None
_TOP = 5
_SUPPORT_CHARS = 500
# Bytes of passages' token vectors in float16, about 50 kB each: the 3,000 or so that were used last or are used most.
TOKENS_KEPT = 150_000_000
_QUERIES_KEPT = 6_000  # 3 kB each: the answers whose likes are searched recur, and so do many questions


@dataclass(frozen=True, slots=True)
class _Laid:
    """An overlay and the state of the knowledge that it shows."""

    stamp: Hashable
    view: Overlaid


@dataclass(frozen=True, slots=True)
class _Found:
    """One search within a slice, before passages are read."""

    part: Slice
    fused: Fused
    vectors: Mapping[str, Vectors]
    scores: Mapping[str, npt.NDArray[np.float32]]


class IndexRetriever:
    """Searches the current version of an index folder. Lives as long as the process; any thread may call.

    A newly published version is noticed at the next search, checked in the background and then served; one that fails
    its checks is refused, logged, and said in `degraded` while the old one serves on. What people change in the knowledge
    holds from the next search on (`overlay`).
    """

    def __init__(self, folder: Path, embedder: Embedder, knowledge: Knowledge | None = None) -> None:
        self._folder, self._embedder, self._knowledge = folder, embedder, knowledge
        self._laid: _Laid | None = None
        self._laying = threading.Lock()
        self._behind = False
        self._tokens: Recent[str, TokenVectors] = Recent(TOKENS_KEPT, lambda one: one.vectors.nbytes)
        self._queries: Recent[tuple[str, str], Vectors] = Recent(_QUERIES_KEPT)
        self._asked_at = 0.0
        self._index: OpenIndex | None = None
        self._stamp: _Stamp = None
        self._problem: IndexBroken | None = None
        self._loading = threading.Lock()
        self._load()

    @property
    def embedder(self) -> Embedder:
        """The encoder of its queries, for others that compare questions."""
        return self._embedder

    @property
    def version(self) -> str | None:
        """Name of the version that is served, None while there is none."""
        return self._index.manifest.version if self._index else None

    @property
    def problem(self) -> str | None:
        """Why the version that the pointer names is not served, None when all is well."""
        return str(self._problem) if self._problem else None

    def search(self, query: Query, k: int = _TOP) -> SearchResult:
        """The best `k` passages in the query's language, never in another.

        `degraded` may hold: "encoder" (words only), "new_index" (an older version serves), "knowledge" (the latest changes by
        people are not known), "language" (no passage in it, so no hits). Raises IndexBroken when there is nothing to search.
        """
        self._asked_at = time.monotonic()
        index = self._current()
        degraded = ["new_index"] if self._problem else []
        if self._behind:
            degraded.append("knowledge")
        part = index.slice_of(language_of(query.language))
        if part is None:
            return self._result(index, (), [*degraded, "language"])
        vectors = self._embed(query)
        if not vectors:
            degraded.append("encoder")
        ranked, scores = part.lists(vectors, query.window, query.text)
        working = np.asarray([signal not in DENSE or signal in vectors for signal in SIGNALS])
        found = _Found(part, fuse(ranked, part.fusion, working), vectors, scores)
        hits = _hits(index, found, query, k)
        return self._result(index, hits, degraded, *_vote(index, found, k))

    def mend(self, text: str, language: str) -> str:
        """The text with typos mended by the passages' own vocabulary; unchanged where the language has none or no spaces."""
        try:
            index = self._current()
        except IndexBroken:
            return text
        speller = index.speller(language_of(language))
        return speller.mend(text) if speller else text

    def support(self, query: Query, passages: Sequence[Passage]) -> list[Support] | None:
        """See `protocols.Retriever.support`."""
        part = self._current(follow=False).slice_of(language_of(query.language))
        if part is None or not passages:
            return []
        idf = part.lexical["window"].idf
        asked = [Asked(start, end, word, idf(word)) for start, end, word in content_spans(query.text, part.language)]
        try:
            asking, tokens = self._tokens_of(query.text, passages)
        except ModelError as exc:
            _log.error("the answer's support is not known: %s", exc)
            return None
        return [
            support(asking, asked, one, words_of(passage, part.language))
            for one, passage in zip(tokens, passages, strict=True)
        ]

    def popular(self, language: str, n: int = 4) -> list[str]:
        """Up to `n` questions asked most in a language, fit for a first screen; none where there is no index."""
        try:
            index = self._current(follow=False)
        except IndexBroken:
            return []
        part = index.slice_of(language_of(language))
        return [index.passage(part.language, row).question for row in part.popular[:n]] if part else []

    def refresh(self) -> None:
        """Takes over the version that the pointer names now, if it is sound, before it returns."""
        with self._loading:
            self._load()

    def follow(self) -> None:
        """Takes over what people have changed in the knowledge before it returns; without an index there is nothing to do."""
        if self._index is not None:
            self._with_changes(self._index)

    def idle_s(self) -> float:
        """Seconds since a search began."""
        return time.monotonic() - self._asked_at

    def served(self) -> OpenIndex | Overlaid | None:
        """What is searched now, None where nothing is; another object once a new version or a change by people took its place."""
        try:
            return self._current(follow=False)
        except IndexBroken:
            return None

    def prepare(self, passages: Sequence[Passage], likes: Sequence[Query], embedder: Embedder) -> int:
        """Encodes what `support` will want of the passages and `search` of the likes; how many bytes the former take.

        embedder: gives the vectors that the retriever's own gives. Raises ModelError.
        """
        texts = list(dict.fromkeys(_supporting(passage) for passage in passages))
        known = self._tokens.find(texts)
        missing = [text for text in texts if text not in known]
        if missing:
            known |= self._keep_tokens(missing, embedder.encode_tokens(missing))
        for query in likes:
            self._vectors_of(query.window, query.text, embedder)
        return sum(tokens.vectors.nbytes for tokens in known.values())

    def overlay(self) -> tuple[int, int]:
        """How many passages people have added to the version that is served, and taken out of it."""
        index = self._current()
        return (len(index.added), index.removed) if isinstance(index, Overlaid) else (0, 0)

    def _current(self, *, follow: bool = True) -> OpenIndex | Overlaid:
        """follow: asks whether people have changed something since; without it those changes hold that are known."""
        if self._stamp != _stamp_of(self._folder) and self._loading.acquire(blocking=self._index is None):
            if self._index is None:
                try:
                    self._load()
                finally:
                    self._loading.release()
            else:
                threading.Thread(target=self._load_and_release, name="index-reload").start()
        if self._index is None:
            raise self._problem or IndexBroken(f"There is no index in {self._folder} yet; run `chatbot index`.")
        if follow or self._laid is None or self._laid.view.base is not self._index:
            return self._with_changes(self._index)
        return self._laid.view

    def _with_changes(self, index: OpenIndex) -> OpenIndex | Overlaid:
        """The version with people's changes laid over it; with those known so far where the store or the encoder is away."""
        if self._knowledge is None:
            return index
        try:
            stamp = self._knowledge.stamp()
            with self._laying:
                laid = self._laid
                if laid is None or laid.stamp != stamp or laid.view.base is not index:
                    known = laid.view.vectors_by_text if laid else None
                    laid = _Laid(stamp, Overlaid(index, self._knowledge.changes(), self._embedder, known))
                    self._laid = laid
            self._behind = False
            return laid.view
        except ChatbotError as exc:
            if not self._behind:
                _log.error("changes of the knowledge are not known: %s", exc)
            self._behind = True
            return self._laid.view if self._laid and self._laid.view.base is index else index

    def _load_and_release(self) -> None:
        try:
            self._load()
        finally:
            self._loading.release()

    def _load(self) -> None:
        stamp = _stamp_of(self._folder)
        try:
            version = read_pointer(self._folder)
            if version and version != self.version:
                index = OpenIndex(self._folder / version)
                self._check_encoder(index)
                self._index = index
                _log.info("index version %s is served", version)
            self._problem = None
        except IndexBroken as exc:
            self._problem = exc
            _log.error("index version refused, %s serves on: %s", self.version or "none", exc)
        self._stamp = stamp

    def _check_encoder(self, index: OpenIndex) -> None:
        if index.manifest.encoder != self._embedder.name:
            raise IndexBroken(
                f"The index {index.manifest.version} in {self._folder} was built with the encoder "
                f"{index.manifest.encoder}, the settings name {self._embedder.name}; run `chatbot index`."
            )

    def _embed(self, query: Query) -> dict[str, Vectors]:
        try:
            window, question = self._vectors_of(query.window, query.text, self._embedder)
        except ModelError as exc:
            _log.error("searching by words only: %s", exc)
            return {}
        return {"window": window, "question": question, "reply": window}

    def _vectors_of(self, window: str, text: str, embedder: Embedder) -> Vectors:
        known = self._queries.find([(window, text)])
        if known:
            return known[window, text]
        vectors = embedder.encode([window, text])
        vectors.flags.writeable = False  # many searches share them
        self._queries.keep([((window, text), vectors)])
        return vectors

    def _tokens_of(self, question: str, passages: Sequence[Passage]) -> tuple[TokenVectors, list[TokenVectors]]:
        """The tokens of a question and of some passages; what is not known yet is encoded together."""
        texts = [_supporting(passage) for passage in passages]
        known = self._tokens.find(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        asking, *made = self._embedder.encode_tokens([question, *missing])
        known |= self._keep_tokens(missing, made)
        return asking, [known[text] for text in texts]

    def _keep_tokens(self, texts: Sequence[str], made: Sequence[TokenVectors]) -> dict[str, TokenVectors]:
        kept = {
            text: TokenVectors(
                (), np.asarray(tokens.vectors, dtype=np.float16)
            )  # where a passage's words stand is not asked
            for text, tokens in zip(texts, made, strict=True)
        }
        self._tokens.keep(kept.items())
        return kept

    def _result(
        self,
        index: OpenIndex | Overlaid,
        hits: tuple[Hit, ...],
        degraded: Sequence[str],
        agreed: float = 0.0,
        medoid: int = 0,
    ) -> SearchResult:
        return SearchResult(hits, agreed, medoid, index.manifest.version, index.manifest.encoder, tuple(degraded))


def open_retriever(folder: Path, embedder: Embedder, knowledge: Knowledge | None = None) -> IndexRetriever:
    """A retriever over an index folder, also where nothing sound is in it yet: then `search` raises IndexBroken."""
    return IndexRetriever(folder, embedder, knowledge)


def _supporting(passage: Passage) -> str:
    return f"{passage.question} {passage.answer}"[:_SUPPORT_CHARS]


def _stamp_of(folder: Path) -> _Stamp:
    try:
        stat = (folder / POINTER).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


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
            )
        )
    return tuple(hits)


def _asked(found: _Found) -> list[tuple[str, Vectors]]:
    """The query vector for each vector of a passage; a reply is compared with the question as it stands alone."""
    if "question" not in found.vectors:
        return []
    question = found.vectors["question"]
    return [("window", found.vectors["window"]), ("question", question), ("reply", question)]

"""Answers a query from the current index version and takes over a new one; knows no SQL, no web, no policy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
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
from chatbot.retrieval.remembering import Remembering
from chatbot.retrieval.signals import Asked, support, text_signals, words_of
from chatbot.retrieval.words import content_spans, language_of
from chatbot.types import Hit, Passage, Query, SearchResult, Support

_log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
OpenEncoder = Callable[[str], Embedder]
_Stamp = tuple[int, int, int] | None
_TOP = 5
_SUPPORT_CHARS = 500


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


@dataclass(frozen=True, slots=True)
class _Served:
    """An index version and the encoder that it was built with, which come and go together."""

    index: OpenIndex
    encoder: Remembering


@dataclass(frozen=True, slots=True)
class _View:
    """What one search reads: a version, with people's changes where there are any, and its encoder."""

    index: OpenIndex | Overlaid
    encoder: Remembering


class IndexRetriever:
    """Searches the current version of an index folder. Lives as long as the process; any thread may call.

    A newly published version is noticed at the next search, checked in the background and then served; one that fails
    its checks is refused, logged, and said in `degraded` while the old one serves on. A version that another encoder built brings
    that encoder along, opened by the name in its manifest (`open_encoder`). What people change in the knowledge holds from the
    next search on (`overlay`).
    """

    def __init__(
        self,
        folder: Path,
        embedder: Embedder,
        knowledge: Knowledge | None = None,
        open_encoder: OpenEncoder | None = None,
    ) -> None:
        self._folder, self._knowledge, self._open_encoder = folder, knowledge, open_encoder
        self._first = Remembering(embedder)
        self._laid: _Laid | None = None
        self._laying = threading.Lock()
        self._behind = False
        self._asked_at = 0.0
        self._now: _Served | None = None
        self._stamp: _Stamp = None
        self._problem: IndexBroken | None = None
        self._loading = threading.Lock()
        self._load()

    @property
    def embedder(self) -> Embedder:
        """The encoder of its queries, for others that compare questions; another one after a version brought its own."""
        return self._encoder.embedder

    @property
    def version(self) -> str | None:
        """Name of the version that is served, None while there is none."""
        return self._now.index.manifest.version if self._now else None

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
        view = self._current()
        index = view.index
        degraded = ["new_index"] if self._problem else []
        if self._behind:
            degraded.append("knowledge")
        part = index.slice_of(language_of(query.language))
        if part is None:
            return self._result(index, (), [*degraded, "language"])
        vectors = view.encoder.of(query)
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
            index = self._current().index
        except IndexBroken:
            return text
        speller = index.speller(language_of(language))
        return speller.mend(text) if speller else text

    def support(self, query: Query, passages: Sequence[Passage]) -> list[Support] | None:
        """See `protocols.Retriever.support`."""
        view = self._current(follow=False)
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
            support(asking, asked, one, words_of(passage, part.language))
            for one, passage in zip(tokens, passages, strict=True)
        ]

    def popular(self, language: str, n: int = 4) -> list[str]:
        """Up to `n` questions asked most in a language, fit for a first screen; none where there is no index."""
        try:
            index = self._current(follow=False).index
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
        if self._now is not None:
            self._with_changes(self._now)

    def idle_s(self) -> float:
        """Seconds since a search began."""
        return time.monotonic() - self._asked_at

    def served(self) -> OpenIndex | Overlaid | None:
        """What is searched now, None where nothing is; another object once a new version or a change by people took its place."""
        try:
            return self._current(follow=False).index
        except IndexBroken:
            return None

    def prepare(self, passages: Sequence[Passage], likes: Sequence[Query], embedder: Embedder) -> int:
        """Encodes what `support` will want of the passages and `search` of the likes; how many bytes the former take.

        embedder: gives the vectors that the retriever's own gives; where another encoder has come to be served, nothing is kept.
        Raises ModelError.
        """
        encoder = self._encoder
        if encoder.embedder.name != embedder.name:
            return 0
        for query in likes:
            encoder.vectors_of(query.window, query.text, embedder)
        return encoder.prepare([_supporting(passage) for passage in passages], embedder)

    def overlay(self) -> tuple[int, int]:
        """How many passages people have added to the version that is served, and taken out of it."""
        index = self._current().index
        return (len(index.added), index.removed) if isinstance(index, Overlaid) else (0, 0)

    @property
    def _encoder(self) -> Remembering:
        return self._now.encoder if self._now else self._first

    def _current(self, *, follow: bool = True) -> _View:
        """follow: asks whether people have changed something since; without it those changes hold that are known."""
        if self._stamp != _stamp_of(self._folder) and self._loading.acquire(blocking=self._now is None):
            if self._now is None:
                try:
                    self._load()
                finally:
                    self._loading.release()
            else:
                threading.Thread(target=self._load_and_release, name="index-reload").start()
        now, laid = self._now, self._laid
        if now is None:
            raise self._problem or IndexBroken(f"There is no index in {self._folder} yet; run `chatbot index`.")
        if follow or laid is None or laid.view.base is not now.index:
            return _View(self._with_changes(now), now.encoder)
        return _View(laid.view, now.encoder)

    def _with_changes(self, now: _Served) -> OpenIndex | Overlaid:
        """The version with people's changes laid over it; with those known so far where the store or the encoder is away."""
        if self._knowledge is None:
            return now.index
        try:
            stamp = self._knowledge.stamp()
            with self._laying:
                laid = self._laid
                if laid is None or laid.stamp != stamp or laid.view.base is not now.index:
                    same = laid is not None and laid.view.manifest.encoder == now.index.manifest.encoder
                    known = laid.view.vectors_by_text if laid and same else None
                    changes = self._knowledge.changes()
                    laid = _Laid(stamp, Overlaid(now.index, changes, now.encoder.embedder, known))
                    self._laid = laid
            self._behind = False
            return laid.view
        except ChatbotError as exc:
            if not self._behind:
                _log.error("changes of the knowledge are not known: %s", exc)
            self._behind = True
            return self._laid.view if self._laid and self._laid.view.base is now.index else now.index

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
                self._now = _Served(index, self._encoder_for(index))
                _log.info("index version %s is served with the encoder %s", version, index.manifest.encoder)
            self._problem = None
        except IndexBroken as exc:
            self._problem = exc
            _log.error("index version refused, %s serves on: %s", self.version or "none", exc)
        self._stamp = stamp

    def _encoder_for(self, index: OpenIndex) -> Remembering:
        """The encoder that built a version: one that is open, else the one that its manifest names."""
        wanted = index.manifest.encoder
        for known in (self._encoder, self._first):
            if known.embedder.name == wanted:
                return known
        built = f"The index {index.manifest.version} in {self._folder} was built with the encoder {wanted}"
        if self._open_encoder is None:
            raise IndexBroken(f"{built}, the settings name {self._first.embedder.name}; run `chatbot index`.")
        try:
            return Remembering(self._open_encoder(wanted))
        except ModelError as exc:
            raise IndexBroken(f"{built}, which cannot be opened: {exc}") from exc

    def _result(
        self,
        index: OpenIndex | Overlaid,
        hits: tuple[Hit, ...],
        degraded: Sequence[str],
        agreed: float = 0.0,
        medoid: int = 0,
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

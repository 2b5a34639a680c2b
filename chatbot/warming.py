"""Makes ready, beside the first chats, what turns would else make one by one: a thread of low priority for a server.

A turn compares the question with the tokens of its best passages and searches once more for answers like the best. Both wait
for the encoder unless that passage was met before. Must not change what is answered: it only fills the caches.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from chatbot.errors import ModelError
from chatbot.evidence import quantities
from chatbot.kinds import told
from chatbot.matching import reusable
from chatbot.protocols import Embedder
from chatbot.retrieval.overlay import Overlaid
from chatbot.retrieval.reading import OpenIndex
from chatbot.retrieval.remembering import TOKENS_KEPT
from chatbot.retrieval.retriever import IndexRetriever
from chatbot.retrieval.signals import held_of
from chatbot.retrieval.words import language_of
from chatbot.searching import answers_like
from chatbot.types import Passage, Query

_log = logging.getLogger(__name__)
MOST_PASSAGES = 4_000  # with TOKENS_KEPT the bound of what is made ready
_LOOKED_AT = 4_000  # passages of a language among which those asked for most are looked for
_AT_A_TIME = 4
_NICE = 15  # of Linux, where each thread has its own
_LOOKS_EVERY_S = 1.0
_QUIET_S, _PATIENCE_S = 0.05, 0.5  # a batch waits until no search has begun for so long, but not longer than that


@runtime_checkable
class _Divisible(Protocol):
    """An encoder that can be had on one thread besides."""

    def beside(self) -> Embedder: ...


class Warming:
    """Follows what a retriever serves and makes its likeliest passages ready, the most asked first. One thread, from `start`
    to `close`; any thread may call."""

    def __init__(self, retriever: IndexRetriever, most: int = MOST_PASSAGES) -> None:
        self._retriever, self._most = retriever, most
        self._closing = threading.Event()
        self._ready: OpenIndex | Overlaid | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; what already began goes on."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="warming", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends with the few passages at hand."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def done(self) -> bool:
        """Whether what is served now has been made ready."""
        return self._ready is not None and self._ready is self._retriever.served()

    def _run(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._closing.is_set():
            view = self._retriever.served()
            if view is not None and view is not self._ready:
                try:
                    if self._make_ready(view):
                        self._ready = view
                except ModelError as exc:  # the turns say so themselves; the next version is tried again
                    _log.error("passages are not made ready: %s", exc)
                    self._ready = view
            self._closing.wait(_LOOKS_EVERY_S)

    def _make_ready(self, view: OpenIndex | Overlaid) -> bool:
        """False when something else came to be served, or the end, before it was done."""
        own = self._retriever.embedder
        embedder = own.beside() if isinstance(own, _Divisible) else own
        taken = 0
        passages = itertools.islice(likeliest(view), self._most)
        while batch := list(itertools.islice(passages, _AT_A_TIME)):
            self._let_pass()
            if self._closing.is_set() or self._retriever.served() is not view:
                return False
            for passage in batch:
                told(reusable(passage))
                held_of(passage, language_of(passage.language))
            taken += self._retriever.prepare(batch, list(_likes(batch)), embedder)
            if taken > TOKENS_KEPT:
                break
        return True

    def _let_pass(self) -> None:
        waited = 0.0
        while self._retriever.idle_s() < _QUIET_S and waited < _PATIENCE_S and not self._closing.wait(_QUIET_S / 2):
            waited += _QUIET_S / 2


def likeliest(view: OpenIndex | Overlaid) -> Iterator[Passage]:
    """The passages that can answer anybody, each once: what people added, what is asked most in each language, then the rest by
    how often it was said."""
    parts = [part for language in view.manifest.parts if (part := view.slice_of(language))]
    popular = itertools.zip_longest(*([(part.language, row) for row in part.popular] for part in parts))
    rows = [(part.language, row) for part in parts for row in range(min(part.count, _LOOKED_AT))]
    seen: set[str] = set()
    passages = itertools.chain(
        view.added if isinstance(view, Overlaid) else (),
        (view.passage(*at) for places in popular for at in places if at is not None),
        sorted((view.passage(*at) for at in rows), key=lambda one: -one.count),
    )
    for passage in passages:
        if passage.id not in seen and reusable(passage):
            seen.add(passage.id)
            yield passage


def _likes(passages: Sequence[Passage]) -> Iterator[Query]:
    """What the answerer searches for once a passage is the best candidate."""
    for passage in passages:
        text = reusable(passage)
        if quantities(text):
            yield answers_like(text, passage.language)

"""The published heads as a server uses them: topic and mood of texts. Must not know SQL, nor how heads are fitted.

Where none is published, or the published one cannot be used, nothing is read and `problem` says why: topics are unknown then,
and moods the lexicon's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ChatbotError, ModelError
from chatbot.learning.heads import ENCODER, Heads, Reading, Task, Vectors, mood_of, open_heads
from chatbot.learning.published import POINTER, read
from chatbot.learning.registry import open_version, versions
from chatbot.protocols import Embedder
from chatbot.retrieval.recent import Recent

_log = logging.getLogger(__name__)
_KEPT = 2000
_LIKELIER = 0.5
Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a server gets encoders from. named: by the name in the heads; at: the one in a folder; mask: personal data out."""

    named: Callable[[str], Embedder]
    at: Callable[[Path], Embedder]
    mask: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Open:
    version: str
    heads: Heads
    embedder: Embedder


def reading(models: Path, encoder: str) -> list[str]:
    """Names of the heads that read the vectors of this tuned encoder, and nothing without it."""
    found = []
    for card in versions(models, "heads"):
        with suppress(ModelError):  # heads that cannot be read stand on nothing
            heads = open_heads(models / card.name)
            found += [card.name] if heads.encoder.rpartition("@")[0] == encoder and not heads.own else []
    return found


class PublishedHeads:
    """Lives as long as the process; any thread may call. A call looks whether another version is published; loading one takes
    seconds, so call it off the event loop."""

    def __init__(self, models: Path, sources: Sources) -> None:
        self._models, self._sources = models, sources
        self._lock = threading.Lock()
        self._stamp: Stamp | str = "never looked"
        self._open: _Open | None = None
        self._vectors: Recent[tuple[str, str], Vectors] = Recent(_KEPT)
        self.problem: str | None = None

    @property
    def version(self) -> str | None:
        """The version that is used."""
        held = self._current()
        return held.version if held else None

    def labels(self, task: Task) -> tuple[str, ...]:
        """The labels that the published head knows; () without one."""
        held = self._current()
        return held.heads.tasks[task].labels if held and task in held.heads.tasks else ()

    def topics(self, texts: Sequence[str]) -> list[Reading] | None:
        """What each text is about; None without a topic head. Personal data is masked first."""
        held = self._current()
        if held is None or "topic" not in held.heads.tasks or not texts:
            return None
        return held.heads.tasks["topic"].read(self._encoded(held, texts))

    def among(self, text: str, wanted: Collection[str]) -> str | None:
        """The likeliest of the wanted topics, where together they are likelier than not; else None."""
        held = self._current()
        if held is None or "topic" not in held.heads.tasks:
            return None
        head = held.heads.tasks["topic"]
        row = head.probabilities(self._encoded(held, [text]))[0]
        shares = {label: float(share) for label, share in zip(head.labels, row, strict=True) if label in wanted}
        return max(shares, key=lambda label: shares[label]) if sum(shares.values()) >= _LIKELIER else None

    def moods(self, texts: Sequence[str]) -> list[float] | None:
        """In [-1, 1]; None without a mood head, that is wherever the lexicon is as good."""
        held = self._current()
        if held is None or "mood" not in held.heads.tasks or not texts:
            return None
        return mood_of(held.heads.tasks["mood"], self._encoded(held, texts))

    def _encoded(self, held: _Open, texts: Sequence[str]) -> Vectors:
        import numpy as np

        masked = [self._sources.mask(text) for text in texts]
        keys = [(held.version, text) for text in masked]
        known = self._vectors.find(keys)
        missing = list(dict.fromkeys(text for text in masked if (held.version, text) not in known))
        made = held.embedder.encode(missing)
        fresh = {(held.version, text): row for text, row in zip(missing, made, strict=True)}
        self._vectors.keep(fresh.items())
        known |= fresh
        return np.stack([known[key] for key in keys])

    def _current(self) -> _Open | None:
        with self._lock:
            stamp = _stamp_of(self._models)
            if stamp != self._stamp:
                self._stamp = stamp
                self._load()
            return self._open

    def _load(self) -> None:
        try:
            now = read(self._models)
            name = now.current.get("heads")
            if name is None:
                self._open, self.problem = None, None
            elif self._open is None or self._open.version != name:
                self._open, self.problem = self._opened(name, now.cards.get("heads")), None
                _log.info("heads %s are used", name)
        except ChatbotError as exc:
            self._open, self.problem = None, str(exc)
            _log.error("the published heads are not used: %s", exc)

    def _opened(self, name: str, sha256: str | None) -> _Open:
        version = open_version(self._models, name, sha256)
        heads = open_heads(version.folder)
        embedder = self._sources.at(version.folder / ENCODER) if heads.own else self._sources.named(heads.encoder)
        return _Open(name, heads, embedder)


def _stamp_of(models: Path) -> Stamp:
    try:
        stat = (models / POINTER).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino

"""Which index version is served now, with its encoder and with what people have changed since; knows no query, SQL or web."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ChatbotError, IndexBroken, ModelError
from chatbot.protocols import Embedder, Knowledge
from chatbot.retrieval.manifest import POINTER, read_pointer
from chatbot.retrieval.overlay import Overlaid
from chatbot.retrieval.reading import OpenIndex
from chatbot.retrieval.remembering import Remembering

_log = logging.getLogger(__name__)
OpenEncoder = Callable[[str], Embedder]
_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class View:
    """What one search reads: a version, with people's changes where there are any, and its encoder."""

    index: OpenIndex | Overlaid
    encoder: Remembering


@dataclass(frozen=True, slots=True)
class _Served:
    """An index version and the encoder that it was built with, which come and go together."""

    index: OpenIndex
    encoder: Remembering


@dataclass(frozen=True, slots=True)
class _Laid:
    """An overlay and the state of the knowledge that it shows."""

    stamp: Hashable
    view: Overlaid


class Serving:
    """Follows the pointer of an index folder. Lives as long as the process; any thread may call.

    A newly published version is noticed when one is asked for, checked in the background and then served; one that fails
    its checks is refused and logged, and `problem` says why, while the old one serves on. A version that another encoder
    built brings that encoder along, opened by the name in its manifest (`open_encoder`).
    """

    def __init__(
        self, folder: Path, embedder: Embedder, knowledge: Knowledge | None, open_encoder: OpenEncoder | None
    ) -> None:
        self.folder, self._knowledge, self._open_encoder = folder, knowledge, open_encoder
        self._first = Remembering(embedder)
        self._laid: _Laid | None = None
        self._laying = threading.Lock()
        self.behind = False
        self._now: _Served | None = None
        self._stamp: _Stamp = None
        self.problem: IndexBroken | None = None
        self._loading = threading.Lock()
        self._load()

    @property
    def version(self) -> str | None:
        """Name of the version that is served, None while there is none."""
        return self._now.index.manifest.version if self._now else None

    @property
    def encoder(self) -> Remembering:
        """That of the version that is served; the settings' one while there is none."""
        return self._now.encoder if self._now else self._first

    def view(self, *, follow: bool = True) -> View:
        """What is to be searched. Raises IndexBroken when there is nothing.

        follow: asks whether people have changed something since; without it those changes hold that are known.
        """
        if self._stamp != _stamp_of(self.folder) and self._loading.acquire(blocking=self._now is None):
            if self._now is None:
                try:
                    self._load()
                finally:
                    self._loading.release()
            else:
                threading.Thread(target=self._load_and_release, name="index-reload").start()
        now, laid = self._now, self._laid
        if now is None:
            raise self.problem or IndexBroken(f"There is no index in {self.folder} yet; run `chatbot index`.")
        if follow or laid is None or laid.view.base is not now.index:
            return View(self._with_changes(now), now.encoder)
        return View(laid.view, now.encoder)

    def refresh(self) -> None:
        """Takes over the version that the pointer names now, if it is sound, before it returns."""
        with self._loading:
            self._load()

    def follow(self) -> None:
        """Takes over what people have changed in the knowledge before it returns; without an index there is nothing to do."""
        if self._now is not None:
            self._with_changes(self._now)

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
            self.behind = False
            return laid.view
        except ChatbotError as exc:
            if not self.behind:
                _log.error("changes of the knowledge are not known: %s", exc)
            self.behind = True
            return self._laid.view if self._laid and self._laid.view.base is now.index else now.index

    def _load_and_release(self) -> None:
        try:
            self._load()
        finally:
            self._loading.release()

    def _load(self) -> None:
        stamp = _stamp_of(self.folder)
        try:
            version = read_pointer(self.folder)
            if version and version != self.version:
                index = OpenIndex(self.folder / version)
                self._now = _Served(index, self._encoder_for(index))
                _log.info("index version %s is served with the encoder %s", version, index.manifest.encoder)
            self.problem = None
        except IndexBroken as exc:
            self.problem = exc
            _log.error("index version refused, %s serves on: %s", self.version or "none", exc)
        self._stamp = stamp

    def _encoder_for(self, index: OpenIndex) -> Remembering:
        """The encoder that built a version: one that is open, else the one that its manifest names."""
        wanted = index.manifest.encoder
        for known in (self.encoder, self._first):
            if known.embedder.name == wanted:
                return known
        built = f"The index {index.manifest.version} in {self.folder} was built with the encoder {wanted}"
        if self._open_encoder is None:
            raise IndexBroken(f"{built}, the settings name {self._first.embedder.name}; run `chatbot index`.")
        try:
            return Remembering(self._open_encoder(wanted))
        except ModelError as exc:
            raise IndexBroken(f"{built}, which cannot be opened: {exc}") from exc


def _stamp_of(folder: Path) -> _Stamp:
    try:
        stat = (folder / POINTER).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size

"""Token ids of one reply become text that may be shown: whole characters only, and nothing of a stop string. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_BROKEN = "\ufffd"  # what decoders give for half a UTF-8 character
_PATIENCE = 8  # tokens without a whole character before broken bytes are let through


class TextStream:
    """Decodes one reply piece by piece. Lives as long as the reply; one thread.

    Only the ids since the text last ended in a whole character are decoded again, together with those before them,
    because decoders treat the first token of a text specially.
    """

    def __init__(self, decode: Callable[[list[int]], str], stops: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stops = tuple(stop for stop in stops if stop)
        self._shown: list[int] = []
        self._fresh: list[int] = []
        self._taken = 0  # characters of the fresh ids' text that were released already
        self._waited = 0  # tokens since the last whole character
        self._held = ""
        self.stopped = False

    def push(self, ids: Sequence[int]) -> str:
        """The text that may be shown now. Sets `stopped` when a stop string appeared; what follows it is dropped."""
        if self.stopped:
            return ""
        self._fresh.extend(ids)
        text = self._new_text()
        whole = text.rstrip(_BROKEN)
        new = whole[self._taken :]
        self._waited = 0 if new else self._waited + len(ids)
        if whole != text and self._waited < _PATIENCE:
            self._taken += len(new)
            return self._release(new)
        new = text[self._taken :]
        self._shown, self._fresh, self._taken, self._waited = self._fresh, [], 0, 0
        return self._release(new)

    def flush(self) -> str:
        """The rest, at the end of the reply."""
        if self.stopped:
            return ""
        text = self._release(self._new_text()[self._taken :])
        rest, self._held, self._fresh = self._held, "", []
        return text if self.stopped else text + rest

    def _new_text(self) -> str:
        if not self._fresh:
            return ""
        before = self._decode(self._shown) if self._shown else ""
        return self._decode(self._shown + self._fresh)[len(before) :]

    def _release(self, text: str) -> str:
        held = self._held + text
        found = [position for stop in self._stops if (position := held.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return held[: min(found)]
        keep = max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0

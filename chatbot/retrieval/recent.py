"""A bounded memory of what was used last, for several threads; must not know what it holds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The values used last, `room` of them together. Unlike `lru_cache` it tells what is missing, so that this is made in one
    batch.

    size_of: how much room a value takes; without it each takes 1. Any thread may call; two that miss the same key both make it,
    and the later one stays.
    """

    def __init__(self, room: int, size_of: Callable[[Value], int] = lambda _: 1) -> None:
        self._room, self._size_of = room, size_of
        self._taken = 0
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Those of the keys that are held."""
        with self._lock:
            found = {key: self._held[key] for key in keys if key in self._held}
            for key in found:
                self._held.move_to_end(key)
        return found

    def keep(self, values: Iterable[tuple[Key, Value]]) -> None:
        """Holds the values; those that were not used for longest give way."""
        with self._lock:
            for key, value in values:
                if key in self._held:
                    self._taken -= self._size_of(self._held.pop(key))
                self._held[key] = value
                self._taken += self._size_of(value)
            while self._taken > self._room:
                self._taken -= self._size_of(self._held.popitem(last=False)[1])

    def clear(self) -> None:
        """Holds nothing any more."""
        with self._lock:
            self._held.clear()
            self._taken = 0

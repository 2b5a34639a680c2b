"""Rings every open window of a conversation, and the team's. Holds queues and nothing else; must not know the store or pages."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from chatbot.types import Event, EventKind

QUEUE_LIMIT = 256


class Signal(Enum):
    """What a window is told besides events."""

    RESYNC = "resync"  # something was missed, or done by another program: read everything again
    QUIET = "quiet"  # nothing happened for a while: keep the connection alive
    CLOSED = "closed"  # the process is about to stop


@dataclass(eq=False)
class Window:
    """One open window's bounded queue. A full one is emptied and marked: a slow reader never holds up the others."""

    _queue: asyncio.Queue[Event | Signal] = field(default_factory=lambda: asyncio.Queue(QUEUE_LIMIT))
    _closed: bool = False

    def put(self, event: Event) -> None:
        if self._queue.full():
            self.resync()
        else:
            self._queue.put_nowait(event)

    def resync(self) -> None:
        """Behind what has come: something else has changed, too."""
        if self._queue.full():
            self.waiting()
        self._queue.put_nowait(Signal.RESYNC)

    def close(self) -> None:
        """The next read, and each after it, says CLOSED, whatever came before."""
        self._closed = True
        self.waiting()
        self._queue.put_nowait(Signal.CLOSED)

    async def next(self, patience_s: float) -> Event | Signal:
        if self._closed:
            return Signal.CLOSED
        try:
            return await asyncio.wait_for(self._queue.get(), patience_s)
        except TimeoutError:
            return Signal.QUIET

    def waiting(self) -> list[Event]:
        """Takes out what has come and was not read yet."""
        return [item for item in self.rest() if isinstance(item, Event)]

    def rest(self) -> list[Event | Signal]:
        """The same with the signals in it."""
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]


class EventHub:
    """Implements `chatbot.protocols.Bell`. One a process; all calls from the event loop's thread."""

    def __init__(self) -> None:
        self._windows: dict[str, set[Window]] = defaultdict(set)
        self._team: set[Window] = set()
        self._listeners: list[Callable[[Event], None]] = []
        self._again: list[Callable[[], None]] = []
        self._closed = False

    def ring(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
        for window in self._windows.get(event.conversation_id, ()):
            window.put(event)
        if event.kind is not EventKind.DELTA:  # the team reads replies once they are stored
            self.whisper(event)

    def whisper(self, event: Event) -> None:
        """For the team's windows only: notes, that a customer is typing, and what was passed to whom."""
        for window in self._team:
            window.put(event)

    def resync(self) -> None:
        """Has the team's windows read again: something was done by somebody who rings nobody."""
        for window in self._team:
            window.resync()
        for listener in self._again:
            listener()

    @property
    def conversations(self) -> list[str]:
        """Those that customers have open."""
        return list(self._windows)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Calls `listener` with every event; it must not block or raise."""
        self._listeners.append(listener)

    def listen_to_resync(self, listener: Callable[[], None]) -> None:
        """Calls `listener` with every `resync`; it must not block or raise."""
        self._again.append(listener)

    @contextmanager
    def window(self, conversation_id: str) -> Iterator[Window]:
        """A queue of what happens from now on. Take it before reading the state that it continues."""
        window = Window()
        if self._closed:
            window.close()
        self._windows[conversation_id].add(window)
        try:
            yield window
        finally:
            windows = self._windows[conversation_id]
            windows.discard(window)
            if not windows:
                del self._windows[conversation_id]

    @contextmanager
    def everything(self) -> Iterator[Window]:
        """A queue of what happens in all conversations but for the pieces of replies; who takes it leaves out what its reader
        may not see."""
        window = Window()
        if self._closed:
            window.close()
        self._team.add(window)
        try:
            yield window
        finally:
            self._team.discard(window)

    def close(self) -> None:
        """Ends every stream at once, so that a stop of the process does not wait for idle windows."""
        self._closed = True
        for windows in self._windows.values():
            for window in windows:
                window.close()
        for window in self._team:
            window.close()

    @property
    def open_windows(self) -> int:
        return sum(map(len, self._windows.values())) + len(self._team)

    @property
    def team_windows(self) -> int:
        return len(self._team)

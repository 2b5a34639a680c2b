"""Notices which generator is published and has the supervisor swap to it. Must not know what publishes, nor chats."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from chatbot.errors import ChatbotError
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.supervisor import Supervisor
from chatbot.generation.tuned import served
from chatbot.learning.published import POINTER
from chatbot.settings import Settings

_LOG = logging.getLogger(__name__)
EVERY_S = 2.0
RETRY_S = 300.0  # after a swap that failed: what was in its way, such as memory, may be gone by then
_Stamp = tuple[int, int, int] | None


class Following:
    """Lives as long as the web process; one event loop. A version that does not start changes nothing: the old one goes on,
    `problem` says why, and it is tried again later."""

    def __init__(
        self,
        settings: Settings,
        supervisor: Supervisor,
        check: Callable[[ModelSpec], None] = lambda spec: None,
        every_s: float = EVERY_S,
        retry_s: float = RETRY_S,
    ) -> None:
        """check: raises for a model that these settings cannot use."""
        self._settings, self._supervisor, self._check, self._every_s = settings, supervisor, check, every_s
        self._retry_s = retry_s
        self._path = settings.models_folder / POINTER
        self._seen: _Stamp = None
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = None

    def start(self) -> None:
        """Begins to watch; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="published-generator")

    async def stop(self) -> None:
        """Ends the watch; a swap that has begun is given up, and the old model goes on. May be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def catch_up(self) -> bool:
        """Swaps to what is published now, unless it is served already; returns whether it did. Never raises ChatbotError."""
        try:
            spec = await asyncio.to_thread(served, self._settings)
            if spec == self._supervisor.spec:
                self.problem = None
                return False
            self._check(spec)
            await self._supervisor.swap(spec)
        except ChatbotError as exc:
            self.problem = str(exc)
            _LOG.error("the published generator is not taken over, %s goes on: %s", self._supervisor.spec.name, exc)
            return False
        self.problem = None
        return True

    async def _watch(self) -> None:
        tried_at = time.monotonic()
        while True:
            await asyncio.sleep(self._every_s)
            again = self.problem is not None and time.monotonic() - tried_at >= self._retry_s
            if (stamp := self._stamp()) != self._seen or again:
                self._seen = stamp  # before the swap: what is published meanwhile is seen at the next look
                await self.catch_up()
                tried_at = time.monotonic()

    def _stamp(self) -> _Stamp:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

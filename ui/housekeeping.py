"""What the web process does beside serving: finishes erasures, has the open windows
follow those of other programs, erases by age once a day. Must not know pages or tables."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog

from chatbot.erasing import Copies, forget_texts
from chatbot.errors import ChatbotError
from chatbot.retrieval.retriever import IndexRetriever
from chatbot.settings import Settings
from chatbot.types import Event, EventKind
from storage.opening import Store
from ui.events import EventHub

T = TypeVar("T")
_log = structlog.get_logger(__name__)
LOOK_S = 2.0
DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class Housekeeping:
    """Lives as long as the process."""

    settings: Settings
    store: Store
    retriever: IndexRetriever
    hub: EventHub

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Does its work until the block is left. What an erasure has left undone is done before anybody is answered."""
        if await self._quietly("erasures.unread", self.store.rights.unfinished):
            await self._quietly("erasures.unfinished", self._finish)
            await self._quietly("erasures.remembered", self._forget)
        tasks = [
            asyncio.create_task(self._watch(), name="erasures"),
            asyncio.create_task(self._age(), name="retention"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

    async def _watch(self) -> None:
        """After an erasure by anybody, this process forgets too: caches of texts and vectors, the index that it serves, and
        what open windows show."""
        await self._quietly("erasures.unfinished", self._finish)
        seen = -1
        while True:
            newest = await self._quietly("erasures.unseen", self.store.rights.newest)
            if isinstance(newest, int) and newest != seen:
                if seen >= 0:
                    await self._quietly("erasures.remembered", self._forget)
                    await self._tell_windows()
                seen = newest
            await asyncio.sleep(LOOK_S)

    async def _tell_windows(self) -> None:
        self.hub.resync()
        try:
            for gone in await self.store.desk.gone(self.hub.conversations):
                self.hub.ring(Event(EventKind.STATUS, gone, text="erased"))
        except ChatbotError as error:
            _log.error("erasures.untold", reason=str(error))

    async def _age(self) -> None:
        while True:
            if self.settings.retention_days:
                await self._quietly("retention.failed", self._erase_old)
            await self._quietly("erasures.untidy", self.store.rights.tidy)
            await asyncio.sleep(DAY_S)

    def _finish(self) -> None:
        for receipt in self.store.rights.catch_up(Copies(self.settings)):
            _log.info("erasure.finished", receipt=receipt.id, replayed=receipt.replayed)

    def _forget(self) -> None:
        self.retriever.refresh()
        forget_texts()

    def _erase_old(self) -> None:
        receipts = self.store.retention.run(self.settings.retention_days, Copies(self.settings))
        gone = sum(receipt.conversations for receipt in receipts)
        _log.info("retention.done", conversations=gone, receipts=len(receipts))

    async def _quietly(self, what: str, work: Callable[[], T]) -> T | None:
        try:
            return await asyncio.to_thread(work)
        except ChatbotError as error:
            _log.error(what, reason=str(error))
            return None

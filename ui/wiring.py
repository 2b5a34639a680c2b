"""Builds the parts of a real deployment: store, assistant, dialogue manager. Must not know routes or pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog

from chatbot.assembly import Assistant, build_assistant, limits
from chatbot.dialogue import DialogueManager
from chatbot.errors import ChatbotError
from chatbot.generation.supervisor import Supervisor
from chatbot.settings import Settings
from storage.opening import Store, open_store
from ui.events import EventHub
from ui.housekeeping import Housekeeping
from ui.metrics import Metrics
from ui.parts import Parts

_log = structlog.get_logger(__name__)
REMOTE_S = 2.0


def build_parts(settings: Settings, supervisor: Supervisor | None = None) -> Parts:
    """Opens the store with the server's lock, loads index and encoder. Raises ChatbotError and leaves nothing open.

    supervisor: the model server's, where that has begun to start; the caller's to stop when this raises."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    store = open_store(url, settings.data, server=True)
    try:
        assistant = build_assistant(settings, store.knowledge, supervisor)
    except BaseException:
        store.close()
        raise
    hub = EventHub()
    metrics = Metrics()
    manager = DialogueManager(store.conversations, assistant.answerer, hub, limits(settings), metrics)
    probes = Probes(store, assistant)
    return Parts(
        settings=settings,
        store=store.conversations,
        manager=manager,
        hub=hub,
        examples=assistant.examples,
        checks={"database": probes.database, "index": probes.index, "model": probes.model},
        metrics=metrics,
        lifespan=Running(store, assistant, hub),
        house=store,
        assistant=assistant,
    )


@dataclass(frozen=True)
class Running:
    """Starts what lies below the dialogue and stops it last. The model server comes up beside the first chats: until
    then, and whenever it is away, replies are past answers."""

    store: Store
    assistant: Assistant
    hub: EventHub

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        starting = asyncio.create_task(self._start(), name="model server start")
        try:
            settings, retriever = self.assistant.settings, self.assistant.retriever
            async with Housekeeping(settings, self.store, retriever, self.hub).running():
                yield
        finally:
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            await self.assistant.stop()
            await asyncio.to_thread(self.store.close)

    async def _start(self) -> None:
        try:
            await self.assistant.start(serving=True)
        except ChatbotError as error:
            _log.error("model_server.failed", reason=str(error))


async def _answers(url: str) -> str | None:
    """Whatever it answers, it is there: not every server says more than 404 to this."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=REMOTE_S) as http:
            await http.get(url)
    except httpx.HTTPError:
        return "does not answer"
    return None


@dataclass(frozen=True)
class Probes:
    """What /readyz asks. Anyone may read the answers, so they name neither folders nor hosts; the log does."""

    store: Store
    assistant: Assistant

    async def database(self) -> str | None:
        try:
            await asyncio.to_thread(self.store.check)
        except ChatbotError:
            return "does not answer"
        return None

    async def index(self) -> str | None:
        served = self.assistant.retriever.version is not None
        if self.assistant.retriever.problem:
            return f"{'a newer version' if served else 'it'} was refused; run `chatbot index verify`"
        return None if served else "missing; run `chatbot index`"

    async def model(self) -> str | None:
        supervisor, settings = self.assistant.supervisor, self.assistant.settings
        if supervisor is None:
            remote = settings.model_url if settings.engine != "none" else None
            return await _answers(remote) if remote else None
        if supervisor.state != "ready":
            return supervisor.state
        following = self.assistant.following
        behind = following is not None and following.problem is not None
        return (
            "what is published was refused, the model before it answers; the page Models says why" if behind else None
        )

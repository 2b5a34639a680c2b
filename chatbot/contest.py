"""Two contenders answer the same question, each as customers would be answered by it. Must not know votes or pages.

A contender is a generator version, the base model, or the past answer alone. A model gets a server of its own, beside the one that
serves customers, for as long as somebody compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chatbot.answering import Answerer, Context
from chatbot.errors import BadInput, ChatbotError, NotFound
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.child import Child, start_child
from chatbot.generation.client import HttpChatModel
from chatbot.generation.tuned import spec_of, untuned
from chatbot.learning.registry import read_card, versions
from chatbot.learning.versions import names_in
from chatbot.settings import Settings
from chatbot.types import Mode, Reply, Role, Turn

PRECEDENT, BASE = "precedent", "base"
IDLE_S = 600.0  # after which the servers of a comparison stop
PATIENCE_S = 120.0
"""For a reply: what is compared are words, and no customer waits. The first of a model just started takes longest; with a
customer's deadline both sides would often be the same past answer."""


@dataclass(slots=True)
class _Server:
    """A contender's model server and the client that talks to it."""

    child: Child
    model: HttpChatModel
    languages: frozenset[str]


@dataclass
class Contest:
    """Lives as long as the web process; one event loop. At most two servers run, those of the pair asked last."""

    settings: Settings
    answerer: Answerer
    idle_s: float = IDLE_S
    _servers: dict[str, _Server] = field(default_factory=dict)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _used_at: float = 0.0
    _watch: asyncio.Task[None] | None = None

    def contenders(self) -> list[str]:
        """All that can be compared: the past answer alone, the base model, and every generator version."""
        return [*self._always(), *(card.name for card in versions(self.settings.models_folder, "generator"))]

    def _always(self) -> list[str]:
        base = [] if self.settings.engine == "none" or self.settings.model_url else [BASE]
        return [PRECEDENT, *base]

    async def prepare(self, pair: Sequence[str]) -> None:
        """Starts the servers that the pair needs and stops others; returns when they answer.

        Raises NotFound for a contender that is not there, BadInput for one against itself, ModelError when a model does not start.
        """
        if len(set(pair)) != len(pair):
            raise BadInput("The two are the same; choose two different ones.")
        there = await asyncio.to_thread(
            names_in, self.settings.models_folder, "generator"
        )  # no card: it can have megabytes
        for name in pair:
            if name not in (*self._always(), *there):
                raise NotFound(f"There is no model version {name!r}; it may have been deleted.")
        async with self._changing:
            self._used_at = time.monotonic()
            for name in [name for name in self._servers if name not in pair]:
                await self._stop(name)
            for name in pair:
                if name != PRECEDENT and not self._alive(name):
                    await self._start(name)
            if self._watch is None:
                self._watch = asyncio.create_task(self._stop_when_idle(), name="contest-idle")

    async def answers(self, pair: Sequence[str], question: str) -> Mapping[str, Reply]:
        """Each contender's reply. Raises as `prepare`; a generator that fails gives the past answer, and its reply says so."""
        await self.prepare(pair)
        turns = [Turn(Role.CUSTOMER, question)]
        replies = await asyncio.gather(*(self._answerer(name).answer(turns, Context()) for name in pair))
        self._used_at = time.monotonic()
        return dict(zip(pair, replies, strict=True))

    async def close(self) -> None:
        """Stops every server. May be called twice."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        async with self._changing:
            for name in list(self._servers):
                await self._stop(name)

    def _answerer(self, name: str) -> Answerer:
        if name == PRECEDENT:
            return replace(self.answerer, writing=replace(self.answerer.writing, mode=Mode.PRECEDENT), model=None)
        server = self._servers[name]
        writing = replace(self.answerer.writing, mode=Mode.ADAPTED, languages=server.languages, deadline_s=PATIENCE_S)
        return replace(self.answerer, writing=writing, model=server.model)

    def _alive(self, name: str) -> bool:
        server = self._servers.get(name)
        return server is not None and server.child.process.returncode is None

    def _spec(self, name: str) -> ModelSpec:
        if name == BASE:
            return untuned(self.settings)
        return spec_of(self.settings.models_folder, read_card(self.settings.models_folder, name))

    async def _start(self, name: str) -> None:
        await self._stop(name)
        spec = await asyncio.to_thread(self._spec, name)
        child = await start_child(spec, self.settings)
        model = HttpChatModel.following(
            lambda: child.endpoint, name=spec.name, engine=spec.engine, first_token_s=PATIENCE_S
        )
        self._servers[name] = _Server(child, model, frozenset(spec.languages))

    async def _stop(self, name: str) -> None:
        if (server := self._servers.pop(name, None)) is not None:
            await server.child.stop()  # first, so that its replies end
            await server.model.close()

    async def _stop_when_idle(self) -> None:
        while True:
            await asyncio.sleep(min(5.0, self.idle_s))
            if time.monotonic() - self._used_at < self.idle_s:
                continue
            async with self._changing:
                for name in list(self._servers):
                    with contextlib.suppress(ChatbotError):
                        await self._stop(name)

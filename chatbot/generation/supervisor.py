"""Keeps one model server alive: start, health, restart, swap. Must not know what is generated, and runs in no thread.

A chat never waits for a restart: while there is no healthy server, `model()` raises GenerationError at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from chatbot.errors import ChatbotError, GenerationError, ModelError
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.child import COMMAND, Child, start_child
from chatbot.generation.client import Endpoint, HttpChatModel
from chatbot.generation.tuned import served
from chatbot.settings import Settings

_LOG = logging.getLogger(__name__)
State = Literal["stopped", "starting", "ready", "restarting"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `misses` failed health checks in a row mean a hang. After `often` restarts a minute the supervisor
    says so in the log and waits `rest_s` before the next."""

    start_s: float = 120.0
    health_every_s: float = 2.0
    health_timeout_s: float = 5.0
    misses: int = 2
    drain_s: float = 30.0
    backoff_s: tuple[float, ...] = (0.1, 0.5, 2.0, 5.0, 10.0)
    often: int = 5
    rest_s: float = 30.0


class Supervisor:
    """Lives as long as the web process; one event loop. `start` first, `stop` at the end."""

    def __init__(self, settings: Settings, *, command: Sequence[str] = COMMAND, timing: Timing | None = None) -> None:
        self._settings, self._command = settings, command
        self._spec = served(settings)
        if self._spec.kind == "remote":
            raise ModelError("model_url names a remote server; there is nothing to supervise, use HttpChatModel.")
        self._given = timing
        self._timing = timing or _timing_for(self._spec, settings)
        self._child: Child | None = None
        self._state: State = "stopped"
        self._changing = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._begun: asyncio.Task[None] | None = None
        self._restarts: deque[float] = deque()
        self._models: list[HttpChatModel] = []

    @property
    def state(self) -> State:
        return self._state

    @property
    def url(self) -> str | None:
        """Of the server that serves now; None while there is none."""
        return None if self._child is None else self._child.endpoint.url

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    @property
    def spec(self) -> ModelSpec:
        return self._spec

    @property
    def restarts(self) -> int:
        """How many in the last minute."""
        return len(self._recent_restarts())

    def model(self) -> HttpChatModel:
        """A ChatModel that always talks to the server of the moment; closed by `stop`."""
        first_s = self._settings.first_token_s
        model = HttpChatModel.following(
            self._endpoint, name=self._spec.name, engine=self._spec.engine, first_token_s=first_s
        )
        self._models.append(model)
        return model

    def begin(self) -> None:
        """Begins to start and returns at once; `start` then waits for what was begun."""
        self._begun = asyncio.create_task(self._start(), name="model-server-start")

    async def start(self, *, wait: bool = True) -> None:
        """Starts the server and the watch. Raises ModelError when it cannot start; then nothing is left running.

        With wait=False it returns at once and raises nothing: the watch starts the server, and tries again if need be.
        """
        if not wait:
            self._state = "starting"
            self._watch = asyncio.create_task(self._keep_alive(), name="model-server-watch")
            return
        if self._begun is None:
            self.begin()
        assert self._begun is not None
        try:
            await self._begun
        finally:
            self._begun = None

    async def _start(self) -> None:
        self._state = "starting"
        try:
            self._child = await self._new_child(self._spec)
        except ChatbotError:
            self._state = "stopped"
            raise
        self._state = "ready"
        self._watch = asyncio.create_task(self._keep_alive(), name="model-server-watch")

    async def stop(self) -> None:
        """Ends the start, the watch, the server and the clients. May be called twice."""
        if self._begun is not None:
            self._begun.cancel()
            await asyncio.gather(self._begun, return_exceptions=True)
            self._begun = None
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._child is not None:
            await self._child.stop()
            self._child = None
        for model in self._models:
            await model.close()
        self._state = "stopped"

    async def health(self) -> dict[str, Any]:
        """The server's own view, with `state`, `pid` and `restarts`. Never raises."""
        ours: dict[str, Any] = {"state": self._state, "pid": self.pid, "restarts": self.restarts}
        if self._child is None:
            return ours
        try:
            return {**await self._child.health(self._timing.health_timeout_s), **ours}
        except GenerationError as exc:
            return {**ours, "failure": str(exc)}

    async def swap(self, spec: ModelSpec) -> None:
        """Changes the model: started beside, tried with a prompt, switched to; the old one finishes its replies.

        Raises ModelError when the new one does not work; then the old one has never stopped serving.
        """
        async with self._changing:
            self._timing = self._given or _timing_for(spec, self._settings)
            fresh = await self._new_child(spec)
            old, self._child = self._child, fresh
            self._spec, self._state = spec, "ready"
            _LOG.info("model server swapped: pid %d serves %s", fresh.pid, spec.name)
            if self._watch is None:  # the first model never started, so nobody watches yet
                self._watch = asyncio.create_task(self._keep_alive(), name="model-server-watch")
        if old is not None:
            try:
                await self._drain(old)
            finally:  # also where the wait is given up: nobody else knows of the old one
                await old.stop()

    def _endpoint(self) -> Endpoint:
        if self._child is None or self._state != "ready":
            raise GenerationError("The model server is not running at the moment; it is being started again.")
        return self._child.endpoint

    async def _new_child(self, spec: ModelSpec) -> Child:
        child = await start_child(spec, self._settings, command=self._command, timeout_s=self._timing.start_s)
        try:
            await child.try_prompt(self._timing.start_s)
        except GenerationError as exc:
            await child.stop()
            raise ModelError(f"The model {spec.name} started but does not answer: {exc}") from exc
        except BaseException:
            await child.stop()
            raise
        return child

    async def _drain(self, old: Child) -> None:
        until = time.monotonic() + self._timing.drain_s
        while time.monotonic() < until:
            try:
                health = await old.health(self._timing.health_timeout_s)
            except GenerationError:
                return
            if not health["running"] and not any(model.streams(old.endpoint.url) for model in self._models):
                return
            await asyncio.sleep(0.2)
        _LOG.warning("model server pid %d still had replies after %.0f s", old.pid, self._timing.drain_s)

    # --- the watch -------------------------------------------------------------------------------------------

    async def _keep_alive(self) -> None:
        if self._child is None:
            async with self._changing:
                await self._begin_again()
        while True:
            child = self._child
            trouble = "the last start failed" if child is None else await self._trouble(child)
            async with self._changing:
                if self._child is child:  # else a swap has just replaced it
                    await self._restart(trouble)

    async def _trouble(self, child: Child) -> str:
        """Returns when something is wrong with the child, or it was replaced, with what it is."""
        misses = 0
        while self._child is child:
            try:
                await asyncio.wait_for(asyncio.shield(child.process.wait()), self._timing.health_every_s)
            except TimeoutError:
                pass
            else:
                return f"it ended with code {child.process.returncode}"
            try:
                await child.health(self._timing.health_timeout_s)
                misses = 0
            except GenerationError as exc:
                misses += 1
                if misses >= self._timing.misses:
                    return str(exc)
        return "replaced"

    async def _restart(self, trouble: str) -> None:
        self._state = "restarting"
        child, self._child = self._child, None
        _LOG.warning("model server pid %s is restarted: %s", None if child is None else child.pid, trouble)
        if child is not None:
            child.signal(signal.SIGKILL)
            await child.stop()
        await asyncio.sleep(self._pause_s())
        self._restarts.append(time.monotonic())
        await self._begin_again()

    async def _begin_again(self) -> None:
        try:
            self._child = await self._new_child(self._spec)
            self._state = "ready"
        except ChatbotError as exc:
            _LOG.error("model server does not start: %s", exc)

    def _pause_s(self) -> float:
        recent = len(self._recent_restarts())
        if recent < self._timing.often:
            return self._timing.backoff_s[min(recent, len(self._timing.backoff_s) - 1)]
        _LOG.error(
            "model server was restarted %d times within a minute; waiting %.0f s, see its log in the data folder",
            recent,
            self._timing.rest_s,
        )
        return self._timing.rest_s

    def _recent_restarts(self) -> deque[float]:
        while self._restarts and self._restarts[0] < time.monotonic() - 60:
            self._restarts.popleft()
        return self._restarts


def own_supervisor(settings: Settings) -> Supervisor | None:
    """For the server that this process is to run; None where another is used (`model_url`) or none. Raises ModelError."""
    return None if settings.engine == "none" or settings.model_url else Supervisor(settings)


def _timing_for(spec: ModelSpec, settings: Settings) -> Timing:
    """A large model's single step may take long, and OpenVINO's holds the server's interpreter while it runs. A model that is
    replaced has as long as a turn may take to finish what it writes."""
    usual = Timing()
    timing = replace(usual, drain_s=max(usual.drain_s, settings.deadline_s + 5))
    if spec.kind == "gguf" and spec.path is not None and spec.path.is_file():
        gigabytes = spec.path.stat().st_size / 1e9
        return replace(timing, health_timeout_s=5.0 + 5.0 * gigabytes)
    return timing if spec.kind == "gguf" else replace(timing, start_s=600.0, health_timeout_s=10.0)

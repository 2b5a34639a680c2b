"""One model server process: started, asked for its health, tried with a prompt, stopped. Must not decide when.

The child gets a process group of its own, a key that only its parent knows (in the environment, not on the command
line), and a stdin whose other end is ours: when this process ends in whatever way, the child ends too.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chatbot.errors import GenerationError, ModelError
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.client import Endpoint, HttpChatModel
from chatbot.settings import Settings
from chatbot.types import ChatMessage
from chatbot.types.generation import Skill
from chatbot.variables import MODEL_SERVER_KEY

COMMAND = (sys.executable, "-m", "chatbot.generation.server")
LOG_NAME = "model-server.log"
_LOG_LIMIT = 10_000_000
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the address is http:// here; reading the authorities takes 17 ms
_CPU_NICENESS = 5  # on two cores the web process and the encoder go first


@dataclass(frozen=True, slots=True)
class Child:
    """A running server. Lives until `stop`; event loop only."""

    spec: ModelSpec
    endpoint: Endpoint
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        return self.process.pid

    async def health(self, timeout_s: float) -> dict[str, Any]:
        """What /health says. Raises GenerationError when it says nothing or that it is ill."""
        try:  # the connection ends with the question, so whoever gives this child up has none to close
            async with httpx.AsyncClient(trust_env=False, verify=_NO_TLS, timeout=timeout_s) as http:
                response = await http.get(f"{self.endpoint.url}/health")
            body: dict[str, Any] = response.json()
        except (httpx.HTTPError, json.JSONDecodeError) as exc:
            raise GenerationError(f"The model server does not answer ({type(exc).__name__}).") from exc
        if response.status_code != 200:
            raise GenerationError(f"The model server is ill: {body.get('failure') or 'its engine is stuck'}")
        return body

    async def try_prompt(self, timeout_s: float) -> None:
        """One short real reply. Raises GenerationError."""
        model = HttpChatModel.following(
            lambda: self.endpoint, name=self.spec.name, engine=self.spec.engine, first_token_s=timeout_s
        )
        try:
            messages = [ChatMessage("user", "Say hello to the customer.")]
            async for _ in model.stream(messages, max_tokens=8, deadline_s=timeout_s):
                pass
        finally:
            await model.close()

    async def stop(self, grace_s: float = 5.0) -> None:
        """SIGTERM, then SIGKILL to the whole group; returns when the process is gone."""
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), grace_s)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.process.wait()
        except asyncio.CancelledError:  # whoever is in such a hurry does not come back for it
            self.signal(signal.SIGKILL)
            raise
        if self.process.stdin is not None:
            self.process.stdin.close()

    def signal(self, number: int) -> None:
        """To the process and whatever it started; nothing happens when they are gone."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


async def start_child(
    spec: ModelSpec, settings: Settings, *, command: Sequence[str] = COMMAND, timeout_s: float = 120.0
) -> Child:
    """Returns when the server is ready. Raises ModelError with the server's own sentence when it cannot be."""
    key = secrets.token_urlsafe(24)
    settings.logs_folder.mkdir(parents=True, exist_ok=True)
    log_path = settings.logs_folder / LOG_NAME
    with _open_log(log_path) as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments(spec, settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, MODEL_SERVER_KEY: key},
            start_new_session=True,
        )
    try:
        url = await asyncio.wait_for(_announced_url(process, log_path), timeout_s)
    except BaseException as exc:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if isinstance(exc, TimeoutError):
            raise ModelError(f"The model server was not ready within {timeout_s:.0f} s; see {log_path}.") from exc
        raise
    endpoint = Endpoint(url, spec.name, key, spec.engine, Skill(frozenset(spec.languages), spec.prompt))
    return Child(spec, endpoint, process)


def arguments(spec: ModelSpec, settings: Settings) -> list[str]:
    """Command-line arguments of the server for this model."""
    options: dict[str, object | None] = {
        "name": spec.name,
        "kind": spec.kind,
        "engine": spec.engine,
        "path": spec.path,
        "sha256": spec.sha256,
        "context": spec.context,
        "adapter": spec.adapter,
        "adapter-sha256": spec.adapter_sha256,
        "models-folder": settings.models_folder,
        "device": settings.device,
        "threads": len(os.sched_getaffinity(0)) if spec.engine == "openvino" or settings.device == "cpu" else None,
        "nice": _CPU_NICENESS,
        "slots": settings.slots,
        "queue": 4 * settings.slots,
    }
    given = [part for name, value in options.items() if value is not None for part in (f"--{name}", str(value))]
    return ["--lifeline", *given, *(["--allow-download"] if settings.allow_download else [])]


async def _announced_url(process: asyncio.subprocess.Process, log_path: Path) -> str:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        code = await process.wait()
        raise ModelError(f"The model server ended while starting (code {code}); see {log_path}.")
    event = json.loads(line)
    if event["event"] == "failed":
        await process.wait()
        raise ModelError(event["error"])
    return str(event["url"])


def _open_log(path: Path) -> Any:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")

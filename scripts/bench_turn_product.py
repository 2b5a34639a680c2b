"""Everything but the model: what a turn costs outside it, what the web process takes, how soon it is ready. No generator counts.

The turn goes the product's own way (DialogueManager, Answerer, SQLite, the demo company's index); its generator is a
script that writes the past answer at once. The web process is a real `python -m ui` with its model server.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import psutil

from chatbot.assembly import Assistant, build_assistant, limits
from chatbot.dialogue import DialogueManager
from chatbot.errors import ChatbotError
from chatbot.logs import configure_logging
from chatbot.protocols import ConversationStore
from chatbot.settings import Settings
from chatbot.types import ChatMessage, Delta, Event, Mode
from scripts.bench_report import percentiles
from scripts.options import ProgressSink, silent, tracked
from scripts.questions import read_questions
from storage.opening import open_store

_OWNER = "bench"
_TURNS_A_CHAT = 3
_READY_WITHIN_S = 120.0
_POLL_S = 0.02
_WEB_TURNS = 20
_FIRST_TURNS = 20
_ANSWER = "Past answer: "


class InstantModel:
    """A ChatModel that writes the past answer of the prompt word by word, and no time passes. Any task may call."""

    name = "instant"
    engine = "scripted"

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, deadline_s: float, temperature: float = 0.0
    ) -> AsyncIterator[Delta]:
        """See ChatModel."""
        answer = messages[-1].content.partition(_ANSWER)[2].partition("\n\nCustomer's question:")[0]
        for word in answer.split(" ")[:max_tokens]:
            yield Delta(f"{word} ")
        yield Delta("", "stop")


class _Silence:
    """A bell that nobody hears."""

    def ring(self, event: Event) -> None:
        """See Bell."""


def demo_questions() -> list[str]:
    """The held-out questions of the demo company that stand alone."""
    with resources.as_file(resources.files("chatbot.demo") / "questions.jsonl") as path:
        return [question.turns[0].text for question in read_questions(path) if len(question.turns) == 1]


def outside_the_model(
    folder: Path, chats: Sequence[int], turns: int, progress: ProgressSink = silent
) -> dict[str, Any]:
    """Milliseconds a turn from the message's arrival to the stored reply: the first turns of a process that has just started, then
    by number of chats at once in the steady state.

    folder: holds the demo company. turns: how many are measured at each number of chats. Every chat is a conversation of three
    turns. No question that is measured was asked before, as long as there are enough. The steady state is that of a server whose
    `Warming` is through; nothing else is known to it but the questions of its first turns.
    """
    settings = Settings(data=folder, engine="none", log_level="error")
    configure_logging(settings)
    assistant = build_assistant(settings)
    writing = dataclasses.replace(assistant.answerer.writing, mode=Mode.ADAPTED)
    answerer = dataclasses.replace(assistant.answerer, writing=writing, model=InstantModel())
    questions = demo_questions()
    random.Random(1).shuffle(questions)  # noqa: S311 - they come sorted by kind and language
    measured, rest = questions[: turns * len(chats)], questions[turns * len(chats) :]
    with open_store(None, folder) as store:

        async def all_levels() -> dict[str, Any]:
            manager = DialogueManager(store.conversations, answerer, _Silence(), limits(settings))
            progress("first turns", 0, 0)
            found: dict[str, Any] = {
                "first_turns": await _at_once(manager, store.conversations, 1, (rest or questions)[:_FIRST_TURNS])
            }
            progress("warm up", 0, 0)
            found["warm_up"] = await asyncio.to_thread(_warm_up, assistant)
            shares = [measured[at :: len(chats)] for at in range(len(chats))]
            found["steady"] = {}
            for number, share in tracked(list(zip(chats, shares, strict=True)), "numbers of chats", progress):
                found["steady"][number] = await _at_once(manager, store.conversations, number, share)
            await manager.close()
            await assistant.stop()
            return found

        return asyncio.run(all_levels())


def _warm_up(assistant: Assistant) -> dict[str, float]:
    """Seconds until the passages are ready, with nothing else to do, and MB that they take of the process."""
    process, warming = psutil.Process(), assistant.warming
    before, begun = process.memory_info().rss, time.perf_counter()
    if warming is not None:
        warming.start()
        while not warming.done():
            time.sleep(_POLL_S)
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "memory_mb": round((process.memory_info().rss - before) / 1e6),
    }


async def _at_once(
    manager: DialogueManager, store: ConversationStore, chats: int, questions: Sequence[str]
) -> dict[str, Any]:
    left = list(reversed(questions))
    took_ms: list[float] = []
    steps: dict[str, list[float]] = {}

    async def chat() -> None:
        while left:
            conversation = (await store.create_conversation(_OWNER)).id
            for number in range(min(_TURNS_A_CHAT, len(left))):
                if not left:
                    return
                begun = time.perf_counter()
                await manager.receive(conversation, _OWNER, left.pop(), str(number))
                await manager.idle(conversation)
                took_ms.append(1000 * (time.perf_counter() - begun))
            for message in await store.messages(conversation, _OWNER):
                if message.reply:
                    for step, ms in message.reply.timings_ms.items():
                        steps.setdefault(step, []).append(ms)

    begun, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*(chat() for _ in range(chats)))
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - worked
    return {
        "turns": len(took_ms),
        "ms": percentiles(took_ms),
        "cpu_ms": round(1000 * cpu_s / max(1, len(took_ms)), 1),
        "turns_per_s": round(len(took_ms) / seconds, 1),
        "steps_p50_ms": {step: percentiles(ms)["p50"] for step, ms in steps.items()},
    }


# --- the web process -------------------------------------------------------------------------------------


def web_process(folder: Path, progress: ProgressSink = silent) -> dict[str, Any]:
    """Seconds until it answers (with past answers), and until /readyz names no part that does not work, at a first and a second
    start; MB after some turns.

    folder: holds the demo company. Model server included; it comes up beside the first chats.
    """
    open_s, ready_s = {}, {}
    for start in tracked(("first", "second"), "starts of the web process", progress):
        begun = time.perf_counter()
        with _served(folder) as (process, url):
            open_s[start] = round(time.perf_counter() - begun, 1)
            _wait_until_ready(process, url)
            ready_s[start] = round(time.perf_counter() - begun, 1)
            if start == "second":
                _ask_over_http(url, demo_questions()[:_WEB_TURNS])
                web = psutil.Process(process.pid)
                memory = web.memory_info().rss
                servers = sum(child.memory_info().rss for child in web.children(recursive=True))
    return {
        "open_s": open_s,
        "ready_s": ready_s,
        "turns": _WEB_TURNS,
        "memory_mb": round(memory / 1e6),
        "model_server_memory_mb": round(servers / 1e6),
    }


@contextmanager
def _served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real web process on a free port, and its address; stopped at the end."""
    command = [sys.executable, "-m", "ui", "--data", str(folder), "--host", "127.0.0.1", "--port", "0"]
    environment = os.environ | {"CHATBOT_MESSAGES_PER_MINUTE": "1000"}
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("Ready: ")), None)
            if line is None:
                raise ChatbotError("The web process did not start; `chatbot serve` says why.")
            yield process, line.removeprefix("Ready: ").strip().rstrip("/")
        finally:
            process.terminate()


def _wait_until_ready(process: subprocess.Popen[str], url: str) -> None:
    until = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        checks = httpx.get(f"{url}/readyz").json()["checks"]
        if set(checks.values()) == {"ok"}:
            return
        time.sleep(_POLL_S)
    raise ChatbotError(f"The web process was not ready within {_READY_WITHIN_S:.0f} s; `chatbot doctor` may say why.")


def _ask_over_http(url: str, questions: Sequence[str]) -> None:
    with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
        made = client.post("/conversations").raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {made['token']}"
        for number, text in enumerate(questions):
            body = {"text": text, "client_message_id": f"bench-{number}"}
            with client.stream("POST", f"/conversations/{made['id']}/messages", json=body) as reply:
                reply.raise_for_status()
                for _ in reply.iter_lines():
                    pass  # until the reply is stored

"""The live desk over real HTTP: who wins a race for a conversation, and how soon an agent's message is in the customer's window.

A web process of its own (`python -m ui`, without generator and index) serves; every customer's window is an open event stream.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from chatbot.errors import ChatbotError
from scripts.bench_report import percentiles
from scripts.options import ProgressSink, silent, tracked
from storage.audit import COMMAND
from storage.opening import open_store

GOAL_MS = 300
_TALK = "/agents/api/desk/conversations"
_COOKIES = {"customer": "precedent", "team": "precedent-team"}
_WAIT_S = 10.0


@dataclass
class _Window:
    """A customer's open window: the seqs that its stream has told of, each with the moment."""

    conversation: str
    token: str
    told: dict[int, float] = field(default_factory=dict)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    rang: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


def run(windows: int = 200, messages: int = 400, *, progress: ProgressSink = silent) -> dict[str, Any]:
    """windows: customers with an open window, and pairs of agents who race for them. messages: agents' messages measured.

    Milliseconds from the agent's Enter (the request goes out) to the event in the window (`event_ms`) and to the text there
    (`shown_ms`: the window has fetched it). Raises ChatbotError when the web process does not start.
    """
    with tempfile.TemporaryDirectory(prefix="bench-desk-") as name:
        team = _people(Path(name))
        with _served(Path(name)) as url:
            return asyncio.run(_measure(url, team, windows, messages, progress))


def _people(folder: Path) -> list[str]:
    """Two agents, signed in; the secrets of their sessions."""
    with open_store(None, folder) as store:

        async def make() -> list[str]:
            users = [
                await store.people.add_user(f"{name.lower()}@bench.example", name, "agent", COMMAND)
                for name in ("Ann", "Ben")
            ]
            return [await store.sessions.start(user.id, verified=True) for user in users]

        return asyncio.run(make())


async def _measure(url: str, team: Sequence[str], count: int, messages: int, progress: ProgressSink) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as http:
        windows = [await _open_conversation(http) for _ in tracked(range(count), "open windows", progress)]
        async with _watching(http, windows):
            races = [
                await _race(http, windows[n], team, waiting=n % 2 == 0)
                for n in tracked(range(count), "races", progress)
            ]
            holders = [race.pop("holder") for race in races]
            timings = [
                await _say(http, windows[n % count], holders[n % count], n)
                for n in tracked(range(messages), "agents' messages", progress)
            ]
        bot_after = sum([await _bot_after(http, window) for window in windows])
    event_ms, shown_ms = percentiles([t[0] for t in timings]), percentiles([t[1] for t in timings])
    return {
        "windows": count,
        "races": {
            "pairs": count,
            "one_winner": sum(race["winners"] == 1 for race in races),
            "loser_told_who": sum(race["told"] for race in races),
            "bot_messages_after": bot_after,
        },
        "messages": messages,
        "event_ms": event_ms,
        "shown_ms": shown_ms,
        "goals": {
            f"of {count} pairs who take over at once one each wins": all(race["winners"] == 1 for race in races),
            "no message of the bot after a take-over": bot_after == 0,
            f"an agent's message is in the customer's window within {GOAL_MS} ms (p95)": shown_ms["p95"] <= GOAL_MS,
        },
    }


async def _open_conversation(http: httpx.AsyncClient) -> _Window:
    made = (await http.post("/api/v1/conversations", json={"language": "en"})).raise_for_status().json()
    return _Window(made["id"], made["token"])


@asynccontextmanager
async def _watching(http: httpx.AsyncClient, windows: Sequence[_Window]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_watch(http, window)) for window in windows]
    try:
        await asyncio.wait_for(asyncio.gather(*(window.opened.wait() for window in windows)), 60)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(http: httpx.AsyncClient, window: _Window) -> None:
    headers = {"cookie": f"{_COOKIES['customer']}={window.token}"}
    kind = ""
    async with http.stream("GET", f"/chat/events/{window.conversation}", headers=headers, timeout=None) as stream:
        stream.raise_for_status()
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "hello":
                window.opened.set()
            elif line.startswith("data: ") and kind == "message":
                window.told.setdefault(json.loads(line.removeprefix("data: "))["seq"], time.perf_counter())
                window.rang.set()


async def _race(http: httpx.AsyncClient, window: _Window, team: Sequence[str], *, waiting: bool) -> dict[str, Any]:
    """Both agents take it at the same moment: while it waits, or while the bot is about to answer."""
    one = f"/api/v1/conversations/{window.conversation}"
    calls = []
    if waiting:
        (await http.post(f"{one}/person", headers=window.headers)).raise_for_status()
    else:
        body = {"text": "Where is my parcel?", "client_message_id": "race"}
        calls.append(http.post(f"{one}/messages", json=body, headers=window.headers))
    takes = [http.post(f"{_TALK}/{window.conversation}/take", headers=_cookie(token)) for token in team]
    answers = (await asyncio.gather(*takes, *calls))[: len(team)]
    won = [answer.status_code == 200 for answer in answers]
    names = [name for name, has in zip(("Ann", "Ben"), won, strict=True) if has]
    told = any(answer.status_code == 409 and names and names[0] in answer.text for answer in answers)
    return {"winners": sum(won), "told": told, "holder": team[won.index(True)] if any(won) else team[0]}


async def _say(http: httpx.AsyncClient, window: _Window, holder: str, number: int) -> tuple[float, float]:
    body = {"text": f"Message {number} of the agent.", "client_id": f"bench-{number}"}
    begun = time.perf_counter()
    window.rang.clear()
    call = asyncio.create_task(http.post(f"{_TALK}/{window.conversation}/messages", json=body, headers=_cookie(holder)))
    await asyncio.wait_for(window.rang.wait(), _WAIT_S)
    event_at, seq = time.perf_counter(), max(window.told)
    shown = await http.get(
        f"/api/v1/conversations/{window.conversation}/messages", params={"after": seq - 1}, headers=window.headers
    )
    shown_at = time.perf_counter()
    if body["text"] not in shown.raise_for_status().text:
        raise ChatbotError("A window was told of a message that it could not read.")
    (await call).raise_for_status()
    return 1000 * (event_at - begun), 1000 * (shown_at - begun)


async def _bot_after(http: httpx.AsyncClient, window: _Window) -> int:
    answer = await http.get(f"/api/v1/conversations/{window.conversation}/messages", headers=window.headers)
    said = answer.raise_for_status().json()["messages"]
    joined = next(n for n, message in enumerate(said) if message["role"] == "system" and "joined" in message["text"])
    return sum(message["role"] == "bot" for message in said[joined:])


def _cookie(token: str) -> dict[str, str]:
    return {"cookie": f"{_COOKIES['team']}={token}"}


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "ui", "--data", str(folder), "--host", "127.0.0.1", "--port", "0"]
    environment = os.environ | {"CHATBOT_ENGINE": "none", "CHATBOT_LOG_LEVEL": "error"}
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("Ready: ")), None)
            if line is None:
                raise ChatbotError("The web process did not start; `chatbot serve` says why.")
            yield line.removeprefix("Ready: ").strip().rstrip("/")
        finally:
            process.terminate()

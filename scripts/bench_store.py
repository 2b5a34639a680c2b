"""Writes a second into the store under 64 tasks: the one writer beside a connection for each; must not know SQL."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chatbot.errors import ChatbotError
from chatbot.protocols import ConversationStore
from scripts.machine import machine
from storage.opening import open_store

OWNER = "bench"
BALLAST = 1 << 20


def run(tasks: int = 64, messages: int = 100, url: str | None = None, folder: Path | None = None) -> dict[str, Any]:
    """Measures `tasks` clients that send `messages` each, one after the other, into their own conversations.

    url: a PostgreSQL to measure as well. folder: the disk to measure; default: the system's temporary folder.
    Both ways use the same code and settings; "own connections" opens the store once for each client.
    """
    ways: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        ways["one writer"] = _measure([None], Path(place) / "one", tasks, messages)
        ways["own connections"] = _measure([None] * tasks, Path(place) / "own", tasks, max(1, messages // 10))
        if url is not None:
            ways["postgresql"] = _measure([url], Path(place) / "pg", tasks, messages)
    return {
        "machine": machine(),
        "tasks": tasks,
        "ways": ways,
    }


def _measure(urls: Sequence[str | None], folder: Path, tasks: int, messages: int) -> dict[str, float]:
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(url, folder, ballast_bytes=BALLAST)).conversations for url in urls]
        clients = [stores[number % len(stores)] for number in range(tasks)]
        return asyncio.run(_send_all(clients, messages))


async def _send_all(clients: Sequence[ConversationStore], messages: int) -> dict[str, float]:
    ids = [(await store.create_conversation(OWNER)).id for store in clients]
    began = time.perf_counter()
    outcomes = await asyncio.gather(*(_send(store, key, messages) for store, key in zip(clients, ids, strict=True)))
    took_s = time.perf_counter() - began
    waits_ms = [wait for outcome in outcomes for wait in outcome]
    cuts = statistics.quantiles(waits_ms, n=100) if len(waits_ms) > 1 else [0.0] * 99
    return {
        "writes": len(waits_ms),
        "refused": len(clients) * messages - len(waits_ms),
        "writes_per_s": len(waits_ms) / took_s,
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
    }


async def _send(store: ConversationStore, conversation_id: str, messages: int) -> list[float]:
    waits_ms = []
    for number in range(messages):
        began = time.perf_counter()
        try:
            await store.add_customer_message(conversation_id, OWNER, f"Where is my parcel {number}?", str(number))
        except ChatbotError:
            continue  # counted as refused: what is missing from the waits
        waits_ms.append((time.perf_counter() - began) * 1000)
    return waits_ms


def main(
    tasks: int = 64, messages: int = 100, url: str | None = None, folder: Path | None = None, as_json: bool = False
) -> None:
    """Prints the table, or JSON."""
    found = run(tasks, messages, url, folder)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("way", "writes", "refused", "writes/s", "p50 ms", "p99 ms")
    for way, row in found["ways"].items():
        table.add_row(
            way,
            str(row["writes"]),
            str(row["refused"]),
            *(f"{row[k]:,.1f}" for k in ("writes_per_s", "p50_ms", "p99_ms")),
        )
    console = Console()
    console.print(f"{found['machine']}; {found['tasks']} tasks")
    console.print(table)


if __name__ == "__main__":
    import typer

    typer.run(main)

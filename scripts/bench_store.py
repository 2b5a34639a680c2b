"""`chatbot bench store`: writes a second under many clients, one writer beside a connection for each; must not know SQL."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import ChatbotError
from chatbot.protocols import ConversationStore
from scripts.bench_report import percentiles, report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent
from storage.opening import open_store

OWNER = "bench"
BALLAST = 1 << 20


def run(
    tasks: int = 64,
    messages: int = 100,
    url: str | None = None,
    folder: Path | None = None,
    *,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """Measures `tasks` clients that send `messages` each, one after the other, into their own conversations.

    url: a PostgreSQL to measure as well. folder: the disk to measure; default: the system's temporary folder.
    Both ways use the same code and settings; "own connections" opens the store once for each client.
    """
    ways: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        progress("one writer", 0, 0)
        ways["one writer"] = _measure([None], Path(place) / "one", tasks, messages)
        progress("own connections", 0, 0)
        ways["own connections"] = _measure([None] * tasks, Path(place) / "own", tasks, max(1, messages // 10))
        if url is not None:
            progress("postgresql", 0, 0)
            ways["postgresql"] = _measure([url], Path(place) / "pg", tasks, messages)
    return {
        "machine": machine(),
        "goals": {},
        "tasks": tasks,
        "ways": ways,
    }


def _measure(urls: Sequence[str | None], folder: Path, tasks: int, messages: int) -> dict[str, Any]:
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(url, folder, ballast_bytes=BALLAST)).conversations for url in urls]
        clients = [stores[number % len(stores)] for number in range(tasks)]
        return asyncio.run(_send_all(clients, messages))


async def _send_all(clients: Sequence[ConversationStore], messages: int) -> dict[str, Any]:
    ids = [(await store.create_conversation(OWNER)).id for store in clients]
    began = time.perf_counter()
    outcomes = await asyncio.gather(*(_send(store, key, messages) for store, key in zip(clients, ids, strict=True)))
    took_s = time.perf_counter() - began
    waits_ms = [wait for outcome in outcomes for wait in outcome]
    return {
        "writes": len(waits_ms),
        "refused": len(clients) * messages - len(waits_ms),
        "writes_per_s": round(len(waits_ms) / took_s, 1),
        "ms": percentiles(waits_ms) if waits_ms else None,
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
    tasks: Annotated[int, typer.Option(min=1, help="Clients at once.")] = 64,
    messages: Annotated[int, typer.Option(min=1, help="Messages of each client.")] = 100,
    url: Annotated[str | None, typer.Option(help="A PostgreSQL to measure as well.", show_default=False)] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Disk to measure (default: the temporary folder).", exists=True, file_okay=False, show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Messages stored a second by many clients at once, through the one writer and through a connection for each."""
    report(partial(run, tasks, messages, url, folder), _show, as_json=as_json)


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table("way", "writes", "refused", "writes/s", "p50 ms", "p95 ms", title=f"{result['tasks']} clients")
    for way, row in result["ways"].items():
        ms = row["ms"] or {"p50": "-", "p95": "-"}
        table.add_row(way, *map(str, (row["writes"], row["refused"], row["writes_per_s"], ms["p50"], ms["p95"])))
    console.print(table)


if __name__ == "__main__":
    run_alone(main)

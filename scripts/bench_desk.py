"""`chatbot bench desk`: the archive's search, the desk's lists, review queue, figures and gaps over a million messages; must not
know SQL."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import tempfile
import time
from collections.abc import Awaitable, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import UsageError
from chatbot.gaps import WINDOW
from scripts import bench_desk_live
from scripts.bench_desk_data import AGENTS, BEGAN, SPAN_S, TEAMS, Filled, fill
from scripts.bench_report import percentiles, report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent, tracked
from storage.figure_rows import Span
from storage.filters import Filters
from storage.opening import Store, open_store
from storage.people import User
from storage.review_candidates import Ask

SEARCH_MS, LIST_MS = 150.0, 100.0
_MADE = "bench.json"
_ADMIN = User(AGENTS + 1, "admin@example.org", "Admin", "admin", None, False)
_AGENT = User(2, "agent1@example.org", "Agent 1", "agent", 2 if TEAMS > 1 else 1, False)
_END = BEGAN + dt.timedelta(seconds=SPAN_S)
_DEEP = 25  # pages that are turned
_LISTS = ("mine", "waiting", "others", "bot", "closed")
Case = tuple[str, dict[str, Any]]


def run(
    messages: int = 1_000_000,
    rounds: int = 5,
    folder: Path | None = None,
    *,
    live: bool = True,
    url: str | None = None,
    keep: Path | None = None,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """Fills a store of its own with about `messages` messages, measures, and takes it away again.

    rounds: how often each search is asked by an admin and by an agent; the first time counts as much as the others.
    folder: the disk to measure; default: the system's temporary folder. live: the message path with open windows as well.
    url: an empty PostgreSQL database to measure in place of SQLite; what was made stays in it. keep: a folder where the store
    stays, so that the next run with it measures the same again without filling. Raises UsageError where the database holds what
    no run with this folder made, or was made with another number of messages.
    """
    place = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(dir=folder)
    with place as name, open_store(url, Path(name), ballast_bytes=1 << 20) as store:
        filled = _filled(store, Path(name) / _MADE, messages, progress)
        size = sum(path.stat().st_size for path in Path(name).glob("*.sqlite3*"))
        parts = asyncio.run(_measure(store, filled, rounds, progress))
    result = {
        "machine": machine(),
        "goals": _goals(parts),
        "messages": filled.messages,
        "conversations": filled.conversations,
        "fill_s": round(filled.seconds, 1),
        "database": "PostgreSQL" if url else "SQLite",
        "store_mb": None if url else round(size / 2**20),
        **parts,
    }
    if live:
        result["live"] = measured = bench_desk_live.run(progress=progress)
        result["goals"] |= measured.pop("goals")
    return result


def _filled(store: Store, made: Path, messages: int, progress: ProgressSink = silent) -> Filled:
    """made: where a run that keeps its store says what is in it."""
    held = bool(asyncio.run(store.figures.now(_ADMIN, BEGAN)).begun)
    if held and made.exists():
        kept = json.loads(made.read_text(encoding="utf-8"))
        if kept["asked"] != messages:
            raise UsageError(
                f"The store in {made.parent} was made with --messages {kept['asked']}: name the same number."
            )
        return Filled(**kept["filled"])
    if held:
        raise UsageError("The database holds conversations already: name an empty one.")
    filled = fill(store, messages, progress=progress)
    made.write_text(json.dumps({"asked": messages, "filled": asdict(filled)}), encoding="utf-8")
    return filled


def _goals(parts: Mapping[str, Any]) -> dict[str, bool]:
    search, lists = parts["search_all"]["p95"], parts["lists_all"]["p95"]
    return {
        f"search and filters: p95 {search} ms <= {SEARCH_MS:.0f} ms": search <= SEARCH_MS,
        f"desk list: p95 {lists} ms <= {LIST_MS:.0f} ms": lists <= LIST_MS,
    }


async def _measure(store: Store, filled: Filled, rounds: int, progress: ProgressSink) -> dict[str, Any]:
    searches: dict[str, list[float]] = {}
    turned: list[float] = []
    for name, (typed, filters) in tracked(_cases(filled).items(), "searches", progress):
        waits = searches.setdefault(name, [])
        for user in (_ADMIN, _AGENT):
            for _ in range(rounds):
                waits.append(await _timed(store.archive.search(user, typed, Filters(**filters))))
        turned += await _turn_pages(store, typed, Filters(**filters))
    lists = {which: await _lists(store, which, rounds) for which in tracked(_LISTS, "lists", progress)}
    progress("review queue", 0, 0)
    queue = [await _timed(_queue(store, user)) for user in (_ADMIN, _AGENT) for _ in range(rounds)]
    figures = {
        name: [await _timed(store.figures.of(_ADMIN, span)) for _ in range(rounds)]
        for name, span in tracked(_spans().items(), "figures", progress)
    }
    begins = {"the page's 90 days": _END - WINDOW, "all 600 days": BEGAN}
    gaps = {
        name: [await _timed(_gaps(store, user, since)) for user in (_ADMIN, _AGENT) for _ in range(rounds)]
        for name, since in tracked(begins.items(), "gaps", progress)
    }
    everything = [wait for waits in searches.values() for wait in waits]
    return {
        "search_all": percentiles([*everything, *turned]) | {"requests": len(everything) + len(turned)},
        "search": {name: percentiles(waits) | {"worst": round(max(waits), 1)} for name, waits in searches.items()},
        "deep_pages": percentiles(turned) | {"requests": len(turned)},
        "lists_all": percentiles([wait for waits in lists.values() for wait in waits]),
        "lists": {which: percentiles(waits) for which, waits in lists.items()},
        "review_queue": percentiles(queue),
        "figures": {name: percentiles(waits) for name, waits in figures.items()},
        "gaps": {name: percentiles(waits) for name, waits in gaps.items()},
    }


def _cases(filled: Filled) -> dict[str, Case]:
    """Words by how frequent they are, filters by how much they leave, and what is hard about both together."""
    frequent, medium, rare = (filled.words[size] for size in ("frequent", "medium", "rare"))
    week = {"since": BEGAN + dt.timedelta(days=200), "until": BEGAN + dt.timedelta(days=207)}
    return {
        "no words, no filter": ("", {}),
        "rare word": (rare, {}),
        "medium word": (medium, {}),
        "frequent word": (frequent, {}),
        "in every second message": ("the", {}),
        "three such words": ("the to is", {}),
        "unfinished, 2 letters": ("de", {}),
        "unfinished, 4 letters": ("deli", {}),
        "phrase": (f'"{frequent} the"', {}),
        "phrase of common words": ('"to the"', {}),
        "phrase that is nowhere": (f'"is the {frequent} to my"', {}),
        "status waiting": ("", {"status": "waiting"}),
        "language": ("", {"language": "zh"}),
        "rating": ("", {"rating": 2}),
        "frequent tag": ("", {"tag": "tag 1"}),
        "rare tag": ("", {"tag": "tag 55"}),
        "agent": ("", {"agent": 7}),
        "mode": ("", {"mode": "adapted"}),
        "reason": ("", {"reason": "attack"}),
        "outcome": ("", {"outcome": "closed_by_human"}),
        "thumb down": ("", {"thumb": -1}),
        "one week": ("", week),
        "five filters": ("", {"language": "fr", "rating": 1, "tag": "tag 2", "outcome": "human", "thumb": -1}),
        "frequent word, one week": (frequent, week),
        "frequent word, language": (frequent, {"language": "en"}),
        "frequent word, rare tag": (frequent, {"tag": "tag 55"}),
        "frequent word, agent": (frequent, {"agent": 7}),
        "frequent word, reason": (frequent, {"reason": "attack"}),
        "frequent word, rating and tag": (frequent, {"rating": 2, "tag": "tag 2"}),
        "word of another language": ("the", {"language": "zh"}),
    }


async def _turn_pages(store: Store, typed: str, filters: Filters) -> list[float]:
    """Page after page, as "show more" does."""
    waits: list[float] = []
    page = await store.archive.search(_ADMIN, typed, filters)
    while page.next is not None and len(waits) < _DEEP:
        began = time.perf_counter()
        page = await store.archive.search(_ADMIN, typed, filters, after=page.next)
        waits.append((time.perf_counter() - began) * 1000)
    return waits


async def _lists(store: Store, which: Any, rounds: int) -> list[float]:
    """What the desk's list route does: the list's first part and the lengths of all lists."""

    async def show(user: User) -> None:
        await store.desk.page(user, which, None, 50)
        await store.desk.counts(user)

    return [await _timed(show(user)) for user in (_ADMIN, _AGENT) for _ in range(rounds)]


async def _queue(store: Store, user: User) -> None:
    await store.reviews.candidates(user, Ask(f"bench:{user.id}", 0.63))


def _spans() -> dict[str, Span]:
    """From the middle of what was made; two years are all of it."""
    began = BEGAN.date()
    middle = began + dt.timedelta(days=200)
    days = {"7 days": (middle, 7), "30 days": (middle, 30), "90 days": (middle, 90), "two years": (began, 731)}
    return {name: Span(first, first + dt.timedelta(days=count - 1)) for name, (first, count) in days.items()}


async def _gaps(store: Store, user: User, since: dt.datetime) -> None:
    """What the page asks the database for; the grouping itself is `chatbot.gaps`, made once for everybody."""
    await store.gaps.stamp(since)
    await store.gaps.refused(since)
    await store.gaps.visible(user, since)
    await store.gaps.decided(since)


async def _timed(work: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


def main(
    messages: Annotated[int, typer.Option(min=100, help="Messages to make.")] = 1_000_000,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often each search is asked, by an admin and by an agent.")
    ] = 5,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Disk to measure (default: the temporary folder).", exists=True, file_okay=False, show_default=False
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the store here, and measure it again the next time.", show_default=False)
    ] = None,
    live: Annotated[bool, typer.Option(help="Measure an agent's message in open windows as well.")] = True,
    postgres: Annotated[
        str | None, typer.Option(metavar="URL", help="Measure this empty PostgreSQL database.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The archive's search, the desk's lists, review queue, figures and gaps over a million messages made by this script."""
    measure = partial(run, messages, rounds, folder, live=live, url=postgres, keep=keep)
    report(measure, _show, as_json=as_json)


def _rest(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    figures = [(f"figures of {name}", row) for name, row in result["figures"].items()]
    gaps = [(f"gaps of {name}", row) for name, row in result["gaps"].items()]
    return [*result["lists"].items(), ("review queue", result["review_queue"]), *figures, *gaps]


def _show(console: Console, result: dict[str, Any]) -> None:
    console.print(
        f"{result['messages']:,} messages in {result['conversations']:,} conversations in {result['database']}, "
        f"{result['store_mb'] or '?'} MB, made in {result['fill_s']} s"
    )
    table = Table("search", "p50 ms", "p95 ms", "worst ms", title="archive")
    for name, row in result["search"].items():
        table.add_row(name, *(str(row[key]) for key in ("p50", "p95", "worst")))
    for name, key in (("pages 2 to 26 of each", "deep_pages"), ("all requests", "search_all")):
        table.add_row(f"{name} ({result[key]['requests']})", str(result[key]["p50"]), str(result[key]["p95"]))
    console.print(table)
    lists = Table("list", "p50 ms", "p95 ms", title="desk")
    for name, row in _rest(result):
        lists.add_row(name, str(row["p50"]), str(row["p95"]))
    console.print(lists)
    if "live" in result:
        console.print(result["live"])


if __name__ == "__main__":
    run_alone(main)

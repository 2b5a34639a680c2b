"""Measures the generator: chats at once through the real model server, beside plain `transformers.generate`.

Both get the same prompts and the same longest reply in the same run; the server streams over HTTP through the
supervisor's own client, `generate` gets them as one padded batch in a process of its own. Needs no data file.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from chatbot.generation.client import HttpChatModel
from chatbot.generation.supervisor import Supervisor
from chatbot.settings import Settings, load_settings
from chatbot.types import ChatMessage
from scripts.machine import machine

GOALS = {"first_token_p95_s_at_8": 1.5, "times_transformers_at_8": 3.0, "ready_s": 10.0}
_SYSTEM = (
    "You write the next message of a customer-service chat for Northpine Outdoor, an online shop for "
    "hiking and cycling gear. Use only what stands in the past answers below; keep every number, date, "
    "price and link as it is. If they do not answer the question, say that a colleague will help. Two to "
    "four sentences, friendly, no greeting."
)
_ANSWERS = (
    "You can return anything unused within 30 days of delivery. Open Orders, choose Return and print the "
    "label; it costs 4.90 EUR and is free for faulty goods. The refund takes 3-5 working days after the "
    "parcel has reached us.",
    "A size exchange is free once per order: go to Orders, then Exchange, pick the new size, and it "
    "leaves our warehouse as soon as the carrier has scanned the old one.",
    "Standard delivery takes 2-4 working days and costs 4.90 EUR, free from 60 EUR. Express is 12.90 EUR "
    "and arrives the next working day when you order before 14:00.",
    "If the tracking shows no movement for 5 working days we start a search with the carrier. After 8 "
    "working days you get a replacement or your money back, whichever you prefer.",
    "The Fjell jacket is washed at 30 C with technical detergent and no softener; tumble-dry it low for "
    "20 minutes to wake up the water repellency, and re-proof it every 10 washes.",
    "Our own tents, packs and jackets carry 5 years of warranty, everything else 2 years. Wear and misuse "
    "are not covered, but the repair service fixes most things for 15-35 EUR in 2-3 weeks.",
    "The second charge is nearly always a reservation that drops off within 7 days. If it is really "
    "booked, send us the statement and we refund it in 2 days.",
    "You can change the address under Orders, Edit, until the order says packing; after that the "
    "carrier's app lets you choose a pick-up point.",
)
_QUESTIONS = (
    "my tent pole broke on the second trip, is that covered?",
    "i ordered boots in 42 but need 43, what now",
    "how long until I get my money back for the jacket I sent last week?",
    "the parcel has not moved since monday and we leave on saturday",
    "can I still change the address, the order is from this morning",
    "you charged me twice!!",
)


@dataclass(frozen=True, slots=True)
class _Timed:
    first_s: float
    last_s: float


def prompts(number: int, seed: int) -> list[list[ChatMessage]]:
    """`number` chats: the same system text; three past answers and a window of three turns, different in each."""
    rng = random.Random(seed)  # noqa: S311 - a benchmark wants the same chats each time
    return [_prompt(rng) for _ in range(number)]


def _prompt(rng: random.Random) -> list[ChatMessage]:
    evidence = "\n".join(f"[{i}] {answer}" for i, answer in enumerate(rng.sample(_ANSWERS, 3), start=1))
    order = f"NP-2025-{rng.randrange(10**6):06d}"
    window = (
        f"customer: hello, this is about order {order}\nagent: Sure, what happened?\ncustomer: {rng.choice(_QUESTIONS)}"
    )
    return [
        ChatMessage("system", _SYSTEM),
        ChatMessage("user", f"Past answers:\n{evidence}\n\nChat:\n{window}\n\nThe agent's next message:"),
    ]


def run(chats: Sequence[int] = (1, 8, 32), max_tokens: int = 64, settings: Settings | None = None) -> dict[str, Any]:
    """Figures as in the table of `main`. settings: which generator; default: the shipped one."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = (settings or load_settings()).model_copy(update={"data": Path(folder), "first_token_s": 60.0})
        served = asyncio.run(_served(chosen, chats, max_tokens))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            plain = pool.submit(_plain, Path(folder), chats, max_tokens).result()
    rows = [{"chats": n, "server": served["levels"][n], "transformers": plain[n]} for n in chats]
    for row in rows:
        row["times_transformers"] = round(row["server"]["tokens_per_s"] / row["transformers"]["tokens_per_s"], 2)
    return {
        "machine": machine(),
        "model": served["model"],
        "engine": served["engine"],
        "slots": chosen.slots,
        "max_tokens": max_tokens,
        "ready_s": served["ready_s"],
        "goals": GOALS,
        "levels": rows,
    }


async def _served(settings: Settings, chats: Sequence[int], max_tokens: int) -> dict[str, Any]:
    ready = []
    for _ in range(2):  # the second start finds the files in the page cache and, for transformers, converted
        supervisor = Supervisor(settings)
        begun = time.perf_counter()
        await supervisor.start()
        ready.append(round(time.perf_counter() - begun, 1))
        if len(ready) < 2:
            await supervisor.stop()
    try:
        levels = {n: await _level(supervisor, prompts(n, seed=n), max_tokens) for n in chats}
        health = await supervisor.health()
    finally:
        await supervisor.stop()
    return {"levels": levels, "ready_s": ready, "engine": health["engine"], "model": health["model"]}


async def _level(supervisor: Supervisor, chats: list[list[ChatMessage]], max_tokens: int) -> dict[str, Any]:
    model = supervisor.model()
    await asyncio.gather(
        *[_chat(model, chat, 4) for chat in prompts(len(chats), seed=1000 + len(chats))]
    )  # warm, other chats
    before = (await supervisor.health())["tokens"]
    begun = time.perf_counter()
    timed = await asyncio.gather(*[_chat(model, chat, max_tokens) for chat in chats])
    seconds = time.perf_counter() - begun
    health = await supervisor.health()
    tokens = health["tokens"] - before
    firsts = sorted(one.first_s for one in timed)
    return {
        "first_token_p50_s": round(statistics.median(firsts), 3),
        "first_token_p95_s": round(firsts[max(0, -(-len(firsts) * 95 // 100) - 1)], 3),
        "last_token_p50_s": round(statistics.median(one.last_s for one in timed), 3),
        "all_done_s": round(seconds, 3),
        "tokens": tokens,
        "tokens_per_s": round(tokens / seconds, 1),
        "server_memory_mb": round(health["memory_bytes"] / 1e6),
        "own_memory_mb": round(psutil.Process().memory_info().rss / 1e6),
    }


async def _chat(model: HttpChatModel, messages: list[ChatMessage], max_tokens: int) -> _Timed:
    begun = time.perf_counter()
    first = None
    async for delta in model.stream(messages, max_tokens=max_tokens, deadline_s=300):
        if first is None and delta.text:
            first = time.perf_counter() - begun
    last = time.perf_counter() - begun
    return _Timed(last if first is None else first, last)


def _plain(folder: Path, chats: Sequence[int], max_tokens: int) -> dict[int, dict[str, Any]]:
    """The same prompts as one padded batch through `generate`, greedy, bfloat16, torch's own number of threads."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path
    from chatbot.generation.conversion import safetensors_of

    saved = safetensors_of(embedded_path(), folder, sha256=SMOLLM2_SHA256)
    tokenizer = AutoTokenizer.from_pretrained(saved, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(saved, dtype=torch.bfloat16).eval()
    results = {}
    for number in (chats[0], *chats):  # the first one warms and is measured again
        texts = [[{"role": m.role, "content": m.content} for m in chat] for chat in prompts(number, seed=number)]
        begun = time.perf_counter()
        batch = tokenizer.apply_chat_template(
            texts, add_generation_prompt=True, padding=True, return_dict=True, return_tensors="pt"
        )
        with torch.inference_mode():
            out = model.generate(**batch, max_new_tokens=max_tokens, do_sample=False)
        seconds = time.perf_counter() - begun
        new = out[:, batch["input_ids"].shape[1] :]
        tokens = int((new != tokenizer.pad_token_id).sum()) + int((new == tokenizer.pad_token_id).any(dim=1).sum())
        results[number] = {
            "all_done_s": round(seconds, 3),
            "tokens": tokens,
            "tokens_per_s": round(tokens / seconds, 1),
            "memory_mb": round(psutil.Process().memory_info().rss / 1e6),
            "prompt_tokens": int(batch["attention_mask"].sum()) // number,
        }
    return results


def main(chats: str = "1,8,32", max_tokens: int = 64, as_json: bool = False) -> None:
    """Prints the table; --json prints the figures instead."""
    result = run([int(part) for part in chats.split(",")], max_tokens)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    console = Console()
    console.print(f"{result['machine']}; {result['model']} on {result['engine']}, {result['slots']} slots")
    console.print(f"ready in {result['ready_s'][0]} s, again in {result['ready_s'][1]} s (goal {GOALS['ready_s']} s)")
    table = Table("chats", "first p50 s", "first p95 s", "last p50 s", "all s", "tok/s", "MB server", "MB own")
    for title in ("generate: all s", "tok/s", "MB", "times"):
        table.add_column(title)
    for row in result["levels"]:
        table.add_row(*_cells(row))
    console.print(table)


def _cells(row: dict[str, Any]) -> list[str]:
    names = ("first_token_p50_s", "first_token_p95_s", "last_token_p50_s", "all_done_s", "tokens_per_s")
    server = [row["server"][name] for name in (*names, "server_memory_mb", "own_memory_mb")]
    plain = [row["transformers"][name] for name in ("all_done_s", "tokens_per_s", "memory_mb")]
    return [str(value) for value in (row["chats"], *server, *plain, row["times_transformers"])]


if __name__ == "__main__":
    import typer

    typer.run(main)

"""Chats at once through the real model server, beside plain `transformers.generate`, round by round in turn.

Both get the same prompts and the same longest reply. The server streams over HTTP to the supervisor's own client;
`generate` runs in a process of its own, called for each chat one after the other and for all as one padded batch.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from chatbot.generation.client import HttpChatModel
from chatbot.generation.supervisor import Supervisor
from chatbot.settings import Settings, load_settings
from chatbot.types import ChatMessage
from scripts.bench_report import spread
from scripts.bench_turn_prompts import prompts
from scripts.options import ProgressSink, silent, tracked

WAYS = ("one by one", "one batch")
_WARM_TOKENS = 4
_MOST_ONE_BY_ONE = 8  # chats: more take minutes and change nothing, each is a call of its own
_WARM_SEED = 10**6


@dataclass(frozen=True, slots=True)
class _Timed:
    first_s: float
    last_s: float


async def rounds_of(
    settings: Settings, chats: Sequence[int], max_tokens: int, rounds: int, progress: ProgressSink = silent
) -> dict[str, Any]:
    """Figures by number of chats, each with its spread over the rounds; every round measures server and `generate` in turn.

    settings: which generator serves; its data folder takes what transformers needs.
    """
    progress("start the model server", 0, 0)
    supervisor = Supervisor(settings)
    await supervisor.start()
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context) as beside:
            loop = asyncio.get_running_loop()

            async def plain(way: str, number: int, seed: int, tokens: int) -> dict[str, float]:
                return await loop.run_in_executor(beside, _plain, settings.data, way, number, seed, tokens)

            served: dict[int, list[dict[str, float]]] = {n: [] for n in chats}
            others: dict[int, dict[str, list[dict[str, float]]]] = {n: {way: [] for way in WAYS} for n in chats}
            for number in tracked(chats, "warm up", progress):
                await _served(supervisor, prompts(number, _WARM_SEED + number), _WARM_TOKENS)
                await plain("one batch", number, _WARM_SEED + number, _WARM_TOKENS)
            each = list(itertools.product(range(rounds), chats))
            for turn, number in tracked(each, f"{rounds} rounds of {len(chats)} numbers of chats", progress):
                seed = 1000 * turn + number  # new chats each time: a prompt seen before needs no reading
                served[number].append(await _served(supervisor, prompts(number, seed), max_tokens))
                for way in WAYS:
                    others[number][way].append(await plain(way, number, seed, max_tokens))
        health = await supervisor.health()
    finally:
        await supervisor.stop()
    levels = [
        {"chats": n, "server": _over_rounds(served[n])}
        | {way: _over_rounds(figures) for way, figures in others[n].items()}
        for n in chats
    ]
    return {"engine": health["engine"], "model": health["model"], "levels": levels}


def times(level: dict[str, Any], way: str) -> float:
    """How many times the tokens a second of `generate` the server writes."""
    ours, theirs = (float(level[side]["tokens_per_s"]["median"]) for side in ("server", way))
    return round(ours / theirs, 2)


def _over_rounds(figures: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: spread([one[name] for one in figures]) for name in figures[0]}


# --- the server ------------------------------------------------------------------------------------------


async def _served(supervisor: Supervisor, chats: Sequence[list[ChatMessage]], max_tokens: int) -> dict[str, float]:
    model = supervisor.model()
    before = (await supervisor.health())["tokens"]
    begun = time.perf_counter()
    timed = await asyncio.gather(*(_chat(model, chat, max_tokens) for chat in chats))
    seconds = time.perf_counter() - begun
    health = await supervisor.health()
    await model.close()
    return {
        "first_token_p50_s": statistics.median(one.first_s for one in timed),
        "first_token_p95_s": float(np.percentile([one.first_s for one in timed], 95, method="higher")),
        "last_token_p50_s": statistics.median(one.last_s for one in timed),
        "all_s": seconds,
        "tokens_per_s": (health["tokens"] - before) / seconds,
        "memory_mb": health["memory_bytes"] / 1e6,
    }


async def _chat(model: HttpChatModel, messages: list[ChatMessage], max_tokens: int) -> _Timed:
    begun = time.perf_counter()
    first = None
    async for delta in model.stream(messages, max_tokens=max_tokens, deadline_s=300):
        if first is None and delta.text:
            first = time.perf_counter() - begun
    last = time.perf_counter() - begun
    return _Timed(last if first is None else first, last)


# --- plain generate, in its own process ------------------------------------------------------------------


def _plain(folder: Path, way: str, number: int, seed: int, max_tokens: int) -> dict[str, float]:
    """Greedy, bfloat16, on the GPU that the server takes or with torch's own number of threads on the CPU.

    Each chat by itself, or all left-padded in one batch.
    """
    chats = [[{"role": m.role, "content": m.content} for m in chat] for chat in prompts(number, seed)]
    batches = [chats] if way == "one batch" else [[chat] for chat in chats[:_MOST_ONE_BY_ONE]]
    begun = time.perf_counter()
    tokens = sum(_generate(folder, batch, max_tokens) for batch in batches)
    seconds = time.perf_counter() - begun
    return {
        "all_s": seconds,
        "tokens_per_s": tokens / seconds,
        "memory_mb": psutil.Process().memory_info().rss / 1e6,
    }


def _generate(folder: Path, chats: Sequence[list[dict[str, str]]], max_tokens: int) -> int:
    """Number of tokens written, the one that ends a reply counted."""
    import torch

    tokenizer, model = _loaded(folder)
    batch = tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_dict=True, return_tensors="pt"
    )
    with torch.inference_mode():
        out = model.generate(**batch.to(model.device), max_new_tokens=max_tokens, do_sample=False)
    new = out[:, batch["input_ids"].shape[1] :].cpu()
    ended = new == tokenizer.pad_token_id
    return int((~ended).sum()) + int(ended.any(dim=1).sum())


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path, gpu_wanted
    from chatbot.generation.conversion import safetensors_of

    logging.disable_progress_bar()
    saved = safetensors_of(embedded_path(), folder, sha256=SMOLLM2_SHA256)
    tokenizer = AutoTokenizer.from_pretrained(saved, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(saved, dtype=torch.bfloat16).eval()
    return tokenizer, model.to("cuda" if gpu_wanted(load_settings()) else "cpu")

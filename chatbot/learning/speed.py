"""How fast a model writes: tokens a second for one chat and for eight at once. Must not know what is written."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import GenerationError
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.engine import Engine, Piece, Prompt
from chatbot.learning.replying import open_engine
from chatbot.types import ChatMessage

CHATS = 8
_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Speed:
    """load_s: until the engine is ready; one, eight: tokens a second of one chat alone and of eight together; first_s: seconds to
    the first token of one chat whose prompt the engine has not seen."""

    load_s: float
    one: float
    eight: float
    first_s: float


def measure(spec: ModelSpec, models: Path, prompts: Sequence[tuple[ChatMessage, ...]]) -> Speed:
    """Opens the engine, writes a few replies of up to 48 tokens, and closes it.

    prompts: at least nine that differ, else those given are used again. Raises ModelError, GenerationError.
    """
    begun = time.perf_counter()
    with closing(open_engine(spec, models)) as engine:
        loaded = time.perf_counter() - begun
        _write(engine, prompts[:1])  # the first reply also pays for what the engine puts off
        alone = _write(engine, [prompts[1 % len(prompts)]])
        together = _write(engine, [prompts[(2 + at) % len(prompts)] for at in range(CHATS)])
    return Speed(loaded, alone.rate, together.rate, alone.first_s)


@dataclass(frozen=True, slots=True)
class _Written:
    tokens: int
    seconds: float
    first_s: float

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


def _write(engine: Engine, prompts: Sequence[tuple[ChatMessage, ...]]) -> _Written:
    done: queue.SimpleQueue[tuple[float, Piece]] = queue.SimpleQueue()
    begun = time.perf_counter()
    for messages in prompts:
        engine.submit(Prompt(messages, _TOKENS), lambda piece: done.put((time.perf_counter(), piece)))
    tokens, first, open_replies, at = 0, None, len(prompts), begun
    while open_replies:
        at, piece = done.get()
        tokens += piece.tokens
        first = at if first is None else first
        if piece.finish_reason == "error":
            raise GenerationError(piece.error or "The model engine stopped.")
        open_replies -= piece.finish_reason is not None
    return _Written(tokens, at - begun, (first or begun) - begun)

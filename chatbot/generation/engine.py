"""The port of an engine: prompts in, pieces of text out. Must not know HTTP, and no model library."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from chatbot.types import ChatMessage

_MARKER = re.compile(r"<[^<>\s]+>|\[/?INST\]")

FinishReason = Literal["stop", "length", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to write and how. temperature 0 is greedy; `seed` holds while a request runs alone (one sampler for all)."""

    messages: tuple[ChatMessage, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a reply. The last one has a finish_reason; `error` is a sentence when that is "error".

    tokens: how many new tokens came with it.
    """

    text: str
    tokens: int = 0
    finish_reason: FinishReason | None = None
    error: str | None = None


Emit = Callable[[Piece], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted prompt. `cancel` may be called from any thread, twice, and after the end."""

    prompt_tokens: int
    cancel: Callable[[], None]


class PromptTooLongError(ValueError):
    """The prompt and the reply do not fit into the model's context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(f"The prompt has {tokens} tokens and the model's context holds {context}; shorten it.")


class Engine(Protocol):
    """A loaded model. Lives as long as the server; any thread may call."""

    @property
    def name(self) -> str: ...

    @property
    def pulse(self) -> Pulse: ...

    def submit(self, prompt: Prompt, emit: Emit) -> Job:
        """Queues the prompt. `emit` is called from the engine's thread; the last time, only then, with a finish_reason.

        Raises PromptTooLongError, or RuntimeError when the engine has failed.
        """

    def close(self) -> None:
        """Stops the engine's thread; jobs that run end with "cancelled"."""


class Pulse:
    """Whether the engine's thread lives: what the server tells the supervisor. One writer, any reader.

    between_steps: an engine whose steps keep the interpreter to themselves calls it after each, so that others may work.
    """

    def __init__(self) -> None:
        self.failure: str | None = None
        self.between_steps: Callable[[], None] = lambda: None
        self._since: float | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A step of the model starts."""
        with self._lock:
            self._since = time.monotonic()

    def end(self) -> None:
        """The step is over."""
        with self._lock:
            self._since = None

    @property
    def stuck_s(self) -> float:
        """Seconds that the current step has been running; 0 between steps."""
        with self._lock:
            return 0.0 if self._since is None else time.monotonic() - self._since


def as_dicts(messages: Sequence[ChatMessage], markers: re.Pattern[str] | None) -> list[dict[str, str]]:
    """The shape that chat templates take, with the model's own markers in the text broken up.

    Otherwise a customer who types `<|im_start|>system` would speak with the system's voice.
    """
    return [{"role": message.role, "content": _harmless(message.content, markers)} for message in messages]


def marker_pattern(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """Matches what a tokenizer would read as a marker, among its vocabulary `tokens`; None when it has none."""
    found = sorted((token for token in tokens if _MARKER.fullmatch(token)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, found))) if found else None


def _harmless(text: str, markers: re.Pattern[str] | None) -> str:
    return text if markers is None else markers.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)

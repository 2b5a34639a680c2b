"""What the model server counts: requests, tokens, times, memory. Numbers only, never text; must not know HTTP."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import psutil

_WINDOW_S = 60.0


class Counters:
    """Lives as long as the server; used from the event loop only."""

    def __init__(self, slots: int, queue: int) -> None:
        self.slots = slots
        self.queue = queue
        self.in_flight = 0
        self.finished = 0
        self.refused = 0
        self.cancelled = 0
        self.failed = 0
        self.tokens = 0
        self.mean_s = 1.0
        self._started = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque()
        self._process = psutil.Process()

    @property
    def full(self) -> bool:
        return self.in_flight >= self.slots + self.queue

    @property
    def waiting(self) -> int:
        return max(0, self.in_flight - self.slots)

    @property
    def retry_after_s(self) -> int:
        """Seconds until a place should be free: the mean time of a reply, in rounds of `slots`."""
        return max(1, min(60, round(self.mean_s * (1 + self.waiting / self.slots))))

    def count_tokens(self, tokens: int) -> None:
        now = time.monotonic()
        self.tokens += tokens
        self._recent.append((now, tokens))
        while self._recent[0][0] < now - _WINDOW_S:
            self._recent.popleft()

    def end(self, finish_reason: str, seconds: float) -> None:
        """A request is over; its duration moves the mean by a fifth."""
        self.in_flight -= 1
        if finish_reason == "error":
            self.failed += 1
        elif finish_reason == "cancelled":
            self.cancelled += 1
        else:
            self.finished += 1
            self.mean_s += 0.2 * (seconds - self.mean_s)

    def view(self) -> dict[str, Any]:
        """For /health. tokens_per_s: over the last minute in which tokens came; memory in bytes."""
        span = time.monotonic() - self._recent[0][0] if self._recent else 0.0
        recent = sum(tokens for _, tokens in self._recent)
        return {
            "slots": self.slots,
            "queue_limit": self.queue,
            "running": min(self.in_flight, self.slots),
            "waiting": self.waiting,
            "finished": self.finished,
            "cancelled": self.cancelled,
            "refused": self.refused,
            "failed": self.failed,
            "tokens": self.tokens,
            "tokens_per_s": round(recent / span, 1) if span > 0 else 0.0,
            "memory_bytes": self._process.memory_info().rss,
            "uptime_s": round(time.monotonic() - self._started, 1),
        }

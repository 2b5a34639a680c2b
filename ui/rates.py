"""How often one customer or one network may write. Counts in memory; must not know what is written."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from chatbot.errors import Busy
from chatbot.types import Event, EventKind

CONVERSATIONS_PER_HOUR = 60
ACTIONS_PER_MINUTE = 120
TURN_LASTS_S = 120.0  # a turn that never rang its end holds its network's place no longer


@dataclass(frozen=True)
class Rates:
    """Moving windows per customer and per network prefix. One a process. A prefix of None is this machine: not limited.

    messages_per_minute: per customer. turns_at_once: replies being written at the same time for one prefix.
    """

    messages_per_minute: int
    turns_at_once: int
    _windows: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))
    _turns: dict[str, tuple[str, float]] = field(default_factory=dict)

    def message(self, owner: str, prefix: str | None, conversation_id: str) -> None:
        """Counts one message of a customer. Raises Busy with the seconds to wait."""
        self._hit(RateLimitItemPerMinute(self.messages_per_minute), "message", owner)
        if prefix is not None:
            self._turn(prefix, conversation_id)

    def action(self, owner: str) -> None:
        """Counts a click that writes: a thumb, a rating, a new chat. Raises Busy."""
        self._hit(RateLimitItemPerMinute(ACTIONS_PER_MINUTE), "action", owner)

    def conversation(self, prefix: str | None) -> None:
        """Counts a conversation started from a network. Raises Busy."""
        if prefix is not None:
            self._hit(RateLimitItemPerHour(CONVERSATIONS_PER_HOUR), "conversation", prefix)

    def turn_over(self, event: Event) -> None:
        """A bell's listener: a finished turn frees its network's place."""
        if event.kind in (EventKind.DONE, EventKind.STATUS):
            self._turns.pop(event.conversation_id, None)

    def forget(self, conversation_id: str) -> None:
        """Frees the place of a turn that never started."""
        self._turns.pop(conversation_id, None)

    def _turn(self, prefix: str, conversation_id: str) -> None:
        now = time.monotonic()
        for key in [key for key, (_, since) in self._turns.items() if now - since > TURN_LASTS_S]:
            del self._turns[key]
        under_way = sum(1 for key, (who, _) in self._turns.items() if who == prefix and key != conversation_id)
        if under_way >= self.turns_at_once:
            raise Busy("Too many replies are being written for your network; wait a moment.", retry_after_s=3)
        self._turns[conversation_id] = (prefix, now)

    def _hit(self, item: RateLimitItem, kind: str, who: str) -> None:
        if not self._windows.hit(item, kind, who):
            wait = max(1.0, self._windows.get_window_stats(item, kind, who).reset_time - time.time())
            raise Busy(f"Too many requests; try again in {wait:.0f} seconds.", retry_after_s=wait)

"""How often a password or a code may be guessed. Counts in memory; must not know who is right."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from chatbot.errors import Busy

WINDOW_MIN = 15
HERE = "this machine"


@dataclass(frozen=True)
class Tries:
    """Moving windows of 15 minutes. One a process.

    pair: tries for one account from one network; a sign-in that succeeds clears them. network: failures from one network, for
    any account. account: failures for one account from any network; beyond it only networks that the account is known to come
    from are heard, so that a stranger's guesses lock nobody out. code: tries of a second factor.
    """

    pair: RateLimitItem = field(default_factory=lambda: RateLimitItemPerMinute(10, WINDOW_MIN))
    network: RateLimitItem = field(default_factory=lambda: RateLimitItemPerMinute(50, WINDOW_MIN))
    account: RateLimitItem = field(default_factory=lambda: RateLimitItemPerMinute(100, WINDOW_MIN))
    code: RateLimitItem = field(default_factory=lambda: RateLimitItemPerMinute(10, WINDOW_MIN))
    _windows: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def begin(self, account: str, network: str | None) -> None:
        """Counts a try before it is checked, so that guesses made all at once are counted too. Raises Busy."""
        place = network or HERE
        if not self._windows.test(self.network, "network", place):
            raise self._busy(self.network, "network", place)
        if not self._windows.hit(self.pair, "pair", account, place):
            raise self._busy(self.pair, "pair", account, place)

    def is_under_attack(self, account: str) -> bool:
        return not self._windows.test(self.account, "account", account)

    def wait(self, account: str) -> Busy:
        """What a network that the account does not know is told while it is under attack."""
        return self._busy(self.account, "account", account)

    def failed(self, account: str, network: str | None) -> None:
        self._windows.hit(self.network, "network", network or HERE)
        self._windows.hit(self.account, "account", account)

    def succeeded(self, account: str, network: str | None) -> None:
        self._windows.clear(self.pair, "pair", account, network or HERE)

    def begin_code(self, user_id: int) -> None:
        """Raises Busy."""
        if not self._windows.hit(self.code, "code", str(user_id)):
            raise self._busy(self.code, "code", str(user_id))

    def code_succeeded(self, user_id: int) -> None:
        self._windows.clear(self.code, "code", str(user_id))

    def _busy(self, item: RateLimitItem, *who: str) -> Busy:
        wait = max(1.0, self._windows.get_window_stats(item, *who).reset_time - time.time())
        minutes = max(1, round(wait / 60))
        return Busy(
            f"Too many tries; wait {minutes} minute{'' if minutes == 1 else 's'}, then try again.", retry_after_s=wait
        )


def account_key(email: str) -> str:
    """What an account is counted and written down by where it may not exist: a hash, so that no log collects addresses."""
    return hashlib.sha256(b"account:" + email.strip().lower().encode()).hexdigest()[:16]

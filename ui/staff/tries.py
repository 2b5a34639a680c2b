"""How often a password or a code may be guessed; the counts are the store's. Must not know who is right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chatbot.errors import Busy
from storage.tries import TryBook

PAIR, NETWORK, ACCOUNT, CODE = 10, 50, 100, 10
"""Within 15 minutes. PAIR: tries for one account from one network; a sign-in that succeeds clears them. NETWORK: failures from one
network, for any account. ACCOUNT: failures for one account from any network; beyond it only networks that the account is
known to come from are heard, so that a stranger's guesses lock nobody out. CODE: tries of a second factor."""
HERE = "this machine"
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Tries:
    """One a process. `_closed`: until when a key is refused without asking the store, so that a flood of guesses costs nothing."""

    book: TryBook
    _closed: dict[str, datetime] = field(default_factory=dict)

    def check(self, account: str, network: str | None) -> None:
        """Refuses what is known to be refused, before anything is read. Raises Busy."""
        for key in (_network(network), _pair(account, network)):
            until = self._closed.get(key)
            if until is not None and until > datetime.now(UTC):
                raise _busy(until)

    async def begin(self, account: str, network: str | None) -> None:
        """Counts a try before it is checked, so that guesses made all at once are counted too. Raises Busy."""
        self.check(account, network)
        await self._refuse_if_full(_network(network), NETWORK)
        await self._take(_pair(account, network), PAIR)

    async def attacked_until(self, account: str) -> datetime | None:
        """While more failures than ACCOUNT are counted: networks that the account does not know are not heard."""
        return await self._full(_account(account), ACCOUNT)

    def wait(self, until: datetime) -> Busy:
        """What such a network is told."""
        return _busy(until)

    async def failed(self, account: str, network: str | None) -> None:
        await self.book.add([_network(network), _account(account)])

    async def succeeded(self, account: str, network: str | None) -> None:
        await self._clear(_pair(account, network))

    async def begin_code(self, user_id: int) -> None:
        """Raises Busy."""
        key = f"code:{user_id}"
        until = self._closed.get(key)
        if until is not None and until > datetime.now(UTC):
            raise _busy(until)
        await self._take(key, CODE)

    async def code_succeeded(self, user_id: int) -> None:
        await self._clear(f"code:{user_id}")

    async def _take(self, key: str, most: int) -> None:
        until = await self.book.take(key, most)
        if until is not None:
            raise self._close(key, until)

    async def _refuse_if_full(self, key: str, most: int) -> None:
        until = await self._full(key, most)
        if until is not None:
            raise _busy(until)

    async def _full(self, key: str, most: int) -> datetime | None:
        known = self._closed.get(key)
        if known is not None and known > datetime.now(UTC):
            return known
        until = await self.book.full(key, most)
        if until is not None:
            self._close(key, until)
        return until

    async def _clear(self, key: str) -> None:
        self._closed.pop(key, None)
        await self.book.clear(key)

    def _close(self, key: str, until: datetime) -> Busy:
        if len(self._closed) >= _REMEMBERED:
            self._closed.clear()  # what is forgotten here, the store still knows
        self._closed[key] = until
        return _busy(until)


def account_key(email: str) -> str:
    """What an account is counted and written down by where it may not exist: a hash, so that no log collects addresses."""
    return hashlib.sha256(b"account:" + email.strip().lower().encode()).hexdigest()[:16]


def _network(network: str | None) -> str:
    return f"network:{network or HERE}"


def _account(account: str) -> str:
    return f"account:{account}"


def _pair(account: str, network: str | None) -> str:
    return f"pair:{account}:{network or HERE}"


def _busy(until: datetime) -> Busy:
    wait = max(1.0, (until - datetime.now(UTC)).total_seconds())
    minutes = max(1, round(wait / 60))
    return Busy(
        f"Too many tries; wait {minutes} minute{'' if minutes == 1 else 's'}, then try again.", retry_after_s=wait
    )

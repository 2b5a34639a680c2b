"""Passwords: which are good enough, and Argon2id hashes of them, computed in threads. Must not know rows or pages."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from chatbot.errors import BadInput, Busy

SHORTEST, LONGEST = 12, 256
AT_ONCE = 2
"""Hashes computed at the same time; each takes 64 MiB while it runs."""
WAITING = 40
T = TypeVar("T")


def argon2id() -> PasswordHasher:
    """RFC 9106, section 4, second recommended option: 3 passes over 64 MiB, 4 lanes; above OWASP's minimum."""
    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@dataclass
class Passwords:
    """One a process; one event loop. `hasher` is cheaper in tests only."""

    hasher: PasswordHasher = field(default_factory=argon2id)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _waiting: int = 0

    async def hash(self, password: str) -> str:
        """password: as `check_new` returned it."""
        return await self._in_turn(lambda: self.hasher.hash(password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Takes the same time without a stored hash, so that nobody learns which accounts exist. Raises Busy."""
        known = await self._in_turn(lambda: self._verify(stored, normal(password)))
        return known and stored is not None

    def is_dated(self, stored: str) -> bool:
        """Was it made with other parameters than those of today?"""
        return self.hasher.check_needs_rehash(stored)

    @cached_property
    def _nobodys(self) -> str:
        return self.hasher.hash(secrets.token_urlsafe(32))

    def _verify(self, stored: str | None, password: str) -> bool:
        nobodys = self._nobodys  # made by the first sign-in of all, whoever it is for
        try:
            return self.hasher.verify(stored or nobodys, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise Busy("Too many people sign in at this moment; try again in a few seconds.", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def normal(password: str) -> str:
    """NFKC, so that the same characters typed on another keyboard are the same password (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password[: LONGEST * 4])


def check_new(password: str, email: str, name: str) -> str:
    """The normalised password. Raises BadInput saying what is wrong with it; length counts, not kinds of characters."""
    wanted = normal(password)
    if len(wanted) < SHORTEST:
        raise BadInput(f"A password has at least {SHORTEST} characters; a few words in a row do well.")
    if len(wanted) > LONGEST:
        raise BadInput(f"A password has at most {LONGEST} characters.")
    plain = wanted.casefold()
    own = {email.casefold(), email.partition("@")[0].casefold(), name.casefold(), name.replace(" ", "").casefold()}
    if plain in own or any(plain == part * (len(plain) // len(part)) for part in own if len(part) > 2):
        raise BadInput("A password is not the own address or name.")
    if len(set(plain)) < 5 or plain in _RUNS or plain in _RUNS[::-1]:
        raise BadInput("This password is among the first that anybody would try; take another one.")
    return wanted


_RUNS = "abcdefghijklmnopqrstuvwxyz 01234567890123456789 qwertyuiopasdfghjklzxcvbnm"

"""Who of the team has the desk open. Holds counters in memory; must not know conversations or pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage.people import User

LINGERS_S = 15.0
"""A page that is loaded again, or a line that was lost, makes nobody absent."""


@dataclass
class _Seen:
    user: User
    windows: int = 0
    left: float = 0.0


@dataclass(frozen=True)
class Presence:
    """One a process; all calls from the event loop's thread. clock: seconds that only grow."""

    clock: Callable[[], float] = time.monotonic
    _seen: dict[int, _Seen] = field(default_factory=dict)

    @contextmanager
    def here(self, user: User) -> Iterator[None]:
        """While a desk window of the user is open."""
        seen = self._seen.setdefault(user.id, _Seen(user))
        seen.user = user
        seen.windows += 1
        try:
            yield
        finally:
            seen.windows -= 1
            seen.left = self.clock()

    def present(self) -> list[User]:
        now = self.clock()
        for key in [k for k, seen in self._seen.items() if not seen.windows and now - seen.left > LINGERS_S]:
            del self._seen[key]
        return [seen.user for seen in self._seen.values()]

    def anybody(self, team_id: int | None) -> bool:
        """Is somebody here who sees the conversations of that team (None: of no team)?"""
        return any(user.is_admin or team_id is None or user.team_id == team_id for user in self.present())

"""Who has been shown the beginnings of which conversations lately: a list that refreshes itself leaves one line in the audit log,
not one a second. Must not know lists or pages."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from storage.audit import Actor, Audit

SAME_LOOK_S = 600.0
"""Seeing a conversation again within so many seconds is the same look at it."""


@dataclass(frozen=True)
class Looks:
    """Lives as long as the process; in memory, since after a restart one more line does no harm."""

    _seen: dict[tuple[int | None, str], float] = field(default_factory=dict)

    async def note(self, audit: Audit, actor: Actor, where: str, conversations: Collection[str]) -> None:
        """Writes one line that names those of the conversations that the actor has not been shown lately, if there are any.

        where: which list it was, as "desk.waiting".
        """
        now = time.monotonic()
        fresh = [one for one in dict.fromkeys(conversations) if not self._is_same(actor, one, now)]
        if not fresh:
            return
        await audit.record(actor, "transcript.preview", None, {"where": where, "conversations": fresh})
        for old in [key for key, at in self._seen.items() if now - at >= SAME_LOOK_S]:
            del self._seen[old]
        self._seen.update({(actor.user_id, one): now for one in fresh})

    def _is_same(self, actor: Actor, conversation: str, now: float) -> bool:
        return now - self._seen.get((actor.user_id, conversation), -SAME_LOOK_S) < SAME_LOOK_S

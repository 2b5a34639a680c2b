"""The one rendering of a conversation's last turns, the same for passages and for queries. Knows nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.types import Role, Turn

_SPOKEN = {Role.CUSTOMER: "customer", Role.AGENT: "agent", Role.BOT: "agent"}


def render_window(turns: Sequence[Turn], size: int = 3) -> str:
    """The last `size` spoken turns, oldest first, one "role: text" a line. Notes, events and empty turns do not
    count; our bot speaks in the agents' place, so that its turns read as theirs do in the passages.
    """
    spoken = [turn for turn in turns if turn.role in _SPOKEN and turn.text.strip()]
    return (
        "\n".join(f"{_SPOKEN[turn.role]}: {' '.join(turn.text.split())}" for turn in spoken[-size:]) if size > 0 else ""
    )

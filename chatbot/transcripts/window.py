"""The one rendering of a conversation's last turns, the same for passages and for queries. Knows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def trained_window(turns: Sequence[Turn], mask: Callable[[str], str], size: int = 3) -> list[Turn]:
    """The last `size` spoken turns as the prompts of training examples hold them: masked, on one line, no agent but the bot."""
    spoken = [turn for turn in turns if turn.role in _SPOKEN and turn.text.strip()]
    return [
        Turn(Role.CUSTOMER if turn.role is Role.CUSTOMER else Role.BOT, " ".join(mask(turn.text).split()))
        for turn in spoken[-size:]
    ]

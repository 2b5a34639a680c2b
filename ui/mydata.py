"""What is kept about one customer: all of it as data or as text, and its erasure. Must not know HTTP or HTML."""

from __future__ import annotations

from typing import Any

from chatbot.types import Event, EventKind, Message, Role
from ui.parts import Parts
from ui.strings import strings
from ui.views import all_messages, conversation_view, message_view

_ALL = 10_000


async def export(parts: Parts, owner: str) -> dict[str, Any]:
    """Every conversation with every message, in the public view."""
    found = await parts.store.conversations_of(owner, limit=_ALL)
    return {
        "company": parts.settings.company,
        "conversations": [
            conversation_view(c) | {"messages": [message_view(m) for m in await all_messages(parts.store, c.id, owner)]}
            for c in found
        ],
    }


async def export_text(parts: Parts, owner: str, language: str) -> str:
    """The same for people: one line a message, in the words of `language`."""
    words = strings(language)
    lines = [words["download_heading"].replace("{company}", parts.settings.company), ""]
    found = await parts.store.conversations_of(owner, limit=_ALL)
    for conversation in found:
        lines += [f"{conversation.created_at:%Y-%m-%d %H:%M} UTC", "-" * 20]
        for message in await all_messages(parts.store, conversation.id, owner):
            lines.append(f"{message.created_at:%H:%M} {_speaker(message, language)}: {message.text}")
        lines.append("")
    return "\n".join(lines if found else [*lines, words["download_empty"]]) + "\n"


async def erase(parts: Parts, owner: str) -> int:
    """Stops what is being written, erases the rows, and tells every open window. Returns how many conversations."""
    found = await parts.store.conversations_of(owner, limit=_ALL)
    for conversation in found:
        if parts.manager.writing(conversation.id) is not None:
            await parts.manager.stop(conversation.id, owner)
    count = await parts.store.delete_owner(owner)
    for conversation in found:
        parts.hub.ring(Event(EventKind.STATUS, conversation.id, text="erased"))
    return count


def _speaker(message: Message, language: str) -> str:
    words = strings(language)
    named = {Role.CUSTOMER: words["you"], Role.BOT: words["bot_says"], Role.SYSTEM: words["event"]}
    return named.get(message.role) or f"{message.author or words['agent']} ({words['agent_is_human']})"

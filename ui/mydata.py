"""What is kept about one customer: all of it as data or as text, and its erasure. Must not know HTTP or HTML."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chatbot.erasing import Copies
from chatbot.errors import NotFound
from chatbot.types import Event, EventKind, Message, Role
from storage.audit import Actor
from storage.eraser import SELF
from storage.receipts import Receipt
from storage.subjects import By, Subject
from ui.parts import Parts
from ui.strings import strings
from ui.views import all_messages, conversation_view, message_view

_ALL = 10_000
CUSTOMER = Actor(None, "customer")


async def export(parts: Parts, owner: str) -> dict[str, Any]:
    """Every conversation with every message, in the public view."""
    found = await parts.store.conversations_of(owner, limit=_ALL)
    rest = await _rest(parts, [c.id for c in found])
    return {
        "company": parts.settings.company,
        "conversations": [
            conversation_view(c)
            | more
            | {"messages": [message_view(m) for m in await all_messages(parts.store, c.id, owner)]}
            for c, more in zip(found, rest, strict=True)
        ],
    }


async def _rest(parts: Parts, conversations: Sequence[str]) -> list[dict[str, Any]]:
    """What is kept besides the messages: address, rating and its comment, thumbs with their words, mood, tags, hand-overs."""
    if parts.house is None:
        return [{} for _ in conversations]
    return await asyncio.to_thread(parts.house.rights.extras, conversations)


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


@dataclass(frozen=True, slots=True)
class Erased:
    """How many conversations went; `receipt` is None where nothing was kept (or where the store writes none)."""

    conversations: int
    receipt: Receipt | None = None


async def erase(parts: Parts, owner: str) -> Erased:
    """Stops what is being written, erases everything as `chatbot purge` does, and tells every open window."""
    found = await parts.store.conversations_of(owner, limit=_ALL)
    for conversation in found:
        if parts.manager.writing(conversation.id) is not None:
            await parts.manager.stop(conversation.id, owner)
    erased = await _erase(parts, owner)
    for conversation in found:
        parts.hub.ring(Event(EventKind.STATUS, conversation.id, text="erased"))
    return erased


async def _erase(parts: Parts, owner: str) -> Erased:
    if parts.house is None:
        return Erased(await parts.store.delete_owner(owner))
    rights, copies = parts.house.rights, Copies(parts.settings)
    subject = Subject(By.OWNER, owner)
    try:
        receipt = await asyncio.to_thread(partial(rights.erase, subject, copies, reason=SELF, actor=CUSTOMER))
    except NotFound:
        return Erased(0)
    return Erased(receipt.conversations, receipt)


def receipt_view(receipt: Receipt) -> dict[str, Any]:
    """The receipt as the customer gets it: what went, by store."""
    index, examples = receipt.outside["index"], receipt.outside["examples"]
    return {
        "id": receipt.id,
        "at": receipt.at.isoformat(),
        "rows": dict(receipt.rows),
        "index_passages": index["passages"],
        "training_examples": examples["removed"],
        "models": list(receipt.models),
    }


def receipt_lines(receipt: Receipt, language: str) -> list[str]:
    """The same in plain words."""
    words, rows = strings(language), receipt.rows
    given = (
        rows.get("feedback", 0) + rows.get("verdicts", 0) + rows.get("handovers", 0) + rows.get("conversation_tags", 0)
    )
    numbers = {
        "receipt_chats": receipt.conversations,
        "receipt_messages": rows.get("messages", 0),
        "receipt_given": given,
        "receipt_search": rows.get("message_search entries", 0) + rows.get("transcript_search entries", 0),
        "receipt_answers": rows.get("corrections", 0),
        "receipt_training": receipt.outside["examples"]["removed"],
    }
    lines = [words[name].replace("{n}", str(number)) for name, number in numbers.items() if number]
    if receipt.models:
        lines.append(words["receipt_models"].replace("{names}", ", ".join(receipt.models)))
    return [*lines, words["receipt_kept"].replace("{id}", receipt.id)]


def _speaker(message: Message, language: str) -> str:
    words = strings(language)
    named = {Role.CUSTOMER: words["you"], Role.BOT: words["bot_says"], Role.SYSTEM: words["event"]}
    return named.get(message.role) or f"{message.author or words['agent']} ({words['agent_is_human']})"

"""The public views: an allow-list of what a customer may see of a conversation. Must not know HTTP or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chatbot.protocols import ConversationStore
from chatbot.types import Conversation, Message, Reply, Role, Source

PAGE = 200
_HIDDEN = (Role.NOTE,)


async def all_messages(store: ConversationStore, conversation_id: str, owner: str) -> list[Message]:
    """Every message that the customer may see, in order. Raises NotFound."""
    found: list[Message] = []
    after = 0
    while page := await store.messages(conversation_id, owner, after, PAGE):
        found.extend(page)
        after = page[-1].seq
    return visible(found)


def visible(messages: Sequence[Message]) -> list[Message]:
    """Without what is internal to the team."""
    return [message for message in messages if message.role not in _HIDDEN]


def conversation_view(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "status": conversation.status.value,
        "language": conversation.language,
        "agent": conversation.agent,
        "contact": conversation.contact,
        "created_at": _iso(conversation.created_at),
        "updated_at": _iso(conversation.updated_at),
        "last_seq": conversation.last_seq,
        "rating": conversation.rating,
    }


def message_view(message: Message) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "role": message.role.value,
        "text": message.text,
        "author": message.author if message.role is Role.AGENT else None,
        "created_at": _iso(message.created_at),
        "client_message_id": message.client_message_id,
        "thumb": message.thumb,
        "reply": reply_view(message.reply) if message.reply else None,
    }


def reply_view(reply: Reply) -> dict[str, Any]:
    return {
        "answer": reply.text,
        "decision": reply.decision.action.value,
        "reason": reply.decision.reason,
        "offers_person": reply.decision.offered,
        "confidence": reply.decision.confidence,
        "mode": reply.mode.value,
        "language": reply.language,
        "partial": reply.partial,
        "quick_replies": list(reply.quick_replies),
        "sources": [source_view(source) for source in reply.sources],
    }


def source_view(source: Source) -> dict[str, Any]:
    return {
        "passage_id": source.passage_id,
        "conversation_id": source.conversation_id,
        "turn_id": source.turn_id,
        "question": source.question,
        "answer": source.answer,
        "score": source.score,
        "resolved_at": _iso(source.resolved_at),
        "kind": source.kind,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

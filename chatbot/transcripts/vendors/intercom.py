"""Intercom conversations as its REST API returns them (developers.intercom.com, Conversation model)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record
from chatbot.transcripts.fields import mapping, objects, required_id
from chatbot.types import Role, Transcript, Turn

_AUTHORS = {"user": Role.CUSTOMER, "lead": Role.CUSTOMER, "contact": Role.CUSTOMER, "visitor": Role.CUSTOMER,
            "admin": Role.AGENT, "bot": Role.BOT}  # fmt: skip


def matches(record: Mapping[str, Any]) -> bool:
    return "conversation_parts" in record or (
        isinstance(record.get("source"), Mapping) and "author" in record["source"]
    )


def read(record: Record, context: Context) -> Transcript:
    """`source` is turn 0 and every part one turn; only comments speak, notes are internal, the rest are events."""
    value = record.value
    source = mapping(value.get("source"))
    parts = value.get("conversation_parts")
    listed = objects(parts.get("conversation_parts") if isinstance(parts, Mapping) else parts, "conversation_parts")
    turns = [_turn(source, _role(source), value.get("created_at")), *(_turn(part, _part_role(part)) for part in listed)]
    rating = mapping(value.get("conversation_rating")).get("rating")
    tags = value.get("tags")
    return make_transcript(
        record,
        context,
        "intercom",
        required_id(value.get("id")),
        turns,
        language=mapping(value.get("custom_attributes")).get("Language"),
        status=value.get("state"),
        csat=None
        if rating is None
        else float(rating) * context.options.csat_max / 5
        if isinstance(rating, int)
        else rating,
        tags=tags.get("tags") if isinstance(tags, Mapping) else tags,
        meta={"subject": source.get("subject"), "title": value.get("title")},
    )


def _turn(part: Mapping[str, Any], role: Role, created: Any = None) -> Turn:
    author = mapping(part.get("author"))
    return make_turn(role, part.get("body"), part.get("created_at") or created, author.get("name"), html=True)


def _role(part: Mapping[str, Any]) -> Role:
    author = mapping(part.get("author"))
    if author.get("from_ai_agent") or author.get("is_ai_answer"):
        return Role.BOT
    return _AUTHORS.get(str(author.get("type")), Role.SYSTEM)


def _part_role(part: Mapping[str, Any]) -> Role:
    kind = str(part.get("part_type"))
    if kind.startswith("note"):
        return Role.NOTE
    return _role(part) if kind == "comment" else Role.SYSTEM

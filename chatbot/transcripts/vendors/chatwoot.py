"""Chatwoot conversations with their messages, as dumped from its API (developers.chatwoot.com)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record, RecordError
from chatbot.transcripts.fields import mapping, objects, required_id
from chatbot.types import Role, Transcript

_TYPES = {"0": "incoming", "1": "outgoing", "2": "activity", "3": "template"}


def matches(record: Mapping[str, Any]) -> bool:
    messages = record.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, Mapping) and "message_type" in first


def read(record: Record, context: Context) -> Transcript:
    """One turn a message; private ones are notes, activities are events, templates and agent bots are the bot."""
    value = record.value
    messages = objects(value.get("messages"), "messages")
    turns = [
        make_turn(_role(item), item.get("content"), item.get("created_at"), mapping(item.get("sender")).get("name"))
        for item in messages
    ]
    attributes = mapping(value.get("custom_attributes"))
    extra = mapping(value.get("additional_attributes"))
    return make_transcript(
        record,
        context,
        "chatwoot",
        required_id(value.get("id") or value.get("display_id")),
        turns,
        language=attributes.get("language") or mapping(extra.get("browser")).get("browser_language"),
        topic=attributes.get("topic"),
        status=value.get("status"),
        csat=_rating(value, messages, context.options.csat_max),
        tags=value.get("labels"),
    )


def _role(message: Mapping[str, Any]) -> Role:
    kind = str(message.get("message_type"))
    kind = _TYPES.get(kind, kind)
    if kind == "incoming":
        return Role.CUSTOMER
    if kind == "activity":
        return Role.SYSTEM
    if kind == "template":
        return Role.BOT
    if kind != "outgoing":
        raise RecordError(
            f"message_type {kind[:30]!r} is unknown; 0 to 3, incoming, outgoing, activity and template are known"
        )
    if message.get("private"):
        return Role.NOTE
    sender = message.get("sender_type", "User") or mapping(message.get("sender")).get("type")
    return Role.AGENT if str(sender).lower() == "user" else Role.BOT


def _rating(value: Mapping[str, Any], messages: Any, top: float) -> Any:
    """Chatwoot's survey has five stars, whatever scale the rest of an import has."""
    attributes = mapping(value.get("custom_attributes"))
    answers = [mapping(value.get("csat_survey_response")).get("rating")]
    for item in messages:
        submitted = mapping(mapping(item.get("content_attributes")).get("submitted_values"))
        answers.append(mapping(submitted.get("csat_survey_response")).get("rating"))
    stars = [answer for answer in answers if isinstance(answer, int | float)]
    return stars[-1] * top / 5 if stars else attributes.get("csat")

"""Our own JSONL, also what `chatbot export` writes. Keys that we do not know are kept in `meta`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record, RecordError
from chatbot.transcripts.fields import content_id, mapping, objects, required_id
from chatbot.transcripts.roles import parse_role
from chatbot.types import Transcript

_KNOWN = {"id", "language", "topic", "status", "csat", "tags", "turns", "meta"}


def matches(record: Mapping[str, Any]) -> bool:
    return "turns" in record


def read(record: Record, context: Context) -> Transcript:
    """`{"id","language"?,"topic"?,"status"?,"csat"?,"tags"?,"turns":[{"role","text","time"?,"author"?}],"meta"?}`."""
    value = record.value
    turns = []
    for item in objects(value.get("turns"), "turns"):
        if "text" not in item:
            raise RecordError("a turn has no text")
        role = parse_role(item.get("role"), context.options.roles)
        turns.append(make_turn(role, item["text"], item.get("time"), item.get("author")))
    extra = {key: item for key, item in value.items() if key not in _KNOWN}
    about = {key: value.get(key) for key in ("language", "topic", "status", "csat", "tags")}
    conversation = required_id(value["id"]) if "id" in value else content_id(value)
    return make_transcript(
        record, context, "own", conversation, turns, meta={**extra, **mapping(value.get("meta"))}, **about
    )

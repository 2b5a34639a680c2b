"""Our own JSONL, also what `chatbot export` writes. Keys that we do not know are kept in `meta`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record, RecordError
from chatbot.transcripts.fields import content_id, mapping, objects, required_id
from chatbot.transcripts.roles import parse_role
from chatbot.types import Transcript

SOURCE = "own"
_SOURCE_CHARS = 60
_KNOWN = {"id", "source", "language", "topic", "status", "csat", "tags", "turns", "meta"}


def matches(record: Mapping[str, Any]) -> bool:
    return "turns" in record


def read(record: Record, context: Context) -> Transcript:
    """`{"id","source"?,"language"?,"topic"?,"status"?,"csat"?,"tags"?,"turns":[{"role","text","time"?,"author"?}],"meta"?}`."""
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
    meta = {**extra, **mapping(value.get("meta"))}
    return make_transcript(record, context, _source(value.get("source")), conversation, turns, meta=meta, **about)


def _source(value: Any) -> str:
    """The format that the conversation once came in: with it an export reads back as what it was. Raises RecordError."""
    if value is None:
        return SOURCE
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= _SOURCE_CHARS:
        raise RecordError(f'its "source" is not a name of 1 to {_SOURCE_CHARS} characters')
    return value.strip()

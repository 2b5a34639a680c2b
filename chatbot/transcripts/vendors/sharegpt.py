"""ShareGPT, a fine-tuning shape: `{"conversations":[{"from":"human","value":"..."}]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record
from chatbot.transcripts.fields import content_id, objects, required_id
from chatbot.transcripts.roles import parse_role
from chatbot.types import Role, Transcript

_ALSO = dict.fromkeys(("bard", "bing", "claude", "gemini", "llama"), Role.AGENT)


def matches(record: Mapping[str, Any]) -> bool:
    turns = record.get("conversations")
    first = turns[0] if isinstance(turns, list) and turns else None
    return isinstance(first, Mapping) and "from" in first and "value" in first


def read(record: Record, context: Context) -> Transcript:
    """`human` asks, `gpt` (or another model's name) answers."""
    value = record.value
    roles = {**_ALSO, **context.options.roles}
    turns = [
        make_turn(parse_role(item.get("from"), roles), item.get("value"))
        for item in objects(value["conversations"], "conversations")
    ]
    conversation = required_id(value["id"]) if value.get("id") else content_id(value)
    return make_transcript(record, context, "sharegpt", conversation, turns, language=value.get("language"))

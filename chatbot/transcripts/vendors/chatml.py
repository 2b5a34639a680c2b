"""ChatML, the fine-tuning shape of OpenAI and Hugging Face: `{"messages":[{"role","content"}]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record
from chatbot.transcripts.fields import content_id, objects, required_id
from chatbot.transcripts.roles import parse_role
from chatbot.types import Transcript


def matches(record: Mapping[str, Any]) -> bool:
    messages = record.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, Mapping) and "role" in first and "content" in first


def read(record: Record, context: Context) -> Transcript:
    """The assistant is the answering side, an agent; tools and system prompts are system turns."""
    value = record.value
    turns = [
        make_turn(
            parse_role(item.get("role"), context.options.roles), _text(item.get("content")), author=item.get("name")
        )
        for item in objects(value.get("messages"), "messages")
    ]
    conversation = required_id(value["id"]) if value.get("id") else content_id(value)
    return make_transcript(
        record, context, "chatml", conversation, turns, language=value.get("language"), meta=value.get("metadata")
    )


def _text(content: Any) -> Any:
    """Content may be a list of parts, of which the text ones count."""
    if isinstance(content, list):
        return "\n".join(
            str(part.get("text", "")) for part in content if isinstance(part, Mapping) and part.get("type") == "text"
        )
    return content

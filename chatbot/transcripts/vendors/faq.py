"""Questions with their approved answers, JSONL or CSV: `question, answer, language?, topic?`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record, RecordError
from chatbot.transcripts.fields import content_id, required_id
from chatbot.types import Role, Transcript


def matches(record: Mapping[str, Any]) -> bool:
    return "question" in record and "answer" in record and "turns" not in record


def read(record: Record, context: Context) -> Transcript:
    """Two turns: the question and the answer. Without an id the question is the identity, so that a new answer
    replaces the old.
    """
    value = record.value
    turns = [
        make_turn(Role.CUSTOMER, value.get("question")),
        make_turn(Role.AGENT, value.get("answer"), value.get("time")),
    ]
    for turn, what in zip(turns, ("question", "answer"), strict=True):
        if not turn.text:
            raise RecordError(f"it has no {what}")
    conversation = (
        required_id(value["id"]) if value.get("id") else content_id([value["question"], value.get("language")])
    )
    topic = value.get("topic") or value.get("category") or value.get("intent")
    return make_transcript(
        record, context, "faq", conversation, turns, language=value.get("language"), topic=topic, tags=value.get("tags")
    )

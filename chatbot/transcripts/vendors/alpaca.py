"""Alpaca, a fine-tuning shape: `instruction, input?, output, history?`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record, RecordError
from chatbot.transcripts.fields import content_id, required_id, text_of
from chatbot.types import Role, Transcript


def matches(record: Mapping[str, Any]) -> bool:
    return "instruction" in record and "output" in record


def read(record: Record, context: Context) -> Transcript:
    """The history's pairs first, then instruction and input as one question, output as the answer."""
    value = record.value
    turns = []
    for pair in value.get("history") or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RecordError("history holds something that is not a pair of question and answer")
        turns += [make_turn(Role.CUSTOMER, pair[0]), make_turn(Role.AGENT, pair[1])]
    question = f"{text_of(value.get('instruction'), 'instruction')}\n{text_of(value.get('input'), 'input')}".strip()
    turns += [make_turn(Role.CUSTOMER, question), make_turn(Role.AGENT, value.get("output"))]
    conversation = required_id(value["id"]) if value.get("id") else content_id(value)
    return make_transcript(record, context, "alpaca", conversation, turns, language=value.get("language"))

"""Puts turns and transcripts together the same way for every vendor. Knows no vendor's field names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatbot.transcripts.cleaning import clean_text
from chatbot.transcripts.contract import MAX_TURNS, Context, Record, RecordError
from chatbot.transcripts.fields import mapping, parse_language, parse_rating, parse_tags, parse_time, short, text_of
from chatbot.types import Origin, Role, Transcript, Turn


def make_turn(role: Role, text: Any, time: Any = None, author: Any = None, *, html: bool = False) -> Turn:
    """A cleaned turn; `time` in any form that `parse_time` reads. Raises RecordError."""
    return Turn(role, clean_text(text_of(text, "a turn's text"), html), parse_time(time), short(author))


def make_transcript(
    record: Record, context: Context, source: str, conversation: str, turns: Sequence[Turn], **about: Any
) -> Transcript:
    """A transcript from its turns and what is known about it (language, topic, status, csat, tags, meta as the export
    has them).

    Raises RecordError when nobody said anything.
    """
    if not any(turn.text for turn in turns):
        raise RecordError("it has no turn with text")
    if len(turns) > MAX_TURNS:
        raise RecordError(f"it has more than {MAX_TURNS:,} turns")
    options = context.options
    return Transcript(
        id=conversation,
        source=source,
        turns=tuple(turns),
        language=parse_language(about.get("language"), options.language),
        topic=short(about.get("topic")),
        status=short(about.get("status")),
        csat=parse_rating(about.get("csat"), options.csat_max),
        tags=parse_tags(about.get("tags")),
        meta=_meta(about.get("meta")),
        origin=Origin(context.file, record.line),
    )


def _meta(value: Any) -> Mapping[str, Any]:
    return {key: item for key, item in mapping(value).items() if item not in (None, "", [], {})}

"""What the published heads read in conversations of the desk: topic and mood, each with its source. Must not know how they read.

A reading is made when the desk shows it, so it is always the published version's; the store keeps the lexicon's mood.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.desk_lists import DeskItem
from ui.staff.parts import StaffParts

_UPSET = -0.45  # where the desk says "upset"


@dataclass(frozen=True, slots=True)
class Insight:
    """topic: None where the head is not sure or none is published. mood: in [-1, 1], None while the customer has written
    nothing; from_model: it is a head's, not the lexicon's."""

    topic: str | None = None
    sure: float = 0.0
    mood: float | None = None
    from_model: bool = False


async def read(parts: StaffParts, items: Sequence[DeskItem]) -> list[Insight]:
    """One for each conversation, which the caller has been shown."""
    heads = parts.assistant.heads if parts.assistant else None
    plain = [Insight(mood=item.mood) for item in items]
    if heads is None or not items or await asyncio.to_thread(lambda: heads.version) is None:
        return plain
    said = await parts.store.desk.openings([item.id for item in items])
    told = [at for at, item in enumerate(items) if item.id in said]
    texts = ["\n".join(said[items[at].id]) for at in told]
    newest = [items[at].preview for at in told]
    topics, moods = await asyncio.to_thread(lambda: (heads.topics(texts), heads.moods(newest)))
    for number, at in enumerate(told):
        topic = topics[number] if topics else None
        plain[at] = Insight(
            topic.label if topic else None,
            topic.confidence if topic else 0.0,
            moods[number] if moods else items[at].mood,
            from_model=moods is not None,
        )
    return plain


def insight_view(insight: Insight) -> dict[str, Any]:
    """`mood`, `mood_source`, `alert` (an upset customer: for people to see, never a gate) and `topic`, as JSON."""
    topic = {"label": insight.topic, "confidence": round(insight.sure, 3), "source": "model"} if insight.topic else None
    return {
        "mood": insight.mood,
        "mood_source": None if insight.mood is None else "model" if insight.from_model else "lexicon",
        "alert": insight.mood is not None and insight.mood < _UPSET,
        "topic": topic,
    }

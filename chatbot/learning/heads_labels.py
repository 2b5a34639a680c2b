"""Labelled texts for the heads, from conversations with a topic, tag or rating. Must not know models or SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chatbot.language import detect
from chatbot.learning.heads import CONTENT, UPSET, Task
from chatbot.types import Role, Transcript

LEAST = 8
"""Conversations that a label needs; what is rarer is "unknown"."""
_FIRST = 3  # customer's messages from which a topic is told
_LONGEST = 1200
_LOW, _HIGH = 2, 4  # ratings up to which a customer was upset, and from which content; 3 says neither
_EARLY = datetime(1970, 1, 1, tzinfo=UTC)
Mask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text with its label. conversation: its own, by which data are split; weight: 1 / texts of that conversation."""

    text: str
    label: str
    conversation: str
    language: str
    at: datetime
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Split:
    """train and test share no conversation. left_out: labels too rare to learn, with their conversations."""

    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...]
    left_out: dict[str, int]


def labelled(transcripts: Iterable[Transcript], task: Task, mask: Mask) -> list[Labelled]:
    """The labelled texts of conversations, personal data masked.

    topic: the export's topic, else the one tag; texts are the customer's opening, and the first three messages together.
    mood: a rating of 1 or 2 is upset, 4 or 5 content; texts are the customer's messages one by one.
    """
    rows = []
    for transcript in transcripts:
        said = [turn for turn in transcript.turns if turn.role is Role.CUSTOMER and turn.text.strip()]
        label = topic_of(transcript) if task == "topic" else _mood_of(transcript)
        if not said or label is None:
            continue
        texts = [mask(turn.text)[:_LONGEST] for turn in said]
        chosen = list(dict.fromkeys([texts[0], "\n".join(texts[:_FIRST])[:_LONGEST]])) if task == "topic" else texts
        language = transcript.language or detect(texts[0], None).language or "und"
        at = _aware(said[0].time)
        own = f"{transcript.source}:{transcript.id}"
        rows += [Labelled(text, label, own, language, at, 1 / len(chosen)) for text in chosen]
    return rows


def topic_of(transcript: Transcript) -> str | None:
    """The topic of the export, else its only tag."""
    if transcript.topic and transcript.topic.strip():
        return transcript.topic.strip()
    return transcript.tags[0] if len(transcript.tags) == 1 else None


def split(rows: Sequence[Labelled], test_share: float = 0.2) -> Split:
    """The newest conversations of each label are held out; labels with fewer than LEAST conversations are left out."""
    of_label: dict[str, dict[str, datetime]] = {}
    for row in rows:
        of_label.setdefault(row.label, {}).setdefault(row.conversation, row.at)
    known = {label: held for label, held in of_label.items() if len(held) >= LEAST}
    held_out: set[str] = set()
    for held in known.values():
        oldest_first = sorted(held, key=lambda one: (held[one], one))
        held_out |= set(oldest_first[len(oldest_first) - max(1, round(test_share * len(oldest_first))) :])
    kept = [row for row in rows if row.label in known]
    return Split(
        tuple(row for row in kept if row.conversation not in held_out),
        tuple(row for row in kept if row.conversation in held_out),
        {label: len(held) for label, held in of_label.items() if label not in known},
    )


def counts(rows: Iterable[Labelled]) -> dict[str, int]:
    """Conversations by label, most frequent first."""
    return dict(Counter(label for label, _ in {(row.label, row.conversation) for row in rows}).most_common())


def _mood_of(transcript: Transcript) -> str | None:
    if transcript.csat is None or _LOW < transcript.csat < _HIGH:
        return None
    return UPSET if transcript.csat <= _LOW else CONTENT


def _aware(time: datetime | None) -> datetime:
    if time is None:
        return _EARLY
    return time if time.tzinfo else time.replace(tzinfo=UTC)

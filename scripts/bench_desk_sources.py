"""Past answers and where replies quote them, for `chatbot bench desk`; must not know conversations or what is measured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np

from storage.tables import Rows

TRANSCRIPT = "id import_id source external_id content_hash topic tags meta"
PASSAGE = (
    "id transcript_id passage_id conversation_id turn_id language question window answer source topic count agents"
)  # fmt: skip
SOURCE = "message_id position passage_id transcript_id turn_id question answer score kind"
_PASSAGES, _TOPICS, _AT_MOST = 4_000, 25, 3
_QUESTION = "where is my order and when will it be here"
_ANSWER = "It left our house yesterday and takes two to four days; the link in your mail shows where it is. " * 2


def imported(connection: Any) -> None:
    """The one import that brought all passages."""
    moment = dt.datetime(2023, 12, 1, tzinfo=dt.UTC)
    row = {"id": 1, "file": "bench", "format": "own", "started_at": moment, "finished_at": moment}
    connection.execute(Rows.metadata.tables["imports"].insert(), [row | {"new": _PASSAGES, "changed": 0, "same": 0}])


def transcripts() -> Iterator[tuple[Any, ...]]:
    for n in range(_PASSAGES):
        yield n + 1, 1, "own", f"past-{n}", "0" * 64, _topic(n), "[]", "{}"


def passages() -> Iterator[tuple[Any, ...]]:
    """One a transcript."""
    for n in range(_PASSAGES):
        yield n + 1, n + 1, f"passage-{n}", f"past-{n}", 1, "en", _QUESTION, _QUESTION, _ANSWER, "own", _topic(n), 1, 1


def sources(draw: np.random.Generator, answers: np.ndarray[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """One to three passages behind each answer (a message's id), few of them often."""
    counts = draw.integers(1, _AT_MOST + 1, len(answers))
    chosen = draw.zipf(1.3, (len(answers), _AT_MOST)) % _PASSAGES
    for message, count, row in zip(answers, counts, chosen, strict=True):
        for position, n in enumerate(dict.fromkeys(int(one) for one in row[:count])):
            score = round(0.9 - position / 10, 2)
            yield int(message), position, f"passage-{n}", f"past-{n}", 1, _QUESTION, _ANSWER, score, "chat"


def _topic(n: int) -> str | None:
    """The rest of the passages has none."""
    return f"topic {n % _TOPICS}" if n % 5 else None

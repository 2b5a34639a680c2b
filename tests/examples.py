"""Training examples made up for tests: a small outdoor shop's questions, with and without the right passage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chatbot.learning.examples import Example, Kind
from chatbot.types import ChatMessage

REFUSAL = "NO ANSWER"
_START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def example(
    number: int,
    question: str,
    target: str,
    evidence: tuple[tuple[str, str], ...],
    *,
    language: str = "en",
    topic: str | None = None,
    conversation: str | None = None,
) -> Example:
    """One example in the product's prompt form; hand_over where the target is the refusal."""
    blocks = [
        f"[{at}] (undated) Question: {asked}\nAnswer: {answered}" for at, (asked, answered) in enumerate(evidence, 1)
    ]
    user = "Past answers:\n" + "\n\n".join(blocks) + f"\n\nConversation:\ncustomer: {question}\n\nAnswer:"
    own = conversation or f"c{number}"
    kind: Kind = "hand_over" if target == REFUSAL else "answer"
    return Example(
        id=f"{number:016x}",
        conversation_id=own,
        source="own",
        conversation_ids=(own, f"p{number}"),
        conversation_sources=("own", "own"),
        language=language,
        topic=topic,
        at=_START + timedelta(hours=number),
        kind=kind,
        messages=(
            ChatMessage("system", "You are the support assistant of Northpine."),
            ChatMessage("user", user),
            ChatMessage("assistant", target),
        ),
        question=question,
        window=f"customer: {question}",
        evidence=tuple(f"{asked}\n{answered}" for asked, answered in evidence),
    )


RETURNS = ("How long can I return boots?", "You may return unworn boots within 30 days for 4.90 euros.")
STOVES = ("Do you rent stoves?", "We rent camping stoves for 12 euros a week at the Leeds store.")
TENTS = ("Is the tent waterproof?", "The Ridge tent is waterproof to 3000 mm.")

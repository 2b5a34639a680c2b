"""A `Reply` as rows and back, nothing lost; must not know connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from chatbot.types import Action, Decision, Mode, Provenance, Reply, Source
from storage.checks import utc


def reply_values(reply: Reply) -> dict[str, Any]:
    """The columns of `replies` but for the keys."""
    made = reply.provenance
    return {
        "action": reply.decision.action.value,
        "reason": reply.decision.reason,
        "confidence": reply.decision.confidence,
        "offered": reply.decision.offered,
        "mode": reply.mode.value,
        "language": reply.language,
        "partial": reply.partial,
        "quick_replies": list(reply.quick_replies),
        "timings_ms": dict(reply.timings_ms),
        "index_version": made.index_version,
        "encoder": made.encoder,
        "model": made.model,
        "engine": made.engine,
        "prompt_sha256": made.prompt_sha256,
        "finish_reason": made.finish_reason,
        "policy_version": made.policy_version,
        "query": made.query,
        "asked": made.asked,
        "agreement": made.agreement,
        "checks": list(made.checks),
        "degraded": list(made.degraded),
        "first_ms": reply.timings_ms.get("first"),
    }


def source_values(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """The rows of `reply_sources` but for the message, in their order."""
    return [
        {
            "position": position,
            "passage_id": source.passage_id,
            "transcript_id": source.conversation_id,
            "turn_id": source.turn_id,
            "question": source.question,
            "answer": source.answer,
            "score": source.score,
            "resolved_at": source.resolved_at and utc(source.resolved_at),
            "kind": source.kind,
        }
        for position, source in enumerate(sources)
    ]


def read_reply(text: str, row: Row[Any], sources: Sequence[Source]) -> Reply:
    """`row` has the columns of `replies`; `text` is the message's."""
    return Reply(
        text=text,
        decision=Decision(Action(row.action), row.reason, row.confidence, row.offered),
        mode=Mode(row.mode),
        language=row.language,
        sources=tuple(sources),
        quick_replies=tuple(row.quick_replies),
        provenance=Provenance(
            index_version=row.index_version,
            encoder=row.encoder,
            model=row.model,
            engine=row.engine,
            prompt_sha256=row.prompt_sha256,
            finish_reason=row.finish_reason,
            policy_version=row.policy_version,
            query=row.query,
            agreement=row.agreement,
            checks=tuple(row.checks),
            degraded=tuple(row.degraded),
            asked=row.asked,
        ),
        timings_ms=dict(row.timings_ms),
        partial=row.partial,
    )


def read_source(row: Row[Any]) -> Source:
    """`row` has the columns of `reply_sources`."""
    return Source(
        passage_id=row.passage_id,
        conversation_id=row.transcript_id,
        turn_id=row.turn_id,
        question=row.question,
        answer=row.answer,
        score=row.score,
        resolved_at=row.resolved_at,
        kind=row.kind,
    )

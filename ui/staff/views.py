"""What the team sees of a message: all that is kept of it, with how a bot's reply came about. Must not know HTTP or HTML."""

from __future__ import annotations

from typing import Any

from chatbot.types import Message, Provenance, Reply
from ui.views import source_view


def staff_message(message: Message) -> dict[str, Any]:
    """A message of any role, notes included. `reply` tells why the bot said it; None for what people said.

    time: ISO 8601. confidence and the sources' scores lie in [0, 1]; agreement too, None where nothing was searched for.
    """
    return {
        "seq": message.seq,
        "role": message.role.value,
        "text": message.text,
        "author": message.author,
        "time": message.created_at.isoformat(),
        "thumb": message.thumb,
        "reply": _reply(message.reply) if message.reply else None,
    }


def _reply(reply: Reply) -> dict[str, Any]:
    made = reply.provenance
    return {
        "mode": reply.mode.value,
        "action": reply.decision.action.value,
        "reason": reply.decision.reason,
        "confidence": reply.decision.confidence,
        "offers_person": reply.decision.offered,
        "offered": list(reply.quick_replies),
        "language": reply.language,
        "partial": reply.partial,
        "query": made.query,
        "agreement": made.agreement,
        "sources": [source_view(source) for source in reply.sources],
        "versions": _versions(made),
        "checks": list(made.checks),
        "degraded": list(made.degraded),
        "timings_ms": dict(reply.timings_ms),
    }


def _versions(made: Provenance) -> dict[str, str]:
    """By part; a part that took no part is left out."""
    parts = {
        "index": made.index_version,
        "encoder": made.encoder,
        "model": made.model,
        "engine": made.engine,
        "prompt": made.prompt_sha256,
        "policy": made.policy_version,
    }
    return {name: version for name, version in parts.items() if version is not None}

"""A conversation in the desk's lists, and the facts about its customer, as JSON. Must not know HTTP."""

from __future__ import annotations

from typing import Any

from storage.desk_lists import CustomerFacts, DeskItem


def item_view(item: DeskItem) -> dict[str, Any]:
    """Times are ISO 8601; `customer` is a short code; mood lies in [-1, 1]."""
    return {
        "id": item.id,
        "customer": item.customer,
        "status": item.status.value,
        "language": item.language,
        "created_at": item.created_at.isoformat(),
        "updated_at": item.updated_at.isoformat(),
        "last_seq": item.last_seq,
        "waiting_since": item.waiting_since.isoformat() if item.waiting_since else None,
        "reason": item.reason,
        "mood": item.mood,
        "agent": item.agent,
        "user_id": item.user_id,
        "team_id": item.team_id,
        "rating": item.rating,
        "contact": item.contact,
        "last_role": item.last_role.value if item.last_role else None,
        "preview": item.preview,
    }


def facts_view(facts: CustomerFacts) -> dict[str, Any]:
    return {
        "first_seen": facts.first_seen.isoformat(),
        "contact": facts.contact,
        "conversations": facts.conversations,
        "ratings": list(facts.ratings),
        "earlier": [item_view(item) for item in facts.earlier],
        "tags": list(facts.tags),
    }

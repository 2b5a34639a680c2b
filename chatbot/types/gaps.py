"""A question that the bot could not answer. Must not know the store or how questions are grouped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Question:
    """id: of the bot's message that refused it. text: as it was asked, typos and all, personal data masked, standing alone.

    customer: an opaque id, the same in all conversations of one person. seq: of the customer's message.
    """

    id: int
    text: str
    language: str
    at: datetime
    customer: str
    conversation_id: str
    seq: int

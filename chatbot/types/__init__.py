"""The values that walk through the house, by subject. Frozen, plain, and free of any library; must not know SQL, web or models."""

from __future__ import annotations

from chatbot.types.gaps import Question
from chatbot.types.generation import ChatMessage, Delta
from chatbot.types.live import Conversation, Event, EventKind, Feedback, Message, Place, Status
from chatbot.types.replies import Action, Decision, Mode, Provenance, Reply, Source
from chatbot.types.retrieval import Changes, Hit, Query, SearchResult, Support, TokenVectors
from chatbot.types.transcripts import CORRECTION, Origin, Passage, Role, Transcript, Turn

__all__ = [
    "CORRECTION",
    "Action",
    "Changes",
    "ChatMessage",
    "Conversation",
    "Decision",
    "Delta",
    "Event",
    "EventKind",
    "Feedback",
    "Hit",
    "Message",
    "Mode",
    "Origin",
    "Passage",
    "Place",
    "Provenance",
    "Query",
    "Question",
    "Reply",
    "Role",
    "SearchResult",
    "Source",
    "Status",
    "Support",
    "TokenVectors",
    "Transcript",
    "Turn",
]

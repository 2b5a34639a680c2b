"""Zendesk Support: tickets with comments embedded or in a second file, and users who say who is an agent
(developer.zendesk.com).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Person, Record
from chatbot.transcripts.fields import mapping, objects, required_id, short
from chatbot.types import Role, Transcript, Turn

_USERS = {"end-user": Role.CUSTOMER, "agent": Role.AGENT, "admin": Role.AGENT}
_MACHINES = {"system", "rule", "automation", "trigger"}


def matches(record: Mapping[str, Any]) -> bool:
    return is_ticket(record) or is_comment(record) or is_user(record)


def is_ticket(record: Mapping[str, Any]) -> bool:
    if isinstance(record.get("ticket"), Mapping):
        return True
    return "requester_id" in record and ("description" in record or "comments" in record) and "turns" not in record


def is_comment(record: Mapping[str, Any]) -> bool:
    return "author_id" in record and "ticket_id" in record


def is_user(record: Mapping[str, Any]) -> bool:
    return record.get("role") in _USERS and "id" in record and "name" in record


def person(record: Mapping[str, Any]) -> tuple[str, Person]:
    """A user record's id and what we keep of it."""
    return required_id(record.get("id")), Person(short(record.get("name")), _USERS[record["role"]])


def read(record: Record, context: Context, comments: Sequence[Mapping[str, Any]] = ()) -> Transcript:
    """One turn a comment, in the export's order; a ticket without comments has its description as the only turn."""
    value = mapping(record.value.get("ticket")) or record.value
    said = [*objects(value.get("comments"), "comments"), *comments]
    requester = value.get("requester_id")
    if said:
        turns = [_turn(comment, value, context) for comment in said]
    else:
        name = _person(requester, context)
        turns = [make_turn(Role.CUSTOMER, value.get("description"), value.get("created_at"), name and name.name)]
    rating = value.get("satisfaction_rating")
    return make_transcript(
        record,
        context,
        "zendesk",
        required_id(value.get("id")),
        turns,
        language=value.get("locale"),
        status=value.get("status"),
        csat=rating.get("score") if isinstance(rating, Mapping) else rating,
        tags=value.get("tags"),
        meta={"subject": value.get("subject"), "channel": mapping(value.get("via")).get("channel")},
    )


def _turn(comment: Mapping[str, Any], ticket: Mapping[str, Any], context: Context) -> Turn:
    body = comment.get("html_body")
    author = comment.get("author_id")
    known = _person(author, context)
    name = known.name if known else mapping(comment.get("author")).get("name") or author
    text = body if body else comment.get("plain_body") or comment.get("body")
    return make_turn(_role(comment, ticket, context), text, comment.get("created_at"), name, html=bool(body))


def _role(comment: Mapping[str, Any], ticket: Mapping[str, Any], context: Context) -> Role:
    """Without users everybody but the requester is an agent; with them, only the assignee and who is listed as one."""
    if comment.get("public") is False:
        return Role.NOTE
    channel = str(mapping(comment.get("via")).get("channel"))
    author = comment.get("author_id")
    if channel in _MACHINES or author == -1:
        return Role.SYSTEM
    if "bot" in channel:
        return Role.BOT
    known = _person(author, context)
    if known:
        return known.role
    if author is None or author == ticket.get("requester_id"):
        return Role.CUSTOMER
    return Role.CUSTOMER if context.people and author != ticket.get("assignee_id") else Role.AGENT


def _person(author: Any, context: Context) -> Person | None:
    return context.people.get(str(author))

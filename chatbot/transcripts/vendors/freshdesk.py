"""Freshdesk: tickets of its API v2 with `conversations[]`; the account export (`helpdesk_ticket` with `notes[]`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.transcripts.building import make_transcript, make_turn
from chatbot.transcripts.contract import Context, Record
from chatbot.transcripts.fields import mapping, objects, required_id
from chatbot.types import Role, Transcript, Turn

_STATUS = {2: "open", 3: "pending", 4: "resolved", 5: "closed"}
# Freshdesk's satisfaction survey: -103 extremely unhappy ... 100 neutral ... 103 extremely happy.
_SURVEY = {-103: 1.0, -102: 1.5, -101: 2.0, 100: 3.0, 101: 4.0, 102: 4.5, 103: 5.0}


def matches(record: Mapping[str, Any]) -> bool:
    if isinstance(record.get("helpdesk_ticket"), Mapping) or "description_text" in record:
        return True
    talk = record.get("conversations")
    first = talk[0] if isinstance(talk, list) and talk else {}
    return isinstance(talk, list) and "subject" in record and (not talk or "body_text" in first or "incoming" in first)


def read(record: Record, context: Context) -> Transcript:
    """The description is turn 0, each conversation or note one turn; private ones are internal."""
    exported = record.value.get("helpdesk_ticket")
    value = mapping(exported) or record.value
    requester = mapping(value.get("requester"))
    requester_id = requester.get("id") or value.get("requester_id")
    asked = _text(value, ("description_text", "description_html", "description"))
    first = make_turn(Role.CUSTOMER, asked[0], value.get("created_at"), requester.get("name"), html=asked[1])
    talk = objects(
        value.get("notes") if exported else value.get("conversations"), "notes" if exported else "conversations"
    )
    survey = mapping(mapping(value.get("satisfaction_rating")).get("ratings")).get("default_question")
    score = _SURVEY.get(survey) if isinstance(survey, int) else None
    return make_transcript(
        record,
        context,
        "freshdesk",
        required_id(value.get("display_id") if exported else value.get("id")),
        [first, *(_turn(item, requester_id) for item in talk)],
        status=value.get("status_name") or _STATUS.get(value.get("status", 0), value.get("status")),
        csat=None if score is None else score * context.options.csat_max / 5,
        tags=value.get("tags"),
        meta={"subject": value.get("subject")},
    )


def _turn(item: Mapping[str, Any], requester_id: Any) -> Turn:
    text, html = _text(item, ("body_text", "body_html", "body"))
    incoming = item.get("incoming")
    if incoming is None:
        incoming = requester_id is not None and str(item.get("user_id")) == str(requester_id)
    role = Role.NOTE if item.get("private") else Role.CUSTOMER if incoming else Role.AGENT
    return make_turn(role, text, item.get("created_at"), item.get("user_id"), html=html)


def _text(item: Mapping[str, Any], keys: tuple[str, str, str]) -> tuple[Any, bool]:
    """The first field that says something; only the *_text one is plain by contract."""
    for key in keys:
        if item.get(key):
            return item[key], not key.endswith("_text")
    return "", False

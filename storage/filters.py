"""The archive's filters as conditions on a conversation, and which of them are narrow. Must not know texts or pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from chatbot.errors import BadInput
from chatbot.types import Action, Mode, Status
from storage.checks import check_year
from storage.desk_tables import HandoverRow, TagRow
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ReplyRow

NARROW = 1_500  # conversations that are looked at one by one in well under 100 ms
Outcome = Literal["bot", "handed_over", "human", "closed_by_human", "missed"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the team narrows the archive to; None everywhere: all that the user sees.

    since, until: with words, when the message was written; without, when the conversation was last active; until is not
    included. outcome: bot (no person was ever asked for), handed_over, human (an agent took it), closed_by_human, missed
    (handed over, closed, never taken). rating: stars; 0: not rated. agent: a user's id, who took it at any time. mode,
    reason, action: of any of its replies. thumb: +1 or -1 on any of them.
    """

    since: datetime | None = None
    until: datetime | None = None
    language: str | None = None
    status: str | None = None
    outcome: str | None = None
    rating: int | None = None
    tag: str | None = None
    agent: int | None = None
    mode: str | None = None
    reason: str | None = None
    action: str | None = None
    thumb: int | None = None


def check_filters(given: Filters) -> Filters:
    """Returns `given`; raises BadInput for a value that is none of those there are, a date without a zone or of another age."""
    for name, allowed in (("status", Status), ("mode", Mode), ("action", Action)):
        _one_of(getattr(given, name), [one.value for one in allowed], name)
    _one_of(given.outcome, OUTCOMES, "outcome")
    _one_of(given.rating, range(6), "rating")
    _one_of(given.thumb, (-1, 1), "thumb")
    for name in ("since", "until"):
        moment = getattr(given, name)
        if moment is None:
            continue
        check_year(moment, name)
        if moment.tzinfo is None:
            raise BadInput(f"The date in '{name}' has no time zone; write it as 2026-05-01T00:00:00Z.")
    return given


def conditions(given: Filters) -> list[ColumnElement[bool]]:
    """Every filter but the dates, to be tested on conversations that are at hand; the cheapest first.

    Columns are coalesced so that no index fits: SQLite would walk all conversations of a language, or all replies of a mode,
    for each one that is tested.
    """
    found: list[ColumnElement[bool]] = [
        func.coalesce(getattr(ConversationRow, name), empty) == getattr(given, name)
        for name, empty in (("rating", 0), ("status", ""), ("language", ""))
        if getattr(given, name) is not None and (name != "rating" or given.rating)
    ]
    if given.rating == 0:
        found.append(ConversationRow.rating.is_(None))
    if given.tag is not None:
        found.append(
            exists().where(TagRow.conversation_id == ConversationRow.id, func.coalesce(TagRow.tag, "") == given.tag)
        )
    if given.agent is not None:
        found.append(_stayed(func.coalesce(HandoverRow.user_id, 0) == given.agent))
    if given.outcome is not None:
        found.append(_ended(given.outcome))
    said = [
        func.coalesce(getattr(ReplyRow, name), "") == value
        for name in ("mode", "reason", "action")
        if (value := getattr(given, name)) is not None
    ]
    if said:
        found.append(exists().where(ReplyRow.conversation_id == ConversationRow.id, *said))
    if given.thumb is not None:
        said_there = aliased(MessageRow)  # a message of its own, where the query around it looks at one already
        judged = (FeedbackRow.message_id == said_there.id) & (func.coalesce(FeedbackRow.thumb, 0) == given.thumb)
        found.append(exists().where(said_there.conversation_id == ConversationRow.id, judged))
    return found


def columns(given: Filters) -> dict[str, ColumnElement[bool]]:
    """The filters that are an indexed column's value, those that usually leave least first."""
    found = {}
    if given.rating:
        found["rating"] = ConversationRow.rating == given.rating
    if given.status is not None:
        found["status"] = ConversationRow.status == given.status
    if given.language is not None:
        found["language"] = ConversationRow.language == given.language
    return found


def narrow_set(connection: Connection, given: Filters) -> Sequence[str] | None:
    """The ids of all conversations that the narrowest filter leaves, when these are at most NARROW; each costs 1 ms at most."""
    best: Sequence[str] | None = None
    for query in _sources(given):
        # Distinct by hand: SQLite would sort all rows before the limit.
        found = connection.execute(query.limit(NARROW * 2 + 1)).scalars().all()
        ids: list[str] = list(dict.fromkeys(found))
        if len(found) <= NARROW * 2 and len(ids) <= NARROW and (best is None or len(ids) < len(best)):
            best = ids
    return best


def _sources(given: Filters) -> list[Select[Any]]:
    found: list[Select[Any]] = [select(ConversationRow.id).where(condition) for condition in columns(given).values()]
    if given.tag is not None:
        found.append(select(TagRow.conversation_id).where(TagRow.tag == given.tag))
    if given.agent is not None:
        found.append(select(HandoverRow.conversation_id).where(HandoverRow.user_id == given.agent))
    found += [
        select(ReplyRow.conversation_id).where(getattr(ReplyRow, name) == value)
        for name in ("mode", "reason")
        if (value := getattr(given, name)) is not None
    ]
    if given.thumb is not None:
        judged = select(MessageRow.conversation_id).join(FeedbackRow, FeedbackRow.message_id == MessageRow.id)
        found.append(judged.where(FeedbackRow.thumb == given.thumb))
    return found


def _stayed(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(HandoverRow.conversation_id == ConversationRow.id, *which)


def _ended(outcome: str) -> ColumnElement[bool]:
    # Conversations from before hand-overs had rows of their own have the reason only.
    handed_over = or_(ConversationRow.handover_reason.is_not(None), _stayed())
    taken = _stayed(HandoverRow.taken_at.is_not(None))
    closed = ConversationRow.status == Status.CLOSED.value
    return {
        "bot": and_(ConversationRow.handover_reason.is_(None), ~_stayed()),
        "handed_over": handed_over,
        "human": taken,
        "closed_by_human": and_(closed, _stayed(HandoverRow.taken_at.is_not(None), HandoverRow.ended == "closed")),
        "missed": and_(closed, handed_over, ~taken),
    }[outcome]


def _one_of(value: object, allowed: Sequence[object], name: str) -> None:
    if value is not None and value not in allowed:
        raise BadInput(f"There is no {name} '{str(value)[:40]}'; choose one of {', '.join(map(str, allowed))}.")

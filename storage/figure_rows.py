"""The queries behind the figures, for SQLite and PostgreSQL alike; must not know who asks for which figure.

Everything starts from the conversations that began in the period (an index on created_at); what hangs on them is read by
their keys, counted in the database, and comes out as one row a day and language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Interval,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    distinct,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.orm import aliased

from storage.desk_tables import HandoverRow
from storage.people import User
from storage.tables import ConversationRow, FeedbackRow, MessageRow, PassageRow, ReplyRow, SourceRow
from storage.visibility import seen_by

GOOD_RATING, BAD_RATING = 4, 2
MOST_TOPICS = 12
_SPOKEN = ("customer", "agent", "bot")


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days in UTC, both included; language None: all."""

    first: date
    last: date
    language: str | None = None

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """Not included."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def days(self) -> Iterator[str]:
        for ahead in range((self.last - self.first).days + 1):
            yield (self.first + timedelta(days=ahead)).isoformat()


def outcomes(dialect: str, user: User, span: Span, known_until: datetime) -> Select[Any]:
    """A row (day, language, the fields of `Counts`) for each day and language with conversations.

    known_until: conversations whose last message is newer are too young to tell whether the customer comes back.
    """
    judged = _judged(dialect, user, span, known_until)
    one = judged.c
    known = and_(one.attempted == 1, one.is_known == 1)
    return select(
        one.day,
        one.language,
        func.count().label("conversations"),
        func.sum(one.messages).label("messages"),
        func.sum(one.involved).label("involved"),
        func.sum(one.attempted).label("attempted"),
        func.sum(one.handed).label("handed"),
        *(
            _count(one.outcome == name).label(name)
            for name in ("answered_then_handed", "refuted", "confirmed", "silent")
        ),
        _count(known).label("attempted_known"),
        _count(and_(known, one.outcome == "confirmed")).label("confirmed_known"),
        _count(and_(known, one.outcome == "confirmed", one.came_back == 0)).label("durable"),
        func.count(one.rating).label("ratings"),
        func.sum(one.rating).label("rating_sum"),
        func.sum(one.rating * one.rating).label("rating_squares"),
        func.count(one.mood).label("moods"),
        func.sum(one.mood).label("mood_sum"),
    ).group_by(one.day, one.language)


def topics(user: User, span: Span) -> Select[Any]:
    """(topic, conversations): from which topics the first sources of answers were; the most frequent."""
    cohort = _cohort(user, span)
    topic = (
        select(func.max(PassageRow.topic))
        .where(PassageRow.passage_id == SourceRow.passage_id)
        .correlate(SourceRow)
        .scalar_subquery()
    )
    per_answer = _answers_with_source(cohort, topic.label("topic")).subquery("sourced")
    amount = func.count(distinct(per_answer.c.conversation_id)).label("conversations")
    query = select(per_answer.c.topic, amount).group_by(per_answer.c.topic)
    return query.order_by(amount.desc(), per_answer.c.topic).limit(MOST_TOPICS)


def with_sources(user: User, span: Span) -> Select[Any]:
    """How many conversations have an answer with a source."""
    sourced = _answers_with_source(_cohort(user, span)).subquery("sourced")
    return select(func.count(distinct(sourced.c.conversation_id)))


def first_words(dialect: str, user: User, span: Span) -> Subquery:
    """(day, language, value): milliseconds to the first words of each reply that has them recorded."""
    cohort = _cohort(user, span)
    value = ReplyRow.timings_ms["first"].as_float()
    return (
        select(day_of(dialect, cohort.c.created_at).label("day"), cohort.c.language, value.label("value"))
        .select_from(cohort)
        .join(ReplyRow, ReplyRow.conversation_id == cohort.c.id)
        .where(value.is_not(None))
        .subquery("first_words")
    )


def kept_by_the_bot(user: User, since: datetime) -> Select[Any]:
    """(begun, kept): conversations begun since then, and those of them without a hand-over."""
    handed = exists().where(HandoverRow.conversation_id == ConversationRow.id)
    begun = (ConversationRow.created_at >= since, ConversationRow.last_seq > 0, seen_by(user))
    columns: tuple[Any, ...] = (func.count().label("begun"), _count(~handed).label("kept"))
    return select(*columns).where(*begun).select_from(ConversationRow)


def day_of(dialect: str, moment: ColumnElement[Any]) -> ColumnElement[str]:
    """YYYY-MM-DD in UTC."""
    if dialect == "sqlite":
        return func.substr(cast(moment, Text), 1, 10)
    return func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD")


# --- what hangs on the conversations -----------------------------------------------------------------------


def _cohort(user: User, span: Span) -> CTE:
    """The conversations of the span in which something was said."""
    one = ConversationRow
    query = select(one.id, one.owner, one.created_at, one.language, one.rating, one.mood).where(
        one.created_at >= span.start, one.created_at < span.end, one.last_seq > 0, seen_by(user)
    )
    if span.language is not None:
        query = query.where(one.language == span.language)
    return query.cte("cohort")


def _judged(dialect: str, user: User, span: Span, known_until: datetime) -> Subquery:
    """A row a conversation with what became of it."""
    cohort = _cohort(user, span)
    talk, said, handed = _talk(cohort), _said(cohort), _handed(cohort)
    one = cohort.c
    attempted, has_handed = func.coalesce(said.c.answers, 0) > 0, handed.c.conversation_id.is_not(None)
    refuted = (func.coalesce(said.c.thumbs_down, 0) > 0) | (func.coalesce(one.rating, GOOD_RATING) <= BAD_RATING)
    confirmed = (
        (func.coalesce(said.c.thumbs_up, 0) > 0)
        | (func.coalesce(one.rating, 0) >= GOOD_RATING)
        | (func.coalesce(said.c.thanked, 0) > func.coalesce(said.c.answered, 0))
    )
    outcome = case(
        (~attempted, "none"),
        (has_handed, "answered_then_handed"),
        (refuted, "refuted"),
        (confirmed, "confirmed"),
        else_="silent",
    )
    return (
        select(
            day_of(dialect, one.created_at).label("day"),
            one.language,
            one.rating,
            one.mood,
            func.coalesce(talk.c.messages, 0).label("messages"),
            _flag(func.coalesce(said.c.replies, 0) > 0).label("involved"),
            _flag(attempted).label("attempted"),
            _flag(has_handed).label("handed"),
            outcome.label("outcome"),
            _flag(talk.c.last_at <= known_until).label("is_known"),
            _flag(and_(confirmed, _came_back(dialect, cohort, talk))).label("came_back"),
        )
        .select_from(cohort)
        .outerjoin(talk, talk.c.conversation_id == one.id)
        .outerjoin(said, said.c.conversation_id == one.id)
        .outerjoin(handed, handed.c.conversation_id == one.id)
        .subquery("judged")
    )


def _talk(cohort: CTE) -> Subquery:
    return (
        select(
            MessageRow.conversation_id,
            _count(MessageRow.role.in_(_SPOKEN)).label("messages"),
            func.max(MessageRow.created_at).label("last_at"),
        )
        .join(cohort, cohort.c.id == MessageRow.conversation_id)
        .group_by(MessageRow.conversation_id)
        .subquery("talk")
    )


def _said(cohort: CTE) -> Subquery:
    """What the bot did: `answered` is the number of the first message that it answered, `thanked` of the last thanks."""
    answer = ReplyRow.action == "answer"
    return (
        select(
            ReplyRow.conversation_id,
            func.count().label("replies"),
            _count(answer).label("answers"),
            func.min(case((answer, ReplyRow.answers_seq))).label("answered"),
            func.max(case((ReplyRow.reason == "thanks", ReplyRow.answers_seq))).label("thanked"),
            _count(and_(answer, FeedbackRow.thumb == 1)).label("thumbs_up"),
            _count(and_(answer, FeedbackRow.thumb == -1)).label("thumbs_down"),
        )
        .join(cohort, cohort.c.id == ReplyRow.conversation_id)
        .outerjoin(FeedbackRow, FeedbackRow.message_id == ReplyRow.message_id)
        .group_by(ReplyRow.conversation_id)
        .subquery("said")
    )


def _handed(cohort: CTE) -> Subquery:
    joined = select(HandoverRow.conversation_id).join(cohort, cohort.c.id == HandoverRow.conversation_id)
    return joined.distinct().subquery("handed")


def _came_back(dialect: str, cohort: CTE, talk: Subquery) -> ColumnElement[bool]:
    """The same customer began another conversation within seven days of the last message of this one."""
    later = aliased(ConversationRow)
    if dialect == "sqlite":
        until: Any = func.strftime("%Y-%m-%d %H:%M:%f", talk.c.last_at, literal("+7 days"))
        begun: Any = func.substr(cast(later.created_at, Text), 1, 23)  # in milliseconds too
    else:
        until, begun = talk.c.last_at.op("+")(literal(timedelta(days=7), Interval())), later.created_at
    return exists().where(
        later.owner == cohort.c.owner,
        later.created_at > cohort.c.created_at,
        begun <= until,
        later.last_seq > 0,
        later.id != cohort.c.id,
    )


def _answers_with_source(cohort: CTE, *more: ColumnElement[Any]) -> Select[Any]:
    return (
        select(ReplyRow.conversation_id, *more)
        .select_from(cohort)
        .join(ReplyRow, ReplyRow.conversation_id == cohort.c.id)
        .join(SourceRow, SourceRow.message_id == ReplyRow.message_id)
        .where(ReplyRow.action == "answer", SourceRow.position == 0)
    )


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(_flag(condition)), 0), Integer)

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
    text,
)
from sqlalchemy.orm import aliased

from chatbot.types import Role
from storage.desk_tables import HandoverRow
from storage.people import User
from storage.tables import ASIDE, ConversationRow, FeedbackRow, MessageRow, PassageRow, ReplyRow, SourceRow
from storage.visibility import seen_by

GOOD_RATING, BAD_RATING = 4, 2
MOST_TOPICS = 12
COMES_BACK = timedelta(days=7)
PAUSE = timedelta(hours=12)
"""Who writes again after it in the same conversation has come back."""
POLITE = ("thanks", "goodbye", "acknowledge")


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
    """A row (day, language, the fields of `Counts`, firsts) for each day and language with conversations.

    known_until: conversations whose last message is newer are too young to tell whether the customer comes back.
    firsts: the milliseconds to the first words of every reply that has them recorded, with commas between; None: none has.
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
        func.aggregate_strings(one.firsts, ",").label("firsts"),
    ).group_by(one.day, one.language)


def topics(dialect: str, user: User, span: Span) -> Select[Any]:
    """(topic, conversations, of): from which topics the first sources of answers were, the most frequent; of: how many
    conversations have an answer with a source, in every row the same."""
    cohort = _cohort(user, span)
    sourced = (
        select(ReplyRow.conversation_id, SourceRow.passage_id)
        .select_from(cohort)
        .join(ReplyRow, ReplyRow.conversation_id == _leading(dialect, cohort.c.id))
        .join(SourceRow, SourceRow.message_id == ReplyRow.message_id)
        .where(ReplyRow.action == "answer", SourceRow.position == 0)
        .cte("sourced")
        .prefix_with("MATERIALIZED")
    )
    quoted = select(sourced.c.passage_id).distinct().subquery("quoted")
    topic = select(func.max(PassageRow.topic)).where(PassageRow.passage_id == quoted.c.passage_id).scalar_subquery()
    named = select(quoted.c.passage_id, topic.label("topic")).cte("named").prefix_with("MATERIALIZED")
    amount = func.count(distinct(sourced.c.conversation_id)).label("conversations")
    whole = select(func.count(distinct(sourced.c.conversation_id))).scalar_subquery()
    query = select(named.c.topic, amount, whole.label("of")).join(sourced, sourced.c.passage_id == named.c.passage_id)
    return query.group_by(named.c.topic).order_by(amount.desc(), named.c.topic).limit(MOST_TOPICS)


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
    columns = (one.id, one.owner, one.created_at, one.updated_at, one.last_seq, one.language, one.rating, one.mood)
    query = select(*columns).where(
        one.created_at >= span.start, one.created_at < span.end, one.last_seq > 0, seen_by(user)
    )
    if span.language is not None:
        query = query.where(one.language == span.language)
    return query.cte("cohort")


def _judged(dialect: str, user: User, span: Span, known_until: datetime) -> CTE:
    """A row a conversation with what became of it. Materialized, or SQLite judges again for every figure."""
    cohort = _cohort(user, span)
    said, handed = _said(dialect, cohort), _handed(cohort)
    one, last_at = cohort.c, _last_at(cohort)
    attempted = func.coalesce(said.c.answers, 0) > 0
    refuted = (func.coalesce(said.c.thumbs_down, 0) > 0) | (func.coalesce(one.rating, GOOD_RATING) <= BAD_RATING)
    confirmed = (
        (func.coalesce(said.c.liked, -1) >= func.coalesce(said.c.answered, 0))
        | (func.coalesce(one.rating, 0) >= GOOD_RATING)
        | (func.coalesce(said.c.thanked, 0) > func.coalesce(said.c.answered, 0))
    )
    outcome = case(
        (~attempted, "none"),
        (handed, "answered_then_handed"),
        (refuted, "refuted"),
        (confirmed, "confirmed"),
        else_="silent",
    )
    # The last change is never before the last message, which is looked up for the few others only.
    is_known = case((one.updated_at <= known_until, 1), (last_at <= known_until, 1), else_=0)
    return (
        select(
            day_of(dialect, one.created_at).label("day"),
            one.language,
            one.rating,
            one.mood,
            (one.last_seq - _aside(cohort)).label("messages"),
            _flag(func.coalesce(said.c.replies, 0) > 0).label("involved"),
            _flag(attempted).label("attempted"),
            _flag(handed).label("handed"),
            outcome.label("outcome"),
            is_known.label("is_known"),
            _flag(and_(confirmed, _came_back(dialect, cohort, last_at) | _went_on(dialect, cohort))).label("came_back"),
            said.c.firsts,
        )
        .select_from(cohort)
        .outerjoin(said, said.c.conversation_id == one.id)
        .cte("judged")
        .prefix_with("MATERIALIZED")
    )


def _aside(cohort: CTE) -> ColumnElement[int]:
    """How many of a conversation's messages are not spoken: notes, and what the system says. An index holds these alone."""
    query = select(func.count()).select_from(MessageRow)
    query = query.where(MessageRow.conversation_id == cohort.c.id, text(f"messages.{ASIDE}"))
    return query.correlate(cohort).scalar_subquery()


def _said(dialect: str, cohort: CTE) -> Subquery:
    """What the bot did: `answered` is the number of the last message that it answered, `liked` of the last whose answer got a
    thumb up, `thanked` of the last thanks."""
    answer = ReplyRow.action == "answer"
    keys = _ordered(cohort) if dialect == "sqlite" else cohort
    return (
        select(
            ReplyRow.conversation_id,
            func.count().label("replies"),
            _count(answer).label("answers"),
            func.max(case((answer, ReplyRow.answers_seq))).label("answered"),
            func.max(case((and_(answer, FeedbackRow.thumb == 1), ReplyRow.answers_seq))).label("liked"),
            func.max(case((ReplyRow.reason == "thanks", ReplyRow.answers_seq))).label("thanked"),
            _count(and_(answer, FeedbackRow.thumb == -1)).label("thumbs_down"),
            func.aggregate_strings(cast(ReplyRow.first_ms, Text), ",").label("firsts"),
        )
        .select_from(keys)
        .join(ReplyRow, ReplyRow.conversation_id == _leading(dialect, keys.c.id))
        .outerjoin(FeedbackRow, FeedbackRow.message_id == ReplyRow.message_id)
        .group_by(ReplyRow.conversation_id)
        .subquery("said")
    )


def _ordered(cohort: CTE) -> CTE:
    """The keys in the order of the replies' index, which is then read from front to back: over two years almost half the time."""
    return select(cohort.c.id).order_by(cohort.c.id).cte("ordered").prefix_with("MATERIALIZED")


def _leading(dialect: str, key: ColumnElement[str]) -> ColumnElement[str]:
    """A conversation's key that SQLite looks nothing up by: without statistics it takes all replies ever, and looks for the
    conversation of each, where the period has a few."""
    return func.coalesce(key, "") if dialect == "sqlite" else key


def _handed(cohort: CTE) -> ColumnElement[bool]:
    return exists().where(HandoverRow.conversation_id == cohort.c.id).correlate(cohort)


def _last_at(cohort: CTE) -> ColumnElement[datetime]:
    query = select(MessageRow.created_at).where(
        MessageRow.conversation_id == cohort.c.id, MessageRow.seq == cohort.c.last_seq
    )
    return query.correlate(cohort).scalar_subquery()


def _came_back(dialect: str, cohort: CTE, last_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """The same customer began another conversation within seven days of the last message of this one."""
    later = aliased(ConversationRow)
    begun, until = _moment(dialect, later.created_at), _moment(dialect, last_at, COMES_BACK)
    return (
        exists()
        .where(
            later.owner == cohort.c.owner,
            later.created_at > cohort.c.created_at,
            begun <= until,
            later.last_seq > 0,
            later.id != cohort.c.id,
        )
        .correlate(cohort)
    )


def _went_on(dialect: str, cohort: CTE) -> ColumnElement[bool]:
    """The customer wrote in this conversation again after a pause, within seven days, and more than a thank-you or a goodbye:
    the window goes on with the chat that it finds open."""
    before, again, between = aliased(MessageRow), aliased(MessageRow), aliased(MessageRow)
    said = between.role.not_in((Role.NOTE, Role.SYSTEM))
    last_said = select(func.max(between.seq)).where(
        between.conversation_id == cohort.c.id, between.seq < again.seq, said
    )
    polite = exists().where(
        ReplyRow.conversation_id == cohort.c.id, ReplyRow.answers_seq == again.seq, ReplyRow.reason.in_(POLITE)
    )
    return (
        exists()
        .where(
            again.conversation_id == cohort.c.id,
            again.role == Role.CUSTOMER,
            before.conversation_id == cohort.c.id,
            before.seq == last_said.correlate(cohort, again).scalar_subquery(),
            _moment(dialect, again.created_at) > _moment(dialect, before.created_at, PAUSE),
            _moment(dialect, again.created_at) <= _moment(dialect, before.created_at, COMES_BACK),
            ~polite.correlate(cohort, again),
        )
        .correlate(cohort)
    )


def _moment(dialect: str, moment: Any, later: timedelta | None = None) -> Any:
    """What compares with another; in milliseconds on SQLite, which keeps times as text."""
    if dialect == "sqlite":
        if later is None:
            return func.substr(cast(moment, Text), 1, 23)
        return func.strftime("%Y-%m-%d %H:%M:%f", moment, literal(f"+{int(later.total_seconds())} seconds"))
    return moment if later is None else moment.op("+")(literal(later, Interval()))


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(_flag(condition)), 0), Integer)

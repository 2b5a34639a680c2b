"""Replies to judge, by the sign that makes each worth it or by chance; every query stops early. Must not know the queue's order."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, exists, func, select, union_all

from chatbot.types import Action
from storage.desk_tables import VerdictRow
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ReplyRow
from storage.terms import document_terms

REFUSED = ("nothing_fits", "not_sure", "only_personal", "no_knowledge")
_MOST = 60
_FEW = 2_000  # so many replies are shuffled as a whole
_DRAWS, _ROUNDS = 400, 60
_LATEST = 2_000  # replies whose checks are read for a superseded source
_LATEST_REFUSED = 600  # of each reason


@dataclass(frozen=True, slots=True)
class Ask:
    """seed: the same all day for one agent, so that a reload draws the same. threshold: see `Settings.answer_threshold`.
    most: of each stratum."""

    seed: str
    threshold: float
    most: int = _MOST


@dataclass(frozen=True, slots=True)
class Draw:
    """The draw that brought a reply up. seed: of its `Ask`. last: of its `Candidates`."""

    seed: str
    last: int


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A reply without a verdict. group: how many refused questions read like its own."""

    message_id: int
    conversation_id: str
    seq: int
    action: str
    reason: str
    confidence: float
    agreement: float | None
    query: str | None
    thumbs_down: bool
    superseded: bool
    group: int = 0


@dataclass(frozen=True, slots=True)
class Candidates:
    """uniform: in the order drawn. others: of all other strata, each reply once or more. last: no reply is newer than that id."""

    uniform: tuple[Unjudged, ...]
    others: tuple[Unjudged, ...]
    last: int = 0


def candidates(connection: Connection, visible: ColumnElement[bool], ask: Ask) -> Candidates:
    """`visible` is the user's condition over `conversations`."""
    last = _last(connection)
    open_ones = _open(visible)
    near = _near(ask.threshold)
    newest = open_ones.order_by(ReplyRow.message_id.desc())
    found = [
        *_read(connection, newest.where(FeedbackRow.thumb == -1).limit(ask.most)),
        *(
            one
            for part in near
            for one in _read(connection, open_ones.where(part[0]).order_by(part[1]).limit(ask.most))
        ),
        *_read(
            connection, open_ones.where(ReplyRow.agreement.is_not(None)).order_by(ReplyRow.agreement).limit(ask.most)
        ),
        *_superseded(connection, newest.where(ReplyRow.message_id > last - _LATEST), ask.most),
        *_groups(connection, visible, ask.most),
    ]
    return Candidates(tuple(_uniform(connection, open_ones, ask)), tuple(found), last)


def passed_over(connection: Connection, visible: ColumnElement[bool], draw: Draw, message_id: int) -> list[int]:
    """Replies that the draw would have brought up before this one if they had not been judged already.

    They are as much of the sample as those that it brought up: without them it would lack just the replies that were worth a
    look. None where the draw brings up this one so late that no queue can have shown it; then it was another draw.
    """
    judged = _is_judged(ReplyRow.message_id).label("judged")
    query = _worth_a_verdict(select(ReplyRow.message_id, judged), visible).where(ReplyRow.message_id <= draw.last)
    found, left = [], 0
    for ids in _drawn(connection, draw.seed):
        before = ids[: ids.index(message_id)] if message_id in ids else ids
        rows = connection.execute(query.where(ReplyRow.message_id.in_(before))).all()
        found += [int(row.message_id) for row in rows if row.judged]
        left += sum(not row.judged for row in rows)
        if message_id in ids or left > _MOST:
            break
    else:
        return []
    return found if left <= _MOST else []


def _open(visible: ColumnElement[bool]) -> Any:
    columns = (ReplyRow.message_id, ReplyRow.conversation_id, MessageRow.seq, ReplyRow.action, ReplyRow.reason)
    more = (ReplyRow.confidence, ReplyRow.agreement, ReplyRow.query, ReplyRow.checks, FeedbackRow.thumb)
    query = _worth_a_verdict(select(*columns, *more), visible)
    query = query.outerjoin(FeedbackRow, FeedbackRow.message_id == ReplyRow.message_id)
    return query.where(~_is_judged(ReplyRow.message_id))


def _worth_a_verdict(query: Any, visible: ColumnElement[bool]) -> Any:
    """Small talk is no claim about anything, so there is nothing to judge."""
    return (
        query.join(MessageRow, MessageRow.id == ReplyRow.message_id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(visible, func.coalesce(ReplyRow.action, "") != Action.SMALL_TALK.value)
    )


def _is_judged(message_id: Any) -> ColumnElement[bool]:
    return exists().where(VerdictRow.message_id == message_id)


def _last(connection: Connection) -> int:
    return int(connection.execute(select(func.max(ReplyRow.message_id))).scalar() or 0)


def _read(connection: Connection, query: Select[Any]) -> list[Unjudged]:
    return [
        Unjudged(
            row.message_id, row.conversation_id, row.seq, row.action, row.reason, row.confidence, row.agreement, row.query,
            row.thumb == -1, any(check.startswith("superseded") for check in row.checks),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def _near(threshold: float) -> list[tuple[ColumnElement[bool], Any]]:
    """Up and down from the threshold along the index: the closest come first."""
    confidence = ReplyRow.confidence
    return [(confidence >= threshold, confidence), (confidence < threshold, confidence.desc())]


def _superseded(connection: Connection, latest: Select[Any], most: int) -> list[Unjudged]:
    return _read(connection, latest.where(cast(ReplyRow.checks, Text).like('%"superseded%')).limit(most))


def _groups(connection: Connection, visible: ColumnElement[bool], most: int) -> list[Unjudged]:
    """Of the latest questions that were refused, those that read alike: the newest reply of each group, the largest first.

    A group of which one reply has been judged is not shown again. What the user may not see is in no group: neither its size
    nor whether it has been judged tells of another team's work.
    """
    parts = [
        select(ReplyRow.message_id, ReplyRow.query)
        .join(ConversationRow, ConversationRow.id == ReplyRow.conversation_id)
        .where(ReplyRow.reason == reason, ReplyRow.query.is_not(None), visible)
        .order_by(ReplyRow.message_id.desc())
        .limit(_LATEST_REFUSED)
        .subquery()
        for reason in REFUSED
    ]
    latest = union_all(*(select(part.c.message_id, part.c.query) for part in parts)).subquery()
    judged = _is_judged(latest.c.message_id)
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(latest.c.message_id, latest.c.query, judged.label("judged"))):
        groups[" ".join(sorted(document_terms(row.query).split(" ")))].append(row)
    large = {
        max(row.message_id for row in rows): len(rows)
        for rows in groups.values()
        if len(rows) > 1 and not any(row.judged for row in rows)
    }
    chosen = sorted(large, key=lambda key: large[key], reverse=True)[: most * 2]
    newest = _open(visible).where(ReplyRow.message_id.in_(chosen))
    found = {one.message_id: one for one in _read(connection, newest)}
    return [_with_group(found[key], large[key]) for key in chosen if key in found][:most]


def _with_group(one: Unjudged, size: int) -> Unjudged:
    values = {name: getattr(one, name) for name in one.__slots__}
    return Unjudged(**(values | {"group": size}))


def _uniform(connection: Connection, open_ones: Select[Any], ask: Ask) -> Iterable[Unjudged]:
    """The open replies in an order that knows nothing of them. It depends on the seed alone: what comes in or goes meanwhile
    enters or leaves it and moves nothing else. A fair sample are they only together with those that are `passed_over`."""
    found: dict[int, Unjudged] = {}
    for ids in _drawn(connection, ask.seed):
        known = {one.message_id: one for one in _read(connection, open_ones.where(ReplyRow.message_id.in_(ids)))}
        found |= {key: known[key] for key in ids if key in known}
        if len(found) >= ask.most:
            break
    return list(found.values())[: ask.most]


def _drawn(connection: Connection, seed: str) -> Iterator[Sequence[int]]:
    """Message ids in an order of chance, in pieces. Where there are many replies most ids of the space are tried in vain, which
    costs less than reading all to shuffle them."""
    few = connection.execute(select(ReplyRow.message_id).limit(_FEW + 1)).scalars().all()
    if len(few) <= _FEW:
        order = sorted(few, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest())
        yield from (order[at : at + _DRAWS] for at in range(0, len(order), _DRAWS))
        return
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    space = 1 << _last(connection).bit_length()  # only doubles, so that new replies do not reshuffle the day's draw
    for _ in range(_ROUNDS):
        yield [draw.randrange(space) for _ in range(_DRAWS)]

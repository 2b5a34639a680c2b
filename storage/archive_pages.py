"""One page of the archive: which conversations, newest first, each request bounded in work. Must not know texts or pages.

Three ways, chosen by what is cheap, all with keys and no offsets, so that the thousandth page costs what the first does:
- hits: words that stand in few messages, or in many with no narrow filter. The search table gives messages newest first and stops.
- narrow: a filter that leaves at most `filters.NARROW` conversations; they are looked at one by one.
- walk: everything else, down the index of last activity.
A request looks at BUDGET hits or conversations at most. What lies beyond is not lost: the page then says how far back it came
and where to go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, literal, select, true, tuple_

from storage.columns import Instant
from storage.filters import Filters, columns, conditions, narrow_set
from storage.moments import CLOCK_SLACK, first_id
from storage.search import holding, newest
from storage.searchbox import Words, has_phrases
from storage.tables import ConversationRow, MessageRow

BUDGET = 2_000
_FIRST_CHUNK = 150
_END = 2**62


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: below a message id (hits), or behind a conversation in the order of last activity."""

    below: int | None = None
    moment: datetime | None = None
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """found: conversation to the id of its newest matching message (None without words), in order. next: None at the end.
    back_to: set when the page is not full although there is more: so far back everything has been looked at."""

    found: dict[str, int | None]
    next: Place | None
    back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, fixed for all pages. visible: the user's condition over `conversations`."""

    words: Words | None
    filters: Filters
    visible: ColumnElement[bool]
    limit: int


def page_of(connection: Connection, asked: Question, place: Place) -> Slice:
    """The next `asked.limit` conversations."""
    words = asked.words
    if words is None:
        return _by_conversation(connection, asked, place)
    if not words.all_terms:
        return Slice({}, None)
    if place.moment is not None:
        return _by_conversation(connection, asked, place)
    above, below = _bounds(connection, asked.filters)
    below = below if place.below is None else min(below, place.below)
    hits = newest(connection, words, above=above, below=below, limit=BUDGET + 1)
    if len(hits) > BUDGET and place.below is None and (ids := narrow_set(connection, asked.filters)) is not None:
        return _by_conversation(connection, asked, place, ids)
    return _by_hits(connection, asked, hits, place)


# --- by hits ---------------------------------------------------------------------------------------------


def _by_hits(connection: Connection, asked: Question, hits: Sequence[int], place: Place) -> Slice:
    more = len(hits) > BUDGET
    found: dict[str, int | None] = {}
    for chunk in _growing(hits[:BUDGET]):
        fitting = _fitting(connection, asked, chunk)
        shown = _shown_before(connection, asked, {key for _, key in fitting}, place)
        for message_id, key in fitting:
            if key in found or key in shown:
                continue
            if len(found) == asked.limit:
                last = next(reversed(found.values()))
                return Slice(found, Place(below=last))
            found[key] = message_id
    if not more:
        return Slice(found, None)
    return Slice(found, Place(below=hits[BUDGET - 1]), _written(connection, hits[BUDGET - 1]))


def _fitting(connection: Connection, asked: Question, ids: Sequence[int]) -> list[tuple[int, str]]:
    """(message, conversation) of those hits that the filters leave, newest first."""
    given = asked.filters
    wanted = [asked.visible, *conditions(given), MessageRow.id.in_(ids), *_between(MessageRow.created_at, given)]
    rows = connection.execute(
        select(MessageRow.id, MessageRow.conversation_id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(*wanted)
        .order_by(MessageRow.id.desc())
    ).all()
    having = _with_phrases(connection, asked.words, [row.id for row in rows])
    return [(row.id, row.conversation_id) for row in rows if row.id in having]


def _with_phrases(connection: Connection, words: Words | None, ids: Collection[int]) -> Collection[int]:
    """Those of `ids` whose texts have the phrases; texts are read only where there are any."""
    if words is None or not words.has_phrase or not ids:
        return ids
    texts = connection.execute(select(MessageRow.id, MessageRow.text).where(MessageRow.id.in_(ids)))
    return {row.id for row in texts if has_phrases(row.text, words)}


def _shown_before(connection: Connection, asked: Question, keys: set[str], place: Place) -> set[str]:
    """Those conversations that an earlier page has shown, by a newer message."""
    if place.below is None or not keys:
        return set()
    query = (
        select(MessageRow.id, MessageRow.conversation_id)
        .where(MessageRow.conversation_id.in_(keys), MessageRow.id >= place.below)
        .where(*_between(MessageRow.created_at, asked.filters))
    )
    newer = {row.id: row.conversation_id for row in connection.execute(query)}
    return {newer[one] for one in _having(connection, asked.words, newer)}


def _having(connection: Connection, words: Words | None, ids: Collection[int]) -> Collection[int]:
    """Which of these messages have the words, phrases included."""
    if words is None or not ids:
        return ids
    return _with_phrases(connection, words, holding(connection, words, list(ids)))


def _bounds(connection: Connection, given: Filters) -> tuple[int, int]:
    """Between which ids (both outside) all messages of the dates lie."""
    above = 0 if given.since is None else first_id(connection, given.since - CLOCK_SLACK) - 1
    below = _END if given.until is None else first_id(connection, given.until + CLOCK_SLACK)
    return above, below


def _written(connection: Connection, message_id: int) -> datetime | None:
    return connection.execute(select(MessageRow.created_at).where(MessageRow.id == message_id)).scalar()


# --- by conversation -------------------------------------------------------------------------------------


def _by_conversation(connection: Connection, asked: Question, place: Place, ids: Sequence[str] | None = None) -> Slice:
    ids = narrow_set(connection, asked.filters) if ids is None else ids
    rows = _walked(connection, asked, place) if ids is None else _narrowed(connection, asked, place, ids)
    found: dict[str, int | None] = {}
    seen, last = 0, place
    for chunk in rows:
        matching = _matching(connection, asked, [row.id for row in chunk if row.fits])
        for row in chunk:
            if row.fits and (asked.words is None or row.id in matching):
                if len(found) == asked.limit:
                    return Slice(found, last)
                found[row.id] = matching.get(row.id)
                last = Place(moment=row.updated_at, conversation_id=row.id)
        seen += len(chunk)
        if ids is None and seen >= BUDGET:
            end = chunk[-1]
            return Slice(found, Place(moment=end.updated_at, conversation_id=end.id), end.updated_at)
    return Slice(found, None)


def _walked(connection: Connection, asked: Question, place: Place) -> Iterator[Sequence[Any]]:
    """Conversations down the index of last activity; one column's value is looked up in it, all else is a flag `fits`."""
    in_index = list(columns(asked.filters).values())[:1]
    fits = and_(true(), asked.visible, *conditions(asked.filters))
    keys = (ConversationRow.updated_at, ConversationRow.id)
    query = select(*keys, fits.label("fits")).order_by(*(key.desc() for key in keys))
    query = query.where(*in_index, *_between(ConversationRow.updated_at, asked.filters))
    size = _FIRST_CHUNK
    while True:
        chunk = connection.execute(query.where(_behind(place)).limit(size)).all()
        if chunk:
            yield chunk
        if len(chunk) < size:
            return
        place = Place(moment=chunk[-1].updated_at, conversation_id=chunk[-1].id)
        size = min(size * 3, BUDGET // 2)


def _narrowed(connection: Connection, asked: Question, place: Place, ids: Sequence[str]) -> Iterator[Sequence[Any]]:
    keys = (ConversationRow.updated_at, ConversationRow.id)
    dates = [] if asked.words is not None else _between(ConversationRow.updated_at, asked.filters)
    # As a flag: in the WHERE, PostgreSQL joins the other way round and compares every key with the whole list of keys.
    fits = and_(true(), asked.visible, *conditions(asked.filters))
    query = (
        select(*keys, fits.label("fits"))
        .where(ConversationRow.id.in_(ids), *dates, _behind(place))
        .order_by(*(key.desc() for key in keys))
    )
    return _growing(connection.execute(query).all())


def _matching(connection: Connection, asked: Question, keys: Sequence[str]) -> dict[str, int]:
    """Of these conversations those that have the words, with the newest message that does."""
    if asked.words is None or not keys:
        return {}
    query = select(MessageRow.id, MessageRow.conversation_id).where(MessageRow.conversation_id.in_(keys))
    of = {
        row.id: row.conversation_id
        for row in connection.execute(query.where(*_between(MessageRow.created_at, asked.filters)))
    }
    found: dict[str, int] = {}
    for message_id in sorted(_having(connection, asked.words, of), reverse=True):
        found.setdefault(of[message_id], message_id)
    return found


def _behind(place: Place) -> ColumnElement[bool]:
    if place.moment is None:
        return true()
    here = tuple_(literal(place.moment, Instant()), literal(place.conversation_id))
    return tuple_(ConversationRow.updated_at, ConversationRow.id) < here


def _between(column: Any, given: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if given.since is not None:
        found.append(column >= given.since)
    if given.until is not None:
        found.append(column < given.until)
    return found


def _growing(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """In pieces, the first ones small: most pages are full after one."""
    at, size = 0, _FIRST_CHUNK
    while at < len(rows):
        yield rows[at : at + size]
        at, size = at + size, size * 3
